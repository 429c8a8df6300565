//! What of a run's CPU time is told by no process of it, so that its rows add up to the whole.

use bp_proto::{Child, Quality, Rest, RunStats};

/// What nobody told apart is no more than this part of what is known of a program: its figure is right.
const SMALL_SHARE: f64 = 0.01;

/// Two accounts of the same work differ by less.
fn noise_s(quality: Quality) -> f64 {
    match quality {
        Quality::Exact | Quality::Counter => 0.001,
        Quality::Times => 0.002,
        // User and system time, of the shell and of its children.
        Quality::Ticks | Quality::Sampled => 0.04,
    }
}

/// Completes `children` and `rest` as they were recorded by the run's total.
pub fn derive(children: &mut [Child], rest: &mut Rest, stats: &RunStats) {
    let Some(total_s) = stats.cpu_seconds.filter(|total_s| *total_s > 0.0) else { return };
    let named_s = |children: &[Child], rest: &Rest| {
        children.iter().map(|child| child.cpu_seconds).sum::<f64>() + rest.cpu_seconds
    };
    // Counters run on while a host has taken the CPU away, and clocks are read one after the other.
    let too_much = named_s(children, rest) / total_s;
    if too_much > 1.0 {
        for child in children.iter_mut() {
            child.cpu_seconds /= too_much;
        }
        rest.cpu_seconds /= too_much;
    }
    let named_s = named_s(children, rest);
    let left_s = (total_s - named_s).max(0.0);
    // The shell's clock is read a little late: what it burned for its prompt by then is not the run's.
    rest.shell_seconds = rest.shell_seconds.map(|shell_s| shell_s.min(left_s));
    let untold_s = left_s - rest.shell_seconds.unwrap_or(0.0);
    let untold_s = if untold_s < noise_s(stats.quality) { 0.0 } else { untold_s };
    rest.untold_seconds = Some(untold_s);
    for child in children {
        // Whatever any of its processes burned unseen is within it, those that nobody saw among them.
        let small_s = SMALL_SHARE * child.cpu_seconds;
        let may_hide = stats.incomplete || untold_s + noise_s(stats.quality) > small_s;
        child.at_least = untold_s > small_s || (child.at_least && may_hide);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn child(cpu_seconds: f64, at_least: bool) -> Child {
        Child { cpu_seconds, at_least, ..Child::default() }
    }

    #[test]
    fn the_rows_add_up_to_the_total() {
        for (quality, total, shell, expected_shell, expected_untold) in [
            (Quality::Exact, 10.0, None, None, 1.5),
            (Quality::Times, 10.0, Some(1.0), Some(1.0), 0.5),
            // It was read when the prompt had begun.
            (Quality::Times, 10.0, Some(2.0), Some(1.5), 0.0),
            // A counter has counted some more.
            (Quality::Times, 8.0, Some(2.0), Some(0.0), 0.0),
            // Nobody can tell this from rounding.
            (Quality::Times, 9.501, Some(1.0), Some(1.0), 0.0),
            (Quality::Ticks, 9.53, Some(1.0), Some(1.0), 0.0),
            (Quality::Ticks, 9.6, Some(1.0), Some(1.0), 0.1),
        ] {
            let mut children = [child(6.0, false), child(2.0, false)];
            let mut rest = Rest { cpu_seconds: 0.5, shell_seconds: shell, ..Rest::default() };
            let stats = RunStats { cpu_seconds: Some(total), quality, ..RunStats::default() };
            derive(&mut children, &mut rest, &stats);
            assert_eq!(rest.shell_seconds, expected_shell, "{quality:?} {total}");
            let untold = rest.untold_seconds.unwrap();
            assert!((untold - expected_untold).abs() < 1e-9, "{quality:?} {total}: {untold}");
            let named: f64 = children.iter().map(|child| child.cpu_seconds).sum();
            let all = named + rest.cpu_seconds + rest.shell_seconds.unwrap_or(0.0) + untold;
            assert!((all - total).abs() < noise_s(quality), "{quality:?} {total}: {all}");
        }
    }

    #[test]
    fn a_child_burned_at_least_what_was_seen_unless_nothing_is_left_that_it_could_have_burned() {
        let check = |total: f64, incomplete, expected: [bool; 3]| {
            let mut children = [child(6.0, true), child(0.1, true), child(3.0, false)];
            let mut rest = Rest::default();
            let stats = RunStats {
                cpu_seconds: Some(total),
                quality: Quality::Exact,
                incomplete,
                ..RunStats::default()
            };
            derive(&mut children, &mut rest, &stats);
            assert_eq!(children.map(|child| child.at_least), expected, "{total} {incomplete}");
        };
        check(9.1, false, [false, false, false]);
        check(9.12, false, [false, true, false]);
        check(9.5, false, [true, true, true]);
        check(9.1, true, [true, true, false]);
        // Clock ticks would not show it.
        let (mut children, mut rest) = ([child(3.0, true), child(6.0, true)], Rest::default());
        let stats = RunStats { cpu_seconds: Some(9.0), quality: Quality::Ticks, ..RunStats::default() };
        derive(&mut children, &mut rest, &stats);
        assert_eq!(children.map(|child| child.at_least), [true, false]);
    }

    #[test]
    fn without_a_total_nothing_is_known_of_the_rest() {
        let mut children = [child(1.0, true)];
        let mut rest = Rest::default();
        derive(&mut children, &mut rest, &RunStats::default());
        assert_eq!((rest.untold_seconds, children[0].at_least), (None, true));
    }
}

//! Decides whether a reported figure can be true. What cannot is stored as unknown. Pure.
//!
//! | figure | cannot be true when |
//! |---|---|
//! | duration | it is longer than the shell that reported it has lived, or than [`LONGEST_LIFE`] |
//! | CPU seconds | all CPUs of the machine could not give as much, the error of the source included |
//! | posted sample | it lies outside its run by more than [`CLOCK_SKEW`] |
//!
//! The limits are wide on purpose. A true figure of a busy, suspended or virtual machine must pass.

use std::time::Duration;

use bp_proto::{Quality, Totals};

/// How far the clock of a client may differ from the machine's.
pub const CLOCK_SKEW: Duration = Duration::from_secs(2);

/// No shell and no machine has been up for longer. A longer duration comes from a clock that was not set.
const LONGEST_LIFE: Duration = Duration::from_secs(10 * 366 * 86_400);

/// Clock steps below half a second are not recognised as such, and a process's start is known to 10 ms.
const LIFE_ERROR: Duration = Duration::from_secs(1);

/// A duration is known to the millisecond; fish tells the start to 10 ms.
const DURATION_ERROR: Duration = Duration::from_millis(11);

/// Relative error of CPU accounting, in thousandths: the kernel scales user and system time.
const CPU_ERROR_PERMILLE: u128 = 50;

/// Posted samples are instants. What was used between two of them is an estimate.
const POSTED_CPU_ERROR_S: f64 = 0.2;

/// Posted times up to this many seconds count from the run's start: they are in 1973 otherwise.
const LATEST_RELATIVE_TS: f64 = 1e8;

/// Whether something that a process reported can have taken so long. `life`: how long that process has lived, if known.
pub fn is_duration(took: Duration, life: Option<Duration>) -> bool {
    took <= LONGEST_LIFE && life.is_none_or(|life| took <= life.saturating_add(LIFE_ERROR))
}

/// Most CPU time that a run of this duration can have used, in nanoseconds. `cpus`: all CPUs of the machine, because a
/// process may widen its own affinity.
pub fn most_cpu_ns(took: Duration, cpus: u32, quality: Quality) -> u64 {
    // Reading late, or in clock ticks of 10 ms: user and system time of the shell and of its children.
    let source_error = match quality {
        Quality::Exact | Quality::Times => Duration::from_millis(20),
        Quality::Counter | Quality::Ticks | Quality::Sampled => Duration::from_millis(40),
    };
    let whole = took.saturating_add(DURATION_ERROR).as_nanos().saturating_mul(u128::from(cpus.max(1)));
    let most =
        whole.saturating_add(whole / 1000 * CPU_ERROR_PERMILLE).saturating_add(source_error.as_nanos());
    u64::try_from(most).unwrap_or(u64::MAX)
}

/// Makes CPU time unknown that a run of this duration cannot have used.
pub fn check_cpu(totals: &mut Totals, took: Duration, cpus: Option<u32>) {
    let (Some(cpu_ns), Some(cpus)) = (totals.cpu_ns, cpus) else { return };
    if cpu_ns > most_cpu_ns(took, cpus, totals.quality) {
        (totals.cpu_ns, totals.user_ns, totals.system_ns) = (None, None, None);
        totals.implausible.cpu_seconds = true;
    }
}

/// Whether posted samples can give so many CPU seconds.
pub fn is_posted_cpu(burned_s: f64, duration_s: f64, cpus: Option<u32>) -> bool {
    cpus.is_none_or(|cpus| {
        let most = (duration_s + POSTED_CPU_ERROR_S) * f64::from(cpus.max(1));
        burned_s <= most + most / 1000.0 * CPU_ERROR_PERMILLE as f64
    })
}

/// When posted samples belong to a run, in Unix seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    started_s: f64,
    /// Of an open run: now.
    ended_s: f64,
}

impl Window {
    pub fn new(started_s: f64, ended_s: f64) -> Self {
        Self { started_s, ended_s }
    }

    /// Whether a sample lies within the run. A small `ts` counts from the run's start.
    pub fn contains(&self, ts: f64) -> bool {
        let at = if ts < LATEST_RELATIVE_TS { self.started_s + ts } else { ts };
        let skew = CLOCK_SKEW.as_secs_f64();
        (self.started_s - skew..=self.ended_s + skew).contains(&at)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_duration_is_at_most_the_life_of_its_shell() {
        assert!(is_duration(HOUR, Some(HOUR)));
        assert!(is_duration(HOUR, None));
        assert!(!is_duration(HOUR, Some(HOUR / 2)));
        // A start of zero: "now" is 56 years.
        assert!(!is_duration(56 * 365 * 24 * HOUR, None));
        assert!(!is_duration(Duration::MAX, Some(Duration::MAX)));
    }

    #[test]
    fn cpu_time_is_at_most_what_all_cpus_give() {
        let check = |took_ms: u64, cpus, cpu_ms: u64, quality, is_plausible: bool| {
            let mut totals =
                Totals { cpu_ns: Some(cpu_ms * 1_000_000), user_ns: Some(1), quality, ..Totals::default() };
            check_cpu(&mut totals, Duration::from_millis(took_ms), cpus);
            assert_eq!(totals.cpu_ns.is_some(), is_plausible, "{took_ms} {cpus:?} {cpu_ms} {quality:?}");
            assert_eq!(totals.user_ns.is_some(), is_plausible);
            assert_eq!(totals.implausible.cpu_seconds, !is_plausible);
        };
        check(1000, Some(2), 2000, Quality::Exact, true);
        check(1000, Some(1), 2000, Quality::Exact, false);
        check(1000, Some(8), 8100, Quality::Counter, true);
        check(1000, None, 90_000, Quality::Exact, true);
        // Seen of PowerShell: its CPU was read later than its end.
        check(3, Some(2), 88, Quality::Sampled, false);
        // Clock ticks of a builtin.
        check(0, Some(1), 20, Quality::Ticks, true);
        check(90, Some(64), 8_041_680_000, Quality::Times, false);
    }

    #[test]
    fn a_posted_sample_lies_within_its_run() {
        let window = Window::new(1_714_980_000.0, 1_714_980_010.0);
        for (ts, is_within) in [
            (1_714_980_000.0, true),
            (1_714_979_998.5, true),
            (1_714_979_997.0, false),
            (1_714_980_011.9, true),
            (1_714_980_013.0, false),
            // A day before, by a clock that was not set yet.
            (1_714_893_600.0, false),
            // Counted from the run's start.
            (0.0, true),
            (10.0, true),
            (13.0, false),
            (f64::NAN, false),
        ] {
            assert_eq!(window.contains(ts), is_within, "{ts}");
        }
    }

    proptest! {
        /// What really happened passes: CPU time up to all CPUs, whatever was read late or rounded.
        #[test]
        fn true_figures_pass(
            took_ns in 0u64..1_000_000_000_000_000, cpus in 1u32..512, share in 0.0..=1.0f64, late_ms in 0u64..20,
            suspended_s in 0u64..1_000_000,
        ) {
            let took = Duration::from_nanos(took_ns);
            let cpu_ns = (took_ns as f64 * f64::from(cpus) * share) as u64 + late_ms * 1_000_000;
            let mut totals = Totals { cpu_ns: Some(cpu_ns), quality: Quality::Ticks, ..Totals::default() };
            check_cpu(&mut totals, took, Some(cpus));
            prop_assert_eq!(totals.cpu_ns, Some(cpu_ns));
            prop_assert!(is_duration(took.min(LONGEST_LIFE), Some(took + Duration::from_secs(suspended_s))));
        }

        /// Nothing panics or overflows, and what passes is within the limit.
        #[test]
        fn no_figure_above_its_limit_passes(took_ns: u64, cpu_ns: u64, cpus: u32) {
            let took = Duration::from_nanos(took_ns);
            let mut totals = Totals { cpu_ns: Some(cpu_ns), quality: Quality::Exact, ..Totals::default() };
            check_cpu(&mut totals, took, Some(cpus));
            let most = (took.as_secs_f64() + 0.011) * f64::from(cpus.max(1)) * 1.05 + 0.02;
            prop_assert!(totals.cpu_ns.is_none_or(|ns| ns as f64 / 1e9 <= most * (1.0 + 1e-9)));
            prop_assert_eq!(totals.implausible.cpu_seconds, totals.cpu_ns.is_none());
        }

        #[test]
        fn a_window_contains_its_run_and_nothing_far_outside(
            started in 1e9..2e9f64, lasted in 0.0..1e6f64, at in 0.0..=1.0f64, beyond in 2.1..1e6f64
        ) {
            let window = Window::new(started, started + lasted);
            prop_assert!(window.contains(started + at * lasted));
            prop_assert!(!window.contains(started - beyond));
            prop_assert!(!window.contains(started + lasted + beyond));
        }
    }

    #[test]
    fn a_second_of_one_thread_is_never_refused() {
        assert!(most_cpu_ns(SECOND, 1, Quality::Exact) > 1_000_000_000);
        assert!(is_posted_cpu(1.0, 1.0, Some(1)) && !is_posted_cpu(8_041_680.0, 0.09, Some(2)));
    }
}

//! A run's totals: what its reporter accounted for and what the tree was seen to burn, each where it is better. Pure.

use bp_proto::{Quality, Surroundings, Totals};

use super::tally::Usage;

/// Two accounts of the same work that differ by less agree: clock ticks are that coarse.
const NOISE_NS: u64 = 20_000_000;

/// How good a CPU time is that was put together from the tree.
pub(super) const TREE_QUALITY: Quality =
    if cfg!(target_os = "linux") { Quality::Ticks } else { Quality::Sampled };

/// What is known of a run at its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Accounts<'a> {
    pub reported: Option<Totals>,
    pub usage: Option<&'a Usage>,
    /// The tree was read while the run was going, so that its silence means something.
    pub observed: bool,
    /// Processes of the run live on: nobody has waited for them yet.
    pub living: u32,
}

pub(super) fn settle(accounts: Accounts<'_>) -> Totals {
    let reported = accounts.reported.unwrap_or_default();
    let usage = accounts.usage.filter(|_| accounts.observed);
    let seen_ns = usage.map(|usage| usage.cpu_ns);
    let reported_ns = reported.cpu_ns.map(|cpu_ns| match reported.quality {
        Quality::Exact | Quality::Counter => cpu_ns,
        _ => cpu_ns.saturating_sub(accounts.usage.map_or(0, |usage| usage.foreign_ns)),
    });
    let exact = reported.quality == Quality::Exact && accounts.living == 0;
    let trusts_report = match (reported_ns, seen_ns) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(reported), Some(seen)) => exact || seen <= reported.saturating_add(NOISE_NS),
    };
    let whole_report = reported_ns == reported.cpu_ns;
    let rss_max_bytes = match (reported.rss_max_bytes, usage.map(|usage| usage.rss_max_bytes)) {
        (reported, Some(0)) => reported,
        (reported, seen) => reported.max(seen),
    };
    let alone = usage.is_none_or(|usage| usage.max_processes <= 1);
    Totals {
        cpu_ns: if trusts_report { reported_ns } else { seen_ns },
        user_ns: reported.user_ns.filter(|_| trusts_report && whole_report),
        system_ns: reported.system_ns.filter(|_| trusts_report && whole_report),
        rss_max_bytes,
        max_processes: usage
            .map(|usage| usage.max_processes)
            .filter(|most| *most > 0)
            .or(reported.max_processes),
        activity: reported.activity,
        surroundings: Surroundings::default(),
        quality: if trusts_report { reported.quality } else { TREE_QUALITY },
        peak_lower_bound: rss_max_bytes.is_some() && !(alone && reported.rss_max_bytes.is_some()),
        incomplete: reported.incomplete,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn usage(cpu_ns: u64) -> Usage {
        Usage { cpu_ns, rss_max_bytes: 1 << 20, max_processes: 3, ..Usage::default() }
    }

    fn report(cpu_ns: u64, quality: Quality) -> Totals {
        Totals { cpu_ns: Some(cpu_ns), user_ns: Some(cpu_ns), quality, ..Totals::default() }
    }

    fn check(
        reported: Option<Totals>,
        usage: Option<&Usage>,
        living: u32,
        cpu_ns: Option<u64>,
        quality: Quality,
    ) {
        let totals = settle(Accounts { reported, usage, observed: true, living });
        assert_eq!((totals.cpu_ns, totals.quality), (cpu_ns, quality), "{reported:?} {usage:?} {living}");
    }

    #[test]
    fn the_better_account_gives_the_cpu_time_and_the_quality() {
        let exact = Some(report(SECOND, Quality::Exact));
        let times = Some(report(SECOND, Quality::Times));
        check(exact, Some(&usage(SECOND / 2)), 0, Some(SECOND), Quality::Exact);
        check(exact, Some(&usage(2 * SECOND)), 0, Some(SECOND), Quality::Exact);
        check(exact, Some(&usage(2 * SECOND)), 1, Some(2 * SECOND), TREE_QUALITY);
        check(times, Some(&usage(SECOND / 2)), 0, Some(SECOND), Quality::Times);
        check(times, Some(&usage(SECOND + NOISE_NS)), 0, Some(SECOND), Quality::Times);
        check(times, Some(&usage(2 * SECOND)), 0, Some(2 * SECOND), TREE_QUALITY);
        check(None, Some(&usage(SECOND)), 0, Some(SECOND), TREE_QUALITY);
        check(times, None, 0, Some(SECOND), Quality::Times);
        check(None, None, 0, None, TREE_QUALITY);
    }

    #[test]
    fn a_background_job_of_an_earlier_run_that_the_shell_waited_for_is_taken_out() {
        let usage = Usage { foreign_ns: SECOND, ..usage(SECOND) };
        check(Some(report(2 * SECOND, Quality::Times)), Some(&usage), 0, Some(SECOND), Quality::Times);
    }

    #[test]
    fn a_tree_that_nobody_looked_at_says_nothing() {
        let usage = Usage::default();
        let totals = settle(Accounts { reported: None, usage: Some(&usage), observed: false, living: 0 });
        assert_eq!((totals.cpu_ns, totals.rss_max_bytes), (None, None));
    }

    #[test]
    fn a_peak_between_samples_may_be_missed_unless_one_process_reported_it_itself() {
        let exact = Totals { rss_max_bytes: Some(5 << 20), ..report(SECOND, Quality::Exact) };
        let alone = Usage { max_processes: 1, ..usage(0) };
        let settled =
            |usage| settle(Accounts { reported: Some(exact), usage: Some(usage), observed: true, living: 0 });
        assert!(!settled(&alone).peak_lower_bound);
        assert_eq!(settled(&alone).rss_max_bytes, Some(5 << 20));
        assert!(settled(&usage(0)).peak_lower_bound);
    }
}

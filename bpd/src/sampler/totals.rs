//! A run's totals: what its reporter accounted for and what the tree was seen to burn, each where it is better. Pure.

use std::time::Duration;

use bp_proto::{ImplausibleTotals, Quality, Surroundings, Totals};

use super::tally::Usage;

/// Two accounts of the same work that differ by less agree: clock ticks are that coarse.
const NOISE_NS: u64 = 20_000_000;

/// A shell that starts programs and waits for them burns less.
const LEAST_SHELL_S: f64 = 0.005;

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
    /// What those have burned that live on, nanoseconds.
    pub living_ns: u64,
    /// By an inherited counter, or by the control group of the shell.
    pub counted: Option<Count>,
    /// Counters are allowed here: who reports has had one too.
    pub may_count: bool,
    /// How old a shell's line was when its shell was looked at first; else zero.
    pub heard_after: Duration,
    /// More than this it cannot have burned; what was counted or seen is of a moment later.
    pub most_ns: Option<u64>,
    /// CPU time of the shell itself in this line, as the shell reports it.
    pub shell_ns: Option<u64>,
}

impl Accounts<'_> {
    /// How much CPU time of the shell was read that it used after the line's end, or before its start. A shell with
    /// several threads (PowerShell) may use more than the time that has passed.
    pub(super) fn outside_ns(&self) -> u64 {
        let seconds = self.usage.and_then(|usage| usage.rest.as_ref()?.shell_seconds);
        let seen = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).unwrap_or_default();
        self.shell_ns.map_or(0, |told_ns| (seen.as_nanos() as u64).saturating_sub(told_ns))
    }
}

/// What was counted of a run, whoever waited for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Count {
    pub cpu_ns: u64,
    /// `Exact` of a control group.
    pub quality: Quality,
    /// Which part of it was the user's, in thousandths.
    pub user_permille: Option<u64>,
}

impl Count {
    /// User and system time.
    fn split(self) -> (Option<u64>, Option<u64>) {
        let part = |permille| (u128::from(self.cpu_ns) * u128::from(permille) / 1000) as u64;
        let user_ns: Option<u64> = self.user_permille.map(part);
        (user_ns, user_ns.map(|user_ns| self.cpu_ns - user_ns))
    }
}

/// The counter is read some milliseconds after the end, and the shell goes on meanwhile.
const LATE_NS: u64 = 8_000_000;

/// The counter's clock runs on while the host of a virtual machine has taken its CPU away; the accounts of processes do
/// not. A counter that is ahead by less than this part of the whole proves nothing.
const STOLEN_PART: u64 = 16;

/// One clock tick.
const TICK_NS: u64 = 10_000_000;

/// A counter stops before its process has ended, by some 50 µs here; and who starts a program from its file faults in
/// sixty pages and more. So much it may have lost for each fault at most.
const LOST_NS_PER_FAULT: u64 = 1000;

/// How far a counter may be behind what ticks say and still be the better one. Where many processes have ended less.
fn behind_ns(usage: Option<&Usage>, quality: Quality) -> u64 {
    let faults = usage.and_then(|usage| usage.activity.minor_faults).unwrap_or(0);
    let has_lost = quality == Quality::Counter && faults.saturating_mul(LOST_NS_PER_FAULT) > TICK_NS;
    if has_lost { TICK_NS } else { NOISE_NS }
}

/// Whether the counter knows more than the reporter's own account: of processes that nobody waited for, or finer than in
/// clock ticks. The account of a whole that is finer than the counter is late is kept.
fn is_better(counted: Count, reported_ns: Option<u64>, reported: &Totals, behind_ns: u64) -> bool {
    let Some(reported_ns) = reported_ns else { return true };
    let counted_ns = counted.cpu_ns;
    // A control group adds up the accounts of its processes: nothing is stolen from it.
    let is_account = counted.quality == Quality::Exact;
    let ahead = counted_ns > reported_ns + if is_account { 0 } else { reported_ns / STOLEN_PART };
    match reported.quality {
        Quality::Exact if is_account => ahead && reported.incomplete,
        Quality::Exact | Quality::Counter => false,
        Quality::Times => ahead && counted_ns > reported_ns + LATE_NS,
        Quality::Ticks | Quality::Sampled => {
            let agrees =
                (reported_ns.saturating_sub(behind_ns)..=reported_ns + NOISE_NS).contains(&counted_ns);
            agrees || (ahead && counted_ns > reported_ns)
        }
    }
}

/// Whether processes that were met went with what they burned, and nobody has counted it. `bpctl run` says itself what
/// escaped it, but without a counter it knows nothing of its child's children.
fn misses(accounts: &Accounts<'_>, usage: &Usage) -> bool {
    match accounts.reported.map(|reported| reported.quality) {
        Some(Quality::Counter) => false,
        Some(Quality::Exact) => usage.unreaped && !accounts.may_count,
        _ => usage.escapes > 0 || usage.unreaped,
    }
}

/// Whether a shell that gives no account of itself (fish) was burning when it was looked at first, too late: what it had
/// burned by then nobody knows.
fn began_unseen(accounts: &Accounts<'_>, usage: &Usage) -> bool {
    let shell_s = usage.rest.as_ref().and_then(|rest| rest.shell_seconds).unwrap_or(0.0);
    let is_late = accounts.heard_after > Duration::from_nanos(NOISE_NS);
    accounts.reported.is_none() && is_late && shell_s > LEAST_SHELL_S
}

pub(super) fn settle(accounts: &Accounts<'_>) -> Totals {
    let reported = accounts.reported.unwrap_or_default();
    let usage = accounts.usage.filter(|_| accounts.observed);
    let most_ns = accounts.most_ns.unwrap_or(u64::MAX);
    let outside_ns = accounts.outside_ns();
    let seen_ns = usage.map(|usage| usage.cpu_ns.saturating_sub(outside_ns).min(most_ns));
    // What was seen is known to a clock tick, a counter is finer.
    let outside_ns = Some(outside_ns).filter(|ns| *ns > NOISE_NS).unwrap_or(0);
    let most_counted = accounts
        .counted
        .map(|counted| Count { cpu_ns: counted.cpu_ns.saturating_sub(outside_ns).min(most_ns), ..counted });
    let reported_ns = reported.cpu_ns.map(|cpu_ns| match reported.quality {
        Quality::Exact | Quality::Counter => cpu_ns,
        _ => cpu_ns.saturating_sub(accounts.usage.map_or(0, |usage| usage.foreign_ns)),
    });
    // Who accounts for what it waited for knows nothing of them.
    let unwaited_ns = if reported.quality == Quality::Counter { 0 } else { accounts.living_ns };
    let reported_ns = reported_ns.map(|cpu_ns| match reported.quality {
        // It was read before the end was heard of, and they have gone on since.
        Quality::Counter if accounts.living > 0 => cpu_ns.max(seen_ns.unwrap_or(0)),
        _ => cpu_ns.saturating_add(unwaited_ns),
    });
    let exact = reported.quality == Quality::Exact && accounts.living == 0;
    let counted = most_counted.filter(|counted| {
        is_better(*counted, reported_ns, &reported, behind_ns(accounts.usage, counted.quality))
    });
    let trusts_report = match (reported_ns, seen_ns) {
        _ if counted.is_some() => false,
        (None, _) => false,
        (Some(_), None) => true,
        (Some(reported), Some(seen)) => exact || seen <= reported.saturating_add(NOISE_NS),
    };
    // What a counter lost, with a program that gained privileges or went to another control group, or with many that
    // ended, the tree may have seen.
    let has_lost = |counted: Count| {
        let behind_ns = behind_ns(accounts.usage, counted.quality);
        seen_ns.is_some_and(|seen| seen > counted.cpu_ns.saturating_add(behind_ns))
    };
    let lost = most_counted.is_some_and(has_lost);
    let whole = !lost && most_counted.is_some_and(|counted| counted.quality == Quality::Exact);
    let counted = counted.filter(|_| !lost);
    let (cpu_ns, quality) = match counted {
        _ if trusts_report => (reported_ns, reported.quality),
        Some(counted) => (Some(counted.cpu_ns), counted.quality),
        None => (seen_ns.max(reported_ns), TREE_QUALITY),
    };
    let (user_ns, system_ns) = match counted {
        Some(counted) => counted.split(),
        None if trusts_report && reported_ns == reported.cpu_ns => (reported.user_ns, reported.system_ns),
        None => (None, None),
    };
    let rss_max_bytes = match (reported.rss_max_bytes, usage.map(|usage| usage.rss_max_bytes)) {
        (reported, Some(0)) => reported,
        (reported, seen) => reported.max(seen),
    };
    let alone = usage.is_none_or(|usage| usage.max_processes <= 1 && !usage.was_hidden);
    Totals {
        cpu_ns,
        user_ns,
        system_ns,
        background_cpu_ns: None,
        rss_max_bytes,
        max_processes: usage
            .map(|usage| usage.max_processes)
            .filter(|most| *most > 0)
            .or(reported.max_processes),
        activity: reported.activity.completed_by(usage.map(|usage| usage.activity).unwrap_or_default()),
        surroundings: Surroundings::default(),
        quality,
        peak_lower_bound: rss_max_bytes.is_some() && !(alone && reported.rss_max_bytes.is_some()),
        incomplete: ((reported.incomplete || usage.is_some_and(|usage| usage.hides)) && !whole)
            || ((accounts.counted.is_none() || lost)
                && usage.is_some_and(|usage| misses(accounts, usage)))
            // A counter and a control group are read first when the shell is.
            || usage.is_some_and(|usage| began_unseen(accounts, usage)),
        implausible: ImplausibleTotals::default(),
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
        let totals = settle(&Accounts {
            reported,
            usage,
            observed: true,
            living,
            living_ns: 0,
            counted: None,
            may_count: false,
            heard_after: Duration::ZERO,
            most_ns: None,
            shell_ns: None,
        });
        assert_eq!((totals.cpu_ns, totals.quality), (cpu_ns, quality), "{reported:?} {usage:?} {living}");
    }

    #[test]
    fn what_a_shell_used_outside_of_its_line_is_not_the_lines() {
        let ms = 1_000_000;
        let check = |told_ms: Option<u64>, seen_shell_ms: u64, counted_ms: Option<u64>, expected_ms: u64| {
            let rest = bp_proto::Rest {
                shell_seconds: Some(seen_shell_ms as f64 / 1000.0),
                ..bp_proto::Rest::default()
            };
            // A child has used 5 ms besides.
            let usage = Usage { rest: Some(rest), ..usage((seen_shell_ms + 5) * ms) };
            let totals = settle(&Accounts {
                reported: told_ms.map(|told_ms| report((told_ms + 5) * ms, Quality::Times)),
                usage: Some(&usage),
                observed: true,
                living: 0,
                living_ns: 0,
                counted: counted_ms.map(|counted_ms| Count {
                    cpu_ns: counted_ms * ms,
                    quality: Quality::Counter,
                    user_permille: None,
                }),
                may_count: true,
                heard_after: Duration::ZERO,
                most_ns: None,
                shell_ns: told_ms.map(|told_ms| told_ms * ms),
            });
            assert_eq!(totals.cpu_ns, Some(expected_ms * ms), "{told_ms:?} {seen_shell_ms} {counted_ms:?}");
        };
        // Seen of PowerShell: its threads compile while its prompt is drawn.
        check(Some(10), 61, None, 15);
        check(Some(10), 61, Some(66), 15);
        check(Some(10), 12, None, 15);
        // A process that nobody waited for is counted all the same.
        check(Some(10), 12, Some(315), 315);
        check(None, 61, None, 66);
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
    fn the_counter_knows_what_nobody_waited_for_and_is_finer_than_ticks() {
        let ms = 1_000_000;
        let check = |quality, reported_ms: u64, counted_ms: u64, seen_ms: u64, expected: (u64, Quality)| {
            let usage = usage(seen_ms * ms);
            let totals = settle(&Accounts {
                reported: Some(report(reported_ms * ms, quality)),
                usage: Some(&usage),
                observed: true,
                living: 0,
                living_ns: 0,
                counted: Some(Count {
                    cpu_ns: counted_ms * ms,
                    quality: Quality::Counter,
                    user_permille: None,
                }),
                may_count: true,
                heard_after: Duration::ZERO,
                most_ns: None,
                shell_ns: None,
            });
            assert_eq!((totals.cpu_ns, totals.quality), (Some(expected.0 * ms), expected.1));
            assert_eq!(totals.user_ns.is_some(), totals.quality == quality, "its split is the account's");
        };
        // The shell's account in milliseconds is kept, unless something escaped it.
        check(Quality::Times, 200, 205, 190, (200, Quality::Times));
        check(Quality::Times, 3000, 3150, 2990, (3000, Quality::Times));
        check(Quality::Times, 3, 303, 250, (303, Quality::Counter));
        // The counter began late, or was lost.
        check(Quality::Times, 200, 30, 190, (200, Quality::Times));
        check(Quality::Ticks, 200, 30, 190, (200, Quality::Ticks));
        check(Quality::Times, 3, 3, 250, (250, TREE_QUALITY));
        check(Quality::Times, 3, 30, 250, (250, TREE_QUALITY));
        // Ticks are coarser.
        check(Quality::Ticks, 20, 27, 15, (27, Quality::Counter));
        check(Quality::Ticks, 40, 27, 15, (27, Quality::Counter));
        check(Quality::Ticks, 10, 310, 15, (310, Quality::Counter));
        check(Quality::Ticks, 3000, 3100, 2990, (3000, Quality::Ticks));
    }

    #[test]
    fn a_control_group_knows_what_nobody_waited_for_and_nothing_is_stolen_from_it() {
        let ms = 1_000_000;
        let check = |reported: Totals, counted_ms: u64, seen_ms: u64, expected: (u64, Quality, bool)| {
            let usage = Usage { escapes: 1, ..usage(seen_ms * ms) };
            let counted =
                Some(Count { cpu_ns: counted_ms * ms, quality: Quality::Exact, user_permille: Some(750) });
            let totals = settle(&Accounts {
                reported: Some(reported),
                usage: Some(&usage),
                observed: true,
                living: 0,
                living_ns: 0,
                counted,
                may_count: false,
                heard_after: Duration::ZERO,
                most_ns: None,
                shell_ns: None,
            });
            let said = (totals.cpu_ns.unwrap() / ms, totals.quality, totals.incomplete);
            assert_eq!(said, expected, "{reported:?} {counted_ms} {seen_ms}");
            let split = totals.user_ns.zip(totals.system_ns).map(|(user, system)| user + system);
            let is_told = totals.quality != TREE_QUALITY;
            assert_eq!(split.filter(|_| is_told), totals.cpu_ns.filter(|_| is_told));
        };
        let report = |cpu_ms, quality| Totals { system_ns: Some(0), ..report(cpu_ms * ms, quality) };
        check(report(200, Quality::Times), 205, 190, (200, Quality::Times, false));
        check(report(3000, Quality::Times), 3100, 2990, (3100, Quality::Exact, false));
        check(report(40, Quality::Ticks), 27, 15, (27, Quality::Exact, false));
        check(report(10, Quality::Ticks), 310, 15, (310, Quality::Exact, false));
        let wrapper = report(3, Quality::Exact);
        check(wrapper, 303, 250, (3, Quality::Exact, false));
        check(Totals { incomplete: true, ..wrapper }, 303, 250, (303, Quality::Exact, false));
        // Something of it moved into another group.
        check(report(3, Quality::Times), 5, 250, (250, TREE_QUALITY, true));
    }

    #[test]
    fn a_reporters_counter_has_what_lives_on_as_far_as_it_was_read() {
        check(
            Some(report(SECOND, Quality::Counter)),
            Some(&usage(SECOND / 2)),
            1,
            Some(SECOND),
            Quality::Counter,
        );
        let later = SECOND + NOISE_NS / 2;
        check(Some(report(SECOND, Quality::Counter)), Some(&usage(later)), 1, Some(later), Quality::Counter);
        check(Some(report(SECOND, Quality::Counter)), Some(&usage(later)), 0, Some(SECOND), Quality::Counter);
    }

    #[test]
    fn children_that_vanish_are_missed_where_nobody_counts() {
        let check = |quality, may_count, unreaped, counted, incomplete| {
            let usage = Usage { unreaped, ..usage(SECOND) };
            let count = Count { cpu_ns: SECOND, quality: Quality::Counter, user_permille: None };
            let totals = settle(&Accounts {
                reported: Some(report(SECOND, quality)),
                usage: Some(&usage),
                observed: true,
                living: 0,
                living_ns: 0,
                counted: Some(count).filter(|_| counted),
                may_count,
                heard_after: Duration::ZERO,
                most_ns: None,
                shell_ns: None,
            });
            assert_eq!(totals.incomplete, incomplete, "{quality:?} {may_count} {unreaped} {counted}");
        };
        check(Quality::Times, false, true, false, true);
        check(Quality::Times, false, false, false, false);
        check(Quality::Times, true, true, true, false);
        check(Quality::Exact, true, true, false, false);
        check(Quality::Exact, false, true, false, true);
        check(Quality::Counter, true, true, false, false);
    }

    #[test]
    fn ticks_are_believed_before_a_counter_that_has_lost_the_ends_of_many_processes() {
        let ms = 1_000_000;
        let check = |faults, reported_ms: Option<u64>, counted_ms: u64, seen_ms: u64, expected_ms: u64| {
            let activity = bp_proto::Activity { minor_faults: Some(faults), ..Default::default() };
            let usage = Usage { activity, ..usage(seen_ms * ms) };
            let count = Count { cpu_ns: counted_ms * ms, quality: Quality::Counter, user_permille: None };
            let totals = settle(&Accounts {
                reported: reported_ms.map(|reported| report(reported * ms, Quality::Ticks)),
                usage: Some(&usage),
                observed: true,
                living: 0,
                living_ns: 0,
                counted: Some(count),
                may_count: true,
                heard_after: Duration::ZERO,
                most_ns: None,
                shell_ns: None,
            });
            assert_eq!(
                totals.cpu_ns,
                Some(expected_ms * ms),
                "{faults} {reported_ms:?} {counted_ms} {seen_ms}"
            );
        };
        check(40_000, Some(220), 203, 210, 220);
        check(40_000, Some(210), 203, 210, 203);
        check(40_000, None, 203, 218, 218);
        check(200, Some(220), 203, 203, 203);
        check(200, None, 203, 218, 203);
    }

    #[test]
    fn a_shell_without_an_account_that_was_looked_at_too_late_is_incomplete() {
        let check = |reported: bool, heard_ms, shell_seconds, counted: bool, incomplete| {
            let rest = Some(bp_proto::Rest { shell_seconds, ..Default::default() });
            let usage = Usage { rest, ..usage(SECOND) };
            let count = Count { cpu_ns: SECOND, quality: Quality::Counter, user_permille: None };
            let totals = settle(&Accounts {
                reported: reported.then(|| report(SECOND, Quality::Times)),
                usage: Some(&usage),
                observed: true,
                living: 0,
                living_ns: 0,
                counted: counted.then_some(count),
                may_count: counted,
                heard_after: Duration::from_millis(heard_ms),
                most_ns: None,
                shell_ns: None,
            });
            assert_eq!(totals.incomplete, incomplete, "{reported} {heard_ms} {shell_seconds:?} {counted}");
        };
        check(false, 60, Some(0.07), false, true);
        check(false, 3, Some(0.07), false, false);
        check(false, 60, Some(0.001), false, false);
        check(false, 60, Some(0.07), true, true);
        check(true, 60, Some(0.07), false, false);
        check(false, 60, None, false, false);
    }

    #[test]
    fn a_short_line_that_was_read_behind_its_prompt_burned_no_more_than_it_took() {
        let ms = 1_000_000;
        let check = |reported_ms: Option<u64>, counted_ms: Option<u64>, expected_ms| {
            let reported = reported_ms.map(|cpu_ms| report(cpu_ms * ms, Quality::Times));
            let usage = usage(4 * ms);
            let count =
                |cpu_ms| Count { cpu_ns: cpu_ms * ms, quality: Quality::Counter, user_permille: None };
            let totals = settle(&Accounts {
                reported,
                usage: Some(&usage),
                observed: true,
                living: 0,
                living_ns: 0,
                counted: counted_ms.map(count),
                may_count: true,
                heard_after: Duration::ZERO,
                most_ns: Some(2 * ms),
                shell_ns: None,
            });
            assert_eq!(totals.cpu_ns, Some(expected_ms * ms), "{reported_ms:?} {counted_ms:?}");
        };
        check(None, Some(5), 2);
        check(None, Some(1), 1);
        check(None, None, 2);
        // Two processes at once, by the shell's own account.
        check(Some(3), Some(5), 3);
    }

    #[test]
    fn a_background_job_of_an_earlier_run_that_the_shell_waited_for_is_taken_out() {
        let usage = Usage { foreign_ns: SECOND, ..usage(SECOND) };
        check(Some(report(2 * SECOND, Quality::Times)), Some(&usage), 0, Some(SECOND), Quality::Times);
    }

    #[test]
    fn a_tree_that_nobody_looked_at_says_nothing() {
        let usage = Usage::default();
        let totals = settle(&Accounts {
            living_ns: 0,
            reported: None,
            usage: Some(&usage),
            observed: false,
            living: 0,
            counted: None,
            may_count: false,
            heard_after: Duration::ZERO,
            most_ns: None,
            shell_ns: None,
        });
        assert_eq!((totals.cpu_ns, totals.rss_max_bytes), (None, None));
    }

    #[test]
    fn a_peak_between_samples_may_be_missed_unless_one_process_reported_it_itself() {
        let exact = Totals { rss_max_bytes: Some(5 << 20), ..report(SECOND, Quality::Exact) };
        let alone = Usage { max_processes: 1, ..usage(0) };
        let settled = |usage| {
            settle(&Accounts {
                reported: Some(exact),
                usage: Some(usage),
                observed: true,
                living: 0,
                living_ns: 0,
                counted: None,
                may_count: false,
                heard_after: Duration::ZERO,
                most_ns: None,
                shell_ns: None,
            })
        };
        assert!(!settled(&alone).peak_lower_bound);
        assert_eq!(settled(&alone).rss_max_bytes, Some(5 << 20));
        assert!(settled(&usage(0)).peak_lower_bound);
    }
}

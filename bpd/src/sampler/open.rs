//! One open run, as the sampler knows it.

use std::time::Duration;

use bp_proto::event::{Source, WaitStatus};
use bp_proto::process::TICKS_PER_SECOND;
use bp_proto::{Owner, Sample, Start, Surroundings, Totals, Ulid, UnixMillis, process};

use super::counters::Counted;
use super::machine::{Busy, Look};
use super::schedule::{Opening, Schedule};
use super::tally::Usage;
use super::tree::Claim;
use crate::typed::{self, Typed};

/// A hook's start that arrives later than this was left behind; what the machine and the branch were then, nobody
/// knows.
const FRESH: Duration = Duration::from_secs(2);

/// A wrapper's clock and the shell's are the same; their order is not kept to the millisecond.
const SLACK: Duration = Duration::from_millis(50);

/// A shorter one is the time between two readings of clocks.
const LEAST_SUSPEND: Duration = Duration::from_millis(500);

/// A run's start is known by the millisecond, and its end by the start.
const ROUNDING: Duration = Duration::from_millis(1);

/// fish tells by the hundredth of a second when a line began, cut off.
const HUNDREDTH: Duration = Duration::from_millis(10);

/// What takes longer and has processes has some that are met.
const UNMET: Duration = Duration::from_millis(10);

/// By so many clock ticks a run's start is known worse when bpd has started since.
const COARSE_TICKS: u64 = 3;

/// A process that uses less of a core, and starts and ends nothing, stands still.
const STILL_PER_MILLE: u128 = 1;

/// Memory that grew by less since the reading before, bytes, is not worth one of its own; nor are so many processes.
const LEAST_SWELL: u64 = 32 << 20;
const MAX_HURRIED: u32 = 64;

/// One moment by the three clocks that are needed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    /// Monotonic, since the sampler began.
    pub mono: Duration,
    /// Since boot, suspended time counted.
    pub boot: Duration,
    pub wall: UnixMillis,
    /// How much of that millisecond has passed.
    pub into_milli: Duration,
}

impl Now {
    /// How far the clock that counts suspended time is ahead.
    fn lead(self) -> Duration {
        self.boot.saturating_sub(self.mono)
    }
}

#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own; they come in any combination")]
#[derive(Debug)]
pub(super) struct Open {
    pub start: Start,
    pub owner: Owner,
    pub typed: Typed,
    /// When the sampler learned of the run, and how old it was then.
    opened: Duration,
    age: Duration,
    /// By how much it may have begun later than its shell says.
    coarse: Duration,
    /// When it began, since boot; and how far that clock was ahead when the sampler learned of the run.
    began: Duration,
    lead: Duration,
    pub schedule: Schedule,
    pub last: Sample,
    /// CPU time from before bpd's last start that the tree does not see.
    before_ns: u64,
    /// When the owner was last seen alive.
    pub seen_at: UnixMillis,
    /// Since when the owner is gone, monotonic.
    pub gone_since: Option<Duration>,
    /// It is in the tree. Not yet: it came before the mail was read to its end, which may hold the run's.
    pub watched: bool,
    /// What its shell started in the clock tick of its end is its own: it may be the next line's, typed ahead.
    pub takes_last_tick: bool,
    /// The clock tick in which the shell's next line began, once that has been reported.
    pub next_began: Option<u64>,
    /// How its shell ended, once that is known.
    pub shell_exit: Option<WaitStatus>,
    /// Its shell runs another program now (`exec`).
    pub is_replaced: bool,
    /// The line was over, and jobs of it ran, when bpd last went away.
    pub prompt_at: Option<UnixMillis>,
    /// Its end was reported, and waits to be told what started then.
    pub in_doubt: bool,
    /// The duration that was reported cannot be true.
    pub has_implausible_duration: bool,
    /// Clocks and counters were read when its end was written, not when that was read.
    pub end_was_heard: bool,
    /// Other runs were opened within it.
    pub has_inner: bool,
    /// The owner was there when the run was opened: the tree's silence means something.
    pub observed: bool,
    /// The wrapper whose run this is, and what it accounted for.
    pub adopted: Option<Ulid>,
    pub exact: Option<Totals>,
    /// By its shell's counter, where there is one.
    pub counted: Option<Counted>,
    /// CPUs that the run may use.
    pub cpus: u32,
    /// The machine when it began.
    pub look: Option<Look>,
    /// How busy the machine had been at the last sample that says so, and before it at the start; `None`: not read yet.
    pub busy: Option<Busy>,
}

impl Open {
    pub(super) fn new(start: Start, owner: Owner, interval: Duration, now: Now) -> Self {
        let mut age = now.wall.since(start.draft.started_at) + now.into_milli;
        if age >= FRESH
            && start.draft.source == Source::Hook
            && let Some(life) = life_of(owner, now)
        {
            // The start comes from a clock that was not set.
            age = age.min(life);
        }
        let opening = match start.draft.source {
            _ if age >= FRESH => Opening::Late,
            Source::Hook => Opening::Hook,
            _ => Opening::Prompt,
        };
        let typed = match (&start.draft.source, &start.draft.command) {
            (Source::Hook, Some(command)) => typed::classify(command),
            _ => Typed::Work,
        };
        // No later than it was heard of.
        let is_coarse = start.draft.source == Source::Hook && start.draft.shell.as_deref() == Some("fish");
        let coarse = if is_coarse { age.min(HUNDREDTH) } else { Duration::ZERO };
        let takes_last_tick = start.draft.command.as_deref().is_none_or(typed::starts_job);
        let cpus = start.context.as_ref().and_then(|context| context.cpus).unwrap_or(1);
        Self {
            seen_at: start.draft.started_at,
            start,
            owner,
            typed,
            opened: now.mono,
            age,
            coarse,
            began: now.boot.saturating_sub(age),
            lead: now.lead(),
            schedule: Schedule::new(opening, interval, age),
            last: Sample::default(),
            before_ns: 0,
            gone_since: None,
            watched: false,
            takes_last_tick,
            next_began: None,
            in_doubt: false,
            has_implausible_duration: false,
            shell_exit: None,
            is_replaced: false,
            prompt_at: None,
            end_was_heard: false,
            has_inner: false,
            observed: false,
            adopted: None,
            exact: None,
            counted: None,
            cpus,
            look: None,
            busy: None,
        }
    }

    /// Goes on where the last bpd stopped.
    pub(super) fn continue_from(&mut self, last: Sample) {
        self.last = last;
        self.seen_at = self.start.draft.started_at.plus(Duration::from_millis(last.at_ms));
    }

    /// The tree has it now, with this much of its CPU time.
    pub(super) fn was_found(&mut self, usage_ns: u64) {
        self.before_ns = self.last.cpu_ns.saturating_sub(usage_ns);
    }

    /// What was looked up of it while it was going already.
    pub(super) fn described(&mut self, start: &Start, look: Option<Look>) {
        self.start.clone_from(start);
        self.look = look;
        if let Some(cpus) = start.context.as_ref().and_then(|context| context.cpus) {
            self.cpus = cpus;
        }
    }

    pub(super) fn uid(&self) -> Ulid {
        self.start.uid
    }

    pub(super) fn is_fresh(start: &Start, now: Now) -> bool {
        now.wall.since(start.draft.started_at) < FRESH
    }

    /// Whether somebody says just now what happened at `at`.
    pub(super) fn is_fresh_at(at: UnixMillis, now: Now) -> bool {
        now.wall.since(at) < FRESH
    }

    /// How old a shell's line was when its shell was looked at first; else zero.
    pub(super) fn heard_after(&self) -> Duration {
        if self.start.draft.source == Source::Hook { self.age } else { Duration::ZERO }
    }

    /// How the run claims its processes.
    pub(super) fn claim(&self) -> Claim {
        match self.start.draft.source {
            Source::Hook => {
                let from = self.ticks_at(Duration::ZERO);
                let Some(prompt_at) = self.prompt_at else { return Claim::Hook { from, until: None } };
                // When the last bpd ran is known by the wall clock alone.
                let until = self.latest_tick(prompt_at.since(self.start.draft.started_at)) + COARSE_TICKS;
                Claim::Hook { from: from.saturating_sub(COARSE_TICKS), until: Some(until) }
            }
            Source::Wrapper => Claim::Wrapper,
            Source::Api | Source::Import => Claim::Whole,
        }
    }

    /// Clock ticks since boot at `elapsed` after the run's start, suspended time counted.
    pub(super) fn ticks_at(&self, elapsed: Duration) -> u64 {
        (self.began.saturating_add(elapsed).as_nanos() * u128::from(TICKS_PER_SECOND) / 1_000_000_000) as u64
    }

    /// The last clock tick of a run that took so long, suspended time counted, and the last in which a process of it may
    /// have started.
    pub(super) fn last_ticks(&self, took: Duration) -> (u64, u64) {
        let last = self.ticks_at(took + self.coarse);
        let until = if self.takes_last_tick { last } else { last.saturating_sub(1) };
        (last, self.latest_own(until))
    }

    /// What began in the tick of the shell's next line belongs to that line. Where this line starts a job, the tick may
    /// hold both, and the rounding of one tick must not take the job away.
    fn latest_own(&self, until: u64) -> u64 {
        let Some(next) = self.next_began else { return until };
        until.min(if self.takes_last_tick { next + 1 } else { next.saturating_sub(1) })
    }

    /// The last clock tick in which a process may have started that has left the run.
    pub(super) fn last_orphans_tick(&self, took: Duration) -> u64 {
        if self.start.draft.source == Source::Hook && !self.takes_last_tick {
            return self.last_ticks(took).1;
        }
        self.latest_tick(took)
    }

    /// The last clock tick in which a run may have ended that took so long.
    pub(super) fn latest_tick(&self, took: Duration) -> u64 {
        self.ticks_at(took + self.coarse + ROUNDING)
    }

    /// By the wall clock of its start, whatever was done to that since.
    pub(super) fn seen_now(&self, now: Now) -> UnixMillis {
        self.start.draft.started_at.plus(now.boot.saturating_sub(self.began))
    }

    /// For how long the machine was suspended in a run that took so long, as far as the sampler knew of it.
    pub(super) fn suspended(&self, took: Duration, now: Now) -> Duration {
        let suspended = now.lead().saturating_sub(self.lead);
        // Else it was after the end.
        if (LEAST_SUSPEND..took).contains(&suspended) { suspended } else { Duration::ZERO }
    }

    /// Time since the run's start, suspended time counted.
    pub(super) fn since_start(&self, now: Now) -> Duration {
        now.boot.saturating_sub(self.began)
    }

    /// Monotonic time since the run's start.
    pub(super) fn elapsed(&self, now: Now) -> Duration {
        self.age + now.mono.saturating_sub(self.opened)
    }

    /// Whether the run's processes were read while it was going, given how long it took and when its end was heard of. A
    /// line whose start was reported when most of it was over, and of which no process was met, may have had many.
    pub(super) fn observed_during(&self, took: Duration, usage: Option<&Usage>, ended: Now) -> bool {
        let met = usage.is_some_and(|usage| usage.max_processes > 0);
        // It may have begun later than its shell says, by more than it took. What is counted from then on has what nobody
        // met; and most of it lies between two moments at which its shell was heard.
        let spans_most = self.counted.is_some() && ended.mono.saturating_sub(self.opened) >= took / 2;
        let unsure = if spans_most { self.coarse + ROUNDING } else { Duration::ZERO };
        let age = self.age.saturating_sub(unsure);
        let heard_in_time = !self.start.draft.is_over && age < took && (met || age < took / 2);
        self.observed && (self.start.draft.source == Source::Wrapper || heard_in_time)
    }

    /// What a line has burned at most that was over before it was read, and ran nothing that could be met: one thing
    /// after the other. `None`: more is possible.
    pub(super) fn most_ns(&self, took: Duration, usage: Option<&Usage>) -> Option<u64> {
        let met = usage.is_some_and(|usage| usage.max_processes > 0);
        let was_unseen = self.start.draft.source == Source::Hook && !self.end_was_heard && !met;
        (was_unseen && took < UNMET).then_some(took.as_nanos() as u64)
    }

    /// When the run is to be read next, on the sampler's clock.
    pub(super) fn due(&self) -> Duration {
        self.opened + self.schedule.next().saturating_sub(self.age)
    }

    /// CPU time of the run so far.
    pub(super) fn cpu_ns(&self, usage: &Usage) -> u64 {
        self.before_ns.saturating_add(usage.cpu_ns)
    }

    /// CPU time at the end of the curve. The account of the whole is the better one, unless inner runs are in it, which
    /// have curves of their own; or processes live on, for which nobody has waited.
    pub(super) fn curve_end(&self, total_ns: Option<u64>, usage: &Usage) -> u64 {
        let seen_ns = self.cpu_ns(usage);
        match total_ns {
            Some(_) if self.has_inner => seen_ns,
            Some(total_ns) if usage.processes > 0 => total_ns.max(seen_ns),
            total_ns => total_ns.unwrap_or(seen_ns),
        }
    }

    /// The last sample of the curve. It is read when the processes are gone, mostly: the memory that they had when they
    /// were last seen stands for the rest of their time.
    pub(super) fn last_sample(&mut self, took: Duration, cpu_ns: u64, usage: &Usage) -> Option<Sample> {
        let rss_bytes = if usage.processes == 0 { self.last.rss_bytes } else { usage.rss_bytes };
        // The millisecond in which it ended is its own: cut off, its CPU time would be crammed into the one before.
        let at_ms = took.as_nanos().div_ceil(1_000_000) as u64;
        self.push(at_ms, cpu_ns, &Usage { rss_bytes, children: Vec::new(), rest: None, ..*usage })
    }

    /// The next sample of the curve; `None` when it would not come after the last one. It stands on a whole millisecond
    /// that has passed, where the straight line from the last one to this reading has it: a thread that burns all the
    /// time shows 100 %, whenever it is read.
    pub(super) fn sample(&mut self, elapsed: Duration, cpu_ns: u64, usage: &Usage) -> Option<Sample> {
        let at_ms = elapsed.as_millis() as u64;
        let last = Duration::from_millis(self.last.at_ms);
        let span = elapsed.saturating_sub(last).as_nanos().max(1);
        let whole = Duration::from_millis(at_ms).saturating_sub(last).as_nanos();
        let grown = u128::from(cpu_ns.saturating_sub(self.last.cpu_ns)) * whole / span;
        self.push(at_ms, self.last.cpu_ns.saturating_add(grown as u64), usage)
    }

    /// No interval shows more CPU time than the machine can give in it: what was found late goes to the next one.
    fn push(&mut self, at_ms: u64, cpu_ns: u64, usage: &Usage) -> Option<Sample> {
        if at_ms <= self.last.at_ms {
            return None;
        }
        // Saturating: the times are what somebody's clock said.
        let interval_ns = (at_ms - self.last.at_ms).saturating_mul(1_000_000);
        // One thread so far: more than a core was read late. It goes to the next interval.
        let cpus = if usage.activity.max_threads == Some(1) { 1 } else { self.cpus.max(1) };
        let most = interval_ns.saturating_mul(u64::from(cpus));
        let sample = Sample {
            at_ms,
            cpu_ns: cpu_ns.clamp(self.last.cpu_ns, self.last.cpu_ns.saturating_add(most)),
            rss_bytes: usage.rss_bytes,
            processes: usage.processes,
            host_cpu_permille: None,
        };
        self.last = sample;
        Some(sample)
    }

    /// `sample` with how busy the machine was since the last one that says so, if it was read meanwhile.
    pub(super) fn with_host(&mut self, sample: Sample, busy: Busy) -> Sample {
        let host_cpu_permille = self.busy.and_then(|before| busy.permille_since(before));
        if host_cpu_permille.is_some() {
            self.busy = Some(busy);
        }
        Sample { host_cpu_permille, ..sample }
    }

    /// What went on around the run, if most of it was looked at.
    pub(super) fn surroundings(&self, now: &Look, took: Duration) -> Surroundings {
        let during = self.look.as_ref().map(|look| now.since(look));
        during
            .filter(|during| during.over_us.is_some_and(|us| Duration::from_micros(us) * 2 >= took))
            .unwrap_or_default()
    }

    /// Whether so much CPU time and so many processes show that the run does something.
    pub(super) fn moved(previous: Sample, cpu_ns: u64, processes: u32, elapsed: Duration) -> bool {
        let grown = u128::from(cpu_ns.saturating_sub(previous.cpu_ns));
        let interval = elapsed.saturating_sub(Duration::from_millis(previous.at_ms)).as_nanos();
        processes != previous.processes || grown * 1000 > interval * STILL_PER_MILLE
    }

    /// Whether its memory grows so fast that its peak may come and go before the next reading. Of many processes a reading
    /// is too dear to be an additional one.
    pub(super) fn swells(previous: Sample, usage: &Usage) -> bool {
        let grown = usage.rss_bytes.saturating_sub(previous.rss_bytes);
        usage.processes <= MAX_HURRIED && grown >= LEAST_SWELL.max(previous.rss_bytes / 8)
    }

    /// Whether the wrapper's run `start` is this run: typed as one simple command in the shell that started it.
    pub(super) fn is_run_of(&self, wrapper: &Start) -> bool {
        let latest = self.start.draft.started_at.minus(SLACK);
        self.typed == Typed::Wrapped
            && self.adopted.is_none_or(|adopted| adopted == wrapper.uid)
            && wrapper.under.is_some_and(|under| is_same(self.owner, under))
            && wrapper.draft.started_at >= latest
    }
}

/// How long a process that lives now has lived, suspended time counted; `None`: unknown.
pub(super) fn life_of(owner: Owner, now: Now) -> Option<Duration> {
    let is_known = owner.start_ticks > 0 && process::is_alive(owner);
    let began = Duration::from_secs_f64(owner.start_ticks as f64 / TICKS_PER_SECOND as f64);
    is_known.then(|| now.boot.saturating_sub(began))
}

/// Whether two descriptions may mean one process; unknown start times fit any.
pub(super) fn is_same(a: Owner, b: Owner) -> bool {
    a.pid == b.pid && (a.start_ticks == b.start_ticks || a.start_ticks == 0 || b.start_ticks == 0)
}

/// A hook's run of `bpctl run` that has ended: its wrapper's account may still be on its way.
#[derive(Debug)]
pub(super) struct Ended {
    pub run: Open,
    pub finished_at: UnixMillis,
}

impl Ended {
    pub(super) fn is_run_of(&self, wrapper: &Start) -> bool {
        self.run.is_run_of(wrapper) && wrapper.draft.started_at <= self.finished_at.plus(SLACK)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use bp_proto::Draft;

    use super::*;
    use crate::sampler::scopes::Burned;

    fn open() -> Open {
        let owner = Owner { pid: 1, start_ticks: 1 };
        let start = Start {
            uid: Ulid::from(1_u128),
            draft: Draft::default(),
            owner: Some(owner),
            under: None,
            parent: None,
            context: None,
        };
        Open::new(start, owner, Duration::from_secs(1), moment())
    }

    fn moment() -> Now {
        Now { mono: Duration::ZERO, boot: Duration::ZERO, wall: UnixMillis(0), into_milli: Duration::ZERO }
    }

    /// Memory and processes of a last sample, after one with `before` of each and with `after` at the end.
    fn check(before: (u64, u32), after: (u64, u32), expected: (u64, u32)) {
        let usage = |(rss_bytes, processes)| Usage { rss_bytes, processes, ..Usage::default() };
        let mut open = open();
        open.sample(Duration::from_millis(20), 0, &usage(before)).unwrap();
        let last = open.last_sample(Duration::from_millis(30), 0, &usage(after)).unwrap();
        assert_eq!((last.rss_bytes, last.processes), expected, "{before:?} {after:?}");
    }

    #[test]
    fn a_curve_ends_with_the_memory_that_was_last_seen_and_without_the_processes_that_are_gone() {
        check((5 << 20, 3), (0, 0), (5 << 20, 0));
        check((5 << 20, 3), (2 << 20, 1), (2 << 20, 1));
        // The shell itself, whose memory is not the run's.
        check((0, 0), (0, 0), (0, 0));
    }

    #[test]
    fn a_line_is_observed_when_most_of_it_lies_behind_the_moment_at_which_it_was_heard_of() {
        const COUNTED: bool = true;
        const MET: u32 = 1;
        // What the start is ahead of its hearing by, in microseconds, how long the line took, what lay between hearings.
        let check = |shell: &str, age_us, counted: bool, met, took_us, spanned_us, expected| {
            let mut open = open();
            open.start.draft.shell = Some(shell.to_owned());
            open.observed = true;
            open.age = Duration::from_micros(age_us);
            open.coarse = if shell == "fish" { open.age.min(HUNDREDTH) } else { Duration::ZERO };
            open.counted =
                counted.then(|| Counted::in_scope(Burned::default(), Vec::new(), 0, HashMap::new()));
            let usage = Usage { max_processes: met, ..Usage::default() };
            let ended = Now { mono: Duration::from_micros(spanned_us), ..moment() };
            let observed = open.observed_during(Duration::from_micros(took_us), Some(&usage), ended);
            assert_eq!(observed, expected, "{shell} {age_us} {counted} {met} {took_us} {spanned_us}");
        };
        check("zsh", 300, COUNTED, 0, 1700, 1400, true);
        // Its start is cut off to the millisecond.
        check("zsh", 1300, COUNTED, 0, 1700, 1400, true);
        check("zsh", 1300, !COUNTED, 0, 1700, 1400, false);
        check("zsh", 1300, COUNTED, 0, 1700, 400, false);
        check("zsh", 2900, COUNTED, 0, 1700, 1400, false);
        check("zsh", 1300, !COUNTED, MET, 1700, 400, true);
        // And to the hundredth of a second.
        check("fish", 7000, COUNTED, 0, 4000, 3600, true);
        check("fish", 7000, !COUNTED, 0, 4000, 3600, false);
        check("fish", 7000, COUNTED, 0, 4000, 1000, false);
        check("fish", 25_000, COUNTED, 0, 4000, 3600, false);
        check("fish", 100, COUNTED, 0, 0, 1000, false);
    }

    #[test]
    fn a_short_line_whose_end_was_not_heard_burned_no_more_than_it_took() {
        let check = |was_heard, met, took_ms, expected| {
            let open = Open { end_was_heard: was_heard, ..open() };
            let usage = Usage { max_processes: met, ..Usage::default() };
            let most_ns = open.most_ns(Duration::from_millis(took_ms), Some(&usage));
            assert_eq!(most_ns, expected, "{was_heard} {met} {took_ms}");
        };
        check(false, 0, 2, Some(2_000_000));
        check(true, 0, 2, None);
        check(false, 1, 2, None);
        check(false, 0, 10, None);
    }

    #[test]
    fn memory_that_grows_by_much_between_two_readings_swells() {
        let check = |before_mb: u64, now_mb: u64, processes, expected| {
            let previous = Sample { rss_bytes: before_mb << 20, ..Sample::default() };
            let usage = Usage { rss_bytes: now_mb << 20, processes, ..Usage::default() };
            assert_eq!(Open::swells(previous, &usage), expected, "{before_mb} {now_mb} {processes}");
        };
        check(4, 150, 1, true);
        check(4, 30, 1, false);
        check(1000, 1100, 1, false);
        check(1000, 1130, 1, true);
        check(300, 4, 1, false);
        check(4, 150, 65, false);
    }

    #[test]
    fn a_line_of_fish_may_have_ended_as_much_later_as_it_was_heard_of_later() {
        let check = |shell: &str, heard_ms: u64, expected: (u64, u64)| {
            let plain = open();
            let draft = Draft {
                shell: Some(shell.to_owned()),
                started_at: UnixMillis(1_000_000),
                ..plain.start.draft.clone()
            };
            let start = Start { draft, ..plain.start };
            let boot = Duration::from_millis(50_000 + heard_ms);
            let wall = UnixMillis(1_000_000 + heard_ms as i64);
            let now = Now { mono: Duration::ZERO, boot, wall, into_milli: Duration::ZERO };
            let open = Open::new(start, plain.owner, Duration::from_secs(1), now);
            let took = Duration::from_millis(4);
            assert_eq!((open.last_ticks(took).0, open.latest_tick(took)), expected, "{shell} {heard_ms}");
        };
        check("bash", 8, (5000, 5000));
        check("fish", 3, (5000, 5000));
        check("fish", 6, (5001, 5001));
        check("fish", 5, (5000, 5001));
        // It began within its hundredth, however late that was heard of.
        check("fish", 300, (5001, 5001));
    }

    #[test]
    fn a_thread_that_burns_all_the_time_shows_a_whole_core_whenever_it_is_read() {
        let mut open = Open { cpus: 64, ..open() };
        let usage = Usage { processes: 1, ..Usage::default() };
        let mut before = Sample::default();
        for at_us in [20_900, 50_010, 100_999, 201_000, 401_640, 1_000_999, 1_001_000, 2_000_001] {
            let elapsed = Duration::from_micros(at_us);
            let Some(sample) = open.sample(elapsed, at_us * 1000, &usage) else { panic!("{at_us}") };
            let grown = sample.cpu_ns - before.cpu_ns;
            assert!(grown.abs_diff((sample.at_ms - before.at_ms) * 1_000_000) < 10, "{before:?} {sample:?}");
            before = sample;
        }
        let last = open.last_sample(Duration::from_micros(2_004_300), 2_004_300_000, &usage).unwrap();
        let (grown, interval) = (last.cpu_ns - before.cpu_ns, last.at_ms - before.at_ms);
        assert_eq!((last.cpu_ns, interval), (2_004_300_000, 5));
        assert!(grown <= interval * 1_000_000);
    }

    #[test]
    fn a_curve_ends_with_the_account_of_the_whole_unless_inner_runs_are_in_it() {
        let check = |has_inner, total_ns, processes, expected| {
            let open = Open { has_inner, ..open() };
            let usage = Usage { cpu_ns: 20, processes, ..Usage::default() };
            assert_eq!(open.curve_end(total_ns, &usage), expected, "{has_inner} {total_ns:?} {processes}");
        };
        check(false, Some(7), 0, 7);
        check(false, Some(7), 1, 20);
        check(false, Some(90), 1, 90);
        check(false, None, 0, 20);
        check(true, Some(90), 0, 20);
    }
}

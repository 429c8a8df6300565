//! Inherited counters of the shells whose lines are recorded: what a line has cost whether or not somebody waited for
//! its processes.
//!
//! A shell's counter counts the shell and what it starts from then on. It is opened when the shell's first line is heard
//! of, a few milliseconds after that began: the processes which the tree knows by then get counters of their own.

use std::collections::HashMap;

use bp_proto::counter::Counter;
use bp_proto::{Owner, Quality, Ulid, process};

use super::room;
use super::scopes::Burned;

/// Shells that are counted at once; lines of others are accounted for without.
const MAX_SHELLS: usize = 256;

/// Processes of a shell's first line that are counted on their own. With more, the line is not counted.
const MAX_EARLY: usize = 64;

#[derive(Debug)]
pub(super) struct Counters {
    /// Held so that the counters of others are never the first of the machine, which take long. `None`: the kernel does
    /// not allow them to us.
    held: Option<Counter>,
    shells: HashMap<Owner, Counter>,
}

/// What counts a run.
#[derive(Debug)]
pub(super) enum Meter {
    /// The inherited counter of its shell.
    Counter,
    /// The control group that its shell has for itself.
    Scope {
        /// When the run began.
        before: Burned,
        /// Processes in the group that are in nobody's run, and what each had burned then.
        besides: Vec<(u32, u64)>,
    },
}

/// What is to be known of a run when it begins, so that its end tells what it has cost.
#[derive(Debug)]
pub(super) struct Counted {
    pub meter: Meter,
    from_ns: u64,
    /// What its processes had burned before they were counted.
    found_ns: u64,
    /// Those that its shell's counter does not have.
    early: Vec<Counter>,
    /// Jobs of earlier lines that live on in the same counter, and what each had burned.
    jobs: HashMap<Ulid, u64>,
    /// What such jobs burned that are over.
    over_ns: u64,
    /// The cost, once it has been taken.
    pub total_ns: Option<u64>,
}

impl Counted {
    /// By the control group of its shell.
    pub(super) fn in_scope(
        before: Burned,
        besides: Vec<(u32, u64)>,
        found_ns: u64,
        jobs: HashMap<Ulid, u64>,
    ) -> Self {
        let from_ns = before.total_ns;
        let meter = Meter::Scope { before, besides };
        Self { meter, from_ns, found_ns, early: Vec::new(), jobs, over_ns: 0, total_ns: None }
    }

    /// How good its figure is.
    pub(super) fn quality(&self) -> Quality {
        match self.meter {
            Meter::Counter => Quality::Counter,
            Meter::Scope { .. } => Quality::Exact,
        }
    }

    /// What the run has cost so far, as far as that can be told before its end: not beside jobs of earlier lines.
    pub(super) fn so_far(&self, counted_ns: u64) -> Option<u64> {
        self.is_alone().then(|| (counted_ns + self.found_ns).saturating_sub(self.from_ns))
    }

    /// No job of an earlier line is in the same counter.
    pub(super) fn is_alone(&self) -> bool {
        self.jobs.is_empty() && self.over_ns == 0
    }

    /// Whether the processes that live on are in the shell's counter.
    pub(super) fn covers_jobs(&self) -> bool {
        self.early.is_empty()
    }

    pub(super) fn jobs(&self) -> impl Iterator<Item = Ulid> {
        self.jobs.keys().copied()
    }

    /// A job of an earlier line has ended, after it had burned so much in all.
    pub(super) fn job_over(&mut self, job: Ulid, cpu_ns: u64) {
        if let Some(before) = self.jobs.remove(&job) {
            self.over_ns += cpu_ns.saturating_sub(before);
        }
    }

    /// The cost of the line. `counted_ns`: what its counters show. `now`: what a job of an earlier line has burned in all.
    /// `foreign_ns`: what else is not the line's.
    pub(super) fn settle(&mut self, counted_ns: u64, now: impl Fn(Ulid) -> Option<u64>, foreign_ns: u64) {
        let jobs_ns: u64 =
            self.jobs.iter().map(|(job, before)| now(*job).map_or(0, |ns| ns.saturating_sub(*before))).sum();
        let own_ns = (counted_ns + self.found_ns).saturating_sub(self.from_ns);
        self.total_ns = Some(own_ns.saturating_sub(jobs_ns + self.over_ns + foreign_ns));
    }
}

impl Counters {
    /// Asks the kernel once whether it allows them; that it does not is usual.
    pub(super) fn new() -> Self {
        let held = Counter::kept().map_err(|error| tracing::debug!("no counters here: {error}")).ok();
        Self { held, shells: HashMap::new() }
    }

    pub(super) fn are_allowed(&self) -> bool {
        self.held.is_some()
    }

    /// A line begins. `members`: its processes so far, and `found_ns` what they and the shell have burned; `jobs`: what
    /// lives on of earlier lines of this shell, as far as it is counted, and what that has burned. `heard_ns`: what the
    /// shell's counter showed when it wrote of the line.
    pub(super) fn begin(
        &mut self,
        shell: Owner,
        members: &[u32],
        found_ns: u64,
        jobs: HashMap<Ulid, u64>,
        heard_ns: Option<u64>,
    ) -> Option<Counted> {
        self.held.as_ref()?;
        let mut early = Vec::new();
        if !self.shells.contains_key(&shell) {
            if self.shells.len() >= MAX_SHELLS {
                self.shells.retain(|shell, _| process::is_alive(*shell));
            }
            if self.shells.len() >= MAX_SHELLS || members.len() > MAX_EARLY {
                return None;
            }
            // Those that are gone by now are in nobody's counter, nor is what they started.
            early = members.iter().map(|pid| room::counter(Counter::on(*pid))).collect::<Option<_>>()?;
            let counter = room::counter(Counter::on(shell.pid))?;
            self.shells.insert(shell, counter);
        }
        let now_ns = self.shells.get(&shell)?.read()?;
        let (from_ns, found_ns) = from(heard_ns, now_ns, found_ns, &jobs);
        Some(Counted { meter: Meter::Counter, from_ns, found_ns, early, jobs, over_ns: 0, total_ns: None })
    }

    /// What the counter of the shell `pid` shows now, if it has one.
    pub(super) fn read_of(&self, pid: u32) -> Option<u64> {
        let of_pid = self.shells.iter().filter(|(shell, _)| shell.pid == pid);
        of_pid.max_by_key(|(shell, _)| shell.start_ticks)?.1.read()
    }

    /// What the counters of a line show now.
    pub(super) fn read(&self, shell: Owner, line: &Counted) -> Option<u64> {
        let early = line.early.iter().map(Counter::read).sum::<Option<u64>>()?;
        Some(self.shells.get(&shell)?.read()? + early)
    }
}

/// What a line counts from, and what is to be added to it. It had begun when either reading was made: the one now misses
/// what has ended by now, that of when the line was heard of what had begun by then. What `jobs` have burned is of now.
pub(super) fn from(
    heard_ns: Option<u64>,
    now_ns: u64,
    found_ns: u64,
    jobs: &HashMap<Ulid, u64>,
) -> (u64, u64) {
    match heard_ns.filter(|heard_ns| jobs.is_empty() && heard_ns + found_ns <= now_ns) {
        Some(heard_ns) => (heard_ns, 0),
        None => (now_ns, found_ns),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(jobs: &[(u128, u64)]) -> Counted {
        let jobs = jobs.iter().map(|(job, ns)| (Ulid::from(*job), *ns)).collect();
        Counted {
            meter: Meter::Counter,
            from_ns: 1000,
            found_ns: 30,
            early: Vec::new(),
            jobs,
            over_ns: 0,
            total_ns: None,
        }
    }

    #[test]
    fn a_line_has_what_was_counted_and_found_without_what_earlier_jobs_burned() {
        let mut line = counted(&[]);
        line.settle(1500, |_| None, 0);
        assert_eq!(line.total_ns, Some(530));

        let mut line = counted(&[(1, 100), (2, 200)]);
        line.job_over(Ulid::from(1_u128), 150);
        line.job_over(Ulid::from(9_u128), 999);
        line.settle(1500, |_| Some(260), 7);
        assert_eq!(line.total_ns, Some(530 - 50 - 60 - 7));
    }

    #[test]
    fn a_shell_is_counted_from_its_first_line_on_where_the_kernel_allows_it() {
        let mut counters = Counters::new();
        let Some(mut first) = counters.begin(process::own(), &[], 0, HashMap::new(), None) else {
            assert!(counters.held.is_none());
            return;
        };
        // Not this thread's: a counter is of one thread and of what it starts.
        let burnt = counters.read(process::own(), &first).unwrap();
        first.settle(burnt, |_| None, 0);
        assert!(first.total_ns.is_some());
        let second = counters.begin(process::own(), &[], 0, HashMap::new(), None).unwrap();
        assert!(second.from_ns >= burnt && counters.shells.len() == 1);
    }

    #[test]
    fn a_line_is_counted_from_the_reading_that_missed_less_of_it() {
        let counters = |heard_ns, now_ns, found_ns| from(heard_ns, now_ns, found_ns, &HashMap::new());
        assert_eq!(counters(Some(1000), 1500, 30), (1000, 0), "what ended before it was read is missed");
        assert_eq!(
            counters(Some(1000), 1500, 700),
            (1500, 700),
            "what it had started before it was heard is missed"
        );
        assert_eq!(counters(None, 1500, 30), (1500, 30));
        let jobs = [(Ulid::from(1_u128), 5)].into();
        assert_eq!(
            from(Some(1000), 1500, 30, &jobs),
            (1500, 30),
            "what a job burned meanwhile is the line's"
        );
    }
}

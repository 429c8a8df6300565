//! Which processes belong to which run, and what they have cost. Pure: readings in, usage out.
//!
//! A process belongs to the innermost open run above it, from its first reading until it is gone, wherever it is
//! reparented to. A run's CPU time is the sum of what its processes were seen to grow by; it never falls, and what a
//! process had burned when it was last seen stays. Children that came and went between two readings are found in the
//! waited-for time of their parent: its growth, less what its children that are gone had been credited already. What a
//! child burned after its last reading is found there too. Whose it was of several nobody can tell: it is the run's, and a
//! child's own only where that was counted.
//!
//! Runs are read at different times. A process is read with its run, an owner with the innermost run that it owns; of
//! what is not due it is only asked, below a parent that is read, whether it is still there.

mod ask;
mod gone;
mod unseen;

use std::collections::VecDeque;

use bp_proto::{Owner, Rest, Ulid};

use super::activity::Account;
use super::pids::{PidMap, PidSet, RunMap};
use super::probe::Reading;
use super::processes::{Processes, Tracked};
use super::tally::{Alive, Tally, Usage};

/// Reporters that are known at once: each lives for milliseconds.
const MAX_REPORTERS: usize = 64;

/// Waited-for time comes in whole clock ticks.
const TICK_NS: i64 = 10_000_000;
const NS_PER_SECOND: f64 = 1e9;

/// What is still owed a reading later is in no waited-for time, more than ticks can hide.
const ESCAPED_NS: i64 = 3 * TICK_NS;

/// What has become of a process that was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It lives, or waits for its parent.
    There,
    /// It is gone. `own_ns`: what it had burned at its end, if that was counted.
    Gone { own_ns: Option<u64> },
}

/// How a run claims processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// The owner is a shell: its children that started in this window of clock ticks, and the shell's own time.
    Hook { from: u64, until: Option<u64> },
    /// The owner is `bpctl run`: what descends from it, not itself.
    Wrapper,
    /// The owner and what descends from it.
    Whole,
}

impl Claim {
    /// The same of processes that may seem to have begun so much earlier.
    pub(super) fn widened(self, ticks: u64) -> Self {
        match self {
            Self::Hook { from, until } => Self::Hook { from: from.saturating_sub(ticks), until },
            Self::Wrapper | Self::Whole => self,
        }
    }

    /// Whether what is below a process at or below `owner` can be the run's.
    pub(super) fn may_take(self, reading: &Reading, owner: u32) -> bool {
        match self {
            Self::Hook { from, .. } => reading.parent != owner || reading.start_ticks >= from,
            Self::Wrapper | Self::Whole => true,
        }
    }
}

#[derive(Debug)]
struct Claimed {
    owner: Owner,
    claim: Claim,
    tally: Tally,
    members: PidSet,
    /// Page faults of what the owner had waited for when the run began: they grow with every child that it waits for.
    waited_faults: u64,
    /// `bpctl run` whose run this is: what it started is the run's, itself it is not.
    wrapper: Option<u32>,
}

/// All open runs and their processes.
#[derive(Debug, Default)]
pub(super) struct Tree {
    runs: RunMap<Claimed>,
    /// Of each owner its open runs in the order of opening: the last is the innermost. One that has ended takes no new
    /// children of its owner, and keeps what it has.
    owners: PidMap<Vec<Ulid>>,
    processes: Processes,
    /// Pid and start of what shells started to report for them: in no run.
    reporters: VecDeque<(u32, u64)>,
    /// How much earlier than it did a process may seem to have begun.
    pub(super) grain_ticks: u64,
}

impl Tree {
    pub(super) fn of(grain_ticks: u64) -> Self {
        Self { grain_ticks, ..Self::default() }
    }

    /// The processes to be read when these runs are due: with all new ones below them they are everything the runs
    /// need.
    pub(super) fn scope(&self, due: &[Ulid]) -> Vec<u32> {
        let mut pids = Vec::new();
        for (run, claimed) in due.iter().filter_map(|run| Some((run, self.runs.get(run)?))) {
            let owns = self.owned_by(claimed.owner.pid).is_some_and(|(inner, _)| inner == *run);
            pids.extend(owns.then_some(claimed.owner.pid));
            let members = claimed.members.iter().copied();
            pids.extend(
                members.filter(|pid| self.owned_by(*pid).is_none_or(|(inner, _)| due.contains(&inner))),
            );
        }
        // Mostly parents before their children.
        pids.sort_unstable();
        pids.dedup();
        pids
    }

    /// Whether a process that is met below one that is read is read too.
    pub(super) fn is_new(&self, pid: u32) -> bool {
        !self.processes.contains(pid)
    }

    /// Processes that left the run before they were seen, and what is below them.
    pub(super) fn take_in(&mut self, run: Ulid, readings: &[Reading]) {
        for reading in readings {
            if self.is_nobodys(reading.pid) && !self.is_reporter(reading) {
                let mut tracked = Tracked::whole(reading.clone(), Some(run));
                tracked.credited_ns = reading.own_ns;
                self.with_tally(run, |tally| {
                    tally.cpu_ns += reading.own_ns + reading.waited_ns;
                    tracked.account.grow(reading.counts, Some(&mut tally.grown));
                });
                self.track(tracked);
            }
        }
        self.see(run);
    }

    /// How many processes are kept account of.
    pub(super) fn len(&self) -> usize {
        self.processes.len()
    }

    /// Whether processes may come to be below this one without its doing: `bpctl run` adopts those whose parent is gone.
    pub(super) fn is_subreaper(&self, pid: u32) -> bool {
        self.owned_by(pid).is_some_and(|(_, claim)| claim == Claim::Wrapper)
    }

    /// Whether what is below a process that was read is of interest.
    pub(super) fn wants_below(&self, reading: &Reading) -> bool {
        if self.owners.contains_key(&reading.pid) {
            return true;
        }
        match (self.processes.get(reading.pid), self.owned_by(reading.parent)) {
            (Some(tracked), _) => tracked.run.is_some(),
            (None, Some(_)) => self.run_for(reading).is_some(),
            (None, None) => true,
        }
    }

    /// This process only reports: it is in no run, and leaves the one that took it for its own.
    pub(super) fn reporter(&mut self, pid: u32, start_ticks: u64) {
        self.reporters.truncate(MAX_REPORTERS - 1);
        self.reporters.push_front((pid, start_ticks));
        let of = self.processes.get(pid).filter(|known| known.reading.start_ticks == start_ticks);
        if let Some(run) = of.and_then(|known| known.run) {
            self.take_back(pid, run);
        }
    }

    /// What a process was credited with is not the run's after all.
    fn take_back(&mut self, pid: u32, run: Ulid) {
        let credited_ns = self.untrack(pid).map_or(0, |tracked| tracked.credited_ns);
        self.with_tally(run, |tally| tally.cpu_ns = tally.cpu_ns.saturating_sub(credited_ns));
    }

    fn is_reporter(&self, reading: &Reading) -> bool {
        self.reporters.contains(&(reading.pid, reading.start_ticks))
    }

    /// A run begins. `readings` are fresh ones of its owner and of what is new below it; what was burned before is not
    /// the run's.
    pub(super) fn open(
        &mut self,
        run: Ulid,
        owner: Owner,
        claim: Claim,
        readings: &[Reading],
        mut fate: impl FnMut(u32, u64) -> Fate,
    ) {
        self.bury(&[owner.pid], readings, &mut fate);
        let waited_faults = readings.iter().find(|reading| reading.pid == owner.pid);
        let waited_faults = waited_faults.map_or(0, |reading| reading.counts.minor.waited);
        let (tally, members) = (Tally::default(), PidSet::default());
        self.runs.insert(run, Claimed { owner, claim, tally, members, waited_faults, wrapper: None });
        let from = if let Claim::Hook { from, .. } = claim { from } else { 0 };
        for pid in self.processes.descendants(owner.pid) {
            let reports = self.processes.get(pid).is_some_and(|known| self.is_reporter(&known.reading));
            if !reports && self.processes.child_above(pid, owner.pid).is_some_and(|ticks| ticks >= from) {
                self.move_to(pid, run);
            }
        }
        match claim {
            // Between two runs nobody looked at the shell.
            Claim::Hook { .. } => {
                let reading = readings.iter().find(|reading| reading.pid == owner.pid);
                if let Some(reading) = reading {
                    self.forget_growth(reading);
                }
            }
            Claim::Wrapper => {}
            Claim::Whole => {
                self.move_to(owner.pid, run);
                let mut whole = PidSet::from_iter([owner.pid]);
                for reading in readings {
                    if reading.pid == owner.pid || whole.contains(&reading.parent) {
                        whole.insert(reading.pid);
                        if self.is_new(reading.pid) {
                            self.track(Tracked::new(reading.clone(), Some(run)));
                        }
                    }
                }
            }
        }
        self.owners.entry(owner.pid).or_default().push(run);
        self.update(&[owner.pid], readings, fate);
        self.see(run);
    }

    fn forget_growth(&mut self, reading: &Reading) {
        if let Some(tracked) = self.processes.get_mut(reading.pid) {
            tracked.balance = 0;
            tracked.absorbed_ns = 0;
            tracked.gone.clear();
            tracked.account = Account::from_now(reading.counts);
            self.processes.read_again(reading);
        } else {
            self.track(Tracked::new(reading.clone(), None));
        }
    }

    /// The run has ended; what it started lives on as its own, and its owner's next children are not its.
    pub(super) fn close(&mut self, run: Ulid) {
        if let Some(owner) = self.runs.get(&run).map(|claimed| claimed.owner) {
            self.disown(run, owner.pid);
            self.prune(owner.pid, &[]);
        }
    }

    /// Nothing more is wanted of this run.
    pub(super) fn forget(&mut self, run: Ulid) {
        let Some(Claimed { owner, members, .. }) = self.runs.remove(&run) else { return };
        for pid in &members {
            if let Some(tracked) = self.processes.get_mut(*pid) {
                tracked.run = None;
            }
        }
        self.disown(run, owner.pid);
        self.prune(owner.pid, &members.into_iter().collect::<Vec<_>>());
    }

    fn disown(&mut self, run: Ulid, owner: u32) {
        if let Some(runs) = self.owners.get_mut(&owner) {
            runs.retain(|owned| *owned != run);
            if runs.is_empty() {
                self.owners.remove(&owner);
            }
        }
    }

    /// Lets go of what is neither in a run nor below the owner of an open one, after a run of `owner` has ended.
    fn prune(&mut self, owner: u32, members: &[u32]) {
        let mut strays = [&[owner], members, &self.processes.descendants(owner)].concat();
        strays.retain(|pid| {
            let is_stray = self.processes.get(*pid).is_some_and(|tracked| tracked.run.is_none());
            let is_owner = |pid| self.owners.contains_key(&pid);
            is_stray && !is_owner(*pid) && !self.processes.is_below(*pid, is_owner)
        });
        for pid in strays {
            self.processes.remove(pid);
        }
    }

    /// Takes in readings of a [`Self::scope`] as far as it may have changed, and of what is new below it, a parent before
    /// its children. `suspects` = those of the scope that may be gone.
    /// `fate` = of the process of this pid and start.
    pub(super) fn update(
        &mut self,
        suspects: &[u32],
        readings: &[Reading],
        mut fate: impl FnMut(u32, u64) -> Fate,
    ) {
        let mut touched = self.bury(suspects, readings, &mut fate);
        for reading in readings {
            if self.processes.contains(reading.pid) {
                self.grow(reading);
            } else {
                self.welcome(reading);
            }
            let run = self.processes.get(reading.pid).and_then(|tracked| tracked.run);
            touched.extend(run.filter(|run| touched.last() != Some(run)));
            if reading.hides || reading.ignores_children {
                self.note_unseen(reading);
            }
        }
        touched.sort_unstable();
        touched.dedup();
        for run in touched {
            self.see(run);
        }
    }

    /// The run of a shell's line is that of the wrapper which the line started.
    pub(super) fn adopt(&mut self, run: Ulid, wrapper: u32) {
        if let Some(claimed) = self.runs.get_mut(&run) {
            claimed.wrapper = Some(wrapper);
        }
    }

    fn is_wrapper(&self, run: Option<Ulid>, pid: u32) -> bool {
        run.and_then(|run| self.runs.get(&run)).is_some_and(|claimed| claimed.wrapper == Some(pid))
    }

    /// Sums up what is alive of a run.
    fn see(&mut self, run: Ulid) {
        let Some(claimed) = self.runs.get_mut(&run) else { return };
        let mut now = Alive::default();
        for pid in claimed.members.iter().filter(|pid| claimed.wrapper != Some(**pid)) {
            let Some(tracked) = self.processes.get_mut(*pid).filter(|tracked| !tracked.reading.zombie) else {
                continue;
            };
            now.processes += 1;
            now.threads += tracked.reading.threads;
            if !tracked.has_memory {
                continue;
            }
            now.rss_bytes += tracked.reading.rss_bytes;
            // Whether the marks of two were reached at one moment, nobody knows.
            now.spike_bytes = now.spike_bytes.max(std::mem::take(&mut tracked.reading.spike_bytes));
        }
        claimed.tally.see(now);
    }

    /// What a run has cost so far, and who did it.
    pub(super) fn usage(&self, run: Ulid) -> Option<Usage> {
        let claimed = self.runs.get(&run)?;
        let alive = claimed.members.iter().filter(|pid| claimed.wrapper != Some(**pid));
        let alive = alive.filter_map(|pid| self.processes.get(*pid));
        let (children, rest) = claimed.tally.children(
            alive.map(|tracked| (&*tracked.reading.name, tracked.credited_ns, tracked.rss_max_bytes)),
        );
        let shell_ns = matches!(claimed.claim, Claim::Hook { .. }).then_some(claimed.tally.shell_ns);
        let shell_seconds = shell_ns.map(|ns| ns as f64 / NS_PER_SECOND);
        let rest = Some(Rest { shell_seconds, ..rest });
        let alone = children.is_empty() && self.waited_for_nobody(claimed);
        Some(self.as_far_as_seen(run, Usage { children, rest, alone, ..claimed.tally.usage() }))
    }

    /// As `usage`, without the children.
    pub(super) fn figures(&self, run: Ulid) -> Option<Usage> {
        self.runs.get(&run).map(|claimed| claimed.tally.usage())
    }

    /// A process that is known already.
    fn grow(&mut self, reading: &Reading) {
        let owned = self.owned_by(reading.pid);
        let run = self.processes.get(reading.pid).and_then(|tracked| tracked.run);
        let is_wrapper = self.is_wrapper(run, reading.pid);
        let Some(tracked) = self.processes.get_mut(reading.pid) else { return };
        let own = reading.own_ns.saturating_sub(tracked.reading.own_ns);
        let own = if is_wrapper { 0 } else { own };
        let waited = reading.waited_ns.saturating_sub(tracked.reading.waited_ns);
        let absorbed = std::mem::take(&mut tracked.absorbed_ns);
        let gone = std::mem::take(&mut tracked.gone);
        tracked.balance += waited as i64 - absorbed as i64;
        let never_waited_for = tracked.balance < -(absorbed as i64) - ESCAPED_NS;
        let unseen = tracked.balance.max(0) as u64;
        tracked.balance = tracked.balance.clamp(-(absorbed as i64) - TICK_NS, 0);
        if tracked.balance < -TICK_NS {
            // Their end was seen before their parent waited for them: the rest comes with the next reading.
            tracked.gone.clone_from(&gone);
        }
        let shells = owned.filter(|(_, claim)| matches!(claim, Claim::Hook { .. })).map(|(run, _)| run);
        let own_of = shells.or(tracked.run);
        let waited_of = owned.map(|(run, _)| run).or(tracked.run);
        if own_of == tracked.run {
            tracked.credited_ns += own;
        }
        let grown = waited_of.and_then(|run| self.runs.get_mut(&run)).map(|claimed| &mut claimed.tally.grown);
        let is_wrappers = is_wrapper || owned.is_some_and(|(_, claim)| claim == Claim::Wrapper);
        tracked.account.grow(if is_wrappers { reading.counts.waited() } else { reading.counts }, grown);
        self.processes.read_again(reading);
        if let Some(run) = own_of {
            let is_shells = shells == own_of;
            self.with_tally(run, |tally| {
                tally.cpu_ns += own;
                tally.shell_ns += if is_shells { own } else { 0 };
            });
        }
        let rest = unseen - self.credit_gone(unseen, &gone, waited_of);
        if let Some(run) = waited_of {
            self.with_tally(run, |tally| {
                tally.cpu_ns += rest;
                tally.escapes += u32::from(never_waited_for);
            });
        }
    }

    /// A process that is seen for the first time.
    fn welcome(&mut self, reading: &Reading) {
        let run = self.run_for(reading);
        let owned = self.owned_by(reading.pid).map(|(run, _)| run);
        // An owner that is met now began before its run.
        let begins = if owned.is_some() { Tracked::new } else { Tracked::whole };
        let mut tracked = begins(reading.clone(), run);
        if let Some(claimed) = owned.or(run).and_then(|run| self.runs.get_mut(&run)) {
            tracked.account.grow(reading.counts, Some(&mut claimed.tally.grown));
        }
        if let Some(run) = run
            && !self.is_wrapper(Some(run), reading.pid)
        {
            tracked.credited_ns = reading.own_ns;
            self.with_tally(run, |tally| tally.cpu_ns += reading.own_ns);
        }
        if let Some(run) = owned.or(run) {
            self.with_tally(run, |tally| tally.cpu_ns += reading.waited_ns);
        }
        self.track(tracked);
    }

    fn run_for(&self, reading: &Reading) -> Option<Ulid> {
        if self.is_reporter(reading) {
            return None;
        }
        match self.owned_by(reading.parent) {
            Some((run, Claim::Wrapper | Claim::Whole)) => return Some(run),
            Some((run, Claim::Hook { from, until })) => {
                let in_time = reading.start_ticks + self.grain_ticks >= from
                    && until.is_none_or(|until| reading.start_ticks <= until);
                if in_time {
                    return Some(run);
                }
            }
            None => {}
        }
        self.processes.get(reading.parent)?.run
    }

    /// The innermost open run that `pid` owns.
    fn owned_by(&self, pid: u32) -> Option<(Ulid, Claim)> {
        let run = *self.owners.get(&pid)?.last()?;
        Some((run, self.runs.get(&run)?.claim))
    }

    fn is_open(&self, run: Ulid) -> bool {
        let owner = self.runs.get(&run).map(|claimed| claimed.owner.pid);
        owner.and_then(|owner| self.owners.get(&owner)).is_some_and(|runs| runs.contains(&run))
    }

    fn track(&mut self, tracked: Tracked) {
        self.untrack(tracked.reading.pid);
        if let Some(claimed) = tracked.run.and_then(|run| self.runs.get_mut(&run)) {
            claimed.members.insert(tracked.reading.pid);
        }
        self.processes.insert(tracked);
    }

    fn untrack(&mut self, pid: u32) -> Option<Tracked> {
        let tracked = self.processes.remove(pid)?;
        if let Some(claimed) = tracked.run.and_then(|run| self.runs.get_mut(&run)) {
            claimed.members.remove(&pid);
        }
        Some(tracked)
    }

    /// An inner run opened above a process that an outer one had seen first.
    fn move_to(&mut self, pid: u32, run: Ulid) {
        let Some(mut tracked) = self.untrack(pid) else { return };
        let from = tracked.run.replace(run);
        let time = std::mem::take(&mut tracked.credited_ns);
        let rss_bytes = if tracked.has_memory { tracked.reading.rss_bytes } else { 0 };
        let rss = std::mem::replace(&mut tracked.rss_max_bytes, rss_bytes);
        if let Some(from) = from {
            self.with_tally(from, |tally| tally.fold(&tracked.reading.name, time, rss, true));
            self.track(tracked);
            self.see(from);
        } else {
            self.track(tracked);
        }
    }

    /// No more children of the run's shell from this clock tick on; those that it was given too many are the next run's.
    pub(super) fn until(&mut self, run: Ulid, ticks: u64) {
        let Some(claimed) = self.runs.get_mut(&run) else { return };
        let Claim::Hook { from, until } = &mut claimed.claim else { return };
        *until = Some(ticks);
        let (from, owner) = (*from, claimed.owner.pid);
        let mut younger: Vec<u32> = claimed.members.iter().copied().collect();
        younger.retain(|pid| self.processes.child_above(*pid, owner).is_some_and(|began| began > ticks));
        for pid in younger {
            self.take_back(pid, run);
        }
        // What is let go of is met anew, by this run or by the next.
        let window = from..=ticks;
        for pid in self.processes.children(owner).to_vec() {
            let child = self.processes.get(pid).filter(|child| child.run.is_none());
            if child.is_some_and(|child| window.contains(&child.reading.start_ticks)) {
                self.untrack(pid);
            }
        }
        self.see(run);
    }

    fn with_tally(&mut self, run: Ulid, change: impl FnOnce(&mut Tally)) {
        if let Some(claimed) = self.runs.get_mut(&run) {
            change(&mut claimed.tally);
        }
    }
}

#[cfg(test)]
mod tests;

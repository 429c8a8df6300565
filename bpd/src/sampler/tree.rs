//! Which processes belong to which run, and what they have cost. Pure: readings in, usage out.
//!
//! A process belongs to the innermost open run above it, from its first reading until it is gone, wherever it is
//! reparented to. A run's CPU time is the sum of what its processes were seen to grow by; it never falls, and what a
//! process had burned when it was last seen stays. Children that came and went between two readings are found in the
//! waited-for time of their parent: its growth, less what its children that are gone had been credited already.

use std::collections::HashMap;

use bp_proto::{Owner, Ulid};

use super::probe::Reading;
use super::tally::{Tally, Usage};

/// Waited-for time comes in whole clock ticks.
const TICK_NS: i64 = 10_000_000;

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

#[derive(Debug)]
struct Claimed {
    owner: Owner,
    claim: Claim,
    /// Ended: takes no new children of its owner, keeps what it has.
    closed: bool,
    /// Order of opening: of two claims by one owner the later is the inner one.
    serial: u64,
    tally: Tally,
}

#[derive(Debug)]
struct Tracked {
    reading: Reading,
    /// `None`: read because it descends from an owner, but of no run that is known.
    run: Option<Ulid>,
    /// Waited-for growth less what was credited before; at most a debt of one reading.
    balance: i64,
    /// Own time credited to `run`, under the process's name.
    credited_ns: u64,
    rss_max_bytes: u64,
}

/// All open runs and their processes.
#[derive(Debug, Default)]
pub(super) struct Tree {
    runs: HashMap<Ulid, Claimed>,
    processes: HashMap<u32, Tracked>,
    serial: u64,
}

impl Tree {
    /// The processes to be read: with all that descend from them they are everything the runs need.
    pub(super) fn roots(&self) -> Vec<u32> {
        let owners = self.runs.values().filter(|run| !run.closed).map(|run| run.owner.pid);
        let mut roots: Vec<u32> = owners.chain(self.processes.keys().copied()).collect();
        roots.sort_unstable();
        roots.dedup();
        roots
    }

    /// A run begins. `readings` are fresh ones of its owner and the roots; what was burned before is not the run's.
    pub(super) fn open(&mut self, run: Ulid, owner: Owner, claim: Claim, readings: &[Reading]) {
        self.bury(readings);
        let from = if let Claim::Hook { from, .. } = claim { from } else { 0 };
        let below: Vec<u32> = self
            .processes
            .keys()
            .copied()
            .filter(|pid| self.child_above(*pid, owner.pid).is_some_and(|ticks| ticks >= from))
            .collect();
        for pid in below {
            self.move_to(pid, run);
        }
        match claim {
            // Between two runs nobody looked at the shell.
            Claim::Hook { .. } => {
                let outer = self.processes.remove(&owner.pid).and_then(|tracked| tracked.run);
                let reading = readings.iter().find(|reading| reading.pid == owner.pid);
                self.processes
                    .extend(reading.map(|reading| (owner.pid, Tracked::new(reading.clone(), outer))));
            }
            Claim::Wrapper => {}
            Claim::Whole => {
                self.move_to(owner.pid, run);
                let mut whole = vec![owner.pid];
                for reading in readings {
                    if reading.pid == owner.pid || whole.contains(&reading.parent) {
                        whole.push(reading.pid);
                        self.processes
                            .entry(reading.pid)
                            .or_insert_with(|| Tracked::new(reading.clone(), Some(run)));
                    }
                }
            }
        }
        self.serial += 1;
        let serial = self.serial;
        self.runs.insert(run, Claimed { owner, claim, closed: false, serial, tally: Tally::default() });
        self.update(readings);
    }

    /// The run has ended; what it started lives on as its own, and its owner's next children are not its.
    pub(super) fn close(&mut self, run: Ulid) {
        if let Some(claimed) = self.runs.get_mut(&run) {
            claimed.closed = true;
            self.prune();
        }
    }

    /// Nothing more is wanted of this run.
    pub(super) fn forget(&mut self, run: Ulid) {
        self.runs.remove(&run);
        for tracked in self.processes.values_mut() {
            if tracked.run == Some(run) {
                tracked.run = None;
            }
        }
        self.prune();
    }

    /// Lets go of what is neither in a run nor below the owner of an open one.
    fn prune(&mut self) {
        let owners: Vec<u32> =
            self.runs.values().filter(|run| !run.closed).map(|run| run.owner.pid).collect();
        let strays: Vec<u32> = self
            .processes
            .iter()
            .filter(|(pid, tracked)| {
                tracked.run.is_none()
                    && !owners.contains(pid)
                    && !owners.iter().any(|owner| self.child_above(**pid, *owner).is_some())
            })
            .map(|(pid, _)| *pid)
            .collect();
        for pid in strays {
            self.processes.remove(&pid);
        }
    }

    /// Takes in readings of all [`Self::roots`] and their descendants, a parent before its children. A root that is
    /// not among them is gone.
    pub(super) fn update(&mut self, readings: &[Reading]) {
        let absorbed = self.bury(readings);
        for reading in readings {
            if self.processes.contains_key(&reading.pid) {
                self.grow(reading, absorbed.get(&reading.pid).copied().unwrap_or(0));
            } else {
                self.welcome(reading);
            }
        }
        for (run, claimed) in &mut self.runs {
            let alive = self
                .processes
                .values()
                .filter(|tracked| tracked.run == Some(*run) && !tracked.reading.zombie);
            claimed
                .tally
                .see(alive.clone().map(|tracked| tracked.reading.rss_bytes).sum(), alive.count() as u32);
        }
    }

    /// What a run has cost so far.
    pub(super) fn usage(&self, run: Ulid) -> Option<Usage> {
        let claimed = self.runs.get(&run)?;
        let alive = self.processes.values().filter(|tracked| tracked.run == Some(run));
        Some(claimed.tally.usage(
            alive.map(|tracked| (tracked.reading.name.as_str(), tracked.credited_ns, tracked.rss_max_bytes)),
        ))
    }

    /// The run that a process belongs to now: the one it owns, else the one it is a member of.
    pub(super) fn run_of(&self, pid: u32) -> Option<Ulid> {
        self.owned_by(pid).map(|(run, _)| run).or_else(|| self.processes.get(&pid)?.run)
    }

    /// Removes what is gone. → for each living parent, the time of its children that are gone.
    fn bury(&mut self, readings: &[Reading]) -> HashMap<u32, u64> {
        let alive: HashMap<u32, u64> =
            readings.iter().map(|reading| (reading.pid, reading.start_ticks)).collect();
        let gone: HashMap<u32, Tracked> = self
            .processes
            .extract_if(|pid, tracked| alive.get(pid) != Some(&tracked.reading.start_ticks))
            .collect();
        let mut absorbed = HashMap::new();
        for tracked in gone.values() {
            let mut parent = tracked.reading.parent;
            // A parent that is gone too handed on what it had waited for, as far as anybody can know.
            for _ in 0..gone.len() {
                let Some(above) = gone.get(&parent) else { break };
                parent = above.reading.parent;
            }
            let time = tracked.reading.own_ns + tracked.reading.waited_ns;
            if self.processes.contains_key(&parent) {
                *absorbed.entry(parent).or_insert(0) += time;
                let foreign = tracked.run.and_then(|run| self.runs.get(&run)).is_none_or(|run| run.closed);
                if foreign && let Some(run) = self.owned_by(parent).map(|(run, _)| run) {
                    self.with_tally(run, |tally| tally.foreign_ns += time);
                }
            }
            if let Some(run) = tracked.run {
                self.with_tally(run, |tally| {
                    tally.fold(&tracked.reading.name, tracked.credited_ns, tracked.rss_max_bytes);
                });
            }
        }
        absorbed
    }

    /// A process that is known already.
    fn grow(&mut self, reading: &Reading, absorbed: u64) {
        let owned = self.owned_by(reading.pid);
        let Some(tracked) = self.processes.get_mut(&reading.pid) else { return };
        let own = reading.own_ns.saturating_sub(tracked.reading.own_ns);
        let waited = reading.waited_ns.saturating_sub(tracked.reading.waited_ns);
        tracked.balance += waited as i64 - absorbed as i64;
        let unseen = tracked.balance.max(0) as u64;
        tracked.balance = tracked.balance.clamp(-(absorbed as i64) - TICK_NS, 0);
        let shells = owned.filter(|(_, claim)| matches!(claim, Claim::Hook { .. })).map(|(run, _)| run);
        let own_of = shells.or(tracked.run);
        let waited_of = owned.map(|(run, _)| run).or(tracked.run);
        if own_of == tracked.run {
            tracked.credited_ns += own;
        }
        tracked.rss_max_bytes = tracked.rss_max_bytes.max(reading.rss_bytes);
        tracked.reading.clone_from(reading);
        for (run, time) in [(own_of, own), (waited_of, unseen)] {
            if let Some(run) = run {
                self.with_tally(run, |tally| tally.cpu_ns += time);
            }
        }
    }

    /// A process that is seen for the first time.
    fn welcome(&mut self, reading: &Reading) {
        let run = self.run_for(reading);
        let mut tracked = Tracked::new(reading.clone(), run);
        let owned = self.owned_by(reading.pid).map(|(run, _)| run);
        if let Some(run) = run {
            tracked.credited_ns = reading.own_ns;
            self.with_tally(run, |tally| tally.cpu_ns += reading.own_ns);
        }
        if let Some(run) = owned.or(run) {
            self.with_tally(run, |tally| tally.cpu_ns += reading.waited_ns);
        }
        self.processes.insert(reading.pid, tracked);
    }

    fn run_for(&self, reading: &Reading) -> Option<Ulid> {
        match self.owned_by(reading.parent) {
            Some((run, Claim::Wrapper | Claim::Whole)) => return Some(run),
            Some((run, Claim::Hook { from, until })) => {
                let in_time =
                    reading.start_ticks >= from && until.is_none_or(|until| reading.start_ticks <= until);
                if in_time {
                    return Some(run);
                }
            }
            None => {}
        }
        self.processes.get(&reading.parent)?.run
    }

    /// The innermost open run that `pid` owns.
    fn owned_by(&self, pid: u32) -> Option<(Ulid, Claim)> {
        self.runs
            .iter()
            .filter(|(_, run)| !run.closed && run.owner.pid == pid)
            .max_by_key(|(_, run)| run.serial)
            .map(|(run, claimed)| (*run, claimed.claim))
    }

    /// Of a process below `owner`: when the child of `owner` started that it is or descends from.
    fn child_above(&self, pid: u32, owner: u32) -> Option<u64> {
        let mut at = pid;
        for _ in 0..self.processes.len() {
            let tracked = self.processes.get(&at)?;
            if tracked.reading.parent == owner {
                return Some(tracked.reading.start_ticks);
            }
            at = tracked.reading.parent;
        }
        None
    }

    /// An inner run opened above a process that an outer one had seen first.
    fn move_to(&mut self, pid: u32, run: Ulid) {
        let Some(tracked) = self.processes.get_mut(&pid) else { return };
        let from = tracked.run.replace(run);
        let (name, time) = (tracked.reading.name.clone(), std::mem::take(&mut tracked.credited_ns));
        let rss = std::mem::take(&mut tracked.rss_max_bytes);
        if let Some(from) = from {
            self.with_tally(from, |tally| tally.fold(&name, time, rss));
        }
    }

    /// No more children of the run's shell from this clock tick on.
    pub(super) fn until(&mut self, run: Ulid, ticks: u64) {
        if let Some(Claimed { claim: Claim::Hook { until, .. }, .. }) = self.runs.get_mut(&run) {
            *until = Some(ticks);
        }
    }

    fn with_tally(&mut self, run: Ulid, change: impl FnOnce(&mut Tally)) {
        if let Some(claimed) = self.runs.get_mut(&run) {
            change(&mut claimed.tally);
        }
    }
}

impl Tracked {
    fn new(reading: Reading, run: Option<Ulid>) -> Self {
        let rss_max_bytes = reading.rss_bytes;
        Self { reading, run, balance: 0, credited_ns: 0, rss_max_bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;
    const SHELL: u32 = 10;

    fn uid(n: u128) -> Ulid {
        Ulid::from(n)
    }

    /// A process: pid, parent, start in ticks, own and waited-for milliseconds.
    fn process(pid: u32, parent: u32, start_ticks: u64, own_ms: u64, waited_ms: u64) -> Reading {
        Reading {
            pid,
            start_ticks,
            parent,
            name: format!("p{pid}"),
            own_ns: own_ms * MS,
            waited_ns: waited_ms * MS,
            rss_bytes: 1 << 20,
            zombie: false,
        }
    }

    fn shell(own_ms: u64, waited_ms: u64) -> Reading {
        process(SHELL, 1, 1, own_ms, waited_ms)
    }

    fn owner(pid: u32) -> Owner {
        Owner { pid, start_ticks: 0 }
    }

    fn hook(from: u64) -> Claim {
        Claim::Hook { from, until: None }
    }

    fn check(tree: &Tree, run: Ulid, cpu_ms: u64, processes: u32) {
        let usage = tree.usage(run).unwrap();
        assert_eq!((usage.cpu_ns / MS, usage.processes), (cpu_ms, processes), "{usage:?}");
    }

    #[test]
    fn a_run_is_the_shells_new_children_and_the_shells_own_time() {
        let mut tree = Tree::default();
        let old = process(11, SHELL, 50, 70, 0);
        tree.open(uid(1), owner(SHELL), hook(100), &[shell(500, 90), old.clone()]);
        check(&tree, uid(1), 0, 0);
        // The older child goes on without counting; the new one counts from its start.
        tree.update(&[shell(505, 90), process(11, SHELL, 50, 700, 0), process(12, SHELL, 100, 30, 0)]);
        check(&tree, uid(1), 35, 1);
        assert_eq!(tree.usage(uid(1)).unwrap().children[0].name, "p12");
    }

    #[test]
    fn what_a_child_burned_counts_once_whether_it_is_waited_for_or_not() {
        let mut tree = Tree::default();
        tree.open(uid(1), owner(SHELL), hook(100), &[shell(0, 0)]);
        tree.update(&[shell(0, 0), process(12, SHELL, 100, 30, 0), process(13, 12, 101, 40, 0)]);
        check(&tree, uid(1), 70, 2);
        // 13 burned 5 ms more than was seen, then 12 waited for it.
        tree.update(&[shell(0, 0), process(12, SHELL, 100, 30, 45)]);
        check(&tree, uid(1), 75, 1);
        // 12 is gone, and its end is seen before the shell waited for it.
        tree.update(&[shell(0, 0)]);
        check(&tree, uid(1), 75, 0);
        tree.update(&[shell(0, 75)]);
        check(&tree, uid(1), 75, 0);
        // Children that nobody saw.
        tree.update(&[shell(0, 175)]);
        check(&tree, uid(1), 175, 0);
    }

    #[test]
    fn whole_branches_that_end_between_two_readings_count_once() {
        let mut tree = Tree::default();
        tree.open(uid(1), owner(SHELL), hook(100), &[shell(0, 0)]);
        let branch =
            [process(12, SHELL, 100, 30, 20), process(13, 12, 101, 40, 0), process(14, 13, 102, 10, 0)];
        tree.update(&[&[shell(0, 0)][..], &branch].concat());
        check(&tree, uid(1), 100, 3);
        tree.update(&[shell(0, 110)]);
        check(&tree, uid(1), 110, 0);
    }

    #[test]
    fn a_process_that_is_reparented_stays() {
        let mut tree = Tree::default();
        tree.open(uid(1), owner(SHELL), hook(100), &[shell(0, 0)]);
        tree.update(&[shell(0, 0), process(12, SHELL, 100, 10, 0), process(13, 12, 101, 10, 0)]);
        tree.update(&[shell(0, 10), process(13, 1, 101, 50, 0), process(14, 13, 120, 5, 0)]);
        check(&tree, uid(1), 65, 2);
        assert_eq!(tree.run_of(14), Some(uid(1)));
    }

    #[test]
    fn a_reused_pid_is_another_process() {
        let mut tree = Tree::default();
        tree.open(uid(1), owner(SHELL), hook(100), &[shell(0, 0)]);
        tree.update(&[shell(0, 0), process(12, SHELL, 100, 30, 0)]);
        tree.update(&[shell(0, 30), process(12, SHELL, 150, 20, 0)]);
        check(&tree, uid(1), 50, 1);
        assert_eq!(tree.usage(uid(1)).unwrap().children[0].processes, 2);
    }

    #[test]
    fn background_jobs_stay_with_the_run_that_started_them() {
        let mut tree = Tree::default();
        tree.open(uid(1), owner(SHELL), hook(100), &[shell(0, 0)]);
        tree.update(&[shell(0, 0), process(12, SHELL, 100, 30, 0)]);
        tree.close(uid(1));
        tree.open(uid(2), owner(SHELL), hook(200), &[shell(0, 0), process(12, SHELL, 100, 60, 0)]);
        tree.update(&[
            shell(0, 0),
            process(12, SHELL, 100, 80, 0),
            process(13, 12, 210, 5, 0),
            process(14, SHELL, 210, 7, 0),
        ]);
        check(&tree, uid(1), 85, 2);
        check(&tree, uid(2), 7, 1);
        // The shell waits for the old job during the new run: not the new run's work, and known as that.
        tree.update(&[shell(0, 92), process(13, 1, 210, 5, 0)]);
        check(&tree, uid(2), 12, 0);
        assert_eq!(tree.usage(uid(2)).unwrap().foreign_ns, 80 * MS);
    }

    #[test]
    fn a_child_that_began_after_the_end_is_not_the_ended_runs() {
        let mut tree = Tree::default();
        tree.open(uid(1), owner(SHELL), hook(100), &[shell(0, 0)]);
        tree.until(uid(1), 150);
        tree.update(&[shell(0, 0), process(12, SHELL, 150, 30, 0), process(13, SHELL, 151, 30, 0)]);
        check(&tree, uid(1), 30, 1);
    }

    #[test]
    fn a_process_belongs_to_the_innermost_run() {
        let mut tree = Tree::default();
        let inner_shell = process(20, SHELL, 100, 3, 0);
        tree.open(uid(1), owner(SHELL), hook(100), &[shell(0, 0), inner_shell.clone()]);
        check(&tree, uid(1), 3, 1);
        let before = [shell(0, 0), inner_shell, process(21, 20, 300, 10, 0)];
        // Seen by the outer run first.
        tree.update(&before);
        tree.open(uid(2), owner(20), hook(300), &before);
        tree.update(&[shell(0, 0), process(20, SHELL, 100, 8, 0), process(21, 20, 300, 50, 0)]);
        check(&tree, uid(2), 45, 1);
        check(&tree, uid(1), 13, 1);
        assert_eq!(
            (tree.run_of(21), tree.run_of(20), tree.run_of(SHELL)),
            (Some(uid(2)), Some(uid(2)), Some(uid(1)))
        );
        tree.forget(uid(2));
        assert_eq!(tree.run_of(20), Some(uid(1)));
    }

    #[test]
    fn a_wrapper_counts_what_it_waited_for_and_not_itself() {
        let mut tree = Tree::default();
        let wrapper = process(30, SHELL, 100, 2, 40);
        tree.open(uid(1), owner(SHELL), hook(100), &[shell(0, 0)]);
        tree.open(uid(2), owner(30), Claim::Wrapper, &[shell(0, 0), wrapper, process(31, 30, 101, 9, 0)]);
        check(&tree, uid(2), 49, 1);
        check(&tree, uid(1), 2, 1);
    }

    #[test]
    fn a_posted_process_counts_from_the_moment_it_was_named() {
        let mut tree = Tree::default();
        let before = [process(40, 1, 5, 900, 100), process(41, 40, 6, 300, 0)];
        tree.open(uid(1), owner(40), Claim::Whole, &before);
        check(&tree, uid(1), 0, 2);
        tree.update(&[process(40, 1, 5, 910, 100), process(41, 40, 6, 320, 0), process(42, 40, 9, 5, 0)]);
        check(&tree, uid(1), 35, 3);
    }

    #[test]
    fn after_the_last_run_nothing_is_read() {
        let mut tree = Tree::default();
        let readings = [shell(0, 0), process(11, SHELL, 50, 0, 0), process(12, SHELL, 100, 0, 0)];
        tree.open(uid(1), owner(SHELL), hook(100), &readings);
        assert_eq!(tree.roots(), [SHELL, 11, 12]);
        tree.close(uid(1));
        assert_eq!(tree.roots(), [12], "what lives on is still read, the shell is not");
        tree.forget(uid(1));
        assert_eq!(tree.roots(), [0_u32; 0]);
    }
}

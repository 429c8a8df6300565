//! The processes that are kept account of, and which are whose children. Pure.

use bp_proto::Ulid;

use super::activity::Account;
use super::pids::PidMap;
use super::probe::Reading;

#[derive(Debug)]
pub(super) struct Tracked {
    pub reading: Reading,
    /// `None`: a child of an owner, but of no run that is known.
    pub run: Option<Ulid>,
    /// Waited-for growth less what was credited before; at most a debt of one reading.
    pub balance: i64,
    /// Of children that went since the last reading: their time, which the next one finds in the waited-for time; and
    /// whose they were.
    pub absorbed_ns: u64,
    pub gone: Vec<Gone>,
    /// Own time credited to `run`, under the process's name.
    pub credited_ns: u64,
    /// Its peak, as far as its memory counts.
    pub rss_max_bytes: u64,
    /// A reading was taken when it was the program that it is now, and had its memory.
    pub has_memory: bool,
    pub account: Account,
    /// Read at least twice.
    pub stayed: bool,
}

/// A process that is gone, and burned some more after its last reading.
#[derive(Clone, Debug)]
pub(super) struct Gone {
    pub run: Option<Ulid>,
    /// When it was last seen.
    pub own_ns: u64,
    pub stayed: bool,
}

/// A program that has loaded its libraries has more. What has less was read while it began, unless it has less later too.
const LEAST_LOADED_BYTES: u64 = 1 << 20;

/// Whether the first reading of a program tells its memory.
fn has_memory(reading: &Reading) -> bool {
    !reading.is_fork && reading.rss_bytes >= LEAST_LOADED_BYTES
}

impl Tracked {
    pub(super) fn new(reading: Reading, run: Option<Ulid>) -> Self {
        let has_memory = has_memory(&reading);
        let rss_max_bytes = if has_memory { reading.rss_bytes + reading.spike_bytes } else { 0 };
        let account = Account::from_now(reading.counts);
        Self {
            account,
            reading,
            run,
            balance: 0,
            absorbed_ns: 0,
            gone: Vec::new(),
            credited_ns: 0,
            rss_max_bytes,
            has_memory,
            stayed: false,
        }
    }

    /// A process of which everything is its run's.
    pub(super) fn whole(reading: Reading, run: Option<Ulid>) -> Self {
        Self { account: Account::from_its_start(), ..Self::new(reading, run) }
    }

    /// What its parent finds in its waited-for time, as far as it is known.
    pub(super) fn handed_on_ns(&self) -> u64 {
        let debt = self.balance.min(0).unsigned_abs();
        self.reading.own_ns + self.reading.waited_ns + self.absorbed_ns + debt
    }
}

#[derive(Debug, Default)]
pub(super) struct Processes {
    by_pid: PidMap<Tracked>,
    /// Parent → children; a parent need not be tracked itself.
    below: PidMap<Vec<u32>>,
}

impl Processes {
    pub(super) fn get(&self, pid: u32) -> Option<&Tracked> {
        self.by_pid.get(&pid)
    }

    /// The reading is changed by [`Self::read_again`] alone.
    pub(super) fn get_mut(&mut self, pid: u32) -> Option<&mut Tracked> {
        self.by_pid.get_mut(&pid)
    }

    pub(super) fn len(&self) -> usize {
        self.by_pid.len()
    }

    pub(super) fn contains(&self, pid: u32) -> bool {
        self.by_pid.contains_key(&pid)
    }

    pub(super) fn children(&self, parent: u32) -> &[u32] {
        self.below.get(&parent).map_or(&[], Vec::as_slice)
    }

    /// All that descend from `pid`, as far as every process between is tracked.
    pub(super) fn descendants(&self, pid: u32) -> Vec<u32> {
        let mut found = self.children(pid).to_vec();
        let mut at = 0;
        // Readings of different moments may make a circle of reused pids.
        while at < found.len() && found.len() <= self.by_pid.len() {
            found.extend_from_slice(self.children(found[at]));
            at += 1;
        }
        found
    }

    pub(super) fn insert(&mut self, tracked: Tracked) {
        let (pid, parent) = (tracked.reading.pid, tracked.reading.parent);
        self.remove(pid);
        self.by_pid.insert(pid, tracked);
        self.below.entry(parent).or_default().push(pid);
    }

    pub(super) fn remove(&mut self, pid: u32) -> Option<Tracked> {
        let tracked = self.by_pid.remove(&pid)?;
        self.leave(tracked.reading.parent, pid);
        Some(tracked)
    }

    pub(super) fn read_again(&mut self, reading: &Reading) {
        let Some(tracked) = self.by_pid.get_mut(&reading.pid) else { return };
        let before = std::mem::replace(&mut tracked.reading, reading.clone());
        tracked.stayed = true;
        let parent = before.parent;
        if before.is_fork && !reading.is_fork {
            // It has become another program: what it had before was its parent's.
            tracked.has_memory = has_memory(reading);
            tracked.rss_max_bytes = 0;
        } else {
            tracked.has_memory |= has_memory(reading) || (before.rss_bytes > 0 && reading.rss_bytes > 0);
        }
        if tracked.has_memory {
            tracked.rss_max_bytes = tracked.rss_max_bytes.max(reading.rss_bytes + reading.spike_bytes);
        }
        if parent != reading.parent {
            self.leave(parent, reading.pid);
            self.below.entry(reading.parent).or_default().push(reading.pid);
        }
    }

    fn leave(&mut self, parent: u32, pid: u32) {
        let Some(children) = self.below.get_mut(&parent) else { return };
        children.retain(|child| *child != pid);
        if children.is_empty() {
            self.below.remove(&parent);
        }
    }

    /// Of a process below `owner`: when the child of `owner` started that it is or descends from.
    pub(super) fn child_above(&self, pid: u32, owner: u32) -> Option<u64> {
        let mut at = pid;
        for _ in 0..self.by_pid.len() {
            let tracked = self.by_pid.get(&at)?;
            if tracked.reading.parent == owner {
                return Some(tracked.reading.start_ticks);
            }
            at = tracked.reading.parent;
        }
        None
    }

    /// Whether a process above `pid` is wanted.
    pub(super) fn is_below(&self, pid: u32, wanted: impl Fn(u32) -> bool) -> bool {
        let mut at = pid;
        for _ in 0..=self.by_pid.len() {
            let Some(tracked) = self.by_pid.get(&at) else { return false };
            at = tracked.reading.parent;
            if wanted(at) {
                return true;
            }
        }
        false
    }
}

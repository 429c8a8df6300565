//! What processes burn between the last look at them and their end, where counters are allowed: each that is met gets one
//! of its own, which can be read when it is gone. Some ten microseconds a process, once.

use bp_proto::counter::Counter;

use super::pids::PidMap;
use super::probe::{Probe, Reading};
use super::room;
use super::tree::{Fate, Tree};

/// Processes that are counted at once. Of the others is known what they had burned when they were looked at last.
const MAX_COUNTED: usize = 128;

/// Threads of one process.
const MAX_THREADS: u32 = 16;

/// A counter that is behind the process's clock by more has lost it: the process has gained privileges by its program.
const LOST_NS: u64 = 1_000_000;

#[derive(Debug)]
pub(super) struct Ends {
    are_allowed: bool,
    /// Counters that may be open at once.
    room: usize,
    counted: PidMap<Counted>,
}

#[derive(Debug)]
struct Counted {
    start_ticks: u64,
    /// What it had burned before it was counted.
    before_ns: u64,
    /// Its own at the last reading.
    seen_ns: u64,
    counters: Vec<Counter>,
}

impl Counted {
    /// All that the process, which is gone, has burned.
    fn own_ns(&self) -> Option<u64> {
        let counted: u64 = self.counters.iter().map(Counter::read).sum::<Option<u64>>()?;
        let own_ns = self.before_ns + counted;
        (own_ns + LOST_NS >= self.seen_ns).then_some(own_ns)
    }
}

impl Ends {
    pub(super) fn new(are_allowed: bool) -> Self {
        Self { are_allowed, room: room::for_counters(), counted: PidMap::default() }
    }

    /// Begins to count those of the processes that were just read which are in some run.
    pub(super) fn meet(&mut self, tree: &Tree, probe: &Probe, readings: &[Reading]) {
        if !self.are_allowed {
            return;
        }
        for reading in readings {
            let Reading { pid, start_ticks, own_ns, threads, zombie, .. } = *reading;
            if let Some(counted) = self.counted.get_mut(&pid).filter(|known| known.start_ticks == start_ticks)
            {
                counted.seen_ns = own_ns;
                continue;
            }
            let is_wanted = !zombie && threads <= MAX_THREADS && tree.is_member(pid);
            if !is_wanted || self.counted.len() >= MAX_COUNTED || self.open() + threads as usize > self.room {
                continue;
            }
            let Some(counters) = of_threads(pid, threads) else { continue };
            let (Some(now_ns), Some(counted_ns)) =
                (probe.own_ns(pid), counters.iter().map(Counter::read).sum::<Option<u64>>())
            else {
                continue;
            };
            let before_ns = now_ns.saturating_sub(counted_ns);
            self.counted.insert(pid, Counted { start_ticks, before_ns, seen_ns: own_ns, counters });
        }
    }

    fn open(&self) -> usize {
        self.counted.values().map(|counted| counted.counters.len()).sum()
    }

    /// What has become of a process; what was counted of one that is gone is told once.
    pub(super) fn fate(&mut self, probe: &mut Probe, pid: u32, start_ticks: u64) -> Fate {
        if probe.is_there(pid, start_ticks) {
            return Fate::There;
        }
        let is_its = self.counted.get(&pid).is_some_and(|counted| counted.start_ticks == start_ticks);
        let counted = if is_its { self.counted.remove(&pid) } else { None };
        Fate::Gone { own_ns: counted.and_then(|counted| counted.own_ns()) }
    }

    /// Lets go of those that are not wanted any more.
    pub(super) fn keep(&mut self, is_wanted: impl Fn(u32) -> bool) {
        self.counted.retain(|pid, _| is_wanted(*pid));
    }
}

/// One for each thread that there is, which has those that it starts from now on as well.
fn of_threads(pid: u32, threads: u32) -> Option<Vec<Counter>> {
    if threads <= 1 {
        return Some(vec![room::counter(Counter::of_thread(pid))?]);
    }
    let tids = std::fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    let tids = tids.map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    tids.map(|tid| room::counter(Counter::of_thread(tid?))).collect()
}

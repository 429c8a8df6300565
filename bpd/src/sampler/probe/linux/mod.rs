//! Processes by `/proc` and by their CPU clocks. Reads only what it is asked for and what descends from it: its cost
//! does not grow with the machine's other processes, as long as the kernel lists children (`CONFIG_PROC_CHILDREN`).

mod clock;
mod files;
mod kept;
mod stat;

use std::collections::VecDeque;
use std::fs;
use std::time::{Duration, Instant};

use bp_proto::{Owner, process};

use super::{MAX_READINGS, Reading, Seen};
use crate::sampler::pids::{PidMap, PidSet};
use clock::CpuClock;
use files::{Allowance, Missing, TEXT_BYTES};
use kept::{Bench, Kept, Look};
use stat::Stat;

/// All processes of the machine are asked for their parents so seldom that it costs 1 ÷ this of a core.
const SCAN_SHARE: u32 = 50;

#[derive(Debug)]
pub(crate) struct Probe {
    lists_children: bool,
    kept: PidMap<Kept>,
    bench: Bench,
    /// Looks at processes so far, and how many there had been when the last reading of many began.
    looks: u64,
    pass: u64,
    /// For kernels that do not list children: not before.
    next_scan: Option<Instant>,
}

impl Probe {
    pub(crate) fn new() -> Self {
        let own = std::process::id();
        Self {
            lists_children: fs::metadata(format!("/proc/{own}/task/{own}/children")).is_ok(),
            kept: PidMap::default(),
            bench: Bench {
                page_bytes: rustix::param::page_size() as u64,
                allowance: Allowance::new(),
                text: Box::new([0; TEXT_BYTES]),
            },
            looks: 0,
            pass: 0,
            next_scan: None,
        }
    }

    /// The processes `pids`, as far as they have run since they were read last, and those below them that are wanted,
    /// where it is wanted to look below a process; each once. A process stands before its children: who reads the
    /// waited-for time of a parent before its children's own time counts nothing twice.
    ///
    /// `is_fresh`: processes that are read and looked below though they stand still.
    pub(crate) fn with_descendants(
        &mut self,
        pids: impl IntoIterator<Item = u32>,
        is_fresh: impl Fn(u32) -> bool,
        is_wanted: impl Fn(u32) -> bool,
        looks_below: impl Fn(&Reading) -> bool,
    ) -> Seen {
        self.pass = self.looks;
        let asked: Vec<u32> = pids.into_iter().collect();
        let mut asked_for = asked.iter();
        // Mostly nobody is met who could be one of them.
        let mut all_asked = None;
        // What is met below another one, and which reading is the other's.
        let mut queue: VecDeque<(u32, usize)> = VecDeque::new();
        let mut found = PidSet::default();
        let mut seen = Seen::default();
        let mut parents_gone = PidSet::default();
        let mut children = Vec::new();
        let mut scanned = None;
        while let Some((pid, above)) = asked_for
            .next()
            .map(|pid| (*pid, None))
            .or_else(|| queue.pop_front().map(|(pid, above)| (pid, Some(above))))
        {
            // What is met below another one is new to whoever asks, even if it was read before.
            match self.look(pid, is_fresh(pid) || found.contains(&pid), &mut seen) {
                Look::Still | Look::Unknown => continue,
                Look::Gone => {
                    if let Some(above) = above.and_then(|above| seen.readings.get_mut(above)) {
                        // It has a clock still: it is there, and not for us to see.
                        above.hides |= CpuClock::of(pid).read().is_some();
                    }
                    parents_gone.insert(pid);
                    continue;
                }
                Look::Moved => {}
            }
            let Some(kept) = self.kept.get_mut(&pid) else { continue };
            let above = seen.readings.len();
            if above == 0 {
                // Mostly there is no other: room for several is dear to get.
                seen.readings.reserve_exact(1);
            }
            seen.readings.push(kept.reading.clone());
            if kept.has_ended() {
                parents_gone.insert(pid);
            }
            if seen.readings.len() == MAX_READINGS {
                tracing::warn!("more than {MAX_READINGS} processes in the open runs; the rest is not read");
                break;
            }
            if !looks_below(&kept.reading) {
                continue;
            }
            if self.lists_children {
                kept.children(&mut children, &mut self.bench);
            } else if let Some(scanned) = scanned.get_or_insert_with(|| self.children_by_parent()) {
                children.extend(scanned.get(&pid).into_iter().flatten());
            } else if let Some(kept) = self.kept.get_mut(&pid) {
                // It may stand still from now on, with children that nobody has met.
                kept.suspect();
            }
            let mut is_asked = |child: &u32| {
                let all: &PidSet = all_asked.get_or_insert_with(|| asked.iter().copied().collect());
                all.contains(child)
            };
            let is_new = |child: &u32| is_wanted(*child) && !is_asked(child) && found.insert(*child);
            queue.extend(children.drain(..).filter(is_new).map(|child| (child, above)));
        }
        self.suspect_children_of(&parents_gone);
        seen
    }

    /// → what came of it: a process that has taken over a pid has moved, and the one before is missed.
    fn look(&mut self, pid: u32, is_fresh: bool, seen: &mut Seen) -> Look {
        self.looks += 1;
        if let Some(kept) = self.kept.get_mut(&pid) {
            kept.pulse.looked = self.looks;
            let look = kept.look(is_fresh, &mut self.bench);
            if look != Look::Gone {
                return look;
            }
            self.drop_kept(pid);
            seen.missed.push(pid);
            // The pid may be another one's by now.
            return self.meet(pid).map_or(Look::Gone, |()| Look::Moved);
        }
        match self.meet(pid) {
            Ok(()) => Look::Moved,
            Err(Missing::Gone) => {
                seen.missed.push(pid);
                Look::Gone
            }
            Err(Missing::Unknown) => Look::Unknown,
        }
    }

    fn meet(&mut self, pid: u32) -> Result<(), Missing> {
        let was_thrifty = self.bench.allowance.thrifty;
        let mut met = Kept::meet(pid, &mut self.bench);
        if self.bench.allowance.thrifty && !was_thrifty {
            tracing::info!("files are running out; the sampler keeps fewer of them open");
            for kept in self.kept.values_mut() {
                kept.shed(&mut self.bench.allowance);
            }
            if met.is_err() {
                met = Kept::meet(pid, &mut self.bench);
            }
        }
        let mut met = met?;
        met.pulse.looked = self.looks;
        self.kept.insert(pid, met);
        Ok(())
    }

    fn drop_kept(&mut self, pid: u32) {
        if let Some(kept) = self.kept.remove(&pid) {
            kept.close(&mut self.bench.allowance);
        }
    }

    /// They have another parent now, and need not have run for that.
    fn suspect_children_of(&mut self, parents: &PidSet) {
        if !parents.is_empty() {
            let kept = self.kept.values_mut();
            kept.filter(|kept| parents.contains(&kept.reading.parent)).for_each(Kept::suspect);
        }
    }

    /// Lets go of the processes that are not wanted any more, and of their files.
    pub(crate) fn keep(&mut self, is_wanted: impl Fn(u32) -> bool) {
        let unwanted: Vec<u32> = self.kept.keys().copied().filter(|pid| !is_wanted(*pid)).collect();
        for pid in unwanted {
            self.drop_kept(pid);
        }
        if self.kept.is_empty() {
            self.kept = PidMap::default();
            self.bench.allowance = Allowance::new();
        }
    }

    /// The process is in no run for now, and its files may stay open; what was read of it is not true of later. → whether
    /// it is kept.
    pub(crate) fn rest(&mut self, pid: u32) -> bool {
        let kept = self.kept.get_mut(&pid).filter(|kept| !kept.reading.zombie);
        kept.map(Kept::rest).is_some()
    }

    /// Whether files have run out since nothing was kept.
    pub(crate) fn lacks_files(&self) -> bool {
        self.bench.allowance.thrifty
    }

    /// How many processes are kept.
    pub(crate) fn kept(&self) -> usize {
        self.kept.len()
    }

    /// Whether this process lives or waits for its parent.
    pub(crate) fn is_there(&mut self, pid: u32, start_ticks: u64) -> bool {
        let Some(kept) = self.kept.get(&pid).filter(|kept| kept.reading.start_ticks == start_ticks) else {
            let stat = files::by_path(pid, "stat", &mut self.bench.text[..]);
            return stat.map_or_else(
                |missing| missing == Missing::Unknown,
                |stat| Stat::parse(stat).is_some_and(|stat| stat.start_ticks == start_ticks),
            );
        };
        // In this reading, and after its parent: what that had waited for by then was not this one.
        let parents = self.kept.get(&kept.reading.parent).map_or(u64::MAX, |parent| parent.pulse.looked);
        (kept.pulse.looked > self.pass && kept.pulse.looked > parents) || kept.is_there(&mut self.bench)
    }

    /// Whether exactly this process runs still; with unknown `start_ticks` any of that pid.
    pub(crate) fn lives(&self, owner: Owner) -> bool {
        let known = self.kept.get(&owner.pid).filter(|kept| {
            let was_looked_at = kept.pulse.looked > self.pass || kept.is_still();
            was_looked_at && [0, kept.reading.start_ticks].contains(&owner.start_ticks)
        });
        known.map_or_else(|| process::is_alive(owner), |kept| !kept.reading.zombie)
    }

    /// The process above this one; `None` when it is gone.
    pub(crate) fn parent(&mut self, pid: u32) -> Option<u32> {
        let stat = files::by_path(pid, "stat", &mut self.bench.text[..]).ok()?;
        Some(Stat::parse(stat)?.parent)
    }

    /// CPU time of a process, nanoseconds.
    #[allow(clippy::unused_self, reason = "as the portable probe has it")]
    pub(crate) fn own_ns(&self, pid: u32) -> Option<u64> {
        CpuClock::of(pid).read()
    }

    /// How much earlier than it did a process may seem to have begun, clock ticks.
    #[allow(clippy::unused_self, reason = "as the portable probe has it")]
    pub(crate) fn grain_ticks(&self) -> u64 {
        0
    }

    /// The next reading meets everything new, however lately all processes were asked.
    pub(crate) fn look_around(&mut self) {
        self.next_scan = None;
    }

    /// For kernels that do not list children: every process asked who its parent is. `None` = not again so soon.
    fn children_by_parent(&mut self) -> Option<PidMap<Vec<u32>>> {
        let mut children: PidMap<Vec<u32>> = PidMap::default();
        let began = Instant::now();
        if self.next_scan.is_some_and(|next| began < next) {
            return None;
        }
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
                continue;
            };
            let stat = files::by_path(pid, "stat", &mut self.bench.text[..]).ok().and_then(Stat::parse);
            if let Some(stat) = stat {
                children.entry(stat.parent).or_default().push(pid);
            }
        }
        let took = began.elapsed().max(Duration::from_millis(1));
        self.next_scan = Some(Instant::now() + took * SCAN_SHARE);
        Some(children)
    }
}

#[cfg(test)]
impl Probe {
    /// As on a kernel without `CONFIG_PROC_CHILDREN`.
    pub(crate) fn without_lists() -> Self {
        Self { lists_children: false, ..Self::new() }
    }
}

#[cfg(test)]
mod tests;

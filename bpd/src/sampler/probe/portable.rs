//! Processes by sysinfo, where there is no `/proc`. It cannot list the children of one process, so each reading asks
//! every process of the machine for its parent; only the wanted ones are read whole. It knows start times by the
//! second, and nothing of the time of children that were waited for.

use std::collections::{HashMap, HashSet, VecDeque};

use bp_proto::Owner;
use bp_proto::process::TICKS_PER_SECOND;
use sysinfo::{Pid, Process, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System};

use super::super::activity::Counts;
use super::{MAX_READINGS, Reading, Seen};

/// Start times come in whole seconds.
const GRAIN_TICKS: u64 = TICKS_PER_SECOND;

#[derive(Debug)]
pub(crate) struct Probe {
    /// `None` when the system cannot be asked at all.
    system: Option<System>,
    booted_at: u64,
}

impl Probe {
    pub(crate) fn new() -> Self {
        let system = System::new().map_err(|error| tracing::error!("processes cannot be read: {error}")).ok();
        Self { system, booted_at: System::boot_time().unwrap_or(0) }
    }

    /// As the Linux probe's; every process is read.
    pub(crate) fn with_descendants(
        &mut self,
        pids: impl IntoIterator<Item = u32>,
        _is_fresh: impl Fn(u32) -> bool,
        is_wanted: impl Fn(u32) -> bool,
        looks_below: impl Fn(&Reading) -> bool,
    ) -> Seen {
        let mut queue: VecDeque<Pid> = pids.into_iter().map(Pid::from_u32).collect();
        let Some(system) = self.system.as_mut().filter(|_| !queue.is_empty()) else {
            return Seen::default();
        };
        let nothing = ProcessRefreshKind::nothing().without_tasks();
        system.refresh_processes_specifics(ProcessesToUpdate::All, true, nothing);
        let mut children: HashMap<Pid, Vec<Pid>> = HashMap::new();
        for (pid, process) in system.processes() {
            if let Some(parent) = process.parent() {
                children.entry(parent).or_default().push(*pid);
            }
        }
        let mut seen: HashSet<Pid> = queue.iter().copied().collect();
        let mut wanted = Vec::new();
        while let Some(pid) = queue.pop_front() {
            wanted.push(pid);
            if wanted.len() == MAX_READINGS {
                break;
            }
            if system.process(pid).is_none_or(|process| !looks_below(&reading(pid, process, self.booted_at)))
            {
                continue;
            }
            let below = children.get(&pid).into_iter().flatten();
            queue.extend(below.filter(|child| is_wanted(child.as_u32()) && seen.insert(**child)));
        }
        system.refresh_processes_specifics(
            ProcessesToUpdate::Some(&wanted),
            true,
            nothing.with_cpu().with_memory(),
        );
        let mut seen = Seen::default();
        for pid in wanted {
            match system.process(pid) {
                Some(process) => seen.readings.push(reading(pid, process, self.booted_at)),
                None => seen.missed.push(pid.as_u32()),
            }
        }
        seen
    }

    /// As far as it was known when processes were read last.
    pub(crate) fn is_there(&self, pid: u32, start_ticks: u64) -> bool {
        let process = self.system.as_ref().and_then(|system| system.process(Pid::from_u32(pid)));
        process.is_some_and(|process| {
            reading(Pid::from_u32(pid), process, self.booted_at).start_ticks == start_ticks
        })
    }

    pub(crate) fn parent(&mut self, pid: u32) -> Option<u32> {
        self.alone(pid).map(|reading| reading.parent)
    }

    /// For those who ask seldom.
    #[allow(clippy::unused_self, reason = "as the other probe has it")]
    pub(crate) fn own_ns(&self, pid: u32) -> Option<u64> {
        Self::new().alone(pid).map(|reading| reading.own_ns)
    }

    pub(crate) fn lives(&mut self, owner: Owner) -> bool {
        let lives = |reading: &Reading| {
            // Who reported it may know its start better.
            let is_it = reading.start_ticks.abs_diff(owner.start_ticks) <= GRAIN_TICKS;
            !reading.zombie && (owner.start_ticks == 0 || is_it)
        };
        self.alone(owner.pid).as_ref().is_some_and(lives)
    }

    /// How much earlier than it did a process may seem to have begun, clock ticks.
    #[allow(clippy::unused_self, reason = "as the other probe has it")]
    pub(crate) fn grain_ticks(&self) -> u64 {
        GRAIN_TICKS
    }

    /// Every reading meets everything new.
    #[allow(clippy::unused_self, reason = "as the other probe has it")]
    pub(crate) fn look_around(&mut self) {}

    /// Nothing is kept of a process.
    #[allow(clippy::unused_self, reason = "as the other probe has it")]
    pub(crate) fn kept(&self) -> usize {
        0
    }

    #[allow(clippy::unused_self, reason = "as the other probe has it")]
    pub(crate) fn rest(&mut self, _pid: u32) -> bool {
        false
    }

    #[allow(clippy::unused_self, reason = "as the other probe has it")]
    pub(crate) fn lacks_files(&self) -> bool {
        false
    }

    #[allow(clippy::unused_self, reason = "as the other probe has it")]
    pub(crate) fn keep(&mut self, _is_wanted: impl Fn(u32) -> bool) {}

    /// One process, whatever else there is.
    fn alone(&mut self, pid: u32) -> Option<Reading> {
        let (system, pid) = (self.system.as_mut()?, Pid::from_u32(pid));
        let wanted = ProcessRefreshKind::nothing().without_tasks().with_cpu();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, wanted);
        system.process(pid).map(|process| reading(pid, process, self.booted_at))
    }
}

fn reading(pid: Pid, process: &Process, booted_at: u64) -> Reading {
    let zombie = matches!(process.status(), ProcessStatus::Zombie | ProcessStatus::Dead);
    Reading {
        pid: pid.as_u32(),
        start_ticks: process.start_time().saturating_sub(booted_at) * TICKS_PER_SECOND,
        parent: process.parent().map_or(0, Pid::as_u32),
        name: process.name().to_string_lossy().into(),
        own_ns: process.accumulated_cpu_time() * 1_000_000,
        waited_ns: 0,
        rss_bytes: if zombie { 0 } else { process.memory() },
        spike_bytes: 0,
        threads: 0,
        counts: Counts::default(),
        zombie,
        is_fork: false,
        is_closed: false,
        hides: false,
        ignores_children: false,
    }
}

//! Processes by sysinfo, where there is no `/proc`. It cannot list the children of one process, so each reading asks
//! every process of the machine for its parent; only the wanted ones are read whole. It knows start times by the
//! second, and nothing of the time of children that were waited for.

use std::collections::{HashMap, HashSet, VecDeque};

#[cfg(not(target_os = "linux"))]
use bp_proto::Owner;
use bp_proto::process::TICKS_PER_SECOND;
use sysinfo::{Pid, Process, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System};

use super::super::activity::Counts;
use super::{MAX_READINGS, Reading, Seen};

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
        let Some(system) = &mut self.system else { return Seen::default() };
        let nothing = ProcessRefreshKind::nothing().without_tasks();
        system.refresh_processes_specifics(ProcessesToUpdate::All, true, nothing);
        let mut children: HashMap<Pid, Vec<Pid>> = HashMap::new();
        for (pid, process) in system.processes() {
            if let Some(parent) = process.parent() {
                children.entry(parent).or_default().push(*pid);
            }
        }
        let mut queue: VecDeque<Pid> = pids.into_iter().map(Pid::from_u32).collect();
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
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn is_there(&self, pid: u32, start_ticks: u64) -> bool {
        let process = self.system.as_ref().and_then(|system| system.process(Pid::from_u32(pid)));
        process.is_some_and(|process| {
            reading(Pid::from_u32(pid), process, self.booted_at).start_ticks == start_ticks
        })
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn parent(&mut self, pid: u32) -> Option<u32> {
        let seen = self.with_descendants([pid], |_| true, |_| false, |_| false);
        seen.readings.first().map(|reading| reading.parent)
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn own_ns(&mut self, pid: u32) -> Option<u64> {
        let seen = self.with_descendants([pid], |_| true, |_| false, |_| false);
        seen.readings.first().map(|reading| reading.own_ns)
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn lives(&self, owner: Owner) -> bool {
        bp_proto::process::is_alive(owner)
    }

    /// Every reading meets everything new.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn look_around(&mut self) {}

    /// Nothing is kept of a process.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn kept(&self) -> usize {
        0
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn keep(&mut self, _is_wanted: impl Fn(u32) -> bool) {}
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
        is_closed: false,
        hides: false,
        ignores_children: false,
    }
}

//! The machine as a whole, while some run is open: load, CPU, memory; and how many CPUs a run may use.

use std::path::Path;
use std::time::Duration;

use bp_proto::Context;
use rustix::time::{ClockId, clock_gettime};
use sysinfo::{MemoryRefreshKind, System};

use crate::event::HostReading;

/// How often the machine is read while some run is open.
pub(super) const PERIOD: Duration = Duration::from_secs(5);

/// CPU use since a reading older than this says nothing about now.
const STALE: Duration = Duration::from_secs(30);

/// Below this the CPU figures of two readings differ by a few clock ticks.
const MIN_GAP: Duration = Duration::from_millis(200);

const BYTES_PER_MB: f64 = 1_048_576.0;

pub(super) struct Machine {
    /// `None` when the system cannot be asked.
    system: Option<System>,
    /// When the CPU counters were read last.
    read_at: Option<Duration>,
    /// The last figure, and when its interval ended.
    cpu_percent: Option<(Duration, f64)>,
}

impl Machine {
    pub(super) fn new() -> Self {
        let system =
            System::new().map_err(|error| tracing::error!("the machine cannot be read: {error}")).ok();
        Self { system, read_at: None, cpu_percent: None }
    }

    /// `None` for the first one: CPU use needs a reading before.
    pub(super) fn reading(&mut self) -> Option<HostReading> {
        let at = since_boot();
        self.refresh(at);
        let system = self.system.as_ref()?;
        let (_, cpu_percent) = self.cpu_percent.filter(|(read, _)| at.saturating_sub(*read) <= MIN_GAP)?;
        Some(HostReading {
            at,
            cpu_percent,
            memory_used_bytes: system.used_memory(),
            memory_total_bytes: system.total_memory(),
            load_1m: System::load_average().ok()?.one,
        })
    }

    /// The machine when a run begins. `pid` = its owner.
    pub(super) fn context(&mut self, pid: Option<u32>) -> Context {
        let at = since_boot();
        self.refresh(at);
        let system = self.system.as_ref();
        let mb = |bytes: u64| (bytes > 0).then_some(bytes as f64 / BYTES_PER_MB);
        Context {
            load_1m: System::load_average().ok().map(|load| load.one),
            host_cpu_percent: self
                .cpu_percent
                .filter(|(read, _)| at.saturating_sub(*read) <= STALE)
                .map(|(_, percent)| percent),
            memory_used_mb: system.and_then(|system| mb(system.used_memory())),
            memory_total_mb: system.and_then(|system| mb(system.total_memory())),
            cpus: Some(cpus(pid)),
            ..Context::default()
        }
    }

    fn refresh(&mut self, at: Duration) {
        let Some(system) = &mut self.system else { return };
        system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        let gap = self.read_at.map(|read| at.saturating_sub(read));
        if gap.is_some_and(|gap| gap < MIN_GAP) {
            return;
        }
        system.refresh_cpu_usage();
        self.read_at = Some(at);
        if gap.is_some_and(|gap| gap <= STALE) {
            self.cpu_percent = Some((at, f64::from(system.global_cpu_usage())));
        }
    }
}

/// Suspended time counts.
pub(super) fn since_boot() -> Duration {
    let time = clock_gettime(BOOT_CLOCK);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[cfg(target_os = "linux")]
const BOOT_CLOCK: ClockId = ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const BOOT_CLOCK: ClockId = ClockId::Monotonic;

pub(super) fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// CPUs that a process may use: affinity and cgroup quota respected.
pub(super) fn cpus(pid: Option<u32>) -> u32 {
    let own = std::thread::available_parallelism().map_or(1, |cpus| cpus.get() as u32);
    let Some(pid) = pid else { return own };
    let allowed = affinity(pid).unwrap_or(own);
    let quota = std::fs::read_to_string(format!("/proc/{pid}/cgroup"))
        .ok()
        .and_then(|groups| quota_cpus(&groups, Path::new("/sys/fs/cgroup")));
    quota.map_or(allowed, |quota| allowed.min(quota)).max(1)
}

#[cfg(target_os = "linux")]
fn affinity(pid: u32) -> Option<u32> {
    // Whoever reports a run may name any number; those above are no pids, and `from_raw` panics at them.
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).ok()?)?;
    Some(rustix::thread::sched_getaffinity(Some(pid)).ok()?.count())
}

#[cfg(not(target_os = "linux"))]
fn affinity(_pid: u32) -> Option<u32> {
    None
}

/// The tightest quota of the process's cgroup v2 and those above it, in whole CPUs, a begun one counted.
fn quota_cpus(groups: &str, mount: &Path) -> Option<u32> {
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let quotas = Path::new(group).ancestors().filter_map(|group| {
        let line = std::fs::read_to_string(mount.join(group).join("cpu.max")).ok()?;
        let (quota, period) = line.trim().split_once(' ')?;
        let (quota, period) = (quota.parse::<u64>().ok()?, period.parse::<u64>().ok()?);
        (period > 0).then(|| quota.div_ceil(period) as u32)
    });
    quotas.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_no_pid_gets_the_cpus_of_bpd() {
        for absurd in [0, i32::MAX as u32, i32::MAX as u32 + 1, u32::MAX] {
            assert!(cpus(Some(absurd)) >= 1, "{absurd}");
        }
    }

    #[test]
    fn the_tightest_quota_above_a_process_counts() {
        let mount = tempfile::tempdir().unwrap();
        let group = mount.path().join("user.slice/tab.scope");
        std::fs::create_dir_all(&group).unwrap();
        std::fs::write(group.join("cpu.max"), "max 100000\n").unwrap();
        std::fs::write(mount.path().join("user.slice/cpu.max"), "150000 100000\n").unwrap();
        let check = |groups: &str, cpus| assert_eq!(quota_cpus(groups, mount.path()), cpus, "{groups:?}");
        check("0::/user.slice/tab.scope\n", Some(2));
        check("1:cpu:/x\n0::/user.slice\n", Some(2));
        check("0::/other\n", None);
        check("1:cpu:/x\n", None);
    }

    #[test]
    fn this_machine_has_memory_load_and_cpus() {
        let mut machine = Machine::new();
        let context = machine.context(Some(std::process::id()));
        assert!(context.memory_total_mb.unwrap() > context.memory_used_mb.unwrap());
        assert!(context.load_1m.unwrap() >= 0.0 && context.cpus.unwrap() >= 1);
        assert_eq!(context.host_cpu_percent, None, "nothing to compare the first reading with");
    }
}

//! The machine as a whole, while some run is open or somebody looks: load, CPU, memory, pressure, disk; and how many
//! CPUs a run may use.

mod disk;
mod pressure;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bp_proto::{Context, Surroundings, UnixMillis};
use rustix::time::{ClockId, clock_gettime};
use sysinfo::{MemoryRefreshKind, System};

use self::disk::Disk;
use self::pressure::PressureFiles;
use super::procfile;
use crate::event::{HostReading, Pressure, Stall};

/// How often the machine is read while some run is open or somebody looks.
pub(super) const PERIOD: Duration = Duration::from_secs(5);

/// The second reading follows the first so soon: CPU use needs two.
pub(super) const SECOND: Duration = Duration::from_millis(250);

/// CPU use since a reading older than this says nothing about now.
const STALE: Duration = Duration::from_secs(30);

/// Below this the CPU figures of two readings differ by a few clock ticks.
const MIN_GAP: Duration = Duration::from_millis(200);

const BYTES_PER_MB: f64 = 1_048_576.0;

pub(super) struct Machine {
    /// `None` when the system cannot be asked.
    system: Option<System>,
    pressure: PressureFiles,
    disk: Option<Disk>,
    /// When CPU and memory were read last.
    read_at: Option<Duration>,
    /// The last figure, and when its interval ended.
    cpu_percent: Option<(Duration, f64)>,
    busy: Busy,
    /// As of when CPU and memory were read; the kernel takes it anew every five seconds.
    load: Option<[f64; 3]>,
}

/// How busy all CPUs were, summed up: the difference of two is the mean of the time between.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Busy {
    /// Up to when.
    at: Duration,
    /// Percent × seconds; 100 = all CPUs.
    percent_s: f64,
}

impl Busy {
    /// 1000 = all CPUs; `None` when the machine was not read between the two.
    pub(super) fn permille_since(self, before: Self) -> Option<u16> {
        let seconds = self.at.checked_sub(before.at)?.as_secs_f64();
        let percent = (self.percent_s - before.percent_s) / seconds;
        (seconds > 0.0).then(|| (percent * 10.0).round().clamp(0.0, 1000.0) as u16)
    }
}

/// What the machine was like at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    at: Duration,
    pub(super) busy: Busy,
    pressure: Pressure,
}

impl Look {
    /// What went on between `before` and now.
    pub(super) fn since(&self, before: &Self) -> Surroundings {
        let stalled = |now: Option<Stall>, then: Option<Stall>| now?.total_us.checked_sub(then?.total_us);
        let (now, then) = (self.pressure, before.pressure);
        Surroundings {
            over_us: Some(self.at.saturating_sub(before.at).as_micros() as u64),
            cpu_stall_us: stalled(now.cpu, then.cpu),
            memory_stall_us: stalled(now.memory, then.memory),
            io_stall_us: stalled(now.io, then.io),
            suspended_ms: None,
            host_cpu_permille: self.busy.permille_since(before.busy),
        }
    }
}

impl Machine {
    /// `data` = where the disk is asked about; `None` = about no disk.
    pub(super) fn new(data: Option<PathBuf>) -> Self {
        let system =
            System::new().map_err(|error| tracing::error!("the machine cannot be read: {error}")).ok();
        Self {
            system,
            pressure: PressureFiles::open(),
            disk: data.map(Disk::of),
            read_at: None,
            cpu_percent: None,
            busy: Busy::default(),
            load: None,
        }
    }

    /// Everything. `None` when the system cannot be asked.
    pub(super) fn reading(&mut self) -> Option<HostReading> {
        let Look { at, pressure, .. } = self.look();
        let disk = self.disk.as_mut().and_then(|disk| disk.read(at));
        let system = self.system.as_ref()?;
        Some(HostReading {
            at,
            wall: UnixMillis::now(),
            cpu_percent: self.recent_cpu(at, MIN_GAP),
            cpus: system.cpus().len() as u32,
            memory_used_bytes: system.used_memory(),
            memory_total_bytes: system.total_memory(),
            load: self.load,
            pressure,
            disk,
        })
    }

    /// What costs little: pressure now, CPU, memory and load as of the last fifth of a second.
    pub(super) fn look(&mut self) -> Look {
        let at = awake();
        self.refresh(at);
        Look { at, busy: self.busy, pressure: self.pressure.read() }
    }

    /// How busy it has been as of the last reading.
    pub(super) fn busy(&self) -> Busy {
        self.busy
    }

    /// The machine when a run begins. `pid` = its owner.
    pub(super) fn context(&self, look: &Look, pid: Option<u32>) -> Context {
        let system = self.system.as_ref();
        let mb = |bytes: u64| (bytes > 0).then_some(bytes as f64 / BYTES_PER_MB);
        let avg10 = |stall: Option<Stall>| stall.map(|stall| stall.avg10_percent);
        Context {
            load_1m: self.load.map(|[one, ..]| one),
            host_cpu_percent: self.recent_cpu(look.at, STALE),
            memory_used_mb: system.and_then(|system| mb(system.used_memory())),
            memory_total_mb: system.and_then(|system| mb(system.total_memory())),
            cpus: Some(cpus(pid)),
            pressure_cpu_avg10: avg10(look.pressure.cpu),
            pressure_memory_avg10: avg10(look.pressure.memory),
            pressure_io_avg10: avg10(look.pressure.io),
        }
    }

    /// The last figure, unless its interval ended longer ago.
    fn recent_cpu(&self, at: Duration, within: Duration) -> Option<f64> {
        let (read, percent) = self.cpu_percent?;
        (at.saturating_sub(read) <= within).then_some(percent)
    }

    fn refresh(&mut self, at: Duration) {
        let Some(system) = &mut self.system else { return };
        let gap = self.read_at.map(|read| at.saturating_sub(read));
        if gap.is_some_and(|gap| gap < MIN_GAP) {
            return;
        }
        system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        system.refresh_cpu_usage();
        self.load = System::load_average().ok().map(|load| [load.one, load.five, load.fifteen]);
        self.read_at = Some(at);
        let percent = f64::from(system.global_cpu_usage());
        let counted = gap.unwrap_or_default();
        self.busy = Busy { at, percent_s: self.busy.percent_s + percent * counted.as_secs_f64() };
        if gap.is_some_and(|gap| gap <= STALE) {
            self.cpu_percent = Some((at, percent));
        }
    }
}

/// The wall clock, and how much of its millisecond has passed.
pub(super) fn wall_clock() -> (UnixMillis, Duration) {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (UnixMillis(since.as_millis() as i64), Duration::from_nanos(u64::from(since.subsec_nanos() % 1_000_000)))
}

/// Suspended time does not count: nothing went on in it.
fn awake() -> Duration {
    let time = clock_gettime(ClockId::Monotonic);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
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

/// CPUs that are in the machine, whether or not this process may use them; `None`: unknown.
pub(super) fn all_cpus() -> Option<u32> {
    count_in_list(procfile::read("/sys/devices/system/cpu/present").ok()?.trim())
}

/// How many numbers are in a list such as `0-3,8`.
fn count_in_list(list: &str) -> Option<u32> {
    let count = |range: &str| {
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        let (from, to): (u32, u32) = (from.parse().ok()?, to.parse().ok()?);
        to.checked_sub(from)?.checked_add(1)
    };
    list.split(',').map(count).sum()
}

/// CPUs that a process may use: affinity and cgroup quota respected.
pub(super) fn cpus(pid: Option<u32>) -> u32 {
    // It reads a dozen files of its own control group.
    let own = || std::thread::available_parallelism().map_or(1, |cpus| cpus.get() as u32);
    let Some(pid) = pid else { return own() };
    let allowed = affinity(pid).unwrap_or_else(own);
    let quota = procfile::read(format!("/proc/{pid}/cgroup"))
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
        let line = procfile::read(mount.join(group).join("cpu.max")).ok()?;
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
    fn a_list_of_cpus_is_counted() {
        for (list, count) in
            [("0", Some(1)), ("0-3", Some(4)), ("0-1,4,8-9", Some(5)), ("", None), ("3-1", None)]
        {
            assert_eq!(count_in_list(list), count, "{list:?}");
        }
    }

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
        let mut machine = Machine::new(None);
        let look = machine.look();
        let context = machine.context(&look, Some(std::process::id()));
        assert!(context.memory_total_mb.unwrap() > context.memory_used_mb.unwrap());
        assert!(context.load_1m.unwrap() >= 0.0 && context.cpus.unwrap() >= 1);
        assert_eq!(context.host_cpu_percent, None, "nothing to compare the first reading with");
        assert_eq!(context.pressure_cpu_avg10.is_some(), look.pressure.cpu.is_some());
        let reading = machine.reading().unwrap();
        assert!(reading.cpus >= 1 && reading.memory_total_bytes > reading.memory_used_bytes);
        assert_eq!((reading.cpu_percent, reading.disk), (None, None));
    }

    #[test]
    fn what_went_on_between_two_looks_is_a_difference() {
        let look = |at_ms, percent_s, total_us| Look {
            at: Duration::from_millis(at_ms),
            busy: Busy { at: Duration::from_millis(at_ms), percent_s },
            pressure: Pressure { cpu: Some(Stall { avg10_percent: 0.0, total_us }), ..Pressure::default() },
        };
        let during = look(3000, 150.0, 900).since(&look(1000, 50.0, 200));
        let expected = Surroundings {
            over_us: Some(2_000_000),
            cpu_stall_us: Some(700),
            memory_stall_us: None,
            io_stall_us: None,
            suspended_ms: None,
            host_cpu_permille: Some(500),
        };
        assert_eq!(during, expected);
        let unread = look(1000, 50.0, 200).since(&look(1000, 50.0, 200));
        assert_eq!(unread.host_cpu_permille, None, "no time has passed");
    }
}

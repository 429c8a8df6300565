//! What the command and everything that was waited for has cost, by the kernel's account of each child that ended; and
//! what an inherited counter saw beyond it.

#![allow(unsafe_code, reason = "waiting for children with their cost has no safe wrapper")]

use std::mem::MaybeUninit;

use bp_proto::event::Waited;
use bp_proto::run::Quality;
use bp_proto::{Activity, ImplausibleTotals, Surroundings, Totals};
use libc::{c_int, pid_t};

/// A block of `ru_inblock` and `ru_oublock`.
const BLOCK_BYTES: u64 = 512;

/// Two exact accounts of the same work differ by less.
pub(super) const NOISE_NS: u64 = 2_000_000;

/// The counter's clock runs on while the host of a virtual machine has taken its CPU away; the accounts of processes
/// do not. A counter that is ahead by less than this part proves nothing.
const STOLEN_PART: u64 = 16;

#[derive(Debug, Default)]
pub(super) struct Cost {
    user_ns: u64,
    system_ns: u64,
    /// `None`: no child was larger than this process.
    rss_max_bytes: Option<u64>,
    activity: Activity,
}

/// What is known at the end beside the accounts of the children that ended.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Beside {
    /// Nanoseconds.
    pub(super) counted: Option<u64>,
    /// Nothing went before the counter.
    pub(super) from_the_start: bool,
    /// Processes of the run go on.
    pub(super) living: bool,
    /// The command let its children vanish unwaited for.
    pub(super) unreaped: bool,
}

impl Cost {
    pub(super) fn add(&mut self, usage: &libc::rusage) {
        let nanoseconds =
            |time: libc::timeval| time.tv_sec as u64 * 1_000_000_000 + time.tv_usec as u64 * 1_000;
        self.user_ns += nanoseconds(usage.ru_utime);
        self.system_ns += nanoseconds(usage.ru_stime);
        let peak = rss_max_bytes(usage);
        if peak > inherited_rss_bytes(peak) {
            self.rss_max_bytes = self.rss_max_bytes.max(Some(peak));
        }
        let more = activity(usage);
        let sum = |so_far: &mut Option<u64>, more: Option<u64>| {
            *so_far = more.map(|more| so_far.unwrap_or(0).saturating_add(more));
        };
        sum(&mut self.activity.read_bytes, more.read_bytes);
        sum(&mut self.activity.written_bytes, more.written_bytes);
        sum(&mut self.activity.minor_faults, more.minor_faults);
        sum(&mut self.activity.major_faults, more.major_faults);
        sum(&mut self.activity.voluntary_switches, more.voluntary_switches);
        sum(&mut self.activity.involuntary_switches, more.involuntary_switches);
    }

    pub(super) fn totals(&self, beside: Beside) -> Totals {
        let waited_ns = self.user_ns + self.system_ns;
        let (cpu_ns, quality, incomplete) = settle(waited_ns, beside);
        let whole = quality == Quality::Exact;
        Totals {
            cpu_ns: Some(cpu_ns),
            // The counter does not tell them apart.
            user_ns: whole.then_some(self.user_ns),
            system_ns: whole.then_some(self.system_ns),
            background_cpu_ns: None,
            rss_max_bytes: self.rss_max_bytes,
            max_processes: None,
            // Of those that escaped nothing else is known.
            activity: if whole && !incomplete { self.activity } else { Activity::default() },
            surroundings: Surroundings::default(),
            quality,
            // The largest process's peak, not the sum of those that lived together.
            peak_lower_bound: true,
            incomplete,
            implausible: ImplausibleTotals::default(),
        }
    }
}

/// The CPU time, how it was obtained, and whether some of it is known to be missing.
fn settle(waited_ns: u64, beside: Beside) -> (u64, Quality, bool) {
    let escaped = beside.living || beside.unreaped;
    let noise_ns = NOISE_NS + if escaped { 0 } else { waited_ns / STOLEN_PART };
    let missed = escaped && !beside.from_the_start;
    match beside.counted {
        Some(counted_ns) if counted_ns > waited_ns + noise_ns => (counted_ns, Quality::Counter, missed),
        _ => (waited_ns, Quality::Exact, missed),
    }
}

fn activity(usage: &libc::rusage) -> Activity {
    // Elsewhere they count operations of no fixed size.
    let bytes = |blocks: i64| cfg!(target_os = "linux").then_some(blocks as u64 * BLOCK_BYTES);
    Activity {
        read_bytes: bytes(usage.ru_inblock),
        written_bytes: bytes(usage.ru_oublock),
        minor_faults: Some(usage.ru_minflt as u64),
        major_faults: Some(usage.ru_majflt as u64),
        voluntary_switches: Some(usage.ru_nvcsw as u64),
        involuntary_switches: Some(usage.ru_nivcsw as u64),
        ..Activity::default()
    }
}

fn rss_max_bytes(usage: &libc::rusage) -> u64 {
    // KiB on Linux and the BSDs, bytes on macOS.
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    usage.ru_maxrss as u64 * unit
}

/// Page counts are kept per CPU and summed up roughly.
#[cfg(target_os = "linux")]
const ROUGHLY_BYTES: u64 = 512 * 1024;

/// Linux begins a program's `ru_maxrss` with the peak of the process that started it: up to our own peak, a child's
/// `peak` is ours and says nothing of the command. Our own `ru_maxrss` begins with the shell's in the same way, so it is
/// only the cheaper of two limits: the kernel is asked for the exact one when that decides.
#[cfg(target_os = "linux")]
fn inherited_rss_bytes(peak: u64) -> u64 {
    let mut own = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the pointer is valid for the call; a zeroed rusage is a valid one.
    let own = unsafe {
        libc::getrusage(libc::RUSAGE_SELF, own.as_mut_ptr());
        rss_max_bytes(&own.assume_init())
    };
    if peak > own {
        return own;
    }
    let mut status = [0; STATUS_BYTES];
    let kib = status_field(c"/proc/self/status", "VmHWM:", &mut status).and_then(|value| {
        let kib: u64 = value.strip_suffix("kB")?.trim_end().parse().ok()?;
        Some(kib)
    });
    kib.map_or(own, |kib| own.min(kib * 1024 + ROUGHLY_BYTES))
}

#[cfg(not(target_os = "linux"))]
fn inherited_rss_bytes(_peak: u64) -> u64 {
    0
}

/// Whether the process, which may have ended but was not waited for, lets the kernel throw its children away: their
/// cost is in nobody's account then.
pub(super) fn ignores_children(pid: pid_t) -> bool {
    let mut status = [0; STATUS_BYTES];
    let path = std::ffi::CString::new(format!("/proc/{pid}/status")).unwrap_or_default();
    let ignored = status_field(&path, "SigIgn:", &mut status);
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask, 16).ok()).unwrap_or(0);
    ignored & 1 << (libc::SIGCHLD - 1) != 0
}

/// Holds what is asked of a `status` file: the groups of a user with hundreds may push it out, and it is unknown.
const STATUS_BYTES: usize = 2048;

/// One line of a `status` file, in one read.
fn status_field<'a>(path: &std::ffi::CStr, name: &str, buffer: &'a mut [u8]) -> Option<&'a str> {
    use rustix::fs::{Mode, OFlags};
    let file = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let length = rustix::io::read(&file, &mut *buffer).ok()?;
    let text = str::from_utf8(buffer.get(..length)?).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

/// What the process burned itself, which has ended and was not waited for yet. Its clock goes when it is waited for.
#[cfg(target_os = "linux")]
pub(super) fn waited(pid: pid_t) -> Option<Waited> {
    let mut time = MaybeUninit::<libc::timespec>::zeroed();
    let mut clock = 0;
    // SAFETY: both pointers are valid for their calls; a zeroed timespec is a valid one.
    let time = unsafe {
        let told = libc::clock_getcpuclockid(pid, &raw mut clock) == 0
            && libc::clock_gettime(clock, time.as_mut_ptr()) == 0;
        told.then(|| time.assume_init())?
    };
    let name = std::fs::read(format!("/proc/{pid}/comm")).ok()?;
    Some(Waited {
        pid: pid as u32,
        name: String::from_utf8_lossy(name.strip_suffix(b"\n").unwrap_or(&name)).into_owned(),
        cpu_ns: time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64,
        rss_max_bytes: None,
    })
}

#[cfg(not(target_os = "linux"))]
pub(super) fn waited(_pid: pid_t) -> Option<Waited> {
    None
}

pub(super) struct Changed {
    pub(super) pid: pid_t,
    pub(super) status: c_int,
    pub(super) usage: libc::rusage,
}

pub(super) enum News {
    Changed(Changed),
    /// Children there are, but none with news.
    None,
    NoChildren,
}

pub(super) fn wait4(options: c_int) -> News {
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both pointers are valid for the call; a zeroed rusage is a valid one.
    let (pid, usage) = unsafe {
        let pid = libc::wait4(-1, &raw mut status, options, usage.as_mut_ptr());
        (pid, usage.assume_init())
    };
    match pid {
        1.. => News::Changed(Changed { pid, status, usage }),
        0 => News::None,
        _ => News::NoChildren,
    }
}

/// Whether `child` has ended; its status stays to be taken.
pub(super) fn has_ended(child: pid_t) -> bool {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: the pointer is valid for the call; the pid is read from a structure that was zeroed, or filled by waitid.
    unsafe {
        libc::waitid(libc::P_PID, child as libc::id_t, info.as_mut_ptr(), options) == 0
            && info.assume_init().si_pid() == child
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn check(beside: Beside, cpu_ns: u64, quality: Quality, incomplete: bool) {
        assert_eq!(settle(SECOND, beside), (cpu_ns, quality, incomplete), "{beside:?}");
    }

    #[test]
    fn the_counter_counts_where_children_have_escaped_their_parents_account() {
        let beside = Beside { counted: Some(2 * SECOND), from_the_start: true, ..Beside::default() };
        check(beside, 2 * SECOND, Quality::Counter, false);
        check(Beside { living: true, ..beside }, 2 * SECOND, Quality::Counter, false);
        check(Beside { living: true, from_the_start: false, ..beside }, 2 * SECOND, Quality::Counter, true);
    }

    #[test]
    fn what_a_virtual_machine_was_robbed_of_is_no_sign_of_an_escape() {
        let counted = Some(SECOND + SECOND / 100);
        let beside = Beside { counted, from_the_start: true, ..Beside::default() };
        check(beside, SECOND, Quality::Exact, false);
        check(Beside { unreaped: true, ..beside }, SECOND + SECOND / 100, Quality::Counter, false);
    }

    #[test]
    fn without_a_counter_what_escaped_is_said() {
        let beside = Beside::default();
        check(beside, SECOND, Quality::Exact, false);
        check(Beside { living: true, ..beside }, SECOND, Quality::Exact, true);
        check(Beside { unreaped: true, ..beside }, SECOND, Quality::Exact, true);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_zombie_that_ignored_its_children_is_known_by_it() {
        for (signal, ignores) in [("CHLD", true), ("HUP", false)] {
            let ignore = format!("--ignore-signal={signal}");
            let mut child = std::process::Command::new("env").args([&ignore, "true"]).spawn().unwrap();
            let pid = child.id() as pid_t;
            while !has_ended(pid) {
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            assert_eq!(ignores_children(pid), ignores, "{signal}");
            child.wait().unwrap();
        }
    }
}

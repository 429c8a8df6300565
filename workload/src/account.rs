//! What this process has cost so far.

#![allow(unsafe_code, reason = "getrusage has no safe wrapper")]

use std::mem::MaybeUninit;

use rustix::time::{ClockId, clock_gettime};
use workload::truth::Report;

/// This process and the children it has waited for.
pub(crate) fn report() -> Report {
    let children = children();
    Report {
        pid: std::process::id(),
        cpu_ns: nanoseconds(ClockId::ProcessCPUTime) + children.cpu_ns,
        largest_bytes: peak_bytes().max(children.largest_bytes),
        together_bytes: None,
    }
}

/// CPU time of the calling thread.
pub(crate) fn thread_ns() -> u64 {
    nanoseconds(ClockId::ThreadCPUTime)
}

/// CPU time of the children that were waited for.
pub(crate) fn waited_ns() -> u64 {
    children().cpu_ns
}

fn nanoseconds(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

struct Waited {
    cpu_ns: u64,
    largest_bytes: u64,
}

fn children() -> Waited {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the pointer is valid for the call; a zeroed rusage is a valid one.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr());
        usage.assume_init()
    };
    let time = |time: libc::timeval| time.tv_sec as u64 * 1_000_000_000 + time.tv_usec as u64 * 1_000;
    Waited {
        cpu_ns: time(usage.ru_utime) + time(usage.ru_stime),
        largest_bytes: usage.ru_maxrss as u64 * 1024,
    }
}

/// Not `ru_maxrss`: that begins with the peak of whoever started this program.
fn peak_bytes() -> u64 {
    status_bytes("VmHWM:").unwrap_or(0)
}

fn status_bytes(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim_end().parse::<u64>().ok().map(|kib| kib * 1024)
}

/// Resident set of a process now.
pub(crate) fn resident_bytes(pid: u32) -> Option<u64> {
    let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

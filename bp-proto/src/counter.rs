//! Inherited task-clock counters of the kernel: the CPU time of a process and of everything that descends from it,
//! whether or not somebody waits for it.
//!
//! The clock runs on while the host of a virtual machine has taken its CPU away, which the accounts of processes leave
//! out; and it stops a little before a process has ended.

#![allow(unsafe_code, reason = "perf_event_open has no safe wrapper")]

use std::io;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd as _, OwnedFd};

/// `PERF_TYPE_SOFTWARE`.
const SOFTWARE: u32 = 1;
/// `PERF_COUNT_SW_TASK_CLOCK`.
const TASK_CLOCK: u64 = 1;

const DISABLED: u64 = 1;
const INHERIT: u64 = 1 << 1;
/// Set, or nobody but root may count where `perf_event_paranoid` is 2. The task clock runs in the kernel all the
/// same.
const EXCLUDE_KERNEL: u64 = 1 << 5;
const ENABLE_ON_EXEC: u64 = 1 << 12;
/// Of what it starts its threads alone; Linux 5.13.
const INHERIT_THREAD: u64 = 1 << 35;

/// `PERF_FLAG_FD_CLOEXEC`.
const CLOSED_ON_EXEC: libc::c_ulong = 1 << 3;

/// The beginning of `struct perf_event_attr`, as long as its first published version.
#[repr(C)]
#[derive(Default)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    rest: [u64; 2],
}

/// Ends when it is dropped.
#[derive(Debug)]
pub struct Counter {
    event: OwnedFd,
}

impl AsFd for Counter {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}

impl Counter {
    /// What this process starts from now on and all that descends from it, each from its exec on. An error: the
    /// kernel does not allow it to us here.
    ///
    /// Microseconds, where somebody on this machine counts already. The first counter of a machine makes the kernel
    /// wait for all its CPUs, for milliseconds.
    pub fn ahead() -> io::Result<Self> {
        Ok(Self { event: open(INHERIT | DISABLED | ENABLE_ON_EXEC, 0)? })
    }

    /// A process that runs already, and what it starts from now on.
    pub fn on(pid: u32) -> io::Result<Self> {
        Ok(Self { event: open(INHERIT, pid as libc::pid_t)? })
    }

    /// A thread that runs already, and the threads that it starts from now on, of its own process.
    pub fn of_thread(tid: u32) -> io::Result<Self> {
        Ok(Self { event: open(INHERIT | INHERIT_THREAD, tid as libc::pid_t)? })
    }

    /// Counts nothing. While somebody keeps it no other counter of this machine is the first.
    pub fn kept() -> io::Result<Self> {
        Ok(Self { event: open(DISABLED, 0)? })
    }

    /// CPU nanoseconds so far.
    pub fn read(&self) -> Option<u64> {
        let mut count = [0; size_of::<u64>()];
        match rustix::io::read(&self.event, &mut count) {
            Ok(read) if read == count.len() => Some(u64::from_ne_bytes(count)),
            _ => None,
        }
    }
}

#[cfg(target_os = "linux")]
fn open(flags: u64, pid: libc::pid_t) -> io::Result<OwnedFd> {
    const ANY_CPU: libc::c_int = -1;
    const NO_GROUP: libc::c_int = -1;
    let attributes = Attributes {
        kind: SOFTWARE,
        size: size_of::<Attributes>() as u32,
        config: TASK_CLOCK,
        flags: flags | EXCLUDE_KERNEL,
        ..Attributes::default()
    };
    // SAFETY: the kernel reads `size` bytes of `attributes` and gives back a descriptor that is nobody else's.
    unsafe {
        let event = libc::syscall(
            libc::SYS_perf_event_open,
            &raw const attributes,
            pid,
            ANY_CPU,
            NO_GROUP,
            CLOSED_ON_EXEC,
        );
        if event < 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(OwnedFd::from_raw_fd(event as libc::c_int))
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn open(_flags: u64, _pid: libc::pid_t) -> io::Result<OwnedFd> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_attributes_are_as_long_as_their_first_version() {
        assert_eq!(size_of::<Attributes>(), 64);
    }
}

#![allow(unsafe_code, reason = "no safe wrapper reads another process's CPU clock")]

//! The CPU clock of a process: nanoseconds, without a file, without a privilege.

/// `CPUCLOCK_SCHED` of linux/posix-timers.h: the scheduler's own accounting of a whole thread group.
const SCHED: libc::clockid_t = 2;

#[derive(Clone, Copy, Debug)]
pub(super) struct CpuClock(libc::clockid_t);

impl CpuClock {
    /// What `clock_getcpuclockid(3)` computes, without its call to see whether the process exists.
    pub(super) fn of(pid: u32) -> Self {
        Self((!(pid as libc::clockid_t) << 3) | SCHED)
    }

    /// CPU time of all threads that the process has and had, nanoseconds; `None` when there is no process of that pid.
    /// A zombie keeps its clock.
    pub(super) fn read(self) -> Option<u64> {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the call only writes through the pointer, which is valid for the call.
        let read = unsafe { libc::clock_gettime(self.0, &raw mut time) } == 0;
        read.then_some(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_clock_that_the_c_library_names() {
        for pid in [std::process::id(), 1] {
            let mut id = 0;
            // SAFETY: the call only writes through the pointer, which is valid for the call.
            let known = unsafe { libc::clock_getcpuclockid(pid as i32, &raw mut id) } == 0;
            assert!(known);
            assert_eq!(CpuClock::of(pid).0, id);
        }
        assert!(CpuClock::of(std::process::id()).read().unwrap() > 0);
        assert_eq!(CpuClock::of(4_100_000).read(), None);
    }
}

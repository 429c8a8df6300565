//! The CPU clock of another process: of itself alone, not of its children.

#![allow(unsafe_code, reason = "no safe wrapper reads another process's CPU clock")]

use std::io;
use std::process::Child;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, WaitId, WaitIdOptions};

/// CPU time of all threads of `pid` so far; of a process that has ended, as long as nobody has waited for it.
pub(crate) fn of(pid: u32) -> Result<Duration> {
    let mut clock = 0;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: both calls only write through the pointers, which are valid for the calls.
    let error = unsafe {
        match libc::clock_getcpuclockid(pid as libc::pid_t, &raw mut clock) {
            0 => libc::clock_gettime(clock, &raw mut time),
            error => error,
        }
    };
    ensure!(error == 0, "process {pid} has no CPU clock: {}", io::Error::last_os_error());
    Ok(Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
}

/// Waits until `child` has ended well. → its own CPU time.
pub(crate) fn until_end(child: &mut Child) -> Result<Duration> {
    let pid = Pid::from_child(child);
    rustix::process::waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)?;
    let own = of(child.id())?;
    let status = child.wait().context("the child was waited for by somebody else")?;
    ensure!(status.success(), "a measured command ended with {status}");
    Ok(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_that_has_ended_has_burned_something() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let own = until_end(&mut child).unwrap();
        assert!(own > Duration::ZERO && own < Duration::from_secs(1), "{own:?}");
        assert!(of(child.id()).is_err(), "it was waited for");
    }
}

//! Children that are copies of this process: what a program started from its file could not show.

#![allow(unsafe_code, reason = "fork has no safe wrapper")]

use std::io;

use anyhow::Result;
use rustix::process::{Pid, Signal};

/// Forks; the child does `work` and ends with it. → the child.
///
/// Only for a process of one thread, which `main` is: the child may then do whatever its parent might.
pub(crate) fn fork(work: impl FnOnce() -> Result<()>) -> Result<Pid> {
    forked(true, work)
}

/// The same for a child that goes on when its parent has ended.
pub(crate) fn fork_to_stay(work: impl FnOnce() -> Result<()>) -> Result<Pid> {
    forked(false, work)
}

fn forked(dies_with_parent: bool, work: impl FnOnce() -> Result<()>) -> Result<Pid> {
    // SAFETY: there is no other thread that could hold a lock in the child.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error().into()),
        0 => {
            // Nothing is left behind when a test that has failed ends its parent.
            if dies_with_parent {
                rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).ok();
            }
            let code = i32::from(work().is_err());
            // SAFETY: ends this process; what its parent registered to be done at its own end is not done here.
            unsafe { libc::_exit(code) }
        }
        child => Ok(Pid::from_raw(child).ok_or_else(|| io::Error::other("fork gave no pid"))?),
    }
}

/// From now on children vanish when they end, and what they have cost with them.
pub(crate) fn ignore_children() {
    // SAFETY: sets a disposition; no handler is installed.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
}

/// Waits until this child has ended.
pub(crate) fn wait(child: Pid) -> Result<()> {
    rustix::process::waitpid(Some(child), rustix::process::WaitOptions::empty())?;
    Ok(())
}

/// Waits until there is no child any more, whether they leave a status or vanish.
pub(crate) fn wait_for_all() {
    while rustix::process::wait(rustix::process::WaitOptions::empty()).is_ok() {}
}

//! Processes that nobody waits for: each accounts for itself when it ends.

use std::path::Path;

use anyhow::Result;
use rustix::fs::{Mode, OFlags};

use crate::{account, burn, family};

/// Forks twice and ends: what is left burns on in a session of its own.
pub(crate) fn daemon(cpu_ms: u64, truth: Option<&Path>) -> Result<()> {
    let middle = family::fork_to_stay(|| {
        rustix::process::setsid()?;
        family::fork_to_stay(|| {
            leave_terminal()?;
            burn::burn(cpu_ms);
            report(truth)
        })?;
        Ok(())
    })?;
    family::wait(middle)
}

/// Nobody waits for the end of an output that a daemon holds.
fn leave_terminal() -> Result<()> {
    let nothing = rustix::fs::open("/dev/null", OFlags::RDWR, Mode::empty())?;
    rustix::stdio::dup2_stdin(&nothing)?;
    rustix::stdio::dup2_stdout(&nothing)?;
    rustix::stdio::dup2_stderr(&nothing)?;
    Ok(())
}

/// Children of a process that ignores SIGCHLD: the kernel reaps them and adds their time to nothing.
pub(crate) fn auto_reaped(children: usize, cpu_ms: u64, truth: Option<&Path>) -> Result<()> {
    family::ignore_children();
    for _ in 0..children {
        family::fork(|| {
            burn::burn(cpu_ms);
            report(truth)
        })?;
    }
    family::wait_for_all();
    Ok(())
}

fn report(truth: Option<&Path>) -> Result<()> {
    if let Some(truth) = truth {
        account::report().append(truth)?;
    }
    Ok(())
}

//! Processes that nobody waits for: each accounts for itself when it ends.

use std::path::Path;

use anyhow::{Context as _, Result};
use rustix::fs::{Mode, OFlags};
use workload::Truth;

use crate::{account, burn, family};

/// Children that are waited for, to know what a child costs behind its own account.
const WAITED_FOR: usize = 5;

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
    let behind_ns = truth.map(behind_ns).transpose()?.unwrap_or(0);
    family::ignore_children();
    for _ in 0..children {
        family::fork(|| {
            burn::burn(cpu_ms);
            let Some(truth) = truth else { return Ok(()) };
            let mut report = account::report();
            report.cpu_ns += behind_ns;
            Ok(report.append(truth)?)
        })?;
    }
    family::wait_for_all();
    Ok(())
}

/// What a child of this process costs behind its account of itself, by the median: it writes it down, and ends. (The first
/// has to make the file as well.) Of many short children that is some per cent of all that they cost.
fn behind_ns(truth: &Path) -> Result<u64> {
    let apart = truth.with_extension("apart");
    let mut behind = Vec::with_capacity(WAITED_FOR);
    let mut told_ns = 0;
    for made in 1..=WAITED_FOR {
        let before_ns = account::waited_ns();
        family::wait(family::fork(|| report(Some(&apart)))?)?;
        let all_ns = account::waited_ns() - before_ns;
        let told = Truth::read(&apart, made)?.context("a child of a workload told nothing of itself")?;
        behind.push(all_ns.saturating_sub(told.cpu_ns - told_ns));
        told_ns = told.cpu_ns;
    }
    std::fs::remove_file(&apart)?;
    behind.sort_unstable();
    Ok(behind[WAITED_FOR / 2])
}

fn report(truth: Option<&Path>) -> Result<()> {
    if let Some(truth) = truth {
        account::report().append(truth)?;
    }
    Ok(())
}

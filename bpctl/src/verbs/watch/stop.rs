//! Stopping a run: bpd names its processes, and each is signalled by us, if it is still the one that was named and
//! belongs to this user.

use std::io;

use bp_proto::report::Processes;
use bp_proto::{Owner, Request, process};
use rustix::process::{Pid, PidfdFlags, Signal};

use super::board::Board;
use crate::ask::Bpd;
use crate::screen::Screen;
use crate::text::said;
use crate::text::words::Word;

/// What became of the processes that were named.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    signalled: usize,
    /// Another user's.
    refused: usize,
}

/// SIGTERM to the processes of a run, or SIGKILL with `force`; the board says what came of it.
pub(super) fn stop(board: &mut Board, bpd: &mut Bpd, run: u64, force: bool, screen: &Screen) {
    let named = bpd.ask::<Processes>(&Request::Processes { run: run.to_string() });
    board.notice = Some(match named {
        Ok(named) => sentence(run, force, &signal_all(&named.processes, force), screen),
        Err(error) => said::sentence(&error, screen.lang),
    });
}

/// As a person knows it.
pub(super) fn name(force: bool) -> &'static str {
    if force { "SIGKILL" } else { "SIGTERM" }
}

fn sentence(run: u64, force: bool, outcome: &Outcome, screen: &Screen) -> String {
    let run = run.to_string();
    match outcome {
        Outcome { signalled: 0, refused: 0 } => screen.say(Word::WatchNoneLeft, &[&run]),
        Outcome { signalled: 0, refused } => screen.say(Word::WatchRefused, &[&refused.to_string()]),
        Outcome { signalled, .. } => {
            screen.say(Word::WatchStopped, &[name(force), &signalled.to_string(), &run])
        }
    }
}

fn signal_all(processes: &[Owner], force: bool) -> Outcome {
    let signal = if force { Signal::KILL } else { Signal::TERM };
    let mut outcome = Outcome::default();
    for process in processes.iter().filter(|process| process.pid != std::process::id()) {
        match signal_one(*process, signal) {
            Ok(true) => outcome.signalled += 1,
            Ok(false) => {}
            Err(_) => outcome.refused += 1,
        }
    }
    outcome
}

/// False: it is gone. An error: it is not ours to stop.
#[cfg(target_os = "linux")]
fn signal_one(process: Owner, signal: Signal) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let Some(pid) = i32::try_from(process.pid).ok().and_then(Pid::from_raw) else { return Ok(false) };
    // Opened first and looked at second: what the descriptor names cannot become another process.
    let opened = rustix::process::pidfd_open(pid, PidfdFlags::empty());
    if process.start_ticks == 0 || process::start_ticks(process.pid) != Some(process.start_ticks) {
        return Ok(false);
    }
    let Ok(entry) = std::fs::metadata(format!("/proc/{}", process.pid)) else { return Ok(false) };
    if entry.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let sent = match opened {
        Ok(pidfd) => rustix::process::pidfd_send_signal(pidfd, signal),
        // A kernel before 5.3.
        Err(rustix::io::Errno::NOSYS) => rustix::process::kill_process(pid, signal),
        Err(error) => Err(error),
    };
    match sent {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::SRCH) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Nothing here names a process for ever.
#[cfg(not(target_os = "linux"))]
fn signal_one(_process: Owner, _signal: Signal) -> io::Result<bool> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::Command;

    use super::*;

    #[test]
    fn only_the_very_process_that_was_named_is_signalled() {
        let mut child = Command::new("sleep").arg("100").spawn().unwrap();
        let start_ticks = process::start_ticks(child.id()).unwrap();
        let named = Owner { pid: child.id(), start_ticks };
        let another = Owner { start_ticks: start_ticks + 1, ..named };
        let unknown = Owner { start_ticks: 0, ..named };
        assert_eq!(signal_all(&[another, unknown], true), Outcome::default());
        assert!(child.try_wait().unwrap().is_none());
        assert_eq!(signal_all(&[named], false), Outcome { signalled: 1, refused: 0 });
        assert_eq!(child.wait().unwrap().signal(), Some(15));
        assert_eq!(signal_all(&[named], true), Outcome::default());
    }
}

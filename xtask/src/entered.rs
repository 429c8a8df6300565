//! Which functions of a program are entered when it runs: at the beginning of each stands a breakpoint, until it is
//! met.

#![allow(unsafe_code, reason = "tracing a process has no safe wrapper")]

use std::collections::HashMap;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::ptr;

use anyhow::{Context as _, Result, bail, ensure};
use libc::{c_int, c_long, c_void, pid_t};

/// `int3`.
const BREAKPOINT: u8 = 0xcc;

/// A child that shares the program's memory until it is another program is followed, too.
const OPTIONS: c_int = libc::PTRACE_O_EXITKILL | libc::PTRACE_O_TRACEVFORK | libc::PTRACE_O_TRACEEXEC;

/// Runs `command`, a program at fixed addresses, to its end. → which of `functions`, by their addresses, it entered, in
/// the order of the first time; with those that its children entered in its memory.
///
/// # Errors
/// When it cannot be started or traced, and when it fails.
pub(crate) fn of(command: &mut Command, functions: &[u64]) -> Result<Vec<u64>> {
    // SAFETY: between fork and exec there is one system call.
    unsafe {
        command.pre_exec(|| match libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        });
    }
    let mut child = command.spawn().with_context(|| format!("cannot trace {command:?}"))?;
    match follow_all(child.id() as pid_t, functions) {
        Ok((Ended::Exited(0), entered)) => Ok(entered),
        Ok((ended, _)) => bail!("{command:?} ended with {ended:?}"),
        Err(error) => {
            child.kill().ok();
            child.wait().ok();
            Err(error.context(format!("cannot trace {command:?}")))
        }
    }
}

/// Makes `command`, whose standard input is a terminal of nobody's, the leader and the foreground of that.
pub(crate) fn at_its_terminal(command: &mut Command) {
    // SAFETY: both are single system calls, allowed between fork and exec.
    unsafe {
        command.pre_exec(|| {
            rustix::process::setsid()?;
            rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())?;
            Ok(())
        });
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Ended {
    Exited(c_int),
    Killed(c_int),
    /// It is another program now, and not traced any more.
    Exec,
}

fn follow_all(pid: pid_t, functions: &[u64]) -> Result<(Ended, Vec<u64>)> {
    // Its exec.
    next(pid)?;
    ask(libc::PTRACE_SETOPTIONS, pid, OPTIONS.into())?;
    let mut waiting = Breakpoints { first_bytes: HashMap::new(), met: Vec::new() };
    for at in functions {
        let byte = replace(pid, *at, BREAKPOINT)?;
        if byte != BREAKPOINT {
            waiting.first_bytes.insert(*at, byte);
        }
    }
    ask(libc::PTRACE_CONT, pid, 0)?;
    Ok((waiting.follow(pid)?, waiting.met))
}

struct Breakpoints {
    /// What stood where a breakpoint stands.
    first_bytes: HashMap<u64, u8>,
    met: Vec<u64>,
}

impl Breakpoints {
    /// Follows a process that runs to its end.
    fn follow(&mut self, pid: pid_t) -> Result<Ended> {
        loop {
            match next(pid)? {
                Stop::Ended(ended) => return Ok(ended),
                Stop::Event(libc::PTRACE_EVENT_EXEC) => {
                    ask(libc::PTRACE_DETACH, pid, 0)?;
                    return Ok(Ended::Exec);
                }
                Stop::Event(libc::PTRACE_EVENT_VFORK) => {
                    let child = message(pid)?;
                    // It goes on when the child is another program, or has ended.
                    ask(libc::PTRACE_CONT, pid, 0)?;
                    next(child)?;
                    ask(libc::PTRACE_CONT, child, 0)?;
                    self.follow(child)?;
                }
                Stop::Signal(libc::SIGTRAP) => {
                    self.meet(pid)?;
                    ask(libc::PTRACE_CONT, pid, 0)?;
                }
                Stop::Signal(signal) => ask(libc::PTRACE_CONT, pid, signal.into())?,
                Stop::Event(_) => ask(libc::PTRACE_CONT, pid, 0)?,
            }
        }
    }

    /// It stands behind a breakpoint, which is taken away.
    fn meet(&mut self, pid: pid_t) -> Result<()> {
        const RIP: usize =
            std::mem::offset_of!(libc::user, regs) + std::mem::offset_of!(libc::user_regs_struct, rip);
        // SAFETY: reads a register of a stopped process; no pointer of ours is used.
        let behind = unsafe { libc::ptrace(libc::PTRACE_PEEKUSER, pid, RIP, 0) } as u64;
        let at = behind.wrapping_sub(1);
        let byte = self.first_bytes.remove(&at).with_context(|| format!("a trap at {at:#x}"))?;
        replace(pid, at, byte)?;
        self.met.push(at);
        // SAFETY: writes a register of a stopped process; no pointer of ours is used.
        let moved = unsafe { libc::ptrace(libc::PTRACE_POKEUSER, pid, RIP, at) };
        ensure!(moved == 0, "cannot move process {pid}: {}", io::Error::last_os_error());
        Ok(())
    }
}

/// Puts `byte` at an address of a stopped process. → what stood there.
fn replace(pid: pid_t, at: u64, byte: u8) -> Result<u8> {
    // SAFETY: reads and writes memory of a stopped process; no pointer of ours is used.
    let (before, answer) = unsafe {
        let word = libc::ptrace(libc::PTRACE_PEEKTEXT, pid, at, 0);
        let changed = (word & !0xff) | c_long::from(byte);
        (word as u8, libc::ptrace(libc::PTRACE_POKETEXT, pid, at, changed))
    };
    ensure!(answer == 0, "cannot write at {at:#x} of process {pid}: {}", io::Error::last_os_error());
    Ok(before)
}

enum Stop {
    Signal(c_int),
    Event(c_int),
    Ended(Ended),
}

fn next(pid: pid_t) -> Result<Stop> {
    let mut status = 0;
    // SAFETY: the pointer is valid for the call.
    let waited = unsafe { libc::waitpid(pid, &raw mut status, libc::__WALL) };
    ensure!(waited == pid, "cannot wait for process {pid}: {}", io::Error::last_os_error());
    Ok(match status >> 16 {
        _ if libc::WIFEXITED(status) => Stop::Ended(Ended::Exited(libc::WEXITSTATUS(status))),
        _ if libc::WIFSIGNALED(status) => Stop::Ended(Ended::Killed(libc::WTERMSIG(status))),
        0 => Stop::Signal(libc::WSTOPSIG(status)),
        event => Stop::Event(event),
    })
}

/// What the event is about: the child.
fn message(pid: pid_t) -> Result<pid_t> {
    let mut message: libc::c_ulong = 0;
    // SAFETY: the pointer is valid for the call.
    let answer = unsafe { libc::ptrace(libc::PTRACE_GETEVENTMSG, pid, 0, &raw mut message) };
    ensure!(answer == 0, "process {pid} does not name its child: {}", io::Error::last_os_error());
    Ok(message as pid_t)
}

fn ask(what: libc::c_uint, pid: pid_t, data: c_long) -> Result<()> {
    // SAFETY: none of what is asked here reads or writes memory of ours.
    let answer = unsafe { libc::ptrace(what, pid, ptr::null_mut::<c_void>(), data) };
    // One that was killed meanwhile says so at the next wait.
    let gone = || io::Error::last_os_error().raw_os_error() == Some(libc::ESRCH);
    ensure!(answer == 0 || gone(), "cannot trace process {pid}: {}", io::Error::last_os_error());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether it is followed to its end is shown by programs of any kind: nothing is looked for in them.
    #[test]
    fn a_program_is_followed_to_its_end_and_its_children_are_let_go() {
        for line in ["exit 0", "/bin/true; kill -0 $$; /bin/true | /bin/true"] {
            assert_eq!(of(Command::new("/bin/sh").args(["-c", line]), &[]).unwrap(), [0_u64; 0]);
        }
    }

    #[test]
    fn a_program_that_fails_is_told_apart() {
        let why = of(&mut Command::new("/bin/false"), &[]).unwrap_err().to_string();
        assert!(why.contains("false"), "{why}");
    }
}

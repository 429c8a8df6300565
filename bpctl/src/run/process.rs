//! One child as if we were not there: started in our process group, signals passed on, stopped and continued together
//! with us, its cost read from `wait4` and a counter.

#![allow(unsafe_code, reason = "starting a child with its own signal mask has no safe wrapper")]

use std::ffi::{CString, OsStr};
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt as _;
use std::ptr;

use bp_proto::Totals;
use bp_proto::counter::Counter;
use bp_proto::event::Waited;
use libc::{c_char, c_int, pid_t};

use super::cost::{self, Beside, Cost, News};
use super::signals::{Signal, Signals};

/// How the command ended, and what it and everything that it waited for has cost.
#[derive(Debug)]
pub(super) struct Outcome {
    /// 0 … 255.
    pub(super) exit_code: i32,
    /// Set when a signal ended it; `exit_code` is then 128 + signal.
    pub(super) signal: Option<i32>,
    pub(super) totals: Totals,
    /// The command itself; `None` where its clock could not be read.
    pub(super) waited: Option<Waited>,
    /// Processes of it live on.
    pub(super) background: bool,
    /// Ctrl-C was typed, for us as for the command: who started us expects us to die of it.
    pub(super) interrupted: bool,
}

/// Orphans of the command come to us as long as it runs, so that their cost is known.
pub(super) fn adopt_orphans(yes: bool) {
    #[cfg(target_os = "linux")]
    {
        let ours = yes.then(rustix::process::getpid);
        // Without it the cost of orphans is missing, the command runs all the same.
        let _ = rustix::process::set_child_subreaper(ours);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = yes;
}

/// Starts `words` (found in `PATH` as by a shell) with `name=value` added to the environment, and waits until it has
/// ended. `counter_first`: a counter is opened before it starts, which takes long where nobody else counts.
pub(super) fn run(words: &[&OsStr], name: &str, value: &str, counter_first: bool) -> io::Result<Outcome> {
    // Blocked before the fork: a signal that comes early waits for us.
    let signals = Signals::block();
    // Children of a process that ignores SIGCHLD vanish with their cost.
    // SAFETY: resets one disposition; no handler is installed.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
    let mut counter = if counter_first { Counter::ahead().ok() } else { None };
    let child =
        spawn(words, &format!("{name}={value}"), &signals.before).inspect_err(|_| signals.unblock())?;
    // The command has it as it was. Ours is its exit code, whoever reads what we say.
    // SAFETY: sets one disposition; no handler is installed.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
    if !counter_first {
        counter = Counter::on(child as u32).ok();
    }
    let mut watch = Watch {
        child,
        counter,
        counter_first,
        cost: Cost::default(),
        unreaped: false,
        waited: None,
        ended: None,
        interrupted: false,
    };
    loop {
        let signal = signals.next();
        if signal.number == libc::SIGCHLD {
            watch.reap(&signals);
            if let Some(status) = watch.ended {
                return Ok(watch.outcome(status));
            }
        } else {
            watch.pass_on(&signal);
        }
    }
}

/// Not `std::process`: there the child inherits what we block.
fn spawn(words: &[&OsStr], extra: &str, mask: &libc::sigset_t) -> io::Result<pid_t> {
    let name = extra.split_inclusive('=').next().unwrap_or(extra).as_bytes();
    let mut environment = Vec::new();
    for (key, value) in std::env::vars_os() {
        let pair = [key.as_bytes(), b"=", value.as_bytes()].concat();
        if !pair.starts_with(name) {
            environment.push(CString::new(pair)?);
        }
    }
    environment.push(CString::new(extra)?);
    let words = words.iter().map(|word| CString::new(word.as_bytes())).collect::<Result<Vec<_>, _>>()?;
    let (argv, envp) = (pointers(&words), pointers(&environment));
    let mut child = 0;
    let mut attributes = MaybeUninit::uninit();
    // SAFETY: the attributes are initialised first and destroyed last; all strings outlive the call.
    let error = unsafe {
        libc::posix_spawnattr_init(attributes.as_mut_ptr());
        libc::posix_spawnattr_setsigmask(attributes.as_mut_ptr(), mask);
        libc::posix_spawnattr_setflags(attributes.as_mut_ptr(), libc::POSIX_SPAWN_SETSIGMASK as _);
        let error = libc::posix_spawnp(
            &raw mut child,
            words[0].as_ptr(),
            ptr::null(),
            attributes.as_ptr(),
            argv.as_ptr().cast(),
            envp.as_ptr().cast(),
        );
        libc::posix_spawnattr_destroy(attributes.as_mut_ptr());
        error
    };
    if error == 0 { Ok(child) } else { Err(io::Error::from_raw_os_error(error)) }
}

fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    strings.iter().map(|string| string.as_ptr()).chain([ptr::null()]).collect()
}

/// Ends this process by SIGINT, so that a loop in the shell that started us ends as it would have.
pub(super) fn die_of_interrupt() {
    // SAFETY: sets a default disposition, unblocks one signal and sends it to ourselves.
    unsafe {
        libc::signal(libc::SIGINT, libc::SIG_DFL);
        let mut set = MaybeUninit::uninit();
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), libc::SIGINT);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, set.as_ptr(), ptr::null_mut());
        libc::raise(libc::SIGINT);
    }
}

struct Watch {
    child: pid_t,
    counter: Option<Counter>,
    /// Nothing of the command went before the counter.
    counter_first: bool,
    cost: Cost,
    /// The command let its children vanish unwaited for.
    unreaped: bool,
    /// What the child burned itself, once it has ended.
    waited: Option<Waited>,
    /// The child's wait status.
    ended: Option<c_int>,
    interrupted: bool,
}

impl Watch {
    /// Takes the status of every child that has one: the command, and orphans of it.
    fn reap(&mut self, signals: &Signals) {
        if self.ended.is_none() && cost::has_ended(self.child) {
            self.waited = cost::waited(self.child);
            self.unreaped = self.is_worth_a_look() && cost::ignores_children(self.child);
        }
        while let News::Changed(changed) = cost::wait4(libc::WNOHANG | libc::WUNTRACED) {
            if libc::WIFSTOPPED(changed.status) {
                if changed.pid == self.child && has_terminal() {
                    signals.stop_with(libc::WSTOPSIG(changed.status));
                    send(self.child, libc::SIGCONT);
                }
                // A stopped child's cost is reported again when it ends.
                continue;
            }
            self.cost.add(&changed.usage);
            if changed.pid == self.child {
                self.ended = Some(changed.status);
            }
        }
    }

    /// What burned so little has nothing to hide, and its prompt waits.
    fn is_worth_a_look(&self) -> bool {
        self.counted().is_none_or(|counted_ns| counted_ns > cost::NOISE_NS)
    }

    fn counted(&self) -> Option<u64> {
        self.counter.as_ref().and_then(Counter::read)
    }

    fn pass_on(&mut self, signal: &Signal) {
        match signal.sender {
            // Typed: the terminal has sent it to the whole group, the command included.
            None => self.interrupted |= signal.number == libc::SIGINT,
            // A program that stops its whole group does not want the signal back.
            Some(sender) if sender == self.child => {}
            Some(_) => send(self.child, signal.number),
        }
    }

    fn outcome(mut self, status: c_int) -> Outcome {
        // Orphans that ended together with the command.
        let living = loop {
            match cost::wait4(libc::WNOHANG) {
                News::Changed(changed) => self.cost.add(&changed.usage),
                News::None => break true,
                News::NoChildren => break false,
            }
        };
        let beside = Beside {
            counted: self.counted(),
            from_the_start: self.counter_first && self.counter.is_some(),
            living,
            unreaped: self.unreaped,
        };
        let signal = libc::WIFSIGNALED(status).then(|| libc::WTERMSIG(status));
        Outcome {
            exit_code: signal.map_or_else(|| libc::WEXITSTATUS(status), |signal| 128 + signal),
            signal,
            totals: self.cost.totals(beside),
            waited: self.waited,
            background: living,
            interrupted: self.interrupted && signal == Some(libc::SIGINT),
        }
    }
}

fn send(pid: pid_t, signal: c_int) {
    // SAFETY: a plain system call; the pid is our child's, which is not reaped before it has ended.
    unsafe { libc::kill(pid, signal) };
}

/// Whether somebody is there who could continue what is stopped.
fn has_terminal() -> bool {
    std::fs::File::open("/dev/tty").is_ok()
}

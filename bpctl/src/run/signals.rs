//! The signals that `bpctl run` waits for: blocked before the command starts, taken one by one.

#![allow(unsafe_code, reason = "signal masks and waiting for signals have no safe wrapper")]

use std::mem::MaybeUninit;
use std::ptr;

use libc::{c_int, pid_t};

/// Signals that someone may send to us and mean the command.
const PASSED_ON: [c_int; 9] = [
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGTERM,
    libc::SIGHUP,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGALRM,
    libc::SIGTSTP,
    libc::SIGCONT,
];

pub(super) struct Signal {
    pub(super) number: c_int,
    /// `None` when the kernel sent it: typed at the terminal, or the terminal went away.
    pub(super) sender: Option<pid_t>,
}

/// The signals that we wait for, blocked.
pub(super) struct Signals {
    set: libc::sigset_t,
    /// What was blocked when we were started.
    pub(super) before: libc::sigset_t,
}

impl Signals {
    pub(super) fn block() -> Self {
        let mut set = MaybeUninit::uninit();
        // SAFETY: `set` is initialised by sigemptyset before anything reads it.
        unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            for signal in PASSED_ON.into_iter().chain([libc::SIGCHLD]) {
                libc::sigaddset(set.as_mut_ptr(), signal);
            }
            let mut before = MaybeUninit::uninit();
            libc::sigemptyset(before.as_mut_ptr());
            libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), before.as_mut_ptr());
            Self { set: set.assume_init(), before: before.assume_init() }
        }
    }

    /// As it was before.
    pub(super) fn unblock(&self) {
        // SAFETY: restores the mask that `block` has read.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.before, ptr::null_mut()) };
    }

    pub(super) fn next(&self) -> Signal {
        let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
        loop {
            // SAFETY: the set is initialised, `info` is valid for the call; si_pid is read only where the sender is a
            // process, for which the kernel fills it.
            unsafe {
                let number = libc::sigwaitinfo(&raw const self.set, info.as_mut_ptr());
                if number > 0 {
                    let info = info.assume_init();
                    let from_process =
                        matches!(info.si_code, libc::SI_USER | libc::SI_QUEUE | libc::SI_TKILL);
                    return Signal { number, sender: from_process.then(|| info.si_pid()) };
                }
            }
        }
    }

    /// Stops this process as the command was stopped; returns when it is continued.
    pub(super) fn stop_with(&self, signal: c_int) {
        // SAFETY: changes this thread's mask and sends a signal to ourselves; the mask is restored after.
        unsafe {
            let mut one = MaybeUninit::uninit();
            libc::sigemptyset(one.as_mut_ptr());
            libc::sigaddset(one.as_mut_ptr(), signal);
            // Sent while it is blocked: the terminal's own may be pending, too. Delivered together they stop us once,
            // and the signal that continues us discards what is left; one after the other they stop us twice.
            libc::raise(signal);
            libc::pthread_sigmask(libc::SIG_UNBLOCK, one.as_ptr(), ptr::null_mut());
            libc::pthread_sigmask(libc::SIG_BLOCK, &raw const self.set, ptr::null_mut());
        }
    }
}

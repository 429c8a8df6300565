//! One child as if we were not there: started in our process group, signals passed on, stopped and continued together
//! with us, its cost read from `wait4`.

#![allow(
    unsafe_code,
    reason = "waiting for signals and for children with their cost has no safe wrapper; every call stands alone here"
)]

use std::ffi::{CString, OsStr};
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt as _;
use std::ptr;

use bp_proto::run::Quality;
use bp_proto::{Activity, Surroundings, Totals};
use libc::{c_char, c_int, pid_t};

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

/// How the command ended, and what it and everything that it waited for has cost.
#[derive(Debug)]
pub(super) struct Outcome {
    /// 0 … 255.
    pub(super) exit_code: i32,
    /// Set when a signal ended it; `exit_code` is then 128 + signal.
    pub(super) signal: Option<i32>,
    pub(super) totals: Totals,
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
/// ended.
pub(super) fn run(words: &[&OsStr], name: &str, value: &str) -> io::Result<Outcome> {
    // Blocked before the fork: a signal that comes early waits for us.
    let signals = Signals::block();
    // Children of a process that ignores SIGCHLD vanish with their cost.
    // SAFETY: resets one disposition; no handler is installed.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
    let child =
        spawn(words, &format!("{name}={value}"), &signals.before).inspect_err(|_| signals.unblock())?;
    let mut watch = Watch { child, cost: Cost::default(), ended: None, interrupted: false };
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
    let mut defaults = MaybeUninit::uninit();
    // SAFETY: the attributes are initialised first and destroyed last; all strings outlive the call.
    let error = unsafe {
        libc::sigemptyset(defaults.as_mut_ptr());
        // Rust's own start ignores it.
        libc::sigaddset(defaults.as_mut_ptr(), libc::SIGPIPE);
        libc::posix_spawnattr_init(attributes.as_mut_ptr());
        libc::posix_spawnattr_setsigmask(attributes.as_mut_ptr(), mask);
        libc::posix_spawnattr_setsigdefault(attributes.as_mut_ptr(), defaults.as_ptr());
        let flags = libc::POSIX_SPAWN_SETSIGMASK | libc::POSIX_SPAWN_SETSIGDEF;
        libc::posix_spawnattr_setflags(attributes.as_mut_ptr(), flags as _);
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
    cost: Cost,
    /// The child's wait status.
    ended: Option<c_int>,
    interrupted: bool,
}

impl Watch {
    /// Takes the status of every child that has one: the command, and orphans of it.
    fn reap(&mut self, signals: &Signals) {
        while let Some(changed) = wait4(libc::WNOHANG | libc::WUNTRACED) {
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
        let mut living = false;
        loop {
            match wait4_any(libc::WNOHANG) {
                Waited::Changed(changed) => self.cost.add(&changed.usage),
                Waited::None => {
                    living = true;
                    break;
                }
                Waited::NoChildren => break,
            }
        }
        let signal = libc::WIFSIGNALED(status).then(|| libc::WTERMSIG(status));
        Outcome {
            exit_code: signal.map_or_else(|| libc::WEXITSTATUS(status), |signal| 128 + signal),
            signal,
            totals: self.cost.totals(living),
            background: living,
            interrupted: self.interrupted && signal == Some(libc::SIGINT),
        }
    }
}

#[derive(Default)]
struct Cost {
    user_ns: u64,
    system_ns: u64,
    /// `None`: no child was larger than this process.
    rss_max_bytes: Option<u64>,
    minor_faults: u64,
    major_faults: u64,
    voluntary_switches: u64,
    involuntary_switches: u64,
    read_blocks: u64,
    written_blocks: u64,
}

/// Of `ru_inblock` and `ru_oublock` on Linux, whatever the disk's own is.
const BLOCK_BYTES: u64 = 512;

impl Cost {
    fn add(&mut self, usage: &libc::rusage) {
        let nanoseconds =
            |time: libc::timeval| time.tv_sec as u64 * 1_000_000_000 + time.tv_usec as u64 * 1_000;
        self.user_ns += nanoseconds(usage.ru_utime);
        self.system_ns += nanoseconds(usage.ru_stime);
        let peak = rss_max_bytes(usage);
        if peak > inherited_rss_bytes(peak) {
            self.rss_max_bytes = self.rss_max_bytes.max(Some(peak));
        }
        self.minor_faults += usage.ru_minflt as u64;
        self.major_faults += usage.ru_majflt as u64;
        self.voluntary_switches += usage.ru_nvcsw as u64;
        self.involuntary_switches += usage.ru_nivcsw as u64;
        self.read_blocks += usage.ru_inblock as u64;
        self.written_blocks += usage.ru_oublock as u64;
    }

    /// Elsewhere the blocks are operations of any size. A kernel that does not account for them says 0, and has no
    /// `/proc/self/io`.
    fn activity(&self) -> Activity {
        let counts_bytes = cfg!(target_os = "linux") && std::path::Path::new("/proc/self/io").exists();
        let bytes = |blocks: u64| counts_bytes.then_some(blocks * BLOCK_BYTES);
        Activity {
            read_bytes: bytes(self.read_blocks),
            written_bytes: bytes(self.written_blocks),
            minor_faults: Some(self.minor_faults),
            major_faults: Some(self.major_faults),
            voluntary_switches: Some(self.voluntary_switches),
            involuntary_switches: Some(self.involuntary_switches),
            ..Activity::default()
        }
    }

    /// `living`: processes of the run go on and are not in these figures.
    fn totals(&self, living: bool) -> Totals {
        Totals {
            cpu_ns: Some(self.user_ns + self.system_ns),
            user_ns: Some(self.user_ns),
            system_ns: Some(self.system_ns),
            rss_max_bytes: self.rss_max_bytes,
            max_processes: None,
            activity: self.activity(),
            surroundings: Surroundings::default(),
            quality: Quality::Exact,
            // The largest process's peak, not the sum of those that lived together.
            peak_lower_bound: true,
            incomplete: living,
        }
    }
}

fn rss_max_bytes(usage: &libc::rusage) -> u64 {
    // KiB on Linux and the BSDs, bytes on macOS.
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    usage.ru_maxrss as u64 * unit
}

/// Page counts are kept per CPU and summed up roughly.
#[cfg(target_os = "linux")]
const ROUGHLY_BYTES: u64 = 512 * 1024;

/// Linux begins a program's `ru_maxrss` with the peak of the process that started it: up to our own peak, a child's
/// `peak` is ours and says nothing of the command. Our own `ru_maxrss` begins with the shell's in the same way, so it is
/// only the cheaper of two limits: the kernel is asked for the exact one when that decides.
#[cfg(target_os = "linux")]
fn inherited_rss_bytes(peak: u64) -> u64 {
    let mut own = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the pointer is valid for the call; a zeroed rusage is a valid one.
    let own = unsafe {
        libc::getrusage(libc::RUSAGE_SELF, own.as_mut_ptr());
        rss_max_bytes(&own.assume_init())
    };
    if peak > own {
        return own;
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status.lines().find_map(|line| {
        line.strip_prefix("VmHWM:")?.trim().strip_suffix("kB")?.trim_end().parse::<u64>().ok()
    });
    kib.map_or(own, |kib| own.min(kib * 1024 + ROUGHLY_BYTES))
}

#[cfg(not(target_os = "linux"))]
fn inherited_rss_bytes(_peak: u64) -> u64 {
    0
}

struct Changed {
    pid: pid_t,
    status: c_int,
    usage: libc::rusage,
}

enum Waited {
    Changed(Changed),
    /// Children there are, but none with news.
    None,
    NoChildren,
}

fn wait4(options: c_int) -> Option<Changed> {
    match wait4_any(options) {
        Waited::Changed(changed) => Some(changed),
        Waited::None | Waited::NoChildren => None,
    }
}

fn wait4_any(options: c_int) -> Waited {
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both pointers are valid for the call; a zeroed rusage is a valid one.
    let (pid, usage) = unsafe {
        let pid = libc::wait4(-1, &raw mut status, options, usage.as_mut_ptr());
        (pid, usage.assume_init())
    };
    match pid {
        1.. => Waited::Changed(Changed { pid, status, usage }),
        0 => Waited::None,
        _ => Waited::NoChildren,
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

struct Signal {
    number: c_int,
    /// `None` when the kernel sent it: typed at the terminal, or the terminal went away.
    sender: Option<pid_t>,
}

/// The signals that we wait for, blocked.
struct Signals {
    set: libc::sigset_t,
    /// What was blocked when we were started.
    before: libc::sigset_t,
}

impl Signals {
    fn block() -> Self {
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
    fn unblock(&self) {
        // SAFETY: restores the mask that `block` has read.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.before, ptr::null_mut()) };
    }

    fn next(&self) -> Signal {
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
    fn stop_with(&self, signal: c_int) {
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

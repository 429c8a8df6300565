//! This process: what bpd takes leave of when it starts, and what it may use.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::{FromRawFd as _, OwnedFd, RawFd};

use rustix::fs::Mode;
use rustix::io::FdFlags;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit, umask};

/// Enough for every process of a large build; more would only make tables larger.
const MAX_OPEN_FILES: u64 = 65_536;

/// The first socket that a service manager passes (`sd_listen_fds(3)`).
const FIRST_INHERITED: RawFd = 3;

/// Leaves the shell that bpd was started from: its directory, its umask, its limits, its files; if `detached`, its
/// terminal too. Must be called before anything is opened.
pub fn settle(detached: bool) {
    close_strays(FIRST_INHERITED + RawFd::from(inherited()));
    if detached {
        // Refused = this process leads its group already: a service manager put it there, away from any terminal.
        let _ = rustix::process::setsid();
    }
    umask(Mode::RWXG | Mode::RWXO);
    // A directory that bpd sits in could not be unmounted.
    let _ = std::env::set_current_dir("/");
    let files = getrlimit(Resource::Nofile);
    let wanted = files.maximum.unwrap_or(MAX_OPEN_FILES).min(MAX_OPEN_FILES);
    if files.current.is_some_and(|current| current < wanted) {
        // Refused = as many files as the shell had.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: files.maximum });
    }
    // A shell's `ulimit -f` is meant for what is typed in it, not for the store.
    let size = getrlimit(Resource::Fsize);
    let _ = setrlimit(Resource::Fsize, Rlimit { current: size.maximum, maximum: size.maximum });
    no_core_dumps();
    yield_to_the_shell();
}

/// Tells whoever started this process that it can be reached, and closes the standard files: a pipe that is held
/// here never ends for its reader.
pub fn ready() -> io::Result<()> {
    // Nobody may be listening any more.
    let _ = io::stdout().write_all(b"ready\n").and_then(|()| io::stdout().flush());
    let nowhere = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&nowhere)?;
    rustix::stdio::dup2_stdout(&nowhere)?;
    rustix::stdio::dup2_stderr(&nowhere)?;
    Ok(())
}

/// The socket that a service manager listens on for this process. Call once: the descriptor is given away.
#[allow(unsafe_code, reason = "the descriptor comes from the service manager as a number")]
pub fn inherited_socket() -> Option<OwnedFd> {
    if !inherited() {
        return None;
    }
    // SAFETY: `LISTEN_PID` names this process, so the service manager opened the descriptor for it, `settle` left it
    // open, and nobody else in this process takes it.
    let socket = unsafe { OwnedFd::from_raw_fd(FIRST_INHERITED) };
    let _ = rustix::io::fcntl_setfd(&socket, FdFlags::CLOEXEC);
    Some(socket)
}

/// Whether a service manager passed a socket, for this process and not for its parent.
fn inherited() -> bool {
    let number = |variable| std::env::var(variable).ok()?.parse::<u32>().ok();
    number("LISTEN_PID") == Some(std::process::id()) && number("LISTEN_FDS").is_some_and(|count| count > 0)
}

/// bpd holds everything that its user types: no core files, and no other process of the user looks into it.
fn no_core_dumps() {
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    // A core that is piped into a collector has no size to limit.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

/// On a busy machine a record that wakes bpd takes the CPU away from the shell that wrote it, just before its prompt.
/// A batch process gets its share, and displaces nobody when it wakes. Threads that are made later are the same.
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "no safe wrapper sets the scheduling policy")]
fn yield_to_the_shell() {
    let plain = libc::sched_param { sched_priority: 0 };
    // SAFETY: both calls are about this thread; the structure is copied before the second returns.
    unsafe {
        // Whoever has chosen another policy for it knows why.
        if libc::sched_getscheduler(0) == libc::SCHED_OTHER {
            libc::sched_setscheduler(0, libc::SCHED_BATCH, &raw const plain);
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn yield_to_the_shell() {}

/// Closes what the shell left open in us: a pipe that is held here never ends for its reader.
fn close_strays(first: RawFd) {
    let dir = if cfg!(target_os = "linux") { "/proc/self/fd" } else { "/dev/fd" };
    let Ok(entries) = fs::read_dir(dir) else { return };
    let open: Vec<RawFd> =
        entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    for fd in open.into_iter().filter(|fd| *fd >= first) {
        close(fd);
    }
}

#[allow(unsafe_code, reason = "descriptors that were inherited have no owner in this process")]
fn close(fd: RawFd) {
    // SAFETY: called before this process has opened anything, so no owned descriptor has this number. The directory
    // that listed it is closed already, which makes one of the numbers stale: EBADF, ignored.
    unsafe { libc::close(fd) };
}

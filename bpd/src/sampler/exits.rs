//! Watches processes for their end and learns their wait status, whether they are children of bpd or not.
//!
//! A pidfd becomes readable when its process ends. From Linux 6.15 on, `PIDFD_GET_INFO` then gives the wait status. On
//! older kernels, and elsewhere, the status stays unknown.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use bp_proto::Owner;
use bp_proto::event::WaitStatus;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

/// Processes that are watched at once: each takes a file descriptor. The end of others is seen by looking.
const MAX_WATCHED: usize = 512;

/// Ends that are remembered.
const MAX_RECENT: usize = 64;

/// The end of a watched process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exit {
    pub process: Owner,
    pub status: WaitStatus,
}

#[derive(Debug)]
struct Watched {
    /// Names the program that the process runs: it changes with `exec`. `None` = not readable.
    image: Option<u64>,
    /// Since when it was seen reading a command from its terminal, on the sampler's clock.
    reads_since: Option<Duration>,
    task: AbortHandle,
}

#[derive(Debug)]
pub(super) struct Exits {
    ended: mpsc::Sender<Exit>,
    watched: HashMap<u32, Watched>,
    /// The last ends: a line that ends its shell may be read when that is gone.
    recent: VecDeque<Exit>,
}

impl Exits {
    /// The exits arrive at the receiver.
    pub(super) fn new() -> (Self, mpsc::Receiver<Exit>) {
        let (ended, exits) = mpsc::channel(MAX_WATCHED);
        (Self { ended, watched: HashMap::new(), recent: VecDeque::new() }, exits)
    }

    pub(super) fn is_watched(&self, pid: u32) -> bool {
        self.watched.contains_key(&pid)
    }

    /// Watches the process from now on. `start_ticks` 0 = whatever process has the pid.
    pub(super) fn watch(&mut self, process: Owner) {
        if self.is_watched(process.pid) || self.watched.len() >= MAX_WATCHED {
            return;
        }
        if let Some(task) = watching(process, self.ended.clone()) {
            self.watched.insert(process.pid, Watched { image: image(process.pid), reads_since: None, task });
        }
    }

    /// The process has ended, or nobody wants to know of its end any more.
    pub(super) fn forget(&mut self, pid: u32) {
        if let Some(watched) = self.watched.remove(&pid) {
            watched.task.abort();
        }
    }

    /// A watched process has ended.
    pub(super) fn note(&mut self, exit: Exit) {
        self.forget(exit.process.pid);
        self.recent.truncate(MAX_RECENT - 1);
        self.recent.push_front(exit);
    }

    /// How a process ended that was watched until a moment ago.
    pub(super) fn status_of(&self, process: Owner) -> Option<WaitStatus> {
        let ended = self.recent.iter().find(|exit| super::open::is_same(exit.process, process));
        ended.map(|exit| exit.status)
    }

    /// Whether the process runs another program than when it was first watched.
    pub(super) fn has_replaced_itself(&self, pid: u32) -> bool {
        let known = self.watched.get(&pid).and_then(|watched| watched.image);
        known.is_some_and(|known| image(pid).is_some_and(|now| now != known))
    }

    /// Notes at `now` whether a watched shell reads a command. → since when it does without having been seen otherwise.
    pub(super) fn reads_since(&mut self, pid: u32, reads: bool, now: Duration) -> Option<Duration> {
        let watched = self.watched.get_mut(&pid)?;
        watched.reads_since = reads.then(|| watched.reads_since.unwrap_or(now));
        watched.reads_since
    }

    /// The program that the process runs now is the known one.
    pub(super) fn accept_image(&mut self, pid: u32) {
        if let Some(watched) = self.watched.get_mut(&pid) {
            watched.image = image(pid);
        }
    }
}

impl Drop for Exits {
    fn drop(&mut self) {
        self.watched.values().for_each(|watched| watched.task.abort());
    }
}

/// Where the arguments of the process lie in its memory: random for each `exec`, the same until the next one.
fn image(pid: u32) -> Option<u64> {
    const ARG_START: usize = 48;
    let stat = bp_proto::process::stat(pid).ok()?;
    bp_proto::process::stat_field(&stat, ARG_START).filter(|address| *address > 0)
}

#[cfg(not(target_os = "linux"))]
fn watching(_process: Owner, _ended: mpsc::Sender<Exit>) -> Option<AbortHandle> {
    None
}

#[cfg(target_os = "linux")]
fn watching(process: Owner, ended: mpsc::Sender<Exit>) -> Option<AbortHandle> {
    let runtime = tokio::runtime::Handle::try_current().ok()?;
    let end = linux::End::of(process)?;
    let process = end.process;
    let task = runtime.spawn(async move {
        let status = end.status().await;
        // Nobody listens any more when bpd stops.
        let _ = ended.send(Exit { process, status }).await;
    });
    Some(task.abort_handle())
}

#[cfg(target_os = "linux")]
mod linux {
    #![allow(unsafe_code, reason = "PIDFD_GET_INFO has no safe wrapper")]

    use std::os::fd::{AsRawFd as _, OwnedFd};
    use std::time::Duration;

    use bp_proto::Owner;
    use bp_proto::event::WaitStatus;
    use bp_proto::process;
    use rustix::process::{Pid, PidfdFlags, pidfd_open};
    use tokio::io::unix::AsyncFd;

    use crate::sampler::room;

    /// `struct pidfd_info` of `linux/pidfd.h`, first version.
    #[repr(C)]
    #[derive(Default)]
    struct Info {
        mask: u64,
        cgroup: u64,
        /// pid, tgid, ppid and eight ids of user and group.
        ids: [u32; 11],
        exit_code: i32,
    }

    const SIZE: u64 = size_of::<Info>() as u64;
    /// `_IOWR(0xFF, 11, struct pidfd_info)`.
    const PIDFD_GET_INFO: u64 = (3 << 30) | (SIZE << 16) | (0xFF << 8) | 0x0B;
    const PIDFD_INFO_EXIT: u64 = 1 << 3;

    /// The kernel gives the status when the parent has waited for the process. Pauses between two attempts.
    const PAUSES_MS: [u64; 8] = [0, 1, 2, 5, 20, 100, 500, 2000];
    /// Field of `/proc/PID/stat` that holds the wait status of a zombie.
    const EXIT_CODE: usize = 52;

    pub(super) struct End {
        pub(super) process: Owner,
        fd: AsyncFd<OwnedFd>,
    }

    impl End {
        pub(super) fn of(process: Owner) -> Option<Self> {
            let pid = Pid::from_raw(i32::try_from(process.pid).ok()?)?;
            let fd = pidfd_open(pid, PidfdFlags::NONBLOCK).ok().filter(room::may_keep)?;
            // The pid may have been given to another process before it was opened.
            let began = process::start_ticks(process.pid)?;
            if process.start_ticks > 0 && process.start_ticks != began {
                return None;
            }
            // SAFETY: an `OwnedFd` stays open and the same until the `AsyncFd`, which owns it, drops it.
            let fd = unsafe { AsyncFd::register_with_interest(fd, tokio::io::Interest::READABLE) }.ok()?;
            Some(Self { process: Owner { start_ticks: began, ..process }, fd })
        }

        /// Waits for the end of the process.
        pub(super) async fn status(self) -> WaitStatus {
            if self.fd.readable().await.is_err() {
                return WaitStatus::Unknown;
            }
            for pause in PAUSES_MS {
                tokio::time::sleep(Duration::from_millis(pause)).await;
                match self.told() {
                    Ok(Some(word)) => return WaitStatus::of_word(word),
                    // This kernel never gives it, once the process is gone.
                    Err(()) => return self.of_zombie().unwrap_or(WaitStatus::Unknown),
                    Ok(None) => {}
                }
                if let Some(status) = self.of_zombie() {
                    return status;
                }
            }
            WaitStatus::Unknown
        }

        /// `None` = not yet.
        fn told(&self) -> Result<Option<i32>, ()> {
            let mut info = Info { mask: PIDFD_INFO_EXIT, ..Info::default() };
            // SAFETY: the descriptor is open, and the kernel writes no more than the size that the number contains.
            let done = unsafe { libc::ioctl(self.fd.as_raw_fd(), PIDFD_GET_INFO as _, &raw mut info) };
            if done < 0 {
                return Err(());
            }
            Ok((info.mask & PIDFD_INFO_EXIT != 0).then_some(info.exit_code))
        }

        /// Its parent has not waited for it yet.
        fn of_zombie(&self) -> Option<WaitStatus> {
            let stat = process::stat(self.process.pid).ok()?;
            let is_zombie = process::state(&stat) == Some(b'Z')
                && process::stat_field(&stat, 22) == Some(self.process.start_ticks);
            is_zombie
                .then(|| process::stat_field(&stat, EXIT_CODE))
                .flatten()
                .map(|word| WaitStatus::of_word(word as i32))
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
#[allow(clippy::unwrap_used, reason = "a failure in a test is a panic")]
mod tests {
    use std::process::{Command, Stdio};
    use std::time::Duration;

    use super::*;

    async fn end_of(script: &str, signal: Option<i32>) -> WaitStatus {
        let (mut exits, mut ended) = Exits::new();
        let mut child = Command::new("sh").args(["-c", script]).stdin(Stdio::piped()).spawn().unwrap();
        let pid = child.id();
        exits.watch(Owner { pid, start_ticks: 0 });
        if let Some(signal) = signal {
            let signal = rustix::process::Signal::from_named_raw(signal).unwrap();
            rustix::process::kill_process(rustix::process::Pid::from_raw(pid as i32).unwrap(), signal)
                .unwrap();
        }
        drop(child.stdin.take());
        let exit = tokio::time::timeout(Duration::from_secs(30), ended.recv()).await.unwrap().unwrap();
        child.wait().unwrap();
        assert_eq!(exit.process.pid, pid);
        exit.status
    }

    #[tokio::test]
    async fn the_status_of_a_process_is_learned_at_its_end() {
        assert_eq!(end_of("read x; exit 7", None).await, WaitStatus::Exited(7));
        assert_eq!(end_of("read x; exit 0", None).await, WaitStatus::Exited(0));
        assert_eq!(end_of("read x; sleep 60", Some(15)).await, WaitStatus::Signalled(15));
    }

    #[tokio::test]
    async fn a_process_that_replaces_its_program_is_noticed() {
        let (mut exits, _ended) = Exits::new();
        let script = "read x; exec sh -c 'read x; exit 0'";
        let mut child = Command::new("sh").args(["-c", script]).stdin(Stdio::piped()).spawn().unwrap();
        let pid = child.id();
        exits.watch(Owner { pid, start_ticks: 0 });
        assert!(!exits.has_replaced_itself(pid));
        std::io::Write::write_all(child.stdin.as_mut().unwrap(), b"go\n").unwrap();
        let replaced = (0..3000).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            exits.has_replaced_itself(pid)
        });
        assert!(replaced);
        exits.accept_image(pid);
        assert!(!exits.has_replaced_itself(pid));
        drop(child.stdin.take());
        child.wait().unwrap();
    }
}

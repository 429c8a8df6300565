//! Hears, without a timer, which shells have written, and which have opened a file because a line begins.
//!
//! On Linux by inotify with a mask of its own: closing after a write, and what is moved in, and nothing else (`notify`
//! has a fixed mask, four events a record, and bpd's own reading would wake it). Elsewhere by `notify`, whose watcher
//! says that something has happened, late and not always what: there everything is looked at. That part has been
//! checked against `notify`'s types on Linux, and never run on another system.

use std::collections::BTreeSet;

#[cfg(not(target_os = "linux"))]
pub(super) use elsewhere::MailWatch;
#[cfg(target_os = "linux")]
pub(super) use linux::MailWatch;

/// Which shells have done something since this was asked last.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) shells: BTreeSet<u32>,
    /// Shells that are followed and whose file was opened.
    pub(super) opened: BTreeSet<u32>,
    /// Notices were dropped, or do not say whose they are: anybody may have written.
    pub(super) anybody: bool,
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::HashMap;
    use std::io;
    use std::mem::MaybeUninit;
    use std::os::fd::{AsFd as _, OwnedFd};
    use std::path::Path;
    use std::sync::{Mutex, PoisonError};

    use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
    use rustix::io::Errno;
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    use super::super::maildir::shell_of;
    use super::Written;

    /// In a process's directory in `/proc`; `shell/bash/1-places.bash` has the same.
    const LINE_FILE: &str = "timerslack_ns";

    /// With more shells than this the watches of those that are gone are removed.
    const MAX_FOLLOWED: usize = 64;

    /// A hundred events at once.
    const BUFFER_BYTES: usize = 4096;

    #[derive(Debug)]
    pub(in super::super) struct MailWatch {
        fd: OwnedFd,
        /// Shells that are followed, by the number that the kernel gives their files in its events.
        followed: Mutex<HashMap<i32, u32>>,
    }

    impl MailWatch {
        /// Hears what is written from now on.
        pub(in super::super) fn on(dir: &Path) -> io::Result<Self> {
            let fd = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
            inotify::add_watch(
                &fd,
                dir,
                WatchFlags::CLOSE_WRITE | WatchFlags::MOVED_TO | WatchFlags::ONLYDIR,
            )?;
            Ok(Self { fd, followed: Mutex::default() })
        }

        /// Hears from now on when the shell `pid` opens the file that bash's PS0 opens for each line: no other program has a
        /// use for it, and it is there as long as the shell. Following a shell again costs a system call and renews the
        /// watch, in case the kernel has made the file anew.
        pub(in super::super) fn follow(&self, pid: u32) {
            let file = format!("/proc/{pid}/{LINE_FILE}");
            let Ok(number) = inotify::add_watch(&self.fd, &file, WatchFlags::OPEN) else { return };
            let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
            if followed.insert(number, pid).is_some() || followed.len() <= MAX_FOLLOWED {
                return;
            }
            followed.retain(|number, pid| {
                let is_there = std::path::Path::new(&format!("/proc/{pid}")).exists();
                if !is_there {
                    // It may be gone already.
                    let _ = inotify::remove_watch(&self.fd, *number);
                }
                is_there
            });
        }

        /// Ends when there is something to [`Self::take`]. While nobody waits a shell that writes wakes nobody, which would
        /// cost the shell a tenth of its hook: tokio knows of the descriptor only as long.
        #[allow(unsafe_code, reason = "tokio asks for a promise about the descriptor")]
        pub(in super::super) async fn wait(&self) -> io::Result<()> {
            // SAFETY: the descriptor is borrowed for longer than the `AsyncFd` lives: it stays open and the same.
            let fd = unsafe { AsyncFd::register_with_interest(self.fd.as_fd(), Interest::READABLE) }?;
            loop {
                let mut ready = fd.readable().await?;
                // Somebody else may have taken it meanwhile.
                let mut waiting = [rustix::event::PollFd::new(&self.fd, rustix::event::PollFlags::IN)];
                if rustix::event::poll(&mut waiting, Some(&rustix::time::Timespec::default()))? > 0 {
                    ready.retain_ready();
                    return Ok(());
                }
                ready.clear_ready();
            }
        }

        /// What has been heard so far. A shell's record is heard before the shell's next command starts.
        pub(in super::super) fn take(&self) -> Written {
            let mut written = Written::default();
            let mut buffer = [MaybeUninit::uninit(); BUFFER_BYTES];
            let mut reader = Reader::new(&self.fd, &mut buffer);
            loop {
                match reader.next() {
                    Ok(event) => {
                        written.anybody |= event.events().contains(ReadFlags::QUEUE_OVERFLOW);
                        let name = event.file_name().and_then(|name| name.to_str().ok());
                        written.shells.extend(name.and_then(shell_of));
                        if event.events().contains(ReadFlags::OPEN) {
                            let followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
                            written.opened.extend(followed.get(&event.wd()));
                        }
                    }
                    Err(Errno::INTR) => {}
                    Err(Errno::AGAIN) => return written,
                    Err(error) => {
                        tracing::warn!("the mailbox's watch failed: {error}");
                        written.anybody = true;
                        return written;
                    }
                }
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use std::io;
    use std::path::Path;
    use std::sync::Arc;

    use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};
    use tokio::sync::Notify;

    use super::Written;

    #[derive(Debug)]
    pub(in super::super) struct MailWatch {
        heard: Arc<Notify>,
        /// Watches until it is dropped.
        _watcher: RecommendedWatcher,
    }

    impl MailWatch {
        /// Hears what is written from now on.
        pub(in super::super) fn on(dir: &Path) -> io::Result<Self> {
            let heard = Arc::new(Notify::new());
            let says = Arc::clone(&heard);
            let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
                // Reading is no news. A failure of the watcher may hide some.
                if !event.is_ok_and(|event| event.kind.is_access()) {
                    says.notify_one();
                }
            })
            .map_err(io::Error::other)?;
            watcher.watch(dir, RecursiveMode::NonRecursive).map_err(io::Error::other)?;
            Ok(Self { heard, _watcher: watcher })
        }

        /// Ends when there is something to [`Self::take`].
        #[allow(clippy::unnecessary_wraps, clippy::unused_async, reason = "as the other one")]
        pub(in super::super) async fn wait(&self) -> io::Result<()> {
            self.heard.notified().await;
            Ok(())
        }

        /// Lines of which the shell does not speak are only seen on Linux.
        #[allow(clippy::unused_self, reason = "as the other one")]
        pub(in super::super) fn follow(&self, _pid: u32) {}

        /// What has been written so far: before the watcher has heard of it, too.
        #[allow(clippy::unused_self, reason = "as the other one")]
        pub(in super::super) fn take(&self) -> Written {
            Written { anybody: true, ..Written::default() }
        }
    }
}

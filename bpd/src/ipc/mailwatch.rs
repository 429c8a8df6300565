//! Hears which shells have written, without a timer and without being woken by bpd's own reading: closing after a
//! write, and what is moved in, and nothing else (`notify` has a fixed mask, four events a record).

use std::collections::BTreeSet;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;

use super::maildir::shell_of;

/// A hundred events at once.
const BUFFER_BYTES: usize = 4096;

#[derive(Debug)]
pub(super) struct MailWatch {
    fd: AsyncFd<OwnedFd>,
}

/// Who has written since it was asked last.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) shells: BTreeSet<u32>,
    /// The kernel dropped notices: anybody may have written.
    pub(super) anybody: bool,
}

impl MailWatch {
    /// Hears what is written from now on.
    #[allow(unsafe_code, reason = "tokio asks for a promise about the descriptor")]
    pub(super) fn on(dir: &Path) -> io::Result<Self> {
        let fd = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        inotify::add_watch(&fd, dir, WatchFlags::CLOSE_WRITE | WatchFlags::MOVED_TO | WatchFlags::ONLYDIR)?;
        // SAFETY: an `OwnedFd` stays open and the same until the `AsyncFd`, which owns it, drops it.
        let fd = unsafe { AsyncFd::register(fd) }?;
        Ok(Self { fd })
    }

    /// Ends when there is something to [`Self::take`].
    pub(super) async fn wait(&self) -> io::Result<()> {
        loop {
            let mut ready = self.fd.readable().await?;
            // Somebody else may have taken it meanwhile.
            let mut waiting = [rustix::event::PollFd::new(self.fd.get_ref(), rustix::event::PollFlags::IN)];
            if rustix::event::poll(&mut waiting, Some(&rustix::time::Timespec::default()))? > 0 {
                ready.retain_ready();
                return Ok(());
            }
            ready.clear_ready();
        }
    }

    /// What has been heard so far. A shell's record is heard before the shell's next command starts.
    pub(super) fn take(&self) -> Written {
        let mut written = Written::default();
        let mut buffer = [MaybeUninit::uninit(); BUFFER_BYTES];
        let mut reader = Reader::new(self.fd.get_ref(), &mut buffer);
        loop {
            match reader.next() {
                Ok(event) => {
                    written.anybody |= event.events().contains(ReadFlags::QUEUE_OVERFLOW);
                    let name = event.file_name().and_then(|name| name.to_str().ok());
                    written.shells.extend(name.and_then(shell_of));
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

//! Notices, without a timer, that the runtime directory has vanished (a logout clears it) or may be made again.

#[cfg(target_os = "linux")]
pub(super) use linux::Watch;

/// Elsewhere the runtime directory is in the user's home, which no logout clears.
#[cfg(not(target_os = "linux"))]
pub(super) struct Watch;

#[cfg(not(target_os = "linux"))]
impl Watch {
    pub(super) fn on(_dir: &std::path::Path) -> std::io::Result<Self> {
        Ok(Self)
    }

    pub(super) fn above(_dir: &std::path::Path) -> std::io::Result<Self> {
        Ok(Self)
    }

    pub(super) async fn event(&self) -> std::io::Result<()> {
        std::future::pending().await
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io;
    use std::os::fd::OwnedFd;
    use std::os::unix::fs::MetadataExt as _;
    use std::path::Path;

    use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
    use tokio::io::unix::AsyncFd;

    /// Hears what happens from its making on.
    #[derive(Debug)]
    pub(in super::super) struct Watch {
        fd: AsyncFd<OwnedFd>,
    }

    impl Watch {
        /// For the removal of something in `dir`, and for the removal, move or unmount of `dir` and what it stands on.
        /// What exactly, the caller looks up: it may be nothing of ours.
        pub(in super::super) fn on(dir: &Path) -> io::Result<Self> {
            let gone = WatchFlags::DELETE_SELF | WatchFlags::MOVE_SELF | WatchFlags::ONLYDIR;
            let removed = WatchFlags::DELETE | WatchFlags::MOVED_FROM;
            let watch = Self::new()?;
            watch.add(dir, gone | removed)?;
            for (above, below) in dir.ancestors().skip(1).zip(dir.ancestors()) {
                // A lazy unmount says nothing to what stands on it; but its mount point is removed afterwards.
                let flags = if is_mount(above, below) { gone | removed } else { gone };
                // An ancestor that may not be watched is no reason not to watch the others.
                let _ = watch.add(above, flags);
            }
            Ok(watch)
        }

        /// For what appears in the nearest ancestor of `dir` that exists, and for what is taken out of `dir`: it may
        /// have been in the way.
        pub(in super::super) fn above(dir: &Path) -> io::Result<Self> {
            let appeared =
                WatchFlags::CREATE | WatchFlags::MOVED_TO | WatchFlags::ATTRIB | WatchFlags::ONLYDIR;
            let watch = Self::new()?;
            let removed =
                WatchFlags::DELETE | WatchFlags::MOVED_FROM | WatchFlags::ATTRIB | WatchFlags::ONLYDIR;
            // There may be no such directory: that is why somebody waits.
            let _ = watch.add(dir, removed);
            for above in dir.ancestors().skip(1) {
                if watch.add(above, appeared).is_ok() {
                    break;
                }
            }
            Ok(watch)
        }

        #[allow(unsafe_code, reason = "tokio asks for a promise about the descriptor")]
        fn new() -> io::Result<Self> {
            let fd = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
            // SAFETY: an `OwnedFd` stays open and the same until the `AsyncFd`, which owns it, drops it.
            let fd = unsafe { AsyncFd::register(fd) }?;
            Ok(Self { fd })
        }

        fn add(&self, path: &Path, flags: WatchFlags) -> io::Result<()> {
            inotify::add_watch(self.fd.get_ref(), path, flags)?;
            Ok(())
        }

        /// Ends at the first event; a watch is for one.
        pub(in super::super) async fn event(&self) -> io::Result<()> {
            self.fd.readable().await.map(drop)
        }
    }

    fn is_mount(above: &Path, below: &Path) -> bool {
        match (above.metadata(), below.metadata()) {
            (Ok(above), Ok(below)) => above.dev() != below.dev(),
            _ => false,
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::time::Duration;

    use super::Watch;

    #[tokio::test]
    async fn whatever_stood_in_the_way_is_heard_when_it_goes() {
        let scratch = tempfile::tempdir().unwrap();
        let run = scratch.path().join("run");
        std::fs::create_dir(&run).unwrap();
        let in_the_way = run.join("bpd.sock");
        std::fs::write(&in_the_way, "no socket").unwrap();
        let watch = Watch::above(&run).unwrap();
        std::fs::remove_file(&in_the_way).unwrap();
        tokio::time::timeout(Duration::from_mins(1), watch.event()).await.unwrap().unwrap();
    }
}

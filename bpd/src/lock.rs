//! A held file lock: the one proof that no other bpd serves the same place. Never a pid file, never a connect: the
//! kernel lets go when the holder dies, however it dies.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bp_proto::private_file::{self, Moved};
use bp_proto::process;
use rustix::fs::{FlockOperation, flock};

/// A holder that is being taken apart by the kernel, as after `kill -9`, is waited for.
const ENDING_PATIENCE: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// Held until its last clone is dropped or the process ends.
#[derive(Clone, Debug)]
pub struct Lock {
    _file: Arc<File>,
    /// What was in the way of the lock file.
    pub moved: Option<Moved>,
}

#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("{} is held by another bpd{}; stop it with `bpctl daemon stop`", path.display(), by(*pid))]
    Held { path: PathBuf, pid: Option<u32> },
    #[error("cannot lock {}", path.display())]
    Io { path: PathBuf, source: io::Error },
}

fn by(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default()
}

impl Lock {
    /// Takes the lock at `path`, or says who has it. Waits only for a holder that is ending. The file stays: removing
    /// it would let two processes hold it. Whatever else lies at `path` is moved out of the way.
    pub fn hold(path: &Path) -> Result<Self, LockError> {
        let failed = |source| LockError::Io { path: path.to_owned(), source };
        let moved = match private_file::clear_file(path) {
            Ok(moved) => moved,
            Err(error) if private_file::is_unwritable(&error) => None,
            Err(error) => return Err(failed(error)),
        };
        let deadline = Instant::now() + ENDING_PATIENCE;
        loop {
            let mut file = private_file::open_lock(path).map_err(failed)?;
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    let pid = holder(&mut file);
                    if pid.is_some_and(process::is_ending) && Instant::now() < deadline {
                        std::thread::sleep(LOOK_AGAIN);
                        continue;
                    }
                    return Err(LockError::Held { path: path.to_owned(), pid });
                }
                Err(error) => return Err(failed(error.into())),
            }
            // If the directory was cleared meanwhile, no other process will ever see this lock.
            if !is_at(&file, path) {
                continue;
            }
            // For people and for the message above; nothing depends on it.
            let _ =
                file.set_len(0).and_then(|()| file.write_all(format!("{}\n", std::process::id()).as_bytes()));
            return Ok(Self { _file: Arc::new(file), moved });
        }
    }
}

fn is_at(file: &File, path: &Path) -> bool {
    let there = std::fs::symlink_metadata(path);
    match (file.metadata(), there) {
        (Ok(held), Ok(there)) => held.dev() == there.dev() && held.ino() == there.ino(),
        // The lock is on the directory: no file can be made in it.
        (Ok(held), Err(_)) => held.is_dir(),
        _ => false,
    }
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_the_other_is_told_by_whom_and_how_to_end_it() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("bpd.lock");
        let held = Lock::hold(&path).unwrap();
        let refusal = Lock::hold(&path).unwrap_err().to_string();
        let expected = format!("{} is held by another bpd (pid {})", path.display(), std::process::id());
        assert!(refusal.starts_with(&expected), "{refusal}");
        assert!(refusal.contains("bpctl daemon stop"), "{refusal}");
        drop(held);
        Lock::hold(&path).unwrap();
    }

    #[test]
    fn what_a_dead_bpd_left_behind_locks_nobody_out() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("bpd.lock");
        std::fs::write(&path, "1\n").unwrap();
        Lock::hold(&path).unwrap();
    }

    #[test]
    fn a_link_in_its_place_is_not_followed_but_moved_away() {
        let scratch = tempfile::tempdir().unwrap();
        let (path, target) = (scratch.path().join("bpd.lock"), scratch.path().join("target"));
        std::os::unix::fs::symlink(&target, &path).unwrap();
        let held = Lock::hold(&path).unwrap();
        assert_eq!(held.moved.as_ref().map(|moved| moved.from.as_path()), Some(path.as_path()));
        assert!(matches!(Lock::hold(&path), Err(LockError::Held { .. })));
        assert!(!target.exists());
    }
}

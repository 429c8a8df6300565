//! A held file lock: the one proof that no other bpd serves the same place. Never a pid file, never a connect: the
//! kernel lets go when the holder dies, however it dies.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};

/// Held until it is dropped or the process ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
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
    /// Takes the lock at `path` at once, or says who has it. The file stays: removing it would let two hold it.
    pub fn hold(path: &Path) -> Result<Self, LockError> {
        let failed = |source| LockError::Io { path: path.to_owned(), source };
        loop {
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .custom_flags(OFlags::NOFOLLOW.bits() as i32)
                .open(path)
                .map_err(failed)?;
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    return Err(LockError::Held { path: path.to_owned(), pid: holder(&mut file) });
                }
                Err(error) => return Err(failed(error.into())),
            }
            // Whoever cleared the directory meanwhile left us a lock that nobody else will ever see.
            if !is_at(&file, path) {
                continue;
            }
            // For people and for the message above; nothing depends on it.
            let _ =
                file.set_len(0).and_then(|()| file.write_all(format!("{}\n", std::process::id()).as_bytes()));
            return Ok(Self { _file: file });
        }
    }
}

fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), std::fs::symlink_metadata(path)) {
        (Ok(held), Ok(there)) => held.dev() == there.dev() && held.ino() == there.ino(),
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
    fn a_link_in_its_place_is_not_followed() {
        let scratch = tempfile::tempdir().unwrap();
        let (path, target) = (scratch.path().join("bpd.lock"), scratch.path().join("target"));
        std::os::unix::fs::symlink(&target, &path).unwrap();
        assert!(matches!(Lock::hold(&path), Err(LockError::Io { .. })));
        assert!(!target.exists());
    }
}

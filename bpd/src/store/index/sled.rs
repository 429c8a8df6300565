//! The index in sled 0.34.7: pointers and small rows only, never the only copy of anything.
//!
//! Known of it, and met here: `flush` is not durable on Linux (we `fdatasync` its file), it panics on a truncated file
//! (every call is guarded), it poisons itself after an I/O error (the store then makes a new index), and its pool of
//! threads wakes every second unless it is born with a long timer slack.

use std::fs::File;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Direction, Held, Index, Put};
use crate::store::{StoreError, log};

const CACHE_BYTES: u64 = 256 * 1024;

/// An index that was open in this process a moment ago is waited for at most a second.
const LOCK_TRIES: u32 = 50;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub(in crate::store) struct SledIndex {
    db: sled::Db,
    dir: PathBuf,
}

impl SledIndex {
    /// Opens or makes it.
    pub(in crate::store) fn open(dir: &Path) -> Result<Self, StoreError> {
        log::make_dir(dir)?;
        refuse_odd(dir)?;
        let mut tries = 0;
        let db = loop {
            match guarded(|| open_once(dir)) {
                // sled's own threads give the lock back a moment after the database was dropped.
                Err(error) if tries < LOCK_TRIES && error.to_string().contains("could not acquire lock") => {
                    tries += 1;
                    std::thread::sleep(LOCK_PAUSE);
                }
                opened => break opened?,
            }
        };
        let index = Self { db, dir: dir.to_owned() };
        index.keep_private()?;
        Ok(index)
    }

    /// sled makes its files by the umask.
    fn keep_private(&self) -> Result<(), StoreError> {
        let failed = |source| StoreError::Io { doing: "make private", path: self.dir.clone(), source };
        for entry in std::fs::read_dir(&self.dir).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let meta = match std::fs::metadata(&path) {
                Ok(meta) => meta,
                // A snapshot that sled has replaced meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(failed(error)),
            };
            let mode = if meta.is_dir() { 0o700 } else { 0o600 };
            if meta.permissions().mode() & 0o777 != mode {
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).map_err(failed)?;
            }
        }
        Ok(())
    }
}

/// A file of sled that is so much longer than what it takes on the disk was made by something else. A file system that
/// compresses does not come near this.
const MAX_SPARSENESS: u64 = 16;
/// Shorter files are read in any case.
const SPARSE_FROM_BYTES: u64 = 64 << 20;
const BLOCK_BYTES: u64 = 512;

/// sled opens whatever lies in its directory, waits for a FIFO and reads a sparse file to its end.
fn refuse_odd(dir: &Path) -> Result<(), StoreError> {
    let failed = |source| StoreError::Io { doing: "list", path: dir.to_owned(), source };
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let Ok(meta) = std::fs::symlink_metadata(&path) else { continue };
        let is_sparse =
            meta.len() > SPARSE_FROM_BYTES && meta.len() / MAX_SPARSENESS > meta.blocks() * BLOCK_BYTES;
        if meta.is_dir() && path.file_name().is_some_and(|name| name == "blobs") {
            refuse_odd(&path)?;
        } else if !meta.is_file() || is_sparse {
            return Err(StoreError::Index(format!("{} is no file of an index", path.display())));
        }
    }
    Ok(())
}

fn open_once(dir: &Path) -> sled::Result<sled::Db> {
    let db = sled::Config::new()
        .path(dir)
        .cache_capacity(CACHE_BYTES)
        .flush_every_ms(None)
        .mode(sled::Mode::LowSpace)
        .open()?;
    // Brings the thread pool into being, now that the timer slack is set.
    db.flush()?;
    Ok(db)
}

impl Index for SledIndex {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        guarded(|| Ok(self.db.get(key)?.map(|value| value.to_vec())))
    }

    fn range(
        &self,
        from: &[u8],
        to: &[u8],
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Held>, StoreError> {
        if from >= to {
            return Ok(Vec::new());
        }
        guarded(|| {
            let entry = |found: sled::Result<(sled::IVec, sled::IVec)>| {
                found.map(|(key, value)| (key.to_vec(), value.to_vec()))
            };
            let range = self.db.range(from..to);
            match direction {
                Direction::Ascending => range.take(limit).map(entry).collect(),
                Direction::Descending => range.rev().take(limit).map(entry).collect(),
            }
        })
    }

    fn apply(&self, batch: &[Put]) -> Result<(), StoreError> {
        guarded(|| {
            let mut changes = sled::Batch::default();
            for (key, value) in batch {
                match value {
                    Some(value) => changes.insert(key.as_slice(), value.as_slice()),
                    None => changes.remove(key.as_slice()),
                }
            }
            self.db.apply_batch(changes)
        })
    }

    fn flush(&self) -> Result<(), StoreError> {
        guarded(|| self.db.flush())?;
        let path = self.dir.join("db");
        File::open(&path).and_then(|file| file.sync_data()).map_err(|source| StoreError::Io {
            doing: "sync",
            path,
            source,
        })?;
        self.keep_private()
    }
}

/// Runs a call into sled: a panic in it is an error like any other, and threads that it starts sleep soundly.
fn guarded<T>(call: impl FnOnce() -> sled::Result<T>) -> Result<T, StoreError> {
    let outcome = with_long_slack(|| catch_unwind(AssertUnwindSafe(call)));
    match outcome {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(StoreError::Index(error.to_string())),
        Err(panic) => {
            let said = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("no message");
            Err(StoreError::Index(format!("sled panicked: {said}")))
        }
    }
}

/// sled's pool waits in steps of one second, for ever. A thread inherits the timer slack of the thread that starts it,
/// so with this slack those waits are put off until there is work; ours is reset at once, or this thread's own
/// deadlines would come a day late.
#[cfg(target_os = "linux")]
fn with_long_slack<T>(call: impl FnOnce() -> T) -> T {
    const A_DAY_NS: std::num::NonZeroU64 = std::num::NonZeroU64::new(86_400_000_000_000).unwrap();
    let _ = rustix::thread::set_current_timer_slack(Some(A_DAY_NS));
    let outcome = call();
    let _ = rustix::thread::set_current_timer_slack(None);
    outcome
}

#[cfg(not(target_os = "linux"))]
fn with_long_slack<T>(call: impl FnOnce() -> T) -> T {
    call()
}

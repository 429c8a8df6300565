//! The program file of this bpd, and whether another build has taken its place, as after an upgrade.

use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

use bp_proto::program::ProgramFile;

use crate::trouble::Trouble;

#[derive(Debug)]
pub(super) struct Program {
    path: PathBuf,
    running: OnceLock<Option<ProgramFile>>,
    /// The file that was compared last, and whether it is this program. Comparing may read the whole file.
    compared: Mutex<Option<(FileVersion, bool)>>,
}

/// Device, inode, size, and seconds and nanoseconds of the last change.
type FileVersion = (u64, u64, u64, i64, i64);

impl Program {
    /// `path` = the file that this process was started from.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, running: OnceLock::new(), compared: Mutex::default() }
    }

    pub(super) fn file(&self) -> Option<&ProgramFile> {
        self.running.get_or_init(|| ProgramFile::running(self.path.clone()).ok()).as_ref()
    }

    /// Another build lies where this one was started from.
    pub(super) fn trouble(&self) -> Option<Trouble> {
        let meta = std::fs::metadata(&self.path).ok()?;
        let version = (meta.dev(), meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec());
        let mut compared = self.compared.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = match *compared {
            Some((seen, is_same)) if seen == version => is_same,
            _ => self.file()?.is_at(&self.path).ok()?,
        };
        *compared = Some((version, is_same));
        (!is_same).then(|| Trouble::plain("program-replaced").with("path", self.path.display()))
    }
}

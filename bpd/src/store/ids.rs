//! A file with a number that no run id has exceeded: ids go on above it when the journal that used them is lost.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use bp_proto::private_file::{self, Open};

/// Ids that are reserved with one write.
const BLOCK: u64 = 1024;
const MAX_FILE_BYTES: u64 = 64;

#[derive(Debug)]
pub(super) struct Ids {
    path: PathBuf,
    reserved: u64,
}

impl Ids {
    /// `0` where there is no such file.
    pub(super) fn read(data: &Path) -> Self {
        let path = data.join("ids");
        let text = private_file::read_text(&path, MAX_FILE_BYTES).unwrap_or_default();
        Self { path, reserved: text.trim().parse().unwrap_or(0) }
    }

    /// No id above this was ever given.
    pub(super) fn reserved(&self) -> u64 {
        self.reserved
    }

    /// Called before `id` is given. An error costs nothing but this protection: the journal, which is written next,
    /// will say what is wrong with the disk.
    pub(super) fn reserve(&mut self, id: u64) {
        if id <= self.reserved {
            return;
        }
        let next = id + BLOCK - 1;
        match self.write(next) {
            Ok(()) => self.reserved = next,
            Err(error) => tracing::debug!("store: cannot write {}: {error}", self.path.display()),
        }
    }

    fn write(&self, number: u64) -> io::Result<()> {
        let new = self.path.with_extension("new");
        private_file::clear_file(&new)?;
        let mut file = Open::to_write().or_create().emptied().open(&new)?;
        writeln!(file, "{number}")?;
        file.sync_data()?;
        private_file::clear_file(&self.path)?;
        std::fs::rename(&new, &self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_was_reserved_is_read_again() {
        let scratch = tempfile::tempdir().unwrap();
        let mut ids = Ids::read(scratch.path());
        assert_eq!(ids.reserved(), 0);
        ids.reserve(1);
        ids.reserve(BLOCK);
        assert_eq!(Ids::read(scratch.path()).reserved(), BLOCK);
        ids.reserve(BLOCK + 1);
        assert_eq!(Ids::read(scratch.path()).reserved(), 2 * BLOCK);
    }

    #[test]
    fn something_odd_in_its_place_is_replaced() {
        let scratch = tempfile::tempdir().unwrap();
        std::fs::create_dir(scratch.path().join("ids")).unwrap();
        let mut ids = Ids::read(scratch.path());
        ids.reserve(7);
        assert_eq!(Ids::read(scratch.path()).reserved(), 7 + BLOCK - 1);
    }
}

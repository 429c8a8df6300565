//! One shell's file: opened only when it is what it should be, read from where it was left.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;

use bp_proto::UnixMillis;
use bp_proto::mailbox::{self, MAX_RECORD_BYTES, Taken};
use bp_proto::private_file::{self, Open};

/// Read at once; enough for a thousand records.
const PIECE_BYTES: usize = 256 * 1024;

/// With so much in hand the parser always gets on: a record that is longer is damaged.
const MOST_BYTES: usize = MAX_RECORD_BYTES + PIECE_BYTES;

/// A shell's file is rotated long before; years of typing while bpd is away do not come near this.
pub(super) const MAX_FILE_BYTES: u64 = 64 << 20;

static NULS: [u8; 16 * 1024] = [0; 16 * 1024];

/// Where reading goes on.
#[derive(Debug, Default)]
pub(super) struct Position {
    offset: u64,
    /// Device and inode: a file of the same name may be another one.
    inode: Option<(u64, u64)>,
    /// How long the file was when it was read last.
    seen: u64,
    /// In front of it there are only NULs.
    clean: u64,
    /// In front of it nothing is left as a shell wrote it.
    wiped: u64,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum MailFileError {
    #[error("it is no regular file")]
    NotRegular,
    #[error("it belongs to uid {0}")]
    NotOurs(u32),
    #[error("it has more than {MAX_FILE_BYTES} bytes")]
    TooLarge,
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What one look into a file gave.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) taken: Taken,
    /// There may be more behind it.
    pub(super) more: bool,
    /// When it was written to last.
    pub(super) written_at: UnixMillis,
}

impl Position {
    /// The next records of `path`; `None` when there is no such file. `uid` = whose it must be.
    pub(super) fn read(&mut self, path: &Path, uid: u32) -> Result<Option<Piece>, MailFileError> {
        let Some((file, meta)) = open(path, uid, false)? else { return Ok(None) };
        let inode = (meta.dev(), meta.ino());
        if self.inode != Some(inode) || meta.len() < self.offset {
            *self = Self { inode: Some(inode), ..Self::default() };
        }
        self.seen = meta.len();
        let written_at = UnixMillis(meta.mtime() * 1000 + meta.mtime_nsec() / 1_000_000);
        let mut bytes = Vec::new();
        for most in [PIECE_BYTES, MOST_BYTES] {
            let left = meta.len().saturating_sub(self.offset).min(most as u64) as usize;
            bytes.resize(left, 0);
            let read = fill(&file, &mut bytes, self.offset)?;
            bytes.truncate(read);
            let taken = mailbox::take(&bytes);
            if taken.used > 0 || read < most {
                self.offset += taken.used as u64;
                let more = taken.used > 0 && self.offset < meta.len();
                return Ok(Some(Piece { taken, more, written_at }));
            }
        }
        Ok(Some(Piece { taken: Taken::default(), more: false, written_at }))
    }

    /// Whether something that was read is still there as it was written.
    pub(super) fn is_bare(&self) -> bool {
        self.wiped < self.offset
    }

    /// What was put in the place of records must be replaced too.
    pub(super) fn expose(&mut self) {
        self.wiped = 0;
    }

    /// Puts NULs over everything that was read of `path`, and behind them, up to where reading goes on, the first of
    /// `remains` that has room. → whether nothing is left as it was written. Shells only append, so that no byte
    /// of theirs is hit; closing wakes whoever watches the directory, once.
    pub(super) fn wipe(&mut self, path: &Path, uid: u32, remains: &[Vec<u8>]) -> Result<bool, MailFileError> {
        let Some(last) = remains.iter().find(|bytes| bytes.len() as u64 <= self.offset) else {
            return Ok(false);
        };
        let Some((file, meta)) = open(path, uid, true)? else { return Ok(true) };
        if self.inode != Some((meta.dev(), meta.ino())) || meta.len() < self.offset {
            return Ok(false);
        }
        let end = self.offset - last.len() as u64;
        // In this order half of it loses nothing.
        file.write_all_at(last, end)?;
        for at in (self.clean..end).step_by(NULS.len()) {
            file.write_all_at(&NULS[..NULS.len().min((end - at) as usize)], at)?;
        }
        (self.clean, self.wiped) = (end, self.offset);
        Ok(true)
    }

    /// Whether every byte of the file became a record. A file that is gone has none.
    pub(super) fn is_at_end(&self, path: &Path) -> bool {
        fs::symlink_metadata(path).map_or(true, |meta| meta.len() == self.offset)
    }

    /// Whether nothing was written since it was read last: what was not used then is half a record.
    pub(super) fn has_seen_all(&self, path: &Path) -> bool {
        fs::symlink_metadata(path).map_or(true, |meta| meta.len() == self.seen)
    }

    /// Whether there is something that was not there when it was read last: what bpd writes itself is nothing new.
    pub(super) fn has_news(&self, path: &Path) -> bool {
        fs::symlink_metadata(path)
            .is_ok_and(|meta| meta.len() != self.seen || self.inode != Some((meta.dev(), meta.ino())))
    }

    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Everything is read again next time.
    pub(super) fn rewind(&mut self) {
        *self = Self::default();
    }
}

/// The file and what it is, when it is a regular file of `uid` and no symbolic link. Opening never waits for a pipe.
fn open(path: &Path, uid: u32, to_write: bool) -> Result<Option<(File, fs::Metadata)>, MailFileError> {
    let open = if to_write { Open::to_write() } else { Open::to_read() };
    let file = match open.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if private_file::odd(&error).is_some() => return Err(MailFileError::NotRegular),
        file => file?,
    };
    let meta = file.metadata()?;
    if meta.uid() != uid {
        return Err(MailFileError::NotOurs(meta.uid()));
    }
    if meta.len() > MAX_FILE_BYTES {
        return Err(MailFileError::TooLarge);
    }
    Ok(Some((file, meta)))
}

fn fill(file: &File, bytes: &mut [u8], from: u64) -> io::Result<usize> {
    let mut read = 0;
    while read < bytes.len() {
        match file.read_at(&mut bytes[read..], from + read as u64)? {
            0 => break,
            n => read += n,
        }
    }
    Ok(read)
}

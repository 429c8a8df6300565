//! The bpd program: how it says that another one runs, and which file it is.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Exit code of a bpd that found the lock held by another one.
pub const EXIT_LOCK_HELD: u8 = 75;

/// A program file. Two of equal `checksum` and size are the same build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ProgramFile {
    #[cfg_attr(test, ts(type = "string"))]
    #[serde(serialize_with = "crate::report::as_text")]
    pub path: PathBuf,
    #[cfg_attr(test, ts(type = "number"))]
    pub device: u64,
    #[cfg_attr(test, ts(type = "number"))]
    pub inode: u64,
    #[cfg_attr(test, ts(type = "number"))]
    pub bytes: u64,
    /// Time of the last change of content, in nanoseconds since 1970; a string, because JSON numbers are too short.
    pub modified_ns: String,
    /// FNV-1a over the content, in hexadecimal digits.
    pub checksum: String,
}

impl ProgramFile {
    /// The file of this process, also after another file has taken its place. `path` = where it was started from.
    pub fn running(path: PathBuf) -> io::Result<Self> {
        let file = if cfg!(target_os = "linux") { File::open("/proc/self/exe")? } else { File::open(&path)? };
        Self::of(file, path)
    }

    fn of(file: File, path: PathBuf) -> io::Result<Self> {
        let meta = file.metadata()?;
        Ok(Self {
            path,
            device: meta.dev(),
            inode: meta.ino(),
            bytes: meta.len(),
            modified_ns: modified_ns(&meta).to_string(),
            checksum: checksum(file)?,
        })
    }

    /// Whether the file at `path` holds this program. Its content is read only if it is another file.
    pub fn is_at(&self, path: &Path) -> io::Result<bool> {
        let file = File::open(path)?;
        let meta = file.metadata()?;
        if meta.len() != self.bytes {
            return Ok(false);
        }
        let is_same_file = (meta.dev(), meta.ino()) == (self.device, self.inode)
            && modified_ns(&meta).to_string() == self.modified_ns;
        Ok(is_same_file || checksum(file)? == self.checksum)
    }
}

fn modified_ns(meta: &Metadata) -> i128 {
    i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec())
}

/// FNV-1a over 64-bit words: it tells builds apart, and protects from nothing.
fn checksum(mut file: File) -> io::Result<String> {
    const PIECE_BYTES: usize = 64 * 1024;
    let mut piece = vec![0; PIECE_BYTES];
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    loop {
        let mut filled = 0;
        while filled < PIECE_BYTES {
            match file.read(&mut piece[filled..])? {
                0 => break,
                read => filled += read,
            }
        }
        for word in piece[..filled].chunks(8) {
            let mut bytes = [0; 8];
            bytes[..word.len()].copy_from_slice(word);
            hash = (hash ^ u64::from_le_bytes(bytes)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        if filled < PIECE_BYTES {
            return Ok(format!("{hash:016x}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_copy_is_the_same_program_and_a_changed_file_is_another() {
        let scratch = tempfile::tempdir().unwrap();
        let at = |name: &str| scratch.path().join(name);
        let content: Vec<u8> = (0..200_000u32).flat_map(u32::to_le_bytes).collect();
        fs::write(at("old"), &content).unwrap();
        let old = ProgramFile::of(File::open(at("old")).unwrap(), at("old")).unwrap();
        assert!(old.is_at(&at("old")).unwrap());
        fs::write(at("copy"), &content).unwrap();
        assert!(old.is_at(&at("copy")).unwrap());
        let mut changed = content.clone();
        changed[600_000] ^= 1;
        fs::write(at("new"), &changed).unwrap();
        assert!(!old.is_at(&at("new")).unwrap());
        fs::write(at("longer"), [&content[..], b"x"].concat()).unwrap();
        assert!(!old.is_at(&at("longer")).unwrap());
        assert!(old.is_at(&at("missing")).is_err());
    }

    #[test]
    fn a_running_program_is_its_own_file() {
        let path = std::env::current_exe().unwrap();
        assert!(ProgramFile::running(path.clone()).unwrap().is_at(&path).unwrap());
    }
}

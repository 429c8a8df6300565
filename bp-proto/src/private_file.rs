//! Opens the files of bp so that nothing odd in their place can block a program, mislead it or fill its memory.
//!
//! A file of bp is a regular file. Something else may lie in its place: a directory, a FIFO, a link, a device, a file
//! without permissions, or a huge sparse file. Every function here refuses those and returns at once.

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;

use crate::time::UnixMillis;

/// What a file that was moved out of the way has in its name.
pub const SET_ASIDE: &str = ".set-aside-";

/// Permissions of every file of bp.
const OWN_MODE: u32 = 0o600;

/// Why a path is not a file that bp uses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OddFile {
    #[error("it is {0}, not a regular file")]
    NotRegular(&'static str),
    #[error("it has {bytes} bytes, more than the {limit} that are read")]
    TooLarge { bytes: u64, limit: u64 },
    #[error("it belongs to uid {0}")]
    OtherOwner(u32),
}

impl From<OddFile> for io::Error {
    fn from(odd: OddFile) -> Self {
        Self::new(io::ErrorKind::InvalidData, odd)
    }
}

/// The reason inside an error of this module; `None` for an error of the system.
pub fn odd(error: &io::Error) -> Option<&OddFile> {
    error.get_ref()?.downcast_ref()
}

/// How a file is opened. Links are never followed, and opening never blocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Open {
    read: bool,
    write: Writes,
    create: bool,
    truncate: bool,
    limit: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Writes {
    #[default]
    Not,
    Anywhere,
    AtEnd,
}

impl Open {
    pub fn to_read() -> Self {
        Self { read: true, ..Self::default() }
    }

    /// For writing at any offset.
    pub fn to_write() -> Self {
        Self { write: Writes::Anywhere, ..Self::default() }
    }

    pub fn to_append() -> Self {
        Self { write: Writes::AtEnd, ..Self::default() }
    }

    pub fn and_read(self) -> Self {
        Self { read: true, ..self }
    }

    /// Makes the file, 0600, if there is none.
    pub fn or_create(self) -> Self {
        Self { create: true, ..self }
    }

    /// Empties the file, after it has proved to be a regular one.
    pub fn emptied(self) -> Self {
        Self { truncate: true, ..self }
    }

    /// Refuses a file of more than so many bytes.
    pub fn at_most(self, bytes: u64) -> Self {
        Self { limit: Some(bytes), ..self }
    }

    /// # Errors
    /// An [`OddFile`] inside the error, or what the system says.
    pub fn open(self, path: &Path) -> io::Result<File> {
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
        let mut options = fs::OpenOptions::new();
        options.read(self.read).write(self.write == Writes::Anywhere).append(self.write == Writes::AtEnd);
        options.create(self.create);
        options.mode(OWN_MODE).custom_flags(flags.bits() as i32);
        let file = options.open(path).map_err(|error| reason(path, error))?;
        let meta = file.metadata()?;
        check(&meta, self.limit)?;
        if self.truncate {
            file.set_len(0)?;
        }
        Ok(file)
    }
}

/// The kernel refuses a link, a directory or a FIFO with codes of its own.
fn reason(path: &Path, error: io::Error) -> io::Error {
    match Errno::from_io_error(&error) {
        Some(Errno::LOOP | Errno::ISDIR | Errno::NXIO | Errno::NODEV | Errno::OPNOTSUPP) => {}
        _ => return error,
    }
    let kind = fs::symlink_metadata(path).ok().and_then(|meta| kind(&meta));
    kind.map_or(error, |kind| OddFile::NotRegular(kind).into())
}

fn check(meta: &Metadata, limit: Option<u64>) -> Result<(), OddFile> {
    if let Some(kind) = kind(meta) {
        return Err(OddFile::NotRegular(kind));
    }
    match limit {
        Some(limit) if meta.len() > limit => Err(OddFile::TooLarge { bytes: meta.len(), limit }),
        _ => Ok(()),
    }
}

/// What it is; `None` for a regular file.
fn kind(meta: &Metadata) -> Option<&'static str> {
    let kind = meta.file_type();
    if kind.is_file() {
        None
    } else if kind.is_dir() {
        Some("a directory")
    } else if kind.is_symlink() {
        Some("a link")
    } else if kind.is_fifo() {
        Some("a FIFO")
    } else if kind.is_socket() {
        Some("a socket")
    } else {
        Some("a device")
    }
}

/// The whole file, if it has at most `limit` bytes.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = Open::to_read().at_most(limit).open(path)?;
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The whole file as text, if it has at most `limit` bytes.
pub fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    String::from_utf8(read(path, limit)?).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// The first `limit` bytes of a file of any size.
pub fn read_head(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    Open::to_read().open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A file to be locked. On a file system that is read-only that is a file which is only read, or its directory.
pub fn open_lock(path: &Path) -> io::Result<File> {
    match Open::to_write().and_read().or_create().open(path) {
        Err(error) if is_unwritable(&error) => match Open::to_read().open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                File::open(path.parent().unwrap_or(Path::new("/")))
            }
            opened => opened,
        },
        opened => opened,
    }
}

/// Whether the place may only be read: a read-only file system, or missing permissions.
pub fn is_unwritable(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied)
}

/// Proves that `dir` takes a new file, and puts its content on the disk.
pub fn probe_dir(dir: &Path) -> io::Result<()> {
    let path = dir.join(format!("probe-{}", std::process::id()));
    let written = Open::to_write().or_create().open(&path).and_then(|mut file| {
        file.write_all(b"x")?;
        file.sync_all()
    });
    let removed = fs::remove_file(&path);
    written.and(removed)
}

/// What was moved out of the way, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    pub from: PathBuf,
    pub to: PathBuf,
    pub why: String,
}

/// Makes `path` usable as a file that this user reads and writes. Nothing there is fine. A file without permissions
/// gets them; whatever else is odd is moved out of the way.
pub fn clear_file(path: &Path) -> io::Result<Option<Moved>> {
    clear(path, |path| {
        let meta = match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            meta => meta?,
        };
        if let Some(kind) = kind(&meta) {
            return Ok(Some(OddFile::NotRegular(kind).to_string()));
        }
        if meta.mode() & 0o700 != OWN_MODE & 0o700 {
            // Not ours: whether it can be used is for the system to say.
            let _ = fs::set_permissions(path, fs::Permissions::from_mode(OWN_MODE));
        }
        match Open::to_read().open(path) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(Some(error.to_string())),
            Err(error) if odd(&error).is_some() => Ok(Some(error.to_string())),
            _ => Ok(None),
        }
    })
}

/// Makes room for a directory at `path`: whatever is there and leads to no directory is moved out of the way. A link
/// to a directory stays if `links` are allowed.
pub fn clear_dir(path: &Path, links: bool) -> io::Result<Option<Moved>> {
    clear(path, |path| {
        let meta = match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            meta => meta?,
        };
        if meta.is_dir() {
            return Ok(None);
        }
        if links && meta.is_symlink() && fs::metadata(path).is_ok_and(|target| target.is_dir()) {
            return Ok(None);
        }
        Ok(Some(format!("it is {}, not a directory", kind(&meta).unwrap_or("a file"))))
    })
}

/// Two programs that find the same odd file must not move what the first of them has put in its place: the directory is
/// locked, and the file is looked at again.
fn clear(path: &Path, problem: impl Fn(&Path) -> io::Result<Option<String>>) -> io::Result<Option<Moved>> {
    if problem(path)?.is_none() {
        return Ok(None);
    }
    let _locked = lock_dir(path)?;
    match problem(path)? {
        None => Ok(None),
        Some(why) => set_aside(path, why).map(Some),
    }
}

fn lock_dir(path: &Path) -> io::Result<File> {
    let dir = File::open(path.parent().unwrap_or(Path::new("/")))?;
    flock(&dir, FlockOperation::LockExclusive)?;
    Ok(dir)
}

/// Moves `path` out of the way; its content stays where it can be looked at.
pub fn set_aside(path: &Path, why: String) -> io::Result<Moved> {
    let now = UnixMillis::now().0;
    let name = path.file_name().unwrap_or_default();
    for nth in 0..100 {
        let mut new = name.to_owned();
        new.push(format!("{SET_ASIDE}{}", now + nth));
        let to = path.with_file_name(new);
        if fs::symlink_metadata(&to).is_err() {
            fs::rename(path, &to)?;
            return Ok(Moved { from: path.to_owned(), to, why });
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;

    fn fifo(path: &Path) {
        rustix::fs::mknodat(
            rustix::fs::CWD,
            path,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
            0,
        )
        .unwrap();
    }

    #[test]
    fn nothing_but_a_regular_file_is_opened_and_nothing_blocks() {
        let scratch = tempfile::tempdir().unwrap();
        let at = |name: &str| scratch.path().join(name);
        fs::create_dir(at("dir")).unwrap();
        fifo(&at("fifo"));
        fs::write(at("file"), "text").unwrap();
        symlink(at("file"), at("link")).unwrap();
        symlink("/nonexistent/x", at("dangling")).unwrap();
        let _socket = UnixListener::bind(at("socket")).unwrap();
        for name in ["dir", "fifo", "link", "dangling", "socket"] {
            for open in
                [Open::to_read(), Open::to_write().or_create(), Open::to_append().and_read().or_create()]
            {
                let refused = open.open(&at(name)).unwrap_err();
                assert!(matches!(odd(&refused), Some(OddFile::NotRegular(_))), "{name}: {refused}");
            }
            assert!(clear_file(&at(name)).unwrap().is_some_and(|moved| moved.to.symlink_metadata().is_ok()));
            assert!(at(name).symlink_metadata().is_err(), "{name} is still in the way");
        }
        assert!(odd(&Open::to_read().open(Path::new("/dev/zero")).unwrap_err()).is_some());
        assert_eq!(read(&at("file"), 4).unwrap(), b"text");
        assert_eq!(read_head(&at("file"), 2).unwrap(), b"te");
        assert!(matches!(odd(&read(&at("file"), 3).unwrap_err()), Some(OddFile::TooLarge { .. })));
        assert_eq!(clear_file(&at("file")).unwrap(), None);
        assert_eq!(clear_file(&at("missing")).unwrap(), None);
    }

    #[test]
    fn a_file_without_permissions_gets_them_back() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("file");
        fs::write(&path, "kept").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
        assert_eq!(clear_file(&path).unwrap(), None);
        assert_eq!(fs::read(&path).unwrap(), b"kept");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, OWN_MODE);
    }

    #[test]
    fn a_directory_is_made_room_for_and_a_link_to_one_stays() {
        let scratch = tempfile::tempdir().unwrap();
        let at = |name: &str| scratch.path().join(name);
        fs::create_dir(at("dir")).unwrap();
        symlink(at("dir"), at("link")).unwrap();
        fs::write(at("file"), "text").unwrap();
        symlink("/nonexistent/x", at("dangling")).unwrap();
        assert_eq!(clear_dir(&at("dir"), false).unwrap(), None);
        assert_eq!(clear_dir(&at("link"), true).unwrap(), None);
        assert!(clear_dir(&at("link"), false).unwrap().is_some());
        assert!(clear_dir(&at("file"), true).unwrap().is_some());
        assert!(clear_dir(&at("dangling"), true).unwrap().is_some());
    }
}

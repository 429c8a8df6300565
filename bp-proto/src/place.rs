//! Where everything is: runtime directory, socket, mailbox, data, config. Hooks derive the same places in shell.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Longest path that fits a socket address on Linux, without its NUL.
pub const MAX_SOCKET_PATH_BYTES: usize = 107;

/// Every path that a program of bp uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// `config.toml`.
    pub config: PathBuf,
    /// Journal, index, samples, token; 0700.
    pub data: PathBuf,
    /// Socket, lock and mailbox; 0700.
    pub run: PathBuf,
    /// `BP_HOME` is set: nothing of this is shared with the user's own bpd.
    pub private: bool,
}

#[derive(Debug, Error)]
pub enum PlaceError {
    #[error("there is no home directory; set HOME or BP_HOME")]
    NoHome,
    #[error(
        "the socket path {} has {length} bytes, more than the {MAX_SOCKET_PATH_BYTES} that fit; choose a shorter \
         BP_HOME", path.display()
    )]
    SocketPathTooLong { path: PathBuf, length: usize },
    #[error("BP_HOME must be an absolute path, not {0:?}")]
    RelativeHome(String),
    #[error("{} is not a directory of this user alone: {why}; remove it or mend it", path.display())]
    NotOurs { path: PathBuf, why: &'static str },
    #[error("cannot use {}", path.display())]
    Io { path: PathBuf, source: io::Error },
}

impl Places {
    /// From the environment and the effective uid. Creates nothing.
    pub fn find() -> Result<Self, PlaceError> {
        let config = std::env::var_os("BP_CONFIG").filter(|path| !path.is_empty());
        // bpd leaves the directory that a relative path is relative to.
        let config = config.map(|path| std::path::absolute(&path).unwrap_or(path.into()));
        if let Some(home) = std::env::var_os("BP_HOME").filter(|home| !home.is_empty()) {
            let home = PathBuf::from(home);
            if !home.is_absolute() {
                return Err(PlaceError::RelativeHome(home.to_string_lossy().into_owned()));
            }
            return Ok(Self {
                config: config.unwrap_or_else(|| home.join("config.toml")),
                data: home.join("data"),
                run: home.join("run"),
                private: true,
            });
        }
        let config = match config {
            Some(config) => config,
            None => base("XDG_CONFIG_HOME", ".config")?.join("bp/config.toml"),
        };
        let data = base("XDG_DATA_HOME", ".local/share")?.join("bp");
        Ok(Self { config, data, run: runtime_dir()?, private: false })
    }

    pub fn socket(&self) -> Result<PathBuf, PlaceError> {
        let path = self.run.join("bpd.sock");
        let length = path.as_os_str().len();
        if length > MAX_SOCKET_PATH_BYTES {
            return Err(PlaceError::SocketPathTooLong { path, length });
        }
        Ok(path)
    }

    pub fn mail(&self) -> PathBuf {
        self.run.join("mail")
    }

    /// Held by the bpd that owns the data, as long as it lives; a logout does not clear it.
    pub fn store_lock(&self) -> PathBuf {
        self.data.join("bpd.lock")
    }

    /// Held by the bpd that serves the socket and the mailbox.
    pub fn lock(&self) -> PathBuf {
        self.run.join("bpd.lock")
    }

    pub fn token(&self) -> PathBuf {
        self.data.join("token")
    }

    pub fn log(&self) -> PathBuf {
        self.data.join("log/bpd.log")
    }

    /// When nothing is recorded: [`crate::pause::Pauses`].
    pub fn pauses(&self) -> PathBuf {
        self.data.join(crate::pause::FILE)
    }

    /// Ends of `bpctl run` that bpd has not acknowledged yet, one file a run.
    pub fn spool(&self) -> PathBuf {
        self.data.join("spool")
    }
}

/// The first of these that exists and is the effective user's: `/run/user/EUID`, `/dev/shm`; else the state directory
/// in the user's home. The environment has no say: a shell after `su` must not find another user's directory.
#[cfg(target_os = "linux")]
fn runtime_dir() -> Result<PathBuf, PlaceError> {
    let euid = rustix::process::geteuid().as_raw();
    let session = PathBuf::from(format!("/run/user/{euid}"));
    if is_own_dir(&session) {
        return Ok(session.join("bp"));
    }
    if Path::new("/dev/shm").is_dir() {
        return Ok(PathBuf::from(format!("/dev/shm/bp-{euid}")));
    }
    state_dir()
}

#[cfg(not(target_os = "linux"))]
fn runtime_dir() -> Result<PathBuf, PlaceError> {
    state_dir()
}

fn state_dir() -> Result<PathBuf, PlaceError> {
    Ok(home()?.join(".local/state/bp/run"))
}

/// The platform's own place for a kind of file, by the XDG rules: a relative path counts as unset.
fn base(variable: &str, usual: &str) -> Result<PathBuf, PlaceError> {
    if cfg!(target_os = "macos") {
        return Ok(home()?.join("Library/Application Support"));
    }
    match std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute()) {
        Some(path) => Ok(path),
        None => Ok(home()?.join(usual)),
    }
}

/// `$HOME` alone. The password database would have to be read by libraries of the system, which a program that is
/// linked statically cannot count on.
pub fn home() -> Result<PathBuf, PlaceError> {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    home.filter(|home| home.is_absolute()).ok_or(PlaceError::NoHome)
}

#[cfg(unix)]
fn is_own_dir(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::symlink_metadata(path)
        .is_ok_and(|meta| meta.is_dir() && meta.uid() == rustix::process::geteuid().as_raw())
}

/// Makes `path` with its parents if need be, 0700 whatever the umask, and proves that it is a directory, ours, without
/// group and other bits, and no symlink.
#[cfg(unix)]
pub fn own_dir(path: &Path) -> Result<(), PlaceError> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};
    let io = |source| PlaceError::Io { path: path.to_owned(), source };
    // Looked for first: it is there whenever a prompt waits for this.
    let meta = match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            match std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(io(error)),
                _ => std::fs::symlink_metadata(path).map_err(io)?,
            }
        }
        found => found.map_err(io)?,
    };
    let why = if !meta.is_dir() {
        "not a directory"
    } else if meta.uid() != rustix::process::geteuid().as_raw() {
        "it belongs to another user"
    } else if meta.mode() & 0o077 != 0 {
        "others may enter it (chmod 700)"
    } else {
        return Ok(());
    };
    Err(PlaceError::NotOurs { path: path.to_owned(), why })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_directory_that_others_may_enter_is_refused_and_named() {
        let scratch = tempfile::tempdir().unwrap();
        let open = scratch.path().join("open");
        std::fs::create_dir(&open).unwrap();
        std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o755)).unwrap();
        let refusal = own_dir(&open).unwrap_err().to_string();
        assert!(refusal.contains("open") && refusal.contains("chmod 700"), "{refusal}");

        let link = scratch.path().join("link");
        std::os::unix::fs::symlink(scratch.path(), &link).unwrap();
        assert!(matches!(own_dir(&link), Err(PlaceError::NotOurs { why: "not a directory", .. })));
    }

    #[test]
    fn a_new_directory_is_ours_alone_whatever_the_umask() {
        let scratch = tempfile::tempdir().unwrap();
        let made = scratch.path().join("a/b");
        own_dir(&made).unwrap();
        assert_eq!(std::fs::metadata(&made).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_socket_path_that_does_not_fit_names_the_limit() {
        let places = Places {
            config: PathBuf::new(),
            data: PathBuf::new(),
            run: PathBuf::from(format!("/{}", "x".repeat(120))),
            private: true,
        };
        assert!(places.socket().unwrap_err().to_string().contains("107"));
    }
}

//! The place where bpd is reached: runtime directory, lock and socket, taken together or not at all.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use bp_proto::place::{PlaceError, Places, own_dir};
use bp_proto::private_file::{self, Moved};
use interprocess::local_socket::tokio::{Listener, prelude::*};
use interprocess::local_socket::{GenericFilePath, ListenerOptions};
use interprocess::os::unix::local_socket::ListenerOptionsExt as _;

use crate::lock::{Lock, LockError};

/// Held as long as bpd serves it.
#[derive(Debug)]
pub struct Endpoint {
    pub(super) listener: Listener,
    /// What must stay as it was found: runtime directory, mailbox, socket.
    known: Vec<(PathBuf, Identity)>,
    /// `None`: a service manager made the socket and keeps it when bpd goes.
    ours: Option<PathBuf>,
    _lock: Lock,
    /// What was in the way of the socket or the mailbox.
    pub moved: Option<Moved>,
}

/// Device and inode.
type Identity = (u64, u64);

#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error("cannot listen at {}", path.display())]
    Io { path: PathBuf, source: io::Error },
}

impl Endpoint {
    /// Makes the runtime directory if need be, takes its lock, and listens. A socket that a dead bpd left is removed,
    /// under the lock. Inside a tokio runtime.
    pub fn bind(places: &Places) -> Result<Self, EndpointError> {
        let path = places.socket()?;
        let (lock, moved) = claim(places)?;
        let failed = |source| EndpointError::Io { path: path.clone(), source };
        let moved = make_room(&path).map_err(failed)?.or(moved);
        let name = path.as_path().to_fs_name::<GenericFilePath>().map_err(failed)?;
        let listener = ListenerOptions::new()
            .name(name)
            .mode(0o600)
            .reclaim_name(false)
            .create_tokio()
            .map_err(failed)?;
        let known = identities(places, &path).map_err(failed)?;
        Ok(Self { listener, known, ours: Some(path), _lock: lock, moved })
    }

    /// Serves a socket that a service manager listens on already (`LISTEN_FDS`). Inside a tokio runtime.
    pub fn inherited(places: &Places, socket: OwnedFd) -> Result<Self, EndpointError> {
        let path = places.socket()?;
        let (lock, moved) = claim(places)?;
        let failed = |source| EndpointError::Io { path: path.clone(), source };
        let listener = Listener::UdSocket(socket.try_into().map_err(failed)?);
        let known = identities(places, &path).map_err(failed)?;
        Ok(Self { listener, known, ours: None, _lock: lock, moved })
    }

    /// Whether a client that looks for bpd still finds this endpoint.
    pub(super) fn is_reachable(&self) -> bool {
        self.known.iter().all(|(path, identity)| identity_of(path).is_ok_and(|now| now == *identity))
    }
}

impl Drop for Endpoint {
    /// Without a socket a client knows at once that nobody is there. The lock is still held.
    fn drop(&mut self) {
        if let Some(path) = &self.ours
            && self.is_reachable()
        {
            let _ = std::fs::remove_file(path);
        }
    }
}

fn claim(places: &Places) -> Result<(Lock, Option<Moved>), EndpointError> {
    own_dir(&places.run)?;
    let lock = Lock::hold(&places.lock())?;
    let moved = private_file::clear_dir(&places.mail(), false).unwrap_or_default();
    own_dir(&places.mail())?;
    let moved = moved.or_else(|| lock.moved.clone());
    Ok((lock, moved))
}

/// Removes the socket that a dead bpd left. Whatever else is there is moved aside.
fn make_room(path: &Path) -> io::Result<Option<Moved>> {
    match std::fs::symlink_metadata(path) {
        Ok(meta) if meta.file_type().is_socket() => std::fs::remove_file(path).map(|()| None),
        Ok(_) => private_file::set_aside(path, "it is no socket".to_owned()).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn identities(places: &Places, socket: &Path) -> io::Result<Vec<(PathBuf, Identity)>> {
    [places.run.clone(), places.mail(), socket.to_owned()]
        .into_iter()
        .map(|path| identity_of(&path).map(|identity| (path, identity)))
        .collect()
}

fn identity_of(path: &Path) -> io::Result<Identity> {
    let meta = std::fs::symlink_metadata(path)?;
    Ok((meta.dev(), meta.ino()))
}

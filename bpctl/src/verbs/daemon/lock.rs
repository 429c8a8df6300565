//! The lock of the bpd that owns the data: whether it is held, and by which process. It alone decides whether bpd runs.

use std::io::{self, Read as _};
use std::path::Path;

use bp_proto::private_file::{self, Open};
use rustix::fs::{FlockOperation, flock};

use crate::text::said::OrSay as _;
use crate::text::words::Word;

pub(super) fn is_held(lock: &Path) -> anyhow::Result<bool> {
    let file = match Open::to_read().open(lock) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        // No bpd holds what is no file; the next one moves it out of the way.
        Err(error) if private_file::odd(&error).is_some() => return Ok(false),
        // A file without permissions: bpd gives them back when it starts, and knows who holds it.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(false),
        Err(error) => return Ok(Err(error).or_say(Word::CannotUse, &[&lock.display().to_string()])?),
    };
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(false),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(true),
        Err(error) => Ok(Err(error).or_say(Word::CannotUse, &[&lock.display().to_string()])?),
    }
}

/// The holder's pid, which it wrote for people.
pub(super) fn holder(lock: &Path) -> Option<u32> {
    let mut text = String::new();
    Open::to_read().open(lock).and_then(|file| file.take(16).read_to_string(&mut text)).ok()?;
    text.trim().parse().ok()
}

/// The holder in parentheses, for a message.
pub(super) fn who(lock: &Path) -> String {
    holder(lock).map_or_else(String::new, |pid| format!(" (pid {pid})"))
}

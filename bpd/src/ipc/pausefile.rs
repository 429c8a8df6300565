//! When nothing is to be recorded, as `bpctl pause` has written it.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::time::Duration;

use bp_proto::mailbox::{Record, Stamp};
use bp_proto::pause::Pauses;
use bp_proto::{Owner, UnixMillis};

#[derive(Debug)]
pub(super) struct PauseFile {
    path: PathBuf,
    /// The file that was read last: when it was written, and its number.
    seen: Option<(i64, i64, u64)>,
    known: Pauses,
}

impl PauseFile {
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path, seen: None, known: Pauses::default() }
    }

    /// Reads it again if it is another one. A look costs one system call.
    pub(super) fn look(&mut self) {
        let found = fs::metadata(&self.path).ok();
        let found = found.map(|meta| (meta.mtime(), meta.mtime_nsec(), meta.ino()));
        if found == self.seen {
            return;
        }
        self.seen = found;
        match Pauses::read(&self.path) {
            Ok(pauses) => self.known = pauses,
            // What is known goes on: it is better to record too little than too much.
            Err(error) => tracing::error!("{} cannot be read: {error}", self.path.display()),
        }
    }

    /// Whether this is the start of a line of shell `pid` that was read in a pause.
    pub(super) fn cover(&self, record: &Record, pid: u32, arrived_at: UnixMillis) -> bool {
        let Record::Start(start) = record else { return false };
        let read_at = match start.stamp {
            Stamp::Micros(micros) => UnixMillis((micros / 1000) as i64),
            // The hundredth of a second that it names is not over: what was typed right behind `bpctl pause` is in it.
            Stamp::Uptime { .. } => arrived_at.plus(Duration::from_millis(9)),
            Stamp::Serial(_) => arrived_at,
        };
        self.covers(Owner { pid, start_ticks: start.shell.start_ticks.unwrap_or(0) }, read_at)
    }

    /// Whether nothing is recorded of a line that the shell `owner` has read at `read_at`.
    pub(super) fn covers(&self, owner: Owner, read_at: UnixMillis) -> bool {
        self.known.cover(owner, read_at)
    }
}

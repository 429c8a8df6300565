//! What is kept: a journal that is the truth, and an index that can be thrown away and rebuilt from it.
//!
//! ```text
//! data/journal/runs-000001.log         starts, finishes, edits, deletions, alerts, own costs
//! data/samples/samples-202611-01.seg   chunks of measured samples, batches of posted points
//! data/index/                          sled: where a run's records are, and rows to scan
//! data/unclean                         there while a writer is at work: the last one did not close
//! ```
//! A group of changes is appended, synced with one `fdatasync` a file, applied to the index in batches that carry how
//! far the journal is applied, and only then acknowledged and visible. What was acknowledged therefore survives a kill
//! and a power cut; what was not may survive. On opening, the tail that the index has not seen is replayed; an index
//! that is missing, does not open or does not fit is set aside and built anew. A torn tail is cut at the last whole
//! record; damage in the middle costs the damaged records alone.
//!
//! Deleting a run zeroes its records in place, so its text is in no file of the store from then on.

mod buffers;
mod columns;
mod commit;
mod frame;
mod health;
mod hosts;
mod ids;
mod index;
mod log;
mod open;
pub mod reader;
mod records;
mod rows;
mod shared;
mod staging;
#[cfg(test)]
mod suite;
pub mod writer;

use bp_proto::{ActorKind, Point, RunState, Sample, Start, UnixMillis};
use serde::{Deserialize, Serialize};

pub use crate::event::HostReading;
pub use reader::Reader;
pub use writer::Writer;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("cannot {doing} {}", path.display())]
    Io { doing: &'static str, path: std::path::PathBuf, source: std::io::Error },
    #[error("{} was written by a newer bp (version {theirs}); this one reads up to {ours} and touches nothing", path.display())]
    Newer { path: std::path::PathBuf, theirs: u32, ours: u32 },
    #[error("{} is in use by another bpd; stop it with `bpctl daemon stop`", path.display())]
    Held { path: std::path::PathBuf },
    /// What sled said.
    #[error("the index: {0}")]
    Index(String),
}

/// Where a record lies. (0, 0) is before all of them: segments are counted from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Position {
    segment: u32,
    offset: u32,
}

/// How a command key is derived from what was typed and where. Passed in, so that the store need not know; the index
/// is rebuilt when `version` changes.
#[derive(Clone, Copy, Debug)]
pub struct KeyRule {
    pub version: u32,
    /// Hash as in URLs, and its readable text.
    pub of: fn(&Start) -> Key,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Key {
    pub hash: String,
    pub text: String,
}

/// A place in the order of runs: newest first by (`started_at`, `id`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    pub started_at: UnixMillis,
    pub id: u64,
}

/// Which runs a scan goes through, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Within {
    All,
    Running,
    /// One command key, by its hash.
    Key(String),
}

/// What a scan sees of a run without reading its journal records.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub cursor: Cursor,
    pub key: String,
    pub state: RunState,
    pub exit_code: Option<i32>,
    pub duration_ms: Option<u64>,
    /// Imported, or without text: never a baseline.
    pub no_baseline: bool,
    pub actor: ActorKind,
}

/// A run's samples, in time order.
#[derive(Clone, Debug, PartialEq)]
pub enum Curve {
    Measured(Vec<Sample>),
    Posted(Vec<Point>),
}

/// bpd's own cost as recorded now and then.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct OwnCost {
    pub at: UnixMillis,
    /// CPU time of this bpd process so far.
    pub cpu_ns: u64,
    /// When this bpd process began: figures of the same process are cumulative.
    pub process_began: UnixMillis,
}

//! Every question that bpd answers: store + analysis → report. One room, two doors: `ipc` and `http` both ask here.

mod degraded;
mod keys;
mod own;

use std::path::PathBuf;

use bp_proto::report::{AlertReport, Comparison, Overhead, Status};
use bp_proto::request::{CompareQuery, ListQuery, SamplesQuery};
use bp_proto::{Failure, Point, Run, UnixMillis};

use crate::store::Reader;
use crate::words::Lang;

pub use degraded::Degraded;
pub use keys::key_rule;
pub use own::Own;

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Queries {
    _reader: Reader,
    _lang: Lang,
    _identity: std::sync::Arc<Identity>,
}

/// What this bpd is and where it listens, for `status`.
#[derive(Clone, Debug)]
pub struct Identity {
    /// `127.0.0.1:7717`.
    pub http_address: String,
    pub token_file: PathBuf,
    pub socket: PathBuf,
    pub data_dir: PathBuf,
    pub began: UnixMillis,
    /// What was found wrong, while starting and since.
    pub degraded: Degraded,
}

/// Why a question has no answer. `status` is the HTTP status; ipc gives the failure alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoAnswer {
    pub status: u16,
    pub failure: Failure,
}

/// One page of a list.
#[derive(Clone, Debug)]
pub struct Page {
    pub runs: Vec<Run>,
    /// The cursor of the next page; `None` = this is the last.
    pub next: Option<String>,
}

impl Queries {
    /// `lang` = the language of sentences when nobody asks for one.
    pub fn new(reader: Reader, lang: Lang, identity: Identity) -> Self {
        Self { _reader: reader, _lang: lang, _identity: std::sync::Arc::new(identity) }
    }

    pub fn status(&self, _now: UnixMillis) -> Status {
        unimplemented!()
    }

    pub fn list(&self, _query: &ListQuery, _now: UnixMillis) -> Result<Page, NoAnswer> {
        unimplemented!()
    }

    /// `selector` as in the contract: id, ULID prefix, `latest`, `latest-success`, `@TAG`, `latest{…}`, `~N`, …
    /// `lang`, here and below: a language tag or an `Accept-Language` list, as the door received it.
    pub fn show(&self, _selector: &str, _lang: Option<&str>, _now: UnixMillis) -> Result<Run, NoAnswer> {
        unimplemented!()
    }

    pub fn samples(&self, _selector: &str, _query: &SamplesQuery) -> Result<Vec<Point>, NoAnswer> {
        unimplemented!()
    }

    pub fn compare(&self, _query: &CompareQuery, _now: UnixMillis) -> Result<Comparison, NoAnswer> {
        unimplemented!()
    }

    pub fn alerts(&self, _limit: usize, _lang: Option<&str>) -> Result<Vec<AlertReport>, NoAnswer> {
        unimplemented!()
    }

    /// CPU and memory of this process are read by the caller: (CPU ns so far, resident bytes, when it began).
    pub fn overhead(&self, _own: Own, _now: UnixMillis) -> Result<Overhead, NoAnswer> {
        unimplemented!()
    }

    pub fn reader(&self) -> &Reader {
        &self._reader
    }
}

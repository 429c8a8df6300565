//! Reading: any number of readers, each a cheap clone.

use bp_proto::{AlertReport, Run, Start, Ulid, UnixMillis};

use super::{Cursor, Curve, OwnCost, Row, StoreError, Within};

/// Sees every change as soon as it is durable; samples of open runs at once.
#[derive(Clone, Debug)]
pub struct Reader {}

impl Reader {
    /// The run as recorded: `run_stats` is `None` and `comments` is empty, `totals` are raw.
    pub fn get(&self, _id: u64) -> Result<Option<Run>, StoreError> {
        unimplemented!()
    }

    pub fn id_of(&self, _uid: Ulid) -> Result<Option<u64>, StoreError> {
        unimplemented!()
    }

    /// Ids of the runs whose ULID begins with `prefix` (Crockford, any case), at most `limit`.
    pub fn ids_by_prefix(&self, _prefix: &str, _limit: usize) -> Result<Vec<u64>, StoreError> {
        unimplemented!()
    }

    /// At most `limit` rows that come after `before` in the order newest first.
    pub fn rows(
        &self,
        _within: &Within,
        _before: Option<Cursor>,
        _limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        unimplemented!()
    }

    /// One run as a scan sees it; `None` = no such run.
    pub fn row(&self, _id: u64) -> Result<Option<Row>, StoreError> {
        unimplemented!()
    }

    pub fn curve(&self, _id: u64) -> Result<Curve, StoreError> {
        unimplemented!()
    }

    /// Grows whenever the run or its samples change: the key of a cache. 0 = no such run.
    pub fn revision(&self, _id: u64) -> u64 {
        unimplemented!()
    }

    /// Runs without an end, as they were begun: what to resume or to declare lost.
    pub fn open_runs(&self) -> Result<Vec<(u64, Start)>, StoreError> {
        unimplemented!()
    }

    /// Newest first; `text` is empty.
    pub fn alerts(&self, _limit: usize) -> Result<Vec<AlertReport>, StoreError> {
        unimplemented!()
    }

    /// Runs that are kept: (all, running).
    pub fn counts(&self) -> (u64, u64) {
        unimplemented!()
    }

    pub fn own_costs(&self, _since: UnixMillis) -> Result<Vec<OwnCost>, StoreError> {
        unimplemented!()
    }

    /// Bytes on disk of everything in the data directory that the store owns.
    pub fn disk_bytes(&self) -> u64 {
        unimplemented!()
    }

    /// What was found or mended when the store was opened, and what is wrong now; empty = all is well.
    pub fn degraded(&self) -> Vec<String> {
        unimplemented!()
    }
}

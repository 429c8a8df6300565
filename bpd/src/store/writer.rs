//! Writing: one writer, on one thread. Changes are queued, then committed as a group: one `fdatasync` for all.

use std::path::Path;

use bp_proto::report::Registered;
use bp_proto::request::Edit;
use bp_proto::{AlertReport, Finish, Point, Sample, Start, Ulid};

use super::{KeyRule, OwnCost, Reader, StoreError};
use crate::event::{Amendment, Refusal};

#[derive(Debug)]
pub struct Writer {}

/// Opens or makes the store below `dir`; rebuilds the index if it is missing or does not fit the journal.
pub fn open(_dir: &Path, _keys: KeyRule) -> Result<(Writer, Reader), StoreError> {
    unimplemented!()
}

impl Writer {
    /// Allocates the id. A uid that is known already gives its run and `true`, and nothing changes.
    pub fn begin(&mut self, _start: &Start) -> Result<(Registered, bool), Refusal> {
        unimplemented!()
    }

    /// → the run's id.
    pub fn finish(&mut self, _finish: &Finish) -> Result<u64, Refusal> {
        unimplemented!()
    }

    /// Readable at once, on disk within 10 s or 64 samples. → the run's id and the sample before.
    pub fn sample(&mut self, _run: Ulid, _sample: Sample) -> Result<(u64, Sample), Refusal> {
        unimplemented!()
    }

    /// Posted points; one with a `ts` that is there already is counted and dropped. → the run's id.
    pub fn points(&mut self, _run: Ulid, _points: &[Point]) -> Result<u64, Refusal> {
        unimplemented!()
    }

    /// Completes a run's totals ([`bp_proto::Totals::completed_by`]), children and background; the run may be open, then
    /// its finish completes them in turn. → the run's id.
    pub fn amend(&mut self, _amendment: &Amendment) -> Result<u64, Refusal> {
        unimplemented!()
    }

    pub fn edit(&mut self, _run: Ulid, _edit: &Edit) -> Result<u64, Refusal> {
        unimplemented!()
    }

    pub fn delete(&mut self, _run: Ulid) -> Result<u64, Refusal> {
        unimplemented!()
    }

    pub fn alert(&mut self, _alert: &AlertReport) -> Result<(), Refusal> {
        unimplemented!()
    }

    pub fn own_cost(&mut self, _cost: OwnCost) -> Result<(), Refusal> {
        unimplemented!()
    }

    /// Makes durable, then visible, what was queued since the last commit. An error means that nothing of the group
    /// took effect.
    pub fn commit(&mut self) -> Result<(), Refusal> {
        unimplemented!()
    }

    /// Writes sample chunks that are old enough. → when to call again; `None` while no run is open.
    pub fn flush_chunks(&mut self) -> Result<Option<std::time::Duration>, Refusal> {
        unimplemented!()
    }
}

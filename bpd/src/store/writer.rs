//! Writing: one writer, on one thread. Changes are queued here, then committed as a group (see `commit`).

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, RwLockWriteGuard};
use std::time::{Duration, Instant};

use bp_proto::report::Registered;
use bp_proto::request::Edit;
use bp_proto::{AlertReport, Ending, Finish, Owner, Point, Sample, Start, Ulid, UnixMillis};

use super::buffers::Buffers;
use super::columns::quantised;
use super::ids::Ids;
use super::log::{Appender, Series};
use super::open::Replayed;
pub use super::open::open;
use super::records::{Amended, Edited, Record};
use super::rows::{Entry, Meta, State};
use super::shared::{Fetched, Shared};
use super::staging::Staging;
use super::{OwnCost, Position, StoreError};
use crate::event::{Amendment, HostReading, LateText, Phased, Refusal};
use crate::plausible::Window;

/// Points that a client may post to one run.
const MAX_POINTS: u64 = 1_000_000;
/// Points in one record.
const MAX_BATCH_POINTS: usize = 8192;
/// Posted runs whose times are kept in memory; the others' are read again when points come.
const MAX_KNOWN_TIMES: usize = 16;

#[derive(Debug)]
pub struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) runs: Appender,
    pub(super) samples: Appender,
    pub(super) staging: Staging,
    /// As of the last commit.
    pub(super) meta: Meta,
    /// Runs begun, ended, deleted in this group.
    pub(super) begun: Vec<u64>,
    pub(super) ended: Vec<u64>,
    pub(super) deleted: Vec<u64>,
    /// Open runs, so that a sample finds its run without the index.
    pub(super) open: HashMap<Ulid, u64>,
    /// Bits of the times of posted points, so that a point that comes twice is known.
    pub(super) times: HashMap<u64, HashSet<u64>>,
    pub(super) chunks_wait_until: Option<Instant>,
    pub(super) index_flushed: Instant,
    pub(super) is_index_dirty: bool,
    /// A read failed while the group was staged: it must not be committed.
    pub(super) broken: Option<String>,
    pub(super) remakes: u32,
    /// The disk did not take the index: when it was last tried.
    pub(super) index_refused: Option<Instant>,
    ids: Ids,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, replayed: Replayed, ids: Ids) -> Result<Self, StoreError> {
        let [runs, samples] = replayed.ends;
        let appender = |series, end: Position| {
            let segments = Arc::clone(shared.journal.series(series));
            Appender::new(series, segments, end.segment, u64::from(end.offset))
        };
        let mut writer = Self {
            runs: appender(Series::Runs, runs),
            samples: appender(Series::Samples, samples),
            staging: Staging::new(shared.index(), shared.keys, replayed.meta.clone()),
            meta: replayed.meta,
            begun: Vec::new(),
            ended: Vec::new(),
            deleted: Vec::new(),
            open: HashMap::new(),
            times: HashMap::new(),
            chunks_wait_until: None,
            index_flushed: Instant::now(),
            is_index_dirty: true,
            broken: None,
            remakes: 0,
            index_refused: replayed.is_in_memory.then(Instant::now),
            ids,
            shared,
        };
        writer.shared.total.store(writer.staging.meta.total, Ordering::Relaxed);
        for (id, start) in super::Reader::new(Arc::clone(&writer.shared)).open_runs()? {
            let last = writer.last_sample(id)?;
            writer.open.insert(start.uid, id);
            writer.buffers().begin(id, last, false);
        }
        Ok(writer)
    }

    /// Allocates the id. A uid that is known already gives its run and `true`, and nothing changes.
    pub fn begin(&mut self, start: &Start) -> Result<(Registered, bool), Refusal> {
        let mut started_at = start.draft.started_at;
        if let Some(id) = self.checked(|writer| writer.staging.id_of(start.uid))? {
            if let Some(entry) = self.checked(|writer| writer.staging.entry(id))? {
                started_at = UnixMillis(entry.started_at_ms);
                if !start.draft.text_pending && start.draft.source == bp_proto::event::Source::Hook {
                    // Reported again with the text that was not known the first time.
                    self.text(start.uid, &LateText::of(&start.draft))?;
                }
            }
            return Ok((Registered { id, started_at }, true));
        }
        start.draft.check_labels()?;
        let id = self.staging.meta.last_id + 1;
        self.ids.reserve(id);
        self.stage(&Record::Start { id, start: Box::new(start.clone()) })?;
        if start.draft.source != bp_proto::event::Source::Import {
            self.begun.push(id);
            self.open.insert(start.uid, id);
            self.buffers().begin(id, Sample::default(), false);
        }
        Ok((Registered { id, started_at }, false))
    }

    /// → the run's id. A run that was thought lost may still report its end.
    pub fn finish(&mut self, finish: &Finish) -> Result<u64, Refusal> {
        let (id, entry) = self.run(finish.uid)?;
        match (entry.cover.state, finish.ending) {
            (state, _) if state.is_open() => {}
            (State::Lost | State::Left, Ending::Exited { .. }) => {}
            // Imported: over from its beginning, and now it is told how long it took.
            (State::Finished, _) if entry.finish.is_none() => {}
            _ => return Err(Refusal::AlreadyFinished { id }),
        }
        self.stage_chunk(id)?;
        self.stage(&Record::Finish { id, finish: Box::new(finish.clone()), previous: entry.finish })?;
        let refused = finish.totals.map(|totals| totals.implausible).unwrap_or_default();
        self.count_implausible(u64::from(refused.duration) + u64::from(refused.cpu_seconds));
        self.ended.push(id);
        Ok(id)
    }

    /// Readable at once, on disk within 10 s or 64 samples. → the run's id and the sample before.
    pub fn sample(&mut self, run: Ulid, sample: Sample) -> Result<(u64, Sample), Refusal> {
        let id = if let Some(&id) = self.open.get(&run) {
            id
        } else {
            // A background process that outlived the end of its run.
            let (id, _) = self.run(run)?;
            let last = self.checked(|writer| writer.last_sample(id))?;
            self.buffers().begin(id, last, true);
            id
        };
        let pushed = self.buffers().push(id, quantised(sample), Instant::now());
        let Some((before, is_full)) = pushed else {
            return Err(Refusal::Invalid(format!("a sample of run {id} is not later than the one before")));
        };
        if is_full {
            self.stage_chunk(id)?;
        }
        Ok((id, before))
    }

    /// Posted points; one with a `ts` that is there already is counted and dropped. → the run's id.
    pub fn points(&mut self, run: Ulid, points: &[Point]) -> Result<u64, Refusal> {
        let (id, entry) = self.run(run)?;
        if points.iter().any(|p| !(p.ts.is_finite() && p.cpu_percent.is_finite() && p.rss_mb.is_finite())) {
            return Err(Refusal::Invalid("a point has a number that is not finite".to_owned()));
        }
        if entry.rows + points.len() as u64 > MAX_POINTS {
            return Err(Refusal::Invalid(format!("run {id} would have more than {MAX_POINTS} points")));
        }
        if !self.times.contains_key(&id) {
            let known = self.checked(|writer| writer.posted_times(id))?;
            if self.times.len() >= MAX_KNOWN_TIMES {
                self.times.clear();
            }
            self.times.insert(id, known);
        }
        let known = self.times.entry(id).or_default();
        let new: Vec<Point> = points.iter().filter(|point| known.insert(time_bits(point))).cloned().collect();
        let ended_at = match entry.cover.state {
            State::Running => UnixMillis::now(),
            _ => UnixMillis(entry.started_at_ms)
                .plus(Duration::from_millis(entry.cover.duration_ms.unwrap_or(0))),
        };
        let started_s = UnixMillis(entry.started_at_ms).as_seconds();
        let window = Window::new(started_s, ended_at.as_seconds());
        self.count_implausible(new.iter().filter(|point| !window.contains(point.ts)).count() as u64);
        for batch in new.chunks(MAX_BATCH_POINTS) {
            let nth = self.checked(|writer| writer.staging.entry(id))?.map_or(0, |entry| entry.chunks);
            self.stage(&Record::Points { id, nth, points: batch.to_vec() })?;
        }
        Ok(id)
    }

    fn count_implausible(&self, figures: u64) {
        self.shared.implausible.fetch_add(figures, Ordering::Relaxed);
    }

    /// Completes a run's totals ([`bp_proto::Totals::completed_by`]), children and background; the run may be open, then
    /// its finish completes them in turn. → the run's id.
    pub fn amend(&mut self, amendment: &Amendment) -> Result<u64, Refusal> {
        let (id, entry) = self.run(amendment.run)?;
        let earlier = match entry.amend {
            Some(at) => self.checked(|writer| writer.fetch(Series::Runs, at))?,
            None => None,
        };
        let amended = match earlier {
            Some(Record::Amend { amended, .. }) => amended.amended_by(amendment),
            _ => Amended::of(amendment),
        };
        self.stage(&Record::Amend { id, amended: Box::new(amended), previous: entry.amend })?;
        self.count_implausible(u64::from(amendment.totals.implausible.cpu_seconds));
        Ok(id)
    }

    /// An open run was suspended, continued or put into the background. → the run's id.
    pub fn phase(&mut self, run: Ulid, phased: Phased) -> Result<u64, Refusal> {
        let (id, entry) = self.run(run)?;
        if !entry.cover.state.is_open() {
            return Err(Refusal::AlreadyFinished { id });
        }
        self.stage(&Record::Phase { id, phased, previous: entry.phase })?;
        Ok(id)
    }

    pub fn edit(&mut self, run: Ulid, edit: &Edit) -> Result<u64, Refusal> {
        edit.check_labels()?;
        let (id, entry) = self.run(run)?;
        let mut edited = self.checked(|writer| writer.edited(&entry))?;
        if let Some(tags) = &edit.tags {
            edited.tags.clone_from(tags);
        }
        if let Some(note) = &edit.note {
            edited.note = Some(note.clone()).filter(|note| !note.is_empty());
        }
        self.stage(&Record::Edit { id, edited, previous: entry.edit })?;
        Ok(id)
    }

    /// The text that the start said would follow. Changes nothing where none is awaited. → the run's id.
    pub fn text(&mut self, run: Ulid, text: &LateText) -> Result<u64, Refusal> {
        let (id, entry) = self.run(run)?;
        if entry.text.is_some() {
            return Ok(id);
        }
        let begun = self.checked(|writer| writer.fetch(Series::Runs, entry.start))?;
        if let Some(Record::Start { mut start, .. }) = begun
            && start.draft.text_pending
        {
            start.draft.text_pending = false;
            match text {
                LateText::Kept(kept) => start.draft.keep(kept.clone()),
                LateText::Ignored => start.draft.ignored(),
                LateText::None => {}
            }
            self.stage(&Record::Text { id, start })?;
        }
        Ok(id)
    }

    /// Texts that were owed by processes that are gone will not come. → the ids of their runs.
    pub fn give_up_texts(&mut self, is_gone: impl Fn(Owner) -> bool) -> Result<Vec<u64>, Refusal> {
        let mut given_up = Vec::new();
        for id in self.checked(|writer| writer.staging.pending())? {
            let Some(entry) = self.checked(|writer| writer.staging.entry(id))? else { continue };
            let begun = self.checked(|writer| writer.fetch(Series::Runs, entry.start))?;
            if let Some(Record::Start { start, .. }) = begun
                && start.owner.is_none_or(&is_gone)
            {
                given_up.push(self.text(start.uid, &LateText::None)?);
            }
        }
        Ok(given_up)
    }

    /// The text of the run, of what was written on it and of alerts about it, and its samples, leave the disk.
    pub fn delete(&mut self, run: Ulid) -> Result<u64, Refusal> {
        let (id, _) = self.run(run)?;
        for uid in self.checked(|writer| writer.staging.alerts_of(id))? {
            if let Some(mut alert) = self.checked(|writer| writer.recorded_alert(uid))? {
                alert.run = None;
                alert.command = None;
                self.stage(&Record::Alert { alert: Box::new(alert), previous: None })?;
            }
        }
        self.stage(&Record::Delete { id, uid: run })?;
        self.deleted.push(id);
        self.open.remove(&run);
        Ok(id)
    }

    pub fn alert(&mut self, alert: &AlertReport) -> Result<(), Refusal> {
        let mut alert = alert.clone();
        if let Some(id) = alert.run
            && self.checked(|writer| writer.staging.entry(id))?.is_none()
        {
            (alert.run, alert.command) = (None, None);
        }
        let before = self.checked(|writer| writer.staging.alert(alert.uid))?;
        let previous = before.map(|(_, row)| row.at).filter(|_| alert.run.is_some());
        self.stage(&Record::Alert { alert: Box::new(alert), previous })
    }

    /// Readable at once, and not on disk.
    pub fn host(&mut self, reading: HostReading) {
        self.shared.hosts.write().unwrap_or_else(PoisonError::into_inner).push(reading);
    }

    pub fn own_cost(&mut self, cost: OwnCost) -> Result<(), Refusal> {
        self.stage(&Record::OwnCost(cost))
    }

    /// The run as the group leaves it.
    fn run(&mut self, uid: Ulid) -> Result<(u64, Entry), Refusal> {
        let found = self.checked(|writer| {
            let Some(id) = writer.staging.id_of(uid)? else { return Ok(None) };
            Ok(writer.staging.entry(id)?.map(|entry| (id, entry)))
        });
        found?.ok_or(Refusal::NoSuchRun(uid))
    }

    /// A read that fails leaves the group half staged: all of it is refused, and the index is made anew.
    pub(super) fn checked<T>(
        &mut self,
        read: impl FnOnce(&Self) -> Result<T, StoreError>,
    ) -> Result<T, Refusal> {
        read(self).map_err(|error| {
            let why = error.to_string();
            self.broken = Some(why.clone());
            Refusal::Store(why)
        })
    }

    pub(super) fn stage(&mut self, record: &Record) -> Result<(), Refusal> {
        let (kind, version, payload) = record.encode()?;
        let appender = match record.series() {
            Series::Runs => &mut self.runs,
            Series::Samples => &mut self.samples,
        };
        let placed = appender.stage(kind, version, &payload, UnixMillis::now());
        let folded = self.staging.fold(record, placed.at, placed.end, placed.crc);
        self.checked(|_| folded)
    }

    pub(super) fn buffers(&self) -> RwLockWriteGuard<'_, Buffers> {
        self.shared.buffers.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// From the disk, or from the group that is being staged.
    fn fetch(&self, series: Series, at: Position) -> Result<Option<Record>, StoreError> {
        let appender = match series {
            Series::Runs => &self.runs,
            Series::Samples => &self.samples,
        };
        if let Some(staged) = appender.staged_record(at) {
            return Ok(Record::decode(staged.kind, staged.version, staged.payload).ok());
        }
        Ok(match self.shared.journal.fetch(series, at)? {
            Fetched::Record(record) => Some(*record),
            Fetched::Gone | Fetched::Damaged(_) => None,
        })
    }

    fn last_sample(&self, id: u64) -> Result<Sample, StoreError> {
        for chunk in self.staging.chunks_of(id)?.iter().rev().filter(|chunk| !chunk.is_posted) {
            if let Some(Record::Chunk { samples, .. }) = self.fetch(Series::Samples, chunk.at)?
                && let Some(last) = samples.last()
            {
                return Ok(*last);
            }
        }
        Ok(Sample::default())
    }

    fn posted_times(&self, id: u64) -> Result<HashSet<u64>, StoreError> {
        let mut times = HashSet::new();
        for chunk in self.staging.chunks_of(id)?.iter().filter(|chunk| chunk.is_posted) {
            if let Some(Record::Points { points, .. }) = self.fetch(Series::Samples, chunk.at)? {
                times.extend(points.iter().map(time_bits));
            }
        }
        Ok(times)
    }

    /// What is written on a run now.
    fn edited(&self, entry: &Entry) -> Result<Edited, StoreError> {
        let at = entry.edit.unwrap_or(entry.start);
        Ok(match self.fetch(Series::Runs, at)? {
            Some(Record::Edit { edited, .. }) => edited,
            Some(Record::Start { start, .. }) => Edited { tags: start.draft.tags, note: start.draft.note },
            _ => Edited::default(),
        })
    }

    fn recorded_alert(&self, uid: Ulid) -> Result<Option<AlertReport>, StoreError> {
        let Some((_, row)) = self.staging.alert(uid)? else { return Ok(None) };
        Ok(match self.fetch(Series::Runs, row.at)? {
            Some(Record::Alert { alert, .. }) => Some(*alert),
            _ => None,
        })
    }
}

/// Adding zero makes −0 and 0 the same time.
fn time_bits(point: &Point) -> u64 {
    (point.ts + 0.0).to_bits()
}

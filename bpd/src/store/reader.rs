//! Reading: any number of readers, each a cheap clone.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, RwLockReadGuard};
use std::time::Duration;

use bp_proto::{AlertReport, Ending, Finish, Run, Sample, Start, Ulid, UnixMillis};

use super::buffers::Buffers;
use super::index::{Direction, Held, behind};
use super::log::{self, Series};
use super::records::{Amended, Edited, Record};
use super::rows::{self, AlertRow, Chunk, Cost, Cover, Entry};
use super::shared::{Fetched, Shared};
use super::{Cursor, Curve, OwnCost, Position, Row, StoreError, Within};
use crate::event::HostReading;
use crate::event::Phased;
use crate::trouble::Trouble;

/// Open runs that a scan looks at: more shells than that are not open at once.
const MAX_OPEN: usize = 10_000;

/// Sees every change as soon as it is durable; samples of open runs at once.
#[derive(Clone, Debug)]
pub struct Reader {
    shared: Arc<Shared>,
}

impl Reader {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The run as recorded: `run_stats` is `None` and `comments` is empty, `totals` are raw. `None` = no such run, or
    /// its record is damaged (`degraded` then says so).
    pub fn get(&self, id: u64) -> Result<Option<Run>, StoreError> {
        let Some((entry, revision)) = self.versioned(id)? else { return Ok(None) };
        let Some(start) = self.start(id, &entry)? else { return Ok(None) };
        let finish = match entry.finish.map(|at| self.fetch(id, at)).transpose()?.flatten() {
            Some(Record::Finish { finish, .. }) => Some(*finish),
            _ => None,
        };
        let edited = match entry.edit.map(|at| self.fetch(id, at)).transpose()?.flatten() {
            Some(Record::Edit { edited, .. }) => Some(edited),
            _ => None,
        };
        let amended = match entry.amend.map(|at| self.fetch(id, at)).transpose()?.flatten() {
            Some(Record::Amend { amended, .. }) => Some(amended),
            _ => None,
        };
        let parent = match start.parent {
            Some(parent) => self.id_of(parent)?,
            None => None,
        };
        let key_text = (self.shared.keys.of)(&start).text;
        let mut run = begun(id, start, edited);
        run.revision = revision;
        run.parent = parent;
        run.key = entry.cover.key;
        run.key_text = key_text;
        run.state = entry.cover.state.into();
        if let Some(finish) = finish {
            end(&mut run, finish);
        }
        if let Some(amended) = amended {
            amend(&mut run, *amended, entry.amend > entry.finish);
        }
        Ok(Some(run))
    }

    /// One run as a scan sees it; `None` = no such run.
    pub fn row(&self, id: u64) -> Result<Option<Row>, StoreError> {
        Ok(self.entry(id)?.map(|entry| {
            let cursor = entry.cursor(id);
            entry.cover.row(cursor)
        }))
    }

    /// Whether a run of this name was ever registered, also if it was deleted since.
    pub fn is_registered(&self, uid: Ulid) -> Result<bool, StoreError> {
        Ok(self.row_at(&rows::uid_key(rows::UIDS, uid))?.is_some())
    }

    pub fn id_of(&self, uid: Ulid) -> Result<Option<u64>, StoreError> {
        let found = self.row_at(&rows::uid_key(rows::UIDS, uid))?;
        let Some(id) = found.and_then(|id| rows::id_of(&id)) else { return Ok(None) };
        // The uid of a deleted run is still known, the run is not.
        Ok(self.entry(id)?.map(|_| id))
    }

    /// Ids of the runs whose ULID begins with `prefix` (Crockford, any case), at most `limit`.
    pub fn ids_by_prefix(&self, prefix: &str, limit: usize) -> Result<Vec<u64>, StoreError> {
        let Some((from, to)) = uids(prefix) else { return Ok(Vec::new()) };
        let mut from = rows::uid_key(rows::UIDS, from);
        let to = [&rows::uid_key(rows::UIDS, to)[..], &[0]].concat();
        let mut ids = Vec::new();
        while ids.len() < limit {
            let page = self.range(&from, &to, Direction::Ascending, limit - ids.len())?;
            let Some((last, _)) = page.last() else { break };
            from = [&last[..], &[0]].concat();
            for id in page.iter().filter_map(|(_, id)| rows::id_of(id)) {
                if self.entry(id)?.is_some() {
                    ids.push(id);
                }
            }
        }
        Ok(ids)
    }

    /// At most `limit` rows that come after `before` in the order newest first.
    pub fn rows(
        &self,
        within: &Within,
        before: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        match within {
            Within::Running => self.running(before, limit),
            Within::All => {
                let to = before.map_or_else(|| behind(&[rows::TIMES]), rows::time_key);
                self.covers(&[rows::TIMES], &to, limit)
            }
            Within::Key(key) => {
                let prefix = rows::key_prefix(key);
                let to = before.map_or_else(|| behind(&prefix), |cursor| rows::key_key(key, cursor));
                let mut rows = self.covers(&prefix, &to, limit)?;
                for row in &mut rows {
                    row.key.clone_from(key);
                }
                Ok(rows)
            }
        }
    }

    fn covers(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        let found = self.range(from, to, Direction::Descending, limit)?;
        let row = |(key, row): (Vec<u8>, Vec<u8>)| {
            let cursor = rows::cursor_of(&key).unwrap_or(Cursor { started_at: UnixMillis(0), id: 0 });
            rows::parsed::<Cover>(&row).map(|cover| cover.row(cursor))
        };
        found.into_iter().map(row).collect()
    }

    fn running(&self, before: Option<Cursor>, limit: usize) -> Result<Vec<Row>, StoreError> {
        let mut rows = Vec::new();
        for id in self.open_ids()? {
            rows.extend(self.row(id)?);
        }
        rows.retain(|row| before.is_none_or(|before| row.cursor < before));
        rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.cursor));
        rows.truncate(limit);
        Ok(rows)
    }

    fn open_ids(&self) -> Result<Vec<u64>, StoreError> {
        let table = [rows::OPEN];
        let open = self.range(&table, &behind(&table), Direction::Ascending, MAX_OPEN)?;
        Ok(open.iter().filter_map(|(key, _)| rows::id_of(key)).collect())
    }

    /// Empty when there is no such run. Points win over samples: a client that posts knows its run best.
    pub fn curve(&self, id: u64) -> Result<Curve, StoreError> {
        // Held until the chunks are listed: a sample is in a chunk or pending, never in both.
        let buffers = self.buffers();
        if self.entry(id)?.is_none() {
            return Ok(Curve::Measured(Vec::new()));
        }
        let chunks = self.chunks(id)?;
        let pending = buffers.get(id).map(|buffer| buffer.pending.clone()).unwrap_or_default();
        drop(buffers);
        if chunks.iter().any(|chunk| chunk.is_posted) {
            let mut points = Vec::new();
            for chunk in chunks.iter().filter(|chunk| chunk.is_posted) {
                if let Some(Record::Points { points: more, .. }) = self.fetch_samples(id, chunk.at)? {
                    points.extend(more);
                }
            }
            points.sort_by(|a, b| a.ts.total_cmp(&b.ts));
            return Ok(Curve::Posted(points));
        }
        let mut samples: Vec<Sample> = Vec::new();
        for chunk in &chunks {
            if let Some(Record::Chunk { samples: more, .. }) = self.fetch_samples(id, chunk.at)? {
                samples.extend(more);
            }
        }
        samples.extend(pending);
        Ok(Curve::Measured(samples))
    }

    fn chunks(&self, id: u64) -> Result<Vec<Chunk>, StoreError> {
        let prefix = rows::id_key(rows::CHUNKS, id);
        let found = self.range(&prefix, &behind(&prefix), Direction::Ascending, usize::MAX)?;
        found.iter().map(|(_, row)| rows::parsed(row)).collect()
    }

    /// As in [`Run::revision`]: what is kept under it is of this run as it is now. 0 = no such run.
    pub fn revision(&self, id: u64) -> u64 {
        self.versioned(id).ok().flatten().map_or(0, |(_, revision)| revision)
    }

    /// What the index has of a run, and which revision that is.
    fn versioned(&self, id: u64) -> Result<Option<(Entry, u64)>, StoreError> {
        // Held meanwhile: samples go from there into the entry.
        let buffers = self.buffers();
        let Some(entry) = self.entry(id)? else { return Ok(None) };
        let pending = buffers.get(id).map_or(0, |buffer| buffer.pending.len());
        let revision = u64::from(entry.changes) + entry.rows + pending as u64;
        Ok(Some((entry, revision)))
    }

    /// Runs without an end, as they were begun: what to resume or to declare lost.
    pub fn open_runs(&self) -> Result<Vec<(u64, Start)>, StoreError> {
        let mut open = Vec::new();
        for id in self.open_ids()? {
            if let Some(entry) = self.entry(id)?
                && let Some(start) = self.start(id, &entry)?
            {
                open.push((id, start));
            }
        }
        Ok(open)
    }

    /// The last change of state of an open run; `None` = it has been running since its start.
    pub fn phase(&self, id: u64) -> Result<Option<Phased>, StoreError> {
        let Some(at) = self.entry(id)?.and_then(|entry| entry.phase) else { return Ok(None) };
        Ok(match self.fetch(id, at)? {
            Some(Record::Phase { phased, .. }) => Some(phased),
            _ => None,
        })
    }

    /// A run's start, with the text if that came later.
    fn start(&self, id: u64, entry: &Entry) -> Result<Option<Start>, StoreError> {
        if let Some(at) = entry.text
            && let Some(Record::Text { start, .. }) = self.fetch(id, at)?
        {
            return Ok(Some(*start));
        }
        Ok(match self.fetch(id, entry.start)? {
            Some(Record::Start { start, .. }) => Some(*start),
            _ => None,
        })
    }

    /// Newest first; `text` is empty, `actor` is the run's to tell.
    pub fn alerts(&self, limit: usize) -> Result<Vec<AlertReport>, StoreError> {
        self.alerts_until(&behind(&[rows::ALERTS]), limit)
    }

    /// Those that come after this one, as in [`Reader::alerts`].
    pub fn alerts_before(&self, alert: &AlertReport, limit: usize) -> Result<Vec<AlertReport>, StoreError> {
        self.alerts_until(&rows::alert_key(alert.fired_at, alert.uid), limit)
    }

    fn alerts_until(&self, end: &[u8], limit: usize) -> Result<Vec<AlertReport>, StoreError> {
        let found = self.range(&[rows::ALERTS], end, Direction::Descending, limit)?;
        let mut alerts = Vec::new();
        for (_, row) in found {
            let row: AlertRow = rows::parsed(&row)?;
            if let Some(Record::Alert { alert, .. }) = self.fetch(row.run.unwrap_or(0), row.at)? {
                alerts.push(*alert);
            }
        }
        Ok(alerts)
    }

    /// Runs that are kept: (all, running).
    pub fn counts(&self) -> (u64, u64) {
        let running = self.open_ids().map_or(0, |open| open.len() as u64);
        (self.shared.total.load(Ordering::Relaxed), running)
    }

    /// Figures that were stored as unknown since the store was opened, because they could not be true.
    pub fn implausible(&self) -> u64 {
        self.shared.implausible.load(Ordering::Relaxed)
    }

    /// Oldest first; those of the last 31 days are kept.
    pub fn own_costs(&self, since: UnixMillis) -> Result<Vec<OwnCost>, StoreError> {
        let from = rows::cost_key(since);
        let found = self.range(&from, &behind(&[rows::COSTS]), Direction::Ascending, usize::MAX)?;
        found
            .iter()
            .map(|(key, row)| {
                let cost: Cost = rows::parsed(row)?;
                Ok(OwnCost {
                    at: rows::instant_of(key).unwrap_or_default(),
                    cpu_ns: cost.cpu_ns,
                    process_began: UnixMillis(cost.process_began_ms),
                })
            })
            .collect()
    }

    /// The newest readings of the machine, oldest first: those of the last hour in which it was read.
    pub fn hosts(&self, limit: usize) -> Vec<HostReading> {
        self.shared.hosts.read().unwrap_or_else(PoisonError::into_inner).newest(limit)
    }

    /// Bytes on disk of everything in the data directory that the store owns.
    pub fn disk_bytes(&self) -> u64 {
        let dir = &self.shared.dir;
        let folders = ["journal", "samples", "index"].map(|folder| dir.join(folder));
        folders.iter().map(|folder| log::bytes_in(folder)).sum()
    }

    /// What was found or mended when the store was opened, and what is wrong now; empty = all is well.
    pub fn degraded(&self) -> Vec<Trouble> {
        self.shared.health.troubles(&self.shared.dir)
    }

    fn entry(&self, id: u64) -> Result<Option<Entry>, StoreError> {
        self.row_at(&rows::id_key(rows::RUNS, id))?.map(|row| rows::parsed(&row)).transpose()
    }

    fn row_at(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.shared.noted(self.shared.index().get(key))
    }

    fn range(
        &self,
        from: &[u8],
        to: &[u8],
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Held>, StoreError> {
        self.shared.noted(self.shared.index().range(from, to, direction, limit))
    }

    fn buffers(&self) -> RwLockReadGuard<'_, Buffers> {
        self.shared.buffers.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn fetch(&self, run: u64, at: Position) -> Result<Option<Record>, StoreError> {
        self.fetch_from(Series::Runs, run, at)
    }

    fn fetch_samples(&self, run: u64, at: Position) -> Result<Option<Record>, StoreError> {
        self.fetch_from(Series::Samples, run, at)
    }

    fn fetch_from(&self, series: Series, run: u64, at: Position) -> Result<Option<Record>, StoreError> {
        Ok(match self.shared.journal.fetch(series, at)? {
            Fetched::Record(record) => Some(*record),
            Fetched::Gone => None,
            Fetched::Damaged(why) => {
                self.shared.health.found(Trouble::plain("record-damaged").with("run", run).with("why", why));
                None
            }
        })
    }
}

fn begun(id: u64, start: Start, edited: Option<Edited>) -> Run {
    let draft = start.draft;
    let edited = edited.unwrap_or(Edited { tags: draft.tags, note: draft.note });
    Run {
        id,
        uid: start.uid,
        parent: None,
        command: draft.command,
        text_pending: draft.text_pending,
        command_truncated: draft.command_truncated,
        masked: draft.masked,
        key: String::new(),
        key_text: String::new(),
        cwd: draft.cwd,
        project: draft.project,
        git: draft.git,
        host: draft.host,
        shell: draft.shell,
        session: draft.session,
        actor: draft.actor,
        started_at: draft.started_at.dated(),
        finished_at: None,
        state: bp_proto::RunState::Running,
        exit_code: None,
        signal: None,
        background: false,
        imported: draft.source == bp_proto::event::Source::Import,
        implausible: Vec::new(),
        tags: edited.tags,
        note: edited.note,
        run_stats: None,
        children: Vec::new(),
        rest: None,
        comments: Vec::new(),
        context: start.context,
        totals: None,
        took: None,
        revision: 0,
    }
}

fn end(run: &mut Run, finish: Finish) {
    run.took = Some(
        finish
            .took
            .unwrap_or_else(|| run.started_at.map_or(Duration::ZERO, |at| finish.finished_at.since(at))),
    );
    run.finished_at = Some(finish.finished_at);
    if let Ending::Exited { exit_code, signal } | Ending::Left { exit_code, signal } = finish.ending {
        (run.exit_code, run.signal) = (exit_code, signal);
    }
    run.background = finish.background;
    (run.children, run.rest) = (finish.children, finish.rest);
    run.totals = finish.totals;
}

/// `is_later` than the finish: then its list of children is the newer one.
fn amend(run: &mut Run, amended: Amended, is_later: bool) {
    run.totals = Some(match run.totals {
        Some(finished) if is_later => finished.completed_by(amended.totals),
        Some(finished) => amended.totals.completed_by(finished),
        None => amended.totals,
    });
    if !amended.children.is_empty() && (is_later || run.children.is_empty()) {
        (run.children, run.rest) = (amended.children, amended.rest);
    }
    run.background |= amended.background;
}

/// First and last ULID that begin with `prefix`; `None` when none can.
fn uids(prefix: &str) -> Option<(Ulid, Ulid)> {
    if prefix.is_empty() || prefix.len() > 26 || !prefix.is_ascii() {
        return None;
    }
    // 26 characters of 5 bits are 130 bits: the first may not exceed 7.
    if !matches!(prefix.as_bytes()[0], b'0'..=b'7') {
        return None;
    }
    let filled = |fill: &str| Ulid::from_string(&format!("{prefix}{}", fill.repeat(26 - prefix.len()))).ok();
    Some((filled("0")?, filled("Z")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_spans_the_ulids_that_begin_with_it() {
        let (from, to) = uids("01hx").unwrap();
        assert_eq!(from.to_string(), "01HX0000000000000000000000");
        assert_eq!(to.to_string(), "01HXZZZZZZZZZZZZZZZZZZZZZZ");
        for none in ["", "8", "01U", "01-", "0123456789ABCDEFGHJKMNPQRSX", "ü"] {
            assert_eq!(uids(none), None, "{none:?}");
        }
    }
}

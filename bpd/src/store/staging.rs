//! Changes on their way into the index: each record of the journal becomes a few puts, seen at once by what follows in
//! the same group, applied when the journal is durable. The writer and the replay both go through here, so a rebuilt
//! index is the same as the one that was lost.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bp_proto::{AlertReport, Ending, Finish, Start, Ulid, UnixMillis};
use serde::de::DeserializeOwned;

use super::index::{Direction, Index, MAX_BATCH_KEYS, Put, behind};
use super::log::Series;
use super::records::{Phased, Record};
use super::rows::{self, AlertRow, Chunk, Cost, Cover, Entry, Meta, State};
use super::{KeyRule, OwnCost, Position, StoreError};

/// bpd's own costs older than this leave the index; their records stay.
const COSTS_KEPT: Duration = Duration::from_secs(31 * 86_400);

/// A record that must be erased because its run was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Erase {
    pub(super) series: Series,
    pub(super) at: Position,
}

#[derive(Debug)]
pub(super) struct Staging {
    index: Arc<dyn Index>,
    keys: KeyRule,
    /// As of the last staged record.
    pub(super) meta: Meta,
    fresh: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    changes: Vec<Change>,
    pub(super) erase: Vec<Erase>,
}

/// What one record changes. Applied whole, or, when it is too long for one batch, in parts of which only the last
/// counts.
#[derive(Debug)]
struct Change {
    puts: Vec<Put>,
    meta: Meta,
}

impl Staging {
    pub(super) fn new(index: Arc<dyn Index>, keys: KeyRule, meta: Meta) -> Self {
        Self { index, keys, meta, fresh: BTreeMap::new(), changes: Vec::new(), erase: Vec::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Records staged so far.
    pub(super) fn len(&self) -> usize {
        self.changes.len()
    }

    pub(super) fn get<T: DeserializeOwned>(&self, key: &[u8]) -> Result<Option<T>, StoreError> {
        self.bytes(key)?.map(|row| rows::parsed(&row)).transpose()
    }

    pub(super) fn entry(&self, id: u64) -> Result<Option<Entry>, StoreError> {
        self.get(&rows::id_key(rows::RUNS, id))
    }

    /// The id under which a uid was ever registered; the run may be deleted.
    pub(super) fn id_of(&self, uid: Ulid) -> Result<Option<u64>, StoreError> {
        Ok(self.bytes(&rows::uid_key(rows::UIDS, uid))?.and_then(|id| rows::id_of(&id)))
    }

    pub(super) fn alert(&self, uid: Ulid) -> Result<Option<(UnixMillis, AlertRow)>, StoreError> {
        let Some(fired_at) = self.bytes(&rows::uid_key(rows::ALERT_UIDS, uid))? else { return Ok(None) };
        let Some(fired_at) = rows::instant_of(&fired_at) else { return Ok(None) };
        Ok(self.get(&rows::alert_key(fired_at, uid))?.map(|row| (fired_at, row)))
    }

    /// Uids of the alerts about a run.
    pub(super) fn alerts_of(&self, run: u64) -> Result<Vec<Ulid>, StoreError> {
        let found = self.all(&rows::id_key(rows::ALERT_RUNS, run))?;
        Ok(found.keys().filter_map(|key| key.last_chunk()).map(|uid| Ulid::from_bytes(*uid)).collect())
    }

    pub(super) fn chunks_of(&self, id: u64) -> Result<Vec<Chunk>, StoreError> {
        self.all(&rows::id_key(rows::CHUNKS, id))?.values().map(|row| rows::parsed(row)).collect()
    }

    fn bytes(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.fresh.get(key) {
            Some(value) => Ok(value.clone()),
            None => self.index.get(key),
        }
    }

    /// Every entry whose key begins with `prefix`.
    fn all(&self, prefix: &[u8]) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, StoreError> {
        let end = behind(prefix);
        let found = self.index.range(prefix, &end, Direction::Ascending, usize::MAX)?;
        let mut all: BTreeMap<_, _> = found.into_iter().collect();
        for (key, value) in self.fresh.range(prefix.to_vec()..end) {
            match value {
                Some(value) => all.insert(key.clone(), value.clone()),
                None => all.remove(key),
            };
        }
        Ok(all)
    }

    /// Takes in the record that lies at `at` (its series follows from its kind) and ends at `end`.
    pub(super) fn fold(
        &mut self,
        record: &Record,
        at: Position,
        end: Position,
        crc: u32,
    ) -> Result<(), StoreError> {
        let puts = match record {
            Record::Start { id, start } => self.start(*id, start, at)?,
            Record::Finish { id, finish, .. } => self.finish(*id, finish, at)?,
            Record::Edit { id, .. } => self.change(*id, |entry| entry.edit = Some(at))?,
            Record::Amend { id, .. } => self.change(*id, |entry| entry.amend = Some(at))?,
            Record::Phase { id, phased, .. } => self.phase(*id, phased, at)?,
            Record::Text { id, start } => self.text(*id, start, at)?,
            Record::Delete { id, uid } => self.delete(*id, *uid)?,
            Record::Alert { alert, .. } => self.put_alert(alert, at)?,
            Record::OwnCost(cost) => self.own_cost(*cost)?,
            Record::Chunk { id, nth, samples } => self.chunk(*id, *nth, at, false, samples.len())?,
            Record::Points { id, nth, points } => self.chunk(*id, *nth, at, true, points.len())?,
        };
        match record.series() {
            Series::Runs => {
                self.meta.runs = end;
                self.meta.last = Some((at, crc));
            }
            Series::Samples => self.meta.samples = end,
        }
        self.stage(puts);
        Ok(())
    }

    /// Takes in that the journal was read up to `end` without finding a record there.
    pub(super) fn pass(&mut self, series: Series, end: Position) {
        match series {
            Series::Runs => self.meta.runs = end,
            Series::Samples => self.meta.samples = end,
        }
        self.stage(Vec::new());
    }

    fn stage(&mut self, puts: Vec<Put>) {
        for (key, value) in &puts {
            self.fresh.insert(key.clone(), value.clone());
        }
        self.changes.push(Change { puts, meta: self.meta.clone() });
    }

    fn start(&mut self, id: u64, start: &Start, at: Position) -> Result<Vec<Put>, StoreError> {
        let key = (self.keys.of)(start).hash;
        let draft = &start.draft;
        // Nobody reports the end of what is imported: it was over long ago.
        let is_over = draft.source == bp_proto::event::Source::Import;
        let entry = Entry {
            start: at,
            finish: None,
            edit: None,
            amend: None,
            phase: None,
            text: None,
            started_at_ms: draft.started_at.0,
            cover: Cover {
                key,
                state: if is_over { State::Finished } else { State::Running },
                exit_code: None,
                duration_ms: None,
                actor: draft.actor.kind(),
                no_baseline: is_over || draft.command.is_none(),
            },
            chunks: 0,
            rows: 0,
            changes: 1,
        };
        self.meta.last_id = self.meta.last_id.max(id);
        self.meta.total += 1;
        let mut puts = entry_puts(id, &entry)?;
        if !is_over {
            puts.push((rows::id_key(rows::OPEN, id), Some(Vec::new())));
        }
        if draft.text_pending {
            puts.push((rows::id_key(rows::PENDING, id), Some(Vec::new())));
        }
        puts.push((rows::uid_key(rows::UIDS, start.uid), Some(id.to_be_bytes().to_vec())));
        Ok(puts)
    }

    /// The run is another command's from now on: it moves to that command's key.
    fn text(&mut self, id: u64, start: &Start, at: Position) -> Result<Vec<Put>, StoreError> {
        let Some(mut entry) = self.entry(id)? else { return Ok(Vec::new()) };
        let old_key = rows::key_key(&entry.cover.key, entry.cursor(id));
        entry.text = Some(at);
        entry.changes += 1;
        entry.cover.key = (self.keys.of)(start).hash;
        entry.cover.no_baseline = start.draft.command.is_none();
        let mut puts = vec![(old_key, None), (rows::id_key(rows::PENDING, id), None)];
        puts.extend(entry_puts(id, &entry)?);
        Ok(puts)
    }

    /// Runs whose text has not come.
    pub(super) fn pending(&self) -> Result<Vec<u64>, StoreError> {
        Ok(self.all(&[rows::PENDING])?.keys().filter_map(|key| rows::id_of(key)).collect())
    }

    fn finish(&mut self, id: u64, finish: &Finish, at: Position) -> Result<Vec<Put>, StoreError> {
        let Some(mut entry) = self.entry(id)? else { return Ok(Vec::new()) };
        let took = finish.took.unwrap_or_else(|| finish.finished_at.since(UnixMillis(entry.started_at_ms)));
        entry.finish = Some(at);
        entry.changes += 1;
        let is_implausible = finish.totals.is_some_and(|totals| totals.implausible.duration);
        entry.cover.duration_ms = (!is_implausible).then_some(took.as_millis() as u64);
        (entry.cover.state, entry.cover.exit_code) = match finish.ending {
            Ending::Exited { exit_code, .. } => (State::Finished, exit_code),
            Ending::Left { exit_code, .. } => (State::Left, exit_code),
            // How something imported ended is not known, only that it did.
            Ending::Lost if entry.cover.state == State::Finished => (State::Finished, None),
            Ending::Lost => (State::Lost, None),
        };
        let mut puts = entry_puts(id, &entry)?;
        puts.push((rows::id_key(rows::OPEN, id), None));
        Ok(puts)
    }

    /// A run that has ended keeps its state: the record came late.
    fn phase(&self, id: u64, phased: &Phased, at: Position) -> Result<Vec<Put>, StoreError> {
        let Some(mut entry) = self.entry(id)? else { return Ok(Vec::new()) };
        if !entry.cover.state.is_open() {
            return Ok(Vec::new());
        }
        entry.phase = Some(at);
        entry.changes += 1;
        entry.cover.state = phased.phase.into();
        entry_puts(id, &entry)
    }

    fn change(&self, id: u64, change: impl FnOnce(&mut Entry)) -> Result<Vec<Put>, StoreError> {
        let Some(mut entry) = self.entry(id)? else { return Ok(Vec::new()) };
        change(&mut entry);
        entry.changes += 1;
        Ok(vec![(rows::id_key(rows::RUNS, id), Some(rows::written(&entry)?))])
    }

    fn delete(&mut self, id: u64, uid: Ulid) -> Result<Vec<Put>, StoreError> {
        self.meta.last_id = self.meta.last_id.max(id);
        // Chunks first: should a crash part them from the rest, the rest is found again and deleted by the replay.
        let mut puts = Vec::new();
        for (key, row) in self.all(&rows::id_key(rows::CHUNKS, id))? {
            let chunk: Chunk = rows::parsed(&row)?;
            self.erase.push(Erase { series: Series::Samples, at: chunk.at });
            puts.push((key, None));
        }
        if let Some(entry) = self.entry(id)? {
            self.meta.total = self.meta.total.saturating_sub(1);
            let records = [Some(entry.start), entry.finish, entry.edit, entry.amend, entry.phase, entry.text]
                .into_iter()
                .flatten();
            self.erase.extend(records.map(|at| Erase { series: Series::Runs, at }));
            let cursor = entry.cursor(id);
            puts.push((rows::key_key(&entry.cover.key, cursor), None));
            puts.push((rows::time_key(cursor), None));
        }
        puts.push((rows::id_key(rows::RUNS, id), None));
        puts.push((rows::id_key(rows::OPEN, id), None));
        puts.push((rows::id_key(rows::PENDING, id), None));
        puts.push((rows::id_key(rows::DELETED, id), Some(Vec::new())));
        puts.push((rows::uid_key(rows::UIDS, uid), Some(id.to_be_bytes().to_vec())));
        Ok(puts)
    }

    fn put_alert(&mut self, alert: &AlertReport, at: Position) -> Result<Vec<Put>, StoreError> {
        let mut puts = Vec::new();
        if let Some((fired_at, before)) = self.alert(alert.uid)? {
            if let Some(run) = before.run.filter(|run| alert.run != Some(*run)) {
                puts.push((rows::alert_run_key(run, alert.uid), None));
                // The run it named was deleted: what was recorded of the alert until now names it too.
                if alert.run.is_none() {
                    self.erase.push(Erase { series: Series::Runs, at: before.at });
                }
            }
            if fired_at != alert.fired_at {
                puts.push((rows::alert_key(fired_at, alert.uid), None));
            }
        }
        let row = AlertRow { at, run: alert.run };
        puts.push((rows::alert_key(alert.fired_at, alert.uid), Some(rows::written(&row)?)));
        puts.push((rows::uid_key(rows::ALERT_UIDS, alert.uid), Some(rows::order(alert.fired_at).to_vec())));
        if let Some(run) = alert.run {
            let fired_at = rows::order(alert.fired_at).to_vec();
            puts.push((rows::alert_run_key(run, alert.uid), Some(fired_at)));
        }
        Ok(puts)
    }

    fn own_cost(&mut self, cost: OwnCost) -> Result<Vec<Put>, StoreError> {
        let row = Cost { cpu_ns: cost.cpu_ns, process_began_ms: cost.process_began.0 };
        let mut puts = vec![(rows::cost_key(cost.at), Some(rows::written(&row)?))];
        let old = rows::cost_key(cost.at.minus(COSTS_KEPT));
        for (key, _) in self.index.range(&[rows::COSTS], &old, Direction::Ascending, 8)? {
            puts.push((key, None));
        }
        Ok(puts)
    }

    fn chunk(
        &mut self,
        id: u64,
        nth: u32,
        at: Position,
        is_posted: bool,
        n: usize,
    ) -> Result<Vec<Put>, StoreError> {
        self.meta.last_id = self.meta.last_id.max(id);
        let Some(mut entry) = self.entry(id)? else {
            // Replayed after the deletion of its run: the crash came before it was erased.
            if self.bytes(&rows::id_key(rows::DELETED, id))?.is_some() {
                self.erase.push(Erase { series: Series::Samples, at });
            }
            return Ok(Vec::new());
        };
        let key = rows::chunk_key(id, nth);
        entry.chunks = entry.chunks.max(nth + 1);
        entry.rows += n as u64;
        let chunk = Chunk { at, is_posted, rows: n as u32 };
        Ok(vec![
            (key, Some(rows::written(&chunk)?)),
            (rows::id_key(rows::RUNS, id), Some(rows::written(&entry)?)),
        ])
    }

    /// Applies everything in batches that each say how far the journal is applied. After an error the index is behind
    /// the journal, never ahead of it.
    pub(super) fn apply(self) -> Result<(Meta, Vec<Erase>), StoreError> {
        let mut batch: Vec<Put> = Vec::new();
        let mut applied: Option<Meta> = None;
        for mut change in self.changes {
            if batch.len() + change.puts.len() >= MAX_BATCH_KEYS {
                if let Some(meta) = applied.take() {
                    apply_batch(&*self.index, &mut batch, &meta)?;
                }
                while change.puts.len() >= MAX_BATCH_KEYS {
                    let part: Vec<Put> = change.puts.drain(..MAX_BATCH_KEYS - 1).collect();
                    self.index.apply(&part)?;
                }
            }
            batch.append(&mut change.puts);
            applied = Some(change.meta);
        }
        if let Some(meta) = applied {
            apply_batch(&*self.index, &mut batch, &meta)?;
        }
        Ok((self.meta, self.erase))
    }
}

fn apply_batch(index: &dyn Index, batch: &mut Vec<Put>, meta: &Meta) -> Result<(), StoreError> {
    batch.push((rows::META.to_vec(), Some(rows::written(meta)?)));
    index.apply(batch)?;
    batch.clear();
    Ok(())
}

fn entry_puts(id: u64, entry: &Entry) -> Result<Vec<Put>, StoreError> {
    let cursor = entry.cursor(id);
    let by_key = Cover { key: String::new(), ..entry.cover.clone() };
    Ok(vec![
        (rows::id_key(rows::RUNS, id), Some(rows::written(entry)?)),
        (rows::time_key(cursor), Some(rows::written(&entry.cover)?)),
        (rows::key_key(&entry.cover.key, cursor), Some(rows::written(&by_key)?)),
    ])
}

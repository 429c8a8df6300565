//! Opening: prove that index and journal belong together, replay what the index has not seen, or build it anew.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bp_proto::UnixMillis;
use bp_proto::private_file;

use super::frame::{self, ERASED, HEADER_BYTES, STORE_VERSION};
use super::health::Health;
use super::ids::Ids;
use super::index::{Index, MemoryIndex, SledIndex};
use super::log::{self, Found, Segments, Series};
use super::records::Record;
use super::rows::{self, INDEX_FORMAT, Meta};
use super::shared::{Journal, Shared};
use super::staging::{Erase, Staging};
use super::{KeyRule, Position, Reader, StoreError, Writer};
use crate::trouble::Trouble;

/// Records that a replay holds before it applies them.
const REPLAY_GROUP: usize = 500;

/// A process that is being started holds a copy of its parent's files, locks included, for an instant.
const HOLD_PATIENCE: Duration = Duration::from_millis(500);

/// Indexes that were set aside and are kept to be looked at.
const MAX_SET_ASIDE: usize = 2;

/// Opens or makes the store below `dir`; rebuilds the index if it is missing or does not fit the journal.
pub fn open(dir: &Path, keys: KeyRule) -> Result<(Writer, Reader), StoreError> {
    open_with(dir, keys, Backing::Disk)
}

/// Where the index is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Backing {
    Disk,
    /// Built from the journal each time, and gone when the store is closed.
    #[cfg(test)]
    Memory,
}

pub(super) fn open_with(dir: &Path, keys: KeyRule, backing: Backing) -> Result<(Writer, Reader), StoreError> {
    let journal = Journal::new(dir);
    for series in Series::BOTH {
        refuse_newer(dir, series, journal.series(series))?;
    }
    log::make_dir(dir)?;
    let health = Health::default();
    let held = hold(dir, &health)?;
    let was_unclean = dir.join("unclean").symlink_metadata().is_ok();
    if let Err(error) = mark_unclean(dir, &health) {
        health.unwritable(Some(error.to_string()));
    }
    let is_writable = !health.is_still_unwritable(dir);
    let has_lost = prepare(dir, &journal, &health)?;
    let ids = Ids::read(dir);
    let lost_ids = if has_lost || journal.runs.numbers()?.is_empty() { ids.reserved() } else { 0 };
    let (index, replayed) = match backing {
        Backing::Disk if is_writable => {
            fitting_index(dir, keys, &journal, &health, State { was_unclean, has_lost, lost_ids })?
        }
        // sled writes when it opens.
        Backing::Disk => {
            health.index_in_memory(Some("the data directory is read-only".to_owned()));
            in_memory(keys, &journal, lost_ids)?
        }
        #[cfg(test)]
        Backing::Memory => build(Arc::new(MemoryIndex::default()), keys, &journal, lost_ids)?,
    };
    replayed.report(&health);
    let shared = Arc::new(Shared::new(dir.to_owned(), keys, journal, health, index, held));
    let writer = Writer::new(Arc::clone(&shared), replayed, ids)?;
    Ok((writer, Reader::new(shared)))
}

/// How the store was found.
#[derive(Clone, Copy)]
struct State {
    was_unclean: bool,
    /// A segment of the journal was moved out of the way.
    has_lost: bool,
    /// No id up to this may be given again, because what used it may be lost.
    lost_ids: u64,
}

/// Makes the directories of the journal and moves whatever is odd out of the way. → whether a part of the journal is
/// lost.
fn prepare(dir: &Path, journal: &Journal, health: &Health) -> Result<bool, StoreError> {
    let mut has_lost = false;
    for series in Series::BOTH {
        let path = series.dir(dir);
        if let Ok(Some(moved)) = private_file::clear_dir(&path, true) {
            health.moved(&moved);
            has_lost = true;
        }
        log::make_dir(&path)?;
        let segments = journal.series(series);
        for moved in segments.clear()? {
            health.moved(&moved);
            has_lost = true;
        }
        segments.keep_private()?;
    }
    Ok(has_lost)
}

/// One process at a time; the kernel lets go when it dies.
fn hold(dir: &Path, health: &Health) -> Result<File, StoreError> {
    let path = dir.join("store.lock");
    if let Ok(Some(moved)) = private_file::clear_file(&path) {
        health.moved(&moved);
    }
    let file = private_file::open_lock(&path);
    let file = file.map_err(|source| StoreError::Io { doing: "open", path: path.clone(), source })?;
    let patience = Instant::now() + HOLD_PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < patience => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(TryLockError::WouldBlock) => return Err(StoreError::Held { path: dir.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(StoreError::Io { doing: "lock", path, source }),
        }
    }
}

/// There as long as a writer is at work; found on opening, it says that the last one did not close.
fn mark_unclean(dir: &Path, health: &Health) -> io::Result<()> {
    let path = dir.join("unclean");
    if let Some(moved) = private_file::clear_file(&path)? {
        health.moved(&moved);
    }
    private_file::Open::to_write().or_create().open(&path).map(drop)
}

/// Before anything is touched.
fn refuse_newer(dir: &Path, series: Series, segments: &Segments) -> Result<(), StoreError> {
    if !series.dir(dir).is_dir() {
        return Ok(());
    }
    for number in segments.numbers()? {
        let path = segments.path(number);
        // One that cannot be read says nothing; it is moved out of the way later.
        let Ok(header) = private_file::read_head(&path, HEADER_BYTES as u64) else { continue };
        if let Some(theirs) = frame::version_of(&header).filter(|theirs| *theirs > STORE_VERSION) {
            return Err(StoreError::Newer { path, theirs, ours: STORE_VERSION });
        }
    }
    Ok(())
}

/// The index on disk with the tail of the journal applied; a new one when it is no good.
fn fitting_index(
    dir: &Path,
    keys: KeyRule,
    journal: &Journal,
    health: &Health,
    state: State,
) -> Result<(Arc<dyn Index>, Replayed), StoreError> {
    let path = dir.join("index");
    if let Ok(Some(moved)) = private_file::clear_dir(&path, true) {
        health.moved(&moved);
    }
    let is_new = !path.exists();
    let opened = SledIndex::open(&path).and_then(|index| {
        let index: Arc<dyn Index> = Arc::new(index);
        let fit = fit(&*index, keys, journal, state)?;
        Ok((index, fit))
    });
    // The index is dropped, and its files closed, before it is set aside.
    let (misfit, last_id) = match opened {
        Ok((index, Fit::Good(meta))) => {
            let last_id = meta.last_id;
            match replay(Arc::clone(&index), keys, journal, meta) {
                Ok(replayed) => return Ok((index, replayed)),
                Err(error) => (Some(error.to_string()), last_id),
            }
        }
        Ok((index, Fit::Empty)) if journal.runs.numbers()?.is_empty() => {
            return build(index, keys, journal, state.lost_ids);
        }
        Ok((index, fit)) => {
            drop(index);
            match fit {
                Fit::OtherRule { last_id } => (None, last_id),
                Fit::Bad { why, last_id } => (Some(why), last_id),
                Fit::Empty | Fit::Good(_) => {
                    (Some(if is_new { "it was missing" } else { "it was empty" }.to_owned()), 0)
                }
            }
        }
        Err(error) => (Some(error.to_string()), 0),
    };
    if let Some(why) = &misfit {
        health.found(Trouble::plain("index-rebuilt").with("why", why));
    } else {
        tracing::info!("store: the rule of command keys has changed; the index is rebuilt");
    }
    remake(dir, keys, journal, health, last_id.max(state.lost_ids), misfit.is_some() && !is_new)
}

/// A new index from the journal: on disk, or in memory when the disk does not take it.
pub(super) fn remake(
    dir: &Path,
    keys: KeyRule,
    journal: &Journal,
    health: &Health,
    last_id: u64,
    keep_old: bool,
) -> Result<(Arc<dyn Index>, Replayed), StoreError> {
    let on_disk = set_aside(dir, keep_old).and_then(|()| {
        let index: Arc<dyn Index> = Arc::new(SledIndex::open(&dir.join("index"))?);
        build(index, keys, journal, last_id)
    });
    health.index_in_memory(on_disk.as_ref().err().map(ToString::to_string));
    on_disk.or_else(|_| in_memory(keys, journal, last_id))
}

pub(super) fn in_memory(
    keys: KeyRule,
    journal: &Journal,
    last_id: u64,
) -> Result<(Arc<dyn Index>, Replayed), StoreError> {
    let (index, mut replayed) = build(Arc::new(MemoryIndex::default()), keys, journal, last_id)?;
    replayed.is_in_memory = true;
    Ok((index, replayed))
}

fn build(
    index: Arc<dyn Index>,
    keys: KeyRule,
    journal: &Journal,
    last_id: u64,
) -> Result<(Arc<dyn Index>, Replayed), StoreError> {
    let meta = Meta { format: INDEX_FORMAT, key_rule: keys.version, last_id, ..Meta::default() };
    // From here on it is behind the journal and no longer empty, also when bpd is killed before the next flush.
    index.apply(&[(rows::META.to_vec(), Some(rows::written(&meta)?))])?;
    let replayed = replay(Arc::clone(&index), keys, journal, meta)?;
    index.flush()?;
    Ok((index, replayed))
}

/// Moves the index out of the way, or removes it; only the newest that were set aside are kept.
fn set_aside(dir: &Path, keep: bool) -> Result<(), StoreError> {
    let path = dir.join("index");
    let failed = |source| StoreError::Io { doing: "set aside", path: path.clone(), source };
    if path.symlink_metadata().is_err() {
        return Ok(());
    }
    if !keep {
        return std::fs::remove_dir_all(&path).map_err(failed);
    }
    let now = UnixMillis::now().to_string().replace(':', "");
    std::fs::rename(&path, dir.join(format!("index.corrupt-{now}"))).map_err(failed)?;
    let mut aside: Vec<_> = std::fs::read_dir(dir)
        .map_err(failed)?
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("index.corrupt-"))
        .map(|entry| entry.path())
        .collect();
    aside.sort();
    for old in aside.iter().rev().skip(MAX_SET_ASIDE) {
        std::fs::remove_dir_all(old).map_err(failed)?;
    }
    Ok(())
}

enum Fit {
    Good(Meta),
    Empty,
    OtherRule { last_id: u64 },
    Bad { why: String, last_id: u64 },
}

/// Does the index belong to this journal? After an unclean end its rows are counted too.
fn fit(index: &dyn Index, keys: KeyRule, journal: &Journal, state: State) -> Result<Fit, StoreError> {
    let Some(row) = index.get(rows::META)? else { return Ok(Fit::Empty) };
    let meta: Meta = rows::parsed(&row)?;
    let last_id = meta.last_id;
    let bad = |why: &str| Ok(Fit::Bad { why: why.to_owned(), last_id });
    if meta.format != INDEX_FORMAT || meta.key_rule != keys.version {
        return Ok(Fit::OtherRule { last_id });
    }
    if state.has_lost {
        return bad("a part of the journal could not be read");
    }
    for (series, at) in [(Series::Runs, meta.runs), (Series::Samples, meta.samples)] {
        if at != Position::default() && length(journal.series(series), at.segment)? < u64::from(at.offset) {
            return bad("the journal is shorter than what the index has seen of it");
        }
    }
    if let Some((at, crc)) = meta.last {
        match journal.runs.read(at)? {
            Found::Record { crc: theirs, .. } if theirs != crc => {
                return bad("the journal holds another record where the index last saw one");
            }
            Found::Damaged => return bad("the last record that the index has seen is damaged"),
            Found::Record { .. } | Found::Erased => {}
        }
    }
    if state.was_unclean && entries(index, rows::TIMES)? != meta.total {
        return bad("it does not hold as many runs as it says");
    }
    Ok(Fit::Good(meta))
}

/// Bytes of a segment; 0 when there is none.
fn length(segments: &Segments, number: u32) -> Result<u64, StoreError> {
    let path = segments.path(number);
    match std::fs::metadata(&path) {
        Ok(meta) => Ok(meta.len()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(source) => Err(StoreError::Io { doing: "read", path, source }),
    }
}

fn entries(index: &dyn Index, table: u8) -> Result<u64, StoreError> {
    const PAGE: usize = 10_000;
    let mut from = vec![table];
    let mut n = 0;
    loop {
        let page = index.range(&from, &[table + 1], super::index::Direction::Ascending, PAGE)?;
        n += page.len() as u64;
        match page.into_iter().next_back() {
            Some((last, _)) if n % PAGE as u64 == 0 => from = [&last[..], &[0]].concat(),
            _ => return Ok(n),
        }
    }
}

/// What a replay did.
#[derive(Debug, Default)]
pub(super) struct Replayed {
    pub(super) meta: Meta,
    /// Where each series ends.
    pub(super) ends: [Position; 2],
    damaged: usize,
    damaged_bytes: usize,
    unreadable: usize,
    not_erased: Option<String>,
    /// The disk did not take the index.
    pub(super) is_in_memory: bool,
}

impl Replayed {
    pub(super) fn report(&self, health: &Health) {
        if self.damaged > 0 {
            let damaged = Trouble::plain("journal-damaged").with("places", self.damaged);
            health.found(damaged.with("bytes", self.damaged_bytes));
        }
        if self.unreadable > 0 {
            health.found(Trouble::plain("journal-unreadable").with("records", self.unreadable));
        }
        if let Some(why) = &self.not_erased {
            health.found(Trouble::plain("not-erased").with("why", why));
        }
    }
}

/// Whatever cannot be cut now, the writer cuts before it appends.
fn cut(segments: &Segments, number: u32, end: u64) {
    if let Err(error) = log::cut(segments, number, end) {
        tracing::warn!("store: {:#}", anyhow::Error::from(error));
    }
}

struct Replay {
    index: Arc<dyn Index>,
    keys: KeyRule,
    staging: Staging,
    erase: Vec<Erase>,
    done: Replayed,
}

/// Applies to the index everything that it has not seen, cuts torn tails, finishes deletions.
fn replay(
    index: Arc<dyn Index>,
    keys: KeyRule,
    journal: &Journal,
    meta: Meta,
) -> Result<Replayed, StoreError> {
    let staging = Staging::new(Arc::clone(&index), keys, meta);
    let mut replay = Replay { index, keys, staging, erase: Vec::new(), done: Replayed::default() };
    replay.series(Series::Runs, &journal.runs)?;
    replay.series(Series::Samples, &journal.samples)?;
    replay.apply()?;
    replay.done.not_erased = journal.erase(&replay.erase).err().map(|error| error.to_string());
    replay.done.meta = replay.staging.meta;
    Ok(replay.done)
}

impl Replay {
    fn series(&mut self, series: Series, segments: &Segments) -> Result<(), StoreError> {
        let seen = match series {
            Series::Runs => self.staging.meta.runs,
            Series::Samples => self.staging.meta.samples,
        };
        let numbers = segments.numbers()?;
        let mut end = seen;
        for &number in numbers.iter().filter(|number| **number >= seen.segment) {
            let from = if number == seen.segment { seen.offset as usize } else { HEADER_BYTES };
            let is_last = Some(&number) == numbers.last();
            if let Some(last) = self.segment(series, segments, number, from, is_last)? {
                end = Position { segment: number, offset: last };
            }
        }
        if end != seen {
            self.staging.pass(series, end);
        }
        self.done.ends[series as usize] = end;
        Ok(())
    }

    /// → where it ends; `None` when it was torn before its first record and is gone.
    fn segment(
        &mut self,
        series: Series,
        segments: &Segments,
        number: u32,
        from: usize,
        is_last: bool,
    ) -> Result<Option<u32>, StoreError> {
        let bytes = segments.bytes(number)?;
        if bytes.len() < HEADER_BYTES && is_last {
            cut(segments, number, 0);
            return Ok(None);
        }
        let walked = frame::walk(number, &bytes, from, |at, framed| self.record(at, framed))?;
        self.done.damaged += walked.damaged;
        self.done.damaged_bytes += walked.damaged_bytes;
        let length = length(segments, number)? as usize;
        let torn = length.max(bytes.len()).saturating_sub(walked.end);
        if torn > 0 && is_last {
            tracing::warn!(bytes = torn, ?series, "store: a torn tail was cut");
            cut(segments, number, walked.end as u64);
        } else if torn > 0 {
            self.done.damaged += 1;
            self.done.damaged_bytes += torn;
        }
        Ok(Some(walked.end as u32))
    }

    fn record(&mut self, at: Position, framed: frame::Framed<'_>) -> Result<(), StoreError> {
        if framed.kind == ERASED {
            return Ok(());
        }
        match Record::decode(framed.kind, framed.version, framed.payload) {
            Ok(record) => {
                let end = Position { offset: at.offset + framed.bytes_on_disk() as u32, ..at };
                self.staging.fold(&record, at, end, framed.crc)?;
            }
            Err(error) => {
                tracing::warn!(?at, "store: {error}");
                self.done.unreadable += 1;
            }
        }
        if self.staging.len() >= REPLAY_GROUP { self.apply() } else { Ok(()) }
    }

    fn apply(&mut self) -> Result<(), StoreError> {
        let next = Staging::new(Arc::clone(&self.index), self.keys, self.staging.meta.clone());
        let (_, mut erase) = std::mem::replace(&mut self.staging, next).apply()?;
        self.erase.append(&mut erase);
        Ok(())
    }
}

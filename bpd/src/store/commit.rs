//! Committing: append, sync, apply, show; or take everything back.

use std::io;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::buffers::CHUNK_AGE;
use super::index::Index;
use super::open::{Replayed, in_memory, remake};
use super::records::Record;
use super::staging::Staging;
use super::{StoreError, Writer};
use crate::event::Refusal;
use crate::trouble::Trouble;

/// Sample chunks are written only while the disk has more room than this: what is left is for starts and ends.
const RESERVE_BYTES: u64 = 8 * 1024 * 1024;
/// After a write failed, chunks wait so long before they try the disk again.
const CHUNK_PAUSE: Duration = Duration::from_secs(10);
/// A crash makes the next start replay what the index has not flushed: so much at most.
const INDEX_FLUSH_AGE: Duration = Duration::from_secs(5);
/// An index that fails again and again is kept in memory until bpd restarts.
const MAX_REMAKES: u32 = 3;
/// An index that is in memory for want of room tries the disk again so often.
const INDEX_RETRY: Duration = Duration::from_mins(1);

impl Writer {
    /// Makes durable, then visible, what was queued since the last commit. An error means that nothing of the group
    /// took effect.
    pub fn commit(&mut self) -> Result<(), Refusal> {
        if let Some(why) = self.broken.take() {
            self.roll_back();
            self.remake_index(&why);
            return Err(Refusal::Store(why));
        }
        if self.staging.is_empty() {
            self.mend_index();
            return Ok(());
        }
        if let Err(error) = self.write_journal() {
            self.roll_back();
            self.chunks_wait_until = Some(Instant::now() + CHUNK_PAUSE);
            let refusal = refusal(&error);
            self.shared.health.disk_full(refusal == Refusal::DiskFull);
            match &refusal {
                Refusal::DiskFull => {}
                Refusal::Unwritable(why) => self.shared.health.unwritable(Some(why.clone())),
                _ => tracing::error!("store: {:#}", anyhow::Error::from(error)),
            }
            return Err(refusal);
        }
        self.shared.health.disk_full(false);
        self.shared.health.unwritable(None);
        self.publish();
        self.mend_index();
        if self.is_index_dirty && self.index_flushed.elapsed() >= INDEX_FLUSH_AGE {
            self.flush_index();
        }
        Ok(())
    }

    /// Writes sample chunks that are old enough. → when to call again; `None` while nothing waits.
    pub fn flush_chunks(&mut self) -> Result<Option<Duration>, Refusal> {
        let due = self.buffers().due(Instant::now(), CHUNK_AGE);
        let outcome = self.write_chunks(due);
        let now = Instant::now();
        let wait = self.chunks_wait_until.map(|until| until.saturating_duration_since(now));
        let next = self.buffers().next_due(now).map(|next| next.max(wait.unwrap_or_default()));
        outcome.map(|()| next)
    }

    fn write_chunks(&mut self, runs: Vec<u64>) -> Result<(), Refusal> {
        for run in runs {
            self.stage_chunk(run)?;
        }
        self.commit()
    }

    /// Everything that waits is written, however young, and the index too.
    fn close(&mut self) {
        let _ = self.commit();
        // There is no later.
        self.chunks_wait_until = None;
        let pending = self.buffers().due(Instant::now(), Duration::ZERO);
        if let Err(refusal) = self.write_chunks(pending) {
            tracing::error!("store: the last samples are lost: {refusal}");
        }
        self.flush_index();
        if !self.is_index_dirty {
            let _ = std::fs::remove_file(self.shared.dir.join("unclean"));
        }
    }

    /// Starts and ends before samples: a chunk on disk always belongs to a run on disk.
    fn write_journal(&mut self) -> Result<(), StoreError> {
        let mark = self.runs.mark();
        if self.runs.has_staged() {
            self.runs.write()?;
        }
        if self.samples.has_staged()
            && let Err(error) = self.samples.write()
        {
            self.runs.take_back(mark);
            return Err(error);
        }
        Ok(())
    }

    /// The group is on disk: erase what it deletes, show the rest.
    fn publish(&mut self) {
        let shared = Arc::clone(&self.shared);
        if let Err(error) = shared.journal.erase(&self.staging.erase) {
            shared.health.found(Trouble::plain("not-erased").with("why", error));
        }
        self.meta = self.staging.meta.clone();
        let next = Staging::new(shared.index(), shared.keys, self.meta.clone());
        let group = std::mem::replace(&mut self.staging, next);
        {
            let mut buffers = shared.buffers.write().unwrap_or_else(PoisonError::into_inner);
            let applied = group.apply();
            for id in self.ended.drain(..) {
                buffers.end(id);
            }
            for id in self.deleted.drain(..) {
                buffers.forget(id);
                self.times.remove(&id);
            }
            buffers.written();
            self.is_index_dirty = true;
            if let Err(error) = applied {
                self.remake_index(&error.to_string());
            }
        }
        self.begun.clear();
        shared.total.store(self.meta.total, Ordering::Relaxed);
        let buffers = shared.buffers.read().unwrap_or_else(PoisonError::into_inner);
        self.open.retain(|_, id| buffers.get(*id).is_some());
    }

    fn roll_back(&mut self) {
        self.runs.drop_staged();
        self.samples.drop_staged();
        self.staging = Staging::new(self.shared.index(), self.shared.keys, self.meta.clone());
        self.ended.clear();
        self.deleted.clear();
        self.times.clear();
        let begun = std::mem::take(&mut self.begun);
        self.open.retain(|_, id| !begun.contains(id));
        let mut buffers = self.buffers();
        for id in &begun {
            buffers.forget(*id);
        }
        buffers.not_written();
    }

    /// Stages what is pending of a run, if the disk has room for curves.
    pub(super) fn stage_chunk(&mut self, run: u64) -> Result<(), Refusal> {
        let now = Instant::now();
        if self.chunks_wait_until.is_some_and(|until| now < until) {
            return Ok(());
        }
        let has_room = free_bytes(&self.shared.dir).is_none_or(|free| free >= RESERVE_BYTES);
        self.shared.health.curves_paused(!has_room);
        self.chunks_wait_until = (!has_room).then(|| now + CHUNK_PAUSE);
        if !has_room {
            return Ok(());
        }
        let samples = self.buffers().stage(run);
        if samples.is_empty() {
            return Ok(());
        }
        match self.checked(|writer| writer.staging.entry(run))? {
            Some(entry) => self.stage(&Record::Chunk { id: run, nth: entry.chunks, samples }),
            None => Ok(()),
        }
    }

    fn flush_index(&mut self) {
        self.index_flushed = Instant::now();
        match self.shared.index().flush() {
            Ok(()) => self.is_index_dirty = false,
            Err(error) => self.remake_index(&error.to_string()),
        }
    }

    /// The journal holds everything: a failed index is built anew from it. No group may be staged.
    fn remake_index(&mut self, why: &str) {
        self.shared.health.found(Trouble::plain("index-failed").with("why", why));
        self.remakes += 1;
        let (shared, last_id) = (Arc::clone(&self.shared), self.meta.last_id);
        // What a refused group left behind must not be replayed.
        let cleaned = self.runs.clean().and_then(|()| self.samples.clean());
        let made = cleaned.and_then(|()| {
            if self.remakes > MAX_REMAKES {
                shared.health.index_in_memory(Some("it failed too often".to_owned()));
                in_memory(shared.keys, &shared.journal, last_id)
            } else {
                remake(&shared.dir, shared.keys, &shared.journal, &shared.health, last_id, true)
            }
        });
        // What cannot be written can still be read.
        let made = made.or_else(|error| {
            let is_unwritable = shared.health.is_still_unwritable(&shared.dir);
            if is_unwritable { in_memory(shared.keys, &shared.journal, last_id) } else { Err(error) }
        });
        match made {
            Ok((index, replayed)) => self.take_index(index, replayed),
            Err(error) => shared.health.found(Trouble::plain("index-lost").with("why", error)),
        }
    }

    fn take_index(&mut self, index: Arc<dyn Index>, replayed: Replayed) {
        replayed.report(&self.shared.health);
        self.index_refused = replayed.is_in_memory.then(Instant::now);
        self.meta = replayed.meta;
        self.staging = Staging::new(Arc::clone(&index), self.shared.keys, self.meta.clone());
        self.shared.replace_index(index);
    }

    /// An index that readers could not read is made anew; one that the disk refused goes back there when there is room.
    fn mend_index(&mut self) {
        if self.shared.take_index_failure() {
            return self.remake_index("it could not be read");
        }
        let is_due = self.index_refused.is_some_and(|tried| tried.elapsed() >= INDEX_RETRY);
        if !is_due || self.remakes > MAX_REMAKES || free_bytes(&self.shared.dir) < Some(RESERVE_BYTES) {
            return;
        }
        let shared = Arc::clone(&self.shared);
        if shared.health.is_still_unwritable(&shared.dir) {
            self.index_refused = Some(Instant::now());
            return;
        }
        let last_id = self.meta.last_id;
        match remake(&shared.dir, shared.keys, &shared.journal, &shared.health, last_id, false) {
            Ok((index, replayed)) => self.take_index(index, replayed),
            Err(error) => shared.health.found(Trouble::plain("index-lost").with("why", error)),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

fn refusal(error: &StoreError) -> Refusal {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    match error {
        StoreError::Io { source, .. }
            if matches!(source.kind(), StorageFull | QuotaExceeded | FileTooLarge) =>
        {
            Refusal::DiskFull
        }
        StoreError::Io { source, .. } => Refusal::Unwritable(source.to_string()),
        error => Refusal::Store(error.to_string()),
    }
}

/// What the user may still write; `None` where that is not known.
fn free_bytes(dir: &Path) -> Option<u64> {
    let stats = rustix::fs::statvfs(dir).ok()?;
    Some(stats.f_bavail.saturating_mul(stats.f_frsize))
}

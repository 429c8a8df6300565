//! What the store has to say about itself: what was mended on opening, and what is wrong now.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bp_proto::private_file::{self, Moved};

use crate::trouble::Trouble;

/// More are dropped: the first ones say what began it.
const MAX_FOUND: usize = 32;

#[derive(Debug, Default)]
pub(super) struct Health {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    found: Vec<Trouble>,
    is_disk_full: bool,
    are_curves_paused: bool,
    why_in_memory: Option<String>,
    /// Why the journal cannot be written.
    why_unwritable: Option<String>,
}

impl Health {
    /// Kept until bpd ends, and logged once.
    pub(super) fn found(&self, what: Trouble) {
        let mut inner = self.lock();
        if inner.found.contains(&what) {
            return;
        }
        tracing::warn!("store: {what}");
        if inner.found.len() < MAX_FOUND {
            inner.found.push(what);
        }
    }

    pub(super) fn disk_full(&self, is_full: bool) {
        let mut inner = self.lock();
        if std::mem::replace(&mut inner.is_disk_full, is_full) != is_full {
            tracing::warn!(is_full, "store: the disk");
        }
    }

    /// Why the journal cannot be written; `None` = it was written.
    pub(super) fn unwritable(&self, why: Option<String>) {
        let mut inner = self.lock();
        match (&why, &inner.why_unwritable) {
            (Some(why), None) => tracing::warn!("store: nothing can be written: {why}"),
            (None, Some(_)) => tracing::warn!("store: it can be written again"),
            _ => {}
        }
        inner.why_unwritable = why;
    }

    /// Whether the journal could not be written, and still cannot.
    pub(super) fn is_still_unwritable(&self, dir: &Path) -> bool {
        if self.lock().why_unwritable.is_none() {
            return false;
        }
        let outcome = private_file::probe_dir(dir);
        self.unwritable(outcome.as_ref().err().map(ToString::to_string));
        outcome.is_err()
    }

    /// A file or directory that was in the way.
    pub(super) fn moved(&self, moved: &Moved) {
        let found = Trouble::plain("file-moved").with("path", moved.from.display());
        let to = moved.to.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.found(found.with("to", to).with("why", &moved.why));
    }

    pub(super) fn curves_paused(&self, are_paused: bool) {
        let mut inner = self.lock();
        if std::mem::replace(&mut inner.are_curves_paused, are_paused) != are_paused {
            tracing::warn!(are_paused, "store: curves");
        }
    }

    /// Why the index is not on disk; `None` = it is.
    pub(super) fn index_in_memory(&self, why: Option<String>) {
        let mut inner = self.lock();
        if inner.why_in_memory != why {
            tracing::warn!(?why, "store: the index is in memory");
        }
        inner.why_in_memory = why;
    }

    /// `dir`: whose disk it is.
    pub(super) fn troubles(&self, dir: &Path) -> Vec<Trouble> {
        // Looked at again: it may have been repaired, and nothing was recorded since.
        self.is_still_unwritable(dir);
        let inner = self.lock();
        let mut all = inner.found.clone();
        if let Some(why) = &inner.why_unwritable {
            all.push(Trouble::plain("store-unwritable").with("dir", dir.display()).with("why", why));
        }
        if let Some(why) = &inner.why_in_memory {
            all.push(Trouble::plain("index-in-memory").with("why", why));
        }
        if inner.is_disk_full {
            all.push(Trouble::plain("disk-full").with("dir", dir.display()));
        } else if inner.are_curves_paused {
            all.push(Trouble::plain("disk-nearly-full").with("dir", dir.display()));
        }
        all
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

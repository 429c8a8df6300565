//! What the store has to say about itself: what was mended on opening, and what is wrong now.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Sentences beyond this are dropped: the first ones say what began it.
const MAX_FOUND: usize = 32;

#[derive(Debug, Default)]
pub(super) struct Health {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    found: Vec<String>,
    is_disk_full: bool,
    are_curves_paused: bool,
    why_in_memory: Option<String>,
}

impl Health {
    /// Kept until bpd ends, and logged once.
    pub(super) fn found(&self, what: String) {
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

    pub(super) fn sentences(&self) -> Vec<String> {
        let inner = self.lock();
        let mut all = inner.found.clone();
        if let Some(why) = &inner.why_in_memory {
            all.push(format!("the index is kept in memory: {why}"));
        }
        if inner.is_disk_full {
            all.push("the disk is full; nothing is recorded until there is room".to_owned());
        } else if inner.are_curves_paused {
            all.push(
                "the disk is nearly full; curves are kept in memory only until there is room".to_owned(),
            );
        }
        all
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

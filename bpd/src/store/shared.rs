//! What the writer and its readers share.

use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::buffers::Buffers;
use super::health::Health;
use super::hosts::Hosts;
use super::index::Index;
use super::log::{Found, Segments, Series};
use super::records::Record;
use super::staging::Erase;
use super::{KeyRule, Position, StoreError};

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) dir: PathBuf,
    pub(super) keys: KeyRule,
    pub(super) journal: Journal,
    /// Taken for writing while a group becomes visible, so that a reader sees a sample in its chunk or here, never in
    /// both.
    pub(super) buffers: RwLock<Buffers>,
    pub(super) total: AtomicU64,
    /// Figures that were stored as unknown because they could not be true, since the store was opened.
    pub(super) implausible: AtomicU64,
    pub(super) health: Health,
    pub(super) hosts: RwLock<Hosts>,
    index: RwLock<Arc<dyn Index>>,
    /// A read of the index failed: the writer is to make a new one.
    has_index_failed: AtomicBool,
    /// Held as long as anything uses the store.
    _held: File,
}

impl Shared {
    pub(super) fn new(
        dir: PathBuf,
        keys: KeyRule,
        journal: Journal,
        health: Health,
        index: Arc<dyn Index>,
        held: File,
    ) -> Self {
        Self {
            dir,
            keys,
            journal,
            buffers: RwLock::default(),
            total: AtomicU64::new(0),
            implausible: AtomicU64::new(0),
            health,
            hosts: RwLock::default(),
            index: RwLock::new(index),
            has_index_failed: AtomicBool::new(false),
            _held: held,
        }
    }

    pub(super) fn index(&self) -> Arc<dyn Index> {
        Arc::clone(&self.index.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What a reader got of the index; an error is remembered.
    pub(super) fn noted<T>(&self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        if matches!(outcome, Err(StoreError::Index(_))) {
            self.has_index_failed.store(true, Ordering::Relaxed);
        }
        outcome
    }

    pub(super) fn take_index_failure(&self) -> bool {
        self.has_index_failed.swap(false, Ordering::Relaxed)
    }

    pub(super) fn replace_index(&self, index: Arc<dyn Index>) {
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = index;
    }
}

/// Both series of the journal, for reading.
#[derive(Clone, Debug)]
pub(super) struct Journal {
    pub(super) runs: Arc<Segments>,
    pub(super) samples: Arc<Segments>,
}

/// A record as asked for by its position.
#[derive(Debug)]
pub(super) enum Fetched {
    Record(Box<Record>),
    /// Erased, or in a segment that is no longer kept.
    Gone,
    /// Why.
    Damaged(String),
}

impl Journal {
    pub(super) fn new(data: &std::path::Path) -> Self {
        let segments = |series| Arc::new(Segments::new(series, data));
        Self { runs: segments(Series::Runs), samples: segments(Series::Samples) }
    }

    pub(super) fn series(&self, series: Series) -> &Arc<Segments> {
        match series {
            Series::Runs => &self.runs,
            Series::Samples => &self.samples,
        }
    }

    pub(super) fn fetch(&self, series: Series, at: Position) -> Result<Fetched, StoreError> {
        match self.series(series).read(at) {
            Ok(Found::Record { kind, version, payload, .. }) => {
                Ok(match Record::decode(kind, version, &payload) {
                    Ok(record) => Fetched::Record(Box::new(record)),
                    Err(error) => Fetched::Damaged(error.to_string()),
                })
            }
            Ok(Found::Erased) => Ok(Fetched::Gone),
            Ok(Found::Damaged) => Ok(Fetched::Damaged("its checksum does not hold".to_owned())),
            Err(StoreError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                Ok(Fetched::Gone)
            }
            Err(error) => Err(error),
        }
    }

    /// Zeroes records and the older ones that they replaced.
    pub(super) fn erase(&self, doomed: &[Erase]) -> Result<(), StoreError> {
        for series in Series::BOTH {
            let mut records = Vec::new();
            for erase in doomed.iter().filter(|erase| erase.series == series) {
                let mut next = Some(erase.at);
                while let Some(at) = next {
                    next = match self.fetch(series, at)? {
                        Fetched::Gone => break,
                        // Older records lie before newer ones; anything else is damage.
                        Fetched::Record(record) => record.previous().filter(|previous| *previous < at),
                        Fetched::Damaged(_) => None,
                    };
                    records.push(at);
                }
            }
            // Oldest first: should bpd be killed meanwhile, the newest still leads to the rest.
            records.sort_unstable();
            self.series(series).erase(&records)?;
        }
        Ok(())
    }
}

//! The index: an ordered map from keys to small rows, thrown away and rebuilt whenever it does not fit the journal.
//! Two implementations behind one trait: sled on disk, and an ordered map in memory, which takes over when the disk
//! cannot hold the first.

mod memory;
mod sled;

use std::fmt::Debug;

pub(super) use memory::MemoryIndex;
pub(super) use sled::SledIndex;

use super::StoreError;

/// One key's new value; `None` removes it.
pub(super) type Put = (Vec<u8>, Option<Vec<u8>>);

/// A key and its value.
pub(super) type Held = (Vec<u8>, Vec<u8>);

/// sled's memory explodes with big batches: larger changes are applied in parts of so many keys.
pub(super) const MAX_BATCH_KEYS: usize = 250;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Ascending,
    Descending,
}

pub(super) trait Index: Debug + Send + Sync {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// At most `limit` entries of `from ≤ key < to`.
    fn range(
        &self,
        from: &[u8],
        to: &[u8],
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Held>, StoreError>;

    /// All or nothing, also over a crash; visible at once, durable after `flush`.
    fn apply(&self, batch: &[Put]) -> Result<(), StoreError>;

    fn flush(&self) -> Result<(), StoreError>;
}

/// The first key behind all that begin with `prefix`.
pub(super) fn behind(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.last_mut() {
        if *last < u8::MAX {
            *last += 1;
            return end;
        }
        end.pop();
    }
    vec![u8::MAX; prefix.len() + 1]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn both(check: impl Fn(&dyn Index)) {
        check(&MemoryIndex::default());
        let scratch = tempfile::tempdir().unwrap();
        check(&SledIndex::open(&scratch.path().join("index")).unwrap());
    }

    fn put(key: &[u8], value: &[u8]) -> Put {
        (key.to_vec(), Some(value.to_vec()))
    }

    #[test]
    fn a_range_ends_before_its_end_and_goes_both_ways() {
        both(|index| {
            index.apply(&[put(b"a1", b"1"), put(b"a2", b"2"), put(b"a3", b"3"), put(b"b", b"4")]).unwrap();
            let keys = |direction, limit| {
                let found = index.range(b"a1", b"a3", direction, limit).unwrap();
                found.into_iter().map(|(key, _)| String::from_utf8(key).unwrap()).collect::<Vec<_>>()
            };
            assert_eq!(keys(Direction::Ascending, 9), ["a1", "a2"]);
            assert_eq!(keys(Direction::Descending, 9), ["a2", "a1"]);
            assert_eq!(keys(Direction::Descending, 1), ["a2"]);
            assert!(index.range(b"b", b"a", Direction::Ascending, 9).unwrap().is_empty());
        });
    }

    #[test]
    fn the_key_behind_a_prefix_is_behind_all_of_it() {
        assert_eq!(behind(b"ab"), b"ac");
        assert_eq!(behind(b"a\xff\xff"), b"b");
        assert!(behind(b"\xff") > b"\xff\xff".to_vec() || behind(b"\xff").len() > 1);
    }

    #[test]
    fn what_was_flushed_is_there_after_opening_again() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("index");
        let index = SledIndex::open(&path).unwrap();
        index.apply(&[put(b"k", b"v")]).unwrap();
        index.flush().unwrap();
        drop(index);
        assert_eq!(SledIndex::open(&path).unwrap().get(b"k").unwrap(), Some(b"v".to_vec()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn both_hold_the_same(batches in prop::collection::vec(
            prop::collection::vec((0u8..40, prop::option::of(any::<u8>())), 1..30), 1..10)) {
            let scratch = tempfile::tempdir().unwrap();
            let disk = SledIndex::open(&scratch.path().join("index")).unwrap();
            let memory = MemoryIndex::default();
            for batch in batches {
                // Within one batch a key has one value.
                let batch: std::collections::BTreeMap<u8, Option<u8>> = batch.into_iter().collect();
                let batch: Vec<Put> = batch.into_iter().map(|(k, v)| (vec![k], v.map(|v| vec![v]))).collect();
                disk.apply(&batch).unwrap();
                memory.apply(&batch).unwrap();
            }
            for direction in [Direction::Ascending, Direction::Descending] {
                prop_assert_eq!(
                    disk.range(&[3], &[30], direction, 12).unwrap(),
                    memory.range(&[3], &[30], direction, 12).unwrap()
                );
            }
        }
    }
}

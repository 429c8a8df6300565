//! What a run did besides burning CPU time: waiting, reading and writing, faulting, switching.

use serde::{Deserialize, Serialize};

use crate::event::bounded;

/// Counts of a whole run, its children included. Absent = unknown, not zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Activity {
    /// Time that threads were runnable and waited for a CPU, summed up, nanoseconds.
    #[serde(deserialize_with = "bounded")]
    pub wait_ns: Option<u64>,
    /// Fetched from the storage layer, bytes: what a cache answered is not in it.
    #[serde(deserialize_with = "bounded")]
    pub read_bytes: Option<u64>,
    /// Sent to the storage layer, bytes.
    #[serde(deserialize_with = "bounded")]
    pub written_bytes: Option<u64>,
    /// Pages that were found in memory.
    #[serde(deserialize_with = "bounded")]
    pub minor_faults: Option<u64>,
    /// Pages that had to be fetched.
    #[serde(deserialize_with = "bounded")]
    pub major_faults: Option<u64>,
    /// A thread gave its CPU up, mostly to wait for something.
    #[serde(deserialize_with = "bounded")]
    pub voluntary_switches: Option<u64>,
    /// A thread was made to give its CPU up.
    #[serde(deserialize_with = "bounded")]
    pub involuntary_switches: Option<u64>,
    /// Most threads at once.
    pub max_threads: Option<u32>,
}

impl Activity {
    /// These counts, and `other`'s where there are none. Of the peak the larger: nobody counts threads exactly.
    pub fn completed_by(self, other: Self) -> Self {
        let peak = self.max_threads.max(other.max_threads);
        Self { max_threads: peak, ..self.zip(other, Option::or) }
    }

    /// Of each count the larger: they only grow.
    pub fn or_larger(self, other: Self) -> Self {
        Self { max_threads: self.max_threads.max(other.max_threads), ..self.zip(other, Option::max) }
    }

    fn zip(self, other: Self, pick: impl Fn(Option<u64>, Option<u64>) -> Option<u64>) -> Self {
        Self {
            wait_ns: pick(self.wait_ns, other.wait_ns),
            read_bytes: pick(self.read_bytes, other.read_bytes),
            written_bytes: pick(self.written_bytes, other.written_bytes),
            minor_faults: pick(self.minor_faults, other.minor_faults),
            major_faults: pick(self.major_faults, other.major_faults),
            voluntary_switches: pick(self.voluntary_switches, other.voluntary_switches),
            involuntary_switches: pick(self.involuntary_switches, other.involuntary_switches),
            max_threads: self.max_threads,
        }
    }
}

//! The machine around a run while it was going: raw, as read at its start and at its end.

use serde::{Deserialize, Serialize};

use crate::event::bounded;

/// Absent = unknown, not zero: no such figures on this system, or the run was over before the machine was read twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Surroundings {
    /// Time between the two readings, microseconds: what the stalls are a share of.
    #[serde(deserialize_with = "bounded")]
    pub over_us: Option<u64>,
    /// Time in which some task of the machine waited for a CPU, microseconds.
    #[serde(deserialize_with = "bounded")]
    pub cpu_stall_us: Option<u64>,
    /// … for memory.
    #[serde(deserialize_with = "bounded")]
    pub memory_stall_us: Option<u64>,
    /// … for a disk.
    #[serde(deserialize_with = "bounded")]
    pub io_stall_us: Option<u64>,
    /// For how long the machine was suspended, milliseconds: in no duration, no average and no curve.
    #[serde(deserialize_with = "bounded")]
    pub suspended_ms: Option<u64>,
    /// CPU use of the whole machine; 1000 = all CPUs.
    pub host_cpu_permille: Option<u16>,
}

impl Surroundings {
    /// These, or `other` where nothing is known: the figures of two stretches of time do not mix.
    pub fn or(self, other: Self) -> Self {
        if self == Self::default() { other } else { self }
    }
}

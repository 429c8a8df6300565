//! A sample: one reading of a run's process tree.

use serde::{Deserialize, Serialize};

/// One reading as measured: raw counters. Rates are derived when read (see [`Point`]).
///
/// Samples of a run are ordered by `at_ms`; `cpu_ns` never falls. A run that begins at `at_ms` 0 with `cpu_ns` 0
/// needs no sample for that: the first sample's interval starts there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Monotonic milliseconds since the run's start.
    pub at_ms: u64,
    /// CPU time of the whole tree since the run's start, nanoseconds, children that are gone included.
    pub cpu_ns: u64,
    /// Σ resident set of the tree's live processes, bytes; 0 = unknown: what runs is the shell itself, whose memory is
    /// not the run's. The last sample of a run whose processes are gone has their last reading.
    pub rss_bytes: u64,
    /// Live processes of the tree.
    pub processes: u32,
    /// CPU use of the whole machine since the last sample that has one; 1000 = all CPUs. `None`: not read since.
    #[serde(default)]
    pub host_cpu_permille: Option<u16>,
}

/// One point of a curve, as the HTTP API gives and takes it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Point {
    /// Unix seconds with fraction: the end of the interval that the point describes. Posted points keep the
    /// client's value untouched.
    pub ts: f64,
    /// 100 = one core, over the interval since the point before.
    pub cpu_percent: f64,
    /// MiB; 0 with 0 `processes` = unknown.
    pub rss_mb: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub processes: Option<u32>,
    /// The whole machine around then; 100 = all CPUs. bpd's own reading: ignored in posted points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub host_cpu_percent: Option<f64>,
    /// MiB: a higher peak than any reading, reached between two of them. Ignored in posted points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub rss_max_mb: Option<f64>,
}

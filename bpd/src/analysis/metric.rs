//! The figures of a run that are compared.

use bp_proto::RunStats;

/// One figure.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// As in `run_stats`.
    pub name: &'static str,
    pub of: fn(&RunStats) -> Option<f64>,
    pub unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Seconds,
    Mebibytes,
    Percent,
}

impl Unit {
    /// Smaller differences matter to nobody, however sure they are.
    pub fn least_difference(self) -> f64 {
        match self {
            Self::Seconds => 0.1,
            Self::Mebibytes => 8.0,
            Self::Percent => 5.0,
        }
    }

    /// What is less is taken for this much, so that it has a logarithm: the resolution of the measurement.
    pub fn resolution(self) -> f64 {
        match self {
            Self::Seconds => 0.001,
            Self::Mebibytes => 0.01,
            Self::Percent => 0.1,
        }
    }
}

pub const DURATION: Metric =
    Metric { name: "duration_s", of: |stats| Some(stats.duration_s), unit: Unit::Seconds };
pub const CPU_SECONDS: Metric =
    Metric { name: "cpu_seconds", of: |stats| stats.cpu_seconds, unit: Unit::Seconds };
pub const RSS_MAX: Metric =
    Metric { name: "rss_max_mb", of: |stats| stats.rss_max_mb, unit: Unit::Mebibytes };

/// Every figure that `compare` shows.
pub const ALL: [Metric; 10] = [
    DURATION,
    CPU_SECONDS,
    RSS_MAX,
    Metric { name: "user_seconds", of: |stats| stats.user_seconds, unit: Unit::Seconds },
    Metric { name: "system_seconds", of: |stats| stats.system_seconds, unit: Unit::Seconds },
    Metric { name: "cpu_avg", of: |stats| stats.cpu_avg, unit: Unit::Percent },
    Metric { name: "cpu_p95", of: |stats| stats.cpu_p95, unit: Unit::Percent },
    Metric { name: "cpu_max", of: |stats| stats.cpu_max, unit: Unit::Percent },
    Metric { name: "rss_avg_mb", of: |stats| stats.rss_avg_mb, unit: Unit::Mebibytes },
    Metric { name: "rss_p95_mb", of: |stats| stats.rss_p95_mb, unit: Unit::Mebibytes },
];

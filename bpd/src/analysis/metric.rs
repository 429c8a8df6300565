//! The figures of a run that are compared.

use bp_proto::RunStats;

pub type Read = fn(&RunStats) -> Option<f64>;

/// One figure.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// As in `run_stats`.
    pub name: &'static str,
    pub of: Read,
    pub unit: Unit,
    /// A total or a peak. The others depend on when the samples fell, or on how the kernel splits time: without a
    /// pool that says by how much, nothing is said about them.
    pub steady: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Seconds,
    Mebibytes,
    Percent,
    Count,
}

impl Unit {
    /// Smaller differences matter to nobody, however sure they are.
    pub fn least_difference(self) -> f64 {
        match self {
            Self::Seconds => 0.1,
            Self::Mebibytes => 8.0,
            Self::Percent => 5.0,
            Self::Count => 100.0,
        }
    }

    /// What is less is taken for this much, so that it has a logarithm: the resolution of the measurement.
    pub fn resolution(self) -> f64 {
        match self {
            Self::Seconds => 0.001,
            Self::Mebibytes => 0.01,
            Self::Percent => 0.1,
            Self::Count => 1.0,
        }
    }
}

pub const DURATION: Metric = steady("duration_s", Unit::Seconds, |stats| stats.duration_s);
pub const CPU_SECONDS: Metric = steady("cpu_seconds", Unit::Seconds, |stats| stats.cpu_seconds);
pub const RSS_MAX: Metric = steady("rss_max_mb", Unit::Mebibytes, |stats| stats.rss_max_mb);

/// Every figure that `compare` always shows.
pub const ALL: [Metric; 10] = [
    DURATION,
    CPU_SECONDS,
    RSS_MAX,
    steady("cpu_avg", Unit::Percent, |stats| stats.cpu_avg),
    shaky("user_seconds", Unit::Seconds, |stats| stats.user_seconds),
    shaky("system_seconds", Unit::Seconds, |stats| stats.system_seconds),
    shaky("cpu_p95", Unit::Percent, |stats| stats.cpu_p95),
    shaky("cpu_max", Unit::Percent, |stats| stats.cpu_max),
    shaky("rss_avg_mb", Unit::Mebibytes, |stats| stats.rss_avg_mb),
    shaky("rss_p95_mb", Unit::Mebibytes, |stats| stats.rss_p95_mb),
];

/// Those that it shows where both runs know them.
pub const MORE: [Metric; 12] = [
    shaky("wait_seconds", Unit::Seconds, |stats| stats.wait_seconds),
    shaky("read_mb", Unit::Mebibytes, |stats| stats.read_mb),
    shaky("written_mb", Unit::Mebibytes, |stats| stats.written_mb),
    shaky("minor_faults", Unit::Count, |stats| stats.minor_faults.map(|count| count as f64)),
    shaky("major_faults", Unit::Count, |stats| stats.major_faults.map(|count| count as f64)),
    shaky("voluntary_switches", Unit::Count, |stats| stats.voluntary_switches.map(|count| count as f64)),
    shaky("involuntary_switches", Unit::Count, |stats| stats.involuntary_switches.map(|count| count as f64)),
    shaky("max_threads", Unit::Count, |stats| stats.max_threads.map(f64::from)),
    shaky("host_cpu_avg", Unit::Percent, |stats| stats.host_cpu_avg),
    shaky("pressure_cpu", Unit::Percent, |stats| stats.pressure_cpu),
    shaky("pressure_memory", Unit::Percent, |stats| stats.pressure_memory),
    shaky("pressure_io", Unit::Percent, |stats| stats.pressure_io),
];

const fn steady(name: &'static str, unit: Unit, of: Read) -> Metric {
    Metric { name, of, unit, steady: true }
}

const fn shaky(name: &'static str, unit: Unit, of: Read) -> Metric {
    Metric { name, of, unit, steady: false }
}

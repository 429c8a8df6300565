//! Defaults, file, environment; validated once, passed in.

mod read;
mod section;
mod show;
mod wrong;

use std::net::SocketAddr;
use std::time::Duration;

use bp_proto::ignore::Rules;

pub use wrong::{ConfigError, MAX_TOLD, Wrong};

#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    pub http: Http,
    pub sampling: Sampling,
    pub alerts: Alerts,
    pub privacy: Privacy,
    /// `tr`, `en`; `None` = by the locale.
    pub lang: Option<String>,
    /// `info`, or `bpd::ipc=debug,info`.
    pub log: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Http {
    pub listen: SocketAddr,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    /// 0.1 … 60 s.
    pub interval: Duration,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Privacy {
    /// What is measured without its text.
    pub ignore: Rules,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Alerts {
    pub desktop: Desktop,
    pub cpu_high: CpuRule,
    pub host_cpu: CpuRule,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Desktop {
    pub enabled: bool,
    /// The whole (masked) command line in notices, not its name alone.
    pub whole_command: bool,
}

/// A rule that watches a CPU figure.
#[derive(Clone, Debug, PartialEq)]
pub struct CpuRule {
    pub enabled: bool,
    /// Percent.
    pub threshold: f64,
    pub scale: Scale,
    /// How long above the threshold before it fires.
    pub window: Duration,
    /// It clears after `clear_for` below this, percent.
    pub clear_below: f64,
    pub clear_for: Duration,
    /// How long the same command key stays silent after a firing.
    pub cooldown: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// 100 = one core.
    Core,
    /// 100 = all CPUs that the run may use.
    Host,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            http: Http { listen: SocketAddr::from(([127, 0, 0, 1], 7717)) },
            sampling: Sampling { interval: Duration::from_secs(1) },
            alerts: Alerts {
                desktop: Desktop { enabled: true, whole_command: false },
                cpu_high: CpuRule {
                    enabled: true,
                    threshold: 80.0,
                    scale: Scale::Core,
                    window: Duration::from_secs(5),
                    clear_below: 70.0,
                    clear_for: Duration::from_secs(15),
                    cooldown: Duration::from_mins(10),
                },
                host_cpu: CpuRule {
                    enabled: true,
                    threshold: 80.0,
                    scale: Scale::Host,
                    window: Duration::from_secs(15),
                    clear_below: 70.0,
                    clear_for: Duration::from_secs(15),
                    cooldown: Duration::from_mins(10),
                },
            },
            privacy: Privacy::default(),
            lang: None,
            log: "info".to_owned(),
        }
    }
}

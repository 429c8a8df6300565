//! A run: one command from Enter to the next prompt.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::actor::Actor;
use crate::event::Totals;
use crate::time::UnixMillis;

/// One run, as every door shows it. The store fills what was recorded; `queries` adds what is derived
/// (`run_stats`, `comments`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Run {
    #[cfg_attr(test, ts(type = "number"))]
    pub id: u64,
    #[cfg_attr(test, ts(type = "string"))]
    pub uid: Ulid,
    /// The run that this one is nested in, by id.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub parent: Option<u64>,
    /// As typed, secrets masked; `None` when the text was hidden.
    pub command: Option<String>,
    /// Whether the shell has not said yet if it keeps the line; `command` is `None` until then.
    #[serde(default)]
    pub text_pending: bool,
    /// The length before the text was cut to [`crate::MAX_COMMAND_BYTES`].
    #[cfg_attr(test, ts(type = "number | null"))]
    pub command_truncated: Option<u64>,
    /// The rules that masked something in `command`.
    pub masked: Vec<String>,
    /// Short hash that groups runs of the same command, as in URLs.
    pub key: String,
    /// What `key` stands for, readable.
    pub key_text: String,
    pub cwd: Option<String>,
    /// The git root above `cwd`.
    pub project: Option<String>,
    pub git: Option<Git>,
    pub host: String,
    /// `bash`, `zsh`, …; `None` for runs that no shell reported.
    pub shell: Option<String>,
    pub session: Option<String>,
    #[cfg_attr(test, ts(type = "string"))]
    pub actor: Actor,
    /// `None`: imported from a history that keeps no dates.
    #[cfg_attr(test, ts(type = "string | null"))]
    pub started_at: Option<UnixMillis>,
    #[cfg_attr(test, ts(type = "string | null"))]
    pub finished_at: Option<UnixMillis>,
    pub state: RunState,
    pub exit_code: Option<i32>,
    pub signal: Option<i32>,
    /// Processes of the run lived on after its end.
    pub background: bool,
    pub imported: bool,
    /// Figures that cannot be true: each is unknown, not wrong.
    #[serde(default)]
    pub implausible: Vec<Implausible>,
    pub tags: Vec<String>,
    pub note: Option<String>,
    /// Derived; `None` while nothing is known.
    pub run_stats: Option<RunStats>,
    /// The five children that burned most, most first.
    pub children: Vec<Child>,
    /// The CPU time that is in none of them; `None` where it is not known, and while the run is going.
    #[serde(default)]
    pub rest: Option<Rest>,
    pub comments: Vec<Comment>,
    pub context: Option<Context>,
    /// Raw totals, from which `run_stats` is derived. Not part of the HTTP document.
    #[serde(skip)]
    #[cfg_attr(test, ts(skip))]
    pub totals: Option<Totals>,
    /// Monotonic duration as recorded (`Finish::took`, else `finished_at` − `started_at`); `None` while running.
    /// Shown as `run_stats.duration_s`, not by itself.
    #[serde(skip)]
    #[cfg_attr(test, ts(skip))]
    pub took: Option<Duration>,
    /// Grows whenever the run or its samples change, as long as bpd lives: what is derived from the run may be kept under
    /// it. Not part of the HTTP document.
    #[serde(skip)]
    #[cfg_attr(test, ts(skip))]
    pub revision: u64,
}

impl Run {
    /// Whether the run has not ended yet.
    pub fn is_open(&self) -> bool {
        self.state.is_open()
    }

    /// Finished with another exit code than 0. A line that ended its shell is no failure.
    pub fn is_failure(&self) -> bool {
        self.state == RunState::Finished && self.exit_code.is_some_and(|code| code != 0)
    }

    /// Finished with exit code 0.
    pub fn is_success(&self) -> bool {
        self.state == RunState::Finished && self.exit_code == Some(0)
    }

    /// Imported, hidden-text, left and lost runs are never a baseline, nor is one that has not ended.
    pub fn may_be_baseline(&self) -> bool {
        self.state == RunState::Finished && !self.imported && self.command.is_some()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    Running,
    /// Suspended (Ctrl-Z); `fg` continues the run.
    Stopped,
    /// The shell is back at its prompt and jobs of the line still run (`cmd &`).
    Background,
    Finished,
    /// The line ended its shell (`exit 7`, `logout`, `exec bash`, a closed terminal). Neither success nor failure.
    Left,
    /// The shell or the machine went away before the end was reported.
    Lost,
}

impl RunState {
    pub const ALL: [Self; 6] =
        [Self::Running, Self::Stopped, Self::Background, Self::Finished, Self::Left, Self::Lost];

    /// The word in JSON, in searches and in tab-separated output.
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Background => "background",
            Self::Finished => "finished",
            Self::Left => "left",
            Self::Lost => "lost",
        }
    }

    /// Whether a run in this state has not ended yet.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Running | Self::Stopped | Self::Background)
    }
}

/// A figure that bpd refused because it cannot be true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Implausible {
    /// Longer than the shell that reported it has lived.
    Duration,
    /// More than all CPUs can give in the run's time.
    CpuSeconds,
    /// Posted samples outside the run. They keep their times and give no CPU seconds.
    Samples,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Git {
    /// `None` for a detached head.
    pub branch: Option<String>,
    /// Full hash; `None` before the first commit.
    pub commit: Option<String>,
}

/// How the totals were obtained, best first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// `wait4` or a cgroup.
    Exact,
    /// An inherited task-clock counter.
    Counter,
    /// The shell's own accounting, 1 ms.
    Times,
    /// Clock ticks, 10 ms.
    Ticks,
    /// The curve only.
    #[default]
    Sampled,
}

/// What a run has cost. Averages are cpu seconds ÷ duration and the time integral of memory ÷ duration, never the
/// mean of samples; p95 is time-weighted. Posted runs: both averages are time integrals of the samples.
///
/// `cpu_avg` of a run with background processes is over the span of its curve. It is `None` where no curve saw the CPU
/// time being spent, where the time is less than ten steps of the accounting (`quality`), and where it would be more
/// than all CPUs can burn; no CPU figure of a measured run is above `cpus` × 100.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default)]
pub struct RunStats {
    pub cpu_avg: Option<f64>,
    pub cpu_p95: Option<f64>,
    pub cpu_max: Option<f64>,
    pub rss_avg_mb: Option<f64>,
    pub rss_p95_mb: Option<f64>,
    pub rss_max_mb: Option<f64>,
    /// `None`: not known, or refused because it could not be true (see `Run::implausible`).
    pub duration_s: Option<f64>,
    pub cpu_seconds: Option<f64>,
    /// With `system_seconds` from the source of `cpu_seconds`, or `None`.
    pub user_seconds: Option<f64>,
    pub system_seconds: Option<f64>,
    /// CPU time that processes of the run used after its end; `None` where none lived on. Not part of `cpu_seconds`,
    /// which covers the same span as `duration_s`.
    pub background_cpu_seconds: Option<f64>,
    #[cfg_attr(test, ts(type = "number"))]
    pub samples: u64,
    pub quality: Quality,
    pub peak_lower_bound: bool,
    pub incomplete: bool,
    pub max_processes: Option<u32>,
    pub max_threads: Option<u32>,
    /// Runnable, waiting for a CPU, all threads summed up.
    pub wait_seconds: Option<f64>,
    /// From and to the storage layer, MiB: what a cache answered is not in it.
    pub read_mb: Option<f64>,
    pub written_mb: Option<f64>,
    /// Pages found in memory, and pages that had to be fetched.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub minor_faults: Option<u64>,
    #[cfg_attr(test, ts(type = "number | null"))]
    pub major_faults: Option<u64>,
    /// A thread gave its CPU up (to wait for something), or was made to.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub voluntary_switches: Option<u64>,
    #[cfg_attr(test, ts(type = "number | null"))]
    pub involuntary_switches: Option<u64>,
    /// For how long the machine was suspended while the run was going: `duration_s` is without it.
    pub suspended_s: Option<f64>,
    /// The whole machine while the run was going; 100 = all CPUs.
    pub host_cpu_avg: Option<f64>,
    /// Share of the run's time in which some task of the machine waited for a CPU, for memory, for a disk; percent.
    pub pressure_cpu: Option<f64>,
    pub pressure_memory: Option<f64>,
    pub pressure_io: Option<f64>,
}

/// One process name among a run's children.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Child {
    pub name: String,
    /// How many processes of that name were seen.
    pub processes: u32,
    pub cpu_seconds: f64,
    /// `None`: none of them was looked at while it lived.
    pub rss_max_mb: Option<f64>,
    /// There may have been more processes of it, and they may have burned more: that is in [`Rest::untold_seconds`].
    #[serde(default)]
    pub at_least: bool,
}

/// What a run's CPU time is made of beside its [`Child`]ren: with them it adds up to the whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Rest {
    /// Programs of further names, their processes and what those burned.
    pub names: u32,
    pub processes: u32,
    pub cpu_seconds: f64,
    /// The shell's own: builtins, functions. `None` of runs that no shell reported.
    pub shell_seconds: Option<f64>,
    /// Of processes that lived and died between two looks, and of others after they were looked at last. Derived; `None`
    /// where other runs went on within this one.
    pub untold_seconds: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Info,
    Good,
    Warning,
    Critical,
}

/// A sentence about a run, by a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Comment {
    pub rule: String,
    pub level: Level,
    /// In the language asked for.
    pub text: String,
    /// The evidence: numbers and codes, never localised.
    #[cfg_attr(test, ts(type = "Record<string, number | string>"))]
    pub params: serde_json::Map<String, serde_json::Value>,
}

/// The machine at the run's start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default)]
pub struct Context {
    /// Load average of one minute.
    pub load_1m: Option<f64>,
    /// Whole machine, 100 = all CPUs.
    pub host_cpu_percent: Option<f64>,
    pub memory_used_mb: Option<f64>,
    pub memory_total_mb: Option<f64>,
    /// CPUs that the run may use.
    pub cpus: Option<u32>,
    /// Share of the last ten seconds in which some task of the machine waited for a CPU, for memory, for a disk;
    /// percent.
    pub pressure_cpu_avg10: Option<f64>,
    pub pressure_memory_avg10: Option<f64>,
    pub pressure_io_avg10: Option<f64>,
}

//! Reports: answers for people and programs. `--json`, HTTP and the socket give the same documents.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize, Serializer};
use ulid::Ulid;

use crate::actor::Actor;
use crate::event::Owner;
use crate::program::ProgramFile;
use crate::request::Align;
use crate::run::{Comment, Level, Quality, Run};
use crate::time::UnixMillis;

/// `POST /runs`, and the answer to `Request::Start`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registered {
    pub id: u64,
    pub started_at: UnixMillis,
}

/// Every error that leaves bpd: `{"error": {"code", "message", "hint"}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Failure {
    pub error: FailureBody,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FailureBody {
    /// Stable, snake case: `run_not_found`, `ambiguous_run`, `invalid_query`, …
    pub code: String,
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub hint: Option<String>,
}

impl Failure {
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { error: FailureBody { code: code.to_owned(), message: message.into(), hint: None } }
    }

    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.error.hint = Some(hint.into());
        self
    }
}

/// `GET /compare`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Comparison {
    pub current: Run,
    pub baseline: Run,
    /// The runs were named in the other order: `current` is the one that started later.
    #[serde(default)]
    pub swapped: bool,
    pub align: Align,
    /// By name as in `run_stats`.
    pub metrics: BTreeMap<String, MetricDelta>,
    pub verdict: Verdict,
    /// Codes of what explains the verdict, or of why there is none.
    pub reasons: Vec<String>,
    pub series: Series,
    pub differs: Vec<Difference>,
    pub comments: Vec<Comment>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct MetricDelta {
    pub current: Option<f64>,
    pub baseline: Option<f64>,
    /// current − baseline.
    pub delta: Option<f64>,
    /// current ÷ baseline − 1; `None` when the baseline is 0, or a share that is rounded to 0.
    pub change: Option<f64>,
    pub verdict: Verdict,
    /// What is usual for this command; `None` while its history is too short.
    pub usual: Option<Usual>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Usual {
    pub low: f64,
    pub median: f64,
    pub high: f64,
}

/// A run against its baseline. Of memory, `faster` reads "less" and `slower` "more".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Faster,
    Slower,
    Similar,
    /// The difference is within the noise.
    Unclear,
    NotComparable,
}

/// Two curves on one grid. `x` is seconds, percent or CPU seconds, by `align`; `None` = no value there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Series {
    pub x: Vec<f64>,
    pub current: Lines,
    pub baseline: Lines,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Lines {
    pub cpu_percent: Vec<Option<f64>>,
    pub rss_mb: Vec<Option<f64>>,
}

/// One input that is not the same in both runs: `args`, `branch`, `commit`, `cwd`, `host`, `load`, `exit_code`, …
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Difference {
    pub what: String,
    pub current: Option<String>,
    pub baseline: Option<String>,
}

/// An alert: a rule that fired. One line per firing, changed in place until it has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct AlertReport {
    #[cfg_attr(test, ts(type = "string"))]
    pub uid: Ulid,
    /// `cpu-high`, `host-cpu`.
    pub rule: String,
    pub level: Level,
    /// The run that it is about, or the one that burned most when the host is meant.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub run: Option<u64>,
    /// Who typed that run; `None` = no run, or one that is gone.
    #[serde(default)]
    #[cfg_attr(test, ts(type = "string | null"))]
    pub actor: Option<Actor>,
    /// The program that used most CPU time; of an older alert, and where that is not known, the first word of the line.
    pub command: Option<String>,
    /// The command line of the run. Looked up in the run, not stored with the alert.
    #[serde(default)]
    pub line: Option<String>,
    /// The name of the project, else of the directory. Looked up in the run, not stored with the alert.
    #[serde(default)]
    pub project: Option<String>,
    #[cfg_attr(test, ts(type = "string"))]
    pub fired_at: UnixMillis,
    #[cfg_attr(test, ts(type = "string | null"))]
    pub ended_at: Option<UnixMillis>,
    /// Highest value of the watched signal so far.
    pub peak: f64,
    pub threshold: f64,
    /// Seconds above the threshold so far.
    pub above_s: f64,
    /// Was a notice shown? `None` = not tried yet; else the channel (`desktop`), or why not: `off`, `cooldown`,
    /// `no-server`, `no-answer`.
    pub delivery: Option<String>,
    /// In the language asked for.
    pub text: String,
}

/// JSON is text: bytes of a path that are none are written as U+FFFD, rather than no answer at all.
pub(crate) fn as_text<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

/// `bpctl status`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Status {
    pub version: String,
    pub pid: u32,
    pub http: HttpStatus,
    #[cfg_attr(test, ts(type = "string"))]
    #[serde(serialize_with = "as_text")]
    pub socket: PathBuf,
    #[cfg_attr(test, ts(type = "string"))]
    #[serde(serialize_with = "as_text")]
    pub data_dir: PathBuf,
    /// Runs that the store holds.
    #[cfg_attr(test, ts(type = "number"))]
    pub runs: u64,
    #[cfg_attr(test, ts(type = "number"))]
    pub running: u64,
    pub uptime_s: f64,
    /// What does not work as it should, each a plain sentence; empty = all is well.
    pub degraded: Vec<String>,
    /// What each of these is, as a code.
    #[serde(default)]
    pub degraded_codes: Vec<String>,
    /// The pauses that are on; of shells that have gone none.
    #[serde(default)]
    pub paused: Vec<Paused>,
    /// The program file that runs; `None` from a bpd that does not say.
    #[serde(default)]
    pub program: Option<ProgramFile>,
    /// Figures that bpd refused since it began, because they could not be true.
    #[serde(default)]
    #[cfg_attr(test, ts(type = "number"))]
    pub implausible: u64,
}

/// A time in which nothing that is typed is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Paused {
    /// The process id of the shell that is not recorded; `None` = none is.
    pub shell: Option<u32>,
    /// `None` = until somebody resumes.
    #[cfg_attr(test, ts(type = "string | null"))]
    pub until: Option<UnixMillis>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct HttpStatus {
    /// `127.0.0.1:7717`.
    pub address: String,
    #[cfg_attr(test, ts(type = "string"))]
    #[serde(serialize_with = "as_text")]
    pub token_file: PathBuf,
}

/// What bp itself has cost in the last seven days.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Overhead {
    #[cfg_attr(test, ts(type = "string"))]
    pub since: UnixMillis,
    /// CPU seconds of bpd.
    pub cpu_seconds: f64,
    /// CPU seconds of the recorded commands in the same time.
    pub commands_cpu_seconds: f64,
    #[cfg_attr(test, ts(type = "number"))]
    pub runs: u64,
    pub rss_mb: f64,
    /// Journal, samples and index on disk.
    #[cfg_attr(test, ts(type = "number"))]
    pub disk_bytes: u64,
    pub uptime_s: f64,
}

/// `GET /api/system/performance`: bpd's own answers over HTTP since it began.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Performance {
    #[cfg_attr(test, ts(type = "string"))]
    pub since: UnixMillis,
    pub routes: Vec<RouteTiming>,
}

/// One method and path pattern. Quantiles are of its newest 512 answers, milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RouteTiming {
    /// `GET /runs/{run}`.
    pub route: String,
    #[cfg_attr(test, ts(type = "number"))]
    pub answers: u64,
    /// Those that were bpd's fault (5xx).
    #[cfg_attr(test, ts(type = "number"))]
    pub errors: u64,
    pub p50_ms: f64,
    pub p95_ms: f64,
    /// Of all answers since bpd began, like `total_ms`.
    pub max_ms: f64,
    pub total_ms: f64,
}

/// `GET /api/system/stats`: the machine, as it was read while a run was open or somebody looked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct HostStats {
    /// CPUs of the machine.
    pub cpus: Option<u32>,
    /// Seconds between two readings while it is read.
    pub interval_s: f64,
    /// The newest reading; `None` when the machine cannot be read.
    pub now: Option<HostPoint>,
    /// The newest readings, oldest first, `now` included. There are gaps where nobody looked and nothing ran.
    pub series: Vec<HostPoint>,
}

/// One reading of the machine. `None` = not known here, or not yet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default)]
pub struct HostPoint {
    /// Unix seconds with fraction.
    pub ts: f64,
    /// 100 = all CPUs, since the reading before.
    pub host_cpu_percent: Option<f64>,
    pub memory_used_mb: Option<f64>,
    pub memory_total_mb: Option<f64>,
    pub load_1m: Option<f64>,
    pub load_5m: Option<f64>,
    pub load_15m: Option<f64>,
    /// Share of the last ten seconds in which some task waited for a CPU, for memory, for a disk; percent.
    pub pressure_cpu_avg10: Option<f64>,
    pub pressure_memory_avg10: Option<f64>,
    pub pressure_io_avg10: Option<f64>,
    /// The file system that bpd's data is on.
    pub disk_used_mb: Option<f64>,
    /// For those who are not root.
    pub disk_free_mb: Option<f64>,
    /// Its disk, since the reading before, MiB a second.
    pub disk_read_mb_per_s: Option<f64>,
    pub disk_written_mb_per_s: Option<f64>,
}

/// The processes that belong to a run. Neither the shell nor the `bpctl run` that it was started by is among them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Processes {
    pub run: u64,
    pub processes: Vec<Owner>,
}

/// What became of lines of a shell's history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Imported {
    pub taken: u64,
    /// Imported before, or recorded when they were typed.
    pub known: u64,
    /// All that were neither taken nor known: `looks`, `ignored`, and those without any text.
    pub left_out: u64,
    /// Of `left_out`: commands that only look at bp, such as `bpctl list`.
    #[serde(default)]
    pub looks: u64,
    /// Of `left_out`: those that a privacy rule of the user names.
    #[serde(default)]
    pub ignored: u64,
    /// Of `taken`: those without a date.
    #[serde(default)]
    pub undated: u64,
}

/// A one-time code for `POST /session`: 60 s, one use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenCode {
    pub code: String,
    /// `http://127.0.0.1:PORT`.
    pub origin: String,
}

/// Whether a one-time code still waits for its browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeState {
    /// `false`: redeemed, or too old.
    pub waiting: bool,
}

/// What bpd knows of a shell that has the hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShellState {
    /// When the line began that the shell runs, if it has reported it; whether it is recorded or not.
    pub line_started_at: Option<UnixMillis>,
}

/// How a quality reads in one word, for tables.
impl Quality {
    pub fn word(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Counter => "counter",
            Self::Times => "times",
            Self::Ticks => "ticks",
            Self::Sampled => "sampled",
        }
    }
}

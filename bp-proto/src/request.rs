//! Requests: what a client asks of bpd over the local socket. Answers are the documents of the HTTP API.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::event::{Finish, Start};
use crate::run::RunState;
use crate::spool::Spooled;
use crate::time::UnixMillis;

/// One question or one event. Answered by one JSON document, or by [`crate::report::Failure`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "ask", content = "with", rename_all = "snake_case")]
pub enum Request {
    /// → [`crate::report::Registered`], after it is durable.
    Start(Box<Start>),
    /// → `{}`, after it is durable. A run that is finished already: `run_already_finished`.
    Finish(Box<Finish>),
    /// A whole run at its end, as it lies in the spool → `{}`, once both ends are durable and its spool file is
    /// removed. Registers the run if its start never came; a run that is finished already is fine. `bpctl run` sends
    /// this last and does not await the answer: the prompt must not wait for a disk.
    Completed(Box<Spooled>),
    /// Lines of a shell's history, at most [`MAX_IMPORTED_AT_ONCE`] → [`crate::report::Imported`], once all that is
    /// taken is durable. What was imported before, or recorded when it was typed, is left as it is.
    Import(Vec<HistoryLine>),
    /// → array of [`crate::Run`].
    List(ListQuery),
    /// → one [`crate::Run`].
    Show { run: String, lang: Option<String> },
    /// → array of [`crate::Point`].
    Samples { run: String, query: SamplesQuery },
    /// → [`crate::Comparison`].
    Compare(CompareQuery),
    /// → array of [`crate::AlertReport`].
    Alerts(AlertsQuery),
    /// → the run, changed.
    Edit { run: String, edit: Edit },
    /// → `{}`.
    Delete { run: String },
    /// The processes of a running run, as they are now → [`crate::report::Processes`].
    Processes { run: String },
    /// → [`crate::report::HostStats`] without its series. Who asks is taken for a watcher for a while.
    Host,
    /// → [`crate::Status`].
    Status,
    /// → [`crate::Overhead`].
    Overhead,
    /// A one-time code with which a browser opens a session → [`crate::report::OpenCode`].
    OpenCode,
    /// Whether a browser has redeemed that code → [`crate::report::CodeState`].
    CodeState { code: String },
    /// What bpd knows of a shell → [`crate::report::ShellState`].
    ShellState { pid: u32 },
    /// The file of pauses was written → `{}`. Recording does not wait for it; who watches the page is told.
    PausesChanged,
    /// → `{}` once the config was read again; else the error that names file, line and key.
    ReloadConfig,
    /// bpd stores what it accepted and ends → `{}` before it does.
    Stop,
}

/// More in one request are refused.
pub const MAX_IMPORTED_AT_ONCE: usize = 256;

/// A command line as a shell remembers it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryLine {
    /// The same each time this line of this history is read.
    pub uid: Ulid,
    /// As typed; bpd masks it, and leaves out what is to be ignored.
    pub command: String,
    /// `None`: the history keeps no dates, or this one cannot be true.
    pub started_at: Option<UnixMillis>,
    #[serde(default, deserialize_with = "crate::time::bounded")]
    pub took: Option<Duration>,
    /// `bash`, `zsh`, `fish`.
    pub shell: String,
    pub host: String,
}

/// The filters of `GET /runs` and `bpctl list`. All that are given must hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(optional_fields = nullable))]
#[serde(default, deny_unknown_fields)]
pub struct ListQuery {
    /// 1 … 500; 50 if left out.
    pub limit: Option<u32>,
    /// The cursor of the `Link: rel="next"` header.
    pub before: Option<String>,
    /// The search language: words, and `field:value` terms.
    pub q: Option<String>,
    pub key: Option<String>,
    pub cwd: Option<String>,
    pub state: Option<RunState>,
    pub exit: Option<i32>,
    pub tag: Option<String>,
    /// `human`, `ci`, `agent:NAME`, or `agent` for any.
    pub actor: Option<String>,
    #[cfg_attr(test, ts(optional, type = "string"))]
    pub since: Option<UnixMillis>,
    #[cfg_attr(test, ts(optional, type = "string"))]
    pub until: Option<UnixMillis>,
    /// The zone of the times in `q`, as in the variable `TZ`: `Europe/Istanbul`. bpd's own if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    pub lang: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(optional_fields = nullable))]
#[serde(default, deny_unknown_fields)]
pub struct SamplesQuery {
    /// `true`: samples 0, `step`, 2 · `step` … of the full curve, unchanged.
    pub downsample: Option<bool>,
    /// 5 if left out; 0 is refused.
    pub step: Option<u32>,
    /// At most so many points; peaks are kept.
    pub max_points: Option<u32>,
    /// Unix seconds, inclusive.
    pub from: Option<f64>,
    /// Unix seconds, inclusive.
    pub to: Option<f64>,
    /// Of the sentences of a refusal: `tr`, `en`, or as `Accept-Language` has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lang: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(optional_fields = nullable))]
#[serde(default, deny_unknown_fields)]
pub struct CompareQuery {
    pub current: String,
    /// `latest-success` if left out.
    pub baseline: Option<String>,
    pub align: Option<Align>,
    pub lang: Option<String>,
}

/// `GET /alerts` and `bpctl alerts`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(optional_fields = nullable))]
#[serde(default, deny_unknown_fields)]
pub struct AlertsQuery {
    /// 1 … 500; 50 if left out.
    pub limit: Option<u32>,
    /// Whose runs they are about: `human`, `ci`, `agent:NAME`, or `agent` for any.
    pub actor: Option<String>,
    pub lang: Option<String>,
}

/// The common axis of two curves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Align {
    /// Seconds since the start.
    #[default]
    Time,
    /// 0 … 100 of the run's duration.
    Percent,
    /// Cumulative CPU seconds.
    Work,
}

/// A change to a recorded run; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(optional_fields = nullable))]
#[serde(default, deny_unknown_fields)]
pub struct Edit {
    pub tags: Option<Vec<String>>,
    /// An empty note removes it.
    pub note: Option<String>,
}

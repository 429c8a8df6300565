//! What the page and bpd say to each other beside the documents of the API: how a browser's session is opened, and
//! the events of `GET /events`. The protocol is told at the top of `bpd/src/http/session.rs`.

use serde::{Deserialize, Serialize};

use crate::report::Paused;
use crate::sample::Point;
use crate::time::UnixMillis;

/// The header in which a page that lives by the session cookie carries its nonce.
pub const NONCE_HEADER: &str = "x-bp-nonce";

/// Body of `POST /session`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct OpenSession {
    /// As minted for `bpctl open`; blanks around it are ignored, so it may be typed.
    pub code: String,
}

/// Answer of `POST /session`; the cookie travels beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SessionOpened {
    /// To be sent in the header `X-Bp-Nonce` of every data request.
    pub nonce: String,
    #[cfg_attr(test, ts(type = "string"))]
    pub expires_at: UnixMillis,
}

/// Answer of `POST /session/ticket`: admits one `GET /events?ticket=…` within 30 s.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Ticket {
    pub ticket: String,
}

/// `data` of the SSE events `started`, `finished`, `edited` and `deleted`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RunChanged {
    #[cfg_attr(test, ts(type = "number"))]
    pub run: u64,
}

/// `data` of the SSE event `paused`: somebody paused or resumed. As in [`crate::Status`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PausesChanged {
    pub paused: Vec<Paused>,
}

/// `data` of the SSE event `sampled`: what a run's curve grew by since the event before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct CurveGrew {
    #[cfg_attr(test, ts(type = "number"))]
    pub run: u64,
    /// Oldest first. Empty = points were posted or there were too many: ask `GET /runs/{id}/samples`.
    pub points: Vec<Point>,
    /// CPU seconds of the run so far; `None` for posted points.
    pub cpu_seconds: Option<f64>,
}

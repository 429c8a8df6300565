//! A browser's session: how a page gets in without ever seeing the token.
//!
//! ```text
//! bpctl open ──OpenCode (peer-checked socket)──► bpd        → {"code": C, "origin": "http://127.0.0.1:PORT"}
//! bpctl      writes a 0600 random-named HTML file that navigates to ORIGIN/#code=C          (code in no argv)
//!            …to a view:                                          ORIGIN/#code=C&to=%2Fruns%2F12
//! page       GET  /                       static, public, any Sec-Fetch-Site
//! page       POST /session                {"code": C}           → 201 {"nonce": N, "expires_at": "…Z"}
//!                                          Set-Cookie: bp_session_PORT=S; HttpOnly; SameSite=Strict; Path=/
//!            keeps N in sessionStorage, puts `#` + `to` (or `#/`) in place of the fragment by history.replaceState
//! page       GET  /runs …                 X-Bp-Nonce: N         (the cookie goes along by itself)
//! page       PATCH /runs/12 …             X-Bp-Nonce: N, Content-Type: application/json   (on every write, DELETE
//!                                          and bodyless ones too; Origin and Sec-Fetch-Site are the browser's)
//! page       POST /session/ticket  {}     X-Bp-Nonce: N         → 201 {"ticket": T}        (30 s, one use)
//! page       GET  /events?ticket=T        EventSource; no header needed
//!            GET  /events?ticket=T2&last_event_id=ID            to go on after a break: a ticket is used up by one
//!                                          connection, so on `error` close the EventSource, get a new ticket, and
//!                                          pass the last id that was seen. (fetch with X-Bp-Nonce and
//!                                          Last-Event-ID reads the same stream without a ticket.)
//! page       DELETE /session              X-Bp-Nonce: N         → 204, cookie cleared
//! ```
//!
//! - **Code**: 12 letters and digits in three groups (`K7QM-2XRD-9FHT`), 60 s, one use; case, blanks and dashes do not
//!   matter, so it may be typed. Wrong, used or expired: 401 `code_wrong`; above 20 wrong ones a minute: 429.
//! - **Cookie**: 30 days. Its name has the port in it, since cookies do not tell ports apart.
//! - **Nonce**: cookies are sent to every port of the host, so whoever else listens on 127.0.0.1 sees ours; what
//!   belongs to the origin alone is sessionStorage. A cookie without its nonce is nobody: 401 `nonce_missing`.
//! - On disk (`DATA/sessions`, 0600) there are only SHA-256 hashes; sessions live through bpd's restart.
//! - 401 answers have one of the codes `credentials_missing` (no header, no cookie), `credentials_wrong`,
//!   `session_unknown` (expired or ended), `nonce_missing`, `nonce_wrong`, `ticket_wrong`, `code_wrong`. On any of
//!   them the page says "`bpctl open`" and shows the field for a code.
//!
//! The events of `GET /events`, at most four batches a second; ids are opaque:
//!
//! | `event` | `data` |
//! |---|---|
//! | `started` `finished` `edited` `deleted` | [`bp_proto::live::RunChanged`] `{"run": 12}` |
//! | `sampled` | [`bp_proto::live::CurveGrew`] `{"run": 12, "points": [Point…], "cpu_seconds": 1.5}` |
//! | `alert` | the [`bp_proto::AlertReport`]; the same `uid` replaces |
//! | `reset` | `{}`: the id that was asked for is gone, or bpd was restarted: load everything anew |
//!
//! A fresh stream (no last id) begins with `hello`, data `{}`: its id is where the stream begins, so that a page which
//! loads its lists after `hello` misses nothing.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use bp_proto::live::{OpenSession, SessionOpened, Ticket};

use super::auth::{self, Caller, No};
use super::failure::Refused;
use super::guard::LocalPort;
use super::{Api, body};

/// `POST /session`: a code for a cookie and a nonce. Public, since this is how one gets in.
pub(super) async fn open(
    State(api): State<Arc<Api>>,
    Extension(port): Extension<LocalPort>,
    request: Request,
) -> Result<Response, Refused> {
    let headers = request.headers();
    // Programs send neither header. What a browser sends must be our own page's.
    let foreign = auth::is_own_origin(headers) == Some(false)
        || headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin");
    if foreign {
        return Err(auth::cross_site());
    }
    let OpenSession { code } = body::json(request, body::SMALL, api.limits.body).await?;
    // A code is short enough to be typed, so guessing it must end: here even a right one is not looked at any more.
    if api.patience.is_over(Instant::now()) {
        return Err(auth::too_many());
    }
    let opened = api.access.open_session(&code);
    let Some(opened) = opened else {
        let no = No::wrong("code_wrong", "the code is wrong, used up or older than a minute");
        return Err(auth::charge(&api, no).await);
    };
    let cookie = cookie_line(port, &opened.cookie, opened.life.as_secs());
    let answer = SessionOpened { nonce: opened.nonce, expires_at: opened.expires_at };
    Ok((StatusCode::CREATED, [(header::SET_COOKIE, cookie)], Json(answer)).into_response())
}

/// The file of sessions could not be written.
fn not_kept(error: &io::Error) -> Refused {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            let message = "the disk is full; the session is over, but would live again after a restart";
            Refused::new(StatusCode::INSUFFICIENT_STORAGE, "disk_full", message)
        }
        _ => Refused::internal(error),
    }
}

/// `DELETE /session`.
pub(super) async fn close(
    State(api): State<Arc<Api>>,
    Extension(port): Extension<LocalPort>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Refused> {
    if let Caller::Session(id) = caller {
        api.access.end_session(id).map_err(|error| not_kept(&error))?;
    }
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie_line(port, "", 0))]).into_response())
}

/// `POST /session/ticket`: for the one event stream that an `EventSource` is about to open.
pub(super) async fn ticket(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Refused> {
    let Caller::Session(id) = caller else {
        let message = "tickets are for browser sessions; with the token, GET /events needs none";
        return Err(Refused::new(StatusCode::FORBIDDEN, "no_session", message));
    };
    Ok((StatusCode::CREATED, Json(Ticket { ticket: api.access.mint_ticket(id) })).into_response())
}

fn cookie_line(port: LocalPort, value: &str, seconds: u64) -> String {
    let name = auth::cookie_name(port);
    format!("{name}={value}; HttpOnly; SameSite=Strict; Path=/; Max-Age={seconds}")
}

//! Who may: sits on the matched route, so that no spelling of a path leads round it. Routes that need nobody's leave
//! are in [`super::routes`]'s explicit list of public ones.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use bp_proto::live::NONCE_HEADER;

use super::Api;
use super::failure::Refused;
use super::guard::LocalPort;
use crate::access::SessionId;

/// Who asks; in the request's extensions once admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    /// Has the user's token: a program.
    Token,
    /// Has a session's cookie and its nonce (or a ticket): the page.
    Session(SessionId),
}

pub(super) async fn admit(
    State(api): State<Arc<Api>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Refused> {
    let caller = match identify(&api, &request) {
        Ok(caller) => caller,
        Err(no) => return Err(charge(&api, no).await),
    };
    if let Caller::Session(_) = caller
        && !matches!(*request.method(), Method::GET | Method::HEAD)
    {
        check_own_write(request.headers())?;
    }
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

/// A refusal, and whether it was a guess that costs patience.
pub(super) struct No {
    code: &'static str,
    message: &'static str,
    guess: bool,
}

impl No {
    const fn nothing_given(code: &'static str, message: &'static str) -> Self {
        Self { code, message, guess: false }
    }

    pub(super) const fn wrong(code: &'static str, message: &'static str) -> Self {
        Self { code, message, guess: true }
    }
}

fn identify(api: &Api, request: &Request) -> Result<Caller, No> {
    let headers = request.headers();
    // An Authorization header decides alone: whoever sends one does not live by the cookie.
    if let Some(credentials) = headers.get(header::AUTHORIZATION) {
        let token = token_of(credentials.as_bytes());
        return match token.filter(|token| api.access.is_token(token)) {
            Some(_) => Ok(Caller::Token),
            None => Err(No::wrong("credentials_wrong", "the Authorization header does not hold bpd's token")),
        };
    }
    let port = request.extensions().get::<LocalPort>().copied();
    let Some(cookie) = port.and_then(|port| cookie(headers, port)) else {
        return Err(No::nothing_given("credentials_missing", "this needs bpd's token or a browser session"));
    };
    let Some(session) = api.access.session(&cookie) else {
        return Err(No::wrong("session_unknown", "this browser session has ended or never was"));
    };
    if let Some(nonce) = headers.get(NONCE_HEADER) {
        if api.access.is_nonce(session, nonce.as_bytes()) {
            return Ok(Caller::Session(session));
        }
        return Err(No::wrong("nonce_wrong", "the X-Bp-Nonce header is not this session's"));
    }
    // EventSource cannot send headers: the event stream, and it alone, takes a ticket.
    match ticket(request) {
        Some(ticket) if api.access.take_ticket(session, ticket) => Ok(Caller::Session(session)),
        Some(_) => Err(No::wrong("ticket_wrong", "the ticket is used up, too old or not this session's")),
        None => Err(No::nothing_given("nonce_missing", "a session's requests carry its nonce in X-Bp-Nonce")),
    }
}

/// Makes a wrong guess wait, and the twenty-first in a minute wait longer.
pub(super) async fn charge(api: &Api, no: No) -> Refused {
    let hint =
        "run `bpctl open`, or send the token as Bearer or as Basic password; `bpctl status` shows its file";
    let refused = Refused::new(StatusCode::UNAUTHORIZED, no.code, no.message).hint(hint);
    if !no.guess {
        return refused;
    }
    let toll = api.patience.wrong(Instant::now());
    if let Some(attempts) = toll.log {
        tracing::warn!(target: "bpd::security", attempts, "refused: {}", no.code);
    }
    tokio::time::sleep(api.limits.wrong_delay).await;
    if toll.too_many { too_many() } else { refused }
}

pub(super) fn too_many() -> Refused {
    Refused::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", "too many wrong credentials")
        .hint("wait a minute")
}

/// Bearer's token, or Basic's password whatever the user's name.
fn token_of(credentials: &[u8]) -> Option<Vec<u8>> {
    let space = credentials.iter().position(|byte| *byte == b' ')?;
    let (scheme, rest) = (&credentials[..space], credentials[space..].trim_ascii());
    if scheme.eq_ignore_ascii_case(b"bearer") {
        return Some(rest.to_vec());
    }
    let pair = scheme.eq_ignore_ascii_case(b"basic").then(|| from_base64(rest)).flatten()?;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    Some(pair[colon + 1..].to_vec())
}

/// Cookies do not tell ports apart, so the name does.
pub(super) fn cookie_name(port: LocalPort) -> String {
    format!("bp_session_{}", port.0)
}

fn cookie(headers: &HeaderMap, port: LocalPort) -> Option<String> {
    let name = cookie_name(port);
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
}

fn ticket(request: &Request) -> Option<&str> {
    let is_stream = request.uri().path() == super::live::PATH && request.method() == Method::GET;
    let query = request.uri().query().filter(|_| is_stream)?;
    query.split('&').find_map(|pair| pair.strip_prefix("ticket="))
}

/// A write that lives by the cookie must come from our own page: JSON cannot be sent by a form, and a browser says
/// where a request comes from.
pub(super) fn check_own_write(headers: &HeaderMap) -> Result<(), Refused> {
    let own = is_own_origin(headers).unwrap_or(false)
        && headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin");
    if !own {
        return Err(cross_site());
    }
    super::body::check_json(headers)
}

/// Whether `Origin` is the very host that was asked; `None` = there is no such header.
pub(super) fn is_own_origin(headers: &HeaderMap) -> Option<bool> {
    let origin = headers.get(header::ORIGIN)?;
    // The host has been checked to be one of ours.
    let host = headers.get(header::HOST)?;
    Some(origin.as_bytes().strip_prefix(b"http://") == Some(host.as_bytes()))
}

pub(super) fn cross_site() -> Refused {
    tracing::debug!(target: "bpd::security", "refused: cross-site write");
    Refused::new(StatusCode::FORBIDDEN, "cross_site", "writes by cookie are taken from bpd's own page alone")
        .hint("programs send the token in an Authorization header")
}

/// RFC 4648, padding optional; `None` for anything else.
fn from_base64(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.strip_suffix(b"=").map_or(text, |text| text.strip_suffix(b"=").unwrap_or(text));
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut held, mut bits) = (0_u32, 0);
    for letter in text {
        let six = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        held = (held << 6 | u32::from(six)) & 0xffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn credentials() {
        for (given, token) in [
            ("Bearer abc", Some("abc")),
            ("bearer  abc ", Some("abc")),
            ("Basic YnA6YWJj", Some("abc")),
            ("Basic OmE6Yg==", Some("a:b")),
            ("Basic OmE6Yg", Some("a:b")),
            ("Basic YWJj", None),
            ("Basic !!!", None),
            ("Basic", None),
            ("Digest abc", None),
            ("abc", None),
        ] {
            let found = token_of(given.as_bytes());
            assert_eq!(found.as_deref(), token.map(str::as_bytes), "{given}");
        }
    }

    #[test]
    fn the_cookie_is_found_by_its_ports_name_among_others() {
        let mut headers = HeaderMap::new();
        let line = "a=b; bp_session_77=other; bp_session_7717=mine; x_bp_session_7717=no";
        headers.insert(header::COOKIE, HeaderValue::from_static(line));
        assert_eq!(cookie(&headers, LocalPort(7717)).as_deref(), Some("mine"));
        assert_eq!(cookie(&headers, LocalPort(7)), None);
    }

    #[test]
    fn an_origin_is_ours_only_as_the_very_host_that_was_asked() {
        for (origin, own) in [
            (None, None),
            (Some("http://127.0.0.1:7717"), Some(true)),
            (Some("http://localhost:7717"), Some(false)),
            (Some("https://127.0.0.1:7717"), Some(false)),
            (Some("http://127.0.0.1:77"), Some(false)),
            (Some("null"), Some(false)),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static("127.0.0.1:7717"));
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            }
            assert_eq!(is_own_origin(&headers), own, "{origin:?}");
        }
    }
}

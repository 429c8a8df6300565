//! What every request must pass before it is routed: its host is this machine's own name for us, its target and its
//! method are such that a browser of someone else's page could not profit from them.

use axum::http::uri::Authority;
use axum::http::{Method, Request, StatusCode, header};

use super::failure::Refused;

/// The port that the connection came in by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LocalPort(pub(super) u16);

pub(super) const MAX_HEAD_BYTES: usize = 64 * 1024;

/// DNS rebinding ends here: whatever name an attacker points at 127.0.0.1, the browser sends that name.
pub(super) fn check<B>(request: &Request<B>, port: LocalPort) -> Result<(), Refused> {
    // hyper counts what it must wait for; a head that arrives in one piece may be twice as long.
    let bytes: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if bytes > MAX_HEAD_BYTES {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return Err(Refused::new(status, "headers_too_large", "more than 64 KiB of headers"));
    }
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok());
    let of_target = request.uri().authority().map(Authority::as_str);
    let known = host.is_some_and(|host| is_own(host, port))
        && hosts.next().is_none()
        && of_target.is_none_or(|authority| Some(authority) == host);
    if !known {
        return Err(Refused::new(
            StatusCode::MISDIRECTED_REQUEST,
            "wrong_host",
            format!("this address answers to 127.0.0.1:{0}, localhost:{0} and [::1]:{0} alone", port.0),
        ));
    }
    if matches!(*request.method(), Method::OPTIONS | Method::TRACE | Method::CONNECT) {
        return Err(Refused::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            format!("{} is not served; there is no cross-origin access", request.method()),
        ));
    }
    Ok(())
}

fn is_own(host: &str, port: LocalPort) -> bool {
    let Some((name, digits)) = host.rsplit_once(':') else { return false };
    matches!(name, "127.0.0.1" | "localhost" | "[::1]") && digits == port.0.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for (host, own) in [
            ("127.0.0.1:7717", true),
            ("localhost:7717", true),
            ("[::1]:7717", true),
            ("127.0.0.1", false),
            ("127.0.0.1:7718", false),
            ("127.0.0.1:07717", false),
            ("127.0.0.1:+7717", false),
            ("127.0.0.2:7717", false),
            ("::1:7717", false),
            ("LOCALHOST:7717", false),
            ("localhost.:7717", false),
            ("evil.example:7717", false),
            ("evil.example", false),
            ("127.0.0.1:7717.evil.example", false),
            ("u@127.0.0.1:7717", false),
            ("", false),
            (":7717", false),
        ] {
            assert_eq!(is_own(host, LocalPort(7717)), own, "{host}");
        }
    }
}

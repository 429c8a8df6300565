//! What every answer wears, good or bad: the security headers, a request id, and how long it took.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use ulid::Ulid;

const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                   base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

pub(super) const SECURITY: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, CSP),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
pub(super) const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// Longer ids are nobody's: ULIDs, UUIDs and trace ids all fit.
const MAX_REQUEST_ID_BYTES: usize = 64;

/// The caller's own id when it is one plain word, else a new one.
pub(super) fn request_id(headers: &HeaderMap) -> HeaderValue {
    if let Some(given) = headers.get(REQUEST_ID).filter(|given| is_plain(given.as_bytes())) {
        return given.clone();
    }
    // A ULID is letters and digits, which is always a header value.
    HeaderValue::from_str(&Ulid::generate().to_string()).unwrap_or_else(|_| HeaderValue::from_static("none"))
}

/// Puts on what is common to all answers. An answer that set a cache rule of its own keeps it.
pub(super) fn dress(headers: &mut HeaderMap, id: HeaderValue, took: Duration) {
    for (name, value) in SECURITY {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(REQUEST_ID, id);
    if let Ok(timing) = HeaderValue::from_str(&timing(took)) {
        headers.insert(SERVER_TIMING, timing);
    }
    // What people type is nobody's cache's business.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// Milliseconds, as `Server-Timing` counts.
pub(super) fn timing(took: Duration) -> String {
    format!("total;dur={:.3}", took.as_secs_f64() * 1000.0)
}

fn is_plain(id: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
    !id.is_empty() && id.len() <= MAX_REQUEST_ID_BYTES && id.iter().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sane_request_id_is_kept_and_any_other_is_replaced() {
        for (given, kept) in [
            ("7f3a-1.b_c:9", true),
            ("01JD0000000000000000000000", true),
            ("", false),
            ("a b", false),
            ("a;b", false),
            ("<script>", false),
            (&*"x".repeat(65), false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_str(given).unwrap());
            assert_eq!(request_id(&headers).as_bytes() == given.as_bytes(), kept, "{given:?}");
        }
        assert_eq!(request_id(&HeaderMap::new()).len(), 26);
    }
}

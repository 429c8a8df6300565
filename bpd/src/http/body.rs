//! Bodies: their size, their time, their type, and JSON that says what is wrong with it.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use serde::de::DeserializeOwned;
use std::time::Duration;

use super::failure::Refused;

/// `POST /runs` and samples.
pub(super) const LARGE: usize = 1 << 20;
/// Every other body.
pub(super) const SMALL: usize = 64 * 1024;

/// Reads a JSON body.
///
/// # Errors
/// 415 unless it says that it is JSON, 413 above `limit` bytes, 408 after `patience`, 400 what is not JSON, 422 JSON
/// of another shape.
pub(super) async fn json<T: DeserializeOwned>(
    request: Request,
    limit: usize,
    patience: Duration,
) -> Result<T, Refused> {
    check_json(request.headers())?;
    let bytes = read(request.into_body(), limit, patience).await?;
    serde_json::from_slice(&bytes).map_err(|error| not_read(&error))
}

pub(super) async fn read(body: Body, limit: usize, patience: Duration) -> Result<Bytes, Refused> {
    let whole = tokio::time::timeout(patience, Limited::new(body, limit).collect());
    match whole.await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            let message = format!("the body is larger than {limit} bytes");
            Err(Refused::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message))
        }
        // The peer went away or broke its own framing.
        Ok(Err(_)) => Err(Refused::new(StatusCode::BAD_REQUEST, "malformed_body", "the body broke off")),
        Err(_) => {
            let message = "the request's body did not arrive in time";
            Err(Refused::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", message))
        }
    }
}

pub(super) fn check_json(headers: &HeaderMap) -> Result<(), Refused> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|given| given.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") && headers.get(header::CONTENT_ENCODING).is_none() {
        return Ok(());
    }
    let message = "the body must be plain JSON, with Content-Type: application/json";
    Err(Refused::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", message))
}

fn not_read(error: &serde_json::Error) -> Refused {
    use serde_json::error::Category;
    // serde_json counts a number that no f64 holds among the syntax errors; it is well-formed all the same.
    let well_formed =
        error.classify() == Category::Data || error.to_string().starts_with("number out of range");
    if well_formed {
        Refused::invalid("invalid_body", error.to_string())
    } else {
        Refused::new(StatusCode::BAD_REQUEST, "malformed_json", error.to_string())
    }
}

//! How the HTTP door says no: a status and the error object. The caller learns what to mend, the log learns why.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bp_proto::Failure;

use crate::event::Refusal;
use crate::queries::NoAnswer;

/// Boxed: answers are far more often good than bad, and `Result`s carry the larger of both.
#[derive(Clone, Debug)]
pub(super) struct Refused(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    status: StatusCode,
    failure: Failure,
}

impl Refused {
    pub(super) fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { status, failure: Failure::new(code, message) }))
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.failure = self.0.failure.with_hint(hint);
        self
    }

    /// Well-formed but not acceptable.
    pub(super) fn invalid(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, message)
    }

    /// `cause` goes to the log alone.
    pub(super) fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!("request failed: {cause:#}");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "internal error")
            .hint("the reason is in the bpd log: `bpctl daemon logs`")
    }

    pub(super) fn stopping() -> Self {
        Refusal::Stopping.into()
    }

    pub(super) fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The error object.
    pub(super) fn json(&self) -> String {
        // Three strings have no way to fail.
        serde_json::to_string(&self.0.failure).unwrap_or_default()
    }
}

impl From<NoAnswer> for Refused {
    fn from(none: NoAnswer) -> Self {
        let status = StatusCode::from_u16(none.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if status.is_server_error() {
            tracing::error!("request failed: {}", none.failure.error.message);
        }
        Self(Box::new(Inner { status, failure: none.failure }))
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let status = match &refusal {
            Refusal::NoSuchRun(_) => StatusCode::NOT_FOUND,
            Refusal::AlreadyFinished { .. } => StatusCode::CONFLICT,
            Refusal::Invalid(_) | Refusal::Label(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Refusal::DiskFull => StatusCode::INSUFFICIENT_STORAGE,
            Refusal::Store(cause) => return Self::internal(cause),
            Refusal::Unwritable(_) | Refusal::Stopping => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self(Box::new(Inner { status, failure: refusal.failure() }))
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let json = HeaderValue::from_static("application/json");
        (self.0.status, [(header::CONTENT_TYPE, json)], self.json()).into_response()
    }
}

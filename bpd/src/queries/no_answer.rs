//! Why a question has no answer, as both doors say it.

use bp_proto::Failure;

use crate::store::StoreError;

/// `status` is the HTTP status; ipc gives the failure alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoAnswer {
    pub status: u16,
    pub failure: Failure,
}

impl NoAnswer {
    pub(super) fn not_found(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { status: 404, failure: Failure::new("run_not_found", message).with_hint(hint) }
    }

    pub(super) fn ambiguous(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { status: 409, failure: Failure::new("ambiguous_run", message).with_hint(hint) }
    }

    pub(super) fn invalid(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { status: 422, failure: Failure::new("invalid_query", message).with_hint(hint) }
    }
}

impl From<StoreError> for NoAnswer {
    /// The caller learns that it is not his fault, the log learns why.
    fn from(error: StoreError) -> Self {
        tracing::error!(error = &error as &dyn std::error::Error, "a question failed");
        let failure = Failure::new("store_failed", "the store failed").with_hint("the bpd log says why");
        Self { status: 500, failure }
    }
}

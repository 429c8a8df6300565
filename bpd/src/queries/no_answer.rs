//! Why a question has no answer, as both doors say it.

use bp_proto::Failure;
use serde_json::{Map, Value};

use crate::store::StoreError;
use crate::words::{self, Lang};

/// `status` is the HTTP status; ipc gives the failure alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoAnswer {
    pub status: u16,
    /// In English, until it is [told](NoAnswer::told) in another language.
    pub failure: Failure,
    /// Message and hint. Boxed: answers are far more often good than bad, and `Result`s carry the larger of both.
    said: Box<[Sentence; 2]>,
}

/// A sentence in no language yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sentence {
    id: &'static str,
    params: Map<String, Value>,
}

impl Sentence {
    /// As in `en.ftl`, without its `refused-` or `hint-`.
    pub(super) fn new<const N: usize>(id: &'static str, params: [(&str, &str); N]) -> Self {
        Self { id, params: params.map(|(name, value)| (name.to_owned(), value.into())).into_iter().collect() }
    }

    pub(super) fn plain(id: &'static str) -> Self {
        Self::new(id, [])
    }
}

impl NoAnswer {
    fn new(status: u16, code: &str, message: Sentence, hint: Sentence) -> Self {
        let said = Box::new([message, hint]);
        Self { status, failure: failure(Lang::En, code, &said), said }
    }

    pub(super) fn not_found(message: Sentence, hint: Sentence) -> Self {
        Self::new(404, "run_not_found", message, hint)
    }

    pub(super) fn ambiguous(message: Sentence, hint: Sentence) -> Self {
        Self::new(409, "ambiguous_run", message, hint)
    }

    pub(super) fn invalid(message: Sentence, hint: Sentence) -> Self {
        Self::new(422, "invalid_query", message, hint)
    }

    /// The client has gone away, so the answer is only seen in logs.
    pub(super) fn abandoned() -> Self {
        Self::new(503, "abandoned", Sentence::plain("abandoned"), Sentence::plain("abandoned"))
    }

    pub(super) fn told(self, lang: Lang) -> Self {
        Self { failure: failure(lang, &self.failure.error.code, &self.said), ..self }
    }
}

fn failure(lang: Lang, code: &str, [message, hint]: &[Sentence; 2]) -> Failure {
    Failure::new(code, words::refused(lang, message.id, &message.params)).with_hint(words::hint(
        lang,
        hint.id,
        &hint.params,
    ))
}

impl From<StoreError> for NoAnswer {
    /// The caller learns that it is not his fault, the log learns why.
    fn from(error: StoreError) -> Self {
        tracing::error!(error = &error as &dyn std::error::Error, "a question failed");
        Self::new(500, "store_failed", Sentence::plain("store-failed"), Sentence::plain("log"))
    }
}

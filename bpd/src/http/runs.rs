//! Runs: the list, one of them, their end, their tags and note, and their removal.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, Path, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use bp_proto::request::{Edit, ListQuery};
use bp_proto::{Ending, Finish, Run, Ulid, UnixMillis};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::failure::Refused;
use super::{Api, body, stopwatch};
use crate::event::{Body, Refusal};

/// No selector that a person writes comes near this.
const MAX_SELECTOR_BYTES: usize = 1024;

/// `GET /runs`.
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let mut query: ListQuery = query(&uri)?;
    query.lang = lang(query.lang, &headers);
    let page = api.ask(move |queries| queries.list(&query, UnixMillis::now())).await?;
    let mut response = Json(page.runs).into_response();
    if let Some(next) = page.next
        && let Ok(link) = HeaderValue::from_str(&next_link(uri.query().unwrap_or_default(), &next))
    {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

/// `GET /runs/{run}`.
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    Selector(run): Selector,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Run>, Refused> {
    let asked: LangQuery = query(&uri)?;
    let lang = lang(asked.lang, &headers);
    Ok(Json(api.ask(move |queries| queries.show(&run, lang.as_deref(), UnixMillis::now())).await?))
}

#[derive(Debug, Deserialize)]
struct Ended {
    exit_code: i32,
}

/// `PATCH /runs/{run}/finish`.
pub(super) async fn finish(
    State(api): State<Arc<Api>>,
    Selector(run): Selector,
    request: Request,
) -> Result<Json<Run>, Refused> {
    let lang = lang(None, request.headers());
    let Ended { exit_code } = body::json(request, body::SMALL, api.limits.body).await?;
    let (id, uid) = api.named(run, lang.clone()).await?;
    let finish = Finish {
        uid,
        finished_at: UnixMillis::now(),
        took: api.stopwatch.took(uid, stopwatch::now()),
        ending: Ending::Exited { exit_code: Some(exit_code), signal: None },
        totals: None,
        children: Vec::new(),
        rest: None,
        waited: None,
        background: false,
    };
    api.change(Body::Finish(Box::new(finish))).await?;
    api.stopwatch.forget(uid);
    api.shown(id, lang).await
}

/// `PATCH /runs/{run}`.
pub(super) async fn edit(
    State(api): State<Arc<Api>>,
    Selector(run): Selector,
    request: Request,
) -> Result<Json<Run>, Refused> {
    let lang = lang(None, request.headers());
    let edit: Edit = body::json(request, body::SMALL, api.limits.body).await?;
    edit.check_labels().map_err(Refusal::from)?;
    let (id, run) = api.named(run, lang.clone()).await?;
    api.change(Body::Edit { run, edit }).await?;
    api.shown(id, lang).await
}

/// `DELETE /runs/{run}`.
pub(super) async fn delete(
    State(api): State<Arc<Api>>,
    Selector(run): Selector,
    headers: HeaderMap,
) -> Result<StatusCode, Refused> {
    let (id, run) = api.named(run, lang(None, &headers)).await?;
    api.change(Body::Delete { run }).await?;
    api.stopwatch.forget(run);
    tracing::info!(target: "bpd::security", run = id, "deleted over HTTP");
    Ok(StatusCode::NO_CONTENT)
}

impl Api {
    /// The run that a selector names.
    pub(super) async fn named(&self, selector: String, lang: Option<String>) -> Result<(u64, Ulid), Refused> {
        let found = self.ask(move |queries| {
            // An id needs no more than a look; whatever else, and every refusal, is `queries`' to say.
            let by_id = selector.parse().ok().and_then(|id| queries.reader().get(id).ok().flatten());
            match by_id {
                Some(run) => Ok((run.id, run.uid)),
                None => {
                    queries.show(&selector, lang.as_deref(), UnixMillis::now()).map(|run| (run.id, run.uid))
                }
            }
        });
        found.await
    }

    async fn shown(&self, id: u64, lang: Option<String>) -> Result<Json<Run>, Refused> {
        let shown =
            self.ask(move |queries| queries.show(&id.to_string(), lang.as_deref(), UnixMillis::now()));
        Ok(Json(shown.await?))
    }
}

/// The run that a path names, decoded.
pub(super) struct Selector(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Selector {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let malformed = |_| Refused::new(StatusCode::BAD_REQUEST, "malformed_path", "the path is not UTF-8");
        let Path(selector) = Path::<String>::from_request_parts(parts, state).await.map_err(malformed)?;
        if selector.len() > MAX_SELECTOR_BYTES {
            let message = format!("a run is named in at most {MAX_SELECTOR_BYTES} bytes");
            return Err(Refused::invalid("invalid_selector", message));
        }
        Ok(Self(selector))
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LangQuery {
    lang: Option<String>,
}

pub(super) fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T, Refused> {
    match Query::try_from_uri(uri) {
        Ok(Query(query)) => Ok(query),
        Err(rejected) => {
            let text = rejected.body_text();
            let message = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
            let hint = if ["since:", "until:"].iter().any(|field| message.starts_with(field)) {
                "a time is written as 2026-05-06T07:20:00Z; the search takes others, as in q=since:yesterday"
            } else {
                "docs/API.md lists the parameters of each route"
            };
            Err(Refused::invalid("invalid_query", message).hint(hint))
        }
    }
}

/// What was asked for by name, else what the browser prefers.
pub(super) fn lang(asked: Option<String>, headers: &HeaderMap) -> Option<String> {
    asked.or_else(|| headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok().map(str::to_owned))
}

/// The same question with another cursor.
fn next_link(query: &str, cursor: &str) -> String {
    let kept = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("before="));
    let mut pairs: Vec<String> = kept.map(str::to_owned).collect();
    pairs.push(format!("before={}", percent_encoded(cursor)));
    format!("</runs?{}>; rel=\"next\"", pairs.join("&"))
}

fn percent_encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_asks_the_same_with_another_cursor() {
        for (query, link) in [
            ("", "</runs?before=12.7>; rel=\"next\""),
            ("limit=5&before=99.1&q=a%20b", "</runs?limit=5&q=a%20b&before=12.7>; rel=\"next\""),
        ] {
            assert_eq!(next_link(query, "12.7"), link);
        }
        assert!(next_link("", "a>b&c").contains("before=a%3Eb%26c"));
    }
}

//! `GET /compare` and `GET /alerts`: what `queries` makes of what is kept.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use bp_proto::request::CompareQuery;
use bp_proto::{AlertReport, Comparison, UnixMillis};
use serde::Deserialize;

use super::Api;
use super::failure::Refused;
use super::runs::{lang, query};

const ALERTS: usize = 50;
const MAX_ALERTS: usize = 500;

pub(super) async fn compare(
    State(api): State<Arc<Api>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Comparison>, Refused> {
    let mut query: CompareQuery = query(&uri)?;
    if query.current.is_empty() {
        return Err(Refused::invalid("invalid_query", "`current` must name a run"));
    }
    query.lang = lang(query.lang, &headers);
    Ok(Json(api.ask(move |queries| queries.compare(&query, UnixMillis::now())).await?))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AlertsQuery {
    limit: Option<usize>,
    lang: Option<String>,
}

pub(super) async fn alerts(
    State(api): State<Arc<Api>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Vec<AlertReport>>, Refused> {
    let query: AlertsQuery = query(&uri)?;
    let limit = query.limit.unwrap_or(ALERTS);
    if !(1..=MAX_ALERTS).contains(&limit) {
        return Err(Refused::invalid("invalid_query", format!("limit is 1 … {MAX_ALERTS}")));
    }
    let lang = lang(query.lang, &headers);
    Ok(Json(api.ask(move |queries| queries.alerts(limit, lang.as_deref())).await?))
}

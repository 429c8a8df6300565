//! `GET /compare` and `GET /alerts`: what `queries` makes of what is kept.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use bp_proto::request::{AlertsQuery, CompareQuery};
use bp_proto::{AlertReport, Comparison, UnixMillis};

use super::Api;
use super::failure::Refused;
use super::runs::{lang, query};

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

pub(super) async fn alerts(
    State(api): State<Arc<Api>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Vec<AlertReport>>, Refused> {
    let mut query: AlertsQuery = query(&uri)?;
    query.lang = lang(query.lang, &headers);
    Ok(Json(api.ask(move |queries| queries.alerts(&query)).await?))
}

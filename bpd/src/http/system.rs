//! How bpd itself is: in one word for everyone, in full for its user.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use bp_proto::UnixMillis;
use bp_proto::report::{HostStats, Overhead, Performance, Status};
use serde::{Deserialize, Serialize};

use super::Api;
use super::failure::Refused;
use super::runs::query;
use crate::event::{Body, Watcher};
use crate::queries::Own;

/// Five minutes of readings.
const READINGS: usize = 60;
/// An hour of them: more are not kept.
const MAX_READINGS: usize = 720;
/// A little more than the sampler takes for its second reading.
const SECOND_READING: Duration = Duration::from_millis(350);

#[derive(Debug, Serialize)]
pub(super) struct Health {
    status: &'static str,
}

/// Public, so it says nothing else.
pub(super) async fn health(State(api): State<Arc<Api>>) -> Result<Json<Health>, Refused> {
    let status = api.ask(|queries| Ok(queries.status(UnixMillis::now()))).await?;
    Ok(Json(Health { status: if status.degraded.is_empty() { "ok" } else { "degraded" } }))
}

pub(super) async fn status(State(api): State<Arc<Api>>) -> Result<Json<Status>, Refused> {
    Ok(Json(api.ask(|queries| Ok(queries.status(UnixMillis::now()))).await?))
}

pub(super) async fn overhead(State(api): State<Arc<Api>>) -> Result<Json<Overhead>, Refused> {
    let began = api.began;
    Ok(Json(api.ask(move |queries| queries.overhead(Own::read(began), UnixMillis::now())).await?))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StatsQuery {
    limit: Option<usize>,
}

/// `GET /api/system/stats`. Whoever asks is taken for a watcher for a while: the machine is read for him.
pub(super) async fn stats(State(api): State<Arc<Api>>, uri: Uri) -> Result<Json<HostStats>, Refused> {
    let query: StatsQuery = query(&uri)?;
    let limit = query.limit.unwrap_or(READINGS);
    if limit > MAX_READINGS {
        return Err(Refused::invalid("invalid_query", format!("limit is 0 … {MAX_READINGS}")));
    }
    api.change(Body::Watch(Watcher::Asked)).await?;
    let mut stats = api.ask(move |queries| Ok(queries.host(limit))).await?;
    if stats.now.as_ref().is_some_and(|now| now.host_cpu_percent.is_none()) {
        // CPU use needs two readings; the second one is near.
        tokio::time::sleep(SECOND_READING).await;
        stats = api.ask(move |queries| Ok(queries.host(limit))).await?;
    }
    Ok(Json(stats))
}

pub(super) async fn performance(State(api): State<Arc<Api>>) -> Json<Performance> {
    Json(api.timings.report())
}

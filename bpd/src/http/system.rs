//! How bpd itself is: in one word for everyone, in full for its user.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use bp_proto::UnixMillis;
use bp_proto::report::{Overhead, Performance, Status};
use serde::Serialize;

use super::Api;
use super::failure::Refused;
use crate::queries::Own;

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

pub(super) async fn performance(State(api): State<Arc<Api>>) -> Json<Performance> {
    Json(api.timings.report())
}

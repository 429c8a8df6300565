//! A run's curve: read, and posted by clients that measure by themselves.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use bp_proto::request::SamplesQuery;
use bp_proto::{Point, UnixMillis};
use serde::Serialize;

use super::failure::Refused;
use super::runs::{Selector, lang, query};
use super::{Api, body};
use crate::event::{Body, Receipt};

/// Nearly three hours at one a second; clients send them in batches anyway.
const MAX_POINTS: usize = 10_000;
/// 100 = one core. No machine has a thousand times a hundred of them.
const MAX_CPU_PERCENT: f64 = 1e7;
/// MiB; a pebibyte.
const MAX_RSS_MB: f64 = 1_073_741_824.0;
/// Unix seconds; the year 5138. Small values are fine: some clients count from the run's start.
const MAX_TS: f64 = 1e11;

/// `GET /runs/{run}/samples`.
pub(super) async fn read(
    State(api): State<Arc<Api>>,
    Selector(run): Selector,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Json<Vec<Point>>, Refused> {
    let mut query: SamplesQuery = query(&uri)?;
    query.lang = lang(query.lang, &headers);
    if [query.from, query.to].into_iter().flatten().any(|bound| !bound.is_finite()) {
        return Err(Refused::invalid("invalid_query", "from and to are Unix seconds"));
    }
    Ok(Json(api.ask(move |queries| queries.samples(&run, &query, UnixMillis::now())).await?))
}

#[derive(Debug, Serialize)]
struct Accepted {
    accepted: usize,
}

/// `POST /runs/{run}/samples`.
pub(super) async fn post(
    State(api): State<Arc<Api>>,
    Selector(run): Selector,
    request: Request,
) -> Result<Response, Refused> {
    let lang = lang(None, request.headers());
    let mut points: Vec<Point> = body::json(request, body::LARGE, api.limits.body).await?;
    check(&points)?;
    for point in &mut points {
        // What the machine did, and peaks between samples, are bpd's to say.
        (point.host_cpu_percent, point.rss_max_mb) = (None, None);
    }
    let (_, run) = api.named(run, lang).await?;
    match api.change(Body::Points { run, points }).await? {
        Receipt::Accepted { points } => {
            Ok((StatusCode::CREATED, Json(Accepted { accepted: points })).into_response())
        }
        other => Err(Refused::internal(&format!("samples were answered by {other:?}"))),
    }
}

fn check(points: &[Point]) -> Result<(), Refused> {
    if points.len() > MAX_POINTS {
        let message = format!("{} samples in one request; at most {MAX_POINTS}", points.len());
        return Err(Refused::invalid("too_many_samples", message).hint("send them in several requests"));
    }
    for (nth, point) in points.iter().enumerate() {
        for (name, value, most) in [
            ("ts", point.ts, MAX_TS),
            ("cpu_percent", point.cpu_percent, MAX_CPU_PERCENT),
            ("rss_mb", point.rss_mb, MAX_RSS_MB),
        ] {
            // Written so that NaN falls through as well.
            if !(0.0..=most).contains(&value) {
                let message = format!("sample {nth}: {name} is {value}, not within 0 … {most}");
                return Err(Refused::invalid("invalid_sample", message));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absurd_samples() {
        let fine = Point { ts: 1_714_980_000.0, cpu_percent: 12.4, rss_mb: 230.5, ..Point::default() };
        assert!(check(&[]).is_ok());
        assert!(check(&[fine.clone(), Point { ts: 0.0, ..fine.clone() }]).is_ok());
        for absurd in [
            Point { ts: f64::NAN, ..fine.clone() },
            Point { ts: -1.0, ..fine.clone() },
            Point { ts: 1e12, ..fine.clone() },
            Point { cpu_percent: -0.1, ..fine.clone() },
            Point { cpu_percent: f64::INFINITY, ..fine.clone() },
            Point { rss_mb: 1e300, ..fine.clone() },
        ] {
            let refused = check(&[fine.clone(), absurd]).unwrap_err();
            assert!(refused.json().contains("sample 1: "), "{}", refused.json());
        }
        assert!(check(&vec![fine; MAX_POINTS + 1]).unwrap_err().json().contains("too_many_samples"));
    }
}

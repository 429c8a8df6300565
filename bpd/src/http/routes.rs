//! Every route, and which of them need nobody's leave.

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, patch, post};
use tower_http::catch_panic::CatchPanicLayer;

use super::failure::Refused;
use super::{Api, auth, compare, live, metrics, page, runs, samples, session, start, system};

pub(super) fn all(api: Arc<Api>) -> Router {
    let admit = middleware::from_fn_with_state(api.clone(), auth::admit);
    let close = delete(session::close).route_layer(admit.clone());
    // The explicit list of what is public; beside it, the page's files.
    let public = Router::new()
        .route("/session", post(session::open).merge(close))
        .route("/api/system/health", get(system::health));
    let guarded = Router::new()
        .route("/runs", get(runs::list).post(start::start))
        .route("/runs/{run}", get(runs::show).patch(runs::edit).delete(runs::delete))
        .route("/runs/{run}/samples", get(samples::read).post(samples::post))
        .route("/runs/{run}/finish", patch(runs::finish))
        .route("/compare", get(compare::compare))
        .route("/alerts", get(compare::alerts))
        .route(live::PATH, get(live::stream))
        .route("/session/ticket", post(session::ticket))
        .route("/api/system/health/detailed", get(system::status))
        .route("/api/system/overhead", get(system::overhead))
        .route("/api/system/stats", get(system::stats))
        .route("/api/system/performance", get(system::performance))
        .route("/metrics", get(metrics::metrics))
        .route_layer(admit);
    public
        .merge(guarded)
        .route_layer(middleware::from_fn(remember_route))
        .fallback(page::file)
        .method_not_allowed_fallback(wrong_method)
        .layer(CatchPanicLayer::custom(panicked))
        .with_state(api)
}

/// For the timings: the pattern travels with the answer.
async fn remember_route(matched: MatchedPath, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.extensions_mut().insert(matched);
    response
}

async fn wrong_method(request: Request) -> Refused {
    let message = format!("{} is not served here", request.method());
    Refused::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
}

/// A bug in one request never ends the daemon.
#[allow(clippy::needless_pass_by_value, reason = "the layer hands it over")]
fn panicked(cause: Box<dyn Any + Send + 'static>) -> Response {
    let cause = cause
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| cause.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    Refused::internal(&format!("panic: {cause}")).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use tower::ServiceExt;

    use super::*;

    async fn breaks() -> StatusCode {
        panic!("a bug in one route")
    }

    #[tokio::test]
    async fn a_panic_is_an_answer_that_does_not_tell_the_cause() {
        let router = Router::new().route("/", get(breaks)).layer(CatchPanicLayer::custom(panicked));
        let request = Request::builder().uri("/").body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = axum::body::to_bytes(response.into_body(), 4096).await.unwrap();
        let text = std::str::from_utf8(&body).unwrap();
        assert!(text.contains("\"code\":\"internal\"") && !text.contains("a bug"), "{text}");
    }
}

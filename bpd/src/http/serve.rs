//! The accept loop of HTTP: checks the peer's user, limits connections and their time, and stops. axum's own `serve` has
//! no header timeout, hence hyper here.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::MatchedPath;
use axum::http::{Request, Response, StatusCode, header};
use axum::response::IntoResponse;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tower::ServiceExt;

use super::failure::Refused;
use super::guard::{self, LocalPort};
use super::line::Line;
#[cfg(target_os = "linux")]
use super::peer::Peers;
use super::upload::Upload;
use super::{Api, dress, line, live};
use crate::descriptors::MAX_HTTP_REFUSALS;
use crate::seats::{Seat, Seats};

const MAX_HEADERS: usize = 64;
/// New connections whose user is looked up at a time.
const MAX_UNCHECKED: usize = 8;

/// How long bpd waits after an error of `accept`: out of file descriptors, mostly.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What all connections share.
#[derive(Clone)]
struct Shared {
    api: Arc<Api>,
    router: Router,
    seats: Seats,
    /// Connections beyond the limit that are told why they are refused.
    refusals: Arc<Semaphore>,
    unchecked: Arc<Semaphore>,
    #[cfg(target_os = "linux")]
    peers: Arc<Peers>,
}

/// Serves until the stop token; then answers what is in flight and returns.
pub(super) async fn serve(listeners: Vec<TcpListener>, api: Arc<Api>, router: Router) {
    let shared = Shared {
        seats: Seats::new(api.limits.connections),
        refusals: Arc::new(Semaphore::new(MAX_HTTP_REFUSALS)),
        unchecked: Arc::new(Semaphore::new(MAX_UNCHECKED)),
        #[cfg(target_os = "linux")]
        peers: Arc::new(Peers::new()),
        api,
        router,
    };
    let mut doors = JoinSet::new();
    for listener in listeners {
        doors.spawn(accept(listener, shared.clone()));
    }
    while doors.join_next().await.is_some() {}
}

async fn accept(listener: TcpListener, shared: Shared) {
    let stop = shared.api.stop.clone();
    let mut connections = JoinSet::new();
    // Said once per shortage, not per try.
    let mut refusing = false;
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                refusing = false;
                let Ok(unchecked) = shared.unchecked.clone().acquire_owned().await else { break };
                connections.spawn(welcome(stream, peer, unchecked, shared.clone()));
                // It reads what its client has sent already, before another one may take its seat.
                tokio::task::yield_now().await;
            }
            Err(error) => {
                // Mostly: no descriptors are left.
                shared.seats.evict();
                if !std::mem::replace(&mut refusing, true) {
                    tracing::warn!("cannot accept HTTP connections: {error}");
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(shared.api.limits.request, all).await.is_err() {
        tracing::warn!("HTTP connections were cut: they did not end in time");
    }
}

async fn welcome(stream: TcpStream, peer: SocketAddr, unchecked: OwnedSemaphorePermit, shared: Shared) {
    let Ok(ours) = stream.local_addr() else { return };
    #[cfg(target_os = "linux")]
    if !is_own_user(&shared.peers, peer, ours).await {
        return;
    }
    let port = LocalPort(ours.port());
    if let Some(seat) = shared.seats.take(Instant::now()) {
        drop(unchecked);
        let seat = Arc::new(seat);
        tokio::select! {
            biased;
            () = seat.evicted() => {
                tracing::info!("closed the HTTP connection that was idle longest: all were in use");
            }
            () = converse(stream, port, shared, Some(Arc::clone(&seat))) => {}
        }
        return;
    }
    if let Ok(_refusal) = shared.refusals.clone().try_acquire_owned() {
        drop(unchecked);
        converse(stream, port, shared, None).await;
    }
}

/// Loopback is open to every user of the machine; bpd is one user's.
#[cfg(target_os = "linux")]
async fn is_own_user(peers: &Peers, peer: SocketAddr, ours: SocketAddr) -> bool {
    let own = rustix::process::geteuid().as_raw();
    match peers.uid(peer, ours).await {
        Ok(Some(uid)) if uid == own => true,
        Ok(Some(uid)) => {
            tracing::warn!(target: "bpd::security", uid, "refused: another user's HTTP connection");
            false
        }
        // Gone before it was looked up.
        Ok(None) => false,
        Err(error) => {
            tracing::warn!(target: "bpd::security", "refused an HTTP connection, its user is unknown: {error}");
            false
        }
    }
}

type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

/// One connection, request after request. Without a seat it is only told that there is no room.
async fn converse(stream: TcpStream, port: LocalPort, shared: Shared, seat: Option<Arc<Seat>>) {
    // Small answers should not wait for more to say.
    let _ = stream.set_nodelay(true);
    let limits = shared.api.limits;
    let stop = shared.api.stop.clone();
    let has_seat = seat.is_some();
    let service = service_fn(move |request| -> Answering {
        let (shared, seat) = (shared.clone(), seat.clone());
        Box::pin(async move { Ok(answer(request, port, &shared, seat).await) })
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header)
        .max_headers(MAX_HEADERS)
        .max_buf_size(guard::MAX_HEAD_BYTES)
        .keep_alive(has_seat)
        .serve_connection(TokioIo::new(Line::new(stream, limits.request)), service);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = stop.cancelled() => {
            Pin::new(&mut connection).graceful_shutdown();
            (&mut connection).await
        }
    };
    let Err(error) = ended else { return };
    tracing::debug!("an HTTP connection ended early: {error}");
    let rest = connection.into_parts();
    // A kept-alive connection that is merely idle ends without a word.
    if error.is_timeout() && !rest.read_buf.is_empty() {
        let mut stream = rest.io.into_inner();
        let refusal = line::refusal(StatusCode::REQUEST_TIMEOUT);
        let _ = stream.write_all(refusal.as_bytes()).await;
        let _ = stream.shutdown().await;
    }
}

async fn answer(
    request: Request<Incoming>,
    port: LocalPort,
    shared: &Shared,
    seat: Option<Arc<Seat>>,
) -> Response<Body> {
    let began = Instant::now();
    let id = dress::request_id(request.headers());
    let method = request.method().clone();
    let api = &shared.api;
    let mut response = match (&seat, guard::check(&request, port)) {
        (None, _) => {
            let message = format!("bpd works on {} requests already", api.limits.connections);
            let refused = Refused::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_connections", message);
            ([(header::RETRY_AFTER, "1")], refused).into_response()
        }
        (Some(_), Err(refused)) => {
            tracing::debug!(target: "bpd::security", "refused: {}", refused.status());
            refused.into_response()
        }
        (Some(seat), Ok(())) => {
            seat.work();
            let body = Upload::new(Arc::clone(seat), began);
            let response = route(request.map(|incoming| body.of(incoming)), port, shared).await;
            // A live stream keeps its seat. Otherwise the client reads its answer, and may ask again.
            if !live::is_stream(&response) {
                seat.wait(Instant::now());
            }
            response
        }
    };
    let took = began.elapsed();
    dress::dress(response.headers_mut(), id.clone(), took);
    // The pattern, never the path: what a person searches for is not the log's.
    let pattern = response.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let id = id.to_str().unwrap_or_default();
    let (status, took_us) = (response.status().as_u16(), took.as_micros() as u64);
    tracing::debug!(request_id = id, %method, route = pattern, status, took_us, "answered");
    if let Some(pattern) = pattern {
        api.timings.add(&format!("{method} {pattern}"), took, response.status().is_server_error());
    }
    response
}

async fn route(mut request: Request<Body>, port: LocalPort, shared: &Shared) -> Response<Body> {
    request.extensions_mut().insert(port);
    let answering = shared.router.clone().oneshot(request);
    match tokio::time::timeout(shared.api.limits.request, answering).await {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        Err(_) => Refused::new(StatusCode::SERVICE_UNAVAILABLE, "timed_out", "bpd took too long to answer")
            .hint("what was sent may still take effect")
            .into_response(),
    }
}

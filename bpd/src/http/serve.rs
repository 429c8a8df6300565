//! The accept loop: who is at the other end, how many at once, how long they may take, and the end of it all. axum's
//! own `serve` has no header timeout, hence hyper here.

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
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tower::ServiceExt;

use super::failure::Refused;
use super::guard::{self, LocalPort};
use super::line::Line;
#[cfg(target_os = "linux")]
use super::peer::Peers;
use super::{Api, dress, line};

/// Beyond the limit so many are still told why; who comes then is hung up on.
const MAX_TURNED_AWAY: usize = 16;
const MAX_HEADERS: usize = 64;

/// How long bpd waits after an error of `accept`: out of file descriptors, mostly.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What all connections share.
#[derive(Clone)]
struct Shared {
    api: Arc<Api>,
    router: Router,
    seats: Arc<Semaphore>,
    standing: Arc<Semaphore>,
    #[cfg(target_os = "linux")]
    peers: Arc<Peers>,
}

/// Serves until the stop token; then answers what is in flight and returns.
pub(super) async fn serve(listeners: Vec<TcpListener>, api: Arc<Api>, router: Router) {
    let shared = Shared {
        seats: Arc::new(Semaphore::new(api.limits.connections)),
        standing: Arc::new(Semaphore::new(MAX_TURNED_AWAY)),
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
                connections.spawn(welcome(stream, peer, shared.clone()));
            }
            Err(error) => {
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

async fn welcome(stream: TcpStream, peer: SocketAddr, shared: Shared) {
    let Ok(ours) = stream.local_addr() else { return };
    #[cfg(target_os = "linux")]
    if !is_own_user(&shared.peers, peer, ours).await {
        return;
    }
    let port = LocalPort(ours.port());
    if let Ok(_seat) = shared.seats.clone().try_acquire_owned() {
        return converse(stream, port, shared, false).await;
    }
    if let Ok(_standing) = shared.standing.clone().try_acquire_owned() {
        converse(stream, port, shared, true).await;
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

/// One connection, request after request. `full` = it is only told that there is no room.
async fn converse(stream: TcpStream, port: LocalPort, shared: Shared, full: bool) {
    // Small answers should not wait for more to say.
    let _ = stream.set_nodelay(true);
    let limits = shared.api.limits;
    let stop = shared.api.stop.clone();
    let service = service_fn(move |request| -> Answering {
        let shared = shared.clone();
        Box::pin(async move { Ok(answer(request, port, &shared, full).await) })
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header)
        .max_headers(MAX_HEADERS)
        .max_buf_size(guard::MAX_HEAD_BYTES)
        .keep_alive(!full)
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

async fn answer(request: Request<Incoming>, port: LocalPort, shared: &Shared, full: bool) -> Response<Body> {
    let began = Instant::now();
    let id = dress::request_id(request.headers());
    let method = request.method().clone();
    let api = &shared.api;
    let mut response = if full {
        let message = format!("there are {} connections already", api.limits.connections);
        let refused = Refused::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_connections", message);
        ([(header::RETRY_AFTER, "1")], refused).into_response()
    } else {
        match guard::check(&request, port) {
            Err(refused) => {
                tracing::debug!(target: "bpd::security", "refused: {}", refused.status());
                refused.into_response()
            }
            Ok(()) => route(request, port, shared).await,
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

async fn route(mut request: Request<Incoming>, port: LocalPort, shared: &Shared) -> Response<Body> {
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

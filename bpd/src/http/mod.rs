//! The API and the dashboard, on loopback. Sends events like `ipc`, asks `queries`.

mod auth;
mod body;
mod compare;
mod dress;
mod failure;
mod guard;
mod line;
mod live;
mod metrics;
mod page;
mod patience;
#[cfg(target_os = "linux")]
mod peer;
mod ring;
mod routes;
mod runs;
mod samples;
mod serve;
mod session;
mod start;
mod stopwatch;
mod streams;
mod system;
mod timings;
mod upload;

use std::sync::Arc;
use std::time::Duration;

use bp_proto::UnixMillis;
use bp_proto::ignore::Rules;
use tokio::net::TcpListener;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::access::Access;
use crate::descriptors::Budget;
use crate::event::{Body, Event, Receipt, Recorded};
use crate::queries::{NoAnswer, Queries};
use failure::Refused;

/// Everything that the HTTP door needs.
#[derive(Debug)]
pub struct Door {
    pub listeners: Vec<TcpListener>,
    pub queries: Queries,
    pub events: mpsc::Sender<Event>,
    /// Weak: whoever watches the page must not keep the recorder from ending.
    pub recorded: broadcast::WeakSender<Recorded>,
    /// Changes whenever somebody paused or resumed.
    pub pauses: watch::Receiver<()>,
    pub access: Access,
    /// What is not to be kept of a line, as the config says now.
    pub ignored: watch::Receiver<Arc<Rules>>,
    /// When this process did: its cost is counted from there.
    pub began: UnixMillis,
    pub limits: Limits,
}

/// How much, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// At a time. Live streams take half of them at most.
    pub connections: usize,
    /// From a request's first byte (or the connection's) to the end of its head; also how long one may stay idle.
    pub header: Duration,
    /// From the end of the head to the end of the body.
    pub body: Duration,
    /// A whole request; also how long an answer may lie unread.
    pub request: Duration,
    /// What one wrong credential costs.
    pub wrong_delay: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: Budget::get().http,
            header: Duration::from_secs(5),
            body: Duration::from_secs(5),
            request: Duration::from_secs(10),
            wrong_delay: Duration::from_millis(250),
        }
    }
}

/// Serves until `stop`; then SSE streams end, requests in flight are answered, and the event sender is dropped.
pub async fn run(door: Door, stop: CancellationToken) -> anyhow::Result<()> {
    let Door { listeners, queries, events, recorded, pauses, access, ignored, began, limits } = door;
    let live = Arc::new(live::Live::new(began, limits.connections / 2));
    let following = recorded.upgrade().map(|recorded| {
        tokio::spawn(live::follow(live.clone(), queries.clone(), recorded.subscribe(), pauses))
    });
    let api = Api {
        queries,
        events,
        access,
        ignored,
        limits,
        live,
        timings: timings::Timings::new(began),
        patience: patience::Patience::default(),
        stopwatch: stopwatch::Stopwatch::default(),
        host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        began,
        stop,
    };
    let api = Arc::new(api);
    serve::serve(listeners, api.clone(), routes::all(api)).await;
    if let Some(following) = following {
        following.abort();
    }
    Ok(())
}

/// What the handlers share.
#[derive(Debug)]
struct Api {
    queries: Queries,
    events: mpsc::Sender<Event>,
    access: Access,
    ignored: watch::Receiver<Arc<Rules>>,
    limits: Limits,
    live: Arc<live::Live>,
    timings: timings::Timings,
    patience: patience::Patience,
    stopwatch: stopwatch::Stopwatch,
    host: String,
    began: UnixMillis,
    stop: CancellationToken,
}

impl Api {
    /// Asks `queries`, away from the thread that serves everyone.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Queries) -> Result<T, NoAnswer> + Send + 'static,
    ) -> Result<T, Refused> {
        let answer = self.queries.ask(question).await;
        answer.map_err(|broken| Refused::internal(&broken))?.map_err(Refused::from)
    }

    /// Sends an event and waits until it is durable.
    async fn change(&self, body: Body) -> Result<Receipt, Refused> {
        let (reply, receipt) = oneshot::channel();
        let event = Event { body, reply: Some(reply) };
        self.events.send(event).await.map_err(|_| Refused::stopping())?;
        // Without an answer the stages behind are gone.
        receipt.await.map_err(|_| Refused::stopping())?.map_err(Refused::from)
    }
}

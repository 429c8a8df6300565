//! The API and the dashboard, on loopback. Sends events like `ipc`, asks `queries`.

mod session;

use tokio::net::TcpListener;
use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::CancellationToken;

use crate::access::Access;
use crate::event::{Event, Recorded};
use crate::queries::Queries;

/// Everything that the HTTP door needs. `recorded` is subscribed to per SSE stream.
#[derive(Debug)]
pub struct Door {
    pub listeners: Vec<TcpListener>,
    pub queries: Queries,
    pub events: mpsc::Sender<Event>,
    pub recorded: broadcast::WeakSender<Recorded>,
    pub access: Access,
}

/// Serves until `stop`; then SSE streams end, requests in flight are answered, and the event sender is dropped.
pub async fn run(_door: Door, _stop: CancellationToken) -> anyhow::Result<()> {
    unimplemented!()
}

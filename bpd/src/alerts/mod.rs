//! What deserves a word: pure rules and a state machine; channels at the rim.

use tokio::sync::{broadcast, mpsc};

use crate::config;
use crate::event::{Event, Recorded};
use crate::queries::Queries;

/// Ends when `recorded` closes. `events` is weak: alerts never keep the daemon from ending.
pub async fn run(
    _config: config::Alerts,
    _queries: Queries,
    _recorded: broadcast::Receiver<Recorded>,
    _events: mpsc::WeakSender<Event>,
) {
    unimplemented!()
}

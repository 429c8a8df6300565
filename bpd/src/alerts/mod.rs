//! What deserves a word: pure rules and a state machine; channels at the rim.

use tokio::sync::{broadcast, mpsc, watch};

use crate::config;
use crate::event::{Event, Recorded};
use crate::queries::Queries;

/// Ends when `recorded` closes. `events` is weak: alerts never keep the daemon from ending. `config`
/// changes when the file was read again.
pub async fn run(
    _config: watch::Receiver<config::Alerts>,
    _queries: Queries,
    _recorded: broadcast::Receiver<Recorded>,
    _events: mpsc::WeakSender<Event>,
) {
    unimplemented!()
}

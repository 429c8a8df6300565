//! Which runs are open, which processes are theirs, what they cost.

use std::time::Duration;

use bp_proto::Start;
use tokio::sync::mpsc;

use crate::event::{Event, Measured};

/// Passes events on in order, adds samples, totals, parents and losses. Ends when `events` closes. `resumed` are the
/// runs that were open when bpd last went away.
pub async fn run(
    _events: mpsc::Receiver<Event>,
    _measured: mpsc::Sender<Measured>,
    _resumed: Vec<Start>,
    _interval: Duration,
) {
    unimplemented!()
}

//! Puts closed runs and sample chunks into the store, then announces them. One thread, the store's own.

use bp_proto::UnixMillis;
use tokio::sync::{broadcast, mpsc};

use crate::event::{Measured, Recorded};
use crate::store::Writer;

/// Ends when `measured` closes, with everything accepted on disk. `began` = when this process did, for the record of
/// what bpd itself costs; the same value goes into `queries::Identity`.
pub fn run(
    _writer: Writer,
    _measured: mpsc::Receiver<Measured>,
    _recorded: broadcast::Sender<Recorded>,
    _began: UnixMillis,
) {
    unimplemented!()
}

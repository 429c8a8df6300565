//! The mailbox as bpd sees it: what shells appended to their files, and what `bpctl event` brings over the socket,
//! become events in order. Cheap to clone; all clones share one reading position.

use std::path::Path;

use bp_proto::place::PlaceError;
use bp_proto::spool::Spool;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::event::{Event, Refusal};

#[derive(Clone, Debug)]
pub struct Mail {}

#[derive(Debug, thiserror::Error)]
pub enum MailError {
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error("cannot watch {}", path.display())]
    Watch { path: std::path::PathBuf, source: std::io::Error },
}

impl Mail {
    /// Makes and watches `dir` (`Places::mail`). Reads nothing yet. Inside a tokio runtime.
    pub fn open(_dir: &Path, _spool: Spool, _events: mpsc::Sender<Event>) -> Result<Self, MailError> {
        unimplemented!()
    }

    /// Everything that was written before this call is in the event channel after it. The first call also sends what
    /// was left behind, mailbox and spool, in time order, then [`crate::event::Body::CaughtUp`]. The socket calls it
    /// before it forwards a start or a finish: `bpctl run` finds the run of the shell it was typed in.
    pub async fn drain(&self) {
        unimplemented!()
    }

    /// As `drain`, and waits until it is recorded (at most 2 s). The socket calls it before it asks a question.
    pub async fn settle(&self) {
        unimplemented!()
    }

    /// Records that came over the socket in the name of the shell `pid`. Ends when they are durable.
    pub async fn accept(&self, _pid: u32, _records: &[u8]) -> Result<(), Refusal> {
        unimplemented!()
    }

    /// Drains whenever a shell writes, and tidies. Sleeps while nobody does. Ends at `stop`.
    pub async fn watch(self, _stop: CancellationToken) -> anyhow::Result<()> {
        unimplemented!()
    }
}

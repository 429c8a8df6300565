//! The local socket and the mailbox: events in, answers out.

mod answer;
mod boot;
mod conversation;
pub mod endpoint;
mod import;
mod linestarts;
pub mod mailbox;
mod maildir;
mod mailfile;
mod mailwatch;
mod pausefile;
mod rundir;
mod session;
mod socket;
mod unwritten;

use std::sync::Arc;
use std::time::Duration;

use bp_proto::UnixMillis;
use bp_proto::ignore::Rules;
use bp_proto::place::Places;
use bp_proto::spool::Spool;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Semaphore, broadcast, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::access::Access;
use crate::descriptors::Budget;
use crate::event::{Event, Recorded};
use crate::lock::LockError;
use crate::queries::{Degraded, Queries};
use crate::seats::Seats;
use crate::trouble::Trouble;
use answer::Room;
use endpoint::{Endpoint, EndpointError};
use mailbox::Mail;
use rundir::Watch;

/// Answered when the config was read again: what is wrong with it, if anything.
pub type Reload = oneshot::Sender<Result<(), String>>;

/// What is not to be kept of a line, as the config says now.
pub type Ignored = watch::Receiver<Arc<Rules>>;

/// Everything that the local door needs.
#[derive(Debug)]
pub struct Door {
    pub endpoint: Endpoint,
    pub places: Places,
    /// The one user who may talk to this bpd.
    pub owner: u32,
    pub queries: Queries,
    pub degraded: Degraded,
    pub events: mpsc::Sender<Event>,
    pub access: Access,
    pub ignored: Ignored,
    /// `http://127.0.0.1:PORT`, for whoever opens the page.
    pub origin: String,
    /// When this process began.
    pub began: UnixMillis,
    /// Told whenever somebody paused or resumed.
    pub paused: watch::Sender<()>,
    pub reload: mpsc::Sender<Reload>,
    /// Tells which runs were removed.
    pub recorded: broadcast::Receiver<Recorded>,
}

/// What `status` says while clients cannot find bpd.
const UNREACHABLE: &str = "runtime directory";

/// Serves until `stop`; then requests in flight are answered and the event sender is dropped. A runtime directory that
/// vanishes is made again, and served again.
pub async fn run(door: Door, stop: CancellationToken) -> anyhow::Result<()> {
    let Door { mut endpoint, places, degraded, mut recorded, .. } = door;
    let seats = Seats::new(Budget::get().socket);
    let unwritten = Arc::new(Semaphore::new(unwritten::MAX_UNWRITTEN));
    loop {
        let (spool, ignored) = (Spool::at(places.spool()), door.ignored.clone());
        let mail = Mail::open(&places.mail(), spool, places.pauses(), ignored, door.events.clone())?;
        let room = Room {
            owner: door.owner,
            mail: mail.clone(),
            spool: Spool::at(places.spool()),
            queries: door.queries.clone(),
            events: door.events.clone(),
            access: door.access.clone(),
            ignored: door.ignored.clone(),
            origin: door.origin.clone(),
            began: door.began,
            paused: door.paused.clone(),
            reload: door.reload.clone(),
            stop: stop.clone(),
            unwritten: Arc::clone(&unwritten),
        };
        let gone = stop.child_token();
        let (served, watched, (), ()) = tokio::join!(
            socket::serve(&endpoint.listener, &seats, room, gone.clone()),
            mail.clone().watch(gone.clone()),
            vanished(&endpoint, &places, gone.clone()),
            remove_texts(&mut recorded, &mail, gone.clone()),
        );
        served?;
        watched?;
        if stop.is_cancelled() {
            return Ok(());
        }
        tracing::warn!("{} has vanished", places.run.display());
        degraded.say(UNREACHABLE, Trouble::plain("vanished").with("dir", places.run.display()));
        drop(endpoint);
        endpoint = tokio::select! {
            again = bind_again(&places) => again?,
            () = stop.cancelled() => return Ok(()),
        };
        tracing::info!("{} is served again", places.run.display());
        degraded.mended(UNREACHABLE);
    }
}

/// After runs were removed, takes their text out of the shells' files too. Ends with `gone`.
async fn remove_texts(recorded: &mut broadcast::Receiver<Recorded>, mail: &Mail, gone: CancellationToken) {
    loop {
        let news = tokio::select! {
            news = recorded.recv() => news,
            () = gone.cancelled() => return,
        };
        match news {
            // Of what went by unseen, some may have been removals.
            Ok(Recorded::Deleted { .. }) | Err(RecvError::Lagged(_)) => mail.remove_texts().await,
            Ok(_) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

/// Cancels `gone` when clients no longer find the endpoint. Ends with `gone`.
async fn vanished(endpoint: &Endpoint, places: &Places, gone: CancellationToken) {
    loop {
        // Watched first, looked at second: nothing happens unseen in between.
        let watch = Watch::on(&places.run);
        if !endpoint.is_reachable() {
            return gone.cancel();
        }
        let heard = async {
            match watch {
                Ok(watch) => watch.event().await,
                Err(error) => Err(error),
            }
        };
        tokio::select! {
            heard = heard => if let Err(error) = heard {
                tracing::warn!("cannot watch {}: {error}; a logout will go unnoticed", places.run.display());
                return gone.cancelled().await;
            },
            () = gone.cancelled() => return,
        }
    }
}

/// A login makes the directory, mounts it and gives it away in steps, of which only the first is heard.
const STEPS: [Duration; 6] = [
    Duration::ZERO,
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(10),
];

async fn bind_again(places: &Places) -> Result<Endpoint, EndpointError> {
    loop {
        let watch = Watch::above(&places.run);
        for step in STEPS {
            tokio::time::sleep(step).await;
            match Endpoint::bind(places) {
                Ok(endpoint) => return Ok(endpoint),
                // Another bpd was started there meanwhile: this one has no place left.
                Err(error @ EndpointError::Lock(LockError::Held { .. })) => return Err(error),
                Err(error) => tracing::debug!("cannot serve again yet: {error}"),
            }
        }
        match watch {
            Ok(watch) if watch.event().await.is_ok() => {}
            _ => tokio::time::sleep(Duration::from_mins(1)).await,
        }
    }
}

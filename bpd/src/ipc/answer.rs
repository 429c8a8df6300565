//! What bpd answers to each request: events go the way of all events, questions to `queries`.

use std::sync::Arc;
use std::time::Duration;

use bp_proto::report::{CodeState, OpenCode, Processes, ShellState};
use bp_proto::request::Edit;
use bp_proto::spool::{Spool, Spooled};
use bp_proto::{Failure, Request, Start, Ulid, UnixMillis};
use serde::Serialize;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::conversation::Said;
use super::import::{self, Import};
use super::mailbox::Mail;
use super::{Ignored, Reload, unwritten};
use crate::access::Access;
use crate::event::{Body, Event, Receipt, Refusal, Watcher};
use crate::queries::{NoAnswer, Own, Queries};

/// A change that is not on disk by then is no longer waited for; it may still take effect.
const DURABLE: Duration = Duration::from_secs(20);

/// What every connection shares.
#[derive(Clone, Debug)]
pub(super) struct Room {
    pub(super) owner: u32,
    pub(super) mail: Mail,
    pub(super) spool: Spool,
    pub(super) queries: Queries,
    pub(super) events: mpsc::Sender<Event>,
    pub(super) access: Access,
    pub(super) ignored: Ignored,
    pub(super) origin: String,
    pub(super) began: UnixMillis,
    pub(super) paused: watch::Sender<()>,
    pub(super) reload: mpsc::Sender<Reload>,
    pub(super) stop: CancellationToken,
    /// Runs that wait in memory until the disk can be written.
    pub(super) unwritten: Arc<Semaphore>,
}

/// The answer's JSON. `peer` = the process that asks, where the system tells.
pub(super) async fn answer(
    room: &Arc<Room>,
    said: Said,
    peer: Option<u32>,
    import: &mut Import,
) -> Result<Vec<u8>, Failure> {
    match said {
        Said::Mail { pid, records } => {
            room.mail.accept(pid, records, peer).await.map_err(|refusal| refusal.failure())?;
            json(&Nothing {})
        }
        Said::Ask(request) => ask(room, *request, import, peer).await,
    }
}

/// `{}`.
#[derive(Serialize)]
struct Nothing {}

async fn ask(
    room: &Arc<Room>,
    request: Request,
    import: &mut Import,
    peer: Option<u32>,
) -> Result<Vec<u8>, Failure> {
    match request {
        Request::Start(start) => {
            room.mail.drain().await;
            match submit(room, Body::Start(Box::new(kept(room, *start)?))).await? {
                Receipt::Started { registered, .. } => json(&registered),
                other => Err(internal(&other)),
            }
        }
        Request::Finish(finish) => {
            room.mail.drain().await;
            submit(room, Body::Finish(finish)).await?;
            json(&Nothing {})
        }
        Request::Completed(run) => completed(room, *run).await,
        Request::Import(lines) => {
            // What a shell has reported before this was asked may be among the lines.
            room.mail.settle_soon().await;
            json(&import::take_in(room, import, lines).await?)
        }
        Request::Edit { run, edit } => {
            edit.check_labels().map_err(|wrong| Refusal::from(wrong).failure())?;
            change(room, run, Some(edit), peer).await
        }
        Request::Delete { run } => change(room, run, None, peer).await,
        Request::Processes { run } => processes(room, run, peer).await,
        Request::Host => {
            submit(room, Body::Watch(Watcher::Asked)).await?;
            inquire(room, |queries, _| json(&queries.host(0))).await
        }
        Request::OpenCode => {
            let code = room.access.mint_code();
            json(&OpenCode { code, origin: room.origin.clone() })
        }
        Request::CodeState { code } => json(&CodeState { waiting: room.access.is_waiting(&code) }),
        Request::ReloadConfig => {
            let (reply, outcome) = oneshot::channel();
            let stopping = || Refusal::Stopping.failure();
            room.reload.send(reply).await.map_err(|_| stopping())?;
            outcome.await.map_err(|_| stopping())?.map_err(|why| {
                Failure::new("config_refused", why).with_hint("the old config stays in effect")
            })?;
            json(&Nothing {})
        }
        Request::ShellState { pid } => json(&ShellState { line_started_at: room.mail.line_of(pid).await }),
        Request::PausesChanged => {
            room.paused.send_replace(());
            json(&Nothing {})
        }
        // Takes effect when this was answered.
        Request::Stop => json(&Nothing {}),
        question => {
            // What a shell has reported before this was asked belongs to the answer.
            let asking = asking(room, peer).await;
            inquire(room, move |queries, began| look_up(&queries.asked_within(&asking), question, began))
                .await
        }
    }
}

/// A whole run. Its spool file goes once both its ends are durable, whether they came this way or another.
async fn completed(room: &Arc<Room>, run: Spooled) -> Result<Vec<u8>, Failure> {
    let uid = run.start.uid;
    room.mail.drain().await;
    let start = kept(room, run.start)?;
    unwritten::store(room, Spooled { start, finish: run.finish }).await?;
    room.spool.remove(uid).map_err(|error| {
        // It is delivered again when bpd starts, and known by its ULID.
        tracing::warn!("a delivered run stays in the spool: {error}");
        Failure::new("spool", error.to_string())
    })?;
    json(&Nothing {})
}

/// The questions. May read the disk, so it runs beside the runtime.
fn look_up(queries: &Queries, question: Request, began: UnixMillis) -> Result<Vec<u8>, Failure> {
    let now = UnixMillis::now();
    let said = |no: NoAnswer| no.failure;
    match question {
        Request::List(query) => json(&queries.list(&query, now).map_err(said)?.runs),
        Request::Show { run, lang } => json(&queries.show(&run, lang.as_deref(), now).map_err(said)?),
        Request::Samples { run, query } => json(&queries.samples(&run, &query, now).map_err(said)?),
        Request::Compare(query) => json(&queries.compare(&query, now).map_err(said)?),
        Request::Alerts(query) => json(&queries.alerts(&query).map_err(said)?),
        Request::Status => json(&queries.status(now)),
        Request::Overhead => json(&queries.overhead(Own::read(began), now).map_err(said)?),
        other => Err(internal(&other)),
    }
}

/// Which processes a run has now.
async fn processes(room: &Arc<Room>, selector: String, peer: Option<u32>) -> Result<Vec<u8>, Failure> {
    let (id, uid) = named(room, selector, peer).await?;
    match submit(room, Body::Members { run: uid }).await? {
        Receipt::Members(processes) => json(&Processes { run: id, processes }),
        other => Err(internal(&other)),
    }
}

/// The open runs that contain the process that asks: none of them is meant by `latest`. What shells have reported before
/// is read first.
async fn asking(room: &Arc<Room>, peer: Option<u32>) -> Vec<Ulid> {
    room.mail.settle_soon().await;
    let Some(pid) = peer else { return Vec::new() };
    match submit(room, Body::RunsOf { pid }).await {
        Ok(Receipt::Runs(runs)) => runs,
        _ => Vec::new(),
    }
}

/// The one run that a selector means.
async fn named(room: &Arc<Room>, selector: String, peer: Option<u32>) -> Result<(u64, Ulid), Failure> {
    let asking = asking(room, peer).await;
    let run = inquire(room, move |queries, _| {
        let queries = queries.asked_within(&asking);
        let run = queries.show(&selector, None, UnixMillis::now()).map_err(|no| no.failure)?;
        Ok((run.id, run.uid))
    });
    run.await
}

/// Changes a run that is named by a selector, or removes it.
async fn change(
    room: &Arc<Room>,
    selector: String,
    edit: Option<Edit>,
    peer: Option<u32>,
) -> Result<Vec<u8>, Failure> {
    let (id, uid) = named(room, selector, peer).await?;
    match edit {
        None => {
            submit(room, Body::Delete { run: uid }).await?;
            json(&Nothing {})
        }
        Some(edit) => {
            submit(room, Body::Edit { run: uid, edit }).await?;
            inquire(room, move |queries, _| {
                json(&queries.show(&id.to_string(), None, UnixMillis::now()).map_err(|no| no.failure)?)
            })
            .await
        }
    }
}

/// Sends an event on its way and waits until it is recorded or refused.
pub(super) async fn submit(room: &Room, body: Body) -> Result<Receipt, Failure> {
    durable(send(room, body).await?).await
}

/// What a change's answer comes by.
pub(super) type Outcome = oneshot::Receiver<Result<Receipt, Refusal>>;

/// Sends an event on its way. What is sent before the first answer is awaited becomes durable together.
pub(super) async fn send(room: &Room, body: Body) -> Result<Outcome, Failure> {
    let (reply, outcome) = oneshot::channel();
    let sent = room.events.send(Event { body, reply: Some(reply) }).await;
    sent.map(|()| outcome).map_err(|_| Refusal::Stopping.failure())
}

/// Waits until a change is recorded or refused.
pub(super) async fn durable(receipt: Outcome) -> Result<Receipt, Failure> {
    let stopping = || Refusal::Stopping.failure();
    match tokio::time::timeout(DURABLE, receipt).await {
        Ok(Ok(outcome)) => outcome.map_err(|refusal| refusal.failure()),
        Ok(Err(_)) => Err(stopping()),
        Err(_) => {
            Err(Failure::new("busy", "the disk has not taken the change in time; it may still be recorded"))
        }
    }
}

pub(super) async fn inquire<T: Send + 'static>(
    room: &Room,
    question: impl FnOnce(&Queries, UnixMillis) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let began = room.began;
    // An error is a panic, which stands in the log already.
    room.queries
        .ask(move |queries| question(queries, began))
        .await
        .unwrap_or_else(|_| Err(Failure::new("internal", "internal error, see the bpd log")))
}

/// A start as it may be kept, whoever sent it: without what is ignored, secrets masked, no longer than the contract
/// says.
pub(super) fn kept(room: &Room, mut start: Start) -> Result<Start, Failure> {
    start.draft.check_labels().map_err(|wrong| Refusal::from(wrong).failure())?;
    let rules = Arc::clone(&room.ignored.borrow());
    let command = start.draft.command.take();
    rules.keep(&mut start.draft, command.as_deref());
    Ok(start)
}

fn json(document: &impl Serialize) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(document).map_err(|error| internal(&error))
}

fn internal(what: &impl std::fmt::Debug) -> Failure {
    tracing::error!("a request has no answer: {what:?}");
    Failure::new("internal", "internal error, see the bpd log")
}

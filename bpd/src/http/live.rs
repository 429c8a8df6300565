//! `GET /events`: what is recorded, as it is recorded. One task turns [`Recorded`] into messages and keeps the last of
//! them; each stream copies from there at its own pace. Nothing recorded, no timer.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Extension;
use axum::body::{Body as Answer, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bp_proto::live::{CurveGrew, PausesChanged, RunChanged};
use bp_proto::{Point, Sample, UnixMillis};
use tokio::sync::{broadcast, mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;

use super::Api;
use super::auth::Caller;
use super::failure::Refused;
use super::ring::Ring;
use super::streams::Streams;
use crate::event::{Body, Event, Recorded, Watcher};
use crate::queries::Queries;

pub(super) const PATH: &str = "/events";

const EVENT_STREAM: &str = "text/event-stream";

/// People see no difference below this, browsers do.
const BATCH: Duration = Duration::from_millis(250);
/// More of one run in one batch is cheaper to ask for.
const MAX_POINTS: usize = 64;
/// Runs of which a start time is remembered.
const MAX_STARTS: usize = 1024;

#[derive(Debug)]
pub(super) struct Live {
    ring: Mutex<Ring>,
    newest: watch::Sender<u64>,
    streams: Arc<Streams>,
}

impl Live {
    /// `max_streams`: at a time. Streams hold their connections; the rest is for requests.
    pub(super) fn new(began: UnixMillis, max_streams: usize) -> Self {
        let ring = Mutex::new(Ring::new(format!("{:x}", began.0)));
        Self { ring, newest: watch::Sender::new(0), streams: Arc::new(Streams::new(max_streams)) }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, messages: &[Message]) {
        let mut newest = None;
        for message in messages {
            newest = Some(self.ring().push(message.event(), &message.data()));
        }
        if let Some(newest) = newest {
            self.newest.send_replace(newest);
        }
    }
}

/// What streams tell of; `None` = somebody paused or resumed.
type News = Result<Option<Recorded>, broadcast::error::RecvError>;

struct Sources {
    recorded: broadcast::Receiver<Recorded>,
    pauses: watch::Receiver<()>,
}

impl Sources {
    async fn next(&mut self) -> News {
        tokio::select! {
            recorded = self.recorded.recv() => recorded.map(Some),
            // Without the local door nobody pauses any more.
            Ok(()) = self.pauses.changed() => Ok(None),
        }
    }
}

/// Ends when the recorder does.
pub(super) async fn follow(
    live: Arc<Live>,
    queries: Queries,
    recorded: broadcast::Receiver<Recorded>,
    pauses: watch::Receiver<()>,
) {
    let mut sources = Sources { recorded, pauses };
    let mut starts = Starts { known: HashMap::new(), queries };
    let mut batch = Batch::default();
    loop {
        // The first event goes out at once, those that follow it within a batch's time go together.
        let first = sources.next().await;
        if !batch.take_in(first, &mut starts) {
            return live.publish(&batch.0);
        }
        if batch.0.is_empty() {
            continue;
        }
        while !batch.0.is_empty() {
            live.publish(&std::mem::take(&mut batch.0));
            let pause = tokio::time::sleep(BATCH);
            tokio::pin!(pause);
            loop {
                tokio::select! {
                    () = &mut pause => break,
                    next = sources.next() => if !batch.take_in(next, &mut starts) {
                        return live.publish(&batch.0);
                    },
                }
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Message {
    Run(&'static str, u64),
    Sampled(CurveGrew),
    Alert(Box<bp_proto::AlertReport>),
    Paused(PausesChanged),
    Reset,
}

impl Message {
    fn event(&self) -> &'static str {
        match self {
            Self::Run(event, _) => event,
            Self::Sampled(_) => "sampled",
            Self::Alert(_) => "alert",
            Self::Paused(_) => "paused",
            Self::Reset => "reset",
        }
    }

    fn data(&self) -> String {
        let json = match self {
            Self::Run(_, run) => serde_json::to_string(&RunChanged { run: *run }),
            Self::Sampled(grew) => serde_json::to_string(grew),
            Self::Alert(alert) => serde_json::to_string(alert),
            Self::Paused(pauses) => serde_json::to_string(pauses),
            Self::Reset => Ok("{}".to_owned()),
        };
        // Plain data has no way to fail.
        json.unwrap_or_else(|_| "{}".to_owned())
    }
}

#[derive(Debug, Default)]
struct Batch(Vec<Message>);

impl Batch {
    /// `false` = nothing more will come.
    fn take_in(&mut self, news: News, starts: &mut Starts) -> bool {
        match news {
            Ok(Some(recorded)) => self.add(recorded, starts),
            // Some went by unseen: whoever watches must load anew.
            Err(broadcast::error::RecvError::Lagged(_)) => self.0 = vec![Message::Reset],
            Err(broadcast::error::RecvError::Closed) => return false,
            Ok(None) => {
                self.0.retain(|message| !matches!(message, Message::Paused(_)));
                let paused = starts.queries.paused(UnixMillis::now());
                self.0.push(Message::Paused(PausesChanged { paused }));
            }
        }
        true
    }

    fn add(&mut self, recorded: Recorded, starts: &mut Starts) {
        match recorded {
            Recorded::Started { run } => self.add_once(Message::Run("started", run)),
            Recorded::Finished { run, .. } => {
                starts.known.remove(&run);
                self.add_once(Message::Run("finished", run));
            }
            Recorded::Edited { run } => self.add_once(Message::Run("edited", run)),
            Recorded::Deleted { run } => {
                starts.known.remove(&run);
                self.add_once(Message::Run("deleted", run));
            }
            Recorded::Posted { run } => {
                self.add_once(Message::Sampled(CurveGrew { run, points: Vec::new(), cpu_seconds: None }));
            }
            Recorded::Sampled { run, from, to } => self.sampled(run, from, to, starts),
            Recorded::Alert { mut alert } => {
                // A store that cannot be read leaves the alert without its line.
                let _ = starts.queries.name_alert(&mut alert);
                self.0.retain(|message| !matches!(message, Message::Alert(old) if old.uid == alert.uid));
                self.0.push(Message::Alert(Box::new(alert)));
            }
            Recorded::Host(_) => {}
        }
    }

    fn add_once(&mut self, message: Message) {
        if !self.0.contains(&message) {
            self.0.push(message);
        }
    }

    fn sampled(&mut self, run: u64, from: Sample, to: Sample, starts: &mut Starts) {
        let Some(started_at) = starts.of(run) else { return };
        if to.at_ms.saturating_sub(from.at_ms) < LEAST_RATE_MS {
            // A rate over so short a time would be made of errors: the page asks for the smoothed curve.
            return self.add_once(Message::Sampled(CurveGrew { run, points: Vec::new(), cpu_seconds: None }));
        }
        let Some(point) = point(started_at, from, to) else { return };
        let cpu_seconds = Some(to.cpu_ns as f64 / 1e9);
        let grown = self.0.iter_mut().find_map(|message| match message {
            Message::Sampled(grew) if grew.run == run && grew.cpu_seconds.is_some() => Some(grew),
            _ => None,
        });
        match grown {
            None => self.0.push(Message::Sampled(CurveGrew { run, points: vec![point], cpu_seconds })),
            Some(grew) => {
                grew.cpu_seconds = cpu_seconds;
                // Once emptied, it stays empty: a curve with a hole would be drawn as it is.
                if !grew.points.is_empty() && grew.points.len() < MAX_POINTS {
                    grew.points.push(point);
                } else {
                    grew.points.clear();
                }
            }
        }
    }
}

/// When the runs began whose curves are growing.
struct Starts {
    known: HashMap<u64, UnixMillis>,
    queries: Queries,
}

impl Starts {
    fn of(&mut self, run: u64) -> Option<UnixMillis> {
        if let Some(known) = self.known.get(&run) {
            return Some(*known);
        }
        let started_at = self.queries.reader().get(run).ok().flatten()?.started_at?;
        if self.known.len() >= MAX_STARTS {
            self.known.clear();
        }
        self.known.insert(run, started_at);
        Some(started_at)
    }
}

/// Rates are not told over a shorter time.
const LEAST_RATE_MS: u64 = 50;

/// The interval between two samples as a point of the curve; `None` when there is none.
fn point(started_at: UnixMillis, from: Sample, to: Sample) -> Option<Point> {
    let interval_ms = to.at_ms.checked_sub(from.at_ms).filter(|ms| *ms > 0)?;
    let cpu_ns = to.cpu_ns.saturating_sub(from.cpu_ns);
    Some(Point {
        ts: started_at.plus(Duration::from_millis(to.at_ms)).as_seconds(),
        cpu_percent: cpu_ns as f64 / 1e6 / interval_ms as f64 * 100.0,
        rss_mb: to.rss_bytes as f64 / f64::from(1 << 20),
        processes: Some(to.processes),
        host_cpu_percent: to.host_cpu_permille.map(|permille| f64::from(permille) / 10.0),
        rss_max_mb: None,
    })
}

/// `Last-Event-ID`, or `last_event_id` in the query: a new `EventSource` cannot set headers.
pub(super) async fn stream(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, Refused> {
    let place = api
        .live
        .streams
        .open(caller)
        .map_err(|message| Refused::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_streams", message))?;
    let in_query = request
        .uri()
        .query()
        .and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("last_event_id=")));
    let in_header = request.headers().get("last-event-id").and_then(|id| id.to_str().ok());
    let mut newest = api.live.newest.subscribe();
    let mut due = api.live.ring().begin(in_header.or(in_query));

    // As long as the stream is open its page may show the machine.
    let looking = Arc::new(());
    let watcher = Event { body: Body::Watch(Watcher::While(Arc::downgrade(&looking))), reply: None };
    // A full queue is no reason to refuse a stream: a run that is open has the machine read anyway.
    let _ = api.events.try_send(watcher);

    let (tx, rx) = mpsc::channel::<Result<Bytes, Infallible>>(1);
    tokio::spawn(async move {
        let (_place, _looking) = (place, looking);
        loop {
            if !due.text.is_empty() && tx.send(Ok(due.text)).await.is_err() {
                return;
            }
            tokio::select! {
                () = api.stop.cancelled() => return,
                () = tx.closed() => return,
                changed = newest.changed() => if changed.is_err() { return },
            }
            if matches!(caller, Caller::Session(id) if !api.access.is_living(id)) {
                return;
            }
            due = api.live.ring().after(due.at);
        }
    });
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static(EVENT_STREAM));
    Ok(([kind], Answer::from_stream(ReceiverStream::new(rx))).into_response())
}

/// Whether this answer goes on for as long as its client listens.
pub(super) fn is_stream(response: &Response) -> bool {
    response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == EVENT_STREAM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_the_rate_over_its_interval() {
        let from = Sample { at_ms: 1000, cpu_ns: 500_000_000, ..Sample::default() };
        let to = Sample {
            at_ms: 1500,
            cpu_ns: 1_500_000_000,
            rss_bytes: 3 << 20,
            processes: 2,
            host_cpu_permille: Some(505),
        };
        let made = point(UnixMillis(10_000), from, to).unwrap();
        assert_eq!(
            made,
            Point {
                ts: 11.5,
                cpu_percent: 200.0,
                rss_mb: 3.0,
                processes: Some(2),
                host_cpu_percent: Some(50.5),
                rss_max_mb: None,
            }
        );
        assert_eq!(point(UnixMillis(0), to, to), None);
        assert_eq!(point(UnixMillis(0), to, from), None);
    }
}

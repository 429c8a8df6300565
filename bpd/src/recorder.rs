//! Puts closed runs and sample chunks into the store, then announces them. One thread, the store's own.

use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use bp_proto::{Ending, Finish, ImplausibleTotals, Start, Totals, UnixMillis};
use tokio::sync::{broadcast, mpsc};

use crate::event::{Body, Event, Measured, Receipt, Recorded, Refusal, Reply};
use crate::store::{OwnCost, Writer};
use crate::{memory, plausible};

/// Changes that are made durable together: whatever queued while the last group was written, at most.
const MAX_GROUP: usize = 128;

/// bpd's own cost is recorded with the end of a run, at most so often.
const OWN_COST_EVERY: Duration = Duration::from_mins(1);

/// Ends when `measured` closes, with everything accepted on disk. `began` = when this process did, for the record of
/// what bpd itself costs; the same value goes into `queries::Identity`.
pub fn run(
    mut writer: Writer,
    measured: mpsc::Receiver<Measured>,
    recorded: broadcast::Sender<Recorded>,
    began: UnixMillis,
) {
    let mut inbox = Inbox::new(measured);
    let mut costs = OwnCosts { began, last: None };
    let mut flush_at = None;
    loop {
        let mut group = Group::default();
        match inbox.wait(flush_at) {
            Waited::Came(first) => {
                group.take(&mut writer, &recorded, first);
                while group.taken < MAX_GROUP
                    && let Some(next) = inbox.queued()
                {
                    group.take(&mut writer, &recorded, next);
                }
            }
            Waited::Due => {}
            Waited::Closed => break,
        }
        if group.has_finish {
            costs.add(&mut writer);
        }
        group.close(&writer.commit(), &recorded);
        memory::work_done();
        flush_at = match writer.flush_chunks() {
            Ok(next) => next.map(|next| Instant::now() + next),
            Err(refusal) => {
                tracing::warn!("recorder: curves wait: {refusal}");
                Some(Instant::now() + Duration::from_secs(10))
            }
        };
    }
    costs.last = None;
    costs.add(&mut writer);
    if let Err(refusal) = writer.commit() {
        tracing::error!("recorder: the last record was refused: {refusal}");
    }
    // Writes what is left of the curves and closes the index; only then do listeners hear that this is the end.
    drop(writer);
    drop(recorded);
}

/// Changes that wait for one commit: who waits for an answer, and what to announce.
#[derive(Default)]
struct Group {
    taken: usize,
    waiting: Vec<Waiting>,
    announcements: Vec<Recorded>,
    has_change: bool,
    has_finish: bool,
}

struct Waiting {
    reply: Option<Reply>,
    outcome: Result<Receipt, Refusal>,
}

impl Group {
    fn take(&mut self, writer: &mut Writer, recorded: &broadcast::Sender<Recorded>, measured: Measured) {
        self.taken += 1;
        match measured {
            Measured::Event(Event { body, reply }) => {
                self.has_change = true;
                let outcome = self.change(writer, body);
                self.waiting.push(Waiting { reply, outcome });
            }
            Measured::Sample { run, sample } => match writer.sample(run, sample) {
                Ok((run, from)) => self.announce(recorded, Recorded::Sampled { run, from, to: sample }),
                Err(refusal) => tracing::debug!("recorder: a sample was not taken: {refusal}"),
            },
            Measured::Host(reading) => {
                writer.host(*reading);
                self.announce(recorded, Recorded::Host(reading));
            }
        }
    }

    /// At once, unless it belongs behind a change that is not durable yet.
    fn announce(&mut self, recorded: &broadcast::Sender<Recorded>, what: Recorded) {
        if self.has_change {
            self.announcements.push(what);
        } else {
            // Nobody listening is no error.
            let _ = recorded.send(what);
        }
    }

    fn change(&mut self, writer: &mut Writer, body: Body) -> Result<Receipt, Refusal> {
        let (receipt, announcement) = match body {
            Body::Start(start) => {
                let (registered, known) = writer.begin(&start)?;
                let announcement = (!known).then_some(Recorded::Started { run: registered.id });
                (Receipt::Started { registered, known }, announcement)
            }
            Body::Finish(finish) => {
                let run = writer.finish(&finish)?;
                self.has_finish = true;
                (Receipt::Finished, Some(Recorded::Finished { run, at: finish.finished_at }))
            }
            Body::Import { start, took } => import(writer, &start, took)?,
            Body::Points { run, points } => {
                let run = writer.points(run, &points)?;
                (Receipt::Accepted { points: points.len() }, Some(Recorded::Posted { run }))
            }
            Body::Edit { run, edit } => {
                let run = writer.edit(run, &edit)?;
                (Receipt::Done, Some(Recorded::Edited { run }))
            }
            Body::Text { run, text } => {
                let run = writer.text(run, &text)?;
                (Receipt::Done, Some(Recorded::Edited { run }))
            }
            Body::CaughtUp | Body::GiveUpTexts => {
                self.give_up_texts(writer)?;
                (Receipt::Done, None)
            }
            Body::Delete { run } => {
                let run = writer.delete(run)?;
                (Receipt::Done, Some(Recorded::Deleted { run }))
            }
            Body::Phase { run, phased } => {
                (Receipt::Done, Some(Recorded::Edited { run: writer.phase(run, phased)? }))
            }
            Body::Amend(amendment) => {
                let run = writer.amend(&amendment)?;
                (Receipt::Done, Some(Recorded::Edited { run }))
            }
            Body::Awaited
            | Body::Heard { .. }
            | Body::Reporter { .. }
            | Body::Watch(_)
            | Body::TopProgram { .. }
            | Body::RunsOf { .. }
            | Body::Members { .. } => (Receipt::Done, None),
            Body::Alert(alert) => {
                writer.alert(&alert)?;
                (Receipt::Done, Some(Recorded::Alert { alert: *alert }))
            }
        };
        self.announcements.extend(announcement);
        Ok(receipt)
    }

    /// Shells that have ended will not say what was typed.
    fn give_up_texts(&mut self, writer: &mut Writer) -> Result<(), Refusal> {
        let given_up = writer.give_up_texts(|owner| !bp_proto::process::is_alive(owner))?;
        self.announcements.extend(given_up.into_iter().map(|run| Recorded::Edited { run }));
        Ok(())
    }

    /// Answers and announces; a refused group took no effect, so none of it is announced but readings.
    fn close(self, committed: &Result<(), Refusal>, recorded: &broadcast::Sender<Recorded>) {
        for Waiting { reply, outcome } in self.waiting {
            let outcome = match committed {
                Ok(()) => outcome,
                // Its own reason may rest on a change that was taken back with the group.
                Err(refusal) => Err(refusal.clone()),
            };
            match (reply, outcome) {
                // Who went away meanwhile is not told; the change stands.
                (Some(reply), outcome) => drop(reply.send(outcome)),
                (None, Err(refusal)) => tracing::warn!("recorder: an event was refused: {refusal}"),
                (None, Ok(_)) => {}
            }
        }
        for announcement in self.announcements {
            if committed.is_ok() || matches!(announcement, Recorded::Host(_)) {
                let _ = recorded.send(announcement);
            }
        }
    }
}

/// A run of before bp. → the answer, and what to announce.
fn import(
    writer: &mut Writer,
    start: &Start,
    took: Option<Duration>,
) -> Result<(Receipt, Option<Recorded>), Refusal> {
    let (registered, known) = writer.begin(start)?;
    if let Some(took) = took.filter(|_| !known) {
        // A history file may say anything.
        let life = UnixMillis::now().since(start.draft.started_at);
        let is_plausible = plausible::is_duration(took, Some(life));
        let took = if is_plausible { took } else { Duration::ZERO };
        let totals = (!is_plausible).then(|| Totals {
            implausible: ImplausibleTotals { duration: true, ..ImplausibleTotals::default() },
            ..Totals::default()
        });
        let finished_at = start.draft.started_at.plus(took);
        writer.finish(&Finish {
            uid: start.uid,
            finished_at,
            took: Some(took),
            ending: Ending::Lost,
            totals,
            children: Vec::new(),
            rest: None,
            waited: None,
            background: false,
        })?;
    }
    let announcement = (!known).then_some(Recorded::Edited { run: registered.id });
    Ok((Receipt::Started { registered, known }, announcement))
}

struct OwnCosts {
    began: UnixMillis,
    last: Option<Instant>,
}

impl OwnCosts {
    fn add(&mut self, writer: &mut Writer) {
        let now = Instant::now();
        if self.last.is_some_and(|last| now.duration_since(last) < OWN_COST_EVERY) {
            return;
        }
        self.last = Some(now);
        let cost = OwnCost { at: UnixMillis::now(), cpu_ns: own_cpu_ns(), process_began: self.began };
        if let Err(refusal) = writer.own_cost(cost) {
            tracing::warn!("recorder: bpd's own cost was not recorded: {refusal}");
        }
    }
}

/// CPU time of this process so far.
#[cfg(unix)]
fn own_cpu_ns() -> u64 {
    let cpu = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    cpu.tv_sec as u64 * 1_000_000_000 + cpu.tv_nsec as u64
}

/// The queue, read by a plain thread: it sleeps without a timer when nothing is due.
struct Inbox {
    measured: mpsc::Receiver<Measured>,
    waker: Waker,
}

enum Waited {
    Came(Measured),
    Due,
    Closed,
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl Inbox {
    fn new(measured: mpsc::Receiver<Measured>) -> Self {
        Self { measured, waker: Waker::from(Arc::new(Unpark(std::thread::current()))) }
    }

    fn wait(&mut self, until: Option<Instant>) -> Waited {
        loop {
            match self.measured.poll_recv(&mut Context::from_waker(&self.waker)) {
                Poll::Ready(Some(measured)) => return Waited::Came(measured),
                Poll::Ready(None) => return Waited::Closed,
                Poll::Pending => {}
            }
            // A wake-up between the poll and the park is not lost: the park then returns at once.
            match until {
                None => std::thread::park(),
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Waited::Due;
                    }
                    std::thread::park_timeout(left);
                }
            }
        }
    }

    fn queued(&mut self) -> Option<Measured> {
        self.measured.try_recv().ok()
    }
}

//! The mailbox as bpd sees it: what shells appended to their files, what `bpctl event` brings over the socket, and what
//! `bpctl run` left in its spool become events in order. Cheap to clone; all clones share one reading position.
//!
//! `session` says what records mean, `mailfile` and `maildir` where they are read, `mailwatch` when. A file goes only
//! after its events are durable: each is sent with a reply, and the clerk keeps account of them.

mod posts;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use bp_proto::place::{PlaceError, own_dir};
use bp_proto::spool::Spool;
use bp_proto::{Ulid, UnixMillis};
use tokio::sync::{Mutex, Notify, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::Ignored;
use super::linestarts::LineStarts;
use super::maildir::{Letter, MailDir};
use super::mailwatch::{MailWatch, Written};
use super::session::Arrival;
use crate::event::{Body, Event, Receipt, Refusal};
use posts::Post;

/// Events that are sent and not durable yet; with more, reading waits.
const MAX_UNSETTLED: usize = 4096;

/// What a shell writes is read so much later, unless somebody waits: it is in the middle of its work, and would wait at
/// its prompt for bpd. tokio's timer, which counts milliseconds, mostly makes two of it; by then the line of a builtin or
/// of a very short program is over, and any other program has been started.
const BREATH: Duration = Duration::from_millis(1);

/// How long a question waits for what was typed before it.
const PATIENCE: Duration = Duration::from_secs(2);

/// What `bpctl run` could not deliver while bpd hung for a moment is looked for so often at most, and only when somebody
/// does something: an idle bpd is not woken for it.
const SPOOL_EVERY: Duration = Duration::from_mins(1);

/// A run that ended less long ago may be on its way over the socket.
const SPOOL_AGE: Duration = Duration::from_secs(10);

/// The store refused mail (a full disk): it is read again after this.
const RETRY: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
pub struct Mail {
    shared: Arc<Shared>,
}

#[derive(Debug, thiserror::Error)]
pub enum MailError {
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error("cannot watch {}", path.display())]
    Watch { path: std::path::PathBuf, source: std::io::Error },
}

#[derive(Debug)]
struct Shared {
    reading: Mutex<Reading>,
    watch: MailWatch,
    spool: Spool,
    ignored: Ignored,
    events: mpsc::Sender<Event>,
    slips: mpsc::Sender<Slip>,
    /// How many slips have been settled.
    settled: watch::Sender<u64>,
    /// How many of them the directory knows of.
    noted: watch::Sender<u64>,
    /// There is a new deadline for [`Mail::watch`].
    nudge: Notify,
}

#[derive(Debug)]
struct Reading {
    dir: MailDir,
    caught_up: bool,
    /// Lines that have begun and that their shells have not reported.
    line_starts: LineStarts,
    /// Who has written and is not read yet, and when that was heard of.
    heard: BTreeMap<u32, Arrival>,
    /// Notices of the watch were dropped: anybody may have written.
    anybody: bool,
    /// Records of the socket that are not read yet, the oldest first.
    posts: VecDeque<Post>,
    /// How many slips have been handed to the clerk.
    sent: u64,
    retry_at: Option<Instant>,
    /// When the spool was last looked into, since bpd caught up.
    spool_read_at: Option<Instant>,
}

/// Where an event came from, and whether it is durable.
#[derive(Debug)]
struct Slip {
    from: Origin,
    outcome: oneshot::Receiver<Outcome>,
    /// Who wants to know.
    asker: Option<oneshot::Sender<Outcome>>,
}

/// What became of an event.
type Outcome = Result<Receipt, Refusal>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    File(u32),
    Socket,
    SpoolStart(Ulid),
    /// Comes after its start: when both are durable, the file may go.
    SpoolEnd(Ulid),
    /// Of a run that goes on: its end comes by itself.
    SpoolOpen(Ulid),
}

impl Mail {
    /// Makes and watches `dir` (`Places::mail`). Reads nothing yet. Inside a tokio runtime. `pauses` = the file that says
    /// when nothing is recorded; `ignored` = what is not kept of a line.
    pub fn open(
        dir: &Path,
        spool: Spool,
        pauses: PathBuf,
        ignored: Ignored,
        events: mpsc::Sender<Event>,
    ) -> Result<Self, MailError> {
        own_dir(dir)?;
        let watch = MailWatch::on(dir).map_err(|source| MailError::Watch { path: dir.to_owned(), source })?;
        let (slips, slips_in) = mpsc::channel(MAX_UNSETTLED);
        let reading = Reading {
            dir: MailDir::new(dir, pauses, ignored.clone()),
            caught_up: false,
            line_starts: LineStarts::default(),
            heard: BTreeMap::new(),
            anybody: false,
            posts: VecDeque::new(),
            sent: 0,
            retry_at: None,
            spool_read_at: None,
        };
        let shared = Arc::new(Shared {
            reading: Mutex::new(reading),
            watch,
            spool,
            ignored,
            events,
            slips,
            settled: watch::Sender::new(0),
            noted: watch::Sender::new(0),
            nudge: Notify::new(),
        });
        tokio::spawn(clerk(Arc::downgrade(&shared), slips_in));
        Ok(Self { shared })
    }

    /// Everything that was written before this call is in the event channel after it. The first call also sends what
    /// was left behind, mailbox and spool, in time order, then [`Body::CaughtUp`]. The socket calls it before it
    /// forwards a start or a finish: `bpctl run` finds the run of the shell it was typed in.
    pub async fn drain(&self) {
        let mut reading = self.shared.reading.lock().await;
        self.shared.drain(&mut reading).await;
    }

    /// When the line began that the shell `pid` runs, if it has reported it.
    pub async fn line_of(&self, pid: u32) -> Option<UnixMillis> {
        let mut reading = self.shared.reading.lock().await;
        self.shared.drain(&mut reading).await;
        reading.dir.line_of(pid)
    }

    /// A run was removed: no file of a shell keeps its text.
    pub async fn remove_texts(&self) {
        self.shared.reading.lock().await.dir.remove_texts();
    }

    /// As `drain`, and waits until it is recorded.
    pub async fn settle(&self) {
        let sent = {
            let mut reading = self.shared.reading.lock().await;
            self.shared.drain(&mut reading).await;
            if *self.shared.settled.borrow() < reading.sent {
                self.shared.is_awaited().await;
            }
            reading.sent
        };
        let _ = self.shared.settled.subscribe().wait_for(|settled| *settled >= sent).await;
    }

    /// The same, for 2 s at most: after an outage there may be more to read than that takes. The socket calls it before it
    /// asks a question.
    pub async fn settle_soon(&self) {
        let mail = self.clone();
        // On its own: a drain that was given up half-way would lose what it has read.
        let settling = tokio::spawn(async move { mail.settle().await });
        match tokio::time::timeout(PATIENCE, settling).await {
            Ok(Err(failed)) if failed.is_panic() => std::panic::resume_unwind(failed.into_panic()),
            Ok(_) => {}
            Err(_) => {
                tracing::warn!("what was typed last is not recorded yet; an answer goes out without it");
            }
        }
    }

    /// Drains whenever a shell writes, and tidies. Sleeps while nobody does. Ends at `stop`, when what is recorded by
    /// then is no longer in the files, and those of shells that are gone are removed.
    pub async fn watch(self, stop: CancellationToken) -> anyhow::Result<()> {
        let watched = self.shared.watch_until(&stop).await;
        if tokio::time::timeout(PATIENCE, self.shared.tidy_up()).await.is_err() {
            tracing::warn!("mail was not recorded in time; the next bpd reads it");
        }
        watched
    }
}

impl Shared {
    async fn watch_until(&self, stop: &CancellationToken) -> anyhow::Result<()> {
        loop {
            let deadline = {
                let mut reading = self.reading.lock().await;
                let drained = self.drain(&mut reading);
                tokio::select! {
                    () = drained => {}
                    () = stop.cancelled() => return Ok(()),
                }
                reading.dir.tidy();
                reading.deadline()
            };
            let has_written = tokio::select! {
                heard = self.watch.wait() => heard.map(|()| true)?,
                () = until(deadline) => false,
                () = self.nudge.notified() => false,
                () = stop.cancelled() => return Ok(()),
            };
            if has_written {
                tokio::select! {
                    () = self.take_breath() => {}
                    () = stop.cancelled() => return Ok(()),
                }
            }
        }
    }

    /// Lets a shell that has written get on with its work.
    async fn take_breath(&self) {
        if self.hears_writing().await == Some(false) {
            // A line begins; mostly its shell writes at once, and then its clocks are read.
            let _ = tokio::time::timeout(BREATH, self.watch.wait()).await;
            if self.hears_writing().await != Some(true) {
                return;
            }
        }
        tokio::time::sleep(BREATH).await;
    }

    /// Whether a shell has written; `None`: nothing has happened, `false`: a line may have begun.
    async fn hears_writing(&self) -> Option<bool> {
        let mut reading = self.reading.lock().await;
        let has_opened = self.hear(&mut reading).await;
        let has_written = reading.anybody || !reading.heard.is_empty();
        (has_written || has_opened).then_some(has_written)
    }

    /// Notes who has written, and has the sampler read their clocks: what they wrote is of this moment.
    /// → whether a line may have begun.
    async fn hear(&self, reading: &mut Reading) -> bool {
        let Written { shells, opened, anybody } = self.watch.take();
        reading.anybody |= anybody;
        let arrival = Arrival::now();
        let mut has_opened = false;
        for shell in opened {
            has_opened |= reading.line_starts.opened(shell, arrival);
        }
        for shell in shells {
            // What bpd wiped tells nothing of the moment at which the shell writes next.
            let has_news = reading.dir.has_news(shell);
            if let Entry::Vacant(first) = reading.heard.entry(shell)
                && has_news
            {
                first.insert(Arrival::now());
                // A closed channel means that bpd is stopping.
                let _ = self.events.send(Event { body: Body::Heard { shell }, reply: None }).await;
            }
        }
        has_opened
    }

    /// Once more at the end: nothing would wipe it while bpd is away.
    async fn tidy_up(&self) {
        let sent = {
            let mut reading = self.reading.lock().await;
            self.drain(&mut reading).await;
            self.bury(&mut reading).await;
            reading.dir.tidy();
            reading.sent
        };
        // Whoever notes it tidies.
        let _ = self.noted.subscribe().wait_for(|noted| *noted >= sent).await;
    }
}

impl Reading {
    fn deadline(&self) -> Option<Instant> {
        self.dir.renamed().1.into_iter().chain(self.retry_at).chain(self.line_starts.deadline()).min()
    }
}

impl Shared {
    /// What was sent so far is waited for. A closed channel means that bpd is stopping, and tells all of it.
    async fn is_awaited(&self) {
        let _ = self.events.send(Event { body: Body::Awaited, reply: None }).await;
    }

    async fn drain(&self, reading: &mut Reading) {
        if reading.caught_up {
            self.read_files(reading).await;
        } else {
            self.catch_up(reading).await;
        }
        self.take_posts(reading).await;
    }

    /// Reads what shells have written since.
    async fn read_files(&self, reading: &mut Reading) {
        self.hear(reading).await;
        let now = Instant::now();
        let all = std::mem::take(&mut reading.anybody) || reading.retry_at.is_some_and(|at| at <= now);
        let heard = std::mem::take(&mut reading.heard).into_iter();
        let mut shells: BTreeMap<u32, Option<Arrival>> = heard.map(|(pid, at)| (pid, Some(at))).collect();
        let mut others = Vec::new();
        if all {
            reading.retry_at = None;
            others = reading.dir.shells();
        }
        let (renamed, due) = reading.dir.renamed();
        if due.is_some_and(|due| due <= now) {
            others.extend(renamed);
        }
        for pid in others {
            shells.entry(pid).or_default();
        }
        let newcomers = shells.keys().any(|pid| !reading.dir.knows(*pid));
        for (pid, mut heard) in shells {
            let starts = reading.dir.starts_of(pid);
            loop {
                let (letters, more) = reading.dir.read(pid, heard.take());
                for letter in letters {
                    self.send(reading, Origin::File(letter.pid), letter.body).await;
                }
                if !more {
                    break;
                }
            }
            if reading.dir.starts_of(pid) != starts {
                reading.line_starts.reported(pid);
            }
            self.watch.follow(pid);
        }
        for line in reading.line_starts.look(Instant::now()) {
            if let Some(letter) = reading.dir.begin(&line) {
                self.send(reading, Origin::File(letter.pid), letter.body).await;
            }
        }
        if newcomers {
            self.bury(reading).await;
        }
        if reading.spool_read_at.is_none_or(|at| now.duration_since(at) >= SPOOL_EVERY) {
            reading.spool_read_at = Some(now);
            let settled = UnixMillis::now().minus(SPOOL_AGE);
            for (from, letter) in self.spooled(settled) {
                self.send(reading, from, letter.body).await;
            }
        }
    }

    /// A new shell is the moment to look for those that are gone: nothing else would wake bpd for it.
    async fn bury(&self, reading: &mut Reading) {
        let (letters, has_gone) = reading.dir.bury();
        for letter in letters {
            self.send(reading, Origin::File(letter.pid), letter.body).await;
        }
        if has_gone {
            // A closed channel means that bpd is stopping.
            let _ = self.events.send(Event { body: Body::GiveUpTexts, reply: None }).await;
        }
    }

    /// Sends everything that was left behind, oldest first.
    async fn catch_up(&self, reading: &mut Reading) {
        let mut left: Vec<(Origin, Letter)> = Vec::new();
        for pid in reading.dir.shells() {
            loop {
                let (letters, more) = reading.dir.read_left_behind(pid);
                left.extend(letters.into_iter().map(|letter| (Origin::File(pid), letter)));
                if !more {
                    break;
                }
            }
        }
        for pid in reading.dir.alive() {
            self.watch.follow(pid);
        }
        left.extend(reading.dir.bury().0.into_iter().map(|letter| (Origin::File(letter.pid), letter)));
        left.extend(self.spooled(UnixMillis(i64::MAX)));
        // Stable: of one moment, and of one shell, the order stays.
        left.sort_by_key(|(_, letter)| letter.at);
        let new = left.iter().filter(|(_, letter)| !letter.is_known).count();
        if new > 0 {
            tracing::info!("{new} events were left behind while bpd was away");
        }
        for (from, letter) in left {
            self.send(reading, from, letter.body).await;
        }
        reading.caught_up = true;
        // Nobody waits for it; a closed channel means that bpd is stopping.
        let _ = self.events.send(Event { body: Body::CaughtUp, reply: None }).await;
    }

    /// Runs of the spool that ended before, or began before and go on.
    fn spooled(&self, before: UnixMillis) -> Vec<(Origin, Letter)> {
        let mut waiting = match self.spool.waiting() {
            Ok(waiting) => waiting,
            Err(error) => {
                tracing::warn!("the spool cannot be read: {error}");
                return Vec::new();
            }
        };
        for path in &waiting.unreadable {
            tracing::warn!("{} is no run that this bpd can read; it stays", path.display());
        }
        let rules = Arc::clone(&self.ignored.borrow());
        let runs = waiting.runs.iter_mut().map(|run| &mut run.start);
        for start in runs.chain(&mut waiting.starts) {
            // The rules may be younger than the run.
            let command = start.draft.command.take();
            rules.keep(&mut start.draft, command.as_deref());
        }
        let ended: BTreeSet<Ulid> = waiting.runs.iter().map(|run| run.start.uid).collect();
        let open = waiting.starts.into_iter().filter(|start| start.draft.started_at < before);
        let open = open.filter(|start| !ended.contains(&start.uid)).map(|start| {
            let (uid, at) = (start.uid, start.draft.started_at);
            let letter = Letter { pid: 0, body: Body::Start(Box::new(start)), at, is_known: false };
            (Origin::SpoolOpen(uid), letter)
        });
        let runs = waiting.runs.into_iter().filter(|run| run.finish.finished_at < before);
        let events = runs.flat_map(|run| {
            let uid = run.start.uid;
            let began = run.start.draft.started_at;
            let ended = run.finish.finished_at.max(began);
            let start = Letter { pid: 0, body: Body::Start(Box::new(run.start)), at: began, is_known: false };
            let finish =
                Letter { pid: 0, body: Body::Finish(Box::new(run.finish)), at: ended, is_known: false };
            [(Origin::SpoolStart(uid), start), (Origin::SpoolEnd(uid), finish)]
        });
        events.chain(open).collect()
    }

    async fn send(&self, reading: &mut Reading, from: Origin, body: Body) {
        self.send_for(reading, from, body, None).await;
    }

    /// Sends an event; `asker` hears what became of it, unless bpd is stopping.
    async fn send_for(
        &self,
        reading: &mut Reading,
        from: Origin,
        body: Body,
        asker: Option<oneshot::Sender<Outcome>>,
    ) {
        let (reply, outcome) = oneshot::channel();
        if self.events.send(Event { body, reply: Some(reply) }).await.is_err() {
            // bpd is stopping; the files stay for the next one.
            return;
        }
        reading.sent += 1;
        // The clerk lives as long as this.
        let _ = self.slips.send(Slip { from, outcome, asker }).await;
    }

    /// Takes what the clerk found out.
    fn note(&self, reading: &mut Reading, outcomes: &mut Vec<(Origin, bool)>) {
        let count = outcomes.len() as u64;
        let mut failed = BTreeSet::new();
        for (from, stored) in outcomes.drain(..) {
            if let Origin::File(pid) = from {
                reading.dir.settled(pid, stored);
                if !stored {
                    failed.insert(pid);
                }
            }
        }
        if !failed.is_empty() {
            tracing::warn!("{} shells' mail could not be stored; it is read again", failed.len());
            reading.retry_at = Some(Instant::now() + RETRY);
        }
        reading.dir.tidy();
        self.noted.send_modify(|noted| *noted += count);
        if reading.deadline().is_some() {
            self.nudge.notify_one();
        }
    }
}

/// Waits for each event to be durable, in order; then removes spool files, and tells the directory.
async fn clerk(shared: Weak<Shared>, mut slips: mpsc::Receiver<Slip>) {
    let mut outcomes = Vec::new();
    // A run of the spool whose start was not stored.
    let mut unstored = None;
    loop {
        let slip = if outcomes.is_empty() {
            slips.recv().await
        } else {
            let Some(shared) = shared.upgrade() else { return };
            // Slips first: whoever holds the lock may be waiting to hand one over.
            tokio::select! {
                biased;
                slip = slips.recv() => slip,
                mut reading = shared.reading.lock() => {
                    shared.note(&mut reading, &mut outcomes);
                    continue;
                }
            }
        };
        let Some(Slip { from, outcome, asker }) = slip else { return };
        // An error of the channel: bpd is stopping, or a stage failed.
        let outcome = outcome.await.unwrap_or(Err(Refusal::Stopping));
        let stored = match &outcome {
            Ok(_) => true,
            Err(refusal) => is_final(refusal),
        };
        if let Some(asker) = asker {
            // Nobody is left to hear it when the connection was closed.
            let _ = asker.send(outcome);
        }
        let Some(shared) = shared.upgrade() else { return };
        match from {
            Origin::SpoolStart(uid) if !stored => unstored = Some(uid),
            Origin::SpoolEnd(uid) if stored && unstored != Some(uid) => {
                if let Err(error) = shared.spool.remove(uid) {
                    tracing::warn!("a run that is recorded stays in the spool: {error}");
                }
            }
            Origin::SpoolOpen(uid) if stored => {
                if let Err(error) = shared.spool.remove_start(uid) {
                    tracing::warn!("a start that is recorded stays in the spool: {error}");
                }
            }
            _ => {}
        }
        outcomes.push((from, stored));
        shared.settled.send_modify(|settled| *settled += 1);
    }
}

/// The event is stored, or never will be: sending it again changes nothing.
fn is_final(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::AlreadyFinished { .. } | Refusal::NoSuchRun(_) | Refusal::Invalid(_))
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

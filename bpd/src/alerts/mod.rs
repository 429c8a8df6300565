//! What deserves a word: pure rules and a state machine; channels at the rim.

pub mod desktop;
pub mod machine;
pub mod rules;

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bp_proto::{AlertReport, Run, Ulid, UnixMillis};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use self::desktop::{Delivery, Notice, Words};
use self::rules::{Book, Moment, Said, Subject};
use crate::config;
use crate::event::{Body, Event, HostReading, Receipt, Recorded};
use crate::queries::Queries;
use crate::words;

/// A notice's figures change at most this often: more is flicker.
const UPDATE_EVERY: Duration = Duration::from_secs(5);

/// How long the sampler may take to name a program.
const SAMPLER_TIMEOUT: Duration = Duration::from_secs(2);

/// Alerts that bpd left open when it went away are looked for among so many of the newest.
const STALE_LOOKED_AT: usize = 200;

/// What the stage is given.
#[derive(Debug)]
pub struct Parts {
    /// Changes when the file was read again.
    pub config: watch::Receiver<config::Alerts>,
    /// The sampler's interval: what a gap is measured by.
    pub interval: Duration,
    pub queries: Queries,
    pub recorded: broadcast::Receiver<Recorded>,
    /// Weak: alerts never keep the daemon from ending.
    pub events: mpsc::WeakSender<Event>,
    /// The program that opens a run in the browser (`bpctl`).
    pub opener: PathBuf,
}

/// Ends when `recorded` closes.
pub async fn run(parts: Parts) {
    let (deliveries_tx, mut deliveries) = mpsc::channel(64);
    let mut changes = parts.config;
    let config = changes.borrow_and_update().clone();
    let mut stage = Stage {
        book: Book::new(config.clone(), parts.interval),
        config,
        queries: parts.queries,
        events: parts.events,
        opener: parts.opener,
        live: HashMap::new(),
        deliveries: deliveries_tx,
        began: Instant::now(),
        last_host: None,
    };
    stage.close_stale().await;
    let mut recorded = parts.recorded;
    loop {
        tokio::select! {
            news = recorded.recv() => match news {
                Ok(news) => stage.hear(news).await,
                Err(broadcast::error::RecvError::Lagged(missed)) => {
                    tracing::warn!("alerts were too slow and missed {missed} readings");
                }
                Err(broadcast::error::RecvError::Closed) => return,
            },
            Some(delivery) = deliveries.recv() => stage.delivered(delivery).await,
            Ok(()) = changes.changed() => {
                stage.config = changes.borrow_and_update().clone();
                stage.book.configure(stage.config.clone());
            }
        }
    }
}

struct Stage {
    book: Book,
    config: config::Alerts,
    queries: Queries,
    events: mpsc::WeakSender<Event>,
    opener: PathBuf,
    live: HashMap<Ulid, Live>,
    deliveries: mpsc::Sender<Delivery>,
    began: Instant,
    last_host: Option<Duration>,
}

/// An alert that fires now.
struct Live {
    alert: AlertReport,
    notice: Option<Notice>,
    updated: Instant,
}

impl Stage {
    async fn hear(&mut self, news: Recorded) {
        let moment = Moment { wall: UnixMillis::now(), mono: self.began.elapsed() };
        let said = match news {
            Recorded::Sampled { run, from, to } => {
                if !self.book.knows(run) {
                    self.watch(run);
                }
                self.book.sampled(run, &from, &to, moment)
            }
            Recorded::Finished { run, at } => {
                let said = self.book.finished(run, at);
                if let Some(said) = said {
                    self.say(said).await;
                }
                if !self.book.is_idle() {
                    return;
                }
                self.last_host = None;
                self.book.end_host(moment.wall)
            }
            Recorded::Host(reading) => self.host(&reading, moment),
            _ => None,
        };
        if let Some(said) = said {
            self.say(said).await;
        }
    }

    fn host(&mut self, reading: &HostReading, moment: Moment) -> Option<Said> {
        let before = self.last_host.replace(reading.at)?;
        // Somebody looks at the machine, but there is nobody to be told of.
        let cpu_percent = reading.cpu_percent.filter(|_| !self.book.is_idle())?;
        self.book.host(reading.at.saturating_sub(before), cpu_percent, moment)
    }

    fn watch(&mut self, run: u64) {
        match self.queries.reader().get(run) {
            Ok(Some(found)) => self.book.watch(subject(&found)),
            Ok(None) => {}
            Err(error) => tracing::warn!(run, "cannot watch a run for alerts: {error}"),
        }
    }

    async fn say(&mut self, said: Said) {
        match said {
            Said::Fired { mut alert, silent } => {
                self.name(&mut alert).await;
                let notice = if silent {
                    alert.delivery = Some("cooldown".to_owned());
                    None
                } else if self.config.desktop.enabled {
                    let words = self.words(&alert);
                    let deliveries = self.deliveries.clone();
                    Some(Notice::show(alert.uid, alert.run, words, self.opener.clone(), deliveries))
                } else {
                    alert.delivery = Some("off".to_owned());
                    None
                };
                tracing::info!(rule = alert.rule, run = alert.run, peak = alert.peak, "alert");
                self.keep(&alert).await;
                self.live.insert(alert.uid, Live { alert, notice, updated: Instant::now() });
            }
            Said::Grew { alert } => {
                let Some(live) = self.live.get_mut(&alert.uid) else { return };
                let louder = alert.level != live.alert.level;
                live.alert = AlertReport {
                    level: alert.level,
                    peak: alert.peak,
                    above_s: alert.above_s,
                    ..live.alert.clone()
                };
                if !louder && live.updated.elapsed() < UPDATE_EVERY {
                    return;
                }
                live.updated = Instant::now();
                let mut alert = live.alert.clone();
                // Another program may have used more by now.
                self.name(&mut alert).await;
                if let Some(live) = self.live.get_mut(&alert.uid) {
                    live.alert = alert.clone();
                }
                let words = self.words(&alert);
                if let Some(notice) = self.live.get(&alert.uid).and_then(|live| live.notice.as_ref()) {
                    notice.update(words);
                }
                self.keep(&alert).await;
            }
            Said::Ended { alert } => {
                let Some(live) = self.live.remove(&alert.uid) else { return };
                let alert = AlertReport {
                    level: alert.level,
                    peak: alert.peak,
                    above_s: alert.above_s,
                    ended_at: alert.ended_at,
                    ..live.alert
                };
                let words = self.words(&alert);
                if let Some(notice) = live.notice {
                    notice.update(words);
                }
                self.keep(&alert).await;
            }
        }
    }

    /// Adds the program that used the CPU, the line and the project.
    async fn name(&self, alert: &mut AlertReport) {
        if let Some(program) = self.top_program(alert.run).await {
            alert.command = Some(program);
        }
        if let Err(error) = self.queries.name_alert(alert) {
            tracing::warn!("cannot read the run of an alert: {}", error.failure.error.message);
        }
    }

    /// Asks the sampler; `None` when it does not know, or not in time.
    async fn top_program(&self, run: Option<u64>) -> Option<String> {
        let run = self.queries.reader().get(run?).ok()??.uid;
        let events = self.events.upgrade()?;
        let (reply, answer) = oneshot::channel();
        events.send(Event { body: Body::TopProgram { run }, reply: Some(reply) }).await.ok()?;
        match tokio::time::timeout(SAMPLER_TIMEOUT, answer).await {
            Ok(Ok(Ok(Receipt::Program(program)))) => program,
            _ => None,
        }
    }

    async fn delivered(&mut self, delivery: Delivery) {
        let alert = match self.live.get_mut(&delivery.alert) {
            Some(live) => {
                live.alert.delivery = Some(delivery.outcome.code().to_owned());
                live.alert.clone()
            }
            // It ended before the server answered: mend the record.
            None => match self.recent(delivery.alert) {
                Some(alert) => AlertReport { delivery: Some(delivery.outcome.code().to_owned()), ..alert },
                None => return,
            },
        };
        self.keep(&alert).await;
    }

    fn recent(&self, uid: Ulid) -> Option<AlertReport> {
        self.queries.reader().alerts(STALE_LOOKED_AT).ok()?.into_iter().find(|alert| alert.uid == uid)
    }

    /// Alerts that were firing when bpd last went away have ended, nobody knows when exactly.
    async fn close_stale(&mut self) {
        match self.queries.reader().alerts(STALE_LOOKED_AT) {
            Ok(alerts) => {
                for mut alert in alerts.into_iter().filter(|alert| alert.ended_at.is_none()) {
                    alert.ended_at =
                        Some(alert.fired_at.plus(Duration::from_secs_f64(alert.above_s.max(0.0))));
                    self.keep(&alert).await;
                }
            }
            Err(error) => tracing::warn!("cannot read old alerts: {error}"),
        }
    }

    /// Sends the alert the way every change goes.
    async fn keep(&self, alert: &AlertReport) {
        let Some(events) = self.events.upgrade() else { return };
        let event = Event { body: Body::Alert(Box::new(alert.clone())), reply: None };
        if events.send(event).await.is_err() {
            tracing::debug!("an alert came too late to be kept: bpd is stopping");
        }
    }

    fn words(&self, alert: &AlertReport) -> Words {
        let lang = self.queries.usual_lang();
        let mut body = words::alert(lang, alert);
        // Lock screens show notices: the line is told only if its user wants that.
        if let Some(line) = alert.line.as_deref().filter(|_| self.config.desktop.whole_command) {
            body.extend([" · ", line]);
        }
        Words {
            summary: words::alert_title(lang, alert),
            body,
            button: words::label(lang, "alert-open"),
            level: alert.level,
            is_last: alert.ended_at.is_some(),
        }
    }
}

fn subject(run: &Run) -> Subject {
    let command = run.command.as_deref().map(name);
    let cpus = run.context.as_ref().and_then(|context| context.cpus).unwrap_or(1);
    Subject { run: run.id, key: format!("{} {:?}", run.key, run.actor.kind()), command, cpus }
}

/// The command's name: the first word that is not an assignment, without its directory.
fn name(line: &str) -> String {
    let word = line
        .split_whitespace()
        .find(|word| !word.split_once('=').is_some_and(|(name, _)| is_variable(name)))
        .unwrap_or_default();
    word.rsplit('/').next().unwrap_or(word).to_owned()
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_named_by_its_first_word() {
        for (line, expected) in [
            ("make -j2", "make"),
            ("RUSTFLAGS=-g CC=gcc /usr/bin/cargo build", "cargo"),
            ("./run.sh a=b", "run.sh"),
            ("  ", ""),
        ] {
            assert_eq!(name(line), expected);
        }
    }
}

//! Every question that bpd answers: store + analysis → report. One room, two doors: `ipc` and `http` both ask here.

mod alerts;
mod compare;
mod degraded;
mod derive;
mod host;
mod keys;
mod known;
mod list;
mod no_answer;
mod overhead;
mod own;
mod program;
mod scan;
mod search;
mod select;
mod times;
mod value;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bp_proto::pause::{self, Pauses};
use bp_proto::report::{AlertReport, Comparison, HostStats, HttpStatus, Overhead, Paused, Status};
use bp_proto::request::{AlertsQuery, CompareQuery, ListQuery, SamplesQuery};
use bp_proto::{Point, Run, Ulid, UnixMillis, process};
use tokio::sync::Semaphore;
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use crate::analysis::points;
use crate::memory;
use crate::store::{Curve, Reader, Row};
use crate::words::{self, Lang};
use derive::Derive;
use no_answer::Sentence;
use program::Program;
use search::Filter;
use select::{Field, select};

pub use degraded::Degraded;
pub use keys::key_rule;
pub use known::Known;
pub use list::Page;
pub use no_answer::NoAnswer;
pub use own::Own;

/// As the contract has it, when `step` is left out.
const USUAL_STEP: u32 = 5;

/// Questions that are answered at a time. Fewer than bpd's threads for blocking work, so that long scans leave some for
/// the recorder's and the sampler's look-ups.
const MAX_QUESTIONS: usize = 6;

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Queries {
    reader: Reader,
    derive: Derive,
    lang: Arc<Mutex<Lang>>,
    identity: Arc<Identity>,
    program: Arc<Program>,
    /// Runs that contain whoever asks.
    asking: Arc<[u64]>,
    /// Cancelled when the client no longer waits for the answer.
    abandoned: CancellationToken,
    places: Arc<Semaphore>,
}

/// What this bpd is and where it listens, for `status`.
#[derive(Clone, Debug)]
pub struct Identity {
    /// `127.0.0.1:7717`.
    pub http_address: String,
    pub token_file: PathBuf,
    pub socket: PathBuf,
    pub data_dir: PathBuf,
    pub began: UnixMillis,
    /// What was found wrong, while starting and since.
    pub degraded: Degraded,
    /// The file that this process was started from.
    pub program: PathBuf,
}

/// In every question `lang` is a language tag or an `Accept-Language` list, as the door received it, and an answer
/// without one speaks the language that [`Queries::new`] was given. Errors: 404 `run_not_found` with candidates, 409
/// `ambiguous_run`, 422 `invalid_query`, 500 `store_failed`.
impl Queries {
    /// `lang` = the language of sentences when nobody asks for one.
    pub fn new(reader: Reader, lang: Lang, identity: Identity) -> Self {
        let derive = Derive::new(reader.clone());
        let program = Arc::new(Program::new(identity.program.clone()));
        Self {
            reader,
            derive,
            lang: Arc::new(Mutex::new(lang)),
            identity: Arc::new(identity),
            program,
            asking: Arc::default(),
            abandoned: CancellationToken::new(),
            places: Arc::new(Semaphore::new(MAX_QUESTIONS)),
        }
    }

    /// The same, asked by a process of these open runs: `latest` and its like mean none of them.
    pub fn asked_within(&self, runs: &[Ulid]) -> Self {
        let ids = runs.iter().filter_map(|uid| self.reader.id_of(*uid).ok().flatten());
        Self { asking: ids.collect(), ..self.clone() }
    }

    /// Asks on a thread that may wait for the disk. When the returned future is dropped (the client has closed its
    /// connection) scans end within one batch. Errors: `question` panicked.
    pub async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        let abandoned = CancellationToken::new();
        let _guard = abandoned.clone().drop_guard();
        // Held by the thread: a question that was dropped keeps its place until its thread is free. The semaphore is
        // never closed.
        let place = Arc::clone(&self.places).acquire_owned().await.ok();
        let queries = Self { abandoned, ..self.clone() };
        tokio::task::spawn_blocking(move || {
            let _place = place;
            let answer = question(&queries);
            memory::work_done();
            answer
        })
        .await
    }

    /// Refuses to go on with a question that is no longer waited for.
    fn check_asked(&self) -> Result<(), NoAnswer> {
        if self.abandoned.is_cancelled() { Err(NoAnswer::abandoned()) } else { Ok(()) }
    }

    /// The language of sentences when nobody asks for one.
    pub fn usual_lang(&self) -> Lang {
        *self.lang.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From here on, for every clone.
    pub fn speak(&self, lang: Lang) {
        *self.lang.lock().unwrap_or_else(PoisonError::into_inner) = lang;
    }

    pub fn status(&self, now: UnixMillis) -> Status {
        let identity = &self.identity;
        let (runs, running) = self.reader.counts();
        let lang = self.usual_lang();
        let troubles = identity.degraded.troubles().into_iter().chain(self.reader.degraded());
        let troubles = troubles.chain(self.program.trouble());
        let (degraded, degraded_codes) = troubles
            .map(|trouble| (words::trouble(lang, trouble.id, &trouble.params), trouble.id.to_owned()))
            .unzip();
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            http: HttpStatus {
                address: identity.http_address.clone(),
                token_file: identity.token_file.clone(),
            },
            socket: identity.socket.clone(),
            data_dir: identity.data_dir.clone(),
            runs,
            running,
            uptime_s: now.since(identity.began).as_secs_f64(),
            degraded,
            degraded_codes,
            paused: self.paused(now),
            program: self.program.file().cloned(),
            implausible: self.reader.implausible(),
        }
    }

    /// The pauses that are on. A file that cannot be read is the mailbox's to complain about.
    pub fn paused(&self, now: UnixMillis) -> Vec<Paused> {
        let pauses = Pauses::read(&self.identity.data_dir.join(pause::FILE)).unwrap_or_default();
        let on = pauses.on(now).filter(|pause| pause.shell.is_none_or(process::is_alive));
        on.map(|pause| Paused { shell: pause.shell.map(|shell| shell.pid), until: pause.until }).collect()
    }

    /// Newest first.
    pub fn list(&self, query: &ListQuery, now: UnixMillis) -> Result<Page, NoAnswer> {
        list::list(self, query, now).map_err(|no| no.told(self.lang(query.lang.as_deref())))
    }

    /// The run of this row, if it matches.
    fn matching(&self, filter: &Filter, row: &Row, now: UnixMillis) -> Result<Option<Run>, NoAnswer> {
        if !filter.may_hold(row) {
            return Ok(None);
        }
        // Deleted since the row was read: as if it had never been there.
        let Some(run) = self.reader.get(row.cursor.id)? else { return Ok(None) };
        Ok(filter.holds(&run, now, || self.derive.stats(&run, now))?.then_some(run))
    }

    /// `selector` as in the contract: id, ULID prefix, `latest`, `latest-success`, `@TAG`, `latest{…}`, `~N`, …
    pub fn show(&self, selector: &str, lang: Option<&str>, now: UnixMillis) -> Result<Run, NoAnswer> {
        let lang = self.lang(lang);
        let run = select(self, selector, Field::All, now).map_err(|no| no.told(lang))?;
        self.derive.complete(run, lang, now)
    }

    /// The curve: every `step`th sample of the whole one when asked for, then those of the window, then at most
    /// `max_points` of them.
    pub fn samples(
        &self,
        selector: &str,
        query: &SamplesQuery,
        now: UnixMillis,
    ) -> Result<Vec<Point>, NoAnswer> {
        let lang = self.lang(query.lang.as_deref());
        let step = match (query.downsample.unwrap_or(false), query.step.unwrap_or(USUAL_STEP)) {
            (_, 0) => {
                return Err(
                    NoAnswer::invalid(Sentence::plain("step"), Sentence::plain("every-sample")).told(lang)
                );
            }
            (true, step) => step,
            (false, _) => 1,
        };
        if query.max_points == Some(0) {
            return Err(
                NoAnswer::invalid(Sentence::plain("max-points"), Sentence::plain("all-points")).told(lang)
            );
        }
        let run = select(self, selector, Field::All, now).map_err(|no| no.told(lang))?;
        let kept = self.reader.curve(run.id)?;
        let pieces = derive::drawn(&run, &kept, now);
        let full = points::of(derive::curve_of(&kept), &pieces, run.started_at.unwrap_or_default());
        let full = match kept {
            Curve::Measured(_) => {
                let stats = self.derive.stats(&run, now)?;
                points::marked(full, stats.and_then(|stats| stats.rss_max_mb))
            }
            Curve::Posted(_) => full,
        };
        let window = points::between(points::every(full, step as usize), query.from, query.to);
        Ok(match query.max_points {
            Some(most) => points::at_most(window, most as usize),
            None => window,
        })
    }

    /// The baseline is looked for within the current run's key, before it; `latest-success` if none is named.
    pub fn compare(&self, query: &CompareQuery, now: UnixMillis) -> Result<Comparison, NoAnswer> {
        compare::compare(self, query, now).map_err(|no| no.told(self.lang(query.lang.as_deref())))
    }

    /// Newest first, at most 500.
    pub fn alerts(&self, query: &AlertsQuery) -> Result<Vec<AlertReport>, NoAnswer> {
        alerts::alerts(self, query).map_err(|no| no.told(self.lang(query.lang.as_deref())))
    }

    /// The machine as it was read last, and at most `limit` of its newest readings.
    pub fn host(&self, limit: usize) -> HostStats {
        host::host(&self.reader, limit)
    }

    /// What the caller reads of this process, and what the store knows of those before it.
    pub fn overhead(&self, own: Own, now: UnixMillis) -> Result<Overhead, NoAnswer> {
        overhead::overhead(self, own, now)
    }

    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    fn lang(&self, asked: Option<&str>) -> Lang {
        asked.and_then(Lang::preferred).unwrap_or_else(|| self.usual_lang())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use bp_proto::{Draft, Start};

    use super::*;
    use crate::store::writer;

    fn identity() -> Identity {
        Identity {
            http_address: String::new(),
            token_file: PathBuf::new(),
            socket: PathBuf::new(),
            data_dir: PathBuf::new(),
            began: UnixMillis(0),
            degraded: Degraded::default(),
            program: PathBuf::new(),
        }
    }

    #[test]
    fn a_scan_ends_when_its_client_goes_and_only_then() {
        let dir = tempfile::tempdir_in("/tmp").unwrap();
        let (mut writer, reader) = writer::open(dir.path(), key_rule()).unwrap();
        let draft = Draft { command: Some("make".to_owned()), ..Draft::default() };
        let start =
            Start { uid: Ulid::from(1_u128), draft, owner: None, under: None, parent: None, context: None };
        writer.begin(&start).unwrap();
        writer.commit().unwrap();
        let queries = Queries::new(reader, Lang::En, identity());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        for goes in [false, true] {
            let ((begun, has_begun), (go, wait)) = (mpsc::channel(), mpsc::channel::<()>());
            let (answer, answered) = mpsc::channel();
            let question = move |queries: &Queries| {
                begun.send(()).unwrap();
                wait.recv().unwrap();
                let query = ListQuery { q: Some("tag:absent".to_owned()), ..ListQuery::default() };
                let code = |no: NoAnswer| no.failure.error.code;
                let alerts = queries.alerts(&AlertsQuery::default()).map(|_| ()).map_err(code);
                let list = queries.list(&query, UnixMillis(0)).map(|_| ()).map_err(code);
                let newest = queries.show("latest{make}", None, UnixMillis(0)).map(|_| ()).map_err(code);
                answer.send([list, newest, alerts]).unwrap();
            };
            runtime.block_on(async {
                let asked = queries.ask(question);
                tokio::pin!(asked);
                assert!(tokio::time::timeout(Duration::from_millis(1), &mut asked).await.is_err());
                if !goes {
                    go.send(()).unwrap();
                    asked.await.unwrap();
                }
            });
            has_begun.recv().unwrap();
            // The future was dropped by now.
            let _ = go.send(());
            let gone = || Err("abandoned".to_owned());
            let expected = if goes { [gone(), gone(), Ok(())] } else { [Ok(()), Ok(()), Ok(())] };
            assert_eq!(answered.recv().unwrap(), expected);
        }
    }
}

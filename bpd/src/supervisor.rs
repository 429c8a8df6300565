//! Builds the channels, starts the stages, joins them: the diagram in code.

use std::collections::HashMap;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bp_proto::UnixMillis;
use bp_proto::counter::Counter;
use bp_proto::ignore::Rules;
use bp_proto::place::{Places, own_dir};
use bp_proto::private_file::{self, Moved};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::access::Access;
use crate::config::{Config, ConfigError};
use crate::ipc::endpoint::Endpoint;
use crate::lock::Lock;
use crate::queries::{Degraded, Identity, Queries};
use crate::store::{Curve, Reader, Writer};
use crate::trouble::Trouble;
use crate::words::Lang;
use crate::{alerts, http, ipc, listen, logs, queries, recorder, sampler, store};

/// Events that wait for the sampler, and for the store; a full queue makes whoever sends wait.
const MAX_EVENTS: usize = 1024;
/// What was recorded and not yet shown; who is slower loses the oldest and asks `queries`.
const MAX_RECORDED: usize = 1024;
const MAX_RELOADS: usize = 4;

/// Questions that read the disk at a time.
const MAX_BLOCKING_THREADS: usize = 8;
/// A thread that answers questions goes after this, so that an idle bpd has none to wake.
const THREAD_KEEP_ALIVE: Duration = Duration::from_secs(2);
/// How long a question that nobody hears any more may hold up the end of the process.
pub const LAST_WORDS: Duration = Duration::from_secs(1);

/// One thread; whatever blocks has others.
pub fn runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(MAX_BLOCKING_THREADS)
        .thread_keep_alive(THREAD_KEEP_ALIVE)
        .build()
}

/// Everything that a running bpd is made of. Tests make it in a directory of their own.
#[derive(Debug)]
pub struct Parts {
    pub places: Places,
    pub config: Config,
    pub endpoint: Endpoint,
    /// Listening on loopback, the main address first.
    pub http: Vec<TcpListener>,
    pub writer: Writer,
    pub reader: Reader,
    pub access: Access,
    pub degraded: Degraded,
    /// When this process began.
    pub began: UnixMillis,
    /// The file that this process was started from.
    pub program: PathBuf,
    /// Held to the end.
    pub lock: Lock,
    pub reread: Reread,
    /// `None`: the log is not ours to change.
    pub logs: Option<logs::Control>,
}

/// How the config is read again, and when a signal asks for it.
#[derive(Debug)]
pub struct Reread {
    pub config: fn(&Places) -> Result<Config, ConfigError>,
    pub hangups: mpsc::Receiver<()>,
}

/// Makes the data directory if need be and takes its lock: from here on this is the one bpd of the user.
pub fn claim(places: &Places) -> anyhow::Result<Lock> {
    own_dir(&places.data)?;
    Ok(Lock::hold(&places.store_lock())?)
}

/// Moves whatever is no directory out of the way.
fn clear_dir(path: &Path) -> Option<Moved> {
    private_file::clear_dir(path, false).unwrap_or_default()
}

/// File and environment of this process.
pub fn read_config(places: &Places) -> Result<Config, ConfigError> {
    Config::load(&places.config, places.private, |variable| std::env::var_os(variable))
}

impl Parts {
    /// Opens the store and every door. `socket`: a service manager listens already. Inside a tokio runtime.
    pub fn open(
        lock: Lock,
        places: Places,
        config: Config,
        socket: Option<OwnedFd>,
        reread: Reread,
    ) -> anyhow::Result<Self> {
        let began = UnixMillis::now();
        let degraded = Degraded::default();
        // Asked now: when the file is replaced, the kernel gives it another name.
        let program = std::env::current_exe().unwrap_or_default();
        for (who, moved) in [("data lock", lock.moved.clone()), ("spool", clear_dir(&places.spool()))] {
            degraded.moved(who, moved);
        }
        let endpoint = match socket {
            Some(socket) => Endpoint::inherited(&places, socket)?,
            None => Endpoint::bind(&places)?,
        };
        degraded.moved("mailbox", endpoint.moved.clone());
        let (writer, reader) = store::writer::open(&places.data, queries::key_rule())?;
        let token = places.token();
        let access = Access::load(&places.data).with_context(|| format!("cannot use {}", token.display()))?;
        let listening = listen::listen(config.http.listen)?;
        if let Some(trouble) = listening.degraded {
            tracing::warn!("{trouble}");
            degraded.say("http", trouble);
        }
        let http = listening.listeners;
        Ok(Self {
            places,
            config,
            endpoint,
            http,
            writer,
            reader,
            access,
            degraded,
            began,
            program,
            lock,
            reread,
            logs: None,
        })
    }

    fn identity(&self) -> anyhow::Result<Identity> {
        let main = self.http.first().context("the HTTP door needs a listener")?;
        Ok(Identity {
            http_address: main.local_addr()?.to_string(),
            token_file: self.places.token(),
            socket: self.places.socket()?,
            data_dir: self.places.data.clone(),
            began: self.began,
            degraded: self.degraded.clone(),
            program: self.program.clone(),
        })
    }
}

/// Serves until `stop`, or until a stage fails. Whatever was accepted is stored when this returns.
pub async fn run(parts: Parts, stop: CancellationToken) -> anyhow::Result<()> {
    let (events, events_in) = mpsc::channel(MAX_EVENTS);
    let (measured, measured_in) = mpsc::channel(MAX_EVENTS);
    let (recorded, recorded_in) = broadcast::channel(MAX_RECORDED);
    let (reload, reloads) = mpsc::channel(MAX_RELOADS);
    let (paused, watched) = watch::channel(());
    let (rules, rules_in) = watch::channel(parts.config.alerts.clone());
    let (ignore, ignored) = watch::channel(Arc::new(parts.config.privacy.ignore.clone()));

    let identity = parts.identity()?;
    let origin = format!("http://{}", identity.http_address);
    let queries = Queries::new(parts.reader.clone(), language(&parts.config), identity);
    let resumed = resumed(&parts.reader)?;
    let live = Live {
        places: parts.places.clone(),
        config: parts.config.clone(),
        rules,
        ignore,
        logs: parts.logs,
        queries: queries.clone(),
        degraded: parts.degraded.clone(),
    };
    let front = http::Door {
        listeners: adopted(parts.http)?,
        queries: queries.clone(),
        events: events.clone(),
        recorded: recorded.downgrade(),
        pauses: watched,
        access: parts.access.clone(),
        ignored: ignored.clone(),
        began: parts.began,
        limits: http::Limits::default(),
    };
    let (interval, began, data) = (parts.config.sampling.interval, parts.began, parts.places.data.clone());
    let watchful = alerts::Parts {
        config: rules_in,
        interval,
        queries: queries.clone(),
        recorded: recorded_in,
        events: events.downgrade(),
        opener: opener(),
    };
    let side = ipc::Door {
        endpoint: parts.endpoint,
        places: parts.places,
        owner: rustix::process::geteuid().as_raw(),
        queries,
        degraded: parts.degraded.clone(),
        events,
        access: parts.access,
        ignored,
        origin: origin.clone(),
        began,
        paused,
        reload,
        recorded: recorded.subscribe(),
    };

    // `bpctl run` opens a counter in front of every command: the first one of the machine would cost it milliseconds.
    let counting = Counter::kept().ok();
    let mut stages = Stages::default();
    stages.start("ipc", ipc::run(side, stop.clone()));
    stages.start("http", http::run(front, stop.clone()));
    stages.start("config", live.reload(reloads, parts.reread));
    stages.start("sampler", sound(sampler::run(events_in, measured, resumed, interval, data)));
    let writer = parts.writer;
    stages.start("recorder", thread("recorder", move || recorder::run(writer, measured_in, recorded, began)));
    stages.start("alerts", sound(alerts::run(watchful)));
    tracing::info!("bpd {} serves at {origin}", env!("CARGO_PKG_VERSION"));

    // Only the rim, ipc and http, listens to `stop`. Every later stage ends when its input closes, so whatever is in
    // flight is still stored before we return. The locks go last.
    let outcome = stages.join(&stop, &parts.degraded).await;
    drop((counting, parts.lock));
    outcome
}

async fn sound(stage: impl Future<Output = ()>) -> anyhow::Result<()> {
    stage.await;
    Ok(())
}

/// A stage that blocks, on a thread of its own.
async fn thread(name: &'static str, work: impl FnOnce() + Send + 'static) -> anyhow::Result<()> {
    let (ended, end) = oneshot::channel();
    std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        work();
        let _ = ended.send(());
    })?;
    end.await.with_context(|| format!("the {name} thread has panicked"))
}

/// From std to tokio: the listeners are non-blocking already.
fn adopted(listeners: Vec<TcpListener>) -> anyhow::Result<Vec<tokio::net::TcpListener>> {
    Ok(listeners.into_iter().map(tokio::net::TcpListener::from_std).collect::<Result<_, _>>()?)
}

/// What a notice's button starts: the bpctl that came with this bpd, else the one on the path.
fn opener() -> PathBuf {
    let beside = std::env::current_exe().ok().map(|bpd| bpd.with_file_name("bpctl"));
    beside.filter(|bpctl| bpctl.exists()).unwrap_or_else(|| PathBuf::from("bpctl"))
}

/// The language of sentences when nobody asks for one.
fn language(config: &Config) -> Lang {
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .into_iter()
        .find_map(|variable| std::env::var(variable).ok().filter(|value| !value.is_empty()));
    Lang::pick(None, None, config.lang.as_deref(), locale.as_deref())
}

/// What changes while bpd runs.
struct Live {
    places: Places,
    config: Config,
    rules: watch::Sender<crate::config::Alerts>,
    ignore: watch::Sender<Arc<Rules>>,
    logs: Option<logs::Control>,
    queries: Queries,
    degraded: Degraded,
}

impl Live {
    /// Reads the config again whenever somebody asks. Ends when nobody can ask any more.
    async fn reload(
        mut self,
        mut asked: mpsc::Receiver<ipc::Reload>,
        mut reread: Reread,
    ) -> anyhow::Result<()> {
        loop {
            let reply = tokio::select! {
                reply = asked.recv() => match reply {
                    Some(reply) => Some(reply),
                    None => return Ok(()),
                },
                Some(()) = reread.hangups.recv() => None,
            };
            let lang = self.queries.usual_lang();
            let outcome = (reread.config)(&self.places).map_err(|error| error.in_one_line(lang));
            let outcome = outcome.map(|config| self.apply(config));
            match &outcome {
                Ok(()) => self.degraded.mended("config"),
                Err(why) => {
                    tracing::warn!("the old config stays in effect: {why}");
                    self.degraded.say("config", Trouble::plain("old-config").with("why", why));
                }
            }
            if let Some(reply) = reply {
                let _ = reply.send(outcome);
            }
        }
    }

    fn apply(&mut self, config: Config) {
        if let Some(logs) = &self.logs {
            logs.set(&config.log);
        }
        self.queries.speak(language(&config));
        self.rules.send_replace(config.alerts.clone());
        self.ignore.send_replace(Arc::new(config.privacy.ignore.clone()));
        if config.http != self.config.http || config.sampling != self.config.sampling {
            tracing::info!("`http` and `sampling` take effect when bpd is started again");
        }
        tracing::info!("the config was read again");
        self.config = config;
    }
}

/// The stages that run, by name.
#[derive(Default)]
struct Stages {
    set: JoinSet<anyhow::Result<()>>,
    names: HashMap<Id, &'static str>,
}

impl Stages {
    fn start(
        &mut self,
        name: &'static str,
        stage: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) {
        let id = self.set.spawn(stage).id();
        self.names.insert(id, name);
    }

    /// Waits for all. The first that ends before it was asked to ends the others, but for alerts: bpd records on
    /// without them.
    async fn join(mut self, stop: &CancellationToken, degraded: &Degraded) -> anyhow::Result<()> {
        let mut outcome = Ok(());
        while let Some(joined) = self.set.join_next_with_id().await {
            let id = joined.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
            let name = self.names.get(&id).copied().unwrap_or("a stage");
            let ended = joined.map_or_else(|panicked| Err(panicked.into()), |(_, ended)| ended);
            let ended = match ended {
                Ok(()) if !stop.is_cancelled() => Err(anyhow::anyhow!("it ended unasked")),
                ended => ended,
            };
            let Err(error) = ended else { continue };
            tracing::error!("{name} has failed: {error:#}");
            if name == "alerts" {
                degraded.say("alerts", Trouble::plain("alerts-off"));
                continue;
            }
            stop.cancel();
            outcome = outcome.and(Err(error.context(format!("{name} has failed"))));
        }
        tracing::info!("bpd ends; what it accepted is stored");
        outcome
    }
}

/// The runs that were open when the last bpd went away, each with the end of its curve.
fn resumed(reader: &Reader) -> anyhow::Result<Vec<sampler::Resumed>> {
    let open = reader.open_runs()?;
    open.into_iter()
        .map(|(id, start)| {
            let last = match reader.curve(id)? {
                Curve::Measured(samples) => samples.last().copied(),
                Curve::Posted(_) => None,
            };
            Ok(sampler::Resumed { start, last, phased: reader.phase(id)? })
        })
        .collect()
}

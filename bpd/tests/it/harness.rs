//! A bpd of a test's own: in-process with every listener bound before it is handed over, or the real program.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bp_proto::client::Client;
use bp_proto::event::Source;
use bp_proto::place::Places;
use bp_proto::report::Registered;
use bp_proto::{Draft, Ending, Finish, Owner, Request, Run, Start, Status, Ulid, UnixMillis};
use bpd::Parts;
use bpd::config::Config;
use bpd::supervisor::{self, Reread};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// For whatever must happen sooner or later; generous, since the machine may be busy.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// A home with a path so short that a socket fits.
pub(crate) fn home() -> TempDir {
    tempfile::Builder::new().prefix("bp").tempdir_in("/tmp").unwrap()
}

pub(crate) fn places_in(home: &Path) -> Places {
    Places { config: home.join("config.toml"), data: home.join("data"), run: home.join("run"), private: true }
}

/// Looks until `found` gives something.
pub(crate) fn eventually<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < deadline, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// bpd on a thread of this process.
pub(crate) struct Bpd {
    home: Option<TempDir>,
    pub(crate) places: Places,
    pub(crate) stop: CancellationToken,
    thread: Option<JoinHandle<anyhow::Result<()>>>,
}

impl Bpd {
    pub(crate) fn boot() -> Self {
        Self::boot_in(home())
    }

    /// Boots on what an earlier bpd left in `home`.
    pub(crate) fn boot_in(home: TempDir) -> Self {
        let places = places_in(home.path());
        let stop = CancellationToken::new();
        let (open, opened) = mpsc::channel();
        let thread = std::thread::spawn({
            let (places, stop) = (places.clone(), stop.clone());
            move || {
                supervisor::runtime()?.block_on(async {
                    let (_hung_up, hangups) = tokio::sync::mpsc::channel(1);
                    let reread = Reread { config: config_of, hangups };
                    let lock = supervisor::claim(&places)?;
                    let config = config_of(&places)?;
                    let parts = Parts::open(lock, places, config, None, reread)?;
                    open.send(())?;
                    bpd::run(parts, stop).await
                })
            }
        });
        let mut bpd = Self { home: Some(home), places, stop, thread: Some(thread) };
        let is_open = opened.recv().is_ok();
        assert!(is_open, "bpd did not open: {:?}", bpd.ended());
        bpd
    }

    pub(crate) fn client(&self) -> Client {
        client(&self.places)
    }

    /// Stops, and gives back the home with everything in it.
    pub(crate) fn stop(mut self) -> TempDir {
        self.stop.cancel();
        self.ended().unwrap();
        self.home.take().unwrap()
    }

    /// Waits until bpd has ended by itself.
    pub(crate) fn ended(&mut self) -> anyhow::Result<()> {
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Bpd {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The file alone: the environment of the test's process is everybody's.
fn config_of(places: &Places) -> Result<Config, bpd::config::ConfigError> {
    Config::load(&places.config, true, |_| None)
}

pub(crate) fn client(places: &Places) -> Client {
    Client::connect(&places.socket().unwrap(), DEADLINE).unwrap()
}

pub(crate) fn status(places: &Places) -> Status {
    client(places).ask(&Request::Status).unwrap()
}

pub(crate) fn list(places: &Places) -> Vec<Run> {
    let query = bp_proto::request::ListQuery { limit: Some(500), ..Default::default() };
    client(places).ask(&Request::List(query)).unwrap()
}

/// The real bpd as a child of the test, which ends with it.
pub(crate) struct Program {
    pub(crate) child: Child,
}

impl Program {
    /// `home` must outlive it.
    pub(crate) fn command(home: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bpd"));
        command.arg("--detached").env("BP_HOME", home).env_remove("BP_CONFIG").env_remove("BP_HTTP");
        // Nobody's desktop shall hear of a test.
        command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        workload::mortal(&mut command);
        command
    }

    pub(crate) fn start(home: &Path) -> Self {
        Self::ready(Self::command(home).spawn().unwrap())
    }

    /// Waits until it says that it can be reached.
    pub(crate) fn ready(mut child: Child) -> Self {
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        if said != "ready\n" {
            let mut why = String::new();
            child.stderr.take().unwrap().read_to_string(&mut why).unwrap();
            panic!("bpd did not start: {why}");
        }
        Self { child }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A run as `bpctl run` reports it, owned by the test's process.
pub(crate) fn start_of(command: &str) -> Start {
    let owner = Owner { pid: std::process::id(), start_ticks: 0 };
    Start {
        uid: Ulid::generate(),
        draft: Draft {
            command: Some(command.to_owned()),
            cwd: Some("/".to_owned()),
            host: "here".to_owned(),
            started_at: UnixMillis::now(),
            source: Source::Wrapper,
            ..Draft::default()
        },
        owner: Some(owner),
        under: None,
        parent: None,
        context: None,
    }
}

pub(crate) fn finish_of(start: &Start) -> Finish {
    Finish {
        uid: start.uid,
        finished_at: UnixMillis::now(),
        took: None,
        ending: Ending::Exited { exit_code: Some(0), signal: None },
        totals: None,
        children: Vec::new(),
        rest: None,
        waited: None,
        background: false,
    }
}

/// Registers and finishes a run, both acknowledged.
pub(crate) fn record(client: &mut Client, command: &str) -> Registered {
    let start = start_of(command);
    let finish = finish_of(&start);
    let registered = client.ask(&Request::Start(Box::new(start))).unwrap();
    client.ask_raw(&Request::Finish(Box::new(finish))).unwrap();
    registered
}

//! A bpd of its own under a scratch directory: for `try` and `bench`.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bp_proto::Status;
use bp_proto::client::Client;
use bp_proto::request::Request;
use tempfile::TempDir;

/// A start takes a few hundred milliseconds; only a failure waits that long.
const START_DEADLINE: Duration = Duration::from_secs(30);
const PATIENCE: Duration = Duration::from_secs(10);

/// Ends with everything stored, and its directory is removed, when this is dropped.
pub(crate) struct Daemon {
    child: Child,
    home: TempDir,
    programs: PathBuf,
}

impl Daemon {
    /// Starts the `bpd` that stands in `programs`, beside `bpctl`.
    pub(crate) fn start(programs: &Path) -> Result<Self> {
        // Short: the path of a socket has 107 bytes.
        Self::start_in(programs, Path::new("/tmp"))
    }

    /// The same with everything it keeps below `folder`.
    pub(crate) fn start_in(programs: &Path, folder: &Path) -> Result<Self> {
        let home = tempfile::Builder::new().prefix("bp").tempdir_in(folder)?;
        let child = spawn(programs, home.path())?;
        let mut daemon = Self { child, home, programs: programs.to_owned() };
        daemon.wait_until_it_answers()?;
        Ok(daemon)
    }

    /// Stops it, lets `meanwhile` work on its home, and starts it again.
    pub(crate) fn restart(&mut self, meanwhile: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        self.stop();
        meanwhile(self.home.path())?;
        self.child = spawn(&self.programs, self.home.path())?;
        self.wait_until_it_answers()
    }

    fn wait_until_it_answers(&mut self) -> Result<()> {
        let until = Instant::now() + START_DEADLINE;
        while self.client().is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("bpd ended at once ({status}); its log: {}", self.log());
            }
            if Instant::now() > until {
                bail!("bpd did not answer within {} s; its log: {}", START_DEADLINE.as_secs(), self.log());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn stop(&mut self) {
        if let Some(pid) = rustix::process::Pid::from_raw(self.child.id() as i32) {
            rustix::process::kill_process(pid, rustix::process::Signal::TERM).ok();
        }
        self.child.wait().ok();
    }

    /// `BP_HOME`.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn client(&self) -> Result<Client> {
        Ok(Client::connect(&self.home.path().join("run/bpd.sock"), PATIENCE)?)
    }

    pub(crate) fn status(&self) -> Result<Status> {
        Ok(self.client()?.ask(&Request::Status)?)
    }

    /// A `bpctl` that talks to this bpd.
    pub(crate) fn bpctl(&self) -> Command {
        let mut command = Command::new(self.programs.join("bpctl"));
        command.env("BP_HOME", self.home.path());
        command
    }

    fn log(&self) -> String {
        let log = self.home.path().join("data/log/bpd.log");
        std::fs::read_to_string(log).unwrap_or_else(|_| "(none)".to_owned())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // A child that has ended already is waited for, and its pid is nobody else's until then.
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            self.stop();
        }
    }
}

fn spawn(programs: &Path, home: &Path) -> Result<Child> {
    Command::new(programs.join("bpd"))
        .env("BP_HOME", home)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {}", programs.join("bpd").display()))
}

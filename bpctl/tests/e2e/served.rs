//! A real bpd beside real shells.

use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use bp_proto::client::Client;
use bp_proto::request::{ListQuery, Request};
use bp_proto::{Run, RunState};

use rustix::process::Signal;
use serde::de::DeserializeOwned;

use crate::scratch::Scratch;
use crate::shells::Home;

/// For whatever must happen sooner or later.
const DEADLINE: Duration = Duration::from_secs(60);

/// Ends when it is dropped.
pub(crate) struct Served {
    child: Child,
    /// Goes last.
    _home: Scratch,
}

impl Served {
    /// Starts bpd for `home` and waits until it answers.
    pub(crate) fn start(home: &Home) -> Self {
        let bpd = home.programs().join("bpd");
        assert!(bpd.is_file(), "no {}; `cargo build` makes it", bpd.display());
        Self::from(home, home.environment(Command::new(bpd)))
    }

    /// The same with a command of the test's own.
    pub(crate) fn from(home: &Home, mut command: Command) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        until("bpd answers", || {
            if home.is_anothers() {
                return bpctl(home, &["status"]).status.success().then_some(());
            }
            ask(home, &Request::Status).map(|_: serde_json::Value| ())
        });
        Self { child, _home: home.kept() }
    }

    /// As a power cut does to it, but for the disk.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Served {
    /// Stops it where it is, as a debugger or a full disk does. It answers nobody until it goes on.
    pub(crate) fn hang(self) -> Hung {
        self.signal(Signal::STOP);
        Hung { served: self }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn signal(&self, signal: Signal) {
        let pid = rustix::process::Pid::from_raw(self.child.id() as i32).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if self.child.try_wait().unwrap().is_none() {
            self.signal(Signal::TERM);
            // One that hangs hears of it when it goes on.
            self.signal(Signal::CONT);
            self.child.wait().unwrap();
        }
    }
}

/// A bpd that hangs.
pub(crate) struct Hung {
    served: Served,
}

impl Hung {
    /// What it was sent and has not read is gone.
    pub(crate) fn kill(self) {
        self.served.kill();
    }

    pub(crate) fn go_on(self) -> Served {
        self.served.signal(Signal::CONT);
        self.served
    }
}

/// Asks until there is an answer.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited for: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// What bpd says to it, when it answers.
pub(crate) fn ask<T: DeserializeOwned>(home: &Home, request: &Request) -> Option<T> {
    let socket = home.bp().join("run/bpd.sock");
    Client::connect(&socket, Duration::from_secs(10)).ok()?.ask(request).ok()
}

/// Every run, the oldest first.
pub(crate) fn runs(home: &Home) -> Vec<Run> {
    let mut runs: Vec<Run> = if home.is_anothers() {
        let listed = bpctl(home, &["list", "--json", "-n", "500"]);
        serde_json::from_slice(&listed.stdout).unwrap_or_default()
    } else {
        let query = ListQuery { limit: Some(500), ..ListQuery::default() };
        let Some(listed) = ask(home, &Request::List(query)) else { return Vec::new() };
        listed
    };
    runs.reverse();
    runs
}

/// Waits until `count` runs are recorded and none of them is running.
pub(crate) fn settled(home: &Home, count: usize) -> Vec<Run> {
    let mut last = Vec::new();
    until(&format!("{count} finished runs"), || {
        last = runs(home);
        let settled = last.len() >= count && last.iter().all(|run| run.state != RunState::Running);
        settled.then(|| last.clone())
    })
}

/// What `bpctl WORDS…` says beside the shells.
pub(crate) fn bpctl(home: &Home, words: &[&str]) -> Output {
    home.environment(Command::new(home.programs().join("bpctl")))
        .args(words)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

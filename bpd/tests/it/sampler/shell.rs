//! A shell that does what a test types.

use std::io::Write as _;
use std::process::{Child, Command, Stdio};

use bp_proto::{Owner, process};

/// A shell that does what is written to it. Dies with the test, and so does its whole session.
pub(super) struct Shell {
    pub(super) child: Child,
}

impl Shell {
    pub(super) fn new() -> Self {
        // As terminals have it: every shell is given something that no other one is.
        static WINDOWS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let window = WINDOWS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Self::with_environment("WINDOWID", &format!("{}.{window}", std::process::id()))
    }

    pub(super) fn with_environment(name: &str, value: &str) -> Self {
        let mut shell = Command::new("setsid");
        let child = shell.arg("sh").env(name, value).stdin(Stdio::piped()).spawn().unwrap();
        let shell = Self { child };
        // `setsid` becomes `sh` without a fork: the pid stays.
        let name = || std::fs::read_to_string(format!("/proc/{}/comm", shell.child.id())).unwrap();
        while name().trim() != "sh" && name().trim() != "dash" {
            std::thread::yield_now();
        }
        shell
    }

    pub(super) fn types(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    pub(super) fn owner(&self) -> Owner {
        let pid = self.child.id();
        Owner { pid, start_ticks: process::start_ticks(pid).unwrap() }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let session = self.child.id() as i32;
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            let stat = std::fs::read(entry.path().join("stat")).unwrap_or_default();
            if process::stat_field(&stat, 6) == Some(session as u64) {
                kill(pid);
            }
        }
        let _ = self.child.wait();
    }
}

pub(super) fn kill(pid: i32) {
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
}

pub(super) fn children_of(pid: u32) -> Vec<u32> {
    let list = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    list.split_ascii_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

//! A bash with the hook, into which workloads are typed; and one without, beside which it is seen what the hook burns.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::daemon::Daemon;
use crate::pty::{self, Terminal};

/// Lines that do nothing, of which the median is taken.
const IDLE_LINES: usize = 15;

pub(super) struct Shell {
    terminal: Terminal,
    _home: tempfile::TempDir,
    /// CPU time of the shell for a line that does nothing.
    pub(super) idle: Duration,
    /// What of it is the hook's.
    pub(super) hook: Duration,
}

impl Shell {
    pub(super) fn start(daemon: &Daemon, path: &std::ffi::OsStr, dir: &Path) -> Result<Self> {
        let hook = daemon.bpctl().args(["init", "bash", "--no-start"]).output()?;
        let hook = String::from_utf8(hook.stdout).context("the hook is not UTF-8")?;
        let (mut bare, _bare_home) = terminal(daemon, path, dir, "")?;
        let (mut terminal, home) = terminal(daemon, path, dir, &hook)?;
        let (without, idle) = (idle(&mut bare), idle(&mut terminal));
        Ok(Self { terminal, _home: home, idle, hook: idle.saturating_sub(without) })
    }

    /// Types a line and waits for the prompt. → what the shell burned of its own for it.
    pub(super) fn line(&mut self, line: &str) -> Duration {
        self.terminal.cost_of(line).saturating_sub(self.idle)
    }
}

fn terminal(
    daemon: &Daemon,
    path: &std::ffi::OsStr,
    dir: &Path,
    hook: &str,
) -> Result<(Terminal, tempfile::TempDir)> {
    let home = tempfile::Builder::new().prefix("bp").tempdir_in("/tmp")?;
    let prompt = "PS1='<<P:$((++__n)):$?>>'; set +H; bind 'set enable-bracketed-paste off'";
    let rc = format!("HISTFILE=~/history\nHISTSIZE=1000\n{hook}\n{prompt}\n");
    std::fs::write(home.path().join(".bashrc"), rc)?;
    let mut command: Command = pty::clean("bash");
    command.arg("-i").env("HOME", home.path()).env("BP_HOME", daemon.home()).env("PATH", path);
    command.current_dir(dir);
    let mut terminal = Terminal::start(command);
    terminal.prompt();
    Ok((terminal, home))
}

fn idle(terminal: &mut Terminal) -> Duration {
    let mut costs: Vec<Duration> = (0..IDLE_LINES).map(|_| terminal.cost_of(": nothing")).collect();
    costs.sort_unstable();
    costs[IDLE_LINES / 2]
}

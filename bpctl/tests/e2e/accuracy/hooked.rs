//! Workloads typed into a shell with the hook.

use std::fs;

use workload::suite::waited;
use workload::{Bound, Truth};

use super::lines::{self, LINES};
use super::verdict::{Expected, hold};
use crate::served::{Served, until};
use crate::shells::{Home, Kind, Shell, Transport};

struct Typist {
    shell: Shell,
    /// What a line costs the shell that does nothing: reading it, the hook, the prompt.
    idle_ns: u64,
}

impl Typist {
    fn start(kind: Kind, home: Home) -> (Self, Served) {
        home.rc(kind, "", true, lines::functions(kind));
        let command = home.command(kind, Transport::Mailbox);
        let bpd = Served::start(&home);
        let mut typist = Self { shell: Shell::from(home, command), idle_ns: 0 };
        // The first lines make what the shell keeps: files, functions, memory.
        let mut idle: Vec<u64> = (0..7).map(|_| typist.line(": nothing")).collect();
        idle.sort_unstable();
        typist.idle_ns = idle[idle.len() / 2];
        (typist, bpd)
    }

    /// Types a line and waits for the prompt. → CPU time of the shell itself from Enter on.
    fn line(&mut self, line: &str) -> u64 {
        self.shell.terminal.send(line);
        // Echoed to its end.
        self.shell.terminal.shows(&line[line.len().saturating_sub(8)..]);
        let before = self.own_ns();
        self.shell.terminal.send("\r");
        self.shell.terminal.prompt();
        self.own_ns() - before
    }

    /// CPU time of the shell, which has only one thread, so far. Exact while it sleeps.
    fn own_ns(&self) -> u64 {
        self.shell.terminal.waits();
        let stat = fs::read_to_string(format!("/proc/{}/schedstat", self.shell.terminal.pid())).unwrap();
        stat.split(' ').next().unwrap().parse().unwrap()
    }

    fn record(
        &mut self,
        number: usize,
        line: &str,
        reports: usize,
        cpu: Bound,
        peak_is_known: bool,
    ) -> Expected {
        let own_ns = self.line(line);
        let mark = format!("truth-{number:02}");
        let file = self.shell.home.work().join(&mark);
        Expected {
            name: format!("{line:?}"),
            mark,
            truth: until(line, || Truth::read(&file, reports).unwrap()),
            shell_ns: own_ns.saturating_sub(self.idle_ns),
            cpu,
            peak_is_known,
            wrapped: false,
        }
    }
}

fn every_workload(kind: Kind, home: Home) {
    let (mut typist, _bpd) = Typist::start(kind, home);
    let mut made = Vec::new();
    for (number, case) in waited().enumerate() {
        let (line, reports) = case.line_to(&format!("truth-{number:02}"));
        made.push(typist.record(number, &line, reports, case.cpu, case.peak_is_known));
    }
    hold(&typist.shell.home, &made);
}

fn every_line(kind: Kind, home: Home) {
    let (mut typist, _bpd) = Typist::start(kind, home);
    let mut made = Vec::new();
    for (number, line) in LINES.iter().enumerate() {
        let text = line.text.replace("{file}", &format!("truth-{number:02}"));
        made.push(typist.record(number, &text, line.reports, line.cpu, false));
    }
    hold(&typist.shell.home, &made);
}

#[test]
fn what_bash_says_of_a_workload_is_within_the_bounds() {
    every_workload(Kind::Bash, Home::new());
}

#[test]
fn what_zsh_says_of_a_workload_is_within_the_bounds() {
    every_workload(Kind::Zsh, Home::new());
}

#[test]
fn what_bash_says_to_a_user_without_privileges_is_within_the_bounds() {
    every_workload(Kind::Bash, Home::unprivileged());
}

#[test]
fn what_zsh_says_to_a_user_without_privileges_is_within_the_bounds() {
    every_workload(Kind::Zsh, Home::unprivileged());
}

#[test]
fn what_bash_burns_itself_is_within_the_bounds() {
    every_line(Kind::Bash, Home::new());
}

#[test]
fn what_zsh_burns_itself_is_within_the_bounds() {
    every_line(Kind::Zsh, Home::unprivileged());
}

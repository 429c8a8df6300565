//! Workloads typed into a shell with the hook.

use std::time::Duration;

use workload::suite::CASES;
use workload::{Bound, Group, Truth};

use super::Place;
use super::lines;
use super::verdict::{Expected, hold};
use crate::pty::Terminal;
use crate::served::{Served, until};
use crate::shells::{Home, Kind, Transport};

pub(super) struct Typist<'a> {
    terminal: Terminal,
    home: &'a Home,
    kind: Kind,
    /// What a line costs the shell that does nothing: reading it, the hook, the prompt.
    idle: Duration,
    _group: Option<Group>,
}

impl<'a> Typist<'a> {
    pub(super) fn start(kind: Kind, home: &'a Home, place: Place) -> (Self, Served) {
        home.rc(kind, "", true, lines::functions(kind));
        let mut command = home.command(kind, Transport::Mailbox);
        let group = place.group();
        if let Some(group) = &group {
            group.put(&mut command).unwrap();
        }
        let bpd = Served::start(home);
        let mut typist =
            Self { terminal: Terminal::start(command), home, kind, idle: Duration::ZERO, _group: group };
        typist.terminal.prompt();
        // The first lines make what the shell keeps: files, functions, memory.
        let mut idle: Vec<Duration> = (0..7).map(|_| typist.terminal.cost_of(": nothing")).collect();
        idle.sort_unstable();
        typist.idle = idle[idle.len() / 2];
        (typist, bpd)
    }

    /// Types a line and waits for the next prompt.
    pub(super) fn types(&mut self, line: &str) {
        self.terminal.line(line);
    }

    /// Types a line of which `reports` reports will be in the file that `mark` names.
    fn record(&mut self, line: String, reports: usize, mark: String, cpu: Bound) -> Expected {
        let own = self.terminal.cost_of(&line);
        let file = self.home.work().join(&mark);
        Expected {
            truth: until(&line, || Truth::read(&file, reports).unwrap()),
            name: line,
            mark,
            shell_ns: own.saturating_sub(self.idle).as_nanos() as u64,
            cpu,
            peak_is_known: false,
            wrapped: false,
            is_silent: self.kind == Kind::Fish,
            stolen_s: 0.0,
        }
    }
}

fn every_workload(kind: Kind, home: &Home, place: Place) {
    let (mut typist, _bpd) = Typist::start(kind, home, place);
    hold(home, place == Place::Scope, CASES.len(), |at, mark| {
        let (line, reports) = CASES[at].line_to(&mark);
        let made = typist.record(line, reports, mark, CASES[at].cpu);
        Expected { peak_is_known: CASES[at].peak_is_known, ..made }
    });
}

fn every_line(kind: Kind, home: &Home, place: Place) {
    let (mut typist, _bpd) = Typist::start(kind, home, place);
    let lines = lines::lines(kind);
    hold(home, place == Place::Scope, lines.len(), |at, mark| {
        let line = lines[at].text.replace("{file}", &mark);
        typist.record(line, lines[at].reports, mark, lines[at].cpu)
    });
}

#[test]
fn what_bash_says_of_a_workload_is_within_the_bounds() {
    every_workload(Kind::Bash, &Home::new(), Place::Anywhere);
}

#[test]
fn what_zsh_says_of_a_workload_is_within_the_bounds() {
    every_workload(Kind::Zsh, &Home::new(), Place::Anywhere);
}

#[test]
fn what_bash_says_to_a_user_without_privileges_is_within_the_bounds() {
    every_workload(Kind::Bash, &Home::unprivileged(), Place::Anywhere);
}

#[test]
fn what_zsh_says_to_a_user_without_privileges_is_within_the_bounds() {
    every_workload(Kind::Zsh, &Home::unprivileged(), Place::Anywhere);
}

#[test]
fn what_bash_burns_itself_is_within_the_bounds() {
    every_line(Kind::Bash, &Home::new(), Place::Anywhere);
}

#[test]
fn what_zsh_burns_itself_is_within_the_bounds() {
    every_line(Kind::Zsh, &Home::unprivileged(), Place::Anywhere);
}

#[test]
fn what_bash_says_without_a_counter_is_within_the_bounds_or_flagged() {
    every_workload(Kind::Bash, &Home::unprivileged().without_counters(), Place::Anywhere);
}

#[test]
fn what_zsh_says_without_a_counter_is_within_the_bounds_or_flagged() {
    every_workload(Kind::Zsh, &Home::new().without_counters(), Place::Anywhere);
}

#[test]
fn what_bash_says_in_a_scope_of_its_own_needs_no_counter() {
    every_workload(Kind::Bash, &Home::new().without_counters(), Place::Scope);
}

#[test]
fn what_zsh_says_in_a_scope_of_its_own_needs_no_counter() {
    every_workload(Kind::Zsh, &Home::unprivileged().without_counters(), Place::Scope);
}

#[test]
fn what_bash_burns_itself_in_a_scope_of_its_own_needs_no_counter() {
    every_line(Kind::Bash, &Home::unprivileged().without_counters(), Place::Scope);
}

#[test]
fn what_fish_says_of_a_workload_is_within_the_bounds() {
    every_workload(Kind::Fish, &Home::new(), Place::Anywhere);
}

#[test]
fn what_fish_says_without_a_counter_is_within_the_bounds_or_flagged() {
    every_workload(Kind::Fish, &Home::unprivileged().without_counters(), Place::Anywhere);
}

#[test]
fn what_fish_says_in_a_scope_of_its_own_needs_no_counter() {
    every_workload(Kind::Fish, &Home::new().without_counters(), Place::Scope);
}

#[test]
fn what_fish_burns_itself_is_within_the_bounds() {
    every_line(Kind::Fish, &Home::unprivileged(), Place::Anywhere);
}

#[test]
fn what_fish_burns_itself_is_within_the_bounds_without_a_counter() {
    every_line(Kind::Fish, &Home::new().without_counters(), Place::Anywhere);
}

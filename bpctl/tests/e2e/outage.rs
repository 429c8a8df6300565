//! Fifty shells type on while bpd hangs, and while there is none: all of it is recorded when it is back, in order and once.

use std::path::Path;
use std::process::Command;
use std::thread;

use bp_proto::request::{ListQuery, Request};
use bp_proto::{Run, RunState};

use crate::pty::Terminal;
use crate::quiet::Trace;
use crate::served::{Served, ask, until};
use crate::shells::{Home, Kind, Transport};

const SHELLS: usize = 50;
/// What each types while bpd hangs.
const HUNG: usize = 200;
/// And then, while there is none.
const ABSENT: usize = 20;

/// Whoever speaks to bpd, or starts somebody who does.
const CALLS: &str = "trace=socket,connect,sendto,sendmsg,clone,clone3,fork,vfork";

/// One of them.
struct Typist {
    name: String,
    terminal: Terminal,
    /// Of the first of each kind: what it asked the kernel for.
    trace: Option<Trace>,
    /// Calls of its own start.
    before: usize,
}

impl Typist {
    fn start(home: &Home, nth: usize) -> Self {
        let kind = [Kind::Bash, Kind::Zsh, Kind::Fish][nth % 3];
        let mut command = home.command(kind, Transport::Mailbox);
        let log = (nth < 3).then(|| home.work().join(format!("strace{nth}")));
        if let Some(log) = &log {
            command = traced(&command, log);
        }
        let mut terminal = Terminal::start(command);
        terminal.prompt();
        let trace = log.map(|log| Trace { log });
        let before = trace.as_ref().map_or(0, calls);
        Self { name: format!("{}{nth}", kind.name()), terminal, trace, before }
    }

    fn line(&self, nth: usize) -> String {
        format!(": {} {nth}", self.name)
    }

    fn types(&mut self, lines: std::ops::Range<usize>) {
        for nth in lines {
            let prompt = self.terminal.line(self.line(nth));
            assert_eq!(prompt.status, 0, "{}", self.line(nth));
        }
    }
}

fn traced(shell: &Command, log: &Path) -> Command {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-e", CALLS, "-o"]).arg(log);
    command.arg(shell.get_program()).args(shell.get_args()).env_clear();
    command.current_dir(shell.get_current_dir().unwrap());
    for (name, value) in shell.get_envs() {
        command.env(name, value.unwrap());
    }
    command
}

/// Processes that were started, and words that were sent. fish has threads of its own.
fn calls(trace: &Trace) -> usize {
    let log = std::fs::read_to_string(&trace.log).unwrap_or_default();
    let called = log.lines().filter(|line| line.contains('(') && !line.contains("CLONE_THREAD"));
    called.filter(|line| !line.contains("resumed>")).count()
}

/// All type at once, each at its own pace.
fn everybody_types(typists: &mut [Typist], lines: std::ops::Range<usize>) {
    thread::scope(|scope| {
        for typist in typists {
            scope.spawn(|| typist.types(lines.clone()));
        }
    });
}

/// Waits until so many runs are recorded and have ended. → All, the oldest first.
fn recorded(home: &Home, count: usize) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut seen = 0;
    while seen < count as u64 {
        // As long as it takes: only what stands still fails.
        seen = until(&format!("more than {seen} of {count} runs"), || {
            let status: serde_json::Value = ask(home, &Request::Status)?;
            status["runs"].as_u64().filter(|now| *now > seen)
        });
    }
    until("the end of them all", || {
        runs.clear();
        loop {
            let before = runs.last().map(|run| format!("{}-{}", run.started_at.unwrap().0, run.id));
            let query = ListQuery { limit: Some(500), before, ..ListQuery::default() };
            let page: Vec<Run> = ask(home, &Request::List(query)).unwrap();
            if page.is_empty() {
                break;
            }
            runs.extend(page);
        }
        runs.iter().all(|run| run.state != RunState::Running).then_some(())
    });
    runs.reverse();
    runs
}

fn check(typists: &[Typist], runs: &[Run], lines: usize) {
    assert_eq!(runs.len(), typists.len() * lines);
    for typist in typists {
        let prefix = format!(": {} ", typist.name);
        let of_it =
            runs.iter().filter(|run| run.command.as_ref().is_some_and(|text| text.starts_with(&prefix)));
        let of_it: Vec<_> = of_it.collect();
        let told: Vec<_> = of_it.iter().map(|run| run.command.clone().unwrap()).collect();
        let typed: Vec<_> = (0..lines).map(|nth| typist.line(nth)).collect();
        assert_eq!(told, typed);
        assert!(of_it.iter().all(|run| run.state == RunState::Finished && run.exit_code == Some(0)));
        assert!(of_it.iter().all(|run| run.session == of_it[0].session && run.session.is_some()));
        assert!(of_it.is_sorted_by_key(|run| run.id), "{}", typist.name);
    }
    let uids: std::collections::BTreeSet<_> = runs.iter().map(|run| run.uid).collect();
    assert_eq!(uids.len(), runs.len());
}

#[test]
fn ten_thousand_commands_of_fifty_shells_outlast_a_bpd_that_hangs_and_one_that_is_not_there() {
    let home = Home::new();
    for kind in [Kind::Bash, Kind::Zsh, Kind::Fish] {
        home.rc(kind, "", true, "");
    }
    let bpd = Served::start(&home);
    let mut typists: Vec<_> = (0..SHELLS).map(|nth| Typist::start(&home, nth)).collect();

    let hung = bpd.hang();
    everybody_types(&mut typists, 0..HUNG);
    let bpd = hung.go_on();
    check(&typists, &recorded(&home, SHELLS * HUNG), HUNG);

    bpd.kill();
    everybody_types(&mut typists, HUNG..HUNG + ABSENT);
    for typist in &typists {
        let Some(trace) = &typist.trace else { continue };
        let made = calls(trace) - typist.before;
        assert_eq!(made, 0, "{}: {}", typist.name, std::fs::read_to_string(&trace.log).unwrap());
    }
    let _bpd = Served::start(&home);
    check(&typists, &recorded(&home, SHELLS * (HUNG + ABSENT)), HUNG + ABSENT);

    // A fork and a word are seen when there are some.
    for typist in &mut typists[..3] {
        typist.terminal.line("/bin/true");
        assert!(calls(typist.trace.as_ref().unwrap()) > typist.before, "{}", typist.name);
    }
}

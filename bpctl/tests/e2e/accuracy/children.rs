//! Who burned it: what bp says of each child against the child's own account, and that the rows add up to the total.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use bp_proto::{Child, Run, RunState};
use workload::Truth;

use super::Place;
use super::hooked::Typist;
use super::verdict::counts;
use crate::served::{Served, runs, until};
use crate::shells::{Home, Kind};

/// A child's own last steps behind its report, and a counter that is read a little late or counts what a host has taken.
const ALLOWANCE_S: f64 = 0.004;
const ALLOWANCE_SHARE: f64 = 0.06;

/// By which rounding may hide a remainder: two accounts to the clock tick.
const NOISE_S: f64 = 0.041;

/// A hook's run is looked at some 20 ms after its start, and again and again within its first second.
const MET_S: f64 = 0.1;

const ATTEMPTS: usize = 4;

/// A line, `workload` being on the search path under these names too; each of them reports to a file of its own.
struct Case {
    line: &'static str,
    names: &'static [&'static str],
}

const CASES: &[Case] = &[
    // Both end between the looks at 100 and at 200 ms after their start, and others begin there.
    Case {
        line: "alpha burn 130 --truth {alpha} & beta burn 60 --truth {beta} & wait",
        names: &["alpha", "beta"],
    },
    Case { line: "alpha burn 230 --truth {alpha}; beta burn 5 --truth {beta}", names: &["alpha", "beta"] },
    Case { line: "alpha burn 90 --threads 2 --truth {alpha}", names: &["alpha"] },
    Case { line: "alpha make 3 --truth {alpha}", names: &[] },
    Case { line: "alpha storm 2000 --truth {alpha}", names: &[] },
];

impl Case {
    fn line(&self, attempt: usize) -> String {
        let mark = |name: &str| format!("{name}-{attempt}");
        self.line.replace("{alpha}", &mark("alpha")).replace("{beta}", &mark("beta"))
    }
}

/// What `workload` is called in this home besides.
fn call_it(home: &Home, names: &[&str]) {
    for name in names {
        let link = home.programs().join(name);
        if !link.exists() {
            fs::hard_link(home.programs().join("workload"), link).unwrap();
        }
    }
}

/// The last run of this text, with its figures.
fn recorded(home: &Home, line: &str) -> Run {
    until(line, || {
        let of_line = |run: &Run| {
            let is_its = run.command.as_deref().is_some_and(|command| command.contains(line));
            is_its && run.state == RunState::Finished && run.run_stats.is_some()
        };
        runs(home).into_iter().rfind(of_line)
    })
}

/// What is wrong with the children of this run; nothing = all is well.
fn faults(run: &Run, case: &Case, is_counted: bool, truth: impl Fn(&str) -> f64) -> String {
    let mut faults = Vec::new();
    let total = run.run_stats.as_ref().and_then(|stats| stats.cpu_seconds).unwrap();
    let Some(rest) = &run.rest else { return format!("nothing is said of the rest: {run:?}") };
    let named: f64 = run.children.iter().map(|child| child.cpu_seconds).sum();
    let left = rest.cpu_seconds + rest.shell_seconds.unwrap_or(0.0) + rest.untold_seconds.unwrap();
    if (named + left - total).abs() > NOISE_S + ALLOWANCE_SHARE * total {
        faults.push(format!("the rows come to {:.3} of {total:.3} s", named + left));
    }
    for name in case.names {
        let truth = truth(name);
        let most = truth + ALLOWANCE_S + ALLOWANCE_SHARE * truth;
        let right = truth - ALLOWANCE_S - ALLOWANCE_SHARE * truth;
        // Whoever lived for so long was met, and what was met is counted to its end.
        let is_told = is_counted && truth > MET_S;
        match run.children.iter().find(|child| child.name == *name) {
            Some(Child { cpu_seconds, at_least, .. })
                if *cpu_seconds > most || (*cpu_seconds < right && (is_told || !at_least)) =>
            {
                faults.push(format!("{name}: {cpu_seconds:.4} of {truth:.4} s, at least: {at_least}"));
            }
            // Nobody saw it: then it is among what is not told apart.
            None if is_told || rest.untold_seconds.unwrap() < right.min(truth - NOISE_S) => {
                faults.push(format!("{name} with {truth:.4} s is in no row"));
            }
            _ => {}
        }
    }
    if faults.is_empty() { String::new() } else { format!("{faults:?} {:?} {rest:?}", run.children) }
}

/// Makes the runs and holds them to the truth. What was off is made again: an interrupt or a host that takes the CPU away
/// is charged to whoever runs then.
fn hold(home: &Home, mut make: impl FnMut(&str)) {
    call_it(home, &["alpha", "beta"]);
    let is_counted = counts(home);
    for (at, case) in CASES.iter().enumerate() {
        let mut said = String::new();
        let mut wrong = true;
        for attempt in 0..ATTEMPTS {
            let line = case.line(at * ATTEMPTS + attempt);
            make(&line);
            let truth = |name: &str| {
                let file = home.work().join(format!("{name}-{}", at * ATTEMPTS + attempt));
                until(name, || Truth::read(&file, 1).unwrap()).cpu_seconds()
            };
            let faults = faults(&recorded(home, &line), case, is_counted, truth);
            wrong = !faults.is_empty();
            if !wrong {
                break;
            }
            let _ = writeln!(said, "{line}: {faults}");
        }
        // What was right at last is worth a look all the same.
        std::io::stderr().write_all(said.as_bytes()).ok();
        assert!(!wrong, "wrong each time:\n{said}");
    }
}

fn typed(kind: Kind, home: &Home) {
    let (mut typist, _bpd) = Typist::start(kind, home, Place::Anywhere);
    hold(home, |line| typist.types(line));
}

fn wrapped(home: &Home) {
    let _bpd = Served::start(home);
    hold(home, |line| {
        let mut bpctl = home.environment(Command::new(home.programs().join("bpctl")));
        let path = format!("{}:{}", home.programs().display(), std::env::var("PATH").unwrap());
        bpctl.args(["run", "--quiet", "-c", line]).env("PATH", path);
        bpctl.current_dir(home.work()).stdin(Stdio::null());
        assert!(bpctl.status().unwrap().success(), "{line}");
    });
}

#[test]
fn what_children_of_bash_burned_is_told_apart_or_said_not_to_be() {
    typed(Kind::Bash, &Home::unprivileged());
}

#[test]
fn what_children_of_zsh_burned_is_told_apart_or_said_not_to_be_without_a_counter() {
    typed(Kind::Zsh, &Home::unprivileged().without_counters());
}

#[test]
fn what_children_of_fish_burned_is_told_apart_or_said_not_to_be() {
    typed(Kind::Fish, &Home::unprivileged());
}

#[test]
fn what_children_of_bpctl_run_burned_is_told_apart_or_said_not_to_be() {
    wrapped(&Home::unprivileged());
}

#[test]
fn what_children_of_bpctl_run_burned_is_told_apart_or_said_not_to_be_without_a_counter() {
    wrapped(&Home::unprivileged().without_counters());
}

/// `bpctl run` has read the clock of what it waited for, though nobody looked at it: the shell is the command here.
#[test]
fn the_command_of_bpctl_run_is_told_exactly_however_short_it_is() {
    let home = Home::unprivileged().without_counters();
    let _bpd = Served::start(&home);
    call_it(&home, &["alpha"]);
    let mut bpctl = home.environment(Command::new(home.programs().join("bpctl")));
    bpctl.args(["run", "--quiet", "--"]).arg(home.programs().join("alpha"));
    bpctl.args(["burn", "3", "--truth", "alpha-truth"]).current_dir(home.work()).stdin(Stdio::null());
    assert!(bpctl.status().unwrap().success());
    let run = recorded(&home, "alpha-truth");
    let total = run.run_stats.as_ref().unwrap().cpu_seconds.unwrap();
    let [alpha] = &run.children[..] else { panic!("{:?}", run.children) };
    assert_eq!((alpha.name.as_str(), alpha.processes, alpha.at_least), ("alpha", 1, false));
    assert!((alpha.cpu_seconds - total).abs() < 0.0005, "{alpha:?} of {total}");
    assert_eq!(run.rest.unwrap().untold_seconds, Some(0.0));
}

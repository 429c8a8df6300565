//! Workloads under `bpctl run`.

use std::process::{Command, Stdio};

use workload::Truth;
use workload::suite::Case;

use super::cases;
use super::verdict::{Expected, hold};
use crate::served::{Served, until};
use crate::shells::Home;

fn record(home: &Home, case: &Case, mark: String) -> Expected {
    let (line, reports) = case.program_to(&mark);
    let mut bpctl = home.environment(Command::new(home.programs().join("bpctl")));
    let path = format!("{}:{}", home.programs().display(), std::env::var("PATH").unwrap());
    bpctl.args(["run", "--quiet", "--"]).args(line.split(' ')).env("PATH", path);
    bpctl.current_dir(home.work()).stdin(Stdio::null());
    assert!(bpctl.status().unwrap().success(), "{line}");
    let file = home.work().join(&mark);
    Expected {
        name: format!("{line:?} by bpctl run"),
        mark,
        truth: until(&line, || Truth::read(&file, reports).unwrap()),
        shell_ns: 0,
        cpu: case.cpu,
        peak_is_known: case.peak_is_known,
        wrapped: true,
        stolen_s: 0.0,
    }
}

fn every_workload(home: &Home) {
    let _bpd = Served::start(home);
    let cases = cases();
    hold(home, cases.len(), |at, mark| record(home, cases[at], mark));
}

#[test]
fn what_bpctl_run_says_of_a_workload_is_within_the_bounds() {
    every_workload(&Home::new());
}

#[test]
fn what_bpctl_run_says_to_a_user_without_privileges_is_within_the_bounds() {
    every_workload(&Home::unprivileged());
}

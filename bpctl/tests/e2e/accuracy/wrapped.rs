//! Workloads under `bpctl run`.

use std::process::{Command, Stdio};

use workload::suite::{CASES, Case};
use workload::{Group, Truth};

use super::Place;
use super::verdict::{Expected, hold};
use crate::served::{Served, until};
use crate::shells::Home;

/// `groups`: those of before, which stay as long as bpd may ask them.
fn record(home: &Home, place: Place, groups: &mut Vec<Group>, case: &Case, mark: String) -> Expected {
    let (line, reports) = case.program_to(&mark);
    let mut bpctl = home.environment(Command::new(home.programs().join("bpctl")));
    let path = format!("{}:{}", home.programs().display(), std::env::var("PATH").unwrap());
    bpctl.args(["run", "--quiet", "--"]).args(line.split(' ')).env("PATH", path);
    bpctl.current_dir(home.work()).stdin(Stdio::null());
    let group = place.group();
    if let Some(group) = &group {
        group.put(&mut bpctl).unwrap();
    }
    assert!(bpctl.status().unwrap().success(), "{line}");
    groups.extend(group);
    let file = home.work().join(&mark);
    Expected {
        name: format!("{line:?} by bpctl run"),
        mark,
        truth: until(&line, || Truth::read(&file, reports).unwrap()),
        shell_ns: 0,
        cpu: case.cpu,
        peak_is_known: case.peak_is_known,
        wrapped: true,
        is_silent: false,
        stolen_s: 0.0,
    }
}

fn every_workload(home: &Home, place: Place) {
    let _bpd = Served::start(home);
    let mut groups = Vec::new();
    hold(home, place == Place::Scope, CASES.len(), |at, mark| {
        record(home, place, &mut groups, &CASES[at], mark)
    });
}

#[test]
fn what_bpctl_run_says_of_a_workload_is_within_the_bounds() {
    every_workload(&Home::new(), Place::Anywhere);
}

#[test]
fn what_bpctl_run_says_to_a_user_without_privileges_is_within_the_bounds() {
    every_workload(&Home::unprivileged(), Place::Anywhere);
}

#[test]
fn what_bpctl_run_says_without_a_counter_is_within_the_bounds_or_flagged() {
    every_workload(&Home::new().without_counters(), Place::Anywhere);
}

#[test]
fn what_bpctl_run_says_in_a_scope_of_its_own_needs_no_counter() {
    every_workload(&Home::unprivileged().without_counters(), Place::Scope);
}

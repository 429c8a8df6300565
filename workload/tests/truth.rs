//! The workloads tell the truth: what they report is what the shell that waited for them, and the kernel's own account
//! of a control group, say too.

#![allow(clippy::unwrap_used, reason = "a failure in a test is a panic")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use workload::Group;
use workload::suite::{CASES, Case, waited};
use workload::truth::Truth;

/// Only a failure waits that long.
const DEADLINE: Duration = Duration::from_secs(60);

/// Being started by a shell and ending, behind the report: for each process.
const AROUND_S: f64 = 0.004;
const SHARE: f64 = 0.01;

/// Runs the case's line by bash, `before` in front of it and `times` behind. → what was printed, and the truth.
fn run(case: &Case, before: &str) -> (String, Truth) {
    let dir = tempfile::tempdir().unwrap();
    let programs = Path::new(env!("CARGO_BIN_EXE_workload")).parent().unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let (line, reports) = case.line_to("t");
    let output = Command::new("bash")
        .args(["-c", &format!("{before}\n{line}\ntimes")])
        .env("PATH", path)
        .env("LC_ALL", "C")
        .current_dir(dir.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}: {}", case.name, String::from_utf8_lossy(&output.stderr));
    let until = Instant::now() + DEADLINE;
    let truth = loop {
        if let Some(truth) = Truth::read(&dir.path().join("t"), reports).unwrap() {
            break truth;
        }
        assert!(Instant::now() < until, "{}: reports are missing", case.name);
        std::thread::sleep(Duration::from_millis(10));
    };
    (String::from_utf8(output.stdout).unwrap(), truth)
}

fn check(case: &Case, truth: Truth, other: f64, by: &str) {
    let allowed = other * SHARE + AROUND_S * case.reports as f64;
    let off = (truth.cpu_seconds() - other).abs();
    assert!(off <= allowed, "{}: {} s by itself, {other} s by {by}", case.name, truth.cpu_seconds());
}

/// `0m1.250s 0m0.010s` of the second line of `times`, summed up.
fn children_seconds(times: &str) -> f64 {
    let line = times.lines().nth(1).unwrap();
    line.split_whitespace()
        .map(|time| {
            let (minutes, seconds) = time.trim_end_matches('s').split_once('m').unwrap();
            minutes.parse::<f64>().unwrap() * 60.0 + seconds.parse::<f64>().unwrap()
        })
        .sum()
}

#[test]
fn the_shell_that_waited_for_a_workload_says_the_same() {
    for case in waited() {
        let (times, truth) = run(case, "");
        check(case, truth, children_seconds(&times), "the shell");
    }
}

#[test]
fn a_control_group_says_the_same_of_all_of_them_also_of_what_nobody_waits_for() {
    for case in CASES {
        let Ok(group) = Group::new() else {
            // The other test needs nothing; of what nobody waits for only a group can account.
            eprintln!("no control group can be made here");
            return;
        };
        // The shell of before is in the group as well: it waits, and costs next to nothing.
        let (_, truth) = run(case, &format!("echo $$ >{}/cgroup.procs || exit", group.path().display()));
        let until = Instant::now() + DEADLINE;
        while !group.is_empty().unwrap() {
            assert!(Instant::now() < until, "{}: processes are left", case.name);
            std::thread::sleep(Duration::from_millis(10));
        }
        check(case, truth, group.seconds().unwrap(), "its control group");
    }
}

/// Whether `workload counter` succeeds, started by `program` with these words before it.
fn may_count(program: &str, words: &[&str]) -> bool {
    let workload = env!("CARGO_BIN_EXE_workload");
    let mut asked = Command::new(program);
    asked.args(words).args([workload, "counter"]).status().unwrap().success()
}

#[test]
fn a_program_without_counters_may_open_none_whoever_it_is() {
    let workload = env!("CARGO_BIN_EXE_workload");
    let refused = ["without-counter", "--"];
    assert!(!may_count(workload, &refused));
    assert!(!may_count(workload, &[&refused[..], &["env"]].concat()), "nor what it starts");
    if rustix::process::geteuid().is_root() && may_count("env", &[]) {
        let nobody = ["--reuid=65534", "--clear-groups"];
        let dir = tempfile::Builder::new().prefix("bp").tempdir_in("/tmp").unwrap();
        let copy = dir.path().join("workload");
        fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        fs::copy(workload, &copy).unwrap();
        let copy = copy.to_str().unwrap();
        let status = |before: &[&str]| {
            Command::new("setpriv").args(nobody).args(before).args([copy, "counter"]).status().unwrap()
        };
        assert!(!status(&[&[copy], &refused[..]].concat()).success(), "without privileges");
    }
}

//! bpd comes, goes and comes again under `bpctl run`: one run each, its totals exact, its curve as far as bpd was there.

use std::process::{Child, Command, Stdio};

use bp_proto::client::Client;
use bp_proto::request::SamplesQuery;
use bp_proto::spool::Spool;
use bp_proto::{Point, Quality, Request, Run, RunState};

use crate::served::{Served, runs, settled, until};
use crate::shells::Home;

/// Points of a curve after which bpd has written them: what is younger, a kill may cost.
const ON_DISK: usize = 64;

/// Burns until there is a file `enough`.
const BURN: &str = "while ! [ -e enough ]; do :; done; exit 3";

fn start(home: &Home, words: &[&str]) -> Child {
    let mut command = home.environment(Command::new(env!("CARGO_BIN_EXE_bpctl")));
    command.arg("run").args(words).current_dir(home.work());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn enough(home: &Home) {
    std::fs::write(home.work().join("enough"), "").unwrap();
}

fn curve(home: &Home, run: u64) -> Vec<Point> {
    let socket = home.bp().join("run/bpd.sock");
    let request = Request::Samples { run: run.to_string(), query: SamplesQuery::default() };
    let mut client = Client::connect(&socket, std::time::Duration::from_secs(10)).unwrap();
    client.ask(&request).unwrap()
}

fn running(home: &Home) -> Option<Run> {
    runs(home).into_iter().find(|run| run.state == RunState::Running)
}

/// Waits until the only run's curve has `points` more than `before`; → how many.
fn grown(home: &Home, before: usize, points: usize) -> usize {
    until("a curve that grows", || {
        let now = curve(home, running(home)?.id).len();
        (now >= before + points).then_some(now)
    })
}

fn only_run(home: &Home, child: &mut Child) -> Run {
    enough(home);
    assert_eq!(child.wait().unwrap().code(), Some(3));
    let recorded = settled(home, 1);
    assert_eq!(recorded.len(), 1, "{recorded:#?}");
    let run = recorded.into_iter().next().unwrap();
    let stats = run.run_stats.as_ref().unwrap();
    assert_eq!((run.state, run.exit_code), (RunState::Finished, Some(3)));
    assert_eq!((stats.quality, stats.incomplete), (Quality::Exact, false));
    let spool = Spool::at(home.bp().join("data/spool"));
    until("an empty spool", || {
        let waiting = spool.waiting().unwrap();
        (waiting.runs.is_empty() && waiting.starts.is_empty()).then_some(())
    });
    run
}

#[test]
fn a_bpd_that_is_killed_and_started_again_goes_on_with_the_curve() {
    let home = Home::new();
    std::fs::create_dir_all(home.bp()).unwrap();
    std::fs::write(home.bp().join("config.toml"), "[sampling]\ninterval_s = 0.1\n").unwrap();
    let bpd = Served::start(&home);
    let mut child = start(&home, &["-c", BURN]);
    grown(&home, 0, ON_DISK + 5);
    bpd.kill();
    let _bpd = Served::start(&home);
    let kept = curve(&home, until("the run goes on", || running(&home)).id).len();
    assert!(kept >= ON_DISK, "{kept}");
    grown(&home, kept, 2);
    let run = only_run(&home, &mut child);
    let points = curve(&home, run.id);
    let seconds: Vec<f64> = points.iter().map(|point| point.ts).collect();
    assert!(points.len() > kept + 2 && seconds.is_sorted(), "{kept} {points:?}");
    // No more than one core, and no hole that was filled with all of it.
    assert!(points.iter().all(|point| point.cpu_percent < 220.0), "{points:?}");
}

#[test]
fn a_bpd_that_comes_after_the_command_draws_its_curve_from_then_on() {
    let home = Home::new();
    let mut child = start(&home, &["--tag", "t", "-c", BURN]);
    let spool = Spool::at(home.bp().join("data/spool"));
    until("the start in the spool", || (spool.waiting().unwrap().starts.len() == 1).then_some(()));
    let _bpd = Served::start(&home);
    grown(&home, 0, 3);
    let run = only_run(&home, &mut child);
    assert_eq!(run.tags, ["t"]);
    assert!(run.run_stats.unwrap().samples >= 3);
}

#[test]
fn a_wrapper_that_was_killed_while_bpd_was_away_leaves_a_lost_run() {
    let home = Home::new();
    let mut child = start(&home, &["-c", "exec sleep 1000"]);
    let spool = Spool::at(home.bp().join("data/spool"));
    until("the start in the spool", || (spool.waiting().unwrap().starts.len() == 1).then_some(()));
    let children = format!("/proc/{0}/task/{0}/children", child.id());
    let orphan: i32 = until("the command", || std::fs::read_to_string(&children).ok()?.trim().parse().ok());
    child.kill().unwrap();
    child.wait().unwrap();
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(orphan).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
    let _bpd = Served::start(&home);
    let recorded = settled(&home, 1);
    assert_eq!((recorded.len(), recorded[0].state), (1, RunState::Lost));
    until("an empty spool", || spool.waiting().unwrap().starts.is_empty().then_some(()));
}

#[test]
fn two_hundred_wrappers_at_once_are_recorded_once_each_when_bpd_is_killed_under_them() {
    const WRAPPERS: usize = 200;
    let home = Home::new();
    let bpd = Served::start(&home);
    let wait = "while ! [ -e enough ]; do sleep 0.2; done; exit 3";
    let mut children: Vec<Child> = (0..WRAPPERS / 2)
        .map(|number| start(&home, &["--quiet", "-c", &format!("{wait} # {number}")]))
        .collect();
    bpd.kill();
    children.extend(
        (WRAPPERS / 2..WRAPPERS)
            .map(|number| start(&home, &["--quiet", "-c", &format!("{wait} # {number}")])),
    );
    let _bpd = Served::start(&home);
    enough(&home);
    for child in &mut children {
        assert_eq!(child.wait().unwrap().code(), Some(3));
    }
    let mut recorded = settled(&home, WRAPPERS);
    assert_eq!(recorded.len(), WRAPPERS);
    recorded.sort_by(|a, b| a.command.cmp(&b.command));
    recorded.dedup_by(|a, b| a.command == b.command);
    assert_eq!(recorded.len(), WRAPPERS, "one was recorded twice, and another not at all");
    assert!(recorded.iter().all(|run| run.exit_code == Some(3)));
}

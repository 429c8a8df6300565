//! A kernel that does not list the children of a process: all processes are asked for their parents now and then.

use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::time::Instant as StdInstant;

use super::*;
use crate::sampler::probe::Probe;

const PATIENCE: Duration = Duration::from_secs(60);

/// A shell that does what is written to it, and ends with all that it has started.
struct Typing(Child);

impl Typing {
    fn new() -> Self {
        Self(Command::new("setsid").arg("sh").stdin(Stdio::piped()).spawn().unwrap())
    }

    fn types(&mut self, line: &str) {
        writeln!(self.0.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    fn owner(&self) -> Owner {
        let pid = self.0.id();
        Owner { pid, start_ticks: process::start_ticks(pid).unwrap() }
    }

    /// CPU time of the shell and of what it has waited for, nanoseconds.
    fn burnt(&self) -> u64 {
        let fields = std::fs::read(format!("/proc/{}/stat", self.0.id())).unwrap();
        (14..=17).map(|field| process::stat_field(&fields, field).unwrap() * 10_000_000).sum()
    }

    fn is_running(&self, name: &str) -> bool {
        let pid = self.0.id();
        let list = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
        list.split_whitespace().any(|child| {
            std::fs::read_to_string(format!("/proc/{child}/comm")).is_ok_and(|comm| comm.trim() == name)
        })
    }
}

impl Drop for Typing {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.0);
        let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
        let _ = self.0.wait();
    }
}

async fn stage() -> Stage {
    let mut stage = Stage::new(Duration::from_millis(100), None);
    stage.probe = Probe::without_lists();
    take(&mut stage, Body::CaughtUp).await;
    stage
}

/// Samples until what is looked for is there. → the last sample of each call in between.
async fn sampled_until(stage: &mut Stage, mut found: impl FnMut(&Stage) -> bool) {
    let until = StdInstant::now() + PATIENCE;
    while !found(stage) {
        assert!(StdInstant::now() < until, "it never came");
        tokio::time::sleep_until(stage.deadline().unwrap()).await;
        stage.tick();
    }
}

fn most_processes(stage: &Stage) -> u32 {
    let processes = |measured: &Measured| match measured {
        Measured::Sample { sample, .. } => Some(sample.processes),
        _ => None,
    };
    stage.out.iter().filter_map(processes).max().unwrap_or(0)
}

fn finished(stage: &mut Stage) -> Finish {
    let finish = stage.out.drain(..).find_map(|measured| match measured {
        Measured::Event(Event { body: Body::Finish(finish), .. }) => Some(*finish),
        _ => None,
    });
    finish.expect("no run has ended")
}

#[tokio::test]
async fn children_and_theirs_are_found_and_counted_all_the_same() {
    let mut shell = Typing::new();
    let mut stage = stage().await;
    let (begun, before) = (start(1, shell.owner()), shell.burnt());
    let begun = Start { draft: Draft { source: Source::Api, ..begun.draft }, ..begun };
    take(&mut stage, Body::Start(Box::new(begun))).await;
    // It goes on until it was seen, however seldom all processes are asked on a busy machine.
    let dir = tempfile::tempdir().unwrap();
    let seen = dir.path().join("seen");
    let more = format!("[ $i -lt 300000 ] || ! [ -e {} ]", seen.display());
    let work = format!("i=0; while {more}; do i=$((i+1)); done");
    shell.types(&format!("sh -c 'sh -c \"{}\"; true'; sleep 60", work.replace('$', "\\$")));
    // The shell, its child and that one's.
    sampled_until(&mut stage, |stage| most_processes(stage) >= 3).await;
    std::fs::write(seen, "").unwrap();
    sampled_until(&mut stage, |_| shell.is_running("sleep")).await;
    take(&mut stage, Body::Finish(Box::new(finish(1)))).await;
    let truth = shell.burnt() - before;
    let finish = finished(&mut stage);
    let cpu_ns = finish.totals.unwrap().cpu_ns.unwrap();
    assert!(truth > 100_000_000, "the work was too small to prove anything: {truth}");
    assert!(cpu_ns.abs_diff(truth) <= 40_000_000, "{cpu_ns} of {truth}");
}

#[tokio::test]
async fn what_a_line_leaves_running_is_found_at_its_end_however_lately_all_were_asked() {
    let mut shell = Typing::new();
    let mut stage = stage().await;
    let begun = start(1, shell.owner());
    let begun = Start { draft: Draft { source: Source::Hook, ..begun.draft }, ..begun };
    take(&mut stage, Body::Start(Box::new(begun))).await;
    shell.types("sleep 60 &");
    while !shell.is_running("sleep") {
        tokio::task::yield_now().await;
    }
    // No time for another look: the first one has just been.
    let end = Finish { took: Some(Duration::from_secs(1)), ..finish(1) };
    take(&mut stage, Body::Finish(Box::new(end))).await;
    assert_eq!(stage.jobs.len(), 1, "the line is over, its job is not");
    let is_background = |measured: &Measured| {
        let Measured::Event(Event { body: Body::Phase { phased, .. }, .. }) = measured else { return false };
        phased.phase == bp_proto::event::Phase::Background
    };
    assert!(stage.out.iter().any(is_background), "{:?}", stage.out);
}

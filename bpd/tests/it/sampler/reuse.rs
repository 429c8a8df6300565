//! Pids that come again between two readings, in a pid namespace where that can be had.

use super::apart::{self, World};
use super::*;

const LAST_PID: &str = "/proc/sys/kernel/ns_last_pid";

const ROOT: World = World { proc: "rw", uid: 0, clocks: &[] };

/// Of processes that follow one another.
const TIMES: usize = 12;

fn block_on(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

/// A run of the shell and of all that it starts: what it has cost is known from its processes alone.
fn whole(lab: &mut Lab, shell: &Shell) -> Start {
    let start = lab.hook_start(shell, "work");
    Start { draft: Draft { source: Source::Api, ..start.draft }, ..start }
}

/// CPU time of the shell and of what it has waited for, nanoseconds.
fn burnt(shell: &Shell) -> u64 {
    let stat = std::fs::read(format!("/proc/{}/stat", shell.child.id())).unwrap();
    (14..=17).map(|field| process::stat_field(&stat, field).unwrap() * 10 * MS).sum()
}

async fn told(lab: &mut Lab, file: &std::path::Path) -> Vec<Sample> {
    let mut curve = Vec::new();
    while !file.exists() {
        curve.push(
            lab.next(|measured| match measured {
                Measured::Sample { sample, .. } => Some(sample),
                _ => None,
            })
            .await,
        );
    }
    curve
}

#[test]
fn processes_that_follow_one_another_with_one_pid_are_each_counted_once() {
    let test = "sampler::reuse::processes_that_follow_one_another_with_one_pid_are_each_counted_once";
    let Some(dir) = apart::enter(test, &ROOT) else { return };
    block_on(async {
        let mut lab = Lab::new().await;
        let mut shell = Shell::new();
        let start = whole(&mut lab, &shell);
        let uid = start.uid;
        let before = burnt(&shell);
        lab.start(start).await;
        let over = dir.join("over");
        let work = "i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done";
        let first = format!("sh -c '{work}' & P=$!; wait $P");
        let again = format!(
            "echo $((P-1)) >{LAST_PID}; sh -c '{work}' & echo $! $P >>{}; wait",
            dir.join("pids").display()
        );
        shell.types(&format!(
            "{first}; n=1; while [ $n -lt {TIMES} ]; do {again}; n=$((n+1)); done; : >{}",
            over.display()
        ));
        let curve = told(&mut lab, &over).await;
        let finish = lab.finish(ended(uid, None)).await;
        let truth = burnt(&shell) - before;

        let pids = std::fs::read_to_string(dir.join("pids")).unwrap();
        let reused = pids.lines().filter(|line| line.split_once(' ').is_some_and(|(a, b)| a == b)).count();
        assert_eq!(reused, TIMES - 1, "{pids}");
        assert!(truth > 300 * MS, "the work was too small to prove anything: {truth}");
        let cpu_ns = finish.totals.unwrap().cpu_ns.unwrap();
        assert!(cpu_ns.abs_diff(truth) <= 40 * MS, "{cpu_ns} of {truth}");
        assert!(curve.iter().all(|sample| sample.processes <= 2), "{curve:?}");
        let named: f64 = finish.children.iter().map(|child| child.cpu_seconds * 1e9).sum();
        assert!(named <= truth as f64 + 40e6, "{:?} of {truth}", finish.children);
    });
}

#[test]
fn a_stranger_with_the_pid_of_a_process_that_is_gone_is_not_the_runs() {
    let test = "sampler::reuse::a_stranger_with_the_pid_of_a_process_that_is_gone_is_not_the_runs";
    let Some(dir) = apart::enter(test, &ROOT) else { return };
    block_on(async {
        let mut lab = Lab::new().await;
        let (mut shell, mut other) = (Shell::new(), Shell::new());
        let start = whole(&mut lab, &shell);
        let uid = start.uid;
        let before = burnt(&shell);
        lab.start(start).await;
        shell.types(&format!("sh -c '{BURN}'"));
        lab.sample(uid, |sample| sample.processes == 2 && sample.cpu_ns > 200 * MS).await;
        let pid = children_of(shell.child.id())[0];
        let taken = dir.join("taken");
        let wait = format!("echo ready >{}; while kill -0 {pid} 2>/dev/null; do :; done", taken.display());
        let take = format!("echo $(({pid}-1)) >{LAST_PID}; sh -c '{BURN}' & echo $! >{}", taken.display());
        other.types(&format!("{wait}; {take}"));
        let said = || std::fs::read_to_string(&taken).unwrap_or_default();
        while said() != "ready\n" {
            std::thread::yield_now();
        }
        kill(pid as i32);
        while said() != format!("{pid}\n") {
            assert!(["", "ready\n"].contains(&said().as_str()), "another pid than {pid}: {}", said());
            lab.next(|_| Some(())).await;
        }
        let burns = |pid: u32| {
            let fields = std::fs::read(format!("/proc/{pid}/stat")).unwrap();
            process::stat_field(&fields, 14).unwrap() * 10 * MS
        };
        lab.next(|_| (burns(pid) > 500 * MS).then_some(())).await;
        let last = lab.sample(uid, |sample| sample.at_ms > 0).await;
        assert_eq!(last.processes, 1, "{last:?}");
        let finish = lab.finish(ended(uid, None)).await;
        let truth = burnt(&shell) - before;
        let cpu_ns = finish.totals.unwrap().cpu_ns.unwrap();
        assert!(cpu_ns.abs_diff(truth) <= 40 * MS, "{cpu_ns} of {truth}");
    });
}

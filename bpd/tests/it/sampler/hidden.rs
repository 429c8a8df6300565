//! A bpd without rights: what another user's processes do below its shells.

use super::apart::{self, NOBODY, World};
use super::*;

const OTHER: u32 = 65533;

/// Burns some tenths of a second.
const WORK: &str = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done";

fn block_on(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

/// CPU time that the shell has in its books for what it has waited for, nanoseconds.
fn waited_ns(pid: u32) -> u64 {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).unwrap();
    [16, 17].iter().map(|field| process::stat_field(&stat, *field).unwrap() * 10 * MS).sum()
}

fn is_asleep(pid: u32) -> bool {
    children_of(pid).iter().any(|child| {
        std::fs::read_to_string(format!("/proc/{child}/comm")).is_ok_and(|name| name.trim() == "sleep")
    })
}

#[test]
fn another_users_child_is_measured_and_what_it_writes_is_unknown_until_it_is_waited_for() {
    let world = World { proc: "rw", uid: NOBODY, clocks: &[] };
    let test = "sampler::hidden::another_users_child_is_measured_and_what_it_writes_is_unknown_until_it_is_waited_for";
    let Some(dir) = apart::enter(test, &world) else { return };
    block_on(async {
        let mut lab = Lab::new().await;
        let mut shell = Shell::new();
        let start = lab.hook_start(&shell, "sudo make");
        let (uid, pid) = (start.uid, shell.child.id());
        lab.start(start).await;
        shell.types(&format!("{} sh -c '{BURN}'", apart::sudo(&dir, OTHER)));
        let sample = lab.sample(uid, |sample| sample.cpu_ns > 300 * MS && sample.processes == 1).await;
        let child = children_of(pid)[0];
        assert!(std::fs::read(format!("/proc/{child}/io")).is_err(), "it is not ours to know");
        assert!(sample.rss_bytes > 0);
        // It goes on behind the prompt: the run stays open until the child ends, which only its own user can bring about.
        assert!(lab.finish_line(ended(uid, None)).await.is_none());
        let kill = format!("{} kill -9 {child}", apart::sudo(&dir, OTHER));
        assert!(std::process::Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        let totals = lab.finished(uid).await.totals.unwrap();
        assert!(totals.cpu_ns.unwrap() >= sample.cpu_ns);
    });
}

#[test]
fn another_users_child_is_accounted_for_when_it_has_ended() {
    let world = World { proc: "rw", uid: NOBODY, clocks: &[] };
    let test = "sampler::hidden::another_users_child_is_accounted_for_when_it_has_ended";
    let Some(dir) = apart::enter(test, &world) else { return };
    block_on(ended_as_another(&dir));
}

async fn ended_as_another(dir: &std::path::Path) {
    let mut lab = Lab::new().await;
    let mut shell = Shell::new();
    let start = lab.hook_start(&shell, "sudo make");
    let (uid, pid) = (start.uid, shell.child.id());
    lab.start(start).await;
    let before = waited_ns(pid);
    shell.types(&format!("{} sh -c '{WORK}'; sleep 60", apart::sudo(dir, OTHER)));
    lab.next(|_| is_asleep(pid).then_some(())).await;
    // The curve has it by now.
    lab.sample(uid, |sample| sample.cpu_ns > 50 * MS).await;
    let truth = waited_ns(pid) - before;
    let totals = lab.finish(ended(uid, None)).await.totals.unwrap();
    assert!(truth > 100 * MS, "the work was too small to prove anything: {truth}");
    assert!(totals.cpu_ns.unwrap().abs_diff(truth) <= 40 * MS, "{totals:?} of {truth}");
    assert!(!totals.incomplete && totals.activity.written_bytes.is_some(), "{totals:?}");
}

#[test]
fn where_other_users_processes_are_hidden_ours_are_measured() {
    let world = World { proc: "hidepid=2", uid: NOBODY, clocks: &[] };
    let test = "sampler::hidden::where_other_users_processes_are_hidden_ours_are_measured";
    let Some(_) = apart::enter(test, &world) else { return };
    block_on(async {
        let mut lab = Lab::new().await;
        let mut shell = Shell::new();
        let start = lab.hook_start(&shell, "make");
        let (uid, pid) = (start.uid, shell.child.id());
        lab.start(start).await;
        let before = waited_ns(pid);
        shell.types(&format!("sh -c '{WORK}'; sleep 60"));
        let sample = lab.sample(uid, |sample| sample.cpu_ns > 50 * MS && sample.processes == 1).await;
        assert!(sample.rss_bytes > 0);
        lab.next(|_| is_asleep(pid).then_some(())).await;
        let truth = waited_ns(pid) - before;
        let totals = lab.finish(ended(uid, None)).await.totals.unwrap();
        assert!(totals.cpu_ns.unwrap().abs_diff(truth) <= 40 * MS, "{totals:?} of {truth}");
        assert!(!totals.incomplete && totals.activity.written_bytes.is_some(), "{totals:?}");
    });
}

#[test]
fn a_hidden_child_is_accounted_for_when_it_has_ended() {
    let world = World { proc: "hidepid=2", uid: NOBODY, clocks: &[] };
    let test = "sampler::hidden::a_hidden_child_is_accounted_for_when_it_has_ended";
    let Some(dir) = apart::enter(test, &world) else { return };
    block_on(ended_as_another(&dir));
}

#[test]
fn a_run_whose_hidden_child_lives_on_says_that_it_is_incomplete() {
    let world = World { proc: "hidepid=2", uid: NOBODY, clocks: &[] };
    let test = "sampler::hidden::a_run_whose_hidden_child_lives_on_says_that_it_is_incomplete";
    let Some(dir) = apart::enter(test, &world) else { return };
    block_on(async {
        let mut lab = Lab::new().await;
        let mut shell = Shell::new();
        let start = lab.hook_start(&shell, "sudo serve &");
        let (uid, pid) = (start.uid, shell.child.id());
        lab.start(start).await;
        shell.types(&format!("{} sh -c '{BURN}' &", apart::sudo(&dir, OTHER)));
        while children_of(pid).is_empty() {
            lab.next(|_| Some(())).await;
        }
        // Before it is another user's it is ours, and seen.
        let child = children_of(pid)[0];
        while std::path::Path::new(&format!("/proc/{child}")).exists() {
            std::thread::yield_now();
        }
        lab.sample(uid, |sample| sample.at_ms > 500).await;
        let totals = lab.finish(ended(uid, None)).await.totals.unwrap();
        assert!(totals.incomplete, "{totals:?}");
    });
}

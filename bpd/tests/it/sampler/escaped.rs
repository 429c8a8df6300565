//! Processes that nobody waits for, and whose cost is somebody's all the same.

use super::*;

/// Burns some tenths of a second, and then writes to `file` how long that took: clock ticks of CPU time.
pub(super) fn burn_and_tell(file: &std::path::Path) -> String {
    let file = file.display();
    format!(
        "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; cut -d\" \" -f14,15 /proc/$$/stat > {file}.new; mv {file}.new {file}"
    )
}

/// Types a line that starts [`burn_and_tell`] somewhere. → the run's totals when its shell has accounted for nothing of
/// it, and what it has cost by its own word, nanoseconds.
async fn unaccounted(line: impl Fn(&str) -> String) -> (Totals, u64) {
    let home = tempfile::tempdir().unwrap();
    let told = home.path().join("told");
    let script = home.path().join("burn.sh");
    std::fs::write(&script, burn_and_tell(&told)).unwrap();
    let mut lab = Lab::new().await;
    let mut shell = Shell::new();
    let start = lab.hook_start(&shell, "escapes");
    let uid = start.uid;
    lab.start(start).await;
    shell.types(&line(script.to_str().unwrap()));
    while !told.exists() {
        lab.next(|_| Some(())).await;
    }
    let reported = totals(Duration::from_millis(1), Quality::Times);
    let totals = lab.finish(ended(uid, Some(reported))).await.totals.unwrap();
    let ticks = std::fs::read_to_string(told).unwrap();
    (totals, ticks.split_whitespace().map(|ticks| ticks.parse::<u64>().unwrap() * 10 * MS).sum())
}

fn check_unaccounted((totals, truth): (Totals, u64)) {
    assert!(truth > 100 * MS, "the work was too small to prove anything: {truth}");
    let cpu_ns = totals.cpu_ns.unwrap();
    let counted = bp_proto::counter::Counter::kept().is_ok();
    if counted {
        // Whoever waited for its end went on for a while, and the host may have taken the CPU away.
        assert!(cpu_ns + 20 * MS >= truth && cpu_ns <= truth + truth / 8 + 60 * MS, "{cpu_ns} of {truth}");
    } else {
        assert!(totals.incomplete || cpu_ns + 40 * MS >= truth, "{totals:?} of {truth}");
    }
}

#[tokio::test]
async fn what_a_daemon_burned_that_nobody_waited_for_is_in_the_total() {
    check_unaccounted(unaccounted(|script| format!("setsid sh -c '(sh {script} &) & exit'")).await);
}

#[tokio::test]
async fn what_children_burned_whose_parent_does_not_want_to_know_is_in_the_total() {
    check_unaccounted(
        unaccounted(|script| format!("env --ignore-signal=CHLD sh -c 'sh {script} & sleep 60'")).await,
    );
}

#[tokio::test]
async fn what_an_earlier_job_burns_meanwhile_is_not_in_the_next_total() {
    let mut lab = Lab::new().await;
    let mut shell = Shell::new();
    // Of the first line the counter may have missed the beginning.
    for command in [":", "burn &"] {
        let start = lab.hook_start(&shell, command);
        let uid = start.uid;
        lab.start(start).await;
        if command != ":" {
            shell.types(&format!("sh -c '{BURN}' &"));
            lab.sample(uid, |sample| sample.cpu_ns > 20 * MS).await;
        }
        let finish = lab.finish_line(ended(uid, None)).await;
        assert_eq!(finish.is_none(), command != ":", "a job goes on");
    }
    let start = lab.hook_start(&shell, "sleep 60");
    let uid = start.uid;
    lab.start(start).await;
    shell.types("sleep 60");
    lab.sample(uid, |sample| sample.at_ms > 700).await;
    let reported = totals(Duration::from_millis(1), Quality::Times);
    let settled = lab.finish(ended(uid, Some(reported))).await.totals.unwrap();
    assert!(settled.cpu_ns.unwrap() < 50 * MS, "{settled:?}");
}

#[tokio::test]
async fn a_daemon_that_was_gone_from_its_parents_before_anybody_looked_is_its_runs() {
    let home = tempfile::tempdir().unwrap();
    let told = home.path().join("told");
    let script = home.path().join("burn.sh");
    std::fs::write(&script, burn_and_tell(&told)).unwrap();
    let mut lab = Lab::new().await;
    // Of its own environment: another test's daemons are not this shell's.
    let mut shell = Shell::with_environment("WINDOWID", home.path().to_str().unwrap());
    let start = lab.hook_start(&shell, "serve");
    let uid = start.uid;
    shell.types(&format!("(setsid sh {} &) ; exec sleep 60", script.display()));
    while !children_of(shell.child.id()).is_empty() || comm(shell.child.id()) != "sleep" {
        std::thread::yield_now();
    }
    // All this has happened when bpd hears of it.
    lab.start(start).await;
    let finish = lab.finish(ended(uid, Some(totals(Duration::from_millis(1), Quality::Times)))).await;
    assert!(finish.background, "{finish:?}");
    let amendment = loop {
        let amendment = lab.amended(uid).await;
        if told.exists() {
            break amendment;
        }
    };
    let ticks = std::fs::read_to_string(told).unwrap();
    let truth: u64 = ticks.split_whitespace().map(|ticks| ticks.parse::<u64>().unwrap() * 10 * MS).sum();
    let cpu_ns = amendment.totals.cpu_ns.unwrap() + amendment.totals.background_cpu_ns.unwrap();
    if bp_proto::counter::Counter::kept().is_ok() {
        assert!(cpu_ns + 20 * MS >= truth && cpu_ns <= truth + truth / 8 + 60 * MS, "{cpu_ns} of {truth}");
    }
}

fn comm(pid: u32) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap().trim().to_owned()
}

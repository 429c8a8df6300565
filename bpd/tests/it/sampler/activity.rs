//! What a line did besides burning CPU time, held against what the kernel has in its shell's books at the end.

use super::*;

/// Faults and bytes of a shell and of what it waited for so far.
fn books(pid: u32) -> (u64, u64) {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).unwrap();
    let faults = [10, 11].map(|field| process::stat_field(&stat, field).unwrap()).iter().sum();
    let io = std::fs::read_to_string(format!("/proc/{pid}/io")).unwrap();
    let written = io.lines().find_map(|line| line.strip_prefix("write_bytes: ")).unwrap();
    (faults, written.parse().unwrap())
}

#[tokio::test]
async fn faults_and_bytes_are_those_of_all_that_the_line_started() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut lab = Lab::new().await;
    let mut shell = Shell::new();
    let start = lab.hook_start(&shell, "work");
    let (uid, pid) = (start.uid, shell.child.id());
    let before = books(pid);
    lab.start(start).await;
    let script = "dd if=/dev/zero of=FILE bs=1M count=4 2>/dev/null; sleep 0.3; sh -c true; sh -c true";
    let script = script.replace("FILE", dir.path().join("written").to_str().unwrap());
    shell.types(&format!("sh -c '{script}'; touch {}; sleep 60", dir.path().join("over").display()));
    let seen = lab.sample(uid, |sample| sample.processes > 0).await;
    assert!(seen.rss_bytes > 0);
    while !dir.path().join("over").exists() {
        lab.next(|_| Some(())).await;
    }
    while children_of(pid).is_empty() {
        std::thread::yield_now();
    }
    // The last child is still there: what it did so far is not in the books.
    let truth = books(pid);
    let activity = lab.finish(ended(uid, None)).await.totals.unwrap().activity;
    let faults = activity.minor_faults.unwrap();
    assert!(faults >= truth.0 - before.0 && faults <= truth.0 - before.0 + 1000, "{activity:?} of {truth:?}");
    assert_eq!(activity.written_bytes, Some(truth.1 - before.1));
    assert!(activity.max_threads.unwrap() >= 1 && activity.read_bytes.is_some());
    assert_eq!(activity.voluntary_switches, None, "nobody counts them");
}

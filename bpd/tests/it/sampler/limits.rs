//! Many processes, many runs, other people's processes, no files left.

use super::*;

#[tokio::test]
async fn a_tree_of_two_thousand_processes_is_seen_whole() {
    let mut lab = Lab::new().await;
    let mut shell = Shell::new();
    let start = lab.hook_start(&shell, "many");
    let uid = start.uid;
    lab.start(start).await;
    shell.types("i=0; while [ $i -lt 2000 ]; do sleep 300 & i=$((i+1)); done; sleep 300");
    let sample = lab.sample(uid, |sample| sample.processes == 2001).await;
    assert!(sample.rss_bytes > 2001 * 4096);
    let totals = lab.finish(ended(uid, None)).await.totals.unwrap();
    assert_eq!(totals.max_processes, Some(2001));
}

#[tokio::test]
async fn two_hundred_runs_at_once_are_all_sampled() {
    let mut lab = Lab::new().await;
    let mut shells: Vec<Shell> = (0..200).map(|_| Shell::new()).collect();
    let mut waiting = std::collections::HashSet::new();
    for shell in &mut shells {
        let start = lab.hook_start(shell, "sleep 300");
        waiting.insert(start.uid);
        lab.start(start).await;
        shell.types("sleep 300");
    }
    while !waiting.is_empty() {
        let run = lab.next(|measured| match measured {
            Measured::Sample { run, sample } if sample.processes == 1 => Some(run),
            _ => None,
        });
        waiting.remove(&run.await);
    }
}

#[tokio::test]
async fn a_child_of_another_user_is_sampled_and_what_is_not_ours_to_know_is_unknown() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let mut lab = Lab::new().await;
    let mut shell = Shell::new();
    let start = lab.hook_start(&shell, "sudo");
    let uid = start.uid;
    lab.start(start).await;
    shell.types(&format!("setpriv --reuid 65534 --regid 65534 --clear-groups sh -c '{BURN}'"));
    let sample = lab.sample(uid, |sample| sample.cpu_ns > 100 * MS && sample.processes == 1).await;
    assert!(sample.rss_bytes > 0);
    let finish = lab.finish(ended(uid, None)).await;
    assert!(finish.totals.unwrap().cpu_ns.unwrap() >= sample.cpu_ns && finish.background);
}

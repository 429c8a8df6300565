//! Many processes, many runs.

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

//! Runs whose end is never reported, runs that a new bpd takes over, and the order of events.

use super::*;

pub(super) async fn a_run_is_lost_when_its_shell_dies_or_goes_on_without_it(probe: Probe) {
    let mut lab = Lab::on(probe).await;
    let shell = Shell::new();
    let first = lab.hook_start(&shell, "a");
    let first_uid = first.uid;
    lab.start(first).await;
    let second = lab.hook_start(&shell, "b");
    let second_uid = second.uid;
    drop(lab.send(Body::Start(Box::new(second))).await);
    let lost = lab.finished(first_uid).await;
    assert_eq!(lost.ending, Ending::Lost);

    drop(shell);
    let lost = lab.finished(second_uid).await;
    assert_eq!(lost.ending, Ending::Lost);
}

pub(super) async fn a_resumed_run_without_an_owner_is_lost_only_after_the_mail_was_read(probe: Probe) {
    let mut lab = Lab::resuming_on(probe, Vec::new());
    let gone = Owner { pid: 4_000_000, start_ticks: 1 };
    let shell = Shell::new();
    let mut start = |owner| {
        let mut start = lab.hook_start(&shell, "x");
        start.owner = Some(owner);
        start.draft.started_at = UnixMillis::now().minus(Duration::from_secs(3600));
        start
    };
    let (lost, answered, alive) = (start(gone), start(gone), start(shell.owner()));
    let kept = Sample { at_ms: 10_000, cpu_ns: 5_000 * MS, ..Sample::default() };
    let resumed = [&lost, &answered, &alive].map(|start| Resumed {
        start: start.clone(),
        last: Some(kept),
        phased: None,
    });
    let mut lab = Lab::resuming_on(probe, resumed.to_vec());

    // Its end was in the mailbox: it comes before the word that everything was read.
    let finish = lab.finish(ended(answered.uid, None)).await;
    assert_eq!(finish.ending, Ending::Exited { exit_code: Some(0), signal: None });
    drop(lab.send(Body::CaughtUp).await);
    let finish = lab.finished(lost.uid).await;
    assert_eq!(finish.ending, Ending::Lost);
    assert_eq!(finish.finished_at, lost.draft.started_at.plus(Duration::from_secs(10)));
    let sample = lab.sample(alive.uid, |_| true).await;
    assert!(sample.cpu_ns >= kept.cpu_ns && sample.at_ms > kept.at_ms, "{sample:?}");
}

pub(super) async fn ten_thousand_events_go_through_in_order(probe: Probe) {
    let mut lab = Lab::on(probe).await;
    let gone = Owner { pid: 4_000_000, start_ticks: 1 };
    let shell = Shell::new();
    let starts: Vec<Start> = (0..5000)
        .map(|_| {
            let mut start = lab.hook_start(&shell, "x");
            start.owner = Some(gone);
            start.draft.cwd = None;
            start
        })
        .collect();
    let events = lab.events.clone();
    let sent: Vec<Ulid> = starts.iter().map(|start| start.uid).collect();
    let sender = tokio::spawn(async move {
        for start in starts {
            let finish = ended(start.uid, None);
            for body in [Body::Start(Box::new(start)), Body::Finish(Box::new(finish))] {
                events.send(Event { body, reply: None }).await.unwrap();
            }
        }
    });
    for uid in sent {
        let begun = lab.next(|measured| match measured {
            Measured::Event(Event { body: Body::Start(start), .. }) => Some(start.uid),
            _ => None,
        });
        assert_eq!(begun.await, uid);
        lab.finished(uid).await;
    }
    sender.await.unwrap();
}

mod clocks;
mod described;
#[cfg(target_os = "linux")]
mod lists;
mod long;
#[cfg(target_os = "linux")]
mod resting;

use bp_proto::{Draft, Ending};

use super::*;

fn start(uid: u128, owner: Owner) -> Start {
    let draft = Draft { started_at: UnixMillis::now(), ..Draft::default() };
    Start { uid: Ulid::from(uid), draft, owner: Some(owner), under: None, parent: None, context: None }
}

fn finish(uid: u128) -> Finish {
    Finish {
        uid: Ulid::from(uid),
        finished_at: UnixMillis::now(),
        took: None,
        ending: Ending::Exited { exit_code: Some(0), signal: None },
        totals: None,
        children: Vec::new(),
        rest: None,
        waited: None,
        background: false,
    }
}

/// A process of its own as the shell: what this test's process has for children is other tests' business.
struct Shell(std::process::Child);

impl Shell {
    fn new() -> Self {
        Self(std::process::Command::new("sleep").arg("60").spawn().unwrap())
    }

    fn owner(&self) -> Owner {
        Owner { pid: self.0.id(), start_ticks: process::start_ticks(self.0.id()).unwrap() }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What comes of an event when nobody types on.
async fn take(stage: &mut Stage, body: Body) {
    stage.take(Event { body, reply: None }).await;
    stage.let_leave(true);
    stage.describe_all().await;
}

#[tokio::test]
async fn there_is_a_timer_only_while_a_run_is_open() {
    let shell = Shell::new();
    let mut stage = Stage::new(Duration::from_secs(1), None);
    take(&mut stage, Body::CaughtUp).await;
    assert_eq!(stage.deadline(), None);
    for uid in [1, 2] {
        take(&mut stage, Body::Start(Box::new(start(uid, shell.owner())))).await;
        assert!(stage.deadline().is_some());
        take(&mut stage, Body::Finish(Box::new(finish(uid)))).await;
        assert_eq!(stage.deadline(), None);
    }
}

#[tokio::test]
async fn a_run_that_ends_while_another_goes_on_leaves_the_timer() {
    let (one, other) = (Shell::new(), Shell::new());
    let mut stage = Stage::new(Duration::from_secs(1), None);
    take(&mut stage, Body::CaughtUp).await;
    take(&mut stage, Body::Start(Box::new(start(1, one.owner())))).await;
    take(&mut stage, Body::Start(Box::new(start(2, other.owner())))).await;
    take(&mut stage, Body::Finish(Box::new(finish(1)))).await;
    assert!(stage.deadline().is_some());
    take(&mut stage, Body::Finish(Box::new(finish(2)))).await;
    assert_eq!(stage.deadline(), None);
}

fn host_readings(stage: &Stage) -> usize {
    stage.out.iter().filter(|measured| matches!(measured, Measured::Host(_))).count()
}

#[tokio::test]
async fn there_is_a_timer_only_while_somebody_looks_at_the_machine() {
    let mut stage = Stage::new(Duration::from_secs(1), None);
    take(&mut stage, Body::CaughtUp).await;
    let page = std::sync::Arc::new(());
    take(&mut stage, Body::Watch(Watcher::While(std::sync::Arc::downgrade(&page)))).await;
    assert_eq!(host_readings(&stage), 1, "the first one at once");
    assert!(stage.deadline().is_some());
    stage.tick();
    assert!(stage.deadline().is_some(), "it is still open");
    drop(page);
    assert_eq!(stage.deadline(), None);

    // The last reading is old.
    stage.machine_due = Some(Duration::ZERO);
    take(&mut stage, Body::Watch(Watcher::Asked)).await;
    assert_eq!(host_readings(&stage), 2);
    assert!(stage.deadline().is_some());
    stage.watchers.asked_until = Some(Duration::ZERO);
    assert_eq!(stage.deadline(), None, "nobody has asked for a while");
}

#[tokio::test]
async fn the_machine_is_read_beside_a_run_that_was_open_when_bpd_came() {
    let shell = Shell::new();
    let mut stage = Stage::new(Duration::from_secs(1), None);
    stage.resume(vec![Resumed { start: start(1, shell.owner()), last: None, phased: None }]);
    assert_eq!(host_readings(&stage), 0);
    take(&mut stage, Body::CaughtUp).await;
    assert_eq!(host_readings(&stage), 1);
    assert!(stage.machine_due.is_some());
    let busy = stage.open[&Ulid::from(1)].busy;
    assert_eq!(busy, Some(stage.machine.busy()), "what was before the run is not its");
}

#[tokio::test]
async fn an_orphan_waits_without_a_timer_until_the_mail_was_read() {
    let gone = Owner { pid: 4_000_000, start_ticks: 1 };
    let mut stage = Stage::new(Duration::from_secs(1), None);
    stage.resume(vec![Resumed { start: start(1, gone), last: None, phased: None }]);
    stage.machine_due = None;
    assert_eq!(stage.deadline(), None);
    take(&mut stage, Body::CaughtUp).await;
    assert!(stage.deadline().is_some());
}

#[tokio::test]
async fn a_deleted_run_is_no_longer_read() {
    let shell = Shell::new();
    let mut stage = Stage::new(Duration::from_secs(1), None);
    take(&mut stage, Body::CaughtUp).await;
    take(&mut stage, Body::Start(Box::new(start(1, shell.owner())))).await;
    take(&mut stage, Body::Delete { run: Ulid::from(1) }).await;
    assert_eq!(stage.deadline(), None);
    assert_eq!(stage.tree.scope(&[Ulid::from(1)]), [0_u32; 0]);
}

//! Which runs are open, which processes are theirs, what they cost.
//!
//! `schedule`, `processes`, `tree`, `tally`, `totals` and `typed` are pure; `probe`, `machine`, `git` and `lookup` ask the machine;
//! `stage` holds what is open and says what events do to it, `tick` what time does, `ending` how runs end.

mod ending;
mod git;
mod lookup;
mod machine;
mod open;
mod probe;
mod processes;
mod schedule;
mod stage;
mod tail;
mod tally;
mod tick;
mod totals;
mod tree;
mod typed;

use std::time::Duration;

use bp_proto::{Sample, Start};
use tokio::sync::mpsc;

use crate::event::{Event, Measured};
use stage::Stage;

/// A run that was open when bpd last went away.
#[derive(Clone, Debug, PartialEq)]
pub struct Resumed {
    pub start: Start,
    /// The last sample that was kept: the curve goes on from it.
    pub last: Option<Sample>,
}

/// Passes events on in order, adds samples, totals, parents and losses. Ends when `events` closes.
///
/// `resumed` runs whose owner lives go on; the others are declared lost once [`crate::event::Body::CaughtUp`] came by:
/// what was left behind may hold their end.
pub async fn run(
    mut events: mpsc::Receiver<Event>,
    measured: mpsc::Sender<Measured>,
    resumed: Vec<Resumed>,
    interval: Duration,
) {
    let mut stage = Stage::new(interval);
    stage.resume(resumed);
    loop {
        let deadline = stage.deadline();
        tokio::select! {
            event = events.recv() => match event {
                Some(event) => stage.take(event).await,
                None => break,
            },
            () = until(deadline) => stage.tick(),
        }
        if !pass_on(&mut stage, &measured).await {
            return;
        }
    }
    stage.close();
    pass_on(&mut stage, &measured).await;
}

/// Nothing open: no timer at all.
async fn until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// → whether anybody still listens.
async fn pass_on(stage: &mut Stage, measured: &mpsc::Sender<Measured>) -> bool {
    while let Some(next) = stage.out.pop_front() {
        if measured.send(next).await.is_err() {
            return false;
        }
    }
    true
}

//! Which runs are open, which processes are theirs, what they cost.
//!
//! `schedule`, `activity`, `ledger`, `pids`, `processes`, `resting`, `tree`, `tally` and `totals` are pure; `probe`,
//! `counters`, `ends`, `scopes`, `machine`, `orphans`, `procfile`, `git` and `lookup` ask the machine;
//! `stage` holds what is open and says what events do to it, `tick` what time does, `ending` how runs end, `describing`
//! what is told with their starts, `counting` what their shells' counters are asked, `hearing` what those
//! showed when the shell wrote; `exits` learns how processes end, `departing` says which lines ended their shell, `jobs`
//! which live on in the background or stopped; `stretch` lets go of the CPU.

mod activity;
mod cost;
mod counters;
mod counting;
mod departing;
mod describing;
mod ending;
mod ends;
mod exits;
mod git;
mod hearing;
mod jobs;
mod ledger;
mod lookup;
mod machine;
mod open;
mod orphans;
mod pids;
mod probe;
mod processes;
mod procfile;
mod resting;
mod room;
mod schedule;
mod scopes;
mod stage;
mod stretch;
mod tail;
mod tally;
mod tick;
mod totals;
mod tree;
mod watchers;

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bp_proto::{Sample, Start};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::event::{Event, Measured, Phased};
use stage::Stage;
use stretch::Stretch;

#[doc(hidden)]
pub use cost::{Cost, cost};

/// After a reading that met a bug.
const REST: Duration = Duration::from_secs(1);

/// A run that was open when bpd last went away.
#[derive(Clone, Debug, PartialEq)]
pub struct Resumed {
    pub start: Start,
    /// The last sample that was kept: the curve goes on from it.
    pub last: Option<Sample>,
    /// Its last change of state, unless it was running all the time.
    pub phased: Option<Phased>,
}

/// Passes events on in order, adds samples, totals, parents and losses. Ends when `events` closes.
///
/// `resumed` runs whose owner lives go on; the others are declared lost once [`crate::event::Body::CaughtUp`] came by:
/// what was left behind may hold their end. `data` = where bpd's disk is asked about.
pub async fn run(
    events: mpsc::Receiver<Event>,
    measured: mpsc::Sender<Measured>,
    resumed: Vec<Resumed>,
    interval: Duration,
    data: PathBuf,
) {
    measure(Stage::new(interval, Some(data)), events, measured, resumed).await;
}

/// As [`run`], with the probe of systems without `/proc`. For tests.
#[cfg(target_os = "linux")]
#[doc(hidden)]
pub async fn run_portably(
    events: mpsc::Receiver<Event>,
    measured: mpsc::Sender<Measured>,
    resumed: Vec<Resumed>,
    interval: Duration,
) {
    let mut stage = Stage::new(interval, None);
    stage.look_with(probe::Probe::portable());
    measure(stage, events, measured, resumed).await;
}

async fn measure(
    mut stage: Stage,
    mut events: mpsc::Receiver<Event>,
    measured: mpsc::Sender<Measured>,
    resumed: Vec<Resumed>,
) {
    stage.resume(resumed);
    let mut exits = stage.take_exits();
    let mut rested = Instant::now();
    let mut stretch = Stretch::new();
    loop {
        let deadline = stage.deadline().map(|due| due.max(rested));
        stretch.go_on(!events.is_empty());
        tokio::select! {
            event = events.recv() => match event {
                Some(event) => {
                    survived(stage.take(event)).await;
                }
                None => break,
            },
            Some(exit) = exits.recv() => {
                survived(async { stage.exited(exit) }).await;
            }
            () = until(deadline) => {
                if !survived(async { stage.tick() }).await {
                    // What failed is due again at once.
                    rested = Instant::now() + REST;
                }
            }
        }
        survived(stage.describe_due()).await;
        if stage.undescribed.is_empty() && !pass_on(&mut stage, &measured).await {
            return;
        }
    }
    survived(stage.describe_all()).await;
    stage.close();
    pass_on(&mut stage, &measured).await;
}

/// A bug in what one event or one reading does costs that one: who waits for its reply hears that nobody answers, and
/// the other runs are recorded on. → whether it came to its end.
async fn survived(work: impl Future<Output = ()>) -> bool {
    let mut work = pin!(work);
    poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        polled.map_or_else(
            |_| {
                tracing::error!("the sampler has met a bug and goes on");
                Poll::Ready(false)
            },
            |polled| polled.map(|()| true),
        )
    })
    .await
}

/// Nothing open: no timer at all.
async fn until(deadline: Option<Instant>) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_bug_in_one_event_is_survived() {
        assert!(!survived(async { panic!("a bug") }).await);
        assert!(survived(async { tokio::task::yield_now().await }).await);
    }
}

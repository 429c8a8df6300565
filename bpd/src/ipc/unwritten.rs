//! Runs of `bpctl run` that ended while the disk could not be written. Their spool lies on the same disk, so bpd holds them
//! in memory and tries again. (Lines of shells wait in the mailbox.)

use std::sync::Arc;
use std::time::Duration;

use bp_proto::Failure;
use bp_proto::spool::Spooled;

use super::answer::{Room, submit};
use crate::event::Body;

/// Runs that wait at once. Those beyond it are lost, and that is logged.
pub(super) const MAX_UNWRITTEN: usize = 1024;

const RETRY: Duration = Duration::from_secs(10);

/// Stores a run that has ended. If the disk cannot be written, it is tried again until it can.
///
/// # Errors
/// It is not stored, or not yet.
pub(super) async fn store(room: &Arc<Room>, run: Spooled) -> Result<(), Failure> {
    let outcome = try_to_store(room, &run).await;
    if outcome.as_ref().is_err_and(is_for_want_of_disk) {
        wait(room, run);
    }
    outcome
}

fn wait(room: &Arc<Room>, run: Spooled) {
    let Ok(place) = Arc::clone(&room.unwritten).try_acquire_owned() else {
        tracing::error!("a run is lost: {MAX_UNWRITTEN} others wait for the disk already");
        return;
    };
    let room = Arc::clone(room);
    tokio::spawn(async move {
        let _place = place;
        loop {
            tokio::select! {
                () = tokio::time::sleep(RETRY) => {}
                () = room.stop.cancelled() => break,
            }
            match try_to_store(&room, &run).await {
                Err(failure) if is_for_want_of_disk(&failure) => {}
                Err(failure) => {
                    return tracing::warn!("a run that waited is not stored: {}", failure.error.message);
                }
                Ok(()) => return,
            }
        }
        // The next bpd takes it from there, if the disk can be written by now.
        if let Err(error) = room.spool.put(&run).and_then(|()| room.spool.settle(run.start.uid)) {
            tracing::error!("a run is lost: {error}");
        }
    });
}

async fn try_to_store(room: &Room, run: &Spooled) -> Result<(), Failure> {
    submit(room, Body::Start(Box::new(run.start.clone()))).await?;
    match submit(room, Body::Finish(Box::new(run.finish.clone()))).await {
        Err(failure) if failure.error.code != "run_already_finished" => Err(failure),
        _ => Ok(()),
    }
}

fn is_for_want_of_disk(failure: &Failure) -> bool {
    matches!(failure.error.code.as_str(), "disk_full" | "store_unwritable")
}

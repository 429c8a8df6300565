//! Accepts connections of the local socket and limits how many there are.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bp_proto::Failure;
use bp_proto::frame::{self, Kind};
use interprocess::local_socket::tokio::{Listener, Stream, prelude::*};
use tokio::io::AsyncWriteExt as _;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::answer::Room;
use super::conversation::converse;
use crate::seats::{Seat, Seats};

/// After an error of `accept`, mostly for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Serves until `stop`, then lets requests in flight end. One connection's panic ends that connection alone.
pub(super) async fn serve(
    listener: &Listener,
    seats: &Seats,
    room: Room,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let room = Arc::new(room);
    let mut connections = JoinSet::new();
    // Said once per shortage, not per try.
    let mut refusing = false;
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(ended) = connections.join_next() => log_panic(&ended),
            accepted = listener.accept() => match accepted {
                Ok(stream) => if let Some(seat) = seats.take(Instant::now()) {
                    refusing = false;
                    connections.spawn(serve_one(stream, seat, Arc::clone(&room), stop.clone()));
                    // It reads what its client has sent already, before another one may take its seat.
                    tokio::task::yield_now().await;
                } else {
                    if !std::mem::replace(&mut refusing, true) {
                        tracing::warn!("bpd works for {} connections; new ones are turned away", seats.limit());
                    }
                    turn_away(stream, seats.limit()).await;
                },
                Err(error) => {
                    if !std::mem::replace(&mut refusing, true) {
                        tracing::warn!("cannot accept connections: {error}");
                    }
                    seats.evict();
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    while let Some(ended) = connections.join_next().await {
        log_panic(&ended);
    }
    Ok(())
}

async fn serve_one(stream: Stream, seat: Seat, room: Arc<Room>, stop: CancellationToken) {
    tokio::select! {
        biased;
        () = seat.evicted() => {
            tracing::info!("closed the connection that was idle longest: all were in use");
        }
        () = converse(stream, &seat, room, stop) => {}
    }
}

fn log_panic(ended: &Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!("a connection ended badly: {error}");
    }
}

/// A word to a client that finds no room, as far as it fits into the socket's buffer.
async fn turn_away(mut stream: Stream, limit: usize) {
    let failure = Failure::new("busy", format!("bpd works for {limit} connections already"));
    if let Ok(json) = serde_json::to_vec(&failure) {
        let _ = tokio::time::timeout(
            Duration::from_millis(10),
            stream.write_all(&frame::encode(Kind::Failed, &json)),
        )
        .await;
    }
}

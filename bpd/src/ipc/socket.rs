//! Accepts connections of the local socket, as many as there may be.

use std::sync::Arc;
use std::time::Duration;

use bp_proto::Failure;
use bp_proto::frame::{self, Kind};
use interprocess::local_socket::tokio::{Listener, Stream, prelude::*};
use tokio::io::AsyncWriteExt as _;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::answer::Room;
use super::conversation::converse;

const MAX_CONNECTIONS: usize = 512;

/// How long a full table of open files is left alone before the next try.
const NO_FILES_PAUSE: Duration = Duration::from_millis(200);

/// Serves until `stop`, then lets requests in flight end. One connection's panic ends that connection alone.
pub(super) async fn serve(listener: &Listener, room: Room, stop: CancellationToken) -> anyhow::Result<()> {
    let room = Arc::new(room);
    let mut connections = JoinSet::new();
    // Said once per shortage, not per try.
    let mut refusing = false;
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(ended) = connections.join_next() => log_panic(&ended),
            accepted = listener.accept() => match accepted {
                Ok(stream) if connections.len() < MAX_CONNECTIONS => {
                    refusing = false;
                    connections.spawn(converse(stream, Arc::clone(&room), stop.clone()));
                }
                Ok(stream) => {
                    if !std::mem::replace(&mut refusing, true) {
                        tracing::warn!("more than {MAX_CONNECTIONS} connections; what comes is turned away");
                    }
                    turn_away(stream).await;
                }
                Err(error) => {
                    if !std::mem::replace(&mut refusing, true) {
                        tracing::warn!("cannot accept connections: {error}");
                    }
                    tokio::time::sleep(NO_FILES_PAUSE).await;
                }
            },
        }
    }
    while let Some(ended) = connections.join_next().await {
        log_panic(&ended);
    }
    Ok(())
}

fn log_panic(ended: &Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!("a connection ended badly: {error}");
    }
}

/// A word to a client that finds no room, as far as it fits into the socket's buffer.
async fn turn_away(mut stream: Stream) {
    let failure = Failure::new("busy", format!("bpd serves {MAX_CONNECTIONS} connections already"));
    if let Ok(json) = serde_json::to_vec(&failure) {
        let _ = tokio::time::timeout(
            Duration::from_millis(10),
            stream.write_all(&frame::encode(Kind::Failed, &json)),
        )
        .await;
    }
}

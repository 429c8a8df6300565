//! One connection of the local socket: frames in, answers out, each within its deadline.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bp_proto::frame::{
    self, Frame, FrameDecoder, FrameError, Kind, MAX_ANSWER_FRAME_BYTES, MAX_REQUEST_BYTES,
};
use bp_proto::{Failure, Request};
use interprocess::local_socket::tokio::{Stream, prelude::*};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::answer::{self, Room};
use super::import::Import;
use crate::seats::Seat;

/// Who connects has something to say.
const FIRST_BYTE: Duration = Duration::from_secs(2);
/// From a request's first byte to its last.
const WHOLE_REQUEST: Duration = Duration::from_secs(5);
/// How long a client may keep its connection between two requests.
const NEXT_REQUEST: Duration = Duration::from_secs(30);
/// How long a client may take to read one frame of its answer.
const WRITE: Duration = Duration::from_secs(5);

/// At most this much is held before a frame's header has named the peer's version.
const PIECE_BYTES: usize = 64 * 1024;

/// Answers until the client goes, falls silent or breaks the protocol; at `stop` as soon as it asks nothing.
pub(super) async fn converse(stream: Stream, seat: &Seat, room: Arc<Room>, stop: CancellationToken) {
    let mut talk = Talk { stream, decoder: FrameDecoder::new(MAX_REQUEST_BYTES) };
    let peer = talk.stream.peer_creds().ok();
    let process = peer.as_ref().and_then(|peer| u32::try_from(peer.pid()?).ok());
    if let Err(refusal) = admit(peer.and_then(|peer| peer.euid()), room.owner) {
        let _ = talk.answer(Err(refusal)).await;
        return;
    }
    let mut import = Import::default();
    let mut patience = FIRST_BYTE;
    loop {
        let frame = match talk.request(patience, &stop).await {
            Ok(Some(frame)) => frame,
            Ok(None) => return,
            Err(refusal) => {
                // The stream is out of step from here on.
                let _ = talk.answer(Err(refusal)).await;
                return;
            }
        };
        seat.work();
        let request = match understood(&frame) {
            Ok(request) => request,
            Err(refusal) => {
                seat.wait(std::time::Instant::now());
                if talk.answer(Err(refusal)).await.is_err() {
                    return;
                }
                continue;
            }
        };
        let is_stop = matches!(&request, Said::Ask(request) if matches!(**request, Request::Stop));
        let may_be_abandoned = is_question(&request);
        let answer = answer::answer(&room, request, process, &mut import);
        let answer = if may_be_abandoned {
            match talk.unless_gone(answer).await {
                Some(answer) => answer,
                None => return,
            }
        } else {
            answer.await
        };
        seat.wait(std::time::Instant::now());
        let answered = talk.answer(answer).await;
        if is_stop {
            room.stop.cancel();
        }
        if answered.is_err() {
            return;
        }
        patience = NEXT_REQUEST;
    }
}

/// Whether a request changes nothing, so that it may be dropped when the client no longer waits for its answer.
fn is_question(said: &Said) -> bool {
    let Said::Ask(request) = said else { return false };
    matches!(
        **request,
        Request::List(_)
            | Request::Show { .. }
            | Request::Samples { .. }
            | Request::Compare(_)
            | Request::Alerts(_)
            | Request::Overhead
    )
}

/// What a frame says.
pub(super) enum Said {
    Ask(Box<Request>),
    Mail { pid: u32, records: Vec<u8> },
}

fn understood(frame: &Frame) -> Result<Said, Failure> {
    match frame.kind {
        Kind::Ask => serde_json::from_slice(&frame.payload)
            .map(|request| Said::Ask(Box::new(request)))
            .map_err(|error| {
                Failure::new("malformed_request", format!("the request cannot be read: {error}"))
                    .with_hint("if bpctl is newer than bpd: bpctl daemon restart")
            }),
        Kind::Mail => match frame.payload.split_first_chunk() {
            Some((pid, records)) => {
                Ok(Said::Mail { pid: u32::from_le_bytes(*pid), records: records.to_vec() })
            }
            None => Err(Failure::new("malformed_request", "mail begins with the shell's pid, four bytes")),
        },
        Kind::More | Kind::Done | Kind::Failed => {
            Err(Failure::new("malformed_request", "only bpd sends answers"))
        }
    }
}

/// The socket is the user's alone already; this holds even where the directory's permissions were changed.
fn admit(peer: Option<u32>, owner: u32) -> Result<(), Failure> {
    if peer == Some(owner) {
        return Ok(());
    }
    tracing::warn!(?peer, owner, "refused a peer of another user");
    Err(Failure::new("not_permitted", "this bpd serves another user"))
}

#[derive(Debug)]
struct Talk {
    stream: Stream,
    decoder: FrameDecoder,
}

impl Talk {
    /// The next frame; `None` when the client is done or has said nothing in time.
    async fn request(
        &mut self,
        patience: Duration,
        stop: &CancellationToken,
    ) -> Result<Option<Frame>, Failure> {
        let mut deadline = Instant::now() + patience;
        let mut begun = self.decoder.is_midway();
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            match self.decoder.take() {
                Ok(Some(frame)) => return Ok(Some(frame)),
                Ok(None) => {}
                // No answer of ours would mean anything to it.
                Err(FrameError::NotOurs) => return Ok(None),
                Err(error @ FrameError::TooLarge { .. }) => {
                    return Err(Failure::new("too_large", error.to_string()));
                }
                Err(error) => return Err(Failure::new("protocol", error.to_string())),
            }
            if self.decoder.is_midway() && !begun {
                begun = true;
                deadline = Instant::now() + WHOLE_REQUEST;
            }
            let read = tokio::select! {
                biased;
                read = timeout_at(deadline, self.stream.read(&mut piece)) => read,
                () = stop.cancelled(), if !begun => return Ok(None),
            };
            match read {
                Ok(Ok(0) | Err(_)) => return Ok(None),
                Ok(Ok(length)) => self.decoder.push(&piece[..length]),
                Err(_) if begun => {
                    return Err(Failure::new("timeout", "the request did not arrive whole in time"));
                }
                Err(_) => return Ok(None),
            }
        }
    }

    /// The answer, or `None` when the client closes the connection before there is one. A further request that arrives
    /// meanwhile is kept for later; behind it the connection is not watched.
    async fn unless_gone<T>(&mut self, answer: impl Future<Output = T>) -> Option<T> {
        let mut answer = pin!(answer);
        let mut piece = vec![0; PIECE_BYTES];
        tokio::select! {
            biased;
            answer = &mut answer => return Some(answer),
            read = self.stream.read(&mut piece) => match read {
                Ok(0) | Err(_) => return None,
                Ok(length) => self.decoder.push(&piece[..length]),
            },
        }
        Some(answer.await)
    }

    async fn answer(&mut self, answer: Result<Vec<u8>, Failure>) -> io::Result<()> {
        let (last, json) = match answer {
            Ok(json) => (Kind::Done, json),
            Err(failure) => (Kind::Failed, serde_json::to_vec(&failure).map_err(io::Error::other)?),
        };
        let mut rest = json.as_slice();
        while rest.len() > MAX_ANSWER_FRAME_BYTES {
            let (part, more) = rest.split_at(MAX_ANSWER_FRAME_BYTES);
            self.write(Kind::More, part).await?;
            rest = more;
        }
        self.write(last, rest).await
    }

    async fn write(&mut self, kind: Kind, payload: &[u8]) -> io::Result<()> {
        let frame = frame::encode(kind, payload);
        timeout_at(Instant::now() + WRITE, self.stream.write_all(&frame)).await?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_owner_is_let_in_not_even_root_and_nobody_without_a_name() {
        assert!(admit(Some(1000), 1000).is_ok());
        for peer in [Some(0), Some(1001), None] {
            assert_eq!(admit(peer, 1000).unwrap_err().error.code, "not_permitted");
        }
    }
}

//! Frames of the local socket, both directions: `"bp"`, protocol version, kind, payload length (u32, little-endian),
//! payload. Written once, without a socket: the blocking client and the async daemon both feed bytes in.
//!
//! A request is one frame. An answer is any number of [`Kind::More`] frames and one [`Kind::Done`] or
//! [`Kind::Failed`]; their payloads joined are one JSON document.

use thiserror::Error;

/// Raised when a frame's meaning changes. Both sides send it in every frame.
pub const PROTOCOL: u8 = 1;

/// No honest request comes near this; a larger length means the peer speaks another protocol.
pub const MAX_REQUEST_BYTES: usize = 1 << 20;

/// Longer answers are sent in several frames.
pub const MAX_ANSWER_FRAME_BYTES: usize = 256 * 1024;

pub const HEADER_BYTES: usize = 8;
const MAGIC: [u8; 2] = *b"bp";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// JSON of [`crate::Request`].
    Ask = 1,
    /// Shell pid (u32, little-endian), then mailbox records as in [`crate::mailbox`].
    Mail = 2,
    /// A part of the answer; more follows.
    More = 3,
    /// The answer's last part.
    Done = 4,
    /// JSON of [`crate::Failure`].
    Failed = 5,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        [Self::Ask, Self::Mail, Self::More, Self::Done, Self::Failed]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub kind: Kind,
    pub payload: Vec<u8>,
}

#[derive(Debug, Error, PartialEq, Eq)]
pub enum FrameError {
    #[error("the peer does not speak bp's protocol")]
    NotOurs,
    #[error(
        "the peer speaks protocol {theirs}, this program speaks {PROTOCOL}; restart the older one \
         (`bpctl daemon restart`)"
    )]
    Version { theirs: u8 },
    #[error("unknown kind of frame: {0}")]
    UnknownKind(u8),
    #[error("a frame of {length} bytes is larger than {limit}")]
    TooLarge { length: usize, limit: usize },
}

/// The bytes of one frame.
pub fn encode(kind: Kind, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES + payload.len());
    bytes.extend_from_slice(&MAGIC);
    bytes.push(PROTOCOL);
    bytes.push(kind as u8);
    bytes.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// Takes frames out of bytes that arrive in any pieces.
#[derive(Debug)]
pub struct FrameDecoder {
    buffered: Vec<u8>,
    limit: usize,
}

impl FrameDecoder {
    pub fn new(limit: usize) -> Self {
        Self { buffered: Vec::new(), limit }
    }

    pub fn push(&mut self, bytes: &[u8]) {
        self.buffered.extend_from_slice(bytes);
    }

    /// Whether bytes of an unfinished frame are held.
    pub fn is_midway(&self) -> bool {
        !self.buffered.is_empty()
    }

    /// Takes the next whole frame, or `None` until more bytes arrive. An error is final: the stream is lost.
    pub fn take(&mut self) -> Result<Option<Frame>, FrameError> {
        let known = self.buffered.len().min(MAGIC.len());
        if self.buffered[..known] != MAGIC[..known] {
            return Err(FrameError::NotOurs);
        }
        if self.buffered.len() < HEADER_BYTES {
            return Ok(None);
        }
        if self.buffered[2] != PROTOCOL {
            return Err(FrameError::Version { theirs: self.buffered[2] });
        }
        let kind = Kind::from_byte(self.buffered[3]).ok_or(FrameError::UnknownKind(self.buffered[3]))?;
        let length =
            u32::from_le_bytes([self.buffered[4], self.buffered[5], self.buffered[6], self.buffered[7]])
                as usize;
        if length > self.limit {
            return Err(FrameError::TooLarge { length, limit: self.limit });
        }
        if self.buffered.len() < HEADER_BYTES + length {
            return Ok(None);
        }
        let rest = self.buffered.split_off(HEADER_BYTES + length);
        let payload = self.buffered.split_off(HEADER_BYTES);
        self.buffered = rest;
        Ok(Some(Frame { kind, payload }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_split_anywhere_arrives_whole() {
        let bytes = [encode(Kind::Ask, b"first"), encode(Kind::Mail, b"")].concat();
        for cut in 0..bytes.len() {
            let mut decoder = FrameDecoder::new(100);
            let mut frames = Vec::new();
            for part in [&bytes[..cut], &bytes[cut..]] {
                decoder.push(part);
                while let Some(frame) = decoder.take().unwrap() {
                    frames.push((frame.kind, frame.payload));
                }
            }
            assert_eq!(frames, [(Kind::Ask, b"first".to_vec()), (Kind::Mail, Vec::new())], "cut at {cut}");
            assert!(!decoder.is_midway());
        }
    }

    #[test]
    fn an_absurd_length_is_refused_before_it_is_allocated() {
        let mut decoder = FrameDecoder::new(100);
        decoder.push(&[b'b', b'p', PROTOCOL, Kind::Ask as u8, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(decoder.take(), Err(FrameError::TooLarge { length: u32::MAX as usize, limit: 100 }));
    }

    #[test]
    fn a_stranger_is_told_from_another_version() {
        let mut stranger = FrameDecoder::new(100);
        stranger.push(b"G");
        assert_eq!(stranger.take(), Err(FrameError::NotOurs));

        let mut newer = FrameDecoder::new(100);
        newer.push(&[b'b', b'p', PROTOCOL + 1, 1, 0, 0, 0, 0]);
        assert_eq!(newer.take(), Err(FrameError::Version { theirs: PROTOCOL + 1 }));
    }
}

//! A blocking client of the local socket, for `bpctl` and for tests.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::frame::{self, Frame, FrameDecoder, FrameError, Kind};
use crate::report::Failure;
use crate::request::Request;

/// One connection; one request at a time.
#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
    socket: PathBuf,
}

#[derive(Debug, Error)]
pub enum ClientError {
    #[error("bpd does not answer at {}; start it with `bpctl daemon start`", socket.display())]
    Unreachable { socket: PathBuf, source: io::Error },
    #[error("bpd is there at {}, but has not answered in time; see `bpctl doctor`", socket.display())]
    Silent { socket: PathBuf },
    #[error("the connection to bpd broke")]
    Broken(#[source] io::Error),
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("bpd's answer cannot be read")]
    Answer(#[source] serde_json::Error),
    #[error("{}", .0.error.message)]
    Refused(Failure),
}

impl Client {
    /// `patience` bounds each read and write, not the whole exchange.
    pub fn connect(socket: &Path, patience: Duration) -> Result<Self, ClientError> {
        let unreachable = |source| ClientError::Unreachable { socket: socket.to_owned(), source };
        let stream = UnixStream::connect(socket).map_err(unreachable)?;
        stream.set_read_timeout(Some(patience)).map_err(unreachable)?;
        stream.set_write_timeout(Some(patience)).map_err(unreachable)?;
        Ok(Self { stream, socket: socket.to_owned() })
    }

    /// Sends `request` and returns the answer's JSON as it came.
    pub fn ask_raw(&mut self, request: &Request) -> Result<Vec<u8>, ClientError> {
        let sent = self.send(request);
        self.answered(sent)
    }

    /// Sends `request` and reads the answer.
    pub fn ask<T: DeserializeOwned>(&mut self, request: &Request) -> Result<T, ClientError> {
        serde_json::from_slice(&self.ask_raw(request)?).map_err(ClientError::Answer)
    }

    /// Sends without awaiting the answer.
    pub fn send(&mut self, request: &Request) -> Result<(), ClientError> {
        let payload = serde_json::to_vec(request).map_err(ClientError::Answer)?;
        self.write(Kind::Ask, &payload)
    }

    /// Sends mailbox records in the name of the shell `pid`, and awaits that they are durable.
    pub fn mail(&mut self, pid: u32, records: &[u8]) -> Result<(), ClientError> {
        let sent = self.write(Kind::Mail, &[&pid.to_le_bytes(), records].concat());
        self.answered(sent).map(drop)
    }

    /// bpd may refuse a client and hang up before it was told anything: what it said is there to be read all the same.
    fn answered(&mut self, sent: Result<(), ClientError>) -> Result<Vec<u8>, ClientError> {
        match (sent, self.answer()) {
            (_, Err(refused @ ClientError::Refused(_))) => Err(refused),
            (Err(broken), _) => Err(broken),
            (Ok(()), answer) => answer,
        }
    }

    fn write(&mut self, kind: Kind, payload: &[u8]) -> Result<(), ClientError> {
        self.stream.write_all(&frame::encode(kind, payload)).map_err(|error| self.broken(error))
    }

    /// The answer to a request that was sent.
    pub fn answer(&mut self) -> Result<Vec<u8>, ClientError> {
        let mut decoder = FrameDecoder::new(frame::MAX_ANSWER_FRAME_BYTES);
        let mut answer = Vec::new();
        let mut piece = vec![0; 16 * 1024];
        loop {
            while let Some(Frame { kind, payload }) = decoder.take()? {
                answer.extend_from_slice(&payload);
                match kind {
                    Kind::Done => return Ok(answer),
                    Kind::Failed => {
                        let failure = serde_json::from_slice(&answer).map_err(ClientError::Answer)?;
                        return Err(ClientError::Refused(failure));
                    }
                    _ => {}
                }
            }
            let read = self.stream.read(&mut piece).map_err(|error| self.broken(error))?;
            if read == 0 {
                let source = io::Error::new(io::ErrorKind::UnexpectedEof, self.socket.display().to_string());
                return Err(ClientError::Broken(source));
            }
            decoder.push(&piece[..read]);
        }
    }

    /// The patience has run out, or the connection is gone.
    fn broken(&self, error: io::Error) -> ClientError {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                ClientError::Silent { socket: self.socket.clone() }
            }
            _ => ClientError::Broken(error),
        }
    }
}

//! One who asks bpd over HTTP, and one who listens to its events.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::daemon::Daemon;

/// Only a failure takes that long.
const PATIENCE: Duration = Duration::from_secs(30);

/// One kept connection.
pub(super) struct Http {
    stream: BufReader<TcpStream>,
    address: String,
    token: String,
}

impl Http {
    pub(super) fn open(daemon: &Daemon) -> Result<Self> {
        let http = daemon.status()?.http;
        let stream = TcpStream::connect(&http.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let token = std::fs::read_to_string(&http.token_file)?.trim().to_owned();
        Ok(Self { stream: BufReader::new(stream), address: http.address, token })
    }

    /// → the answer's body.
    pub(super) fn ask(&mut self, method: &str, path: &str, body: &str) -> Result<Vec<u8>> {
        let answer = self.begin(method, path, body)?;
        let length =
            answer.length.with_context(|| format!("{method} {path}: an answer of unknown length"))?;
        let mut text = vec![0; length];
        self.stream.read_exact(&mut text)?;
        ensure!(answer.is_good, "{method} {path}: {}{}", answer.line, String::from_utf8_lossy(&text));
        Ok(text)
    }

    /// Sends a request and reads the head of its answer.
    fn begin(&mut self, method: &str, path: &str, body: &str) -> Result<Head> {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.address,
            self.token,
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let is_good = line.split(' ').nth(1).is_some_and(|status| status.starts_with('2'));
        let mut length = None;
        loop {
            let mut header = String::new();
            self.stream.read_line(&mut header)?;
            let header = header.trim_end().to_ascii_lowercase();
            if header.is_empty() {
                return Ok(Head { is_good, length, line: line.trim_end().to_owned() });
            }
            if let Some(value) = header.strip_prefix("content-length: ") {
                length = Some(value.parse()?);
            }
        }
    }
}

struct Head {
    is_good: bool,
    /// `None`: it comes in pieces, for as long as there are any.
    length: Option<usize>,
    line: String,
}

/// The stream that the dashboard listens to.
pub(super) struct Events(Http);

impl Events {
    pub(super) fn open(daemon: &Daemon) -> Result<Self> {
        let mut http = Http::open(daemon)?;
        let head = http.begin("GET", "/events", "")?;
        ensure!(head.is_good && head.length.is_none(), "GET /events: {}", head.line);
        Ok(Self(http))
    }

    /// Reads on until a line is `wanted`.
    pub(super) fn wait_for(&mut self, wanted: impl Fn(&str) -> bool) -> Result<()> {
        let mut line = String::new();
        while !wanted(line.trim_end()) {
            line.clear();
            ensure!(self.0.stream.read_line(&mut line)? > 0, "the event stream has ended");
        }
        Ok(())
    }
}

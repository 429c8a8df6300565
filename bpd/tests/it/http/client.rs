//! A small HTTP/1.1 client, written so that it can say what no honest client says. Every answer it reads is checked
//! for what every answer must wear.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::server::DEADLINE;

#[derive(Clone, Debug)]
pub(super) struct Request {
    address: SocketAddr,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Request {
    pub(super) fn new(address: SocketAddr, method: &str, target: &str) -> Self {
        let (method, target) = (method.to_owned(), target.to_owned());
        let headers = vec![("Host".to_owned(), address.to_string())];
        Self { address, method, target, headers, body: Vec::new() }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    pub(super) fn host(self, host: &str) -> Self {
        self.without("Host").header("Host", host)
    }

    pub(super) fn json(self, body: &str) -> Self {
        self.header("Content-Type", "application/json").body(body.as_bytes())
    }

    pub(super) fn body(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self.header("Content-Length", &body.len().to_string())
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut head = vec![format!("{} {} HTTP/1.1", self.method, self.target)];
        head.extend(self.headers.iter().map(|(name, value)| format!("{name}: {value}")));
        [head.join("\r\n").as_bytes(), b"\r\n\r\n", &self.body[..]].concat()
    }

    pub(super) async fn send(self) -> Answer {
        let bytes = self.header_once("Connection", "close").bytes();
        exchange(self.address, &bytes).await.expect("an answer")
    }

    fn header_once(&self, name: &str, value: &str) -> Self {
        self.clone().without(name).header(name, value)
    }
}

/// Sends bytes and reads the one answer; `None` = hung up without a word.
pub(super) async fn exchange(address: SocketAddr, bytes: &[u8]) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // Who is refused early may find the pipe broken while it still writes.
    let _ = stream.write_all(bytes).await;
    read_answer(&mut stream).await
}

/// Reads until the end of the connection.
pub(super) async fn read_answer(stream: &mut TcpStream) -> Option<Answer> {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut bytes)).await;
    // A reset after the answer is still an answer.
    let _ = read.expect("the connection ends");
    (!bytes.is_empty()).then(|| Answer::parse(&bytes))
}

impl Answer {
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head: {text}"));
        let mut lines = head.lines();
        let status_line = lines.next().unwrap_or_default();
        let status = status_line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no status: {status_line}"));
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers: Vec<_> =
            headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        let answer = Self { status, headers, body: body.to_owned() };
        answer.is_dressed();
        answer
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The error object's code; its message must say something.
    pub(super) fn error(&self) -> String {
        let error = self.json()["error"].clone();
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{self:?}");
        error["code"].as_str().unwrap_or_else(|| panic!("no code: {self:?}")).to_owned()
    }

    pub(super) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    pub(super) fn refused(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status, self.error().as_str()), (status, code), "{self:?}");
        self
    }

    fn is_dressed(&self) {
        for (name, value) in [
            (
                "content-security-policy",
                "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                 base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
            ),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
        ] {
            assert_eq!(self.header(name), Some(value), "{self:?}");
        }
        assert!(self.header("x-request-id").is_some_and(|id| !id.is_empty()), "{self:?}");
        assert!(self.header("server-timing").is_some_and(|took| took.starts_with("total;dur=")), "{self:?}");
        for (name, _) in &self.headers {
            assert!(!name.starts_with("access-control-") && name != "www-authenticate", "{self:?}");
        }
        if self.status >= 400
            && self.header("content-length").is_some_and(|length| length != "0")
            && !self.body.is_empty()
        {
            assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
            self.error();
        }
    }
}

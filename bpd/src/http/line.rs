//! The byte stream below hyper. It does two things that hyper does not: it cuts a peer that stops reading, and it
//! dresses the bare answers that hyper gives by itself to what it cannot parse (400, 414, 431), so that these too
//! carry the security headers and the error object.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::dress;
use super::failure::Refused;

/// Hyper's own answers: status line, this, the date (or none), an empty line.
const BARE_HEADERS: [&[u8]; 2] = [b"content-length: 0", b"connection: close"];
/// Nothing of ours is so short: the security headers alone are longer.
const MAX_BARE_BYTES: usize = 200;

pub(super) struct Line<S> {
    stream: S,
    /// How long the peer may leave an answer unread.
    patience: Duration,
    stalled: Pin<Box<Sleep>>,
    is_stalled: bool,
    /// What goes out in place of a bare answer of hyper, from `sent` on.
    dressed: Vec<u8>,
    sent: usize,
}

impl<S> Line<S> {
    pub(super) fn new(stream: S, patience: Duration) -> Self {
        let stalled = Box::pin(tokio::time::sleep(patience));
        Self { stream, patience, stalled, is_stalled: false, dressed: Vec::new(), sent: 0 }
    }
}

impl<S: AsyncWrite + Unpin> Line<S> {
    fn write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(cx, bytes) {
            Poll::Ready(written) => {
                self.is_stalled = false;
                Poll::Ready(written)
            }
            Poll::Pending => {
                if !self.is_stalled {
                    self.is_stalled = true;
                    self.stalled.as_mut().reset(Instant::now() + self.patience);
                }
                ready!(self.stalled.as_mut().poll(cx));
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer does not read its answer")))
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Line<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let line = &mut *self;
        if line.dressed.is_empty() {
            match bare_status(bytes) {
                Some(status) => line.dressed = refusal(status).into_bytes(),
                None => return line.write(cx, bytes),
            }
        }
        let dressed = std::mem::take(&mut line.dressed);
        while line.sent < dressed.len() {
            match line.write(cx, &dressed[line.sent..]) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(written)) => line.sent += written,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    line.dressed = dressed;
                    return Poll::Pending;
                }
            }
        }
        line.sent = 0;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Line<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

/// The status of an answer that hyper made by itself: a head without any header of ours.
fn bare_status(bytes: &[u8]) -> Option<StatusCode> {
    let head = bytes.strip_prefix(b"HTTP/1.1 ").or_else(|| bytes.strip_prefix(b"HTTP/1.0 "))?;
    if bytes.len() > MAX_BARE_BYTES || !bytes.ends_with(b"\r\n\r\n") {
        return None;
    }
    let status = StatusCode::from_bytes(head.get(..3)?).ok().filter(StatusCode::is_client_error)?;
    let mut lines = head.split(|byte| *byte == b'\n').skip(1).map(<[u8]>::trim_ascii);
    let known = |line: &[u8]| line.is_empty() || BARE_HEADERS.contains(&line) || line.starts_with(b"date: ");
    lines.all(known).then_some(status)
}

/// A whole answer in text, for requests that never became one.
pub(super) fn refusal(status: StatusCode) -> String {
    let refused = match status {
        StatusCode::URI_TOO_LONG => Refused::new(status, "uri_too_long", "the request's target is too long"),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
            Refused::new(status, "headers_too_large", "more than 64 headers, or more than 64 KiB of them")
        }
        StatusCode::REQUEST_TIMEOUT => {
            Refused::new(status, "request_timeout", "the request's head did not arrive in time")
        }
        _ => Refused::new(status, "malformed_request", "this is not an HTTP/1.1 request"),
    };
    let body = refused.json();
    let mut headers = HeaderMap::new();
    dress::dress(&mut headers, dress::request_id(&HeaderMap::new()), Duration::ZERO);
    let mut lines = vec![format!("HTTP/1.1 {status}")];
    lines.extend(
        headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap_or_default())),
    );
    lines.push("content-type: application/json".to_owned());
    lines.push(format!("content-length: {}", body.len()));
    lines.push(format!("connection: close\r\n\r\n{body}"));
    lines.join("\r\n")
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[test]
    fn only_a_head_without_any_header_of_ours_is_bare() {
        let bare =
            b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\
                     date: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n";
        assert_eq!(bare_status(bare), Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE));
        for other in [
            &b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"[..],
            b"HTTP/1.1 404 Not Found\r\nx-request-id: 1\r\ncontent-length: 0\r\n\r\n",
            b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n{}",
            b"HTTP/1.1 ",
            b"{\"command\": \"HTTP/1.1 400 Bad Request\"}",
            b"",
        ] {
            assert_eq!(bare_status(other), None, "{}", String::from_utf8_lossy(other));
        }
    }

    #[tokio::test]
    async fn a_dressed_answer_goes_out_whole_through_a_narrow_pipe() {
        let (ours, mut theirs) = tokio::io::duplex(7);
        let mut line = Line::new(ours, Duration::from_secs(1));
        let writer = tokio::spawn(async move {
            line.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        });
        let mut text = String::new();
        theirs.read_to_string(&mut text).await.unwrap();
        writer.await.unwrap();
        assert!(text.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{text}");
        assert!(text.ends_with('}') && text.contains("malformed_request"), "{text}");
        assert!(text.contains("content-security-policy: default-src 'none'"), "{text}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_stops_reading_is_cut() {
        let (ours, _theirs) = tokio::io::duplex(7);
        let mut line = Line::new(ours, Duration::from_secs(10));
        let error = line.write_all(&[0; 100]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}

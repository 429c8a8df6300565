//! The body of a request while it arrives. As long as bpd waits for the rest of it, its connection may be closed in favour
//! of another one: a client that never ends its body must not hold a seat.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Body, Bytes};
use hyper::body::{Frame, Incoming, SizeHint};

use crate::seats::Seat;

pub(super) struct Upload<B = ()> {
    seat: Arc<Seat>,
    /// When the request's head had arrived.
    began: Instant,
    body: B,
}

impl Upload {
    pub(super) fn new(seat: Arc<Seat>, began: Instant) -> Self {
        Self { seat, began, body: () }
    }

    pub(super) fn of(self, body: Incoming) -> Body {
        Body::new(Upload { seat: self.seat, began: self.began, body })
    }
}

impl hyper::body::Body for Upload<Incoming> {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        match frame {
            // Since the head: a byte now and then does not make it a better client.
            Poll::Pending => self.seat.wait(self.began),
            Poll::Ready(_) => self.seat.work(),
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

//! The last events of the live stream, so that a page which lost its connection can go on where it was. Pure.

use std::collections::VecDeque;

use axum::body::Bytes;

/// Hours of one person's commands, or some minutes of a busy script.
const MAX_EVENTS: usize = 1024;
/// Curves make events of some KiB; a page that is so far behind loads anew just as fast.
const MAX_BYTES: usize = 1 << 20;

#[derive(Debug)]
pub(super) struct Ring {
    /// Tells this bpd's ids from an earlier one's.
    boot: String,
    /// Number of the newest event; 0 = none yet.
    newest: u64,
    /// The newest events, oldest first, each as it goes over the wire.
    kept: VecDeque<Bytes>,
    bytes: usize,
}

/// What a stream has to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) text: Bytes,
    /// Where the stream is then.
    pub(super) at: u64,
}

impl Ring {
    pub(super) fn new(boot: String) -> Self {
        Self { boot, newest: 0, kept: VecDeque::new(), bytes: 0 }
    }

    /// `data` must be one line, as JSON is.
    pub(super) fn push(&mut self, event: &str, data: &str) -> u64 {
        self.newest += 1;
        let message = Bytes::from(message(&self.id(self.newest), event, data));
        self.bytes += message.len();
        self.kept.push_back(message);
        while self.kept.len() > MAX_EVENTS || self.bytes > MAX_BYTES {
            let Some(oldest) = self.kept.pop_front() else { break };
            self.bytes -= oldest.len();
        }
        self.newest
    }

    /// How a stream begins: without an id with `hello`, with one where it left off.
    pub(super) fn begin(&self, last_id: Option<&str>) -> Due {
        let Some(last_id) = last_id else { return self.only("hello") };
        match self.number(last_id) {
            Some(at) => self.after(at),
            None => self.only("reset"),
        }
    }

    /// What came after `at`; `reset` when some of that is gone.
    pub(super) fn after(&self, at: u64) -> Due {
        let oldest = self.newest - self.kept.len() as u64;
        if at < oldest {
            return self.only("reset");
        }
        let missed: Vec<&[u8]> = self.kept.iter().skip((at - oldest) as usize).map(|m| &m[..]).collect();
        Due { text: missed.concat().into(), at: self.newest }
    }

    fn only(&self, event: &str) -> Due {
        Due { text: message(&self.id(self.newest), event, "{}").into(), at: self.newest }
    }

    fn id(&self, number: u64) -> String {
        format!("{}-{number}", self.boot)
    }

    /// `None` = no id of this ring.
    fn number(&self, id: &str) -> Option<u64> {
        let digits = id.strip_prefix(&self.boot)?.strip_prefix('-')?;
        digits.parse().ok().filter(|number| *number <= self.newest)
    }
}

fn message(id: &str, event: &str, data: &str) -> String {
    format!("id: {id}\nevent: {event}\ndata: {data}\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(due: &Due) -> &str {
        std::str::from_utf8(&due.text).unwrap()
    }

    #[test]
    fn a_stream_goes_on_after_the_last_id_it_saw() {
        let mut ring = Ring::new("b".to_owned());
        assert_eq!(text(&ring.begin(None)), "id: b-0\nevent: hello\ndata: {}\n\n");
        ring.push("started", "1");
        ring.push("finished", "1");
        assert_eq!(text(&ring.begin(Some("b-1"))), "id: b-2\nevent: finished\ndata: 1\n\n");
        assert_eq!(text(&ring.begin(Some("b-0"))).matches("\n\n").count(), 2);
        assert_eq!(ring.begin(Some("b-2")), Due { text: Bytes::new(), at: 2 });
    }

    #[test]
    fn an_id_that_is_gone_or_foreign_gets_a_reset() {
        let mut ring = Ring::new("b".to_owned());
        for _ in 0..=MAX_EVENTS {
            ring.push("started", "1");
        }
        let newest = ring.newest;
        for id in ["b-0", "a-5", "b-", "b-x", "b-99999", "-1", ""] {
            let due = ring.begin(Some(id));
            assert_eq!(text(&due), format!("id: b-{newest}\nevent: reset\ndata: {{}}\n\n"), "{id}");
            assert_eq!(due.at, newest);
        }
        assert_eq!(text(&ring.begin(Some("b-1"))).matches("event: started").count(), MAX_EVENTS);
    }

    #[test]
    fn large_events_are_bounded_by_their_bytes() {
        let mut ring = Ring::new("b".to_owned());
        let large = "x".repeat(MAX_BYTES / 4);
        for _ in 0..8 {
            ring.push("sampled", &large);
        }
        assert!(ring.bytes <= MAX_BYTES && ring.kept.len() == 3, "{}", ring.kept.len());
    }
}

//! Limits how many connections of one kind bpd serves at once. When all seats are taken, the connection that has waited
//! longest for its client gives way to a new one, so that idle connections cannot lock out others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio_util::sync::CancellationToken;

/// The seats of one kind of connection.
#[derive(Clone, Debug)]
pub struct Seats(Arc<Table>);

#[derive(Debug)]
struct Table {
    limit: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next_id: u64,
    taken: HashMap<u64, Taken>,
}

#[derive(Debug)]
struct Taken {
    /// `None` = bpd works on a request. Otherwise since when this connection has waited for its client.
    waiting_since: Option<Instant>,
    /// Cancelled when the connection must give way.
    evicted: CancellationToken,
}

/// The seat of one connection. It is free again when this is dropped.
#[derive(Debug)]
pub struct Seat {
    id: u64,
    table: Arc<Table>,
    evicted: CancellationToken,
}

impl Seats {
    pub fn new(limit: usize) -> Self {
        Self(Arc::new(Table { limit, state: Mutex::default() }))
    }

    /// How many connections there may be.
    pub fn limit(&self) -> usize {
        self.0.limit
    }

    /// Takes a seat for a new connection, which waits for its client from `now` on.
    ///
    /// If all are taken, the connection that has waited longest loses its own. `None` = none of them waits: bpd works
    /// for each.
    pub fn take(&self, now: Instant) -> Option<Seat> {
        let mut state = self.0.state();
        if state.taken.len() >= self.0.limit && !state.evict() {
            return None;
        }
        let id = state.next_id;
        state.next_id += 1;
        let evicted = CancellationToken::new();
        state.taken.insert(id, Taken { waiting_since: Some(now), evicted: evicted.clone() });
        Some(Seat { id, table: Arc::clone(&self.0), evicted })
    }

    /// Closes the connection that has waited longest, if any does: its descriptor is needed.
    pub fn evict(&self) -> bool {
        self.0.state().evict()
    }
}

impl Table {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn evict(&mut self) -> bool {
        let waiting = self.taken.iter().filter_map(|(id, seat)| Some((seat.waiting_since?, *id)));
        let Some((_, longest)) = waiting.min() else { return false };
        if let Some(seat) = self.taken.remove(&longest) {
            seat.evicted.cancel();
        }
        true
    }
}

impl Seat {
    /// bpd works on a request of this connection: it must not be evicted.
    pub fn work(&self) {
        self.set(None);
    }

    /// The connection waits for its client since `since`: for a request, for the rest of one, or until it has read its
    /// answer.
    pub fn wait(&self, since: Instant) {
        self.set(Some(since));
    }

    /// Ends when the connection must give way.
    pub async fn evicted(&self) {
        self.evicted.cancelled().await;
    }

    fn set(&self, waiting_since: Option<Instant>) {
        if let Some(taken) = self.table.state().taken.get_mut(&self.id) {
            taken.waiting_since = waiting_since;
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.table.state().taken.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_connection_that_waits_longest_gives_way() {
        let seats = Seats::new(3);
        let at = |second| Instant::now() + Duration::from_secs(second);
        let taken: Vec<_> = [at(0), at(1), at(2)].map(|now| seats.take(now).unwrap()).into();
        // The oldest has asked something, and has waited again since then.
        taken[0].work();
        taken[0].wait(at(3));
        let fourth = seats.take(at(4)).unwrap();
        let evicted = |seat: &Seat| seat.evicted.is_cancelled();
        assert_eq!(taken.iter().map(evicted).collect::<Vec<_>>(), [false, true, false]);
        assert!(!evicted(&fourth));
    }

    #[test]
    fn a_connection_that_bpd_works_for_keeps_its_seat() {
        let seats = Seats::new(2);
        let now = Instant::now();
        let (first, second) = (seats.take(now).unwrap(), seats.take(now).unwrap());
        first.work();
        second.work();
        assert!(seats.take(now).is_none() && !seats.evict());
        second.wait(now);
        assert!(seats.evict() && second.evicted.is_cancelled() && !first.evicted.is_cancelled());
        // Its seat has gone to another one: what it does now changes nothing.
        let third = seats.take(now).unwrap();
        second.work();
        drop(second);
        third.work();
        assert!(seats.take(now).is_none());
    }

    #[test]
    fn a_seat_is_free_when_its_connection_ends() {
        let seats = Seats::new(1);
        let now = Instant::now();
        for _ in 0..3 {
            seats.take(now).unwrap().work();
        }
        assert_eq!(seats.limit(), 1);
    }
}

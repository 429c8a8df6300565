//! How long runs that were opened by HTTP take, by a clock that nobody sets. Their client says only that they end.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bp_proto::Ulid;

/// Open at once; of older ones, and of those that were opened before bpd was started, the wall clock has to tell.
const MAX_RUNS: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct Stopwatch(Mutex<VecDeque<(Ulid, Duration)>>);

impl Stopwatch {
    pub(super) fn begin(&self, run: Ulid, now: Duration) {
        let mut begun = self.begun();
        if begun.len() >= MAX_RUNS {
            begun.pop_front();
        }
        begun.push_back((run, now));
    }

    /// `None` = its beginning was not seen.
    pub(super) fn took(&self, run: Ulid, now: Duration) -> Option<Duration> {
        self.begun().iter().find(|(known, _)| *known == run).map(|(_, began)| now.saturating_sub(*began))
    }

    pub(super) fn forget(&self, run: Ulid) {
        self.begun().retain(|(known, _)| *known != run);
    }

    fn begun(&self) -> MutexGuard<'_, VecDeque<(Ulid, Duration)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Monotonic, suspended time not counted.
pub(super) fn now() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    let time = clock_gettime(ClockId::Monotonic);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_takes_what_passed_since_it_began() {
        let (watch, second) = (Stopwatch::default(), Duration::from_secs(1));
        let [known, stranger] = [Ulid::from(1_u128), Ulid::from(2_u128)];
        watch.begin(known, second);
        assert_eq!(watch.took(known, 4 * second), Some(3 * second));
        assert_eq!(watch.took(known, Duration::ZERO), Some(Duration::ZERO));
        assert_eq!(watch.took(stranger, second), None);
        watch.forget(known);
        assert_eq!(watch.took(known, second), None);
        assert!(now() <= now());
    }

    #[test]
    fn more_runs_than_the_limit_push_out_the_oldest() {
        let watch = Stopwatch::default();
        for nth in 0..=MAX_RUNS as u128 {
            watch.begin(Ulid::from(nth), Duration::ZERO);
        }
        assert_eq!(watch.took(Ulid::from(0_u128), Duration::ZERO), None);
        assert_eq!(watch.took(Ulid::from(1_u128), Duration::ZERO), Some(Duration::ZERO));
    }
}

//! How long bpd took for its own answers, by route: `GET /api/system/performance`.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bp_proto::UnixMillis;
use bp_proto::report::{Performance, RouteTiming};

/// Quantiles are of so many newest answers per route; routes are few and fixed.
const KEPT: usize = 512;

#[derive(Debug)]
pub(super) struct Timings {
    since: UnixMillis,
    routes: Mutex<BTreeMap<String, Route>>,
}

#[derive(Debug, Default)]
struct Route {
    answers: u64,
    errors: u64,
    slowest: Duration,
    total: Duration,
    newest: VecDeque<Duration>,
}

impl Timings {
    pub(super) fn new(since: UnixMillis) -> Self {
        Self { since, routes: Mutex::default() }
    }

    /// `route` is the pattern that matched, never what the caller wrote: the map must not grow by callers' will.
    pub(super) fn add(&self, route: &str, took: Duration, failed: bool) {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        if !routes.contains_key(route) {
            routes.insert(route.to_owned(), Route::default());
        }
        let Some(entry) = routes.get_mut(route) else { return };
        entry.answers += 1;
        entry.errors += u64::from(failed);
        entry.total += took;
        entry.slowest = entry.slowest.max(took);
        if entry.newest.len() == KEPT {
            entry.newest.pop_front();
        }
        entry.newest.push_back(took);
    }

    pub(super) fn report(&self) -> Performance {
        let routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        let routes = routes.iter().map(|(route, entry)| entry.report(route)).collect();
        Performance { since: self.since, routes }
    }
}

impl Route {
    fn report(&self, route: &str) -> RouteTiming {
        let mut sorted: Vec<Duration> = self.newest.iter().copied().collect();
        sorted.sort_unstable();
        // Nearest rank.
        let quantile = |percent: usize| {
            let rank = (sorted.len() * percent).div_ceil(100).max(1);
            sorted.get(rank - 1).copied().map_or(0.0, millis)
        };
        RouteTiming {
            route: route.to_owned(),
            answers: self.answers,
            errors: self.errors,
            p50_ms: quantile(50),
            p95_ms: quantile(95),
            max_ms: millis(self.slowest),
            total_ms: millis(self.total),
        }
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_newest_answers_and_the_slowest_is_of_all() {
        let timings = Timings::new(UnixMillis(0));
        timings.add("GET /runs", Duration::from_secs(9), true);
        for ms in 1..=KEPT as u64 {
            timings.add("GET /runs", Duration::from_millis(ms), false);
        }
        let report = timings.report();
        let [route] = &report.routes[..] else { panic!("{report:?}") };
        assert_eq!((route.answers, route.errors, route.max_ms), (513, 1, 9000.0));
        assert_eq!((route.p50_ms, route.p95_ms), (256.0, 487.0));
    }
}

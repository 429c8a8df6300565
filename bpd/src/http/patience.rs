//! What wrong credentials cost: a fixed delay each, and above 20 a minute no further look at them.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const MAX_WRONG: usize = 20;
const WITHIN: Duration = Duration::from_mins(1);
const LOG_EVERY: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(super) struct Patience(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// When the last wrong ones came, oldest first; never more than `MAX_WRONG`.
    wrong: VecDeque<Instant>,
    logged: Option<Instant>,
    unlogged: u32,
}

/// What to do about one more wrong attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Toll {
    pub(super) too_many: bool,
    /// Say so in the log now, for so many attempts since the line before.
    pub(super) log: Option<u32>,
}

impl Patience {
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.state().forget(now).len() >= MAX_WRONG
    }

    pub(super) fn wrong(&self, now: Instant) -> Toll {
        let mut state = self.state();
        let too_many = state.forget(now).len() >= MAX_WRONG;
        if !too_many {
            state.wrong.push_back(now);
        }
        state.unlogged += 1;
        let due = state.logged.is_none_or(|last| now.duration_since(last) >= LOG_EVERY);
        let log = due.then(|| {
            state.logged = Some(now);
            std::mem::take(&mut state.unlogged)
        });
        Toll { too_many, log }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn forget(&mut self, now: Instant) -> &VecDeque<Instant> {
        while self.wrong.front().is_some_and(|at| now.duration_since(*at) >= WITHIN) {
            self.wrong.pop_front();
        }
        &self.wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_twenty_in_a_minute_patience_is_over_until_the_first_of_them_is_a_minute_old() {
        let patience = Patience::default();
        let began = Instant::now();
        for nth in 0..20 {
            assert!(!patience.wrong(began + Duration::from_secs(nth)).too_many, "{nth}");
        }
        let late = began + Duration::from_secs(59);
        assert!(patience.is_over(late) && patience.wrong(late).too_many);
        assert!(!patience.wrong(began + Duration::from_mins(1)).too_many);
        assert!(patience.wrong(began + Duration::from_mins(1)).too_many);
    }

    #[test]
    fn the_log_gets_one_line_a_second_that_counts_the_rest() {
        let patience = Patience::default();
        let began = Instant::now();
        let at = |ms| patience.wrong(began + Duration::from_millis(ms)).log;
        assert_eq!([at(0), at(10), at(999), at(1000), at(1001)], [Some(1), None, None, Some(3), None]);
    }
}

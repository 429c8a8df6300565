//! How long bpd holds a CPU at a stretch while events wait for it.
//!
//! A terminal that wakes to read a prompt mostly finds itself on the CPU that it ran on last, and there may be bpd, with
//! lines that were typed just before. The scheduler lets whoever runs finish its slice of milliseconds, a batch process
//! too. Whoever yields has let go, and goes on at once if nobody waits.

use std::time::{Duration, Instant};

/// What a line takes, more or less.
const LONGEST: Duration = Duration::from_micros(100);

/// Since when bpd has worked without waiting for anything.
#[derive(Debug)]
pub(super) struct Stretch {
    since: Instant,
}

impl Stretch {
    pub(super) fn new() -> Self {
        Self { since: Instant::now() }
    }

    /// Before the next piece of work. `is_there`: nobody has to wait for it.
    pub(super) fn go_on(&mut self, is_there: bool) {
        if is_there && self.since.elapsed() < LONGEST {
            return;
        }
        if is_there {
            // The thread, not a task: it is the CPU that somebody else wants.
            std::thread::yield_now();
        }
        self.since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_work_that_goes_on_for_long_is_interrupted() {
        let mut stretch = Stretch::new();
        let began = |ago| Instant::now().checked_sub(ago).unwrap();
        for (ago, is_there, begins_anew) in
            [(LONGEST / 10, true, false), (LONGEST, true, true), (LONGEST / 10, false, true)]
        {
            // Somebody else may have had the CPU meanwhile.
            let is_as_expected = (0..100).any(|_| {
                let since = began(ago);
                stretch.since = since;
                stretch.go_on(is_there);
                (stretch.since > since) == begins_anew
            });
            assert!(is_as_expected, "{ago:?} {is_there}");
        }
    }
}

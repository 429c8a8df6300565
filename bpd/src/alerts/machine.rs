//! One alert's state machine, pure: OK → pending → firing → clearing → OK. Fed with samples, never with timer ticks.
//!
//! ```text
//!  value   ─────────╮▁▁▁▁ threshold ▁▁▁▁╭╮▁▁▁▁▁▁▁▁▁
//!  state   OK │ pending │ firing        ││ clearing │ OK
//!                window ┘                  clear_for ┘
//! ```

use std::time::Duration;

/// Intervals shorter than this are joined before they are judged: at the 10 ms of a clock tick a shorter one reads 0
/// or 100 and nothing between.
const SHORTEST_STEP: Duration = Duration::from_millis(500);

/// A sample that covers more than this is a suspend or a stopped process, not a measurement of the window.
/// Three intervals of the sampler's slowest busy pace.
const LONGEST_STEP_INTERVALS: u32 = 3;

/// When a machine fires and clears. Percent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    pub threshold: f64,
    pub window: Duration,
    pub clear_below: f64,
    pub clear_for: Duration,
    /// The sampler's interval.
    pub interval: Duration,
}

/// What a sample changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Fired,
    /// Still above (or not yet clear); peak and time above have grown.
    Lasts,
    Cleared,
}

#[derive(Clone, Debug)]
pub struct Machine {
    limits: Limits,
    state: State,
    /// The step being joined: its length and the integral of the value over it, percent · seconds.
    length: Duration,
    integral: f64,
    peak: f64,
    above: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Ok,
    Pending,
    Firing,
    Clearing { quiet: Duration },
}

impl Machine {
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: State::Ok,
            length: Duration::ZERO,
            integral: 0.0,
            peak: 0.0,
            above: Duration::ZERO,
        }
    }

    /// Highest step since it became pending, percent.
    pub fn peak(&self) -> f64 {
        self.peak
    }

    /// Time above the threshold since it became pending.
    pub fn above(&self) -> Duration {
        self.above
    }

    pub fn is_firing(&self) -> bool {
        matches!(self.state, State::Firing | State::Clearing { .. })
    }

    /// `value` is the average over the last `interval`.
    pub fn feed(&mut self, interval: Duration, value: f64) -> Option<Change> {
        if interval > self.limits.interval * LONGEST_STEP_INTERVALS {
            self.length = Duration::ZERO;
            self.integral = 0.0;
            if self.state == State::Pending {
                self.reset();
            }
            // A firing alert goes on: nothing was learned, so nothing is taken back.
            return None;
        }
        self.length += interval;
        self.integral += value * interval.as_secs_f64();
        if self.length < SHORTEST_STEP {
            return None;
        }
        let length = std::mem::take(&mut self.length);
        let mean = std::mem::take(&mut self.integral) / length.as_secs_f64();
        self.step(length, mean)
    }

    fn step(&mut self, length: Duration, mean: f64) -> Option<Change> {
        let is_above = mean > self.limits.threshold;
        if is_above {
            self.peak = self.peak.max(mean);
            self.above += length;
        }
        match self.state {
            State::Ok | State::Pending if !is_above => {
                self.reset();
                None
            }
            State::Ok | State::Pending => {
                let lasted = self.above >= self.limits.window;
                self.state = if lasted { State::Firing } else { State::Pending };
                lasted.then_some(Change::Fired)
            }
            State::Firing | State::Clearing { .. } if mean >= self.limits.clear_below => {
                self.state = State::Firing;
                Some(Change::Lasts)
            }
            State::Firing | State::Clearing { .. } => {
                let before = if let State::Clearing { quiet } = self.state { quiet } else { Duration::ZERO };
                let quiet = before + length;
                if quiet >= self.limits.clear_for {
                    self.state = State::Ok;
                    return Some(Change::Cleared);
                }
                self.state = State::Clearing { quiet };
                Some(Change::Lasts)
            }
        }
    }

    /// Forgets peak and time above: for the next firing.
    pub fn reset(&mut self) {
        self.state = State::Ok;
        self.peak = 0.0;
        self.above = Duration::ZERO;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        threshold: 80.0,
        window: Duration::from_secs(5),
        clear_below: 70.0,
        clear_for: Duration::from_secs(15),
        interval: Duration::from_secs(1),
    };

    /// Feeds (milliseconds, percent, times) and gives the changes with the second they came at.
    fn changes(feeds: &[(u64, f64, u32)]) -> Vec<(u64, Change)> {
        let mut machine = Machine::new(LIMITS);
        let mut at = 0;
        let mut seen = Vec::new();
        for (millis, value, times) in feeds {
            for _ in 0..*times {
                at += millis;
                match machine.feed(Duration::from_millis(*millis), *value) {
                    Some(Change::Lasts) | None => {}
                    Some(change) => seen.push((at / 1000, change)),
                }
            }
        }
        seen
    }

    #[test]
    fn it_fires_once_when_the_window_is_full_and_clears_after_the_quiet_time() {
        assert_eq!(
            changes(&[(1000, 100.0, 30), (1000, 10.0, 30)]),
            [(5, Change::Fired), (45, Change::Cleared)]
        );
    }

    #[test]
    fn a_burst_shorter_than_the_window_is_not_worth_a_word() {
        assert_eq!(changes(&[(1000, 400.0, 4), (1000, 10.0, 1), (1000, 400.0, 4)]), []);
    }

    #[test]
    fn between_clear_and_threshold_nothing_changes() {
        assert_eq!(changes(&[(1000, 90.0, 5), (1000, 75.0, 100)]), [(5, Change::Fired)]);
        assert_eq!(changes(&[(1000, 75.0, 100)]), []);
    }

    #[test]
    fn clearing_starts_again_when_it_comes_back() {
        let feeds = [(1000, 90.0, 5), (1000, 10.0, 14), (1000, 75.0, 1), (1000, 10.0, 15)];
        assert_eq!(changes(&feeds), [(5, Change::Fired), (35, Change::Cleared)]);
    }

    #[test]
    fn dense_samples_of_whole_ticks_are_joined_before_they_are_judged() {
        // 90 % seen at 10 ms: nine full ticks, one empty.
        let mut feeds = Vec::new();
        for _ in 0..60 {
            feeds.extend([(10, 100.0, 9), (10, 0.0, 1)]);
        }
        assert_eq!(changes(&feeds), [(5, Change::Fired)]);
    }

    #[test]
    fn a_gap_discards_the_window_but_not_a_firing_alert() {
        assert_eq!(changes(&[(1000, 90.0, 4), (4000, 90.0, 1), (1000, 90.0, 4)]), []);
        assert_eq!(changes(&[(1000, 90.0, 5), (60_000, 0.0, 1), (1000, 90.0, 5)]), [(5, Change::Fired)]);
    }
}

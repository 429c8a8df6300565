//! When an open run is read next: dense at first, then the interval, rarely while nothing moves. Pure; every time is
//! monotonic and counted from the run's start.

use std::time::Duration;

/// The first readings of a run: most commands are short, and short ones must have a curve too.
const DENSE_MS: [u64; 10] = [2, 5, 10, 20, 50, 100, 200, 400, 700, 1000];

/// A hook's record arrives a few milliseconds after the start: earlier readings would be late ones.
const HOOK_FIRST_MS: u64 = 20;

/// Memory that is growing fast is read again so soon: its peak may be over, and its process gone, before the interval is.
const SOON: Duration = Duration::from_millis(200);

/// Nothing moved for so long → read so often (unless the interval is longer already).
const QUIET: [(Duration, Duration); 2] = [
    (Duration::from_secs(10 * 60), Duration::from_secs(60)),
    (Duration::from_secs(60), Duration::from_secs(10)),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// The start is known at once: read from 2 ms on.
    Prompt,
    /// Reported by a hook: read from 20 ms on.
    Hook,
    /// Begun long ago: the interval from now on.
    Late,
}

#[derive(Clone, Debug)]
pub(super) struct Schedule {
    interval: Duration,
    /// Index into [`DENSE_MS`] of the reading that is due next; beyond it the interval reigns.
    dense: usize,
    next: Duration,
    /// When something last moved.
    moved: Duration,
}

impl Schedule {
    /// `age` = how long the run has been going when bpd learns of it.
    pub(super) fn new(opening: Opening, interval: Duration, age: Duration) -> Self {
        let from = match opening {
            Opening::Prompt => Duration::ZERO,
            Opening::Hook => Duration::from_millis(HOOK_FIRST_MS),
            Opening::Late => Duration::MAX,
        };
        let mut schedule = Self { interval, dense: 0, next: Duration::ZERO, moved: age };
        schedule.dense = DENSE_MS
            .iter()
            .position(|ms| {
                let at = Duration::from_millis(*ms);
                at >= from && at > age
            })
            .unwrap_or(DENSE_MS.len());
        schedule.next = match DENSE_MS.get(schedule.dense) {
            Some(ms) => Duration::from_millis(*ms),
            None => age + interval,
        };
        schedule
    }

    /// The absolute deadline of the next reading.
    pub(super) fn next(&self) -> Duration {
        self.next
    }

    /// A reading was taken at `at`; `moved` = the run did something since the one before.
    pub(super) fn taken(&mut self, at: Duration, moved: bool) {
        if moved {
            self.moved = at;
        }
        while let Some(ms) = DENSE_MS.get(self.dense) {
            let due = Duration::from_millis(*ms);
            if due > at {
                self.next = due;
                return;
            }
            self.dense += 1;
        }
        // Deadlines stay multiples of the period, so that a late reading does not shift all later ones; those that
        // were slept through are left out.
        let period = self.period(at);
        let passed = at.as_nanos() / period.as_nanos().max(1);
        self.next = nth(period, passed + 1);
        if self.next < at + period / 2 {
            self.next += period;
        }
    }

    /// What was read at `at` will not be for long: it is read again soon.
    pub(super) fn hurry(&mut self, at: Duration) {
        self.next = self.next.min(at + SOON);
    }

    /// Whether nothing has moved for so long that only the rarest readings are left.
    pub(super) fn is_asleep(&self, at: Duration) -> bool {
        at.saturating_sub(self.moved) >= QUIET[0].0
    }

    fn period(&self, at: Duration) -> Duration {
        let still = at.saturating_sub(self.moved);
        let quiet =
            QUIET.iter().find(|(after, _)| still >= *after).map_or(Duration::ZERO, |(_, period)| *period);
        self.interval.max(quiet)
    }
}

fn nth(period: Duration, n: u128) -> Duration {
    Duration::from_nanos(u64::try_from(period.as_nanos() * n).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// The first `n` deadlines of a run that moves until `still_from`, each met exactly.
    fn deadlines(
        opening: Opening,
        interval: Duration,
        age: Duration,
        still_from: Duration,
        n: usize,
    ) -> Vec<u64> {
        let mut schedule = Schedule::new(opening, interval, age);
        (0..n)
            .map(|_| {
                let at = schedule.next();
                schedule.taken(at, at < still_from);
                at.as_millis() as u64
            })
            .collect()
    }

    #[test]
    fn the_first_second_is_dense_and_then_the_interval_reigns() {
        let never = Duration::MAX;
        for (opening, interval, age, expected) in [
            (
                Opening::Prompt,
                SECOND,
                ms(0),
                vec![2, 5, 10, 20, 50, 100, 200, 400, 700, 1000, 2000, 3000, 4000],
            ),
            (Opening::Hook, SECOND, ms(3), vec![20, 50, 100, 200, 400, 700, 1000, 2000, 3000]),
            (Opening::Hook, SECOND, ms(150), vec![200, 400, 700, 1000, 2000]),
            (Opening::Prompt, ms(500), ms(0), vec![2, 5, 10, 20, 50, 100, 200, 400, 700, 1000, 1500, 2000]),
            (Opening::Late, SECOND, ms(90_300), vec![91_300, 92_000, 93_000]),
        ] {
            let n = expected.len();
            assert_eq!(
                deadlines(opening, interval, age, never, n),
                expected,
                "{opening:?} {interval:?} {age:?}"
            );
        }
    }

    #[test]
    fn a_still_run_is_read_rarely_and_activity_restores_the_interval() {
        let mut schedule = Schedule::new(Opening::Hook, SECOND, ms(0));
        let mut at = Duration::ZERO;
        let mut periods = Vec::new();
        while at < Duration::from_secs(1000) {
            let next = schedule.next();
            periods.push((next, next.saturating_sub(at)));
            at = next;
            schedule.taken(at, at < SECOND * 5);
        }
        let period_after = |second: u64| {
            periods
                .iter()
                .find(|(at, _)| *at > Duration::from_secs(second))
                .map(|(_, period)| period.as_secs())
        };
        assert_eq!(period_after(30), Some(1));
        assert_eq!(period_after(90), Some(10));
        assert_eq!(period_after(700), Some(60));
        assert!(schedule.is_asleep(at));
        schedule.taken(at, true);
        assert!(schedule.next() <= at + SECOND * 2);
        assert!(!schedule.is_asleep(at));
    }

    #[test]
    fn deadlines_that_were_slept_through_are_left_out() {
        let mut schedule = Schedule::new(Opening::Prompt, SECOND, ms(0));
        schedule.taken(ms(7_400), true);
        assert_eq!(schedule.next(), ms(8_000));
        // Half a period is the least: a reading just before its successor says nothing.
        schedule.taken(ms(8_900), true);
        assert_eq!(schedule.next(), ms(10_000));
    }

    /// Deadlines of a run of two hours that moves until `still_from`.
    fn of_two_hours(interval: Duration, still_from: Duration) -> Vec<Duration> {
        let mut schedule = Schedule::new(Opening::Hook, interval, ms(3));
        let deadlines = std::iter::from_fn(|| {
            let at = schedule.next();
            schedule.taken(at, at < still_from);
            Some(at)
        });
        deadlines.take_while(|at| *at < SECOND * 7200).collect()
    }

    #[test]
    fn two_hours_are_read_once_an_interval_while_something_moves_and_rarely_else() {
        let check = |interval, still_from, expected: usize| {
            let deadlines = of_two_hours(interval, still_from);
            assert_eq!(deadlines.len(), expected, "{interval:?} {still_from:?}");
            assert!(deadlines.windows(2).all(|pair| pair[0] < pair[1]));
        };
        // Seven within the first second, which is the seventh, and one each second after that.
        check(SECOND, Duration::MAX, 7 + 7198);
        check(ms(100), Duration::MAX, 7 + 71_989);
        check(SECOND * 60, Duration::MAX, 7 + 119);
        // An hour of work, a minute until that is believed, nine minutes of ten seconds each, and then once a minute.
        check(SECOND, SECOND * 3600, 7 + 3598 + 60 + 54 + 49);
        // `sleep 7200`.
        check(SECOND, Duration::ZERO, 7 + 60 + 54 + 110);
    }

    #[test]
    fn what_grows_fast_is_read_again_soon_and_then_as_ever() {
        let mut schedule = Schedule::new(Opening::Late, SECOND * 2, ms(0));
        schedule.taken(ms(2000), true);
        schedule.hurry(ms(2000));
        assert_eq!(schedule.next(), ms(2200));
        schedule.taken(ms(2200), true);
        assert_eq!(schedule.next(), ms(4000));
        // No later than it would be anyway.
        let mut schedule = Schedule::new(Opening::Hook, SECOND, ms(0));
        schedule.taken(ms(20), true);
        schedule.hurry(ms(20));
        assert_eq!(schedule.next(), ms(50));
    }

    #[test]
    fn an_interval_longer_than_a_quiet_period_is_not_shortened() {
        let mut schedule = Schedule::new(Opening::Late, SECOND * 30, ms(0));
        schedule.taken(SECOND * 120, false);
        assert_eq!(schedule.next(), SECOND * 150);
    }
}

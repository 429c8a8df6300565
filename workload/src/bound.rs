//! How far a measurement of CPU seconds may be off. Pure.

/// What no accounting can tell apart: the programs' own last steps behind their report, the shell's around them.
pub const ALLOWANCE_S: f64 = 0.002;

/// One clock tick, begun and not ended, of each of four figures: user and system time, of the shell and of its children.
const TICKS_S: f64 = 0.040;

/// Of memory: what the kernel itself rounds, and what a program maps behind its report.
const MEMORY_MB: f64 = 2.0;
const MEMORY_SHARE: f64 = 0.01;

/// How a run was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By `bpctl run`.
    Wrapper,
    /// By the hook of a shell, with an inherited counter.
    Counted,
    /// By the hook of a shell that tells its times by the millisecond.
    Times,
    /// By the hook of a shell that tells them by the clock tick, or not at all.
    Ticks,
}

/// Shares of the true CPU time that a measurement may be off, besides [`ALLOWANCE_S`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    pub wrapper: f64,
    pub counted: f64,
    /// `None`: without a counter nobody can know it, and it must be said that something has escaped.
    pub uncounted: Option<f64>,
    /// Whether that holds for `bpctl run` as well: its children have left it, or were never waited for.
    pub escapes_wrapper: bool,
}

impl Bound {
    /// Of work that is waited for to the last process.
    pub const fn waited(wrapper: f64, counted: f64, uncounted: f64) -> Self {
        Self { wrapper, counted, uncounted: Some(uncounted), escapes_wrapper: false }
    }

    /// Of work that nobody waits for.
    pub const fn escaping(wrapper: f64, counted: f64) -> Self {
        Self { wrapper, counted, uncounted: None, escapes_wrapper: true }
    }

    /// The seconds by which `way` may be off of `truth` seconds; `None` = it need not be right, but must be flagged.
    pub fn seconds(&self, way: Way, truth: f64, has_counter: bool) -> Option<f64> {
        let (share, more) = match way {
            Way::Wrapper if self.escapes_wrapper && !has_counter => return None,
            Way::Wrapper => (self.wrapper, 0.0),
            Way::Counted => (self.counted, 0.0),
            // Whatever it was obtained from: what could have been counted is right.
            _ if self.uncounted.is_none() && has_counter => (self.counted, 0.0),
            Way::Times => (self.uncounted?, 0.0),
            Way::Ticks => (self.uncounted?, TICKS_S),
        };
        Some(truth * share + ALLOWANCE_S + more)
    }
}

/// The MiB by which a peak may be off of `truth` MiB.
pub fn memory_mb(truth: f64) -> f64 {
    truth * MEMORY_SHARE + MEMORY_MB
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_escapes_must_be_right_with_a_counter_and_flagged_without() {
        let daemon = Bound::escaping(0.005, 0.02);
        for (way, has_counter, expected) in [
            (Way::Wrapper, true, Some(0.007)),
            (Way::Wrapper, false, None),
            (Way::Counted, true, Some(0.022)),
            (Way::Times, false, None),
            (Way::Times, true, Some(0.022)),
            (Way::Ticks, false, None),
        ] {
            let allowed = daemon.seconds(way, 1.0, has_counter);
            let is_same = match (allowed, expected) {
                (Some(allowed), Some(expected)) => (allowed - expected).abs() < 1e-9,
                (allowed, expected) => allowed == expected,
            };
            assert!(is_same, "{way:?} {has_counter}: {allowed:?}");
        }
    }

    #[test]
    fn a_shell_that_tells_ticks_may_be_off_by_them() {
        let burn = Bound::waited(0.001, 0.002, 0.01);
        let ticks = burn.seconds(Way::Ticks, 1.0, false).unwrap();
        assert!((ticks - 0.052).abs() < 1e-9, "{ticks}");
    }
}

//! The rate limit of the log: others must not be able to rotate it away. Each place in the code that logs is a message
//! class of its own; what is left out of a class is counted.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::callsite::Identifier;
use tracing::{Level, Metadata};

/// Lines of one class that are written at once.
const BURST: f64 = 10.0;
/// Further lines of that class.
const LINES_PER_SECOND: f64 = 1.0;
/// A count whose class has been silent for so long is written with the next line of any class.
const COUNT_AGE: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(super) struct Limiter {
    classes: Mutex<HashMap<Identifier, Class>>,
}

#[derive(Debug)]
struct Class {
    /// Where in the code it is: file and line.
    place: &'static str,
    tokens: f64,
    seen: Instant,
    left_out: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Lines of this class that were left out before this one.
    Write {
        left_out: u64,
    },
    LeaveOut,
}

impl Limiter {
    /// What a person has switched on to look for a fault is not limited.
    pub(super) fn judge(&self, meta: &Metadata<'_>, now: Instant) -> Verdict {
        if *meta.level() > Level::INFO {
            return Verdict::Write { left_out: 0 };
        }
        let mut classes = self.classes.lock().unwrap_or_else(PoisonError::into_inner);
        let class = classes.entry(meta.callsite()).or_insert_with(|| Class {
            place: meta.name(),
            tokens: BURST,
            seen: now,
            left_out: 0,
        });
        let passed = now.saturating_duration_since(class.seen).as_secs_f64();
        class.tokens = (class.tokens + passed * LINES_PER_SECOND).min(BURST);
        class.seen = now;
        if class.tokens < 1.0 {
            class.left_out += 1;
            return Verdict::LeaveOut;
        }
        class.tokens -= 1.0;
        Verdict::Write { left_out: std::mem::take(&mut class.left_out) }
    }

    /// The counts of classes that have been silent since: place in the code, lines.
    pub(super) fn overdue(&self, now: Instant) -> Vec<(&'static str, u64)> {
        let mut classes = self.classes.lock().unwrap_or_else(PoisonError::into_inner);
        let silent = classes
            .values_mut()
            .filter(|class| class.left_out > 0 && now.saturating_duration_since(class.seen) >= COUNT_AGE);
        silent.map(|class| (class.place, std::mem::take(&mut class.left_out))).collect()
    }
}

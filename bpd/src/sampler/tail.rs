//! What lives on of a run that has ended: its processes burn on, its totals follow. Its duration does not.
//!
//! A tail is read like a quiet run. When nothing has moved for ten minutes it no longer asks to be read at all: a
//! server that somebody started once must not wake the machine for ever. It is read along, as seldom, while some run is open.

use std::time::Duration;

use bp_proto::counter::Counter;
use bp_proto::{Totals, Ulid};

use super::ledger::Ledger;
use super::room;
use super::schedule::{Opening, Schedule};
use super::tally::Usage;
use crate::event::Amendment;

/// Growing totals are written so often at most: each is a record on the disk.
const AMEND_EVERY: Duration = Duration::from_secs(60);

/// Processes of one run that are counted when it has ended.
const MAX_COUNTED: usize = 32;

/// Counters that are ahead of the clocks by less than this part, and no more than this, know of nothing else.
const STOLEN_PART: u64 = 8;
const NOISE_NS: u64 = 5_000_000;

#[derive(Debug)]
pub(super) struct Tail {
    /// What it burns is in the counter of its shell.
    pub is_counted: bool,
    /// Its run is open: what it burns is the run's own, and nothing is recorded before that ends.
    pub is_job: bool,
    /// The names of its processes are not to be kept.
    pub is_nameless: bool,
    /// Of its processes, from the end on: what they burn after they were read last, before they end, nobody else knows.
    counters: Vec<Counter>,
    /// Where counters are forbidden and its shell has a control group for itself.
    pub ledger: Option<Ledger>,
    /// As recorded at the end.
    totals: Totals,
    /// At the last reading, and what had been burned from the end to then.
    reached: Reached,
    grown_ns: u64,
    schedule: Schedule,
    ended: Duration,
    last_cpu_ns: u64,
    /// What the last amendment had grown by since the end.
    amended_ns: u64,
    amended_at: Duration,
}

/// Up to one reading: what the tree had seen, what the counters had counted, and how many had gone unwaited for.
#[derive(Clone, Copy, Debug)]
struct Reached {
    seen_ns: u64,
    counted_ns: u64,
    escapes: u32,
}

impl Reached {
    /// What was burned since. Where nothing went unseen the processes' own clocks are right: counters run on while the
    /// host has taken the CPU away. Far ahead, they know of children that nobody ever saw.
    fn since(self, before: Self) -> u64 {
        let seen_ns = self.seen_ns.saturating_sub(before.seen_ns);
        let counted_ns = self.counted_ns.saturating_sub(before.counted_ns);
        let is_ahead = counted_ns > seen_ns + seen_ns / STOLEN_PART + NOISE_NS;
        if is_ahead || self.escapes > before.escapes { seen_ns.max(counted_ns) } else { seen_ns }
    }
}

impl Tail {
    pub(super) fn new(totals: Totals, usage: &Usage, interval: Duration, now: Duration) -> Self {
        Self {
            is_counted: false,
            is_job: false,
            is_nameless: false,
            totals,
            reached: Reached { seen_ns: usage.cpu_ns, counted_ns: 0, escapes: usage.escapes },
            grown_ns: 0,
            schedule: Schedule::new(Opening::Late, interval, Duration::ZERO),
            ended: now,
            last_cpu_ns: usage.cpu_ns,
            counters: Vec::new(),
            ledger: None,
            amended_ns: 0,
            amended_at: now,
        }
    }

    /// Counts what these processes burn from now on, and what they start. More than a few are sampled only.
    pub(super) fn count(&mut self, members: &[u32]) {
        if members.len() <= MAX_COUNTED {
            let counters = members.iter().map(|pid| room::counter(Counter::on(*pid)));
            // Not of one of them: a sum must be of all.
            self.counters = counters.collect::<Option<_>>().unwrap_or_default();
        }
    }

    /// What has been burned since the end.
    fn grown_ns(&mut self, usage: &Usage) -> u64 {
        let counted: Option<u64> = self.counters.iter().map(Counter::read).sum();
        let now = Reached { seen_ns: usage.cpu_ns, counted_ns: counted.unwrap_or(0), escapes: usage.escapes };
        self.grown_ns += now.since(std::mem::replace(&mut self.reached, now));
        let settled = self.ledger.as_ref().map_or(0, |ledger| ledger.grown_ns);
        self.grown_ns.max(settled)
    }

    fn knows_what_escaped(&self) -> bool {
        !self.counters.is_empty() || self.ledger.as_ref().is_some_and(|ledger| !ledger.missed)
    }

    /// When it wants to be read, on the sampler's clock.
    pub(super) fn due(&self, now: Duration) -> Option<Duration> {
        let asleep = self.schedule.is_asleep(now.saturating_sub(self.ended));
        (!asleep).then(|| self.ended + self.schedule.next())
    }

    /// Whether it is to be read when something is; what sleeps is read along.
    pub(super) fn is_due(&self, at: Duration) -> bool {
        self.ended + self.schedule.next() <= at
    }

    /// It was read. → what is to be recorded now.
    pub(super) fn read(&mut self, run: Ulid, usage: &Usage, now: Duration) -> Option<Amendment> {
        let moved = usage.cpu_ns > self.last_cpu_ns;
        self.last_cpu_ns = usage.cpu_ns;
        self.schedule.taken(now.saturating_sub(self.ended), moved);
        let wanted = usage.processes == 0 || now.saturating_sub(self.amended_at) >= AMEND_EVERY;
        if wanted { self.amendment(run, usage, now) } else { None }
    }

    /// What has grown since it was recorded last; `None` = nothing.
    pub(super) fn amendment(&mut self, run: Ulid, usage: &Usage, now: Duration) -> Option<Amendment> {
        if self.is_job {
            return None;
        }
        let grown = self.grown_ns(usage);
        if grown <= self.amended_ns && usage.processes > 0 {
            return None;
        }
        self.amended_ns = grown;
        self.amended_at = now;
        let totals = Totals {
            background_cpu_ns: Some(self.totals.background_cpu_ns.unwrap_or(0) + grown),
            ..self.totals
        };
        // The list of children covers the same time as the totals: that of the line.
        Some(Amendment { run, totals, children: Vec::new(), rest: None, background: true })
    }

    /// CPU time since the run's start.
    pub(super) fn whole_ns(&mut self, usage: &Usage) -> u64 {
        let grown = self.grown_ns(usage);
        self.totals.cpu_ns.map_or(usage.cpu_ns, |cpu_ns| cpu_ns + grown)
    }

    /// The totals of a run whose jobs are over: from its start until now.
    pub(super) fn whole(&mut self, usage: &Usage) -> Totals {
        Totals {
            cpu_ns: Some(self.whole_ns(usage)),
            incomplete: self.totals.incomplete
                || ((usage.escapes > 0 || usage.unreaped) && !self.knows_what_escaped()),
            activity: self.totals.activity.or_larger(usage.activity),
            // The split of what came later is not known.
            user_ns: None,
            system_ns: None,
            rss_max_bytes: self.totals.rss_max_bytes.max(Some(usage.rss_max_bytes)),
            max_processes: self.totals.max_processes.max(Some(usage.max_processes)),
            // Of what was there before its end nothing was seen.
            peak_lower_bound: self.totals.peak_lower_bound || self.totals.rss_max_bytes.is_none(),
            ..self.totals
        }
    }

    /// It is read soon: its state has just changed.
    pub(super) fn hurry(&mut self, now: Duration) {
        self.schedule.hurry(now.saturating_sub(self.ended));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_believed_where_something_went_unseen() {
        let ms = |seen: u64, counted: u64, escapes| Reached {
            seen_ns: seen * 1_000_000,
            counted_ns: counted * 1_000_000,
            escapes,
        };
        let check = |now: Reached, grown_ms: u64| {
            assert_eq!(now.since(ms(100, 50, 1)), grown_ms * 1_000_000, "{now:?}");
        };
        check(ms(400, 375, 1), 300);
        check(ms(400, 330, 1), 300);
        // Its last reading was some time before its end.
        check(ms(400, 375, 2), 325);
        check(ms(400, 330, 2), 300);
        // It waits for nobody.
        check(ms(105, 350, 1), 300);
    }
}

//! The one timer: what is read when it rings.

use std::time::Duration;

use bp_proto::{Sample, Ulid};

use super::ending::GRACE;
use super::machine;
use super::open::Now;
use super::stage::Stage;
use crate::event::{Body, Measured};

/// Runs that are due within this of one another are read together.
const TOGETHER: Duration = Duration::from_millis(1);

impl Stage {
    /// The earliest thing to be done, on the sampler's clock.
    pub(super) fn due(&self) -> Option<Duration> {
        let now = self.now().mono;
        let runs = self.open.values().filter(|open| open.watched).map(|open| match open.gone_since {
            // Nothing to be read any more, only to be declared.
            Some(since) if self.caught_up => since + GRACE,
            Some(_) => Duration::MAX,
            None => open.due(),
        });
        let tails = self.tails.values().filter_map(|tail| tail.due(now));
        let machine = self.machine_due.filter(|_| !self.open.is_empty());
        runs.chain(tails).chain(machine).min().filter(|due| *due < Duration::MAX)
    }

    /// Reads what is due.
    pub(super) fn tick(&mut self) {
        let now = self.now();
        self.read_machine(now);
        let readings = self.probe.with_descendants(self.tree.roots());
        self.tree.update(&readings);
        for open in self.open.values_mut().filter(|open| open.watched) {
            let lives = readings.iter().any(|reading| {
                reading.pid == open.owner.pid
                    && !reading.zombie
                    && (open.owner.start_ticks == 0 || reading.start_ticks == open.owner.start_ticks)
            });
            if lives {
                open.seen_at = now.wall;
                open.gone_since = None;
            } else {
                open.gone_since.get_or_insert(now.mono);
            }
        }
        self.sample_runs(now);
        self.read_tails(now);
        self.lose_orphans(now);
        if self.open.is_empty() {
            self.machine_due = None;
        }
    }

    fn read_machine(&mut self, now: Now) {
        if self.machine_due.is_some_and(|due| due <= now.mono + TOGETHER) {
            self.out.extend(self.machine.reading().map(Measured::Host));
            self.machine_due = Some(now.mono + machine::PERIOD);
        }
    }

    fn sample_runs(&mut self, now: Now) {
        for (uid, open) in &mut self.open {
            if open.gone_since.is_some() || open.due() > now.mono + TOGETHER {
                continue;
            }
            let Some(usage) = self.tree.usage(*uid) else { continue };
            let elapsed = open.elapsed(now);
            let previous: Sample = open.last;
            let moved = open.moved(previous, &usage, elapsed);
            open.schedule.taken(elapsed.max(open.schedule.next()), moved);
            if let Some(sample) = open.sample(elapsed, open.cpu_ns(&usage), &usage) {
                self.out.push_back(Measured::Sample { run: *uid, sample });
            }
        }
    }

    fn read_tails(&mut self, now: Now) {
        let mut over: Vec<Ulid> = Vec::new();
        let mut amendments = Vec::new();
        for (uid, tail) in &mut self.tails {
            let Some(usage) = self.tree.usage(*uid) else {
                over.push(*uid);
                continue;
            };
            amendments.extend(tail.read(*uid, &usage, now.mono));
            if usage.processes == 0 {
                over.push(*uid);
            }
        }
        for amendment in amendments {
            self.pass(Body::Amend(Box::new(amendment)), None);
        }
        for uid in over {
            self.tails.remove(&uid);
            self.tree.forget(uid);
        }
    }

    /// bpd is stopping: what has grown since it was recorded is recorded.
    pub(super) fn close(&mut self) {
        let now = self.now().mono;
        let mut amendments = Vec::new();
        for (uid, tail) in &mut self.tails {
            let usage = self.tree.usage(*uid).unwrap_or_default();
            if usage.processes > 0 {
                amendments.extend(tail.amendment(*uid, &usage, now));
            }
        }
        for amendment in amendments {
            self.pass(Body::Amend(Box::new(amendment)), None);
        }
    }
}

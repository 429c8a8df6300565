//! The one timer: what is read when it rings.

use std::time::Duration;

use bp_proto::{Sample, Ulid};

use super::machine;
use super::open::{Now, Open};
use super::stage::Stage;
use crate::event::{Body, Measured, Watcher};

/// Runs that are due within this of one another are read together.
const TOGETHER: Duration = Duration::from_millis(1);

impl Stage {
    /// The earliest thing to be done, on the sampler's clock.
    pub(super) fn due(&self) -> Option<Duration> {
        let now = self.now().mono;
        let runs = self.open.values().filter(|open| open.watched && !open.in_doubt).map(|open| {
            match open.gone_since {
                // Nothing to be read any more, only to be declared.
                Some(since) if self.caught_up => since + open.grace(),
                Some(_) => Duration::MAX,
                None => open.due(),
            }
        });
        let tails = self.tails.values().filter_map(|tail| tail.due(now));
        let machine = self.machine_due.filter(|_| self.reads_machine(now));
        let doubts = self.doubts.values().map(|doubt| doubt.due);
        let lines = self.undescribed.due().into_iter().chain(self.leaving_due()).chain(self.parting_due());
        runs.chain(tails).chain(machine).chain(doubts).chain(lines).min().filter(|due| *due < Duration::MAX)
    }

    /// Reads what is due.
    pub(super) fn tick(&mut self) {
        let now = self.now();
        self.orphans.forget();
        self.let_leave(false);
        self.settle_partings(false, |_, due| due <= now.mono + TOGETHER);
        // Nothing else was reported meanwhile.
        self.settle_doubts(|_, doubt| (doubt.due <= now.mono + TOGETHER).then_some(true), now);
        let due = self.due_by(now.mono + TOGETHER);
        if !due.is_empty() {
            self.read(&due);
            // The figures are those of this moment, however late the timer was.
            let now = self.now();
            self.look_for_owners(&due, now);
            self.look_for_replaced(&due, now);
            self.sample_runs(&due, now);
            self.look_at_jobs(&due, now);
            self.read_tails(&due, now);
        }
        self.lose_orphans(now);
        self.read_machine(now);
        self.let_go();
    }

    /// Somebody looks at the machine from now on.
    pub(super) fn watched(&mut self, watcher: Watcher) {
        let now = self.now();
        self.watchers.add(watcher, now.mono);
        self.begin_host_series(now);
    }

    /// Reads the machine now, unless that is done every few seconds already.
    pub(super) fn begin_host_series(&mut self, now: Now) {
        if self.machine_due.is_some_and(|due| due > now.mono) {
            return;
        }
        let reading = self.machine.reading();
        let is_whole = reading.is_some_and(|reading| reading.cpu_percent.is_some());
        self.out.extend(reading.map(|reading| Measured::Host(Box::new(reading))));
        self.machine_due = Some(now.mono + if is_whole { machine::PERIOD } else { machine::SECOND });
    }

    /// Reads the machine beside the open runs from now on: what new ones are told of it begins here.
    pub(super) fn accompany(&mut self, now: Now) {
        self.begin_host_series(now);
        let busy = self.machine.busy();
        for open in self.open.values_mut() {
            open.busy.get_or_insert(busy);
        }
    }

    fn reads_machine(&self, now: Duration) -> bool {
        !self.open.is_empty() || self.watchers.anybody(now)
    }

    fn read_machine(&mut self, now: Now) {
        if !self.reads_machine(now.mono) {
            self.machine_due = None;
        } else if self.machine_due.is_some_and(|due| due <= now.mono + TOGETHER) {
            let reading = self.machine.reading();
            self.out.extend(reading.map(|reading| Measured::Host(Box::new(reading))));
            self.machine_due = Some(now.mono + machine::PERIOD);
        }
    }

    /// The runs to be read, open ones and tails.
    fn due_by(&self, at: Duration) -> Vec<Ulid> {
        let open = self.open.iter().filter(|(_, open)| {
            open.watched && !open.in_doubt && open.gone_since.is_none() && open.due() <= at
        });
        let tails = self.tails.iter().filter(|(_, tail)| tail.is_due(at));
        open.map(|(uid, _)| *uid).chain(tails.map(|(uid, _)| *uid)).collect()
    }

    fn look_for_owners(&mut self, due: &[Ulid], now: Now) {
        for uid in due {
            let Some(open) = self.open.get_mut(uid) else { continue };
            if self.probe.lives(open.owner) {
                open.seen_at = open.seen_now(now);
            } else {
                open.gone_since = Some(now.mono);
            }
        }
    }

    fn sample_runs(&mut self, due: &[Ulid], now: Now) {
        for uid in due {
            let scoped_ns = self.scoped_ns(*uid).unwrap_or(0);
            let Some(open) = self.open.get_mut(uid).filter(|open| open.gone_since.is_none()) else {
                continue;
            };
            let Some(usage) = self.tree.figures(*uid) else { continue };
            let elapsed = open.elapsed(now);
            let previous: Sample = open.last;
            let cpu_ns = open.cpu_ns(&usage).max(scoped_ns);
            let moved = Open::moved(previous, cpu_ns, usage.processes, elapsed);
            let at = elapsed.max(open.schedule.next());
            open.schedule.taken(at, moved);
            if Open::swells(previous, &usage) {
                open.schedule.hurry(at);
            }
            if let Some(sample) = open.sample(elapsed, cpu_ns, &usage) {
                let sample = open.with_host(sample, self.machine.busy());
                self.out.push_back(Measured::Sample { run: *uid, sample });
            }
        }
    }

    fn read_tails(&mut self, due: &[Ulid], now: Now) {
        let mut over: Vec<Ulid> = Vec::new();
        let mut amendments = Vec::new();
        for uid in due {
            let has_ledger = self.tails.get(uid).is_some_and(|tail| tail.ledger.is_some());
            if let Some(shell) = self.tree.owner_of(*uid).filter(|_| has_ledger) {
                let quiet = !self.open.values().any(|open| open.owner == shell);
                self.settle_ledgers(shell, quiet);
            }
            let Some(tail) = self.tails.get_mut(uid) else { continue };
            let Some(usage) = self.tree.usage(*uid) else {
                over.extend((!self.jobs.contains_key(uid)).then_some(*uid));
                continue;
            };
            amendments.extend(tail.read(*uid, &usage, now.mono));
            if usage.processes == 0 && !self.jobs.contains_key(uid) {
                over.push(*uid);
            }
        }
        for amendment in amendments {
            self.pass(Body::Amend(Box::new(amendment)), None);
        }
        for uid in over {
            self.drop_tail(uid);
        }
    }

    /// bpd is stopping: what has grown since it was recorded is recorded.
    pub(super) fn close(&mut self) {
        let now = self.now();
        self.let_leave(true);
        self.settle_partings(false, |_, _| true);
        self.settle_doubts(|_, _| Some(true), now);
        let now = now.mono;
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

//! What processes did besides burning CPU time, from counters that only grow. Pure.

use bp_proto::Activity;

/// Counters of one process from its start on. `own` is of its threads, `waited` of the children that it waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub minor: Count,
    pub major: Count,
    /// Bytes; what was waited for is in the process's own. `None`: not ours to know.
    pub read: Option<Count>,
    pub written: Option<Count>,
    /// Time of its first thread in wait for a CPU, nanoseconds.
    pub wait_ns: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub own: u64,
    pub waited: u64,
}

impl Counts {
    /// Without what the process did itself, as far as that can be told.
    pub(super) fn waited(self) -> Self {
        let waited = |count: Count| Count { own: 0, ..count };
        Self { minor: waited(self.minor), major: waited(self.major), wait_ns: None, ..self }
    }
}

impl Count {
    fn sum(self) -> u64 {
        self.own + self.waited
    }
}

/// What of a process's counts is credited to its run already, and what its children handed on to it when they went.
#[derive(Clone, Copy, Debug)]
pub(super) struct Account {
    last: Counts,
    /// What the process will have waited for, and is credited already: minor, major, read, written.
    absorbed: [u64; KINDS],
}

const KINDS: usize = 4;

fn kinds(counts: &Counts) -> [Option<u64>; KINDS] {
    let sum = |count: Option<Count>| count.map(Count::sum);
    [sum(Some(counts.minor)), sum(Some(counts.major)), sum(counts.read), sum(counts.written)]
}

/// Counts that a run's processes were seen to grow by.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Grown {
    kinds: [Option<u64>; KINDS],
    wait_ns: Option<u64>,
}

impl Grown {
    fn add(&mut self, kinds: [Option<u64>; KINDS], wait_ns: Option<u64>) {
        let sum = |so_far: &mut Option<u64>, more: Option<u64>| {
            if let Some(more) = more {
                *so_far = Some(so_far.unwrap_or(0).saturating_add(more));
            }
        };
        for (so_far, more) in self.kinds.iter_mut().zip(kinds) {
            sum(so_far, more);
        }
        sum(&mut self.wait_ns, wait_ns);
    }

    pub(super) fn activity(&self, max_threads: u32) -> Activity {
        let [minor_faults, major_faults, read_bytes, written_bytes] = self.kinds;
        Activity {
            wait_ns: self.wait_ns,
            read_bytes,
            written_bytes,
            minor_faults,
            major_faults,
            max_threads: (max_threads > 0).then_some(max_threads),
            ..Activity::default()
        }
    }
}

impl Account {
    /// A process that counts from now on: what it did before is not the run's.
    pub(super) fn from_now(counts: Counts) -> Self {
        Self { last: counts, absorbed: [0; KINDS] }
    }

    /// A process of which everything counts.
    pub(super) fn from_its_start() -> Self {
        let nothing = Some(Count::default());
        Self::from_now(Counts { read: nothing, written: nothing, wait_ns: Some(0), ..Counts::default() })
    }

    /// What it did since the reading before goes to `run`, without what its children were credited with already.
    pub(super) fn grow(&mut self, counts: Counts, run: Option<&mut Grown>) {
        let (before, now) = (kinds(&self.last), kinds(&counts));
        let mut grown = [None; KINDS];
        for kind in 0..KINDS {
            // What is known for the first time is where counting begins.
            let (Some(before), Some(now)) = (before[kind], now[kind]) else { continue };
            let more = now.saturating_sub(before);
            let known = more.min(self.absorbed[kind]);
            self.absorbed[kind] -= known;
            grown[kind] = Some(more - known);
        }
        let wait_ns = self.last.wait_ns.zip(counts.wait_ns).map(|(before, now)| now.saturating_sub(before));
        // What is not read every time stays what it was.
        self.last = Counts {
            read: counts.read.or(self.last.read),
            written: counts.written.or(self.last.written),
            wait_ns: counts.wait_ns.or(self.last.wait_ns),
            ..counts
        };
        if let Some(run) = run {
            run.add(grown, wait_ns);
        }
    }

    /// The process is gone, and this one has waited for it or will have.
    pub(super) fn hand_on_to(&self, above: &mut Self) {
        for (kind, count) in kinds(&self.last).into_iter().enumerate() {
            above.absorbed[kind] += count.unwrap_or(0) + self.absorbed[kind];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(own: u64, waited: u64, read: u64) -> Counts {
        let read = Some(Count { own: read, waited: 0 });
        Counts { minor: Count { own, waited }, read, ..Counts::default() }
    }

    #[test]
    fn what_a_child_did_counts_once_whether_it_was_seen_or_not() {
        let mut run = Grown::default();
        let mut shell = Account::from_now(counts(1000, 500, 7000));
        let mut child = Account::from_its_start();
        child.grow(counts(30, 0, 300), Some(&mut run));
        shell.grow(counts(1005, 500, 7000), Some(&mut run));
        assert_eq!(run.activity(0).minor_faults, Some(35));
        // The child did some more, and was waited for; and another one that nobody saw.
        child.hand_on_to(&mut shell);
        shell.grow(counts(1005, 500 + 40 + 9, 7000 + 350 + 10), Some(&mut run));
        let activity = run.activity(3);
        assert_eq!((activity.minor_faults, activity.read_bytes), (Some(5 + 40 + 9), Some(360)));
        assert_eq!((activity.written_bytes, activity.max_threads), (None, Some(3)));
    }

    #[test]
    fn a_child_whose_end_is_seen_before_it_is_waited_for_counts_once() {
        let mut run = Grown::default();
        let (mut shell, mut child) = (Account::from_now(counts(0, 0, 0)), Account::from_its_start());
        child.grow(counts(30, 0, 0), Some(&mut run));
        child.hand_on_to(&mut shell);
        shell.grow(counts(0, 0, 0), Some(&mut run));
        shell.grow(counts(0, 30, 0), Some(&mut run));
        assert_eq!(run.activity(0).minor_faults, Some(30));
    }
}

//! What the counters of shells are asked when lines begin and end.

use std::collections::HashMap;

use bp_proto::{Owner, Ulid};

use super::stage::Stage;

impl Stage {
    /// What lives on of earlier lines of this shell in its counter, and what each has burned by now.
    pub(super) fn counted_jobs(&mut self, shell: Owner) -> HashMap<Ulid, u64> {
        let tails = self.tails.iter().filter(|(_, tail)| tail.is_counted);
        let jobs: Vec<Ulid> =
            tails.map(|(uid, _)| *uid).filter(|uid| self.tree.owner_of(*uid) == Some(shell)).collect();
        if !jobs.is_empty() {
            self.read(&jobs);
        }
        jobs.into_iter().map(|uid| (uid, self.tree.figures(uid).map_or(0, |usage| usage.cpu_ns))).collect()
    }

    /// Takes what the counter of a run's shell shows, as early after its end as can be.
    pub(super) fn count(&mut self, uid: Ulid) {
        let Some(open) = self.open.get(&uid) else { return };
        let (shell, counted) =
            (open.owner, open.counted.as_ref().filter(|counted| counted.total_ns.is_none()));
        let Some((counted_ns, counted)) =
            counted.and_then(|counted| Some((self.counters.read(shell, counted)?, counted)))
        else {
            return;
        };
        let jobs: Vec<Ulid> = counted.jobs().collect();
        if !jobs.is_empty() {
            self.read(&jobs);
        }
        let mut reporting_ns = 0;
        for pid in self.tree.reporters_of(uid) {
            if self.probe.parent(pid) == Some(shell.pid) {
                reporting_ns += self.probe.own_ns(pid).unwrap_or(0);
            }
        }
        let tree = &self.tree;
        if let Some(counted) = self.open.get_mut(&uid).and_then(|open| open.counted.as_mut()) {
            let now = |job| tree.figures(job).map(|usage| usage.cpu_ns);
            counted.settle(counted_ns, now, reporting_ns);
        }
    }

    /// A job of an ended run is over.
    pub(super) fn drop_tail(&mut self, uid: Ulid) {
        self.tails.remove(&uid);
        let cpu_ns = self.tree.figures(uid).map_or(0, |usage| usage.cpu_ns);
        for counted in self.open.values_mut().filter_map(|open| open.counted.as_mut()) {
            counted.job_over(uid, cpu_ns);
        }
        self.tree.forget(uid);
    }
}

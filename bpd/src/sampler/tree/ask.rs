//! What the rest of the sampler asks of the tree.

use bp_proto::event::Waited;
use bp_proto::{Owner, Ulid};

use super::{Claim, Claimed, Tree};
use crate::sampler::probe::Reading;

impl Tree {
    pub(in crate::sampler) fn owner_of(&self, run: Ulid) -> Option<Owner> {
        self.runs.get(&run).map(|claimed| claimed.owner)
    }

    /// Processes of the run that are direct children of its owner, and have not ended.
    pub(in crate::sampler) fn children_of_owner(&self, run: Ulid) -> Vec<Owner> {
        let Some(claimed) = self.runs.get(&run) else { return Vec::new() };
        let children = claimed.members.iter().filter_map(|pid| self.processes.get(*pid));
        children
            .filter(|child| child.reading.parent == claimed.owner.pid && !child.reading.zombie)
            .map(|child| Owner { pid: child.reading.pid, start_ticks: child.reading.start_ticks })
            .collect()
    }

    /// The processes of a run, but for the owner where that only stands above it.
    pub(in crate::sampler) fn processes_of(&self, run: Ulid) -> Vec<Owner> {
        let Some(claimed) = self.runs.get(&run) else { return Vec::new() };
        let stands_above = |pid: u32| {
            claimed.wrapper == Some(pid) || (claimed.owner.pid == pid && claimed.claim != Claim::Whole)
        };
        let known = claimed.members.iter().filter_map(|pid| self.processes.get(*pid));
        let known = known.map(|tracked| &tracked.reading).filter(|reading| !stands_above(reading.pid));
        known.map(|reading| Owner { pid: reading.pid, start_ticks: reading.start_ticks }).collect()
    }

    /// Whether it is in no run: not known, or met when it had left what it began in.
    pub(in crate::sampler) fn is_nobodys(&self, pid: u32) -> bool {
        let known = self.processes.get(pid);
        known.is_none_or(|tracked| tracked.run.is_none() && !self.owners.contains_key(&pid))
    }

    /// The process `pid` had burned so much when it was to be read: its reading, which came later, is taken back to that,
    /// unless it has been read meanwhile. → what it has burned since.
    pub(in crate::sampler) fn put_back(
        &self,
        pid: u32,
        own_ns: Option<u64>,
        readings: &mut [Reading],
    ) -> u64 {
        let reading = readings.iter_mut().find(|reading| reading.pid == pid);
        let Some((reading, own_ns)) = reading.zip(own_ns) else { return 0 };
        let known = self.processes.get(pid).map(|tracked| &tracked.reading);
        let known = known.filter(|known| known.start_ticks == reading.start_ticks);
        let own_ns = own_ns.max(known.map_or(0, |known| known.own_ns)).min(reading.own_ns);
        let late_ns = reading.own_ns - own_ns;
        reading.own_ns = own_ns;
        late_ns
    }

    /// Whether the process is of a run of this owner, or only reports.
    pub(in crate::sampler) fn is_of(&self, pid: u32, owner: Owner) -> bool {
        let run = self.processes.get(pid).and_then(|tracked| tracked.run);
        run.is_some_and(|run| self.owner_of(run) == Some(owner))
            || self.reporters.iter().any(|(reporter, _)| *reporter == pid)
    }

    /// Whether the shell of this run has waited for no child since it began, as far as it was read.
    pub(super) fn waited_for_nobody(&self, claimed: &Claimed) -> bool {
        let faults = self.processes.get(claimed.owner.pid).map(|shell| shell.reading.counts.minor.waited);
        // One that never waited for anybody may be one of which nobody can tell.
        claimed.waited_faults > 0 && faults == Some(claimed.waited_faults)
    }

    /// Whether it is in some run, and not a wrapper.
    pub(in crate::sampler) fn is_member(&self, pid: u32) -> bool {
        let run = self.processes.get(pid).and_then(|tracked| tracked.run);
        run.is_some() && !self.is_wrapper(run, pid)
    }

    /// What the process `pid` of `run`, which has ended, burned in all, by who waited for it.
    pub(in crate::sampler) fn was_waited_for(&mut self, run: Ulid, child: &Waited) {
        let Some(claimed) = self.runs.get_mut(&run) else { return };
        if !claimed.tally.settle(child) && !claimed.members.contains(&child.pid) {
            claimed.tally.fold(&child.name, child.cpu_ns, child.rss_max_bytes.unwrap_or(0), true);
        }
    }

    /// Its living processes.
    pub(in crate::sampler) fn members(&self, run: Ulid) -> Vec<u32> {
        self.runs.get(&run).map_or_else(Vec::new, |claimed| claimed.members.iter().copied().collect())
    }

    /// What only reports, and began when this run of a shell was going.
    pub(in crate::sampler) fn reporters_of(&self, run: Ulid) -> Vec<u32> {
        let Some(Claim::Hook { from, .. }) = self.runs.get(&run).map(|claimed| claimed.claim) else {
            return Vec::new();
        };
        self.reporters.iter().filter(|(_, began)| *began >= from).map(|(pid, _)| *pid).collect()
    }

    /// What living processes of the run have burned: nobody has waited for them yet.
    pub(in crate::sampler) fn living_ns(&self, run: Ulid) -> u64 {
        let members = self.runs.get(&run).into_iter().flat_map(|claimed| &claimed.members);
        members.filter_map(|pid| self.processes.get(*pid)).map(|tracked| tracked.credited_ns).sum()
    }

    /// The run that a process belongs to now: the one it owns, else the one it is a member of.
    pub(in crate::sampler) fn run_of(&self, pid: u32) -> Option<Ulid> {
        self.owned_by(pid).map(|(run, _)| run).or_else(|| self.processes.get(pid)?.run)
    }

    /// Whether a living child of `owner` that began in this clock tick is in no run.
    pub(in crate::sampler) fn has_stray(&self, owner: u32, ticks: u64) -> bool {
        let children = self.processes.children(owner).iter().filter_map(|pid| self.processes.get(*pid));
        children.filter(|child| child.run.is_none() && !self.is_reporter(&child.reading)).any(|child| {
            let Reading { zombie, start_ticks, .. } = child.reading;
            !zombie && start_ticks == ticks
        })
    }
}

//! What becomes of processes that are gone.

use bp_proto::Ulid;

use super::{Fate, Tree};
use crate::sampler::pids::PidMap;
use crate::sampler::probe::Reading;
use crate::sampler::processes::{Gone, Tracked};

impl Tree {
    /// Removes what is gone of `suspects` and of the children of all that was read; and below those. → whose it was.
    pub(super) fn bury(
        &mut self,
        suspects: &[u32],
        readings: &[Reading],
        fate: &mut impl FnMut(u32, u64) -> Fate,
    ) -> Vec<Ulid> {
        let mut suspects = suspects.to_vec();
        for reading in readings {
            suspects.extend_from_slice(self.processes.children(reading.pid));
        }
        if suspects.is_empty() {
            return Vec::new();
        }
        let read: PidMap<u64> = readings.iter().map(|reading| (reading.pid, reading.start_ticks)).collect();
        let mut gone: PidMap<(Tracked, Option<u64>)> = PidMap::default();
        while let Some(pid) = suspects.pop() {
            let Some(tracked) = self.processes.get(pid) else { continue };
            let began = tracked.reading.start_ticks;
            let lives = read.get(&pid).is_some_and(|start_ticks| *start_ticks == began);
            if !lives && let Fate::Gone { own_ns } = fate(pid, began) {
                suspects.extend_from_slice(self.processes.children(pid));
                gone.extend(self.untrack(pid).map(|tracked| (pid, (tracked, own_ns))));
            }
        }
        for (tracked, counted_ns) in gone.values() {
            let mut parent = tracked.reading.parent;
            // A parent that is gone too handed on what it had waited for, as far as anybody can know.
            for _ in 0..gone.len() {
                let Some(above) = gone.get(&parent) else { break };
                parent = above.0.reading.parent;
            }
            self.hand_on(tracked, parent);
            if let Some(run) = tracked.run
                && !self.is_wrapper(tracked.run, tracked.reading.pid)
            {
                let Reading { pid, name, own_ns, zombie, .. } = &tracked.reading;
                let above = self.processes.get(parent).map(|above| &above.reading.name);
                // Else it may have been a copy of its parent that became another program: whose the rest is, nobody saw.
                let is_itself = tracked.stayed || above != Some(name);
                let later_ns = counted_ns.filter(|_| is_itself).map(|ns| ns.saturating_sub(*own_ns));
                let cpu_ns = tracked.credited_ns + later_ns.unwrap_or(0);
                let is_whole = *zombie || later_ns.is_some();
                let rss_max_bytes = tracked.rss_max_bytes;
                self.with_tally(run, |tally| tally.let_go(*pid, name, cpu_ns, rss_max_bytes, is_whole));
            }
        }
        gone.values().filter_map(|(tracked, _)| tracked.run).collect()
    }

    /// The time of a process that is gone is found in that of the process which waited for it.
    fn hand_on(&mut self, tracked: &Tracked, parent: u32) {
        let time = tracked.handed_on_ns();
        // What a wrapper burned itself is nobody's.
        let run = tracked.run.filter(|_| !self.is_wrapper(tracked.run, tracked.reading.pid));
        let Some(above) = self.processes.get_mut(parent) else {
            let is_closed = tracked.reading.is_closed;
            // What was read of one that had ended already is all of it.
            let run = run.filter(|_| !tracked.reading.zombie);
            return run.into_iter().for_each(|run| self.with_tally(run, |tally| tally.lose(is_closed)));
        };
        above.absorbed_ns += time;
        above.gone.extend_from_slice(&tracked.gone);
        tracked.account.hand_on_to(&mut above.account);
        above.gone.push(Gone { run, own_ns: tracked.reading.own_ns, stayed: tracked.stayed });
        if !tracked.run.is_some_and(|run| self.is_open(run))
            && let Some((run, _)) = self.owned_by(parent)
        {
            self.with_tally(run, |tally| tally.foreign_ns += time);
        }
    }

    /// Shares what children burned after their last readings among their runs, as they burned before. One that was read
    /// only once gets no more than it had then: the rest may be of siblings that nobody saw. → how much was shared.
    pub(super) fn credit_gone(&mut self, unseen: u64, gone: &[Gone], waited_of: Option<Ulid>) -> u64 {
        let weight = |gone: &Gone| u128::from(gone.own_ns.max(1));
        let all: u128 = gone.iter().map(weight).sum();
        let mut shared = 0;
        for gone in gone {
            let share = (u128::from(unseen) * weight(gone) / all) as u64;
            let share = if gone.stayed { share } else { share.min(gone.own_ns) };
            shared += share;
            if let Some(run) = gone.run {
                self.with_tally(run, |tally| tally.cpu_ns += share);
            }
            // Another run's, whose job the shell waited for in this one.
            if gone.run != waited_of
                && let Some(run) = waited_of
            {
                self.with_tally(run, |tally| tally.foreign_ns += share);
            }
        }
        shared
    }
}

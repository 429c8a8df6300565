//! What of a run's processes is not ours to see.

use bp_proto::{Activity, Ulid};

use super::Tree;
use crate::sampler::probe::Reading;
use crate::sampler::tally::Usage;

impl Tree {
    /// Remembers that a process of some run has children that are hidden from us, or that vanish with what they burn.
    pub(super) fn note_unseen(&mut self, reading: &Reading) {
        let run = self.owned_by(reading.pid).map(|(run, _)| run);
        if let Some(run) = run.or_else(|| self.processes.get(reading.pid)?.run) {
            self.with_tally(run, |tally| {
                tally.was_hidden |= reading.hides;
                tally.unreaped |= reading.ignores_children;
            });
        }
    }

    /// `usage` without figures that would be those of a part of the run.
    pub(super) fn as_far_as_seen(&self, run: Ulid, usage: Usage) -> Usage {
        let Some(claimed) = self.runs.get(&run) else { return usage };
        let is_innermost = self.owned_by(claimed.owner.pid).is_some_and(|(inner, _)| inner == run);
        let owner = self.processes.get(claimed.owner.pid).filter(|_| is_innermost);
        let members = || claimed.members.iter().filter_map(|pid| self.processes.get(*pid));
        // Whether what is hidden below a shell is this line's or an earlier one's, nobody can say.
        let hides = owner.into_iter().chain(members()).any(|tracked| tracked.reading.hides);
        // When it has been waited for, what it did is in the books of its parent.
        let is_closed = members().any(|tracked| tracked.reading.is_closed && !tracked.reading.zombie);
        let mut activity = usage.activity;
        if hides || is_closed || claimed.tally.lost_closed {
            activity = Activity { read_bytes: None, written_bytes: None, ..activity };
        }
        Usage { activity, hides, ..usage }
    }
}

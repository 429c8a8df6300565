//! What lives on of a run, by the control group of its shell: where nothing else but the shell itself runs in the group,
//! the group's growth is its, also what it burned after it was seen last. Pure.

/// A moment: what the group had burned by then, and what of it is known to be somebody else's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    pub group_ns: u64,
    /// Of the shell itself and of the children it has waited for; `None`: it is gone.
    pub shell_ns: Option<u64>,
    /// Of processes in the group that are in nobody's run.
    pub besides_ns: u64,
    /// What the tree had seen of what lives on.
    pub seen_ns: u64,
    /// How many of its processes went without anybody who waited for them.
    pub escapes: u32,
}

#[derive(Debug)]
pub(super) struct Ledger {
    mark: Mark,
    pub grown_ns: u64,
    /// Something of it ended unseen while something else was going on in the group.
    pub missed: bool,
}

impl Ledger {
    pub(super) fn new(mark: Mark) -> Self {
        Self { mark, grown_ns: 0, missed: false }
    }

    /// Takes in the time since the last mark. `quiet`: nothing else of the group ran meanwhile.
    pub(super) fn settle(&mut self, now: Mark, quiet: bool) {
        let before = std::mem::replace(&mut self.mark, now);
        let shell = before.shell_ns.zip(now.shell_ns).map_or(0, |(then, now)| now.saturating_sub(then));
        let besides = now.besides_ns.saturating_sub(before.besides_ns);
        let group = now.group_ns.saturating_sub(before.group_ns).saturating_sub(shell + besides);
        let seen = now.seen_ns.saturating_sub(before.seen_ns);
        self.grown_ns += if quiet { group.max(seen) } else { seen };
        self.missed |= !quiet && now.escapes > before.escapes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_seen_is_in_the_groups_growth_while_nothing_else_runs_there() {
        let before = Mark { group_ns: 1000, shell_ns: Some(200), besides_ns: 10, seen_ns: 300, escapes: 0 };
        let now = Mark { group_ns: 1900, shell_ns: Some(250), besides_ns: 15, seen_ns: 700, escapes: 1 };
        let check = |now: Mark, quiet, grown_ns, missed| {
            let mut ledger = Ledger::new(before);
            ledger.settle(now, quiet);
            assert_eq!((ledger.grown_ns, ledger.missed), (grown_ns, missed), "{now:?} {quiet}");
        };
        check(now, true, 900 - 50 - 5, false);
        check(now, false, 400, true);
        check(Mark { escapes: 0, ..now }, false, 400, false);
        check(Mark { shell_ns: None, ..now }, true, 895, false);
        // It has left the group.
        check(Mark { group_ns: 1000, ..now }, true, 400, false);
    }
}

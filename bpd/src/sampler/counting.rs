//! What the counters of shells, or their control groups, are asked when lines begin and end.

use std::collections::HashMap;

use bp_proto::process::{TICKS_PER_SECOND, stat_field};
use bp_proto::{Owner, Ulid, process};

use super::counters::{self, Counted, Meter};
use super::hearing::Heard;
use super::ledger::Mark;
use super::open::Open;
use super::scopes::Burned;
use super::stage::{MAX_DEPTH, Stage};
use super::tail::Tail;

const NS_PER_TICK: u64 = 1_000_000_000 / TICKS_PER_SECOND;

impl Stage {
    /// The program of a run that has used most CPU time; the shell itself where that used more.
    pub(super) fn top_program(&mut self, run: Ulid) -> Option<String> {
        let (is_nameless, shell) = match self.open.get(&run) {
            Some(open) => (open.start.draft.is_ignored(), open.start.draft.shell.clone()),
            None => (self.tails.get(&run)?.is_nameless, None),
        };
        if is_nameless {
            return None;
        }
        self.read(&[run]);
        let usage = self.tree.usage(run)?;
        let child = usage.children.into_iter().next();
        let of_shell = usage.rest.and_then(|rest| rest.shell_seconds).unwrap_or(0.0);
        match child {
            Some(child) if child.cpu_seconds >= of_shell => Some(child.name),
            child => shell.filter(|_| of_shell > 0.0).or(child.map(|child| child.name)),
        }
    }

    /// What lives on of earlier lines of this shell in its counter, and what each has burned by now.
    pub(super) fn counted_jobs(&mut self, shell: Owner) -> HashMap<Ulid, u64> {
        let in_scopes = !self.counters.are_allowed();
        let tails = self.tails.iter().filter(|(_, tail)| tail.is_counted || in_scopes);
        let jobs: Vec<Ulid> =
            tails.map(|(uid, _)| *uid).filter(|uid| self.tree.owner_of(*uid) == Some(shell)).collect();
        if !jobs.is_empty() {
            self.read(&jobs);
        }
        jobs.into_iter().map(|uid| (uid, self.tree.figures(uid).map_or(0, |usage| usage.cpu_ns))).collect()
    }

    /// Begins to count what a run burns by its shell's control group, where counters are forbidden. `found_ns`: what its
    /// processes have burned so far. `jobs`: what lives on of earlier runs, and what each has burned.
    pub(super) fn begin_in_scope(
        &mut self,
        owner: Owner,
        is_wrapper: bool,
        found_ns: u64,
        jobs: HashMap<Ulid, u64>,
        heard: Option<Burned>,
    ) -> Option<Counted> {
        if self.counters.are_allowed() {
            return None;
        }
        let inside = self.scopes.processes(owner)?;
        let own = std::process::id();
        if !inside.iter().all(|pid| *pid == own || self.is_of(*pid, owner)) {
            self.scopes.leave(owner);
            return None;
        }
        let mut besides = Vec::new();
        for pid in inside.into_iter().filter(|pid| *pid == own || (is_wrapper && *pid == owner.pid)) {
            besides.push((pid, self.probe.own_ns(pid)?));
        }
        let now = self.scopes.read(owner)?;
        // What is besides was read now.
        let heard = heard.filter(|_| besides.is_empty());
        let (from_ns, found_ns) =
            counters::from(heard.map(|heard| heard.total_ns), now.total_ns, found_ns, &jobs);
        let before = heard.filter(|heard| heard.total_ns == from_ns).unwrap_or(now);
        Some(Counted::in_scope(before, besides, found_ns, jobs))
    }

    /// Processes of the run's own control group that are below its shell no more, and began in these clock ticks.
    pub(super) fn strays_in_scope(&mut self, open: &Open, (from, until): (u64, u64)) -> Vec<u32> {
        if open.counted.as_ref().is_none_or(|counted| matches!(counted.meter, Meter::Counter)) {
            return Vec::new();
        }
        let own = std::process::id();
        let mut strays = self.scopes.processes(open.owner).unwrap_or_default();
        strays.retain(|pid| {
            let is_known = *pid == own || !self.tree.is_nobodys(*pid) || self.is_of(*pid, open.owner);
            !is_known && process::start_ticks(*pid).is_some_and(|began| (from..=until).contains(&began))
        });
        strays
    }

    /// Whether the process is this shell, or was started by it or by what it started.
    fn is_of(&mut self, pid: u32, shell: Owner) -> bool {
        let mut at = pid;
        for _ in 0..MAX_DEPTH {
            if at == shell.pid || self.tree.is_of(at, shell) {
                return true;
            }
            match self.probe.parent(at).filter(|parent| *parent > 1) {
                Some(parent) => at = parent,
                None => return false,
            }
        }
        false
    }

    /// What a run's counter shows now, or its control group without what is nobody's.
    fn shown_ns(&self, shell: Owner, counted: &Counted) -> Option<u64> {
        match &counted.meter {
            Meter::Counter => self.counters.read(shell, counted),
            Meter::Scope { besides, .. } => {
                let grown = |(pid, before): &(u32, u64)| {
                    self.probe.own_ns(*pid).map_or(0, |now| now.saturating_sub(*before))
                };
                let besides_ns: u64 = besides.iter().map(grown).sum();
                Some(self.scopes.read(shell)?.total_ns.saturating_sub(besides_ns))
            }
        }
    }

    /// What it showed when the shell wrote, if nothing else has to be read for it.
    fn heard_ns(counted: &Counted, heard: Heard) -> Option<u64> {
        match &counted.meter {
            _ if !counted.is_alone() => None,
            Meter::Counter => heard.counted_ns.filter(|_| counted.covers_jobs()),
            Meter::Scope { besides, .. } => {
                heard.scope.filter(|_| besides.is_empty()).map(|scope| scope.total_ns)
            }
        }
    }

    /// What a run has burned so far by the control group of its shell.
    pub(super) fn scoped_ns(&self, uid: Ulid) -> Option<u64> {
        let open = self.open.get(&uid)?;
        let counted = open.counted.as_ref().filter(|counted| matches!(counted.meter, Meter::Scope { .. }))?;
        counted.so_far(self.shown_ns(open.owner, counted)?)
    }

    /// Which part of a run's CPU time was the user's, in thousandths, by the control group of its shell.
    pub(super) fn user_permille(&self, shell: Owner, counted: &Counted) -> Option<u64> {
        let Meter::Scope { before, .. } = &counted.meter else { return None };
        let Burned { user_ns, system_ns, .. } = self.scopes.read(shell)?;
        let (user_ns, system_ns) =
            (user_ns.saturating_sub(before.user_ns), system_ns.saturating_sub(before.system_ns));
        (user_ns * 1000).checked_div(user_ns + system_ns)
    }

    /// Takes what the counter of a run's shell shows, as early after its end as can be. `heard`: when the shell wrote of it.
    pub(super) fn count(&mut self, uid: Ulid, heard: Heard) {
        let Some(open) = self.open.get(&uid) else { return };
        let (shell, counted) =
            (open.owner, open.counted.as_ref().filter(|counted| counted.total_ns.is_none()));
        let Some((counted_ns, counted)) = counted.and_then(|counted| {
            let then = Self::heard_ns(counted, heard);
            Some((then.or_else(|| self.shown_ns(shell, counted))?, counted))
        }) else {
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

    /// This moment, for what lives on of a run; `None` = its shell has no control group for itself.
    pub(super) fn mark(&self, uid: Ulid, shell: Owner) -> Option<Mark> {
        let group_ns = self.scopes.read(shell)?.total_ns;
        let stat = process::stat(shell.pid).ok();
        let field = |nth| stat.as_ref().and_then(|stat| stat_field(stat, nth));
        let is_there = field(22) == Some(shell.start_ticks);
        let waited_ticks = field(16).zip(field(17)).map(|(user, system)| user + system);
        let waited_ns = waited_ticks.unwrap_or(0) * NS_PER_TICK;
        let usage = self.tree.figures(uid).unwrap_or_default();
        Some(Mark {
            group_ns,
            shell_ns: self.probe.own_ns(shell.pid).filter(|_| is_there).map(|own_ns| own_ns + waited_ns),
            // Where bpd sits elsewhere too much is taken off, by next to nothing.
            besides_ns: self.probe.own_ns(std::process::id()).unwrap_or(0),
            seen_ns: usage.cpu_ns,
            escapes: usage.escapes,
        })
    }

    /// Takes in what the group of this shell has grown by since it was read last, for what lives on of its earlier runs.
    /// `quiet`: no run of it was open meanwhile.
    pub(super) fn settle_ledgers(&mut self, shell: Owner, quiet: bool) {
        let of_shell = |(uid, tail): (&Ulid, &Tail)| {
            let is_its = tail.ledger.is_some() && self.tree.owner_of(*uid) == Some(shell);
            is_its.then_some(*uid)
        };
        let tails: Vec<Ulid> = self.tails.iter().filter_map(of_shell).collect();
        let quiet = quiet && tails.len() == 1;
        for uid in tails {
            let mark = self.mark(uid, shell);
            let ledger = self.tails.get_mut(&uid).and_then(|tail| tail.ledger.as_mut());
            match (ledger, mark) {
                (Some(ledger), Some(mark)) => ledger.settle(mark, quiet),
                // The group is gone with the last of its processes.
                (Some(ledger), None) => ledger.missed = true,
                (None, _) => {}
            }
        }
    }

    /// Its group is not asked any more, unless something else of it is.
    pub(super) fn leave_scope(&mut self, shell: Owner) {
        let is_used = self.open.values().any(|open| open.owner == shell)
            || self.tails.keys().any(|uid| self.tree.owner_of(*uid) == Some(shell));
        if !is_used && !process::is_alive(shell) {
            self.scopes.leave(shell);
        }
    }

    /// A job of an ended run is over.
    pub(super) fn drop_tail(&mut self, uid: Ulid) {
        let shell = self.tree.owner_of(uid);
        self.tails.remove(&uid);
        let cpu_ns = self.tree.figures(uid).map_or(0, |usage| usage.cpu_ns);
        for counted in self.open.values_mut().filter_map(|open| open.counted.as_mut()) {
            counted.job_over(uid, cpu_ns);
        }
        self.tree.forget(uid);
        if let Some(shell) = shell {
            self.leave_scope(shell);
        }
    }
}

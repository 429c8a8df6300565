//! The sampler's state and what events do to it. Asks the probe, never a channel: what goes on is put into `out`.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::time::Duration;

use bp_proto::event::Source;
use bp_proto::process;
use bp_proto::request::Edit;
use bp_proto::{Ending, Finish, Owner, Start, Ulid, UnixMillis};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Resumed;
use super::counters::Counters;
use super::departing::Parting;
use super::describing::Undescribed;
use super::ending::{Doubt, Leaving};
use super::ends::Ends;
use super::exits::{Exit, Exits};
use super::hearing::{Heard, Hearing};
use super::jobs::{Continuing, Job};
use super::lookup::Lookups;
use super::machine::{self, Machine};
use super::open::{Ended, Now, Open, is_same};
use super::orphans::Orphans;
use super::probe::Probe;
use super::resting::Resting;
use super::scopes::Scopes;
use super::tail::Tail;
use super::tree::{Claim, Tree};
use super::watchers::Watchers;
use crate::event::{Amendment, Body, Event, Measured, Receipt, Reply, Watcher};
use crate::plausible;
use crate::typed::{self, Typed};

/// Ended runs of `bpctl run` that still wait for their wrapper's account.
const MAX_ENDED: usize = 256;

/// Starts that were not recorded, whose ends are not either.
const MAX_LOOKS: usize = 1024;

/// Shells within shells at once, of which the last parent is remembered.
const MAX_NESTED: usize = 256;

/// Processes above one another that are searched for a run.
pub(super) const MAX_DEPTH: usize = 128;

pub(super) struct Stage {
    pub(super) interval: Duration,
    pub(super) probe: Probe,
    pub(super) tree: Tree,
    pub(super) counters: Counters,
    pub(super) ends: Ends,
    pub(super) scopes: Scopes,
    pub(super) hearing: Hearing,
    pub(super) orphans: Orphans,
    pub(super) resting: Resting,
    pub(super) machine: Machine,
    pub(super) open: HashMap<Ulid, Open>,
    pub(super) tails: HashMap<Ulid, Tail>,
    /// Runs whose line is over and whose jobs are not; each has a tail too.
    pub(super) jobs: HashMap<Ulid, Job>,
    /// Lines such as `fg`, until they end.
    pub(super) resuming: Continuing,
    pub(super) exits: Exits,
    pub(super) partings: Vec<Parting>,
    ended_processes: Option<mpsc::Receiver<Exit>>,
    pub(super) ended: VecDeque<Ended>,
    pub(super) leaving: VecDeque<Leaving>,
    pub(super) doubts: HashMap<Ulid, Doubt>,
    /// When the machine is read next; `None` while no run is open and nobody looks.
    pub(super) machine_due: Option<Duration>,
    pub(super) watchers: Watchers,
    pub(super) caught_up: bool,
    pub out: VecDeque<Measured>,
    pub(super) undescribed: Undescribed,
    looks: VecDeque<Ulid>,
    /// Shells and the runs that they were last seen in, for what a shell says with its last breath.
    nested: VecDeque<(Owner, Ulid)>,
    pub(super) lookups: Lookups,
    pub(super) host: String,
    /// All CPUs of the machine; `None`: unknown.
    pub(super) machine_cpus: Option<u32>,
    epoch: Instant,
    /// Time since boot, suspended time counted.
    pub(super) boot: fn() -> Duration,
}

impl Stage {
    pub(super) fn new(interval: Duration, data: Option<PathBuf>) -> Self {
        let probe = Probe::new();
        let counters = Counters::new();
        let (exits, ended_processes) = Exits::new();
        Self {
            interval,
            tree: Tree::of(probe.grain_ticks()),
            probe,
            ends: Ends::new(counters.are_allowed()),
            counters,
            scopes: Scopes::new(),
            hearing: Hearing::default(),
            orphans: Orphans::default(),
            resting: Resting::default(),
            machine: Machine::new(data),
            watchers: Watchers::default(),
            open: HashMap::new(),
            tails: HashMap::new(),
            jobs: HashMap::new(),
            resuming: Continuing::default(),
            partings: Vec::new(),
            exits,
            ended_processes: Some(ended_processes),
            ended: VecDeque::new(),
            leaving: VecDeque::new(),
            doubts: HashMap::new(),
            machine_due: None,
            caught_up: false,
            out: VecDeque::new(),
            undescribed: Undescribed::default(),
            looks: VecDeque::new(),
            nested: VecDeque::new(),
            lookups: Lookups::new(),
            host: machine::host_name(),
            machine_cpus: machine::all_cpus(),
            epoch: Instant::now(),
            boot: machine::since_boot,
        }
    }

    /// Where the ends of watched processes arrive. Once.
    pub(super) fn take_exits(&mut self) -> mpsc::Receiver<Exit> {
        self.ended_processes.take().unwrap_or_else(|| mpsc::channel(1).1)
    }

    #[cfg(target_os = "linux")]
    pub(super) fn look_with(&mut self, probe: Probe) {
        self.tree = Tree::of(probe.grain_ticks());
        self.probe = probe;
    }

    pub(super) fn now(&self) -> Now {
        let (wall, into_milli) = machine::wall_clock();
        Now { mono: self.epoch.elapsed(), boot: (self.boot)(), wall, into_milli }
    }

    /// When [`Self::tick`] wants to be called; `None` = nothing is open.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.due().map(|due| self.epoch + due)
    }

    /// Runs that were open when bpd last went away.
    pub(super) fn resume(&mut self, resumed: Vec<Resumed>) {
        let now = self.now();
        for Resumed { start, last, phased } in resumed {
            let Some(owner) = start.owner else { continue };
            let mut open = Open::new(start, owner, self.interval, now);
            if let Some(last) = last {
                open.continue_from(last);
            }
            open.prompt_at = phased.and_then(|phased| phased.prompt_at);
            self.open.insert(open.uid(), open);
        }
    }

    /// Everything that was left behind has been heard: what is open now goes on, the outer before the inner.
    fn caught_up(&mut self) {
        self.caught_up = true;
        let mut held: Vec<(UnixMillis, Ulid)> = self
            .open
            .values()
            .filter(|open| !open.watched)
            .map(|open| (open.start.draft.started_at, open.uid()))
            .collect();
        held.sort_unstable();
        for (_, uid) in held {
            self.watch(uid, Heard::default(), self.now());
        }
        self.take_up_jobs(self.now());
        if !self.open.is_empty() {
            self.accompany(self.now());
        }
    }

    pub(super) async fn take(&mut self, event: Event) {
        let Event { body, reply } = event;
        if !matches!(body, Body::Heard { .. }) {
            self.orphans.forget();
            // In the order in which it happened.
            self.let_leave_before(&body);
            if !self.is_of_lines(&body) {
                self.describe_all().await;
            }
        }
        match body {
            Body::Heard { shell } => {
                self.hear(shell);
                self.exits.watch(Owner { pid: shell, start_ticks: 0 });
                answer(reply, Receipt::Done);
            }
            Body::Start(start) => self.start(*start, reply).await,
            Body::Finish(finish) => self.finish(*finish, reply),
            Body::CaughtUp => {
                self.caught_up();
                self.pass(Body::CaughtUp, reply);
            }
            Body::Awaited => answer(reply, Receipt::Done),
            Body::Reporter { pid } => {
                self.tree.reporter(pid, process::start_ticks(pid).unwrap_or(0));
                answer(reply, Receipt::Done);
            }
            Body::Points { run, points } => {
                self.pass(Body::Points { run: self.known_as(run), points }, reply);
            }
            Body::Edit { run, edit } => self.pass(Body::Edit { run: self.known_as(run), edit }, reply),
            Body::Text { run, text } => self.pass(Body::Text { run: self.known_as(run), text }, reply),
            Body::Delete { run } => {
                let run = self.known_as(run);
                self.settle_doubts(|open, _| (open.uid() == run).then_some(true), self.now());
                self.open.remove(&run);
                self.tails.remove(&run);
                self.jobs.remove(&run);
                self.ended.retain(|ended| ended.run.uid() != run);
                self.tree.forget(run);
                self.pass(Body::Delete { run }, reply);
            }
            Body::Watch(watcher) => {
                self.watched(watcher);
                // Behind the reading.
                self.pass(Body::Watch(Watcher::Asked), reply);
            }
            Body::TopProgram { run } => {
                let run = self.known_as(run);
                answer(reply, Receipt::Program(self.top_program(run)));
            }
            Body::RunsOf { pid } => {
                let runs = self.runs_of(pid);
                answer(reply, Receipt::Runs(runs));
            }
            Body::Members { run } => {
                let run = self.known_as(run);
                if self.open.contains_key(&run) || self.tails.contains_key(&run) {
                    // What has just been started is among them.
                    self.read(&[run]);
                }
                answer(reply, Receipt::Members(self.tree.processes_of(run)));
            }
            body @ (Body::Alert(_)
            | Body::Amend(_)
            | Body::Phase { .. }
            | Body::Import { .. }
            | Body::GiveUpTexts) => {
                self.pass(body, reply);
            }
        }
        self.let_go();
    }

    /// Whether a shell tells something of what is typed.
    fn is_of_lines(&self, body: &Body) -> bool {
        match body {
            Body::Start(start) => start.draft.source == Source::Hook,
            Body::Finish(finish) => {
                let run = self.open.get(&finish.uid);
                run.is_some_and(|open| open.start.draft.source == Source::Hook)
            }
            _ => false,
        }
    }

    pub(super) fn pass(&mut self, body: Body, reply: Option<Reply>) {
        self.out.push_back(Measured::Event(Event { body, reply }));
    }

    async fn start(&mut self, mut start: Start, reply: Option<Reply>) {
        let now = self.now();
        let mut owner = start.owner;
        for named in [&mut owner, &mut start.under].into_iter().flatten() {
            if named.start_ticks == 0 {
                named.start_ticks = process::start_ticks(named.pid).unwrap_or(0);
            }
        }
        start.owner = owner;
        let of_line = owner.filter(|_| start.draft.source == Source::Hook);
        let heard = of_line.map_or_else(Heard::default, |shell| self.hearing.take(shell));
        if self.open.contains_key(&start.uid) {
            start.draft.drop_stand_in();
            return self.pass(Body::Start(Box::new(start)), reply);
        }
        if let Some(owner) = of_line {
            self.settle_partings(false, |shell, _| is_same(shell, owner));
            self.settle_before(owner, start.draft.started_at, now);
            self.lose_older(owner, &start, now);
            self.exits.watch(owner);
            if self.resumes(&start, owner) {
                return answer(reply, Receipt::Done);
            }
            let typed = start.draft.command.as_deref().map(typed::classify);
            if matches!(typed, Some(Typed::Look | Typed::Apart)) {
                self.looks.push_back(start.uid);
                if self.looks.len() > MAX_LOOKS {
                    self.looks.pop_front();
                }
                return answer(reply, Receipt::Done);
            }
        }
        if start.draft.source == Source::Wrapper && self.adopts(&start) {
            return self.adopt(start, reply);
        }
        if self.line_around(start.parent, start.owner).is_none() {
            start.parent = self.parent_of(&start).or_else(|| self.last_parent_of(&start)).or_else(|| {
                let claimed = self.known_as(start.parent?);
                self.open.contains_key(&claimed).then_some(claimed)
            });
        }
        if let Some(outer) = start.parent.and_then(|parent| self.open.get_mut(&parent)) {
            outer.has_inner = true;
        }
        self.remember_parent(&start);
        let (uid, source) = (start.uid, start.draft.source);
        if let Some(owner) = owner {
            let now = heard.at.unwrap_or_else(|| self.now());
            let mut open = Open::new(start.clone(), owner, self.interval, now);
            open.shell_exit = of_line.and_then(|shell| self.exits.status_of(shell));
            self.open.insert(uid, open);
            // Nothing that comes by HTTP was left behind.
            if self.caught_up || source == Source::Api {
                self.watch(uid, heard, now);
            }
        }
        start.draft.drop_stand_in();
        self.tell(start, reply, now).await;
    }

    /// Looks at the processes of an open run for the first time. `heard`: its shell when it wrote that it begins.
    fn watch(&mut self, uid: Ulid, heard: Heard, now: Now) {
        let Some(owner) = self.open.get(&uid).map(|open| open.owner) else { return };
        let jobs = self.counted_jobs(owner);
        let is_alone = !self.open.values().any(|open| open.owner == owner && open.uid() != uid);
        self.settle_ledgers(owner, is_alone);
        let Some(open) = self.open.get_mut(&uid) else { return };
        open.watched = true;
        self.resting.wake(owner.pid);
        if self.probe.lives(owner) {
            let tree = &self.tree;
            let claim = open.claim();
            let sought = claim.widened(self.tree.grain_ticks);
            let mut seen = self.probe.with_descendants(
                [owner.pid],
                |_| true,
                |pid| tree.is_new(pid),
                |reading| sought.may_take(reading, owner.pid),
            );
            let since_heard_ns = self.tree.put_back(owner.pid, heard.own_ns, &mut seen.readings);
            let probe = &mut self.probe;
            let ends = &mut self.ends;
            self.tree.open(uid, owner, claim, &seen.readings, |pid, start| ends.fate(probe, pid, start));
            self.ends.meet(&self.tree, &self.probe, &seen.readings);
            open.observed = true;
            open.seen_at = open.seen_at.max(open.seen_now(now));
            let found_ns = self.tree.figures(uid).map_or(0, |usage| usage.cpu_ns);
            open.was_found(found_ns);
            if Open::is_fresh(&open.start, now) && claim != Claim::Whole {
                let by_time = claims_by_time(claim);
                let found_ns = found_ns + since_heard_ns;
                let counted = if by_time && self.counters.are_allowed() {
                    self.counters.begin(owner, &self.tree.members(uid), found_ns, jobs, heard.counted_ns)
                } else {
                    self.begin_in_scope(owner, !by_time, found_ns, jobs, heard.scope)
                };
                if let Some(open) = self.open.get_mut(&uid) {
                    open.counted = counted;
                }
            }
        } else {
            open.gone_since = Some(now.mono);
        }
        // Of those that have just begun it is told with the rest of the machine.
        let untold = |open: &&mut Open| open.start.context.is_none() && !Open::is_fresh(&open.start, now);
        if let Some(open) = self.open.get_mut(&uid).filter(untold) {
            open.cpus = machine::cpus(Some(owner.pid));
        }
    }

    /// Reads the processes of these runs, as far as they have run themselves.
    pub(super) fn read(&mut self, due: &[Ulid]) {
        self.read_with(due, None);
    }

    /// Reads the processes of a run that ends, its owner and what is below it whether that has run or not: the window in
    /// which processes are the run's has changed. `heard`: the owner when it wrote that it ends.
    pub(super) fn read_last(&mut self, run: Ulid, owner: u32, heard: Heard) {
        self.probe.look_around();
        self.read_with(&[run], Some((owner, heard)));
    }

    fn read_with(&mut self, due: &[Ulid], fresh: Option<(u32, Heard)>) {
        let tree = &self.tree;
        let mut seen = self.probe.with_descendants(
            tree.scope(due),
            |pid| fresh.is_some_and(|(owner, _)| owner == pid) || tree.is_subreaper(pid),
            |pid| tree.is_new(pid),
            |reading| tree.wants_below(reading),
        );
        if let Some((owner, heard)) = fresh {
            tree.put_back(owner, heard.own_ns, &mut seen.readings);
        }
        let probe = &mut self.probe;
        let ends = &mut self.ends;
        self.tree.update(&seen.missed, &seen.readings, |pid, start| ends.fate(probe, pid, start));
        self.ends.meet(&self.tree, &self.probe, &seen.readings);
    }

    /// Of processes that are in no run any more nothing is held, but for the files of shells that rest while there are
    /// files enough.
    pub(super) fn let_go(&mut self) {
        if self.probe.lacks_files() {
            self.resting.clear();
        }
        if self.probe.kept() > self.tree.len() + self.resting.len() {
            let (tree, resting) = (&self.tree, &self.resting);
            self.probe.keep(|pid| !tree.is_new(pid) || resting.contains(pid));
            self.ends.keep(|pid| !tree.is_new(pid));
        }
    }

    /// The shell's next line began: what started in the clock tick of an end before is its, unless it began later.
    fn settle_before(&mut self, owner: Owner, started_at: UnixMillis, now: Now) {
        let settles = |open: &Open, doubt: &Doubt| {
            let began = open.ticks_at(started_at.since(open.start.draft.started_at));
            is_same(open.owner, owner).then_some(began > doubt.last_tick)
        };
        self.settle_doubts(settles, now);
    }

    /// The open line of the same shell in whose nested prompt a line is typed that claims `parent`.
    fn line_around(&self, parent: Option<Ulid>, owner: Option<Owner>) -> Option<&Open> {
        let open = self.open.get(&parent?)?;
        (open.start.draft.source == Source::Hook && is_same(open.owner, owner?)).then_some(open)
    }

    /// The shell reads another line: what it began before has ended unseen, unless the line is typed inside of it.
    fn lose_older(&mut self, owner: Owner, start: &Start, now: Now) {
        let started_at = start.draft.started_at;
        let mut around = Vec::new();
        let mut parent = start.parent;
        while let Some(open) = self.line_around(parent, Some(owner))
            && !around.contains(&open.uid())
        {
            around.push(open.uid());
            parent = open.start.parent;
        }
        let older: Vec<Ulid> = self
            .open
            .values()
            .filter(|open| open.start.draft.source == Source::Hook && is_same(open.owner, owner))
            .filter(|open| open.start.draft.started_at <= started_at && open.prompt_at.is_none())
            .map(Open::uid)
            .filter(|uid| !around.contains(uid))
            .collect();
        for uid in older {
            let seen_at = self.open.get(&uid).map_or(started_at, |open| open.seen_at);
            self.end_unreported(uid, seen_at.min(started_at), true, now);
        }
    }

    fn adopts(&self, wrapper: &Start) -> bool {
        let jobs = self.jobs.values().map(|job| &job.open);
        self.open.values().chain(jobs).any(|open| open.is_run_of(wrapper))
            || self.ended.iter().any(|ended| ended.is_run_of(wrapper))
    }

    /// The wrapper's run is the run of the shell's line that started it: the answer is that one's id.
    fn adopt(&mut self, wrapper: Start, reply: Option<Reply>) {
        let jobs = self.jobs.values_mut().map(|job| &mut job.open);
        let open = self.open.values_mut().chain(jobs).find(|open| open.is_run_of(&wrapper));
        let ended =
            self.ended.iter_mut().rev().filter(|ended| ended.is_run_of(&wrapper)).map(|ended| &mut ended.run);
        let Some(run) = open.into_iter().chain(ended).next() else { return };
        run.adopted = Some(wrapper.uid);
        let start = run.start.clone();
        let uid = start.uid;
        if let Some(owner) = wrapper.owner {
            self.tree.adopt(uid, owner.pid);
        }
        self.pass(Body::Start(Box::new(start)), reply);
        let Start { draft, .. } = wrapper;
        if !draft.tags.is_empty() || draft.note.is_some() {
            let tags = (!draft.tags.is_empty()).then_some(draft.tags);
            self.pass(Body::Edit { run: uid, edit: Edit { tags, note: draft.note } }, None);
        }
    }

    /// The run that a reporter's uid stands for: its own, or the one that adopted it.
    pub(super) fn known_as(&self, uid: Ulid) -> Ulid {
        let jobs = self.jobs.values().map(|job| &job.open);
        let runs = self.open.values().chain(jobs).chain(self.ended.iter().map(|ended| &ended.run));
        runs.into_iter().find(|run| run.adopted == Some(uid)).map_or(uid, Open::uid)
    }

    /// The innermost open run above the process that the run came from.
    fn parent_of(&mut self, start: &Start) -> Option<Ulid> {
        if self.open.is_empty() && self.tails.is_empty() {
            return None;
        }
        let mut pid = start.under.or(start.owner)?.pid;
        for _ in 0..MAX_DEPTH {
            if let Some(run) = self.tree.run_of(pid).or_else(|| self.held_by(pid)) {
                let open = self.open.get(&run).or_else(|| self.jobs.get(&run).map(|job| &job.open))?;
                // The shell reads its next line before a job of the last one has told that it is there.
                let is_older =
                    |owner: Owner| owner.start_ticks > 0 && owner.start_ticks < open.ticks_at(Duration::ZERO);
                if open.owner.pid != pid || !start.owner.is_some_and(is_older) {
                    return Some(run);
                }
            }
            pid = self.probe.parent(pid).filter(|parent| *parent > 1)?;
        }
        None
    }

    /// The run of that process which waits for the mail to be read to its end.
    fn held_by(&self, pid: u32) -> Option<Ulid> {
        let held = self
            .open
            .values()
            .filter(|open| !open.watched && open.owner.pid == pid && process::is_alive(open.owner));
        held.max_by_key(|open| open.start.draft.started_at).map(Open::uid)
    }

    /// A shell that is gone by the time its `exit` is read has no parent process any more, and its run may have ended.
    fn last_parent_of(&mut self, start: &Start) -> Option<Ulid> {
        let owner = start.owner?;
        let last = self.nested.iter().find(|(shell, _)| *shell == owner).map(|(_, run)| *run);
        last.filter(|_| self.probe.parent(owner.pid).is_none())
    }

    fn remember_parent(&mut self, start: &Start) {
        let Some(owner) = start.owner else { return };
        self.nested.retain(|(shell, _)| *shell != owner);
        if let Some(parent) = start.parent {
            self.nested.push_back((owner, parent));
        }
        if self.nested.len() > MAX_NESTED {
            self.nested.pop_front();
        }
    }

    fn finish(&mut self, finish: Finish, reply: Option<Reply>) {
        if self.looks.contains(&finish.uid) {
            return answer(reply, Receipt::Finished);
        }
        let run = self.known_as(finish.uid);
        if run != finish.uid {
            if let Some(waited) = &finish.waited {
                self.read(&[run]);
                self.tree.was_waited_for(run, waited);
            }
            let Some(mut totals) = finish.totals else { return answer(reply, Receipt::Finished) };
            if let Some(took) = finish.took {
                plausible::check_cpu(&mut totals, took, self.machine_cpus);
            }
            let job = self.jobs.get_mut(&run).map(|job| &mut job.open);
            if let Some(open) = self.open.get_mut(&run).or(job) {
                open.exact = Some(totals);
            }
            let amendment = Amendment { run, totals, children: Vec::new(), rest: None, background: false };
            return self.pass(Body::Amend(Box::new(amendment)), reply);
        }
        if finish.ending == Ending::Lost && self.waits_for_exit(&finish) {
            return answer(reply, Receipt::Finished);
        }
        let Some((finish, reply)) = self.resumed(finish, reply) else { return };
        self.reported(finish, reply, self.now());
    }

    pub(super) fn remember(&mut self, run: Open, finished_at: UnixMillis) {
        if run.typed == Typed::Wrapped {
            self.ended.push_back(Ended { run, finished_at });
            if self.ended.len() > MAX_ENDED {
                self.ended.pop_front();
            }
        }
    }
}

/// Whether what was burned in a span of time is the run's: of the lines of a shell, which come one after the other.
fn claims_by_time(claim: Claim) -> bool {
    matches!(claim, Claim::Hook { .. })
}

/// Answers an event that goes no further.
pub(super) fn answer(reply: Option<Reply>, receipt: Receipt) {
    if let Some(reply) = reply {
        let _ = reply.send(Ok(receipt));
    }
}

#[cfg(test)]
mod tests;

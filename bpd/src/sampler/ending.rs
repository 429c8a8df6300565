//! How runs end: by their reporter's word, or lost; and what lives on of them.

use std::time::Duration;

use bp_proto::event::Source;
use bp_proto::process::TICKS_PER_SECOND;
use bp_proto::{Ending, Finish, Quality, Rest, Start, Totals, Ulid, UnixMillis};

use super::counters::Counted;
use super::departing::{unreported, unseen_end};
use super::describing::PAUSE;
use super::hearing::Heard;
use super::ledger::Ledger;
use super::open::{Now, Open, is_same, life_of};
use super::stage::Stage;
use super::tail::Tail;
use super::tally::{self, Usage};
use super::totals::{self, Accounts, Count};
use super::tree::Tree;
use crate::event::{Body, Measured, Reply};
use crate::plausible;

/// A line that was typed ahead has reported its start before it starts anything; that is read within this.
const DOUBT: Duration = Duration::from_millis(100);

/// An end that was reported, of a run whose shell has started something in the same clock tick: a job that lives on, or
/// the next line.
#[derive(Debug)]
pub(super) struct Doubt {
    finish: Finish,
    reply: Option<Reply>,
    pub(super) last_tick: u64,
    pub(super) due: Duration,
}

/// The end of a line, of which what can wait has not been done.
#[derive(Debug)]
pub(super) struct Leaving {
    finish: Finish,
    reply: Option<Reply>,
    now: Now,
}

/// Of a run that began this long ago its start may still be on its way.
const UNHEARD_TICKS: u64 = 2 * TICKS_PER_SECOND;

/// An end that is told this late, and without the shell's own CPU times, has other lines behind it.
const OVERTAKEN: Duration = Duration::from_millis(30);

/// Of a shorter run the machine's own bookkeeping would be measured.
const LEAST_LOOK: Duration = Duration::from_millis(20);

/// How long an owner is gone before its run is lost: its last words may still be on their way.
pub(super) const GRACE: Duration = Duration::from_secs(2);
/// The same, when the end of the shell was seen at once.
pub(super) const GRACE_AFTER_EXIT: Duration = Duration::from_millis(300);

impl Stage {
    /// The end of a run as it was reported. What is of that moment is read: its counter, its processes. The rest of a
    /// line's end waits until its shell has drawn the prompt, unless the next line is there before that.
    pub(super) fn reported(&mut self, mut finish: Finish, reply: Option<Reply>, now: Now) {
        self.check_duration(&mut finish, now);
        let shell = self.open.get(&finish.uid).filter(|open| open.start.draft.source == Source::Hook);
        let shell = shell.map(|open| open.owner);
        let heard = shell.map_or_else(Heard::default, |shell| self.hearing.take(shell));
        self.count(finish.uid, heard);
        self.read_at_end(&finish, heard);
        let (read, now) = (now, heard.at.unwrap_or(now));
        let of_line = |open: &&mut Open| open.watched && open.start.draft.source == Source::Hook;
        let Some(open) = self.open.get_mut(&finish.uid).filter(of_line) else {
            return self.end_seen(finish, reply, now);
        };
        self.undescribed.hear(read);
        if self.undescribed.are_many() {
            return self.leave(finish, reply, now);
        }
        open.end_was_heard = heard.at.is_some();
        // No reading is its any more.
        open.in_doubt = true;
        self.leaving.push_back(Leaving { finish, reply, now });
    }

    /// A reported duration that cannot be true gives way to the time since bpd heard of the start. That one places the
    /// run's processes; it is not shown.
    fn check_duration(&mut self, finish: &mut Finish, now: Now) {
        let Some(open) = self.open.get_mut(&finish.uid) else {
            if finish.took.is_some_and(|took| !plausible::is_duration(took, None)) {
                refuse_duration(finish);
            }
            return;
        };
        let told = told(open, finish);
        // The others measure with a clock that is never set. Most ends need no look at the process.
        let is_doubtful = open.start.draft.source == Source::Hook && told > open.since_start(now);
        let life = if is_doubtful { life_of(open.owner, now) } else { None };
        if !plausible::is_duration(told, life) {
            open.has_implausible_duration = true;
            finish.took = Some(open.elapsed(now));
            finish.finished_at = finish.finished_at.min(now.wall);
        }
    }

    /// Ends the lines before this event.
    pub(super) fn let_leave_before(&mut self, body: &Body) {
        if let Body::Start(start) = body {
            self.limit_lines_before(start);
        }
        self.let_leave(true);
    }

    /// A line begins: processes that it starts do not belong to the lines before, whose ends are not settled yet. bpd may
    /// read the end of a line only when the next one runs, and fish's clock has a hundredth of a second.
    fn limit_lines_before(&mut self, next: &Start) {
        let Some(shell) = next.owner.filter(|_| next.draft.source == Source::Hook) else { return };
        for leaving in &self.leaving {
            let Some(open) = self.open.get_mut(&leaving.finish.uid) else { continue };
            if is_same(open.owner, shell) {
                let since = next.draft.started_at.since(open.start.draft.started_at);
                let began = open.ticks_at(since);
                open.next_began.get_or_insert(began);
            }
        }
    }

    /// When the rest of a line's end is to be done, on the sampler's clock.
    pub(super) fn leaving_due(&self) -> Option<Duration> {
        self.leaving.front().map(|leaving| leaving.now.mono + PAUSE)
    }

    /// Ends the lines whose shells have had time for their prompt; `all`: and the others.
    pub(super) fn let_leave(&mut self, all: bool) {
        let now = self.now().mono;
        while let Some(Leaving { finish, reply, now }) =
            self.leaving.pop_front_if(|leaving| all || leaving.now.mono + PAUSE <= now)
        {
            self.leave(finish, reply, now);
        }
    }

    /// Settled now, unless it must be seen first whose the shell's youngest child is.
    fn leave(&mut self, finish: Finish, reply: Option<Reply>, now: Now) {
        let uid = finish.uid;
        let Some(mut open) = self.open.remove(&uid) else { return self.end_seen(finish, reply, now) };
        let took = told(&open, &finish);
        let (last, until) = open.last_ticks(took);
        if open.next_began.is_some() {
            // The last reading was taken before bpd knew of the next line.
            self.tree.until(uid, until);
        }
        let window = (last, open.latest_tick(took));
        open.in_doubt = until != last
            && (self.tree.has_stray(open.owner.pid, last)
                || !self.orphans_of(&open, window).is_empty()
                || !self.strays_in_scope(&open, window).is_empty());
        let in_doubt = open.in_doubt;
        self.open.insert(uid, open);
        if !in_doubt {
            if self.parts(&finish) {
                return self.part(finish, reply, now);
            }
            return self.end_seen(finish, reply, now);
        }
        self.doubts.insert(uid, Doubt { finish, reply, last_tick: last, due: now.mono + DOUBT });
    }

    /// Ends that waited for it: the youngest child is the ended run's, when nothing else was begun in that clock tick.
    pub(super) fn settle_doubts(&mut self, of: impl Fn(&Open, &Doubt) -> Option<bool>, now: Now) {
        let mut settled: Vec<(Ulid, bool)> = Vec::new();
        for (uid, doubt) in &self.doubts {
            let settles = self.open.get(uid).and_then(|open| of(open, doubt));
            settled.extend(settles.map(|is_its| (*uid, is_its)));
        }
        for (uid, is_its) in settled {
            let Some(Doubt { finish, reply, .. }) = self.doubts.remove(&uid) else { continue };
            if let Some(open) = self.open.get_mut(&uid) {
                open.takes_last_tick = is_its;
            }
            self.end(finish, reply, now);
        }
    }

    /// The run ends now, or did a moment ago: a last reading, the totals, and what lives on.
    pub(super) fn end(&mut self, finish: Finish, reply: Option<Reply>, now: Now) {
        self.count(finish.uid, Heard::default());
        self.read_at_end(&finish, Heard::default());
        self.end_seen(finish, reply, now);
    }

    /// The last reading of a run that bpd has looked at.
    fn read_at_end(&mut self, finish: &Finish, heard: Heard) {
        let Some(open) = self.open.get(&finish.uid) else { return };
        let (owner, is_watched) = (open.owner, open.watched);
        let (_, until) = open.last_ticks(told(open, finish));
        if is_watched {
            self.tree.until(finish.uid, until);
            self.read_last(finish.uid, owner.pid, heard);
        }
        self.settle_ledgers(owner, false);
    }

    /// The same, of a run that has just had its last reading.
    pub(super) fn end_seen(&mut self, mut finish: Finish, reply: Option<Reply>, now: Now) {
        let uid = finish.uid;
        let Some(mut open) = self.open.remove(&uid) else {
            return self.pass_unopened(finish, reply);
        };
        let told = told(&open, &finish);
        // What ended before bpd looked at it has no processes to be looked at. CPU time that processes which left the run
        // used after the line's end does not belong to the line.
        let mut late_ns = 0;
        if open.watched && Open::is_fresh_at(finish.finished_at, now) {
            let since_end = self.now().mono.saturating_sub(now.mono);
            let taken_ns = self.take_in_orphans(&open, open.last_orphans_tick(told));
            late_ns = taken_ns.min(since_end.as_nanos() as u64);
        }
        let suspended = open.suspended(told, now);
        let took = awake(&open, &mut finish, told, suspended);
        if let Some(waited) = &finish.waited {
            self.tree.was_waited_for(uid, waited);
        }
        let usage = self.tree.usage(uid).filter(|_| !is_overtaken(&open, &finish, now));
        let living = usage.as_ref().map_or(0, |usage| usage.processes);

        let (mut totals, observed) =
            self.totals_at_end(&open, &finish, usage.as_ref(), (took, suspended), now);
        let jobs = self.jobs_of(&open, &finish);
        // What a program runs that took the shell's place is not the line's.
        let is_handed_over = open.is_replaced && matches!(finish.ending, Ending::Left { .. });
        finish.background = living > 0 && finish.ending != Ending::Lost && !is_handed_over;
        if finish.background && jobs.is_empty() {
            divide_at_end(&mut totals, late_ns, took, self.machine_cpus.unwrap_or(open.cpus));
        }
        // What lives on, and what a lost run left, has been read up to now.
        let goes_on = finish.background || finish.ending == Ending::Lost;
        let read_over = if goes_on { took.max(open.elapsed(self.now())) } else { took };
        plausible::check_cpu(&mut totals, read_over, self.machine_cpus);
        if jobs.is_empty()
            && let Some(usage) = &usage
        {
            let cpu_ns = open.curve_end(totals.cpu_ns, usage);
            // What was used after the end is not on the curve.
            let most_ns = totals.cpu_ns.filter(|_| finish.background).unwrap_or(u64::MAX);
            let cpu_ns = cpu_ns.min(most_ns);
            if observed && let Some(sample) = open.last_sample(took, cpu_ns, usage) {
                let sample = open.with_host(sample, self.machine.busy());
                self.out.push_back(Measured::Sample { run: uid, sample });
            }
        }
        finish.totals = Some(totals);
        let shell_owner = open.owner;
        if !jobs.is_empty() {
            self.live_on(&open, totals, &usage.unwrap_or_default(), now);
            self.keep_jobs(open, finish, &jobs, reply, now);
            return self.update_jobs_of(shell_owner, now);
        }
        tell_children(&open, &mut finish, usage.as_ref());
        if finish.background {
            self.live_on(&open, totals, &usage.unwrap_or_default(), now);
        } else {
            self.tree.forget(uid);
            self.leave_scope(open.owner);
        }
        self.rest_shell(&open);
        if open.has_implausible_duration {
            refuse_duration(&mut finish);
        }
        let is_line = open.start.draft.source == Source::Hook;
        self.remember(open, finish.finished_at);
        self.pass(Body::Finish(Box::new(finish)), reply);
        if is_line {
            self.update_jobs_of(shell_owner, now);
        }
    }

    /// The totals of a run that has just had its last reading, and whether it was read while it was going.
    fn totals_at_end(
        &mut self,
        open: &Open,
        finish: &Finish,
        usage: Option<&Usage>,
        (took, suspended): (Duration, Duration),
        now: Now,
    ) -> (Totals, bool) {
        let uid = open.uid();
        let living = usage.map_or(0, |usage| usage.processes);
        let observed = usage.is_some() && open.observed_during(took, usage, now);
        let accounts = Accounts {
            reported: finish.totals,
            usage,
            observed,
            living,
            living_ns: self.tree.living_ns(uid),
            // A counter that was read when the line was nearly over has missed it.
            counted: open.counted.as_ref().filter(|_| observed).and_then(|counted| {
                let user_permille = self.user_permille(open.owner, counted);
                Some(Count { cpu_ns: counted.total_ns?, quality: counted.quality(), user_permille })
            }),
            may_count: self.counters.are_allowed(),
            heard_after: open.heard_after(),
            most_ns: open.most_ns(took, usage),
            shell_ns: finish
                .rest
                .as_ref()
                .and_then(|rest| Duration::try_from_secs_f64(rest.shell_seconds?).ok())
                .map(|shell| shell.as_nanos() as u64),
        };
        let is_whole = accounts.counted.is_some_and(|counted| counted.quality == Quality::Exact);
        let mut totals = totals::settle(&accounts);
        if let Some(exact) = open.exact {
            totals = totals.completed_by(exact);
        }
        if took >= LEAST_LOOK {
            totals.surroundings = open.surroundings(&self.machine.look(), took);
            totals.surroundings.suspended_ms = Some(suspended.as_millis() as u64);
        }
        // No total below its curve. What was read of a line that had ended when bpd heard of it is not its curve.
        let is_its =
            accounts.observed || !open.start.draft.is_over && u128::from(open.last.at_ms) <= took.as_millis();
        // A reading that was taken late shows what the shell used after the line.
        let curve_ns = open.last.cpu_ns.saturating_sub(accounts.outside_ns());
        totals.cpu_ns = totals.cpu_ns.max((is_its && curve_ns > 0).then_some(curve_ns));
        // The wrapper has seen some that we have not found.
        totals.incomplete |= finish.background && living == 0 && !is_whole;
        (totals, observed)
    }

    /// The end of a run whose start bpd has not seen open, such as a posted run without a process.
    fn pass_unopened(&mut self, mut finish: Finish, reply: Option<Reply>) {
        if let Some((totals, took)) = finish.totals.as_mut().zip(finish.took) {
            plausible::check_cpu(totals, took, self.machine_cpus);
        }
        self.pass(Body::Finish(Box::new(finish)), reply);
    }

    /// Keeps the files of a shell open that waits for its next line.
    fn rest_shell(&mut self, open: &Open) {
        let shell = open.owner.pid;
        let may_rest = open.start.draft.source == Source::Hook && self.tree.is_new(shell);
        if may_rest && self.probe.rest(shell) {
            self.resting.rest(shell);
        }
    }

    /// Takes in what has left the run before it was seen. → the CPU time that it has used, nanoseconds.
    fn take_in_orphans(&mut self, open: &Open, until: u64) -> u64 {
        let used_ns = |tree: &Tree| tree.figures(open.uid()).map_or(0, |usage| usage.cpu_ns);
        let before_ns = used_ns(&self.tree);
        let window = (open.ticks_at(Duration::ZERO), until);
        let mut orphans = self.orphans_of(open, window);
        orphans.extend(self.strays_in_scope(open, window));
        let tree = &self.tree;
        let free: Vec<u32> = orphans.into_iter().filter(|pid| tree.is_nobodys(*pid)).collect();
        if !free.is_empty() {
            let seen = self.probe.with_descendants(free, |_| true, |pid| tree.is_nobodys(pid), |_| true);
            self.tree.take_in(open.uid(), &seen.readings);
        }
        used_ns(&self.tree).saturating_sub(before_ns)
    }

    /// Processes that left the run, and began in these clock ticks.
    fn orphans_of(&mut self, open: &Open, window: (u64, u64)) -> Vec<u32> {
        let others = || self.open.values().filter(|other| other.uid() != open.uid());
        let hooked = others().filter(|other| other.start.draft.source == Source::Hook);
        let shells: Vec<u32> =
            hooked.map(|other| other.owner.pid).filter(|pid| *pid != open.owner.pid).collect();
        let began = open.ticks_at(Duration::ZERO);
        let oldest = others().map(|other| other.ticks_at(Duration::ZERO)).min();
        let oldest = oldest.map_or(began, |oldest| oldest.min(began)).saturating_sub(UNHEARD_TICKS);
        self.orphans.find(&open.start, open.owner, &shells, window, oldest)
    }

    /// What the run started burns on.
    pub(super) fn live_on(&mut self, open: &Open, totals: Totals, usage: &Usage, now: Now) {
        let uid = open.uid();
        self.tree.close(uid);
        let mut tail = Tail::new(totals, usage, self.interval, now.mono);
        tail.count(&self.tree.members(uid));
        tail.is_nameless = open.start.draft.is_ignored();
        tail.is_counted = open.counted.as_ref().is_some_and(Counted::covers_jobs);
        if open.counted.as_ref().is_some_and(|counted| counted.quality() == Quality::Exact) {
            tail.ledger = self.mark(uid, open.owner).map(Ledger::new);
        }
        self.tails.insert(uid, tail);
    }

    /// Nobody will report this run's end. `shell_lives`: its shell has read another line.
    pub(super) fn end_unreported(&mut self, uid: Ulid, seen_at: UnixMillis, shell_lives: bool, now: Now) {
        let Some(open) = self.open.get(&uid) else { return };
        let finished_at = seen_at.max(open.start.draft.started_at);
        let ending = unreported(open, shell_lives);
        self.end(Finish { finished_at, ..unseen_end(uid, ending) }, None, now);
    }

    /// Runs whose owner has been gone for long enough. None before what was left behind has been read: it may hold
    /// their end.
    pub(super) fn lose_orphans(&mut self, now: Now) {
        if !self.caught_up {
            return;
        }
        let orphans: Vec<(Ulid, UnixMillis)> = self
            .open
            .values()
            .filter(|open| !open.in_doubt)
            .filter(|open| {
                open.gone_since.is_some_and(|since| now.mono.saturating_sub(since) >= open.grace())
            })
            .map(|open| (open.uid(), open.seen_at))
            .collect();
        for (uid, seen_at) in orphans {
            self.end_unreported(uid, seen_at, false, now);
        }
    }
}

/// Makes the duration unknown.
fn refuse_duration(finish: &mut Finish) {
    finish.took = Some(Duration::ZERO);
    finish.totals.get_or_insert_default().implausible.duration = true;
}

/// Whether bash reports an end long after it happened: of several pasted lines it reports all at the prompt behind the last.
/// Readings taken after the line ended must not be attributed to this run; its CPU time is unknown.
fn is_overtaken(open: &Open, finish: &Finish, now: Now) -> bool {
    let is_bash =
        open.start.draft.source == Source::Hook && open.start.draft.shell.as_deref() == Some("bash");
    // With its times bash reports every other end.
    is_bash && finish.totals.is_none() && now.wall.since(finish.finished_at) >= OVERTAKEN
}

/// CPU time of a line that left processes behind: what those used after its end, and what the CPUs could not have given
/// to the line in its time, is `background_cpu_ns`.
fn divide_at_end(totals: &mut Totals, late_ns: u64, took: Duration, cpus: u32) {
    let Some(cpu_ns) = totals.cpu_ns else {
        totals.background_cpu_ns = Some(0);
        return;
    };
    let most_ns = (took.as_nanos() as u64).saturating_mul(u64::from(cpus.max(1)));
    let own_ns = cpu_ns.saturating_sub(late_ns).min(most_ns);
    if own_ns < cpu_ns {
        (totals.user_ns, totals.system_ns) = (None, None);
    }
    totals.cpu_ns = Some(own_ns);
    totals.background_cpu_ns = Some(cpu_ns - own_ns);
}

/// How long the run took, as its reporter has it.
pub(super) fn told(open: &Open, finish: &Finish) -> Duration {
    finish.took.unwrap_or_else(|| finish.finished_at.since(open.start.draft.started_at))
}

/// Who burned it, as far as that is known.
pub(super) fn tell_children(open: &Open, finish: &mut Finish, usage: Option<&Usage>) {
    let waited = finish.waited.take();
    // Whose text is not to be kept is not told by the names of its programs either.
    if open.start.draft.is_ignored() {
        finish.rest = None;
        return;
    }
    if let Some(usage) = usage {
        finish.children.clone_from(&usage.children);
        // What the shell says of itself is of the line; its clock is read some milliseconds later.
        let told = finish.rest.take().and_then(|rest| rest.shell_seconds);
        let all = finish.totals.and_then(|totals| totals.cpu_ns).filter(|_| usage.alone);
        let all = all.map(|cpu_ns| Duration::from_nanos(cpu_ns).as_secs_f64());
        // What other runs within this one burned is in its total, and theirs.
        finish.rest = usage.rest.clone().filter(|_| !open.has_inner);
        if let Some(rest) = &mut finish.rest {
            rest.shell_seconds = all.or(told).or(rest.shell_seconds);
        }
    } else if let Some(waited) = waited {
        finish.children = vec![tally::child_of(&waited)];
        finish.rest = Some(Rest::default());
    }
}

/// How long the run took while the machine was awake, given what was told. Clocks of shells count the time in which it
/// was suspended; so do the two ends of a run of which nothing else is told.
fn awake(open: &Open, finish: &mut Finish, told: Duration, suspended: Duration) -> Duration {
    let counts_it = finish.took.is_none() || open.start.draft.source == Source::Hook;
    if !counts_it || suspended.is_zero() {
        return told;
    }
    let took = told.saturating_sub(suspended);
    finish.took = Some(took);
    took
}

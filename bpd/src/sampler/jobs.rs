//! Jobs: what a line started that its shell still has when the shell is back at its prompt. Such a run stays open, in the
//! background or stopped, until its last job ends.
//!
//! A job is a direct child of the shell that the line started. What the line left behind otherwise (a daemon, whose parent
//! is gone) is no job: the run is finished, and the daemon's CPU time is `background_cpu_seconds`.

use std::collections::VecDeque;
use std::time::Duration;

use bp_proto::event::{Phase, Source, WaitStatus};
use bp_proto::process::{self, stat_field, state};
use bp_proto::{Ending, Finish, Owner, Start, Ulid, UnixMillis};

use super::departing::is_of;
use super::ending::{tell_children, told};
use super::exits::Exit;
use super::open::{Now, Open, is_same};
use super::stage::{MAX_DEPTH, Stage, answer};
use super::tally::Usage;
use crate::event::{Body, Measured, Phased, Receipt, Reply};
use crate::typed;

/// Lines such as `fg` that wait to be told which job they continued.
const MAX_RESUMING: usize = 64;

/// What PowerShell's hook calls its shell.
const POWERSHELL: &str = "powershell";

const SIGHUP: i32 = 1;
const SIGKILL: i32 = 9;
const SIGTERM: i32 = 15;

/// A shell that ends sends SIGHUP to its jobs before it is gone, and bash SIGTERM to those that are stopped.
const HANG_UP: Duration = Duration::from_millis(150);

/// A run whose line is over and whose jobs are not.
#[derive(Debug)]
pub(super) struct Job {
    pub open: Open,
    /// The end of the line, as the shell reported it.
    line: Finish,
    /// In the order in which they began.
    processes: Vec<Process>,
    phase: Phase,
    /// Since when its processes are gone by SIGHUP, while the shell is there: it may be about to end.
    hung_up: Option<Duration>,
    /// The `fg` that continues it.
    continued_by: Option<Ulid>,
    /// What the shell reported at the end of `fg`, when the processes had ended and the kernel had not told how.
    told: Option<Ending>,
}

#[derive(Clone, Copy, Debug)]
struct Process {
    owner: Owner,
    /// `None` while it lives.
    status: Option<WaitStatus>,
}

/// A line that only continues a job: no run of its own, unless it continued none.
#[derive(Debug)]
pub(super) struct Resuming {
    pub shell: Owner,
    start: Start,
    /// A job that it continued has ended.
    has_continued: bool,
}

/// The jobs that ended last: one may be over before bpd reads that `fg` began.
const MAX_ENDED_JOBS: usize = 16;

/// Lines that continue jobs.
#[derive(Debug, Default)]
pub(super) struct Continuing {
    pub lines: Vec<Resuming>,
    /// The shells of the jobs that ended last, and when.
    ended: VecDeque<(Owner, UnixMillis)>,
}

/// What `/proc` says of a job.
struct Seen {
    /// The process group.
    group: Option<u64>,
    is_stopped: bool,
    /// It holds the terminal.
    is_in_foreground: bool,
}

impl Stage {
    /// The jobs that the line leaves behind, oldest first.
    pub(super) fn jobs_of(&self, open: &Open, finish: &Finish) -> Vec<Owner> {
        let is_line = open.start.draft.source == Source::Hook && open.watched;
        if !is_line || !matches!(finish.ending, Ending::Exited { .. }) {
            return Vec::new();
        }
        let is_said = open.start.draft.command.as_deref().is_none_or(typed::starts_job);
        let began = open.ticks_at(Duration::ZERO);
        let (last, _) = open.last_ticks(told(open, finish));
        let shell_group = group_of(open.owner.pid);
        let mut jobs = self.tree.children_of_owner(open.uid());
        jobs.retain(|job| {
            let Some(seen) = look(*job) else { return false };
            if seen.is_stopped {
                return true;
            }
            // The line is over, so that what holds the terminal belongs to the next line, whose start may not have been
            // read yet. Without job control (`set +m`) jobs stay in the shell's group.
            let is_apart = seen.group != shell_group;
            let is_of_next = seen.is_in_foreground && (is_apart || !is_said) && job.start_ticks + 1 >= last;
            // A helper of the shell's line editor may have begun in the clock tick of Enter.
            !is_of_next && (is_said || job.start_ticks > began)
        });
        jobs.sort_unstable_by_key(|job| (job.start_ticks, job.pid));
        jobs
    }

    /// The shell is back at its prompt, and `jobs` of the line still run. `line`: its end, with the totals so far.
    pub(super) fn keep_jobs(
        &mut self,
        open: Open,
        line: Finish,
        jobs: &[Owner],
        reply: Option<Reply>,
        now: Now,
    ) {
        let uid = open.uid();
        for job in jobs {
            self.exits.watch(*job);
        }
        if let Some(tail) = self.tails.get_mut(&uid) {
            tail.is_job = true;
        }
        let processes = jobs.iter().map(|owner| Process { owner: *owner, status: None }).collect();
        let job = Job {
            open,
            line,
            processes,
            phase: Phase::Running,
            hung_up: None,
            continued_by: None,
            told: None,
        };
        self.jobs.insert(uid, job);
        if !self.update_phase(uid, now) {
            self.tell_phase(uid, Phase::Background, now);
        }
        answer(reply, Receipt::Finished);
    }

    /// Whether the state has changed, and was passed on.
    fn update_phase(&mut self, uid: Ulid, now: Now) -> bool {
        let Some(job) = self.jobs.get(&uid) else { return false };
        let living: Vec<Seen> = job
            .processes
            .iter()
            .filter(|process| process.status.is_none())
            .filter_map(|process| look(process.owner))
            .collect();
        if living.is_empty() {
            return false;
        }
        // Without job control (PowerShell, `set +m`) a job is in the group of its shell, which holds the terminal.
        let shell_group = group_of(job.open.owner.pid);
        let is_apart = |seen: &Seen| seen.group != shell_group;
        let phase = if living.iter().all(|seen| seen.is_stopped) {
            Phase::Stopped
        } else if job.continued_by.is_some()
            || living.iter().any(|seen| seen.is_in_foreground && is_apart(seen))
        {
            Phase::Running
        } else {
            Phase::Background
        };
        if phase == job.phase {
            return false;
        }
        self.tell_phase(uid, phase, now);
        true
    }

    fn tell_phase(&mut self, uid: Ulid, phase: Phase, now: Now) {
        let Some(job) = self.jobs.get_mut(&uid) else { return };
        job.phase = phase;
        let phased = Phased { phase, at: job.open.seen_now(now), prompt_at: Some(job.line.finished_at) };
        if let Some(tail) = self.tails.get_mut(&uid) {
            tail.hurry(now.mono);
        }
        self.pass(Body::Phase { run: uid, phased }, None);
    }

    /// A line of this shell has ended: it may have been `bg`, `fg` or `kill`.
    pub(super) fn update_jobs_of(&mut self, shell: Owner, now: Now) {
        let jobs: Vec<Ulid> =
            self.jobs.iter().filter(|(_, job)| is_of(&job.open, shell)).map(|(uid, _)| *uid).collect();
        for uid in jobs {
            self.update_phase(uid, now);
        }
    }

    /// Looks at jobs whose processes were just read: a sample, the state, and the end of those that nobody watches.
    pub(super) fn look_at_jobs(&mut self, due: &[Ulid], now: Now) {
        for uid in due {
            let Some(job) = self.jobs.get_mut(uid) else { continue };
            for process in job.processes.iter_mut().filter(|process| process.status.is_none()) {
                if !self.exits.is_watched(process.owner.pid) && look(process.owner).is_none() {
                    process.status = Some(WaitStatus::Unknown);
                }
            }
            if self.end_job_if_over(*uid, now) {
                continue;
            }
            self.sample_job(*uid, now);
            self.update_phase(*uid, now);
        }
        self.find_continued(now);
    }

    fn sample_job(&mut self, uid: Ulid, now: Now) {
        let (Some(usage), Some(tail)) = (self.tree.figures(uid), self.tails.get_mut(&uid)) else { return };
        let Some(job) = self.jobs.get_mut(&uid) else { return };
        let cpu_ns = tail.whole_ns(&usage);
        let elapsed = job.open.elapsed(now);
        if let Some(sample) = job.open.sample(elapsed, cpu_ns, &usage) {
            let sample = job.open.with_host(sample, self.machine.busy());
            self.out.push_back(Measured::Sample { run: uid, sample });
        }
    }

    /// A watched process has ended that may be a job.
    pub(super) fn job_exited(&mut self, exit: Exit, now: Now) {
        let mut over = Vec::new();
        for (uid, job) in &mut self.jobs {
            for process in &mut job.processes {
                if is_same(process.owner, exit.process) {
                    process.status = Some(exit.status);
                    over.push(*uid);
                }
            }
        }
        for uid in over {
            self.end_job_if_over(uid, now);
        }
    }

    /// A shell has ended: what it took along has ended with it.
    pub(super) fn hang_up_jobs_of(&mut self, shell: Owner, now: Now) {
        let hung_up =
            |(uid, job): (&Ulid, &Job)| (job.hung_up.is_some() && is_of(&job.open, shell)).then_some(*uid);
        let jobs: Vec<Ulid> = self.jobs.iter().filter_map(hung_up).collect();
        for uid in jobs {
            self.end_job_if_over(uid, now);
        }
    }

    fn end_job_if_over(&mut self, uid: Ulid, now: Now) -> bool {
        let Some(job) = self.jobs.get(&uid) else { return false };
        let Some(statuses) = job.processes.iter().map(|process| process.status).collect::<Option<Vec<_>>>()
        else {
            return false;
        };
        // As `wait $!` has it: the job that was started last.
        let status = statuses.last().copied().unwrap_or(WaitStatus::Unknown);
        // PowerShell runs a job in a server of its own, which it kills when the job is removed.
        let is_job_server = job.open.start.draft.shell.as_deref() == Some(POWERSHELL);
        let status = match status {
            WaitStatus::Signalled(SIGKILL) if is_job_server => WaitStatus::Unknown,
            status => status,
        };
        if status == WaitStatus::Unknown && job.continued_by.is_some() {
            // The end of `fg` tells.
            return false;
        }
        let shell_is_gone = !process::is_alive(job.open.owner);
        let may_be_hung_up = matches!(status, WaitStatus::Signalled(SIGHUP | SIGTERM));
        if may_be_hung_up && !shell_is_gone {
            let since = job.hung_up.unwrap_or(now.mono);
            if now.mono < since + HANG_UP {
                if let Some(job) = self.jobs.get_mut(&uid) {
                    job.hung_up = Some(since);
                }
                if let Some(tail) = self.tails.get_mut(&uid) {
                    tail.hurry(now.mono);
                }
                return false;
            }
        }
        let ending = match status {
            // The terminal was closed, or the shell ended and took its stopped jobs with it.
            WaitStatus::Signalled(SIGHUP | SIGTERM) if shell_is_gone => {
                Ending::Left { exit_code: status.exit_code(), signal: status.signal() }
            }
            WaitStatus::Unknown => job.told.unwrap_or(Ending::exited(status)),
            status => Ending::exited(status),
        };
        self.end_job(uid, ending, now);
        true
    }

    fn end_job(&mut self, uid: Ulid, ending: Ending, now: Now) {
        self.read(&[uid]);
        let Some(Job { mut open, line, processes, .. }) = self.jobs.remove(&uid) else { return };
        for process in &processes {
            self.exits.forget(process.owner.pid);
        }
        let lines = self.resuming.lines.iter_mut();
        for resuming in lines.filter(|resuming| is_same(resuming.shell, open.owner)) {
            resuming.has_continued = true;
        }
        self.resuming.ended.truncate(MAX_ENDED_JOBS - 1);
        self.resuming.ended.push_front((open.owner, open.seen_now(now)));
        let usage = self.tree.usage(uid).unwrap_or_default();
        let told = open.elapsed(now);
        let suspended = open.suspended(told, now);
        let took = told.saturating_sub(suspended);
        let mut totals = match self.tails.get_mut(&uid) {
            Some(tail) => tail.whole(&usage),
            None => line.totals.unwrap_or_default(),
        };
        if let Some(exact) = open.exact {
            totals = totals.completed_by(exact);
        }
        totals.surroundings = open.surroundings(&self.machine.look(), took);
        totals.surroundings.suspended_ms = Some(suspended.as_millis() as u64);
        totals.cpu_ns = totals.cpu_ns.max((open.last.cpu_ns > 0).then_some(open.last.cpu_ns));
        let lives_on = usage.processes > 0;
        totals.background_cpu_ns = lives_on.then_some(0);
        if let Some(sample) = open.last_sample(took, totals.cpu_ns.unwrap_or(usage.cpu_ns), &usage) {
            let sample = open.with_host(sample, self.machine.busy());
            self.out.push_back(Measured::Sample { run: uid, sample });
        }
        let mut finish = Finish {
            finished_at: open.seen_now(now),
            took: Some(took),
            ending,
            totals: Some(totals),
            background: lives_on,
            waited: None,
            ..line
        };
        tell_children(&open, &mut finish, Some(&usage));
        self.drop_or_live_on(&open, totals, &usage, lives_on, now);
        let finished_at = finish.finished_at;
        self.remember(open, finished_at);
        self.pass(Body::Finish(Box::new(finish)), None);
    }

    fn drop_or_live_on(
        &mut self,
        open: &Open,
        totals: bp_proto::Totals,
        usage: &Usage,
        lives_on: bool,
        now: Now,
    ) {
        if lives_on {
            self.live_on(open, totals, usage, now);
        } else {
            self.drop_tail(open.uid());
        }
    }

    /// A line begins that only continues a job of its shell. → whether it was taken.
    pub(super) fn resumes(&mut self, start: &Start, shell: Owner) -> bool {
        let is_fg = start.draft.command.as_deref().is_some_and(typed::continues_job);
        let began = start.draft.started_at;
        // The job may have ended as soon as it was continued.
        let has_continued = self.resuming.ended.iter().any(|(of, at)| is_same(*of, shell) && *at >= began);
        if !is_fg || !(has_continued || self.jobs.values().any(|job| is_of(&job.open, shell))) {
            return false;
        }
        if self.resuming.lines.len() >= MAX_RESUMING {
            self.resuming.lines.remove(0);
        }
        self.resuming.lines.push(Resuming { shell, start: start.clone(), has_continued });
        self.find_continued(self.now());
        true
    }

    /// Finds out which job each `fg` continues: the one that holds the terminal now.
    pub(super) fn find_continued(&mut self, now: Now) {
        let waiting: Vec<(Owner, Ulid)> =
            self.resuming.lines.iter().map(|resuming| (resuming.shell, resuming.start.uid)).collect();
        for (shell, line) in waiting {
            if self.jobs.values().any(|job| job.continued_by == Some(line)) {
                continue;
            }
            let in_foreground = |job: &Job| {
                is_of(&job.open, shell)
                    && job.processes.iter().any(|process| {
                        process.status.is_none()
                            && look(process.owner).is_some_and(|seen| seen.is_in_foreground)
                    })
            };
            let found = self.jobs.iter().find(|(_, job)| in_foreground(job)).map(|(uid, _)| *uid);
            if let Some(uid) = found {
                if let Some(job) = self.jobs.get_mut(&uid) {
                    job.continued_by = Some(line);
                }
                self.update_phase(uid, now);
            }
        }
    }

    /// The end of a line that continued a job. → the finish, if it is the end of something else.
    pub(super) fn resumed(
        &mut self,
        mut finish: Finish,
        reply: Option<Reply>,
    ) -> Option<(Finish, Option<Reply>)> {
        let Some(at) = self.resuming.lines.iter().position(|resuming| resuming.start.uid == finish.uid)
        else {
            return Some((finish, reply));
        };
        let now = self.now();
        let Resuming { start, shell, has_continued } = self.resuming.lines.remove(at);
        let continued = self.jobs.iter().find(|(_, job)| job.continued_by == Some(finish.uid));
        let continued = continued.map(|(uid, _)| *uid);
        // A job that ended at once was seen in the foreground by nobody.
        let gone = || {
            let is_over = |job: &Job| {
                is_of(&job.open, shell) && job.processes.iter().all(|process| look(process.owner).is_none())
            };
            self.jobs.iter().find(|(_, job)| is_over(job)).map(|(uid, _)| *uid)
        };
        // The status of fish's `fg` is 0 as soon as it has continued a job, however that ends.
        let is_fish = start.draft.shell.as_deref() == Some("fish");
        let has_succeeded = matches!(finish.ending, Ending::Exited { exit_code: Some(0) | None, .. });
        let says_nothing = is_fish && has_succeeded;
        match continued.or_else(gone) {
            Some(uid) => {
                if says_nothing {
                    finish.ending = Ending::Exited { exit_code: None, signal: None };
                }
                self.end_continued(uid, finish.ending, says_nothing, now);
            }
            None if has_continued => {}
            // It stopped again before it was seen in the foreground.
            None if is_stop(finish.ending) || says_nothing => self.update_jobs_of(shell, now),
            None => {
                // It continued nothing (`fg: no such job`): a line as any other.
                self.pass(Body::Start(Box::new(start)), None);
                self.pass(Body::Finish(Box::new(finish)), reply);
                return None;
            }
        }
        answer(reply, Receipt::Finished);
        None
    }

    /// The `fg` that continued the job `uid` is over: so is the job, unless it was suspended again. `waits`: the shell does
    /// not know how it ended, and the kernel tells it in a moment.
    fn end_continued(&mut self, uid: Ulid, ending: Ending, waits: bool, now: Now) {
        let Some(job) = self.jobs.get_mut(&uid) else { return };
        job.continued_by = None;
        if job.processes.iter().any(|process| look(process.owner).is_some()) {
            self.update_phase(uid, now);
            return;
        }
        let exits = &self.exits;
        let is_awaited = |process: &Process| process.status.is_none() && exits.is_watched(process.owner.pid);
        if waits && job.processes.iter().any(is_awaited) {
            job.told = Some(ending);
        } else if !self.end_job_if_over(uid, now) {
            self.end_job(uid, ending, now);
        }
    }

    /// The open runs that contain this process: those of the shells and wrappers above it, and those whose job it is. A job
    /// of the same shell that the process is not part of contains it not.
    pub(super) fn runs_of(&mut self, pid: u32) -> Vec<Ulid> {
        let mut runs: Vec<Ulid> = Vec::new();
        let mut at = Some(pid);
        for _ in 0..MAX_DEPTH {
            let Some(pid) = at else { break };
            let member = self.tree.run_of(pid).filter(|run| {
                self.jobs.contains_key(run) || self.open.get(run).is_some_and(|open| open.owner.pid != pid)
            });
            let owned =
                self.open.values().filter(|open| open.owner.pid == pid && process::is_alive(open.owner));
            for run in member.into_iter().chain(owned.map(Open::uid)) {
                if !runs.contains(&run) {
                    runs.push(run);
                }
            }
            at = self.probe.parent(pid).filter(|parent| *parent > 1);
        }
        runs
    }

    /// Runs that had jobs when the last bpd went away, and have them still.
    pub(super) fn take_up_jobs(&mut self, now: Now) {
        let resumed: Vec<(Ulid, UnixMillis)> = self
            .open
            .iter()
            .filter(|(_, open)| open.watched)
            .filter_map(|(uid, open)| Some((*uid, open.prompt_at?)))
            .collect();
        for (uid, prompt_at) in resumed {
            let jobs = self.tree.children_of_owner(uid);
            let Some(mut open) = self.open.remove(&uid) else { continue };
            if jobs.is_empty() {
                // They ended while bpd was away.
                open.gone_since = Some(now.mono);
                self.open.insert(uid, open);
                continue;
            }
            let totals = bp_proto::Totals { cpu_ns: Some(open.last.cpu_ns), ..bp_proto::Totals::default() };
            let ending = Ending::Exited { exit_code: None, signal: None };
            let line = Finish {
                finished_at: prompt_at,
                totals: Some(totals),
                ..super::departing::unseen_end(uid, ending)
            };
            let usage = self.tree.usage(uid).unwrap_or_default();
            self.live_on(&open, totals, &usage, now);
            self.keep_jobs(open, line, &jobs, None, now);
        }
    }
}

/// The process group.
fn group_of(pid: u32) -> Option<u64> {
    process::stat(pid).ok().and_then(|stat| stat_field(&stat, 5))
}

/// Whether shells report this of a job that was suspended: 128 + SIGSTOP, SIGTSTP, SIGTTIN or SIGTTOU.
fn is_stop(ending: Ending) -> bool {
    matches!(ending, Ending::Exited { exit_code: Some(147..=150), .. })
}

/// `None` = it is gone, or a zombie.
fn look(process: Owner) -> Option<Seen> {
    let stat = process::stat(process.pid).ok()?;
    if process.start_ticks > 0 && stat_field(&stat, 22) != Some(process.start_ticks) {
        return None;
    }
    let letter = state(&stat)?;
    if matches!(letter, b'Z' | b'X' | b'x') {
        return None;
    }
    let (group, foreground) = (stat_field(&stat, 5), stat_field(&stat, 8));
    let is_in_foreground = group.is_some() && group == foreground;
    Some(Seen { group, is_stopped: letter == b'T', is_in_foreground })
}

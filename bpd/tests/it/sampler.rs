//! The real sampler between its two channels, with real process trees.

mod activity;
mod apart;
mod clocks;
mod escaped;
mod hidden;
mod limits;
mod lost;
mod reuse;
mod scope;
mod shell;
mod wrapped;

use std::collections::HashMap;
use std::io::Write as _;
use std::time::Duration;

use bp_proto::event::{Phase, Source};
use bp_proto::process;
use bp_proto::request::Edit;
use bp_proto::{Draft, Ending, Finish, Owner, Quality, Sample, Start, Totals, Ulid, UnixMillis};
use bpd::event::{Amendment, Body, Event, Measured, Receipt};
use bpd::sampler::{self, Resumed};
use tokio::sync::{mpsc, oneshot};

use lost::{
    a_resumed_run_without_an_owner_is_lost_only_after_the_mail_was_read,
    a_run_is_lost_when_its_shell_dies_or_goes_on_without_it, ten_thousand_events_go_through_in_order,
};
use shell::{Shell, children_of, kill};

/// Generous: these tests share a small machine with others.
const PATIENCE: Duration = Duration::from_secs(60);

/// Burns until it is killed; where nobody is left to do it, the system does.
const BURN: &str = "ulimit -t 300; while :; do :; done";

/// What looks at the processes. What the portable one does not know, and what is therefore tested with Linux' own alone:
///
/// - the time of children that were waited for: what one burns after its last reading, and one that is too short to be
///   read, is in no total without a counter;
/// - more of a process's start than the second: a line that was typed ahead may be taken for the job of the one before;
/// - faults, bytes, threads and waits; counters, control groups and what is hidden, which are Linux' anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Probe {
    Own,
    Portable,
}

/// The same behaviour with both probes.
macro_rules! on_both_probes {
    ($($name:ident,)*) => {
        mod own {
            $(#[tokio::test]
            async fn $name() {
                super::$name(super::Probe::Own).await;
            })*
        }

        mod portable {
            $(#[tokio::test]
            async fn $name() {
                super::$name(super::Probe::Portable).await;
            })*
        }
    };
}

on_both_probes!(
    a_typed_command_gets_a_curve_totals_children_and_where_it_ran,
    the_shells_account_is_kept_and_only_completed,
    a_background_job_stays_with_its_run_whose_totals_go_on_growing,
    a_run_that_was_over_before_bpd_came_has_nothing_of_what_its_shell_does_now,
    a_shell_within_a_run_that_waits_for_the_mail_is_nested_in_it,
    what_a_function_left_running_as_it_ended_is_a_job_of_its_run,
    a_daemon_that_left_its_parents_still_counts,
    a_claimed_parent_counts_only_while_it_is_open,
    looking_at_bp_is_not_recorded,
    a_run_is_lost_when_its_shell_dies_or_goes_on_without_it,
    a_resumed_run_without_an_owner_is_lost_only_after_the_mail_was_read,
    ten_thousand_events_go_through_in_order,
);

struct Lab {
    events: mpsc::Sender<Event>,
    measured: mpsc::Receiver<Measured>,
    uids: u128,
    /// The owner of each run.
    owners: HashMap<Ulid, u32>,
}

impl Lab {
    async fn new() -> Self {
        Self::on(Probe::Own).await
    }

    /// With nothing left behind while bpd was away.
    async fn on(probe: Probe) -> Self {
        let lab = Self::resuming_on(probe, Vec::new());
        drop(lab.send(Body::CaughtUp).await);
        lab
    }

    fn resuming_on(probe: Probe, resumed: Vec<Resumed>) -> Self {
        let (events, events_in) = mpsc::channel(16);
        let (measured_out, measured) = mpsc::channel(16);
        let interval = Duration::from_millis(100);
        match probe {
            Probe::Own => {
                let data = std::env::temp_dir();
                tokio::spawn(sampler::run(events_in, measured_out, resumed, interval, data))
            }
            Probe::Portable => {
                tokio::spawn(sampler::run_portably(events_in, measured_out, resumed, interval))
            }
        };
        Self { events, measured, uids: 0, owners: HashMap::new() }
    }

    async fn send(&self, body: Body) -> oneshot::Receiver<Result<Receipt, bpd::event::Refusal>> {
        let (reply, outcome) = oneshot::channel();
        self.events.send(Event { body, reply: Some(reply) }).await.unwrap();
        outcome
    }

    /// Sends a start and takes it out at the other end.
    async fn start(&mut self, start: Start) -> Start {
        self.owners.extend(start.owner.map(|owner| (start.uid, owner.pid)));
        drop(self.send(Body::Start(Box::new(start))).await);
        self.next(|measured| match measured {
            Measured::Event(Event { body: Body::Start(start), .. }) => Some(*start),
            _ => None,
        })
        .await
    }

    async fn finish(&mut self, finish: Finish) -> Finish {
        let uid = finish.uid;
        match self.finish_line(finish).await {
            Some(finish) => finish,
            None => self.end_jobs(uid).await,
        }
    }

    /// Sends the end of a line. → `None` when jobs of it go on in the background.
    async fn finish_line(&mut self, finish: Finish) -> Option<Finish> {
        let uid = finish.uid;
        drop(self.send(Body::Finish(Box::new(finish))).await);
        self.next(|measured| match measured {
            Measured::Event(Event { body: Body::Finish(finish), .. }) if finish.uid == uid => {
                Some(Some(*finish))
            }
            Measured::Event(Event { body: Body::Phase { run, phased }, .. }) if run == uid => {
                assert_eq!(phased.phase, Phase::Background);
                Some(None)
            }
            _ => None,
        })
        .await
    }

    /// Kills what the shell of a run still has, until the run ends.
    async fn end_jobs(&mut self, uid: Ulid) -> Finish {
        let shell = self.owners[&uid];
        loop {
            for child in children_of(shell) {
                kill(child as i32);
            }
            let mut ended = Box::pin(self.finished(uid));
            let soon = tokio::time::timeout(Duration::from_millis(50), &mut ended);
            if let Ok(finish) = soon.await {
                return finish;
            }
        }
    }

    async fn finished(&mut self, uid: Ulid) -> Finish {
        self.next(|measured| match measured {
            Measured::Event(Event { body: Body::Finish(finish), .. }) if finish.uid == uid => Some(*finish),
            _ => None,
        })
        .await
    }

    async fn amended(&mut self, run: Ulid) -> Amendment {
        self.next(|measured| match measured {
            Measured::Event(Event { body: Body::Amend(amendment), .. }) if amendment.run == run => {
                Some(*amendment)
            }
            _ => None,
        })
        .await
    }

    /// The first sample of the run that satisfies the condition.
    async fn sample(&mut self, of: Ulid, wanted: impl Fn(&Sample) -> bool) -> Sample {
        self.next(|measured| match measured {
            Measured::Sample { run, sample } if run == of && wanted(&sample) => Some(sample),
            _ => None,
        })
        .await
    }

    /// The first that is wanted; what comes before it is dropped.
    async fn next<T>(&mut self, mut wanted: impl FnMut(Measured) -> Option<T>) -> T {
        let found = tokio::time::timeout(PATIENCE, async {
            loop {
                let measured = self.measured.recv().await.expect("the sampler ended");
                if let Some(found) = wanted(measured) {
                    return found;
                }
            }
        });
        found.await.expect("what was waited for never came")
    }

    fn uid(&mut self) -> Ulid {
        self.uids += 1;
        Ulid::from_parts(UnixMillis::now().0 as u64, self.uids)
    }

    fn hook_start(&mut self, shell: &Shell, command: &str) -> Start {
        let draft = Draft {
            command: Some(command.to_owned()),
            cwd: Some(env!("CARGO_MANIFEST_DIR").to_owned()),
            started_at: UnixMillis::now(),
            ..Draft::default()
        };
        Start { uid: self.uid(), draft, owner: Some(shell.owner()), under: None, parent: None, context: None }
    }

    fn wrapper_start(&mut self, owner: Owner, under: Owner) -> Start {
        let draft = Draft {
            command: Some("make".to_owned()),
            started_at: UnixMillis::now(),
            source: Source::Wrapper,
            tags: vec!["nightly".to_owned()],
            ..Draft::default()
        };
        Start { uid: self.uid(), draft, owner: Some(owner), under: Some(under), parent: None, context: None }
    }
}

fn ended(uid: Ulid, totals: Option<Totals>) -> Finish {
    Finish {
        uid,
        finished_at: UnixMillis::now(),
        took: None,
        ending: Ending::Exited { exit_code: Some(0), signal: None },
        totals,
        children: Vec::new(),
        rest: None,
        waited: None,
        background: false,
    }
}

fn totals(cpu: Duration, quality: Quality) -> Totals {
    Totals { cpu_ns: Some(cpu.as_nanos() as u64), quality, ..Totals::default() }
}

const MS: u64 = 1_000_000;

async fn a_typed_command_gets_a_curve_totals_children_and_where_it_ran(probe: Probe) {
    let mut lab = Lab::on(probe).await;
    let mut shell = Shell::new();
    let start = lab.hook_start(&shell, "burn");
    let uid = start.uid;
    let start = lab.start(start).await;
    assert!(start.context.unwrap().memory_total_mb.unwrap() > 0.0);
    assert!(!start.draft.host.is_empty());
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    if root.join(".git").exists() {
        assert_eq!(start.draft.project.as_deref(), root.to_str());
        assert!(start.draft.git.unwrap().commit.is_some());
    }

    shell.types(&format!("sh -c '{BURN}'"));
    let early = lab.sample(uid, |sample| sample.cpu_ns > 50 * MS).await;
    let later = lab.sample(uid, |sample| sample.cpu_ns > 300 * MS).await;
    assert!(later.at_ms > early.at_ms && later.rss_bytes > 0 && later.processes >= 1);
    for child in children_of(shell.child.id()) {
        kill(child as i32);
    }
    lab.sample(uid, |sample| sample.processes == 0).await;
    let finish = lab.finish(ended(uid, None)).await;
    let totals = finish.totals.unwrap();
    assert!(
        totals.cpu_ns.unwrap() >= later.cpu_ns && matches!(totals.quality, Quality::Ticks | Quality::Counter)
    );
    assert!(totals.rss_max_bytes.unwrap() >= later.rss_bytes && totals.peak_lower_bound);
    assert!(finish.children[0].cpu_seconds >= 0.3, "{:?}", finish.children);
    assert!(!finish.background);
}

async fn the_shells_account_is_kept_and_only_completed(probe: Probe) {
    let mut lab = Lab::on(probe).await;
    let shell = Shell::new();
    let start = lab.hook_start(&shell, "work");
    let uid = start.uid;
    lab.start(start).await;
    let reported = Totals { user_ns: Some(7), ..totals(Duration::from_millis(15), Quality::Times) };
    let settled = lab.finish(ended(uid, Some(reported))).await.totals.unwrap();
    assert_eq!(
        (settled.cpu_ns, settled.user_ns, settled.quality),
        (reported.cpu_ns, Some(7), Quality::Times)
    );
}

#[tokio::test]
async fn children_too_short_to_be_seen_count_in_full() {
    let mut lab = Lab::new().await;
    let mut shell = Shell::new();
    let start = lab.hook_start(&shell, "many");
    let (uid, pid) = (start.uid, shell.child.id());
    lab.start(start).await;
    let one = "sh -c 'i=0; while [ $i -lt 4000 ]; do i=$((i+1)); done'";
    shell.types(&format!(
        "sh -c 'n=0; while [ $n -lt 60 ]; do {}; n=$((n+1)); done'; sleep 60",
        one.replace('\'', "\"").replace("$i", "\\$i").replace("$((i", "\\$((i")
    ));
    // All has been waited for once the shell sleeps.
    lab.sample(uid, |_| {
        children_of(pid).iter().any(|child| {
            std::fs::read_to_string(format!("/proc/{child}/comm")).is_ok_and(|name| name.trim() == "sleep")
        })
    })
    .await;
    let finish = lab.finish(ended(uid, None)).await;
    let fields = std::fs::read(format!("/proc/{pid}/stat")).unwrap();
    let field = |field| process::stat_field(&fields, field).unwrap() * 10 * MS;
    let truth = field(14) + field(15) + field(16) + field(17);
    let cpu_ns = finish.totals.unwrap().cpu_ns.unwrap();
    assert!(truth > 30 * MS, "the work was too small to prove anything: {truth}");
    assert!(cpu_ns + 30 * MS >= truth && cpu_ns <= truth + truth / 10 + 30 * MS, "{cpu_ns} of {truth}");
}

#[tokio::test]
async fn a_child_has_all_that_it_burned_to_its_end() {
    let mut lab = Lab::new().await;
    let mut shell = Shell::new();
    let start = lab.hook_start(&shell, "burn");
    let (uid, pid) = (start.uid, shell.child.id());
    lab.start(start).await;
    shell.types("sh -c 'i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done'; sleep 60");
    let is_over = || {
        children_of(pid).iter().any(|child| {
            std::fs::read_to_string(format!("/proc/{child}/comm")).is_ok_and(|name| name.trim() == "sleep")
        })
    };
    while !is_over() {
        tokio::task::yield_now().await;
        while lab.measured.try_recv().is_ok() {}
    }
    let finish = lab.finish(ended(uid, None)).await;
    let total = finish.totals.unwrap().cpu_ns.unwrap() as f64 / 1e9;
    let named: f64 = finish.children.iter().map(|child| child.cpu_seconds).sum();
    assert!(total > 0.2 && named < total + 0.03, "{named} of {total}");
    // Where nobody may count it, it is said that this is not all.
    let is_flagged = finish.children.iter().any(|child| child.at_least);
    assert!(
        named > total - 0.03 || (is_flagged && bp_proto::counter::Counter::kept().is_err()),
        "{named} of {total}: {:?}",
        finish.children
    );
}

async fn a_background_job_stays_with_its_run_whose_totals_go_on_growing(probe: Probe) {
    let mut lab = Lab::on(probe).await;
    let mut shell = Shell::new();
    let start = lab.hook_start(&shell, "burn &");
    let first = start.uid;
    lab.start(start).await;
    shell.types(&format!("sh -c '{BURN}' &"));
    lab.sample(first, |sample| sample.cpu_ns > 20 * MS).await;
    let job = children_of(shell.child.id())[0];
    let at_end = ticks_of(job);
    let finish = lab.finish_line(ended(first, None)).await;

    let start = lab.hook_start(&shell, "sleep 60");
    let second = start.uid;
    lab.start(start).await;
    shell.types("sleep 60");
    let sample = lab.sample(second, |sample| sample.processes == 1 && sample.at_ms > 400).await;
    assert!(sample.cpu_ns < 100 * MS, "the old job's time is not the new run's: {sample:?}");

    lab.next(|_| (ticks_of(job) > at_end + 500 * MS).then_some(())).await;
    kill(job as i32);
    // Where it is not known that the shell still has it, what it burns is a figure of its own.
    let Some(finish) = finish else {
        let finish = lab.finished(first).await;
        assert!(finish.totals.unwrap().cpu_ns.unwrap() > at_end + 200 * MS, "{finish:?}");
        assert_eq!(finish.ending, Ending::Exited { exit_code: Some(137), signal: Some(9) });
        assert!(!finish.background && finish.took.unwrap() > Duration::from_millis(500), "{finish:?}");
        return;
    };
    assert!(finish.background);
    let amendment = lab.amended(first).await;
    assert!(amendment.totals.background_cpu_ns.unwrap() > 200 * MS, "{amendment:?}");
    assert_eq!(amendment.totals.cpu_ns, finish.totals.unwrap().cpu_ns);
    assert!(amendment.background);
}

/// User CPU time of a process, nanoseconds.
fn ticks_of(pid: u32) -> u64 {
    let fields = std::fs::read(format!("/proc/{pid}/stat")).unwrap();
    process::stat_field(&fields, 14).unwrap() * 10 * MS
}

async fn a_run_that_was_over_before_bpd_came_has_nothing_of_what_its_shell_does_now(probe: Probe) {
    let mut lab = Lab::resuming_on(probe, Vec::new());
    let mut shell = Shell::new();
    let mut old = lab.hook_start(&shell, "make");
    shell.types("sleep 60");
    while children_of(shell.child.id()).is_empty() {
        std::thread::yield_now();
    }
    old.draft.started_at = UnixMillis::now().minus(Duration::from_secs(3600));
    let (uid, began) = (old.uid, old.draft.started_at);
    lab.start(old).await;
    let mut end = ended(uid, Some(totals(Duration::from_secs(9), Quality::Times)));
    end.finished_at = began.plus(Duration::from_secs(10));
    let finish = lab.finish(end).await;
    assert!(!finish.background && finish.children.is_empty(), "{finish:?}");
    assert_eq!(finish.totals.unwrap().rss_max_bytes, None);

    // What is open when all was read goes on as if bpd had been there.
    let now = lab.hook_start(&shell, "sleep 60");
    let uid = now.uid;
    let now = Start { draft: Draft { started_at: began.plus(Duration::from_secs(11)), ..now.draft }, ..now };
    lab.start(now).await;
    drop(lab.send(Body::CaughtUp).await);
    lab.sample(uid, |sample| sample.processes == 1).await;
}

async fn a_shell_within_a_run_that_waits_for_the_mail_is_nested_in_it(probe: Probe) {
    let mut lab = Lab::resuming_on(probe, Vec::new());
    let mut shell = Shell::new();
    let outer = lab.hook_start(&shell, "bash");
    let outer_uid = outer.uid;
    lab.start(outer).await;
    shell.types("sleep 60");
    while children_of(shell.child.id()).is_empty() {
        std::thread::yield_now();
    }
    let pid = children_of(shell.child.id())[0];
    let mut inner = lab.hook_start(&shell, "make");
    inner.owner = Some(Owner { pid, start_ticks: process::start_ticks(pid).unwrap() });
    assert_eq!(lab.start(inner).await.parent, Some(outer_uid));
}

/// A run whose shell starts a child in the very clock tick in which the run ends.
async fn ended_with_a_child(lab: &mut Lab, shell: &mut Shell) -> Finish {
    let start = lab.hook_start(shell, "serve");
    let (uid, began) = (start.uid, start.draft.started_at);
    lab.start(start).await;
    shell.types("sleep 60");
    while children_of(shell.child.id()).is_empty() {
        std::thread::yield_now();
    }
    let child = children_of(shell.child.id())[0];
    // Between its fork and its exec it bears the shell's name.
    while std::fs::read_to_string(format!("/proc/{child}/comm")).unwrap() != "sleep\n" {
        std::thread::yield_now();
    }
    let child = process::start_ticks(child).unwrap();
    let boot = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let ago = (boot.tv_sec * 1000 + boot.tv_nsec / 1_000_000) - (child as i64 * 10 + 5);
    let mut finish = ended(uid, None);
    finish.finished_at = UnixMillis(UnixMillis::now().0 - ago).max(began);
    finish
}

#[tokio::test]
async fn a_line_that_was_typed_ahead_is_no_job_of_the_line_before() {
    let mut lab = Lab::new().await;
    let mut shell = Shell::new();
    let finish = ended_with_a_child(&mut lab, &mut shell).await;
    let (first, finished_at) = (finish.uid, finish.finished_at);
    drop(lab.send(Body::Finish(Box::new(finish))).await);
    let mut next = lab.hook_start(&shell, "sleep 60");
    next.draft.started_at = finished_at;
    let second = next.uid;
    drop(lab.send(Body::Start(Box::new(next))).await);
    let finish = lab.finished(first).await;
    assert!(!finish.background && finish.children.is_empty(), "{finish:?}");
    lab.sample(second, |sample| sample.processes == 1).await;
}

#[tokio::test]
async fn what_a_shell_does_after_a_line_that_is_told_late_is_not_that_lines() {
    let mut lab = Lab::new().await;
    let mut shell = Shell::new();
    let mut start = lab.hook_start(&shell, "make");
    start.draft.is_over = true;
    let uid = start.uid;
    lab.start(start).await;
    shell.types(BURN);
    lab.sample(uid, |sample| sample.cpu_ns > 50 * MS).await;
    let totals = lab.finish(ended(uid, None)).await.totals;
    assert_eq!(totals.and_then(|totals| totals.cpu_ns), None, "unknown is not nothing");
}

async fn what_a_function_left_running_as_it_ended_is_a_job_of_its_run(probe: Probe) {
    let mut lab = Lab::on(probe).await;
    let mut shell = Shell::new();
    let finish = ended_with_a_child(&mut lab, &mut shell).await;
    let uid = finish.uid;
    let finish = match lab.finish_line(finish).await {
        Some(finish) => {
            assert!(finish.background, "{finish:?}");
            finish
        }
        None => lab.end_jobs(uid).await,
    };
    assert_eq!(finish.children[0].name, "sleep", "{finish:?}");
}

async fn a_daemon_that_left_its_parents_still_counts(probe: Probe) {
    let mut lab = Lab::on(probe).await;
    let mut shell = Shell::new();
    let start = lab.hook_start(&shell, "daemon");
    let uid = start.uid;
    lab.start(start).await;
    let scratch = tempfile::tempdir().unwrap();
    let gate = scratch.path().join("gate");
    rustix::fs::mkfifoat(rustix::fs::CWD, &gate, rustix::fs::Mode::RWXU).unwrap();
    let wait = format!("read go < {}", gate.display());
    shell.types(&format!("sh -c '(sh -c \"{BURN}\" & {wait}) & {wait}'; sleep 60"));
    let all = lab.sample(uid, |sample| sample.processes == 3).await;
    // Both that wait are let go and end; the burning one is reparented.
    let mut gate = std::fs::OpenOptions::new().read(true).write(true).open(gate).unwrap();
    gate.write_all(b"\n\n").unwrap();
    let later = lab.sample(uid, |sample| sample.at_ms > all.at_ms && sample.processes == 2).await;
    let last = lab.sample(uid, |sample| sample.cpu_ns > later.cpu_ns + 100 * MS).await;
    assert!(last.cpu_ns > later.cpu_ns);
}

async fn a_claimed_parent_counts_only_while_it_is_open(probe: Probe) {
    let mut lab = Lab::on(probe).await;
    let (one, other) = (Shell::new(), Shell::new());
    let outer = lab.hook_start(&one, "ssh localhost");
    let outer_uid = outer.uid;
    lab.start(outer).await;
    let claimed = |start: Start| Start { parent: Some(outer_uid), ..start };
    let start = lab.hook_start(&other, "a");
    let inner_uid = start.uid;
    assert_eq!(lab.start(claimed(start)).await.parent, Some(outer_uid));
    lab.finish(ended(inner_uid, None)).await;
    lab.finish(ended(outer_uid, None)).await;
    let start = lab.hook_start(&other, "b");
    assert_eq!(lab.start(claimed(start)).await.parent, None);
}

async fn looking_at_bp_is_not_recorded(probe: Probe) {
    let mut lab = Lab::on(probe).await;
    let shell = Shell::new();
    let look = lab.hook_start(&shell, "bpctl show latest | less");
    let look_uid = look.uid;
    let answer = lab.send(Body::Start(Box::new(look))).await;
    assert_eq!(answer.await.unwrap(), Ok(Receipt::Done));
    let answer = lab.send(Body::Finish(Box::new(ended(look_uid, None)))).await;
    assert_eq!(answer.await.unwrap(), Ok(Receipt::Finished));
    let work = lab.hook_start(&shell, "bpctl list; make");
    let work_uid = work.uid;
    assert_eq!(lab.start(work).await.uid, work_uid, "nothing came before it");
}

//! What travels between the stages: events on their way in, measured events on their way to the store, and what was
//! recorded on its way to whoever shows or announces it. Types only.

use std::sync::Weak;
use std::time::Duration;

use bp_proto::event::Phase;
use bp_proto::label::LabelError;
use bp_proto::report::Registered;
use bp_proto::request::Edit;
use bp_proto::{
    AlertReport, Child, Draft, Failure, Finish, Owner, Point, Rest, Sample, Start, Totals, Ulid, UnixMillis,
    mask,
};
use tokio::sync::oneshot;

/// Anything that changes what is kept, and who wants to hear that it is durable.
#[derive(Debug)]
pub struct Event {
    pub body: Body,
    pub reply: Option<Reply>,
}

/// Answered once the change is on disk, or refused whole.
pub type Reply = oneshot::Sender<Result<Receipt, Refusal>>;

#[derive(Debug)]
pub enum Body {
    Start(Box<Start>),
    Finish(Box<Finish>),
    /// A run of before bp, out of a shell's history; what it took where the history tells. Answered
    /// [`Receipt::Started`].
    Import {
        start: Box<Start>,
        took: Option<Duration>,
    },
    /// `POST /runs/{id}/samples`.
    Points {
        run: Ulid,
        points: Vec<Point>,
    },
    Edit {
        run: Ulid,
        edit: Edit,
    },
    /// The text of a line whose start said that it would follow.
    Text {
        run: Ulid,
        text: LateText,
    },
    /// Shells have ended: texts that they owed will not come.
    GiveUpTexts,
    Delete {
        run: Ulid,
    },
    /// An alert that fired or changed; the same `uid` replaces.
    Alert(Box<AlertReport>),
    /// What became known of a run's cost apart from its finish: exact totals of a wrapper that the run adopted, or
    /// background processes that burned on. The run may be open or ended; its duration and ending stay.
    Amend(Box<Amendment>),
    /// An open run was suspended, continued, or left to run in the background.
    Phase {
        run: Ulid,
        phased: Phased,
    },
    /// Everything that was left behind while bpd was away has been sent before this. Ends in the sampler, which only
    /// now declares lost what nobody finished; whoever else meets it answers [`Receipt::Done`] and does nothing.
    CaughtUp,
    /// Somebody waits for what was sent before: a line's start that the sampler has not told in full is told now. Ends in
    /// the sampler.
    Awaited,
    /// A shell has written what follows; its clocks and counters are read now. Ends in the sampler.
    Heard {
        shell: u32,
    },
    /// A client of the socket that a shell started to report for it, and waits for: in nobody's run. Sent before its
    /// reports; ends in the sampler.
    Reporter {
        pid: u32,
    },
    /// Somebody looks at the machine: it is read every few seconds meanwhile, the first time at once. Answered
    /// [`Receipt::Done`] when that reading is there.
    Watch(Watcher),
    /// Which program of a run has used most CPU time so far: answered [`Receipt::Program`] by the sampler, where it ends.
    TopProgram {
        run: Ulid,
    },
    /// Which open runs contain this process: answered [`Receipt::Runs`] by the sampler, where it ends.
    RunsOf {
        pid: u32,
    },
    /// Which processes an open run has now: answered [`Receipt::Members`] by the sampler, where it ends.
    Members {
        run: Ulid,
    },
}

/// A change of an open run's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phased {
    pub phase: Phase,
    pub at: UnixMillis,
    /// When the shell came back to its prompt after the line; what it starts later is not the run's.
    pub prompt_at: Option<UnixMillis>,
}

/// What a shell says of a line's text after the line began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LateText {
    /// Masked.
    Kept(mask::Kept),
    /// A rule of the user keeps it out.
    Ignored,
    /// The shell did not keep the line, or never said.
    None,
}

impl LateText {
    /// What a start says that comes with its text.
    pub fn of(draft: &Draft) -> Self {
        match &draft.command {
            _ if draft.is_ignored() => Self::Ignored,
            None => Self::None,
            Some(text) => Self::Kept(mask::Kept {
                text: text.clone(),
                truncated: draft.command_truncated,
                rules: draft.masked.clone(),
            }),
        }
    }
}

/// Who looks at the machine, and for how long.
#[derive(Debug)]
pub enum Watcher {
    /// As long as somebody holds the other side.
    While(Weak<()>),
    /// Has asked once, and may again.
    Asked,
}

/// Totals that complete those a run has: see [`Totals::completed_by`].
#[derive(Clone, Debug, PartialEq)]
pub struct Amendment {
    pub run: Ulid,
    pub totals: Totals,
    /// The whole new list; empty = the recorded one stays.
    pub children: Vec<Child>,
    pub rest: Option<Rest>,
    /// Processes lived on after the end. `false` says nothing.
    pub background: bool,
}

/// What the sampler makes of events, and what it adds to them.
#[derive(Debug)]
pub enum Measured {
    /// Passed on; starts with their parent and context filled in, finishes with totals and children.
    Event(Event),
    /// A reading of an open run.
    Sample { run: Ulid, sample: Sample },
    /// A reading of the machine, while some run is open or somebody looks.
    Host(Box<HostReading>),
}

/// The machine as a whole. `None` is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HostReading {
    /// Monotonic, suspended time not counted.
    pub at: Duration,
    pub wall: UnixMillis,
    /// 100 = all CPUs, since the reading before; `None` for the first one.
    pub cpu_percent: Option<f64>,
    pub cpus: u32,
    pub memory_used_bytes: u64,
    pub memory_total_bytes: u64,
    /// Averages of 1, 5 and 15 minutes.
    pub load: Option<[f64; 3]>,
    pub pressure: Pressure,
    /// Where bpd's data is.
    pub disk: Option<DiskReading>,
}

/// How pressed the machine is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pressure {
    pub cpu: Option<Stall>,
    pub memory: Option<Stall>,
    pub io: Option<Stall>,
}

/// Time in which some task had to wait for one thing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stall {
    /// Share of the last ten seconds.
    pub avg10_percent: f64,
    /// Since boot.
    pub total_us: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DiskReading {
    pub used_bytes: u64,
    /// For those who are not root.
    pub free_bytes: u64,
    pub rates: Option<DiskRates>,
}

/// Since the reading before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DiskRates {
    pub read_bytes_per_s: f64,
    pub written_bytes_per_s: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Receipt {
    /// The run's id; `known` = this uid was registered before and nothing changed.
    Started {
        registered: Registered,
        known: bool,
    },
    Finished,
    Accepted {
        points: usize,
    },
    Members(Vec<Owner>),
    /// `None`: not known, or not to be told.
    Program(Option<String>),
    /// The innermost first.
    Runs(Vec<Ulid>),
    Done,
}

/// Why an event was refused. Nothing of it took effect.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Refusal {
    #[error("there is no run {0}")]
    NoSuchRun(Ulid),
    #[error("run {id} has ended already")]
    AlreadyFinished { id: u64 },
    #[error("{0}")]
    Invalid(String),
    #[error(transparent)]
    Label(#[from] LabelError),
    #[error("the disk is full; nothing is recorded until there is room")]
    DiskFull,
    /// The cause. It is tried again with each record.
    #[error("nothing can be written to the data directory: {0}")]
    Unwritable(String),
    #[error("the store failed: {0}")]
    Store(String),
    #[error("bpd is stopping")]
    Stopping,
}

impl Refusal {
    /// The same refusal as every door says it.
    pub fn failure(&self) -> Failure {
        let code = match self {
            Self::NoSuchRun(_) => "run_not_found",
            Self::AlreadyFinished { .. } => "run_already_finished",
            Self::Invalid(_) => "invalid_event",
            Self::Label(wrong) => wrong.code(),
            Self::DiskFull => "disk_full",
            Self::Unwritable(_) => "store_unwritable",
            Self::Store(_) => "store_failed",
            Self::Stopping => "stopping",
        };
        Failure::new(code, self.to_string())
    }
}

/// What has just been recorded. Sent to everyone who shows or announces; who is too slow loses the oldest and asks
/// `queries` for the rest.
#[derive(Clone, Debug)]
pub enum Recorded {
    Started {
        run: u64,
    },
    /// One interval of a curve: from the sample before (zero at the start) to this one.
    Sampled {
        run: u64,
        from: Sample,
        to: Sample,
    },
    /// Posted points.
    Posted {
        run: u64,
    },
    Finished {
        run: u64,
        at: UnixMillis,
    },
    Edited {
        run: u64,
    },
    Deleted {
        run: u64,
    },
    Alert {
        alert: AlertReport,
    },
    Host(Box<HostReading>),
}

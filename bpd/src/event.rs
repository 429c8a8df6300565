//! What travels between the stages: events on their way in, measured events on their way to the store, and what was
//! recorded on its way to whoever shows or announces it. Types only.

use std::time::Duration;

use bp_proto::label::LabelError;
use bp_proto::report::Registered;
use bp_proto::request::Edit;
use bp_proto::{AlertReport, Child, Failure, Finish, Point, Sample, Start, Totals, Ulid, UnixMillis};
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
    /// `POST /runs/{id}/samples`.
    Points {
        run: Ulid,
        points: Vec<Point>,
    },
    Edit {
        run: Ulid,
        edit: Edit,
    },
    Delete {
        run: Ulid,
    },
    /// An alert that fired or changed; the same `uid` replaces.
    Alert(Box<AlertReport>),
    /// What became known of a run's cost apart from its finish: exact totals of a wrapper that the run adopted, or
    /// background processes that burned on. The run may be open or ended; its duration and ending stay.
    Amend(Box<Amendment>),
    /// Everything that was left behind while bpd was away has been sent before this. Ends in the sampler, which only
    /// now declares lost what nobody finished; whoever else meets it answers [`Receipt::Done`] and does nothing.
    CaughtUp,
    /// A client of the socket that a shell started to report for it, and waits for: in nobody's run. Sent before its
    /// reports; ends in the sampler.
    Reporter {
        pid: u32,
    },
}

/// Totals that complete those a run has: see [`Totals::completed_by`].
#[derive(Clone, Debug, PartialEq)]
pub struct Amendment {
    pub run: Ulid,
    pub totals: Totals,
    /// The whole new list; empty = the recorded one stays.
    pub children: Vec<Child>,
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
    /// A reading of the machine, while some run is open.
    Host(HostReading),
}

/// The machine as a whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HostReading {
    /// Monotonic, since boot.
    pub at: Duration,
    /// 100 = all CPUs, since the reading before.
    pub cpu_percent: f64,
    pub memory_used_bytes: u64,
    pub memory_total_bytes: u64,
    pub load_1m: f64,
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
    Host(HostReading),
}

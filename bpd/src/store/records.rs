//! Records as on disk: the store's own types, each with a version that never changes once released. A new field is a
//! new version with its own struct; the old one stays readable for ever (`tests/fixtures/store-v1` proves it).

use std::time::Duration;

use bp_proto::event::{Draft, Source};
use bp_proto::report::AlertReport;
use bp_proto::{
    Activity, Actor, Child, Context, Ending, Finish, Git, Level, Owner, Point, Quality, Sample, Start,
    Totals, Ulid, UnixMillis,
};
use serde::{Deserialize, Serialize};

use super::frame::MAX_PAYLOAD_BYTES;
use super::log::Series;
use super::{OwnCost, Position, columns};
use crate::event::{Amendment, Refusal};

const START: u8 = 1;
const FINISH: u8 = 2;
const EDIT: u8 = 3;
const DELETE: u8 = 4;
const ALERT: u8 = 5;
const OWN_COST: u8 = 6;
const CHUNK: u8 = 7;
const POINTS: u8 = 8;
const AMEND: u8 = 9;

/// One record of the journal, as the rest of the store sees it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Record {
    Start {
        id: u64,
        start: Box<Start>,
    },
    Finish {
        id: u64,
        finish: Box<Finish>,
        /// The run was thought lost before: the record that said so.
        previous: Option<Position>,
    },
    Edit {
        id: u64,
        edited: Edited,
        /// The run's edit before this one, so that all of them can be erased.
        previous: Option<Position>,
    },
    /// What became known of the run's cost apart from its finish.
    Amend {
        id: u64,
        amended: Box<Amended>,
        previous: Option<Position>,
    },
    Delete {
        id: u64,
        uid: Ulid,
    },
    Alert {
        alert: Box<AlertReport>,
        /// The same alert as recorded before.
        previous: Option<Position>,
    },
    OwnCost(OwnCost),
    /// Samples as measured. `nth` counts a run's chunks and batches of points together.
    Chunk {
        id: u64,
        nth: u32,
        samples: Vec<Sample>,
    },
    /// Points as posted.
    Points {
        id: u64,
        nth: u32,
        points: Vec<Point>,
    },
}

/// What people have written on a run: the whole of it, after the edit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Edited {
    pub(super) tags: Vec<String>,
    pub(super) note: Option<String>,
}

/// All amendments of a run in one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Amended {
    pub(super) totals: Totals,
    /// Empty = the finish knows.
    pub(super) children: Vec<Child>,
    pub(super) background: bool,
}

impl Amended {
    pub(super) fn of(amendment: &Amendment) -> Self {
        let Amendment { totals, children, background, .. } = amendment.clone();
        Self { totals, children, background }
    }

    pub(super) fn amended_by(self, later: &Amendment) -> Self {
        Self {
            totals: self.totals.completed_by(later.totals),
            children: if later.children.is_empty() { self.children } else { later.children.clone() },
            background: self.background || later.background,
        }
    }
}

/// What a record's bytes turned out to be.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("kind {kind} version {version} is not known")]
    Unknown { kind: u8, version: u8 },
    #[error("a record of kind {kind} does not read: {why}")]
    Malformed { kind: u8, why: String },
}

impl Record {
    pub(super) fn series(&self) -> Series {
        match self {
            Self::Chunk { .. } | Self::Points { .. } => Series::Samples,
            _ => Series::Runs,
        }
    }

    /// The older record that this one replaces.
    pub(super) fn previous(&self) -> Option<Position> {
        match self {
            Self::Finish { previous, .. }
            | Self::Amend { previous, .. }
            | Self::Edit { previous, .. }
            | Self::Alert { previous, .. } => *previous,
            _ => None,
        }
    }

    /// → kind, version, payload.
    pub(super) fn encode(&self) -> Result<(u8, u8, Vec<u8>), Refusal> {
        let (kind, payload) = match self {
            Self::Start { id, start } => (START, written(&StartV1::of(*id, start))),
            Self::Finish { id, finish, previous } => (FINISH, written(&FinishV1::of(*id, finish, *previous))),
            Self::Edit { id, edited, previous } => {
                let edit = EditV1 { id: *id, edited: edited.clone(), previous: *previous };
                (EDIT, written(&edit))
            }
            Self::Amend { id, amended, previous } => (AMEND, written(&AmendV1::of(*id, amended, *previous))),
            Self::Delete { id, uid } => (DELETE, written(&DeleteV1 { id: *id, uid: uid.to_bytes() })),
            Self::Alert { alert, previous } => (ALERT, written(&AlertV1::of(alert, *previous))),
            Self::OwnCost(cost) => (OWN_COST, written(&OwnCostV1::of(*cost))),
            Self::Chunk { id, nth, samples } => (CHUNK, Ok(columns::pack_samples(*id, *nth, samples))),
            Self::Points { id, nth, points } => (POINTS, Ok(columns::pack_points(*id, *nth, points))),
        };
        let payload = payload.map_err(|error| Refusal::Store(error.to_string()))?;
        if payload.len() > MAX_PAYLOAD_BYTES {
            return Err(Refusal::Invalid(format!(
                "the record would take {} bytes, more than the {MAX_PAYLOAD_BYTES} that are kept",
                payload.len()
            )));
        }
        Ok((kind, 1, payload))
    }

    pub(super) fn decode(kind: u8, version: u8, payload: &[u8]) -> Result<Self, Unreadable> {
        let malformed = |why: String| Unreadable::Malformed { kind, why };
        let post = |error: postcard::Error| Unreadable::Malformed { kind, why: error.to_string() };
        Ok(match (kind, version) {
            (START, 1) => postcard::from_bytes::<StartV1>(payload).map_err(post)?.record(),
            (FINISH, 1) => postcard::from_bytes::<FinishV1>(payload).map_err(post)?.record(),
            (EDIT, 1) => {
                let EditV1 { id, edited, previous } = postcard::from_bytes(payload).map_err(post)?;
                Self::Edit { id, edited, previous }
            }
            (AMEND, 1) => postcard::from_bytes::<AmendV1>(payload).map_err(post)?.record(),
            (DELETE, 1) => {
                let DeleteV1 { id, uid } = postcard::from_bytes(payload).map_err(post)?;
                Self::Delete { id, uid: Ulid::from_bytes(uid) }
            }
            (ALERT, 1) => postcard::from_bytes::<AlertV1>(payload).map_err(post)?.record(),
            (OWN_COST, 1) => Self::OwnCost(postcard::from_bytes::<OwnCostV1>(payload).map_err(post)?.into()),
            (CHUNK, 1) => {
                let (id, nth, samples) =
                    columns::unpack_samples(payload).ok_or_else(|| malformed("columns".to_owned()))?;
                Self::Chunk { id, nth, samples }
            }
            (POINTS, 1) => {
                let (id, nth, points) =
                    columns::unpack_points(payload).ok_or_else(|| malformed("points".to_owned()))?;
                Self::Points { id, nth, points }
            }
            _ => return Err(Unreadable::Unknown { kind, version }),
        })
    }
}

fn written(record: &impl Serialize) -> postcard::Result<Vec<u8>> {
    postcard::to_stdvec(record)
}

#[derive(Serialize, Deserialize)]
struct StartV1 {
    id: u64,
    uid: [u8; 16],
    command: Option<String>,
    command_truncated: Option<u64>,
    masked: Vec<String>,
    cwd: Option<String>,
    project: Option<String>,
    git: Option<(Option<String>, Option<String>)>,
    host: String,
    shell: Option<String>,
    session: Option<String>,
    actor: String,
    started_at_ms: i64,
    /// 0 hook, 1 wrapper, 2 API, 3 import.
    source: u8,
    tags: Vec<String>,
    note: Option<String>,
    /// pid, start ticks.
    owner: Option<(u32, u64)>,
    under: Option<(u32, u64)>,
    parent: Option<[u8; 16]>,
    context: Option<ContextV1>,
}

#[derive(Serialize, Deserialize)]
struct ContextV1 {
    load_1m: Option<f64>,
    host_cpu_percent: Option<f64>,
    memory_used_mb: Option<f64>,
    memory_total_mb: Option<f64>,
    cpus: Option<u32>,
}

impl StartV1 {
    fn of(id: u64, start: &Start) -> Self {
        let draft = &start.draft;
        let pair = |owner: Owner| (owner.pid, owner.start_ticks);
        Self {
            id,
            uid: start.uid.to_bytes(),
            command: draft.command.clone(),
            command_truncated: draft.command_truncated,
            masked: draft.masked.clone(),
            cwd: draft.cwd.clone(),
            project: draft.project.clone(),
            git: draft.git.as_ref().map(|git| (git.branch.clone(), git.commit.clone())),
            host: draft.host.clone(),
            shell: draft.shell.clone(),
            session: draft.session.clone(),
            actor: draft.actor.to_string(),
            started_at_ms: draft.started_at.0,
            source: match draft.source {
                Source::Hook => 0,
                Source::Wrapper => 1,
                Source::Api => 2,
                Source::Import => 3,
            },
            tags: draft.tags.clone(),
            note: draft.note.clone(),
            owner: start.owner.map(pair),
            under: start.under.map(pair),
            parent: start.parent.map(|parent| parent.to_bytes()),
            context: start.context.as_ref().map(|context| ContextV1 {
                load_1m: context.load_1m,
                host_cpu_percent: context.host_cpu_percent,
                memory_used_mb: context.memory_used_mb,
                memory_total_mb: context.memory_total_mb,
                cpus: context.cpus,
            }),
        }
    }

    fn record(self) -> Record {
        let owner = |(pid, start_ticks)| Owner { pid, start_ticks };
        let draft = Draft {
            command: self.command,
            command_truncated: self.command_truncated,
            masked: self.masked,
            cwd: self.cwd,
            project: self.project,
            git: self.git.map(|(branch, commit)| Git { branch, commit }),
            host: self.host,
            shell: self.shell,
            session: self.session,
            actor: self.actor.parse().unwrap_or(Actor::Human),
            started_at: UnixMillis(self.started_at_ms),
            source: match self.source {
                1 => Source::Wrapper,
                2 => Source::Api,
                3 => Source::Import,
                _ => Source::Hook,
            },
            tags: self.tags,
            note: self.note,
        };
        let context = self.context.map(|context| Context {
            load_1m: context.load_1m,
            host_cpu_percent: context.host_cpu_percent,
            memory_used_mb: context.memory_used_mb,
            memory_total_mb: context.memory_total_mb,
            cpus: context.cpus,
        });
        Record::Start {
            id: self.id,
            start: Box::new(Start {
                uid: Ulid::from_bytes(self.uid),
                draft,
                owner: self.owner.map(owner),
                under: self.under.map(owner),
                parent: self.parent.map(Ulid::from_bytes),
                context,
            }),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct FinishV1 {
    id: u64,
    uid: [u8; 16],
    finished_at_ms: i64,
    took_ns: Option<u64>,
    /// Exit code and signal; `None` = lost.
    exited: Option<(i32, Option<i32>)>,
    totals: Option<TotalsV1>,
    children: Vec<ChildV1>,
    background: bool,
    previous: Option<Position>,
}

#[derive(Serialize, Deserialize)]
struct TotalsV1 {
    cpu_ns: Option<u64>,
    user_ns: Option<u64>,
    system_ns: Option<u64>,
    rss_max_bytes: Option<u64>,
    max_processes: Option<u32>,
    /// 0 exact, 1 counter, 2 times, 3 ticks, 4 sampled.
    quality: u8,
    peak_lower_bound: bool,
    incomplete: bool,
}

#[derive(Serialize, Deserialize)]
struct ChildV1 {
    name: String,
    processes: u32,
    cpu_seconds: f64,
    rss_max_mb: f64,
}

impl ChildV1 {
    fn of(child: &Child) -> Self {
        Self {
            name: child.name.clone(),
            processes: child.processes,
            cpu_seconds: child.cpu_seconds,
            rss_max_mb: child.rss_max_mb,
        }
    }

    fn child(self) -> Child {
        Child {
            name: self.name,
            processes: self.processes,
            cpu_seconds: self.cpu_seconds,
            rss_max_mb: self.rss_max_mb,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct AmendV1 {
    id: u64,
    totals: TotalsV1,
    children: Vec<ChildV1>,
    background: bool,
    previous: Option<Position>,
}

impl AmendV1 {
    fn of(id: u64, amended: &Amended, previous: Option<Position>) -> Self {
        Self {
            id,
            totals: TotalsV1::of(&amended.totals),
            children: amended.children.iter().map(ChildV1::of).collect(),
            background: amended.background,
            previous,
        }
    }

    fn record(self) -> Record {
        let amended = Amended {
            totals: self.totals.totals(),
            children: self.children.into_iter().map(ChildV1::child).collect(),
            background: self.background,
        };
        Record::Amend { id: self.id, amended: Box::new(amended), previous: self.previous }
    }
}

impl FinishV1 {
    fn of(id: u64, finish: &Finish, previous: Option<Position>) -> Self {
        Self {
            id,
            uid: finish.uid.to_bytes(),
            finished_at_ms: finish.finished_at.0,
            took_ns: finish.took.map(|took| took.as_nanos() as u64),
            exited: match finish.ending {
                Ending::Exited { exit_code, signal } => Some((exit_code, signal)),
                Ending::Lost => None,
            },
            totals: finish.totals.as_ref().map(TotalsV1::of),
            children: finish.children.iter().map(ChildV1::of).collect(),
            background: finish.background,
            previous,
        }
    }

    fn record(self) -> Record {
        let finish = Finish {
            uid: Ulid::from_bytes(self.uid),
            finished_at: UnixMillis(self.finished_at_ms),
            took: self.took_ns.map(Duration::from_nanos),
            ending: self
                .exited
                .map_or(Ending::Lost, |(exit_code, signal)| Ending::Exited { exit_code, signal }),
            totals: self.totals.map(TotalsV1::totals),
            children: self.children.into_iter().map(ChildV1::child).collect(),
            background: self.background,
        };
        Record::Finish { id: self.id, finish: Box::new(finish), previous: self.previous }
    }
}

impl TotalsV1 {
    fn of(totals: &Totals) -> Self {
        Self {
            cpu_ns: totals.cpu_ns,
            user_ns: totals.user_ns,
            system_ns: totals.system_ns,
            rss_max_bytes: totals.rss_max_bytes,
            max_processes: totals.max_processes,
            quality: match totals.quality {
                Quality::Exact => 0,
                Quality::Counter => 1,
                Quality::Times => 2,
                Quality::Ticks => 3,
                Quality::Sampled => 4,
            },
            peak_lower_bound: totals.peak_lower_bound,
            incomplete: totals.incomplete,
        }
    }

    fn totals(self) -> Totals {
        Totals {
            cpu_ns: self.cpu_ns,
            user_ns: self.user_ns,
            system_ns: self.system_ns,
            rss_max_bytes: self.rss_max_bytes,
            max_processes: self.max_processes,
            activity: Activity::default(),
            quality: match self.quality {
                0 => Quality::Exact,
                1 => Quality::Counter,
                2 => Quality::Times,
                3 => Quality::Ticks,
                _ => Quality::Sampled,
            },
            peak_lower_bound: self.peak_lower_bound,
            incomplete: self.incomplete,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct EditV1 {
    id: u64,
    edited: Edited,
    previous: Option<Position>,
}

#[derive(Serialize, Deserialize)]
struct DeleteV1 {
    id: u64,
    uid: [u8; 16],
}

#[derive(Serialize, Deserialize)]
struct AlertV1 {
    uid: [u8; 16],
    rule: String,
    /// 0 info, 1 good, 2 warning, 3 critical.
    level: u8,
    run: Option<u64>,
    command: Option<String>,
    fired_at_ms: i64,
    ended_at_ms: Option<i64>,
    peak: f64,
    threshold: f64,
    above_s: f64,
    delivery: Option<String>,
    previous: Option<Position>,
}

impl AlertV1 {
    fn of(alert: &AlertReport, previous: Option<Position>) -> Self {
        Self {
            uid: alert.uid.to_bytes(),
            rule: alert.rule.clone(),
            level: match alert.level {
                Level::Info => 0,
                Level::Good => 1,
                Level::Warning => 2,
                Level::Critical => 3,
            },
            run: alert.run,
            command: alert.command.clone(),
            fired_at_ms: alert.fired_at.0,
            ended_at_ms: alert.ended_at.map(|at| at.0),
            peak: alert.peak,
            threshold: alert.threshold,
            above_s: alert.above_s,
            delivery: alert.delivery.clone(),
            previous,
        }
    }

    fn record(self) -> Record {
        let alert = AlertReport {
            uid: Ulid::from_bytes(self.uid),
            rule: self.rule,
            level: match self.level {
                0 => Level::Info,
                1 => Level::Good,
                2 => Level::Warning,
                _ => Level::Critical,
            },
            run: self.run,
            command: self.command,
            fired_at: UnixMillis(self.fired_at_ms),
            ended_at: self.ended_at_ms.map(UnixMillis),
            peak: self.peak,
            threshold: self.threshold,
            above_s: self.above_s,
            delivery: self.delivery,
            text: String::new(),
        };
        Record::Alert { alert: Box::new(alert), previous: self.previous }
    }
}

#[derive(Serialize, Deserialize)]
struct OwnCostV1 {
    at_ms: i64,
    cpu_ns: u64,
    process_began_ms: i64,
}

impl OwnCostV1 {
    fn of(cost: OwnCost) -> Self {
        Self { at_ms: cost.at.0, cpu_ns: cost.cpu_ns, process_began_ms: cost.process_began.0 }
    }
}

impl From<OwnCostV1> for OwnCost {
    fn from(cost: OwnCostV1) -> Self {
        Self {
            at: UnixMillis(cost.at_ms),
            cpu_ns: cost.cpu_ns,
            process_began: UnixMillis(cost.process_began_ms),
        }
    }
}

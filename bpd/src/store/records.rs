//! Records as on disk: the store's own types, each with a version that never changes once released. A new field is a
//! new version with its own struct; the old one stays readable for ever (`tests/fixtures/store-v1` to `-v5` prove it).

mod begun;
mod ended;

use bp_proto::event::Phase;
use bp_proto::report::AlertReport;
use bp_proto::{Child, Finish, Level, Point, Rest, Sample, Start, Totals, Ulid, UnixMillis};
use serde::{Deserialize, Serialize};

use super::frame::MAX_PAYLOAD_BYTES;
use super::log::Series;
use super::{OwnCost, Position, columns};
pub(super) use crate::event::Phased;
use crate::event::{Amendment, Refusal};
use begun::{StartV2, StartV3};
use ended::{AmendV2, AmendV3, AmendV4, AmendV5, FinishV2, FinishV3, FinishV4, FinishV5};

const START: u8 = 1;
const FINISH: u8 = 2;
const EDIT: u8 = 3;
const DELETE: u8 = 4;
const ALERT: u8 = 5;
const OWN_COST: u8 = 6;
const CHUNK: u8 = 7;
const POINTS: u8 = 8;
const AMEND: u8 = 9;
const PHASE: u8 = 10;
const TEXT: u8 = 11;

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
    /// An open run changed its state.
    Phase {
        id: u64,
        phased: Phased,
        previous: Option<Position>,
    },
    /// The text of a run whose start said that it would follow: the whole start, as it reads with the text.
    Text {
        id: u64,
        start: Box<Start>,
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
    pub(super) rest: Option<Rest>,
    pub(super) background: bool,
}

impl Amended {
    pub(super) fn of(amendment: &Amendment) -> Self {
        let Amendment { totals, children, rest, background, .. } = amendment.clone();
        Self { totals, children, rest, background }
    }

    pub(super) fn amended_by(self, later: &Amendment) -> Self {
        let (children, rest) = if later.children.is_empty() {
            (self.children, self.rest)
        } else {
            (later.children.clone(), later.rest.clone())
        };
        Self {
            totals: self.totals.completed_by(later.totals),
            children,
            rest,
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
            | Self::Phase { previous, .. }
            | Self::Edit { previous, .. }
            | Self::Alert { previous, .. } => *previous,
            _ => None,
        }
    }

    /// → kind, version, payload.
    pub(super) fn encode(&self) -> Result<(u8, u8, Vec<u8>), Refusal> {
        let (kind, version, payload) = match self {
            Self::Start { id, start } if start.draft.text_pending => {
                (START, 3, written(&StartV3::of(*id, start)))
            }
            Self::Start { id, start } => (START, 2, written(&StartV2::of(*id, start))),
            Self::Text { id, start } => (TEXT, 1, written(&StartV2::of(*id, start))),
            Self::Finish { id, finish, previous } => {
                (FINISH, 5, written(&FinishV5::of(*id, finish, *previous)))
            }
            Self::Edit { id, edited, previous } => {
                let edit = EditV1 { id: *id, edited: edited.clone(), previous: *previous };
                (EDIT, 1, written(&edit))
            }
            Self::Amend { id, amended, previous } => {
                (AMEND, 5, written(&AmendV5::of(*id, amended, *previous)))
            }
            Self::Phase { id, phased, previous } => {
                (PHASE, 1, written(&PhaseV1::of(*id, *phased, *previous)))
            }
            Self::Delete { id, uid } => (DELETE, 1, written(&DeleteV1 { id: *id, uid: uid.to_bytes() })),
            Self::Alert { alert, previous } => (ALERT, 1, written(&AlertV1::of(alert, *previous))),
            Self::OwnCost(cost) => (OWN_COST, 1, written(&OwnCostV1::of(*cost))),
            Self::Chunk { id, nth, samples } => (CHUNK, 2, Ok(columns::pack_samples(*id, *nth, samples))),
            Self::Points { id, nth, points } => (POINTS, 1, Ok(columns::pack_points(*id, *nth, points))),
        };
        let payload = payload.map_err(|error| Refusal::Store(error.to_string()))?;
        if payload.len() > MAX_PAYLOAD_BYTES {
            return Err(Refusal::Invalid(format!(
                "the record would take {} bytes, more than the {MAX_PAYLOAD_BYTES} that are kept",
                payload.len()
            )));
        }
        Ok((kind, version, payload))
    }

    pub(super) fn decode(kind: u8, version: u8, payload: &[u8]) -> Result<Self, Unreadable> {
        let malformed = |why: String| Unreadable::Malformed { kind, why };
        let post = |error: postcard::Error| Unreadable::Malformed { kind, why: error.to_string() };
        Ok(match (kind, version) {
            (START, 1) => begun::first(payload).map_err(post)?,
            (START, 2) => postcard::from_bytes::<StartV2>(payload).map_err(post)?.record(),
            (START, 3) => postcard::from_bytes::<StartV3>(payload).map_err(post)?.record(),
            (TEXT, 1) => postcard::from_bytes::<StartV2>(payload).map_err(post)?.with_text(),
            (FINISH, 1) => ended::first_finish(payload).map_err(post)?,
            (FINISH, 2) => postcard::from_bytes::<FinishV2>(payload).map_err(post)?.record(),
            (FINISH, 3) => postcard::from_bytes::<FinishV3>(payload).map_err(post)?.record(),
            (FINISH, 4) => postcard::from_bytes::<FinishV4>(payload).map_err(post)?.record(),
            (FINISH, 5) => postcard::from_bytes::<FinishV5>(payload).map_err(post)?.record(),
            (EDIT, 1) => {
                let EditV1 { id, edited, previous } = postcard::from_bytes(payload).map_err(post)?;
                Self::Edit { id, edited, previous }
            }
            (AMEND, 1) => ended::first_amend(payload).map_err(post)?,
            (AMEND, 2) => postcard::from_bytes::<AmendV2>(payload).map_err(post)?.record(),
            (AMEND, 3) => postcard::from_bytes::<AmendV3>(payload).map_err(post)?.record(),
            (AMEND, 4) => postcard::from_bytes::<AmendV4>(payload).map_err(post)?.record(),
            (AMEND, 5) => postcard::from_bytes::<AmendV5>(payload).map_err(post)?.record(),
            (PHASE, 1) => postcard::from_bytes::<PhaseV1>(payload).map_err(post)?.record(),
            (DELETE, 1) => {
                let DeleteV1 { id, uid } = postcard::from_bytes(payload).map_err(post)?;
                Self::Delete { id, uid: Ulid::from_bytes(uid) }
            }
            (ALERT, 1) => postcard::from_bytes::<AlertV1>(payload).map_err(post)?.record(),
            (OWN_COST, 1) => Self::OwnCost(postcard::from_bytes::<OwnCostV1>(payload).map_err(post)?.into()),
            (CHUNK, 1 | 2) => {
                let (id, nth, samples) = columns::unpack_samples(payload, version == 2)
                    .ok_or_else(|| malformed("columns".to_owned()))?;
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
struct PhaseV1 {
    id: u64,
    /// 0 running, 1 stopped, 2 background.
    phase: u8,
    at_ms: i64,
    prompt_at_ms: Option<i64>,
    previous: Option<Position>,
}

impl PhaseV1 {
    fn of(id: u64, phased: Phased, previous: Option<Position>) -> Self {
        let phase = match phased.phase {
            Phase::Running => 0,
            Phase::Stopped => 1,
            Phase::Background => 2,
        };
        Self { id, phase, at_ms: phased.at.0, prompt_at_ms: phased.prompt_at.map(|at| at.0), previous }
    }

    fn record(self) -> Record {
        let phase = match self.phase {
            0 => Phase::Running,
            1 => Phase::Stopped,
            _ => Phase::Background,
        };
        let (at, prompt_at) = (UnixMillis(self.at_ms), self.prompt_at_ms.map(UnixMillis));
        Record::Phase { id: self.id, phased: Phased { phase, at, prompt_at }, previous: self.previous }
    }
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
            actor: None,
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
            line: None,
            project: None,
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

//! The start of a run on disk, in both its versions: the second knows how pressed the machine was.

use bp_proto::event::{Draft, Source};
use bp_proto::{Actor, Context, Git, Owner, Start, Ulid, UnixMillis};
use serde::{Deserialize, Serialize};

use super::Record;

/// `source` of an imported line.
const IMPORT: u8 = 3;

/// The tag that earlier versions gave to imported lines without a date; their `started_at_ms` was invented.
const INVENTED: &str = "undated";

pub(super) type StartV2 = StartOf<ContextV2>;

/// A start whose text follows in a record of its own.
#[derive(Serialize, Deserialize)]
pub(super) struct StartV3 {
    start: StartV2,
    text_pending: bool,
}

impl StartV3 {
    pub(super) fn of(id: u64, start: &Start) -> Self {
        Self { start: StartV2::of(id, start), text_pending: start.draft.text_pending }
    }

    pub(super) fn record(self) -> Record {
        let (id, mut start) = self.start.parts();
        start.draft.text_pending = self.text_pending;
        Record::Start { id, start: Box::new(start) }
    }
}

impl StartV2 {
    /// The same start, with the text that followed.
    pub(super) fn with_text(self) -> Record {
        let (id, start) = self.parts();
        Record::Text { id, start: Box::new(start) }
    }
}

pub(super) fn first(payload: &[u8]) -> postcard::Result<Record> {
    postcard::from_bytes::<StartOf<ContextV1>>(payload).map(StartOf::record)
}

#[derive(Serialize, Deserialize)]
pub(super) struct StartOf<C> {
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
    context: Option<C>,
}

#[derive(Serialize, Deserialize)]
struct ContextV1 {
    load_1m: Option<f64>,
    host_cpu_percent: Option<f64>,
    memory_used_mb: Option<f64>,
    memory_total_mb: Option<f64>,
    cpus: Option<u32>,
}

impl StartV2 {
    pub(super) fn of(id: u64, start: &Start) -> Self {
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
                Source::Import => IMPORT,
            },
            tags: draft.tags.clone(),
            note: draft.note.clone(),
            owner: start.owner.map(pair),
            under: start.under.map(pair),
            parent: start.parent.map(|parent| parent.to_bytes()),
            context: start.context.as_ref().map(ContextV2::of),
        }
    }
}

impl<C: Into<Context>> StartOf<C> {
    pub(super) fn record(self) -> Record {
        let (id, start) = self.parts();
        Record::Start { id, start: Box::new(start) }
    }

    fn parts(self) -> (u64, Start) {
        let (mut started_at, mut tags) = (UnixMillis(self.started_at_ms), self.tags);
        if self.source == IMPORT && tags.iter().any(|tag| tag == INVENTED) {
            started_at = UnixMillis::UNDATED;
            tags.retain(|tag| tag != INVENTED);
        }
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
            started_at,
            source: match self.source {
                1 => Source::Wrapper,
                2 => Source::Api,
                IMPORT => Source::Import,
                _ => Source::Hook,
            },
            tags,
            note: self.note,
            text_pending: false,
            is_over: false,
        };
        let start = Start {
            uid: Ulid::from_bytes(self.uid),
            draft,
            owner: self.owner.map(owner),
            under: self.under.map(owner),
            parent: self.parent.map(Ulid::from_bytes),
            context: self.context.map(Into::into),
        };
        (self.id, start)
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct ContextV2 {
    first: ContextV1,
    /// CPU, memory, I/O: hundredths of a percent, as the kernel tells them.
    pressure_avg10: [Option<u16>; 3],
}

impl ContextV2 {
    fn of(context: &Context) -> Self {
        let pressure = [context.pressure_cpu_avg10, context.pressure_memory_avg10, context.pressure_io_avg10];
        Self {
            first: ContextV1 {
                load_1m: context.load_1m,
                host_cpu_percent: context.host_cpu_percent,
                memory_used_mb: context.memory_used_mb,
                memory_total_mb: context.memory_total_mb,
                cpus: context.cpus,
            },
            pressure_avg10: pressure.map(|percent| percent.map(|percent| (percent * 100.0).round() as u16)),
        }
    }
}

impl From<ContextV2> for Context {
    fn from(context: ContextV2) -> Self {
        let pressure =
            context.pressure_avg10.map(|percent| percent.map(|percent| f64::from(percent) / 100.0));
        let [pressure_cpu_avg10, pressure_memory_avg10, pressure_io_avg10] = pressure;
        Self { pressure_cpu_avg10, pressure_memory_avg10, pressure_io_avg10, ..context.first.into() }
    }
}

impl From<ContextV1> for Context {
    fn from(context: ContextV1) -> Self {
        Self {
            load_1m: context.load_1m,
            host_cpu_percent: context.host_cpu_percent,
            memory_used_mb: context.memory_used_mb,
            memory_total_mb: context.memory_total_mb,
            cpus: context.cpus,
            ..Self::default()
        }
    }
}

//! Keys and rows of the index. Keys are big-endian, so that byte order is the order of time and of ids.
//!
//! | key | row |
//! |---|---|
//! | `m` | [`Meta`]: how far the journal is applied |
//! | `r` id | [`Entry`]: where a run's records are, and its covering row |
//! | `t` started_at id | [`Cover`], all runs in the order of time |
//! | `k` key started_at id | [`Cover`], the runs of one command key |
//! | `o` id | runs without an end |
//! | `p` id | runs whose text the shell still owes |
//! | `u` uid | id; stays when the run is deleted, so that a replay does not bring it back |
//! | `d` id | deleted runs |
//! | `c` id nth | [`Chunk`]: where samples and posted points are |
//! | `a` fired_at uid | [`AlertRow`] · `b` uid → fired_at · `x` run uid → fired_at |
//! | `w` at | [`Cost`]: what bpd itself has cost |

use bp_proto::event::Phase;
use bp_proto::{ActorKind, RunState, Ulid, UnixMillis};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Cursor, Position, Row, StoreError};

/// Changed whenever a key or a row changes; an index of another format is rebuilt.
pub(super) const INDEX_FORMAT: u32 = 5;

pub(super) const META: &[u8] = b"m";
pub(super) const RUNS: u8 = b'r';
pub(super) const TIMES: u8 = b't';
pub(super) const KEYS: u8 = b'k';
pub(super) const OPEN: u8 = b'o';
pub(super) const PENDING: u8 = b'p';
pub(super) const UIDS: u8 = b'u';
pub(super) const DELETED: u8 = b'd';
pub(super) const CHUNKS: u8 = b'c';
pub(super) const ALERTS: u8 = b'a';
pub(super) const ALERT_UIDS: u8 = b'b';
pub(super) const ALERT_RUNS: u8 = b'x';
pub(super) const COSTS: u8 = b'w';

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Meta {
    pub(super) format: u32,
    pub(super) key_rule: u32,
    /// Behind the last applied record of each series.
    pub(super) runs: Position,
    pub(super) samples: Position,
    /// The last applied record of `runs` and its checksum: proves that index and journal belong together.
    pub(super) last: Option<(Position, u32)>,
    /// Highest id ever given out.
    pub(super) last_id: u64,
    /// Runs that are kept.
    pub(super) total: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) start: Position,
    pub(super) finish: Option<Position>,
    pub(super) edit: Option<Position>,
    pub(super) amend: Option<Position>,
    /// The last change of state before the end.
    pub(super) phase: Option<Position>,
    /// The start again, with the text that followed.
    pub(super) text: Option<Position>,
    pub(super) started_at_ms: i64,
    pub(super) cover: Cover,
    /// How many chunks and batches of points there are.
    pub(super) chunks: u32,
    /// Samples and points in them.
    pub(super) rows: u64,
    /// Finishes, amendments, edits and texts.
    pub(super) changes: u32,
}

/// What a scan sees without reading the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cover {
    /// Empty under `k`, whose key says it.
    pub(super) key: String,
    pub(super) state: State,
    pub(super) exit_code: Option<i32>,
    pub(super) duration_ms: Option<u64>,
    pub(super) no_baseline: bool,
    pub(super) actor: ActorKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum State {
    Running,
    Finished,
    Lost,
    Stopped,
    Background,
    Left,
}

impl State {
    pub(super) fn is_open(self) -> bool {
        RunState::from(self).is_open()
    }
}

impl From<Phase> for State {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Running => Self::Running,
            Phase::Stopped => Self::Stopped,
            Phase::Background => Self::Background,
        }
    }
}

impl From<State> for RunState {
    fn from(state: State) -> Self {
        match state {
            State::Running => Self::Running,
            State::Finished => Self::Finished,
            State::Lost => Self::Lost,
            State::Stopped => Self::Stopped,
            State::Background => Self::Background,
            State::Left => Self::Left,
        }
    }
}

impl Cover {
    pub(super) fn row(self, cursor: Cursor) -> Row {
        Row {
            cursor,
            key: self.key,
            state: self.state.into(),
            exit_code: self.exit_code,
            duration_ms: self.duration_ms,
            no_baseline: self.no_baseline,
            actor: self.actor,
        }
    }
}

impl Entry {
    pub(super) fn cursor(&self, id: u64) -> Cursor {
        Cursor { started_at: UnixMillis(self.started_at_ms), id }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Chunk {
    pub(super) at: Position,
    pub(super) is_posted: bool,
    pub(super) rows: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AlertRow {
    pub(super) at: Position,
    pub(super) run: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cost {
    pub(super) cpu_ns: u64,
    pub(super) process_began_ms: i64,
}

pub(super) fn id_key(table: u8, id: u64) -> Vec<u8> {
    [&[table][..], &id.to_be_bytes()].concat()
}

pub(super) fn uid_key(table: u8, uid: Ulid) -> Vec<u8> {
    [&[table][..], &uid.to_bytes()].concat()
}

pub(super) fn time_key(cursor: Cursor) -> Vec<u8> {
    [&[TIMES][..], &order(cursor.started_at), &cursor.id.to_be_bytes()].concat()
}

pub(super) fn key_prefix(key: &str) -> Vec<u8> {
    [&[KEYS][..], &(key.len() as u16).to_be_bytes(), key.as_bytes()].concat()
}

pub(super) fn key_key(key: &str, cursor: Cursor) -> Vec<u8> {
    [&key_prefix(key)[..], &order(cursor.started_at), &cursor.id.to_be_bytes()].concat()
}

/// The cursor at the end of a `t` or `k` key.
pub(super) fn cursor_of(key: &[u8]) -> Option<Cursor> {
    let (rest, id) = key.split_last_chunk()?;
    let (_, at) = rest.split_last_chunk()?;
    Some(Cursor { started_at: instant(*at), id: u64::from_be_bytes(*id) })
}

/// The id at the end of an `r`, `o` or `d` key.
pub(super) fn id_of(key: &[u8]) -> Option<u64> {
    key.last_chunk().map(|id| u64::from_be_bytes(*id))
}

pub(super) fn chunk_key(id: u64, nth: u32) -> Vec<u8> {
    [&id_key(CHUNKS, id)[..], &nth.to_be_bytes()].concat()
}

pub(super) fn alert_key(fired_at: UnixMillis, uid: Ulid) -> Vec<u8> {
    [&[ALERTS][..], &order(fired_at), &uid.to_bytes()].concat()
}

pub(super) fn alert_run_key(run: u64, uid: Ulid) -> Vec<u8> {
    [&id_key(ALERT_RUNS, run)[..], &uid.to_bytes()].concat()
}

pub(super) fn cost_key(at: UnixMillis) -> Vec<u8> {
    [&[COSTS][..], &order(at)].concat()
}

/// The instant at the end of a `w` key.
pub(super) fn instant_of(key: &[u8]) -> Option<UnixMillis> {
    key.last_chunk().map(|at| instant(*at))
}

/// Bytes whose order is the order of time, before 1970 too.
pub(super) fn order(at: UnixMillis) -> [u8; 8] {
    (at.0 ^ i64::MIN).to_be_bytes()
}

pub(super) fn instant(bytes: [u8; 8]) -> UnixMillis {
    UnixMillis(i64::from_be_bytes(bytes) ^ i64::MIN)
}

pub(super) fn written(row: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    postcard::to_stdvec(row).map_err(|error| StoreError::Index(error.to_string()))
}

pub(super) fn parsed<T: DeserializeOwned>(row: &[u8]) -> Result<T, StoreError> {
    postcard::from_bytes(row).map_err(|error| StoreError::Index(format!("a row does not read: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_keys_is_started_at_then_id() {
        let cursors = [(-5, 9), (0, 1), (1, 3), (1, 4), (1_714_980_000_000, 2)]
            .map(|(at, id)| Cursor { started_at: UnixMillis(at), id });
        let keys = cursors.map(time_key);
        assert!(keys.is_sorted());
        assert_eq!(keys.map(|key| cursor_of(&key)), cursors.map(Some));
    }

    #[test]
    fn a_command_key_that_begins_another_has_its_own_runs() {
        let cursor = Cursor { started_at: UnixMillis(1), id: 1 };
        assert!(!key_key("abc", cursor).starts_with(&key_prefix("ab")));
    }
}

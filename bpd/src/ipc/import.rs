//! Lines of a shell's history become runs: masked like any line, marked as imported, and only where bp does not know
//! them already.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use std::time::Duration;

use bp_proto::event::{Draft, Source};
use bp_proto::report::Imported;
use bp_proto::request::{HistoryLine, MAX_IMPORTED_AT_ONCE};
use bp_proto::{Failure, Start, UnixMillis};

use super::answer::{Room, durable, inquire, kept, send};
use crate::event::{Body, Receipt};
use crate::queries::Queries;
use crate::store::{Cursor, Reader, Row, StoreError, Within};
use crate::typed::{self, Typed};

/// A history has seconds, and a shell takes its time between Enter and writing one down.
const SAME_MOMENT: Duration = Duration::from_secs(2);

/// More lines than this within [`SAME_MOMENT`] come from a program.
const MAX_IN_A_MOMENT: usize = 200;

/// Rows that are taken from the index at a time.
const ROWS_AT_ONCE: usize = 256;

/// What one client's import has seen so far. Lives as long as its connection.
#[derive(Debug, Default)]
pub(super) struct Import {
    /// How often a line was recorded as it was typed, by shell and text: those that no line of this import stands for
    /// yet. `None` until an undated line comes.
    typed: Option<HashMap<u64, u32>>,
    /// Recorded runs for which a dated line of this import stands.
    matched: HashMap<u64, u32>,
}

/// Takes what is new; the rest is counted.
pub(super) async fn take_in(
    room: &Arc<Room>,
    import: &mut Import,
    lines: Vec<HistoryLine>,
) -> Result<Imported, Failure> {
    if lines.len() > MAX_IMPORTED_AT_ONCE {
        let why = format!("{} lines at once, more than {MAX_IMPORTED_AT_ONCE}", lines.len());
        return Err(Failure::new("too_many_lines", why));
    }
    let mut imported = Imported::default();
    let mut wanted = Vec::new();
    for line in lines {
        // A duration without a start says nothing.
        let took = line.took.filter(|_| line.started_at.is_some());
        let is_look = typed::classify(&line.command) == Typed::Look;
        let start = kept(room, begun(line))?;
        imported.looks += u64::from(is_look);
        imported.ignored += u64::from(!is_look && start.draft.is_ignored());
        if is_look || start.draft.is_ignored() || start.draft.command.is_none() {
            imported.left_out += 1;
        } else {
            wanted.push(Wanted { start, took });
        }
    }
    let mut state = std::mem::take(import);
    let (new, known, state) = inquire(room, |queries, _| {
        let (new, known) = state.unknown(queries, wanted)?;
        Ok((new, known, state))
    })
    .await?;
    *import = state;
    imported.known += known;
    let mut outcomes = Vec::with_capacity(new.len());
    for Wanted { start, took } in new {
        let is_undated = start.draft.started_at == UnixMillis::UNDATED;
        outcomes.push((is_undated, send(room, Body::Import { start: Box::new(start), took }).await?));
    }
    for (is_undated, outcome) in outcomes {
        if let Receipt::Started { known: true, .. } = durable(outcome).await? {
            imported.known += 1;
        } else {
            imported.taken += 1;
            imported.undated += u64::from(is_undated);
        }
    }
    Ok(imported)
}

struct Wanted {
    start: Start,
    took: Option<Duration>,
}

fn begun(line: HistoryLine) -> Start {
    Start {
        uid: line.uid,
        draft: Draft {
            command: Some(line.command),
            host: line.host,
            shell: Some(line.shell),
            started_at: line.started_at.unwrap_or(UnixMillis::UNDATED),
            source: Source::Import,
            ..Draft::default()
        },
        owner: None,
        under: None,
        parent: None,
        context: None,
    }
}

impl Import {
    /// Those that were neither imported before nor recorded when they were typed, and how many were.
    fn unknown(&mut self, queries: &Queries, wanted: Vec<Wanted>) -> Result<(Vec<Wanted>, u64), Failure> {
        let reader = queries.reader();
        let all = wanted.len();
        let mut new = Vec::new();
        for wanted in wanted {
            let draft = &wanted.start.draft;
            let is_known = reader.is_registered(wanted.start.uid).map_err(|error| failed(&error))?
                || match draft.started_at.dated() {
                    Some(at) => self.is_recorded(reader, draft, at).map_err(|error| failed(&error))?,
                    None => self.takes_typed(reader, draft).map_err(|error| failed(&error))?,
                };
            if !is_known {
                new.push(wanted);
            }
        }
        let known = all - new.len();
        Ok((new, known as u64))
    }

    /// Whether the line was recorded in that shell about then.
    fn is_recorded(&mut self, reader: &Reader, draft: &Draft, at: UnixMillis) -> Result<bool, StoreError> {
        let from = at.minus(SAME_MOMENT);
        let end = Cursor { started_at: at.plus(SAME_MOMENT).plus(Duration::from_millis(1)), id: 0 };
        for row in reader.rows(&Within::All, Some(end), MAX_IN_A_MOMENT)? {
            if row.cursor.started_at < from {
                break;
            }
            if typed_text(reader, &row, draft.shell.as_deref())? == draft.command {
                *self.matched.entry(hash(draft)).or_default() += 1;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a run that was recorded as it was typed stands for this undated line. Each stands for one line only, so
    /// that of equal lines those beyond the recorded ones are new.
    fn takes_typed(&mut self, reader: &Reader, draft: &Draft) -> Result<bool, StoreError> {
        let typed = match &mut self.typed {
            Some(typed) => typed,
            none => none.insert(typed_counts(reader, draft.shell.as_deref(), &self.matched)?),
        };
        Ok(match typed.get_mut(&hash(draft)) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            _ => false,
        })
    }
}

/// How often each text was recorded as it was typed in that shell, without those that dated lines stand for.
fn typed_counts(
    reader: &Reader,
    shell: Option<&str>,
    matched: &HashMap<u64, u32>,
) -> Result<HashMap<u64, u32>, StoreError> {
    let mut counts: HashMap<u64, u32> = HashMap::new();
    let mut before = None;
    loop {
        let rows = reader.rows(&Within::All, before, ROWS_AT_ONCE)?;
        let Some(last) = rows.last() else { break };
        before = Some(last.cursor);
        for row in &rows {
            if let Some(text) = typed_text(reader, row, shell)? {
                *counts.entry(hash_of(shell, Some(&text))).or_default() += 1;
            }
        }
    }
    for (hash, taken) in matched {
        if let Some(count) = counts.get_mut(hash) {
            *count = count.saturating_sub(*taken);
        }
    }
    Ok(counts)
}

/// The text of a run that was recorded as it was typed in that shell.
fn typed_text(reader: &Reader, row: &Row, shell: Option<&str>) -> Result<Option<String>, StoreError> {
    // Those that were imported, and those without a text, are no baseline.
    if row.no_baseline {
        return Ok(None);
    }
    let run = reader.get(row.cursor.id)?.filter(|run| !run.imported && run.shell.as_deref() == shell);
    Ok(run.and_then(|run| run.command))
}

fn hash(draft: &Draft) -> u64 {
    hash_of(draft.shell.as_deref(), draft.command.as_deref())
}

fn hash_of(shell: Option<&str>, text: Option<&str>) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one((shell, text))
}

fn failed(error: &StoreError) -> Failure {
    tracing::error!(error = error as &dyn std::error::Error, "an import failed");
    Failure::new("store_failed", "the store cannot be read, see the bpd log")
}

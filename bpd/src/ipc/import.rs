//! Lines of a shell's history become runs: masked like any line, marked as imported, and only where bp does not know
//! them already.

use std::sync::Arc;
use std::time::Duration;

use bp_proto::event::{Draft, Source};
use bp_proto::report::Imported;
use bp_proto::request::{HistoryLine, MAX_IMPORTED_AT_ONCE};
use bp_proto::{Failure, Start, UnixMillis};

use super::answer::{Room, durable, inquire, kept, send};
use crate::event::{Body, Receipt};
use crate::queries::{Known, Queries};
use crate::typed::{self, Typed};

/// What one client's import has seen so far. Lives as long as its connection.
#[derive(Debug, Default)]
pub(super) struct Import {
    known: Known,
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
    let mut state = std::mem::take(&mut import.known);
    let (new, known, state) = inquire(room, |queries, _| {
        let (new, known) = unknown(queries, &mut state, wanted)?;
        Ok((new, known, state))
    })
    .await?;
    import.known = state;
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

/// Those that were neither imported before nor recorded when they were typed, and how many were.
fn unknown(queries: &Queries, known: &mut Known, wanted: Vec<Wanted>) -> Result<(Vec<Wanted>, u64), Failure> {
    let all = wanted.len();
    let mut new = Vec::new();
    for wanted in wanted {
        if !known.has(queries, &wanted.start).map_err(|no| no.failure)? {
            new.push(wanted);
        }
    }
    let count = all - new.len();
    Ok((new, count as u64))
}

//! Lines of a shell's history become runs: masked like any line, marked as imported, and only where bp does not know
//! them already.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bp_proto::event::{Draft, Source};
use bp_proto::report::Imported;
use bp_proto::request::{HistoryLine, ListQuery, MAX_IMPORTED_AT_ONCE};
use bp_proto::{Failure, Start, UnixMillis};

use super::answer::{Room, durable, inquire, kept, send};
use crate::event::{Body, Receipt};
use crate::queries::Queries;
use crate::typed::{self, Typed};

/// A history has seconds, and a shell takes its time between Enter and writing one down.
const SAME_MOMENT: Duration = Duration::from_secs(2);

/// Who types faster has a program do it.
const MAX_IN_A_MOMENT: u32 = 200;

/// Among so many of the newest runs one that was typed in that shell is looked for.
const NEWEST: u32 = 500;

/// Takes what is new; the rest is counted.
pub(super) async fn take_in(room: &Arc<Room>, lines: Vec<HistoryLine>) -> Result<Imported, Failure> {
    if lines.len() > MAX_IMPORTED_AT_ONCE {
        let why = format!("{} lines at once, more than {MAX_IMPORTED_AT_ONCE}", lines.len());
        return Err(Failure::new("too_many_lines", why));
    }
    let mut imported = Imported::default();
    let mut wanted = Vec::new();
    for line in lines {
        let took = line.took;
        let undated = line.started_at.is_none();
        let is_look = typed::classify(&line.command) == Typed::Look;
        let start = kept(room, begun(line))?;
        if is_look || start.draft.is_ignored() || start.draft.command.is_none() {
            imported.left_out += 1;
        } else {
            wanted.push(Wanted { start, took, undated });
        }
    }
    let (new, known) = inquire(room, |queries, _| Ok(unknown(queries, wanted))).await?;
    imported.known += known;
    let mut outcomes = Vec::with_capacity(new.len());
    for Wanted { start, took, .. } in new {
        outcomes.push(send(room, Body::Import { start: Box::new(start), took }).await?);
    }
    for outcome in outcomes {
        match durable(outcome).await? {
            Receipt::Started { known: true, .. } => imported.known += 1,
            _ => imported.taken += 1,
        }
    }
    Ok(imported)
}

struct Wanted {
    start: Start,
    took: Option<Duration>,
    undated: bool,
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

/// Those that were not recorded when they were typed, and how many were. Of a line without a date nobody can tell: it is
/// taken only before anything was recorded in that shell.
fn unknown(queries: &Queries, wanted: Vec<Wanted>) -> (Vec<Wanted>, u64) {
    let shells = recorded_shells(queries);
    if shells.is_empty() {
        return (wanted, 0);
    }
    let all = wanted.len();
    let new: Vec<Wanted> = wanted
        .into_iter()
        .filter(|Wanted { start, undated, .. }| {
            if *undated {
                start.draft.shell.as_ref().is_none_or(|shell| !shells.contains(shell))
            } else {
                !is_recorded(queries, &start.draft)
            }
        })
        .collect();
    let known = all - new.len();
    (new, known as u64)
}

/// Shells in which something was recorded as it was typed.
fn recorded_shells(queries: &Queries) -> HashSet<String> {
    let query = ListQuery { limit: Some(NEWEST), ..ListQuery::default() };
    let listed = queries.list(&query, UnixMillis::now()).map(|page| page.runs).unwrap_or_default();
    listed.into_iter().filter(|run| !run.imported).filter_map(|run| run.shell).collect()
}

fn is_recorded(queries: &Queries, draft: &Draft) -> bool {
    let query = ListQuery {
        limit: Some(MAX_IN_A_MOMENT),
        since: Some(draft.started_at.minus(SAME_MOMENT)),
        until: Some(draft.started_at.plus(SAME_MOMENT)),
        ..ListQuery::default()
    };
    let listed = queries.list(&query, UnixMillis::now()).map(|page| page.runs).unwrap_or_default();
    listed.iter().any(|run| !run.imported && run.shell == draft.shell && run.command == draft.command)
}

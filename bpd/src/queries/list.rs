//! The list of runs: filters, pages, and where the next one begins.

use bp_proto::request::ListQuery;
use bp_proto::search::fold;
use bp_proto::{Run, UnixMillis};

use super::no_answer::Sentence;
use super::scan::{Scope, place, read_cursor, write_cursor};
use super::search::{Filter, Test, Who, directory};
use super::times::{Clock, Span};
use super::{NoAnswer, Queries};
use crate::store::{Cursor, Within};

const USUAL_LIMIT: u32 = 50;
const MOST_LISTED: u32 = 500;

/// One page of a list.
#[derive(Clone, Debug)]
pub struct Page {
    pub runs: Vec<Run>,
    /// The cursor of the next page; `None` = this is the last. A page that has a next one is full: what matches little
    /// is looked for in all runs.
    pub next: Option<String>,
}

pub(super) fn list(queries: &Queries, query: &ListQuery, now: UnixMillis) -> Result<Page, NoAnswer> {
    let limit = limit(query.limit)?;
    let filter = filter(query, now)?;
    let before = query.before.as_deref().map(|text| before(queries, text)).transpose()?;
    let scope = Scope { within: within(query), before }.narrowed_to(&filter);
    let lang = queries.lang(query.lang.as_deref());

    let mut runs: Vec<Run> = Vec::new();
    let mut next = None;
    scope.walk_all(queries, |row| {
        if filter.ends_at(row) {
            return Ok(false);
        }
        if let Some(run) = queries.matching(&filter, row, now)? {
            if runs.len() == limit {
                next = runs.last().map(place);
                return Ok(false);
            }
            runs.push(run);
        }
        Ok(true)
    })?;
    let complete = |run| queries.derive.complete(run, lang, now);
    let runs = runs.into_iter().map(complete).collect::<Result<_, _>>()?;
    Ok(Page { runs, next: next.map(write_cursor) })
}

/// Where a page begins: a cursor, or behind the run of that id.
fn before(queries: &Queries, text: &str) -> Result<Cursor, NoAnswer> {
    let id = text.parse().ok();
    match id.map(|id| queries.reader.row(id)).transpose()?.flatten() {
        Some(row) => Ok(row.cursor),
        None => read_cursor(text),
    }
}

fn limit(asked: Option<u32>) -> Result<usize, NoAnswer> {
    match asked.unwrap_or(USUAL_LIMIT) {
        limit @ 1..=MOST_LISTED => Ok(limit as usize),
        limit => Err(NoAnswer::invalid(too_many(limit, MOST_LISTED), Sentence::plain("pages"))),
    }
}

pub(super) fn too_many(limit: u32, most: u32) -> Sentence {
    Sentence::new("limit", [("limit", &limit.to_string()), ("most", &most.to_string())])
}

/// The index that holds the fewest rows to go through.
fn within(query: &ListQuery) -> Within {
    match (&query.key, query.state) {
        (Some(key), _) => Within::Key(key.to_ascii_lowercase()),
        (None, Some(state)) if state.is_open() => Within::Running,
        _ => Within::All,
    }
}

fn filter(query: &ListQuery, now: UnixMillis) -> Result<Filter, NoAnswer> {
    let q = query.q.as_deref().unwrap_or_default();
    let mut filter = match &query.zone {
        None => Filter::parse(q, now)?,
        Some(zone) => {
            let clock = Clock::asked(now, zone)?;
            Filter::parse_at(q, &clock)?
        }
    };
    let started = (query.since.is_some() || query.until.is_some())
        .then_some(Span { first: query.since, last: query.until });
    let cwd = query.cwd.as_deref().map(|cwd| {
        directory(cwd).ok_or_else(|| NoAnswer::invalid(Sentence::plain("cwd"), Sentence::plain("cwd")))
    });
    let tests = [
        cwd.transpose()?.map(Test::Cwd),
        query.state.map(Test::State),
        query.exit.map(Test::Exit),
        query.tag.as_deref().map(fold).map(Test::Tag),
        query.actor.as_deref().map(Who::asked).transpose()?.map(Test::Actor),
        started.map(Test::Started),
    ];
    tests.into_iter().flatten().for_each(|test| filter.and(test));
    Ok(filter)
}

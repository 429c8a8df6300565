//! Selectors: how a run is named wherever one is named.

use bp_proto::{Run, RunState, UnixMillis};

use super::derive::is_good;
use super::no_answer::Sentence;
use super::scan::{MOST_ROWS, Scope, place};
use super::search::Filter;
use super::{NoAnswer, Queries};
use crate::store::{Row, Within};

/// Candidates that a refusal names.
const CANDIDATES: usize = 3;
/// Characters of a command in a hint.
const HINT_CHARS: usize = 40;
const ULID_CHARS: usize = 26;

#[derive(Clone, Debug, PartialEq)]
struct Selector {
    base: Base,
    /// Steps further in the same direction.
    back: usize,
}

#[derive(Clone, Debug, PartialEq)]
enum Base {
    Id(u64),
    UlidPrefix(String),
    /// The newest of those.
    Newest(Newest),
    /// By duration, of the successful ones.
    Slowest,
    Fastest,
    Median,
}

#[derive(Clone, Debug, PartialEq)]
enum Newest {
    Any,
    Success,
    Failed,
    Running,
    Matching(Filter),
}

/// Where a selector looks.
#[derive(Clone, Copy, Debug)]
pub(super) enum Field<'a> {
    /// Every run.
    All,
    /// What may be the baseline of this run: of its key, before it.
    BaselineOf(&'a Run),
}

impl Field<'_> {
    fn scope(self) -> Scope {
        match self {
            Self::All => Scope::all(),
            Self::BaselineOf(run) => Scope { within: Within::Key(run.key.clone()), before: Some(place(run)) },
        }
    }

    fn admits(self, row: &Row) -> bool {
        match self {
            Self::All => true,
            Self::BaselineOf(run) => {
                row.state == RunState::Finished && !row.no_baseline && row.cursor.id != run.id
            }
        }
    }

    /// Of the runs that a word such as `latest-success` may mean, those by people, by agents and by CI are measured
    /// among themselves.
    fn is_like(self, row: &Row) -> bool {
        match self {
            Self::All => true,
            Self::BaselineOf(run) => row.actor == run.actor.kind(),
        }
    }
}

/// The run that `text` names, as recorded.
///
/// # Errors
/// 404 with candidates, 409 for an ambiguous prefix, 422 for a search that is not understood.
pub(super) fn select(
    queries: &Queries,
    text: &str,
    field: Field<'_>,
    now: UnixMillis,
) -> Result<Run, NoAnswer> {
    let text = text.trim();
    let Some(selector) = parse(text, now)? else {
        let shown: String = text.chars().take(80).collect();
        return Err(NoAnswer::not_found(
            Sentence::new("selector", [("selector", &format!("{shown:?}"))]),
            Sentence::plain("selectors"),
        ));
    };
    let id = match &selector.base {
        Base::Id(id) => step_back(queries, *id, selector.back, field)?,
        Base::UlidPrefix(prefix) => match by_prefix(queries, prefix)? {
            Some(id) => step_back(queries, id, selector.back, field)?,
            None => None,
        },
        Base::Newest(newest) => newest_id(queries, newest, selector.back, field, now)?,
        Base::Slowest | Base::Fastest | Base::Median => ranked(queries, &selector, field)?,
    };
    if let (Some(id), Field::BaselineOf(run)) = (id, field)
        && id == run.id
    {
        let message = Sentence::new("own-baseline", [("run", &id.to_string())]);
        return Err(NoAnswer::not_found(message, candidates(queries, field)?));
    }
    let run = id.map(|id| queries.reader.get(id)).transpose()?.flatten();
    match run {
        Some(run) => Ok(run),
        None => Err(missing(queries, text, field)?),
    }
}

fn missing(queries: &Queries, text: &str, field: Field<'_>) -> Result<NoAnswer, NoAnswer> {
    let message = match field {
        Field::All => Sentence::new("run", [("selector", text)]),
        Field::BaselineOf(run) => {
            Sentence::new("baseline", [("selector", text), ("run", &run.id.to_string())])
        }
    };
    Ok(NoAnswer::not_found(message, candidates(queries, field)?))
}

/// `None` = it has the form of no selector.
fn parse(text: &str, now: UnixMillis) -> Result<Option<Selector>, NoAnswer> {
    let (base, back) = match text.rsplit_once('~') {
        Some((base, steps)) if !base.is_empty() && steps.bytes().all(|byte| byte.is_ascii_digit()) => {
            // A bare `~` is one step; one too large for a number steps before everything.
            (base, if steps.is_empty() { 1 } else { steps.parse().unwrap_or(usize::MAX) })
        }
        _ => (text, 0),
    };
    let base = match base {
        "latest" => Base::Newest(Newest::Any),
        "latest-success" => Base::Newest(Newest::Success),
        "latest-failed" => Base::Newest(Newest::Failed),
        "running" => Base::Newest(Newest::Running),
        "slowest" => Base::Slowest,
        "fastest" => Base::Fastest,
        "median" => Base::Median,
        _ => match other_base(base, now)? {
            Some(base) => base,
            None => return Ok(None),
        },
    };
    Ok(Some(Selector { base, back }))
}

fn other_base(text: &str, now: UnixMillis) -> Result<Option<Base>, NoAnswer> {
    if let Some(search) = text.strip_prefix("latest{").and_then(|rest| rest.strip_suffix('}')) {
        return Ok(Some(Base::Newest(Newest::Matching(Filter::parse(search, now)?))));
    }
    if let Some(tag) = text.strip_prefix('@').filter(|tag| !tag.is_empty()) {
        let mut filter = Filter::default();
        filter.and(super::search::Test::Tag(tag.to_owned()));
        return Ok(Some(Base::Newest(Newest::Matching(filter))));
    }
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than any id: no run has it.
        return Ok(text.parse().ok().map(Base::Id));
    }
    // Crockford's alphabet leaves out I, L, O and U.
    let crockford = |byte: u8| {
        byte.is_ascii_alphanumeric() && !matches!(byte.to_ascii_uppercase(), b'I' | b'L' | b'O' | b'U')
    };
    let is_prefix = (1..=ULID_CHARS).contains(&text.len()) && text.bytes().all(crockford);
    Ok(is_prefix.then(|| Base::UlidPrefix(text.to_owned())))
}

fn by_prefix(queries: &Queries, prefix: &str) -> Result<Option<u64>, NoAnswer> {
    let ids = queries.reader.ids_by_prefix(prefix, CANDIDATES + 1)?;
    if ids.len() > 1 {
        let shown: Vec<String> = ids.iter().take(CANDIDATES).map(ToString::to_string).collect();
        let more = if ids.len() > CANDIDATES { ", …" } else { "" };
        let hint = Sentence::new("ambiguous", [("ids", &format!("{}{more}", shown.join(", ")))]);
        return Err(NoAnswer::ambiguous(Sentence::new("ambiguous", [("prefix", prefix)]), hint));
    }
    Ok(ids.first().copied())
}

/// The run that began `back` runs before run `id`.
fn step_back(queries: &Queries, id: u64, back: usize, field: Field<'_>) -> Result<Option<u64>, NoAnswer> {
    if back == 0 {
        return Ok(Some(id));
    }
    let Some(run) = queries.reader.get(id)? else { return Ok(None) };
    let scope = Scope { before: Some(place(&run)), ..field.scope() };
    nth(queries, &scope, back - 1, |row| Ok(field.admits(row)))
}

fn newest_id(
    queries: &Queries,
    newest: &Newest,
    back: usize,
    field: Field<'_>,
    now: UnixMillis,
) -> Result<Option<u64>, NoAnswer> {
    let mut scope = field.scope();
    if *newest == Newest::Running && matches!(field, Field::All) {
        scope.within = Within::Running;
    }
    nth(queries, &scope, back, |row| {
        // Whoever searches says whose.
        let like = matches!(newest, Newest::Matching(_)) || field.is_like(row);
        if !field.admits(row) || !like {
            return Ok(false);
        }
        match newest {
            Newest::Any => Ok(true),
            Newest::Success => Ok(row.state == RunState::Finished && row.exit_code == Some(0)),
            Newest::Failed => {
                Ok(row.state == RunState::Finished && row.exit_code.is_some_and(|code| code != 0))
            }
            Newest::Running => Ok(row.state.is_open()),
            Newest::Matching(filter) if !filter.may_hold(row) => Ok(false),
            Newest::Matching(filter) => match queries.reader.get(row.cursor.id)? {
                Some(run) => filter.holds(&run, now, || queries.derive.stats(&run, now)),
                None => Ok(false),
            },
        }
    })
}

fn nth(
    queries: &Queries,
    scope: &Scope,
    skip: usize,
    mut wanted: impl FnMut(&Row) -> Result<bool, NoAnswer>,
) -> Result<Option<u64>, NoAnswer> {
    let mut left = skip;
    let mut found = None;
    scope.walk(&queries.reader, MOST_ROWS, |row| {
        if !wanted(row)? {
            return Ok(true);
        }
        if left == 0 {
            found = Some(row.cursor.id);
            return Ok(false);
        }
        left -= 1;
        Ok(true)
    })?;
    Ok(found)
}

/// Of the newest [`MOST_ROWS`] runs. What failed is neither fast nor slow.
fn ranked(queries: &Queries, selector: &Selector, field: Field<'_>) -> Result<Option<u64>, NoAnswer> {
    let mut lasted: Vec<(u64, u64)> = Vec::new();
    field.scope().walk(&queries.reader, MOST_ROWS, |row| {
        if is_good(row) && field.admits(row) && field.is_like(row) {
            lasted.extend(row.duration_ms.map(|ms| (ms, row.cursor.id)));
        }
        Ok(true)
    })?;
    lasted.sort_unstable();
    let at = match selector.base {
        Base::Slowest => lasted.len().checked_sub(1).and_then(|last| last.checked_sub(selector.back)),
        Base::Fastest => Some(selector.back),
        _ => (lasted.len() / 2).checked_sub(selector.back),
    };
    Ok(at.and_then(|at| lasted.get(at)).map(|(_, id)| *id))
}

/// The beginning of a command, in one line.
fn in_hint(command: &str) -> String {
    let visible = |c: char| if c.is_control() { c.escape_debug().to_string() } else { c.to_string() };
    command.chars().take(HINT_CHARS).map(visible).collect()
}

/// What the caller may have meant: the newest runs of the field.
fn candidates(queries: &Queries, field: Field<'_>) -> Result<Sentence, NoAnswer> {
    let mut ids = Vec::new();
    field.scope().walk(&queries.reader, MOST_ROWS, |row| {
        if field.admits(row) {
            ids.push(row.cursor.id);
        }
        Ok(ids.len() < CANDIDATES)
    })?;
    let mut shown = Vec::new();
    for id in ids {
        let command = queries.reader.get(id)?.and_then(|run| run.command);
        shown.push(format!("{id} ({})", in_hint(&command.unwrap_or_default())));
    }
    Ok(match (shown.is_empty(), field) {
        (false, _) => Sentence::new("candidates", [("runs", &shown.join(", "))]),
        (true, Field::All) => Sentence::plain("nothing-recorded"),
        (true, Field::BaselineOf(_)) => Sentence::plain("no-baseline"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_in_a_hint_is_what_was_typed_in_one_line() {
        assert_eq!(in_hint("sh -c 'a \"b\"'\nls\x1b[31m ünlü"), "sh -c 'a \"b\"'\\nls\\u{1b}[31m ünlü");
        assert_eq!(in_hint(&"x".repeat(99)).len(), HINT_CHARS);
    }

    #[test]
    fn selectors_are_told_apart_by_their_form() {
        let parsed = |text| parse(text, UnixMillis(0)).unwrap();
        let of = |base, back| Some(Selector { base, back });
        assert_eq!(parsed("12"), of(Base::Id(12), 0));
        assert_eq!(parsed("12~3"), of(Base::Id(12), 3));
        assert_eq!(parsed("latest~"), of(Base::Newest(Newest::Any), 1));
        assert_eq!(parsed("latest-success~2"), of(Base::Newest(Newest::Success), 2));
        assert_eq!(parsed("01ARZ3"), of(Base::UlidPrefix("01ARZ3".to_owned()), 0));
        assert_eq!(parsed("slowest"), of(Base::Slowest, 0));
        assert!(matches!(
            parsed("@a~b"),
            Some(Selector { base: Base::Newest(Newest::Matching(_)), back: 0 })
        ));
        assert!(matches!(
            parsed("latest{exit:0 x~y}~1"),
            Some(Selector { base: Base::Newest(Newest::Matching(_)), back: 1 })
        ));
        for nothing in ["", "~1", "@", "hello", "-1", "99999999999999999999999", "latest{", "é"] {
            assert_eq!(parsed(nothing), None, "{nothing}");
        }
        assert_eq!(parse("latest{x:1}", UnixMillis(0)).unwrap_err().status, 422);
    }
}

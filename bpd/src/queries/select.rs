//! Selectors: how a run is named wherever one is named.

use bp_proto::search::fold;
use bp_proto::{Run, RunState, UnixMillis};

use super::derive::is_good;
use super::no_answer::Sentence;
use super::scan::{Scope, place};
use super::search::{self, Filter};
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
    /// The newest of those that match.
    Newest(Newest, Option<Filter>),
    /// By duration, of the successful ones that match.
    Ranked(Rank, Option<Filter>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rank {
    Slowest,
    Fastest,
    Median,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Newest {
    Any,
    Success,
    Failed,
    Running,
}

/// Where a selector looks.
#[derive(Clone, Copy, Debug)]
pub(super) enum Field<'a> {
    /// Every run.
    All,
    /// What may be the baseline of this run: of its key, before it.
    BaselineOf(&'a Run),
    /// What this run may be the baseline of: of its key, after it.
    After(&'a Run),
}

impl Field<'_> {
    fn scope(self) -> Scope {
        match self {
            Self::All => Scope::all(),
            Self::BaselineOf(run) => Scope { within: Within::Key(run.key.clone()), before: Some(place(run)) },
            Self::After(run) => Scope { within: Within::Key(run.key.clone()), before: None },
        }
    }

    fn admits(self, row: &Row) -> bool {
        match self {
            Self::All => true,
            Self::BaselineOf(run) => {
                row.state == RunState::Finished && !row.no_baseline && row.cursor.id != run.id
            }
            Self::After(run) => row.cursor > place(run),
        }
    }

    /// Of the runs that a word such as `latest-success` may mean, those by people, by agents and by CI are measured
    /// among themselves.
    fn is_like(self, row: &Row) -> bool {
        match self {
            Self::All => true,
            Self::BaselineOf(run) | Self::After(run) => row.actor == run.actor.kind(),
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
        Base::Newest(newest, filter) => {
            let chosen = Chosen { field, filter: filter.as_ref(), now };
            newest_id(queries, *newest, selector.back, chosen)?
        }
        Base::Ranked(rank, filter) => {
            let chosen = Chosen { field, filter: filter.as_ref(), now };
            ranked(queries, *rank, selector.back, chosen)?
        }
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
        None => Err(missing(queries, &search::without_zone(text), field)?),
    }
}

fn missing(queries: &Queries, text: &str, field: Field<'_>) -> Result<NoAnswer, NoAnswer> {
    let message = match field {
        // A number or a ULID names one run, everything else describes it.
        Field::All => {
            let is_name = text.starts_with(|first: char| first.is_ascii_digit());
            Sentence::new(if is_name { "run" } else { "no-run" }, [("selector", text)])
        }
        Field::BaselineOf(run) | Field::After(run) => {
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
    let Some(base) = base_of(base, now)? else { return Ok(None) };
    Ok(Some(Selector { base, back }))
}

fn base_of(text: &str, now: UnixMillis) -> Result<Option<Base>, NoAnswer> {
    let (word, search) = match text.split_once('{') {
        Some((word, rest)) => match rest.strip_suffix('}') {
            Some(search) => (word, Some(search)),
            None => return Ok(None),
        },
        None => (text, None),
    };
    let filter = search.map(|search| Filter::parse(search, now));
    let newest = match word {
        "latest" => Some(Newest::Any),
        "latest-success" => Some(Newest::Success),
        "latest-failed" => Some(Newest::Failed),
        "running" => Some(Newest::Running),
        _ => None,
    };
    if let Some(newest) = newest {
        return Ok(Some(Base::Newest(newest, filter.transpose()?)));
    }
    let rank = match word {
        "slowest" => Some(Rank::Slowest),
        "fastest" => Some(Rank::Fastest),
        "median" => Some(Rank::Median),
        _ => None,
    };
    if let Some(rank) = rank {
        return Ok(Some(Base::Ranked(rank, filter.transpose()?)));
    }
    if let Some(tag) = text.strip_prefix('@').filter(|tag| !tag.is_empty()) {
        let mut filter = Filter::default();
        filter.and(super::search::Test::Tag(fold(tag)));
        return Ok(Some(Base::Newest(Newest::Any, Some(filter))));
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

/// The runs among which a selector's word chooses.
#[derive(Clone, Copy, Debug)]
struct Chosen<'a> {
    field: Field<'a>,
    filter: Option<&'a Filter>,
    now: UnixMillis,
}

impl Chosen<'_> {
    fn scope(&self) -> Scope {
        let scope = self.field.scope();
        self.filter.map_or(scope.clone(), |filter| scope.narrowed_to(filter))
    }

    /// Whether no run after this row can be meant.
    fn ends_at(&self, row: &Row) -> bool {
        self.filter.is_some_and(|filter| filter.ends_at(row))
    }

    fn has(&self, queries: &Queries, row: &Row) -> Result<bool, NoAnswer> {
        if queries.asking.contains(&row.cursor.id) || !self.field.admits(row) {
            return Ok(false);
        }
        match self.filter {
            None => Ok(self.field.is_like(row)),
            // A search says itself whose runs it means.
            Some(filter) => Ok(queries.matching(filter, row, self.now)?.is_some()),
        }
    }
}

fn newest_id(
    queries: &Queries,
    newest: Newest,
    back: usize,
    chosen: Chosen<'_>,
) -> Result<Option<u64>, NoAnswer> {
    let mut scope = chosen.scope();
    if newest == Newest::Running && matches!(chosen.field, Field::All) {
        scope.within = Within::Running;
    }
    let mut left = back;
    let mut found = None;
    scope.walk_all(queries, |row| {
        if chosen.ends_at(row) {
            return Ok(false);
        }
        let is_such = match newest {
            Newest::Any => true,
            Newest::Success => row.state == RunState::Finished && row.exit_code == Some(0),
            Newest::Failed => row.state == RunState::Finished && row.exit_code.is_some_and(|code| code != 0),
            Newest::Running => row.state.is_open(),
        };
        if !is_such || !chosen.has(queries, row)? {
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

fn nth(
    queries: &Queries,
    scope: &Scope,
    skip: usize,
    mut wanted: impl FnMut(&Row) -> Result<bool, NoAnswer>,
) -> Result<Option<u64>, NoAnswer> {
    let mut left = skip;
    let mut found = None;
    scope.walk_all(queries, |row| {
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

/// What failed is neither fast nor slow.
fn ranked(queries: &Queries, rank: Rank, back: usize, chosen: Chosen<'_>) -> Result<Option<u64>, NoAnswer> {
    let mut lasted: Vec<(u64, u64)> = Vec::new();
    chosen.scope().walk_all(queries, |row| {
        if chosen.ends_at(row) {
            return Ok(false);
        }
        if let Some(ms) = row.duration_ms.filter(|_| is_good(row))
            && chosen.has(queries, row)?
        {
            lasted.push((ms, row.cursor.id));
        }
        Ok(true)
    })?;
    lasted.sort_unstable();
    let at = match rank {
        Rank::Slowest => lasted.len().checked_sub(1).and_then(|last| last.checked_sub(back)),
        Rank::Fastest => Some(back),
        Rank::Median => (lasted.len() / 2).checked_sub(back),
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
    field.scope().walk_all(queries, |row| {
        if field.admits(row) && !queries.asking.contains(&row.cursor.id) {
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
        (true, Field::BaselineOf(run) | Field::After(run)) => {
            let command = run.command.as_deref().map_or_else(|| run.key_text.clone(), in_hint);
            Sentence::new("no-baseline", [("command", &command)])
        }
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
        assert_eq!(parsed("latest~"), of(Base::Newest(Newest::Any, None), 1));
        assert_eq!(parsed("latest-success~2"), of(Base::Newest(Newest::Success, None), 2));
        assert_eq!(parsed("01ARZ3"), of(Base::UlidPrefix("01ARZ3".to_owned()), 0));
        assert_eq!(parsed("slowest"), of(Base::Ranked(Rank::Slowest, None), 0));
        for (text, rank) in
            [("slowest{make}", Rank::Slowest), ("median{}", Rank::Median), ("fastest{a b}", Rank::Fastest)]
        {
            let Some(Selector { base: Base::Ranked(found, Some(_)), back: 0 }) = parsed(text) else {
                panic!("{text}")
            };
            assert_eq!(found, rank);
        }
        assert!(matches!(
            parsed("latest-failed{on:today}~"),
            Some(Selector { base: Base::Newest(Newest::Failed, Some(_)), back: 1 })
        ));
        assert!(matches!(
            parsed("@a~b"),
            Some(Selector { base: Base::Newest(Newest::Any, Some(_)), back: 0 })
        ));
        assert!(matches!(
            parsed("latest{exit:0 x~y}~1"),
            Some(Selector { base: Base::Newest(Newest::Any, Some(_)), back: 1 })
        ));
        for nothing in [
            "",
            "~1",
            "@",
            "hello",
            "-1",
            "99999999999999999999999",
            "latest{",
            "é",
            "{make}",
            "12{make}",
            "newest{make}",
        ] {
            assert_eq!(parsed(nothing), None, "{nothing}");
        }
        assert_eq!(parse("latest{x:1}", UnixMillis(0)).unwrap_err().status, 422);
    }
}

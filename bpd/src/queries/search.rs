//! The search language: bare words are parts of the command, `field:value` terms are conditions, `-` in front negates,
//! all must hold. Quotes keep blanks together and make anything a plain word. Hints are written for a shell, and where
//! there is none (the page, a file) single quotes around one whole term mean nothing either.

use std::borrow::Cow;

use bp_proto::search::{FIELDS, fold};
use bp_proto::{Actor, ActorKind, Run, RunState, RunStats, UnixMillis};

use super::NoAnswer;
use super::derive::{is_timeless, lasted};
use super::no_answer::Sentence;
use super::times::{Clock, Span};
use super::value::{Bound, duration_s, mebibytes, percent};
use crate::store::{Cursor, Row};

/// More is no question that a person asked.
const MAX_TERMS: usize = 32;

/// Conditions on a run, all of which must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Filter {
    terms: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq)]
struct Term {
    negated: bool,
    test: Test,
}

/// One condition.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Test {
    /// Part of the command, folded.
    Word(String),
    Exit(i32),
    State(RunState),
    Tag(String),
    /// The beginning of a key's hash.
    Key(String),
    Id(Bound),
    /// That directory or one below it.
    Cwd(String),
    Host(String),
    Shell(String),
    Actor(Who),
    /// A git root, by its path or by its name, folded.
    Project(String),
    /// Folded.
    Branch(String),
    /// The beginning of a commit.
    Commit(String),
    /// A branch, folded, or the beginning of a commit.
    Git(String),
    /// The beginning of a session's name, as in `--json`.
    Session(String),
    /// Seconds.
    Duration(Bound),
    /// Average CPU, percent.
    Cpu(Bound),
    /// Peak memory, MiB.
    Memory(Bound),
    Started(Span),
    Imported(bool),
}

/// Whose runs.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Who {
    Kind(ActorKind),
    /// The agent of this name.
    Agent(String),
}

impl Who {
    /// As the contract writes actors; `agent` alone is any agent.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text == "agent" {
            return Some(Self::Kind(ActorKind::Agent));
        }
        Some(match text.parse().ok()? {
            Actor::Agent(name) => Self::Agent(name),
            other => Self::Kind(other.kind()),
        })
    }

    /// As a door received it in `actor`.
    ///
    /// # Errors
    /// 422 `invalid_query` for what is no actor.
    pub(super) fn asked(text: &str) -> Result<Self, NoAnswer> {
        Self::parse(text).ok_or_else(|| {
            let shown: String = text.chars().take(80).collect();
            let message = Sentence::new("actor", [("actor", &format!("{shown:?}"))]);
            NoAnswer::invalid(message, Sentence::plain("actor"))
        })
    }

    pub(super) fn is(&self, actor: &Actor) -> bool {
        match self {
            Self::Kind(kind) => actor.kind() == *kind,
            Self::Agent(name) => matches!(actor, Actor::Agent(agent) if agent == name),
        }
    }
}

/// `zone:Europe/Istanbul` is no condition: the times in the same search are read in that zone.
const ZONE_FIELD: &str = "zone:";

/// A selector as it was typed: the term that clients add behind the search to name their zone is taken out.
pub(super) fn without_zone(selector: &str) -> Cow<'_, str> {
    let Some((search, rest)) = selector.rsplit_once('}') else { return Cow::Borrowed(selector) };
    match search.rsplit_once(' ') {
        Some((typed, zone)) if zone.starts_with(ZONE_FIELD) => Cow::Owned(format!("{typed}}}{rest}")),
        _ => Cow::Borrowed(selector),
    }
}

impl Filter {
    /// Times are read with the zone of this machine; ages (`since:2h`) count back from `now`.
    ///
    /// # Errors
    /// 422 `invalid_query` that names the term and where it stands.
    pub(super) fn parse(text: &str, now: UnixMillis) -> Result<Self, NoAnswer> {
        Self::parse_at(text, &Clock::here(now))
    }

    /// As [`Filter::parse`], in another zone.
    pub(super) fn parse_at(text: &str, clock: &Clock) -> Result<Self, NoAnswer> {
        let words = split(text);
        if words.len() > MAX_TERMS {
            let counts = [("terms", &*words.len().to_string()), ("most", &MAX_TERMS.to_string())];
            return Err(NoAnswer::invalid(Sentence::new("terms", counts), Sentence::plain("terms")));
        }
        let mut clock = clock.clone();
        let mut rest = Vec::with_capacity(words.len());
        for word in words {
            match word.text.strip_prefix(ZONE_FIELD).filter(|_| word.quoted_from.is_none()) {
                Some(zone) => clock = Clock::asked(clock.now, zone)?,
                None => rest.push(word),
            }
        }
        let terms = rest.into_iter().map(|word| term(&word, &clock)).collect::<Result<_, _>>()?;
        Ok(Self { terms })
    }

    /// One more condition.
    pub(super) fn and(&mut self, test: Test) {
        self.terms.push(Term { negated: false, test });
    }

    /// `false` when the row alone rules the run out; `true` says that only [`Filter::holds`] knows.
    pub(super) fn may_hold(&self, row: &Row) -> bool {
        let is_dated = row.cursor.started_at.dated().is_some();
        self.terms.iter().all(|term| match &term.test {
            test if test.needs_date() && !is_dated => false,
            Test::Exit(code) if term.negated => ended_otherwise(row.state, row.exit_code, *code),
            test => test.of_row(row).is_none_or(|holds| holds != term.negated),
        })
    }

    /// Whether neither this run nor any that comes after it in the order newest first can match.
    pub(super) fn ends_at(&self, row: &Row) -> bool {
        let started = row.cursor.started_at;
        self.spans().any(|span| span.first.is_some_and(|first| started < first))
    }

    /// Where to begin in the order newest first: no run before this place can match.
    pub(super) fn begins_before(&self) -> Option<Cursor> {
        let last = self.spans().filter_map(|span| span.last).min()?;
        Some(Cursor { started_at: UnixMillis(last.0.saturating_add(1)), id: 0 })
    }

    fn spans(&self) -> impl Iterator<Item = Span> {
        self.terms.iter().filter(|term| !term.negated).filter_map(|term| match term.test {
            Test::Started(span) => Some(span),
            _ => None,
        })
    }

    /// Whether `run` matches; `stats` are derived only if a condition asks for them.
    pub(super) fn holds<E>(
        &self,
        run: &Run,
        now: UnixMillis,
        mut stats: impl FnMut() -> Result<Option<RunStats>, E>,
    ) -> Result<bool, E> {
        for term in &self.terms {
            let holds = match &term.test {
                Test::Exit(code) if term.negated => !ended_otherwise(run.state, run.exit_code, *code),
                Test::Cpu(bound) => {
                    stats()?.and_then(|stats| stats.cpu_avg).is_some_and(|value| bound.holds(value))
                }
                Test::Memory(bound) => {
                    stats()?.and_then(|stats| stats.rss_max_mb).is_some_and(|value| bound.holds(value))
                }
                // Of what a shell remembered from before bp mostly nobody knows what it took.
                Test::Duration(_) if (run.imported && run.took.is_none()) || is_timeless(run) => false,
                Test::Duration(bound) => bound.holds(lasted(run, now).as_secs_f64()),
                test => test.of_run(run),
            };
            if holds == term.negated || (run.started_at.is_none() && term.test.needs_date()) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// What `exit:!N` asks for: a run that finished with another known code. A line that ended its shell, one that is lost,
/// one that still runs and one whose status is unknown are no failures.
fn ended_otherwise(state: RunState, exit_code: Option<i32>, than: i32) -> bool {
    state == RunState::Finished && exit_code.is_some_and(|code| code != than)
}

impl Test {
    /// A run without a date matches no condition on its time, nor the opposite of one.
    fn needs_date(&self) -> bool {
        matches!(self, Self::Started(_))
    }

    /// `None` when a row does not tell.
    fn of_row(&self, row: &Row) -> Option<bool> {
        Some(match self {
            Self::Exit(code) => row.exit_code == Some(*code),
            Self::State(state) => row.state == *state,
            Self::Key(prefix) => row.key.starts_with(prefix),
            Self::Id(bound) => bound.holds(row.cursor.id as f64),
            Self::Started(span) => row.cursor.started_at.dated().is_some_and(|at| span.holds(at)),
            // Whether it is imported or hidden, the row does not tell.
            Self::Imported(true) if !row.no_baseline => false,
            Self::Actor(Who::Kind(kind)) => row.actor == *kind,
            // Which agent it is, the row does not tell.
            Self::Actor(Who::Agent(_)) if row.actor != ActorKind::Agent => false,
            Self::Duration(bound) => bound.holds(row.duration_ms? as f64 / 1000.0),
            _ => return None,
        })
    }

    fn of_run(&self, run: &Run) -> bool {
        match self {
            Self::Word(word) => run.command.as_ref().is_some_and(|command| fold(command).contains(word)),
            Self::Exit(code) => run.exit_code == Some(*code),
            Self::State(state) => run.state == *state,
            Self::Tag(tag) => run.tags.iter().any(|one| fold(one) == *tag),
            Self::Key(prefix) => run.key.starts_with(prefix),
            Self::Id(bound) => bound.holds(run.id as f64),
            Self::Cwd(cwd) => run.cwd.as_ref().is_some_and(|at| {
                at.strip_prefix(cwd.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || cwd == "/")
            }),
            Self::Host(host) => run.host.eq_ignore_ascii_case(host),
            Self::Shell(shell) => run.shell.as_ref() == Some(shell),
            Self::Actor(who) => who.is(&run.actor),
            Self::Project(name) => run.project.as_deref().is_some_and(|project| {
                let path = fold(project);
                path == *name || path.rsplit('/').next() == Some(name)
            }),
            Self::Branch(name) => is_branch(run, name),
            Self::Commit(name) => is_commit(run, name),
            Self::Git(name) => is_branch(run, name) || name.len() >= 4 && is_commit(run, name),
            Self::Session(name) => run.session.as_ref().is_some_and(|session| session.starts_with(name)),
            Self::Started(span) => run.started_at.is_some_and(|at| span.holds(at)),
            Self::Imported(imported) => run.imported == *imported,
            // Answered by `holds`, which has the figures and the time.
            Self::Duration(_) | Self::Cpu(_) | Self::Memory(_) => false,
        }
    }
}

fn is_branch(run: &Run, name: &str) -> bool {
    let branch = run.git.as_ref().and_then(|git| git.branch.as_deref());
    branch.is_some_and(|branch| fold(branch) == name)
}

fn is_commit(run: &Run, name: &str) -> bool {
    let commit = run.git.as_ref().and_then(|git| git.commit.as_deref());
    commit.is_some_and(|commit| commit.starts_with(name))
}

/// A word of a search, as typed.
#[derive(Default)]
struct Typed {
    text: String,
    /// Where it begins in the search, in characters from 1.
    at: usize,
    /// Where quotes opened, in bytes; what stands behind has no meaning but itself.
    quoted_from: Option<usize>,
}

fn split(text: &str) -> Vec<Typed> {
    let mut words = Vec::new();
    let mut word = Typed::default();
    let mut open = false;
    for (at, c) in text.chars().enumerate() {
        if word.at == 0 && !c.is_whitespace() {
            word.at = at + 1;
        }
        match c {
            '"' => {
                open = !open;
                word.quoted_from.get_or_insert(word.text.len());
            }
            c if c.is_whitespace() && !open => take(&mut word, &mut words),
            c => word.text.push(c),
        }
    }
    take(&mut word, &mut words);
    words
}

/// `'dur:>5s'` copied from a hint to where no shell takes the quotes away.
fn without_shell_quotes(mut word: Typed) -> Typed {
    let opens = word.quoted_from != Some(0) && word.text.len() > 2 && word.text.starts_with('\'');
    let holds_a_term = word.quoted_from == Some(1) || word.text.contains(':');
    if opens && holds_a_term && word.text.ends_with('\'') {
        word.text.pop();
        word.text.remove(0);
        word.at += 1;
        word.quoted_from = word.quoted_from.map(|from| (from - 1).min(word.text.len()));
    }
    word
}

fn take(word: &mut Typed, words: &mut Vec<Typed>) {
    let whole = std::mem::take(word);
    if !whole.text.is_empty() {
        words.push(without_shell_quotes(whole));
    }
}

fn term(word: &Typed, clock: &Clock) -> Result<Term, NoAnswer> {
    let plain = &word.text[..word.quoted_from.unwrap_or(word.text.len())];
    let negated = plain.len() > usize::from(word.quoted_from.is_none()) && plain.starts_with('-');
    let whole = &word.text[usize::from(negated)..];
    let plain = &plain[usize::from(negated)..];
    if !plain.contains(':') {
        return Ok(Term { negated, test: Test::Word(fold(whole)) });
    }
    let (field, value) = whole.split_once(':').unwrap_or((whole, ""));
    let (value, inverted) = match value.strip_prefix('!') {
        // `exit:!=0` and `exit:!0` are the same.
        Some(value) => (value.strip_prefix('=').unwrap_or(value), true),
        None => (value, false),
    };
    let field_at = word.at + usize::from(negated);
    let value_at = (field_at + field.chars().count() + 1).to_string();
    let field_at = field_at.to_string();
    let test = condition(field, value, clock).map_err(|wanted| match wanted {
        Wanted::KnownField => NoAnswer::invalid(
            Sentence::new("field", [("field", field), ("at", &field_at)]),
            Sentence::new("fields", [("fields", &*FIELDS.join(", ")), ("quoted", &in_quotes(&word.text))]),
        ),
        Wanted::Value(wanted) => NoAnswer::invalid(
            Sentence::new(
                "value",
                [("term", &*word.text), ("field", field), ("wanted", wanted), ("at", &value_at)],
            ),
            Sentence::new("example", [("example", example(field))]),
        ),
    })?;
    Ok(Term { negated: negated != inverted, test })
}

/// What a term should have had.
enum Wanted {
    KnownField,
    /// What the field takes, by its code in the sentence `refused-value`.
    Value(&'static str),
}

fn condition(field: &str, value: &str, clock: &Clock) -> Result<Test, Wanted> {
    if !FIELDS.contains(&field) {
        // What the help does not name must not work by chance.
        return Err(Wanted::KnownField);
    }
    let text = || if value.is_empty() { Err(Wanted::Value("value")) } else { Ok(value.to_owned()) };
    Ok(match field {
        "cmd" => Test::Word(fold(&text()?)),
        "exit" => {
            Test::Exit(value.strip_prefix('=').unwrap_or(value).parse().map_err(|_| Wanted::Value("exit"))?)
        }
        "state" => {
            let named = RunState::ALL.into_iter().find(|state| state.word() == value);
            Test::State(named.ok_or(Wanted::Value("state"))?)
        }
        "tag" => Test::Tag(fold(&text()?)),
        "key" => Test::Key(text()?.to_ascii_lowercase()),
        "id" => Test::Id(Bound::parse(value, |number| number.parse().ok()).ok_or(Wanted::Value("id"))?),
        "cwd" => Test::Cwd(directory(value).ok_or(Wanted::Value("cwd"))?),
        "host" => Test::Host(text()?),
        "shell" => Test::Shell(text()?),
        "actor" => Test::Actor(Who::parse(value).ok_or(Wanted::Value("actor"))?),
        "project" => Test::Project(fold(text()?.trim_end_matches('/'))),
        "branch" => Test::Branch(fold(&text()?)),
        "commit" => Test::Commit(text()?.to_ascii_lowercase()),
        "git" => Test::Git(fold(&text()?)),
        "session" => Test::Session(text()?),
        "imported" => Test::Imported(match &*fold(value) {
            "yes" | "true" | "evet" => true,
            "no" | "false" | "hayir" => false,
            _ => return Err(Wanted::Value("yes")),
        }),
        "dur" => Test::Duration(Bound::parse(value, duration_s).ok_or(Wanted::Value("duration"))?),
        "cpu" => Test::Cpu(Bound::parse(value, percent).ok_or(Wanted::Value("percent"))?),
        "mem" => Test::Memory(Bound::parse(value, mebibytes).ok_or(Wanted::Value("size"))?),
        "since" => Test::Started(clock.since(value).ok_or(Wanted::Value("time"))?),
        "until" => Test::Started(clock.until(value).ok_or(Wanted::Value("time"))?),
        "on" => Test::Started(clock.on(value).ok_or(Wanted::Value("time"))?),
        _ => return Err(Wanted::KnownField),
    })
}

/// Without the slash at its end, as recorded directories are.
pub(super) fn directory(path: &str) -> Option<String> {
    let trimmed = path.trim_end_matches('/');
    path.starts_with('/').then(|| if trimmed.is_empty() { "/".to_owned() } else { trimmed.to_owned() })
}

/// A plain word, for the search and, around it, for a shell.
fn in_quotes(text: &str) -> String {
    format!("'\"{}\"'", text.replace('\'', "'\\''"))
}

/// As a shell takes it: `>` and `!` mean something there.
fn example(field: &str) -> &'static str {
    match field {
        "exit" => "exit:0, 'exit:!0'",
        "state" => "state:running",
        "id" => "id:12, 'id:>100'",
        "cwd" => "cwd:/home/me/app",
        "dur" => "'dur:>5s'",
        "cpu" => "'cpu:>80'",
        "mem" => "'mem:>500mb'",
        "since" | "until" => "since:2h, since:yesterday, since:14:00, since:2026-05-06T07:20",
        "on" => "on:today, on:14:00..15:00, on:2026-05-06, on:2026-05",
        "imported" => "imported:yes, imported:no",
        "project" => "project:app",
        "branch" => "branch:main",
        "cmd" => "cmd:make, 'cmd:\"make test\"'",
        "git" => "git:main",
        "actor" => "actor:human, actor:ci, actor:agent:NAME",
        _ => "tag:release",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_is_named_without_the_zone_that_a_client_added() {
        for (asked, typed) in [
            ("latest{since:today zone:Europe/Istanbul}", "latest{since:today}"),
            ("slowest{on:dün exit:0 zone:UTC}~2", "slowest{on:dün exit:0}~2"),
            ("latest{exit:0}", "latest{exit:0}"),
            ("latest", "latest"),
        ] {
            assert_eq!(without_zone(asked), typed);
        }
    }
    use crate::analysis::simulate::run_of;

    const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

    fn tests(text: &str) -> Vec<(bool, Test)> {
        Filter::parse(text, NOW).unwrap().terms.into_iter().map(|term| (term.negated, term.test)).collect()
    }

    #[test]
    fn what_was_imported_without_its_duration_has_none() {
        let check = |took: Option<u64>, text: &str, expected: bool| {
            let took = took.map(std::time::Duration::from_secs);
            let run = Run { imported: true, finished_at: None, took, ..run_of(RunStats::default()) };
            let holds = Filter::parse(text, NOW).unwrap().holds(&run, NOW, || Ok::<_, ()>(None));
            assert_eq!(holds, Ok(expected), "{took:?} {text}");
        };
        check(None, "dur:>1s", false);
        check(None, "dur:<1s", false);
        check(Some(5), "dur:>1s", true);
        check(Some(5), "dur:<1s", false);
    }

    #[test]
    fn words_and_terms_are_told_apart() {
        for (text, wanted) in [
            ("Make", (false, Test::Word("make".to_owned()))),
            ("-make", (true, Test::Word("make".to_owned()))),
            ("-", (false, Test::Word("-".to_owned()))),
            ("\"-la\"", (false, Test::Word("-la".to_owned()))),
            ("\"a: b\"", (false, Test::Word("a: b".to_owned()))),
            ("exit:0", (false, Test::Exit(0))),
            ("exit:!0", (true, Test::Exit(0))),
            ("-exit:!0", (false, Test::Exit(0))),
            ("'dur:>5s'", tests("dur:>5s").remove(0)),
            ("'exit:!0'", (true, Test::Exit(0))),
            ("'\"a: b\"'", (false, Test::Word("a: b".to_owned()))),
            ("'make'", (false, Test::Word("'make'".to_owned()))),
            ("''", (false, Test::Word("''".to_owned()))),
            ("tag:\"two words\"", (false, Test::Tag("two words".to_owned()))),
            ("cwd:/a/b/", (false, Test::Cwd("/a/b".to_owned()))),
            ("cwd:/", (false, Test::Cwd("/".to_owned()))),
            ("actor:agent:x", (false, Test::Actor(Who::Agent("x".to_owned())))),
            ("-actor:agent", (true, Test::Actor(Who::Kind(ActorKind::Agent)))),
            (
                "since:2h",
                (false, Test::Started(Span { first: Some(UnixMillis(NOW.0 - 7_200_000)), last: None })),
            ),
            ("exit:!=0", (true, Test::Exit(0))),
            ("exit:=0", (false, Test::Exit(0))),
            ("tag:!=A", (true, Test::Tag("a".to_owned()))),
            ("cmd:İstanbul", (false, Test::Word("istanbul".to_owned()))),
            ("project:/a/App/", (false, Test::Project("/a/app".to_owned()))),
            ("branch:Main", (false, Test::Branch("main".to_owned()))),
            ("imported:yes", (false, Test::Imported(true))),
        ] {
            assert_eq!(tests(text), [wanted], "{text}");
        }
        assert_eq!(tests("  a  \"b c\" -d ").len(), 3);
        assert_eq!(tests(""), []);
    }

    #[test]
    fn every_field_that_both_sides_agreed_on_is_known() {
        for field in FIELDS {
            let text = format!("{field}:");
            if let Err(refused) = Filter::parse(&text, NOW) {
                let message = refused.failure.error.message;
                assert!(!message.contains("Unknown field"), "{message}");
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn any_search_is_parsed_or_refused(text in "[-a-z0-9:!<>=\"ğ. /]{0,60}") {
            if let Err(refused) = Filter::parse(&text, NOW) {
                assert_eq!(refused.status, 422);
            }
        }
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (text, part) in [
            ("colour:red", "Unknown field `colour` at character 1 "),
            ("http://x", "Unknown field `http`"),
            ("exit:zero", "exit wants an exit code"),
            ("cwd:.", "bpctl resolves"),
            ("dur:>fast", "dur wants a duration"),
            ("state:dead", "running, stopped, background, finished, left or lost"),
            ("tag:", "tag wants a value"),
            ("actor:robot", "actor wants human, ci, agent or agent:NAME"),
        ] {
            let refused = Filter::parse(text, NOW).unwrap_err();
            assert_eq!((refused.status, refused.failure.error.code.as_str()), (422, "invalid_query"));
            assert!(refused.failure.error.message.contains(part), "{}", refused.failure.error.message);
        }
        let hint = |text| Filter::parse(text, NOW).unwrap_err().failure.error.hint.unwrap();
        assert_eq!(hint("dur:>fast"), "For example 'dur:>5s'");
        assert!(hint("http://it's").ends_with(r#"'"http://it'\''s"'"#), "{}", hint("http://it's"));
        let long = "a ".repeat(MAX_TERMS + 1);
        assert_eq!(Filter::parse(&long, NOW).unwrap_err().status, 422);
    }
}

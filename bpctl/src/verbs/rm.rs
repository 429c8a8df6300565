//! `bpctl rm`: removes runs for good, named by id, range or selector, or all that match a search. Shows what will be
//! removed and asks; without a terminal it needs `--yes`.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _};

use bp_proto::request::ListQuery;
use bp_proto::{Request, Run};

use super::{Exit, Usage, agree, list};
use crate::ask::{self, Bpd, NoSuchRun};
use crate::screen::Screen;
use crate::text::table::middle;
use crate::text::words::Word;

/// Runs that are listed before the question; of more only the number is said.
const MAX_LISTED: usize = 10;

/// Selectors that are words of their own.
const SELECTORS: [&str; 7] =
    ["latest", "latest-success", "latest-failed", "running", "slowest", "fastest", "median"];

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Runs such as 5, 1..5, latest or @TAG; or a search that names a field, such as cmd:make or since:1d
    #[arg(required = true)]
    runs: Vec<String>,
    /// Does not ask
    #[arg(long, short)]
    yes: bool,
}

/// What one word names.
#[derive(Debug, PartialEq, Eq)]
enum Named {
    Selector,
    /// Ids, both ends included.
    Range(u64, u64),
    /// Part of a search that has a field.
    Field,
    /// Neither: a bare word is too easily typed to remove whatever matches it.
    Bare,
}

pub fn run(args: &Args, screen: &Screen) -> anyhow::Result<Exit> {
    let named: Vec<Named> = args.runs.iter().map(|word| named(word)).collect();
    let is_search = named.contains(&Named::Field);
    if let Some(at) = named.iter().position(|named| match named {
        Named::Bare => !is_search,
        Named::Selector | Named::Range(..) => is_search,
        Named::Field => false,
    }) {
        let word = if is_search { Word::RmMixed } else { Word::RmBareWord };
        return Err(Usage(screen.say(word, &[&args.runs[at]])).into());
    }
    let mut bpd = Bpd::connect()?;
    let runs = if is_search {
        let search = ask::with_directory(&args.runs.join(" "), &ask::here()?);
        matching(&mut bpd, &search, screen)?
    } else {
        selected(&mut bpd, &args.runs, &named, screen)?
    };
    if runs.is_empty() {
        return Err(NoSuchRun(screen.word(Word::NoneMatch).to_owned()).into());
    }
    if !args.yes {
        Screen::print_at_once(&listed(&runs, screen))?;
        if !io::stdin().is_terminal() {
            return Err(Usage(screen.say(Word::RmNobodyToAsk, &[&runs.len().to_string()])).into());
        }
        let question = match &runs[..] {
            [run] => screen.say(Word::RmAskOne, &[&run.id.to_string()]),
            runs => screen.say(Word::RmAskMany, &[&runs.len().to_string()]),
        };
        if !agree::asked_text(screen, &question)? {
            return Ok(Exit::Failed);
        }
    }
    remove(&mut bpd, &runs, screen)?;
    Ok(Exit::Fine)
}

/// By the id of each: `latest` may be another run by now.
fn remove(bpd: &mut Bpd, runs: &[Run], screen: &Screen) -> anyhow::Result<()> {
    let mut said = String::new();
    for run in runs {
        bpd.ask_raw(&Request::Delete { run: run.id.to_string() })?;
        if runs.len() <= MAX_LISTED {
            said += &screen.say(Word::Deleted, &[&run.id.to_string()]);
            said.push('\n');
        }
    }
    if runs.len() > MAX_LISTED {
        said = screen.say(Word::DeletedMany, &[&runs.len().to_string()]) + "\n";
    }
    Screen::print_at_once(&said)?;
    Ok(())
}

fn listed(runs: &[Run], screen: &Screen) -> String {
    let mut page = String::new();
    for run in runs.iter().take(MAX_LISTED) {
        let id = run.id.to_string();
        let room = screen.width.saturating_sub(id.len() + 4);
        let _ = writeln!(page, "  {id}  {}", middle(&list::command(run, screen), room));
    }
    if runs.len() > MAX_LISTED {
        page.push_str("  …\n");
    }
    page
}

fn matching(bpd: &mut Bpd, search: &str, screen: &Screen) -> anyhow::Result<Vec<Run>> {
    let query = ListQuery {
        q: Some(search.to_owned()),
        zone: ask::zone(),
        lang: Some(screen.lang.code().to_owned()),
        ..ListQuery::default()
    };
    bpd.runs(&query, usize::MAX)
}

/// All are found before the first is removed: `rm latest latest~1` means the newest two.
fn selected(bpd: &mut Bpd, words: &[String], named: &[Named], screen: &Screen) -> anyhow::Result<Vec<Run>> {
    let mut runs: Vec<Run> = Vec::new();
    for (word, named) in words.iter().zip(named) {
        let found = if let Named::Range(from, to) = named {
            matching(bpd, &format!("id:>={from} id:<={to}"), screen)?
        } else {
            let run = bpd.resolve(word, screen)?;
            vec![bpd.ask(&Request::Show { run, lang: Some(screen.lang.code().to_owned()) })?]
        };
        for run in found {
            if !runs.iter().any(|known| known.id == run.id) {
                runs.push(run);
            }
        }
    }
    Ok(runs)
}

fn named(word: &str) -> Named {
    if let Some((from, to)) = range(word) {
        return Named::Range(from, to);
    }
    if is_selector(word) {
        return Named::Selector;
    }
    if has_field(word) { Named::Field } else { Named::Bare }
}

/// `1..5`, or `1-5`.
fn range(word: &str) -> Option<(u64, u64)> {
    let (from, to) = word.split_once("..").or_else(|| word.split_once('-'))?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(from) && is_number(to)).then_some(())?;
    Some((from.parse().ok()?, to.parse().ok()?))
}

fn is_selector(word: &str) -> bool {
    let base = match word.rsplit_once('~') {
        Some((base, steps)) if steps.bytes().all(|byte| byte.is_ascii_digit()) => base,
        _ => word,
    };
    let name = base.split_once('{').filter(|_| base.ends_with('}')).map_or(base, |(name, _)| name);
    // An id, or the beginning of a ULID, whose first digit is at most 7.
    let is_id = base.starts_with(|first: char| first.is_ascii_digit())
        && base.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_id || SELECTORS.contains(&name) || base.starts_with('@') || word == "-" || word == "."
}

/// Whether a word of the search is `field:value`, as bpd reads it: before a quote, behind a minus.
fn has_field(search: &str) -> bool {
    let mut is_open = false;
    let mut words = vec![String::new()];
    for letter in search.chars() {
        is_open ^= letter == '"';
        if letter.is_whitespace() && !is_open {
            words.push(String::new());
        } else if let Some(word) = words.last_mut() {
            word.push(letter);
        }
    }
    words.iter().any(|word| {
        let plain = word.split('"').next().unwrap_or_default().trim_start_matches(['-', '\'']);
        plain.split_once(':').is_some_and(|(field, _)| !field.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_name_runs_ranges_or_a_search_with_a_field() {
        for (word, expected) in [
            ("5", Named::Selector),
            ("1..5", Named::Range(1, 5)),
            ("1-5", Named::Range(1, 5)),
            ("01HX6CC481", Named::Selector),
            ("latest", Named::Selector),
            ("latest~2", Named::Selector),
            ("5~", Named::Selector),
            ("latest{cmd:make exit:0}~1", Named::Selector),
            ("slowest{make}", Named::Selector),
            ("@slow", Named::Selector),
            ("-", Named::Selector),
            (".", Named::Selector),
            ("cmd:make", Named::Field),
            ("since:1d", Named::Field),
            ("exit:!0", Named::Field),
            ("'dur:>5s'", Named::Field),
            ("-tag:keep", Named::Field),
            ("make exit:0", Named::Field),
            ("tag:\"two words\"", Named::Field),
            ("make", Named::Bare),
            ("latest-", Named::Bare),
            ("\"a: b\"", Named::Bare),
            (":x", Named::Bare),
            ("1..", Named::Bare),
            ("make test", Named::Bare),
            ("", Named::Bare),
            ("*", Named::Bare),
        ] {
            assert_eq!(named(word), expected, "{word}");
        }
    }
}

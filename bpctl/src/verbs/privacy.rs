//! `bpctl privacy test LINE`: what would be kept of a line, and which rules took something out, or all of it. Asks
//! nobody: it reads the config by itself. `bpctl privacy` alone says which rules are in force.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use bp_proto::ignore::{Rule, Rules};
use bp_proto::mask::{self, Kept};
use bp_proto::place::Places;
use clap::Subcommand;

use super::{Exit, list, pause, show};
use crate::cli::Output;
use crate::ignored;
use crate::screen::{Screen, Tone};
use crate::text::escape::visible;
use crate::text::rules;
use crate::text::words::Word;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    output: Output,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Shows what would be kept of a command line
    Test(TestArgs),
}

#[derive(Debug, clap::Args)]
struct TestArgs {
    /// As if it were typed there, not here
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
    /// The line, quoted; read from standard input when there is none, so that it comes into no history
    line: Vec<String>,
}

pub fn run(args: &Args, screen: &Screen) -> anyhow::Result<Exit> {
    match &args.what {
        Some(What::Test(args)) => test(args, screen),
        None => in_force(args.output, screen),
    }
}

/// What is kept, what is not, and where that is said.
fn in_force(output: Output, screen: &Screen) -> anyhow::Result<Exit> {
    let places = Places::find()?;
    let config = places.config.display().to_string();
    let rules = ignored::rules(&places.config)?;
    if output.json || output.plain {
        let paused: Vec<String> = pause::beside(screen);
        let document = serde_json::json!({
            "config": config,
            "ignore_commands": rules.commands().collect::<Vec<_>>(),
            "ignore_dirs": rules.dirs().collect::<Vec<_>>(),
            "paused": paused,
        });
        return show::document(&document, output, screen);
    }
    let mut page: String = [Word::PrivacyKept, Word::PrivacyMasked]
        .iter()
        .map(|word| screen.paragraph("", 0, screen.word(*word)))
        .collect();
    let mut say = |word: Word, rules: &mut dyn Iterator<Item = &str>| {
        let rules: Vec<String> = rules.map(|rule| visible(rule).into_owned()).collect();
        if !rules.is_empty() {
            page += &screen.paragraph("", 0, &screen.say(word, &[&rules.join("  ")]));
        }
        rules.len()
    };
    let known = say(Word::PrivacyCommands, &mut rules.commands()) + say(Word::PrivacyDirs, &mut rules.dirs());
    if known == 0 {
        page += &screen.paragraph("", 0, &screen.say(Word::PrivacyNoRules, &[&config]));
    }
    page += &list::notes(screen);
    page += &screen.paragraph("", 0, screen.word(Word::PrivacyMore));
    screen.print(&page)?;
    Ok(Exit::Fine)
}

fn test(args: &TestArgs, screen: &Screen) -> anyhow::Result<Exit> {
    let line = if args.line.is_empty() {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes)?;
        String::from_utf8_lossy(&bytes).trim_end_matches('\n').to_owned()
    } else {
        args.line.join(" ")
    };
    let rules = ignored::rules(&Places::find()?.config)?;
    let dir = std::path::absolute(args.dir.as_deref().unwrap_or(Path::new(".")))?;
    let kept = kept(&rules, &line, &dir);
    if args.output.json || args.output.plain {
        return show::document(&document(&kept), args.output, screen);
    }
    screen.print(&page(&kept, screen))?;
    Ok(Exit::Fine)
}

/// What would be kept, or why nothing.
fn kept<'a>(rules: &'a Rules, line: &str, dir: &Path) -> Result<Kept, Rule<'a>> {
    match rules.of_dir(dir).or_else(|| rules.of_line(line)) {
        Some(rule) => Err(rule),
        None => Ok(mask::keep(line)),
    }
}

fn document(kept: &Result<Kept, Rule<'_>>) -> serde_json::Value {
    let (kept, key, rule) = match kept {
        Ok(kept) => (Some(kept), None, None),
        Err(Rule::Command(pattern)) => (None, Some("ignore_commands"), Some(*pattern)),
        Err(Rule::Dir(dir)) => (None, Some("ignore_dirs"), Some(*dir)),
        Err(Rule::Unreadable) => (None, None, None),
    };
    serde_json::json!({
        "command": kept.map(|kept| &kept.text),
        "command_truncated": kept.and_then(|kept| kept.truncated),
        "masked": kept.map_or(&[][..], |kept| &kept.rules),
        "ignored": key.map(|key| serde_json::json!({ "key": key, "rule": rule })),
    })
}

fn page(kept: &Result<Kept, Rule<'_>>, screen: &Screen) -> String {
    let kept = match kept {
        Ok(kept) => kept,
        Err(Rule::Dir(dir)) => return hidden(Word::IgnoredByDir, dir, screen),
        Err(Rule::Command(pattern)) => return hidden(Word::IgnoredByCommand, pattern, screen),
        Err(Rule::Unreadable) => return format!("{}\n", screen.word(Word::Hidden)),
    };
    let mut page = format!("{}\n", visible(&kept.text));
    let said = match (&kept.rules[..], kept.truncated) {
        ([], None) => screen.paint(Tone::Faint, screen.word(Word::NothingMasked)),
        (rules, _) if !rules.is_empty() => {
            let rules: Vec<_> = rules.iter().map(|rule| rules::name(rule, screen.lang)).collect();
            screen.paint(Tone::Good, &screen.say(Word::MaskedBy, &[&rules.join(", ")]))
        }
        _ => String::new(),
    };
    if !said.is_empty() {
        page.push_str(&said);
        page.push('\n');
    }
    if let Some(length) = kept.truncated {
        page.push_str(&screen.say(Word::CutFrom, &[&length.to_string()]));
        page.push('\n');
    }
    page
}

fn hidden(word: Word, rule: &str, screen: &Screen) -> String {
    let said = screen.paragraph("", 0, &screen.say(word, &[&visible(rule)]));
    format!("{}\n{}\n", screen.word(Word::Hidden), screen.paint(Tone::Good, said.trim_end()))
}

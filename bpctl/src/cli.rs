//! What may be typed, and what holds for every verb.

use std::ffi::OsString;

use bp_proto::place::Places;
use clap::{CommandFactory as _, Parser, ValueEnum};

use crate::screen;
use crate::text::help;
use crate::text::words::Lang;
use crate::verbs::Verb;

/// Runs, lists, shows and compares commands.
#[derive(Debug, Parser)]
#[command(name = "bpctl", version, disable_help_subcommand = true, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub verb: Verb,
}

#[derive(Clone, Debug, Default, clap::Args)]
pub struct Common {
    /// When to colour
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub color: Color,
    /// The language of what is said
    #[arg(long, global = true, value_parser = ["tr", "en"])]
    pub lang: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

/// Says what clap has to say of words that ask for help or cannot be read. → exit code
pub fn refuse(said: &clap::Error) -> u8 {
    let words: Vec<OsString> = std::env::args_os().collect();
    let config = Places::find().ok().map(|places| places.config);
    match screen::lang(named_lang(&words).as_deref(), config.as_deref()) {
        Lang::En => {
            // Nobody is left to tell when the reader has gone.
            let _ = said.print();
            u8::from(said.use_stderr()) * 2
        }
        Lang::Tr => help::refuse(Cli::command(), words),
    }
}

/// The language that is asked for among words that could not be read.
fn named_lang(words: &[OsString]) -> Option<String> {
    let mut words = words.iter().filter_map(|word| word.to_str()).take_while(|word| *word != "--");
    let word = words.find(|word| word.starts_with("--lang"))?;
    match word.split_once('=') {
        Some((_, lang)) => Some(lang.to_owned()),
        None => words.next().map(str::to_owned),
    }
}

/// `--lang tr run …`, which does without clap as `run …` does: the language, and what stands behind `run`. Any other
/// option before `run`, and any other language, is for clap to refuse.
pub fn run_in(words: &[OsString]) -> Option<(Lang, &[OsString])> {
    let (named, rest) = match words {
        [flag, named, rest @ ..] if flag == "--lang" => (named.to_str()?, rest),
        [flag, rest @ ..] => (flag.to_str()?.strip_prefix("--lang=")?, rest),
        [] => return None,
    };
    let lang = [Lang::En, Lang::Tr].into_iter().find(|lang| lang.code() == named)?;
    let (verb, behind) = rest.split_first()?;
    (verb == "run").then_some((lang, behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_may_stand_before_run_and_nothing_else_may() {
        let check = |line: &str, expected: Option<(Lang, usize)>| {
            let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
            assert_eq!(run_in(&words).map(|(lang, behind)| (lang, behind.len())), expected, "{line}");
        };
        check("--lang tr run -- make", Some((Lang::Tr, 2)));
        check("--lang=en run make all", Some((Lang::En, 2)));
        check("--lang tr run", Some((Lang::Tr, 0)));
        for line in [
            "",
            "--lang",
            "--lang tr",
            "--lang tr list",
            "--lang de run x",
            "--color never run x",
            "--language=tr run x",
        ] {
            check(line, None);
        }
    }

    #[test]
    fn the_language_is_found_where_nothing_else_is_understood() {
        let check = |line: &str, expected: Option<&str>| {
            let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
            assert_eq!(named_lang(&words).as_deref(), expected, "{line}");
        };
        check("bpctl lst --lang tr", Some("tr"));
        check("bpctl --lang=tr --nope", Some("tr"));
        check("bpctl list --lang", None);
        check("bpctl run -- --lang tr", None);
    }
}

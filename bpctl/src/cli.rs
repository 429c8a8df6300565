//! What may be typed, and what holds for every verb.

use std::ffi::{OsStr, OsString};

use bp_proto::place::Places;
use clap::{Arg, Command, CommandFactory as _, FromArgMatches as _, Parser, ValueEnum};

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

/// How an answer is written; without either, for people.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct Output {
    /// JSON, as the API has it
    #[arg(long)]
    pub json: bool,
    /// Tab-separated values under a header, with UTC times: for scripts
    #[arg(long, conflicts_with = "json")]
    pub plain: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

/// The verbs as the parser and the help know them. The help of a verb leaves out the options that every verb has.
pub fn command() -> Command {
    let command = Cli::command().term_width(screen::width());
    let globals: Vec<Arg> =
        command.get_arguments().filter(|arg| arg.is_global_set()).map(|arg| arg.clone().hide(true)).collect();
    command.mut_subcommands(|verb| verb.args(&globals))
}

/// Reads `words`, which begin with the program's name and have gone through [`rewritten`].
///
/// # Errors
/// Words that ask for help or cannot be read; [`refuse`] prints them.
pub fn parse(words: &[OsString]) -> Result<Cli, clap::Error> {
    Cli::from_arg_matches(&command().try_get_matches_from(words)?)
}

/// Prints what clap has to say of words that ask for help or cannot be read. → exit code
pub fn refuse(said: &clap::Error, words: &[OsString]) -> u8 {
    let config = Places::find().ok().map(|places| places.config);
    match screen::lang(named_lang(words).as_deref(), config.as_deref()) {
        Lang::En => {
            // The reader may have closed the output.
            let _ = said.print();
            u8::from(said.use_stderr()) * 2
        }
        Lang::Tr => help::refuse(command(), words.iter().cloned()),
    }
}

/// Prints the help of `verb`, in the same layout as that of every other.
pub fn print_help(verb: &str, lang: Lang) -> u8 {
    let words = ["bpctl", "--lang", lang.code(), verb, "--help"].map(OsString::from);
    match parse(&words) {
        Ok(_) => 0,
        Err(said) => refuse(&said, &words),
    }
}

/// The usage line of `verb`, without a newline at its end.
pub fn usage(verb: &str, lang: Lang) -> String {
    let mut command = command();
    command.build();
    let usage = command.find_subcommand_mut(verb).map(|verb| verb.render_usage().to_string());
    help::in_language(usage.unwrap_or_default(), lang)
}

/// The words behind the program's name as clap reads them:
/// - `help list` becomes `list --help`.
/// - `tag 45 slow -old --json` becomes `tag 45 slow --json -- -old`: one dash takes a tag away, two begin an option.
pub fn rewritten(words: &[OsString]) -> Vec<OsString> {
    let Some(at) = verb_at(words) else { return words.to_vec() };
    let (before, behind) = (&words[..at], &words[at + 1..]);
    if words[at] == "help" {
        let (mut verbs, mut flags) = (Vec::new(), Vec::new());
        let mut rest = behind.iter();
        while let Some(word) = rest.next() {
            if word == "--lang" || word == "--color" {
                flags.push(word);
                flags.extend(rest.next());
            } else if word.to_string_lossy().starts_with('-') {
                flags.push(word);
            } else {
                verbs.push(word);
            }
        }
        let asked = OsString::from("--help");
        return before.iter().chain(verbs).chain(flags).chain([&asked]).cloned().collect();
    }
    if words[at] == "tag" {
        let end = behind.iter().position(|word| word == "--").unwrap_or(behind.len());
        let (gone, kept): (Vec<&OsString>, Vec<&OsString>) =
            behind[..end].iter().partition(|word| takes_away(word));
        if !gone.is_empty() {
            let dashes = OsString::from("--");
            let tags = behind[end..].iter().skip(1);
            let kept = before.iter().chain([&words[at]]).chain(kept);
            return kept.chain([&dashes]).chain(gone).chain(tags).cloned().collect();
        }
    }
    words.to_vec()
}

/// `-slow`, and neither `-`, `--json` nor `-h`.
fn takes_away(word: &OsStr) -> bool {
    let text = word.to_string_lossy();
    text.len() > 1 && text.starts_with('-') && !text.starts_with("--") && text != "-h"
}

/// Where the verb stands: behind the options that every verb has.
fn verb_at(words: &[OsString]) -> Option<usize> {
    let mut at = 0;
    while let Some(word) = words.get(at).and_then(|word| word.to_str()) {
        match word {
            "--lang" | "--color" => at += 2,
            _ if word.starts_with("--lang=") || word.starts_with("--color=") => at += 1,
            _ if word.starts_with('-') => return None,
            _ => return Some(at),
        }
    }
    None
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
    fn words_are_rewritten_for_help_and_for_tags_to_take_away() {
        for (typed, read) in [
            ("help", "--help"),
            ("help list", "list --help"),
            ("help daemon start", "daemon start --help"),
            ("--lang tr help list", "--lang tr list --help"),
            ("help --lang=tr", "--lang=tr --help"),
            ("help --lang tr list", "list --lang tr --help"),
            ("list help", "list help"),
            ("tag 45 slow -old --json", "tag 45 slow --json -- -old"),
            ("tag 45 -old -- -older", "tag 45 -- -old -older"),
            ("--color never tag 45 -old", "--color never tag 45 -- -old"),
            ("tag 45 slow --json", "tag 45 slow --json"),
            ("tag -h", "tag -h"),
            ("tag - slow", "tag - slow"),
            ("note 45 -x", "note 45 -x"),
            ("--version tag", "--version tag"),
            ("", ""),
        ] {
            let words: Vec<OsString> = typed.split_whitespace().map(OsString::from).collect();
            let read: Vec<OsString> = read.split_whitespace().map(OsString::from).collect();
            assert_eq!(rewritten(&words), read, "{typed}");
        }
    }

    fn verb(line: &str) -> Result<Verb, clap::Error> {
        let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        let words: Vec<OsString> = std::iter::once("bpctl".into()).chain(rewritten(&words)).collect();
        Ok(parse(&words)?.verb)
    }

    /// A word that looks like an option is an option in every verb that takes free words.
    #[test]
    fn an_option_that_does_not_exist_is_refused_and_never_becomes_a_free_word() {
        for line in [
            "tag 45 slow --jsn",
            "tag 45 --slow",
            "tag 45 slow --yes",
            "note 45 text --jsn",
            "note 45 --text",
            "rm 45 --force",
            "rm --all",
            "list make --jsn",
            "list make -x",
            "show --plan",
            "compare 1 2 --jsn",
            "privacy test make --jsn",
            "alerts --jsn",
            "watch --jsn",
            "pause --al",
            "import --jsn",
            "open 1 --prnt",
        ] {
            assert!(verb(line).is_err(), "{line}");
        }
        for line in ["tag 45 slow -old --json", "tag 45 --json slow", "tag --json 45 slow", "list -- -make"] {
            assert!(verb(line).is_ok(), "{line}");
        }
    }

    #[test]
    fn the_help_of_a_verb_leaves_out_the_options_of_all_and_they_work_there() {
        let help = |line: &str| verb(line).unwrap_err().to_string();
        for line in ["resume --help", "run --help", "list --help", "daemon start --help", "help privacy test"]
        {
            let text = help(line);
            assert!(!text.contains("--color") && !text.contains("--lang"), "{line}: {text}");
            assert!(text.contains("Usage: bpctl "), "{line}: {text}");
        }
        let text = help("help");
        assert!(text.contains("--color") && text.contains("--lang"), "{text}");
        assert!(!text.contains("event"), "{text}");
        let words = ["bpctl", "daemon", "start", "--lang", "tr", "--color=never"].map(OsString::from);
        let common = parse(&words).unwrap().common;
        assert_eq!((common.lang.as_deref(), common.color), (Some("tr"), Color::Never));
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

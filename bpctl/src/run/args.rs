//! What was typed after `bpctl run`, read by hand: clap costs more than everything else that `run` does.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

use bp_proto::label::{check_note, check_tags};

use crate::text::said::{OrSay as _, Said};
use crate::text::words::Word;

/// The same for clap, which writes the help and the completions of `run` but does not read its words.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub struct Described {
    /// Gives the run a tag; may be repeated
    #[arg(short, long)]
    tag: Vec<String>,
    /// Gives the run a note
    #[arg(short, long)]
    note: Option<String>,
    /// Prints nothing of its own
    #[arg(short, long)]
    quiet: bool,
    /// Runs STRING through /bin/sh
    #[arg(short = 'c', value_name = "STRING")]
    line: Option<OsString>,
    /// The command and its arguments, behind the options or behind `--`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_hint = clap::ValueHint::CommandWithArguments)]
    command: Vec<OsString>,
}

const EXIT_CODES: &str = "\
Exit code, signals and terminal are as without bpctl. 125: bp could not start the command; 126: not executable; \
    127: not found.";

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Args {
    pub(super) tags: Vec<String>,
    pub(super) note: Option<String>,
    pub(super) quiet: bool,
    pub(super) command: Command,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// The program and its arguments; never empty.
    Words(Vec<OsString>),
    Line(OsString),
}

impl Default for Command {
    fn default() -> Self {
        Self::Words(Vec::new())
    }
}

#[derive(Debug)]
pub(super) enum Asked {
    Run(Args),
    Help,
    /// Why it cannot be read.
    Wrong(Said),
}

/// `words` = what stands behind `run`.
pub(super) fn read(words: impl IntoIterator<Item = OsString>) -> Asked {
    let mut words = words.into_iter();
    let mut args = Args::default();
    while let Some(word) = words.next() {
        let (flag, mut attached) = split(&word);
        let mut value = || attached.take().or_else(|| words.next()).or_say(Word::RunNeedsValue, &[flag]);
        let read = match flag {
            "--" => {
                args.command = Command::Words(words.collect());
                break;
            }
            "-h" | "--help" => return Asked::Help,
            "-q" | "--quiet" => {
                args.quiet = true;
                Ok(())
            }
            "-t" | "--tag" => value().and_then(|tag| {
                let tag = tag.to_string_lossy().into_owned();
                // Most likely a forgotten value; `bpctl tag` could never take such a tag away.
                if tag.starts_with('-') {
                    return Err(Said::new(Word::OptionForTag, &[&tag]));
                }
                args.tags.push(tag);
                Ok(())
            }),
            "-n" | "--note" => {
                let is_attached = attached.is_some();
                let value = attached.take().or_else(|| words.next()).or_say(Word::RunNeedsValue, &[flag]);
                value.and_then(|note| {
                    let note = note.to_string_lossy().into_owned();
                    if !is_attached && note.starts_with("--") {
                        return Err(Said::new(Word::RunNeedsValue, &[flag]));
                    }
                    args.note = Some(note);
                    Ok(())
                })
            }
            "-c" => {
                match value() {
                    Ok(line) => args.command = Command::Line(line),
                    Err(wrong) => return Asked::Wrong(wrong),
                }
                match words.next() {
                    Some(_) => return Asked::Wrong(Said::new(Word::RunNothingBehind, &[])),
                    None => break,
                }
            }
            _ if flag.starts_with('-') && flag.len() > 1 => Err(Said::new(Word::RunNoOption, &[flag])),
            _ => {
                args.command = Command::Words(std::iter::once(word).chain(words).collect());
                break;
            }
        };
        if let Err(wrong) = read {
            return Asked::Wrong(wrong);
        }
    }
    match &args.command {
        Command::Words(words) if words.is_empty() => Asked::Wrong(Said::new(Word::RunNoCommand, &[])),
        // bpd would refuse the run when nobody listens any more.
        _ => match check_tags(&args.tags).and_then(|()| check_note(args.note.as_deref().unwrap_or_default()))
        {
            Ok(()) => Asked::Run(args),
            Err(wrong) => Asked::Wrong(Said::label(&wrong)),
        },
    }
}

/// `--tag=x` into its two parts. A word that is not UTF-8 is no option.
fn split(word: &OsStr) -> (&str, Option<OsString>) {
    let Some(text) = word.to_str() else { return ("", None) };
    match text.split_once('=') {
        Some((flag, value)) if flag.starts_with("--") && flag.len() > 2 => (flag, Some(value.into())),
        _ => (text, None),
    }
}

impl Command {
    /// As a person would type it in a shell.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Line(line) => line.to_string_lossy().into_owned(),
            Self::Words(words) => {
                words.iter().map(|word| quoted(&word.to_string_lossy())).collect::<Vec<_>>().join(" ")
            }
        }
    }
}

fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:=@%+,^".contains(&byte) || byte >= 0x80;
    if !word.is_empty() && word.as_bytes().iter().all(|byte| plain(*byte)) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The program's file as `execvp` would find it; for messages and for scripts without a first line.
pub(super) fn find_program(name: &OsStr, path: Option<&OsStr>) -> Option<std::path::PathBuf> {
    if name.as_bytes().contains(&b'/') {
        return Some(name.into());
    }
    std::env::split_paths(path?).map(|dir| dir.join(name)).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &str) -> Asked {
        read(line.split_whitespace().map(OsString::from))
    }

    fn words(line: &str) -> Command {
        Command::Words(line.split_whitespace().map(OsString::from).collect())
    }

    #[test]
    fn options_end_where_the_command_begins() {
        let Asked::Run(args) = asked("--tag a -t b --note=n --quiet -- make -j2 --quiet") else { panic!() };
        assert_eq!(args.tags, ["a", "b"]);
        assert_eq!((args.note.as_deref(), args.quiet), (Some("n"), true));
        assert_eq!(args.command, words("make -j2 --quiet"));

        let Asked::Run(args) = asked("make --tag x") else { panic!() };
        assert_eq!((args.tags.len(), args.command), (0, words("make --tag x")));

        let Asked::Run(args) = asked("-- -c x") else { panic!() };
        assert_eq!(args.command, words("-c x"));
    }

    #[test]
    fn a_line_for_the_shell_is_one_word() {
        let words = ["-q", "-c", "a | b"].map(OsString::from);
        let Asked::Run(args) = read(words) else { panic!() };
        assert_eq!(args.command, Command::Line("a | b".into()));
        assert_eq!(args.command.text(), "a | b");
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        for line in [
            "",
            "--",
            "--tag",
            "--nope make",
            "-c",
            "-c a b",
            "--tag x",
            "--tag a,b make",
            "--tag --quiet make",
            "--tag=-x make",
            "-t -q make",
            "--note --quiet make",
        ] {
            assert!(matches!(asked(line), Asked::Wrong(why) if !why.to_string().is_empty()), "{line}");
        }
        assert!(matches!(asked("--help"), Asked::Help));
    }

    #[test]
    fn the_text_can_be_typed_again() {
        let command = Command::Words(["echo", "a b", "it's", "", "x=1", "$HOME"].map(OsString::from).into());
        assert_eq!(command.text(), r"echo 'a b' 'it'\''s' '' x=1 '$HOME'");
    }
}

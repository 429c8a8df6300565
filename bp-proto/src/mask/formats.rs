//! `printf 'password=%s\n' SECRET`: the format tells which argument is one.

use super::words::{self, Command};
use super::{Found, names};

/// Looks at one command, whose programs' names are in `bases`.
pub(super) fn find(line: &str, command: &Command, bases: &[&str], found: &mut Found) {
    let Some(printer) = bases.iter().position(|base| *base == "printf") else { return };
    let Some(format) = (printer + 1..command.len()).find(|at| !line[command[*at].clone()].starts_with('-'))
    else {
        return;
    };
    let asks = asked_for(words::text(line, &command[format]));
    if !asks.contains(&true) {
        return;
    }
    // The format is used again until the arguments are used up.
    for (word, is_secret) in command[format + 1..].iter().zip(asks.iter().cycle()) {
        if *is_secret {
            found.add_value(line, word.clone(), "printed");
        }
    }
}

/// Whether a word is a format, which itself is nothing that is printed.
pub(super) fn is_format(text: &str) -> bool {
    !asked_for(text).is_empty()
}

/// For each conversion of a format whether a secret's name stands before it.
fn asked_for(format: &str) -> Vec<bool> {
    let mut asks = Vec::new();
    let mut rest = format;
    while let Some((before, behind)) = rest.split_once('%') {
        if let Some(literal) = behind.strip_prefix('%') {
            rest = literal;
            continue;
        }
        let flags =
            behind.trim_start_matches(|letter: char| letter.is_ascii_digit() || "-+#. *".contains(letter));
        let Some(conversion) = flags.chars().next().filter(char::is_ascii_alphabetic) else {
            rest = behind;
            continue;
        };
        let name = before.trim_end_matches([' ', '=', ':', '"', '\'', '\\', '>']);
        let name = name.rsplit(|letter: char| !(letter.is_alphanumeric() || "_-.".contains(letter))).next();
        asks.push(
            conversion != 'd' && name.is_some_and(|name| names::is_secret(without_escape(name, before))),
        );
        rest = &flags[conversion.len_utf8()..];
    }
    asks
}

/// The `n` of a `\n` before it is no part of a name.
fn without_escape<'a>(name: &'a str, before: &str) -> &'a str {
    let start = name.as_ptr() as usize - before.as_ptr() as usize;
    if before[..start].ends_with('\\') { name.trim_start_matches(['n', 't', 'r']) } else { name }
}

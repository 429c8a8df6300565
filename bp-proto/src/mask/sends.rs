//! What is typed into another terminal: `expect … send "…\r"`, `tmux send-keys '…' Enter`, `xdotool type '…'`. Most of it
//! are commands; a single word that nobody would write as one is what a password prompt waits for.

use std::ops::Range;

use super::words::{self, Command, Word};
use super::{Found, values};

/// (program, the word behind which it types).
const TYPISTS: [(&str, &str); 14] = [
    ("tmux", "send-keys"),
    ("tmux", "send"),
    ("byobu", "send-keys"),
    ("screen", "stuff"),
    ("xdotool", "type"),
    ("ydotool", "type"),
    ("wtype", ""),
    ("adb", "text"),
    ("zellij", "write-chars"),
    ("kitty", "send-text"),
    ("kitten", "send-text"),
    ("wezterm", "send-text"),
    ("cliclick", ""),
    ("ttyecho", ""),
];

/// Looks at the words of one command, the programs' names among them in `bases`.
pub(super) fn find(line: &str, command: &Command, bases: &[&str], found: &mut Found) {
    for (program, verb) in TYPISTS {
        let Some(at) = bases.iter().position(|base| *base == program) else { continue };
        let typed = match verb {
            "" => at + 1,
            verb => match command[at + 1..].iter().position(|word| words::text(line, word) == verb) {
                Some(verb) => at + verb + 2,
                None => continue,
            },
        };
        for nth in typed..command.len() {
            let is_target = words::text(line, &command[nth - 1]) == "-t";
            if !is_target {
                typed_word(line, &command[nth], found);
            }
        }
    }
}

fn typed_word(line: &str, word: &Word, found: &mut Found) {
    let value = words::unquoted(line, word.clone());
    let text = without_return(&line[value.at.clone()]);
    if values::looks_told(text) && !values::is_no_secret(text, value.literal) {
        found.add(value.at.start..value.at.start + text.len(), "typed");
    }
}

/// Of a word quoted in part, as `'x'\n`, the quote goes as well.
fn without_return(text: &str) -> &str {
    let mut text = text;
    while let Some(rest) =
        ["\\r", "\\n", "\r", "\n", "^M", "\\"].iter().find_map(|end| text.strip_suffix(end))
    {
        text = rest;
    }
    text.trim_matches(['\'', '"'])
}

/// `send "…\r"` of expect and `keystroke "…"` of Apple's scripts, wherever they stand in the line.
pub(super) fn scripts(line: &str, found: &mut Found) {
    for mark in ["send ", "keystroke "] {
        for (at, _) in line.match_indices(mark) {
            let Some(value) = string_behind(line, at + mark.len()) else { continue };
            let text = without_return(&line[value.clone()]);
            let is_asked = || asks_for_a_password(&line[line.floor_char_boundary(at.saturating_sub(80))..at]);
            if !values::is_no_secret(text, false) && (values::looks_told(text) || is_asked()) {
                found.add(value.start..value.start + text.len(), "typed");
            }
        }
    }
}

/// Of what is waited for: the first letter is left out, since it may be a capital.
fn asks_for_a_password(before: &str) -> bool {
    let asked = ["assword", "assphrase", "arola", "ifre"].iter().filter_map(|word| before.rfind(word)).max();
    // Nothing was sent in between.
    asked.is_some_and(|at| !before[at..].contains("send"))
}

fn string_behind(line: &str, at: usize) -> Option<Range<usize>> {
    const REACH: usize = 256;
    let end = line.floor_char_boundary(at + REACH);
    let rest = line[at..end].trim_start().trim_start_matches("-- ").trim_start_matches('\\');
    let close = match rest.chars().next()? {
        '{' => '}',
        quote @ ('"' | '\'') => quote,
        _ => return None,
    };
    let start = rest.as_ptr() as usize - line.as_ptr() as usize + 1;
    let length = rest[1..].find(close)?;
    Some(start..start + length)
}

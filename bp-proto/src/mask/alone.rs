//! Passwords that nothing announces but their own look: a quoted word as the rules for passwords want it, or what a
//! generator made behind one of the flags that passwords stand behind.

use super::words::{self, Command, Word};
use super::{Found, values};

/// What they are given are texts and patterns.
const READERS: [&str; 36] = [
    "grep",
    "egrep",
    "rg",
    "ag",
    "ack",
    "sed",
    "awk",
    "gawk",
    "find",
    "fd",
    "jq",
    "yq",
    "git",
    "echo",
    "printf",
    "perl",
    "ls",
    "cd",
    "cat",
    "mv",
    "cp",
    "rm",
    "mkdir",
    "touch",
    "vim",
    "nvim",
    "less",
    "date",
    "wget",
    "say",
    "notify-send",
    "tr",
    "Write-Host",
    "ffmpeg",
    "zmv",
    "rename",
];

/// Flags that mean a password in one program and something else in the next.
const FLAGS: [&str; 8] = ["-p", "-P", "-w", "-W", "-pw", "-k", "-a", "-x"];

/// Whether one of the sorted places is in `word`.
fn is_any_in(places: &[usize], word: &Word) -> bool {
    let next = places.partition_point(|at| *at < word.start);
    places.get(next).is_some_and(|at| *at < word.end)
}

/// Looks at one command, whose programs' names are in `bases`, behind all other rules: where one of them has found
/// something (that is, behind the `known` first) it knew better what stays.
pub(super) fn find(line: &str, command: &Command, bases: &[&str], known: usize, found: &mut Found) {
    let Some(program) = bases.first() else { return };
    if READERS.contains(program) || program.starts_with('#') {
        return;
    }
    let mut taken: Vec<usize> = found.secrets[known..].iter().map(|(at, _)| at.start).collect();
    taken.sort_unstable();
    for (at, word) in command.iter().enumerate().skip(1) {
        let value = words::unquoted(line, word.clone());
        let text = &line[value.at.clone()];
        let is_quoted = value.at != *word;
        let is_behind_flag =
            || FLAGS.contains(&&line[command[at - 1].clone()]) && values::looks_generated(text);
        if text.len() >= 8
            && (is_quoted && (values::looks_like_a_password(text) || values::looks_like_a_wallet(text))
                || is_behind_flag())
            && !values::is_no_secret(text, value.literal)
            && !is_any_in(&taken, word)
        {
            found.add(value.at, "look");
        }
    }
}

//! Masking of secrets in command lines: the secret's value goes, the command stays. Pure.
//!
//! A secret is found by its position (a header, a URL's credentials, `NAME=value`, `--flag value`, a short flag of a
//! known program, a phrase of SQL or of a config) or by the prefix that its issuer gives it. Variables, placeholders and flags without values stay:
//! nothing secret stands there. When in doubt the value goes: a masked word is a nuisance, a kept secret is a leak.
//!
//! `bpctl run` masks before every command, so all of it is plain scans over the line and its words.

mod alone;
mod calls;
mod encoded;
mod formats;
mod names;
mod phrases;
mod piped;
mod positions;
mod programs;
mod rules;
mod sends;
mod stores;
#[cfg(test)]
mod tests;
mod tokens;
mod values;
mod words;

use std::ops::Range;

use crate::MAX_COMMAND_BYTES;

/// What stands in a secret's place.
pub const MASK: &str = "***";

/// A quoted line inside a quoted line inside …: deeper ones are read as plain words.
const MAX_DEPTH: usize = 4;

/// A command line as it may be kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Masked {
    pub text: String,
    /// The rules that took something out, in the order of the text, each once.
    pub rules: Vec<String>,
}

/// A command line as every door keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// At most [`MAX_COMMAND_BYTES`].
    pub text: String,
    /// Its length before it was cut.
    pub truncated: Option<u64>,
    /// As in [`Masked`].
    pub rules: Vec<String>,
}

/// Masks `line`, then cuts it: what a cut leaves of a secret is no longer known as one.
pub fn keep(line: &str) -> Kept {
    let Masked { mut text, rules } = mask(line);
    let length = text.len();
    text.truncate(text.floor_char_boundary(MAX_COMMAND_BYTES));
    Kept { text, truncated: (length > MAX_COMMAND_BYTES).then_some(length as u64), rules }
}

/// Masks what `line` holds of secrets. Linear in its length.
pub fn mask(line: &str) -> Masked {
    let mut found = Found::default();
    scan(line, 0..line.len(), 0, &mut found);
    tokens::find(line, &mut found);
    phrases::tags(line, &mut found);
    phrases::cards(line, &mut found);
    calls::find(line, &mut found);
    sends::scripts(line, &mut found);
    found.apply(line)
}

/// Goes through one line, and through the lines quoted in it.
fn scan(line: &str, part: Range<usize>, depth: usize, found: &mut Found) {
    for pipeline in words::pipelines(line, part) {
        piped::find(line, &pipeline, found);
        for (nth, command) in pipeline.iter().enumerate() {
            let known = found.secrets.len();
            let bases: Vec<&str> = command.iter().map(|word| words::base(line, word)).collect();
            programs::find(line, command, &bases, found);
            formats::find(line, command, &bases, found);
            sends::find(line, command, &bases, found);
            let asking = positions::Asking::of(&bases);
            let runner = words::carrier(line, command);
            let is_script = piped::prints_a_script(line, &pipeline, nth);
            for (at, word) in command.iter().enumerate() {
                positions::find(line, command, at, &asking, found);
                phrases::find(line, word, found);
                if depth < MAX_DEPTH {
                    let carried = is_script || runner.is_some_and(|runner| runner < at);
                    for inner in words::lines_in(line, word, carried) {
                        scan(line, inner, depth + 1, found);
                    }
                }
            }
            alone::find(line, command, &bases, known, found);
        }
    }
}

/// Places of secrets, each with the rule that found it.
#[derive(Debug, Default)]
struct Found {
    secrets: Vec<(Range<usize>, &'static str)>,
}

impl Found {
    fn add(&mut self, at: Range<usize>, rule: &'static str) {
        if !at.is_empty() {
            self.secrets.push((at, rule));
        }
    }

    /// Adds the value of a word or of a word's end, without its quotes, unless it is plainly no secret.
    fn add_value(&mut self, line: &str, at: Range<usize>, rule: &'static str) {
        let value = words::unquoted(line, at);
        if !values::is_no_secret(&line[value.at.clone()], value.literal) {
            self.add(value.at, rule);
        }
    }

    fn apply(mut self, line: &str) -> Masked {
        self.secrets.sort_by_key(|(at, _)| (at.start, std::cmp::Reverse(at.end)));
        let mut masked = Masked::default();
        let mut kept_to = 0;
        for (at, rule) in self.secrets {
            if at.end <= kept_to {
                continue;
            }
            if at.start >= kept_to {
                masked.text.push_str(&line[kept_to..at.start]);
                masked.text.push_str(MASK);
            }
            kept_to = at.end;
            if !masked.rules.iter().any(|known| known == rule) {
                masked.rules.push(rule.to_owned());
            }
        }
        masked.text.push_str(&line[kept_to..]);
        masked
    }
}

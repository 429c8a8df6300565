//! Secrets inside a quoted text: SQL (`IDENTIFIED BY '…'`), the `login … password …` of a netrc, `password: …` of a config
//! that is written.

use std::ops::Range;

use super::words::{self, Word};
use super::{Found, names, values};

/// What belongs together is no further apart, so that a long line is read once.
const REACH: usize = 512;

/// Looks into one quoted word of a command.
pub(super) fn find(line: &str, word: &Word, found: &mut Found) {
    let inside = words::unquoted(line, word.clone());
    if inside.at == *word || !line[inside.at.clone()].contains([' ', '\n']) {
        return;
    }
    sql(line, inside.at.clone(), inside.literal, found);
    spelled(line, inside.at, inside.literal, found);
}

/// `PASSWORD 'x'`, `PASSWORD = 'x'`, `PASSWORD('x')`, `IDENTIFIED [WITH plugin] BY 'x'`.
fn sql(line: &str, text: Range<usize>, literal: bool, found: &mut Found) {
    let lower = line[text.clone()].to_ascii_lowercase();
    for (mark, by) in [("password", ""), ("identified", "by")] {
        for (at, _) in lower.match_indices(mark) {
            let before = lower[..at].chars().next_back();
            let behind = &lower[at + mark.len()..];
            let by = match by {
                "" => 0,
                by => match reach(behind).find(by).filter(|at| !behind[..*at].contains(['\'', '"', ';'])) {
                    Some(at) => at + by.len(),
                    None => continue,
                },
            };
            let rest = behind[by..].trim_start_matches([' ', '=', '(', '\n', '\t']);
            let quote = rest.trim_start_matches('\\');
            let separated = rest.len() < behind.len() - by;
            let Some(opening @ ('\'' | '"')) = quote.chars().next().filter(|_| separated) else { continue };
            if before.is_some_and(|before| before.is_alphanumeric() || before == '_' || before == opening) {
                continue;
            }
            let start = text.start + (lower.len() - quote.len()) + 1;
            let rest = &line[start..text.end];
            let end =
                rest.find(opening).map_or(text.end, |at| start + rest[..at].trim_end_matches('\\').len());
            if !values::is_no_secret(&line[start..end], literal) {
                found.add(start..end, "sql");
            }
        }
    }
}

/// `login ali password x`, `name: value` and `name = value` where the value is nothing that one writes in a sentence or
/// has quotes of its own, and what a sentence tells: `şifre x`, `the password is x`.
fn spelled(line: &str, text: Range<usize>, literal: bool, found: &mut Found) {
    let words = pieces(line, text);
    for (nth, at) in words.iter().enumerate() {
        let name = &line[at.clone()];
        let word = |nth: usize| words.get(nth).map_or("", |at| &line[at.clone()]);
        // What has quotes around its name is JSON.
        let (name, value, is_pair) = match name.strip_suffix([':', '=']) {
            Some(name) => (name, word(nth + 1), true),
            None if matches!(word(nth + 1), "=" | ":" | ":=" | "=>" | "+=") => (name, word(nth + 2), true),
            None if matches!(word(nth + 1), "is" | "was" | "to") => (name, word(nth + 2), false),
            None => (name, word(nth + 1), false),
        };
        let is_one = if is_pair {
            names::is_secret(name.trim_start_matches('$'))
                && (values::looks_chosen(unmarked(value)) || is_quoted(value))
        } else {
            let is_netrc = matches!(name, "password" | "passwd")
                && nth >= 2
                && matches!(word(nth - 2), "login" | "user" | "username");
            is_netrc || is_told(name, unmarked(value))
        };
        let value = unmarked(value);
        if is_one && !values::is_no_secret(value, literal) {
            let start = value.as_ptr() as usize - line.as_ptr() as usize;
            found.add(start..start + value.len(), "phrase");
        }
    }
}

/// Without what code and sentences have around a value.
fn unmarked(value: &str) -> &str {
    value.trim_matches(['"', '\'', '\\', ',', '}', ';', ')']).trim_end_matches('.')
}

fn is_quoted(value: &str) -> bool {
    let inside = value.trim_start_matches('\\').strip_prefix(['"', '\'']);
    inside.is_some_and(|inside| inside.len() > 4 && inside[1..].contains(['"', '\'']))
}

/// Of words that mean nothing but a password a made-up word is enough; tokens and keys are talked about more often.
fn is_told(name: &str, value: &str) -> bool {
    const PASSWORDS: [&str; 17] = [
        "password",
        "passwd",
        "passphrase",
        "parola",
        "parolası",
        "parolasi",
        "şifre",
        "şifresi",
        "sifre",
        "sifresi",
        "passwort",
        "kennwort",
        "contraseña",
        "senha",
        "pw",
        "requirepass",
        "masterauth",
    ];
    // Cheap way out for nearly every word.
    if !(2..=24).contains(&name.len()) || value.len() < 6 {
        return false;
    }
    // How one shows oneself to a server: `OAuth x`, `AUTH PLAIN x`.
    let scheme = name.rsplit('=').next().unwrap_or(name);
    if matches!(scheme, "OAuth" | "Bearer" | "Basic" | "PLAIN" | "ApiKey" | "PASS") {
        return values::looks_told(value) || values::looks_random(value) || value.ends_with('=');
    }
    if values::looks_generated(value) {
        return names::is_secret(name) || name == "pw";
    }
    PASSWORDS.contains(&name.to_lowercase().as_str()) && values::looks_told(value)
}

/// `<password>x</password>`.
pub(super) fn tags(line: &str, found: &mut Found) {
    for (close, _) in line.match_indices("</") {
        let name = reach(&line[close + 2..]).split('>').next().unwrap_or_default();
        if !names::is_secret(name) {
            continue;
        }
        let open = format!("<{name}>");
        let from = line.floor_char_boundary(close.saturating_sub(REACH));
        let Some(start) = line[from..close].rfind(&open) else { continue };
        let value = from + start + open.len()..close;
        if !values::is_no_secret(&line[value.clone()], false) {
            found.add(value, "phrase");
        }
    }
}

/// `WIFI:S:name;P:SECRET;;`, as a picture of it says.
pub(super) fn cards(line: &str, found: &mut Found) {
    for (at, _) in line.match_indices("WIFI:") {
        let card = reach(&line[at..]);
        let card = card.split_once(";;").map_or(card, |(card, _)| card);
        let Some(start) = card.find(";P:").or_else(|| card.find(":P:")).map(|at| at + 3) else { continue };
        let length = card[start..].find(';').unwrap_or(card.len() - start);
        let value = at + start..at + start + length;
        if !values::is_no_secret(&line[value.clone()], false) {
            found.add(value, "phrase");
        }
    }
}

fn reach(text: &str) -> &str {
    &text[..text.floor_char_boundary(REACH)]
}

/// What blanks, and line ends as `echo -e` and `printf` write them, cut apart.
fn pieces(line: &str, text: Range<usize>) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    let mut start = text.start;
    let bytes = line.as_bytes();
    let mut at = text.start;
    while at < text.end {
        let escaped = bytes[at] == b'\\' && matches!(bytes.get(at + 1), Some(b'n' | b't' | b'r'));
        if escaped || bytes[at].is_ascii_whitespace() {
            if start < at {
                pieces.push(start..at);
            }
            at += 1 + usize::from(escaped);
            start = at;
        } else {
            at += 1;
        }
    }
    let start = start.min(text.end);
    if start < text.end {
        pieces.push(start..text.end);
    }
    pieces
}

//! zsh: a line each, or, extended, `: SECONDS:TOOK;COMMAND`. A newline inside a command stands behind a backslash, and
//! bytes that zsh's own encoding uses are written in two (metafied).

use std::time::Duration;

use super::{Entry, seconds};

/// Stands before a byte that was xored with 32.
const META: u8 = 0x83;

pub(super) fn entries(file: &[u8]) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut whole: Vec<u8> = Vec::new();
    for line in file.split(|byte| *byte == b'\n') {
        if !whole.is_empty() {
            whole.push(b'\n');
        }
        if let Some(part) = line.strip_suffix(b"\\") {
            whole.extend_from_slice(part);
            // An empty part must not be taken for nothing.
            if whole.is_empty() {
                whole.push(b'\n');
            }
            continue;
        }
        // A command that ends with a backslash has a blank put behind it.
        let line = if line.ends_with(b"\\ ") { &line[..line.len() - 1] } else { line };
        whole.extend_from_slice(line);
        if !whole.is_empty() {
            entries.push(entry(&unmetafied(&whole)));
            whole.clear();
        }
    }
    if !whole.is_empty() {
        entries.push(entry(&unmetafied(&whole)));
    }
    entries
}

fn entry(whole: &[u8]) -> Entry {
    extended(whole).unwrap_or_else(|| Entry::plain(whole))
}

fn extended(whole: &[u8]) -> Option<Entry> {
    let rest = whole.strip_prefix(b": ")?;
    let semicolon = rest.iter().position(|byte| *byte == b';')?;
    let (times, text) = (&rest[..semicolon], &rest[semicolon + 1..]);
    let colon = times.iter().position(|byte| *byte == b':')?;
    let at = seconds(&times[..colon])?;
    let took: u64 = str::from_utf8(&times[colon + 1..]).ok()?.parse().ok()?;
    // Whole seconds: 0 is nothing known. Written before the command ended (INC_APPEND_HISTORY) it is 0, too.
    let took = (took > 0).then(|| Duration::from_secs(took));
    Some(Entry { at: Some(at), took, ..Entry::plain(text) })
}

fn unmetafied(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter();
    while let Some(byte) = rest.next() {
        plain.push(match byte {
            &META => rest.next().map_or(META, |byte| byte ^ 32),
            byte => *byte,
        });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(file: &[u8], expected: &[(&str, Option<i64>, Option<u64>)]) {
        let entries = entries(file);
        let found: Vec<_> = entries
            .iter()
            .map(|entry| {
                (entry.text.as_str(), entry.at.map(|at| at.0 / 1000), entry.took.map(|took| took.as_secs()))
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn an_extended_history_has_times_and_durations() {
        check(
            b": 1700000000:0;ls\n: 1700000005:12;make all; echo done\n",
            &[("ls", Some(1_700_000_000), None), ("make all; echo done", Some(1_700_000_005), Some(12))],
        );
    }

    #[test]
    fn a_plain_history_is_a_line_each() {
        check(b"ls\n: not a time;x\n", &[("ls", None, None), (": not a time;x", None, None)]);
    }

    #[test]
    fn newlines_stand_behind_a_backslash() {
        check(
            b": 1700000000:0;for i in 1\\\ndo echo\\\ndone\nls\\ \nx\n",
            &[
                ("for i in 1\ndo echo\ndone", Some(1_700_000_000), None),
                ("ls\\", None, None),
                ("x", None, None),
            ],
        );
    }

    #[test]
    fn bytes_in_two_are_one() {
        // ş is c5 9f; zsh writes 9f as 83 bf.
        check(b"echo \xc5\x83\xbf\n", &[("echo ş", None, None)]);
        check(b"cut \x83", &[("cut \u{fffd}", None, None)]);
    }
}

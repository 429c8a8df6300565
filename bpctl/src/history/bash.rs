//! bash: a line each; with times, `#SECONDS` above each command, which may then have several lines.

use super::{Entry, seconds};

pub(super) fn entries(file: &[u8]) -> Vec<Entry> {
    let lines: Vec<&[u8]> = file.split(|byte| *byte == b'\n').collect();
    // As bash reads it: with a time on top, everything up to the next time is one command.
    if lines.first().and_then(|line| time(line)).is_none() {
        return plain(&lines);
    }
    let mut entries: Vec<Entry> = Vec::new();
    let mut at = None;
    let mut text: Vec<u8> = Vec::new();
    let mut close = |at, text: &mut Vec<u8>| {
        if !text.is_empty() {
            entries.push(Entry { at, ..Entry::plain(text) });
            text.clear();
        }
    };
    for line in lines {
        if let Some(time) = time(line) {
            close(at, &mut text);
            at = Some(time);
        } else if !line.is_empty() {
            if !text.is_empty() {
                text.push(b'\n');
            }
            text.extend_from_slice(line);
        }
    }
    close(at, &mut text);
    entries
}

/// Times may begin later in the file, where they were switched on: then each stands above one line.
fn plain(lines: &[&[u8]]) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut at = None;
    for line in lines {
        match time(line) {
            Some(time) => at = Some(time),
            None if line.is_empty() => {}
            None => entries.push(Entry { at: at.take(), ..Entry::plain(line) }),
        }
    }
    entries
}

fn time(line: &[u8]) -> Option<bp_proto::UnixMillis> {
    let digits = line.strip_prefix(b"#")?;
    (!digits.is_empty() && digits.iter().all(u8::is_ascii_digit)).then(|| seconds(digits))?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(file: &[u8], expected: &[(&str, Option<i64>)]) {
        let entries = entries(file);
        let found: Vec<_> =
            entries.iter().map(|entry| (entry.text.as_str(), entry.at.map(|at| at.0 / 1000))).collect();
        assert_eq!(found, expected);
        assert!(entries.iter().all(|entry| entry.took.is_none()));
    }

    #[test]
    fn a_history_without_times_is_a_line_each() {
        check(
            b"make\n\n# a remark\ncaf\xe9\n",
            &[("make", None), ("# a remark", None), ("caf\u{fffd}", None)],
        );
        check(b"", &[]);
        check(b"cut short", &[("cut short", None)]);
    }

    #[test]
    fn a_history_with_times_has_commands_of_several_lines() {
        check(
            b"#1700000000\nfor i in 1 2\ndo echo $i\ndone\n#1700000005\nmake\n#1700000009\n",
            &[("for i in 1 2\ndo echo $i\ndone", Some(1_700_000_000)), ("make", Some(1_700_000_005))],
        );
    }

    #[test]
    fn times_that_begin_later_stand_above_one_line_each() {
        check(b"old\n#1700000000\nmake\nls\n", &[("old", None), ("make", Some(1_700_000_000)), ("ls", None)]);
    }
}

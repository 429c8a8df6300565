//! zsh: a line each, or, extended, `: SECONDS:TOOK;COMMAND`. A newline inside a command stands behind a backslash, and
//! bytes that zsh's own encoding uses are written in two (metafied).

use std::time::Duration;

use super::lines::MAX_LINE_BYTES;
use super::{Dates, Entry, Parser};

/// Stands before a byte that was xored with 32.
const META: u8 = 0x83;

#[derive(Debug)]
pub(super) struct Zsh {
    dates: Dates,
    /// The lines of a command that goes on.
    whole: Vec<u8>,
    goes_on: bool,
}

impl Zsh {
    pub(super) fn new(dates: Dates) -> Self {
        Self { dates, whole: Vec::new(), goes_on: false }
    }

    fn entry(&self) -> Entry {
        let whole = unmetafied(&self.whole);
        extended(&whole, self.dates).unwrap_or_else(|| Entry::plain(&whole))
    }
}

impl Parser for Zsh {
    fn line(&mut self, line: &[u8], entries: &mut Vec<Entry>) {
        if self.goes_on {
            self.whole.push(b'\n');
        }
        // A command that ends with a backslash has a blank put behind it.
        let part = line.strip_suffix(b"\\");
        let line = part.unwrap_or(if line.ends_with(b"\\ ") { &line[..line.len() - 1] } else { line });
        if self.whole.len() <= MAX_LINE_BYTES {
            self.whole.extend_from_slice(line);
        }
        self.goes_on = part.is_some();
        if !self.goes_on {
            self.end(entries);
        }
    }

    fn end(&mut self, entries: &mut Vec<Entry>) {
        if !self.whole.is_empty() {
            entries.push(self.entry());
        }
        self.whole.clear();
        self.goes_on = false;
    }
}

/// `None`: not in the extended form. A date that cannot be true is none, and then the duration is not believed either.
fn extended(whole: &[u8], dates: Dates) -> Option<Entry> {
    let rest = whole.strip_prefix(b": ")?;
    let semicolon = rest.iter().position(|byte| *byte == b';')?;
    let (times, text) = (&rest[..semicolon], &rest[semicolon + 1..]);
    let colon = times.iter().position(|byte| *byte == b':')?;
    let is_number = |digits: &[u8]| {
        let digits = digits.trim_ascii();
        let digits = digits.strip_prefix(b"-").unwrap_or(digits);
        !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
    };
    if !is_number(&times[..colon]) || !is_number(&times[colon + 1..]) {
        return None;
    }
    let at = dates.read(&times[..colon]);
    let took: Option<u64> = str::from_utf8(&times[colon + 1..]).ok()?.trim().parse().ok();
    // Whole seconds: 0 is nothing known. Written before the command ended (INC_APPEND_HISTORY) it is 0, too.
    let took = took.filter(|took| *took > 0 && at.is_some()).map(Duration::from_secs);
    Some(Entry { at, took, ..Entry::plain(text) })
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
    use super::super::{Shell, tests::parsed};

    fn check(file: &[u8], expected: &[(&str, Option<i64>, Option<u64>)]) {
        let entries = parsed(Shell::Zsh, file);
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
    fn a_date_that_cannot_be_true_is_none() {
        check(
            b": 0:3;a\n: -5:3;b\n: 16725225600:3;c\n: 5:0;d\n: 99999999999999999999:0;e\n",
            &[("a", None, None), ("b", None, None), ("c", None, None), ("d", None, None), ("e", None, None)],
        );
    }

    #[test]
    fn a_plain_history_is_a_line_each() {
        check(b"ls\r\n: not a time;x\n", &[("ls", None, None), (": not a time;x", None, None)]);
    }

    #[test]
    fn newlines_stand_behind_a_backslash() {
        check(
            b": 1700000000:0;for i in 1\\\ndo echo\\\ndone\nls\\ \nx\n\\\n\\\ny\ncut\\",
            &[
                ("for i in 1\ndo echo\ndone", Some(1_700_000_000), None),
                ("ls\\", None, None),
                ("x", None, None),
                ("\n\ny", None, None),
                ("cut", None, None),
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

//! bash: a line each; with times, `#SECONDS` above each command, which may then have several lines. Without times
//! nothing marks where a command of several lines ends: the grammar tells, as far as it can be known.

use bp_proto::UnixMillis;

use super::grammar::State;
use super::lines::MAX_LINE_BYTES;
use super::{Dates, Entry, Parser};

/// A command below a time with more lines than this: times were switched off later, and no entry ends any more.
const MAX_TIMED_LINES: usize = 500;

/// A here-document that does not end within so many lines is none.
const MAX_DOCUMENT_LINES: usize = 300;

/// A quote or a compound command that is still open after so many lines was given up when it was typed.
const MAX_OPEN_LINES: usize = 40;

#[derive(Debug)]
pub(super) struct Bash {
    dates: Dates,
    mode: Mode,
    /// Of the entry that comes next.
    at: Option<UnixMillis>,
    /// Lines of an entry that may go on.
    pending: Vec<Vec<u8>>,
    bytes: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// No line came yet.
    First,
    /// As bash reads it: with a time on top, everything up to the next time is one command.
    Timed,
    /// Times may begin later in the file, where they were switched on: then each stands above one command.
    Plain,
}

impl Bash {
    pub(super) fn new(dates: Dates) -> Self {
        Self { dates, mode: Mode::First, at: None, pending: Vec::new(), bytes: 0, state: State::default() }
    }

    fn timed_line(&mut self, line: &[u8], entries: &mut Vec<Entry>) {
        // The first line is kept even if it is too long: then the entry is.
        if self.pending.is_empty() && line.is_empty() {
            return;
        }
        self.keep(line);
        if self.pending.len() > MAX_TIMED_LINES || self.bytes > MAX_LINE_BYTES {
            self.mode = Mode::Plain;
            self.replay(entries);
        }
    }

    fn keep(&mut self, line: &[u8]) {
        self.bytes += line.len() + 1;
        self.pending.push(line.to_vec());
    }

    fn close_timed(&mut self, entries: &mut Vec<Entry>) {
        while self.pending.last().is_some_and(Vec::is_empty) {
            self.pending.pop();
        }
        self.close(entries);
    }

    /// All pending lines are one entry.
    fn close(&mut self, entries: &mut Vec<Entry>) {
        let at = self.at.take();
        if !self.pending.is_empty() {
            entries.push(Entry { at, ..Entry::plain(&self.pending.join(&b'\n')) });
        }
        self.pending.clear();
        self.bytes = 0;
        self.state = State::default();
    }

    fn plain_line(&mut self, line: &[u8], entries: &mut Vec<Entry>) {
        if self.pending.is_empty() && line.is_empty() {
            return;
        }
        self.state.feed(line);
        self.keep(line);
        if self.state.is_complete() {
            self.close(entries);
        } else {
            let most = if self.state.is_in_document() { MAX_DOCUMENT_LINES } else { MAX_OPEN_LINES };
            if self.pending.len() > most || self.bytes > MAX_LINE_BYTES {
                self.replay(entries);
            }
        }
    }

    /// Gives up on the pending lines as one entry: the first stands for itself, the others are read again.
    fn replay(&mut self, entries: &mut Vec<Entry>) {
        let mut lines = std::mem::take(&mut self.pending).into_iter();
        if let Some(first) = lines.next() {
            let at = self.at.take();
            entries.push(Entry { at, ..Entry::plain(&first) });
        }
        self.bytes = 0;
        self.state = State::default();
        for line in lines {
            self.plain_line(&line, entries);
        }
    }

    /// Pending lines of which no more come: those that make a whole are together, the others for themselves.
    fn flush(&mut self, entries: &mut Vec<Entry>) {
        if self.mode == Mode::Timed {
            self.close_timed(entries);
        }
        while !self.pending.is_empty() {
            self.replay(entries);
        }
    }
}

impl Parser for Bash {
    fn line(&mut self, line: &[u8], entries: &mut Vec<Entry>) {
        let is_time = is_time(line) && !(self.mode == Mode::Plain && self.state.is_in_document());
        if self.mode == Mode::First {
            if line.is_empty() {
                return;
            }
            self.mode = if is_time { Mode::Timed } else { Mode::Plain };
        }
        if is_time {
            self.flush(entries);
            self.at = self.dates.read(&line[1..]);
        } else if self.mode == Mode::Timed {
            self.timed_line(line, entries);
        } else {
            self.plain_line(line, entries);
        }
    }

    fn end(&mut self, entries: &mut Vec<Entry>) {
        self.flush(entries);
    }
}

/// `#` and a number. bash writes no negative one; a damaged or hand-made file may have it.
fn is_time(line: &[u8]) -> bool {
    let Some(number) = line.strip_prefix(b"#") else { return false };
    let digits = number.strip_prefix(b"-").unwrap_or(number);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::super::{Shell, tests::parsed};
    use super::*;

    fn lines(count: usize) -> Vec<String> {
        (0..count).map(|at| format!("ls {at}")).collect()
    }

    fn check(file: &[u8], expected: &[(&str, Option<i64>)]) {
        let entries = parsed(Shell::Bash, file);
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
        check(b"\xef\xbb\xbfmake\r\nl\0s\r\n", &[("make", None), ("ls", None)]);
    }

    #[test]
    fn a_history_with_times_has_commands_of_several_lines() {
        check(
            b"#1700000000\nfor i in 1 2\ndo echo $i\n\ndone\n\n#1700000005\nmake\n#1700000009\n",
            &[("for i in 1 2\ndo echo $i\n\ndone", Some(1_700_000_000)), ("make", Some(1_700_000_005))],
        );
        check(b"#1700000000\r\nmake\r\n", &[("make", Some(1_700_000_000))]);
    }

    #[test]
    fn times_that_begin_later_stand_above_one_command_each() {
        check(b"old\n#1700000000\nmake\nls\n", &[("old", None), ("make", Some(1_700_000_000)), ("ls", None)]);
        check(
            b"old\n#1700000000\ncat <<X\na\nX\nls\n",
            &[("old", None), ("cat <<X\na\nX", Some(1_700_000_000)), ("ls", None)],
        );
    }

    #[test]
    fn dates_that_cannot_be_true_are_none() {
        check(
            b"#0\na\n#-5\nb\n#16725225600\nc\n#5\nd\n#1700000000\ne\n#99999999999999999999999\nf\n",
            &[("a", None), ("b", None), ("c", None), ("d", None), ("e", Some(1_700_000_000)), ("f", None)],
        );
    }

    #[test]
    fn commands_of_several_lines_are_one_where_it_can_be_known() {
        check(
            b"cat <<X | wc\nhello\n#1\nX\nfor i in 1 2\ndo echo\ndone\ngit commit -m 'a\n\nb'\nmake \\\nall\nls\n",
            &[
                ("cat <<X | wc\nhello\n#1\nX", None),
                ("for i in 1 2\ndo echo\ndone", None),
                ("git commit -m 'a\n\nb'", None),
                ("make \\\nall", None),
                ("ls", None),
            ],
        );
    }

    #[test]
    fn what_was_left_open_swallows_nothing() {
        let many = lines(MAX_DOCUMENT_LINES + 9);
        for open in ["echo it's", "cat <<X", "for i in 1 2", "(cd x"] {
            for count in [3, MAX_OPEN_LINES + 5, MAX_DOCUMENT_LINES + 9] {
                let rest = many[..count].join("\n");
                let entries = parsed(Shell::Bash, format!("{open}\n{rest}\n").as_bytes());
                assert_eq!(entries.len(), count + 1, "{open} {count}");
                assert_eq!((entries[0].text.as_str(), entries[1].text.as_str()), (open, "ls 0"));
            }
        }
    }

    #[test]
    fn times_that_were_switched_off_later_leave_no_giant_entry() {
        let many = lines(MAX_TIMED_LINES + 50).join("\n");
        let entries = parsed(Shell::Bash, format!("#1700000000\nmake\n#1700000001\n{many}").as_bytes());
        assert_eq!(entries.len(), MAX_TIMED_LINES + 51);
        assert_eq!(entries[1].at, Some(UnixMillis(1_700_000_001_000)));
        assert!(entries[2..].iter().all(|entry| entry.at.is_none()));
    }
}

//! What shells remember of what was typed, as they keep it on disk. Pure: bytes in, entries out, as a stream.

mod bash;
mod fish;
mod grammar;
mod lines;
mod powershell;
mod zsh;

use std::io::{self, BufRead};
use std::time::Duration;

use bp_proto::UnixMillis;
use sha2::{Digest as _, Sha256};
use ulid::Ulid;

use crate::verbs::init::Shell;

pub(crate) use lines::MAX_LINE_BYTES;

/// One command line of a history, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub text: String,
    /// `None`: the history keeps no dates, or this one cannot be true.
    pub at: Option<UnixMillis>,
    /// zsh alone keeps it, in seconds; 0 there is less than one.
    pub took: Option<Duration>,
}

impl Entry {
    fn plain(text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text);
        let text = if text.contains('\0') { text.replace('\0', "") } else { text.into_owned() };
        Self { text, at: None, took: None }
    }
}

/// The dates that can be believed.
#[derive(Clone, Copy, Debug)]
pub struct Dates {
    latest: UnixMillis,
}

/// Clocks differ; a line of tomorrow is still believed.
const MAX_AHEAD: Duration = Duration::from_secs(24 * 60 * 60);

/// 1990-01-01: none of these shells kept dates before.
const EARLIEST_SECONDS: i64 = 631_152_000;

impl Dates {
    pub fn until(now: UnixMillis) -> Self {
        Self { latest: now.plus(MAX_AHEAD) }
    }

    /// Seconds since 1970 as an instant; `None` if no command can have been typed then.
    fn read(self, digits: &[u8]) -> Option<UnixMillis> {
        let seconds: i64 = str::from_utf8(digits).ok()?.trim().parse().ok()?;
        let at = UnixMillis(seconds.checked_mul(1000)?);
        (seconds >= EARLIEST_SECONDS && at <= self.latest).then_some(at)
    }
}

/// Turns the lines of one shell's history file into entries.
trait Parser {
    /// Takes one line without its line end, and adds the entries that are complete now.
    fn line(&mut self, line: &[u8], entries: &mut Vec<Entry>);

    /// There are no more lines.
    fn end(&mut self, entries: &mut Vec<Entry>);
}

/// The entries of a shell's history file, oldest first.
pub struct Entries<R> {
    lines: lines::Lines<R>,
    parser: Box<dyn Parser>,
    ready: std::vec::IntoIter<Entry>,
    has_ended: bool,
}

impl<R: BufRead> Entries<R> {
    /// `None`: the history of this shell cannot be read.
    pub fn new(shell: Shell, file: R, dates: Dates) -> Option<Self> {
        let parser: Box<dyn Parser> = match shell {
            Shell::Bash => Box::new(bash::Bash::new(dates)),
            Shell::Zsh => Box::new(zsh::Zsh::new(dates)),
            Shell::Fish => Box::new(fish::Fish::new(dates)),
            Shell::Powershell => Box::new(powershell::Powershell::default()),
        };
        Some(Self { lines: lines::Lines::new(file), parser, ready: Vec::new().into_iter(), has_ended: false })
    }

    /// The next entry; `None` at the end.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn next_entry(&mut self) -> io::Result<Option<Entry>> {
        loop {
            if let Some(entry) = self.ready.next() {
                return Ok(Some(entry));
            }
            if self.has_ended {
                return Ok(None);
            }
            let mut entries = Vec::new();
            if let Some(line) = self.lines.next_line()? {
                self.parser.line(line, &mut entries);
            } else {
                self.parser.end(&mut entries);
                self.has_ended = true;
            }
            self.ready = entries.into_iter();
        }
    }

    /// Bytes of the file that were read so far.
    pub fn bytes_read(&self) -> u64 {
        self.lines.read
    }
}

/// Visits each line of a file, without its line end.
///
/// # Errors
/// The file cannot be read.
pub fn each_line(file: impl BufRead, mut visit: impl FnMut(&[u8])) -> io::Result<()> {
    let mut lines = lines::Lines::new(file);
    while let Some(line) = lines.next_line()? {
        visit(line);
    }
    Ok(())
}

/// A name that is the same each time the history is read, also when it has grown: of a dated line by when it was typed
/// and what it says, of an undated one by its text. `nth` = how many like it stand before it in the file.
pub fn uid(shell: Shell, entry: &Entry, nth: usize) -> Ulid {
    let at = entry.at.map_or(0, |at| u64::try_from(at.0).unwrap_or(0));
    let mut hash = Sha256::new();
    for part in
        [shell.name().as_bytes(), &at.to_be_bytes(), &(nth as u64).to_be_bytes(), entry.text.as_bytes()]
    {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut random = [0; 16];
    random.copy_from_slice(&hash.finalize()[..16]);
    Ulid::from_parts(at, u128::from_be_bytes(random))
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn parsed(shell: Shell, file: &[u8]) -> Vec<Entry> {
        let dates = Dates::until(UnixMillis(1_800_000_000_000));
        let mut entries = Entries::new(shell, file, dates).unwrap();
        let mut all = Vec::new();
        while let Some(entry) = entries.next_entry().unwrap() {
            all.push(entry);
        }
        assert_eq!(entries.bytes_read(), file.len() as u64);
        all
    }

    #[test]
    fn a_line_keeps_its_name_and_no_two_share_one() {
        let entry =
            |text: &str, at: Option<i64>| Entry { text: text.to_owned(), at: at.map(UnixMillis), took: None };
        let name = |entry: &Entry, nth| uid(Shell::Bash, entry, nth);
        let dated = entry("make", Some(1_700_000_000_000));
        assert_eq!(name(&dated, 0), name(&dated.clone(), 0));
        assert_eq!(name(&dated, 0).timestamp_ms(), 1_700_000_000_000);
        let all = [
            name(&dated, 0),
            name(&dated, 1),
            name(&entry("make", None), 0),
            name(&entry("make x", Some(1_700_000_000_000)), 0),
            uid(Shell::Zsh, &dated, 0),
        ];
        let distinct: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn a_date_that_cannot_be_true_is_none() {
        let dates = Dates::until(UnixMillis(1_800_000_000_000));
        assert_eq!(dates.read(b"1700000000"), Some(UnixMillis(1_700_000_000_000)));
        assert!(dates.read(b"1800086400").is_some(), "a clock that goes ahead");
        for wrong in [
            &b"0"[..],
            b"-5",
            b"5",
            b"1800086401",
            b"16725225600",
            b"9223372036854775807",
            b"99999999999999999999",
            b"x",
            b"",
        ] {
            assert_eq!(dates.read(wrong), None, "{}", String::from_utf8_lossy(wrong));
        }
    }

    proptest::proptest! {
        #[test]
        fn any_file_is_read_to_its_end(file in proptest::collection::vec(
            proptest::prop_oneof![
                proptest::sample::select(b"\n\r\0\\'\"#:;<({ \x83".to_vec()),
                proptest::num::u8::ANY,
            ],
            0..400,
        )) {
            for shell in Shell::ALL {
                for entry in parsed(shell, &file) {
                    proptest::prop_assert!(!entry.text.contains('\0'));
                }
            }
        }

        /// Commands of one line, without anything open, are one entry each, whatever stands in front of them.
        #[test]
        fn a_line_each_is_an_entry_each(lines in proptest::collection::vec("[a-z][a-z0-9 ./=-]{0,20}[a-z]", 0..40), crlf in proptest::bool::ANY) {
            let lines: Vec<String> = lines.into_iter().map(|line| format!("run {line}")).collect();
            let file = lines.join(if crlf { "\r\n" } else { "\n" });
            for shell in [Shell::Bash, Shell::Zsh, Shell::Powershell] {
                let texts: Vec<String> = parsed(shell, file.as_bytes()).into_iter().map(|entry| entry.text).collect();
                proptest::prop_assert_eq!(&texts, &lines);
            }
        }
    }
}

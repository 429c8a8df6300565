//! A history file on its way to bpd: read as a stream, sent in batches, with progress on a terminal.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::io::{self, BufReader, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bp_proto::place::home;
use bp_proto::report::Imported;
use bp_proto::request::{HistoryLine, MAX_IMPORTED_AT_ONCE};
use bp_proto::{Request, UnixMillis};

use crate::ask::Bpd;
use crate::history::{self, Dates, Entries, Entry};
use crate::screen::Screen;
use crate::text::said::OrSay as _;
use crate::text::words::Word;
use crate::verbs::init::Shell;

/// One request, well below what a frame holds even when every byte is escaped.
const MAX_BATCH_BYTES: usize = 128 << 10;

/// How long bpd may take for one batch: before the first undated one it counts what it has recorded.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(300);

/// bpd closes a connection that is silent for 30 s; after half of that a new one is opened.
const MAX_SILENCE: Duration = Duration::from_secs(15);

/// Between two updates of the progress line.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

/// When fish takes over bash's history on its first start, all lines get the time of that moment.
const TAKEOVER: Duration = Duration::from_secs(2);

/// A history file that is to be imported.
pub struct History {
    pub shell: Shell,
    pub path: PathBuf,
    dates: Dates,
}

/// Why an entry is not imported; those that only bpd knows are counted by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Reason {
    Spaced,
    Comment,
    Empty,
    TooLong,
    FromBash,
}

impl Reason {
    const ALL: [(Self, Word); 5] = [
        (Self::Spaced, Word::ImportSpaced),
        (Self::Comment, Word::ImportComments),
        (Self::Empty, Word::ImportEmpty),
        (Self::TooLong, Word::ImportTooLong),
        (Self::FromBash, Word::ImportFromBash),
    ];

    /// `None`: the entry is to be imported.
    fn of(entry: &Entry) -> Option<Self> {
        let text = &entry.text;
        if text.trim().is_empty() {
            Some(Self::Empty)
        } else if text.starts_with([' ', '\t']) {
            Some(Self::Spaced)
        } else if text.starts_with('#') {
            Some(Self::Comment)
        } else {
            (text.len() > history::MAX_LINE_BYTES).then_some(Self::TooLong)
        }
    }
}

/// Which entries of the file one pass sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
    Dated,
    Undated,
}

impl History {
    pub fn new(shell: Shell, path: PathBuf, now: UnixMillis) -> Self {
        Self { shell, path, dates: Dates::until(now) }
    }

    /// How many entries there are to import.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn count(&self) -> anyhow::Result<u64> {
        let mut count = 0;
        self.each(|entry, _| {
            count += u64::from(Reason::of(&entry).is_none());
            Ok(())
        })?;
        Ok(count)
    }

    /// Gives all of it to bpd, and says what became of it.
    ///
    /// # Errors
    /// The file cannot be read, or bpd does not answer.
    pub fn send(self, screen: &Screen) -> anyhow::Result<()> {
        let size = std::fs::metadata(&self.path).map_or(0, |meta| meta.len());
        let mut taken_over = self.taken_over();
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let mut sender = Sender::new(screen, size);
        let mut left_out: HashMap<Reason, u64> = HashMap::new();
        let mut undated = 0_u64;
        // Dated entries first: bpd finds those that it has recorded by their time, so that it can tell which of equal
        // undated ones it does not know.
        for pass in [Pass::Dated, Pass::Undated] {
            if pass == Pass::Undated && undated == 0 {
                break;
            }
            let mut names = Names::default();
            self.each(|entry, at_byte| {
                let is_undated = entry.at.is_none();
                if pass == Pass::Dated {
                    let reason =
                        Reason::of(&entry).or_else(|| taken_over.has(&entry).then_some(Reason::FromBash));
                    if let Some(reason) = reason {
                        *left_out.entry(reason).or_default() += 1;
                        return Ok(());
                    }
                    undated += u64::from(is_undated);
                }
                if is_undated != (pass == Pass::Undated) || Reason::of(&entry).is_some() {
                    return Ok(());
                }
                let uid = history::uid(self.shell, &entry, names.nth(&entry));
                sender.push(
                    HistoryLine {
                        uid,
                        command: entry.text,
                        started_at: entry.at,
                        took: entry.took,
                        shell: self.shell.name().to_owned(),
                        host: host.clone(),
                    },
                    at_byte,
                )
            })?;
            sender.flush()?;
        }
        sender.clear_progress();
        self.report(&sender.sum, &left_out, screen)
    }

    fn report(&self, sum: &Imported, left_out: &HashMap<Reason, u64>, screen: &Screen) -> anyhow::Result<()> {
        let all = sum.left_out + left_out.values().sum::<u64>();
        let counts = [sum.taken, sum.known, all].map(|count| count.to_string());
        let shown = self.path.display().to_string();
        let mut page = screen.say(Word::ImportDone, &[&shown, &counts[0], &counts[1], &counts[2]]) + "\n";
        let unnamed = sum.left_out.saturating_sub(sum.looks + sum.ignored);
        let empty = unnamed + left_out.get(&Reason::Empty).copied().unwrap_or(0);
        let local = Reason::ALL.map(|(reason, word)| {
            let count =
                if reason == Reason::Empty { empty } else { left_out.get(&reason).copied().unwrap_or(0) };
            (word, count)
        });
        let reasons: Vec<String> = [(Word::ImportLooks, sum.looks), (Word::ImportIgnored, sum.ignored)]
            .into_iter()
            .chain(local)
            .filter(|(_, count)| *count > 0)
            .map(|(word, count)| screen.say(word, &[&count.to_string()]))
            .collect();
        if !reasons.is_empty() {
            page.extend(["  ", &screen.say(Word::ImportLeftOut, &[&reasons.join(" · ")]), "\n"]);
        }
        if sum.undated > 0 {
            page.extend(["  ", &screen.say(Word::ImportWithoutDate, &[&sum.undated.to_string()]), "\n"]);
        }
        Ok(screen.print(&page)?)
    }

    /// Visits each entry, and how many bytes of the file were read with it.
    fn each(&self, mut visit: impl FnMut(Entry, u64) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let shown = self.path.display().to_string();
        let file = File::open(&self.path).or_say(Word::CannotRead, &[&shown])?;
        let entries = Entries::new(self.shell, BufReader::with_capacity(1 << 16, file), self.dates);
        let mut entries = entries.or_say(Word::ImportCannot, &[self.shell.name()])?;
        while let Some(entry) = entries.next_entry().or_say(Word::CannotRead, &[&shown])? {
            let at_byte = entries.bytes_read();
            visit(entry, at_byte)?;
        }
        Ok(())
    }

    /// What fish may have taken over from bash's history.
    fn taken_over(&self) -> TakenOver {
        if self.shell != Shell::Fish {
            return TakenOver::default();
        }
        let path = home().ok().map(|home| home.join(".bash_history"));
        path.and_then(|path| TakenOver::of(&path).ok()).unwrap_or_default()
    }
}

/// Lines of bash's history, by their hash. fish takes them over on its first start, all with the time of that moment.
#[derive(Debug, Default)]
struct TakenOver {
    lines: HashSet<u64>,
    /// The time of the first entry, while only entries of that moment have come.
    moment: Option<UnixMillis>,
    is_over: bool,
}

impl TakenOver {
    fn of(path: &Path) -> io::Result<Self> {
        let mut lines = HashSet::new();
        history::each_line(BufReader::new(File::open(path)?), |line| {
            lines.insert(hash(&String::from_utf8_lossy(line).trim()));
        })?;
        Ok(Self { lines, ..Self::default() })
    }

    /// Whether fish has this entry from bash. To be asked of every entry in the order of the file.
    fn has(&mut self, entry: &Entry) -> bool {
        if self.is_over || self.lines.is_empty() {
            return false;
        }
        let Some(at) = entry.at else { return false };
        let first = *self.moment.get_or_insert(at);
        self.is_over = at < first || at > first.plus(TAKEOVER);
        !self.is_over && self.lines.contains(&hash(&entry.text.trim()))
    }
}

/// Counts equal entries: undated ones in the whole file, dated ones within their second.
#[derive(Debug, Default)]
struct Names {
    undated: HashMap<u64, u32>,
    second: Option<UnixMillis>,
    of_second: HashMap<u64, u32>,
}

impl Names {
    /// How many equal entries came before.
    fn nth(&mut self, entry: &Entry) -> usize {
        let counts = match entry.at {
            None => &mut self.undated,
            Some(at) => {
                if self.second != Some(at) {
                    self.second = Some(at);
                    self.of_second.clear();
                }
                &mut self.of_second
            }
        };
        let count = counts.entry(hash(&entry.text)).or_default();
        *count += 1;
        *count as usize - 1
    }
}

fn hash(text: &impl std::hash::Hash) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(text)
}

/// Sends lines in batches; connects when there is something to send.
struct Sender<'a> {
    bpd: Option<Bpd>,
    used_at: Instant,
    batch: Vec<HistoryLine>,
    batch_bytes: usize,
    sum: Imported,
    sent: u64,
    progress: Option<&'a Screen>,
    shown_at: Instant,
    size: u64,
}

impl<'a> Sender<'a> {
    fn new(screen: &'a Screen, size: u64) -> Self {
        let now = Instant::now();
        Self {
            bpd: None,
            used_at: now,
            batch: Vec::new(),
            batch_bytes: 0,
            sum: Imported::default(),
            sent: 0,
            progress: io::stderr().is_terminal().then_some(screen),
            shown_at: now,
            size,
        }
    }

    fn push(&mut self, line: HistoryLine, at_byte: u64) -> anyhow::Result<()> {
        let length = line.command.len();
        if self.batch.len() == MAX_IMPORTED_AT_ONCE || self.batch_bytes + length > MAX_BATCH_BYTES {
            self.flush()?;
        }
        self.batch_bytes += length;
        self.batch.push(line);
        if let Some(screen) = self.progress
            && self.shown_at.elapsed() >= PROGRESS_INTERVAL
        {
            self.shown_at = Instant::now();
            let percent = (at_byte * 100).checked_div(self.size).unwrap_or(0).min(100).to_string();
            let text = screen.say(Word::ImportProgress, &[&percent, &self.sent.to_string()]);
            let _ = write!(io::stderr(), "\r{text}\x1b[K");
        }
        Ok(())
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let batch = std::mem::take(&mut self.batch);
        self.batch_bytes = 0;
        self.sent += batch.len() as u64;
        if self.used_at.elapsed() > MAX_SILENCE {
            self.bpd = None;
        }
        let bpd = match &mut self.bpd {
            Some(bpd) => bpd,
            none => none.insert(Bpd::with_timeout(ANSWER_TIMEOUT)?),
        };
        let answer: Imported = bpd.ask(&Request::Import(batch))?;
        self.used_at = Instant::now();
        self.sum.taken += answer.taken;
        self.sum.known += answer.known;
        self.sum.left_out += answer.left_out;
        self.sum.looks += answer.looks;
        self.sum.ignored += answer.ignored;
        self.sum.undated += answer.undated;
        Ok(())
    }

    fn clear_progress(&self) {
        if self.progress.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(text: &str, at: Option<i64>) -> Entry {
        Entry { text: text.to_owned(), at: at.map(UnixMillis), took: None }
    }

    #[test]
    fn hidden_lines_comments_and_empty_ones_are_left_out_with_their_reason() {
        for (text, reason) in [
            (" secret", Some(Reason::Spaced)),
            ("\tsecret", Some(Reason::Spaced)),
            ("", Some(Reason::Empty)),
            ("  ", Some(Reason::Empty)),
            ("# remark", Some(Reason::Comment)),
            ("make # all", None),
            (&"x".repeat(history::MAX_LINE_BYTES), None),
            (&"x".repeat(history::MAX_LINE_BYTES + 1), Some(Reason::TooLong)),
        ] {
            assert_eq!(Reason::of(&entry(text, None)), reason, "{text:.9}");
        }
    }

    #[test]
    fn equal_entries_are_counted() {
        let mut names = Names::default();
        let nth = [("a", None), ("b", None), ("a", None), ("a", Some(5)), ("a", Some(5)), ("a", Some(6))]
            .map(|(text, at)| names.nth(&entry(text, at)));
        assert_eq!(nth, [0, 0, 1, 0, 1, 0]);
    }

    #[test]
    fn what_fish_took_over_from_bash_is_known_by_its_time_and_text() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("history");
        std::fs::write(&path, "ls\n  make  \n#1700000000\n").unwrap();
        let mut taken_over = TakenOver::of(&path).unwrap();
        let found = [("ls", 5_000), ("git log", 5_000), ("make", 6_000), ("ls", 60_000), ("ls", 5_000)]
            .map(|(text, at)| taken_over.has(&entry(text, Some(at))));
        assert_eq!(found, [true, false, true, false, false]);
    }
}

//! `bpctl import`: what a shell remembers of the time before bp, so that the first list is not empty.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use bp_proto::Request;
use bp_proto::place::home;
use bp_proto::report::Imported;
use bp_proto::request::{HistoryLine, MAX_IMPORTED_AT_ONCE};

use super::init::Shell;
use super::{Exit, Usage, setup};
use crate::ask::Bpd;
use crate::history::{self, Entry};
use crate::screen::Screen;
use crate::text::said::OrSay as _;
use crate::text::words::Word;

/// The newest of a history; what is older is left where it is, and said so.
const MAX_LINES: usize = 10_000;

/// From its end; a history of ten thousand lines is a hundredth of this.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// A longer line is no command that somebody typed.
const MAX_LINE_BYTES: usize = 256 << 10;

/// One request, well below what a frame holds even when every byte is escaped.
const MAX_BATCH_BYTES: usize = 128 << 10;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell whose history is read; the login shell when none is named
    shell: Option<Shell>,
    /// The history, where it is not in its usual place
    #[arg(long)]
    file: Option<PathBuf>,
}

/// A history as it was found.
pub struct History {
    pub shell: Shell,
    pub path: PathBuf,
    lines: Vec<HistoryLine>,
    /// Begin with a blank, or are comments: nobody wanted them remembered.
    hidden: usize,
    older: usize,
}

pub fn run(args: &Args, screen: &Screen) -> anyhow::Result<Exit> {
    let shell = match args.shell {
        Some(shell) => shell,
        None => setup::login_shell(screen)?,
    };
    let path = match &args.file {
        Some(file) => file.clone(),
        None => find(shell)?.ok_or_else(|| Usage(screen.say(Word::ImportNoFile, &[shell.name()])))?,
    };
    let history = History::read(shell, path)?;
    history.send(screen)?;
    Ok(Exit::Fine)
}

impl History {
    /// # Errors
    /// The file cannot be read.
    pub fn read(shell: Shell, path: PathBuf) -> anyhow::Result<Self> {
        let shown = path.display().to_string();
        let bytes = tail(&path).or_say(Word::CannotRead, &[&shown])?;
        let all = history::entries(shell, &bytes);
        let total = all.len();
        let kept: Vec<Entry> = all.into_iter().filter(is_wanted).collect();
        let hidden = total - kept.len();
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let mut lines = lines(shell, &host, kept);
        let older = lines.len().saturating_sub(MAX_LINES);
        lines.drain(..older);
        Ok(Self { shell, path, lines, hidden, older })
    }

    pub fn len(&self) -> usize {
        self.lines.len()
    }

    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Gives it to bpd, and says what became of it.
    pub fn send(self, screen: &Screen) -> anyhow::Result<()> {
        let mut bpd = Bpd::connect()?;
        let mut sum = Imported::default();
        for batch in batches(self.lines) {
            let answer: Imported = bpd.ask(&Request::Import(batch))?;
            sum.taken += answer.taken;
            sum.known += answer.known;
            sum.left_out += answer.left_out;
        }
        let left_out = sum.left_out + self.hidden as u64;
        let counts = [sum.taken, sum.known, left_out].map(|count| count.to_string());
        let shown = self.path.display().to_string();
        let mut page = screen.say(Word::ImportDone, &[&shown, &counts[0], &counts[1], &counts[2]]) + "\n";
        if self.older > 0 {
            let count = self.older.to_string();
            page += &(screen.say(Word::ImportOlder, &[&count, &MAX_LINES.to_string()]) + "\n");
        }
        Ok(screen.print(&page)?)
    }
}

/// Where that shell's history is; `None`: nowhere that is usual.
pub fn find(shell: Shell) -> anyhow::Result<Option<PathBuf>> {
    let home = home()?;
    let dir = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let mut places: Vec<PathBuf> = Vec::new();
    match shell {
        Shell::Bash => {
            places.extend(named_in_rc(shell, &home));
            places.push(home.join(".bash_history"));
        }
        Shell::Zsh => {
            places.extend(named_in_rc(shell, &home));
            let dot = dir("ZDOTDIR").unwrap_or_else(|| home.clone());
            places.extend([dot.join(".zsh_history"), home.join(".zsh_history"), home.join(".histfile")]);
        }
        Shell::Fish => {
            let data = dir("XDG_DATA_HOME").unwrap_or_else(|| home.join(".local/share"));
            places.push(data.join("fish/fish_history"));
        }
        Shell::Powershell => {}
    }
    Ok(places.into_iter().find(|path| path.is_file()))
}

/// `HISTFILE=` in the shell's own file: it is exported to nobody.
fn named_in_rc(shell: Shell, home: &Path) -> Option<PathBuf> {
    let text = std::fs::read_to_string(setup::rc_file(shell).ok()?.path).ok()?;
    named(&text, home)
}

/// The last assignment that is understood.
fn named(rc: &str, home: &Path) -> Option<PathBuf> {
    let values = rc.lines().rev().filter_map(|line| {
        let line = line.trim_start();
        let line = line.strip_prefix("export ").unwrap_or(line);
        Some(line.strip_prefix("HISTFILE=")?.split([';', ' ', '#']).next()?.trim_matches(['"', '\'']))
    });
    let mut paths = values.filter_map(|value| {
        for prefix in ["~/", "$HOME/", "${HOME}/"] {
            if let Some(rest) = value.strip_prefix(prefix) {
                return Some(home.join(rest));
            }
        }
        (value.starts_with('/') && !value.contains('$')).then(|| PathBuf::from(value))
    });
    paths.next()
}

/// The file's end, from the beginning of a line.
fn tail(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let meta = file.metadata()?;
    let skipped = meta.len().saturating_sub(MAX_FILE_BYTES);
    file.seek(SeekFrom::Start(skipped))?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES).read_to_end(&mut bytes)?;
    if skipped > 0 {
        let line = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1);
        bytes.drain(..line);
    }
    Ok(bytes)
}

fn is_wanted(entry: &Entry) -> bool {
    let text = &entry.text;
    !text.starts_with([' ', '\t'])
        && !text.trim().is_empty()
        && !text.starts_with('#')
        && text.len() <= MAX_LINE_BYTES
}

/// Entries as runs.
fn lines(shell: Shell, host: &str, entries: Vec<Entry>) -> Vec<HistoryLine> {
    let mut seen: HashMap<(Option<i64>, String), usize> = HashMap::new();
    let named = entries.into_iter().map(|entry| {
        let nth = seen.entry((entry.at.map(|at| at.0), entry.text.clone())).or_default();
        let uid = history::uid(shell, &entry, *nth);
        *nth += 1;
        HistoryLine {
            uid,
            command: entry.text,
            started_at: entry.at,
            took: entry.took,
            shell: shell.name().to_owned(),
            host: host.to_owned(),
        }
    });
    named.collect()
}

fn batches(lines: Vec<HistoryLine>) -> Vec<Vec<HistoryLine>> {
    let mut batches: Vec<Vec<HistoryLine>> = Vec::new();
    let mut room = 0;
    for line in lines {
        let length = line.command.len();
        match batches.last_mut() {
            Some(batch) if batch.len() < MAX_IMPORTED_AT_ONCE && length <= room => {
                room -= length;
                batch.push(line);
            }
            _ => {
                room = MAX_BATCH_BYTES.saturating_sub(length);
                batches.push(vec![line]);
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use bp_proto::UnixMillis;

    use super::*;

    fn entry(text: &str, at: Option<i64>) -> Entry {
        Entry { text: text.to_owned(), at: at.map(UnixMillis), took: None }
    }

    #[test]
    fn equal_lines_have_names_of_their_own_and_undated_ones_have_no_time() {
        let entries = vec![entry("a", None), entry("b", Some(50_000)), entry("c", None), entry("c", None)];
        let lines = lines(Shell::Bash, "host", entries);
        let times: Vec<_> = lines.iter().map(|line| line.started_at.map(|at| at.0)).collect();
        assert_eq!(times, [None, Some(50_000), None, None]);
        assert_ne!(lines[2].uid, lines[3].uid);
    }

    #[test]
    fn nobody_wanted_a_hidden_line_a_comment_or_a_blank_one() {
        for unwanted in [" secret", "\tsecret", "", "  ", "# remark"] {
            assert!(!is_wanted(&entry(unwanted, None)), "{unwanted:?}");
        }
        assert!(is_wanted(&entry("make # all", None)));
        assert!(!is_wanted(&entry(&"x".repeat(MAX_LINE_BYTES + 1), None)));
    }

    #[test]
    fn a_batch_fits_in_a_request() {
        let long = "x".repeat(MAX_LINE_BYTES);
        let texts = (0..600).map(|_| entry("make", None)).chain([entry(&long, None), entry("ls", None)]);
        let all = lines(Shell::Bash, "host", texts.collect());
        let batches = batches(all);
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [256, 256, 88, 1, 1]);
    }

    #[test]
    fn where_the_history_is_may_stand_in_the_shells_file() {
        let home = Path::new("/h");
        for (rc, path) in [
            ("HISTFILE=~/.h\n", Some("/h/.h")),
            ("HISTFILE=\"$HOME/x\"; HISTSIZE=5", Some("/h/x")),
            ("  export HISTFILE='/a/b' # here", Some("/a/b")),
            ("HISTFILE=/a\nHISTFILE=/b\n", Some("/b")),
            ("HISTFILE=$XDG_STATE_HOME/x", None),
            ("# HISTFILE=/a", None),
        ] {
            assert_eq!(named(rc, home).as_deref(), path.map(Path::new), "{rc}");
        }
    }
}

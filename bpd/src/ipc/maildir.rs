//! The mailbox directory: which files there are, what of them was read, which may go.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::iter::repeat;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bp_proto::ignore::Rules;
use bp_proto::mailbox::{self, Record, Taken, Text};
use bp_proto::{UnixMillis, process};

use super::Ignored;
use super::boot;
use super::linestarts::LineStart;
use super::mailfile::{MAX_FILE_BYTES, MailFileError, Position};
use super::pausefile::PauseFile;
use super::session::{Arrival, Session, since_boot};
use crate::event::Body;

/// Everything in the mailbox together; with more, the oldest files are thrown away unread. Years of typing while bpd
/// is away do not come near it.
const MAX_TOTAL_BYTES: u64 = 64 << 20;

/// Shells at once. More files than that were not made by shells.
const MAX_FILES: usize = 4096;

/// A file that has grown to this is renamed and removed once its shell is between two runs.
pub(super) const ROTATE_BYTES: u64 = 256 * 1024;

/// A shell that opened its file just before it was renamed writes to it within this.
const GRACE: Duration = Duration::from_secs(1);

const RENAMED: &str = ".old";

/// An event that a file gave.
#[derive(Debug)]
pub(super) struct Letter {
    pub(super) pid: u32,
    pub(super) body: Body,
    /// When it happened, never before an earlier one of the same shell.
    pub(super) at: UnixMillis,
    /// It was recorded before bpd went away.
    pub(super) is_known: bool,
}

#[derive(Debug)]
struct Kept {
    session: Session,
    position: Position,
    /// The renamed file that still has to be read once more, and since when.
    renamed: Option<(Position, Instant)>,
    /// Events that are not durable yet.
    unsettled: usize,
    /// The shell is gone and everything was read.
    over: bool,
    last_at: UnixMillis,
}

#[derive(Debug)]
pub(super) struct MailDir {
    dir: PathBuf,
    uid: u32,
    boot_id: String,
    pauses: PauseFile,
    ignored: Ignored,
    known: HashMap<u32, Kept>,
    /// Files that were refused, each said once.
    refused: HashSet<PathBuf>,
}

impl MailDir {
    pub(super) fn new(dir: &Path, pauses: PathBuf, ignored: Ignored) -> Self {
        if let Some(run) = dir.parent() {
            boot::remember(run);
        }
        Self {
            dir: dir.to_owned(),
            uid: rustix::process::geteuid().as_raw(),
            boot_id: process::boot_id().unwrap_or_default(),
            pauses: PauseFile::at(pauses),
            ignored,
            known: HashMap::new(),
            refused: HashSet::new(),
        }
    }

    /// Every shell that has a file, the oldest writer first; what is too much is removed.
    pub(super) fn shells(&mut self) -> Vec<u32> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(shell_of) else { continue };
            let Ok(meta) = fs::symlink_metadata(entry.path()) else { continue };
            files.push((meta.mtime(), meta.mtime_nsec(), meta.len(), pid, entry.path()));
        }
        // No shell wrote those; they must not crowd out what shells wrote.
        files.retain(|(_, _, length, _, path)| {
            let is_honest = *length <= MAX_FILE_BYTES;
            if !is_honest {
                discard(path);
            }
            is_honest
        });
        files.sort_unstable();
        let mut total: u64 = files.iter().map(|file| file.2).sum();
        let mut spare = files.len().saturating_sub(MAX_FILES);
        files.retain(|(_, _, length, _, path)| {
            let keep = total <= MAX_TOTAL_BYTES && spare == 0;
            if !keep {
                tracing::error!("the mailbox is too full; {} is thrown away unread", path.display());
                let _ = fs::remove_file(path);
                total -= length;
                spare = spare.saturating_sub(1);
            }
            keep
        });
        let mut pids = Vec::new();
        for (.., pid, _) in files {
            if !pids.contains(&pid) {
                pids.push(pid);
            }
        }
        pids
    }

    pub(super) fn knows(&self, pid: u32) -> bool {
        self.known.contains_key(&pid)
    }

    /// When the line began that the shell runs, if it has reported it.
    pub(super) fn line_of(&self, pid: u32) -> Option<UnixMillis> {
        self.known.get(&pid)?.session.line_started_at()
    }

    /// Whether the shell may have written since it was read last.
    pub(super) fn has_news(&self, pid: u32) -> bool {
        let kept = self.known.get(&pid);
        kept.is_none_or(|kept| kept.renamed.is_some() || kept.position.has_news(&self.path(pid)))
    }

    /// Shells that are known and not gone.
    pub(super) fn alive(&self) -> Vec<u32> {
        let alive = self.known.iter().filter(|(_, kept)| kept.session.is_alive(&self.boot_id));
        alive.map(|(pid, _)| *pid).collect()
    }

    /// How many starts of lines the shell has reported so far.
    pub(super) fn starts_of(&self, pid: u32) -> u64 {
        self.known.get(&pid).map_or(0, |kept| kept.session.starts())
    }

    /// A line has begun that its shell has not reported. → the event of its start, unless the line is known or not to be
    /// recorded.
    pub(super) fn begin(&mut self, line: &LineStart) -> Option<Letter> {
        self.pauses.look();
        let kept = self.known.get_mut(&line.pid)?;
        if !kept.session.is_alive(&self.boot_id) {
            return None;
        }
        let owner = kept.session.owner();
        let rules = Arc::clone(&self.ignored.borrow());
        let arrival = Arrival {
            paused: self.pauses.covers(owner, line.arrival.wall),
            unplaced: rules.of_dir(Path::new(OsStr::from_bytes(&line.cwd))).is_some(),
            ..line.arrival
        };
        let body = kept.session.begin(&line.cwd, arrival, line.lead)?;
        kept.unsettled += 1;
        kept.last_at = kept.last_at.max(happened_at(&body));
        Some(Letter { pid: line.pid, body, at: kept.last_at, is_known: false })
    }

    /// The next events of one shell, and whether there may be more. `heard` = when the first of them was heard of.
    pub(super) fn read(&mut self, pid: u32, heard: Option<Arrival>) -> (Vec<Letter>, bool) {
        self.read_written(pid, Written::Now { heard })
    }

    /// The same of what was written while bpd was away.
    pub(super) fn read_left_behind(&mut self, pid: u32) -> (Vec<Letter>, bool) {
        self.read_written(pid, Written::Before)
    }

    fn read_written(&mut self, pid: u32, mut written: Written) -> (Vec<Letter>, bool) {
        let (current, renamed) = (self.path(pid), self.renamed_path(pid));
        let kept = self.known.entry(pid).or_insert_with(|| Kept::new(pid));
        if matches!(written, Written::Before) && renamed.exists() {
            kept.renamed.get_or_insert_with(|| (Position::default(), Instant::now()));
        }
        let rules = Arc::clone(&self.ignored.borrow());
        let mut letters = Vec::new();
        let mut more = false;
        // The renamed file is the older one.
        let old = kept.renamed.as_mut().map(|(position, _)| (position, renamed));
        for (position, path) in old.into_iter().chain([(&mut kept.position, current)]) {
            match position.read(&path, self.uid) {
                Ok(Some(piece)) => {
                    let (first, others) = match &mut written {
                        Written::Before => {
                            (None, Arrival { wall: piece.written_at, boot: None, ..Arrival::default() })
                        }
                        Written::Now { heard } => (heard.take(), Arrival::now()),
                    };
                    let arrivals = first.into_iter().chain(repeat(others));
                    // Not before: a pause may have begun, and a line of it been written, meanwhile.
                    self.pauses.look();
                    let door = Door { boot_id: &self.boot_id, pauses: &self.pauses, rules: &rules };
                    let (session, last_at) = (&mut kept.session, &mut kept.last_at);
                    letters.extend(door.take_in(session, last_at, pid, piece.taken, arrivals));
                    if piece.more {
                        more = true;
                        break;
                    }
                }
                Ok(None) => {}
                Err(MailFileError::TooLarge) => discard(&path),
                Err(error) => {
                    if self.refused.len() < MAX_FILES && self.refused.insert(path.clone()) {
                        tracing::warn!("{} is not read: {error}", path.display());
                    }
                }
            }
        }
        // From now on: what is lost on its way to the store must stay in the file.
        kept.unsettled += letters.len();
        (letters, more)
    }

    /// Records of `pid` that did not come by file.
    pub(super) fn accept(&mut self, pid: u32, bytes: &[u8], at: Arrival) -> Vec<Letter> {
        self.pauses.look();
        let kept = self.known.entry(pid).or_insert_with(|| Kept::new(pid));
        let rules = Arc::clone(&self.ignored.borrow());
        let door = Door { boot_id: &self.boot_id, pauses: &self.pauses, rules: &rules };
        let (session, last_at) = (&mut kept.session, &mut kept.last_at);
        door.take_in(session, last_at, pid, mailbox::take(bytes), repeat(at))
    }

    /// Shells that are gone: what they had open is lost. Their files have to be read to the end before. → the events, and
    /// whether a shell is newly gone.
    pub(super) fn bury(&mut self) -> (Vec<Letter>, bool) {
        let mut letters = Vec::new();
        let mut has_gone = false;
        for (pid, kept) in &mut self.known {
            if kept.over || kept.session.is_alive(&self.boot_id) {
                continue;
            }
            kept.over = true;
            has_gone = true;
            if kept.session.has_open_run() && kept.session.names_another(&self.boot_id) {
                tracing::warn!(
                    "the mail of shell {pid}: that process is another one than wrote it; what was begun there is lost"
                );
            }
            let seen_at = fs::symlink_metadata(self.dir.join(pid.to_string()))
                .map_or(kept.last_at, |meta| UnixMillis(meta.mtime() * 1000 + meta.mtime_nsec() / 1_000_000));
            letters.extend(kept.session.lose(seen_at).into_iter().map(|body| {
                kept.last_at = kept.last_at.max(happened_at(&body));
                kept.unsettled += 1;
                Letter { pid: *pid, body, at: kept.last_at, is_known: false }
            }));
        }
        (letters, has_gone)
    }

    /// An event that a file gave is durable, or could not be stored: then everything is read and sent again later.
    pub(super) fn settled(&mut self, pid: u32, stored: bool) {
        let Some(kept) = self.known.get_mut(&pid) else { return };
        kept.unsettled = kept.unsettled.saturating_sub(1);
        if !stored {
            kept.session = Session::new(pid);
            kept.position.rewind();
            kept.over = false;
            if let Some((position, _)) = &mut kept.renamed {
                position.rewind();
            }
        }
    }

    /// Wipes what is recorded, renames files that have grown, removes those that are done with.
    pub(super) fn tidy(&mut self) {
        let mut gone = Vec::new();
        for (pid, kept) in &mut self.known {
            if kept.unsettled > 0 {
                continue;
            }
            let path = self.dir.join(pid.to_string());
            let renamed = self.dir.join(format!("{pid}{RENAMED}"));
            kept.wipe(&path, &renamed, self.uid);
            if kept.over {
                if kept.position.has_seen_all(&path) {
                    remove(&path);
                    remove(&renamed);
                    gone.push(*pid);
                }
                continue;
            }
            if kept.session.has_open_run() {
                continue;
            }
            if let Some((position, since)) = &kept.renamed {
                if since.elapsed() >= GRACE && position.is_at_end(&renamed) {
                    remove(&renamed);
                    kept.renamed = None;
                }
            } else if kept.position.offset() >= ROTATE_BYTES
                && kept.position.is_at_end(&path)
                && fs::rename(&path, &renamed).is_ok()
            {
                kept.renamed = Some((std::mem::take(&mut kept.position), Instant::now()));
            }
        }
        for pid in gone {
            self.known.remove(&pid);
        }
    }

    /// A run was removed: no file keeps a text that may be its own, as soon as all that was read is durable.
    pub(super) fn remove_texts(&mut self) {
        for kept in self.known.values_mut() {
            kept.session.remove_text();
            kept.position.expose();
            if let Some((position, _)) = &mut kept.renamed {
                position.expose();
            }
        }
        self.tidy();
    }

    /// Shells whose renamed file is to be read again, and when the first of them is.
    pub(super) fn renamed(&self) -> (Vec<u32>, Option<Instant>) {
        let waiting =
            self.known.iter().filter_map(|(pid, kept)| Some((*pid, kept.renamed.as_ref()?.1 + GRACE)));
        let first = waiting.clone().map(|(_, due)| due).min();
        (waiting.map(|(pid, _)| pid).collect(), first)
    }

    fn path(&self, pid: u32) -> PathBuf {
        self.dir.join(pid.to_string())
    }

    fn renamed_path(&self, pid: u32) -> PathBuf {
        self.dir.join(format!("{pid}{RENAMED}"))
    }
}

impl Kept {
    fn new(pid: u32) -> Self {
        Self {
            session: Session::new(pid),
            position: Position::default(),
            renamed: None,
            unsettled: 0,
            over: false,
            last_at: UnixMillis(0),
        }
    }

    /// Everything that was read is durable: nothing of it stays as it was typed.
    fn wipe(&mut self, path: &Path, renamed: &Path, uid: u32) {
        if !self.session.can_be_wiped() {
            return;
        }
        let old = self.renamed.as_mut().map(|(position, _)| (position, renamed));
        let files: Vec<_> = old
            .into_iter()
            .chain([(&mut self.position, path)])
            .filter(|(position, _)| position.is_bare())
            .collect();
        if files.is_empty() {
            return;
        }
        let remains = self.session.remains();
        let mut all = true;
        for (position, path) in files {
            all &= position.wipe(path, uid, &remains).unwrap_or_else(|error| {
                tracing::warn!("what is recorded stays in {}: {error}", path.display());
                false
            });
        }
        if all {
            self.session.was_wiped();
        }
    }
}

/// The pid of a file's name, renamed or not.
pub(super) fn shell_of(name: &str) -> Option<u32> {
    let pid = name.strip_suffix(RENAMED).unwrap_or(name);
    let is_plain = !pid.starts_with('0') && pid.bytes().all(|byte| byte.is_ascii_digit());
    pid.parse().ok().filter(|_| is_plain)
}

/// When what is read was written.
#[derive(Clone, Copy, Debug)]
enum Written {
    /// While bpd was away.
    Before,
    Now {
        /// When the first of it was heard of.
        heard: Option<Arrival>,
    },
}

/// What decides whether a record that comes in is kept.
struct Door<'a> {
    boot_id: &'a str,
    pauses: &'a PauseFile,
    rules: &'a Rules,
}

impl Door<'_> {
    fn take_in(
        &self,
        session: &mut Session,
        last_at: &mut UnixMillis,
        pid: u32,
        taken: Taken,
        arrivals: impl Iterator<Item = Arrival>,
    ) -> Vec<Letter> {
        if taken.unknown + taken.damaged > 0 {
            let (unknown, damaged) = (taken.unknown, taken.damaged);
            tracing::warn!(
                "the mail of shell {pid}: {unknown} unknown records, {damaged} damaged places were skipped"
            );
        }
        let booted_at = UnixMillis::now().minus(since_boot());
        let mut letters = Vec::new();
        for (record, arrival) in taken.records.into_iter().zip(arrivals) {
            let arrival = arrival.told_by(&record, self.boot_id, booted_at);
            let paused = self.pauses.cover(&record, pid, arrival.wall);
            let arrival = Arrival { paused, unplaced: self.is_unplaced(&record), ..arrival };
            let is_known = matches!(&record, Record::Start(start) if matches!(start.text, Text::Kept(_)));
            letters.extend(session.take(record, arrival, self.rules).into_iter().map(|body| {
                *last_at = (*last_at).max(happened_at(&body));
                Letter { pid, body, at: *last_at, is_known }
            }));
        }
        letters
    }

    fn is_unplaced(&self, record: &Record) -> bool {
        let Record::Start(start) = record else { return false };
        self.rules.of_dir(Path::new(OsStr::from_bytes(&start.cwd))).is_some()
    }
}

fn happened_at(body: &Body) -> UnixMillis {
    match body {
        Body::Start(start) => start.draft.started_at,
        Body::Finish(finish) => finish.finished_at,
        _ => UnixMillis(0),
    }
}

fn discard(path: &Path) {
    tracing::error!("{} is too large for a mailbox and is removed unread", path.display());
    remove(path);
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!("cannot remove {}: {error}", path.display());
    }
}

//! The disk queue of `bpctl run`: what a run was, from its start to its end, until bpd has acknowledged it.
//!
//! One file a run, named by its ULID, 0600 in a 0700 directory: two JSON lines, the start and the finish. A file
//! appears whole or not at all (written under another name, then renamed), so a reader needs no lock. `bpctl run` puts
//! a file at the end of its run, then sends the same to bpd ([`crate::Request::Completed`]), which removes the file once
//! the run is durable. What is left here was not delivered: bpd takes it when it starts. Registering and finishing are
//! idempotent by ULID, so a run that is delivered twice is recorded once.
//!
//! When bpd is away as a run begins, its start waits here by itself, in a file whose name ends in `.start`: a bpd that
//! comes meanwhile samples the run from then on. It goes when bpd has it, or with the run's end.
//!
//! Nothing is flushed to the disk by force: the user's prompt must not wait for one. A program may die at any time and
//! nothing is lost; a power cut may cost the seconds before it.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::event::{Finish, Start};
use crate::place::{self, PlaceError};
use crate::private_file;

/// Runs that are kept while bpd is away; with more, the newest is dropped and said so. Counted only when bpd has not
/// taken the run at once: a queue that is drained does not grow, and counting it would cost every command a listing.
pub const MAX_SPOOLED_RUNS: usize = 10_000;

/// A larger file was not written by us.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Names of files that are being written begin so; readers pass over them.
const UNFINISHED: &str = ".new-";

/// Names of files that hold a start alone end so.
const START: &str = ".start";

/// A run as it waits for bpd.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spooled {
    pub start: Start,
    pub finish: Finish,
}

/// The queue in one directory. Holds nothing open.
#[derive(Clone, Debug)]
pub struct Spool {
    dir: PathBuf,
}

/// What a spool held.
#[derive(Debug, Default)]
pub struct Waiting {
    /// Oldest first.
    pub runs: Vec<Spooled>,
    /// Runs that began and whose end is not here, oldest first.
    pub starts: Vec<Start>,
    /// Files that are not ours, damaged, or of a newer version: left alone.
    pub unreadable: Vec<PathBuf>,
}

#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error("cannot {doing} {}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("{MAX_SPOOLED_RUNS} runs wait in {} already; start bpd (`bpctl daemon start`) to deliver them", path.display())]
    Full { path: PathBuf },
}

/// One line of a file. The digit is the version: a newer one is left for a newer bpd.
#[derive(Serialize)]
enum Written<'a> {
    #[serde(rename = "start/1")]
    Start(&'a Start),
    #[serde(rename = "finish/1")]
    Finish(&'a Finish),
}

/// The same as it is read.
#[derive(Deserialize)]
enum Line {
    #[serde(rename = "start/1")]
    Start(Box<Start>),
    #[serde(rename = "finish/1")]
    Finish(Box<Finish>),
}

impl Spool {
    /// `dir` = [`crate::place::Places::spool`]. Creates nothing.
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// Puts a run into the queue; a run that is there already is replaced. Who finds that bpd is away calls
    /// [`Self::settle`] next.
    pub fn put(&self, run: &Spooled) -> Result<(), SpoolError> {
        let lines = [Written::Start(&run.start), Written::Finish(&run.finish)];
        self.write(&self.file(run.start.uid), &encode(&lines))
    }

    /// Puts the start of a run that goes on into the queue. Who ends it calls [`Self::remove_start`] after
    /// [`Self::put`].
    pub fn put_start(&self, start: &Start) -> Result<(), SpoolError> {
        self.write(&self.start_file(start.uid), &encode(&[Written::Start(start)]))
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), SpoolError> {
        place::own_dir(&self.dir)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let unfinished = self.dir.join(format!("{UNFINISHED}{name}"));
        let written = write_new(&unfinished, bytes).and_then(|()| fs::rename(&unfinished, path));
        written.map_err(|source| {
            let _ = fs::remove_file(&unfinished);
            SpoolError::Io { doing: "write", path: unfinished, source }
        })
    }

    /// The run that was just put stays for later, if there is room; else it is dropped.
    pub fn settle(&self, uid: Ulid) -> Result<(), SpoolError> {
        if self.names()?.len() <= MAX_SPOOLED_RUNS {
            return Ok(());
        }
        self.remove(uid)?;
        Err(SpoolError::Full { path: self.dir.clone() })
    }

    /// Takes a run out of the queue, because it was acknowledged. A run that is not there is fine.
    pub fn remove(&self, uid: Ulid) -> Result<(), SpoolError> {
        remove(self.file(uid))
    }

    /// The same for a start that was put by itself.
    pub fn remove_start(&self, uid: Ulid) -> Result<(), SpoolError> {
        remove(self.start_file(uid))
    }

    /// Everything that waits. No directory = nothing waits.
    pub fn waiting(&self) -> Result<Waiting, SpoolError> {
        let mut waiting = Waiting::default();
        for (uid, whole) in self.names()? {
            let path = if whole { self.file(uid) } else { self.start_file(uid) };
            match read_own(&path) {
                Ok(Some(bytes)) => match decode(&bytes, uid) {
                    Some((start, Some(finish))) if whole => waiting.runs.push(Spooled { start, finish }),
                    Some((start, None)) if !whole => waiting.starts.push(start),
                    _ => waiting.unreadable.push(path),
                },
                Ok(None) => waiting.unreadable.push(path),
                // Another reader or its writer was faster.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(SpoolError::Io { doing: "read", path, source }),
            }
        }
        Ok(waiting)
    }

    /// How many runs wait.
    pub fn len(&self) -> Result<usize, SpoolError> {
        Ok(self.names()?.iter().filter(|(_, whole)| *whole).count())
    }

    pub fn is_empty(&self) -> Result<bool, SpoolError> {
        Ok(self.len()? == 0)
    }

    /// Oldest first: a ULID begins with its time. Whether it is a whole run, or a start alone.
    fn names(&self) -> Result<Vec<(Ulid, bool)>, SpoolError> {
        let io = |source| SpoolError::Io { doing: "list", path: self.dir.clone(), source };
        let entries = match fs::read_dir(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(io)?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(io)?.file_name();
            let Some(name) = name.to_str() else { continue };
            let (uid, whole) = name.strip_suffix(START).map_or((name, true), |uid| (uid, false));
            names.extend(Ulid::from_string(uid).ok().map(|uid| (uid, whole)));
        }
        names.sort_unstable();
        Ok(names)
    }

    fn file(&self, uid: Ulid) -> PathBuf {
        self.dir.join(uid.to_string())
    }

    fn start_file(&self, uid: Ulid) -> PathBuf {
        self.dir.join(format!("{uid}{START}"))
    }
}

fn remove(path: PathBuf) -> Result<(), SpoolError> {
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(SpoolError::Io { doing: "remove", path, source: error })
        }
        _ => Ok(()),
    }
}

fn encode(lines: &[Written<'_>]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1024);
    for line in lines {
        // Our own types have string keys and no fallible serialiser.
        let _ = serde_json::to_writer(&mut bytes, line);
        bytes.push(b'\n');
    }
    bytes
}

/// The lines of one run: its start, and its finish if there is one.
fn decode(bytes: &[u8], uid: Ulid) -> Option<(Start, Option<Finish>)> {
    let mut lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let mut line = || lines.next().map(|line| serde_json::from_slice::<Line>(line).ok());
    let Some(Some(Line::Start(start))) = line() else { return None };
    let finish = match line() {
        None => None,
        Some(Some(Line::Finish(finish))) if finish.uid == uid => Some(*finish),
        Some(_) => return None,
    };
    (start.uid == uid).then_some((*start, finish))
}

#[cfg(unix)]
fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = private_file::Open::to_write().or_create().emptied().open(path)?;
    file.write_all(bytes)
}

/// `None` for what is no plain file of ours of an honest size.
#[cfg(unix)]
fn read_own(path: &Path) -> io::Result<Option<Vec<u8>>> {
    use std::os::unix::fs::MetadataExt;
    let meta = fs::symlink_metadata(path)?;
    let ours =
        meta.is_file() && meta.uid() == rustix::process::geteuid().as_raw() && meta.len() <= MAX_FILE_BYTES;
    if ours { private_file::read(path, MAX_FILE_BYTES).map(Some) } else { Ok(None) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    use super::*;
    use crate::event::{Draft, Ending, Source};
    use crate::time::UnixMillis;

    fn run(millis: u64, command: &str) -> Spooled {
        let uid = Ulid::from_parts(millis, u128::from(millis));
        let started_at = UnixMillis(millis as i64);
        let draft = Draft {
            command: Some(command.to_owned()),
            started_at,
            source: Source::Wrapper,
            ..Draft::default()
        };
        Spooled {
            start: Start { uid, draft, owner: None, under: None, parent: None, context: None },
            finish: Finish {
                uid,
                finished_at: started_at.plus(Duration::from_millis(5)),
                took: Some(Duration::from_micros(4_800)),
                ending: Ending::Exited { exit_code: Some(143), signal: Some(15) },
                totals: None,
                children: Vec::new(),
                rest: None,
                waited: None,
                background: false,
            },
        }
    }

    #[test]
    fn what_was_put_is_read_oldest_first_and_gone_once_acknowledged() {
        let scratch = tempfile::tempdir().unwrap();
        let spool = Spool::at(scratch.path().join("data/spool"));
        assert!(spool.waiting().unwrap().runs.is_empty(), "no directory is no error");

        let (newer, older) = (run(2_000, "make\n# two lines"), run(1_000, "ls"));
        spool.put(&newer).unwrap();
        spool.put(&older).unwrap();
        spool.put(&newer).unwrap();
        assert_eq!(spool.waiting().unwrap().runs, [older.clone(), newer.clone()]);

        spool.remove(older.start.uid).unwrap();
        spool.remove(older.start.uid).unwrap();
        assert_eq!(spool.waiting().unwrap().runs, [newer]);
        assert_eq!(spool.len().unwrap(), 1);
    }

    #[test]
    fn a_start_waits_by_itself_and_is_no_run() {
        let scratch = tempfile::tempdir().unwrap();
        let spool = Spool::at(scratch.path().join("spool"));
        let run = run(1_000, "make");
        spool.put_start(&run.start).unwrap();
        let waiting = spool.waiting().unwrap();
        assert_eq!((waiting.starts, waiting.runs), (vec![run.start.clone()], vec![]));
        assert!(spool.is_empty().unwrap());

        spool.put(&run).unwrap();
        spool.remove_start(run.start.uid).unwrap();
        spool.remove_start(run.start.uid).unwrap();
        let waiting = spool.waiting().unwrap();
        assert_eq!((waiting.starts, waiting.runs, waiting.unreadable), (vec![], vec![run], vec![]));
    }

    #[test]
    fn a_full_queue_drops_the_newest_and_says_so() {
        let scratch = tempfile::tempdir().unwrap();
        let spool = Spool::at(scratch.path().join("spool"));
        let newest = run(1 << 40, "make");
        spool.put(&newest).unwrap();
        for other in 1..MAX_SPOOLED_RUNS as u64 {
            fs::write(spool.file(Ulid::from_parts(other, 1)), b"").unwrap();
        }
        spool.settle(newest.start.uid).unwrap();
        fs::write(spool.file(Ulid::from_parts(1, 2)), b"").unwrap();
        assert!(matches!(spool.settle(newest.start.uid), Err(SpoolError::Full { .. })));
        assert_eq!(spool.len().unwrap(), MAX_SPOOLED_RUNS);
        assert!(!spool.file(newest.start.uid).exists());
    }

    #[test]
    fn files_and_directory_are_the_users_alone() {
        let scratch = tempfile::tempdir().unwrap();
        let dir = scratch.path().join("spool");
        let run = run(1_000, "ls");
        Spool::at(&dir).put(&run).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&dir), mode(&dir.join(run.start.uid.to_string()))), (0o700, 0o600));
    }

    #[test]
    fn damaged_files_are_named_and_left_alone() {
        let scratch = tempfile::tempdir().unwrap();
        let spool = Spool::at(scratch.path().join("spool"));
        let whole = run(3_000, "kept");
        spool.put(&whole).unwrap();
        let bytes = encode(&[Written::Start(&whole.start), Written::Finish(&whole.finish)]);

        let cut = spool.file(Ulid::from_parts(1_000, 1));
        fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
        let misnamed = spool.file(Ulid::from_parts(2_000, 2));
        fs::write(&misnamed, &bytes).unwrap();
        fs::write(spool.dir.join(format!("{UNFINISHED}{}", whole.start.uid)), b"half").unwrap();
        fs::write(spool.dir.join("README"), b"not ours").unwrap();

        let waiting = spool.waiting().unwrap();
        assert_eq!(waiting.runs, [whole]);
        assert_eq!(waiting.unreadable, [cut.clone(), misnamed]);
        assert!(cut.exists());
    }

    /// Written by version 1: must be readable for ever.
    #[test]
    fn a_file_of_the_first_version_opens() {
        let uid: Ulid = "01HX0000000000000000000000".parse().unwrap();
        let text = concat!(
            r#"{"start/1":{"uid":"01HX0000000000000000000000","draft":{"command":"ls","command_truncated":null,"#,
            r#""masked":[],"cwd":"/tmp","project":null,"git":null,"host":"h","shell":null,"session":null,"#,
            r#""actor":"human","started_at":"2024-05-06T07:20:00.040Z","source":"wrapper","tags":["t"],"#,
            r#""note":null},"owner":{"pid":7,"start_ticks":9},"under":null,"parent":null,"context":null}}"#,
            "\n",
            r#"{"finish/1":{"uid":"01HX0000000000000000000000","finished_at":"2024-05-06T07:20:01.040Z","#,
            r#""took":{"secs":1,"nanos":0},"ending":{"Exited":{"exit_code":0,"signal":null}},"totals":null}}"#,
            "\n"
        );
        let (start, finish) = decode(text.as_bytes(), uid).unwrap();
        assert_eq!(start.draft.command.as_deref(), Some("ls"));
        assert_eq!(finish.unwrap().ending, Ending::Exited { exit_code: Some(0), signal: None });
    }
}

//! The log: one escaped line an event, into a file that rotates; on standard error too when a person started bpd in
//! a terminal. No message class may fill it: see `limit`.

mod limit;

use std::fs::OpenOptions;
use std::io::{self, IsTerminal as _, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bp_proto::private_file::{self, Open};
use tracing::Metadata;

use file_rotate::compression::Compression;
use file_rotate::suffix::AppendCount;
use file_rotate::{ContentLimit, FileRotate};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::reload;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};
use tracing_subscriber::{Registry, fmt};

use limit::{Limiter, Verdict};

/// The log and what it was before: at most `(1 + OLD_FILES) * MAX_FILE_BYTES` on disk.
const MAX_FILE_BYTES: usize = 2 << 20;
const OLD_FILES: usize = 3;

/// A log that cannot be written, as on a read-only disk, is tried again after this.
const RETRY: Duration = Duration::from_secs(10);

/// A longer line says nothing more.
const MAX_LINE_BYTES: usize = 8 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("the log has been started before")]
    Twice(#[from] TryInitError),
}

/// Changes the level of the running log.
#[derive(Clone, Debug)]
pub struct Control {
    filter: reload::Handle<Targets, Registry>,
}

impl Control {
    /// `level` as [`crate::config`] has checked it.
    pub fn set(&self, level: &str) {
        // An error means that the log is gone, with nobody left to tell.
        let _ = self.filter.reload(targets(level));
    }
}

/// Starts the log of this process at `path` (`<data>/log/bpd.log`), and sends panics there.
pub fn start(path: &Path, level: &str) -> Result<Control, LogError> {
    let (log, troubles) = LogFile::open(path.to_owned());
    let file = Lines::to(log);
    let (filter, handle) = reload::Layer::new(targets(level));
    let to_file = fmt::layer().with_ansi(false).with_timer(Utc).with_writer(file);
    let to_terminal =
        io::stderr().is_terminal().then(|| fmt::layer().with_timer(Utc).with_writer(Lines::to(io::stderr())));
    tracing_subscriber::registry().with(filter).with(to_file).with(to_terminal).try_init()?;
    for trouble in troubles {
        tracing::warn!("{trouble}");
    }
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        tracing::error!("panic: {panic}; {}", std::backtrace::Backtrace::capture());
        // Whoever waits for bpd to start reads standard error; in a terminal the log has just been there.
        if !io::stderr().is_terminal() {
            usual(panic);
        }
    }));
    Ok(Control { filter: handle })
}

/// The log on the disk. Without one, lines are lost until it can be written.
struct LogFile {
    path: PathBuf,
    file: Option<FileRotate<AppendCount>>,
    tried: Instant,
}

impl LogFile {
    /// Never fails: bpd without a log is better than none. → also what was found wrong.
    fn open(path: PathBuf) -> (Self, Vec<String>) {
        let mut troubles = Vec::new();
        let file = match cleared(&path, &mut troubles) {
            Ok(()) => Some(rotating(&path)),
            Err(error) => {
                troubles.push(format!("cannot write {}: {error}", path.display()));
                None
            }
        };
        (Self { path, file, tried: Instant::now() }, troubles)
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.file.is_none() && self.tried.elapsed() >= RETRY {
            *self = Self::open(std::mem::take(&mut self.path)).0;
        }
        match &mut self.file {
            Some(file) => file.write(bytes),
            None => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), Write::flush)
    }
}

/// Moves whatever is odd out of the way of the log and its older parts, and proves that it can be written.
fn cleared(path: &Path, troubles: &mut Vec<String>) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("/"));
    let mut moved = vec![private_file::clear_dir(dir, true)?];
    std::fs::create_dir_all(dir)?;
    moved.push(private_file::clear_file(path)?);
    for nth in 1..=OLD_FILES {
        moved.push(private_file::clear_file(&path.with_added_extension(nth.to_string()))?);
    }
    for moved in moved.into_iter().flatten() {
        troubles.push(format!("{} is now {}: {}", moved.from.display(), moved.to.display(), moved.why));
    }
    Open::to_append().or_create().open(path).map(drop)
}

fn rotating(path: &Path) -> FileRotate<AppendCount> {
    let mut options = OpenOptions::new();
    options.read(true).create(true).append(true).mode(0o600);
    // A file that is put in its place later must not block a line.
    options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    FileRotate::new(
        path,
        AppendCount::new(OLD_FILES),
        ContentLimit::BytesSurpassed(MAX_FILE_BYTES),
        Compression::None,
        Some(options),
    )
}

/// A bare level is bp's own; other crates speak from `warn` up. What does not parse was refused by the config.
fn targets(level: &str) -> Targets {
    let mut targets = Targets::new().with_default(tracing::Level::WARN);
    for directive in level.split(',') {
        let (part, level) = directive.rsplit_once('=').unwrap_or(("bpd", directive));
        if let Ok(level) = level.parse::<tracing::level_filters::LevelFilter>() {
            targets = targets.with_target(part, level);
        }
    }
    targets
}

struct Utc;

impl FormatTime for Utc {
    fn format_time(&self, to: &mut fmt::format::Writer<'_>) -> std::fmt::Result {
        write!(to, "{}", bp_proto::UnixMillis::now())
    }
}

/// Writes each event as one line, whatever its text holds, unless its class has written too many.
#[derive(Debug)]
struct Lines<W> {
    to: Arc<Mutex<W>>,
    limiter: Limiter,
}

impl<W> Lines<W> {
    fn to(to: W) -> Self {
        Self { to: Arc::new(Mutex::new(to)), limiter: Limiter::default() }
    }
}

impl<'a, W: Write + 'a> MakeWriter<'a> for Lines<W> {
    type Writer = Line<W>;

    fn make_writer(&'a self) -> Self::Writer {
        Line { to: Some(Arc::clone(&self.to)), before: String::new(), left_out: 0 }
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> Self::Writer {
        let now = Instant::now();
        match self.limiter.judge(meta, now) {
            Verdict::LeaveOut => Line { to: None, before: String::new(), left_out: 0 },
            Verdict::Write { left_out } => {
                let counts = self.limiter.overdue(now).into_iter();
                let before = counts.map(|(place, count)| {
                    format!(
                        "{}  WARN {count} lines like those of `{place}` were left out\n",
                        bp_proto::UnixMillis::now()
                    )
                });
                Line { to: Some(Arc::clone(&self.to)), before: before.collect(), left_out }
            }
        }
    }
}

#[derive(Debug)]
struct Line<W> {
    /// `None`: this line is left out.
    to: Option<Arc<Mutex<W>>>,
    before: String,
    /// Lines of this class that were left out before.
    left_out: u64,
}

impl<W: Write> Write for Line<W> {
    /// One call is one event: the formatter buffers it whole.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let Some(to) = &self.to else { return Ok(event.len()) };
        let mut text = std::mem::take(&mut self.before);
        text.push_str(&escaped(event));
        if self.left_out > 0 {
            text.truncate(text.len() - 1);
            let count = format!(" ({} such lines were left out before)\n", self.left_out);
            text.push_str(&count);
        }
        // A full disk loses the line, not the daemon.
        let _ = to.lock().unwrap_or_else(PoisonError::into_inner).write_all(text.as_bytes());
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn escaped(event: &[u8]) -> String {
    let text = String::from_utf8_lossy(event);
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let mut line = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        if line.len() >= MAX_LINE_BYTES {
            line.push('…');
            break;
        }
        match c {
            '\n' => line.push_str("\\n"),
            // Bidi controls make a line read as what it is not.
            c if c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') => {
                line.extend(c.escape_default());
            }
            c => line.push(c),
        }
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn an_event_is_one_line_whatever_it_holds() {
        assert_eq!(escaped(b"a\nb\x1b[31m\xff\n"), "a\\nb\\u{1b}[31m\u{fffd}\n");
        assert_eq!(escaped("x\u{202e}y".as_bytes()), "x\\u{202e}y\n");
        assert_eq!(escaped("ğüş\n".as_bytes()), "ğüş\n");
        assert!(escaped(&vec![b'x'; 1 << 20]).len() < MAX_LINE_BYTES + 8);
    }

    #[test]
    fn the_file_is_the_users_alone_and_does_not_grow_for_ever() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("log/bpd.log");
        let to = Some(Arc::new(Mutex::new(rotating(&path))));
        let mut line = Line { to, before: String::new(), left_out: 0 };
        let event = vec![b'x'; MAX_LINE_BYTES - 1];
        for _ in 0..(6 * MAX_FILE_BYTES / MAX_LINE_BYTES) {
            line.write_all(&event).unwrap();
        }
        let files: Vec<_> = std::fs::read_dir(path.parent().unwrap()).unwrap().map(Result::unwrap).collect();
        assert_eq!(files.len(), OLD_FILES + 1);
        for file in files {
            let meta = file.metadata().unwrap();
            assert_eq!(meta.permissions().mode() & 0o777, 0o600);
            assert!(meta.len() as usize <= MAX_FILE_BYTES + MAX_LINE_BYTES);
        }
    }

    #[test]
    fn a_bare_level_is_our_own_and_others_stay_quiet() {
        use tracing::Level;
        let targets = targets("info,bpd::ipc=debug");
        assert!(targets.would_enable("bpd::store", &Level::INFO));
        assert!(!targets.would_enable("bpd::store", &Level::DEBUG));
        assert!(targets.would_enable("bpd::ipc::socket", &Level::DEBUG));
        assert!(!targets.would_enable("sled::tree", &Level::INFO));
    }

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_class_that_floods_is_counted_and_silences_no_other() {
        let kept = Kept::default();
        let layer = fmt::layer().with_ansi(false).with_writer(Lines::to(kept.clone()));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let flood = |nth: u32| tracing::warn!(nth, "flood");
            (0..5000).for_each(flood);
            tracing::warn!("another");
            std::thread::sleep(Duration::from_millis(1100));
            flood(5000);
        });
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        let lines = text.lines().count();
        assert!((11..=20).contains(&lines), "{lines} lines");
        assert_eq!(text.matches("another").count(), 1, "{text}");
        assert!(text.contains("such lines were left out before"), "{text}");
    }

    #[test]
    fn something_odd_in_its_place_does_not_hold_up_the_log() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("log/bpd.log");
        std::fs::create_dir_all(&path).unwrap();
        std::os::unix::fs::symlink("/nonexistent/x", scratch.path().join("log/bpd.log.1")).unwrap();
        let (mut log, troubles) = LogFile::open(path.clone());
        log.write_all(b"line\n").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"line\n");
        assert_eq!(troubles.len(), 2, "{troubles:?}");
    }
}

//! The log: one escaped line an event, into a file that rotates; on standard error too when a person started bpd in
//! a terminal.

use std::fs::OpenOptions;
use std::io::{self, IsTerminal as _, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

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

/// The log and what it was before: at most `(1 + OLD_FILES) * MAX_FILE_BYTES` on disk.
const MAX_FILE_BYTES: usize = 2 << 20;
const OLD_FILES: usize = 3;

/// A longer line says nothing more.
const MAX_LINE_BYTES: usize = 8 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("cannot write the log in {}", dir.display())]
    Io { dir: std::path::PathBuf, source: io::Error },
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
    let dir = path.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(dir).map_err(|source| LogError::Io { dir: dir.to_owned(), source })?;
    let file = Lines { to: Arc::new(Mutex::new(rotating(path))) };
    let (filter, handle) = reload::Layer::new(targets(level));
    let to_file = fmt::layer().with_ansi(false).with_timer(Utc).with_writer(file);
    let to_terminal = io::stderr()
        .is_terminal()
        .then(|| fmt::layer().with_timer(Utc).with_writer(Lines { to: Arc::new(Mutex::new(io::stderr())) }));
    tracing_subscriber::registry().with(filter).with(to_file).with(to_terminal).try_init()?;
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

fn rotating(path: &Path) -> FileRotate<AppendCount> {
    let mut options = OpenOptions::new();
    options.read(true).create(true).append(true).mode(0o600);
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

/// Writes each event as one line, whatever its text holds.
#[derive(Debug)]
struct Lines<W> {
    to: Arc<Mutex<W>>,
}

impl<'a, W: Write + 'a> MakeWriter<'a> for Lines<W> {
    type Writer = Line<W>;

    fn make_writer(&'a self) -> Self::Writer {
        Line { to: Arc::clone(&self.to) }
    }
}

#[derive(Debug)]
struct Line<W> {
    to: Arc<Mutex<W>>,
}

impl<W: Write> Write for Line<W> {
    /// One call is one event: the formatter buffers it whole.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let line = escaped(event);
        // A full disk loses the line, not the daemon.
        let _ = self.to.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes());
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
        let mut line = Line { to: Arc::new(Mutex::new(rotating(&path))) };
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
}

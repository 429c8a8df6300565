//! Where answers go: a terminal, in colour and as wide as it is, or a pipe, without colour and as wide as `COLUMNS`.

use std::fs::OpenOptions;
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use bp_proto::UnixMillis;
use jiff::tz::TimeZone;

use crate::cli::{Color, Common};
use crate::text::escape;
use crate::text::table::fold;
use crate::text::words::{Lang, Word, fill};

/// Columns in a pipe without `COLUMNS`, and on a terminal that does not tell its size.
const USUAL_WIDTH: usize = 100;
/// Columns of the narrowest screen that text is fitted to.
const LEAST_WIDTH: usize = 20;

#[derive(Clone, Debug)]
pub struct Screen {
    pub lang: Lang,
    /// Standard output is a terminal.
    pub is_terminal: bool,
    /// Columns that lines are fitted to.
    pub width: usize,
    pub zone: TimeZone,
    pub now: UnixMillis,
    pub height: usize,
    pub color: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Good,
    Bad,
    Faint,
    Strong,
}

impl Screen {
    /// `config` = the config file, whose `lang` counts when nobody names one.
    pub fn new(common: &Common, config: Option<&Path>) -> Self {
        let is_terminal = io::stdout().is_terminal();
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            lang: lang(common.lang.as_deref(), config),
            is_terminal,
            width: width(),
            height: terminal_size().map_or(usize::MAX, |(_, rows)| rows),
            zone: TimeZone::system(),
            now: UnixMillis::now(),
            color: match common.color {
                Color::Always => true,
                Color::Never => false,
                Color::Auto => is_terminal && !no_color && !dumb,
            },
        }
    }

    /// As in a pipe.
    #[cfg(test)]
    pub fn plain(lang: Lang) -> Self {
        Self {
            lang,
            is_terminal: false,
            width: USUAL_WIDTH,
            zone: TimeZone::UTC,
            now: UnixMillis(0),
            height: usize::MAX,
            color: false,
        }
    }

    pub fn word(&self, word: Word) -> &'static str {
        word.text(self.lang)
    }

    pub fn say(&self, word: Word, values: &[&str]) -> String {
        fill(self.word(word), values)
    }

    pub fn paint(&self, tone: Tone, text: &str) -> String {
        if !self.color || text.is_empty() {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Good => "32",
            Tone::Bad => "31",
            Tone::Faint => "2",
            Tone::Strong => "1",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// `text` in lines that fit the screen, broken between words. The first begins with `lead`, which takes `indent`
    /// columns; the others begin with as many blanks.
    pub fn paragraph(&self, lead: &str, indent: usize, text: &str) -> String {
        let mut lines = String::new();
        for (at, line) in fold(text, self.width.saturating_sub(indent)).iter().enumerate() {
            let blanks = " ".repeat(indent);
            let lead = if at == 0 { lead } else { blanks.as_str() };
            lines.extend([lead, line, "\n"]);
        }
        lines
    }

    /// Prints sentences, each on lines of its own.
    pub fn say_lines(&self, sentences: &[&str]) -> io::Result<()> {
        let page: String = sentences.iter().map(|sentence| self.paragraph("", 0, sentence)).collect();
        self.print(&page)
    }

    /// Prints `page`, which ends with a newline; through a pager when the terminal cannot show it whole.
    pub fn print(&self, page: &str) -> io::Result<()> {
        if self.is_terminal && page.lines().count() >= self.height && paged(page) {
            return Ok(());
        }
        print(page.as_bytes())
    }

    /// Prints `page` as it is, also when it is long: a question follows, or it is not for reading.
    pub fn print_at_once(page: &str) -> io::Result<()> {
        print(page.as_bytes())
    }

    /// bpd's document, with what a terminal would obey written as JSON's own escapes.
    pub fn print_json(document: &[u8]) -> io::Result<()> {
        let text = String::from_utf8_lossy(document);
        print(format!("{}\n", escape::visible_json(&text)).as_bytes())
    }
}

/// False when there is no pager.
fn paged(page: &str) -> bool {
    let pager = std::env::var("PAGER").unwrap_or_else(|_| "less".to_owned());
    let mut words = pager.split_whitespace();
    let Some(program) = words.next().filter(|program| *program != "cat") else { return false };
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::piped());
    if std::env::var_os("LESS").is_none() {
        // Colours pass, a short page ends at once, the screen keeps it.
        command.env("LESS", "FRX");
    }
    let Ok(mut child) = command.spawn() else { return false };
    if let Some(mut stdin) = child.stdin.take() {
        // Who quits early has read enough.
        let _ = stdin.write_all(page.as_bytes());
    }
    child.wait().is_ok()
}

fn print(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        // `bpctl list | head -1` has what it wanted.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome,
    }
}

/// Columns of the terminal on standard output; in a pipe `COLUMNS`, else 100.
pub fn width() -> usize {
    let columns = || std::env::var("COLUMNS").ok()?.trim().parse().ok().filter(|columns| *columns > 0);
    terminal_size().map(|(width, _)| width).or_else(columns).unwrap_or(USUAL_WIDTH).max(LEAST_WIDTH)
}

/// Columns that errors are fitted to: of the terminal on standard error, in a pipe `COLUMNS`. `None`: not fitted.
pub fn error_width() -> Option<usize> {
    let is_named = std::env::var_os("COLUMNS").is_some();
    (io::stderr().is_terminal() || is_named).then(width)
}

/// Columns and rows of the terminal on standard output.
fn terminal_size() -> Option<(usize, usize)> {
    if !io::stdout().is_terminal() {
        return None;
    }
    let (columns, rows) =
        crossterm::terminal::size().ok().filter(|(columns, rows)| *columns > 0 && *rows > 0)?;
    Some((columns.into(), rows.into()))
}

/// The config, if it is a file. A pipe in its place would hold up every verb.
fn config_text(path: &Path) -> Option<String> {
    const MAX_BYTES: u64 = 1 << 20;
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path).ok()?;
    let is_file = file.metadata().ok()?.is_file();
    let mut text = String::new();
    file.take(MAX_BYTES).read_to_string(&mut text).ok().filter(|_| is_file)?;
    Some(text)
}

/// The flag, `BP_LANG`, the config, the locale; else English.
pub fn lang(flag: Option<&str>, config: Option<&Path>) -> Lang {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let configured = || {
        let text = config_text(config?)?;
        let table: toml::Table = text.parse().ok()?;
        Some(table.get("lang")?.as_str()?.to_owned())
    };
    let locale = || variable("LC_ALL").or_else(|| variable("LC_MESSAGES")).or_else(|| variable("LANG"));
    let named = [flag.map(str::to_owned), variable("BP_LANG"), configured()];
    let named = named.into_iter().flatten().find_map(|tag| Lang::of(&tag));
    named.or_else(|| Lang::of(&locale()?)).unwrap_or_default()
}

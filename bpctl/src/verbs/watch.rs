//! `bpctl watch`: the newest runs, repainted every second until `q` or Ctrl-C.

use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use bp_proto::request::ListQuery;
use bp_proto::{Request, Run, UnixMillis};
use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::event::{self, Event, KeyCode, KeyModifiers};
use crossterm::terminal::{self, Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen};
use crossterm::{execute, queue};

use super::{Exit, Usage, list};
use crate::ask::Bpd;
use crate::screen::{Screen, Tone};
use crate::text::sparkline::sparkline;
use crate::text::words::Word;

const INTERVAL: Duration = Duration::from_secs(1);
const CURVE: usize = 8;

#[derive(Debug, clap::Args)]
pub struct Args {}

pub fn run(_args: &Args, screen: &Screen) -> anyhow::Result<Exit> {
    if !screen.person {
        return Err(Usage(screen.word(Word::WatchTerminal).to_owned()).into());
    }
    let mut bpd = Bpd::connect()?;
    let painted = Painted::begin()?;
    let outcome = repaint(&mut bpd, screen);
    drop(painted);
    outcome.map(|()| Exit::Fine)
}

fn repaint(bpd: &mut Bpd, screen: &Screen) -> anyhow::Result<()> {
    loop {
        let deadline = Instant::now() + INTERVAL;
        let (columns, rows) = terminal::size()?;
        let screen = Screen { width: usize::from(columns).max(20), now: UnixMillis::now(), ..screen.clone() };
        let page = page(bpd, &screen, rows)?;
        paint(&page, rows)?;
        while let Some(left) = deadline.checked_duration_since(Instant::now()) {
            if event::poll(left)? && is_goodbye(&event::read()?) {
                return Ok(());
            }
        }
    }
}

fn is_goodbye(event: &Event) -> bool {
    let Event::Key(key) = event else { return false };
    let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
    matches!(key.code, KeyCode::Char('q') | KeyCode::Esc)
        || ctrl && matches!(key.code, KeyCode::Char('c' | 'd'))
}

/// Running ones on top, as many as there are rows.
fn page(bpd: &mut Bpd, screen: &Screen, rows: u16) -> anyhow::Result<String> {
    let limit = u32::from(rows.saturating_sub(3)).clamp(1, 500);
    let query =
        ListQuery { limit: Some(limit), lang: Some(screen.lang.code().to_owned()), ..ListQuery::default() };
    let mut runs: Vec<Run> = bpd.ask(&Request::List(query))?;
    runs.sort_by_key(|run| run.state != bp_proto::RunState::Running);
    let mut page = list::people(&runs, screen, |run| {
        // Only what moves is worth a question every second.
        if run.state != bp_proto::RunState::Running {
            return String::new();
        }
        let points = bpd.curve(run.id, CURVE as u32 * 2).unwrap_or_default();
        sparkline(&points.iter().map(|point| Some(point.cpu_percent)).collect::<Vec<_>>(), CURVE, None)
    });
    page.push_str(&screen.paint(Tone::Faint, screen.word(Word::WatchHelp)));
    Ok(page)
}

fn paint(page: &str, rows: u16) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    for (row, line) in (0..rows).zip(page.lines().map(Some).chain(std::iter::repeat(None))) {
        // Cleared line by line: a whole clear flickers.
        queue!(stdout, MoveTo(0, row))?;
        stdout.write_all(line.unwrap_or_default().as_bytes())?;
        queue!(stdout, Clear(ClearType::UntilNewLine))?;
    }
    stdout.flush()
}

/// The terminal as we need it; as it was when this is dropped, on an error and in a panic too.
struct Painted;

impl Painted {
    fn begin() -> io::Result<Self> {
        // The shipped client does not unwind: nothing would be dropped.
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            usual(panic);
        }));
        terminal::enable_raw_mode()?;
        let painted = Self;
        execute!(io::stdout(), EnterAlternateScreen, Hide)?;
        Ok(painted)
    }
}

impl Drop for Painted {
    fn drop(&mut self) {
        restore();
    }
}

fn restore() {
    // Nothing is left to be done about a terminal that is gone.
    let _ = execute!(io::stdout(), Show, LeaveAlternateScreen);
    let _ = terminal::disable_raw_mode();
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyEvent;

    use super::*;

    #[test]
    fn q_and_ctrl_c_leave_and_nothing_else_does() {
        let key = |code, modifiers| Event::Key(KeyEvent::new(code, modifiers));
        assert!(is_goodbye(&key(KeyCode::Char('q'), KeyModifiers::NONE)));
        assert!(is_goodbye(&key(KeyCode::Char('c'), KeyModifiers::CONTROL)));
        assert!(!is_goodbye(&key(KeyCode::Char('c'), KeyModifiers::NONE)));
        assert!(!is_goodbye(&Event::Resize(80, 24)));
    }
}

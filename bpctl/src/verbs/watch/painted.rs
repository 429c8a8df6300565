//! The terminal as the table needs it, and as it was when this ends: by `q`, an error, a panic or a signal.

use std::io::{self, Stdout};

use crossterm::cursor::{Hide, Show};
use crossterm::execute;
use crossterm::terminal::{self, Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen};
use ratatui::backend::CrosstermBackend;
use ratatui::{Frame, Terminal};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// As long as it lives the terminal is the table's.
pub struct Painted {
    terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl Painted {
    /// Takes the terminal.
    ///
    /// # Errors
    /// Standard output is no terminal.
    pub fn begin() -> anyhow::Result<Self> {
        // The shipped client does not unwind: nothing would be dropped.
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            usual(panic);
        }));
        // By a thread of their own: who reads a terminal that has gone may never come back to look for a signal.
        let mut signals = Signals::new([SIGTERM, SIGHUP, SIGINT])?;
        std::thread::spawn(move || signals.forever().for_each(end));
        let terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
        let painted = Self { terminal };
        enter()?;
        Ok(painted)
    }

    /// Paints what has changed.
    pub(super) fn draw(&mut self, paint: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.terminal.draw(paint).map(drop)
    }

    /// Ctrl-Z: the shell has its terminal back until `fg`.
    pub(super) fn suspend(&mut self) -> anyhow::Result<()> {
        restore();
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TSTP)?;
        enter()?;
        // Painted anew from nothing. The terminal's own `clear` asks where the cursor is, and not every terminal answers.
        execute!(io::stdout(), Clear(ClearType::All))?;
        self.terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
        Ok(())
    }
}

impl Drop for Painted {
    fn drop(&mut self) {
        restore();
    }
}

/// The terminal is restored, and who started us sees the signal.
fn end(signal: i32) {
    restore();
    // Fails for no signal of ours; the exit code stands for it then.
    let _ = signal_hook::low_level::emulate_default_handler(signal);
    std::process::exit(128 + signal);
}

fn enter() -> io::Result<()> {
    terminal::enable_raw_mode()?;
    execute!(io::stdout(), EnterAlternateScreen, Hide)
}

fn restore() {
    // Nothing is left to be done about a terminal that is gone.
    let _ = execute!(io::stdout(), Show, LeaveAlternateScreen);
    let _ = terminal::disable_raw_mode();
}

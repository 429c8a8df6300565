//! The terminal as the table needs it, and as it was when this ends: by `q`, an error, a panic or a signal.

use std::io::{self, Stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossterm::cursor::{Hide, Show};
use crossterm::execute;
use crossterm::terminal::{self, EnterAlternateScreen, LeaveAlternateScreen};
use ratatui::backend::CrosstermBackend;
use ratatui::{Frame, Terminal};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

pub(super) struct Painted {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    /// The signal that wants us to end, or 0.
    ended_by: Arc<AtomicUsize>,
}

impl Painted {
    pub(super) fn begin() -> anyhow::Result<Self> {
        // The shipped client does not unwind: nothing would be dropped.
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            usual(panic);
        }));
        let ended_by = Arc::new(AtomicUsize::new(0));
        for signal in [SIGTERM, SIGHUP, SIGINT] {
            signal_hook::flag::register_usize(signal, Arc::clone(&ended_by), signal as usize)?;
        }
        let terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
        let painted = Self { terminal, ended_by };
        enter()?;
        Ok(painted)
    }

    /// Paints what has changed.
    pub(super) fn draw(&mut self, paint: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.terminal.draw(paint).map(drop)
    }

    /// Does not return when a signal wants us to end: the terminal is restored, and who started us sees the signal.
    pub(super) fn heed_signals(&mut self) {
        let signal = self.ended_by.load(Ordering::Relaxed);
        if signal != 0 {
            restore();
            // Fails for no signal of ours; the exit code stands for it then.
            let _ = signal_hook::low_level::emulate_default_handler(signal as i32);
            std::process::exit(128 + signal as i32);
        }
    }

    /// Ctrl-Z: the shell has its terminal back until `fg`.
    pub(super) fn suspend(&mut self) -> anyhow::Result<()> {
        restore();
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TSTP)?;
        enter()?;
        self.terminal.clear()?;
        Ok(())
    }
}

impl Drop for Painted {
    fn drop(&mut self) {
        restore();
    }
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

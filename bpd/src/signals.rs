//! Signals: TERM and INT stop bpd, HUP makes it read its config again.

use std::io::{self, IsTerminal as _};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// From here on no such signal ends the process by itself. → the token that TERM and INT cancel, and what HUP sends.
/// Inside a tokio runtime.
pub fn listen() -> io::Result<(CancellationToken, mpsc::Receiver<()>)> {
    let stop = CancellationToken::new();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut hangup = signal(SignalKind::hangup())?;
    // In a terminal a hangup means that the terminal is gone.
    let in_terminal = io::stderr().is_terminal();
    let (hung_up, hangups) = mpsc::channel(1);
    let token = stop.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                _ = hangup.recv() => {
                    if in_terminal {
                        break;
                    }
                    // Full = a reload is due already.
                    let _ = hung_up.try_send(());
                }
            }
        }
        token.cancel();
    });
    Ok((stop, hangups))
}

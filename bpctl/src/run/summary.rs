//! The one line after a run, for a person at a terminal.

use std::time::Duration;

use super::delivery::Delivered;
use super::process::Outcome;

/// Only where a person reads it at once: stderr is a terminal, and we are its foreground (a background job that writes
/// may be stopped for it).
pub(super) fn is_wanted() -> bool {
    let stderr = rustix::stdio::stderr();
    rustix::termios::isatty(stderr)
        && rustix::termios::tcgetpgrp(stderr).is_ok_and(|foreground| foreground == rustix::process::getpgrp())
}

/// `1.23 s · CPU 0.98 s · peak 34 MB`, and what is wrong with bpd if something is.
pub(super) fn line(outcome: &Outcome, took: Duration, delivered: &anyhow::Result<Delivered>) -> String {
    let cpu = Duration::from_nanos(outcome.totals.cpu_ns.unwrap_or(0));
    let mut parts = vec![seconds(took), format!("CPU {}", seconds(cpu))];
    if let Some(bytes) = outcome.totals.rss_max_bytes {
        parts.push(format!("RSS {:.0} MB", bytes as f64 / f64::from(1 << 20)));
    }
    if outcome.exit_code != 0 {
        parts.push(format!("exit {}", outcome.exit_code));
    }
    match delivered {
        Ok(Delivered::Sent) => {}
        Ok(Delivered::Kept) => parts.push("bpd is away, kept for later (bpctl daemon start)".to_owned()),
        Err(why) => parts.push(format!("not recorded: {why:#}")),
    }
    parts.join(" · ")
}

fn seconds(time: Duration) -> String {
    match time.as_secs_f64() {
        few if few < 10.0 => format!("{few:.2} s"),
        some if some < 120.0 => format!("{some:.1} s"),
        many => format!("{:.0} min {:02.0} s", (many / 60.0).floor(), many % 60.0),
    }
}

#[cfg(test)]
mod tests {
    use bp_proto::Totals;

    use super::*;

    #[test]
    fn the_line_says_the_cost_and_what_is_wrong() {
        let totals = Totals { cpu_ns: Some(980_000_000), rss_max_bytes: Some(34 << 20), ..Totals::default() };
        let outcome = Outcome { exit_code: 2, signal: None, totals, background: false, interrupted: false };
        let kept = line(&outcome, Duration::from_millis(1_234), &Ok(Delivered::Kept));
        assert_eq!(
            kept,
            "1.23 s · CPU 0.98 s · RSS 34 MB · exit 2 · bpd is away, kept for later (bpctl daemon start)"
        );
        let lost = line(&outcome, Duration::from_secs(200), &Err(anyhow::anyhow!("disk full")));
        assert_eq!(lost, "3 min 20 s · CPU 0.98 s · RSS 34 MB · exit 2 · not recorded: disk full");
    }
}

//! The one line after a run, for a person at a terminal.

use std::time::Duration;

use super::delivery::Delivered;
use super::process::Outcome;
use crate::text::words::{Lang, Word, fill};
use crate::text::{figures, said};

/// Only where a person reads it at once: stderr is a terminal, and we are its foreground (a background job that writes
/// may be stopped for it).
pub(super) fn is_wanted() -> bool {
    let stderr = rustix::stdio::stderr();
    rustix::termios::isatty(stderr)
        && rustix::termios::tcgetpgrp(stderr).is_ok_and(|foreground| foreground == rustix::process::getpgrp())
}

/// `1.23 s · CPU 980 ms · RSS 34 MiB`, and what is wrong with bpd if something is.
pub(super) fn line(
    outcome: &Outcome,
    took: Duration,
    delivered: &anyhow::Result<Delivered>,
    lang: Lang,
) -> String {
    let cpu = Duration::from_nanos(outcome.totals.cpu_ns.unwrap_or(0));
    let mut parts = vec![
        figures::duration(took.as_secs_f64(), lang),
        format!("CPU {}", figures::duration(cpu.as_secs_f64(), lang)),
    ];
    if let Some(bytes) = outcome.totals.rss_max_bytes {
        parts.push(format!("RSS {}", figures::memory(bytes as f64 / f64::from(1 << 20), lang)));
    }
    if outcome.exit_code != 0 {
        parts.push(fill(Word::Exit.text(lang), &[&outcome.exit_code.to_string()]));
    }
    match delivered {
        Ok(Delivered::Sent) => {}
        Ok(Delivered::Kept) => parts.push(Word::RunKept.text(lang).to_owned()),
        Err(why) => parts.push(fill(Word::RunNotRecorded.text(lang), &[&said::sentence(why, lang)])),
    }
    parts.join(" · ")
}

#[cfg(test)]
mod tests {
    use bp_proto::Totals;

    use super::*;

    #[test]
    fn the_line_says_the_cost_and_what_is_wrong() {
        let totals = Totals { cpu_ns: Some(980_000_000), rss_max_bytes: Some(34 << 20), ..Totals::default() };
        let outcome = Outcome {
            exit_code: 2,
            signal: None,
            totals,
            waited: None,
            background: false,
            interrupted: false,
        };
        let took = Duration::from_millis(1_234);
        let lost = Err(anyhow::anyhow!("disk full"));
        for (delivered, lang, said) in [
            (&Ok(Delivered::Sent), Lang::En, "1.23 s · CPU 980 ms · RSS 34 MiB · exit 2"),
            (&Ok(Delivered::Sent), Lang::Tr, "1,23 sn · CPU 980 ms · RSS 34 MiB · çıkış 2"),
            (
                &Ok(Delivered::Kept),
                Lang::Tr,
                "1,23 sn · CPU 980 ms · RSS 34 MiB · çıkış 2 · bpd yok, sonraya saklandı (bpctl daemon start)",
            ),
            (&lost, Lang::En, "1.23 s · CPU 980 ms · RSS 34 MiB · exit 2 · not recorded: disk full"),
        ] {
            assert_eq!(line(&outcome, took, delivered, lang), said);
        }
    }
}

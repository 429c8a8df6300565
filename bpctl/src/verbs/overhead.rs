//! `bpctl overhead`: what bp itself has cost this week.

use bp_proto::{Overhead, Request};
use std::fmt::Write as _;

use super::Exit;
use crate::ask::Bpd;
use crate::cli::Output;
use crate::screen::{Screen, Tone};
use crate::text::table::fold;
use crate::text::words::Word;
use crate::text::{clock, figures};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    output: Output,
}

pub fn run(args: &Args, screen: &Screen) -> anyhow::Result<Exit> {
    let raw = Bpd::connect_for_status()?.ask_raw(&Request::Overhead)?;
    if args.output.json {
        Screen::print_json(&raw)?;
    } else {
        let overhead: Overhead = serde_json::from_slice(&raw)?;
        screen.print(&if args.output.plain { plain(&overhead) } else { people(&overhead, screen) })?;
    }
    Ok(Exit::Fine)
}

fn people(overhead: &Overhead, screen: &Screen) -> String {
    let lang = screen.lang;
    let own = figures::duration(overhead.cpu_seconds, lang);
    let commands = figures::duration(overhead.commands_cpu_seconds, lang);
    let mut cpu = screen.say(Word::OverheadOf, &[&own, &commands, &overhead.runs.to_string()]);
    if overhead.commands_cpu_seconds > 0.0 {
        let share = overhead.cpu_seconds / overhead.commands_cpu_seconds * 100.0;
        // Below a hundredth of a percent it is not none; above the whole it says nothing, as in a fresh store.
        if share < 0.01 {
            let _ = write!(cpu, " (< {})", figures::fine_percent(0.01, lang));
        } else if share <= 100.0 {
            let _ = write!(cpu, " ({})", figures::fine_percent(share, lang));
        }
    }
    let head = screen.say(Word::OverheadHead, &[&clock::long(overhead.since, &screen.zone)]);
    let mut page = String::new();
    for line in fold(&head, screen.width) {
        page += &(screen.paint(Tone::Strong, &line) + "\n");
    }
    for (name, value) in [
        (Word::OverheadCpu, cpu),
        (Word::Memory, figures::memory(overhead.rss_mb, lang)),
        (Word::Disk, figures::memory(overhead.disk_bytes as f64 / f64::from(1 << 20), lang)),
        (Word::Uptime, figures::duration(overhead.uptime_s, lang)),
    ] {
        page.push_str(&screen.paragraph(&format!("  {:<16}", screen.word(name)), 18, &value));
    }
    page
}

fn plain(overhead: &Overhead) -> String {
    format!(
        "field\tvalue\nsince\t{}\ncpu_seconds\t{:.3}\ncommands_cpu_seconds\t{:.3}\nruns\t{}\nrss_mb\t{:.1}\ndisk_bytes\t{}\nuptime_s\t{:.1}\n",
        overhead.since,
        overhead.cpu_seconds,
        overhead.commands_cpu_seconds,
        overhead.runs,
        overhead.rss_mb,
        overhead.disk_bytes,
        overhead.uptime_s
    )
}

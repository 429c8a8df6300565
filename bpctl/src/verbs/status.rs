//! `bpctl status`: what bpd is, where it listens, and what does not work as it should.

use bp_proto::{Request, Status};
use std::fmt::Write as _;

use super::{Exit, daemon, pause, show};
use crate::ask::Bpd;
use crate::cli::Output;
use crate::screen::{Screen, Tone};
use crate::text::escape::visible;
use crate::text::figures;
use crate::text::words::Word;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    output: Output,
}

pub fn run(args: &Args, screen: &Screen) -> anyhow::Result<Exit> {
    let raw = Bpd::connect_for_status()?.ask_raw(&Request::Status)?;
    if args.output.json {
        Screen::print_json(&raw)?;
    } else {
        let status: Status = serde_json::from_slice(&raw)?;
        screen.print(&if args.output.plain { plain(&status, screen) } else { people(&status, screen) })?;
    }
    Ok(Exit::Fine)
}

fn people(status: &Status, screen: &Screen) -> String {
    let up = figures::duration(status.uptime_s, screen.lang);
    let bpd = screen.say(Word::Bpd, &[&status.version, &status.pid.to_string(), &up]);
    let mut page = screen.paragraph("", 0, &bpd);
    for (name, value) in [
        (Word::Page, format!("http://{} (bpctl open)", status.http.address)),
        (Word::Socket, status.socket.display().to_string()),
        (Word::Data, status.data_dir.display().to_string()),
        (Word::TokenFile, status.http.token_file.display().to_string()),
    ] {
        page.push_str(&screen.paragraph(&format!("  {:<8}", screen.word(name)), 10, &visible(&value)));
    }
    let runs = screen.say(Word::Runs, &[&status.runs.to_string(), &status.running.to_string()]);
    page.push_str(&screen.paragraph("  ", 2, &runs));
    if status.implausible > 0 {
        let count = figures::count(status.implausible, screen.lang);
        page.push_str(&screen.paragraph("  ", 2, &screen.say(Word::ImplausibleCount, &[&count])));
    }
    let mark = format!("  {} ", screen.paint(Tone::Bad, "!"));
    for sentence in pause::beside(screen) {
        page.push_str(&screen.paragraph(&mark, 4, &sentence));
    }
    let degraded: Vec<_> = status.degraded.iter().cloned().chain(daemon::outdated(status, screen)).collect();
    if degraded.is_empty() {
        let _ = writeln!(page, "  {}", screen.paint(Tone::Good, screen.word(Word::AllWell)));
    }
    for sentence in &degraded {
        page.push_str(&screen.paragraph(&mark, 4, &visible(sentence)));
    }
    page
}

pub(super) fn plain(status: &Status, screen: &Screen) -> String {
    let mut page = show::PLAIN_HEAD.to_owned();
    for (name, value) in [
        ("version", status.version.clone()),
        ("pid", status.pid.to_string()),
        ("http.address", status.http.address.clone()),
        ("http.token_file", status.http.token_file.display().to_string()),
        ("socket", status.socket.display().to_string()),
        ("data_dir", status.data_dir.display().to_string()),
        ("runs", status.runs.to_string()),
        ("running", status.running.to_string()),
        ("uptime_s", format!("{:.1}", status.uptime_s)),
        ("implausible", status.implausible.to_string()),
    ] {
        let _ = writeln!(page, "{name}\t{}", visible(&value));
    }
    for sentence in status.degraded.iter().chain(daemon::outdated(status, screen).as_ref()) {
        let _ = writeln!(page, "degraded\t{}", visible(sentence));
    }
    for sentence in pause::beside(screen) {
        let _ = writeln!(page, "paused\t{sentence}");
    }
    page
}

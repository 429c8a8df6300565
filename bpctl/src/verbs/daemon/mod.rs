//! `bpctl daemon …`: starts, stops and looks after bpd.

mod lock;
mod logs;
mod service;
mod start;
mod stop;
mod unit;

use std::io::Write as _;

use bp_proto::Status;
use bp_proto::client::Client;
use bp_proto::place::Places;
use bp_proto::process;
use bp_proto::request::Request;
use clap::Subcommand;

use super::Exit;
use crate::bpd;
use crate::cli::Output;
use crate::screen::Screen;
use crate::text::escape::visible;
use crate::text::said::Said;
use crate::text::words::Word;
use std::time::Duration;

/// A service manager may have to start bpd before it answers.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Starts bpd apart from this terminal, and waits until it answers
    Start,
    /// Stops bpd, and waits until everything it accepted is stored
    Stop,
    /// Stops bpd if it runs, and starts it
    Restart,
    /// Says whether bpd runs, and where
    Status(Output),
    /// Prints the newest lines of bpd's log
    Logs(logs::Args),
    /// Writes what makes the system start bpd at login
    Install,
    /// Removes what `install` wrote
    Uninstall,
}

pub fn run(args: &Args, screen: &Screen) -> anyhow::Result<Exit> {
    let places = Places::find()?;
    match &args.what {
        What::Start => start::run(&places, screen),
        What::Stop => stop::run(&places, screen),
        What::Restart => restart(&places, screen),
        What::Status(output) => status(&places, *output, screen),
        What::Logs(args) => logs::run(&places, args),
        What::Install => service::install(&places, screen),
        What::Uninstall => uninstall(screen),
    }
}

fn uninstall(screen: &Screen) -> anyhow::Result<Exit> {
    if !service::uninstall(screen)? {
        say(screen.word(Word::NothingInstalled))?;
    }
    Ok(Exit::Fine)
}

/// Takes bpd away: out of the service manager, and out of memory.
pub fn remove(places: &Places, screen: &Screen) -> anyhow::Result<()> {
    service::uninstall(screen)?;
    stop::run(places, screen)?;
    Ok(())
}

/// Starts bpd unless it runs.
pub fn start(places: &Places, screen: &Screen) -> anyhow::Result<()> {
    start::run(places, screen).map(drop)
}

/// The pid of the bpd that runs, as it wrote it down itself: also of one that answers nobody.
pub fn pid(places: &Places) -> Option<u32> {
    lock::holder(&places.store_lock())
}

/// Whether the process that holds the lock is being taken apart by the kernel.
pub fn is_ending(places: &Places) -> bool {
    let held_lock = places.store_lock();
    lock::is_held(&held_lock).is_ok_and(|is_held| is_held) && pid(places).is_some_and(process::is_ending)
}

/// Stops bpd if it runs, and starts it. One that could not start again is not stopped.
pub fn restart(places: &Places, screen: &Screen) -> anyhow::Result<Exit> {
    if bpd::config(&bpd::program()?, None, screen.lang)?.is_none() {
        return Err(Said::new(Word::RestartConfig, &[]).into());
    }
    stop::run(places, screen)?;
    start::run(places, screen)
}

fn status(places: &Places, output: Output, screen: &Screen) -> anyhow::Result<Exit> {
    let answer = Client::connect(&places.socket()?, PATIENCE)?.ask_raw(&Request::Status)?;
    if output.json {
        Screen::print_json(&answer)?;
    } else if output.plain {
        screen.print(&super::status::plain(&serde_json::from_slice(&answer)?, screen))?;
    } else {
        introduce(&serde_json::from_slice(&answer)?, screen)?;
    }
    Ok(Exit::Fine)
}

fn introduce(status: &Status, screen: &Screen) -> anyhow::Result<()> {
    let pid = status.pid.to_string();
    let runs = screen.say(Word::BpdRuns, &[&status.version, &pid, &status.http.address]);
    let mut page = screen.paragraph("", 0, &runs);
    for sentence in status.degraded.iter().chain(outdated(status, screen).as_ref()) {
        page.push_str(&screen.paragraph("! ", 2, &visible(sentence)));
    }
    Ok(screen.print(&page)?)
}

fn say(line: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}

/// Says that the installed bpd is another build than the one that runs. A bpd whose own file was replaced says so
/// itself, among its other troubles.
pub fn outdated(status: &Status, screen: &Screen) -> Option<String> {
    if status.degraded_codes.iter().any(|code| code == "program-replaced") {
        return None;
    }
    let running = status.program.as_ref()?;
    let installed = bpd::program().ok()?;
    let is_same = running.is_at(&installed).ok()?;
    (!is_same).then(|| {
        let (running, installed) = (running.path.display().to_string(), installed.display().to_string());
        screen.say(Word::BpdOutdated, &[&running, &installed])
    })
}

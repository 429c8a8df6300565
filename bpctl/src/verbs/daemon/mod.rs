//! `bpctl daemon …`: starts, stops and looks after bpd.

mod logs;
mod service;
mod start;
mod stop;
mod unit;

use std::io::Write as _;

use bp_proto::Status;
use bp_proto::client::Client;
use bp_proto::place::Places;
use bp_proto::request::Request;
use clap::Subcommand;

use super::Exit;
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
    Status {
        /// The answer of bpd as it comes
        #[arg(long)]
        json: bool,
    },
    /// Prints the newest lines of bpd's log
    Logs(logs::Args),
    /// Writes what makes the system start bpd at login
    Install,
    /// Removes what `install` wrote
    Uninstall,
}

pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let places = Places::find()?;
    match &args.what {
        What::Start => start::run(&places),
        What::Stop => stop::run(&places),
        What::Restart => {
            stop::run(&places)?;
            start::run(&places)
        }
        What::Status { json } => status(&places, *json),
        What::Logs(args) => logs::run(&places, args),
        What::Install => service::install(&places),
        What::Uninstall => service::uninstall(),
    }
}

fn status(places: &Places, json: bool) -> anyhow::Result<Exit> {
    let answer = Client::connect(&places.socket()?, PATIENCE)?.ask_raw(&Request::Status)?;
    if json {
        say(&String::from_utf8_lossy(&answer))?;
        return Ok(Exit::Fine);
    }
    introduce(&serde_json::from_slice(&answer)?)?;
    Ok(Exit::Fine)
}

fn introduce(status: &Status) -> anyhow::Result<()> {
    say(&format!("bpd {} runs (pid {}): http://{}", status.version, status.pid, status.http.address))?;
    for sentence in &status.degraded {
        say(&format!("! {sentence}"))?;
    }
    Ok(())
}

fn say(line: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}

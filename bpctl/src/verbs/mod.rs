//! The verbs of bpctl, one file each.

pub mod config;
pub mod daemon;
pub mod event;
pub mod init;

use std::io::Write as _;
use std::process::ExitCode;

use bp_proto::client::ClientError;
use clap::Subcommand;

/// One arm a verb; each verb's file holds its arguments and what it does.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Starts, stops and looks after the daemon
    Daemon(daemon::Args),
    /// Prints what a shell evaluates to be recorded: eval "$(bpctl init bash)"
    Init(init::Args),
    /// Shows and checks the config
    Config(config::Args),
    /// Takes mailbox records on standard input, for shells that cannot write the mailbox themselves
    Event(event::Args),
}

/// What a verb's end means to a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    Fine = 0,
    Failed = 1,
    Unreachable = 5,
}

impl Verb {
    pub fn run(self) -> anyhow::Result<Exit> {
        match self {
            Self::Daemon(args) => daemon::run(&args),
            Self::Init(args) => init::run(&args),
            Self::Config(args) => config::run(&args),
            Self::Event(args) => event::run(&args),
        }
    }
}

/// One line on stderr for an error, and the exit code that the contract gives it.
pub fn report(outcome: anyhow::Result<Exit>) -> ExitCode {
    let exit = outcome.unwrap_or_else(|error| {
        // Nobody is left to tell when stderr is closed.
        let _ = writeln!(std::io::stderr(), "bpctl: {error:#}");
        match error.downcast_ref::<ClientError>() {
            Some(ClientError::Unreachable { .. }) => Exit::Unreachable,
            _ => Exit::Failed,
        }
    });
    ExitCode::from(exit as u8)
}

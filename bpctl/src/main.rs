//! bpctl, the client of bp.

use std::ffi::OsString;
use std::process::ExitCode;

use bpctl::{run, verbs};
use clap::Parser;

/// Runs, lists, shows and compares commands.
#[derive(Debug, Parser)]
#[command(name = "bpctl", version, disable_help_subcommand = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    verb: verbs::Verb,
}

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    // Read before clap, which costs more than all that these do: they stand in the way of a prompt.
    match words.next() {
        Some(verb) if verb == "event" => verbs::event::main(&words.collect::<Vec<OsString>>()),
        Some(verb) if verb == "run" => run::main(words),
        _ => verbs::report(Cli::parse().verb.run()),
    }
}

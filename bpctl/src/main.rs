//! bpctl, the client of bp.

use std::ffi::OsString;
use std::process::ExitCode;

use bpctl::cli::Cli;
use bpctl::{run, verbs};
use clap::Parser as _;

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    // Read before clap, which costs more than all that these do: they stand in the way of a prompt.
    match words.next() {
        Some(verb) if verb == "event" => verbs::event::main(&words.collect::<Vec<OsString>>()),
        Some(verb) if verb == "run" => run::main(words),
        _ => verbs::main(Cli::parse()),
    }
}

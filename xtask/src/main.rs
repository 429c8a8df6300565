//! The chores of the bp workspace.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a chore talks to the person who started it")]

mod bench;
mod build;
mod daemon;
// One terminal harness for the tests and for the chores.
#[path = "../../bpctl/tests/e2e/pty.rs"]
#[allow(clippy::unwrap_used, dead_code, reason = "written for tests, where a failure is a panic")]
mod pty;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The chores of the bp workspace")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Measure what bp costs and write docs/PERFORMANCE.md
    Bench {
        /// Where the tables go
        #[arg(long, default_value = "docs/PERFORMANCE.md")]
        out: PathBuf,
    },
}

fn main() -> Result<()> {
    match Arguments::parse().chore {
        Chore::Bench { out } => bench::run(&build::release()?, &out),
    }
}

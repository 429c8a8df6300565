//! The chores of the bp workspace.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a chore talks to the person who started it")]

mod attempt;
mod bench;
mod build;
mod clock;
mod daemon;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod entered;
mod install;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod layout;
mod others;
mod packages;
// One terminal harness for the tests and for the chores.
#[path = "../../bpctl/tests/e2e/pty.rs"]
#[allow(clippy::unwrap_used, dead_code, reason = "written for tests, where a failure is a panic")]
mod pty;
mod test;
mod web;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum as _};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The chores of the bp workspace")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Try bp: your shell with the hook in it and a bpd of its own, or COMMAND recorded twice and compared
    Try(attempt::Arguments),
    /// Run every test there is
    Test {
        /// Install missing Debian packages without asking, as with CI set
        #[arg(long)]
        yes: bool,
    },
    /// Build the dashboard
    Web,
    /// Build the programs and put them where the shell finds them
    Install {
        /// Copy to ROOT/bin instead of cargo's own folder
        #[arg(long)]
        root: Option<PathBuf>,
    },
    /// Measure what bp costs: everything, into docs/PERFORMANCE.md, or the subjects that are named
    Bench {
        #[arg(value_enum)]
        subjects: Vec<bench::Subject>,
        /// Where the tables go; those of named subjects are only printed without it
        #[arg(long)]
        out: Option<PathBuf>,
        /// Measure the programs in this folder instead of building them
        #[arg(long)]
        programs: Option<PathBuf>,
        /// Turns that each tool has at each workload of `accuracy`
        #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
        rounds: u32,
    },
}

fn main() -> Result<()> {
    match Arguments::parse().chore {
        Chore::Try(arguments) => attempt::run(&arguments),
        Chore::Test { yes } => test::run(yes),
        Chore::Web => web::build(),
        Chore::Install { root } => install::run(root),
        Chore::Bench { subjects, out, programs, rounds } => {
            let programs = programs.map_or_else(build::shipped, Ok)?;
            if subjects.is_empty() {
                let out = out.unwrap_or_else(|| PathBuf::from("docs/PERFORMANCE.md"));
                bench::run(bench::Subject::value_variants(), &programs, rounds, Some(&out))
            } else {
                bench::run(&subjects, &programs, rounds, out.as_deref())
            }
        }
    }
}

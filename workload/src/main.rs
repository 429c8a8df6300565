//! Programs whose cost is known. With `--truth FILE` each appends what it has cost to FILE as its last deed; nothing of
//! it is printed.

mod account;
mod burn;
mod escape;
mod family;
mod flock;
mod memory;
mod project;
mod storm;
mod stream;

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "workload", about = "Programs whose cost is known")]
struct Arguments {
    /// Where the cost is reported: one line of JSON for each process that accounts for itself
    #[arg(long, global = true)]
    truth: Option<PathBuf>,
    #[command(subcommand)]
    work: Work,
}

#[derive(Subcommand)]
enum Work {
    /// Burns CPU in one thread or several
    Burn {
        /// CPU time of each thread, in milliseconds
        cpu_ms: u64,
        #[arg(long, default_value_t = 1)]
        threads: usize,
    },
    /// Runs a program many times
    Storm {
        count: u32,
        #[arg(long, default_value = "/bin/true")]
        program: String,
    },
    /// Builds a small C project with `make -j2`
    Make {
        /// Source files
        #[arg(default_value_t = 10)]
        sources: usize,
    },
    /// Touches memory for a moment
    Spike {
        mb: usize,
        /// Milliseconds before it, of it and after it
        #[arg(long, default_value_t = 0)]
        before: u64,
        #[arg(long, default_value_t = 150)]
        hold: u64,
        #[arg(long, default_value_t = 0)]
        after: u64,
    },
    /// Forks workers that share what their parent has touched
    Workers {
        count: usize,
        mb: usize,
        /// CPU time of each, in milliseconds
        #[arg(long, default_value_t = 100)]
        cpu_ms: u64,
        /// Milliseconds for which all of them live together at least
        #[arg(long, default_value_t = 1500)]
        hold: u64,
    },
    /// Starts `source`, `filter` and `sink` as a pipeline and waits for them
    Pipeline { cpu_ms: u64 },
    /// Writes zeros for so many milliseconds of CPU time
    Source { cpu_ms: u64 },
    /// Passes its input on
    Filter,
    /// Reads its input
    Sink,
    /// Forks twice; what is left burns on as a daemon. Two reports
    Daemon { cpu_ms: u64 },
    /// Forks children that nobody waits for. One report each, and the parent's
    AutoReaped { children: usize, cpu_ms: u64 },
    /// Forks processes that stay until this one is killed
    Flock {
        children: usize,
        /// Milliseconds between two bits of work; without it they sleep
        #[arg(long)]
        every: Option<u64>,
    },
    /// Sleeps
    Sleep { ms: u64 },
    /// Succeeds where the kernel lets this user count the CPU time of a whole tree of processes
    Counter,
    /// Becomes a program that may not open counters, nor anything that it starts
    WithoutCounter {
        #[arg(required = true, last = true)]
        program: Vec<OsString>,
    },
}

fn main() -> Result<ExitCode> {
    let Arguments { truth, work } = Arguments::parse();
    let mut together = None;
    match work {
        Work::Burn { cpu_ms, threads } => burn::in_threads(threads, cpu_ms),
        Work::Storm { count, program } => storm::run(count, &program)?,
        Work::Make { sources } => project::make(sources)?,
        Work::Spike { mb, before, hold, after } => {
            memory::spike(mb, milliseconds(before), milliseconds(hold), milliseconds(after));
        }
        Work::Workers { count, mb, cpu_ms, hold } => {
            together = Some(memory::workers(count, mb, cpu_ms, milliseconds(hold))?);
        }
        Work::Pipeline { cpu_ms } => stream::pipeline(cpu_ms)?,
        Work::Source { cpu_ms } => stream::source(cpu_ms)?,
        Work::Filter => stream::filter()?,
        Work::Sink => stream::sink()?,
        Work::Daemon { cpu_ms } => escape::daemon(cpu_ms, truth.as_deref())?,
        Work::AutoReaped { children, cpu_ms } => escape::auto_reaped(children, cpu_ms, truth.as_deref())?,
        Work::Flock { children, every } => flock::stay(children, every.map(milliseconds))?,
        Work::Sleep { ms } => std::thread::sleep(milliseconds(ms)),
        Work::Counter if !workload::counter_is_allowed() => return Ok(ExitCode::FAILURE),
        Work::Counter => {}
        Work::WithoutCounter { program } => {
            workload::refuse_counters().context("the kernel takes no system call filter")?;
            let failed = Command::new(&program[0]).args(&program[1..]).exec();
            return Err(failed).with_context(|| format!("cannot start {}", program[0].display()));
        }
    }
    if let Some(truth) = truth {
        let mut report = account::report();
        report.together_bytes = together;
        report.append(&truth)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn milliseconds(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

//! `cargo xtask bench`: what bp costs, side by side with what it is compared against, in one run. Ratios and own CPU
//! time: a shared machine makes absolute times lie.

mod accuracy;
mod flock;
mod hooks;
mod http;
mod idle;
mod memory;
mod python;
mod sampler;
mod share;
mod table;
mod wrapper;

use std::path::Path;

use anyhow::{Result, ensure};

use table::Table;

/// What is measured: one table each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Subject {
    /// CPU seconds and peak memory against the truth, beside other tools
    Accuracy,
    /// One sample of a run's processes
    Sampler,
    /// bpd's share of a core while a command runs
    Share,
    /// Enter → next prompt in a terminal, with the hook and without
    Hooks,
    /// `bpctl run` over bare fork + exec
    Run,
    /// bpd with no run open
    Idle,
    /// What bpd keeps of the memory of a backlog and of long lists
    Memory,
    /// Answers over HTTP
    Http,
}

impl Subject {
    fn title(self) -> &'static str {
        match self {
            Self::Accuracy => "Error of CPU seconds and peak memory, and own CPU",
            Self::Sampler => "One sample of a run's processes: own CPU",
            Self::Share => "Own CPU while a command runs, as a share of one core",
            Self::Hooks => "Hooks: Enter → next prompt, in a terminal",
            Self::Run => "`bpctl run` over bare fork + exec",
            Self::Idle => "bpd with no run open",
            Self::Memory => "Resident memory of bpd after a burst of work, MB",
            Self::Http => "HTTP with 1000 runs",
        }
    }

    fn measure(self, programs: &Path, rounds: u32) -> Result<Table> {
        match self {
            Self::Accuracy => accuracy::measure(programs, rounds),
            Self::Sampler => sampler::measure(programs),
            Self::Share => share::measure(programs),
            Self::Hooks => hooks::measure(programs),
            Self::Run => wrapper::measure(programs),
            Self::Idle => idle::measure(programs),
            Self::Memory => memory::measure(programs),
            Self::Http => http::measure(programs),
        }
    }
}

/// Measures these subjects with the programs in `programs`, prints their tables, and writes them to `out` where it is
/// given. Fails when a target is missed.
pub(crate) fn run(subjects: &[Subject], programs: &Path, rounds: u32, out: Option<&Path>) -> Result<()> {
    let mut page = String::from(PREFACE);
    let mut missed = Vec::new();
    for subject in subjects {
        let title = subject.title();
        eprintln!("measuring: {title}");
        let table = subject.measure(programs, rounds)?;
        let section = format!("\n## {title}\n\n{table}");
        print!("{section}");
        page.push_str(&section);
        missed.extend(table.missed().iter().map(|what| format!("- {what}\n")));
    }
    let verdict = if missed.is_empty() { "- none\n".to_owned() } else { missed.concat() };
    let section = format!("\n## Targets missed\n\n{verdict}");
    print!("{section}");
    page.push_str(&section);
    if let Some(out) = out {
        std::fs::write(out, page)?;
        eprintln!("written to {}", out.display());
    }
    ensure!(missed.is_empty(), "{} targets were missed", missed.len());
    Ok(())
}

const PREFACE: &str = "# Performance\n\nMade by `cargo xtask bench`; made again the same way. All rows of a table come \
                       from one run, in turns; medians. A shared machine makes absolute times lie: read the \
                       differences.\n";

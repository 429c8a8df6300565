//! `cargo xtask bench`: what bp costs, side by side with what it is compared against, in one run. Ratios and own CPU
//! time: a shared machine makes absolute times lie.

mod hooks;
mod http;
mod idle;
mod table;
mod wrapper;

use std::path::Path;

use anyhow::{Result, ensure};

use table::Table;

/// Measures everything with the programs in `programs` and writes the tables to `out`. Fails when a target is missed.
pub(crate) fn run(programs: &Path, out: &Path) -> Result<()> {
    let mut page = String::from(PREFACE);
    let mut missed = Vec::new();
    for (title, measure) in [
        ("Hooks: Enter → next prompt, `:` typed in a terminal", hooks::measure as fn(&Path) -> Result<Table>),
        ("`bpctl run` over bare fork + exec", wrapper::measure),
        ("bpd with no run open", idle::measure),
        ("`GET /runs` with 1000 runs", http::measure),
    ] {
        eprintln!("measuring: {title}");
        let table = measure(programs)?;
        let section = format!("\n## {title}\n\n{table}");
        print!("{section}");
        page.push_str(&section);
        missed.extend(table.missed().iter().map(|what| format!("- {what}\n")));
    }
    let verdict = if missed.is_empty() { "- none\n".to_owned() } else { missed.concat() };
    let section = format!("\n## Targets missed\n\n{verdict}");
    print!("{section}");
    page.push_str(&section);
    std::fs::write(out, page)?;
    eprintln!("written to {}", out.display());
    ensure!(missed.is_empty(), "{} targets were missed", missed.len());
    Ok(())
}

const PREFACE: &str = "# Performance\n\nMade by `cargo xtask bench`; made again the same way. All rows of a table come \
                       from one run, in turns; medians. A shared machine makes absolute times lie: read the \
                       differences.\n";

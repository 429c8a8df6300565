//! How far from the truth bp and other tools are, on workloads whose cost is known, and what they cost themselves.

mod shell;
mod tools;

use std::path::Path;

use anyhow::Result;
use workload::suite::{BENCH, Case};
use workload::{Truth, Way};

use super::table::{Table, median};
use tools::{Bench, Tool};

const BYTES_PER_MB: f64 = 1_048_576.0;

/// What a tool says of a run, the truth of the same run, and what the tool burned itself.
#[derive(Clone, Debug)]
struct Measured {
    cpu_seconds: f64,
    rss_max_mb: f64,
    own_ms: f64,
    truth: Truth,
    /// How bp recorded it.
    way: Option<Way>,
    /// bp says that something has escaped.
    flagged: bool,
}

/// Each tool has `rounds` turns at each workload.
pub(super) fn measure(programs: &Path, rounds: u32) -> Result<Table> {
    let mut bench = Bench::new(programs)?;
    let mut heads = vec!["CPU seconds, error".to_owned(), "truth".to_owned()];
    heads.extend(Tool::ALL.iter().map(|tool| tool.name().to_owned()));
    let mut table = Table::new(&heads.iter().map(String::as_str).collect::<Vec<_>>());
    let mut own: Vec<Vec<f64>> = vec![Vec::new(); Tool::ALL.len()];
    let mut peaks = Vec::new();
    for case in BENCH {
        let mut turns: Vec<Vec<Measured>> = vec![Vec::new(); Tool::ALL.len()];
        for _ in 0..rounds {
            for (tool, measured) in Tool::ALL.into_iter().zip(&mut turns) {
                measured.push(bench.run(tool, case)?);
            }
        }
        let truth: Vec<f64> = turns.iter().flatten().map(|run| run.truth.cpu_seconds()).collect();
        let mut row = vec![case.name.to_owned(), format!("{:.3} s", median(&truth))];
        for ((tool, runs), own) in Tool::ALL.into_iter().zip(&turns).zip(&mut own) {
            row.push(cpu_cell(runs));
            own.extend(runs.iter().map(|run| run.own_ms));
            judge_cpu(&mut table, tool, case, runs, bench.has_counter);
        }
        table.row(row);
        if case.peak_is_known {
            peaks.push((case, turns));
        }
    }
    for (case, turns) in peaks {
        peak_row(&mut table, case, &turns);
    }
    let mut row = vec!["own CPU a run, median".to_owned(), String::new()];
    row.extend(own.iter().map(|own| format!("{:.1} ms", median(own))));
    table.row(row);
    Ok(table)
}

fn cpu_cell(runs: &[Measured]) -> String {
    let off: Vec<f64> = runs.iter().map(|run| run.cpu_seconds / run.truth.cpu_seconds() - 1.0).collect();
    let flag = if runs.iter().all(|run| run.flagged) { " (flagged)" } else { "" };
    format!("{:+.1} %{flag}", median(&off) * 100.0)
}

/// bp alone is held to its bounds.
fn judge_cpu(table: &mut Table, tool: Tool, case: &Case, runs: &[Measured], has_counter: bool) {
    if runs.iter().any(|run| run.way.is_none()) {
        return;
    }
    let over: Vec<f64> = runs
        .iter()
        .filter_map(|run| {
            let truth = run.truth.cpu_seconds();
            let off = (run.cpu_seconds - truth).abs();
            match case.cpu.seconds(run.way?, truth, has_counter) {
                Some(allowed) => Some(off / allowed),
                None if run.flagged => Some(0.0),
                None => Some(f64::INFINITY),
            }
        })
        .collect();
    let what = format!("{}, {}: error of CPU seconds over its bound", case.name, tool.name());
    table.judge(&what, median(&over), 1.0);
}

fn peak_row(table: &mut Table, case: &Case, rounds: &[Vec<Measured>]) {
    let exact =
        |run: &Measured| run.truth.together_bytes.unwrap_or(run.truth.largest_bytes) as f64 / BYTES_PER_MB;
    let truth: Vec<f64> = rounds.iter().flatten().map(exact).collect();
    let mut row = vec![format!("peak, {}", case.name), format!("{:.1} MB", median(&truth))];
    for (tool, runs) in Tool::ALL.into_iter().zip(rounds) {
        let said: Vec<f64> = runs.iter().map(|run| run.rss_max_mb).collect();
        row.push(format!("{:.1} MB", median(&said)));
        if runs.iter().all(|run| run.way.is_some()) {
            let over: Vec<f64> = runs
                .iter()
                .map(|run| (run.rss_max_mb - exact(run)).abs() / workload::bound::memory_mb(exact(run)))
                .collect();
            let what = format!("{}, {}: error of the peak over its bound", case.name, tool.name());
            table.judge(&what, median(&over), 1.0);
        }
    }
    table.row(row);
}

//! What bpd costs while nothing runs.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use bp_proto::Run;
use bp_proto::request::{ListQuery, Request};

use super::table::Table;
use crate::daemon::Daemon;

const WATCHED: Duration = Duration::from_secs(60);

pub(super) fn measure(programs: &Path) -> Result<Table> {
    let daemon = Daemon::start(programs)?;
    for _ in 0..50 {
        daemon.bpctl().args(["run", "--quiet", "--", "/bin/true"]).status()?;
    }
    while daemon.status()?.running > 0 {
        std::thread::sleep(Duration::from_millis(50));
    }
    let _: Vec<Run> = daemon.client()?.ask(&Request::List(ListQuery::default()))?;
    // The last chunk, the log and the browser's silence.
    std::thread::sleep(Duration::from_secs(12));
    let before = switches(daemon.pid())?;
    std::thread::sleep(WATCHED);
    let after = switches(daemon.pid())?;
    let mut table = Table::new(&["", "figure", "target"]);
    table.row([
        format!("wake-ups in {} s, all threads", WATCHED.as_secs()),
        (after - before).to_string(),
        "0".to_owned(),
    ]);
    let resident = resident_mb(daemon.pid())?;
    table.row(["resident MB".to_owned(), format!("{resident:.1}"), "≤ 15".to_owned()]);
    table.judge("idle bpd: wake-ups", (after - before) as f64, 0.0);
    table.judge("idle bpd: resident MB", resident, 15.0);
    Ok(table)
}

/// Context switches of every thread so far: each wake-up ends in one.
fn switches(pid: u32) -> Result<u64> {
    let mut sum = 0;
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let status = std::fs::read_to_string(task?.path().join("status"))?;
        for line in status.lines() {
            if let Some(count) =
                line.split_once("ctxt_switches:").and_then(|(_, count)| count.trim().parse::<u64>().ok())
            {
                sum += count;
            }
        }
    }
    Ok(sum)
}

pub(super) fn resident_mb(pid: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
    let kib: f64 = line.split_whitespace().nth(1).context("no figure")?.parse()?;
    Ok(kib / 1024.0)
}

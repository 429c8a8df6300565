//! What stays resident after a backlog and after long lists, against a bpd that was just started with the same store.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bp_proto::{UnixMillis, process};

use super::idle::resident_mb;
use super::table::Table;
use crate::daemon::Daemon;

/// Lines of a shell, two records each.
const LINES: u64 = 10_000;

/// So long after the work, the memory must have been returned.
const RETURNED_WITHIN: Duration = Duration::from_secs(10);
const MAX_GROWTH_MB: f64 = 10.0;

const DEADLINE: Duration = Duration::from_mins(2);

pub(super) fn measure(programs: &Path) -> Result<Table> {
    let mut daemon = Daemon::start(programs)?;
    let mut rows = Vec::new();
    let backlog = observed(&mut daemon, |daemon| {
        daemon.restart(leave_backlog)?;
        let deadline = Instant::now() + DEADLINE;
        loop {
            let status = daemon.status()?;
            if status.runs == LINES && status.running == 0 {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "{} of {LINES} lines were recorded", status.runs);
            std::thread::sleep(Duration::from_millis(100));
        }
    })?;
    rows.push((format!("backlog of {} records", 2 * LINES), backlog));
    let lists: [(&str, &[&str]); 3] = [
        ("a list of 500 runs", &["list", "--json", "-n", "500"]),
        ("a list of all runs", &["list", "--json", "-n", "10000"]),
        ("a search without a match", &["list", "--json", "nothing-has-this-word"]),
    ];
    for (name, words) in lists {
        daemon.restart(|_| Ok(()))?;
        let seen = observed(&mut daemon, |daemon| {
            daemon.bpctl().args(words).output()?;
            Ok(())
        })?;
        rows.push((name.to_owned(), seen));
    }
    daemon.restart(|_| Ok(()))?;
    std::thread::sleep(RETURNED_WITHIN);
    let idle = resident_mb(daemon.pid())?;
    let mut table = Table::new(&["", "at most", "10 s later", "over idle", "target"]);
    table.row([
        "just started, same store".to_owned(),
        String::new(),
        format!("{idle:.1}"),
        String::new(),
        String::new(),
    ]);
    for (name, seen) in rows {
        let growth = seen.after - idle;
        let figures = [seen.peak, seen.after, growth].map(|mb| format!("{mb:.1}"));
        table.judge(&format!("memory after {name}"), growth, MAX_GROWTH_MB);
        table.row([vec![name], figures.to_vec(), vec![format!("≤ {MAX_GROWTH_MB:.0}")]].concat());
    }
    Ok(table)
}

struct Seen {
    peak: f64,
    after: f64,
}

/// Resident memory at most during `work`, and when it may have been returned.
fn observed(daemon: &mut Daemon, work: impl FnOnce(&mut Daemon) -> Result<()>) -> Result<Seen> {
    let is_over = AtomicBool::new(false);
    let home = daemon.home().to_owned();
    let peak = std::thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let mut peak: f64 = 0.0;
            while !is_over.load(Ordering::Relaxed) {
                // The pid changes with a restart.
                let pid = std::fs::read_to_string(home.join("data/bpd.lock")).unwrap_or_default();
                if let Ok(mb) = pid.trim().parse().map_err(anyhow::Error::from).and_then(resident_mb) {
                    peak = peak.max(mb);
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            peak
        });
        let worked = work(daemon);
        is_over.store(true, Ordering::Relaxed);
        let peak = watching.join().map_err(|_| anyhow::anyhow!("the observer failed"))?;
        worked.map(|()| peak)
    })?;
    std::thread::sleep(RETURNED_WITHIN);
    Ok(Seen { peak, after: resident_mb(daemon.pid())? })
}

/// A shell that has gone left these lines while bpd was away.
fn leave_backlog(home: &Path) -> Result<()> {
    let shell = format!("bash 5.2 {} 5 - -", process::boot_id().unwrap_or_default());
    let began = UnixMillis::now().0 * 1000 - LINES as i64 * 2_000_000;
    let records = (0..LINES as i64).map(|nth| {
        let start = began + nth * 2_000_000;
        let end = start + 1_000_000;
        let (text, cwd) = (format!("make target{} --flag={nth}", nth % 500), nth % 50);
        format!(
            "\x001S\0{shell}\0{start}\0x\0/tmp/dir{cwd}\0\0{text}\0\x001E\0{shell}\0{start}\x000\0{end}\0\0"
        )
    });
    Ok(std::fs::write(home.join("run/mail/4100000"), records.collect::<String>())?)
}

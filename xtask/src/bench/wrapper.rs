//! What `bpctl run` adds to a command.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Result, ensure};

use super::table::{Table, median, quantile};
use crate::daemon::Daemon;

const ROUNDS: usize = 300;
const WARM_UP: usize = 20;

pub(super) fn measure(programs: &Path) -> Result<Table> {
    let daemon = Daemon::start(programs)?;
    let mut bare = Vec::new();
    let mut wrapped = Vec::new();
    for round in 0..WARM_UP + ROUNDS {
        let without = time(&mut Command::new("/bin/true"))?;
        let with = time(daemon.bpctl().args(["run", "--quiet", "--", "/bin/true"]))?;
        if round >= WARM_UP {
            bare.push(without);
            wrapped.push(with);
        }
    }
    let resident = resident_kib(daemon.bpctl().args(["run", "--quiet", "--", "/bin/true"]))?;
    let mut table = Table::new(&["", "median µs", "p90 µs", "peak resident KiB"]);
    let row = |name: &str, times: &[f64], resident: String| {
        [name.to_owned(), format!("{:.0}", median(times)), format!("{:.0}", quantile(times, 0.9)), resident]
    };
    table.row(row("fork + exec /bin/true", &bare, "–".to_owned()));
    table.row(row("bpctl run --quiet -- /bin/true", &wrapped, resident.to_string()));
    let over: Vec<f64> = wrapped.iter().zip(&bare).map(|(with, without)| with - without).collect();
    table.row(row("difference", &over, String::new()));
    table.judge("bpctl run: µs over fork + exec", median(&over), 1000.0);
    table.judge("bpctl run: resident KiB", resident as f64, 2048.0);
    Ok(table)
}

/// Microseconds from before the fork to after the wait.
fn time(command: &mut Command) -> Result<f64> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let began = Instant::now();
    let status = command.status()?;
    let took = began.elapsed();
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(took.as_secs_f64() * 1e6)
}

/// Peak of the program's own memory. `ru_maxrss` would say: the larger of it and of the process that forked it, so it
/// is read by the shell's `wait` of a small process: GNU time.
fn resident_kib(command: &mut Command) -> Result<u64> {
    let mut timed = Command::new("/usr/bin/time");
    timed.args(["-f", "%M"]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        timed.env(name, value.unwrap_or_default());
    }
    let output = timed.output()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    text.lines()
        .last()
        .and_then(|line| line.trim().parse().ok())
        .ok_or_else(|| anyhow::anyhow!("GNU time said {text:?}"))
}

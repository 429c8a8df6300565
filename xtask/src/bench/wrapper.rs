//! What `bpctl run` adds to a command.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::table::{Table, median, quantile};
use crate::daemon::Daemon;

const ROUNDS: usize = 300;
const WARM_UP: usize = 20;

/// Only a failure waits that long.
const DEADLINE: Duration = Duration::from_secs(30);

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
    let waiting = waiting_kib(&daemon)?;
    // Page counts are kept per CPU and summed up roughly.
    let resident = resident.max(waiting);
    let heads = ["", "median µs", "p90 µs", "resident KiB while the command runs", "its peak"];
    let mut table = Table::new(&heads);
    let row = |name: &str, times: &[f64], waiting: String, peak: String| {
        let (middle, most) = (median(times), quantile(times, 0.9));
        [name.to_owned(), format!("{middle:.0}"), format!("{most:.0}"), waiting, peak]
    };
    table.row(row("fork + exec /bin/true", &bare, "–".to_owned(), "–".to_owned()));
    let (shown, peak) = (waiting.to_string(), resident.to_string());
    table.row(row("bpctl run --quiet -- /bin/true", &wrapped, shown, peak));
    let over: Vec<f64> = wrapped.iter().zip(&bare).map(|(with, without)| with - without).collect();
    table.row(row("difference", &over, String::new(), String::new()));
    table.judge("bpctl run: µs over fork + exec", median(&over), 1000.0);
    table.judge("bpctl run: resident KiB while the command runs", waiting as f64, 2048.0);
    table.judge("bpctl run: peak of resident KiB", resident as f64, 2048.0);
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

/// What it has of memory while it waits for its command.
fn waiting_kib(daemon: &Daemon) -> Result<u64> {
    let mut child = daemon.bpctl().args(["run", "--quiet", "--", "/bin/sleep", "60"]).spawn()?;
    let resident = waits_with_kib(child.id());
    // It passes the signal on, and ends with its command.
    if let Some(pid) = rustix::process::Pid::from_raw(child.id() as i32) {
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
    }
    child.wait()?;
    resident
}

fn waits_with_kib(pid: u32) -> Result<u64> {
    let until = Instant::now() + DEADLINE;
    loop {
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        if !children.is_empty() && field("State:").is_some_and(|state| state.starts_with('S')) {
            let kib = field("VmRSS:").and_then(|kib| kib.strip_suffix("kB")?.trim().parse().ok());
            return kib.context("its status has no VmRSS");
        }
        ensure!(Instant::now() < until, "bpctl run does not come to wait for its command");
        std::thread::sleep(Duration::from_millis(10));
    }
}

//! What bpd burns itself while a command runs, as a share of one core.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

use super::python::Python;
use super::table::{Table, median};
use crate::clock;
use crate::daemon::Daemon;

/// Turns that each has at each command.
const ROUNDS: usize = 3;

/// Of a core, per cent. What is below this nobody finds.
const MOST_PERCENT: f64 = 0.5;

/// Only a failure waits that long.
const DEADLINE: Duration = Duration::from_secs(30);

struct Case {
    name: &'static str,
    words: &'static [&'static str],
}

/// One that does nothing, and one of whose processes none lives for a second.
const CASES: [Case; 2] = [
    Case { name: "`sleep 10`", words: &["sleep", "10"] },
    Case { name: "`make -j2`, 100 sources", words: &["workload", "make", "100"] },
];

/// What somebody burned while it watched a command, and how long that took.
struct Share {
    own: Duration,
    wall: Duration,
}

impl Share {
    fn percent(&self) -> f64 {
        self.own.as_secs_f64() / self.wall.as_secs_f64() * 100.0
    }
}

pub(super) fn measure(programs: &Path) -> Result<Table> {
    let daemon = Daemon::start(programs)?;
    let python = Python::ready()?;
    let work = tempfile::tempdir()?;
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let path =
        std::env::join_paths(std::iter::once(programs.to_owned()).chain(std::env::split_paths(&paths)))?;
    let mut table = Table::new(&[
        "command",
        "wall s",
        "bpd: own CPU ms",
        "bpd: % of a core",
        "psutil, 1 s: own CPU ms",
        "psutil: % of a core",
    ]);
    for case in CASES {
        let (mut bpd, mut psutil) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            bpd.push(by_bpd(
                &daemon,
                silent(daemon.bpctl().args(["run", "--quiet", "--"]).args(case.words).env("PATH", &path)),
            )?);
            let out = work.path().join("psutil");
            let mut script = python.script("sample_tree.py");
            psutil.push(by_psutil(
                silent(script.arg("1").arg(&out).args(case.words).env("PATH", &path)),
                &out,
            )?);
        }
        let of = |shares: &[Share], figure: fn(&Share) -> f64| {
            median(&shares.iter().map(figure).collect::<Vec<_>>())
        };
        let own_ms = |share: &Share| share.own.as_secs_f64() * 1e3;
        table.row([
            case.name.to_owned(),
            format!("{:.1}", of(&bpd, |share| share.wall.as_secs_f64())),
            format!("{:.1}", of(&bpd, own_ms)),
            format!("{:.3}", of(&bpd, Share::percent)),
            format!("{:.1}", of(&psutil, own_ms)),
            format!("{:.3}", of(&psutil, Share::percent)),
        ]);
        table.judge(&format!("{}: bpd, % of a core", case.name), of(&bpd, Share::percent), MOST_PERCENT);
    }
    Ok(table)
}

fn silent(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null())
}

/// From before the command is started until bpd has it on disk.
fn by_bpd(daemon: &Daemon, command: &mut Command) -> Result<Share> {
    let before = clock::of(daemon.pid())?;
    let began = Instant::now();
    let status = command.status()?;
    let wall = began.elapsed();
    ensure!(status.success(), "{command:?} ended with {status}");
    // Asking costs bpd something, too: seldom.
    while daemon.status()?.running > 0 {
        if began.elapsed() > wall + DEADLINE {
            bail!("bpd has not heard of the end of {command:?}");
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(Share { own: clock::of(daemon.pid())?.saturating_sub(before), wall })
}

/// Without the start of its interpreter.
fn by_psutil(command: &mut Command, out: &Path) -> Result<Share> {
    #[derive(Deserialize)]
    struct Said {
        own_seconds: f64,
    }
    let began = Instant::now();
    let status = command.status().context("cannot start psutil's script")?;
    let wall = began.elapsed();
    ensure!(status.success(), "{command:?} ended with {status}");
    let said: Said = serde_json::from_slice(&std::fs::read(out)?)?;
    Ok(Share { own: Duration::from_secs_f64(said.own_seconds), wall })
}

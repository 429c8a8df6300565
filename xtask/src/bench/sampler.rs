//! What one sample costs bpd, and whether that grows with what else runs on the machine.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, ensure};

use super::flock::Flock;
use super::python::Python;
use super::table::{Table, median};
use crate::build;

/// Processes beside the measured tree, which have nothing to do with it.
const BACKGROUND: [usize; 3] = [50, 500, 2000];

/// Samples of each kind, and the pause before each: caches grow cold meanwhile.
const ROUNDS: usize = 40;
const PAUSE_MS: usize = 100;

/// Members of the trees of which the cost of one is found.
const MEMBERS: usize = 60;

/// How often a member that is active does something: between any two samples.
const ACTIVE_MS: usize = 30;

pub(super) fn measure(programs: &Path) -> Result<Table> {
    let bench = Bench { programs, cost: build::example("sample_cost")?, python: Python::ready()? };
    let mut table = Table::new(&[
        "other processes",
        "bpd: tree of one, µs",
        "+ an idle member, µs",
        "+ an active member, µs",
        "psutil, tree of one, µs",
        "sysinfo, all processes, µs",
    ]);
    let mut of_one = Vec::new();
    for count in BACKGROUND {
        // Dropped before the next is started.
        let _background = bench.flock(count, None)?;
        let one = bench.flock(0, Some(ACTIVE_MS))?;
        let single = bench.tree(&one)?;
        let psutil = bench.psutil(&one)?;
        let member = |kind| -> Result<f64> {
            let flock = bench.flock(MEMBERS, kind)?;
            let alone = bench.flock(0, kind)?;
            Ok((bench.tree(&flock)? - bench.tree(&alone)?) / MEMBERS as f64)
        };
        let (idle, active) = (member(None)?, member(Some(ACTIVE_MS))?);
        table.judge(&format!("{count} others, tree of one: µs"), single, 40.0);
        table.judge(&format!("{count} others, an idle member: µs"), idle, 1.2);
        table.judge(&format!("{count} others, an active member: µs"), active, 9.0);
        let machine = bench.machine()?;
        table.row([
            count.to_string(),
            format!("{single:.1}"),
            format!("{idle:.2}"),
            format!("{active:.2}"),
            format!("{psutil:.0}"),
            format!("{machine:.0}"),
        ]);
        of_one.push(single);
    }
    if let [few, .., many] = of_one[..] {
        table.judge("tree of one, 2000 others against 50", many / few, 1.1);
    }
    Ok(table)
}

struct Bench<'a> {
    programs: &'a Path,
    cost: std::path::PathBuf,
    python: Python,
}

impl Bench<'_> {
    fn flock(&self, children: usize, every: Option<usize>) -> Result<Flock> {
        Flock::start(self.programs, children, every)
    }

    /// Microseconds of a sample: the median.
    fn tree(&self, flock: &Flock) -> Result<f64> {
        let mut command = Command::new(&self.cost);
        command.args(["tree", &flock.pid().to_string()]);
        costs(&mut command)
    }

    fn machine(&self) -> Result<f64> {
        costs(Command::new(&self.cost).arg("machine"))
    }

    fn psutil(&self, flock: &Flock) -> Result<f64> {
        let mut script = self.python.script("sample_cost.py");
        script.arg(flock.pid().to_string());
        costs(&mut script)
    }
}

fn costs(command: &mut Command) -> Result<f64> {
    command.args([ROUNDS.to_string(), PAUSE_MS.to_string()]);
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "{command:?} ended with {}", output.status);
    let nanoseconds: Vec<f64> = serde_json::from_slice(&output.stdout)?;
    ensure!(nanoseconds.len() == ROUNDS, "{command:?} took {} samples", nanoseconds.len());
    Ok(median(&nanoseconds) / 1e3)
}

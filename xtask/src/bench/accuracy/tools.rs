//! Each tool at work: a workload is run under it, and what it says stands beside the truth of the same run.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use bp_proto::request::{ListQuery, Request};
use bp_proto::{Quality, Run, RunState};
use serde::Deserialize;
use workload::suite::Case;
use workload::{Truth, Way};

use super::Measured;
use super::shell::Shell;
use crate::bench::python::Python;
use crate::clock;
use crate::daemon::Daemon;

/// Only a failure waits that long.
const DEADLINE: Duration = Duration::from_secs(60);

/// bp's account of a daemon follows within its interval of one second.
const LATE: Duration = Duration::from_secs(4);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tool {
    Wrapper,
    Hook,
    GnuTime,
    Psutil,
    Psrecord,
    Procpath,
}

impl Tool {
    pub(super) const ALL: [Self; 6] =
        [Self::Wrapper, Self::Hook, Self::GnuTime, Self::Psutil, Self::Psrecord, Self::Procpath];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Wrapper => "`bpctl run`",
            Self::Hook => "bp, bash hook",
            Self::GnuTime => "GNU time",
            Self::Psutil => "psutil, 1 s",
            Self::Psrecord => "psrecord, 1 s",
            Self::Procpath => "procpath, 1 s",
        }
    }
}

/// As our scripts print it.
#[derive(Deserialize)]
struct Said {
    cpu_seconds: f64,
    rss_max_mb: f64,
}

pub(super) struct Bench {
    /// Ends before the daemon does.
    shell: Shell,
    daemon: Daemon,
    python: Python,
    work: tempfile::TempDir,
    path: OsString,
    runs: u32,
    pub(super) has_counter: bool,
}

impl Bench {
    pub(super) fn new(programs: &Path) -> Result<Self> {
        let daemon = Daemon::start(programs)?;
        let work = tempfile::Builder::new().prefix("bp").tempdir_in("/tmp")?;
        let path = std::env::join_paths(
            std::iter::once(programs.to_owned())
                .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
        )?;
        let shell = Shell::start(&daemon, &path, work.path())?;
        let has_counter = workload::counter_is_allowed();
        Ok(Self { shell, daemon, python: Python::ready()?, work, path, runs: 0, has_counter })
    }

    pub(super) fn run(&mut self, tool: Tool, case: &Case) -> Result<Measured> {
        self.runs += 1;
        let mark = format!("truth-{:04}", self.runs);
        let measured = match tool {
            Tool::Wrapper => self.wrapper(case, &mark),
            Tool::Hook => self.hook(case, &mark),
            Tool::GnuTime => self.gnu_time(case, &mark),
            Tool::Psutil => self.psutil(case, &mark),
            Tool::Psrecord => self.psrecord(case, &mark),
            Tool::Procpath => self.procpath(case, &mark),
        };
        measured.with_context(|| format!("{} by {}", case.name, tool.name()))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    /// `command` where the workloads are, and silent.
    fn prepared(&self, mut command: Command) -> Command {
        command.env("PATH", &self.path).current_dir(self.work.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn truth(&self, mark: &str, reports: usize) -> Result<Truth> {
        let until = Instant::now() + DEADLINE;
        loop {
            if let Some(truth) = Truth::read(&self.file(mark), reports)? {
                return Ok(truth);
            }
            if Instant::now() > until {
                bail!("not every process has reported what it cost");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn wrapper(&self, case: &Case, mark: &str) -> Result<Measured> {
        let (line, reports) = case.program_to(mark);
        let before = clock::of(self.daemon.pid())?;
        let mut bpctl = self.prepared(self.daemon.bpctl());
        bpctl.args(["run", "--quiet", "--"]).args(line.split(' '));
        let own = clock::until_end(&mut bpctl.spawn()?)?;
        let truth = self.truth(mark, reports)?;
        let said = self.recorded(mark, case)?;
        let own = own + clock::of(self.daemon.pid())?.saturating_sub(before);
        Ok(Measured { way: said.way.map(|_| Way::Wrapper), own_ms: ms(own), truth, ..said })
    }

    fn hook(&mut self, case: &Case, mark: &str) -> Result<Measured> {
        let (line, reports) = case.line_to(mark);
        let before = clock::of(self.daemon.pid())?;
        let shell = self.shell.line(&line);
        let mut truth = self.truth(mark, reports)?;
        // The shell's own work for the line is the run's, too.
        truth.cpu_ns += shell.as_nanos() as u64;
        let said = self.recorded(mark, case)?;
        let own = self.shell.hook + clock::of(self.daemon.pid())?.saturating_sub(before);
        Ok(Measured { own_ms: ms(own), truth, ..said })
    }

    /// What bp has recorded, once it is whole.
    fn recorded(&self, mark: &str, case: &Case) -> Result<Measured> {
        if case.cpu.uncounted.is_none() {
            std::thread::sleep(LATE);
        }
        let until = Instant::now() + DEADLINE;
        loop {
            let query = ListQuery { limit: Some(5), ..ListQuery::default() };
            let runs: Vec<Run> = self.daemon.client()?.ask(&Request::List(query))?;
            let run = runs.iter().find(|run| {
                let is_its = run.command.as_deref().is_some_and(|command| command.contains(mark));
                is_its && run.state == RunState::Finished
            });
            if let Some(stats) = run.and_then(|run| run.run_stats.as_ref()) {
                return Ok(Measured {
                    cpu_seconds: stats.cpu_seconds.unwrap_or(0.0),
                    rss_max_mb: stats.rss_max_mb.unwrap_or(0.0),
                    own_ms: 0.0,
                    truth: Truth::default(),
                    way: Some(match stats.quality {
                        Quality::Exact | Quality::Counter => Way::Counted,
                        Quality::Times => Way::Times,
                        Quality::Ticks | Quality::Sampled => Way::Ticks,
                    }),
                    flagged: stats.incomplete,
                });
            }
            if Instant::now() > until {
                bail!("bp has not recorded it");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn gnu_time(&self, case: &Case, mark: &str) -> Result<Measured> {
        let (line, reports) = case.program_to(mark);
        let out = self.file("time");
        let mut time = Command::new("/usr/bin/time");
        time.args(["-f", "%U %S %M", "-o"]).arg(&out).args(line.split(' '));
        let child = self.prepared(time).spawn();
        let mut child = child.context("GNU time is needed; on Debian: apt-get install time")?;
        let own = clock::until_end(&mut child)?;
        let text = std::fs::read_to_string(out)?;
        let figures: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [user, system, kib] = figures[..] else { bail!("GNU time said {text:?}") };
        let said = Said { cpu_seconds: user + system, rss_max_mb: kib / 1024.0 };
        Ok(measured(&said, own, self.truth(mark, reports)?))
    }

    fn psutil(&self, case: &Case, mark: &str) -> Result<Measured> {
        let (line, reports) = case.program_to(mark);
        let out = self.file("psutil");
        let mut script = self.python.script("sample_tree.py");
        script.arg("1").arg(&out).args(line.split(' '));
        let own = clock::until_end(&mut self.prepared(script).spawn()?)?;
        let said = serde_json::from_slice(&std::fs::read(out)?)?;
        Ok(measured(&said, own, self.truth(mark, reports)?))
    }

    fn psrecord(&self, case: &Case, mark: &str) -> Result<Measured> {
        let (line, reports) = case.program_to(mark);
        let out = self.file("psrecord");
        let mut psrecord = self.python.program("psrecord");
        psrecord.args(["--interval", "1", "--include-children", "--log"]).arg(&out).arg(&line);
        let own = clock::until_end(&mut self.prepared(psrecord).spawn()?)?;
        let said = integrated(&std::fs::read_to_string(out)?);
        Ok(measured(&said, own, self.truth(mark, reports)?))
    }

    fn procpath(&self, case: &Case, mark: &str) -> Result<Measured> {
        let (line, reports) = case.program_to(mark);
        let out = self.file(&format!("{mark}.sqlite"));
        let mut words = line.split(' ');
        let mut work = Command::new(words.next().ok_or_else(|| anyhow!("an empty line"))?);
        let mut work = self.prepared_words(&mut work, words).spawn()?;
        let mut procpath = self.python.program("procpath");
        procpath.args(["record", "--stop-without-result", "-i", "1", "-d"]).arg(&out);
        procpath.arg(format!("$..children[?(@.stat.pid == {})]", work.id()));
        let mut recorder = self.prepared(procpath).spawn()?;
        work.wait()?;
        let own = clock::until_end(&mut recorder)?;
        let printed = self.python.script("procpath_totals.py").arg(&out).output()?;
        let said = serde_json::from_slice(&printed.stdout).context("procpath has recorded nothing")?;
        Ok(measured(&said, own, self.truth(mark, reports)?))
    }

    fn prepared_words<'a>(
        &self,
        command: &'a mut Command,
        words: impl Iterator<Item = &'a str>,
    ) -> &'a mut Command {
        command.args(words).env("PATH", &self.path).current_dir(self.work.path());
        command.stdin(Stdio::null()).stdout(Stdio::null())
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn measured(said: &Said, own: Duration, truth: Truth) -> Measured {
    let Said { cpu_seconds, rss_max_mb } = *said;
    Measured { cpu_seconds, rss_max_mb, own_ms: ms(own), truth, way: None, flagged: false }
}

/// psrecord gives percentages over time: `elapsed cpu% real_mb virtual_mb` a line. What they come to.
fn integrated(log: &str) -> Said {
    let (mut cpu_seconds, mut rss_max_mb, mut last) = (0.0, 0.0_f64, 0.0);
    for line in log.lines() {
        let figures: Vec<f64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        if let [elapsed, percent, real, _] = figures[..] {
            cpu_seconds += percent / 100.0 * (elapsed - last);
            rss_max_mb = rss_max_mb.max(real);
            last = elapsed;
        }
    }
    Said { cpu_seconds, rss_max_mb }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_over_time_are_seconds() {
        let log = "# Elapsed time   CPU (%)     Real (MB)   Virtual (MB)\n       0.002        0.000        5.449        7.352\n       1.002       70.000        6.500        7.352\n       2.002       30.000        5.449        7.352\n";
        let said = integrated(log);
        assert!((said.cpu_seconds - 1.0).abs() < 1e-9 && (said.rss_max_mb - 6.5).abs() < 1e-9);
    }
}

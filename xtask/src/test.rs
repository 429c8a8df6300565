//! `cargo xtask test`: everything that must hold, one step after the other.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, IsTerminal as _, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use crate::{build, others, packages, web};

/// The closing lines of a test runner are its last; more than these are failures, shown above already.
const CLOSING_LINES: usize = 12;

/// Where there is no terminal, the number of finished tests is printed once for so many.
const PROGRESS_STEP: u32 = 50;

/// Folders that X servers make at a fixed place and leave behind.
const LEFT_BY_OTHERS: [&str; 2] = ["/tmp/.X11-unix", "/tmp/.ICE-unix"];

/// What the steps share.
struct Report {
    /// Whether packages may be installed without asking.
    agreed: bool,
    /// What test programs take for the system's folders of temporary files and caches.
    scratch: TempDir,
    /// The last lines of the test runner.
    closing: Vec<String>,
    /// What was not checked, and why.
    unchecked: Vec<String>,
}

type Step = (&'static str, fn(&mut Report) -> Result<()>);

const STEPS: &[Step] = &[
    ("packages that the tests need", |report| packages::ensure_all(report.agreed)),
    ("the dashboard", |_| web::build()),
    ("other people's prompts", |_| others::fetch()),
    ("rustfmt", |_| build::cargo(&["fmt", "--all", "--check"])),
    ("clippy", |_| build::cargo(&["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"])),
    ("licences", licences),
    ("the shell files", |_| shellcheck()),
    ("the programs", |_| build::cargo(&["build", "--workspace"])),
    ("the Rust tests", rust_tests),
    ("the dashboard's own tests", |report| web::npm_in(&["run", "test"], &report.folders())),
    ("the dashboard in a browser", |report| web::npm_in(&["run", "e2e"], &report.folders())),
];

impl Report {
    fn new(agreed: bool) -> Result<Self> {
        // Short, since the path of a socket has 107 bytes. Like `/tmp` itself: some tests become another user, who
        // needs scratch files too.
        let scratch = tempfile::Builder::new().prefix("bptest").tempdir()?;
        std::fs::set_permissions(scratch.path(), std::fs::Permissions::from_mode(0o1777))?;
        Ok(Self { agreed, scratch, closing: Vec::new(), unchecked: Vec::new() })
    }

    /// Variables under which programs leave their files in the scratch folder.
    fn folders(&self) -> [(&'static str, &Path); 2] {
        [("TMPDIR", self.scratch.path()), ("XDG_CACHE_HOME", self.scratch.path())]
    }

    /// The sentence at the end, which claims no more than was checked.
    fn summary(&self, seconds: u64) -> String {
        let mut sentence = match &self.unchecked[..] {
            [] => format!("every check passed in {seconds} s"),
            _ => format!("every check that was made passed in {seconds} s; not checked:"),
        };
        for remark in &self.unchecked {
            // A String takes everything.
            let _ = write!(sentence, "\n  {remark}");
        }
        sentence
    }
}

/// Runs every step, ends at the first that fails, and says at the end what the test runner said.
pub(crate) fn run(agreed: bool) -> Result<()> {
    let made_by_others: Vec<&str> =
        LEFT_BY_OTHERS.into_iter().filter(|folder| !Path::new(folder).exists()).collect();
    let outcome = Report::new(agreed).and_then(|mut report| run_steps(&mut report));
    for folder in made_by_others {
        // Only an empty one goes.
        std::fs::remove_dir(folder).ok();
    }
    outcome
}

fn run_steps(report: &mut Report) -> Result<()> {
    let begun = Instant::now();
    for (index, (name, step)) in STEPS.iter().enumerate() {
        eprintln!("[{}/{}] {name}", index + 1, STEPS.len());
        let begun = Instant::now();
        step(report).with_context(|| format!("{name}: failed"))?;
        eprintln!("[{}/{}] {name}: {} s", index + 1, STEPS.len(), begun.elapsed().as_secs());
    }
    eprintln!("{}", report.summary(begun.elapsed().as_secs()));
    for line in &report.closing {
        println!("{line}");
    }
    Ok(())
}

fn licences(report: &mut Report) -> Result<()> {
    if !has_subcommand("deny") {
        report.unchecked.push("licences: cargo-deny is not installed (cargo install cargo-deny)".to_owned());
        return Ok(());
    }
    build::cargo(&["deny", "--offline", "check", "licenses", "bans", "sources"])
}

fn shellcheck() -> Result<()> {
    let folder = build::root().join("shell");
    let mut files = Vec::new();
    for folder in [folder.clone(), folder.join("bash")] {
        for entry in
            std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?
        {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "bash") {
                files.push(path);
            }
        }
    }
    files.push(build::root().join(".ci/run"));
    ensure!(files.len() > 1, "there is no bash file in {}", folder.display());
    let status = Command::new("shellcheck").args(&files).status().context("cannot start shellcheck")?;
    ensure!(status.success(), "shellcheck found fault");
    // shellcheck has no mode for zsh: its own parser is what there is.
    let status =
        Command::new("zsh").arg("-n").arg(folder.join("bp.zsh")).status().context("cannot start zsh")?;
    ensure!(status.success(), "zsh cannot parse shell/bp.zsh");
    Ok(())
}

/// Where PowerShell is: `BP_PWSH`, else `pwsh` on the search path. No package registry has it.
pub(crate) fn powershell() -> Option<OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join("pwsh")).find(|file| file.is_file());
    std::env::var_os("BP_PWSH").or(found.map(OsString::from))
}

/// The tests that need PowerShell, where there is none: `CI=true` takes that for a failure.
fn skipped_without_powershell() -> Result<Vec<String>> {
    if powershell().is_some() {
        return Ok(Vec::new());
    }
    let is_ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
    ensure!(!is_ci, "there is no PowerShell: set BP_PWSH, or put pwsh on the search path");
    let listed = Command::new("cargo")
        .args(["test", "--quiet", "-p", "bpctl", "--test", "e2e", "powershell::", "--", "--list"])
        .current_dir(build::root())
        .output()
        .context("cannot start cargo")?;
    ensure!(listed.status.success(), "cargo cannot list the tests that need PowerShell");
    let names = String::from_utf8_lossy(&listed.stdout).into_owned();
    Ok(names.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect())
}

fn rust_tests(report: &mut Report) -> Result<()> {
    for name in skipped_without_powershell()? {
        report
            .unchecked
            .push(format!("{name}: there is no PowerShell (BP_PWSH, or pwsh on the search path)"));
    }
    if has_subcommand("nextest") {
        let arguments = ["nextest", "run", "--workspace", "--status-level", "pass"];
        teed(&arguments, report, |line| line.trim_start().starts_with("Summary ["))
    } else {
        teed(&["test", "--workspace"], report, |line| line.starts_with("test result:"))
    }
}

fn has_subcommand(name: &str) -> bool {
    Command::new("cargo")
        .args([name, "--version"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Of a line of nextest about a test that passed: how many are done, and how many there are.
fn passed(line: &str) -> Option<(u32, u32)> {
    let counted = line.trim_start().strip_prefix("PASS [")?.split_once('(')?.1.split_once(')')?.0;
    let (done, all) = counted.split_once('/')?;
    Some((done.trim().parse().ok()?, all.trim().parse().ok()?))
}

/// Shows how many tests are done: on a terminal in place, elsewhere now and then.
struct Progress {
    is_terminal: bool,
    is_shown: bool,
}

impl Progress {
    fn show(&mut self, done: u32, all: u32) -> std::io::Result<()> {
        let mut stderr = std::io::stderr();
        if self.is_terminal {
            self.is_shown = true;
            write!(stderr, "\r{done} of {all} tests done")?;
            return stderr.flush();
        }
        if done.is_multiple_of(PROGRESS_STEP) {
            writeln!(stderr, "{done} of {all} tests done")
        } else {
            Ok(())
        }
    }

    /// Makes room for another line.
    fn hide(&mut self) -> std::io::Result<()> {
        if std::mem::take(&mut self.is_shown) {
            write!(std::io::stderr(), "\r\x1b[K")?;
        }
        Ok(())
    }
}

/// Runs cargo with its output shown, and keeps the lines from the first closing one on.
fn teed(arguments: &[&str], report: &mut Report, closes: fn(&str) -> bool) -> Result<()> {
    let (reader, writer) = std::io::pipe()?;
    let mut child = Command::new("cargo")
        .args(arguments)
        .current_dir(build::root())
        .envs(report.folders())
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .spawn()
        .context("cannot start cargo")?;
    let mut kept = VecDeque::new();
    let mut progress = Progress { is_terminal: std::io::stderr().is_terminal(), is_shown: false };
    for line in BufReader::new(reader).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        if let Some((done, all)) = passed(&line) {
            progress.show(done, all)?;
            continue;
        }
        progress.hide()?;
        writeln!(std::io::stderr(), "{line}")?;
        if closes(&line) || !kept.is_empty() {
            kept.push_back(line);
        }
        if kept.len() > CLOSING_LINES {
            kept.pop_front();
        }
    }
    let status = child.wait()?;
    report.closing.extend(kept);
    if !status.success() {
        bail!("cargo {} failed ({status})", arguments.join(" "));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_that_passed_are_counted() {
        for (line, expected) in [
            ("        PASS [   0.082s] ( 17/104) bpctl text::help::tests::x", Some((17, 104))),
            ("        PASS [   0.082s] (930/930) bpd", Some((930, 930))),
            ("        FAIL [   0.082s] ( 17/104) bpctl text::help::tests::x", None),
            ("        SLOW [> 30.000s] (-------) bpctl x", None),
            ("     Summary [   0.109s] 17 tests run: 17 passed, 87 skipped", None),
            ("PASS [ 1 s] no count", None),
        ] {
            assert_eq!(passed(line), expected, "{line}");
        }
    }

    #[test]
    fn the_closing_sentence_claims_no_more_than_was_checked() {
        let mut report = Report::new(false).unwrap();
        assert_eq!(report.summary(7), "every check passed in 7 s");
        report.unchecked.push("licences: no".to_owned());
        assert_eq!(
            report.summary(7),
            "every check that was made passed in 7 s; not checked:\n  licences: no"
        );
    }
}

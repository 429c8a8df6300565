//! `cargo xtask test`: everything that must hold, one step after the other.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use crate::{build, others, packages, web};

/// The closing lines of a test runner are its last; more than these are failures, shown above already.
const CLOSING_LINES: usize = 12;

type Step = (&'static str, fn(&mut Vec<String>) -> Result<()>);

const STEPS: &[Step] = &[
    ("packages that the tests need", |_| packages::ensure_all()),
    ("the dashboard", |_| web::build()),
    ("other people's prompts", |_| others::fetch()),
    ("rustfmt", |_| build::cargo(&["fmt", "--all", "--check"])),
    ("clippy", |_| build::cargo(&["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"])),
    ("licences", licences),
    ("the shell files", |_| shellcheck()),
    ("the programs", |_| build::cargo(&["build", "--workspace"])),
    ("the Rust tests", rust_tests),
    ("the dashboard's own tests", |_| web::npm(&["run", "test"])),
    ("the dashboard in a browser", |_| web::npm(&["run", "e2e"])),
];

/// Runs every step, ends at the first that fails, and says at the end what the test runner said.
pub(crate) fn run() -> Result<()> {
    let mut closing = Vec::new();
    let begun = Instant::now();
    for (index, (name, step)) in STEPS.iter().enumerate() {
        eprintln!("[{}/{}] {name}", index + 1, STEPS.len());
        let begun = Instant::now();
        step(&mut closing).with_context(|| format!("{name}: failed"))?;
        eprintln!("[{}/{}] {name}: {} s", index + 1, STEPS.len(), begun.elapsed().as_secs());
    }
    eprintln!("every test passed in {} s", begun.elapsed().as_secs());
    for line in closing {
        println!("{line}");
    }
    Ok(())
}

fn licences(closing: &mut Vec<String>) -> Result<()> {
    if !has_subcommand("deny") {
        let remark = "licences were not checked: cargo-deny is not installed";
        eprintln!("{remark}");
        closing.push(remark.to_owned());
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

fn rust_tests(closing: &mut Vec<String>) -> Result<()> {
    if has_subcommand("nextest") {
        teed(&["nextest", "run", "--workspace"], closing, |line| line.trim_start().starts_with("Summary ["))
    } else {
        teed(&["test", "--workspace"], closing, |line| line.starts_with("test result:"))
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

/// Runs cargo with its output shown, and keeps the lines from the first closing one on.
fn teed(arguments: &[&str], closing: &mut Vec<String>, closes: fn(&str) -> bool) -> Result<()> {
    let (reader, writer) = std::io::pipe()?;
    let mut child = Command::new("cargo")
        .args(arguments)
        .current_dir(build::root())
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .spawn()
        .context("cannot start cargo")?;
    let mut kept = VecDeque::new();
    for line in BufReader::new(reader).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        writeln!(std::io::stderr(), "{line}")?;
        if closes(&line) || !kept.is_empty() {
            kept.push_back(line);
        }
        if kept.len() > CLOSING_LINES {
            kept.pop_front();
        }
    }
    let status = child.wait()?;
    closing.extend(kept);
    if !status.success() {
        bail!("cargo {} failed ({status})", arguments.join(" "));
    }
    Ok(())
}

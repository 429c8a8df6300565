//! What the tests need beside Rust and Node: looked for, and installed where that is possible.

use std::fmt;
use std::io::IsTerminal as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::build;

const LIST: &str = ".ci/packages";

/// fzf keeps its key bindings among the examples, which slim images leave out: also of a package that is there already,
/// which only a reinstallation completes.
const INSTALL: &[&str] = &[
    "install",
    "--reinstall",
    "-q",
    "-y",
    "--no-install-recommends",
    "-o",
    "Dpkg::Options::=--path-include=/usr/share/doc/*/examples/*",
];

#[derive(Debug, PartialEq, Eq)]
struct Package {
    name: String,
    proof: Proof,
}

/// What shows that a package is there.
#[derive(Debug, PartialEq, Eq)]
enum Proof {
    Program(String),
    PythonModule(String),
    Locale(String),
    File(String),
}

impl fmt::Display for Package {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.proof {
            Proof::Program(program) => write!(out, "{} (the program {program})", self.name),
            Proof::PythonModule(module) => write!(out, "{} (the Python module {module})", self.name),
            Proof::Locale(locale) => write!(out, "{} (the locale {locale})", self.name),
            Proof::File(path) => write!(out, "{} ({path})", self.name),
        }
    }
}

/// Nothing is skipped in silence: what is missing is listed and installed, else named. `agreed`: without asking.
pub(crate) fn ensure_all(agreed: bool) -> Result<()> {
    let list = build::root().join(LIST);
    let text = std::fs::read_to_string(&list).with_context(|| format!("cannot read {}", list.display()))?;
    let packages = parse(&text)?;
    let missing: Vec<_> = packages.iter().filter(|package| !package.proof.holds()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = missing.iter().map(|package| package.name.as_str()).collect();
    if !rustix::process::geteuid().is_root() || !Proof::Program("apt-get".into()).holds() {
        let missing: Vec<_> = missing.iter().map(ToString::to_string).collect();
        bail!("the tests need {}; on Debian: apt-get install {}", missing.join(", "), names.join(" "));
    }
    apt(&["update", "-qq"])?;
    eprintln!("These Debian packages are missing: {}", names.join(" "));
    eprintln!("{}", plan(&simulated(&names)?));
    let is_asked = !agreed && std::env::var_os("CI").is_none() && std::io::stdin().is_terminal();
    if is_asked && !is_agreed()? {
        bail!("nothing was installed; the tests need {}", names.join(", "));
    }
    apt(&[INSTALL, &names[..]].concat())?;
    for package in missing {
        if let Proof::Locale(locale) = &package.proof
            && !package.proof.holds()
        {
            make_locale(locale)?;
        }
        ensure!(package.proof.holds(), "{package} is still missing after it was installed");
    }
    Ok(())
}

/// What apt says it would do, without doing it.
fn simulated(names: &[&str]) -> Result<String> {
    // It prints the sizes only when it could go on, and gives up at the question.
    let options = INSTALL.iter().filter(|option| !["-y", "-q"].contains(option));
    let output = Command::new("apt-get")
        .args(options)
        .arg("--assume-no")
        .args(names)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()
        .context("cannot start apt-get")?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Of what apt prints before it asks: the packages, and how large they are.
fn plan(simulated: &str) -> String {
    let mut lines = Vec::new();
    let mut is_listing = false;
    for line in simulated.lines() {
        if line.starts_with("Need to get ") || line.starts_with("After this operation") {
            lines.push(line.to_owned());
            continue;
        }
        let is_heading = line.starts_with("The following NEW packages")
            || line.starts_with("The following packages will be upgraded")
            || line.contains("reinstalled");
        is_listing = is_heading || is_listing && line.starts_with(' ');
        if is_listing {
            lines.push(line.to_owned());
        }
    }
    lines.join("\n")
}

fn is_agreed() -> Result<bool> {
    eprint!("Install them? [y/N] ");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}

fn parse(list: &str) -> Result<Vec<Package>> {
    let lines = list.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    lines
        .filter(|line| !line.is_empty())
        .map(|line| {
            let (name, proof) = line
                .split_once(char::is_whitespace)
                .with_context(|| format!("{LIST}: what proves {line}?"))?;
            let proof = match proof.trim().split_once(':') {
                None => Proof::Program(proof.trim().into()),
                Some(("python", module)) => Proof::PythonModule(module.into()),
                Some(("locale", locale)) => Proof::Locale(locale.into()),
                Some(("file", path)) => Proof::File(path.into()),
                Some((kind, _)) => bail!("{LIST}: {kind} proves nothing"),
            };
            Ok(Package { name: name.into(), proof })
        })
        .collect()
}

impl Proof {
    fn holds(&self) -> bool {
        match self {
            Self::Program(program) => {
                let path = std::env::var_os("PATH").unwrap_or_default();
                std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
            }
            Self::PythonModule(module) => {
                quiet("python3", &["-c", &format!("import {module}")]).is_some_and(|output| output.0)
            }
            Self::Locale(locale) => {
                quiet("locale", &["-a"]).is_some_and(|output| output.1.lines().any(|line| line == locale))
            }
            Self::File(path) => Path::new(path).is_file(),
        }
    }
}

/// Whether it succeeded, and its output.
fn quiet(program: &str, arguments: &[&str]) -> Option<(bool, String)> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().ok()?;
    Some((output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned()))
}

fn apt(arguments: &[&str]) -> Result<()> {
    let status = Command::new("apt-get")
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .status()
        .context("cannot start apt-get")?;
    ensure!(status.success(), "apt-get {} failed ({status})", arguments.join(" "));
    Ok(())
}

/// `tr_TR.utf8` from the definitions that the package `locales` brought.
fn make_locale(locale: &str) -> Result<()> {
    let language = locale.split('.').next().unwrap_or(locale);
    let status = Command::new("localedef")
        .args(["-i", language, "-f", "UTF-8", &format!("{language}.UTF-8")])
        .status()
        .context("cannot start localedef")?;
    ensure!(status.success(), "localedef failed for {locale} ({status})");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_this_tree_is_read() {
        let text = std::fs::read_to_string(build::root().join(LIST)).unwrap();
        let packages = parse(&text).unwrap();
        assert!(packages.contains(&Package { name: "zsh".into(), proof: Proof::Program("zsh".into()) }));
        assert!(packages.iter().any(|package| package.proof == Proof::PythonModule("requests".into())));
    }

    #[test]
    fn a_line_that_proves_nothing_is_an_error() {
        assert!(parse("zsh").is_err());
        assert!(parse("zsh shell:zsh").unwrap_err().to_string().contains("shell"));
        assert_eq!(parse("# a remark\n\n").unwrap(), []);
    }

    #[test]
    fn what_apt_would_do_is_shown_with_its_size() {
        let simulated = "Reading package lists...\nThe following additional packages will be installed:\n  libzip4\n\
            Suggested packages:\n  zsh-doc\nThe following NEW packages will be installed:\n  libzip4 zsh\n\
            0 upgraded, 2 newly installed, 0 to remove and 0 not upgraded.\nNeed to get 4,921 kB of archives.\n\
            After this operation, 18.9 MB of additional disk space will be used.\n\
            Do you want to continue? [Y/n] N\nAbort.\n";
        assert_eq!(
            plan(simulated),
            "The following NEW packages will be installed:\n  libzip4 zsh\nNeed to get 4,921 kB of archives.\n\
            After this operation, 18.9 MB of additional disk space will be used."
        );
    }

    #[test]
    fn what_is_missing_is_seen() {
        assert!(Proof::Program("sh".into()).holds());
        assert!(!Proof::Program("bizim-nowhere".into()).holds());
        assert!(Proof::File("/etc/passwd".into()).holds());
        assert!(!Proof::File("/etc".into()).holds());
    }
}

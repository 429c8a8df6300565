//! What the tests need beside Rust and Node: looked for, and installed where that is possible.

use std::fmt;
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

/// Nothing is skipped in silence: what is missing is installed, else named.
pub(crate) fn ensure_all() -> Result<()> {
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
    eprintln!("installing {}", names.join(" "));
    apt(&["update", "-q"])?;
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
    fn what_is_missing_is_seen() {
        assert!(Proof::Program("sh".into()).holds());
        assert!(!Proof::Program("bizim-nowhere".into()).holds());
        assert!(Proof::File("/etc/passwd".into()).holds());
        assert!(!Proof::File("/etc".into()).holds());
    }
}

//! `cargo xtask install`: the release programs where the shell finds them.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::{build, web};

const PROGRAMS: [&str; 2] = ["bpd", "bpctl"];

/// Builds everything and copies the programs to `root/bin`, or to cargo's own folder.
pub(crate) fn run(root: Option<PathBuf>) -> Result<()> {
    web::build()?;
    let built = build::shipped()?;
    let folder = match root {
        Some(root) => root.join("bin"),
        None => cargo_home()?.join("bin"),
    };
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for program in PROGRAMS {
        build::replace(&built.join(program), &folder.join(program))?;
        eprintln!("installed {}", folder.join(program).display());
    }
    let on_path = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|entry| entry == folder));
    if !on_path {
        eprintln!("{} is not on the PATH", folder.display());
    }
    eprintln!("next: bpctl setup (shows the line for your shell's file, and asks), then a new shell");
    Ok(())
}

fn cargo_home() -> Result<PathBuf> {
    if let Some(home) = std::env::var_os("CARGO_HOME") {
        return Ok(home.into());
    }
    let home = std::env::var_os("HOME").context("there is no HOME; say --root DIR")?;
    Ok(PathBuf::from(home).join(".cargo"))
}

//! Building the programs.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// The workspace's root.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Builds the release programs and gives the folder they are in.
pub(crate) fn release() -> Result<PathBuf> {
    // Always the whole workspace: features of shared crates would else be resolved anew, and all of them built again.
    cargo(&["build", "--release", "--workspace"])?;
    Ok(target().join("release"))
}

/// The same without optimisation.
pub(crate) fn debug() -> Result<PathBuf> {
    cargo(&["build", "--workspace"])?;
    Ok(target().join("debug"))
}

/// Runs cargo in the workspace's root, its output shown.
pub(crate) fn cargo(arguments: &[&str]) -> Result<()> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status =
        Command::new(program).args(arguments).current_dir(root()).status().context("cannot start cargo")?;
    ensure!(status.success(), "cargo {} failed ({status})", arguments.join(" "));
    Ok(())
}

/// Where cargo builds to.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

//! `cargo xtask web`: the dashboard that bpd embeds.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::build;

/// What Vite asks for.
const OLDEST_NODE: (u32, u32) = (20, 19);

/// Builds `web/dist`; fetches the packages first when the lock file is another than last time.
pub(crate) fn build() -> Result<()> {
    check_node()?;
    install()?;
    npm(&["run", "build"])
}

/// Fetches the packages unless those of this lock file are there.
pub(crate) fn install() -> Result<()> {
    let folder = build::root().join("web");
    let lock = fs::read(folder.join("package-lock.json")).context("cannot read web/package-lock.json")?;
    let installed = folder.join("node_modules/.installed-lock.json");
    if fs::read(&installed).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    npm(&["ci", "--no-audit", "--no-fund"])?;
    fs::write(&installed, lock).with_context(|| format!("cannot write {}", installed.display()))
}

/// Runs npm in `web/`, its output shown.
pub(crate) fn npm(arguments: &[&str]) -> Result<()> {
    let status = Command::new("npm")
        .args(arguments)
        .current_dir(build::root().join("web"))
        // The tests use the browser of the machine.
        .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")
        .stdin(Stdio::null())
        .status()
        .context("cannot start npm; install Node 20.19 or newer")?;
    ensure!(status.success(), "npm {} failed ({status})", arguments.join(" "));
    Ok(())
}

fn check_node() -> Result<()> {
    let output = Command::new("node")
        .arg("--version")
        .output()
        .context("cannot start node; install Node 20.19 or newer")?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match version(&text) {
        Some(found) if found >= OLDEST_NODE => Ok(()),
        _ => bail!("node is {text}; the dashboard needs 20.19 or newer"),
    }
}

fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.strip_prefix('v')?.split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_node_are_read_and_compared_as_numbers() {
        assert_eq!(version("v20.19.2"), Some((20, 19)));
        assert!(version("v20.9.0").unwrap() < OLDEST_NODE);
        assert!(version("v22.1.0").unwrap() > OLDEST_NODE);
        assert_eq!(version("nonsense"), None);
    }
}

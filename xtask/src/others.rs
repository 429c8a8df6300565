//! What the tests need from npm: other people's prompts, to live beside. Fetched below `target/`, never committed.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::build;

/// What is fetched, by name and hash.
const FILES: [&str; 2] = ["package.json", "package-lock.json"];

/// Fetches what the lock file names unless it is there.
pub(crate) fn fetch() -> Result<()> {
    let folder = build::target().join("others");
    let wanted = build::root().join("xtask/npm");
    let lock = wanted.join("package-lock.json");
    let lock = fs::read(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
    let stamp = folder.join("fetched-lock.json");
    if fs::read(&stamp).is_ok_and(|fetched| fetched == lock) {
        return Ok(());
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for file in FILES {
        fs::copy(wanted.join(file), folder.join(file)).with_context(|| format!("cannot copy {file}"))?;
    }
    // Their scripts would put links into the system's folders.
    let status = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(&folder)
        // npm's own advertisement of its next version.
        .env("NPM_CONFIG_UPDATE_NOTIFIER", "false")
        .stdin(Stdio::null())
        .status()
        .context("cannot start npm; install Node 20.19 or newer")?;
    ensure!(status.success(), "npm ci failed in {} ({status})", folder.display());
    fs::write(&stamp, lock).with_context(|| format!("cannot write {}", stamp.display()))
}

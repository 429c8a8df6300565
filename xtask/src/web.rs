//! `cargo xtask web`: the dashboard that bpd embeds.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::build;

/// What Vite asks for.
const OLDEST_NODE: (u32, u32) = (20, 19);

/// What `web/dist` is made of.
const INPUTS: &[&str] =
    &["index.html", "package-lock.json", "public", "scripts", "src", "tsconfig.json", "vite.config.ts"];

/// Builds `web/dist`; fetches the packages first when the lock file is another than last time. Does nothing when all
/// that it is made of is as it was: a new `dist` would have bpd built again, too.
pub(crate) fn build() -> Result<()> {
    check_node()?;
    install()?;
    let folder = build::root().join("web");
    let print = fingerprint(&folder)?;
    let stamp = folder.join("node_modules/.built-from");
    let is_built = folder.join("dist/index.html").exists();
    if is_built && fs::read_to_string(&stamp).is_ok_and(|built| built == print) {
        return Ok(());
    }
    npm(&["run", "build"])?;
    fs::write(&stamp, print).with_context(|| format!("cannot write {}", stamp.display()))
}

/// Changes when a file of [`INPUTS`] does.
fn fingerprint(folder: &Path) -> Result<String> {
    let mut files: Vec<PathBuf> = INPUTS.iter().map(|input| folder.join(input)).collect();
    let mut hasher = DefaultHasher::new();
    while let Some(path) = files.pop() {
        if path.is_dir() {
            let mut entries =
                fs::read_dir(&path)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
            entries.sort();
            files.extend(entries);
        } else {
            let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            (path, text).hash(&mut hasher);
        }
    }
    Ok(format!("{:016x}", hasher.finish()))
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
    npm_in(arguments, &[])
}

/// The same with `variables` set.
pub(crate) fn npm_in(arguments: &[&str], variables: &[(&str, &Path)]) -> Result<()> {
    let status = Command::new("npm")
        .args(arguments)
        .current_dir(build::root().join("web"))
        // The tests use the browser of the machine.
        .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")
        .envs(variables.iter().copied())
        // npm's own advertisement of its next version.
        .env("NPM_CONFIG_UPDATE_NOTIFIER", "false")
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

//! `bpctl daemon install` and `uninstall`: files for the service manager, and no other, come and go.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use bp_proto::place::{Places, home};

use super::say;
use super::unit::{MARK, Service, Unit, launchd, systemd};
use crate::bpd;
use crate::verbs::Exit;

/// What the service must find as it is here.
const KEPT: [&str; 4] = ["BP_HOME", "BP_CONFIG", "BP_HTTP", "BP_LANG"];

pub(super) fn install(places: &Places) -> anyhow::Result<Exit> {
    let program = bpd::program()?;
    let units = units(&program, &places.socket()?)?;
    for unit in &units {
        if let Some(found) = read(&unit.path)?
            && !found.contains(MARK)
        {
            anyhow::bail!("{} is not of bp's making; move it away first", unit.path.display());
        }
    }
    for unit in &units {
        write(unit)?;
        say(&format!("wrote {}", unit.path.display()))?;
    }
    say(if cfg!(target_os = "macos") {
        "now: launchctl load ~/Library/LaunchAgents/bp.bpd.plist"
    } else {
        "now: bpctl daemon stop; systemctl --user daemon-reload && systemctl --user enable --now bpd.socket bpd.service"
    })?;
    Ok(Exit::Fine)
}

pub(super) fn uninstall() -> anyhow::Result<Exit> {
    // Which files they are depends on neither program nor socket.
    let units = units(Path::new("bpd"), Path::new("bpd.sock"))?;
    let mut removed = false;
    for unit in units {
        match read(&unit.path)? {
            Some(found) if found.contains(MARK) => {
                fs::remove_file(&unit.path)
                    .with_context(|| format!("cannot remove {}", unit.path.display()))?;
                say(&format!("removed {}", unit.path.display()))?;
                removed = true;
            }
            Some(_) => say(&format!("{} is not of bp's making and stays", unit.path.display()))?,
            None => {}
        }
    }
    if removed {
        say(if cfg!(target_os = "macos") {
            "now: launchctl remove bp.bpd"
        } else {
            "now: systemctl --user stop bpd.service bpd.socket; systemctl --user daemon-reload"
        })?;
    } else {
        say("nothing was installed")?;
    }
    Ok(Exit::Fine)
}

fn units(program: &Path, socket: &Path) -> anyhow::Result<Vec<Unit>> {
    let environment: Vec<(String, String)> = KEPT
        .into_iter()
        .filter_map(|name| {
            Some((name.to_owned(), std::env::var(name).ok().filter(|value| !value.is_empty())?))
        })
        .collect();
    let service = Service { bpd: program, socket, environment: &environment };
    let home = home()?;
    if cfg!(target_os = "macos") {
        return Ok(launchd(&service, &home));
    }
    let config = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    Ok(systemd(&service, &config.unwrap_or_else(|| home.join(".config"))))
}

fn read(path: &Path) -> anyhow::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn write(unit: &Unit) -> anyhow::Result<()> {
    let failed = || format!("cannot write {}", unit.path.display());
    if let Some(dir) = unit.path.parent() {
        fs::create_dir_all(dir).with_context(failed)?;
    }
    fs::write(&unit.path, &unit.text).with_context(failed)
}

//! `bpctl daemon install` and `uninstall`: files for the service manager, and no other, come and go.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bp_proto::place::{Places, home};

use super::say;
use super::unit::{MARK, Service, Unit, launchd, systemd};
use crate::bpd;
use crate::emptied;
use crate::screen::Screen;
use crate::text::said::{OrSay as _, Said};
use crate::text::words::Word;
use crate::verbs::Exit;

/// What the service must find as it is here.
const KEPT: [&str; 4] = ["BP_HOME", "BP_CONFIG", "BP_HTTP", "BP_LANG"];

pub(super) fn install(places: &Places, screen: &Screen) -> anyhow::Result<Exit> {
    let program = bpd::program()?;
    let units = units(&program, &places.socket()?)?;
    for unit in &units {
        if let Some(found) = read(&unit.path)?
            && !found.contains(MARK)
        {
            return Err(Said::new(Word::NotOurUnit, &[&unit.path.display().to_string()]).into());
        }
    }
    for unit in &units {
        write(unit)?;
        say(&screen.say(Word::Wrote, &[&unit.path.display().to_string()]))?;
    }
    let next = if cfg!(target_os = "macos") {
        "launchctl load ~/Library/LaunchAgents/bp.bpd.plist"
    } else {
        "bpctl daemon stop; systemctl --user daemon-reload && systemctl --user enable --now bpd.socket bpd.service"
    };
    say(&screen.say(Word::Now, &[next]))?;
    Ok(Exit::Fine)
}

/// → whether there was anything to be removed.
pub(super) fn uninstall(screen: &Screen) -> anyhow::Result<bool> {
    let home = home()?;
    let base = config_home().filter(|dir| !dir.starts_with(&home)).unwrap_or(home);
    // Which files they are depends on neither program nor socket.
    let units = units(Path::new("bpd"), Path::new("bpd.sock"))?;
    let mut removed = false;
    for unit in units {
        let shown = unit.path.display().to_string();
        match read(&unit.path)? {
            Some(found) if found.contains(MARK) => {
                fs::remove_file(&unit.path).or_say(Word::CannotRemove, &[&shown])?;
                emptied::above(&unit.path, &base);
                say(&screen.say(Word::Removed, &[&shown]))?;
                removed = true;
            }
            Some(_) => say(&screen.say(Word::ForeignUnitStays, &[&shown]))?,
            None => {}
        }
    }
    if removed {
        let next = if cfg!(target_os = "macos") {
            "launchctl remove bp.bpd"
        } else {
            "systemctl --user stop bpd.service bpd.socket; systemctl --user daemon-reload"
        };
        say(&screen.say(Word::Now, &[next]))?;
    }
    Ok(removed)
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
    Ok(systemd(&service, &config_home().unwrap_or_else(|| home.join(".config"))))
}

fn config_home() -> Option<PathBuf> {
    std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute())
}

fn read(path: &Path) -> anyhow::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Ok(Err(error).or_say(Word::CannotRead, &[&path.display().to_string()])?),
    }
}

fn write(unit: &Unit) -> anyhow::Result<()> {
    let shown = unit.path.display().to_string();
    if let Some(dir) = unit.path.parent() {
        fs::create_dir_all(dir).or_say(Word::CannotWrite, &[&shown])?;
    }
    Ok(fs::write(&unit.path, &unit.text).or_say(Word::CannotWrite, &[&shown])?)
}

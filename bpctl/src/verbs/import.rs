//! `bpctl import`: what a shell remembers of the time before bp, so that the first list is not empty.

mod stream;

use std::path::{Path, PathBuf};

use bp_proto::place::home;

use super::init::Shell;
use super::{Exit, Usage, setup};
use crate::screen::Screen;
use crate::text::words::Word;

pub use stream::History;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell whose history is read; the login shell when none is named
    shell: Option<Shell>,
    /// The history, where it is not in its usual place
    #[arg(long)]
    file: Option<PathBuf>,
}

pub fn run(args: &Args, screen: &Screen) -> anyhow::Result<Exit> {
    let shell = match args.shell {
        Some(shell) => shell,
        None => setup::login_shell(screen)?,
    };
    let path = match &args.file {
        Some(file) => file.clone(),
        None => find(shell)?.ok_or_else(|| Usage(screen.say(Word::ImportNoFile, &[shell.name()])))?,
    };
    History::new(shell, path, screen.now).send(screen)?;
    Ok(Exit::Fine)
}

/// Where that shell's history is; `None`: nowhere that is usual.
pub fn find(shell: Shell) -> anyhow::Result<Option<PathBuf>> {
    let home = home()?;
    let dir = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let mut places: Vec<PathBuf> = Vec::new();
    match shell {
        Shell::Bash => {
            places.extend(named_in_rc(shell, &home));
            places.push(home.join(".bash_history"));
        }
        Shell::Zsh => {
            places.extend(named_in_rc(shell, &home));
            let dot = dir("ZDOTDIR").unwrap_or_else(|| home.clone());
            places.extend([dot.join(".zsh_history"), home.join(".zsh_history"), home.join(".histfile")]);
        }
        Shell::Fish => {
            let data = dir("XDG_DATA_HOME").unwrap_or_else(|| home.join(".local/share"));
            places.push(data.join("fish/fish_history"));
        }
        Shell::Powershell => {
            // PSReadLine's own choice. The last is that of Windows.
            let data = dir("XDG_DATA_HOME").unwrap_or_else(|| home.join(".local/share"));
            places.push(data.join("powershell/PSReadLine/ConsoleHost_history.txt"));
            let roaming = dir("APPDATA");
            places.extend(
                roaming
                    .map(|dir| dir.join("Microsoft/Windows/PowerShell/PSReadLine/ConsoleHost_history.txt")),
            );
        }
    }
    Ok(places.into_iter().find(|path| path.is_file()))
}

/// `HISTFILE=` in the shell's own file: it is exported to nobody.
fn named_in_rc(shell: Shell, home: &Path) -> Option<PathBuf> {
    let text = std::fs::read_to_string(setup::rc_file(shell).ok()?.path).ok()?;
    named(&text, home)
}

/// The last assignment that is understood.
fn named(rc: &str, home: &Path) -> Option<PathBuf> {
    let values = rc.lines().rev().filter_map(|line| {
        let line = line.trim_start();
        let line = line.strip_prefix("export ").unwrap_or(line);
        Some(line.strip_prefix("HISTFILE=")?.split([';', ' ', '#']).next()?.trim_matches(['"', '\'']))
    });
    let mut paths = values.filter_map(|value| {
        for prefix in ["~/", "$HOME/", "${HOME}/"] {
            if let Some(rest) = value.strip_prefix(prefix) {
                return Some(home.join(rest));
            }
        }
        (value.starts_with('/') && !value.contains('$')).then(|| PathBuf::from(value))
    });
    paths.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_the_history_is_may_stand_in_the_shells_file() {
        let home = Path::new("/h");
        for (rc, path) in [
            ("HISTFILE=~/.h\n", Some("/h/.h")),
            ("HISTFILE=\"$HOME/x\"; HISTSIZE=5", Some("/h/x")),
            ("  export HISTFILE='/a/b' # here", Some("/a/b")),
            ("HISTFILE=/a\nHISTFILE=/b\n", Some("/b")),
            ("HISTFILE=$XDG_STATE_HOME/x", None),
            ("# HISTFILE=/a", None),
        ] {
            assert_eq!(named(rc, home).as_deref(), path.map(Path::new), "{rc}");
        }
    }
}

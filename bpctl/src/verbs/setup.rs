//! `bpctl setup`: the hook's line into the file that the shell reads, once, after asking. `bpctl uninstall`: everything
//! that bp has put anywhere away again.

use std::fs;
use std::io;
use std::path::PathBuf;

use bp_proto::place::{Places, home};

use super::init::Shell;
use super::{Exit, Usage, agree, completions, daemon, import};
use crate::rcfile::{self, RcFile};
use crate::screen::{Screen, Tone};
use crate::text::said::{OrSay as _, sentence};
use crate::text::words::Word;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell to set up; the login shell when none is named
    shell: Option<Shell>,
    /// Does not ask
    #[arg(long, short)]
    yes: bool,
    /// Leaves the shell's history where it is, and does not ask about it
    #[arg(long)]
    no_import: bool,
}

#[derive(Debug, clap::Args)]
pub struct UninstallArgs {
    /// Does not ask
    #[arg(long, short)]
    yes: bool,
    /// Removes what was recorded and the config, too
    #[arg(long)]
    data: bool,
}

pub fn run(args: &Args, screen: &Screen) -> anyhow::Result<Exit> {
    let shell = match args.shell {
        Some(shell) => shell,
        None => login_shell(screen)?,
    };
    let file = rc_file(shell)?;
    let shown = file.path.display().to_string();
    let text = file.read()?;
    if rcfile::loads_hook(&text) {
        say(screen, Word::SetupAlready, &[&shown])?;
        return Ok(Exit::Fine);
    }
    let line = file.line(&word_for_bpctl(shell)?);
    screen.print(&format!("{shown}\n{}\n", screen.paint(Tone::Good, &format!("+ {line}"))))?;
    if !args.yes && !agree::asked(screen, Word::SetupAsk)? {
        return Ok(Exit::Failed);
    }
    // What was not there is to be gone again one day.
    let line = if file.exists() { line } else { rcfile::made(&line) };
    file.write(&rcfile::with_line(&text, &line))?;
    say(screen, Word::SetupDone, &[shell.name()])?;
    say(screen, Word::SetupCompletions, &[])?;
    // Whole, to be copied.
    screen.print(&format!("  {}\n", completions::installed_by(shell)))?;
    if !args.no_import {
        offer_history(shell, args.yes, screen)?;
    }
    Ok(Exit::Fine)
}

/// So that the first list is not empty. What goes wrong with it is told, and is no fault of the setting up.
fn offer_history(shell: Shell, yes: bool, screen: &Screen) -> anyhow::Result<()> {
    let Some(path) = import::find(shell)? else { return Ok(()) };
    let history = import::History::new(shell, path, screen.now);
    let count = history.count()?;
    if count == 0 {
        return Ok(());
    }
    let shown = history.path.display().to_string();
    say(screen, Word::ImportOffer, &[&count.to_string(), &shown])?;
    if !yes && !agree::asked(screen, Word::ImportAsk)? {
        return Ok(());
    }
    let imported = daemon::start(&Places::find()?, screen).and_then(|()| history.send(screen));
    if let Err(error) = imported {
        say(screen, Word::ImportLater, &[&sentence(&error, screen.lang), shell.name()])?;
    }
    Ok(())
}

pub fn uninstall(args: &UninstallArgs, screen: &Screen) -> anyhow::Result<Exit> {
    let places = Places::find()?;
    let mut edits = Vec::new();
    for shell in Shell::ALL {
        let file = rc_file(shell)?;
        if let Some((rest, lines)) = rcfile::without_lines(&file.read()?) {
            let gone: Vec<_> =
                lines.iter().map(|line| screen.paint(Tone::Bad, &format!("- {line}"))).collect();
            screen.print(&format!("{}\n{}\n", file.path.display(), gone.join("\n")))?;
            let was_made = rest.is_empty() && lines.iter().any(|line| rcfile::has_made(line));
            edits.push((file, (!was_made).then_some(rest)));
        }
    }
    let mut paths = vec![places.run.clone()];
    if args.data {
        paths.extend([places.data.clone(), places.config.clone()]);
    }
    paths.retain(|path| path.exists());
    for path in &paths {
        screen.print(&format!("{}\n", screen.paint(Tone::Bad, &format!("- {}", path.display()))))?;
    }
    if !args.yes && !agree::asked(screen, Word::UninstallAsk)? {
        return Ok(Exit::Failed);
    }
    for (file, rest) in edits {
        match rest {
            Some(rest) => file.write(&rest)?,
            None => file.remove(&home()?)?,
        }
    }
    daemon::remove(&places, screen)?;
    for path in paths {
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.or_say(Word::CannotRemove, &[&path.display().to_string()])?;
    }
    // Ours, where nothing else is in it.
    if let Some(dir) = places.config.parent().filter(|dir| args.data && dir.ends_with("bp")) {
        let _ = fs::remove_dir(dir);
    }
    say_what_stays(&places, screen)
}

/// Nothing stays without a word.
fn say_what_stays(places: &Places, screen: &Screen) -> anyhow::Result<Exit> {
    for (word, path) in [(Word::UninstallData, &places.data), (Word::UninstallConfig, &places.config)] {
        if path.exists() {
            say(screen, word, &[&path.display().to_string()])?;
        }
    }
    let listed = |paths: Vec<PathBuf>| {
        paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" ")
    };
    let own = std::env::current_exe().or_say(Word::CannotTellProgram, &[])?;
    let programs = [own.with_file_name("bpd"), own].into_iter().filter(|path| path.exists()).collect();
    say(screen, Word::UninstallPrograms, &[&listed(programs)])?;
    let completions: Vec<PathBuf> = completions::files(&home()?);
    if !completions.is_empty() {
        say(screen, Word::UninstallCompletions, &[&listed(completions)])?;
    }
    say(screen, Word::UninstallShells, &[])?;
    Ok(Exit::Fine)
}

pub fn rc_file(shell: Shell) -> anyhow::Result<RcFile> {
    Ok(RcFile::of(shell, &home()?, |name| std::env::var_os(name).map(PathBuf::from)))
}

pub fn login_shell(screen: &Screen) -> anyhow::Result<Shell> {
    let path = std::env::var_os("SHELL").map(PathBuf::from).unwrap_or_default();
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let known = Shell::ALL.into_iter().find(|shell| shell.name() == name || shell.program() == name);
    Ok(known.ok_or_else(|| Usage(screen.say(Word::SetupWhichShell, &[&name])))?)
}

/// `bpctl` where the search path leads to this program, else its whole path.
pub fn word_for_bpctl(shell: Shell) -> anyhow::Result<String> {
    let own = std::env::current_exe().or_say(Word::CannotTellProgram, &[])?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|dir| dir.join("bpctl")).find(|file| file.is_file());
    if found.and_then(|file| file.canonicalize().ok()) == own.canonicalize().ok() {
        return Ok("bpctl".to_owned());
    }
    let word = shell.quoted(own.as_os_str());
    let shown = own.display().to_string();
    Ok(String::from_utf8(word).ok().or_say(Word::CannotUse, &[&shown])?)
}

fn say(screen: &Screen, word: Word, values: &[&str]) -> io::Result<()> {
    screen.print(&screen.paragraph("", 0, &screen.say(word, values)))
}

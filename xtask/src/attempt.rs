//! `cargo xtask try`: bp as it would be, with a bpd and a home of its own, and nothing left behind.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tempfile::TempDir;

use crate::daemon::Daemon;
use crate::pty::{Prompt, Terminal};
use crate::{build, web};

/// What is recorded where nobody says what: some seconds of work on more than one core.
const EXAMPLE: &str = "seq 1500000 | sort -R | md5sum";

/// A command that runs longer is given up.
const COMMAND_PATIENCE: Duration = Duration::from_secs(24 * 3600);
/// bpd reads a mailbox within milliseconds; only a failure waits that long.
const RECORD_PATIENCE: Duration = Duration::from_secs(30);

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Build the programs as they are shipped; that takes longer
    #[arg(long)]
    release: bool,
    /// Record this command twice and compare; without it, open your shell
    #[arg(last = true)]
    command: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    eprintln!("[1/3] the dashboard");
    web::build()?;
    eprintln!("[2/3] the programs (the first time 6 to 15 minutes, later some seconds)");
    let programs = if arguments.release { build::shipped()? } else { build::quick()? };
    eprintln!("[3/3] a bpd of its own");
    let daemon = Daemon::start(&programs)?;
    if arguments.command.is_empty() && std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        return open_shell(&daemon, &programs);
    }
    let command = match &arguments.command[..] {
        [] => EXAMPLE.to_owned(),
        [line] => line.clone(),
        words => words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "),
    };
    record_twice(&daemon, &programs, &command)
}

/// A closed window and Ctrl-C leave no more behind than `exit` does.
fn clean_up_at(signals: &[i32], daemon: &Daemon, scratch: &TempDir) -> Result<()> {
    let mut heard = Signals::new(signals).context("cannot listen for signals")?;
    let bpd = Pid::from_raw(daemon.pid() as i32).context("bpd has no process id")?;
    let dirs = [daemon.home().to_owned(), scratch.path().to_owned()];
    std::thread::spawn(move || {
        let Some(signal) = heard.forever().next() else { return };
        kill_process(bpd, Signal::TERM).ok();
        // It writes there until it has gone.
        waitpid(Some(bpd), WaitOptions::empty()).ok();
        for dir in dirs {
            fs::remove_dir_all(dir).ok();
        }
        std::process::exit(128 + signal);
    });
    Ok(())
}

/// The user's own shell, as it is, with the hook behind whatever its files say.
fn open_shell(daemon: &Daemon, programs: &Path) -> Result<()> {
    let shell = std::env::var_os("SHELL").map(PathBuf::from).unwrap_or_default();
    let name = shell.file_name().and_then(OsStr::to_str).unwrap_or_default();
    let scratch = tempfile::Builder::new().prefix("bptry").tempdir()?;
    // Ctrl-C is the shell's.
    clean_up_at(&[SIGHUP, SIGTERM], daemon, &scratch)?;
    let mut command = match name {
        "zsh" => zsh(&shell, &scratch)?,
        "fish" => fish(&shell, &scratch),
        _ => bash(&shell, &scratch)?,
    };
    command.env("BP_HOME", daemon.home()).env("PATH", path_with(programs)?);
    println!(
        "\nA shell with bp in it; what you type is recorded. Try:\n\n    make, cargo build, anything that works\n    \
         bpctl list\n    bpctl show latest\n    bpctl compare latest       # after the same command ran twice\n    \
         bpctl open\n\n\
         Leave with `exit`: bpd stops, and everything that was recorded here is removed.\n"
    );
    // What the shell ends with is its last command's status, and says nothing about this.
    command.status().with_context(|| format!("cannot start {}", command.get_program().display()))?;
    eprintln!("stopping bpd");
    Ok(())
}

fn bash(shell: &Path, scratch: &TempDir) -> Result<Command> {
    let file = scratch.path().join("bashrc");
    let history = quoted(&copied_history(".bash_history", scratch)?);
    fs::write(
        &file,
        format!(
            "[ ! -r ~/.bashrc ] || . ~/.bashrc\n[ -z \"${{HISTFILE-}}\" ] || HISTFILE={history}\n\
             eval \"$(bpctl init bash --no-start)\"\n"
        ),
    )?;
    let is_bash = shell.file_name().is_some_and(|name| name == "bash");
    let mut command = Command::new(if is_bash { shell.as_os_str() } else { OsStr::new("bash") });
    command.arg("--rcfile").arg(file).arg("-i");
    Ok(command)
}

/// zsh finds its files in ZDOTDIR: ours read the user's from where they were, and give the variable back.
fn zsh(shell: &Path, scratch: &TempDir) -> Result<Command> {
    let own = std::env::var("ZDOTDIR").or_else(|_| std::env::var("HOME")).context("there is no HOME")?;
    let (own, ours) = (quoted(&own), quoted(&scratch.path().to_string_lossy()));
    let read = |name: &str| format!("ZDOTDIR={own}\n[[ ! -r {own}/{name} ]] || source {own}/{name}\n");
    fs::write(scratch.path().join(".zshenv"), format!("{}ZDOTDIR={ours}\n", read(".zshenv")))?;
    let history = quoted(&copied_history(".zsh_history", scratch)?);
    let hook =
        format!("[[ -z ${{HISTFILE-}} ]] || HISTFILE={history}\neval \"$(bpctl init zsh --no-start)\"\n");
    fs::write(scratch.path().join(".zshrc"), format!("{}{hook}", read(".zshrc")))?;
    let mut command = Command::new(shell);
    command.env("ZDOTDIR", scratch.path()).arg("-i");
    Ok(command)
}

/// fish keeps its history below `XDG_DATA_HOME`, which it reads once: afterwards the variable is as it was.
fn fish(shell: &Path, scratch: &TempDir) -> Command {
    let mut command = Command::new(shell);
    let restored = match std::env::var("XDG_DATA_HOME") {
        Ok(dir) => format!("set -gx XDG_DATA_HOME {}", quoted(&dir)),
        Err(_) => "set -e XDG_DATA_HOME".to_owned(),
    };
    command.env("XDG_DATA_HOME", scratch.path());
    command.args(["-i", "-C", &format!("{restored}; bpctl init fish --no-start | source")]);
    command
}

/// A copy of the user's history, so that what is typed here is added to that one only. → its path
fn copied_history(name: &str, scratch: &TempDir) -> Result<String> {
    let copy = scratch.path().join("history");
    if let Some(home) = std::env::var_os("HOME") {
        // Without a history there is nothing to begin with.
        fs::copy(Path::new(&home).join(name), &copy).ok();
    }
    copy.into_os_string().into_string().ok().context("the scratch folder's path is not UTF-8")
}

fn record_twice(daemon: &Daemon, programs: &Path, command: &str) -> Result<()> {
    let scratch = tempfile::Builder::new().prefix("bptry").tempdir()?;
    clean_up_at(&[SIGHUP, SIGINT, SIGTERM], daemon, &scratch)?;
    let mut terminal = prompt(daemon, programs, &scratch)?;
    for time in ["first", "second"] {
        eprintln!("recording for the {time} time: {command}");
        let begun = Instant::now();
        terminal.send([command.as_bytes(), b"\r"].concat());
        let Some(Prompt { status, screen }) = terminal.prompt_within(COMMAND_PATIENCE) else {
            bail!("the shell ended while it ran {command}");
        };
        let output = screen.split_once('\n').map_or("", |(_, output)| output);
        print!("{}", output.replace('\r', ""));
        eprintln!("ended with {status} after {:.1} s", begun.elapsed().as_secs_f64());
    }
    wait_for_runs(daemon, 2)?;
    for question in [&["list"][..], &["show", "latest"], &["compare", "2", "latest-success"]] {
        println!("\n$ bpctl {}", question.join(" "));
        let status =
            daemon.bpctl().args(question).stdin(Stdio::null()).status().context("cannot start bpctl")?;
        // No earlier success to compare with is an answer, too: the command failed.
        ensure!(
            status.success() || status.code() == Some(4),
            "bpctl {} failed ({status})",
            question.join(" ")
        );
    }
    let address = daemon.status()?.http.address;
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        println!(
            "\nThe dashboard was at http://{address}/ until now; in a terminal it stays until you press Enter."
        );
    } else {
        println!("\nThe dashboard is at http://{address}/. A session for your browser:");
        println!("    BP_HOME={} {} open", daemon.home().display(), programs.join("bpctl").display());
        println!("Enter stops bpd and removes what was recorded.");
        std::io::stdin().read_line(&mut String::new())?;
    }
    Ok(())
}

/// An interactive bash in a terminal of its own, with the hook and a prompt that can be waited for.
fn prompt(daemon: &Daemon, programs: &Path, scratch: &TempDir) -> Result<Terminal> {
    let file = scratch.path().join("bashrc");
    fs::write(
        &file,
        "HISTFILE=\nset +H\nbind 'set enable-bracketed-paste off'\neval \"$(bpctl init bash --no-start)\"\n\
         PS1='<<P:$((++__n)):$?>>' PS2=\n",
    )?;
    let mut command = Command::new("bash");
    command.arg("--noprofile").arg("--rcfile").arg(&file).arg("-i");
    command.env("BP_HOME", daemon.home()).env("PATH", path_with(programs)?).env("TERM", "dumb");
    command.env_remove("PROMPT_COMMAND").env_remove("BP_OFF").env_remove("BP_RUN").env_remove("HISTCONTROL");
    let mut terminal = Terminal::start(command);
    ensure!(terminal.prompt_within(RECORD_PATIENCE).is_some(), "bash showed no prompt");
    Ok(terminal)
}

fn wait_for_runs(daemon: &Daemon, expected: usize) -> Result<()> {
    let until = Instant::now() + RECORD_PATIENCE;
    loop {
        let output = daemon.bpctl().args(["list", "--json"]).output().context("cannot start bpctl")?;
        let finished = serde_json::from_slice::<Vec<serde_json::Value>>(&output.stdout)
            .unwrap_or_default()
            .iter()
            .filter(|run| run["state"] == "finished")
            .count();
        if finished >= expected {
            return Ok(());
        }
        if Instant::now() > until {
            bail!(
                "{finished} of {expected} runs arrived at bpd within {} s: {}",
                RECORD_PATIENCE.as_secs(),
                String::from_utf8_lossy(&output.stderr)
            );
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn path_with(programs: &Path) -> Result<OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let entries = std::iter::once(programs.to_owned()).chain(std::env::split_paths(&path));
    std::env::join_paths(entries).context("the PATH cannot be extended")
}

/// One word for a Bourne shell.
fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./=:,@%+".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_while_trying_goes_into_a_history_of_its_own() {
        let (home, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for (rc, expected) in [("HISTFILE=~/.bash_history", true), ("unset HISTFILE", false)] {
            fs::write(home.path().join(".bashrc"), rc).unwrap();
            let mut command = bash(Path::new("/bin/bash"), &scratch).unwrap();
            command.env("HOME", home.path()).args(["-c", "echo \"[${HISTFILE-}]\""]);
            let output = command.stdin(Stdio::null()).output().unwrap();
            let history = scratch.path().join("history");
            let wanted = if expected { format!("[{}]\n", history.display()) } else { "[]\n".to_owned() };
            assert_eq!(String::from_utf8_lossy(&output.stdout), wanted, "{rc}");
        }
    }

    #[test]
    fn words_are_typed_so_that_the_shell_reads_them_back() {
        for word in ["make", "-j2", "two words", "it's", "", "$(x)", "a*b", "ığ"] {
            let line = format!("printf %s {}", quoted(word));
            let output = Command::new("sh").arg("-c").arg(line).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), word);
        }
        assert_eq!(quoted("-j2"), "-j2");
    }
}

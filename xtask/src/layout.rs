//! Where the functions of bpctl lie in its file: those that `bpctl run` enters stand together.
//!
//! A page of a program that is executed is mapped with fifteen neighbours. Strewn over the whole program the few that
//! `run` needs bring in nearly all of it, two megabytes for as long as the command runs; side by side they are a
//! quarter of that, and take fewer faults. Which functions they are is found by running it.

use std::collections::HashSet;
use std::fs;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use rustix::pty::OpenptFlags;

use crate::daemon::Daemon;
use crate::entered;

/// Commands that are run: what ends well, what does not, what is stopped on its way, what has something to hide.
const LINES: [&[&str]; 3] = [
    &["--quiet", "--", "/bin/true"],
    &["--tag", "a", "--note", "b", "-c", "TOKEN=hunter2hunter2 : | cat & wait"],
    &["--", "env", "A=1", "sh", "-c", "true 'https://user:secret@host/'"],
];

/// Writes the names of the functions that `program`, which is not stripped, enters to record a command, one a line, in
/// the order of the first time: as a linker reads it. `bpd` = the folder of a bpd to talk to.
pub(crate) fn write(program: &Path, bpd: &Path, to: &Path) -> Result<()> {
    let functions = functions(program)?;
    let beginnings: Vec<u64> = functions.iter().map(|function| function.at).collect();
    let mut entered = Vec::new();
    let daemon = Daemon::start(bpd)?;
    let away = tempfile::Builder::new().prefix("bp").tempdir_in("/tmp")?;
    for home in [daemon.home(), away.path()] {
        for line in LINES {
            let (mut command, _terminal) = recorded(program, home, line)?;
            entered.extend(entered::of(&mut command, &beginnings)?);
        }
        entered.extend(entered::of(&mut event(program, home)?, &beginnings)?);
    }
    let names = in_order(&functions, &entered);
    ensure!(names.contains(&"main"), "{} has no names of functions", program.display());
    fs::write(to, names.join("\n") + "\n").with_context(|| format!("cannot write {}", to.display()))
}

/// `bpctl run` at a terminal, where it says what the command has cost; and the other end of that.
fn recorded(program: &Path, home: &Path, line: &[&str]) -> Result<(Command, OwnedFd)> {
    let master = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    rustix::pty::grantpt(&master)?;
    rustix::pty::unlockpt(&master)?;
    let name = rustix::pty::ptsname(&master, Vec::new())?;
    let terminal = fs::File::options().read(true).write(true).open(name.to_str()?)?;
    let mut command = Command::new(program);
    command.arg("run").args(line).env("BP_HOME", home);
    command.stdin(terminal.try_clone()?).stdout(terminal.try_clone()?).stderr(terminal);
    entered::at_its_terminal(&mut command);
    Ok((command, master))
}

/// What a shell that cannot write the mailbox itself starts for each line.
fn event(program: &Path, home: &Path) -> Result<Command> {
    let input = home.join("event");
    fs::File::create(&input)?.write_all(b"not a record")?;
    let mut command = Command::new(program);
    command.args(["event", "--pid", &std::process::id().to_string()]).env("BP_HOME", home);
    command.stdin(fs::File::open(input)?).stdout(Stdio::null());
    Ok(command)
}

struct Function {
    at: u64,
    name: String,
}

/// Of the whole program, by address.
fn functions(program: &Path) -> Result<Vec<Function>> {
    let output = Command::new("nm")
        .args(["--defined-only", "--numeric-sort", "--print-size"])
        .arg(program)
        .output()
        .context("nm is part of what links programs (Debian: apt-get install binutils)")?;
    ensure!(output.status.success(), "nm cannot read {}", program.display());
    Ok(String::from_utf8_lossy(&output.stdout).lines().filter_map(function).collect())
}

/// `address size kind name`.
fn function(line: &str) -> Option<Function> {
    let mut words = line.split_whitespace();
    let (at, size, kind) = (words.next()?, words.next()?, words.next()?);
    let has_code = ["t", "T", "w", "W", "i"].contains(&kind) && u64::from_str_radix(size, 16).ok()? > 0;
    let name = words.next().filter(|_| has_code)?.to_owned();
    Some(Function { at: u64::from_str_radix(at, 16).ok()?, name })
}

/// The names of those that begin at these addresses, in the order of the addresses, each once.
fn in_order<'a>(functions: &'a [Function], addresses: &[u64]) -> Vec<&'a str> {
    let mut seen = HashSet::new();
    let mut names = Vec::new();
    for at in addresses.iter().filter(|at| seen.insert(**at)) {
        // One may have several names.
        let from = functions.partition_point(|function| function.at < *at);
        let here = functions[from..].iter().take_while(|function| function.at == *at);
        names.extend(here.map(|function| function.name.as_str()));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_functions_that_were_entered_stand_in_the_order_of_the_first_time() {
        let nm = "0000000000000010 0000000000000008 t first\n0000000000000018 0000000000000008 T second\n\
                  0000000000000018 0000000000000008 W also_second\n0000000000000020 t without_a_size\n\
                  0000000000000030 0000000000000010 r no_code\n0000000000000040 0000000000000010 W third\n";
        let functions: Vec<_> = nm.lines().filter_map(function).collect();
        let names = in_order(&functions, &[0x40, 0x18, 0x40, 0x10, 0x18]);
        assert_eq!(names, ["third", "second", "also_second", "first"]);
    }
}

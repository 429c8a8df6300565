//! The daemon's program: where it is, whether it answers, how it is started apart from everything here.

use std::ffi::OsStr;
use std::io::{Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bp_proto::RUN_ENV;
use bp_proto::program::EXIT_LOCK_HELD;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

use crate::text::said::{OrSay as _, Said};
use crate::text::words::{Lang, Word};

/// What bpd says on standard output once it can be reached.
const READY: &[u8] = b"ready\n";

/// The bpd that came with this bpctl, else the one on the path.
pub fn program() -> anyhow::Result<PathBuf> {
    let here = std::env::current_exe().or_say(Word::CannotTellProgram, &[])?;
    let beside = here.with_file_name("bpd");
    if beside.is_file() {
        return Ok(beside);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    Ok(on_path(&path).or_say(Word::BpdMissing, &[&here.display().to_string()])?)
}

fn on_path(path: &OsStr) -> Option<PathBuf> {
    // A relative entry would start whatever lies in the current directory.
    let dirs = std::env::split_paths(path).filter(|dir| dir.is_absolute());
    dirs.map(|dir| dir.join("bpd")).find(|file| file.is_file())
}

/// Whether a shell would find that program: a path, or a name on the search path.
pub fn is_program(word: &str) -> bool {
    if word.contains('/') {
        return Path::new(word).is_file();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(word).is_file())
}

/// Whether somebody listens there. Never waits, also when bpd hangs.
pub fn is_served(socket: &Path) -> bool {
    let attempt = || -> rustix::io::Result<()> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let stream = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        connect(&stream, &SocketAddrUnix::new(socket)?)
    };
    // A full queue has an owner, too.
    matches!(attempt(), Ok(()) | Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INPROGRESS))
}

/// Starts bpd and forgets it: nothing is waited for, nothing is printed.
pub fn launch(program: &Path) -> anyhow::Result<()> {
    let mut command = detached(program);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    spawned(&mut command).map(drop)
}

/// What became of a bpd that was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// It can be reached; its pid.
    Ready(u32),
    /// It ended at once: another one holds the lock.
    LockHeld,
}

/// Starts bpd and waits until it can be reached.
///
/// # Errors
/// What bpd said when it gave up, or that it was not ready within `patience`.
pub fn start(program: &Path, patience: Duration) -> anyhow::Result<Started> {
    let mut command = detached(program);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = spawned(&mut command)?;
    if is_ready(&mut child, patience)? {
        return Ok(Started::Ready(child.id()));
    }
    let mut said = String::new();
    if let Some(stderr) = child.stderr.take() {
        stderr.take(8192).read_to_string(&mut said).or_say(Word::BpdUnheard, &[])?;
    }
    let status = child.wait().or_say(Word::BpdUnheard, &[])?;
    if status.code() == Some(i32::from(EXIT_LOCK_HELD)) {
        return Ok(Started::LockHeld);
    }
    let said = said.trim().trim_start_matches("bpd: ");
    if said.is_empty() {
        return Err(Said::new(Word::BpdGaveUpMute, &[&status.to_string()]).into());
    }
    Err(Said::new(Word::BpdGaveUp, &[said]).into())
}

fn spawned(command: &mut Command) -> anyhow::Result<Child> {
    let program = command.get_program().to_string_lossy().into_owned();
    Ok(command.spawn().or_say(Word::CannotStart, &[&program])?)
}

fn detached(program: &Path) -> Command {
    let mut command = Command::new(program);
    // bpd belongs to no run, whoever's prompt it was started at.
    command.arg("--detached").env_remove(RUN_ENV).current_dir("/").stdin(Stdio::null());
    command
}

/// `false` = it closed its output without a word: it is ending.
fn is_ready(child: &mut Child, patience: Duration) -> anyhow::Result<bool> {
    let deadline = Instant::now() + patience;
    let mut stdout = child.stdout.take().or_say(Word::BpdUnheard, &[])?;
    let mut said = Vec::new();
    while !said.starts_with(READY) {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).or_say(Word::BpdUnheard, &[])?;
        let mut waited = [PollFd::from_borrowed_fd(stdout.as_fd(), PollFlags::IN)];
        match poll(&mut waited, Some(&timeout)) {
            Ok(0) => {
                let (pid, seconds) = (child.id().to_string(), patience.as_secs().to_string());
                return Err(Said::new(Word::BpdStarting, &[&pid, &seconds]).into());
            }
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Ok(Err(error).or_say(Word::BpdUnheard, &[])?),
        }
        let mut piece = [0; 64];
        let read = stdout.read(&mut piece).or_say(Word::BpdUnheard, &[])?;
        if read == 0 {
            return Ok(false);
        }
        said.extend_from_slice(&piece[..read]);
    }
    Ok(true)
}

/// Runs `bpd --show-config` with its errors going where ours go, in `lang`. → what it printed, `None` when the config is
/// refused.
pub fn config(program: &Path, file: Option<&Path>, lang: Lang) -> anyhow::Result<Option<Vec<u8>>> {
    let mut command = Command::new(program);
    command.args(["--show-config", lang.code()]).stdin(Stdio::null());
    if let Some(file) = file {
        command.env("BP_CONFIG", file);
    }
    let output = command.output().or_say(Word::CannotStart, &[&program.display().to_string()])?;
    if output.status.success() {
        return Ok(Some(output.stdout));
    }
    std::io::stderr().write_all(&output.stderr)?;
    Ok(None)
}

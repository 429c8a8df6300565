//! A real interactive shell in a terminal of its own, driven as a person would: type, wait for the next prompt.

#![allow(
    unsafe_code,
    reason = "a child becomes the leader of a terminal between fork and exec; another process's clock"
)]

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::pty::OpenptFlags;
use rustix::termios::Winsize;

/// Longer than anything here takes on a machine that does ten other things; only a failure waits that long.
const DEADLINE: Duration = Duration::from_secs(60);
const SIZE: Winsize = Winsize { ws_row: 50, ws_col: 400, ws_xpixel: 0, ws_ypixel: 0 };

pub(crate) struct Terminal {
    master: File,
    child: Child,
    /// Everything that was shown.
    shown: Vec<u8>,
    /// How much of it was handed out.
    read_to: usize,
    prompts: u64,
    /// Where the cursor is, when the program asks. A program that never gets an answer waits for it.
    cursor: Option<&'static [u8]>,
}

/// A program asks the terminal where the cursor is.
const CURSOR_QUERY: &[u8] = b"\x1b[6n";

/// What was shown up to a prompt, and the status that it carried.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Prompt {
    pub(crate) status: i32,
    /// With the echo of what was typed, without the prompt itself.
    pub(crate) screen: String,
}

impl Terminal {
    /// Starts `command` as the leader of a new terminal.
    pub(crate) fn start(mut command: Command) -> Self {
        let master =
            rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        rustix::pty::grantpt(&master).unwrap();
        rustix::pty::unlockpt(&master).unwrap();
        let name = rustix::pty::ptsname(&master, Vec::new()).unwrap();
        let slave = rustix::fs::open(
            name.as_c_str(),
            rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::CLOEXEC,
            rustix::fs::Mode::empty(),
        )
        .unwrap();
        rustix::termios::tcsetwinsize(&slave, SIZE).unwrap();
        let stdio = |fd: &OwnedFd| Stdio::from(fd.try_clone().unwrap());
        command.stdin(stdio(&slave)).stdout(stdio(&slave)).stderr(stdio(&slave));
        // SAFETY: both are single system calls, allowed between fork and exec; descriptor 0 is the terminal by then.
        unsafe {
            command.pre_exec(|| {
                rustix::process::setsid()?;
                rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())?;
                Ok(())
            });
        }
        let child = command.spawn().unwrap();
        Self { master: File::from(master), child, shown: Vec::new(), read_to: 0, prompts: 0, cursor: None }
    }

    /// The same for a program that asks where the cursor is, as `PSReadLine` does: always in the first column.
    pub(crate) fn start_answering(command: Command) -> Self {
        let mut terminal = Self::start(command);
        terminal.cursor = Some(b"\x1b[1;1R");
        terminal
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn send(&mut self, keys: impl AsRef<[u8]>) {
        self.master.write_all(keys.as_ref()).unwrap();
    }

    /// As when the window is made larger or smaller.
    pub(crate) fn resize(&mut self, columns: u16, rows: u16) {
        let size = Winsize { ws_row: rows, ws_col: columns, ..SIZE };
        rustix::termios::tcsetwinsize(&self.master, size).unwrap();
    }

    /// Columns and rows.
    pub(crate) fn size(&self) -> (u16, u16) {
        let size = rustix::termios::tcgetwinsize(&self.master).unwrap();
        (size.ws_col, size.ws_row)
    }

    /// Reads until `found` in everything that was shown since the program began; false when it is never there.
    pub(crate) fn reads_until(&mut self, found: impl Fn(&Self) -> bool) -> bool {
        let until = Instant::now() + DEADLINE;
        while !found(self) {
            if !self.more(until) {
                return false;
            }
        }
        true
    }

    /// Whether the terminal gives whole lines and echoes them, as a shell leaves it.
    pub(crate) fn is_cooked(&self) -> bool {
        use rustix::termios::LocalModes;
        let modes = rustix::termios::tcgetattr(&self.master).unwrap().local_modes;
        modes.contains(LocalModes::ICANON | LocalModes::ECHO)
    }

    /// Everything that was shown since the program began.
    pub(crate) fn all(&self) -> String {
        String::from_utf8_lossy(&self.shown).into_owned()
    }

    /// The same, byte for byte.
    pub(crate) fn told(&self) -> &[u8] {
        &self.shown
    }

    /// Of it, what was waited for, and all before.
    pub(crate) fn told_so_far(&self) -> &[u8] {
        &self.shown[..self.read_to]
    }

    /// Types a line, presses Enter and waits for the next prompt.
    pub(crate) fn line(&mut self, line: impl AsRef<[u8]>) -> Prompt {
        self.send([line.as_ref(), b"\r"].concat());
        self.prompt()
    }

    /// Waits until a prompt with a higher number than any before is shown.
    pub(crate) fn prompt(&mut self) -> Prompt {
        self.prompt_within(DEADLINE).unwrap_or_else(|| self.fail("a prompt"))
    }

    /// The same for a command that may take its time; none when the shell is gone or the time is over.
    pub(crate) fn prompt_within(&mut self, patience: Duration) -> Option<Prompt> {
        let found =
            self.wait(patience, |shown, above| find_prompt(shown, above).map(|found| (found.end, found)))?;
        self.prompts = found.number;
        Some(Prompt { status: found.status, screen: found.screen })
    }

    /// The next prompt is another shell's, which counts for itself.
    pub(crate) fn forget_prompts(&mut self) {
        self.prompts = 0;
    }

    /// Waits until `text` is shown behind what was handed out before.
    pub(crate) fn shows(&mut self, text: &str) {
        let seen = self.wait(DEADLINE, |shown, _| {
            let at = shown.windows(text.len()).position(|window| window == text.as_bytes())?;
            Some((at + text.len(), ()))
        });
        if seen.is_none() {
            self.fail(text);
        }
    }

    /// Presses a key until `text` is shown behind what was handed out before. For one that does nothing when pressed again:
    /// a signal between two readings of the terminal is lost on a line editor.
    pub(crate) fn presses(&mut self, key: &[u8], text: &str) {
        const AGAIN: Duration = Duration::from_secs(1);
        let until = Instant::now() + DEADLINE;
        loop {
            self.send(key);
            let seen = self.wait(AGAIN, |shown, _| {
                let at = shown.windows(text.len()).position(|window| window == text.as_bytes())?;
                Some((at + text.len(), ()))
            });
            if seen.is_some() {
                return;
            }
            if Instant::now() > until {
                self.fail(text);
            }
        }
    }

    /// Waits until the shell sleeps: it reads the terminal and has nothing left to do.
    pub(crate) fn waits(&self) {
        let until = Instant::now() + DEADLINE;
        let stat = format!("/proc/{}/stat", self.pid());
        let sleeps = || std::fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") S "));
        while !sleeps() {
            assert!(Instant::now() < until, "the shell never came to rest");
            std::thread::yield_now();
        }
    }

    /// Types a line and waits for the next prompt. → CPU time of the shell itself, without its children, from Enter on.
    pub(crate) fn cost_of(&mut self, line: &str) -> Duration {
        self.send(line);
        self.echoes(&line[line.len().saturating_sub(8)..]);
        let before = self.own_cpu();
        self.send("\r");
        self.prompt();
        self.own_cpu().saturating_sub(before)
    }

    /// CPU time of the shell, all its threads, so far. The kernel has it exactly of what sleeps.
    fn own_cpu(&self) -> Duration {
        self.waits();
        let (mut clock, mut time) = (0, MaybeUninit::<libc::timespec>::zeroed());
        // SAFETY: both pointers are valid for their calls; a zeroed timespec is a valid one.
        let time = unsafe {
            assert_eq!(libc::clock_getcpuclockid(self.pid() as libc::pid_t, &raw mut clock), 0);
            assert_eq!(libc::clock_gettime(clock, time.as_mut_ptr()), 0);
            time.assume_init()
        };
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    }

    /// Waits until `text`, which was typed, is echoed: in any colours, and painted in any number of steps.
    fn echoes(&mut self, text: &str) {
        let seen = self.wait(DEADLINE, |shown, _| {
            let mut plain: Vec<(usize, u8)> = Vec::new();
            let mut at = 0;
            while at < shown.len() {
                if shown[at..].starts_with(b"\x1b[") {
                    let end = shown[at + 2..].iter().position(|byte| (0x40..0x7f).contains(byte))?;
                    at += end + 3;
                    continue;
                }
                plain.push((at, shown[at]));
                at += 1;
            }
            let is_text = |window: &[(usize, u8)]| window.iter().map(|(_, byte)| *byte).eq(text.bytes());
            let last = plain.windows(text.len()).find(|window| is_text(window))?.last()?;
            Some((last.0 + 1, ()))
        });
        if seen.is_none() {
            self.fail(text);
        }
    }

    /// Waits until the shell is gone and gives its status.
    pub(crate) fn gone(&mut self) -> Option<i32> {
        let until = Instant::now() + DEADLINE;
        while self.more(until) {}
        self.child.wait().unwrap().code()
    }

    fn wait<T>(&mut self, patience: Duration, look: impl Fn(&[u8], u64) -> Option<(usize, T)>) -> Option<T> {
        let until = Instant::now() + patience;
        loop {
            if let Some((used, found)) = look(&self.shown[self.read_to..], self.prompts) {
                self.read_to += used;
                return Some(found);
            }
            if !self.more(until) {
                return None;
            }
        }
    }

    fn fail(&self, what: &str) -> ! {
        let shown = String::from_utf8_lossy(&self.shown[self.read_to..]);
        panic!("waited for {what}; shown since the last prompt:\n{shown}")
    }

    /// Reads what there is; false when there will be nothing more, or not in time.
    fn more(&mut self, until: Instant) -> bool {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = left.try_into().unwrap();
        let mut ready = [PollFd::from_borrowed_fd(self.master.as_fd(), PollFlags::IN)];
        match rustix::event::poll(&mut ready, Some(&timeout)) {
            Ok(0) => return false,
            // A signal that somebody else hears: there may be more.
            Err(rustix::io::Errno::INTR) => return true,
            polled => assert!(polled.is_ok(), "{polled:?}"),
        }
        let mut buffer = vec![0; 65536];
        // A terminal without a shell on its other side answers with an error, not with an end.
        match self.master.read(&mut buffer) {
            Ok(0) | Err(_) => false,
            Ok(length) => {
                let seen = self.shown.len().saturating_sub(CURSOR_QUERY.len() - 1);
                self.shown.extend_from_slice(&buffer[..length]);
                if let Some(answer) = self.cursor {
                    let new = self.shown[seen..].windows(CURSOR_QUERY.len());
                    for _ in 0..new.filter(|window| *window == CURSOR_QUERY).count() {
                        self.send(answer);
                    }
                }
                true
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // What the shell left in its session gets the hangup of the terminal when `master` is closed.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

struct Found {
    number: u64,
    status: i32,
    screen: String,
    end: usize,
}

/// The prompt is `<<P:NUMBER:STATUS>>`; one that is repainted has the number that it had.
fn find_prompt(shown: &[u8], above: u64) -> Option<Found> {
    let mut from = 0;
    while let Some(at) = shown[from..].windows(4).position(|window| window == b"<<P:") {
        let start = from + at;
        let end = start + shown[start..].windows(2).position(|window| window == b">>")? + 2;
        let inside = str::from_utf8(&shown[start + 4..end - 2]).ok()?;
        let (number, status) = inside.split_once(':')?;
        if let (Ok(number), Ok(status)) = (number.parse(), status.parse())
            && number > above
        {
            let screen = String::from_utf8_lossy(&shown[..start]).into_owned();
            return Some(Found { number, status, screen, end });
        }
        from = end;
    }
    None
}

/// A command with nothing of this process's environment but the search path.
pub(crate) fn clean(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("TERM", "dumb")
        .env("LC_ALL", "C.UTF-8");
    command
}

//! Lines that end their shell: `exit`, `logout`, `exec`, a closed terminal.

use std::fs;
use std::time::Duration;

use bp_proto::event::{Source, WaitStatus};
use bp_proto::process::{stat, stat_field};
use bp_proto::{Ending, Finish, Owner, Ulid};

use super::ending::{GRACE, GRACE_AFTER_EXIT};
use super::exits::Exit;
use super::open::{Now, Open, is_same};
use super::stage::Stage;
use crate::event::Reply;
use crate::typed;

const SIGHUP: i32 = 1;

/// A shell that was first heard of with this line may have replaced itself before that. So long after the line's start
/// it has.
const REPLACED_BY: Duration = Duration::from_millis(200);

/// Programs that read lines from a terminal when they are started without anything to run.
const SHELLS: [&str; 13] =
    ["ash", "bash", "csh", "dash", "elvish", "fish", "ksh", "mksh", "nu", "pwsh", "sh", "tcsh", "zsh"];

/// Options of shells that take the next word.
const WITH_VALUE: [&str; 7] = ["--rcfile", "--init-file", "-O", "+O", "-o", "+o", "--init-command"];

/// A shell reads a command for so long without having reported the end of its line: the line has removed the hook. A
/// report takes milliseconds.
const SILENT: Duration = Duration::from_secs(5);

/// How long after the end of `exit` its shell may still be there: fish reports the end of that line too.
const PARTING: Duration = Duration::from_millis(300);

/// The reported end of a line that says that it ends its shell.
#[derive(Debug)]
pub(super) struct Parting {
    shell: Owner,
    finish: Finish,
    reply: Option<Reply>,
    now: Now,
}

impl Stage {
    /// Whether the end of this line may be the end of its shell.
    pub(super) fn parts(&self, finish: &Finish) -> bool {
        let text = self.open.get(&finish.uid).and_then(|open| open.start.draft.command.as_deref());
        matches!(finish.ending, Ending::Exited { .. }) && text.and_then(typed::leaves_shell).is_some()
    }

    /// Ends the line as soon as it is known whether its shell ends.
    pub(super) fn part(&mut self, finish: Finish, reply: Option<Reply>, now: Now) {
        let Some(open) = self.open.get_mut(&finish.uid) else { return };
        open.in_doubt = true;
        let parting = Parting { shell: open.owner, finish, reply, now };
        if bp_proto::process::is_alive(parting.shell) {
            self.partings.push(parting);
        } else {
            self.end_parting(parting, true);
        }
    }

    fn end_parting(&mut self, parting: Parting, has_left: bool) {
        let Parting { mut finish, reply, now, .. } = parting;
        if let (true, Ending::Exited { exit_code, signal }) = (has_left, finish.ending) {
            finish.ending = Ending::Left { exit_code, signal };
        }
        self.end_seen(finish, reply, now);
    }

    /// The partings of this shell, or those that are due, end: their shell has left, or has not.
    pub(super) fn settle_partings(&mut self, has_left: bool, is_settled: impl Fn(Owner, Duration) -> bool) {
        let all = std::mem::take(&mut self.partings);
        for parting in all {
            if is_settled(parting.shell, parting.now.mono + PARTING) {
                self.end_parting(parting, has_left);
            } else {
                self.partings.push(parting);
            }
        }
    }

    pub(super) fn parting_due(&self) -> Option<Duration> {
        self.partings.iter().map(|parting| parting.now.mono + PARTING).min()
    }

    /// A watched process has ended.
    pub(super) fn exited(&mut self, exit: Exit) {
        let now = self.now();
        self.exits.note(exit);
        self.settle_partings(true, |shell, _| is_same(shell, exit.process));
        let of_shell =
            |open: &&mut Open| open.start.draft.source == Source::Hook && is_same(open.owner, exit.process);
        for open in self.open.values_mut().filter(of_shell) {
            open.shell_exit = Some(exit.status);
            if open.watched && open.gone_since.is_none() {
                open.gone_since = Some(now.mono);
                open.seen_at = open.seen_at.max(open.seen_now(now));
            }
        }
        self.resuming.lines.retain(|resuming| !is_same(resuming.shell, exit.process));
        self.job_exited(exit, now);
        self.hang_up_jobs_of(exit.process, now);
    }

    /// Ends lines whose shell has handed its process over to another interactive shell (`exec bash`), and those that
    /// switched the hook off (`export BP_OFF=1`) or removed it, which then reports no end.
    pub(super) fn look_for_replaced(&mut self, due: &[Ulid], now: Now) {
        let mut left = Vec::new();
        let mut silent = Vec::new();
        for uid in due {
            let Some(open) = self.open.get_mut(uid) else { continue };
            if open.start.draft.source != Source::Hook || open.gone_since.is_some() || open.in_doubt {
                continue;
            }
            let pid = open.owner.pid;
            let is_late = open.elapsed(now) >= REPLACED_BY;
            open.is_replaced |= self.exits.has_replaced_itself(pid)
                // The shell may have replaced itself before bpd looked at it for the first time.
                || (is_late && open.says_exec() && is_at_prompt(pid));
            if open.says_off() && self.tree.figures(*uid).is_none_or(|usage| usage.processes == 0) {
                if is_at_prompt(pid) {
                    silent.push((*uid, open.seen_now(now)));
                }
            } else if open.is_replaced && is_interactive_shell(pid) {
                left.push((*uid, open.seen_now(now), open.owner));
            } else if open.may_be_silent() {
                let is_idle = self.tree.figures(*uid).is_none_or(|usage| usage.processes == 0);
                let reads = is_idle && is_at_prompt(pid) && reads_command(pid);
                let silent_for =
                    self.exits.reads_since(pid, reads, now.mono).map(|since| now.mono.saturating_sub(since));
                if let Some(silent_for) = silent_for.filter(|silent_for| *silent_for >= SILENT) {
                    silent.push((*uid, open.seen_now(now).minus(silent_for)));
                }
            }
        }
        for (uid, at) in silent {
            let ending = Ending::Exited { exit_code: None, signal: None };
            self.end(Finish { finished_at: at, ..unseen_end(uid, ending) }, None, now);
        }
        for (uid, at, owner) in left {
            self.exits.accept_image(owner.pid);
            let ending = Ending::Left { exit_code: None, signal: None };
            self.end(Finish { finished_at: at, ..unseen_end(uid, ending) }, None, now);
        }
    }

    /// Somebody says that a shell's run is lost. When the shell is gone its exit decides, as soon as that is known.
    pub(super) fn waits_for_exit(&mut self, finish: &Finish) -> bool {
        let now = self.now();
        let Some(open) = self.open.get_mut(&finish.uid) else { return false };
        if open.start.draft.source != Source::Hook || bp_proto::process::is_alive(open.owner) {
            return false;
        }
        open.seen_at = open.seen_at.max(finish.finished_at);
        open.gone_since.get_or_insert(now.mono);
        true
    }
}

impl Open {
    /// Whether the line's text replaces its shell by another program.
    pub(super) fn says_exec(&self) -> bool {
        self.start.draft.command.as_deref().is_some_and(typed::replaces_shell)
    }

    /// Whether the line's text switches the hook off.
    pub(super) fn says_off(&self) -> bool {
        let text = self.start.draft.command.as_deref().unwrap_or_default();
        text.contains("BP_OFF=1") || text.contains("BP_OFF 1")
    }

    /// Whether the end of the line may be missing although its shell lives: it may have removed the hook. fish reads
    /// input for its own `read` as it reads commands; so do bash and zsh where a line says `read -e` or `read -k`.
    fn may_be_silent(&self) -> bool {
        let draft = &self.start.draft;
        let is_known = matches!(draft.shell.as_deref(), Some("bash" | "zsh"));
        let says_read = |text: &str| text.contains("read") || text.contains("vared");
        is_known && !draft.command.as_deref().is_some_and(says_read)
    }

    /// How long its shell is gone before the run is ended: last words may still be on their way.
    pub(super) fn grace(&self) -> Duration {
        if self.shell_exit.is_some() { GRACE_AFTER_EXIT } else { GRACE }
    }
}

/// An end that no shell has reported.
pub(super) fn unseen_end(uid: Ulid, ending: Ending) -> Finish {
    Finish {
        uid,
        finished_at: bp_proto::UnixMillis(0),
        took: None,
        ending,
        totals: None,
        children: Vec::new(),
        rest: None,
        waited: None,
        background: false,
    }
}

/// How a run ended whose end was not reported. `shell_lives`: the shell has read another line since.
pub(super) fn unreported(open: &Open, shell_lives: bool) -> Ending {
    if open.start.draft.source != Source::Hook {
        return Ending::Lost;
    }
    let told = open.start.draft.command.as_deref().and_then(typed::leaves_shell);
    if shell_lives {
        let is_replaced = open.is_replaced || open.says_exec();
        return if is_replaced { Ending::Left { exit_code: None, signal: None } } else { Ending::Lost };
    }
    match open.shell_exit {
        Some(status @ (WaitStatus::Exited(_) | WaitStatus::Signalled(SIGHUP))) => {
            Ending::Left { exit_code: status.exit_code(), signal: status.signal() }
        }
        Some(status @ WaitStatus::Signalled(_)) if open.is_replaced || open.says_exec() => {
            Ending::Left { exit_code: status.exit_code(), signal: status.signal() }
        }
        Some(WaitStatus::Signalled(_)) => Ending::Lost,
        _ => match told {
            Some(leaves) => Ending::Left { exit_code: leaves.exit_code, signal: None },
            None if open.is_replaced => Ending::Left { exit_code: None, signal: None },
            None => Ending::Lost,
        },
    }
}

/// Whether the shell itself holds its terminal and waits.
fn is_at_prompt(shell: u32) -> bool {
    let Ok(stat) = stat(shell) else { return false };
    let (group, foreground) = (stat_field(&stat, 5), stat_field(&stat, 8));
    bp_proto::process::state(&stat) == Some(b'S') && group.is_some() && group == foreground
}

/// Whether the terminal of the shell is in the mode in which line editors read: without lines and without echo.
fn reads_command(shell: u32) -> bool {
    use rustix::fs::{Mode, OFlags, open};
    use rustix::termios::{LocalModes, tcgetattr};
    let flags = OFlags::RDONLY | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    // Only of a terminal: opening something else might have effects.
    let path = format!("/proc/{shell}/fd/0");
    let is_terminal = fs::read_link(&path).is_ok_and(|target| target.starts_with("/dev/pts"));
    let terminal = if is_terminal { open(path, flags, Mode::empty()).ok() } else { None };
    let modes = terminal.and_then(|terminal| tcgetattr(terminal).ok()).map(|modes| modes.local_modes);
    modes.is_some_and(|modes| !modes.intersects(LocalModes::ICANON | LocalModes::ECHO))
}

/// Whether the process is a shell that reads its commands from a terminal.
fn is_interactive_shell(pid: u32) -> bool {
    let Ok(stat) = stat(pid) else { return false };
    if stat_field(&stat, 7).is_none_or(|terminal| terminal == 0) {
        return false;
    }
    let input = fs::read_link(format!("/proc/{pid}/fd/0")).unwrap_or_default();
    let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    input.to_string_lossy().starts_with("/dev/") && reads_from_terminal(&words)
}

/// Whether these words, each ended by a NUL, start a shell without a command or a script.
fn reads_from_terminal(words: &[u8]) -> bool {
    let text = String::from_utf8_lossy(words);
    let mut words = text.trim_end_matches('\0').split('\0');
    let name = words.next().unwrap_or_default().trim_start_matches('-');
    let name = name.rsplit('/').next().unwrap_or_default();
    if !SHELLS.contains(&name) {
        return false;
    }
    while let Some(word) = words.next() {
        if WITH_VALUE.contains(&word) || (name == "fish" && word == "-C") {
            words.next();
        } else if word.starts_with("--") || (name == "pwsh" && word.starts_with('-')) {
            let lower = word.to_ascii_lowercase();
            if ["--command", "-command", "-c", "-file", "-f", "-encodedcommand", "-noninteractive"]
                .contains(&&*lower)
            {
                return false;
            }
        } else if let Some(letters) = word.strip_prefix('-') {
            if letters.contains('c') {
                return false;
            }
        } else if !word.starts_with('+') {
            return false;
        }
    }
    true
}

/// Whether the same process may be meant.
pub(super) fn is_of(open: &Open, shell: Owner) -> bool {
    open.start.draft.source == Source::Hook && is_same(open.owner, shell)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_without_a_command_reads_from_its_terminal() {
        let check = |line: &str, expected| {
            let words = line.replace(' ', "\0") + "\0";
            assert_eq!(reads_from_terminal(words.as_bytes()), expected, "{line}");
        };
        for line in [
            "bash",
            "-zsh",
            "/bin/bash --norc -i",
            "bash --rcfile /tmp/rc -i",
            "bash -O extglob",
            "zsh -l",
            "fish -C cd",
            "/usr/bin/pwsh -NoLogo",
            "sh",
        ] {
            check(line, true);
        }
        for line in [
            "bash -c make",
            "bash script.sh",
            "zsh -fc true",
            "fish --command x",
            "pwsh -Command x",
            "vim",
            "python3",
        ] {
            check(line, false);
        }
    }
}

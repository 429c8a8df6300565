//! The hooks are not felt: the screen, the shell's own variables, its traps, limits and children stay as they are.

use std::process::{Command, Stdio};

use bp_proto::mailbox::Stamp;

use crate::pty::{self, Prompt, Terminal};
use crate::shells::{Home, Kind, Shell, Transport};

/// Types `lines` into a shell with the hook and into one without.
fn both(kind: Kind, transport: Transport, after: &str, lines: &[&[u8]]) -> [Vec<Prompt>; 2] {
    [true, false].map(|hooked| {
        let home = Home::new();
        home.rc(kind, "", hooked, after);
        let command = home.command(kind, transport);
        let mut shell = Shell::from(home, command);
        lines.iter().map(|line| without_pids(shell.line(line))).collect()
    })
}

/// Process ids differ from shell to shell: what follows `[1] ` is one.
pub(crate) fn without_pids(mut prompt: Prompt) -> Prompt {
    let mut parts = prompt.screen.split("[1] ");
    let mut screen = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|letter: char| letter.is_ascii_digit());
        screen += if rest.len() < part.len() { "[1] PID" } else { "[1] " };
        screen += rest;
    }
    prompt.screen = screen;
    prompt
}

/// The same screens and statuses, with and without the hook.
fn unfelt(kind: Kind, after: &str, lines: &[&[u8]]) {
    for transport in [Transport::Mailbox, Transport::Socket] {
        let [with, without] = both(kind, transport, after, lines);
        for (line, (with, without)) in lines.iter().zip(with.iter().zip(&without)) {
            assert_eq!(
                with,
                without,
                "{kind:?}, {transport:?}, {after:?}: {}",
                String::from_utf8_lossy(line)
            );
        }
    }
}

const LINES: &[&[u8]] = &[
    b"echo one two",
    b"echo \"$_\" \"$?\"",
    b"false three",
    b"echo \"$?\" \"$_\"",
    b"(exit 9)",
    b"echo $?",
    b"",
    b"f() { echo \"$_\"; }",
    b"f four",
    b"echo \"$_\"",
    b"sleep 0.1 & wait; echo $?",
    b"[[ -n $! ]] && echo a job",
    b"jobs",
    b"umask",
    b"ls /proc/self/fd",
    b"trap",
    b"echo )",
    b"echo $?",
    b"# nothing",
    b"cat <<E\rfive\rE",
    b"wait",
    b"stty -a | head -1",
];

#[test]
fn bash_shows_exactly_what_it_shows_without_us() {
    for after in [
        "",
        "set -u",
        "PROMPT_COMMAND=\"true; ${PROMPT_COMMAND-}\"",
        "set -o pipefail",
        "trap 'true x' DEBUG",
    ] {
        unfelt(Kind::Bash, after, LINES);
    }
    unfelt(
        Kind::Bash,
        "",
        &[
            b"true | false | true",
            b"echo \"${PIPESTATUS[@]}\"",
            b"trap 'echo bye' EXIT",
            b"trap -p",
            b"compgen -v | grep -vx '__bizim.*\\|HISTCMD\\|PS0\\|PROMPT_COMMAND\\|EPOCHREALTIME\\|_'",
            b"compgen -A function | grep -v '^__bizim\\|^-2504405$'",
            b"compgen -e | sort",
        ],
    );
}

#[test]
fn zsh_shows_exactly_what_it_shows_without_us() {
    for after in ["", "set -u", "precmd() { false }"] {
        unfelt(Kind::Zsh, after, LINES);
    }
    unfelt(
        Kind::Zsh,
        "",
        &[
            b"true | false | true",
            b"echo $pipestatus",
            b"trap 'echo bye' USR1",
            b"trap",
            b"echo $options[localtraps] $options[noclobber]",
        ],
    );
}

#[test]
fn tracing_shows_nothing_of_the_hook() {
    unfelt(Kind::Bash, "", &[b"set -x", b"echo one", b"set +x"]);
    let mut zsh = Shell::start(Kind::Zsh);
    zsh.line("set -x");
    assert_eq!(zsh.line("echo one").screen.matches("bizim_print").count(), 0);
}

#[test]
fn a_limit_on_file_sizes_does_not_kill_the_shell() {
    for kind in Kind::ALL {
        for transport in [Transport::Mailbox, Transport::Socket] {
            let home = Home::new();
            home.rc(kind, "", true, "HISTCONTROL=erasedups");
            let command = home.command(kind, transport);
            let mut shell = Shell::from(home, command);
            shell.line("ulimit -S -f 0");
            for line in ["true", "(exit 3)", "false", "trap", "f() { :; }"] {
                shell.line(line);
            }
            assert_eq!(shell.line("ulimit -S -f unlimited").status, 0, "{kind:?}");
            shell.line("echo after");
            let told = shell.home.records_with_damage();
            assert!(told.iter().any(|(text, _)| text == "echo after"), "{kind:?} {transport:?}: {told:?}");
        }
    }
}

#[test]
fn a_trap_of_the_users_for_that_limit_stays() {
    for kind in Kind::ALL {
        let mut shell = Shell::start(kind);
        shell.line("trap 'echo mine' XFSZ");
        shell.line("true");
        assert!(shell.line("trap").screen.contains("echo mine"), "{kind:?}");
    }
}

#[test]
fn under_a_turkish_locale_the_times_are_read() {
    let locales = Command::new("locale").arg("-a").stdout(Stdio::piped()).output().unwrap();
    let locales = String::from_utf8_lossy(&locales.stdout).into_owned();
    assert!(
        locales.lines().any(|name| name == "tr_TR.utf8"),
        "tr_TR.UTF-8 is missing: localedef -i tr_TR -f UTF-8 tr_TR.UTF-8"
    );
    for kind in Kind::ALL {
        let home = Home::new();
        home.rc(kind, "", true, "");
        let mut command = home.command(kind, Transport::Mailbox);
        command.env("LC_ALL", "tr_TR.UTF-8").env("BP_ACTOR", "agent:ISI");
        let mut shell = Shell::from(home, command);
        shell.line("echo ığüşİ");
        let runs = shell.home.runs();
        assert_eq!(runs[0].text(), "echo ığüşİ");
        assert!(runs[0].start.times.is_some() && runs[0].end.as_ref().unwrap().times.is_some(), "{runs:?}");
        assert!(matches!(runs[0].start.stamp, Stamp::Micros(_)));
        assert_eq!(runs[0].start.shell.actor.as_deref(), Some("agent:ISI"));
    }
}

#[test]
fn the_stamps_lie_between_enter_and_the_prompt_and_hold_the_command() {
    for kind in Kind::ALL {
        let mut shell = Shell::start(kind);
        let before = bp_proto::time::UnixMillis::now();
        shell.line("sleep 0.5");
        let after = bp_proto::time::UnixMillis::now();
        let runs = shell.home.runs();
        let Stamp::Micros(start) = runs[0].start.stamp else { panic!("{runs:?}") };
        let end = runs[0].end.as_ref().unwrap().end_us.unwrap();
        assert!(end - start >= 500_000, "{kind:?}: {start} {end}");
        assert!(i128::from(before.0) * 1000 <= i128::from(start), "{kind:?}");
        assert!(i128::from(end) <= (i128::from(after.0) + 1) * 1000, "{kind:?}");
    }
}

#[test]
fn two_hundred_commands_cost_no_fork() {
    for kind in Kind::ALL {
        let home = Home::new();
        home.rc(kind, "", true, "");
        let mut shell = Shell::from_traced(home, kind);
        // What the shell itself does at its start is before this.
        let already = shell.1.clones();
        for _ in 0..200 {
            shell.0.line(":");
        }
        assert_eq!(shell.0.home.runs().len(), 200);
        assert_eq!(shell.1.clones() - already, 0, "{kind:?}");
        shell.0.line("/bin/true");
        assert_eq!(shell.1.clones() - already, 1, "{kind:?}: a fork is seen when there is one");
    }
}

#[test]
fn nothing_is_loaded_where_nobody_types() {
    for kind in Kind::ALL {
        let home = Home::new();
        let script = format!("source '{}'; echo $?", kind.hook().display());
        let output = pty::clean(kind.name())
            .args(["-c", &script])
            .env("HOME", home.path())
            .env("BP_HOME", home.bp())
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "0\n");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        assert!(!home.bp().exists(), "{kind:?}");
    }
}

#[test]
fn a_directory_that_is_not_ours_gets_nothing() {
    for kind in Kind::ALL {
        let home = Home::new();
        home.rc(kind, "", true, "");
        let elsewhere = home.work().join("elsewhere");
        std::fs::create_dir_all(elsewhere.join("mail")).unwrap();
        std::fs::create_dir(home.bp()).unwrap();
        std::os::unix::fs::symlink(&elsewhere, home.bp().join("run")).unwrap();
        let command = home.command(kind, Transport::Mailbox);
        let mut shell = Shell::from(home, command);
        let screen = shell.line("echo one").screen;
        assert!(screen.ends_with("\none\r\n") && screen.matches('\n').count() == 2, "{kind:?}: {screen:?}");
        assert_eq!(std::fs::read_dir(elsewhere.join("mail")).unwrap().count(), 0, "{kind:?}");
    }
}

#[test]
fn a_directory_that_vanishes_is_no_reason_to_print() {
    for kind in Kind::ALL {
        let mut shell = Shell::start(kind);
        shell.line("true");
        std::fs::remove_dir_all(shell.home.bp()).unwrap();
        let screen = shell.line("echo one").screen;
        assert!(screen.ends_with("\none\r\n") && screen.matches('\n').count() == 2, "{kind:?}: {screen:?}");
        std::fs::create_dir_all(shell.home.mail()).unwrap();
        shell.line("echo two");
        assert_eq!(shell.told(), [("echo two".to_owned(), Some(0))]);
    }
}

type Makes = fn(&std::path::Path);

fn dir(path: &std::path::Path) {
    std::fs::create_dir(path).unwrap();
}

/// Nobody reads it: whoever opens it waits.
fn pipe(path: &std::path::Path) {
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
}

/// To root no file is closed; what is no file is.
#[test]
fn a_mailbox_that_cannot_be_written_is_no_reason_to_print() {
    for kind in [Kind::Bash, Kind::Zsh, Kind::Fish] {
        let afters: &[&str] = if kind == Kind::Bash { &["", "PROMPT_COMMAND+=(true)"] } else { &[""] };
        for (after, make) in afters.iter().flat_map(|after| [(*after, dir as Makes), (*after, pipe)]) {
            let mut shell = Shell::with(kind, "", after);
            shell.line("true");
            let mailbox = shell.home.mail().join(shell.terminal.pid().to_string());
            std::fs::remove_file(&mailbox).unwrap();
            make(&mailbox);
            for line in ["echo one", "f() { :; }", "echo two"] {
                if kind != Kind::Fish || !line.starts_with("f()") {
                    shell.line(line);
                }
            }
            let screen = shell.terminal.picture_so_far().text();
            let lines: Vec<_> = screen.lines().filter(|line| !line.starts_with("<<P:")).collect();
            assert_eq!(lines, ["one", "two"], "{kind:?} {after:?}: {screen}");
        }
    }
}

#[test]
fn a_mailbox_that_was_taken_away_to_be_read_is_made_anew_for_the_user_alone() {
    for kind in Kind::ALL {
        let mut shell = Shell::with(kind, "", "umask 0022");
        shell.line("true");
        let mailbox = shell.home.mail().join(shell.terminal.pid().to_string());
        std::fs::rename(&mailbox, shell.home.work().join("taken")).unwrap();
        shell.line("echo two");
        // `told` proves the mode.
        assert_eq!(shell.told(), [("echo two".to_owned(), Some(0))]);
        assert!(shell.line("umask").screen.trim_end().ends_with("022"), "{kind:?}");
    }
}

/// Counts the processes that a traced shell starts.
pub(crate) struct Trace {
    pub(crate) log: std::path::PathBuf,
}

impl Trace {
    /// As `clones`, without threads.
    pub(crate) fn forks(&self) -> usize {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let calls = log.lines().filter(|line| !line.contains("CLONE_THREAD") && !line.contains("resumed>"));
        calls
            .filter(|line| ["clone(", "clone3(", "fork(", "vfork("].iter().any(|call| line.contains(call)))
            .count()
    }

    /// strace writes each line before the call goes on.
    fn clones(&self) -> usize {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        log.lines()
            .filter(|line| ["clone(", "clone3(", "fork(", "vfork("].iter().any(|call| line.contains(call)))
            .count()
    }
}

impl Shell {
    /// The shell under strace. One whose tracer may not trace fails at its first prompt.
    pub(crate) fn from_traced(home: Home, kind: Kind) -> (Self, Trace) {
        let shell = home.command(kind, Transport::Mailbox);
        Self::traced(home, &shell)
    }

    pub(crate) fn traced(home: Home, shell: &Command) -> (Self, Trace) {
        let log = home.work().join("strace");
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-e", "trace=clone,clone3,fork,vfork", "-o"]).arg(&log);
        command.arg(shell.get_program()).args(shell.get_args()).env_clear().current_dir(home.work());
        for (name, value) in shell.get_envs() {
            command.env(name, value.unwrap());
        }
        let mut terminal = Terminal::start(command);
        terminal.prompt();
        (Self { terminal, home }, Trace { log })
    }
}

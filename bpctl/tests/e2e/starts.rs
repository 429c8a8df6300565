//! bash as terminals and file managers start it and change it: what each of them is known to send, imitated.

use std::fs;

use rustix::process::{Pid, Signal, kill_process};

use crate::pty::Terminal;
use crate::served::until;
use crate::shells::{Home, Kind, Shell, Transport};

const LINES: [(&str, i32); 4] = [("true", 0), ("sh -c 'exit 3'", 3), ("(exit 4)", 4), ("echo last", 0)];

fn expected() -> Vec<(String, Option<i32>)> {
    LINES.iter().map(|(line, status)| ((*line).to_owned(), Some(*status))).collect()
}

/// Types the lines; they are the last that were recorded.
fn check(mut shell: Shell, name: &str) {
    for (line, status) in LINES {
        let prompt = shell.line(line);
        assert_eq!(prompt.status, status, "{name}: {line}");
        assert!(!prompt.screen.contains("bizim"), "{name}: {}", prompt.screen);
    }
    let told = shell.told();
    assert!(told.ends_with(&expected()), "{name}: {told:?}");
}

#[test]
fn terminals_that_start_bash_in_their_own_way_lose_no_line() {
    // kitty and Ghostty: POSIX mode, in which bash reads ENV, and a script that leaves it again.
    let home = Home::new();
    home.rc(Kind::Bash, "", true, "");
    let script = home.path().join("integration.bash");
    fs::write(
        &script,
        "set +o posix\nunset ENV\nHISTFILE=~/.bash_history\n. ~/.bashrc\nPS0=$PS0'${__t:-}'\n",
    )
    .unwrap();
    let mut command = home.command(Kind::Bash, Transport::Mailbox);
    command.env("ENV", &script);
    check(start_with_options_first(home, &command, &["--posix"]), "kitty");

    // JetBrains: a file of its own that sources the user's.
    let home = Home::new();
    home.rc(Kind::Bash, "", true, "");
    let file = home.path().join("jediterm.bash");
    fs::write(
        &file,
        ". ~/.bashrc\n__jet() { :; }\nPROMPT_COMMAND=\"${PROMPT_COMMAND:+$PROMPT_COMMAND; }__jet\"\n",
    )
    .unwrap();
    let command = home.command(Kind::Bash, Transport::Mailbox);
    let words = ["--rcfile".to_owned(), file.display().to_string()];
    check(start_with_options_first(home, &command, &words), "JetBrains");
}

/// bash wants its long options in front of the short ones.
fn start_with_options_first(
    home: Home,
    command: &std::process::Command,
    options: &[impl AsRef<str>],
) -> Shell {
    let mut first = std::process::Command::new(command.get_program());
    first.env_clear();
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            first.env(name, value);
        }
    }
    first.current_dir(command.get_current_dir().unwrap());
    first.args(options.iter().map(AsRef::as_ref)).arg("-i");
    workload::mortal(&mut first);
    Shell::from(home, first)
}

#[test]
fn programs_that_set_up_bash_by_typing_lose_no_line() {
    for (name, terminal, typed) in [
        ("TRAMP", "dumb", "PS2='' PS3='' PROMPT_COMMAND='' TERM=dumb; export TERM"),
        (
            "Warp",
            "xterm",
            " PROMPT_COMMAND=(); warp_precmd() { :; }; PROMPT_COMMAND+=(warp_precmd); HISTCONTROL=ignorespace",
        ),
    ] {
        let home = Home::new();
        home.rc(Kind::Bash, "", true, "");
        let mut command = home.command(Kind::Bash, Transport::Mailbox);
        command.env("TERM", terminal);
        let mut shell = Shell::from(home, command);
        shell.line(typed);
        check(shell, name);
    }
}

fn state(pid: u32) -> Option<u8> {
    bp_proto::process::state(&bp_proto::process::stat(pid).ok()?)
}

/// Midnight Commander has its shell stop itself at each prompt, and continues it for the next line.
#[test]
fn a_shell_that_stops_itself_at_each_prompt_loses_no_line() {
    let go_on = |terminal: &mut Terminal| {
        until("the shell to stop", || (state(terminal.pid()) == Some(b'T')).then_some(()));
        kill_process(Pid::from_raw(terminal.pid() as i32).unwrap(), Signal::CONT).unwrap();
        terminal.prompt()
    };
    for set_up in [" PROMPT_COMMAND='pwd >/dev/null; kill -STOP $$'", " PROMPT_COMMAND+=('kill -STOP $$')"] {
        let mut shell = Shell::with(Kind::Bash, "HISTCONTROL=ignorespace", "");
        shell.terminal.send(format!("{set_up}\r"));
        go_on(&mut shell.terminal);
        for (line, status) in LINES {
            shell.terminal.send(format!("{line}\r"));
            assert_eq!(go_on(&mut shell.terminal).status, status, "{set_up}: {line}");
        }
        let told = shell.told();
        assert!(told.ends_with(&expected()), "{set_up}: {told:?}");
    }
}

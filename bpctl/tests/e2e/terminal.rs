//! `bpctl run` between a shell and a command that cares for its terminal, its signals and its descriptors.

use std::io::Read as _;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::served::until;
use crate::shells::{Home, Kind, Shell};

const BPCTL: &str = env!("CARGO_BIN_EXE_bpctl");

/// Runs a script of `sh` with `$bpctl`; → what it printed.
fn script(home: &Home, script: &str) -> String {
    let mut command = home.environment(Command::new("sh"));
    command.args(["-c", script]).env("bpctl", BPCTL).current_dir(home.work());
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_full_screen_program_has_the_terminals_size_and_leaves_it_as_it_was() {
    for (program, quits) in [("less", "q"), ("vi", ":q!\r")] {
        let mut shell = Shell::start(Kind::Bash);
        let lines: Vec<_> = (1..300).map(|line| format!("line {line}")).collect();
        let text = lines.join("\n") + "\n";
        std::fs::write(shell.home.work().join("text"), text).unwrap();
        shell.terminal.resize(60, 12);
        shell.terminal.send(format!("TERM=xterm bpctl run -q -- {program} text\r"));
        // Twelve rows: ten or eleven lines and the program's own.
        shell.terminal.shows("line 10");
        assert!(!shell.terminal.is_cooked(), "{program}");
        shell.terminal.send("G");
        // What stands there already is not painted again.
        shell.terminal.shows("299");
        shell.terminal.send(quits);
        let prompt = shell.terminal.prompt();
        assert_eq!(prompt.status, 0, "{program}: {}", prompt.screen);
        assert!(!prompt.screen.contains("line 150"), "{program} did not know how small it is");
        let echoed =
            shell.line("stty -a | tr ';' '\\n' | grep -wo -e icanon -e '-icanon' -e '-echo' | tr '\\n' .");
        assert!(
            !echoed.screen.contains("-icanon.") && !echoed.screen.contains("-echo."),
            "{}",
            echoed.screen
        );
    }
}

#[test]
fn a_command_whose_reader_has_gone_dies_of_it_as_without_us() {
    let home = Home::new();
    let ended = "sh -c '\"$@\"; echo $? >code' sh";
    for command in ["yes", "$bpctl run -q -- yes", "$bpctl run -q -c 'exec yes'"] {
        assert_eq!(script(&home, &format!("{ended} {command} | head -n 1")), "y\n");
        let code = until("the exit code", || {
            let code = std::fs::read_to_string(home.work().join("code")).ok()?;
            code.ends_with('\n').then_some(code)
        });
        std::fs::remove_file(home.work().join("code")).unwrap();
        assert_eq!(code, "141\n", "{command}");
    }
}

/// The set that `/proc` shows, without 32 and 33: they are the C library's own, whose `posix_spawn` ignores them.
fn signals(shown: &str) -> u64 {
    let set = shown.trim().strip_prefix("SigIgn:\t").unwrap();
    u64::from_str_radix(set, 16).unwrap() & !(0b11 << 31)
}

#[test]
fn what_was_ignored_before_stays_ignored_and_what_was_closed_stays_closed() {
    let home = Home::new();
    let ignored = "grep SigIgn /proc/self/status";
    for before in ["", "trap '' PIPE; ", "trap '' HUP; "] {
        let [without, with] =
            ["", "$bpctl run -q -- "].map(|run| signals(&script(&home, &format!("{before}{run}{ignored}"))));
        assert_eq!(with, without, "{before}");
    }
    let open = "sh -c 'for fd in 0 1 2 3 4 5; do [ -e /proc/$$/fd/$fd ] && echo $fd; done'";
    for closed in ["<&-", "2>&-", "<&- 2>&-"] {
        let without = script(&home, &format!("{open} {closed}"));
        assert_eq!(script(&home, &format!("$bpctl run -q -- {open} {closed}")), without, "{closed}");
    }
}

#[test]
fn ctrl_backslash_ends_the_command_and_not_the_shell() {
    for kind in [Kind::Bash, Kind::Zsh] {
        let mut shell = Shell::start(kind);
        shell.line("ulimit -c 0");
        shell.terminal.send("bpctl run -q -- sh -c 'echo begun; exec sleep 1000'\r");
        shell.terminal.shows("begun\r\n");
        shell.terminal.send("\x1c");
        assert_eq!(shell.terminal.prompt().status, 131);
    }
}

#[test]
fn a_job_in_the_background_leaves_the_terminal_to_the_shell_and_comes_to_the_front() {
    for kind in [Kind::Bash, Kind::Zsh] {
        let mut shell = Shell::start(kind);
        let prompt = shell.line("bpctl run -q -- sh -c 'echo $$ >pid; read line; echo got-$line; exit 3' &");
        assert_eq!(prompt.status, 0);
        // It reads a terminal that is not its: it is stopped, and we with it.
        let pid = shell.home.work().join("pid");
        until("both are stopped", || {
            let pid = std::fs::read_to_string(&pid).ok()?;
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).ok()?;
            let wrapper = stat.rsplit(") T ").next()?.split(' ').next()?.parse::<u32>().ok()?;
            let stat = std::fs::read_to_string(format!("/proc/{wrapper}/stat")).ok()?;
            stat.contains(") T ").then_some(())
        });
        assert!(shell.line("echo mine").screen.contains("\nmine"), "{kind:?}");
        shell.terminal.send("fg\r");
        shell.terminal.shows("bpctl run");
        shell.terminal.send("text\r");
        let prompt = shell.terminal.prompt();
        assert_eq!(prompt.status, 3, "{kind:?}: {}", prompt.screen);
        assert!(prompt.screen.contains("got-text"), "{kind:?}: {}", prompt.screen);
    }
}

#[test]
fn a_command_that_is_stopped_where_nobody_has_a_terminal_goes_on_when_it_is_continued() {
    let home = Home::new();
    let mut command = home.environment(Command::new("setsid"));
    command.args([BPCTL, "run", "-q", "-c", "echo $$; kill -STOP $$; echo on; exit 7"]);
    command.current_dir(home.work()).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut said = Vec::new();
    while !said.ends_with(b"\n") {
        let mut byte = [0];
        stdout.read_exact(&mut byte).unwrap();
        said.push(byte[0]);
    }
    let pid: i32 = String::from_utf8(said).unwrap().trim().parse().unwrap();
    until("the command is stopped", || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.contains(") T ").then_some(())
    });
    assert!(child.try_wait().unwrap().is_none());
    kill_process(Pid::from_raw(pid).unwrap(), Signal::CONT).unwrap();
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!((rest.as_str(), child.wait().unwrap().code()), ("on\n", Some(7)));
}

#[test]
fn nohup_outlives_the_terminal() {
    let mut shell = Shell::start(Kind::Bash);
    shell.terminal.send(
        "nohup bpctl run -q -- sh -c 'echo $$ >pid; while ! [ -e enough ]; do sleep 0.05; done; echo done >done' \
         >/dev/null 2>&1 </dev/null &\r",
    );
    shell.terminal.prompt();
    let pid = shell.home.work().join("pid");
    until("the command", || std::fs::read_to_string(&pid).ok()?.ends_with('\n').then_some(()));
    let home = shell.hang_up();
    std::fs::write(home.work().join("enough"), "").unwrap();
    until("its end", || std::fs::read_to_string(home.work().join("done")).ok());
}

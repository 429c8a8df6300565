//! bash as people configure it: every line is live, and no option or setting of the user's silences the hook.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use bp_proto::{Run, RunState};

use crate::served::{Served, runs, until};
use crate::shells::{Home, Kind, Shell, Transport};

/// What is set up before the hook and after it, and a line that runs until the file `go` is there.
const LIVE: &[(&str, &str, &str, &str)] = &[
    ("parentheses", "", "", "(until [ -e go ]; do sleep 0.05; done; exit 4)"),
    ("parentheses with a negation", "", "", "! (until [ -e go ]; do sleep 0.05; done; exit 4)"),
    ("timed parentheses", "", "", "time (until [ -e go ]; do sleep 0.05; done; exit 4)"),
    ("a group", "", "", "{ until [ -e go ]; do sleep 0.05; done; (exit 4); }"),
    ("a DEBUG trap set before the hook", "trap 'count=$((count + 1))' DEBUG", "", WAIT),
    ("a DEBUG trap set after the hook", "", "trap 'count=$((count + 1))' DEBUG", WAIT),
    (
        "a DEBUG trap and parentheses",
        "",
        "trap 'count=$((count + 1))' DEBUG",
        "(until [ -e go ]; do sleep 0.05; done; exit 4)",
    ),
    ("a DEBUG trap set at each prompt", "", "PROMPT_COMMAND+=(\"trap 'count=1' DEBUG\")", WAIT),
    ("PS0 set at each prompt", "", "PROMPT_COMMAND+=('PS0=')", WAIT),
    ("extdebug", "", "shopt -s extdebug; trap 'true' DEBUG", WAIT),
    ("POSIX mode", "set -o posix", "", "(until [ -e go ]; do sleep 0.05; done; exit 4)"),
];

const WAIT: &str = "until [ -e go ]; do sleep 0.05; done; (exit 4)";

fn running(home: &Home, session: &str) -> Option<Run> {
    runs(home).into_iter().find(|run| run.state == RunState::Running && is_of(run, session))
}

fn is_of(run: &Run, session: &str) -> bool {
    run.session.as_deref().is_some_and(|name| name.split('-').any(|part| part == session))
}

#[test]
fn every_line_of_bash_is_measured_while_it_runs() {
    let home = Home::new();
    let _bpd = Served::start(&home);
    let go = home.work().join("go");
    let mut shells = Vec::new();
    for (name, before, after, line) in LIVE {
        home.rc(Kind::Bash, before, true, after);
        let mut terminal = crate::pty::Terminal::start(home.command(Kind::Bash, Transport::Mailbox));
        terminal.prompt();
        terminal.line("true");
        // By then bpd knows the shell.
        let session = terminal.pid().to_string();
        until(&format!("{name}: the first line"), || {
            runs(&home).into_iter().find(|run| run.state == RunState::Finished && is_of(run, &session))
        });
        terminal.send(format!("{line}\r"));
        shells.push((name, line, terminal));
    }
    for (name, _, terminal) in &shells {
        let session = terminal.pid().to_string();
        until(&format!("{name}: the line is live"), || running(&home, &session));
    }
    // Time for a curve.
    thread::sleep(std::time::Duration::from_millis(1500));
    std::fs::write(&go, "").unwrap();
    for (name, line, terminal) in &mut shells {
        let expected = if line.starts_with('!') { 0 } else { 4 };
        assert_eq!(terminal.prompt().status, expected, "{name}");
        let session = terminal.pid().to_string();
        let run = until(&format!("{name}: the end"), || {
            runs(&home).into_iter().find(|run| {
                run.state == RunState::Finished
                    && is_of(run, &session)
                    && run.command.as_deref() != Some("true")
            })
        });
        assert_eq!((run.command.as_deref(), run.exit_code), (Some(**line), Some(expected)), "{name}");
        let stats = run.run_stats.unwrap();
        assert!(stats.rss_max_mb.is_some() && stats.samples > 2, "{name}: {stats:?}");
    }
    // One run for each line.
    assert_eq!(runs(&home).len(), 2 * LIVE.len());
}

#[test]
fn a_bpd_that_is_started_while_parentheses_run_goes_on_with_their_run() {
    let home = Home::new();
    let bpd = Served::start(&home);
    home.rc(Kind::Bash, "", true, "");
    let mut shell = crate::pty::Terminal::start(home.command(Kind::Bash, Transport::Mailbox));
    shell.prompt();
    // By then bpd knows the shell.
    shell.line("true");
    until("the first line", || runs(&home).into_iter().find(|run| run.state == RunState::Finished));
    shell.send("(until [ -e go ]; do sleep 0.05; done)\r");
    let session = shell.pid().to_string();
    let begun = until("the line is live", || running(&home, &session));
    assert!(begun.text_pending && begun.command.is_none());
    bpd.kill();
    let _bpd = Served::start(&home);
    std::fs::write(home.work().join("go"), "").unwrap();
    shell.prompt();
    let ended = until("the end", || {
        runs(&home).into_iter().find(|run| run.id == begun.id && run.state == RunState::Finished)
    });
    assert_eq!(ended.command.as_deref(), Some("(until [ -e go ]; do sleep 0.05; done)"));
    assert_eq!(runs(&home).len(), 2);
}

#[test]
fn each_of_several_pasted_lines_is_recorded() {
    let home = Home::new();
    let _bpd = Served::start(&home);
    home.rc_with_prompt(Kind::Bash, "", true, "", "__n=0; PS1='<<P:$((++__n)):$?>>'\n");
    let mut command = home.command(Kind::Bash, Transport::Mailbox);
    command.env("TERM", "xterm");
    let mut shell = crate::pty::Terminal::start(command);
    shell.prompt();
    let lines = ["sh -c 'exit 3'", "(sleep 0.3; exit 4)", "echo \"two", "lines\"", "sleep 0.2", "false"];
    shell.send(format!("\x1b[200~{}\x1b[201~", lines.join("\n")));
    shell.shows("false");
    assert_eq!(shell.line("").status, 1);
    shell.line("echo last");
    let all = until("all lines", || Some(runs(&home)).filter(|runs| runs.len() == 6));
    let told: Vec<_> =
        all.iter().map(|run| (run.command.as_deref().unwrap(), run.exit_code.unwrap())).collect();
    let expected = [
        ("sh -c 'exit 3'", 3),
        ("(sleep 0.3; exit 4)", 4),
        ("echo \"two\nlines\"", 0),
        ("sleep 0.2", 0),
        ("false", 1),
        ("echo last", 0),
    ];
    assert_eq!(told, expected);
    for (run, least_s) in all.iter().zip([0.0, 0.3, 0.0, 0.2, 0.0, 0.0]) {
        let took_s = run.run_stats.as_ref().unwrap().duration_s.unwrap();
        assert!(took_s >= least_s && took_s < least_s + 0.19, "{:?}: {took_s}", run.command);
    }
}

/// What is set up before the hook, after it, typed first; and whether the lines behind it have a text.
#[test]
fn whatever_happens_to_prompt_command_ps0_and_debug_the_lines_are_recorded() {
    for (before, after, typed) in [
        ("set -o posix", "", ""),
        ("export POSIXLY_CORRECT=1", "", ""),
        ("", "", "set -o posix"),
        ("", "", "PROMPT_COMMAND=(true 'history -a')"),
        ("", "", "PROMPT_COMMAND=true"),
        ("", "", "PROMPT_COMMAND="),
        ("", "", "unset PROMPT_COMMAND"),
        ("", "", "PROMPT_COMMAND+=(true)"),
        ("", "", "PROMPT_COMMAND+='; true'"),
        ("", "", "PROMPT_COMMAND=(\"${PROMPT_COMMAND[@]}\" true)"),
        ("", "", "PROMPT_COMMAND=(true \"${PROMPT_COMMAND[@]}\")"),
        ("", "", "readonly PROMPT_COMMAND"),
        ("readonly PROMPT_COMMAND=true", "", ""),
        ("declare -ar PROMPT_COMMAND=(true :)", "", ""),
        ("", "", "readonly PS0"),
        ("", "", "PS0=other"),
        ("", "", "unset PS0"),
        ("", "", "trap : DEBUG"),
        ("trap : DEBUG", "", "trap - DEBUG"),
        ("", "", "trap '' DEBUG"),
        ("", "", "source ../home/.bashrc"),
        ("", "PROMPT_COMMAND+=('PS0=')", ""),
        ("", "PROMPT_COMMAND+=(\"trap : DEBUG\")", ""),
        ("set -eu", "set +e", ""),
        ("", "", "readonly HISTTIMEFORMAT='%F '"),
    ] {
        let mut shell = Shell::with(Kind::Bash, before, after);
        shell.line("true");
        if !typed.is_empty() {
            // `source ~/.bashrc` counts its prompts anew.
            shell.terminal.send(format!("{typed}\r"));
            if typed.starts_with("source") {
                shell.terminal.forget_prompts();
            }
            shell.terminal.prompt();
        }
        let name = format!("{before:?}, {after:?}, {typed:?}");
        let mut expected = Vec::new();
        for (line, status, shown) in [
            ("sh -c 'exit 3'", 3, ""),
            ("(exit 4)", 4, ""),
            ("f() { :; }", 0, ""),
            ("[[ -n '' ]]", 1, ""),
            ("((0))", 1, ""),
            ("for i in 1 2; do false; done", 1, ""),
            ("case x in x) echo in ;; esac", 0, "in\r\n"),
            ("! (exit 4)", 0, ""),
            ("echo last", 0, "last\r\n"),
        ] {
            let prompt = shell.line(line);
            let ps0 = if typed == "PS0=other" { "other" } else { "" };
            let shown = format!("{line}\r\n{ps0}{shown}");
            assert_eq!((prompt.status, prompt.screen), (status, shown), "{name}: {line}");
            expected.push((line.to_owned(), Some(status)));
        }
        let told = shell.told();
        let first = usize::from(!typed.is_empty()) + 1;
        assert_eq!(told.len(), first + expected.len(), "{name}: {told:?}");
        assert_eq!(told[first..], expected[..], "{name}");
    }
}

#[test]
fn a_debug_trap_of_the_users_sees_what_it_sees_without_us() {
    let seen = "seen() { [[ $BASH_COMMAND == *__bizim* ]] || log+=\"<$2|$1|$BASH_COMMAND>\"; [[ $BASH_COMMAND != *forbidden* ]]; }";
    let lines = [
        "true a",
        "sh -c 'exit 3' b",
        "log=",
        "echo one; false two; echo forbidden; true three",
        "trap -p DEBUG",
    ];
    let [with, without] = [true, false].map(|hooked| {
        let home = Home::new();
        home.rc(
            Kind::Bash,
            "",
            hooked,
            &format!("{seen}\nshopt -s extdebug\ntrap 'seen \"$_\" \"$?\"' DEBUG"),
        );
        let command = home.command(Kind::Bash, Transport::Mailbox);
        let mut shell = Shell::from(home, command);
        let mut screens: Vec<_> = lines.iter().map(|line| shell.line(line).screen).collect();
        // What the trap saw of the one line.
        let log = shell.line("echo \"$log\"").screen;
        screens.extend(
            ["<0||echo one>", "<0|one|false two>", "<1|two|echo forbidden>"]
                .map(|part| log.contains(part).to_string()),
        );
        screens
    });
    assert_eq!(with, without);
    assert!(!with[3].contains("\r\nforbidden"), "{with:?}");
    assert_eq!(with[5..], ["true", "true", "true"], "{with:?}");
}

#[test]
fn a_session_without_a_history_file_has_no_text() {
    for setting in ["unset HISTFILE", "HISTFILE=", "HISTFILE=/dev/null", "set +o history", "HISTSIZE=0"] {
        let mut shell = Shell::start(Kind::Bash);
        for line in [setting, "echo secret", "(exit 3)", "echo secret"] {
            shell.line(line);
        }
        let told = shell.told();
        let hidden = |status| ("<hidden>".to_owned(), Some(status));
        assert_eq!(told[1..], [hidden(0), hidden(3), hidden(0)], "{setting}");
    }
    // The file does not matter for lines that the history keeps anyway.
    let mut shell = Shell::with(Kind::Bash, "HISTCONTROL=ignoredups", "");
    for line in ["echo one", "echo one", "echo two"] {
        shell.line(line);
    }
    assert_eq!(
        shell.told().iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>(),
        ["echo one", "<repeat>", "echo two"]
    );
}

#[test]
fn a_duplicate_that_the_history_does_not_keep_has_its_text() {
    let first_of_history = "HISTFILE=~/.bash_history; echo true >\"$HISTFILE\"; history -c; history -r";
    let dups = |control: &str| format!("{first_of_history}; HISTCONTROL={control}");
    let hidden = "<hidden>";
    for (after, lines, told) in [
        (
            dups("ignoredups"),
            &["true", "(true)", "(true)", "true"][..],
            &["true", "(true)", "(true)", "true"][..],
        ),
        // A blank may have kept `(true)` out.
        (dups("ignoreboth"), &["true", "(true)", "(true)", " (true)"], &["true", "(true)", hidden, hidden]),
        (dups("ignoreboth"), &[" echo secret", "true"], &[hidden, "true"]),
        (
            dups("ignoredups") + "; HISTIGNORE='*secret*'",
            &["echo secret", "(echo secret)"],
            &[hidden, hidden],
        ),
    ] {
        let mut shell = Shell::with(Kind::Bash, "", &after);
        for line in lines {
            shell.line(line);
        }
        assert_eq!(
            shell.told().iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>(),
            told,
            "{after}, {lines:?}"
        );
    }
}

/// An option, where it is set (`b`efore the hook, or `t`yped), and what is then expected instead of the usual.
enum Expected {
    /// The shell ends with the first line, or with the first that fails.
    Ends(&'static [(&'static str, Option<i32>)]),
    /// No line has a text.
    Hidden,
    /// The shell prints what it reads, the strings in `PROMPT_COMMAND` among it: bash has no way to keep them from that.
    Echoes,
}

const EXCEPTIONS: &[(&str, Expected)] = &[
    ("set -o errexit", Expected::Ends(&[("echo one", Some(0)), ("sh -c 'exit 3'", None)])),
    ("set -o onecmd", Expected::Ends(&[("echo one", None)])),
    ("set +o history", Expected::Hidden),
    ("set -o verbose", Expected::Echoes),
];

/// Each `shopt` and `set -o` option of this bash, the other way round than it is by itself.
fn options() -> Vec<String> {
    let listed = |command: &str| {
        let output = crate::pty::clean("bash").args(["--norc", "-ic", command]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let set = |text: String, on: &str, off: &str| -> Vec<String> {
        let flipped = |line: &str| {
            let (name, value) = line.split_once(char::is_whitespace)?;
            Some(format!("{} {name}", if value.trim() == "on" { off } else { on }))
        };
        text.lines().filter_map(flipped).collect()
    };
    let mut options = set(listed("shopt"), "shopt -s", "shopt -u");
    options.extend(set(listed("set -o"), "set -o", "set +o"));
    options
}

const WALK: [&str; 4] = ["echo one", "sh -c 'exit 3'", "(exit 4)", "echo two; false"];

/// Screens of the lines, and what was recorded, with an option set before the hook or typed.
fn walk(option: &str, is_typed: bool, hooked: bool) -> (Vec<String>, Vec<(String, Option<i32>)>) {
    let home = Home::new();
    // The prompt's number is expanded without `promptvars`, too.
    let prompt = "PS1='<<P:\\#:0>>'; PS2='>'; bind 'set enable-bracketed-paste off'\n";
    home.rc_with_prompt(Kind::Bash, if is_typed { "" } else { option }, hooked, "", prompt);
    let command = home.command(Kind::Bash, Transport::Mailbox);
    let mut terminal = crate::pty::Terminal::start(command);
    let mut screens = Vec::new();
    let mut patience = std::time::Duration::from_secs(60);
    if terminal.prompt_within(patience).is_some() {
        for line in is_typed.then_some(option).into_iter().chain(WALK) {
            terminal.send(format!("{line}\r"));
            match terminal.prompt_within(patience) {
                Some(prompt) => screens.push(prompt.screen),
                // The shell is gone.
                None => patience = std::time::Duration::ZERO,
            }
            if patience.is_zero() {
                break;
            }
        }
    }
    drop(terminal);
    let told = home.runs().iter().map(|run| (run.text(), run.status())).collect();
    (screens, told)
}

#[test]
fn no_option_of_bash_silences_the_hook_or_shows_it() {
    let options = options();
    assert!(options.len() > 60, "{options:?}");
    let (next, faults) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let check = || {
        while let Some(option) = options.get(next.fetch_add(1, Ordering::Relaxed)) {
            let exception = EXCEPTIONS.iter().find(|(name, _)| name == option).map(|(_, expected)| expected);
            for is_typed in [false, true] {
                let (with, told) = walk(option, is_typed, true);
                let statuses =
                    [("echo one", 0), ("sh -c 'exit 3'", 3), ("(exit 4)", 4), ("echo two; false", 1)];
                let mut expected: Vec<_> =
                    statuses.iter().map(|(line, status)| ((*line).to_owned(), Some(*status))).collect();
                match exception {
                    Some(Expected::Ends(ends)) => {
                        expected = ends.iter().map(|(line, status)| ((*line).to_owned(), *status)).collect();
                    }
                    Some(Expected::Hidden) => {
                        for (text, _) in &mut expected {
                            "<hidden>".clone_into(text);
                        }
                    }
                    _ => {}
                }
                if is_typed {
                    let ends_at_once = option == "set -o onecmd";
                    expected.insert(0, (option.clone(), Some(0).filter(|_| !ends_at_once)));
                    expected.truncate(if ends_at_once { 1 } else { expected.len() });
                }
                let is_shown =
                    !matches!(exception, Some(Expected::Echoes)) && with != walk(option, is_typed, false).0;
                if told != expected || is_shown {
                    faults
                        .lock()
                        .unwrap()
                        .push(format!("{option}, typed: {is_typed}: {told:?}, screen {with:?}"));
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(check);
        }
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

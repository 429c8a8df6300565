//! What the hook of fish writes, line by line, and what bpd makes of it.

use std::fmt::Write;

use bp_proto::mailbox::Stamp;
use bp_proto::{RunState, UnixMillis};

use crate::pty::Prompt;
use crate::served::{Served, settled};
use crate::shells::{Home, Kind, Shell, Transport};

/// What is set up, what is typed, and what of it is told: texts and statuses.
type Case = (&'static str, &'static str, &'static [&'static str], &'static [(&'static str, Option<i32>)]);

const CASES: &[Case] = &[
    (
        "pipes, quotes, redirections",
        "",
        &["echo 'a  b' | tr a-z A-Z", "false", "echo \"c \\\"d\\\"\" 2>&1 >/dev/null"],
        &[
            ("echo 'a  b' | tr a-z A-Z", Some(0)),
            ("false", Some(1)),
            ("echo \"c \\\"d\\\"\" 2>&1 >/dev/null", Some(0)),
        ],
    ),
    ("a format is no format", "", &["echo %s '\\0' %d"], &[("echo %s '\\0' %d", Some(0))]),
    ("empty Enter and a comment", "", &["", "# nothing", "true # some"], &[("true # some", Some(0))]),
    (
        "compound lines",
        "",
        &["true; false", "begin; false; end"],
        &[("true; false", Some(1)), ("begin; false; end", Some(1))],
    ),
    (
        "a function",
        "",
        &["function f; return 3; end", "f"],
        &[("function f; return 3; end", Some(0)), ("f", Some(3))],
    ),
    ("a job in the background", "", &["true & wait"], &[("true & wait", Some(0))]),
    ("a leading space hides", "", &[" echo secret", "true"], &[("<hidden>", Some(0)), ("true", Some(0))]),
    (
        "private mode hides",
        "",
        &["set -g fish_private_mode 1", "echo secret"],
        &[("set -g fish_private_mode 1", Some(0)), ("<hidden>", Some(0))],
    ),
    ("loaded twice", "source ~/hook", &["true", "false"], &[("true", Some(0)), ("false", Some(1))]),
    (
        "switched off later",
        "",
        &["true", "set BP_OFF 1", "false"],
        &[("true", Some(0)), ("set BP_OFF 1", None)],
    ),
    ("exit", "", &["true", "exit 3"], &[("true", Some(0)), ("exit 3", Some(3))]),
    ("letters of all kinds", "", &["echo çğış"], &[("echo çğış", Some(0))]),
];

fn check(transport: Transport) {
    let mut failures = String::new();
    for (name, after, lines, expected) in CASES {
        let home = Home::new();
        home.rc(Kind::Fish, "", true, after);
        std::fs::copy(Kind::Fish.hook(), home.path().join("hook")).unwrap();
        let command = home.command(Kind::Fish, transport);
        let mut shell = Shell::from(home, command);
        let mut screens = Vec::new();
        for line in *lines {
            if line.starts_with("exit ") {
                shell.terminal.send(format!("{line}\r"));
                shell.terminal.gone();
            } else {
                screens.push(shell.line(line).screen);
            }
        }
        let told = shell.told();
        let told: Vec<_> = told.iter().map(|(text, status)| (text.as_str(), *status)).collect();
        if told != *expected {
            writeln!(failures, "\n{name}\n     told {told:?}\n expected {expected:?}\n    shown {screens:?}")
                .unwrap();
        }
    }
    assert!(failures.is_empty(), "{transport:?}:{failures}");
}

#[test]
fn fish_tells_what_was_typed() {
    check(Transport::Mailbox);
}

#[test]
fn fish_tells_the_same_over_the_socket() {
    check(Transport::Socket);
}

/// What a line printed. Around it fish paints the line and the prompt as often as it likes.
fn printed(prompt: &Prompt) -> (i32, &str) {
    let output = prompt.screen.split_once("\u{1b}[?2004l").map_or("", |(_, output)| output);
    (prompt.status, output.split_once('⏎').map_or(output, |(output, _)| output))
}

#[test]
fn fish_shows_exactly_what_it_shows_without_us() {
    const LINES: &[&str] = &[
        "echo one",
        "false",
        "echo $status $pipestatus",
        "true | false | true",
        "echo $status $pipestatus",
        "sh -c 'exit 9'; echo $status",
        "set -n | string match -v '__*' | sort",
        "functions | string match -v '__*'",
        "jobs",
        "umask",
        "ls /proc/self/fd",
        "trap",
        "cat <nowhere",
        "echo two | cat >&2",
    ];
    for transport in [Transport::Mailbox, Transport::Socket] {
        let [with, without] = [true, false].map(|hooked| {
            let home = Home::new();
            home.rc(Kind::Fish, "", hooked, "");
            let command = home.command(Kind::Fish, transport);
            let mut shell = Shell::from(home, command);
            LINES.iter().map(|line| shell.line(line)).collect::<Vec<_>>()
        });
        for (line, (with, without)) in LINES.iter().zip(with.iter().zip(&without)) {
            assert_eq!(printed(with), printed(without), "{transport:?}: {line}");
        }
    }
}

#[test]
fn a_line_that_fish_does_not_understand_is_none() {
    let mut shell = Shell::start(Kind::Fish);
    shell.terminal.send("echo )\r");
    shell.terminal.shows("Unexpected");
    // The line stays to be mended.
    shell.terminal.send("\u{15}");
    shell.line("echo mended");
    assert_eq!(shell.told(), [("echo mended".to_owned(), Some(0))]);
}

#[test]
fn two_hundred_commands_of_fish_cost_no_fork() {
    let home = Home::new();
    home.rc(Kind::Fish, "", true, "");
    let (mut shell, trace) = Shell::from_traced(home, Kind::Fish);
    // fish starts threads of its own; a process is a clone without CLONE_THREAD.
    let already = trace.forks();
    for _ in 0..200 {
        shell.line(":");
    }
    assert_eq!(shell.home.runs().len(), 200);
    assert_eq!(trace.forks() - already, 0);
    shell.line("/bin/true");
    assert_eq!(trace.forks() - already, 1, "a fork is seen when there is one");
}

#[test]
fn what_fish_tells_of_the_time_lies_between_enter_and_the_prompt() {
    let mut shell = Shell::start(Kind::Fish);
    let before = UnixMillis::now();
    shell.line("sleep 0.5");
    shell.line("true");
    let runs = shell.home.runs();
    let uptimes: Vec<_> = runs.iter().map(|run| run.start.stamp).collect();
    let [Stamp::Uptime { hundredths: first, .. }, Stamp::Uptime { hundredths: second, .. }] = uptimes[..]
    else {
        panic!("{runs:?}")
    };
    let took = runs[0].end.as_ref().unwrap().took_ms.unwrap();
    assert!(took >= 500 && took <= UnixMillis::now().since(before).as_millis() as u64, "{took}");
    assert!((second - first) * 10 + 10 >= took, "{first} {second} {took}");
}

#[test]
fn what_fish_was_given_is_listed() {
    for transport in [Transport::Mailbox, Transport::Socket] {
        let home = Home::new();
        home.rc(Kind::Fish, "", true, "");
        let command = home.command(Kind::Fish, transport);
        let mut shell = Shell::from(home, command);
        let _bpd = Served::start(&shell.home);
        let before = UnixMillis::now();
        shell.line("echo one | cat");
        shell.line("sleep 0.3");
        shell.line("false");
        let runs = settled(&shell.home, 3);
        let context = format!("{transport:?}: {runs:#?}");
        let told: Vec<_> = runs.iter().map(|run| (run.command.as_deref().unwrap(), run.exit_code)).collect();
        assert_eq!(
            told,
            [("echo one | cat", Some(0)), ("sleep 0.3", Some(0)), ("false", Some(1))],
            "{context}"
        );
        for run in &runs {
            assert_eq!((run.state, run.shell.as_deref()), (RunState::Finished, Some("fish")), "{context}");
            assert_eq!(run.cwd.as_deref(), shell.home.work().to_str());
            // The id begins with the time, to a second: the clock may have been slewed since the boot.
            let named = i64::try_from(run.uid.timestamp_ms()).unwrap();
            assert!((named - run.started_at.unwrap().0).abs() < 1000, "{named} {context}");
            // A hundredth of a second is what fish can tell.
            assert!(
                run.started_at.unwrap().0 + 10 >= before.0 && run.started_at.unwrap() <= UnixMillis::now(),
                "{context}"
            );
        }
        assert!(runs[1].run_stats.as_ref().unwrap().duration_s >= Some(0.3), "{context}");
    }
}

#[test]
fn lines_of_one_hundredth_are_runs_of_their_own_whether_bpd_reads_or_is_killed_between_them() {
    let mut shell = Shell::start(Kind::Fish);
    let mut bpd = Served::start(&shell.home);
    let mut typed = 0;
    for _ in 0..4 {
        shell.line(":; true");
        for _ in 0..6 {
            shell.line(":");
        }
        typed += 7;
        bpd.kill();
        shell.line("true");
        shell.line(":");
        typed += 2;
        bpd = Served::start(&shell.home);
        // Wiped by now, perhaps: what the next bpd knows is what this one has left.
        settled(&shell.home, typed);
    }
    let runs = settled(&shell.home, typed);
    let told: Vec<_> = runs.iter().filter(|run| run.command.as_deref() == Some(":")).collect();
    assert_eq!((runs.len(), told.len()), (typed, 28), "{runs:#?}");
}

#[test]
fn a_limit_on_file_sizes_does_not_kill_fish() {
    let mut shell = Shell::start(Kind::Fish);
    shell.line("ulimit -S -f 0");
    for nth in 0..10 {
        shell.line(["true", "false", "function f; end"][nth % 3]);
    }
    // fish says so, and nothing keeps it from that: not at every line.
    let shown = shell.terminal.all();
    assert_eq!(shown.matches("File too large").count(), 1, "{shown:?}");
    shell.line("ulimit -S -f unlimited");
    for _ in 0..10 {
        shell.line("true");
    }
    shell.line("echo after");
    let told = shell.home.records_with_damage();
    assert!(told.iter().any(|(text, _)| text == "echo after"), "{told:?}");
}

#[test]
fn a_directory_that_vanishes_is_no_reason_for_fish_to_print() {
    let mut shell = Shell::start(Kind::Fish);
    shell.line("true");
    std::fs::remove_dir_all(shell.home.bp()).unwrap();
    let screen = shell.line("echo one").screen;
    assert!(!screen.contains("bizim") && screen.contains("\u{1b}[?2004lone\r\n"), "{screen:?}");
    std::fs::create_dir_all(shell.home.mail()).unwrap();
    let shown = shell.line("echo away; rm -r $BP_HOME/run").screen;
    assert!(shown.contains("away\r\n") && !shown.contains("bizim") && !shown.contains("open"), "{shown:?}");
    std::fs::create_dir_all(shell.home.mail()).unwrap();
    shell.line("echo two");
    assert_eq!(shell.told(), [("echo two".to_owned(), Some(0))]);
    // bpd takes a file away to read it: it is made anew, for the user alone, as `told` proves.
    shell.line("umask 0022");
    let mailbox = shell.home.mail().join(shell.terminal.pid().to_string());
    std::fs::rename(&mailbox, shell.home.work().join("taken")).unwrap();
    shell.line("echo three");
    assert_eq!(shell.told(), [("echo three".to_owned(), Some(0))]);
}

#[test]
fn fish_loads_nothing_where_nobody_types() {
    let home = Home::new();
    let script = format!(
        "source '{}'; echo $status; functions | string match '*bizim_pre*'",
        Kind::Fish.hook().display()
    );
    let output = crate::pty::clean("fish")
        .args(["-c", &script])
        .env("HOME", home.path())
        .env("BP_HOME", home.bp())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "0\n");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(!home.bp().exists());
}

#[test]
fn a_line_of_fish_never_has_the_status_of_another_that_is_typed_right_behind_it() {
    const LINES: [(&str, i32); 10] = [
        ("true one", 0),
        ("false", 1),
        ("false", 1),
        ("sh -c 'exit 4'", 4),
        ("false", 1),
        ("true", 0),
        ("sh -c 'sleep 0.05; exit 5'", 5),
        ("set x 1", 0),
        ("false", 1),
        ("true", 0),
    ];
    let mut shell = Shell::start(Kind::Fish);
    let _bpd = Served::start(&shell.home);
    let mut typed = 0;
    for _ in 0..8 {
        for (line, _) in LINES {
            shell.line(line);
        }
        typed += LINES.len();
    }
    let runs = settled(&shell.home, typed);
    for (run, (line, status)) in runs.iter().zip(LINES.iter().cycle()) {
        assert_eq!((run.command.as_deref(), run.exit_code), (Some(*line), Some(*status)), "{run:#?}");
        assert_eq!(run.state, RunState::Finished, "{run:#?}");
    }
}

#[test]
fn names_of_fishs_runs_have_the_time_of_their_lines_and_short_lines_have_figures() {
    for transport in [Transport::Mailbox, Transport::Socket] {
        let home = Home::new();
        home.rc(Kind::Fish, "", true, "");
        let command = home.command(Kind::Fish, transport);
        let mut shell = Shell::from(home, command);
        let bpd = Served::start(&shell.home);
        for line in ["true", "sleep 0.3", ":", "set x 1"] {
            shell.line(line);
        }
        settled(&shell.home, 4);
        // The next bpd names them in the same way.
        bpd.kill();
        shell.line("cd .");
        let _bpd = Served::start(&shell.home);
        shell.line("true");
        let runs = settled(&shell.home, 6);
        assert_eq!(runs.len(), 6, "{transport:?}: {runs:#?}");
        let mut last = 0;
        for run in &runs {
            let named = run.uid.timestamp_ms() as i64;
            assert!(named.abs_diff(run.started_at.unwrap().0) <= 1000, "{transport:?}: {named}: {run:#?}");
            assert!(named >= last, "{transport:?}: {runs:#?}");
            last = named;
            let stats = run.run_stats.as_ref();
            assert!(
                stats.is_some_and(|stats| stats.duration_s.is_some_and(|took| took > 0.0)),
                "{transport:?}: {run:#?}"
            );
        }
        // Lines of one hundredth of a second apart.
        assert!(runs[0].uid < runs[2].uid, "{transport:?}");
    }
}

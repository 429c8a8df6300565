//! bash 3.2, as macOS has it, and others that nobody packages any more: only where an environment variable names one.

use crate::hook::{Case, PLAIN, differences};
use crate::shells::{Home, Kind, Shell, Transport};

/// The folder of a `bash` before 5.1.
const FOLDER: &str = "BP_OLD_BASH";

/// What there is no PS0 for is told by what is new in the history: lines that the user keeps out of it are not told at
/// all, with their text or without.
const CASES: &[Case] = &[
    Case {
        name: "pipes, subshells, functions",
        lines: &[
            b"echo 'a  b' | tr a-z A-Z",
            b"(exit 7)",
            b"f() { return 3; }",
            b"f",
            b"bizim-nowhere 2>/dev/null",
        ],
        told: &[
            ("echo 'a  b' | tr a-z A-Z", Some(0)),
            ("(exit 7)", Some(7)),
            ("f() { return 3; }", Some(0)),
            ("f", Some(3)),
            ("bizim-nowhere 2>/dev/null", Some(127)),
        ],
        ..PLAIN
    },
    Case {
        name: "several lines",
        lines: &[b"for i in 1 2\rdo echo $i\rdone", b"echo 'a\rb'"],
        told: &[("for i in 1 2; do echo $i; done", Some(0)), ("echo 'a\nb'", Some(0))],
        ..PLAIN
    },
    Case {
        name: "what is no command",
        lines: &[b"", b"# nothing", b"echo )", b"true # something"],
        told: &[("true # something", Some(0))],
        ..PLAIN
    },
    Case {
        name: "what is kept out of the history",
        before: "echo yesterday >~/history; HISTCONTROL=ignoreboth HISTIGNORE='mysql*'",
        lines: &[
            b" echo secret",
            b"mysql -psecret 2>/dev/null",
            b"true",
            b"set +o history",
            b"echo secret",
            b"set -o history",
        ],
        told: &[("true", Some(0)), ("set +o history", Some(0))],
        ..PLAIN
    },
    Case {
        name: "a history shared with other shells",
        after: "HISTCONTROL=ignorespace; PROMPT_COMMAND=\"$PROMPT_COMMAND\"'; history -a; echo other >>~/history; history -n'",
        lines: &[b"true", b" echo secret", b"false"],
        told: &[("true", Some(0)), ("false", Some(1))],
        ..PLAIN
    },
    Case {
        name: "options and traps of the user's",
        after: "set -eu; set -T; shopt -s extdebug; set -C; IFS=0123456789; trap 'echo err >>~/err' ERR",
        lines: &[b"true", b"! true", b"exit 0"],
        told: &[("true", Some(0)), ("! true", Some(1)), ("exit 0", None)],
        ..PLAIN
    },
    Case {
        name: "a DEBUG trap of the user's",
        after: "trap 'seen=$((seen+1))' DEBUG",
        lines: &[b"false", b"[[ $seen -ge 2 ]]", b"trap - DEBUG", b"false"],
        told: &[
            ("false", Some(1)),
            ("[[ $seen -ge 2 ]]", Some(0)),
            ("trap - DEBUG", Some(0)),
            ("false", Some(1)),
        ],
        ..PLAIN
    },
];

/// bash 4.4 and 5.0: `PROMPT_COMMAND` is one string, and whoever sets it throws the hook out of it; PS0 brings it back, for
/// one line without its text.
const THROWN_OUT: &[Case] = &[
    Case {
        name: "PROMPT_COMMAND set behind the hook, with no variable unset",
        after: "set -u; PROMPT_COMMAND='last=$?'",
        lines: &[b"false", b"[[ $last == 1 ]]", b"[[ $last == 0 ]]"],
        told: &[("<hidden>", Some(1)), ("[[ $last == 1 ]]", Some(0)), ("[[ $last == 0 ]]", Some(0))],
        ..PLAIN
    },
    Case {
        name: "PROMPT_COMMAND taken away by a function",
        after: "set -u; f() { unset PROMPT_COMMAND; }; g() { PROMPT_COMMAND='seen=$?'; }",
        lines: &[b"true", b"f", b" echo secret", b"false", b"g", b"true", b"(exit 3)"],
        told: &[
            ("true", Some(0)),
            ("f", None),
            ("<hidden>", Some(0)),
            ("false", Some(1)),
            ("g", None),
            ("<hidden>", Some(0)),
            ("(exit 3)", Some(3)),
        ],
        ..PLAIN
    },
    Case {
        name: "a readonly PROMPT_COMMAND, which stays",
        after: "readonly PROMPT_COMMAND=true",
        lines: &[b"true", b"[[ $PROMPT_COMMAND == true ]]"],
        told: &[],
        ..PLAIN
    },
    Case {
        name: "a DEBUG trap of the user's, which stays",
        after: "trap 'seen=$((seen+1))' DEBUG; PROMPT_COMMAND=true",
        lines: &[b"false", b"[[ $seen -ge 2 ]]", b"(exit 3)"],
        told: &[("<hidden>", Some(1)), ("[[ $seen -ge 2 ]]", Some(0)), ("(exit 3)", Some(3))],
        ..PLAIN
    },
];

/// A home, and the command that starts the old bash in it; none where there is no such bash.
#[allow(clippy::print_stderr, reason = "a test that is skipped says so")]
fn old(has_ps0: bool, before: &str, after: &str) -> Option<(Home, std::process::Command)> {
    let folder = std::env::var_os(FOLDER).filter(|folder| knows_ps0(folder.as_ref()) == has_ps0);
    let Some(folder) = folder else {
        let wanted = if has_ps0 { "bash 4.4 or 5.0" } else { "bash before 4.4" };
        eprintln!("skipped: {FOLDER} does not say where a {wanted} is");
        return None;
    };
    let home = Home::new();
    home.rc(Kind::Bash, before, true, after);
    let mut command = home.command(Kind::Bash, Transport::Mailbox);
    let path = std::env::var_os("PATH").unwrap();
    let path = std::env::join_paths([folder.into()].into_iter().chain(std::env::split_paths(&path))).unwrap();
    command.env("PATH", path);
    Some((home, command))
}

fn knows_ps0(folder: &std::path::Path) -> bool {
    let says = std::process::Command::new(folder.join("bash")).args(["-c", "echo $BASH_VERSION"]).output();
    let version = String::from_utf8(says.unwrap().stdout).unwrap();
    version.starts_with("4.4") || version.starts_with('5')
}

#[test]
fn a_hook_that_was_thrown_out_of_the_one_prompt_command_comes_back() {
    let mut failures = String::new();
    for case in THROWN_OUT {
        let Some((home, command)) = old(true, case.before, case.after) else { return };
        failures += &differences(Shell::from(home, command), case);
    }
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn a_bash_without_ps0_tells_what_is_new_in_its_history() {
    let mut failures = String::new();
    for case in CASES {
        let Some((home, command)) = old(false, case.before, case.after) else { return };
        failures += &differences(Shell::from(home, command), case);
    }
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn a_bash_without_ps0_shows_nothing_and_forks_nothing() {
    let Some((home, command)) = old(false, "", "") else { return };
    let (mut shell, trace) = Shell::traced(home, &command);
    let already = trace.forks();
    for _ in 0..50 {
        assert_eq!(shell.line("echo one").screen, "echo one\r\none\r\n");
    }
    assert_eq!(shell.home.runs().len(), 50);
    assert_eq!(trace.forks() - already, 0);
    shell.line("/bin/true");
    assert_eq!(trace.forks() - already, 1, "a fork is seen when there is one");
}

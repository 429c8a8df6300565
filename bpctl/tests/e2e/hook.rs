//! What the hooks write, line by line, with no bpd in sight.

use std::fmt::Write;

use crate::preexec;
use crate::shells::{Home, Kind, Shell, Transport};

/// What is typed, and what of it is told: texts and statuses.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// What the user's file says before the hook is loaded, and after.
    pub(crate) before: &'static str,
    pub(crate) after: &'static str,
    pub(crate) lines: &'static [&'static [u8]],
    pub(crate) told: &'static [(&'static str, Option<i32>)],
}

pub(crate) const PLAIN: Case = Case { name: "", before: "", after: "", lines: &[], told: &[] };

/// Both shells.
const CASES: &[Case] = &[
    Case {
        name: "pipes, quotes, redirections",
        lines: &[b"echo 'a  b' | tr a-z A-Z", b"false", br#"echo "c \"d\"" 2>&1 >/dev/null; (exit 7)"#],
        told: &[
            ("echo 'a  b' | tr a-z A-Z", Some(0)),
            ("false", Some(1)),
            (r#"echo "c \"d\"" 2>&1 >/dev/null; (exit 7)"#, Some(7)),
        ],
        ..PLAIN
    },
    Case {
        name: "a format is no format",
        lines: &[b"echo %s '\\0' %d"],
        told: &[("echo %s '\\0' %d", Some(0))],
        ..PLAIN
    },
    Case { name: "tabs in a quote", lines: &[b"x=$'a\\tb'"], told: &[("x=$'a\\tb'", Some(0))], ..PLAIN },
    Case { name: "empty Enter", lines: &[b"", b"", b"true"], told: &[("true", Some(0))], ..PLAIN },
    Case { name: "a syntax error", lines: &[b"echo )", b"true"], told: &[("true", Some(0))], ..PLAIN },
    Case { name: "a subshell", lines: &[b"(exit 4)"], told: &[("(exit 4)", Some(4))], ..PLAIN },
    Case {
        name: "a function",
        lines: &[b"f() { return 3; }", b"f"],
        told: &[("f() { return 3; }", Some(0)), ("f", Some(3))],
        ..PLAIN
    },
    Case {
        name: "compound lines are one run",
        lines: &[b"true; false; true", b"{ false; }", b"while false; do :; done", b"if true; then false; fi"],
        told: &[
            ("true; false; true", Some(0)),
            ("{ false; }", Some(1)),
            ("while false; do :; done", Some(0)),
            ("if true; then false; fi", Some(1)),
        ],
        ..PLAIN
    },
    Case {
        name: "a command that is not there",
        lines: &[b"bizim-nowhere 2>/dev/null"],
        told: &[("bizim-nowhere 2>/dev/null", Some(127))],
        ..PLAIN
    },
    Case {
        name: "a job in the background",
        lines: &[b"true & wait"],
        told: &[("true & wait", Some(0))],
        ..PLAIN
    },
    Case {
        name: "noclobber",
        after: "set -C",
        lines: &[b"true", b"false"],
        told: &[("true", Some(0)), ("false", Some(1))],
        ..PLAIN
    },
    Case {
        name: "set -u",
        after: "set -u",
        lines: &[b"true", b"false"],
        told: &[("true", Some(0)), ("false", Some(1))],
        ..PLAIN
    },
    Case { name: "set -u before", before: "set -u", lines: &[b"true"], told: &[("true", Some(0))], ..PLAIN },
    Case {
        name: "set -e",
        after: "set -e",
        lines: &[b"true", b"! true", b"if false; then :; fi", b"exit 0"],
        told: &[("true", Some(0)), ("! true", Some(1)), ("if false; then :; fi", Some(0)), ("exit 0", None)],
        ..PLAIN
    },
    Case {
        name: "digits in IFS",
        after: "IFS=0123456789-:.",
        lines: &[b"true", b"false"],
        told: &[("true", Some(0)), ("false", Some(1))],
        ..PLAIN
    },
    Case {
        name: "an empty IFS before",
        before: "IFS=",
        lines: &[b"true", b"false"],
        told: &[("true", Some(0)), ("false", Some(1))],
        ..PLAIN
    },
    Case {
        name: "loaded twice",
        after: "source ~/hook",
        lines: &[b"true", b"false"],
        told: &[("true", Some(0)), ("false", Some(1))],
        ..PLAIN
    },
    Case { name: "switched off before", before: "BP_OFF=1", lines: &[b"true"], told: &[], ..PLAIN },
    Case {
        name: "switched off later",
        lines: &[b"true", b"BP_OFF=1", b"false"],
        told: &[("true", Some(0)), ("BP_OFF=1", None)],
        ..PLAIN
    },
    Case {
        name: "every variable exported, to a shell within",
        before: "set -a",
        lines: &[b"bash -c 'exit 5'", b"true"],
        told: &[("bash -c 'exit 5'", Some(5)), ("true", Some(0))],
        ..PLAIN
    },
    Case {
        name: "exit",
        lines: &[b"true", b"exit 3"],
        told: &[("true", Some(0)), ("exit 3", None)],
        ..PLAIN
    },
];

const BASH: &[Case] = &[
    Case {
        name: "several lines",
        lines: &[b"for i in 1 2\rdo echo $i\rdone", b"echo 'a\rb'", b"cat <<E\rx\rE"],
        told: &[
            ("for i in 1 2; do echo $i; done", Some(0)),
            ("echo 'a\nb'", Some(0)),
            ("cat <<E\nx\nE\n", Some(0)),
        ],
        ..PLAIN
    },
    Case {
        name: "several lines without cmdhist",
        after: "shopt -u cmdhist",
        lines: &[b"for i in 1 2\rdo echo $i\rdone", b"true"],
        told: &[("for i in 1 2\ndo echo $i\ndone", Some(0)), ("true", Some(0))],
        ..PLAIN
    },
    Case {
        name: "bytes that are no text",
        lines: &[b"echo \xff\xfe"],
        told: &[("echo \u{fffd}\u{fffd}", Some(0))],
        ..PLAIN
    },
    Case {
        name: "a comment",
        lines: &[b"# nothing", b"true # something"],
        told: &[("true # something", Some(0))],
        ..PLAIN
    },
    Case {
        name: "a leading space hides",
        after: "HISTCONTROL=ignorespace",
        lines: &[b" echo secret", b"true", b" echo secret", b"true"],
        told: &[("<hidden>", Some(0)), ("true", Some(0)), ("<hidden>", Some(0)), ("true", Some(0))],
        ..PLAIN
    },
    Case {
        name: "a leading space does not hide by itself",
        lines: &[b" echo seen"],
        told: &[(" echo seen", Some(0))],
        ..PLAIN
    },
    Case {
        name: "HISTIGNORE hides",
        after: "HISTIGNORE='mysql*:false'",
        lines: &[b"true", b"mysql -psecret 2>/dev/null", b"false"],
        told: &[("true", Some(0)), ("<hidden>", Some(127)), ("<hidden>", Some(1))],
        ..PLAIN
    },
    Case {
        name: "duplicates that are not kept are repeats",
        after: "HISTCONTROL=ignoreboth",
        lines: &[b"true", b"true", b" echo secret", b"true", b"false"],
        told: &[
            ("true", Some(0)),
            ("<repeat>", Some(0)),
            ("<hidden>", Some(0)),
            ("<repeat>", Some(0)),
            ("false", Some(1)),
        ],
        ..PLAIN
    },
    Case {
        name: "duplicates that are erased have their text",
        after: "HISTCONTROL=ignoreboth:erasedups",
        lines: &[b"true", b"false", b"true", b" echo secret", b"false", b"false"],
        told: &[
            ("true", Some(0)),
            ("false", Some(1)),
            ("true", Some(0)),
            ("<hidden>", Some(0)),
            ("false", Some(1)),
            ("<repeat>", Some(1)),
        ],
        ..PLAIN
    },
    Case {
        name: "no history",
        lines: &[b"set +o history", b"echo secret", b"set -o history", b"true"],
        told: &[("set +o history", Some(0)), ("<hidden>", Some(0)), ("<hidden>", Some(0)), ("true", Some(0))],
        ..PLAIN
    },
    Case {
        name: "a first line that is hidden is not the last of another day",
        before: "echo yesterday >~/history; HISTCONTROL=ignorespace",
        lines: &[b" echo secret"],
        told: &[("<hidden>", Some(0))],
        ..PLAIN
    },
    Case {
        name: "a history shared with other shells",
        after: "HISTCONTROL=ignorespace; PROMPT_COMMAND+=('history -a; echo other >>~/history; history -n')",
        lines: &[b"true", b" echo secret", b"false"],
        told: &[("true", Some(0)), ("<hidden>", Some(0)), ("false", Some(1))],
        ..PLAIN
    },
    Case {
        name: "dates in the history",
        after: "HISTTIMEFORMAT='%F %T '",
        lines: &[b"true"],
        told: &[("true", Some(0))],
        ..PLAIN
    },
    Case {
        name: "dates in the history for good",
        after: "readonly HISTTIMEFORMAT='%F %T '",
        lines: &[b"true", b"echo 'a\rb'"],
        told: &[("true", Some(0)), ("echo 'a\nb'", Some(0))],
        ..PLAIN
    },
    Case {
        name: "a small history",
        after: "HISTSIZE=2",
        lines: &[b"echo 1", b"echo 2", b"echo 3", b"echo 4"],
        told: &[("echo 1", Some(0)), ("echo 2", Some(0)), ("echo 3", Some(0)), ("echo 4", Some(0))],
        ..PLAIN
    },
    Case {
        name: "PROMPT_COMMAND rewritten around us",
        after: "PROMPT_COMMAND=\"true; $PROMPT_COMMAND\"",
        lines: &[b"true", b"false", b"PROMPT_COMMAND=\"true;$PROMPT_COMMAND\"", b"false", b"false"],
        told: &[
            ("true", Some(0)),
            ("false", Some(1)),
            ("PROMPT_COMMAND=\"true;$PROMPT_COMMAND\"", Some(0)),
            ("false", Some(1)),
            ("false", Some(1)),
        ],
        ..PLAIN
    },
    Case {
        name: "PROMPT_COMMAND replaced",
        after: "PROMPT_COMMAND=true",
        lines: &[b"true", b"false", b"PROMPT_COMMAND=:", b"false", b"false"],
        told: &[
            ("true", Some(0)),
            ("false", Some(1)),
            ("PROMPT_COMMAND=:", Some(0)),
            ("false", Some(1)),
            ("false", Some(1)),
        ],
        ..PLAIN
    },
    Case {
        name: "the user's own DEBUG trap",
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
    Case {
        name: "no promptvars",
        after: "shopt -u promptvars; PROMPT_COMMAND=\"$PROMPT_COMMAND\"'; PS1=\"<<P:$((++__n)):$?>>\"'",
        lines: &[b"true", b"false", b"", b"(exit 3)", b"echo )", b"(exit 2)", b"echo \"$_\"", b"true"],
        told: &[
            ("true", Some(0)),
            ("false", Some(1)),
            ("(exit 3)", Some(3)),
            ("(exit 2)", Some(2)),
            ("echo \"$_\"", Some(0)),
            ("true", Some(0)),
        ],
        ..PLAIN
    },
    Case {
        name: "no promptvars, and no variable unset",
        before: "shopt -u promptvars",
        after: "PROMPT_COMMAND=\"$PROMPT_COMMAND\"'; PS1=\"<<P:$((++__n)):$?>>\"'; set -eu",
        lines: &[b"true", b"! true", b"true"],
        told: &[("true", Some(0)), ("! true", Some(1)), ("true", Some(0))],
    },
    Case {
        name: "PS0 of the user's",
        after: "PS0='[ps0]'",
        lines: &[b"true", b"PS0=", b"false"],
        told: &[("true", Some(0)), ("PS0=", Some(0)), ("false", Some(1))],
        ..PLAIN
    },
    Case {
        name: "aliases and functions of the names that we use",
        before: "alias history='echo no' printf='echo no' times='echo no' trap='echo no' read='echo no'; history() { echo no; }",
        lines: &[b"true"],
        told: &[("true", Some(0))],
        ..PLAIN
    },
    Case {
        name: "functrace and extdebug",
        after: "set -T; shopt -s extdebug",
        lines: &[b"true", b"false", b"(exit 3)"],
        told: &[("true", Some(0)), ("false", Some(1)), ("(exit 3)", Some(3))],
        ..PLAIN
    },
    Case {
        name: "an ERR trap",
        after: "set -E; trap 'echo err >>~/err' ERR",
        lines: &[b"true", b"false", b"exit $(wc -l <~/err)"],
        told: &[("true", Some(0)), ("false", Some(1)), ("exit $(wc -l <~/err)", None)],
        ..PLAIN
    },
];

const ZSH: &[Case] = &[
    Case {
        name: "several lines",
        lines: &[b"for i in 1 2\rdo echo $i\rdone", b"echo 'a\rb'"],
        told: &[("for i in 1 2\ndo echo $i\ndone", Some(0)), ("echo 'a\nb'", Some(0))],
        ..PLAIN
    },
    Case {
        name: "bytes that are no text",
        after: "unsetopt zle",
        lines: &[b"echo \xff\xfe"],
        told: &[("echo \u{fffd}\u{fffd}", Some(0))],
        ..PLAIN
    },
    Case {
        name: "a comment",
        lines: &[b"# nothing", b"true # something"],
        told: &[("true # something", Some(0))],
        ..PLAIN
    },
    Case {
        name: "a leading space hides",
        after: "setopt hist_ignore_space",
        lines: &[b" echo secret", b"true"],
        told: &[("<hidden>", Some(0)), ("true", Some(0))],
        ..PLAIN
    },
    Case {
        name: "a leading space does not hide by itself",
        lines: &[b" echo seen"],
        told: &[(" echo seen", Some(0))],
        ..PLAIN
    },
    Case {
        name: "HISTORY_IGNORE hides",
        after: "HISTORY_IGNORE='(mysql*|false)'",
        lines: &[b"true", b"mysql -psecret 2>/dev/null", b"false"],
        told: &[("true", Some(0)), ("<hidden>", Some(127)), ("<hidden>", Some(1))],
        ..PLAIN
    },
    Case {
        name: "hooks and functions of the user's",
        before: "precmd() { false }; preexec() { false }; before() { false }; precmd_functions=(before); preexec_functions=(before)",
        after: "late() { false }; precmd_functions=(late $precmd_functions)",
        lines: &[b"true", b"false", b"(exit 6)"],
        told: &[("true", Some(0)), ("false", Some(1)), ("(exit 6)", Some(6))],
    },
    Case {
        name: "arrays from zero",
        after: "setopt ksh_arrays",
        lines: &[b"true", b"false"],
        told: &[("true", Some(0)), ("false", Some(1))],
        ..PLAIN
    },
    Case {
        name: "words split as in sh",
        after: "setopt sh_word_split no_nomatch glob_subst",
        lines: &[b"echo * '*' ~"],
        told: &[("echo * '*' ~", Some(0))],
        ..PLAIN
    },
];

pub(crate) fn check(kind: Kind, transport: Transport, cases: &[Case]) {
    let mut failures = String::new();
    for case in cases {
        let home = Home::new();
        home.rc(kind, case.before, true, case.after);
        std::fs::write(home.path().join("hook"), kind.hook_text()).unwrap();
        if let Some(theirs) = preexec::script() {
            std::fs::copy(theirs, home.path().join("bash-preexec.sh")).unwrap();
        }
        let command = home.command(kind, transport);
        failures += &differences(Shell::from(home, command), case);
    }
    assert!(failures.is_empty(), "{kind:?}, {transport:?}:{failures}");
}

/// Types the lines of `case`. → How what was told is not what it says; nothing, when it is.
pub(crate) fn differences(mut shell: Shell, case: &Case) -> String {
    let mut failures = String::new();
    let mut screens = Vec::new();
    for line in case.lines {
        if line.starts_with(b"exit ") || line.windows(7).any(|window| window == b"; exit ") {
            shell.terminal.send([line, &b"\r"[..]].concat());
            shell.terminal.gone();
        } else {
            screens.push(shell.line(line).screen);
        }
    }
    let told = shell.told();
    let told: Vec<_> = told.iter().map(|(text, status)| (text.as_str(), *status)).collect();
    if told != case.told {
        write!(
            failures,
            "\n{}\n     told {told:?}\n expected {:?}\n    shown {screens:?}\n",
            case.name, case.told
        )
        .unwrap();
    }
    failures
}

#[test]
fn bash_tells_what_was_typed() {
    check(Kind::Bash, Transport::Mailbox, CASES);
    check(Kind::Bash, Transport::Mailbox, BASH);
}

/// Which of the lines are told with the times of their end only: what is set up, and the lines.
#[test]
fn a_line_that_bash_tells_when_it_has_ended_says_so() {
    for (after, lines, late) in [
        ("", &["true", "(true)", "true", "f() { true; }", "f"][..], &[false, true, false, true, false][..]),
        ("HISTCONTROL=ignoreboth", &["(true)", "cat </dev/null"], &[true, false]),
        ("PROMPT_COMMAND=\"cat </dev/null; $PROMPT_COMMAND\"", &["(true)", "false"], &[true, false]),
        ("PROMPT_COMMAND+=('echo -n')", &["(true)", "false"], &[true, false]),
        ("trap 'seen=1' DEBUG", &["true", "(true)"], &[false, true]),
    ] {
        for transport in [Transport::Mailbox, Transport::Socket] {
            let home = Home::new();
            home.rc(Kind::Bash, "", true, after);
            let command = home.command(Kind::Bash, transport);
            let mut shell = Shell::from(home, command);
            for line in lines {
                shell.line(line);
            }
            let told: Vec<_> = shell.home.runs().iter().map(|run| run.start.late).collect();
            assert_eq!(told, late, "{transport:?}, {after}, {lines:?}");
        }
    }
}

#[test]
fn bash_tells_the_same_over_the_socket() {
    check(Kind::Bash, Transport::Socket, CASES);
    check(Kind::Bash, Transport::Socket, BASH);
}

#[test]
fn zsh_tells_what_was_typed() {
    check(Kind::Zsh, Transport::Mailbox, CASES);
    check(Kind::Zsh, Transport::Mailbox, ZSH);
}

#[test]
fn zsh_tells_the_same_over_the_socket() {
    check(Kind::Zsh, Transport::Socket, CASES);
    check(Kind::Zsh, Transport::Socket, ZSH);
}

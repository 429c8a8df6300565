//! The rows.

use super::Act::{Clears, Paints, Presses, Send, Shows, Waits};
use super::{EVERY, Kind, ROW, Row, SH, Screen, Typed, line, of_unknown_status, untold};

const BASH: &[Kind] = &[Kind::Bash];
const ZSH: &[Kind] = &[Kind::Zsh];
const FISH: &[Kind] = &[Kind::Fish];

/// Says that it has the terminal, then stays.
const CAT: &str = "sh -c 'echo go; exec cat'";
const STARTS_CAT: super::Act = Send(b"sh -c 'echo go; exec cat'\r");

const TURKISH: super::Act = Send("echo ığüşİ\r".as_bytes());

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "pipelines and quotes",
        lines: &const {
            [
                line("echo 'a  b' | tr a-z A-Z", &[Send(b"echo 'a  b' | tr a-z A-Z\r")], 0),
                line("true | false", &[Send(b"true | false\r")], 1),
                line("echo \"c \\\"d\\\"\" '%s' >&2", &[Send(b"echo \"c \\\"d\\\"\" '%s' >&2\r")], 0),
                line("cat <nowhere", &[Send(b"cat <nowhere\r")], 1),
            ]
        },
        ..ROW
    },
    Row {
        name: "half a second",
        lines: &const {
            [
                Typed { takes: 500, ..line("sleep 0.5", &[Send(b"sleep 0.5\r")], 0) },
                line("true", &[Send(b"true\r")], 0),
            ]
        },
        ..ROW
    },
    Row {
        name: "several lines",
        shells: BASH,
        lines: &const {
            [
                line("for i in 1 2; do echo $i; done", &[Send(b"for i in 1 2\rdo echo $i\rdone\r")], 0),
                line("echo 'a\nb'", &[Send(b"echo 'a\rb'\r")], 0),
                line("cat <<E\nx\nE\n", &[Send(b"cat <<E\rx\rE\r")], 0),
            ]
        },
        ..ROW
    },
    Row {
        name: "several lines of zsh",
        shells: ZSH,
        lines: &const {
            [
                line("for i in 1 2\ndo echo $i\ndone", &[Send(b"for i in 1 2\rdo echo $i\rdone\r")], 0),
                line("echo 'a\nb'", &[Send(b"echo 'a\rb'\r")], 0),
                line("cat <<E\nx\nE", &[Send(b"cat <<E\rx\rE\r")], 0),
            ]
        },
        ..ROW
    },
    Row {
        name: "several lines of fish",
        shells: FISH,
        lines: &const {
            [
                line("for i in 1 2\necho $i\nend", &[Send(b"for i in 1 2\recho $i\rend\r")], 0),
                line("echo 'a\nb'", &[Send(b"echo 'a\rb'\r")], 0),
            ]
        },
        ..ROW
    },
    Row {
        name: "bytes that are no text",
        shells: BASH,
        lines: &const { [line("echo \u{fffd}\u{fffd}", &[Send(b"echo \xff\xfe\r")], 0)] },
        ..ROW
    },
    Row {
        name: "bytes that are no text, in zsh",
        shells: ZSH,
        after: "unsetopt zle",
        lines: &const { [line("echo \u{fffd}\u{fffd}", &[Send(b"echo \xff\xfe\r")], 0)] },
        ..ROW
    },
    Row {
        name: "bytes that are no text, which fish does not take in",
        shells: FISH,
        lines: &const { [line("echo ", &[Send(b"echo \xff\xfe\r")], 0)] },
        ..ROW
    },
    Row {
        name: "empty Enter",
        lines: &const { [untold(&[Send(b"\r")]), untold(&[Send(b"   \r")]), line("true", &[Send(b"true\r")], 0)] },
        ..ROW
    },
    Row {
        name: "comments",
        lines: &const { [untold(&[Send(b"# nothing\r")]), line("true # some", &[Send(b"true # some\r")], 0)] },
        ..ROW
    },
    Row {
        name: "a syntax error",
        shells: &SH,
        lines: &const { [untold(&[Send(b"echo )\r")]), line("true", &[Send(b"true\r")], 0)] },
        ..ROW
    },
    Row {
        name: "a syntax error of fish, which leaves the line to be mended",
        shells: FISH,
        lines: &const {
            [
                line("true", &[Send(b"echo )\r"), Shows("Unexpected"), Send(b"\x15true\r")], 0),
                line("false", &[Send(b"false\r")], 1),
            ]
        },
        ..ROW
    },
    Row {
        name: "Ctrl-C at the prompt and in a command",
        shells: &SH,
        lines: &const {
            [
                // A signal between the echo and the next reading is noticed at the next key only, by any line editor.
                untold(&[Send(b"echo never"), Shows("echo never"), Waits, Send(b"\x03")]),
                line(CAT, &[STARTS_CAT, Shows("\ngo\r\n"), Send(b"\x03")], 130),
                line("true", &[Send(b"true\r")], 0),
            ]
        },
        ..ROW
    },
    Row {
        name: "Ctrl-C at the prompt of fish, which stays the same, and in a command",
        shells: FISH,
        lines: &const {
            [
                line(CAT, &[STARTS_CAT, Shows("go\r\n"), Send(b"\x03")], 130),
                line(
                    "true",
                    &[
                        Send(b"echo never"),
                        Shows("never"),
                        Waits,
                        Presses(b"\x03", "^C"),
                        Shows("<<P:"),
                        Waits,
                        Send(b"true\r"),
                    ],
                    0,
                ),
            ]
        },
        ..ROW
    },
    Row {
        name: "Ctrl-Z and fg",
        shells: &SH,
        lines: &const {
            [
                line(CAT, &[STARTS_CAT, Shows("\ngo\r\n"), Send(b"\x1a")], 148),
                line(
                    "fg",
                    &[
                        Send(b"fg\r"),
                        Shows("exec cat'\r\n"),
                        Send(b"again\r"),
                        Shows("again\r\nagain\r\n"),
                        Send(b"\x04"),
                    ],
                    0,
                ),
            ]
        },
        ..ROW
    },
    Row {
        name: "Ctrl-Z and fg in fish",
        shells: FISH,
        lines: &const {
            [
                of_unknown_status(CAT, &[STARTS_CAT, Shows("go\r\n"), Send(b"\x1a")]),
                line("fg", &[Send(b"fg\r"), Shows("foreground"), Waits, Send(b"\x04")], 0),
            ]
        },
        ..ROW
    },
    Row {
        name: "a job in the background",
        shells: &SH,
        lines: &const {
            [line("sleep 0.1 & wait", &[Send(b"sleep 0.1 & wait\r")], 0), line("jobs", &[Send(b"jobs\r")], 0)]
        },
        ..ROW
    },
    Row {
        name: "a job in the background of fish",
        shells: FISH,
        lines: &const {
            [line("sleep 0.1 & wait", &[Send(b"sleep 0.1 & wait\r")], 0), line("jobs", &[Send(b"jobs\r")], 1)]
        },
        ..ROW
    },
    Row {
        name: "Ctrl-R",
        shells: BASH,
        lines: &const {
            [
                line("echo needle", &[Send(b"echo needle\r")], 0),
                line("true", &[Send(b"true\r")], 0),
                line(
                    "echo needle",
                    &[
                        Send(b"\x12"),
                        Paints("i-search"),
                        Send(b"need"),
                        Paints("i-search)`need': echo needle"),
                        Send(b"\r"),
                    ],
                    0,
                ),
            ]
        },
        screen: Screen::Picture,
        ..ROW
    },
    Row {
        name: "Ctrl-R in zsh",
        shells: ZSH,
        lines: &const {
            [
                line("echo needle", &[Send(b"echo needle\r")], 0),
                line("true", &[Send(b"true\r")], 0),
                line(
                    "echo needle",
                    &[
                        Send(b"\x12"),
                        Paints("i-search"),
                        Send(b"need"),
                        Paints("i-search: need_"),
                        Paints("<<P:3:0>>echo needle"),
                        Send(b"\r"),
                    ],
                    0,
                ),
            ]
        },
        screen: Screen::Picture,
        ..ROW
    },
    Row {
        name: "Ctrl-R in fish, which takes a first Enter to choose",
        shells: FISH,
        lines: &const {
            [
                line("echo needle", &[Send(b"echo needle\r")], 0),
                line("true", &[Send(b"true\r")], 0),
                line(
                    "echo needle",
                    &[
                        Send(b"\x12"),
                        Paints("search:"),
                        Send(b"need"),
                        Paints("search: need"),
                        Paints("<<P:3:0>>echo needle"),
                        Send(b"\r"),
                        Clears("search:"),
                        Send(b"\r"),
                    ],
                    0,
                ),
            ]
        },
        ..ROW
    },
    Row {
        name: "subshells and functions",
        shells: &SH,
        lines: &const {
            [
                line("(exit 4)", &[Send(b"(exit 4)\r")], 4),
                line("f() { return 3; }", &[Send(b"f() { return 3; }\r")], 0),
                line("f", &[Send(b"f\r")], 3),
                Typed { takes: 200, ..line("(sleep 0.2)", &[Send(b"(sleep 0.2)\r")], 0) },
            ]
        },
        ..ROW
    },
    Row {
        name: "blocks and functions of fish",
        shells: FISH,
        lines: &const {
            [
                line("begin; false; end", &[Send(b"begin; false; end\r")], 1),
                line("function f; return 3; end", &[Send(b"function f; return 3; end\r")], 0),
                line("f", &[Send(b"f\r")], 3),
            ]
        },
        ..ROW
    },
    Row {
        name: "exit",
        shells: &SH,
        lines: &const {
            [
                line("true", &[Send(b"true\r")], 0),
                Typed { acts: &[Send(b"exit 3\r")], told: Some(("exit 3", None)), takes: 0, is_last: true },
            ]
        },
        ..ROW
    },
    Row {
        name: "exit of fish, which ends its own line",
        shells: FISH,
        lines: &const {
            [
                line("true", &[Send(b"true\r")], 0),
                Typed {
                    acts: &[Send(b"exit 3\r")],
                    told: Some(("exit 3", Some(3))),
                    takes: 0,
                    is_last: true,
                },
            ]
        },
        ..ROW
    },
    Row {
        name: "hidden and repeated lines",
        shells: BASH,
        after: "HISTCONTROL=ignoreboth",
        lines: &const {
            [
                line("<hidden>", &[Send(b" echo first\r")], 0),
                line("true", &[Send(b"true\r")], 0),
                line("<repeat>", &[Send(b"true\r")], 0),
                line("set +o history", &[Send(b"set +o history\r")], 0),
                line("<hidden>", &[Send(b"echo secret\r")], 0),
            ]
        },
        ..ROW
    },
    Row {
        name: "hidden lines of zsh",
        shells: ZSH,
        after: "setopt hist_ignore_space",
        lines: &const { [line("<hidden>", &[Send(b" echo first\r")], 0), line("true", &[Send(b"true\r")], 0)] },
        ..ROW
    },
    Row {
        name: "hidden lines and private mode of fish",
        shells: FISH,
        lines: &const {
            [
                line("<hidden>", &[Send(b" echo first\r")], 0),
                line("true", &[Send(b"true\r")], 0),
                line("set -g fish_private_mode 1", &[Send(b"set -g fish_private_mode 1\r")], 0),
                line("<hidden>", &[Send(b"echo secret\r")], 0),
                line("<hidden>", &[Send(b"set -e fish_private_mode\r")], 0),
                line("false", &[Send(b"false\r")], 1),
            ]
        },
        ..ROW
    },
    Row {
        name: "a history shared with other shells",
        shells: BASH,
        after: "HISTCONTROL=ignorespace; PROMPT_COMMAND+=('history -a; echo other >>~/history; history -n')",
        lines: &const {
            [
                line("true", &[Send(b"true\r")], 0),
                line("<hidden>", &[Send(b" echo secret\r")], 0),
                line("false", &[Send(b"false\r")], 1),
            ]
        },
        ..ROW
    },
    Row {
        name: "PROMPT_COMMAND rewritten",
        shells: BASH,
        after: "PROMPT_COMMAND=\"true; $PROMPT_COMMAND\"",
        lines: &const {
            [
                line("false", &[Send(b"false\r")], 1),
                line("PROMPT_COMMAND=:", &[Send(b"PROMPT_COMMAND=:\r")], 0),
                line("false", &[Send(b"false\r")], 1),
            ]
        },
        ..ROW
    },
    Row {
        name: "a limit on file sizes that leaves room",
        lines: &const {
            [
                line("ulimit -f 100", &[Send(b"ulimit -f 100\r")], 0),
                line("true", &[Send(b"true\r")], 0),
                line("false", &[Send(b"false\r")], 1),
            ]
        },
        ..ROW
    },
    Row {
        name: "no promptvars",
        shells: BASH,
        after: "shopt -u promptvars; PROMPT_COMMAND+=('PS1=\"<<P:$((++__n)):$?>>\"')",
        lines: &const { [line("true", &[Send(b"true\r")], 0), line("false", &[Send(b"false\r")], 1)] },
        ..ROW
    },
    Row {
        name: "a Turkish locale",
        shells: &EVERY,
        locale: "tr_TR.UTF-8",
        lines: &const {
            [
                line("echo ığüşİ", &[TURKISH], 0),
                Typed { takes: 100, ..line("sleep 0.1", &[Send(b"sleep 0.1\r")], 0) },
            ]
        },
        ..ROW
    },
    Row {
        name: "BP_OFF and back",
        shells: &SH,
        lines: &const {
            [
                line("true", &[Send(b"true\r")], 0),
                Typed { told: Some(("BP_OFF=1", None)), ..line("", &[Send(b"BP_OFF=1\r")], 0) },
                untold(&[Send(b"false\r")]),
                untold(&[Send(b"BP_OFF=\r")]),
                line("false", &[Send(b"false\r")], 1),
            ]
        },
        ..ROW
    },
];

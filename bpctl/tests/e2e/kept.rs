//! What a shell does not keep in its history goes without its text, and the shell itself is asked about each line.

use std::time::Duration;

use bp_proto::Run;

use crate::hook::{Case, PLAIN, check};
use crate::served::{Served, runs, settled, until};
use crate::shells::{Home, Kind, Shell, Transport};

/// Refuses lines with `hush`, with this status.
const REFUSE_1: &str = "zshaddhistory() { [[ $1 == *hush* ]] && return 1; return 0 }";
const REFUSE_2: &str = "zshaddhistory() { [[ $1 == *hush* ]] && return 2; return 0 }";

/// The text of the last line is still pending at the end: each case ends with a line that does not matter.
const ZSH: &[Case] = &[
    Case {
        name: "zshaddhistory refuses a line",
        before: REFUSE_1,
        lines: &[b"true", b"echo hush", b"false", b"true"],
        told: &[("true", Some(0)), ("<hidden>", Some(0)), ("false", Some(1)), ("<pending>", Some(0))],
        ..PLAIN
    },
    Case {
        name: "zshaddhistory keeps a line out of the file",
        after: REFUSE_2,
        lines: &[b"true", b"echo hush", b"false", b"true"],
        told: &[("true", Some(0)), ("<hidden>", Some(0)), ("false", Some(1)), ("<pending>", Some(0))],
        ..PLAIN
    },
    Case {
        name: "several functions, of which the last refuses",
        before: "zshaddhistory() { return 0 }; one() { return 0 }; two() { [[ $1 != *hush* ]] }; zshaddhistory_functions=(one nowhere two)",
        lines: &[b"true", b"echo hush", b"false", b"true"],
        told: &[("true", Some(0)), ("<hidden>", Some(0)), ("false", Some(1)), ("<pending>", Some(0))],
        ..PLAIN
    },
    Case {
        name: "functions that need the user's own options",
        before: "setopt extended_glob ksh_arrays ignore_braces; functions[zshaddhistory]='[[ $1 != (#i)*HUSH* ]]'",
        lines: &[b"true", b"echo hush", b"false", b"true"],
        told: &[("true", Some(0)), ("<hidden>", Some(0)), ("false", Some(1)), ("<pending>", Some(0))],
        ..PLAIN
    },
    Case {
        name: "the functions' own work is done once",
        before: "typeset -gi seen; zshaddhistory() { seen+=1; return 0 }",
        lines: &[b"true", b"(exit $((seen + 10)))", b"true"],
        told: &[("true", Some(0)), ("(exit $((seen + 10)))", Some(12)), ("<pending>", Some(0))],
        ..PLAIN
    },
    Case {
        name: "a function that is typed",
        lines: &[REFUSE_2.as_bytes(), b"echo hush", b"false", b"true"],
        told: &[(REFUSE_2, Some(0)), ("<hidden>", Some(0)), ("false", Some(1)), ("<pending>", Some(0))],
        ..PLAIN
    },
    Case {
        name: "a function that a plugin adds at the prompt",
        after: "quiet() { [[ $1 == *hush* ]] && return 2; return 0 }
            later() { zshaddhistory_functions+=(quiet); zle -D zle-line-init }; zle -N zle-line-init later",
        lines: &[b"echo hush", b"false", b"true"],
        told: &[("<hidden>", Some(0)), ("false", Some(1)), ("<pending>", Some(0))],
        ..PLAIN
    },
    Case {
        name: "a function that stores the line itself",
        before: "zshaddhistory() { print -sr -- ${1%%$'\\n'}; return 1 }",
        lines: &[b"true", b"false", b"true"],
        told: &[("true", Some(0)), ("false", Some(1)), ("<pending>", Some(0))],
        ..PLAIN
    },
    Case {
        name: "a function that stores another text",
        before: "zshaddhistory() { print -sr -- ${${1%%$'\\n'}/hush/***}; return 1 }",
        lines: &[b"true", b"echo hush", b"true"],
        told: &[("true", Some(0)), ("<hidden>", Some(0)), ("<pending>", Some(0))],
        ..PLAIN
    },
    Case {
        name: "a history of each directory",
        before: "zshaddhistory() { print -sr -- ${1%%$'\\n'}; fc -p ~/local }",
        lines: &[b"true", b"false", b"true"],
        told: &[("true", Some(0)), ("false", Some(1)), ("<pending>", Some(0))],
        ..PLAIN
    },
    Case {
        name: "another history from now on",
        lines: &[b"true", b"fc -p ~/other", b"false", b"fc -P", b"true"],
        told: &[
            ("true", Some(0)),
            ("fc -p ~/other", Some(0)),
            ("false", Some(1)),
            ("fc -P", Some(0)),
            ("true", Some(0)),
        ],
        ..PLAIN
    },
    Case {
        name: "a history that is shared",
        before: "zshaddhistory() { [[ $1 != *hush* ]] }; SAVEHIST=1000; setopt share_history",
        after: "precmd() { print -r -- ': 1700000000:0;echo other' >>~/history }",
        lines: &[b"true", b"echo hush", b"false", b"true"],
        told: &[("true", Some(0)), ("<hidden>", Some(0)), ("false", Some(1)), ("<pending>", Some(0))],
    },
    Case {
        name: "a leading space in a history that is shared",
        before: "SAVEHIST=1000; setopt share_history hist_ignore_space",
        after: "precmd() { print -r -- ': 1700000000:0;echo other' >>~/history }",
        lines: &[b"true", b" echo hush", b"false"],
        told: &[("true", Some(0)), ("<hidden>", Some(0)), ("false", Some(1))],
    },
    Case {
        name: "a history that is written at once, without duplicates",
        before: "SAVEHIST=1000; setopt inc_append_history hist_ignore_all_dups hist_reduce_blanks hist_no_store",
        lines: &[
            b"builtin  false",
            b"true",
            b"builtin  false",
            b"fc -l >/dev/null",
            b"builtin  history >/dev/null",
            b"false",
        ],
        told: &[
            ("builtin false", Some(1)),
            ("true", Some(0)),
            ("builtin false", Some(1)),
            ("<hidden>", Some(0)),
            ("<hidden>", Some(0)),
            ("false", Some(1)),
        ],
        ..PLAIN
    },
    Case {
        name: "duplicates that the functions accept",
        before: "zshaddhistory() { return 0 }; setopt hist_ignore_dups",
        lines: &[b"false", b"false", b"false", b"true"],
        told: &[("false", Some(1)), ("false", Some(1)), ("false", Some(1)), ("<pending>", Some(0))],
        ..PLAIN
    },
    Case {
        name: "duplicates",
        after: "setopt hist_ignore_dups hist_save_no_dups hist_expire_dups_first hist_find_no_dups",
        lines: &[b"false", b"false"],
        told: &[("false", Some(1)), ("false", Some(1))],
        ..PLAIN
    },
    Case {
        name: "no place in the history",
        after: "HISTSIZE=0",
        lines: &[b"true", b"false"],
        told: &[("true", Some(0)), ("false", Some(1))],
        ..PLAIN
    },
    Case {
        name: "one place in the history",
        before: "zshaddhistory() { [[ $1 != *hush* ]] }",
        after: "HISTSIZE=1",
        lines: &[b"false", b"echo hush", b"false", b"true"],
        told: &[("false", Some(1)), ("<hidden>", Some(0)), ("false", Some(1)), ("<pending>", Some(0))],
    },
    Case {
        name: "no file for the history",
        after: "unset HISTFILE; SAVEHIST=0",
        lines: &[b"true", b"false"],
        told: &[("true", Some(0)), ("false", Some(1))],
        ..PLAIN
    },
    Case {
        name: "an alias that begins with a space",
        after: "setopt hist_ignore_space; alias hush=' echo' e=hush",
        lines: &[b"hush 1", b"e 2", b"true; hush 3", b"echo hush", b"true"],
        told: &[
            ("<hidden>", Some(0)),
            ("<hidden>", Some(0)),
            ("<hidden>", Some(0)),
            ("echo hush", Some(0)),
            ("true", Some(0)),
        ],
        ..PLAIN
    },
    Case {
        name: "functions stay out of the history",
        after: "setopt hist_no_functions",
        lines: &[b"f() { false }", b"f", b"echo '()'", b"true"],
        told: &[("<hidden>", Some(0)), ("f", Some(1)), ("echo '()'", Some(0)), ("true", Some(0))],
        ..PLAIN
    },
    Case {
        name: "HISTORY_IGNORE with a pattern of extended_glob",
        after: "setopt extended_glob; HISTORY_IGNORE='(#i)*HUSH*'",
        lines: &[b"echo hush", b"true"],
        told: &[("<hidden>", Some(0)), ("true", Some(0))],
        ..PLAIN
    },
    Case {
        name: "a syntax error between two lines",
        before: REFUSE_1,
        lines: &[b"echo ) hush", b"false", b"true"],
        told: &[("false", Some(1)), ("<pending>", Some(0))],
        ..PLAIN
    },
    Case {
        name: "every array of functions is rewritten in turn",
        lines: &[
            b"precmd_functions=()",
            b"false",
            b"preexec_functions=() precmd_functions=()",
            b"false",
            b"zshaddhistory_functions=() preexec_functions=()",
            b"false",
            b"unset zshaddhistory_functions precmd_functions",
            b"false",
        ],
        told: &[
            ("precmd_functions=()", None),
            ("false", Some(1)),
            ("preexec_functions=() precmd_functions=()", None),
            ("false", Some(1)),
            ("zshaddhistory_functions=() preexec_functions=()", Some(0)),
            ("false", Some(1)),
            ("unset zshaddhistory_functions precmd_functions", None),
            ("false", Some(1)),
        ],
        ..PLAIN
    },
];

#[test]
fn what_zsh_does_not_keep_has_no_text() {
    check(Kind::Zsh, Transport::Mailbox, ZSH);
}

#[test]
fn what_zsh_does_not_keep_has_no_text_over_the_socket() {
    check(Kind::Zsh, Transport::Socket, ZSH);
}

const FISH: &[Case] = &[
    Case {
        name: "a session without a history",
        lines: &[b"set -g fish_history ''", b"echo hush", b"set -e fish_history", b"true"],
        told: &[
            ("set -g fish_history ''", Some(0)),
            ("<hidden>", Some(0)),
            ("<hidden>", Some(0)),
            ("true", Some(0)),
        ],
        ..PLAIN
    },
    Case {
        name: "a session that never had one",
        before: "set -g fish_history ''",
        lines: &[b"echo hush", b"false"],
        told: &[("<hidden>", Some(0)), ("<hidden>", Some(1))],
        ..PLAIN
    },
    Case {
        name: "a history of its own",
        after: "set -g fish_history work",
        lines: &[b"false", b" echo hush"],
        told: &[("false", Some(1)), ("<hidden>", Some(0))],
        ..PLAIN
    },
    Case {
        // From fish 4 on the function decides; earlier ones do not know it, and refuse by the leading space all the same.
        name: "the history is asked where a function decides",
        after: "set -g __bizim_asks 1; __bizim_decide; function fish_should_add_to_history; false; end",
        lines: &[b" echo hush", b"echo one", b"echo 'a\rb'", b"true"],
        told: &[
            ("<hidden>", Some(0)),
            ("echo one", Some(0)),
            ("echo 'a\nb'", Some(0)),
            ("<pending>", Some(0)),
        ],
        ..PLAIN
    },
];

#[test]
fn what_fish_does_not_keep_has_no_text() {
    check(Kind::Fish, Transport::Mailbox, FISH);
}

#[test]
fn what_fish_does_not_keep_has_no_text_over_the_socket() {
    check(Kind::Fish, Transport::Socket, FISH);
}

fn waits(run: &Run) -> bool {
    run.text_pending && run.command.is_none()
}

/// The run of the newest line, once `is_it`.
fn newest(home: &Home, is_it: impl Fn(&Run) -> bool) -> Run {
    until("the newest run", || runs(home).pop().filter(|run| is_it(run)))
}

#[test]
fn a_pending_text_is_recorded_when_it_comes_masked_and_for_good() {
    for transport in [Transport::Mailbox, Transport::Socket] {
        let home = Home::new();
        home.rc(Kind::Zsh, "zshaddhistory() { [[ $1 != *hush* ]] }", true, "");
        let command = home.command(Kind::Zsh, transport);
        let mut shell = Shell::from(home, command);
        let mut bpd = Served::start(&shell.home);
        shell.line("export API_TOKEN=abcdefgh12345678");
        let first = newest(&shell.home, |run| run.exit_code == Some(0));
        assert!(waits(&first), "{transport:?}: {first:?}");
        shell.line("sleep 0.2; echo hush");
        let second = newest(&shell.home, |run| run.id != first.id && run.exit_code == Some(0));
        assert!(waits(&second), "{second:?}");
        let told = runs(&shell.home).remove(0);
        assert!(!told.text_pending && told.masked.len() == 1, "{told:?}");
        let text = told.command.unwrap();
        assert!(text.starts_with("export API_TOKEN=") && !text.contains("abcdefgh"), "{text}");
        assert!(told.key != first.key && told.key_text.contains("export"), "{:?}", told.key_text);
        // While bpd is away, and after it is back.
        bpd.kill();
        shell.line("false");
        shell.line("echo last");
        bpd = Served::start(&shell.home);
        let all = settled(&shell.home, 4);
        let told: Vec<_> = all.iter().map(|run| (run.command.as_deref(), run.text_pending)).collect();
        assert_eq!(
            told[1..],
            [(None, false), (Some("false"), false), (None, true)],
            "{transport:?}: {told:?}"
        );
        // What was typed is in no file of the mailbox.
        until("the mailbox is wiped", || {
            let files = std::fs::read_dir(shell.home.mail()).unwrap().map(|file| file.unwrap().path());
            let held = files.filter_map(|file| std::fs::read(file).ok()).flatten().collect::<Vec<_>>();
            let has = |word: &[u8]| held.windows(word.len()).any(|window| window == word);
            (!has(b"abcdefgh") && !has(b"hush")).then_some(())
        });
        bpd.kill();
        let _bpd = Served::start(&shell.home);
        assert_eq!(settled(&shell.home, 4), all, "{transport:?}: the same after a restart");
    }
}

#[test]
fn a_text_that_never_comes_is_none_and_a_look_at_bp_is_not_recorded() {
    let home = Home::new();
    home.rc(Kind::Zsh, "zshaddhistory() { return 0 }", true, "");
    let command = home.command(Kind::Zsh, Transport::Mailbox);
    let mut shell = Shell::from(home, command);
    let bpd = Served::start(&shell.home);
    shell.line("bpctl list >/dev/null");
    shell.line("echo one");
    shell.line("echo two");
    let told = until("the look is gone", || {
        let told: Vec<_> = runs(&shell.home).iter().map(|run| run.command.clone()).collect();
        (told.len() == 2).then_some(told)
    });
    assert_eq!(told, [Some("echo one".to_owned()), None]);
    let home = shell.hang_up();
    drop(bpd);
    std::thread::sleep(Duration::from_millis(10));
    let _bpd = Served::start(&home);
    let last = newest(&home, |run| !run.text_pending);
    assert_eq!(last.command, None);
}

#[test]
fn a_line_of_fish_that_sets_no_status_has_not_that_of_the_line_before() {
    let mut shell = Shell::start(Kind::Fish);
    for line in ["false", "set x 3", "false", "sleep 0.01 &", "sleep 30", "set y 4", "true"] {
        if line == "sleep 30" {
            shell.terminal.send("sleep 30\r");
            shell.terminal.presses(b"\x1a", "stopped");
            shell.terminal.prompt();
        } else {
            shell.line(line);
        }
    }
    let told: Vec<_> = shell.told().into_iter().map(|(_, status)| status).collect();
    assert_eq!(told, [Some(1), Some(0), Some(1), None, None, None, Some(0)]);
}

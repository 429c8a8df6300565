//! Beside bash-preexec, which is not part of this project: only where its script is named by an environment variable.

use std::path::PathBuf;
use std::process::Command;

use crate::hook::{Case, PLAIN, check};
use crate::shells::{Home, Kind, Transport};

/// The path of `bash-preexec.sh`, in a checkout of its repository.
const SCRIPT: &str = "BP_BASH_PREEXEC";
/// The path of `bats`, which runs bash-preexec's own tests, where it is not on the search path.
const BATS: &str = "BP_BATS";

pub(crate) fn script() -> Option<PathBuf> {
    std::env::var_os(SCRIPT).map(PathBuf::from)
}

/// bash-preexec beside us, loaded before and after.
const PREEXEC: &[Case] = &[
    Case {
        name: "bash-preexec before",
        before: "source ~/bash-preexec.sh; preexec_functions+=(theirs); theirs() { last=$1; }",
        after: "HISTCONTROL=ignorespace",
        lines: &[
            b"true",
            b"false",
            b"(exit 3)",
            b" echo secret",
            b"",
            b" (exit 8)",
            b"[[ $last == '[['* ]]",
            b"echo 'a\rb' | cat",
        ],
        told: PREEXEC_TOLD,
    },
    Case {
        name: "bash-preexec after",
        after: "source ~/bash-preexec.sh; preexec_functions+=(theirs); theirs() { last=$1; }; HISTCONTROL=ignorespace",
        lines: &[
            b"true",
            b"false",
            b"(exit 3)",
            b" echo secret",
            b"",
            b" (exit 8)",
            b"[[ $last == '[['* ]]",
            b"echo 'a\rb' | cat",
        ],
        told: PREEXEC_TOLD,
        ..PLAIN
    },
];

const PREEXEC_TOLD: &[(&str, Option<i32>)] = &[
    ("true", Some(0)),
    ("false", Some(1)),
    ("(exit 3)", Some(3)),
    ("<hidden>", Some(0)),
    ("<hidden>", Some(8)),
    ("[[ $last == '[['* ]]", Some(0)),
    ("echo 'a\nb' | cat", Some(0)),
];

#[test]
fn beside_bash_preexec_both_are_told() {
    if script().is_none() {
        eprintln!("skipped: {SCRIPT} does not say where bash-preexec.sh is");
        return;
    }
    check(Kind::Bash, Transport::Mailbox, PREEXEC);
    check(Kind::Bash, Transport::Socket, PREEXEC);
}

/// Its tests source its script into a bash where nobody types: the hook, which loads itself only where somebody does, is
/// put into that script, before it and behind it, and told to load.
#[test]
fn bash_preexecs_own_tests_pass_with_the_hook_in_the_shell() {
    let Some(script) = script() else {
        eprintln!("skipped: {SCRIPT} does not say where bash-preexec.sh is");
        return;
    };
    let bats = std::env::var_os(BATS).unwrap_or_else(|| "bats".into());
    if Command::new(&bats).arg("--version").output().is_err() {
        eprintln!("skipped: {BATS} does not say where bats is, and it is not on the search path");
        return;
    }
    let theirs = std::fs::read_to_string(&script).unwrap();
    let hook = Kind::Bash.hook_text();
    let loads = hook.replace("if [[ $- == *i* && ", "if [[ ");
    assert_ne!(loads, hook, "the hook asks for an interactive shell in another way");
    for (order, text) in [("before", format!("{loads}\n{theirs}")), ("after", format!("{theirs}\n{loads}"))] {
        let home = Home::new();
        std::fs::create_dir(home.path().join("test")).unwrap();
        std::fs::write(home.path().join("bash-preexec.sh"), text).unwrap();
        for entry in std::fs::read_dir(script.with_file_name("test")).unwrap() {
            let path = entry.unwrap().path();
            std::fs::copy(&path, home.path().join("test").join(path.file_name().unwrap())).unwrap();
        }
        let output = home
            .environment(Command::new(&bats))
            .arg(home.path().join("test/bash-preexec.bats"))
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && printed.contains("ok 1 "), "hook {order}:\n{printed}");
        assert!(home.mail().is_dir(), "hook {order}: it was not loaded");
    }
}

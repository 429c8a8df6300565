//! bash.

use super::{First, OTHER, Other, Step, check, line};
use crate::shells::{Home, Kind};

/// What any of them must bear.
const EVERYDAY: &[Step] = &[
    line("echo one | cat", 0).shows("\none"),
    line("false", 1),
    line("echo \"[$?]\"", 0).shows("\n[1]"),
    line("(exit 7)", 7),
    line("echo \"[$?]\"", 0).shows("\n[7]"),
    line("true | false | true; echo \"${PIPESTATUS[@]}\"", 0).shows("\n0 1 0"),
    line("sleep 0.1 && echo two", 0).shows("\ntwo"),
];

pub(super) fn allow_direnv(home: &Home) {
    let project = home.work().join("project");
    std::fs::create_dir(&project).unwrap();
    std::fs::write(project.join(".envrc"), "export FOUND=yes\n").unwrap();
    let mut allow = home.environment(crate::pty::clean("direnv"));
    assert!(allow.arg("allow").arg(&project).status().unwrap().success());
}

pub(super) const DIRENV: &[Step] = &[
    line("cd project", 0).shows("direnv: loading"),
    line("echo \"[$FOUND]\"", 0).shows("\n[yes]"),
    line("cd ..", 0).shows("direnv: unloading"),
    line("echo \"[$FOUND]\"", 0).shows("\n[]"),
    line("false", 1),
    line("echo \"[$?]\"", 0).shows("\n[1]"),
];

pub(super) const ZOXIDE: &[Step] = &[
    line("mkdir -p deep/down; cd deep/down", 0),
    line("cd ../..", 0),
    line("z down", 0),
    line("pwd", 0).shows("\n/tmp/@/work/deep/down"),
    line("zoxide query nowhere-at-all >/dev/null 2>&1", 1),
    line("echo \"[$?]\"", 0).shows("\n[1]"),
];

const FZF: &[Step] = &[
    line("echo needle one", 0).shows("\nneedle one"),
    line("echo straw", 0).shows("\nstraw"),
    line("needle", 0).told("echo needle one").shows("\nneedle one").first(First::Search("echo")),
    line("false", 1),
];

/// Behind what the plug-in has drawn; the number is that of the prompt and not of how often it was painted.
const NUMBERED: &str = "set +H; bind 'set enable-bracketed-paste off'; __n=0\n\
    PROMPT_COMMAND+=('((++__n)) || :; [[ $PS1 == *\"<<P:\"* ]] || PS1+=\"<<P:\\$__n:\\$?>>\"')\n";

#[test]
fn bash_lives_with_what_comes_by_itself() {
    check(
        Kind::Bash,
        &[
            Other { name: "everyday", steps: EVERYDAY, ..OTHER },
            Other {
                name: "a DEBUG trap of the user's",
                // Whoever measures their commands so must find the command first.
                load: "trap '[[ -n ${first-} ]] || first=$BASH_COMMAND' DEBUG; PROMPT_COMMAND=${PROMPT_COMMAND:+$PROMPT_COMMAND;}'last=$first; first='",
                steps: const {
                    &[
                        // The first prompt knows of the trap when it is over.
                        line(":", 0),
                        line("true marker", 0),
                        line("echo \"[$last]\"", 0).shows("\n[true marker]"),
                        line("(exit 3)", 3),
                        line("", 3).told_nothing(),
                        line("trap -p DEBUG", 0).shows("first=$BASH_COMMAND"),
                    ]
                },
                ..OTHER
            },
            Other {
                name: "set -eu",
                load: "set -eu",
                steps: const {
                    &[
                        line("echo one | cat", 0).shows("\none"),
                        line("! true", 1),
                        line("if false; then :; fi", 0),
                        line("echo ${nowhere-none}", 0).shows("\nnone"),
                    ]
                },
                ..OTHER
            },
        ],
    );
}

#[test]
fn bash_lives_with_direnv_and_zoxide() {
    check(
        Kind::Bash,
        &[
            Other {
                name: "direnv",
                load: "eval \"$(direnv hook bash)\"",
                prepare: allow_direnv,
                steps: DIRENV,
                ..OTHER
            },
            Other { name: "zoxide", load: "eval \"$(zoxide init bash)\"", steps: ZOXIDE, ..OTHER },
        ],
    );
}

#[test]
fn bash_lives_with_fzf_and_bash_completion() {
    check(
        Kind::Bash,
        &[
            Other {
                name: "fzf",
                load: "source /usr/share/doc/fzf/examples/key-bindings.bash",
                steps: FZF,
                ..OTHER
            },
            Other {
                name: "bash-completion",
                load: "source /usr/share/bash-completion/bash_completion",
                prepare: |home| std::fs::create_dir(home.work().join("project")).unwrap(),
                steps: const {
                    &[
                        line("cd proj\t", 0).told("cd project/"),
                        line("git init --qui\t elsewhere", 0).told("git init --quiet  elsewhere"),
                        line("ls -d elsewhere/.git", 0).shows("\nelsewhere/.git"),
                        line("false", 1),
                        line("echo \"[$?]\"", 0).shows("\n[1]"),
                    ]
                },
                ..OTHER
            },
        ],
    );
}

#[test]
fn bash_lives_with_prompts() {
    check(
        Kind::Bash,
        &[
            Other {
                name: "liquidprompt",
                draws: "\u{1b}]0;[",
                load: "LP_ENABLE_LOAD=0 LP_ENABLE_TEMP=0 LP_ENABLE_BATT=0 LP_ENABLE_TIME=0 LP_ENABLE_TITLE=1\nsource /usr/share/liquidprompt/liquidprompt",
                prompt: Some(NUMBERED),
                steps: EVERYDAY,
                ..OTHER
            },
            Other {
                name: "powerline",
                draws: "\u{e0b0}",
                load: "source /usr/share/powerline/bindings/bash/powerline.sh",
                prompt: Some(NUMBERED),
                steps: EVERYDAY,
                ..OTHER
            },
        ],
    );
}

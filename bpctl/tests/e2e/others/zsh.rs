//! zsh.

use super::bash::{DIRENV, ZOXIDE, allow_direnv};
use super::{First, OTHER, Other, Step, check, line};
use crate::shells::Kind;

/// What any of them must bear.
const EVERYDAY: &[Step] = &[
    line("echo one | cat", 0).shows("one\r\n"),
    line("false", 1),
    line("echo \"[$?]\"", 0).shows("[1]\r\n"),
    line("(exit 7)", 7),
    line("echo \"[$?]\"", 0).shows("[7]\r\n"),
    line("true | false | true; echo $pipestatus", 0).shows("0 1 0\r\n"),
    line("sleep 0.1 && echo two", 0).shows("two\r\n"),
];

/// Behind what the plug-in has drawn; the number is that of the prompt and not of how often it was painted.
pub(super) const NUMBERED: &str = "typeset -gi __n=0; setopt prompt_subst interactive_comments no_beep no_notify\n\
    unsetopt prompt_sp; unset zle_bracketed_paste\n\
    __mark() { ((++__n)); [[ $PROMPT == *'<<P:'* ]] || PROMPT+='<<P:$__n:%?>>' }\n\
    precmd_functions+=(__mark)\n";

#[test]
fn zsh_lives_with_what_comes_by_itself() {
    check(
        Kind::Zsh,
        &[
            Other { name: "everyday", steps: EVERYDAY, ..OTHER },
            Other {
                name: "zsh's own completion",
                load: "autoload -U compinit; compinit -u",
                prepare: |home| std::fs::create_dir(home.work().join("project")).unwrap(),
                steps: const { &[line("cd proj\t", 0).told("cd project"), line("false", 1)] },
                ..OTHER
            },
            Other {
                name: "a DEBUG trap of the user's",
                load: "trap ': ${first:=$ZSH_DEBUG_CMD}' DEBUG",
                steps: const {
                    &[
                        line("first=; true marker", 0),
                        line("echo \"[$first]\"", 0).shows("[true marker]\r\n"),
                        line("false", 1),
                    ]
                },
                ..OTHER
            },
            Other {
                name: "set -eu",
                load: "set -eu",
                steps: const {
                    &[
                        line("echo one | cat", 0).shows("one\r\n"),
                        line("! true", 1),
                        line("if false; then :; fi", 0),
                        line("echo ${nowhere-none}", 0).shows("none\r\n"),
                    ]
                },
                ..OTHER
            },
        ],
    );
}

#[test]
fn zsh_lives_with_direnv_and_zoxide() {
    check(
        Kind::Zsh,
        &[
            Other {
                name: "direnv",
                load: "eval \"$(direnv hook zsh)\"",
                prepare: allow_direnv,
                steps: DIRENV,
                ..OTHER
            },
            Other { name: "zoxide", load: "eval \"$(zoxide init zsh)\"", steps: ZOXIDE, ..OTHER },
        ],
    );
}

#[test]
fn zsh_lives_with_what_works_in_its_line_editor() {
    check(
        Kind::Zsh,
        &[
            Other {
                name: "fzf",
                load: "source /usr/share/doc/fzf/examples/key-bindings.zsh",
                prompt: Some(NUMBERED),
                steps: const {
                    &[
                        line("echo needle one", 0).shows("needle one\r\n"),
                        line("echo straw", 0).shows("straw\r\n"),
                        line("needle", 0)
                            .told("echo needle one")
                            .shows("needle one\r\n")
                            .first(First::Search("echo")),
                        line("false", 1),
                    ]
                },
                ..OTHER
            },
            Other {
                name: "zsh-autosuggestions",
                load: "source /usr/share/zsh-autosuggestions/zsh-autosuggestions.zsh",
                prompt: Some(NUMBERED),
                steps: const {
                    &[
                        line("echo suggested line", 0).shows("suggested line\r\n"),
                        // The rest of the line in grey, and an arrow that takes it.
                        line("echo sugg", 0)
                            .told("echo suggested line")
                            .shows("suggested line\r\n")
                            .first(First::See("\u{1b}[90mested line", "\u{1b}[C")),
                        line("false", 1),
                    ]
                },
                ..OTHER
            },
            Other {
                name: "zsh-syntax-highlighting",
                load: "source /usr/share/zsh-syntax-highlighting/zsh-syntax-highlighting.zsh",
                prompt: Some(NUMBERED),
                steps: const {
                    &[
                        line("bizim-nowhere 2>/dev/null", 127).first(First::See("\u{1b}[31m", "")),
                        line("echo green", 0).shows("green\r\n").first(First::See("\u{1b}[32m", "")),
                        line("false", 1),
                    ]
                },
                ..OTHER
            },
        ],
    );
}

#[test]
fn zsh_lives_with_prompts() {
    check(
        Kind::Zsh,
        &[
            Other {
                name: "powerlevel9k",
                draws: "\u{e0b0}",
                load: "POWERLEVEL9K_RIGHT_PROMPT_ELEMENTS=(status)\nsource /usr/share/powerlevel9k/powerlevel9k.zsh-theme",
                prompt: Some(NUMBERED),
                steps: EVERYDAY,
                ..OTHER
            },
            Other {
                name: "pure",
                draws: "❯",
                load: "fpath+=(%/pure-prompt); autoload -U promptinit; promptinit; prompt pure",
                prompt: Some(NUMBERED),
                steps: EVERYDAY,
                ..OTHER
            },
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
                load: "source /usr/share/powerline/bindings/zsh/powerline.zsh",
                prompt: Some(NUMBERED),
                steps: EVERYDAY,
                ..OTHER
            },
        ],
    );
}

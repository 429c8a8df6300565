//! fish.

use super::bash::allow_direnv;
use super::{First, OTHER, Other, Step, check, line};
use crate::shells::Kind;

const EVERYDAY: &[Step] = &[
    line("echo one | cat", 0).shows("one"),
    line("false", 1),
    line("echo \"[$status]\"", 0).shows("[1]"),
    line("sh -c 'exit 7'", 7),
    line("echo \"[$status]\"", 0).shows("[7]"),
    line("sleep 0.1 && echo two", 0).shows("two"),
];

/// Behind what the plug-in has drawn.
const NUMBERED: &str = "set -g fish_greeting; set -g __n 0; set -g fish_autosuggestion_enabled 0\n\
    function __next --on-event fish_prompt; set -g __n (math $__n + 1); end\n\
    functions -c fish_prompt __theirs\n\
    function fish_prompt; set -l was $status; __theirs; echo -n \"<<P:$__n:$was>>\"; end\n\
    function fish_title; end\n";

#[test]
fn fish_lives_with_the_others() {
    check(
        Kind::Fish,
        &[
            Other { name: "everyday", steps: EVERYDAY, ..OTHER },
            Other {
                name: "direnv",
                load: "direnv hook fish | source",
                prepare: allow_direnv,
                steps: const {
                    &[
                        line("cd project", 0).shows("direnv: loading"),
                        line("echo \"[$FOUND]\"", 0).shows("[yes]"),
                        line("cd ..", 0).shows("direnv: unloading"),
                        line("echo \"[$FOUND]\"", 0).shows("[]"),
                        line("false", 1),
                        line("echo \"[$status]\"", 0).shows("[1]"),
                    ]
                },
                ..OTHER
            },
            Other {
                name: "zoxide",
                load: "zoxide init fish | source",
                steps: const {
                    &[
                        line("mkdir -p deep/down; cd deep/down", 0),
                        line("cd ../..", 0),
                        line("z down", 0),
                        line("pwd", 0).shows("/tmp/@/work/deep/down"),
                        line("false", 1),
                    ]
                },
                ..OTHER
            },
            Other {
                name: "fzf",
                load: "fzf_key_bindings",
                steps: const {
                    &[
                        line("echo needle one", 0).shows("needle one"),
                        line("echo straw", 0).shows("straw"),
                        line("needle", 0)
                            .told("echo needle one")
                            .shows("needle one")
                            .first(First::Search("echo")),
                        line("false", 1),
                    ]
                },
                ..OTHER
            },
            Other {
                name: "powerline",
                draws: "\u{e0b0}",
                load: "set fish_function_path $fish_function_path /usr/share/powerline/bindings/fish; powerline-setup",
                prompt: Some(NUMBERED),
                steps: EVERYDAY,
                ..OTHER
            },
        ],
    );
}

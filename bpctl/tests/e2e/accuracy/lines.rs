//! What a shell burns without a program of its own to account for it.

use workload::Bound;

use crate::shells::Kind;

/// A line for a shell, and who reports of it.
pub(super) struct Line {
    pub(super) text: &'static str,
    pub(super) reports: usize,
    pub(super) cpu: Bound,
}

/// `spin N` burns in the shell that runs it; `account FILE` is the last deed of a subshell: it sleeps, so that the
/// kernel has its books in order, and reports what they say.
pub(super) fn functions(kind: Kind) -> &'static str {
    match kind {
        Kind::Bash | Kind::Zsh => {
            "spin() { local i=0; while ((i < $1)); do ((i += 1)); done; }\n\
             account() {\n\
                 read -rt 0.05 REPLY </dev/tty\n\
                 read -r REPLY _ </proc/self/schedstat\n\
                 printf '{\"pid\":1,\"cpu_ns\":%s,\"largest_bytes\":0,\"together_bytes\":null}\\n' $REPLY >>$1\n\
             }\n"
        }
        Kind::Fish => {
            "function spin; set -l i 0; while test $i -lt $argv[1]; set i (math $i + 1); end; end\n"
        }
    }
}

const BUILTIN: Bound = Bound::waited(0.001, 0.002, 0.01);
const TREE: Bound = Bound::waited(0.001, 0.01, 0.01);

/// What is typed into this shell.
pub(super) fn lines(kind: Kind) -> &'static [Line] {
    match kind {
        Kind::Bash | Kind::Zsh => LINES,
        Kind::Fish => FISH,
    }
}

/// `{file}` = where the reports go.
const LINES: &[Line] = &[
    Line { text: "i=0; while ((i < 60000)); do ((i += 1)); done; : {file}", reports: 0, cpu: BUILTIN },
    Line { text: "spin 60000; : {file}", reports: 0, cpu: BUILTIN },
    Line { text: "(spin 150000; account {file})", reports: 1, cpu: TREE },
    Line { text: "{ spin 100000; account {file}; } | workload sink --truth {file}", reports: 2, cpu: TREE },
    Line { text: "workload burn 150 --truth {file} & wait", reports: 1, cpu: BUILTIN },
    Line { text: "spin 30000; workload burn 100 --truth {file}; spin 30000", reports: 1, cpu: BUILTIN },
];

/// The same of a shell without subshells.
const FISH: &[Line] = &[
    Line {
        text: "set i 0; while test $i -lt 3000; set i (math $i + 1); end; : {file}",
        reports: 0,
        cpu: BUILTIN,
    },
    Line { text: "spin 3000; : {file}", reports: 0, cpu: BUILTIN },
    Line { text: "begin; spin 2000; end | workload sink --truth {file}", reports: 1, cpu: TREE },
    Line { text: "workload burn 150 --truth {file} & wait", reports: 1, cpu: BUILTIN },
    Line { text: "spin 1500; workload burn 100 --truth {file}; spin 1500", reports: 1, cpu: BUILTIN },
];

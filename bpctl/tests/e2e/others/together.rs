//! All of them at once, a real bpd behind them, over both ways.

use std::time::Duration;

use bp_proto::RunState;

use super::bash::allow_direnv;
use super::fetched;
use crate::pty::Terminal;
use crate::served::{Served, settled};
use crate::shells::{Home, Kind, Transport};

const BASH: &str = "source /usr/share/bash-completion/bash_completion\n\
    eval \"$(direnv hook bash)\"\n\
    eval \"$(zoxide init bash)\"\n\
    source /usr/share/doc/fzf/examples/key-bindings.bash\n\
    LP_ENABLE_LOAD=0 LP_ENABLE_BATT=0 LP_ENABLE_TEMP=0 LP_PS1_POSTFIX='<<P:$((++__n)):$?>>'\n\
    source /usr/share/liquidprompt/liquidprompt\n";

const ZSH: &str = "autoload -U compinit; compinit -u\n\
    eval \"$(direnv hook zsh)\"\n\
    eval \"$(zoxide init zsh)\"\n\
    source /usr/share/doc/fzf/examples/key-bindings.zsh\n\
    fpath+=(%/pure-prompt); autoload -U promptinit; promptinit; prompt pure\n\
    source /usr/share/zsh-autosuggestions/zsh-autosuggestions.zsh\n\
    source /usr/share/zsh-syntax-highlighting/zsh-syntax-highlighting.zsh\n";

/// What is typed, and the status that it ends with.
const LINES: &[(&str, i32)] = &[
    ("mkdir -p deep/down; cd deep/down", 0),
    ("cd ../../project", 0),
    ("[[ $FOUND == yes ]]", 0),
    ("z down", 0),
    ("[[ $PWD == */deep/down && -z ${FOUND-} ]]", 0),
    ("sleep 0.2; (exit 7)", 7),
    ("[[ $? == 7 ]]", 0),
    ("true | cat", 0),
];

/// bash has one since 5.0.
fn has_clock(kind: Kind) -> bool {
    let clock = "[ -n \"$EPOCHREALTIME\" ]";
    kind != Kind::Bash || std::process::Command::new("bash").args(["-c", clock]).status().unwrap().success()
}

fn lives(kind: Kind, load: &str, prompt: &str) {
    let load = load.replace('%', fetched().to_str().unwrap());
    for (before, after) in [(load.as_str(), ""), ("", load.as_str())] {
        for transport in [Transport::Mailbox, Transport::Socket] {
            let home = Home::new();
            allow_direnv(&home);
            home.rc_with_prompt(kind, before, true, after, prompt);
            let _bpd = Served::start(&home);
            let mut command = home.command(kind, transport);
            command.env("TERM", "xterm-256color");
            let mut terminal = Terminal::start(command);
            terminal.prompt();
            for (line, status) in LINES {
                let ended = terminal.line(line);
                assert_eq!(ended.status, *status, "{kind:?}, {transport:?}: {line}: {ended:?}");
            }
            let runs = settled(&home, LINES.len());
            let told: Vec<_> =
                runs.iter().map(|run| (run.command.as_deref().unwrap(), run.exit_code.unwrap())).collect();
            assert_eq!(told, LINES, "{kind:?}, {transport:?}");
            assert!(runs.iter().all(|run| run.state == RunState::Finished), "{runs:#?}");
            // Unknown where the shell has no clock and its DEBUG trap is somebody else's.
            let took = runs[5].run_stats.as_ref().and_then(|stats| stats.duration_s);
            let least = Duration::from_millis(200).as_secs_f64();
            assert!(took.map_or(!has_clock(kind), |took| took >= least), "{took:?}");
        }
    }
}

#[test]
fn bash_lives_with_all_of_them_at_once() {
    lives(Kind::Bash, BASH, "set +H; bind 'set enable-bracketed-paste off'; __n=0\n");
}

#[test]
fn zsh_lives_with_all_of_them_at_once() {
    lives(Kind::Zsh, ZSH, super::zsh::NUMBERED);
}

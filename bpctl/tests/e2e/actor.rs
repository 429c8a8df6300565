//! Who types: told by the environment in which a shell is started, and asked for in lists.

use std::fs;
use std::path::Path;

use bp_proto::actor::{AGENT, AGENTS, CI};

use crate::served::{Served, bpctl, settled};
use crate::shells::{Home, Kind, Shell, Transport};

/// Starts a shell in such an environment, types a line, and runs one command by `bpctl run`.
fn recorded(kind: Kind, environment: &[(&str, &str)]) -> [String; 2] {
    let home = Home::new();
    home.rc(kind, "", true, "");
    let mut command = home.command(kind, Transport::Mailbox);
    command.envs(environment.iter().copied());
    let mut shell = Shell::from(home, command);
    let _bpd = Served::start(&shell.home);
    shell.line("echo typed");
    shell.line("true; bpctl run -q true");
    let runs = settled(&shell.home, 3);
    let of = |command: &str| {
        let run = runs.iter().find(|run| run.command.as_deref() == Some(command));
        run.unwrap_or_else(|| panic!("{command}: {runs:?}")).actor.to_string()
    };
    [of("echo typed"), of("true")]
}

#[test]
fn a_shell_and_bpctl_run_in_it_take_one_environment_for_the_same_actor() {
    for kind in [Kind::Bash, Kind::Zsh, Kind::Fish] {
        for (environment, actor) in [
            (&[][..], "human"),
            (&[("CI", "true")], "ci"),
            (&[("CI", "false"), ("CLAUDECODE", "0")], "human"),
            (&[("CLAUDECODE", "1"), ("GITHUB_ACTIONS", "true")], "agent:claude-code"),
            (&[("AI_AGENT", "devin@2 x"), ("CURSOR_AGENT", "1")], "agent:devin"),
            (&[("BP_ACTOR", "agent:x"), ("CI", "1")], "agent:x"),
            (&[("BP_ACTOR", "robot"), ("CI", "1")], "ci"),
        ] {
            assert_eq!(recorded(kind, environment), [actor, actor], "{kind:?} {environment:?}");
        }
    }
}

#[test]
fn every_hook_knows_every_mark() {
    let shell = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shell");
    for hook in ["bp.bash", "bp.zsh", "bp.fish", "bp.ps1"] {
        let text = fs::read_to_string(shell.join(hook)).unwrap();
        let words: Vec<&str> = text.split([' ', '\n', '\'', ',', ';']).collect();
        for (mark, name) in AGENTS {
            assert!(words.contains(&format!("{mark}={name}").as_str()), "{hook}: {mark}");
        }
        for mark in CI {
            assert!(words.contains(&mark), "{hook}: {mark}");
        }
        assert!(text.contains(AGENT), "{hook}");
    }
}

#[test]
fn lists_are_of_one_actor_when_asked() {
    let home = Home::new();
    let _bpd = Served::start(&home);
    for (actor, command) in [("human", "true"), ("ci", "sh"), ("agent:x", "env"), ("agent:y", "date")] {
        let mut run = home.environment(std::process::Command::new(env!("CARGO_BIN_EXE_bpctl")));
        let words: &[&str] = if command == "sh" { &["sh", "-c", ":"] } else { &[command] };
        run.args([&["run", "-q"], words].concat()).env("BP_ACTOR", actor);
        assert!(run.output().unwrap().status.success());
    }
    settled(&home, 4);
    let listed = |words: &[&str]| {
        let said = bpctl(&home, words);
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        String::from_utf8(said.stdout).unwrap()
    };
    for (actor, count, command) in [
        ("human", 1, "true"),
        ("ci", 1, "sh"),
        ("agent", 2, "env"),
        ("agent:y", 1, "date"),
        ("agent:z", 0, ""),
    ] {
        for list in [listed(&["list", "--actor", actor]), listed(&["list", &format!("actor:{actor}")])] {
            assert_eq!((list.lines().count(), list.contains(command)), (count, true), "{actor}: {list}");
        }
    }
    assert_eq!(listed(&["watch", "--once", "--actor", "ci"]), "");
    let refused = bpctl(&home, &["list", "--actor", "robot"]);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("agent:NAME"), "{refused:?}");
}

//! Who types: told by the environment in which a shell is started, and asked for in lists.

use std::fs;
use std::path::Path;

use bp_proto::AlertReport;
use bp_proto::actor::{AGENT, AGENTS, CI};

use crate::served::{Served, bpctl, settled, until};
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
    // PowerShell's is given the actor by `bpctl init`.
    for hook in ["bash/1-places.bash", "bp.zsh", "bp.fish"] {
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
        for list in [
            listed(&["list", "--plain", "--actor", actor]),
            listed(&["list", "--plain", &format!("actor:{actor}")]),
        ] {
            assert_eq!((list.lines().count() - 1, list.contains(command)), (count, true), "{actor}: {list}");
        }
    }
    assert_eq!(listed(&["watch", "--once", "--actor", "ci"]), "Nothing is running.\n");
    let refused = bpctl(&home, &["list", "--actor", "robot"]);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("agent:NAME"), "{refused:?}");
}

#[test]
fn alerts_are_of_one_actor_when_asked() {
    let home = Home::new();
    let config = "[alerts.desktop]\nenabled = false\n\n[alerts.cpu_high]\nthreshold = 5\nwindow_s = 0.5\n";
    fs::create_dir_all(home.bp()).unwrap();
    fs::write(home.bp().join("config.toml"), config).unwrap();
    let _bpd = Served::start(&home);
    let alerts = |words: &[&str]| -> Vec<AlertReport> {
        let said = bpctl(&home, &[&["alerts", "--json"], words].concat());
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        serde_json::from_slice(&said.stdout).unwrap()
    };
    for actor in ["human", "agent:x"] {
        let fuel = home.bp().join("fuel");
        fs::write(&fuel, "").unwrap();
        // Also over when this process is: nobody else would end it.
        let burning =
            format!("while [ -e {} ] && kill -0 {}; do :; done", fuel.display(), std::process::id());
        let mut run = home.environment(std::process::Command::new(env!("CARGO_BIN_EXE_bpctl")));
        run.args(["run", "-q", "sh", "-c", &burning]).env("BP_ACTOR", actor);
        let mut run = run.spawn().unwrap();
        let about = until("an alert", || alerts(&["--actor", actor]).pop());
        fs::remove_file(fuel).unwrap();
        assert!(run.wait().unwrap().success());
        assert_eq!(about.actor.map(|actor| actor.to_string()).as_deref(), Some(actor));
    }
    let of = |actor: &str| alerts(&["--actor", actor]).len();
    assert_eq!([of("human"), of("agent"), of("agent:x"), of("agent:y"), of("ci")], [1, 1, 1, 0, 0]);
    assert_eq!(alerts(&[]).len(), 2);
    let plain = String::from_utf8(bpctl(&home, &["alerts", "--plain", "--actor", "agent"]).stdout).unwrap();
    assert!(plain.lines().count() == 2 && plain.contains("\tagent:x\tsh\t"), "{plain}");
    let refused = bpctl(&home, &["alerts", "--actor", "robot"]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("agent:NAME"), "{refused:?}");
}

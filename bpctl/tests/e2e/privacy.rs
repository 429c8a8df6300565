//! What a person keeps to herself: pauses, and the look at what would be kept.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use crate::served::{Served, settled};
use crate::shells::{Home, Kind, Shell, Transport};

const SHELLS: [Kind; 3] = [Kind::Bash, Kind::Zsh, Kind::Fish];

fn bpctl(home: &Home, words: &[&str]) -> Output {
    let mut command = home.environment(Command::new(env!("CARGO_BIN_EXE_bpctl")));
    command.args(words).env("BP_LANG", "en").output().unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn listed(shell: &Shell, count: usize) -> Vec<String> {
    settled(&shell.home, count).iter().map(|run| run.command.clone().unwrap_or_default()).collect()
}

#[test]
fn what_is_typed_in_a_pause_is_not_recorded_whether_bpd_runs_or_not() {
    for kind in SHELLS {
        for transport in [Transport::Mailbox, Transport::Socket] {
            let home = Home::new();
            home.rc(kind, "", true, "");
            let command = home.command(kind, transport);
            let mut shell = Shell::from(home, command);
            let bpd = Served::start(&shell.home);
            shell.line("echo before");
            assert!(shell.line("bpctl pause").screen.contains("paused in this shell"), "{kind:?}");
            shell.line("echo unseen1");
            drop(bpd);
            shell.line("echo unseen2");
            let _bpd = Served::start(&shell.home);
            shell.line("echo unseen3");
            assert!(shell.line("bpctl resume").screen.contains("is recorded"), "{kind:?}");
            shell.line("echo after");
            assert_eq!(listed(&shell, 2), ["echo before", "echo after"], "{kind:?}, {transport:?}");
        }
    }
}

#[test]
fn a_pause_of_every_shell_ends_by_itself_when_its_time_is_over() {
    let mut shell = Shell::start(Kind::Bash);
    let _bpd = Served::start(&shell.home);
    let said = text(&bpctl(&shell.home, &["pause", "--all", "1h"]));
    assert!(said.contains("every shell until"), "{said}");
    let status = text(&bpctl(&shell.home, &["status"]));
    assert!(status.contains("paused\tRecording is paused in every shell until"), "{status}");
    shell.line("echo unseen");
    // Of this shell there is no pause to end.
    let said = text(&bpctl(&shell.home, &["resume"]));
    assert!(said.contains("every shell"), "{said}");
    bpctl(&shell.home, &["pause", "--all", "1ms"]);
    shell.line("echo after");
    assert_eq!(listed(&shell, 1), ["echo after"]);
    for wrong in ["soon", "0s", "-5m"] {
        let refused = bpctl(&shell.home, &["pause", "--all", "--", wrong]);
        assert_eq!(refused.status.code(), Some(2), "{wrong}: {}", text(&refused));
    }
}

#[test]
fn what_would_be_kept_is_shown_with_the_rule_that_took_the_secret_out() {
    let home = Home::new();
    let shown = text(&bpctl(&home, &["privacy", "test", "mysql -u root -phunter2secret shop"]));
    assert!(!shown.contains("hunter2") && shown.contains("mysql -u root -p*** shop"), "{shown}");
    assert!(shown.contains("masked by: "), "{shown}");
    let shown = text(&bpctl(&home, &["privacy", "test", "make -j2"]));
    assert!(shown.starts_with("make -j2\nNothing"), "{shown}");
    let mut command = home.environment(Command::new(env!("CARGO_BIN_EXE_bpctl")));
    let mut child = command
        .args(["privacy", "test", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"API_TOKEN=hunter2secret ./deploy\n").unwrap();
    let document: serde_json::Value =
        serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(document["command"], "API_TOKEN=*** ./deploy");
    assert_eq!(document["masked"].as_array().unwrap().len(), 1);
}

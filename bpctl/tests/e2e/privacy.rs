//! What a person keeps to herself: pauses, and the look at what would be kept.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use bp_proto::spool::Spool;

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
    let status = text(&bpctl(&shell.home, &["status", "--plain"]));
    assert!(status.contains("paused\tRecording is paused in every shell until"), "{status}");
    let told: serde_json::Value =
        serde_json::from_slice(&bpctl(&shell.home, &["status", "--json"]).stdout).unwrap();
    let paused = told["paused"].as_array().unwrap();
    assert!(paused.len() == 1 && paused[0]["shell"].is_null() && paused[0]["until"].is_string(), "{told}");
    // A list for people says so above it; one for scripts has its lines alone.
    for verb in ["bpctl list --lang en", "bpctl watch --once --lang en"] {
        let screen = shell.line(verb).screen;
        assert!(screen.contains("! Recording is paused in every shell until"), "{verb}: {screen}");
        let piped = shell.line(format!("{verb} --plain")).screen;
        assert!(!piped.contains("paused in every"), "{verb}: {piped}");
    }
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

/// Everything below `dir` as one text.
fn everything_in(dir: &Path) -> String {
    let mut all = String::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            all.push_str(&everything_in(&path));
        } else if !path.ends_with("config.toml") {
            all.push_str(&String::from_utf8_lossy(&fs::read(&path).unwrap_or_default()));
        }
    }
    all
}

fn configure(home: &Home, text: &str) {
    fs::create_dir_all(home.bp()).unwrap();
    fs::set_permissions(home.bp(), fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(home.bp().join("config.toml"), text).unwrap();
}

#[test]
fn what_is_ignored_is_measured_without_its_text_in_every_shell_over_both_ways() {
    for kind in SHELLS {
        for transport in [Transport::Mailbox, Transport::Socket] {
            let home = Home::new();
            let secret = home.work().join("zorro");
            fs::create_dir(&secret).unwrap();
            configure(
                &home,
                &format!(
                    "[privacy]\nignore_commands = ['^true zebra']\nignore_dirs = ['{}']\n",
                    secret.display()
                ),
            );
            home.rc(kind, "", true, "");
            let command = home.command(kind, transport);
            let mut shell = Shell::from(home, command);
            let bpd = Served::start(&shell.home);
            shell.line("true zebra-1");
            shell.line("echo seen");
            shell.line("bpctl run -q -- true zebra-2");
            shell.line("cd zorro");
            shell.line("true in-the-dir");
            // A look at bp is recorded nowhere.
            shell.line("bpctl status");
            shell.line("cd ..; true after");
            let runs = settled(&shell.home, 6);
            let texts: Vec<Option<&str>> = runs.iter().map(|run| run.command.as_deref()).collect();
            // Where it is typed decides, and `cd zorro` was typed outside.
            let expected = [None, Some("echo seen"), None, Some("cd zorro"), None, None];
            assert_eq!(texts, expected, "{kind:?}, {transport:?}");
            for run in runs.iter().filter(|run| run.command.is_none()) {
                assert_eq!(run.masked, ["ignored"], "{kind:?}, {transport:?}");
                assert!(run.finished_at.is_some() && run.exit_code == Some(0), "{run:?}");
                assert!(!run.cwd.as_deref().unwrap_or_default().contains("zorro"), "{run:?}");
            }
            let home = shell.hang_up();
            drop(bpd);
            let all = everything_in(&home.bp());
            for text in ["zebra", "in-the-dir", "after"] {
                assert!(!all.contains(text), "{kind:?}, {transport:?}: {text}");
            }
        }
    }
}

#[test]
fn the_spool_of_bpctl_run_never_holds_what_is_ignored_nor_anything_under_rules_that_cannot_be_read() {
    let run = |config: Option<&str>, line: &str| {
        let home = Home::new();
        if let Some(config) = config {
            configure(&home, config);
        }
        let mut command = home.environment(Command::new(env!("CARGO_BIN_EXE_bpctl")));
        // What is written before the command runs is there while it runs.
        let during = format!("cat {}/data/spool/* >seen; : {line}", home.bp().display());
        let words = ["run", "--quiet", "-c", &during];
        assert_eq!(command.args(words).current_dir(home.work()).status().unwrap().code(), Some(0));
        let during = fs::read_to_string(home.work().join("seen")).unwrap();
        assert!(during.contains("start/1"), "{during}");
        let kept = Spool::at(home.bp().join("data/spool")).waiting().unwrap().runs;
        let [run] = &kept[..] else { panic!("{kept:?}") };
        (run.start.draft.command.is_some(), during + &everything_in(&home.bp()))
    };
    let (kept, all) = run(None, "zebra");
    assert!(kept && all.contains("zebra"));
    for config in [
        "[privacy]\nignore_commands = ['zebra']\n",
        "[privacy]\nignore_dirs = ['/tmp']\n",
        "[privacy]\nignore_commands = ['(']\n",
        "[privacy\nignore_commands = ['zebra']\n",
    ] {
        let (kept, all) = run(Some(config), "zebra");
        assert!(!kept && !all.contains("zebra"), "{config}: {all}");
    }
    let (kept, _) = run(Some("[privacy]\nignore_commands = ['lion']\nignore_dirs = ['~/x']\n"), "zebra");
    assert!(kept);
}

#[test]
fn the_rule_that_ignores_a_line_is_named() {
    let home = Home::new();
    configure(&home, "[privacy]\nignore_commands = ['^pass ']\nignore_dirs = ['~/secret']\n");
    let secret = home.path().join("secret/deep");
    fs::create_dir_all(&secret).unwrap();
    let secret = secret.display().to_string();
    let shown = text(&bpctl(&home, &["privacy", "test", "pass show bank"]));
    assert!(
        shown.starts_with("(hidden)\n") && shown.contains("^pass  is in privacy.ignore_commands"),
        "{shown}"
    );
    for line in [&["make -j2", "--dir", &secret][..], &["--dir", &secret, "make -j2"], &["--dir", &secret]] {
        let shown = text(&bpctl(&home, &[&["privacy", "test"], line].concat()));
        assert!(shown.contains("~/secret is in privacy.ignore_dirs"), "{line:?}: {shown}");
    }
    let shown = bpctl(&home, &["privacy", "test", "--json", "pass show bank"]).stdout;
    let document: serde_json::Value = serde_json::from_slice(&shown).unwrap();
    assert_eq!(document["ignored"], serde_json::json!({ "key": "ignore_commands", "rule": "^pass " }));
    assert!(document["command"].is_null());
    let shown =
        text(&bpctl(&home, &["privacy", "test", "--", "mysql", "-u", "root", "-phunter2secret", "shop"]));
    assert!(shown.contains("mysql -u root -p*** shop"), "{shown}");
    configure(&home, "[privacy]\nignore_commands = [\n  '^pass ',\n  '[',\n]\n");
    let refused = bpctl(&home, &["privacy", "test", "ls"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused).contains("config.toml:4: `privacy.ignore_commands`"), "{}", text(&refused));
}

//! From Enter to the list: what is typed is recorded by bpd, once, whole, in order.

use std::process::Command;

use bp_proto::run::Quality;
use bp_proto::{Run, RunState};

use crate::served::{Served, bpctl, runs, settled, until};
use crate::shells::{Home, Kind, Shell, Transport};

const TRANSPORTS: [Transport; 2] = [Transport::Mailbox, Transport::Socket];

fn commands(runs: &[Run]) -> Vec<&str> {
    runs.iter().map(|run| run.command.as_deref().unwrap_or("<hidden>")).collect()
}

fn shell(kind: Kind, transport: Transport) -> Shell {
    let home = Home::new();
    home.rc(kind, "", true, "");
    let command = home.command(kind, transport);
    Shell::from(home, command)
}

fn git(home: &Home, words: &[&str]) {
    let output = home
        .environment(Command::new("git"))
        .args(["-c", "user.name=bp", "-c", "user.email=bp@localhost"])
        .args(words)
        .current_dir(home.work())
        .output()
        .unwrap();
    assert!(output.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn what_was_typed_is_listed_with_everything_that_is_known_of_it() {
    for kind in Kind::ALL {
        for transport in TRANSPORTS {
            let mut shell = shell(kind, transport);
            git(&shell.home, &["init", "-q", "-b", "dal"]);
            git(&shell.home, &["commit", "-q", "--allow-empty", "-m", "first"]);
            let _bpd = Served::start(&shell.home);
            shell.line("echo one | cat");
            shell.line("(exit 3)");
            shell.line("sleep 0.3");
            let runs = settled(&shell.home, 3);
            let context = format!("{kind:?}, {transport:?}: {runs:#?}");
            assert_eq!(commands(&runs), ["echo one | cat", "(exit 3)", "sleep 0.3"], "{context}");
            assert_eq!(runs.iter().map(|run| run.exit_code).collect::<Vec<_>>(), [Some(0), Some(3), Some(0)]);
            assert_eq!(runs.iter().map(|run| run.id).collect::<Vec<_>>(), [1, 2, 3]);
            for run in &runs {
                assert_eq!(run.state, RunState::Finished, "{context}");
                assert_eq!(run.cwd.as_deref(), shell.home.work().to_str());
                assert_eq!(run.project.as_deref(), shell.home.work().to_str());
                assert_eq!(run.git.as_ref().unwrap().branch.as_deref(), Some("dal"));
                assert_eq!(run.git.as_ref().unwrap().commit.as_ref().unwrap().len(), 40);
                assert_eq!(run.shell.as_deref(), Some(kind.name()));
                assert_eq!(run.session, runs[0].session);
                assert!(run.session.is_some() && run.parent.is_none(), "{context}");
            }
            let duration = runs[2].run_stats.as_ref().unwrap().duration_s.unwrap();
            assert!((0.3..30.0).contains(&duration), "{context}");
        }
    }
}

#[test]
fn the_cpu_that_a_command_burned_is_known_from_the_shells_own_accounting() {
    for kind in Kind::ALL {
        let mut shell = shell(kind, Transport::Mailbox);
        let _bpd = Served::start(&shell.home);
        shell.line("sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done'");
        let runs = settled(&shell.home, 1);
        let stats = runs[0].run_stats.as_ref().unwrap();
        let burned = stats.cpu_seconds.unwrap();
        assert!(burned > 0.05, "{kind:?}: {stats:?}");
        assert!(burned <= stats.duration_s.unwrap() * 4.0 + 0.1, "{kind:?}: {stats:?}");
    }
}

/// Lines whose start bash tells only at the prompt: what is set up, and the line.
const LATE: &[(&str, &str)] = &[
    ("", "(sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done')"),
    ("trap 'seen=1' DEBUG", "sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done'"),
];

#[test]
fn the_cpu_of_a_line_that_is_told_when_it_has_ended_counts_from_the_end_before() {
    for transport in TRANSPORTS {
        for (after, line) in LATE {
            let home = Home::new();
            home.rc(Kind::Bash, "", true, after);
            let command = home.command(Kind::Bash, transport);
            let mut shell = Shell::from(home, command);
            let _bpd = Served::start(&shell.home);
            for line in [line, "true", line] {
                shell.line(line);
            }
            let runs = settled(&shell.home, 3);
            let cpu: Vec<_> =
                runs.iter().map(|run| run.run_stats.as_ref().and_then(|stats| stats.cpu_seconds)).collect();
            let context = format!("{transport:?}, {line}: {cpu:?}");
            // Of the first line of a shell there is no end before: unknown is not nothing.
            assert!(cpu[0].is_none_or(|cpu| cpu > 0.05), "{context}");
            assert!(cpu[2].is_some_and(|cpu| cpu > 0.05), "{context}");
        }
    }
}

/// Every file below a directory that holds these bytes.
fn holding(dir: &std::path::Path, bytes: &[u8]) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(holding(&path, bytes)),
            Ok(kind) if kind.is_file() => {
                let held = std::fs::read(&path).unwrap_or_default();
                found.extend(held.windows(bytes.len()).any(|window| window == bytes).then_some(path));
            }
            _ => {}
        }
    }
    found
}

#[test]
fn a_secret_that_was_typed_is_in_no_file_once_it_is_recorded() {
    for kind in Kind::ALL {
        for (transport, before) in TRANSPORTS.into_iter().zip(["", "HISTCONTROL=erasedups"]) {
            let home = Home::new();
            home.rc(kind, before, true, "");
            let command = home.command(kind, transport);
            let mut shell = Shell::from(home, command);
            let _bpd = Served::start(&shell.home);
            shell.line("true --password=hunter2secret");
            shell.line("(exit 3) # API_TOKEN=hunter2secret");
            settled(&shell.home, 2);
            shell.terminal.send("sh -c 'read -r line' --password=hunter2secret\r");
            until("the run that goes on", || (runs(&shell.home).len() == 3).then_some(()));
            until("nothing that holds the secret", || {
                holding(&shell.home.bp(), b"hunter2secret").is_empty().then_some(())
            });
            shell.line("");
        }
    }
}

#[test]
fn bpctl_run_typed_in_a_hooked_shell_is_that_shells_run() {
    for kind in Kind::ALL {
        for transport in TRANSPORTS {
            let mut shell = shell(kind, transport);
            let _bpd = Served::start(&shell.home);
            shell.line("bpctl run --quiet -- sh -c 'sleep 0.2; exit 4'");
            shell.line("true");
            settled(&shell.home, 2);
            // `bpctl run` awaits no answer: the shell's end may be recorded before the wrapper's account of it.
            let runs = until("the wrapper's account", || {
                let runs = runs(&shell.home);
                let quality = runs[0].run_stats.as_ref().map(|stats| stats.quality);
                (quality == Some(Quality::Exact)).then_some(runs)
            });
            assert_eq!(runs.len(), 2, "{kind:?}, {transport:?}: {runs:#?}");
            assert_eq!(runs[0].exit_code, Some(4));
            assert_eq!(runs[1].command.as_deref(), Some("true"));
        }
    }
}

#[test]
fn bpctl_run_in_the_background_is_one_run_with_its_own_duration_and_end() {
    for kind in Kind::ALL {
        for transport in TRANSPORTS {
            let mut shell = shell(kind, transport);
            let _bpd = Served::start(&shell.home);
            shell.line("bpctl run --quiet -- sh -c 'until [ -e go ]; do sleep 0.01; done; exit 5' &");
            // Nobody types the next line within a clock tick.
            until("the job's run", || (!runs(&shell.home).is_empty()).then_some(()));
            shell.line("true");
            shell.line("touch go; wait");
            let runs = settled(&shell.home, 3);
            let told: Vec<_> =
                runs.iter().map(|run| (run.command.as_deref().unwrap(), run.exit_code, run.parent)).collect();
            let context = format!("{kind:?}, {transport:?}: {told:#?}");
            let job = runs.iter().find(|run| run.exit_code == Some(5)).unwrap();
            assert_eq!((job.parent, job.state), (None, RunState::Finished), "{context}");
            assert!(job.command.as_deref().unwrap().starts_with("sh -c"), "{context}");
            assert_eq!(job.run_stats.as_ref().unwrap().quality, Quality::Exact, "{context}");
            let mut lines: Vec<_> = told.iter().map(|(line, ..)| *line).collect();
            lines.retain(|line| !line.starts_with("sh -c"));
            assert_eq!((lines, runs.len()), (vec!["true", "touch go; wait"], 3), "{context}");
        }
    }
}

#[test]
fn what_is_typed_in_a_shell_within_has_the_outer_run_as_its_parent() {
    for kind in Kind::ALL {
        let mut shell = shell(kind, Transport::Mailbox);
        let _bpd = Served::start(&shell.home);
        shell.terminal.send(format!("{} -i\r", kind.name()));
        shell.terminal.forget_prompts();
        shell.terminal.prompt();
        shell.line("echo within");
        until("the run within", || (runs(&shell.home).len() == 2).then_some(()));
        shell.terminal.send("exit\r");
        shell.terminal.forget_prompts();
        shell.terminal.prompt();
        let recorded = until("the three runs", || {
            let runs = runs(&shell.home);
            (runs.len() == 3 && runs.iter().all(|run| run.state != RunState::Running)).then_some(runs)
        });
        let outer = &recorded[0];
        assert_eq!((outer.command.as_deref(), outer.parent), (Some(&*format!("{} -i", kind.name())), None));
        assert_eq!(commands(&recorded[1..]), ["echo within", "exit"], "{kind:?}");
        for run in &recorded[1..] {
            assert_eq!(run.parent, Some(outer.id), "{kind:?}: {:?}", run.command);
            assert_ne!(run.session, outer.session);
        }
    }
}

#[test]
fn what_asks_is_not_recorded() {
    for kind in Kind::ALL {
        let mut shell = shell(kind, Transport::Mailbox);
        let _bpd = Served::start(&shell.home);
        shell.line("echo one");
        settled(&shell.home, 1);
        let screen = shell.line("bpctl show latest").screen;
        assert!(screen.contains("echo one"), "{kind:?}: {screen}");
        let screen = shell.line("bpctl list --json | cat").screen;
        assert!(screen.contains("echo one") && !screen.contains("show latest"), "{kind:?}: {screen}");
        shell.line("true");
        let recorded = settled(&shell.home, 2);
        assert!(!commands(&recorded).contains(&"bpctl show latest"), "{kind:?}: {:?}", commands(&recorded));
        let listed = bpctl(&shell.home, &["list", "--json"]);
        let listed: Vec<Run> = serde_json::from_slice(&listed.stdout).unwrap();
        assert_eq!(listed.len(), recorded.len());
    }
}

#[test]
fn a_bpd_that_is_killed_between_commands_loses_none() {
    for kind in Kind::ALL {
        for transport in TRANSPORTS {
            let mut shell = shell(kind, transport);
            let mut expected = Vec::new();
            for round in 0..3 {
                let bpd = Served::start(&shell.home);
                let line = format!("echo served {round}");
                shell.line(&line);
                expected.push(line);
                bpd.kill();
                let line = format!("echo alone {round}");
                shell.line(&line);
                expected.push(line);
            }
            let _bpd = Served::start(&shell.home);
            let recorded = settled(&shell.home, expected.len());
            assert_eq!(commands(&recorded), expected, "{kind:?}, {transport:?}");
            assert!(
                recorded.iter().all(|run| run.exit_code == Some(0)),
                "{kind:?}, {transport:?}: {recorded:#?}"
            );
            let ids: Vec<_> = recorded.iter().map(|run| run.id).collect();
            assert!(ids.is_sorted(), "{kind:?}, {transport:?}: {ids:?}");
        }
    }
}

#[test]
fn what_was_typed_before_bpd_came_is_recorded_when_it_comes() {
    for kind in Kind::ALL {
        let mut shell = shell(kind, Transport::Mailbox);
        shell.line("echo one");
        shell.line("sleep 0.2; (exit 7)");
        shell.terminal.send("echo go; read -r answer\r");
        shell.terminal.shows("\ngo\r\n");
        let _bpd = Served::start(&shell.home);
        until("the open run", || {
            runs(&shell.home).iter().any(|run| run.state == RunState::Running).then_some(())
        });
        shell.line("yes");
        let recorded = settled(&shell.home, 3);
        assert_eq!(
            commands(&recorded),
            ["echo one", "sleep 0.2; (exit 7)", "echo go; read -r answer"],
            "{kind:?}"
        );
        assert_eq!(recorded[1].exit_code, Some(7));
        assert!(recorded[1].run_stats.as_ref().unwrap().duration_s >= Some(0.2), "{kind:?}: {recorded:#?}");
    }
}

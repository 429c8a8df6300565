//! What shells remember of the time before bp becomes runs, once, and without figures that nobody knows.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use bp_proto::{Run, RunState};

use crate::served::{Served, runs, settled};
use crate::shells::{Home, Kind, Shell, Transport};

fn bpctl(home: &Home, words: &[&str]) -> Output {
    let mut command = home.environment(Command::new(home.programs().join("bpctl")));
    command.args(words).env("BP_LANG", "en").env_remove("ZDOTDIR").env_remove("XDG_DATA_HOME");
    command.stdin(Stdio::null()).output().unwrap()
}

fn text(output: &Output) -> String {
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}");
    text
}

fn history(home: &Home, kind: Kind) -> PathBuf {
    home.path().join(match kind {
        Kind::Bash => ".bash_history",
        Kind::Zsh => ".zsh_history",
        Kind::Fish => ".local/share/fish/fish_history",
    })
}

/// A history that a real shell has written of these lines.
fn remembered(kind: Kind, before: &str, lines: &[&str]) -> Home {
    let home = Home::new();
    home.rc(kind, "", false, before);
    let mut command = home.command(kind, Transport::Mailbox);
    command.env_remove("XDG_DATA_HOME");
    let mut shell = Shell::from(home, command);
    for line in lines {
        shell.line(line);
    }
    shell.terminal.send("exit\r");
    shell.terminal.gone();
    shell.home
}

fn commands(runs: &[Run]) -> Vec<&str> {
    runs.iter().map(|run| run.command.as_deref().unwrap()).collect()
}

#[test]
fn what_a_real_shell_has_remembered_is_imported_once() {
    for (kind, before, dated) in [
        (Kind::Bash, "HISTFILE=~/.bash_history; HISTCONTROL=", false),
        (Kind::Bash, "HISTFILE=~/.bash_history; HISTCONTROL=; HISTTIMEFORMAT='%F '", true),
        (Kind::Zsh, "HISTFILE=~/.zsh_history; SAVEHIST=100; setopt extended_history", true),
        (Kind::Zsh, "HISTFILE=~/.zsh_history; SAVEHIST=100", false),
        (Kind::Fish, "", true),
    ] {
        let lines = ["echo ığüşİ", "true --password=hunter2secret", "echo a\\\\ b", "bpctl list", "false"];
        let home = remembered(kind, before, &lines);
        let file = history(&home, kind);
        assert!(file.is_file(), "{kind:?}: {:?}", fs::read_dir(home.path()).unwrap().collect::<Vec<_>>());
        let _bpd = Served::start(&home);
        let said = text(&bpctl(&home, &["import", kind.name()]));
        let recorded = settled(&home, 4);
        let context = format!("{kind:?} {before}: {said} {recorded:#?}");
        let mut expected = vec!["echo ığüşİ", "true --password=***", "echo a\\\\ b", "false"];
        expected.extend(recorded.get(4).map(|_| "exit"));
        let mut found = commands(&recorded);
        // Those of one second stand in the order of their import.
        assert_eq!(found.len(), expected.len(), "{context}");
        assert!(found[1].contains("--password=") && !found[1].contains("hunter2secret"), "{context}");
        (found[1], expected[1]) = ("", "");
        assert_eq!(found, expected, "{context}");
        for run in &recorded {
            assert!(run.imported && run.state == RunState::Finished, "{context}");
            assert_eq!((run.exit_code, run.cwd.as_deref()), (None, None), "{context}");
            assert_eq!(run.run_stats, None, "nothing is known, nothing is zero: {context}");
            assert_eq!((run.started_at.is_some(), &run.tags), (dated, &Vec::new()), "{context}");
            assert_eq!(run.shell.as_deref(), Some(kind.name()));
        }
        assert_eq!(recorded[1].masked.len(), 1, "{context}");
        let again = text(&bpctl(&home, &["import", kind.name()]));
        assert!(
            again.contains(&format!(" 0 imported, {} known already, 1 left out", recorded.len())),
            "{again}"
        );
        assert_eq!(runs(&home).len(), recorded.len());
        // Nothing of the secret lies anywhere in bp's own places.
        let shown = text(&bpctl(&home, &["list", "--plain"]));
        assert!(shown.contains("finished") && !shown.contains("hunter2secret"), "{shown}");
    }
}

#[test]
fn a_duration_that_zsh_has_kept_is_known_and_makes_no_baseline() {
    let home = Home::new();
    let file = history(&home, Kind::Zsh);
    fs::write(&file, ": 1700000000:7;make all\n: 1700000100:0;make all\n: 1700000200:9;make all\n").unwrap();
    let _bpd = Served::start(&home);
    text(&bpctl(&home, &["import", "zsh"]));
    let recorded = settled(&home, 3);
    let durations: Vec<_> =
        recorded.iter().map(|run| run.run_stats.as_ref().and_then(|stats| stats.duration_s)).collect();
    assert_eq!(durations, [Some(7.0), None, Some(9.0)]);
    let stats = recorded[0].run_stats.as_ref().unwrap();
    assert_eq!((stats.cpu_seconds, stats.cpu_avg, stats.rss_max_mb), (None, None, None), "{stats:?}");
    assert_eq!(recorded[0].finished_at.unwrap().0, 1_700_000_007_000);
    assert!(recorded.iter().all(|run| run.comments.is_empty() && !run.may_be_baseline()));
    let compared = bpctl(&home, &["compare", "3", "latest-success"]);
    assert_eq!(compared.status.code(), Some(4), "{compared:?}");
    // What was begun long ago goes on in nobody's eyes, also after bpd came again.
    assert!(String::from_utf8_lossy(&bpctl(&home, &["watch", "--json"]).stdout).starts_with("[]"));
}

#[test]
fn what_is_to_be_ignored_or_was_hidden_is_left_out_and_what_was_recorded_is_known() {
    let home = Home::new();
    fs::create_dir_all(home.bp()).unwrap();
    fs::write(home.bp().join("config.toml"), "[privacy]\nignore_commands = [\"^mysql\"]\n").unwrap();
    home.rc(
        Kind::Zsh,
        "",
        true,
        "HISTFILE=~/.zsh_history; SAVEHIST=100; setopt extended_history inc_append_history",
    );
    let _bpd = Served::start(&home);
    let command = home.command(Kind::Zsh, Transport::Mailbox);
    let mut shell = Shell::from(home, command);
    shell.line("echo typed");
    settled(&shell.home, 1);
    let file = history(&shell.home, Kind::Zsh);
    let written = fs::read_to_string(&file).unwrap();
    assert!(written.contains("echo typed"), "{written}");
    let old = ": 1700000000:0;echo old\n: 1700000001:0; echo hidden\n: 1700000002:0;mysql -psecret\n: 1700000003:0;# remark\n";
    fs::write(&file, format!("{old}{written}")).unwrap();
    let said = text(&bpctl(&shell.home, &["import", "zsh"]));
    assert!(said.contains(" 1 imported, 1 known already, 3 left out"), "{said}");
    assert_eq!(commands(&runs(&shell.home)), ["echo old", "echo typed"]);
    // Of equal lines without a date those beyond the recorded ones are new.
    fs::write(&file, "echo typed\necho undated\necho typed\n").unwrap();
    let said = text(&bpctl(&shell.home, &["import", "zsh"]));
    assert!(said.contains(" 2 imported, 1 known already"), "{said}");
    let said = text(&bpctl(&shell.home, &["import", "zsh"]));
    assert!(said.contains(" 0 imported, 3 known already"), "{said}");
}

#[test]
fn every_line_of_a_long_history_is_imported() {
    let home = Home::new();
    let lines: Vec<String> =
        (0..10_050).map(|at| format!("- cmd: echo {at}\n  when: {}\n", 1_700_000_000 + at)).collect();
    let file = history(&home, Kind::Fish);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, lines.concat()).unwrap();
    let _bpd = Served::start(&home);
    let said = text(&bpctl(&home, &["import", "fish"]));
    assert!(said.contains(" 10050 imported, 0 known already, 0 left out"), "{said}");
    let newest = runs(&home);
    assert_eq!(newest.last().unwrap().command.as_deref(), Some("echo 10049"));
    let again = text(&bpctl(&home, &["import", "fish"]));
    assert!(again.contains(" 0 imported, 10050 known already"), "{again}");
}

#[test]
fn of_undated_histories_each_occurrence_of_a_line_is_imported_once_and_has_no_time() {
    let home = Home::new();
    let _bpd = Served::start(&home);
    let import = |name: &str, content: &str| {
        let file = home.path().join(name);
        fs::write(&file, content).unwrap();
        text(&bpctl(&home, &["import", "bash", "--file", file.to_str().unwrap()]))
    };
    let said = import("first", "ls\nmake\nls\n");
    assert!(
        said.contains(" 3 imported, 0 known already, 0 left out") && said.contains("without a date: 3"),
        "{said}"
    );
    let said = import("second", "uniqcmd-aaa --x\nls\nuniqcmd-bbb\n");
    assert!(said.contains(" 2 imported, 1 known already, 0 left out"), "{said}");
    let said = import("first", "ls\nmake\nls\nls\ngit log\n");
    assert!(said.contains(" 2 imported, 3 known already"), "{said}");
    let said = import("first", "ls\nmake\nls\nls\ngit log\n");
    assert!(said.contains(" 0 imported, 5 known already"), "{said}");
    let dated = import("dated", "#1700000000\ndated\n");
    assert!(dated.contains(" 1 imported") && !dated.contains("without a date"), "{dated}");

    let recorded = settled(&home, 8);
    // As `list` has them, oldest first: those without a date come before all others.
    assert_eq!(recorded.iter().filter(|run| run.started_at.is_none()).count(), 7, "{recorded:#?}");
    assert_eq!(recorded.last().unwrap().command.as_deref(), Some("dated"));
    for search in ["since:1h", "until:1s", "since:2020-01-01", "-since:1h", "-until:2020-01-01"] {
        let found = text(&bpctl(&home, &["list", "--json", "--", search, "-dated"]));
        assert_eq!(found.trim(), "[]", "{search}");
    }
    let shown: serde_json::Value =
        serde_json::from_str(&text(&bpctl(&home, &["show", "1", "--json"]))).unwrap();
    assert!(
        shown["started_at"].is_null() && shown["imported"] == true && shown["tags"] == serde_json::json!([]),
        "{shown}"
    );
}

#[test]
fn what_is_left_out_is_counted_with_its_reason_in_both_languages() {
    let home = Home::new();
    let file = home.path().join("history");
    fs::create_dir_all(home.bp()).unwrap();
    fs::write(home.bp().join("config.toml"), "[privacy]\nignore_commands = [\"^mysql\"]\n").unwrap();
    let long = "x".repeat(300 << 10);
    let content = format!(
        "\u{feff}make\r\n  hidden\r\n# remark\r\n# other\r\nbpctl list\r\nmysql -p\r\necho a\0b \u{131}\r\n{long}\r\nlast"
    );
    let _bpd = Served::start(&home);
    for (lang, expected) in [
        (
            "en",
            "left out: bpctl commands: 1 · matching privacy rules: 1 · beginning with a space: 1 · comments: 2 · longer than 256 KiB: 1",
        ),
        (
            "tr",
            "dışarıda bırakılanlar: bpctl komutu: 1 · gizlilik kuralına uyan: 1 · boşlukla başlayan: 1 · açıklama: 2 · 256 KiB’tan uzun: 1",
        ),
    ] {
        fs::write(&file, &content).unwrap();
        let said = text(&bpctl(&home, &["--lang", lang, "import", "bash", "--file", file.to_str().unwrap()]));
        assert!(said.contains(expected), "{said}");
    }
    assert_eq!(commands(&settled(&home, 3)), ["make", "echo ab ı", "last"]);
}

#[test]
fn days_are_those_of_the_persons_zone_and_ranked_selectors_say_among_which_runs() {
    let home = Home::new();
    let file = home.path().join("history");
    // 2023-11-14T22:13:20Z: the next day, east of Greenwich.
    fs::write(&file, "#1700000000\necho night\n").unwrap();
    let _bpd = Served::start(&home);
    text(&bpctl(&home, &["import", "bash", "--file", file.to_str().unwrap()]));
    settled(&home, 1);
    for (zone, day, is_found) in
        [("UTC", "14", true), ("UTC", "15", false), ("<+03>-3", "14", false), ("<+03>-3", "15", true)]
    {
        let mut command = home.environment(Command::new(home.programs().join("bpctl")));
        command.args(["list", "--json", &format!("on:2023-11-{day}")]).env("TZ", zone).stdin(Stdio::null());
        let found = text(&command.output().unwrap());
        assert_eq!(found.contains("echo night"), is_found, "{zone} {day}: {found}");
        // The same inside of a selector, and in a search that removes runs: it asks for `--yes` where one matches.
        let run = |args: &[&str]| {
            let mut command = home.environment(Command::new(home.programs().join("bpctl")));
            command.args(args).env("TZ", zone).stdin(Stdio::null()).output().unwrap()
        };
        let shown = run(&["show", "--json", &format!("latest{{on:2023-11-{day}}}")]);
        assert_eq!(shown.status.success(), is_found, "{zone} {day}: {shown:?}");
        let removed = run(&["rm", &format!("on:2023-11-{day}"), "cmd:night"]);
        let said = String::from_utf8_lossy(&removed.stderr).into_owned();
        assert_eq!(said.contains("--yes"), is_found, "{zone} {day}: {said}");
    }
    text(&bpctl(&home, &["run", "--", "true"]));
    settled(&home, 2);
    for (lang, selector, expected) in [
        ("en", "slowest", "slowest: among all successful runs, of every command\n"),
        ("en", "median{true}", "median{true}: among the successful runs that match: true\n"),
        ("tr", "fastest{true}", "fastest{true}: şununla eşleşen başarılı çalıştırmalar arasında: true\n"),
    ] {
        let shown = text(&bpctl(&home, &["--lang", lang, "show", selector]));
        assert!(shown.starts_with(expected), "{shown}");
    }
    text(&bpctl(&home, &["run", "--", "true"]));
    settled(&home, 3);
    for (lang, expected) in [
        ("en", "slowest{true}: among the successful runs of the same command that match: true\n"),
        ("tr", "slowest{true}: aynı komutun şununla eşleşen başarılı çalıştırmaları arasında: true\n"),
    ] {
        let compared = text(&bpctl(&home, &["--lang", lang, "compare", "3", "slowest{true}"]));
        assert!(compared.starts_with(expected), "{compared}");
    }
}

#[test]
fn what_fish_took_over_from_bash_is_not_imported_twice() {
    let home = Home::new();
    fs::write(home.path().join(".bash_history"), "make all\nls -l\n").unwrap();
    let file = history(&home, Kind::Fish);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(
        &file,
        "- cmd: make all\n  when: 1700000000\n- cmd: ls -l\n  when: 1700000000\n- cmd: make all\n  when: 1700000100\n",
    )
    .unwrap();
    let _bpd = Served::start(&home);
    let said = text(&bpctl(&home, &["import", "fish"]));
    assert!(said.contains(" 1 imported, 0 known already, 2 left out"), "{said}");
    assert!(said.contains("taken over from bash by fish: 2"), "{said}");
}

#[test]
fn setting_up_offers_the_history() {
    let home = Home::new();
    home.rc(Kind::Bash, "", false, "");
    let file = home.path().join("history");
    fs::write(&file, "echo one\necho two\n").unwrap();
    let without = text(&bpctl(&home, &["setup", "bash", "--yes", "--no-import"]));
    assert!(!without.contains("commands stand in"), "{without}");
    text(&bpctl(&home, &["uninstall", "--yes", "--data"]));
    // A person who says yes to the line and no to the history, and then yes to both.
    for (answer, count) in [("n", 0), ("y", 2)] {
        let command = {
            let mut command = home.environment(crate::pty::clean(home.programs().join("bpctl")));
            command.args(["setup", "bash"]).env("BP_LANG", "en");
            command
        };
        let mut terminal = crate::pty::Terminal::start(command);
        terminal.shows("Add this line?");
        terminal.send("y\r");
        terminal.shows("2 commands stand in");
        terminal.shows("Import them");
        terminal.send(format!("{answer}\r"));
        assert_eq!(terminal.gone(), Some(0), "{}", terminal.all());
        if count > 0 {
            assert_eq!(commands(&settled(&home, count)), ["echo one", "echo two"]);
        }
        text(&bpctl(&home, &["uninstall", "--yes", "--data"]));
    }
}

/// Every file below `dir` with its bytes and mode, and every directory.
fn tree(dir: &Path) -> BTreeMap<PathBuf, Option<(Vec<u8>, u32)>> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(dir).into_iter().flatten().map(Result::unwrap) {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            all.extend(tree(&path));
            all.insert(path, None);
        } else {
            let mode = entry.metadata().unwrap().permissions().mode();
            all.insert(path.clone(), Some((fs::read(path).unwrap(), mode)));
        }
    }
    all
}

#[test]
fn uninstall_leaves_a_home_as_it_was() {
    for has_file in [true, false] {
        let home = Home::new();
        for kind in [Kind::Bash, Kind::Zsh, Kind::Fish] {
            if has_file {
                home.rc(kind, "", false, "");
            }
            let file = history(&home, kind);
            if has_file {
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, "echo one\n").unwrap();
            }
        }
        let before = tree(&home.path());
        for kind in ["bash", "zsh", "fish"] {
            text(&bpctl(&home, &["setup", kind, "--yes"]));
        }
        assert_ne!(tree(&home.path()), before);
        if has_file {
            let command = home.command(Kind::Bash, Transport::Mailbox);
            let mut shell = Shell::from(Home::new(), {
                let mut command = command;
                command.env("HISTFILE", "/dev/null");
                command
            });
            shell.line("HISTFILE=; echo two");
            shell.terminal.send("exit\r");
            shell.terminal.gone();
            settled(&home, 4);
        }
        text(&bpctl(&home, &["uninstall", "--yes", "--data"]));
        assert_eq!(tree(&home.path()), before, "{has_file}");
        assert!(tree(&home.bp()).is_empty(), "{:?}", tree(&home.bp()).keys());
    }
}

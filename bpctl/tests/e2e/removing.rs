//! `bpctl rm`, `bpctl tag` and `bpctl help` as a person and a script use them, against the real bpd.

use std::process::Output;

use bp_proto::Run;

use crate::pty::Terminal;
use crate::served::{Served, bpctl, runs, settled};
use crate::shells::Home;

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn recorded(home: &Home, commands: &[&[&str]]) {
    for command in commands {
        bpctl(home, &[&["run", "--quiet", "--"], *command].concat());
    }
    assert_eq!(settled(home, commands.len()).len(), commands.len());
}

fn ids(home: &Home) -> Vec<u64> {
    runs(home).iter().map(|run| run.id).collect()
}

#[test]
fn rm_takes_ids_ranges_and_searches_with_a_field_and_nothing_else() {
    let home = Home::new();
    let _bpd = Served::start(&home);
    let commands: [&[&str]; 8] =
        [&["true", "a"], &["true", "b"], &["false"], &["echo"], &["true"], &["echo"], &["false"], &["echo"]];
    recorded(&home, &commands);
    for (words, code, text) in [
        (&["rm", "true"][..], 2, "`true` names no run"),
        (&["rm", "--yes", "true"], 2, "use a field"),
        (&["--lang", "tr", "rm", "--yes", "true"], 2, "alan adı kullanın"),
        (&["rm", "--yes", "5", "exit:1"], 2, "`5` names runs, the rest is a search"),
        (&["rm", "--yes", "colour:red"], 2, "Unknown field"),
        (&["rm", "--yes", "exit:42"], 4, "No run matches"),
        (&["rm", "--yes", "100..200"], 4, "No run matches"),
        (&["rm", "--force", "1"], 2, "unexpected argument"),
        // Without a terminal there is nobody to ask, also about one run.
        (&["rm", "5"], 2, "--yes"),
        (&["rm", "exit:1"], 2, "runs would be removed, and there is no terminal to ask at; say --yes"),
        (&["--lang", "tr", "rm", "1..8"], 2, "--yes"),
    ] {
        let output = bpctl(&home, words);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {}", said(&output));
        assert!(said(&output).contains(text), "{words:?}: {}", said(&output));
        assert_eq!(ids(&home), [1, 2, 3, 4, 5, 6, 7, 8], "{words:?} removed something");
    }
    for (words, left) in [
        (&["rm", "--yes", "1..2"][..], &[3, 4, 5, 6, 7, 8][..]),
        (&["rm", "--yes", "exit:1"], &[4, 5, 6, 8]),
        (&["rm", "-y", "4", "8", "4"], &[5, 6]),
        (&["rm", "echo", "since:1d", "--yes"], &[5]),
        (&["rm", "since:1d", "-y"], &[]),
    ] {
        let output = bpctl(&home, words);
        assert!(output.status.success(), "{words:?}: {}", said(&output));
        assert_eq!(ids(&home), left, "{words:?}: {}", said(&output));
    }
}

#[test]
fn rm_shows_what_it_removes_and_asks_on_a_terminal() {
    let home = Home::new();
    let _bpd = Served::start(&home);
    recorded(&home, &[&["true", "a"], &["true", "b"], &["echo"]]);
    let ask = |words: &[&str], answer: &str, expected: &[&str]| {
        let mut command = home.environment(std::process::Command::new(home.programs().join("bpctl")));
        command.args(words).env("TERM", "dumb");
        let mut terminal = Terminal::start(command);
        for expected in expected {
            assert!(terminal.reads_until(|terminal| terminal.all().contains(expected)), "{}", terminal.all());
        }
        terminal.send(answer);
        terminal.reads_until(|_| false);
    };
    ask(&["rm", "id:<=2"], "n\r", &["2  true b", "1  true a", "Remove these 2 runs for good? [y/N]"]);
    assert_eq!(ids(&home), [1, 2, 3]);
    ask(&["rm", "3"], "\r", &["3  echo", "Remove run 3 for good? [y/N]"]);
    assert_eq!(ids(&home), [1, 2, 3]);
    ask(&["--lang", "tr", "rm", "id:<=2"], "e\r", &["Bu 2 çalıştırma kalıcı olarak silinsin mi? [e/H]"]);
    assert_eq!(ids(&home), [3]);
}

#[test]
fn a_search_removes_more_runs_than_one_answer_holds_and_a_list_goes_beyond_it() {
    let home = Home::new();
    let _bpd = Served::start(&home);
    let file = home.path().join("history");
    let lines: Vec<String> =
        (0..700).map(|line| format!("#{}\necho {line}\n", 1_700_000_000 + line)).collect();
    std::fs::write(&file, lines.concat()).unwrap();
    let imported = bpctl(&home, &["import", "bash", "--file", &file.display().to_string()]);
    assert!(imported.status.success(), "{}", said(&imported));
    let listed = |words: &[&str]| -> Vec<Run> {
        let output = bpctl(&home, &[&["list", "--json"], words].concat());
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{words:?}: {}", said(&output)))
    };
    assert_eq!(listed(&["-n", "1000"]).len(), 700);
    let page = listed(&["-n", "600"]);
    assert_eq!(page.len(), 600);
    let rest = listed(&["-n", "600", "--before", &page[599].id.to_string()]);
    assert_eq!(rest.len(), 100);
    assert!(rest.iter().all(|run| page.iter().all(|other| other.id != run.id)));
    let refused = bpctl(&home, &["list", "--before", "nonsense"]);
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    let removed = bpctl(&home, &["rm", "--yes", "echo", "until:2024-01-01"]);
    assert_eq!(said(&removed), "700 runs are gone\n");
    assert_eq!(listed(&[]).len(), 0);
}

#[test]
fn an_option_is_never_a_tag() {
    let home = Home::new();
    let _bpd = Served::start(&home);
    recorded(&home, &[&["true"]]);
    let tags = || runs(&home)[0].tags.join(" ");
    for (words, expected) in [
        (&["tag", "1", "slow", "odd", "--json"][..], "slow odd"),
        (&["tag", "1", "-slow"], "odd"),
        (&["tag", "1", "new", "-odd", "--lang", "en"], "new"),
        (&["tag", "1", "--", "-new", "last"], "last"),
    ] {
        let output = bpctl(&home, words);
        assert!(output.status.success(), "{words:?}: {}", said(&output));
        assert_eq!(tags(), expected, "{words:?}");
    }
    let refused: [&[&str]; 6] = [
        &["tag", "1", "x", "--jsn"],
        &["tag", "1", "--slow"],
        &["tag", "1", "x", "--yes"],
        &["note", "1", "text", "--jsn"],
        &["run", "--tag", "--quiet", "true"],
        &["run", "-t", "-q", "true"],
    ];
    for words in refused {
        let output = bpctl(&home, words);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {}", said(&output));
    }
    assert_eq!((runs(&home).len(), tags()), (1, "last".to_owned()));
}

#[test]
fn help_is_a_verb_and_has_one_layout() {
    let home = Home::new();
    for (words, text) in [
        (&["help"][..], "Usage: bpctl [OPTIONS] <COMMAND>"),
        (&["help", "list"], "Usage: bpctl list [OPTIONS] [SEARCH]..."),
        (&["help", "run"], "Usage: bpctl run [OPTIONS] [COMMAND]..."),
        (&["run", "--help"], "Usage: bpctl run [OPTIONS] [COMMAND]..."),
        (&["run", "-h"], "-t, --tag <TAG>"),
        (&["help", "daemon", "logs"], "Usage: bpctl daemon logs"),
        (&["--lang", "tr", "help", "run"], "Kullanım: bpctl run [SEÇENEK]… [KOMUT]..."),
        (&["--lang", "tr", "run", "--help"], "-t, --tag <ETİKET>"),
    ] {
        let output = bpctl(&home, words);
        assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{words:?}: {}", said(&output));
        assert!(said(&output).contains(text), "{words:?}: {}", said(&output));
    }
    assert_eq!(bpctl(&home, &["help", "lst"]).status.code(), Some(2));
    let wrong = bpctl(&home, &["run", "--nope", "true"]);
    assert_eq!(
        said(&wrong),
        "bpctl: there is no option --nope\n\nUsage: bpctl run [OPTIONS] [COMMAND]...\n\n\
         For more information, try '--help'.\n"
    );
    let tr = bpctl(&home, &["--lang", "tr", "run", "--nope", "true"]);
    assert!(said(&tr).contains("Kullanım: bpctl run [SEÇENEK]… [KOMUT]..."), "{}", said(&tr));
}

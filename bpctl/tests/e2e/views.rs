//! What the reading verbs print for people, on screens of any width and in pipes, and for scripts.

use std::process::{Command, Output, Stdio};

use unicode_width::UnicodeWidthStr as _;

use crate::served::{Served, settled};
use crate::shells::Home;

const LANGS: [&str; 2] = ["en", "tr"];

fn run(home: &Home, columns: Option<&str>, words: &[&str]) -> Output {
    let mut command = home.environment(Command::new(home.programs().join("bpctl")));
    command
        .args(words)
        .current_dir(home.work())
        .stdin(Stdio::null())
        .env_remove("COLUMNS")
        .env("TZ", "Asia/Tokyo");
    if let Some(columns) = columns {
        command.env("COLUMNS", columns);
    }
    command.output().unwrap()
}

/// A verb that did what it should, or found something wrong, prints on standard output alone.
fn text(home: &Home, columns: Option<&str>, words: &[&str]) -> String {
    let output = run(home, columns, words);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 1)) && error.is_empty(), "{words:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

/// Two runs of one command in a repository, between which a commit was made.
fn recorded(home: &Home) {
    let git = |words: &[&str]| {
        let mut command = Command::new("git");
        command.current_dir(home.work()).args(["-c", "user.name=a", "-c", "user.email=a@b"]).args(words);
        assert!(command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success());
    };
    git(&["init", "-b", "feature-branch", "."]);
    let line =
        "true; : a rather long command line, which goes on and on, so that it fits into no narrow screen";
    for id in 1..=2 {
        git(&["commit", "--allow-empty", "-m", "x"]);
        assert!(run(home, None, &["run", "--quiet", "-c", line]).status.success());
        settled(home, id);
    }
    let note = "a note of several words that is longer than any line of a narrow screen would be";
    text(home, None, &["note", "1", note]);
}

#[test]
fn no_line_is_longer_than_the_screen_and_no_word_is_broken() {
    let home = Home::new();
    let _bpd = Served::start(&home);
    recorded(&home);
    // Names of files are whole, whatever the width.
    let longest = home.bp().as_os_str().len() + 30;
    let folded: [&[&str]; 7] = [
        &["doctor"],
        &["privacy"],
        &["overhead"],
        &["status"],
        &["config"],
        &["daemon", "status"],
        &["show", "1"],
    ];
    let fitted: [&[&str]; 4] = [&["list"], &["compare", "2", "1"], &["watch"], &["alerts"]];
    for lang in LANGS {
        for words in folded.iter().chain(&fitted) {
            let words = [&["--lang", lang], *words].concat();
            for columns in ["40", "60", "100", "200"] {
                let page = text(&home, Some(columns), &words);
                let most = columns.parse::<usize>().unwrap();
                for line in page.lines() {
                    let holds_a_path = line.contains('/') || line.contains(" = ");
                    assert!(
                        line.width() <= if holds_a_path { most.max(longest) } else { most },
                        "{words:?} at {columns}: {line}\n{page}"
                    );
                }
            }
        }
        for words in folded {
            let words = [&["--lang", lang], words].concat();
            // Figures of a moment are not compared.
            let sentences = |columns| -> Vec<String> {
                let page = text(&home, Some(columns), &words);
                let words = page.split_whitespace().filter(|word| *word != "#");
                words
                    .filter(|word| !word.contains(|letter: char| letter.is_ascii_digit()))
                    .map(str::to_owned)
                    .collect()
            };
            assert_eq!(sentences("60"), sentences("1000"), "{words:?}");
        }
    }
}

#[test]
fn a_pipe_has_the_view_for_people_as_wide_as_columns_says_else_a_hundred() {
    let home = Home::new();
    let _bpd = Served::start(&home);
    recorded(&home);
    let list = text(&home, None, &["list"]);
    assert!(list.starts_with("ID  STATE") && list.lines().all(|line| line.width() <= 100), "{list}");
    assert_eq!(list, text(&home, Some("100"), &["list"]));
    for nonsense in ["", "0", "x", "-5"] {
        assert_eq!(text(&home, Some(nonsense), &["list"]), list, "COLUMNS={nonsense:?}");
    }
    // Local time, not UTC.
    let shown = text(&home, None, &["show", "1"]);
    let started = text(&home, None, &["show", "1", "--plain"]);
    let utc = started.lines().find_map(|line| line.strip_prefix("started_at\t")).unwrap().to_owned();
    assert!(utc.ends_with('Z') && shown.starts_with("Run 1 · "), "{shown}");
    let hour =
        |text: &str| text.split(':').next().unwrap()[text.find(':').unwrap() - 2..].parse::<u32>().unwrap();
    let local = shown.lines().find(|line| line.trim().starts_with("started")).unwrap();
    assert_eq!(hour(local), (hour(&utc[11..]) + 9) % 24, "{local} {utc}");
    // Commits have eight digits for people, and all of them for scripts.
    let compared = text(&home, Some("60"), &["compare", "2", "1"]);
    let commit = compared.lines().find(|line| line.trim().starts_with("commit: ")).unwrap();
    let digits: Vec<usize> = commit
        .split_whitespace()
        .filter(|word| word.len() > 6 && word.bytes().all(|b| b.is_ascii_hexdigit()))
        .map(str::len)
        .collect();
    assert_eq!(digits, [8, 8], "{compared}");
}

#[test]
fn a_wide_screen_shows_date_project_branch_and_commit() {
    let home = Home::new();
    let _bpd = Served::start(&home);
    recorded(&home);
    let commit = text(&home, None, &["show", "2", "--plain"]);
    let commit = commit.lines().find_map(|line| line.strip_prefix("git.commit\t")).unwrap()[..8].to_owned();
    for (lang, words) in [("en", ["PROJECT", "BRANCH", "COMMIT"]), ("tr", ["PROJE", "DAL", "COMMIT"])] {
        let wide = text(&home, Some("200"), &["--lang", lang, "list"]);
        for part in words.into_iter().chain(["feature-branch", &commit, "20"]) {
            assert!(wide.contains(part), "{part}: {wide}");
        }
        let narrow = text(&home, Some("80"), &["--lang", lang, "list"]);
        assert!(words.iter().all(|word| !narrow.contains(word)), "{narrow}");
    }
}

#[test]
fn scripts_get_a_header_with_as_many_columns_as_each_line() {
    let home = Home::new();
    let _bpd = Served::start(&home);
    recorded(&home);
    let verbs: [&[&str]; 12] = [
        &["list"],
        &["show", "1"],
        &["compare", "2", "1"],
        &["alerts"],
        &["status"],
        &["daemon", "status"],
        &["overhead"],
        &["doctor"],
        &["privacy"],
        &["privacy", "test", "make"],
        &["config"],
        &["watch"],
    ];
    for words in verbs {
        let plain = text(&home, Some("40"), &[words, &["--plain"]].concat());
        let columns = plain.lines().next().unwrap().split('\t').count();
        assert!(columns > 1, "{words:?}: {plain}");
        for line in plain.lines() {
            assert_eq!(line.split('\t').count(), columns, "{words:?}: {line}");
        }
        let json = text(&home, None, &[words, &["--json"]].concat());
        assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{words:?}: {json}");
        if words != ["doctor"] {
            let both = run(&home, None, &[words, &["--json", "--plain"]].concat());
            assert_eq!(both.status.code(), Some(2), "{words:?}");
        }
    }
}

#[test]
fn a_reader_that_goes_early_is_no_error() {
    let home = Home::new();
    let _bpd = Served::start(&home);
    recorded(&home);
    for verb in [
        "list",
        "show 1",
        "config",
        "help",
        "list --help",
        "completions bash",
        "doctor",
        "privacy",
        "list --json",
    ] {
        let mut command = home.environment(Command::new("sh"));
        let line =
            format!("{{ {} {verb}; echo \"[$?]\" >&2; }} | true", home.programs().join("bpctl").display());
        let output = command.args(["-c", &line]).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(["[0]\n", "[1]\n"].contains(&&*error), "{verb}: {error}");
    }
}

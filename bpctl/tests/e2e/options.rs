//! Every option of zsh, and every feature flag of fish, set before and after the hook: a line is recorded with its text and
//! its status, and the screen shows nothing of the hook.

use std::fmt::Write as _;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::pty::Terminal;
use crate::shells::{Home, Kind, Transport};

/// Shells at once.
const AT_ONCE: usize = 4;

/// What is typed, and what is shown when it has run.
const LINES: [(&str, &str); 3] =
    [("echo ON\"E\"; (exit 3)", "ONE"), ("false || echo TW\"O\"", "TWO"), ("echo LA\"ST\"", "LAST")];

/// Texts and statuses.
type Told = &'static [(&'static str, Option<i32>)];

/// What is recorded of the first two.
const USUAL: Told = &[("echo ON\"E\"; (exit 3)", Some(3)), ("false || echo TW\"O\"", Some(0))];

/// The shell ends with the first line.
const ENDS: Told = &[("echo ON\"E\"; (exit 3)", None)];

/// What is recorded where that is not [`USUAL`].
const EXCEPTIONS: [(&str, Told); 2] = [
    ("setopt errexit", ENDS),
    // Such a shell may redirect nothing: `bpctl doctor` says so.
    ("setopt restricted", &[]),
];

/// Other things that people set.
const SETTINGS: [&str; 8] = [
    "emulate sh",
    "emulate ksh",
    "emulate csh",
    "emulate -R sh",
    "setopt csh_junkie_quotes rc_quotes ignore_braces",
    "alias -g L='| cat'; alias print='echo no' local='echo no' emulate='echo no' builtin='echo no' times='echo no'",
    "print() { echo no }; times() { echo no }; trap() { echo no }",
    "IFS=:; set -u; set -a",
];

#[derive(Debug)]
struct Walked {
    told: Vec<(String, Option<i32>)>,
    /// Lines on the screen that speak of the hook or of an error.
    odd: Vec<String>,
}

fn walk(setting: &str, is_before: bool, hook: &str) -> Walked {
    let home = Home::new();
    std::fs::write(home.path().join("init"), hook).unwrap();
    let load = "eval \"$(<~/init)\"";
    let (before, after) = if is_before { (setting, load) } else { (load, setting) };
    let text = format!(
        "HISTFILE=~/history\nHISTSIZE=100\nunsetopt prompt_sp prompt_cr\nPS1='%% '\n{before}\n{after}\n"
    );
    std::fs::write(home.rc_file(Kind::Zsh), text).unwrap();
    let mut terminal = Terminal::start(home.command(Kind::Zsh, Transport::Mailbox));
    for (line, shown) in LINES {
        terminal.send(format!("{line}\r"));
        if !terminal.reads_until(|terminal| terminal.all().contains(shown)) {
            break;
        }
    }
    let all = terminal.all();
    wait_for_last_record(&home);
    drop(terminal);
    let odd = all.lines().filter(|line| {
        ["bizim", "error", "not found", "not allowed", "eval"].iter().any(|word| line.contains(word))
    });
    let odd = odd.map(str::to_owned).collect();
    let mut told: Vec<_> = home.runs().iter().map(|run| (run.text(), run.status())).collect();
    // The last one tells that the others have ended.
    told.truncate(2);
    Walked { told, odd }
}

/// Waits until the mailbox has not grown for a while: a shell that is killed may leave half a record.
fn wait_for_last_record(home: &Home) {
    let length = || -> u64 {
        let files = std::fs::read_dir(home.mail()).into_iter().flatten().flatten();
        files.filter_map(|file| file.metadata().ok()).map(|meta| meta.len()).sum()
    };
    let (mut last, mut same) = (length(), 0);
    while same < 4 {
        std::thread::sleep(Duration::from_millis(20));
        let now = length();
        same = if now == last { same + 1 } else { 0 };
        last = now;
    }
}

/// Runs `check` on each of `jobs`, some at once. → what it found wrong.
fn failures<J: Sync>(jobs: &[J], check: impl Fn(&J) -> Option<String> + Sync) -> String {
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(String::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Some(found) = check(job) {
                        writeln!(wrong.lock().unwrap(), "{found}").unwrap();
                    }
                }
            });
        }
    });
    wrong.into_inner().unwrap()
}

fn init(shell: &str) -> String {
    let home = Home::new();
    let mut command = home.environment(Command::new(env!("CARGO_BIN_EXE_bpctl")));
    let output = command.args(["init", shell, "--no-start"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn no_option_of_zsh_keeps_a_line_from_being_recorded() {
    let listed = Command::new("zsh")
        .args(["-fic", "for name in ${(ko)options}; do echo $name $options[$name]; done"])
        .output()
        .unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let toggles = listed.lines().map(|line| {
        let (name, state) = line.split_once(' ').unwrap();
        format!("{} {name}", if state == "on" { "unsetopt" } else { "setopt" })
    });
    let settings: Vec<_> = toggles.chain(SETTINGS.map(str::to_owned)).collect();
    assert!(settings.len() > 150, "{settings:?}");
    let jobs: Vec<_> = settings.iter().flat_map(|setting| [(setting, true), (setting, false)]).collect();
    let hook = init("zsh");
    let wrong = failures(&jobs, |(setting, is_before)| {
        let exception = EXCEPTIONS.iter().find(|(name, _)| name == setting);
        let expected = exception.map_or(USUAL, |(_, told)| told);
        let Walked { told, mut odd } = walk(setting, *is_before, &hook);
        // They show the line of the user's own file that loads the hook, and what is typed.
        if matches!(setting.as_str(), "setopt xtrace" | "setopt verbose") && *is_before {
            odd.clear();
        }
        let told: Vec<_> = told.iter().map(|(text, status)| (text.as_str(), *status)).collect();
        let place = if *is_before { "before" } else { "after" };
        (told != expected || !odd.is_empty()).then(|| format!("{setting} ({place}): {told:?} {odd:?}"))
    });
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// What is set up in the file of fish.
const FISH_SETTINGS: [&str; 9] = [
    "set -g fish_greeting hello",
    "set -g fish_features all",
    "set -g fish_trace ''",
    "set -g IFS :",
    "set -g fish_escape_delay_ms 10",
    "set -g CMD_DURATION_ x; set -g status_ x",
    "function printf; echo no; end; function read; echo no; end",
    "abbr -a true false; alias test 'echo no'",
    "set -g fish_history other",
];

#[test]
fn no_feature_of_fish_keeps_a_line_from_being_recorded() {
    let listed = Command::new("fish").args(["--no-config", "-c", "status features"]).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let names: Vec<_> = listed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.len() >= 4, "{listed}");
    let flags = names.iter().flat_map(|name| [(*name).to_owned(), format!("no-{name}")]);
    let jobs: Vec<_> =
        flags.map(|flag| (Some(flag), "")).chain(FISH_SETTINGS.map(|setting| (None, setting))).collect();
    let wrong = failures(&jobs, |(flag, setting)| {
        let home = Home::new();
        home.rc(Kind::Fish, setting, true, setting);
        let mut command = home.command(Kind::Fish, Transport::Mailbox);
        command.args(flag.iter().flat_map(|flag| ["--features", flag.as_str()]));
        let mut terminal = Terminal::start(command);
        terminal.prompt();
        for line in ["echo one; false", "echo two"] {
            terminal.line(line);
        }
        let screen = terminal.all();
        wait_for_last_record(&home);
        drop(terminal);
        let runs = home.runs();
        let told: Vec<_> = runs.iter().map(|run| (run.text(), run.status())).collect();
        let expected = [("echo one; false".to_owned(), Some(1)), ("echo two".to_owned(), Some(0))];
        (told != expected || screen.contains("bizim"))
            .then(|| format!("{flag:?} {setting}: {told:?} {screen:?}"))
    });
    assert!(wrong.is_empty(), "\n{wrong}");
}

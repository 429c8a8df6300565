//! Right text, right time, and nothing to see: row by row, what is typed, what is recorded of it, and when.
//!
//! Each row is typed into a shell with the hook and into one without. What the first has recorded is what the row says,
//! each run lies between its Enter and the prompt behind it, and both terminals show the same.

mod table;

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use bp_proto::mailbox::Stamp;

use crate::pty::Prompt;
use crate::shells::{Home, Kind, Recorded, Shell, Transport};

/// What a person does, and what bp makes of it.
struct Row {
    name: &'static str,
    shells: &'static [Kind],
    /// What the shell's file says behind the hook.
    after: &'static str,
    locale: &'static str,
    lines: &'static [Typed],
    /// What both terminals show alike.
    screen: Screen,
}

#[derive(Clone, Copy, PartialEq)]
enum Screen {
    /// Every byte that they are told, and with that the picture.
    Bytes,
    /// The picture at each prompt. How a line that is edited gets there depends on how many keys are read at once.
    Picture,
}

const ROW: Row =
    Row { name: "", shells: &EVERY, after: "", locale: "C.UTF-8", lines: &[], screen: Screen::Bytes };
const EVERY: [Kind; 3] = [Kind::Bash, Kind::Zsh, Kind::Fish];
const SH: [Kind; 2] = [Kind::Bash, Kind::Zsh];

/// From one prompt to the next.
struct Typed {
    acts: &'static [Act],
    /// Text and status; none, when it is no command.
    told: Option<(&'static str, Option<i32>)>,
    /// Milliseconds that it takes at least.
    takes: u64,
    /// The shell is not there any more.
    is_last: bool,
}

enum Act {
    Send(&'static [u8]),
    Shows(&'static str),
    /// A key, again and again until this is shown.
    Presses(&'static [u8], &'static str),
    /// Until the picture holds it.
    Paints(&'static str),
    /// Until the picture does not hold it any more.
    Clears(&'static str),
    /// Until the shell has nothing left to do.
    Waits,
}

/// A line, told as it was typed.
const fn line(text: &'static str, acts: &'static [Act], status: i32) -> Typed {
    Typed { acts, told: Some((text, Some(status))), takes: 0, is_last: false }
}

/// A line whose status the shell cannot know.
const fn of_unknown_status(text: &'static str, acts: &'static [Act]) -> Typed {
    Typed { acts, told: Some((text, None)), takes: 0, is_last: false }
}

/// What is no command.
const fn untold(acts: &'static [Act]) -> Typed {
    Typed { acts, told: None, takes: 0, is_last: false }
}

/// Enter → prompt: microseconds since 1970, and hundredths since boot.
struct Window {
    micros: [u64; 2],
    uptime: [u64; 2],
}

fn micros() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64
}

/// As a shell reads it.
fn hundredths() -> u64 {
    let text = std::fs::read_to_string("/proc/uptime").unwrap();
    text.split(' ').next().unwrap().replace('.', "").parse().unwrap()
}

/// What both terminals showed, and what was recorded when.
struct Played {
    prompts: Vec<Prompt>,
    windows: Vec<Window>,
    runs: Vec<Recorded>,
}

/// fish paints the line and the prompt as often as it likes.
fn screen_of(row: &Row, kind: Kind) -> Screen {
    if kind == Kind::Fish { Screen::Picture } else { row.screen }
}

fn play(row: &Row, kind: Kind, hooked: bool) -> Played {
    let home = Home::new();
    home.rc(kind, "", hooked, row.after);
    let mut command = home.command(kind, Transport::Mailbox);
    let screen = screen_of(row, kind);
    command.env("LC_ALL", row.locale).env("TERM", if screen == Screen::Bytes { "dumb" } else { "xterm" });
    let mut shell = Shell::from(home, command);
    let (mut prompts, mut windows) = (Vec::new(), Vec::new());
    for typed in row.lines {
        let before = (micros(), hundredths());
        for act in typed.acts {
            match act {
                Act::Send(keys) => shell.terminal.send(keys),
                Act::Shows(text) => shell.terminal.shows(text),
                Act::Presses(key, text) => shell.terminal.presses(key, text),
                Act::Paints(text) => shell.terminal.paints_text(text),
                Act::Clears(text) => shell.terminal.paints(text, |picture| !picture.shows(text)),
                Act::Waits => shell.terminal.waits(),
            }
        }
        if typed.is_last {
            shell.terminal.gone();
        } else {
            let prompt = shell.terminal.prompt();
            let shown = match screen {
                Screen::Bytes => prompt.screen,
                Screen::Picture => shell.terminal.picture_so_far().text(),
            };
            prompts.push(crate::quiet::without_pids(Prompt { screen: shown, ..prompt }));
        }
        windows.push(Window { micros: [before.0, micros()], uptime: [before.1, hundredths()] });
    }
    let runs = if hooked { shell.home.runs() } else { Vec::new() };
    Played { prompts, windows, runs }
}

/// What is wrong with the runs of a row; nothing, when all is well.
fn faults(row: &Row, played: &Played) -> String {
    let mut faults = String::new();
    let told: Vec<_> = played.runs.iter().map(|run| (run.text(), run.status())).collect();
    let expected: Vec<_> =
        row.lines.iter().filter_map(|typed| typed.told).map(|(text, code)| (text.to_owned(), code)).collect();
    if told != expected {
        return format!("told {:.400}\nexpected {:.400}\n", format!("{told:?}"), format!("{expected:?}"));
    }
    let lines = row.lines.iter().zip(&played.windows).filter(|(typed, _)| typed.told.is_some());
    for (run, (typed, window)) in played.runs.iter().zip(lines) {
        let (begun, ended) = interval(run);
        let ([from, to], slack) = match run.start.stamp {
            // fish cuts to hundredths, and tells milliseconds.
            Stamp::Uptime { .. } => (window.uptime.map(|hundredths| hundredths * 10_000), 11_000),
            _ => (window.micros, 0),
        };
        if begun < from || ended.is_some_and(|ended| ended > to + slack || ended < begun) {
            writeln!(faults, "{:?}: {begun}…{ended:?} is not in {from}…{to}", typed.told).unwrap();
        }
        if ended.is_some_and(|ended| ended - begun < typed.takes * 1000) {
            writeln!(faults, "{:?} is too short: {begun}…{ended:?}", typed.told).unwrap();
        }
    }
    faults
}

/// Begin and end, microseconds since 1970, or since boot in fish.
fn interval(run: &Recorded) -> (u64, Option<u64>) {
    let begun = match run.start.stamp {
        Stamp::Micros(micros) => micros,
        Stamp::Uptime { hundredths, .. } => hundredths * 10_000,
        Stamp::Serial(_) => panic!("a shell without a clock: {run:?}"),
    };
    let ended = run.end.as_ref().map(|end| {
        end.end_us
            .or_else(|| end.took_ms.map(|took| begun + took * 1000))
            .unwrap_or_else(|| panic!("{run:?}"))
    });
    (begun, ended)
}

fn check(kind: Kind) {
    let mut failures = String::new();
    for row in table::ROWS.iter().filter(|row| row.shells.contains(&kind)) {
        let [with, without] = [true, false].map(|hooked| play(row, kind, hooked));
        let mut faults = faults(row, &with);
        if with.prompts != without.prompts {
            let differ = with.prompts.iter().zip(&without.prompts).find(|(with, without)| with != without);
            writeln!(faults, "shown with and without: {:.600}", format!("{differ:?}")).unwrap();
        }
        if !faults.is_empty() {
            write!(failures, "\n{}\n{faults}", row.name).unwrap();
        }
    }
    assert!(failures.is_empty(), "{kind:?}:{failures}");
}

#[test]
fn bash_records_each_line_rightly_and_in_its_time() {
    check(Kind::Bash);
}

#[test]
fn zsh_records_each_line_rightly_and_in_its_time() {
    check(Kind::Zsh);
}

#[test]
fn fish_records_each_line_rightly_and_in_its_time() {
    check(Kind::Fish);
}

/// Nobody types it: it comes back from the history of another day.
#[test]
fn a_line_of_a_hundred_kilobytes_is_recorded_whole_and_shown_as_ever() {
    let long = format!("true {}", "x".repeat(100_000));
    for kind in EVERY {
        let [with, without] = [true, false].map(|hooked| recalled(kind, hooked, &long));
        assert!(with.1 == without.1, "{kind:?}: shown with {:?} and without {:?}", with.1, without.1);
        let mut runs = with.0.home.runs();
        let told: Vec<_> = runs.iter().map(|run| (run.text().len(), run.status())).collect();
        assert_eq!(told, [(long.len(), Some(0))], "{kind:?}");
        assert_eq!(runs.remove(0).text(), long, "{kind:?}");
    }
}

/// A shell in which a line of its history was entered again, and what it shows behind that.
fn recalled(kind: Kind, hooked: bool, line: &str) -> (Shell, String) {
    let home = Home::new();
    home.rc(kind, "", hooked, "");
    if kind == Kind::Fish {
        let folder = home.path().join(".local/share/fish");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("fish_history"), format!("- cmd: {line}\n  when: 1700000000\n")).unwrap();
    } else {
        std::fs::write(home.path().join("history"), format!("{line}\n")).unwrap();
        let file = home.rc_file(kind);
        // zsh reads none unless it is told to; what is typed is for emacs in both.
        let rc = std::fs::read_to_string(&file).unwrap();
        std::fs::write(file, format!("SAVEHIST=10\nset -o emacs\n{rc}")).unwrap();
    }
    let mut command = home.command(kind, Transport::Mailbox);
    command.env("TERM", "xterm");
    let mut shell = Shell::from(home, command);
    shell.terminal.send("\u{10}");
    shell.terminal.shows("xxxx");
    shell.terminal.waits();
    shell.line("");
    let picture = shell.terminal.picture_so_far().text();
    (shell, picture)
}

//! Beside other people's plug-ins, the real ones, each loaded before the hook and after it: every typed line is told once
//! and rightly, the plug-in does its work, and the screen shows what it shows without the hook.

mod bash;
mod fish;
mod together;
mod zsh;

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::picture::Picture;
use crate::pty::{Prompt, Terminal};
use crate::shells::{Home, Kind, Transport};

/// One of them, and what is done with it.
struct Other {
    name: &'static str,
    /// What its manual has the user write into the shell's file. `@` = the scratch directory, `%` = what npm brought.
    load: &'static str,
    /// What stands at the end of the file; none: a numbered prompt of ours. A plug-in that draws the prompt itself has
    /// only the number put behind its own.
    prompt: Option<&'static str>,
    /// What it draws in every prompt.
    draws: &'static str,
    prepare: fn(&Home),
    steps: &'static [Step],
}

/// A line that is typed.
struct Step {
    keys: &'static str,
    /// The text that is told; none: not told at all.
    told: Option<&'static str>,
    status: i32,
    /// What must be on the screen until the next prompt.
    shows: &'static str,
    /// Before Enter is pressed.
    first: First,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum First {
    Nothing,
    /// Ctrl-R and fzf over the keys so far: the beginning of what it finds.
    Search(&'static str),
    /// What the plug-in must show of itself, and the keys that are pressed then.
    See(&'static str, &'static str),
}

const fn line(keys: &'static str, status: i32) -> Step {
    Step { keys, told: Some(keys), status, shows: "", first: First::Nothing }
}

impl Step {
    const fn shows(mut self, shows: &'static str) -> Self {
        self.shows = shows;
        self
    }

    const fn told(mut self, told: &'static str) -> Self {
        self.told = Some(told);
        self
    }

    const fn told_nothing(mut self) -> Self {
        self.told = None;
        self
    }

    const fn first(mut self, first: First) -> Self {
        self.first = first;
        self
    }
}

const OTHER: Other = Other { name: "", load: "", prompt: None, draws: "", prepare: |_| {}, steps: &[] };

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// What the screen shows then is what it must show.
    WithoutUs,
    Before,
    After,
}

/// What is wrong with one line is mostly wrong with the rest.
const MOST_FAULTS: usize = 2;

fn check(kind: Kind, others: &[Other]) {
    let mut failures = String::new();
    for other in others {
        let [expected, before, after] = [Order::WithoutUs, Order::Before, Order::After]
            .map(|order| Played::of(kind, other, order, Transport::Mailbox));
        for (order, played) in
            [(Order::WithoutUs, &expected), (Order::Before, &before), (Order::After, &after)]
        {
            let mut faults = 0;
            let mut fault = |what: String| {
                faults += 1;
                if faults > MOST_FAULTS {
                    return;
                }
                writeln!(failures, "\n{} in {}, {order:?}: {what}", other.name, kind.name()).unwrap();
            };
            for (step, Seen { prompt, .. }) in other.steps.iter().zip(&played.prompts) {
                if prompt.status != step.status || !prompt.screen.contains(step.shows) {
                    fault(format!(
                        "{:?} should end with {} and show {:?}: {prompt:?}",
                        step.keys, step.status, step.shows
                    ));
                }
            }
            // Not at each: powerline gives up when the machine is slow.
            if !played.prompts.iter().any(|Seen { prompt, .. }| prompt.screen.contains(other.draws)) {
                fault(format!("{:?} was never drawn", other.draws));
            }
            if order == Order::WithoutUs {
                assert_eq!(played.told, []);
                continue;
            }
            for ((step, with), without) in other.steps.iter().zip(&played.prompts).zip(&expected.prompts) {
                if with.same != without.same {
                    fault(format!(
                        "{:?} shows\n    {:?}, without the hook\n    {:?}",
                        step.keys, with.same, without.same
                    ));
                }
            }
            let told: Vec<_> =
                other.steps.iter().filter_map(|step| Some((step.told?, Some(step.status)))).collect();
            let were: Vec<_> = played.told.iter().map(|(text, status)| (text.as_str(), *status)).collect();
            if were != told {
                fault(format!("told\n    {were:?}\n    instead of\n    {told:?}"));
            }
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

struct Seen {
    prompt: Prompt,
    /// What of the screen is the same each time.
    same: String,
}

/// What came of it.
struct Played {
    prompts: Vec<Seen>,
    told: Vec<(String, Option<i32>)>,
}

impl Played {
    fn of(kind: Kind, other: &Other, order: Order, transport: Transport) -> Self {
        let home = Home::new();
        (other.prepare)(&home);
        let root = home.bp().parent().unwrap().display().to_string();
        let load = other.load.replace('@', &root).replace('%', fetched().to_str().unwrap());
        let (before, after) = if order == Order::Before { (load.as_str(), "") } else { ("", load.as_str()) };
        home.rc_with_prompt(
            kind,
            before,
            order != Order::WithoutUs,
            after,
            other.prompt.unwrap_or(kind.prompt()),
        );
        let mut command = home.command(kind, transport);
        command.env("TERM", "xterm-256color");
        let mut terminal = Terminal::start(command);
        terminal.prompt();
        let prompts = other.steps.iter().map(|step| play(&mut terminal, kind, step, &home)).collect();
        let told = home.runs().iter().map(|run| (run.text(), run.status())).collect();
        Self { prompts, told }
    }
}

fn play(terminal: &mut Terminal, kind: Kind, step: &Step, home: &Home) -> Seen {
    terminal.send(step.keys);
    match step.first {
        First::Nothing => {}
        First::Search(found) => search(terminal, found),
        First::See(seen, keys) => {
            terminal.shows(seen);
            terminal.send(keys);
        }
    }
    let pressed = bp_proto::time::UnixMillis::now();
    terminal.send("\r");
    let mut prompt = terminal.prompt();
    if let (First::Search(_), Some(run)) = (step.first, home.runs().last()) {
        // The time that somebody searched is not the command's.
        if let bp_proto::mailbox::Stamp::Micros(started) = run.start.stamp {
            assert!(i128::from(started) >= i128::from(pressed.0) * 1000, "it began before Enter: {run:?}");
        }
    }
    let scratch = home.bp().parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
    prompt.screen = prompt.screen.replace(&scratch, "@");
    let same = match kind {
        // How a list is painted while it is filled is a matter of luck.
        _ if step.first != First::Nothing => String::new(),
        // It repaints its line as often as it likes.
        Kind::Fish => {
            let printed = prompt.screen.split_once("\u{1b}[?2004l").map_or("", |(_, printed)| printed);
            printed.split_once('⏎').map_or(printed, |(printed, _)| printed).to_owned()
        }
        // A plug-in repaints the line as its letters come, one by one or several at once.
        Kind::Zsh => Picture::of(prompt.screen.as_bytes(), terminal.size().0, terminal.size().1).text(),
        Kind::Bash => prompt.screen.clone(),
    };
    Seen { prompt, same }
}

/// Ctrl-R behind some words: fzf takes the terminal, shows what of the history fits, and is told to take it.
fn search(terminal: &mut Terminal, found: &str) {
    terminal.send("\x12");
    // It asks where the cursor is, more than once, and a terminal answers.
    let (from, mut answered) = (terminal.all().len(), 0);
    loop {
        let asked = |terminal: &Terminal| terminal.all()[from..].matches("\u{1b}[6n").count();
        let shows = |terminal: &Terminal| terminal.all()[from..].contains(found);
        assert!(terminal.reads_until(|terminal| shows(terminal) || asked(terminal) > answered));
        if shows(terminal) {
            break;
        }
        terminal.send("\u{1b}[5;1R");
        answered += 1;
    }
    terminal.send("\r");
    // It gives the mouse back when it goes.
    assert!(terminal.reads_until(|terminal| terminal.all()[from..].contains("\u{1b}[?1000l")));
    terminal.waits();
}

/// The folder that `cargo xtask test` fills.
fn fetched() -> PathBuf {
    let target = std::path::Path::new(env!("CARGO_BIN_EXE_bpctl")).ancestors().nth(2).unwrap();
    let fetched = target.join("others/node_modules");
    assert!(fetched.is_dir(), "no {}; `cargo xtask test` fetches it", fetched.display());
    fetched
}

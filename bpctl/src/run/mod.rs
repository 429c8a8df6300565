//! `bpctl run`: a command, recorded, and otherwise as if it had been typed without us. Fails open: whatever is wrong
//! with bpd, the command runs.
//!
//! Reached without clap, and without a look at the language unless there is something to say: it stands in the way of every command that it records.

pub mod args;
mod cost;
mod delivery;
mod process;
mod signals;
mod summary;

use std::ffi::{OsStr, OsString};
use std::io::{self, Write as _};
use std::time::Instant;

use bp_proto::place::Places;
use bp_proto::{RUN_ENV, Totals, UnixMillis};

use args::{Args, Asked, Command};
use delivery::Bpd;
use process::Outcome;

use crate::cli;
use crate::screen;
use crate::text::words::{Lang, Word, fill};

const NOT_STARTED: i32 = 125;
const NOT_EXECUTABLE: i32 = 126;
const NOT_FOUND: i32 = 127;

/// `words` = what stands behind `run`; `named` = the language that stands before it.
pub fn main(words: impl IntoIterator<Item = OsString>, named: Option<Lang>) -> u8 {
    match args::read(words) {
        Asked::Run(args) => record(&args, named),
        Asked::Help => cli::print_help("run", lang(named)),
        Asked::Wrong(why) => {
            let lang = lang(named);
            let more = Word::MoreWithHelp.text(lang);
            say(&format!("{}\n\n{}\n\n{more}", why.text(lang), cli::usage("run", lang)));
            2
        }
    }
}

fn record(args: &Args, named: Option<Lang>) -> u8 {
    let bpd = Bpd::find();
    let rules = bpd.as_ref().map(Bpd::ignored).unwrap_or_default();
    let start = delivery::start(args, UnixMillis::now(), &rules);
    let served = bpd.as_ref().is_ok_and(|bpd| bpd.started(&start));
    process::adopt_orphans(true);
    let began = Instant::now();
    let ran = run(&args.command, &start.uid.to_string(), served);
    let outcome = ran.unwrap_or_else(|(exit_code, word, values)| {
        say(&fill(word.text(lang(named)), &values.each_ref().map(String::as_str)));
        failed(exit_code)
    });
    process::adopt_orphans(false);
    let finish = delivery::finish(&start, &outcome, began, UnixMillis::now());
    let took = finish.took.unwrap_or_default();
    let delivered = bpd.and_then(|bpd| bpd.ended(start, finish, served));
    if !args.quiet && summary::is_wanted() {
        say(&summary::line(&outcome, took, &delivered, lang(named)));
    }
    if outcome.interrupted {
        process::die_of_interrupt();
    }
    outcome.exit_code as u8
}

/// The exit code and what there is to say when it could not be started. `served` by bpd, which keeps a counter: the next one costs
/// nothing, and is opened first.
fn run(command: &Command, uid: &str, served: bool) -> Result<Outcome, (i32, Word, [String; 2])> {
    let words: Vec<&OsStr> = match command {
        Command::Line(line) => vec!["/bin/sh".as_ref(), "-c".as_ref(), line],
        Command::Words(words) => words.iter().map(OsString::as_os_str).collect(),
    };
    let program = words[0];
    let outcome = match process::run(&words, RUN_ENV, uid, served) {
        // A script without a first line is a shell script, as for every shell.
        Err(error) if error.raw_os_error() == Some(libc::ENOEXEC) => {
            let path = std::env::var_os("PATH");
            let script = args::find_program(program, path.as_deref()).unwrap_or_else(|| program.into());
            let mut again = vec!["/bin/sh".as_ref(), script.as_os_str()];
            again.extend(&words[1..]);
            process::run(&again, RUN_ENV, uid, served)
        }
        outcome => outcome,
    };
    outcome.map_err(|error| {
        let values = [program.to_string_lossy().into_owned(), error.to_string()];
        let (exit_code, word) = match error.kind() {
            io::ErrorKind::NotFound => (NOT_FOUND, Word::RunNotFound),
            io::ErrorKind::PermissionDenied => (NOT_EXECUTABLE, Word::RunNotExecutable),
            _ if error.raw_os_error() == Some(libc::ENOEXEC) => (NOT_EXECUTABLE, Word::RunNotExecutable),
            _ => (NOT_STARTED, Word::RunNotStarted),
        };
        (exit_code, word, values)
    })
}

fn failed(exit_code: i32) -> Outcome {
    let totals = Totals { cpu_ns: Some(0), user_ns: Some(0), system_ns: Some(0), ..Totals::default() };
    Outcome { exit_code, signal: None, totals, waited: None, background: false, interrupted: false }
}

/// Looked up only when there is something to say.
fn lang(named: Option<Lang>) -> Lang {
    named.unwrap_or_else(|| screen::lang(None, Places::find().ok().map(|places| places.config).as_deref()))
}

fn say(what: &str) {
    // Nobody is left to tell when stderr is closed.
    let _ = writeln!(io::stderr(), "bpctl: {what}");
}

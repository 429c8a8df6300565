//! The verbs of bpctl, one file each.

mod activity;
mod agree;
pub mod alerts;
pub mod compare;
pub mod completions;
pub mod config;
pub mod daemon;
pub mod doctor;
pub mod edit;
pub mod event;
pub mod import;
pub mod init;
pub mod list;
pub mod open;
pub mod overhead;
pub mod pause;
pub mod privacy;
pub mod rm;
pub mod setup;
pub mod show;
pub mod status;
pub mod watch;

use std::io::{self, Write as _};

use bp_proto::client::ClientError;
use bp_proto::place::{PlaceError, Places};
use clap::Subcommand;

use crate::ask::{NoSuchRun, refusal};
use crate::cli::{Cli, Common};
use crate::run::args::Described;
use crate::screen::{self, Screen};
use crate::text::escape::visible;
use crate::text::said::sentence;
use crate::text::search;
use crate::text::table::fold;
use crate::text::words::{Lang, Word};

/// One arm a verb; each verb's file holds its arguments and what it does.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Runs a command and records it
    Run(Described),
    /// Lists the newest runs
    #[command(visible_alias = "ls", after_long_help = search::help(Lang::En))]
    List(list::Args),
    /// Shows one run
    Show(show::Args),
    /// Compares a run with an earlier one of the same command
    Compare(compare::Args),
    /// Watches the commands that run, the busiest first, repainted every second
    #[command(visible_alias = "top")]
    Watch(watch::Args),
    /// Opens the dashboard in the browser
    Open(open::Args),
    /// Lists what deserved a word
    Alerts(alerts::Args),
    /// Gives a run tags, or takes them away
    Tag(edit::TagArgs),
    /// Gives a run a note
    Note(edit::NoteArgs),
    /// Removes runs for good
    #[command(visible_alias = "forget")]
    Rm(rm::Args),
    /// Says what bpd is and whether all is well
    Status(status::Args),
    /// Finds what is in the way of a recorded command
    Doctor(doctor::Args),
    /// Says what bp itself has cost this week
    Overhead(overhead::Args),
    /// Starts, stops and looks after the daemon
    Daemon(daemon::Args),
    /// Records nothing that is typed, for a while or until `bpctl resume`
    Pause(pause::PauseArgs),
    /// Records again what is typed
    Resume(pause::ResumeArgs),
    /// Says what is kept and what is ignored, and what would be kept of a command line
    Privacy(privacy::Args),
    /// Adds the hook to the file that your shell reads, after asking
    Setup(setup::Args),
    /// Reads what a shell remembers of the time before bp
    Import(import::Args),
    /// Takes away what bp has put anywhere, after asking
    Uninstall(setup::UninstallArgs),
    /// Prints what a shell evaluates to be recorded: eval "$(bpctl init bash)"
    Init(init::Args),
    /// Shows and checks the config
    Config(config::Args),
    /// Prints what a shell reads to complete these verbs
    Completions(completions::Args),
    /// Prints this help, or that of a command
    Help {
        /// Of which command
        command: Vec<String>,
    },
    /// Takes mailbox records on standard input, for shells that cannot write the mailbox themselves
    #[command(hide = true)]
    Event(event::Args),
}

/// What a verb's end means to a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    Fine = 0,
    Failed = 1,
    Usage = 2,
    /// `compare --fail-on`.
    Regression = 3,
    NoSuchRun = 4,
    Unreachable = 5,
    NotPermitted = 6,
}

/// What was typed cannot be done as it was typed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// Everything but `run` and `event`.
pub fn main(cli: Cli) -> u8 {
    let outcome = cli.verb.run(&cli.common);
    report(outcome, &cli.common)
}

impl Verb {
    fn run(self, common: &Common) -> anyhow::Result<Exit> {
        let screen = || Screen::new(common, Places::find().ok().map(|places| places.config).as_deref());
        match self {
            Self::List(args) => list::run(&args, &screen()),
            Self::Show(args) => show::run(&args, &screen()),
            Self::Compare(args) => compare::run(&args, &screen()),
            Self::Watch(args) => watch::run(&args, &screen()),
            Self::Open(args) => open::run(&args, &screen()),
            Self::Alerts(args) => alerts::run(&args, &screen()),
            Self::Tag(args) => edit::tag(&args, &screen()),
            Self::Note(args) => edit::note(&args, &screen()),
            Self::Rm(args) => rm::run(&args, &screen()),
            Self::Status(args) => status::run(&args, &screen()),
            Self::Doctor(args) => doctor::run(&args, &screen()),
            Self::Overhead(args) => overhead::run(&args, &screen()),
            Self::Completions(args) => completions::run(&args),
            Self::Daemon(args) => daemon::run(&args, &screen()),
            Self::Pause(args) => pause::pause(&args, &screen()),
            Self::Resume(args) => pause::resume(&args, &screen()),
            Self::Privacy(args) => privacy::run(&args, &screen()),
            Self::Setup(args) => setup::run(&args, &screen()),
            Self::Import(args) => import::run(&args, &screen()),
            Self::Uninstall(args) => setup::uninstall(&args, &screen()),
            Self::Init(args) => init::run(&args),
            Self::Config(args) => config::run(&args, &screen()),
            Self::Event(args) => event::run(&args),
            // `cli::rewritten` has made `--help` of it.
            Self::Help { .. } => Ok(Exit::Fine),
            // `main` has taken every other `run`: an option other than `--lang` stands before this one.
            Self::Run(_) => Err(Usage(screen().word(Word::RunOptions).to_owned()).into()),
        }
    }
}

/// One line on stderr for an error, another for what helps, and the exit code that the contract gives it.
fn report(outcome: anyhow::Result<Exit>, common: &Common) -> u8 {
    let exit = outcome.unwrap_or_else(|error| {
        // Nobody is left to tell when stderr is closed.
        let mut stderr = io::stderr();
        let config = Places::find().ok().map(|places| places.config);
        let lang = screen::lang(common.lang.as_deref(), config.as_deref());
        let message = format!("bpctl: {}", visible(&sentence(&error, lang)));
        let hint = refusal(&error).and_then(|refusal| refusal.hint.as_deref()).map(visible);
        let _ = stderr.write_all(fitted(&message, hint.as_deref(), screen::error_width()).as_bytes());
        exit_of(&error)
    });
    exit as u8
}

/// The message and its hint in lines of `width` columns; `None`: one line each, as programs read it.
fn fitted(message: &str, hint: Option<&str>, width: Option<usize>) -> String {
    let lines = |text: &str, indent: usize| match width {
        Some(width) => fold(text, width.saturating_sub(indent)),
        None => vec![text.to_owned()],
    };
    let hint = hint.iter().flat_map(|hint| lines(hint, 2)).map(|line| format!("  {line}"));
    let mut lines = lines(message, 0);
    lines.extend(hint);
    lines.join("\n") + "\n"
}

fn exit_of(error: &anyhow::Error) -> Exit {
    if error.is::<NoSuchRun>() {
        return Exit::NoSuchRun;
    }
    if error.is::<Usage>() {
        return Exit::Usage;
    }
    if matches!(error.downcast_ref(), Some(PlaceError::NotOurs { .. })) {
        return Exit::NotPermitted;
    }
    match error.downcast_ref::<ClientError>() {
        Some(ClientError::Unreachable { source, .. }) if source.kind() == io::ErrorKind::PermissionDenied => {
            Exit::NotPermitted
        }
        Some(ClientError::Unreachable { .. } | ClientError::Silent { .. } | ClientError::Broken(_)) => {
            Exit::Unreachable
        }
        Some(ClientError::Refused(failure)) => match failure.error.code.as_str() {
            "run_not_found" | "ambiguous_run" => Exit::NoSuchRun,
            "not_permitted" => Exit::NotPermitted,
            "invalid_query" | "malformed_request" | "too_many_tags" | "invalid_tag" | "invalid_note" => {
                Exit::Usage
            }
            _ => Exit::Failed,
        },
        _ => Exit::Failed,
    }
}

#[cfg(test)]
mod tests {
    use bp_proto::Failure;
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_verbs_fit_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_end_has_the_exit_code_of_the_contract() {
        let refused = |code: &str| anyhow::Error::from(ClientError::Refused(Failure::new(code, "no")));
        for (error, exit) in [
            (refused("run_not_found"), 4),
            (refused("ambiguous_run"), 4),
            (refused("invalid_query"), 2),
            (refused("not_permitted"), 6),
            (refused("store_failed"), 1),
            (NoSuchRun("none".into()).into(), 4),
            (Usage("no".into()).into(), 2),
            (ClientError::Broken(io::ErrorKind::ConnectionReset.into()).into(), 5),
            (ClientError::Silent { socket: "/x".into() }.into(), 5),
            (
                ClientError::Unreachable { socket: "/x".into(), source: io::ErrorKind::NotFound.into() }
                    .into(),
                5,
            ),
            (
                ClientError::Unreachable {
                    socket: "/x".into(),
                    source: io::ErrorKind::PermissionDenied.into(),
                }
                .into(),
                6,
            ),
        ] {
            assert_eq!(exit_of(&error) as u8, exit, "{error:?}");
        }
    }

    #[test]
    fn an_error_fits_the_terminal_and_is_one_line_for_programs() {
        let (message, hint) =
            ("bpctl: `make` names no run; use a field", Some("such as cmd:make or since:1d"));
        let page = fitted(message, hint, Some(20));
        assert!(page.lines().all(|line| line.chars().count() <= 20), "{page}");
        assert_eq!(page.split_whitespace().count(), 13, "no word is broken: {page}");
        assert_eq!(fitted(message, hint, None).lines().count(), 2);
    }
}

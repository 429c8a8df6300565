//! `bpctl completions SHELL`: what a shell reads to complete our verbs, the names of runs and the fields of a search.

use std::path::{Path, PathBuf};

use bp_proto::search::FIELDS;
use clap::builder::PossibleValuesParser;
use clap::{Arg, Command, CommandFactory as _, ValueHint};
use clap_complete::Shell;

use super::{Exit, init};
use crate::cli::Cli;
use crate::screen::Screen;

/// Names of runs that are words.
const RUNS: [&str; 7] =
    ["latest", "latest-success", "latest-failed", "running", "slowest", "fastest", "median"];
const ACTORS: [&str; 3] = ["human", "ci", "agent"];
/// Arguments that name a file or a directory.
const FILES: [&str; 2] = ["file", "dir"];

/// Where each shell looks for completions of `bpctl`, below the home directory. zsh has no such place.
const PLACES: [&str; 2] =
    [".local/share/bash-completion/completions/bpctl", ".config/fish/completions/bpctl.fish"];

#[derive(Debug, clap::Args)]
pub struct Args {
    shell: Shell,
}

pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut with_values(Cli::command()), "bpctl", &mut script);
    if args.shell == Shell::Fish {
        script.extend_from_slice(arguments_in_fish().as_bytes());
    }
    // Never through a pager: it is read by a shell.
    Screen::print_at_once(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Fine)
}

/// What clap does not write for fish: the arguments. The newest runs come with their commands beside them.
fn arguments_in_fish() -> String {
    let (runs, fields) = (RUNS.join(" "), FIELDS.map(|field| format!("{field}:")).join(" "));
    let newest = "(bpctl list --plain -n 20 2>/dev/null | tail -n +2 | cut -f 1,9)";
    let of = |verbs: &str, values: &str| {
        format!("complete -c bpctl -n \"__fish_seen_subcommand_from {verbs}\" -f -k -a \"{values}\"\n")
    };
    of("show compare tag note rm forget open", &runs)
        + &of("show compare tag note rm forget open", newest)
        + &of("list ls rm forget", &fields)
}

/// The command that gives `shell` the completions for good.
pub(super) fn installed_by(shell: init::Shell) -> &'static str {
    match shell {
        init::Shell::Bash => {
            "mkdir -p ~/.local/share/bash-completion/completions && \
             bpctl completions bash >~/.local/share/bash-completion/completions/bpctl"
        }
        init::Shell::Zsh => "echo 'source <(bpctl completions zsh)' >>~/.zshrc",
        init::Shell::Fish => "bpctl completions fish >~/.config/fish/completions/bpctl.fish",
        init::Shell::Powershell => {
            "Add-Content $PROFILE 'bpctl completions powershell | Out-String | Invoke-Expression'"
        }
    }
}

/// Files of completions that are there.
pub(super) fn files(home: &Path) -> Vec<PathBuf> {
    PLACES.iter().map(|place| home.join(place)).filter(|file| file.exists()).collect()
}

/// The same verbs with values to offer. Only for the scripts: what may be typed is more.
fn with_values(command: Command) -> Command {
    command.mut_args(offered).mut_subcommands(with_values)
}

fn offered(arg: Arg) -> Arg {
    let fields = || FIELDS.iter().map(|field| format!("{field}:")).collect::<Vec<_>>();
    match arg.get_id().as_str() {
        "run" | "current" | "baseline" | "before" => arg.value_parser(PossibleValuesParser::new(RUNS)),
        "runs" => {
            let names = RUNS.map(str::to_owned).into_iter().chain(fields());
            arg.value_parser(PossibleValuesParser::new(names.map(leaked)))
        }
        "search" => arg.value_parser(PossibleValuesParser::new(fields().into_iter().map(leaked))),
        "actor" => arg.value_parser(PossibleValuesParser::new(ACTORS)),
        id if FILES.contains(&id) || !arg.get_action().takes_values() => arg,
        // Else shells offer the files of the directory.
        _ if arg.get_value_hint() == ValueHint::Unknown && arg.get_possible_values().is_empty() => {
            arg.value_hint(ValueHint::Other)
        }
        _ => arg,
    }
}

/// clap keeps names for the life of the program, which ends with the script.
fn leaked(name: String) -> &'static str {
    Box::leak(name.into_boxed_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_runs_fields_and_actors_are_offered_and_files_only_where_they_belong() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut with_values(Cli::command()), "bpctl", &mut script);
            let mut script = String::from_utf8(script).unwrap();
            if shell == Shell::Fish {
                script += &arguments_in_fish();
            }
            for name in ["latest-success", "slowest", "human", "exit", "since"] {
                assert!(script.contains(name), "{shell}: {name}");
            }
        }
        let mut command = with_values(Cli::command());
        command.build();
        let alerts = command.find_subcommand("alerts").unwrap();
        let actor = alerts.get_arguments().find(|arg| arg.get_id() == "actor").unwrap();
        assert_eq!(actor.get_possible_values().len(), ACTORS.len());
        let import = command.find_subcommand("import").unwrap();
        let hint = |id: &str| import.get_arguments().find(|arg| arg.get_id() == id).map(Arg::get_value_hint);
        assert_ne!(hint("file"), Some(ValueHint::Other));
    }
}

//! `bpctl completions SHELL`: what a shell reads to complete our verbs.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::Exit;
use crate::cli::Cli;
use crate::screen::Screen;

#[derive(Debug, clap::Args)]
pub struct Args {
    shell: Shell,
}

pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "bpctl", &mut script);
    // Never through a pager: it is read by a shell.
    Screen::print_at_once(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Fine)
}

//! What may be typed, and what holds for every verb.

use clap::{Parser, ValueEnum};

use crate::verbs::Verb;

/// Runs, lists, shows and compares commands.
#[derive(Debug, Parser)]
#[command(name = "bpctl", version, disable_help_subcommand = true, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub verb: Verb,
}

#[derive(Clone, Debug, Default, clap::Args)]
pub struct Common {
    /// When to colour
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub color: Color,
    /// The language of what is said
    #[arg(long, global = true, value_parser = ["tr", "en"])]
    pub lang: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

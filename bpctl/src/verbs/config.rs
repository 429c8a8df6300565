//! `bpctl config`: where the config is, what is in effect, whether a file is right. bpd alone reads it, so bpd is
//! asked: the program, which need not be running, or the running one to read it again.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bp_proto::client::Client;
use bp_proto::place::Places;
use bp_proto::request::Request;
use clap::Subcommand;

use super::{Exit, Usage};
use crate::bpd;
use crate::cli::Output;
use crate::screen::Screen;
use crate::text::table::fold;
use crate::text::words::Word;

const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    output: Output,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Prints every key with what it means and the value in effect: a config file to begin with (the default)
    Show(Output),
    /// Prints where the config file is
    Path,
    /// Says what is wrong with the config file, or with FILE
    Check { file: Option<PathBuf> },
    /// Makes the running bpd read the file again
    Reload,
}

pub fn run(args: &Args, screen: &Screen) -> anyhow::Result<Exit> {
    let places = Places::find()?;
    match args.what.as_ref().unwrap_or(&What::Show(args.output)) {
        What::Show(output) => return show(&places.config, *output, screen),
        What::Path => writeln!(std::io::stdout(), "{}", places.config.display())?,
        What::Check { file } => return check(&places.config, file.as_deref(), screen),
        What::Reload => {
            Client::connect(&places.socket()?, PATIENCE)?.ask_raw(&Request::ReloadConfig)?;
            let said = screen.say(Word::ConfigRead, &[&places.config.display().to_string()]);
            writeln!(std::io::stdout(), "{said}")?;
        }
    }
    Ok(Exit::Fine)
}

/// What is in effect.
fn show(file: &Path, output: Output, screen: &Screen) -> anyhow::Result<Exit> {
    let Some(text) = bpd::config(&bpd::program()?, None, screen.lang)? else { return Ok(Exit::Failed) };
    let text = String::from_utf8_lossy(&text);
    if output.json || output.plain {
        let keys: toml::Table = text.parse()?;
        let document = serde_json::json!({ "file": file.display().to_string(), "config": keys });
        return super::show::document(&document, output, screen);
    }
    screen.print(&text.lines().map(|line| folded(line, screen)).collect::<String>())?;
    Ok(Exit::Fine)
}

/// A comment in lines that fit the screen, each of them a comment; a key and its value stay whole.
fn folded(line: &str, screen: &Screen) -> String {
    match line.strip_prefix("# ") {
        Some(comment) if !is_value(comment) => {
            let lines = fold(comment, screen.width.saturating_sub(2));
            lines.iter().fold(String::new(), |page, line| page + "# " + line + "\n")
        }
        _ => format!("{line}\n"),
    }
}

/// Whether a comment is a key that is commented out.
fn is_value(comment: &str) -> bool {
    let key = comment.split_once(" = ").map(|(key, _)| key);
    key.is_some_and(|key| key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
}

fn check(usual: &Path, file: Option<&Path>, screen: &Screen) -> anyhow::Result<Exit> {
    let named = file;
    let file = std::path::absolute(file.unwrap_or(usual))?;
    if named.is_some() && !file.exists() {
        // Only the usual one may be missing: whoever names another means one that is there.
        return Err(Usage(screen.say(Word::ConfigMissing, &[&file.display().to_string()])).into());
    }
    if bpd::config(&bpd::program()?, Some(&file), screen.lang)?.is_none() {
        return Ok(Exit::Failed);
    }
    let word = if file.exists() { Word::ConfigRight } else { Word::ConfigNone };
    screen.say_lines(&[&screen.say(word, &[&file.display().to_string()])])?;
    Ok(Exit::Fine)
}

//! `bpctl privacy test LINE`: what would be kept of a line, and which rules took something out. Asks nobody.

use std::io::Read as _;

use bp_proto::mask::{self, Kept};
use clap::Subcommand;

use super::Exit;
use crate::screen::{Screen, Tone};
use crate::text::escape::visible;
use crate::text::words::Word;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Shows what would be kept of a command line
    Test(TestArgs),
}

#[derive(Debug, clap::Args)]
struct TestArgs {
    /// The line, quoted; read from standard input when there is none, so that it comes into no history
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    line: Vec<String>,
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, screen: &Screen) -> anyhow::Result<Exit> {
    let What::Test(args) = &args.what;
    let line = if args.line.is_empty() {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes)?;
        String::from_utf8_lossy(&bytes).trim_end_matches('\n').to_owned()
    } else {
        args.line.join(" ")
    };
    let kept = mask::keep(&line);
    if args.json {
        let Kept { text, truncated, rules } = &kept;
        let document =
            serde_json::json!({ "command": text, "command_truncated": truncated, "masked": rules });
        Screen::print_json(document.to_string().as_bytes())?;
    } else {
        screen.print(&page(&kept, screen))?;
    }
    Ok(Exit::Fine)
}

fn page(kept: &Kept, screen: &Screen) -> String {
    let mut page = format!("{}\n", visible(&kept.text));
    let said = match (&kept.rules[..], kept.truncated) {
        ([], None) => screen.paint(Tone::Faint, screen.word(Word::NothingMasked)),
        (rules, _) if !rules.is_empty() => {
            screen.paint(Tone::Good, &screen.say(Word::MaskedBy, &[&rules.join(", ")]))
        }
        _ => String::new(),
    };
    if !said.is_empty() {
        page.push_str(&said);
        page.push('\n');
    }
    if let Some(length) = kept.truncated {
        page.push_str(&screen.say(Word::CutFrom, &[&length.to_string()]));
        page.push('\n');
    }
    page
}

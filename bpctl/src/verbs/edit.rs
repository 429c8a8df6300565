//! `bpctl tag`, `bpctl note`, `bpctl rm`: what a person changes about a recorded run.

use bp_proto::request::Edit;
use bp_proto::{Request, Run};

use super::Exit;
use crate::ask::Bpd;
use crate::screen::Screen;
use crate::text::escape::visible;
use crate::text::words::Word;

#[derive(Debug, clap::Args)]
pub struct TagArgs {
    /// Which run
    run: String,
    /// Tags to add; with a minus in front, to take away
    #[arg(allow_hyphen_values = true)]
    tags: Vec<String>,
    /// The run as bpd has it afterwards
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub struct NoteArgs {
    /// Which run
    run: String,
    /// The note; an empty one removes it
    text: String,
    /// The run as bpd has it afterwards
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub struct RmArgs {
    /// Which runs
    #[arg(required = true)]
    runs: Vec<String>,
}

pub fn tag(args: &TagArgs, screen: &Screen) -> anyhow::Result<Exit> {
    let mut bpd = Bpd::connect()?;
    let run = bpd.resolve(&args.run, screen)?;
    let run: Run = bpd.ask(&Request::Show { run, lang: Some(screen.lang.code().to_owned()) })?;
    let tags = changed(&run.tags, &args.tags);
    // By its id: `latest` may be another one by now.
    edit(&mut bpd, run.id, &Edit { tags: Some(tags), note: None }, args.json, screen)
}

pub fn note(args: &NoteArgs, screen: &Screen) -> anyhow::Result<Exit> {
    let mut bpd = Bpd::connect()?;
    let run = bpd.resolve(&args.run, screen)?;
    let run: Run = bpd.ask(&Request::Show { run, lang: Some(screen.lang.code().to_owned()) })?;
    edit(&mut bpd, run.id, &Edit { tags: None, note: Some(args.text.clone()) }, args.json, screen)
}

pub fn rm(args: &RmArgs, screen: &Screen) -> anyhow::Result<Exit> {
    let mut bpd = Bpd::connect()?;
    // All are found before the first goes: `rm latest latest~1` means the newest two.
    let mut ids = Vec::new();
    for selector in &args.runs {
        let run = bpd.resolve(selector, screen)?;
        let run: Run = bpd.ask(&Request::Show { run, lang: Some(screen.lang.code().to_owned()) })?;
        if !ids.contains(&run.id) {
            ids.push(run.id);
        }
    }
    for id in ids {
        bpd.ask_raw(&Request::Delete { run: id.to_string() })?;
        screen.print(&(screen.say(Word::Deleted, &[&id.to_string()]) + "\n"))?;
    }
    Ok(Exit::Fine)
}

fn edit(bpd: &mut Bpd, id: u64, edit: &Edit, json: bool, screen: &Screen) -> anyhow::Result<Exit> {
    let raw = bpd.ask_raw(&Request::Edit { run: id.to_string(), edit: edit.clone() })?;
    if json {
        Screen::print_json(&raw)?;
        return Ok(Exit::Fine);
    }
    let run: Run = serde_json::from_slice(&raw)?;
    if edit.note.is_some() && run.note.is_none() {
        screen.print(&(screen.say(Word::NoteGone, &[&id.to_string()]) + "\n"))?;
        return Ok(Exit::Fine);
    }
    let said = if edit.tags.is_some() {
        if run.tags.is_empty() { screen.word(Word::NoTags).to_owned() } else { run.tags.join(", ") }
    } else {
        run.note.unwrap_or_default()
    };
    screen.print(&(screen.say(Word::Tagged, &[&id.to_string(), &visible(&said)]) + "\n"))?;
    Ok(Exit::Fine)
}

fn changed(tags: &[String], changes: &[String]) -> Vec<String> {
    let mut tags = tags.to_vec();
    for change in changes {
        if let Some(gone) = change.strip_prefix('-') {
            tags.retain(|tag| tag != gone);
        } else if !tags.contains(change) {
            tags.push(change.clone());
        }
    }
    tags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_added_once_and_taken_away() {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(changed(&words("a b"), &words("c -a c b")), words("b c"));
    }
}

//! `bpctl tag` and `bpctl note`: what a person changes about a recorded run.

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
    /// Tags to add; with one dash in front, to take away
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

/// What is taken away goes last, so that the order of the words does not matter.
fn changed(tags: &[String], changes: &[String]) -> Vec<String> {
    let mut tags = tags.to_vec();
    let (gone, added): (Vec<&String>, Vec<&String>) =
        changes.iter().partition(|change| change.starts_with('-'));
    for tag in added {
        if !tags.contains(tag) {
            tags.push(tag.clone());
        }
    }
    tags.retain(|tag| !gone.iter().any(|gone| gone[1..] == *tag));
    tags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_added_once_and_taken_away() {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(changed(&words("a b"), &words("c -a c b")), words("b c"));
        assert_eq!(changed(&words("a"), &words("-b b")), words("a"));
    }
}

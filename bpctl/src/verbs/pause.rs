//! `bpctl pause` and `bpctl resume`: for a while, or until somebody resumes, nothing that is typed is recorded.

use std::time::Duration;

use bp_proto::client::Client;
use bp_proto::pause::{Pause, Pauses};
use bp_proto::place::{Places, own_dir};
use bp_proto::{Request, UnixMillis, process};

use super::{Exit, Usage};
use crate::bpd::is_served;
use crate::screen::Screen;
use crate::text::clock;
use crate::text::said::OrSay as _;
use crate::text::words::Word;

/// A few bytes to a socket: only a bpd that hangs takes longer, and is not waited for.
const PATIENCE: Duration = Duration::from_millis(200);

#[derive(Debug, clap::Args)]
pub struct PauseArgs {
    /// How long, as 30m, 2h, 90s; until `bpctl resume` when it is not said
    time: Option<String>,
    /// Every shell, not only this one
    #[arg(long)]
    all: bool,
}

#[derive(Debug, clap::Args)]
pub struct ResumeArgs {
    /// Every shell, not only this one
    #[arg(long)]
    all: bool,
}

pub fn pause(args: &PauseArgs, screen: &Screen) -> anyhow::Result<Exit> {
    let places = Places::find()?;
    let now = UnixMillis::now();
    let until = args.time.as_deref().map(|time| Ok::<_, anyhow::Error>(now.plus(duration(time, screen)?)));
    let until = until.transpose()?;
    let shell = if args.all { None } else { process::parent() };
    let mut pauses = read(&places)?;
    pauses.begin(Pause { shell, from: now, until });
    write(&places, &pauses)?;
    say(&pauses, now, screen)
}

pub fn resume(args: &ResumeArgs, screen: &Screen) -> anyhow::Result<Exit> {
    let places = Places::find()?;
    let now = UnixMillis::now();
    let shell = process::parent();
    let mut pauses = read(&places)?;
    pauses.end(|pause| args.all || pause.shell.is_some_and(|paused| Some(paused) == shell), now);
    write(&places, &pauses)?;
    say(&pauses, now, screen)
}

/// One line for each pause that this shell is in, or that recording goes on.
fn say(pauses: &Pauses, now: UnixMillis, screen: &Screen) -> anyhow::Result<Exit> {
    let lines = sentences(pauses, now, screen);
    let lines = if lines.is_empty() { vec![screen.word(Word::Recording).to_owned()] } else { lines };
    screen.say_lines(&lines.iter().map(String::as_str).collect::<Vec<_>>())?;
    Ok(Exit::Fine)
}

/// What is paused that matters here: every shell, or the one that asks.
pub fn sentences(pauses: &Pauses, now: UnixMillis, screen: &Screen) -> Vec<String> {
    let shell = process::parent();
    let here = pauses.on(now).filter(|pause| pause.shell.is_none() || pause.shell == shell);
    let lines = here.map(|pause| match (pause.shell, pause.until) {
        (None, None) => screen.word(Word::PausedAll).to_owned(),
        (Some(_), None) => screen.word(Word::PausedHere).to_owned(),
        (None, Some(until)) => screen.say(Word::PausedAllUntil, &[&clock::short(until, now, &screen.zone)]),
        (Some(_), Some(until)) => {
            screen.say(Word::PausedHereUntil, &[&clock::short(until, now, &screen.zone)])
        }
    });
    lines.collect()
}

/// The same, where it is said beside something else: none when it cannot be told.
pub fn beside(screen: &Screen) -> Vec<String> {
    let pauses = Places::find().ok().and_then(|places| read(&places).ok()).unwrap_or_default();
    sentences(&pauses, UnixMillis::now(), screen)
}

pub fn read(places: &Places) -> anyhow::Result<Pauses> {
    let path = places.pauses();
    Ok(Pauses::read(&path).or_say(Word::CannotRead, &[&path.display().to_string()])?)
}

fn write(places: &Places, pauses: &Pauses) -> anyhow::Result<()> {
    own_dir(&places.data)?;
    let path = places.pauses();
    pauses.write(&path).or_say(Word::CannotWrite, &[&path.display().to_string()])?;
    tell(places);
    Ok(())
}

/// Who looks at the page sees it at once. Nothing depends on it: bpd reads the file before it takes a line in.
fn tell(places: &Places) {
    let socket = places.socket().ok().filter(|socket| is_served(socket));
    let client = socket.and_then(|socket| Client::connect(&socket, PATIENCE).ok());
    if let Some(mut client) = client {
        let _ = client.send(&Request::PausesChanged);
    }
}

fn duration(text: &str, screen: &Screen) -> Result<Duration, Usage> {
    let parsed = text.parse::<jiff::SignedDuration>().ok();
    let parsed = parsed.and_then(|time| Duration::try_from(time).ok()).filter(|time| !time.is_zero());
    parsed.ok_or_else(|| Usage(screen.say(Word::PauseTime, &[text])))
}

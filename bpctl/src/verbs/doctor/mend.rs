//! `bpctl doctor --fix`: what is understood is mended, a user's file only after the difference was agreed to.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use bp_proto::place::{Places, own_dir};

use super::finding::{Finding, Mend};
use crate::rcfile;
use crate::screen::{Screen, Tone};
use crate::text::escape::visible;
use crate::text::said::{OrSay as _, sentence};
use crate::text::words::Word;
use crate::verbs::{Usage, agree, daemon};

/// Whether a file was edited: what else is wrong with it, is to be seen anew.
pub(super) type Edited = bool;

/// Directories first: bpd needs them. Of several edits only the first: the others are of a text that is gone then.
pub(super) fn all(
    findings: Vec<Finding>,
    places: &Places,
    yes: bool,
    screen: &Screen,
) -> anyhow::Result<Edited> {
    let mut mends: Vec<Mend> = findings.into_iter().filter_map(|finding| finding.mend).collect();
    mends.sort_by_key(turn);
    // Whoever restarts bpd has started it.
    mends.dedup_by(|later, earlier| turn(later) >= BPD && turn(later) == turn(earlier));
    let mut edited = false;
    for mend in mends {
        match one(mend, places, yes, screen) {
            Err(error) if error.is::<Usage>() => return Err(error),
            // The others may still succeed, and what is left is told at the end.
            Err(error) => {
                let sign = screen.paint(Tone::Bad, "✗");
                let why = sentence(&error, screen.lang);
                screen.print(&format!("{sign} {}\n", visible(&why)))?;
            }
            Ok(done) => edited |= done,
        }
    }
    Ok(edited)
}

/// Edits of a user's file alone.
pub(super) fn edits(
    findings: Vec<Finding>,
    places: &Places,
    yes: bool,
    screen: &Screen,
) -> anyhow::Result<Edited> {
    let edits = findings.into_iter().filter(|finding| matches!(finding.mend, Some(Mend::Edit { .. })));
    all(edits.collect(), places, yes, screen)
}

/// The turn of those that start bpd; behind it come the edits.
const BPD: u8 = 2;

fn turn(mend: &Mend) -> u8 {
    match mend {
        Mend::Make(_) | Mend::Close(_) => 0,
        Mend::Remove(_) => 1,
        Mend::Restart | Mend::Start => BPD,
        Mend::Edit { .. } => BPD + 1,
    }
}

/// → whether a file was edited.
fn one(mend: Mend, places: &Places, yes: bool, screen: &Screen) -> anyhow::Result<Edited> {
    match mend {
        Mend::Make(dir) => {
            own_dir(&dir)?;
            mended(&screen.say(Word::MendedMade, &[&dir.display().to_string()]), screen)?;
        }
        Mend::Close(dir) => {
            let shown = dir.display().to_string();
            fs::set_permissions(&dir, fs::Permissions::from_mode(0o700))
                .or_say(Word::CannotUse, &[&shown])?;
            mended(&screen.say(Word::MendedClosed, &[&shown]), screen)?;
        }
        Mend::Remove(paths) => {
            for path in paths {
                remove(&path)?;
                mended(&screen.say(Word::MendedRemoved, &[&path.display().to_string()]), screen)?;
            }
        }
        Mend::Start => {
            daemon::start(places, screen)?;
            mended(screen.word(Word::MendedStarted), screen)?;
        }
        Mend::Restart => {
            daemon::restart(places, screen)?;
            mended(screen.word(Word::MendedRestarted), screen)?;
        }
        Mend::Edit { file, before, after } => {
            let shown = file.path.display().to_string();
            screen.print(&format!("{shown}\n{}", difference(&before, &after, screen)))?;
            if !yes && !agree::asked(screen, Word::MendAsk)? {
                return Ok(false);
            }
            // Whoever has edited it meanwhile is not to lose that.
            if file.read()? != before {
                mended(&screen.say(Word::MendedNot, &[&shown]), screen)?;
                return Ok(false);
            }
            file.write(&after)?;
            mended(&screen.say(Word::MendedEdited, &[&shown, file.shell.name()]), screen)?;
            return Ok(true);
        }
    }
    Ok(false)
}

fn remove(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        // Another doctor was here.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        removed => Ok(removed.or_say(Word::CannotRemove, &[&path.display().to_string()])?),
    }
}

/// The lines that go and come.
fn difference(before: &[u8], after: &[u8], screen: &Screen) -> String {
    let (gone, come) = rcfile::difference(before, after);
    let show = |sign: char, tone: Tone, lines: Vec<String>| -> String {
        lines.iter().map(|line| screen.paint(tone, &format!("{sign} {}", visible(line))) + "\n").collect()
    };
    show('-', Tone::Bad, gone) + &show('+', Tone::Good, come)
}

fn mended(text: &str, screen: &Screen) -> anyhow::Result<()> {
    Ok(screen.print(&format!("{} {}\n", screen.paint(Tone::Good, "+"), visible(text)))?)
}

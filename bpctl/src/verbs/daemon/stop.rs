//! `bpctl daemon stop`: bpd has ended when it let go of its lock.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::time::{Duration, Instant};

use bp_proto::client::{Client, ClientError};
use bp_proto::place::Places;
use bp_proto::request::Request;
use rustix::fs::{FlockOperation, flock};

use super::{PATIENCE, say};
use crate::screen::Screen;
use crate::text::said::{OrSay as _, Said};
use crate::text::words::Word;
use crate::verbs::Exit;

/// What is in flight is one commit and a few requests, each with its own deadline.
const END: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

pub(super) fn run(places: &Places, screen: &Screen) -> anyhow::Result<Exit> {
    let lock = places.store_lock();
    let asked = Client::connect(&places.socket()?, PATIENCE).and_then(|mut bpd| bpd.ask_raw(&Request::Stop));
    match asked {
        Ok(_) => {}
        Err(ClientError::Unreachable { .. } | ClientError::Silent { .. }) => {
            return not_reached(&lock, screen);
        }
        Err(error) => return Err(error.into()),
    }
    let deadline = Instant::now() + END;
    while is_held(&lock)? {
        if Instant::now() > deadline {
            return Err(Said::new(Word::BpdLingers, &[&who(&lock), &END.as_secs().to_string()]).into());
        }
        std::thread::sleep(LOOK_AGAIN);
    }
    say(screen.word(Word::BpdStopped))?;
    Ok(Exit::Fine)
}

fn not_reached(lock: &Path, screen: &Screen) -> anyhow::Result<Exit> {
    if is_held(lock)? {
        return Err(Said::new(Word::BpdDeaf, &[&who(lock)]).into());
    }
    say(screen.word(Word::BpdNotRunning))?;
    Ok(Exit::Fine)
}

fn is_held(lock: &Path) -> anyhow::Result<bool> {
    let file = match File::open(lock) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Ok(Err(error).or_say(Word::CannotUse, &[&lock.display().to_string()])?),
    };
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(false),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(true),
        Err(error) => Ok(Err(error).or_say(Word::CannotUse, &[&lock.display().to_string()])?),
    }
}

fn who(lock: &Path) -> String {
    holder(lock).map_or_else(String::new, |pid| format!(" (pid {pid})"))
}

/// The holder's pid, which it wrote for people.
pub(super) fn holder(lock: &Path) -> Option<u32> {
    let mut text = String::new();
    File::open(lock).and_then(|file| file.take(16).read_to_string(&mut text)).ok()?;
    text.trim().parse().ok()
}

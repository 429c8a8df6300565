//! `bpctl daemon stop`: returns after the bpd that ran has released its lock, which it does when its process ends.

use std::path::Path;
use std::time::{Duration, Instant};

use bp_proto::client::{Client, ClientError};
use bp_proto::place::Places;
use bp_proto::process;
use bp_proto::request::Request;

use super::{PATIENCE, lock, say};
use crate::screen::Screen;
use crate::text::said::Said;
use crate::text::words::Word;
use crate::verbs::Exit;

/// What is in flight is one commit and a few requests, each with its own deadline.
const END: Duration = Duration::from_secs(30);
/// A bpd that holds the lock and cannot be reached is starting or ending: it is waited for this long.
const UNREACHABLE_PATIENCE: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

pub(super) fn run(places: &Places, screen: &Screen) -> anyhow::Result<Exit> {
    let held_lock = places.store_lock();
    let began = Instant::now();
    let mut was_running = false;
    loop {
        let pid = lock::holder(&held_lock);
        match Client::connect(&places.socket()?, PATIENCE).and_then(|mut bpd| bpd.ask_raw(&Request::Stop)) {
            Ok(_) => return released(&held_lock, pid, screen),
            Err(ClientError::Silent { .. }) => {
                return Err(Said::new(Word::BpdDeaf, &[&lock::who(&held_lock)]).into());
            }
            // It is starting, or ending: then the lock is released soon.
            Err(ClientError::Unreachable { .. } | ClientError::Broken(_)) => {}
            Err(ClientError::Refused(failure)) if failure.error.code == "stopping" => {}
            Err(error) => return Err(error.into()),
        }
        if !lock::is_held(&held_lock)? {
            let word = if was_running { Word::BpdStopped } else { Word::BpdNotRunning };
            say(screen.word(word))?;
            return Ok(Exit::Fine);
        }
        was_running = true;
        if began.elapsed() > UNREACHABLE_PATIENCE && !pid.is_some_and(process::is_ending) {
            return Err(Said::new(Word::BpdDeaf, &[&lock::who(&held_lock)]).into());
        }
        std::thread::sleep(LOOK_AGAIN);
    }
}

/// Waits until the lock is free, or held by another bpd than the one that was stopped: a shell may have started it.
fn released(held_lock: &Path, pid: Option<u32>, screen: &Screen) -> anyhow::Result<Exit> {
    let deadline = Instant::now() + END;
    while lock::is_held(held_lock)? {
        let holder = lock::holder(held_lock);
        if pid.is_some() && holder.is_some() && holder != pid {
            break;
        }
        if Instant::now() > deadline {
            let seconds = END.as_secs().to_string();
            return Err(Said::new(Word::BpdLingers, &[&lock::who(held_lock), &seconds]).into());
        }
        std::thread::sleep(LOOK_AGAIN);
    }
    say(screen.word(Word::BpdStopped))?;
    Ok(Exit::Fine)
}

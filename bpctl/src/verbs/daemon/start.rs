//! `bpctl daemon start`: the held lock decides whether a bpd runs, and an answer proves that it serves.
//!
//! A socket that accepts connections proves nothing: that of a bpd which was just killed does so until the kernel has
//! closed it.

use std::time::{Duration, Instant};

use bp_proto::Status;
use bp_proto::client::{Client, ClientError};
use bp_proto::place::Places;
use bp_proto::request::Request;

use super::{PATIENCE, introduce, lock, say};
use crate::bpd::{self, Started};
use crate::screen::Screen;
use crate::text::said::{Said, sentence};
use crate::text::words::Word;
use crate::verbs::Exit;

/// A store of years is proved within a second; one that must be rebuilt takes longer.
const START: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(5);

pub(super) fn run(places: &Places, screen: &Screen) -> anyhow::Result<Exit> {
    let held_lock = places.store_lock();
    let deadline = Instant::now() + START;
    loop {
        match ask(places) {
            Ok(status) => {
                introduce(&status, screen)?;
                return Ok(Exit::Fine);
            }
            Err(error) if is_passing(&error) => {}
            Err(error) => return Err(error.into()),
        }
        if lock::is_held(&held_lock)? {
            // It is starting or ending: another `daemon start`, or one that was stopped or killed a moment ago.
            if Instant::now() > deadline {
                return Err(Said::new(Word::BpdDeaf, &[&lock::who(&held_lock)]).into());
            }
        } else {
            let left = deadline.saturating_duration_since(Instant::now());
            match bpd::start(&bpd::program()?, left.max(LOOK_AGAIN))? {
                Started::Ready(pid) => return greet(places, pid, screen),
                Started::LockHeld => {}
            }
        }
        std::thread::sleep(LOOK_AGAIN);
    }
}

/// What may be over in a moment: there is no bpd yet, or one is ending.
fn is_passing(error: &ClientError) -> bool {
    match error {
        ClientError::Unreachable { .. } | ClientError::Broken(_) => true,
        ClientError::Refused(failure) => failure.error.code == "stopping",
        _ => false,
    }
}

/// It serves from here on, whatever becomes of the question.
fn greet(places: &Places, pid: u32, screen: &Screen) -> anyhow::Result<Exit> {
    match ask(places) {
        Ok(status) => introduce(&status, screen)?,
        Err(error) => {
            let why = sentence(&error.into(), screen.lang);
            say(&screen.say(Word::BpdRunsMute, &[&pid.to_string(), &why]))?;
        }
    }
    Ok(Exit::Fine)
}

fn ask(places: &Places) -> Result<Status, ClientError> {
    let socket = places.run.join("bpd.sock");
    Client::connect(&socket, PATIENCE)?.ask(&Request::Status)
}

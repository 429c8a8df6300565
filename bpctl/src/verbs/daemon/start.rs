//! `bpctl daemon start`.

use std::time::Duration;

use bp_proto::Status;
use bp_proto::client::{Client, ClientError};
use bp_proto::place::Places;
use bp_proto::request::Request;

use super::{PATIENCE, introduce, say};
use crate::bpd;
use crate::screen::Screen;
use crate::text::said::sentence;
use crate::text::words::Word;
use crate::verbs::Exit;

/// A store of years is proved within a second; one that must be rebuilt takes longer.
const START: Duration = Duration::from_secs(30);

pub(super) fn run(places: &Places, screen: &Screen) -> anyhow::Result<Exit> {
    let socket = places.socket()?;
    if bpd::is_served(&socket) {
        let status: Status = Client::connect(&socket, PATIENCE)?.ask(&Request::Status)?;
        introduce(&status, screen)?;
        return Ok(Exit::Fine);
    }
    let pid = bpd::start(&bpd::program()?, START)?;
    // It serves from here on, whatever becomes of the question.
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

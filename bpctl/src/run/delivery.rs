//! What bpd is told of a run. Never waits: bpd away, hung or stopped costs the command nothing.
//!
//! The start is sent before the fork and its answer not awaited; it waits on disk while bpd is away, which may come
//! before the end. The end goes to the disk queue first, then to bpd,
//! which removes it from the queue once it is durable. No connection is open while the command runs.

use std::io;
use std::path::{Path, PathBuf};

use bp_proto::event::{Draft, Source};
use bp_proto::frame::{self, Kind};
use bp_proto::ignore::Rules;
use bp_proto::place::Places;
use bp_proto::spool::{Spool, Spooled};
use bp_proto::{Actor, Ending, Finish, RUN_ENV, Request, Start, Ulid, UnixMillis, process};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use rustix::rand::{GetRandomFlags, getrandom};

use super::args::Args;
use super::process::Outcome;
use crate::ignored;

/// A run's start as bpd is told it.
pub(super) fn start(args: &Args, now: UnixMillis, rules: &Rules) -> Start {
    let mut draft = Draft {
        cwd: std::env::current_dir().ok().map(|cwd| cwd.to_string_lossy().into_owned()),
        host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        actor: Actor::of_environment(|variable| std::env::var_os(variable)),
        started_at: now,
        source: Source::Wrapper,
        tags: args.tags.clone(),
        note: args.note.clone(),
        ..Draft::default()
    };
    rules.keep(&mut draft, Some(&args.command.text()));
    Start {
        uid: ulid(now),
        draft,
        owner: Some(process::own()),
        under: process::parent(),
        parent: std::env::var(RUN_ENV).ok().and_then(|run| run.parse().ok()),
        context: None,
    }
}

/// Drawn from the kernel: a generator of our own costs more to set up than the one number that is drawn from it.
fn ulid(now: UnixMillis) -> Ulid {
    let mut random = [0; 16];
    match getrandom(&mut random, GetRandomFlags::empty()) {
        Ok(drawn) if drawn == random.len() => Ulid::from_parts(now.0 as u64, u128::from_le_bytes(random)),
        _ => Ulid::generate(),
    }
}

/// Its end.
pub(super) fn finish(start: &Start, outcome: &Outcome, began: std::time::Instant, now: UnixMillis) -> Finish {
    Finish {
        uid: start.uid,
        finished_at: now,
        took: Some(began.elapsed()),
        ending: Ending::Exited { exit_code: Some(outcome.exit_code), signal: outcome.signal },
        totals: Some(outcome.totals),
        children: Vec::new(),
        rest: None,
        // Its name would tell what is not to be kept.
        waited: outcome.waited.clone().filter(|_| !start.draft.is_ignored()),
        background: outcome.background,
    }
}

/// Where a run is reported.
#[derive(Debug)]
pub(super) struct Bpd {
    socket: PathBuf,
    spool: Spool,
    config: PathBuf,
}

/// What became of the end of a run.
#[derive(Debug)]
pub(super) enum Delivered {
    /// Handed to bpd.
    Sent,
    /// bpd does not answer; it waits on disk.
    Kept,
}

impl Bpd {
    pub(super) fn find() -> anyhow::Result<Self> {
        let places = Places::find()?;
        Ok(Self { socket: places.socket()?, spool: Spool::at(places.spool()), config: places.config })
    }

    /// What is not to be kept of the command. Rules that cannot be read are for bpd to complain about: it tells whoever
    /// asks, and the command must run.
    pub(super) fn ignored(&self) -> Rules {
        ignored::rules(&self.config).unwrap_or_else(|_| Rules::unreadable())
    }

    /// → whether bpd was there to take it.
    pub(super) fn started(&self, start: &Start) -> bool {
        let request = Request::Start(Box::new(start.clone()));
        let sent = || hand_over(&self.socket, &request).is_ok();
        // What does not arrive now arrives with the end.
        if sent() {
            return true;
        }
        if self.spool.put_start(start).is_err() {
            return false;
        }
        // A bpd that has opened its socket since may have looked into the spool already.
        let sent = sent();
        if sent {
            let _ = self.spool.remove_start(start.uid);
        }
        sent
    }

    pub(super) fn ended(
        &self,
        start: Start,
        finish: Finish,
        began_served: bool,
    ) -> anyhow::Result<Delivered> {
        let uid = start.uid;
        let run = Spooled { start, finish };
        let spooled = self.spool.put(&run);
        if !began_served {
            // bpd may have taken it.
            let _ = self.spool.remove_start(uid);
        }
        if hand_over(&self.socket, &Request::Completed(Box::new(run))).is_ok() {
            return Ok(Delivered::Sent);
        }
        spooled?;
        self.spool.settle(uid)?;
        Ok(Delivered::Kept)
    }
}

/// Puts one request into bpd's socket if there is room for it at once, and goes.
fn hand_over(socket: &Path, request: &Request) -> io::Result<()> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let stream = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    // A full backlog answers EAGAIN: bpd hangs.
    rustix::net::connect(&stream, &SocketAddrUnix::new(socket)?)?;
    let bytes = frame::encode(Kind::Ask, &serde_json::to_vec(request)?);
    if bytes.len() > frame::MAX_REQUEST_BYTES {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    match rustix::net::send(&stream, &bytes, rustix::net::SendFlags::NOSIGNAL)? {
        sent if sent == bytes.len() => Ok(()),
        _ => Err(io::ErrorKind::WouldBlock.into()),
    }
}

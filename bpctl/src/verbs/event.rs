//! `bpctl event --pid PID`: mailbox records on standard input go to bpd over the socket, or, when bpd does not answer
//! at once, into the mailbox, where bpd finds them later. Never prints: it runs inside a prompt.

use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
use std::time::Duration;

use anyhow::Context as _;
use bp_proto::client::Client;
use bp_proto::frame::MAX_REQUEST_BYTES;
use bp_proto::place::{Places, own_dir};
use bp_proto::private_file::Open;

use super::Exit;

/// A prompt may wait for this; a healthy bpd answers in one `fdatasync`.
const PATIENCE: Duration = Duration::from_millis(400);

/// Nothing that a shell types comes near this; what is longer is not a mailbox.
const MAX_INPUT_BYTES: u64 = 4 << 20;

/// The shell's pid, in front of the records of a frame.
const PID_BYTES: usize = size_of::<u32>();

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell in whose name the records are sent.
    #[arg(long)]
    pid: u32,
}

/// The way in without clap: `--pid PID` or `--pid=PID`, nothing else.
pub fn main(words: &[OsString]) -> u8 {
    let Some(pid) = pid_of(words) else { return Exit::Usage as u8 };
    match run(&Args { pid }) {
        Ok(_) => Exit::Fine as u8,
        Err(_) => Exit::Failed as u8,
    }
}

fn pid_of(words: &[OsString]) -> Option<u32> {
    match words {
        [flag, pid] if flag == "--pid" => pid.to_str()?.parse().ok(),
        [word] => word.to_str()?.strip_prefix("--pid=")?.parse().ok(),
        _ => None,
    }
}

/// Delivers standard input one way or the other.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let mut records = Vec::new();
    io::stdin().take(MAX_INPUT_BYTES).read_to_end(&mut records).context("cannot read the records")?;
    if records.is_empty() {
        return Ok(Exit::Fine);
    }
    let places = Places::find()?;
    if send(&places, args.pid, &records).is_err() {
        // A record that did arrive, with its answer late, comes twice; bpd knows it by its stamp.
        leave(&places, args.pid, &records)?;
    }
    Ok(Exit::Fine)
}

fn send(places: &Places, pid: u32, records: &[u8]) -> anyhow::Result<()> {
    anyhow::ensure!(records.len() + PID_BYTES <= MAX_REQUEST_BYTES, "too long for one frame");
    Ok(Client::connect(&places.socket()?, PATIENCE)?.mail(pid, records)?)
}

fn leave(places: &Places, pid: u32, records: &[u8]) -> anyhow::Result<()> {
    own_dir(&places.run)?;
    own_dir(&places.mail())?;
    let path = places.mail().join(pid.to_string());
    Open::to_append()
        .or_create()
        .open(&path)
        .and_then(|mut file| file.write_all(records))
        .with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(words: &[&str], pid: Option<u32>) {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        assert_eq!(pid_of(&words), pid, "{words:?}");
    }

    #[test]
    fn the_pid_is_read_in_both_forms_and_nothing_else_is_taken() {
        check(&["--pid", "42"], Some(42));
        check(&["--pid=42"], Some(42));
        check(&["--pid"], None);
        check(&["42"], None);
        check(&["--pid", "-1"], None);
        check(&[], None);
    }
}

//! The store against what happens to it: kills, damage, full and forbidden disks, stores of released versions.

mod child;
mod damage;
mod disk;
mod kill;
mod recorder;
mod released;
mod undated;

use std::path::Path;
use std::time::Duration;

use bp_proto::event::Draft;
use bp_proto::{Ending, Finish, Start, Ulid, UnixMillis};
use bpd::store::{Key, KeyRule, Reader, Writer, writer};

const KEYS: KeyRule = KeyRule { version: 1, of: key };

fn key(start: &Start) -> Key {
    let text = start.draft.command.clone().unwrap_or_default();
    Key { hash: format!("{:08x}", crc32fast::hash(text.as_bytes())), text }
}

fn open(dir: &Path) -> (Writer, Reader) {
    writer::open(dir, KEYS).unwrap()
}

fn uid(n: u64) -> Ulid {
    Ulid::from_parts(1_714_980_000_000 + n, u128::from(n) << 32)
}

fn start(n: u64) -> Start {
    Start {
        uid: uid(n),
        draft: Draft {
            command: Some(format!("komut {n} --bayrak=çğü")),
            cwd: Some("/tmp/deneme".to_owned()),
            host: "kara".to_owned(),
            started_at: UnixMillis(1_714_980_000_000 + n as i64),
            ..Draft::default()
        },
        owner: None,
        under: None,
        parent: None,
        context: None,
    }
}

fn finish(n: u64) -> Finish {
    Finish {
        uid: uid(n),
        finished_at: UnixMillis(1_714_980_000_100 + n as i64),
        took: Some(Duration::from_millis(99)),
        ending: Ending::Exited { exit_code: Some((n % 3) as i32), signal: None },
        totals: None,
        children: Vec::new(),
        rest: None,
        waited: None,
        background: false,
    }
}

//! The store as its users see it: every test runs on both indexes.

use std::path::Path;
use std::time::Duration;

use bp_proto::event::{Draft, Source};
use bp_proto::request::Edit;
use bp_proto::{
    AlertReport, Ending, Finish, Level, Point, Quality, RunState, Sample, Start, Totals, Ulid, UnixMillis,
};

use super::open::{Backing, open_with};
use super::{Cursor, Curve, Key, KeyRule, OwnCost, Reader, Row, Within, Writer};
use crate::event::Refusal;

pub(super) const KEYS: KeyRule = KeyRule { version: 1, of: key };

fn key(start: &Start) -> Key {
    let word = start.draft.command.as_deref().unwrap_or("?").split(' ').next().unwrap_or("?");
    Key { hash: format!("k-{word}"), text: format!("{word} …") }
}

pub(super) fn start(n: u64, command: &str) -> Start {
    Start {
        uid: uid(n),
        draft: Draft {
            command: Some(command.to_owned()),
            cwd: Some("/home/ayşe/proje".to_owned()),
            host: "kara".to_owned(),
            shell: Some("zsh".to_owned()),
            started_at: UnixMillis(1_714_980_000_000 + n as i64 * 1000),
            source: Source::Hook,
            ..Draft::default()
        },
        owner: None,
        under: None,
        parent: None,
        context: None,
    }
}

pub(super) fn uid(n: u64) -> Ulid {
    Ulid::from_parts(1_714_980_000_000 + n, u128::from(n) << 40)
}

pub(super) fn finish(n: u64, exit_code: i32) -> Finish {
    Finish {
        uid: uid(n),
        finished_at: UnixMillis(1_714_980_000_000 + n as i64 * 1000 + 500),
        took: Some(Duration::from_micros(499_700)),
        ending: Ending::Exited { exit_code, signal: None },
        totals: Some(Totals { cpu_ns: Some(7), quality: Quality::Exact, ..Totals::default() }),
        children: Vec::new(),
        background: false,
    }
}

/// Runs `check` on an empty store over each index.
fn on_both(check: impl Fn(&Path, Backing)) {
    for backing in [Backing::Disk, Backing::Memory] {
        let scratch = tempfile::tempdir().unwrap();
        check(&scratch.path().join("data"), backing);
    }
}

fn opened(dir: &Path, backing: Backing) -> (Writer, Reader) {
    let (writer, reader) = open_with(dir, KEYS, backing).unwrap();
    assert_eq!(reader.degraded(), Vec::<String>::new());
    (writer, reader)
}

fn ids(rows: &[Row]) -> Vec<u64> {
    rows.iter().map(|row| row.cursor.id).collect()
}

#[test]
fn a_run_is_read_back_as_it_was_reported() {
    on_both(|dir, backing| {
        let (mut writer, reader) = opened(dir, backing);
        let (registered, known) = writer.begin(&start(1, "make all")).unwrap();
        assert_eq!((registered.id, known), (1, false));
        assert_eq!(reader.get(1).unwrap(), None, "not visible before it is durable");
        writer.commit().unwrap();

        let run = reader.get(1).unwrap().unwrap();
        assert_eq!(run.command.as_deref(), Some("make all"));
        assert_eq!((run.key.as_str(), run.key_text.as_str()), ("k-make", "make …"));
        assert_eq!((run.state, run.took, run.finished_at), (RunState::Running, None, None));
        assert_eq!(reader.counts(), (1, 1));

        assert_eq!(writer.finish(&finish(1, 3)).unwrap(), 1);
        writer.commit().unwrap();
        let run = reader.get(1).unwrap().unwrap();
        assert_eq!((run.state, run.exit_code), (RunState::Finished, Some(3)));
        assert_eq!(run.took, Some(Duration::from_micros(499_700)));
        assert_eq!(run.totals.unwrap().cpu_ns, Some(7));
        assert_eq!(reader.row(1).unwrap().unwrap().duration_ms, Some(499));
        assert_eq!(reader.counts(), (1, 0));
    });
}

//! Imported lines without a date: no time anywhere, and last in every order. Also those of stores written by versions
//! that invented their times.

use std::fs;

use bp_proto::event::{Draft, Source};
use bp_proto::{Start, UnixMillis};
use bpd::store::{Reader, Within};

use super::{open, start, uid};

fn imported(n: u64, started_at: UnixMillis, tags: &[&str]) -> Start {
    let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
    let draft = Draft { source: Source::Import, started_at, tags, ..start(n).draft };
    Start { uid: uid(n), draft, ..start(n) }
}

fn order(reader: &Reader) -> Vec<u64> {
    reader.rows(&Within::All, None, 99).unwrap().into_iter().map(|row| row.cursor.id).collect()
}

#[test]
fn lines_without_a_date_have_no_start_and_come_last() {
    let scratch = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(scratch.path());
    writer.begin(&start(1)).unwrap();
    writer.begin(&imported(2, UnixMillis::UNDATED, &[])).unwrap();
    writer.begin(&imported(3, UnixMillis(-5), &[])).unwrap();
    writer.begin(&imported(4, UnixMillis::UNDATED, &[])).unwrap();
    writer.commit().unwrap();
    assert_eq!(order(&reader), [1, 3, 4, 2]);
    for (id, expected) in [(2, None), (3, Some(UnixMillis(-5))), (4, None)] {
        assert_eq!(reader.get(id).unwrap().unwrap().started_at, expected, "{id}");
    }
}

#[test]
fn an_invented_time_of_an_earlier_version_is_no_time() {
    let scratch = tempfile::tempdir().unwrap();
    let late = UnixMillis(start(9).draft.started_at.0 + 60_000);
    {
        let (mut writer, _reader) = open(scratch.path());
        writer.begin(&start(1)).unwrap();
        // These bytes are what earlier versions wrote of an undated line; only their index had another format.
        writer.begin(&imported(2, late, &["undated"])).unwrap();
        writer.begin(&imported(3, late, &["other"])).unwrap();
        writer
            .begin(&Start { draft: Draft { tags: vec!["undated".into()], ..start(4).draft }, ..start(4) })
            .unwrap();
        writer.commit().unwrap();
    }
    fs::remove_dir_all(scratch.path().join("index")).unwrap();
    let (_writer, reader) = open(scratch.path());
    assert_eq!(order(&reader), [3, 4, 1, 2]);
    let run = |id| reader.get(id).unwrap().unwrap();
    assert_eq!((run(2).started_at, run(2).tags.len()), (None, 0));
    assert_eq!((run(3).started_at, run(3).tags.len()), (Some(late), 1));
    // A tag that a person gave to a recorded run means nothing of the kind.
    assert!(run(4).started_at.is_some() && run(4).tags == ["undated"]);
}

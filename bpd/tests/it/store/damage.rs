//! Files of the store are cut, flipped and lost: what is not hit stays, and what was hit is said.

use std::fs;
use std::path::{Path, PathBuf};

use bp_proto::Sample;
use bpd::store::{Curve, Reader, Within};

use super::{finish, open, start, uid};

const RUNS: u64 = 20;

/// A closed store of 20 ended runs with two samples each.
fn store(dir: &Path) {
    let (mut writer, _reader) = open(dir);
    for n in 1..=RUNS {
        writer.begin(&start(n)).unwrap();
        for at_ms in [10, 20] {
            writer.sample(uid(n), Sample { at_ms, rss_bytes: 4096 * n, ..Sample::default() }).unwrap();
        }
        writer.finish(&finish(n)).unwrap();
        writer.commit().unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}

fn runs_of(dir: &Path) -> PathBuf {
    dir.join("journal/runs-000001.log")
}

/// How many runs are whole.
fn whole(reader: &Reader) -> u64 {
    (1..=RUNS).filter(|n| is_whole(reader, *n)).count() as u64
}

fn is_whole(reader: &Reader, n: u64) -> bool {
    let Some(run) = reader.get(n).unwrap() else { return false };
    let Curve::Measured(samples) = reader.curve(n).unwrap() else { return false };
    run.uid == uid(n)
        && run.command == start(n).draft.command
        && run.exit_code == Some((n % 3) as i32)
        && samples.len() == 2
}

/// Damages a copy of the store in each way, opens it and looks.
fn after(
    damages: impl IntoIterator<Item = usize>,
    hurt: impl Fn(&Path, usize),
    look: impl Fn(&Reader, usize),
) {
    let scratch = tempfile::tempdir().unwrap();
    let good = scratch.path().join("good");
    store(&good);
    for damage in damages {
        let bad = scratch.path().join("bad");
        copy(&good, &bad);
        hurt(&bad, damage);
        let (mut writer, reader) = open(&bad);
        look(&reader, damage);
        // It goes on: a new run is taken, and is there after another opening.
        let (new, _) = writer.begin(&start(999)).unwrap();
        assert!(new.id > RUNS, "damage {damage}: id {} was burnt already", new.id);
        writer.commit().unwrap();
        drop((writer, reader));
        let (writer, reader) = open(&bad);
        assert_eq!(reader.get(new.id).unwrap().unwrap().uid, uid(999));
        drop((writer, reader));
        fs::remove_dir_all(&bad).unwrap();
    }
}

fn cut(path: &Path, by: usize) {
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    let length = file.metadata().unwrap().len();
    file.set_len(length.saturating_sub(by as u64)).unwrap();
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    let at = at % bytes.len();
    bytes[at] ^= 0x10;
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_journal_cut_behind_the_index_gives_back_what_is_left_and_says_so() {
    let hurt = |dir: &Path, by: usize| cut(&runs_of(dir), by);
    after([1, 7, 30, 100, 500], hurt, |reader, by| {
        assert!(whole(reader) >= RUNS - 1 - by as u64 / 60, "{by}: {} runs", whole(reader));
        assert!(whole(reader) < RUNS);
        assert!(reader.degraded()[0].to_string().contains("shorter"), "{:?}", reader.degraded());
    });
}

#[test]
fn a_torn_tail_that_was_never_acknowledged_is_cut_without_a_word() {
    let hurt = |dir: &Path, n: usize| {
        use std::io::Write;
        let mut journal = fs::OpenOptions::new().append(true).open(runs_of(dir)).unwrap();
        journal.write_all(&vec![b'\x40'; n]).unwrap();
    };
    after([1, 8, 40, 4096], hurt, |reader, _| {
        assert_eq!((whole(reader), reader.degraded()), (RUNS, Vec::new()));
    });
}

#[test]
fn a_flipped_bit_costs_one_run_and_is_said_when_it_is_met() {
    let hurt = |dir: &Path, at: usize| flip(&runs_of(dir), at);
    after([60, 333, 777, 1200], hurt, |reader, at| {
        assert_eq!(whole(reader), RUNS - 1, "byte {at}");
        assert!(reader.degraded()[0].id == "record-damaged", "{:?}", reader.degraded());
        assert_eq!(reader.rows(&Within::All, None, 99).unwrap().len() as u64, RUNS);
    });
}

#[test]
fn a_flipped_bit_costs_one_run_when_the_index_is_rebuilt() {
    let hurt = |dir: &Path, at: usize| {
        flip(&runs_of(dir), at);
        fs::remove_dir_all(dir.join("index")).unwrap();
    };
    after([3, 60, 333, 777, 1200], hurt, |reader, at| {
        // The header holds no run.
        assert_eq!(whole(reader), if at < 32 { RUNS } else { RUNS - 1 }, "byte {at}");
        let said: Vec<_> = reader.degraded().iter().map(|trouble| trouble.id).collect();
        assert_eq!(
            said,
            if at < 32 { &["index-rebuilt"][..] } else { &["index-rebuilt", "journal-damaged"] }
        );
    });
}

#[test]
fn a_flipped_bit_in_the_samples_costs_one_curve() {
    let hurt = |dir: &Path, at: usize| {
        let segment = fs::read_dir(dir.join("samples")).unwrap().next().unwrap().unwrap().path();
        flip(&segment, at);
    };
    after([50, 200, 400], hurt, |reader, at| {
        assert_eq!(whole(reader), RUNS - 1, "byte {at}");
        assert!((1..=RUNS).all(|n| reader.get(n).unwrap().is_some()));
    });
}

#[test]
fn an_index_that_is_damaged_or_gone_costs_nothing() {
    let db = |dir: &Path| dir.join("index/db");
    let hurt = |dir: &Path, how: usize| match how {
        0 => fs::remove_dir_all(dir.join("index")).unwrap(),
        1 => fs::remove_file(db(dir)).unwrap(),
        2 => fs::write(db(dir), b"").unwrap(),
        3 => fs::write(db(dir), vec![0xa5; 100_000]).unwrap(),
        4 => fs::write(dir.join("index/conf"), b"nonsense").unwrap(),
        by @ 5..=99 => cut(&db(dir), by * 997),
        at => flip(&db(dir), at),
    };
    let damages = [0, 1, 2, 3, 4, 5, 50, 99, 100, 1000, 2000, 5000, 10_007, 20_011, 50_021, 100_003];
    after(damages, hurt, |reader, how| {
        assert_eq!(whole(reader), RUNS, "damage {how}");
        assert_eq!(reader.counts(), (RUNS, 0), "damage {how}");
        let rows = reader.rows(&Within::All, None, 99).unwrap();
        assert_eq!(rows.len() as u64, RUNS, "damage {how}");
    });
}

/// As a kill leaves it before the index was ever flushed.
#[test]
fn an_index_that_has_seen_no_run_is_behind_and_no_fault() {
    let scratch = tempfile::tempdir().unwrap();
    let (dir, fresh) = (scratch.path().join("store"), scratch.path().join("fresh"));
    let opened = open(&dir);
    copy(&dir.join("index"), &fresh);
    drop(opened);
    store(&dir);
    fs::remove_dir_all(dir.join("index")).unwrap();
    copy(&fresh, &dir.join("index"));
    fs::write(dir.join("unclean"), "").unwrap();
    let (_writer, reader) = open(&dir);
    assert_eq!((whole(&reader), reader.degraded()), (RUNS, Vec::new()));
}

#[test]
fn an_index_of_another_store_is_noticed() {
    let scratch = tempfile::tempdir().unwrap();
    let (one, other) = (scratch.path().join("one"), scratch.path().join("other"));
    store(&one);
    {
        let (mut writer, _reader) = open(&other);
        for n in 1..=RUNS + 30 {
            writer.begin(&start(n + 500)).unwrap();
            writer.finish(&finish(n + 500)).unwrap();
        }
        writer.commit().unwrap();
    }
    fs::remove_dir_all(other.join("index")).unwrap();
    copy(&one.join("index"), &other.join("index"));
    let (_writer, reader) = open(&other);
    assert_eq!(reader.get(1).unwrap().unwrap().uid, uid(501));
    assert_eq!(reader.counts().0, RUNS + 30);
    assert!(reader.degraded()[0].id == "index-rebuilt", "{:?}", reader.degraded());
    let aside = fs::read_dir(&other).unwrap().flatten();
    assert_eq!(aside.filter(|e| e.file_name().to_string_lossy().starts_with("index.corrupt-")).count(), 1);
}

#[test]
fn a_changed_rule_of_keys_rebuilds_the_index_and_is_no_fault() {
    let scratch = tempfile::tempdir().unwrap();
    store(scratch.path());
    let other = bpd::store::KeyRule {
        version: 2,
        of: |_| bpd::store::Key { hash: "same".to_owned(), text: "all".to_owned() },
    };
    let (_writer, reader) = bpd::store::writer::open(scratch.path(), other).unwrap();
    assert_eq!(reader.degraded(), []);
    let rows = reader.rows(&Within::Key("same".to_owned()), None, 99).unwrap();
    assert_eq!(rows.len() as u64, RUNS);
    assert_eq!(reader.get(1).unwrap().unwrap().key_text, "all");
}

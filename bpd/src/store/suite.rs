//! The store as its users see it: every test runs on both indexes.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use bp_proto::event::{Draft, Source};
use bp_proto::request::Edit;
use bp_proto::{
    AlertReport, Child, Ending, Finish, Level, Point, Quality, RunState, Sample, Start, Totals, Ulid,
    UnixMillis,
};
use proptest::prelude::*;

use super::open::{Backing, open_with};
use super::{Cursor, Curve, Key, KeyRule, OwnCost, Reader, Row, Within, Writer};
use crate::event::{Amendment, Refusal};

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
        ending: Ending::Exited { exit_code: Some(exit_code), signal: None },
        totals: Some(Totals { cpu_ns: Some(7), quality: Quality::Exact, ..Totals::default() }),
        children: Vec::new(),
        rest: None,
        waited: None,
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
    assert_eq!(reader.degraded(), []);
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

#[test]
fn ids_count_from_one_and_a_deleted_one_stays_burnt() {
    on_both(|dir, backing| {
        let (mut writer, reader) = opened(dir, backing);
        for n in 1..=3 {
            assert_eq!(writer.begin(&start(n, "ls")).unwrap().0.id, n);
        }
        writer.delete(uid(3)).unwrap();
        writer.commit().unwrap();
        drop((writer, reader));

        let (mut writer, reader) = opened(dir, backing);
        assert_eq!(reader.get(3).unwrap(), None);
        assert_eq!(writer.begin(&start(4, "ls")).unwrap().0.id, 4);
        let (replayed, known) = writer.begin(&start(3, "ls")).unwrap();
        assert_eq!((replayed.id, known), (3, true), "a replay does not bring a deleted run back");
        writer.commit().unwrap();
        assert_eq!(ids(&reader.rows(&Within::All, None, 9).unwrap()), [4, 2, 1]);
        assert_eq!(reader.counts().0, 3);
    });
}

#[test]
fn a_uid_that_is_known_gives_its_run_and_changes_nothing() {
    on_both(|dir, backing| {
        let (mut writer, reader) = opened(dir, backing);
        let (first, _) = writer.begin(&start(1, "ls")).unwrap();
        let again = writer.begin(&start(1, "something else")).unwrap();
        assert_eq!(again, (first, true));
        writer.commit().unwrap();
        assert_eq!(reader.get(1).unwrap().unwrap().command.as_deref(), Some("ls"));
        assert_eq!(reader.id_of(uid(1)).unwrap(), Some(1));
        assert_eq!(reader.ids_by_prefix(&uid(1).to_string()[..20].to_lowercase(), 9).unwrap(), [1]);
    });
}

#[test]
fn scans_are_newest_first_and_go_on_at_a_cursor() {
    on_both(|dir, backing| {
        let (mut writer, reader) = opened(dir, backing);
        for n in 1..=7 {
            // An import: new ids for old times.
            let mut old = start(8 - n, if n % 2 == 0 { "make" } else { "ls" });
            old.uid = uid(n);
            writer.begin(&old).unwrap();
            if n < 7 {
                writer.finish(&Finish { uid: uid(n), ..finish(n, 0) }).unwrap();
            }
        }
        writer.commit().unwrap();
        let page = reader.rows(&Within::All, None, 3).unwrap();
        assert_eq!(ids(&page), [1, 2, 3]);
        let next = reader.rows(&Within::All, Some(page[2].cursor), 9).unwrap();
        assert_eq!(ids(&next), [4, 5, 6, 7]);
        let make = Within::Key("k-make".to_owned());
        let rows = reader.rows(&make, None, 9).unwrap();
        assert_eq!(ids(&rows), [2, 4, 6]);
        assert!(rows.iter().all(|row| row.key == "k-make" && row.exit_code == Some(0)));
        assert_eq!(ids(&reader.rows(&make, Some(rows[0].cursor), 1).unwrap()), [4]);
        assert_eq!(ids(&reader.rows(&Within::Running, None, 9).unwrap()), [7]);
        let before = Cursor { id: 7, ..reader.row(7).unwrap().unwrap().cursor };
        assert!(reader.rows(&Within::Running, Some(before), 9).unwrap().is_empty());
        assert!(reader.rows(&Within::Key("k".to_owned()), None, 9).unwrap().is_empty());
    });
}

#[test]
fn a_second_finish_is_refused_and_a_lost_run_may_still_report() {
    on_both(|dir, backing| {
        let (mut writer, reader) = opened(dir, backing);
        writer.begin(&start(1, "ls")).unwrap();
        let lost = Finish { ending: Ending::Lost, took: None, ..finish(1, 0) };
        writer.finish(&lost).unwrap();
        writer.commit().unwrap();
        let row = reader.row(1).unwrap().unwrap();
        assert_eq!((row.state, row.exit_code, row.duration_ms), (RunState::Lost, None, Some(500)));
        assert_eq!(writer.finish(&lost), Err(Refusal::AlreadyFinished { id: 1 }));
        writer.finish(&finish(1, 0)).unwrap();
        assert_eq!(writer.finish(&finish(1, 9)), Err(Refusal::AlreadyFinished { id: 1 }));
        writer.commit().unwrap();
        assert_eq!(reader.get(1).unwrap().unwrap().exit_code, Some(0));
        assert_eq!(writer.finish(&finish(2, 0)), Err(Refusal::NoSuchRun(uid(2))));
    });
}

#[test]
fn what_is_imported_is_over_from_its_beginning_and_nothing_is_made_up() {
    on_both(|dir, backing| {
        let (mut writer, reader) = opened(dir, backing);
        for n in [1, 2] {
            let mut start = start(n, "make");
            start.draft.source = Source::Import;
            writer.begin(&start).unwrap();
        }
        let ended = Finish { ending: Ending::Lost, totals: None, ..finish(2, 0) };
        writer.finish(&ended).unwrap();
        assert!(matches!(writer.finish(&ended), Err(Refusal::AlreadyFinished { id: 2 })));
        writer.commit().unwrap();
        let check = |reader: &Reader| {
            let [undated, dated] = [1, 2].map(|id| reader.get(id).unwrap().unwrap());
            for run in [&undated, &dated] {
                assert!(run.imported && run.state == RunState::Finished && run.exit_code.is_none());
                assert!(run.totals.is_none() && !run.may_be_baseline());
            }
            assert_eq!((undated.took, undated.finished_at), (None, None));
            assert_eq!(dated.took, Some(Duration::from_micros(499_700)));
            assert_eq!(reader.counts(), (2, 0), "none of them runs");
            assert!(reader.open_runs().unwrap().is_empty());
        };
        check(&reader);
        drop((writer, reader));
        std::fs::remove_dir_all(dir.join("index")).ok();
        let (_writer, reader) = open_with(dir, KEYS, backing).unwrap();
        check(&reader);
    });
}

fn sample(second: u64) -> Sample {
    Sample {
        at_ms: second * 1000,
        cpu_ns: second * 500_000_000,
        rss_bytes: 4096 * (second + 1),
        processes: 2,
        host_cpu_permille: second.is_multiple_of(5).then_some(second as u16),
    }
}

#[test]
fn samples_of_an_open_run_are_readable_at_once_and_stay_as_they_were() {
    on_both(|dir, backing| {
        let (mut writer, reader) = opened(dir, backing);
        writer.begin(&start(1, "make")).unwrap();
        writer.commit().unwrap();
        let mut before = Sample::default();
        let mut revision = reader.revision(1);
        for second in 1..=200 {
            assert_eq!(writer.sample(uid(1), sample(second)).unwrap(), (1, before));
            before = sample(second);
            let newer = reader.revision(1);
            assert!(newer > revision, "{newer} after {revision}");
            revision = newer;
            writer.commit().unwrap();
            let Curve::Measured(curve) = reader.curve(1).unwrap() else { panic!("measured") };
            assert_eq!(curve.len() as u64, second);
            assert_eq!(curve.last(), Some(&sample(second)));
        }
        writer.finish(&finish(1, 0)).unwrap();
        writer.commit().unwrap();
        let whole = reader.curve(1).unwrap();
        drop((writer, reader));
        let (mut writer, reader) = opened(dir, backing);
        assert_eq!(reader.curve(1).unwrap(), whole);
        assert_eq!(whole, Curve::Measured((1..=200).map(sample).collect()));
        // What goes on in the background belongs to the run.
        assert_eq!(writer.sample(uid(1), sample(201)).unwrap(), (1, sample(200)));
        assert!(matches!(writer.sample(uid(1), sample(201)), Err(Refusal::Invalid(_))));
        assert_eq!(reader.curve(1).unwrap(), Curve::Measured((1..=201).map(sample).collect()));
    });
}

#[test]
fn a_resumed_run_goes_on_from_its_last_sample() {
    on_both(|dir, backing| {
        let (mut writer, reader) = opened(dir, backing);
        writer.begin(&start(1, "make")).unwrap();
        writer.sample(uid(1), sample(1)).unwrap();
        writer.commit().unwrap();
        drop((writer, reader));
        let (mut writer, reader) = opened(dir, backing);
        assert_eq!(reader.open_runs().unwrap(), [(1, start(1, "make"))]);
        assert_eq!(writer.sample(uid(1), sample(2)).unwrap(), (1, sample(1)));
    });
}

#[test]
fn posted_points_come_back_bit_for_bit_once_each_and_in_order_of_time() {
    on_both(|dir, backing| {
        let (mut writer, reader) = opened(dir, backing);
        writer.begin(&start(1, "maestro test")).unwrap();
        let point = |ts: f64| Point { ts, cpu_percent: 0.1 + 0.2, rss_mb: ts / 3.0, ..Point::default() };
        let early = [point(1_714_980_002.25), point(1_714_980_000.1), point(1_714_980_000.1)];
        writer.points(uid(1), &early).unwrap();
        writer.points(uid(1), &early[..1]).unwrap();
        writer.finish(&finish(1, 0)).unwrap();
        writer.commit().unwrap();
        let revision = reader.revision(1);
        drop(writer);
        drop(reader);

        let (mut writer, reader) = opened(dir, backing);
        let late = [point(1_714_980_001.0), early[1].clone()];
        writer.points(uid(1), &late).unwrap();
        writer.commit().unwrap();
        let expected = vec![early[1].clone(), late[0].clone(), early[0].clone()];
        assert_eq!(reader.curve(1).unwrap(), Curve::Posted(expected));
        assert!(reader.revision(1) > revision);
        let odd = Point { ts: f64::NAN, ..Point::default() };
        assert!(matches!(writer.points(uid(1), &[odd]), Err(Refusal::Invalid(_))));
        let many: Vec<Point> = (0..20_000).map(|n| point(f64::from(n))).collect();
        writer.points(uid(1), &many).unwrap();
        writer.commit().unwrap();
        let Curve::Posted(points) = reader.curve(1).unwrap() else { panic!("posted") };
        assert_eq!(points.len(), 20_003);
    });
}

#[test]
fn an_edit_changes_what_it_names_and_the_last_one_counts() {
    on_both(|dir, backing| {
        let (mut writer, reader) = opened(dir, backing);
        let mut tagged = start(1, "make");
        tagged.draft.tags = vec!["ilk".to_owned()];
        writer.begin(&tagged).unwrap();
        writer.edit(uid(1), &Edit { note: Some("not".to_owned()), tags: None }).unwrap();
        writer.edit(uid(1), &Edit { tags: Some(vec!["iki".to_owned()]), note: None }).unwrap();
        writer.commit().unwrap();
        let run = reader.get(1).unwrap().unwrap();
        assert_eq!((run.tags, run.note), (vec!["iki".to_owned()], Some("not".to_owned())));
        writer.edit(uid(1), &Edit { note: Some(String::new()), tags: None }).unwrap();
        writer.commit().unwrap();
        assert_eq!(reader.get(1).unwrap().unwrap().note, None);
    });
}

#[test]
fn an_amendment_completes_the_totals_before_and_after_the_finish() {
    on_both(|dir, backing| {
        let (mut writer, reader) = opened(dir, backing);
        let amendment = |cpu_ns, name: &str| Amendment {
            run: uid(1),
            totals: Totals { cpu_ns: Some(cpu_ns), quality: Quality::Exact, ..Totals::default() },
            children: vec![Child { name: name.to_owned(), ..child() }],
            rest: None,
            background: true,
        };
        let facts = || {
            let run = reader.get(1).unwrap().unwrap();
            (run.totals.unwrap().cpu_ns.unwrap(), run.children[0].name.clone(), run.background)
        };
        writer.begin(&start(1, "make &")).unwrap();
        writer.amend(&amendment(5, "cc")).unwrap();
        writer.commit().unwrap();
        assert_eq!(facts(), (5, "cc".to_owned(), true));
        let mut finish = finish(1, 0);
        finish.children = amendment(0, "ld").children;
        writer.finish(&finish).unwrap();
        writer.commit().unwrap();
        assert_eq!(facts(), (7, "ld".to_owned(), true), "the finish completes in turn");
        writer.amend(&amendment(9, "cc1")).unwrap();
        writer.commit().unwrap();
        assert_eq!(facts(), (9, "cc1".to_owned(), true));
        assert_eq!(reader.get(1).unwrap().unwrap().took, finish.took);
    });
}

fn alert(n: u64, run: Option<u64>) -> AlertReport {
    AlertReport {
        uid: uid(1000 + n),
        rule: "cpu-high".to_owned(),
        level: Level::Warning,
        run,
        actor: None,
        command: Some("gizli-komut".to_owned()),
        line: None,
        project: None,
        fired_at: UnixMillis(n as i64),
        ended_at: None,
        peak: 99.5,
        threshold: 80.0,
        above_s: 5.0,
        delivery: None,
        text: String::new(),
    }
}

#[test]
fn an_alert_with_the_same_uid_replaces() {
    on_both(|dir, backing| {
        let (mut writer, reader) = opened(dir, backing);
        writer.begin(&start(1, "make")).unwrap();
        writer.alert(&alert(1, Some(1))).unwrap();
        writer.alert(&alert(2, None)).unwrap();
        let ended = AlertReport { ended_at: Some(UnixMillis(9)), ..alert(1, Some(1)) };
        writer.alert(&ended).unwrap();
        writer.commit().unwrap();
        assert_eq!(reader.alerts(9).unwrap(), [alert(2, None), ended]);
        assert_eq!(reader.alerts(1).unwrap().len(), 1);
    });
}

#[test]
fn own_costs_are_kept_for_a_month() {
    on_both(|dir, backing| {
        let (mut writer, reader) = opened(dir, backing);
        let day = 86_400_000;
        let cost = |at| OwnCost { at: UnixMillis(at), cpu_ns: at as u64, process_began: UnixMillis(1) };
        for at in [0, day, 40 * day] {
            writer.own_cost(cost(at)).unwrap();
            writer.commit().unwrap();
        }
        assert_eq!(reader.own_costs(UnixMillis(0)).unwrap(), [cost(40 * day)]);
        assert!(reader.own_costs(UnixMillis(41 * day)).unwrap().is_empty());
    });
}

/// Every byte of every file of the store.
fn all_bytes(dir: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        bytes.extend(if path.is_dir() { all_bytes(&path) } else { std::fs::read(&path).unwrap() });
    }
    bytes
}

fn holds(dir: &Path, text: &str) -> bool {
    all_bytes(dir).windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn what_a_deleted_run_said_is_in_no_file() {
    on_both(|dir, backing| {
        let (mut writer, reader) = opened(dir, backing);
        writer.begin(&start(1, "curl https://gizli-komut")).unwrap();
        writer.begin(&start(2, "ls kalan-komut")).unwrap();
        for note in ["gizli-not", "gizli-not-2"] {
            writer.edit(uid(1), &Edit { note: Some(note.to_owned()), tags: None }).unwrap();
            writer.commit().unwrap();
        }
        writer.alert(&alert(1, Some(1))).unwrap();
        writer.sample(uid(1), sample(1)).unwrap();
        let children = vec![Child { name: "gizli-cocuk".to_owned(), ..child() }];
        let totals = Totals::default();
        writer
            .amend(&Amendment {
                run: uid(1),
                totals,
                children: children.clone(),
                rest: None,
                background: false,
            })
            .unwrap();
        writer.amend(&Amendment { run: uid(1), totals, children, rest: None, background: false }).unwrap();
        writer.commit().unwrap();
        writer.alert(&alert(1, Some(1))).unwrap();
        writer.finish(&Finish { ending: Ending::Lost, ..finish(1, 0) }).unwrap();
        writer.commit().unwrap();
        assert!(holds(dir, "gizli-"));

        writer.delete(uid(1)).unwrap();
        writer.commit().unwrap();
        assert!(!holds(dir, "gizli-"));
        assert!(holds(dir, "kalan-komut"));
        assert_eq!(
            (reader.get(1).unwrap(), reader.revision(1), reader.id_of(uid(1)).unwrap()),
            (None, 0, None)
        );
        assert_eq!(reader.curve(1).unwrap(), Curve::Measured(Vec::new()));
        let left = reader.alerts(9).unwrap();
        assert_eq!((left.len(), left[0].run, left[0].command.clone()), (1, None, None));
        // An alert machine that has not heard of the deletion yet.
        writer.alert(&alert(1, Some(1))).unwrap();
        writer.commit().unwrap();
        assert!(!holds(dir, "gizli-"));
        assert_eq!(writer.delete(uid(1)), Err(Refusal::NoSuchRun(uid(1))));
        assert_eq!(writer.finish(&finish(1, 0)), Err(Refusal::NoSuchRun(uid(1))));
        drop((writer, reader));
        let (_writer, reader) = opened(dir, backing);
        assert_eq!(reader.counts(), (1, 1));
    });
}

fn child() -> Child {
    Child { processes: 1, ..Child::default() }
}

/// All that a reader can see.
fn everything(reader: &Reader) -> String {
    let rows = reader.rows(&Within::All, None, 10_000).unwrap();
    let mut all = format!("{:?} {:?}", reader.counts(), reader.alerts(100).unwrap());
    for row in rows {
        let id = row.cursor.id;
        let by_key = reader.rows(&Within::Key(row.key.clone()), None, 10_000).unwrap();
        assert!(by_key.contains(&row), "{row:?}");
        let run = reader.get(id).unwrap();
        write!(all, "\n{row:?} {run:?} {:?} {}", reader.curve(id).unwrap(), reader.revision(id)).unwrap();
    }
    all
}

#[derive(Clone, Debug)]
enum Step {
    Begin(u64),
    Finish(u64),
    Lose(u64),
    Sample(u64),
    Points(u64),
    Edit(u64),
    Amend(u64),
    Delete(u64),
    Alert(u64),
    Commit,
}

fn step() -> impl Strategy<Value = Step> {
    let n = 1u64..8;
    prop_oneof![
        n.clone().prop_map(Step::Begin),
        n.clone().prop_map(Step::Finish),
        n.clone().prop_map(Step::Lose),
        n.clone().prop_map(Step::Sample),
        n.clone().prop_map(Step::Points),
        n.clone().prop_map(Step::Edit),
        n.clone().prop_map(Step::Amend),
        n.clone().prop_map(Step::Delete),
        n.prop_map(Step::Alert),
        Just(Step::Commit),
    ]
}

fn take(writer: &mut Writer, nth: u64, step: &Step) {
    // What does not apply is refused, and that is as good an outcome as any.
    let _ = match *step {
        Step::Begin(n) => writer.begin(&start(n, &format!("komut {n}"))).map(drop),
        Step::Finish(n) => writer.finish(&finish(n, 0)).map(drop),
        Step::Lose(n) => writer.finish(&Finish { ending: Ending::Lost, ..finish(n, 0) }).map(drop),
        Step::Sample(n) => writer.sample(uid(n), sample(nth + 1)).map(drop),
        Step::Points(n) => {
            let point = Point { ts: (nth / 2) as f64, ..Point::default() };
            writer.points(uid(n), &[point]).map(drop)
        }
        Step::Edit(n) => {
            let edit = Edit { note: Some(format!("not {nth}")), tags: None };
            writer.edit(uid(n), &edit).map(drop)
        }
        Step::Amend(n) => {
            let totals = Totals { cpu_ns: Some(nth), ..Totals::default() };
            let amendment =
                Amendment { run: uid(n), totals, children: vec![child()], rest: None, background: false };
            writer.amend(&amendment).map(drop)
        }
        Step::Delete(n) => writer.delete(uid(n)).map(drop),
        Step::Alert(n) => writer.alert(&alert(n % 3, Some(n))),
        Step::Commit => writer.commit(),
    };
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever happened: the index on disk, the one in memory, and the one rebuilt from the journal are the same.
    #[test]
    fn both_indexes_and_a_rebuilt_one_show_the_same(steps in prop::collection::vec(step(), 1..60)) {
        let scratch = tempfile::tempdir().unwrap();
        let mut seen = Vec::new();
        for (backing, name) in [(Backing::Disk, "disk"), (Backing::Memory, "memory")] {
            let dir = scratch.path().join(name);
            let (mut writer, reader) = opened(&dir, backing);
            for (nth, step) in steps.iter().enumerate() {
                take(&mut writer, nth as u64, step);
            }
            writer.commit().unwrap();
            drop((writer, reader));
            let (writer, reader) = opened(&dir, backing);
            seen.push(everything(&reader));
            let last_id = writer.meta.last_id;
            drop((writer, reader));
            let _ = std::fs::remove_dir_all(dir.join("index"));
            let (writer, reader) = open_with(&dir, KEYS, backing).unwrap();
            seen.push(everything(&reader));
            prop_assert_eq!(writer.meta.last_id, last_id, "burnt ids stay burnt");
        }
        for other in &seen[1..] {
            prop_assert_eq!(other, &seen[0]);
        }
    }
}

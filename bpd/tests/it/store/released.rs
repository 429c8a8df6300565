//! Stores as released versions wrote them: they open for ever, and a store of a version to come is left alone.
//!
//! A fixture is made once, by the version that it stands for: `BP_TEST_ROLE=fixture-v2 BP_TEST_STORE=DIR` and the test
//! `store::child::plays_its_role`; of DIR, `journal/` and `samples/` are kept. It is never made again.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bp_proto::event::{Draft, Phase, Source};
use bp_proto::request::Edit;
use bp_proto::{
    Activity, Actor, AlertReport, Child, Context, Ending, Finish, Git, ImplausibleTotals, Level, Owner,
    Point, Quality, Rest, RunState, Sample, Start, Surroundings, Totals, UnixMillis,
};
use bpd::event::{Amendment, Phased};
use bpd::store::{OwnCost, Reader, StoreError, Within, writer};

use super::{KEYS, open, uid};

fn full_start() -> Start {
    Start {
        uid: uid(1),
        draft: Draft {
            command: Some("make -j2 'çğıöşü'".to_owned()),
            command_truncated: Some(70_000),
            masked: vec!["url-password".to_owned()],
            cwd: Some("/home/ayşe/proje".to_owned()),
            project: Some("/home/ayşe/proje".to_owned()),
            git: Some(Git { branch: Some("ana".to_owned()), commit: Some("0123abcd".to_owned()) }),
            host: "kara".to_owned(),
            shell: Some("zsh".to_owned()),
            session: Some("s-1".to_owned()),
            actor: Actor::Agent("robot".to_owned()),
            started_at: UnixMillis(1_714_980_000_040),
            source: Source::Wrapper,
            tags: vec!["ilk".to_owned()],
            note: Some("not".to_owned()),
            text_pending: false,
            is_over: false,
        },
        owner: Some(Owner { pid: 42, start_ticks: 777 }),
        under: Some(Owner { pid: 41, start_ticks: 776 }),
        parent: None,
        context: Some(Context {
            load_1m: Some(0.5),
            host_cpu_percent: Some(12.5),
            memory_used_mb: Some(1000.25),
            memory_total_mb: Some(4000.0),
            cpus: Some(2),
            ..Context::default()
        }),
    }
}

fn child_of(name: &str) -> Vec<Child> {
    vec![Child {
        name: name.to_owned(),
        processes: 3,
        cpu_seconds: 1.25,
        rss_max_mb: Some(30.5),
        at_least: false,
    }]
}

fn full_finish() -> Finish {
    Finish {
        uid: uid(1),
        finished_at: UnixMillis(1_714_980_002_040),
        took: Some(Duration::from_nanos(1_999_999_999)),
        ending: Ending::Exited { exit_code: Some(130), signal: Some(2) },
        totals: Some(Totals {
            cpu_ns: Some(1_500_000_001),
            user_ns: Some(1_400_000_000),
            system_ns: Some(100_000_001),
            rss_max_bytes: Some(123_456_789),
            max_processes: Some(4),
            quality: Quality::Times,
            peak_lower_bound: true,
            incomplete: true,
            ..Totals::default()
        }),
        children: child_of("cc1"),
        rest: None,
        waited: None,
        background: true,
    }
}

fn bare(n: u64, source: Source, command: Option<&str>) -> Start {
    let command = command.map(str::to_owned);
    let started_at = UnixMillis(1_714_980_000_000 + n as i64 * 1000);
    let draft = Draft { command, source, started_at, ..Draft::default() };
    Start { uid: uid(n), draft, owner: None, under: None, parent: Some(uid(1)), context: None }
}

/// One of everything that version 1 can hold. Frozen: the fixture `store-v1` holds exactly this.
pub(super) fn fill(dir: &Path) {
    let (mut writer, _reader) = open(dir);
    writer.begin(&full_start()).unwrap();
    for second in 1..=70 {
        let sample = Sample {
            at_ms: second * 25,
            cpu_ns: second * 20_000_000,
            rss_bytes: 4096 * second,
            processes: 3,
            ..Sample::default()
        };
        writer.sample(uid(1), sample).unwrap();
    }
    writer.finish(&full_finish()).unwrap();
    writer.commit().unwrap();
    let totals = Totals { cpu_ns: Some(1_600_000_000), quality: Quality::Counter, ..Totals::default() };
    let children = child_of("ld");
    writer.amend(&Amendment { run: uid(1), totals, children, rest: None, background: true }).unwrap();
    writer.edit(uid(1), &Edit { tags: Some(vec!["iki".to_owned()]), note: None }).unwrap();
    writer.edit(uid(1), &Edit { tags: None, note: Some("yeni not".to_owned()) }).unwrap();

    writer.begin(&bare(2, Source::Api, Some("maestro test"))).unwrap();
    let point = |ts: f64, processes| Point {
        ts,
        cpu_percent: 0.1 + 0.2,
        rss_mb: 230.5,
        processes,
        ..Point::default()
    };
    writer.points(uid(2), &[point(1_714_980_000.25, None), point(1_714_980_000.1, Some(2))]).unwrap();
    writer.begin(&bare(3, Source::Hook, None)).unwrap();
    let lost = Finish { uid: uid(3), ending: Ending::Lost, took: None, totals: None, ..full_finish() };
    writer.finish(&lost).unwrap();
    writer.begin(&bare(4, Source::Import, Some("silinecek"))).unwrap();
    writer.commit().unwrap();
    writer.delete(uid(4)).unwrap();
    let alert = AlertReport {
        uid: uid(50),
        rule: "cpu-high".to_owned(),
        level: Level::Critical,
        run: Some(1),
        actor: None,
        command: Some("make".to_owned()),
        line: None,
        project: None,
        fired_at: UnixMillis(1_714_980_001_000),
        ended_at: None,
        peak: 199.5,
        threshold: 80.0,
        above_s: 5.5,
        delivery: Some("desktop".to_owned()),
        text: String::new(),
    };
    writer.alert(&alert).unwrap();
    writer.alert(&AlertReport { ended_at: Some(UnixMillis(1_714_980_002_000)), ..alert }).unwrap();
    let at = UnixMillis(1_714_980_003_000);
    writer.own_cost(OwnCost { at, cpu_ns: 123_456, process_began: UnixMillis(1_714_970_000_000) }).unwrap();
    writer.commit().unwrap();
}

/// What version 2 added, on top of all that version 1 holds. Frozen: the fixture `store-v2` holds exactly this.
pub(super) fn fill_v2(dir: &Path) {
    fill(dir);
    let (mut writer, _reader) = open(dir);
    let start = full_start();
    let context = Context {
        pressure_cpu_avg10: Some(3.26),
        pressure_memory_avg10: Some(0.0),
        pressure_io_avg10: None,
        ..start.context.unwrap()
    };
    writer.begin(&Start { uid: uid(6), context: Some(context), ..start }).unwrap();
    for second in 1..=7 {
        let sample = Sample {
            at_ms: second * 1000,
            cpu_ns: second * 20_000_000,
            rss_bytes: 4096 * second,
            processes: 3,
            host_cpu_permille: [None, Some(0), Some(1000)][second as usize % 3],
        };
        writer.sample(uid(6), sample).unwrap();
    }
    let finish = full_finish();
    let totals = Totals { activity: activity(1), surroundings: surroundings(), ..finish.totals.unwrap() };
    writer.finish(&Finish { uid: uid(6), totals: Some(totals), ..finish }).unwrap();
    writer.commit().unwrap();
    let totals = Totals { activity: activity(2), quality: Quality::Exact, ..Totals::default() };
    writer
        .amend(&Amendment { run: uid(6), totals, children: Vec::new(), rest: None, background: false })
        .unwrap();
    writer.commit().unwrap();
}

/// What version 3 added, on top of all that version 2 holds. Frozen: the fixture `store-v3` holds exactly this.
pub(super) fn fill_v3(dir: &Path) {
    fill_v2(dir);
    let (mut writer, _reader) = open(dir);
    for (n, ms) in [(7, Some(3_600_001)), (8, Some(0)), (9, None)] {
        writer.begin(&bare(n, Source::Hook, Some("sleep 60"))).unwrap();
        let finish = full_finish();
        let surroundings = Surroundings { suspended_ms: ms, ..Surroundings::default() };
        let totals = Totals { surroundings, ..finish.totals.unwrap() };
        writer.finish(&Finish { uid: uid(n), totals: Some(totals), ..finish }).unwrap();
        writer.commit().unwrap();
    }
    let surroundings = Surroundings { suspended_ms: Some(7), ..surroundings() };
    let totals = Totals { surroundings, ..Totals::default() };
    writer
        .amend(&Amendment { run: uid(9), totals, children: Vec::new(), rest: None, background: false })
        .unwrap();
    writer.commit().unwrap();
}

/// What version 4 added, on top of all that version 3 holds. Frozen: the fixture `store-v4` holds exactly this.
pub(super) fn fill_v4(dir: &Path) {
    fill_v3(dir);
    let (mut writer, _reader) = open(dir);
    let child = |name: &str, rss_max_mb, at_least| Child {
        name: name.to_owned(),
        processes: 12,
        cpu_seconds: 0.75,
        rss_max_mb,
        at_least,
    };
    let rest = |names, shell_seconds| Rest {
        names,
        processes: 2 * names,
        cpu_seconds: 0.125,
        shell_seconds,
        untold_seconds: None,
    };
    for n in [10, 11] {
        writer.begin(&bare(n, Source::Hook, Some("make"))).unwrap();
        let children = vec![child("cc1", None, true), child("make", Some(4.5), false)];
        let rest = Some(rest(3, Some(0.0625)));
        writer.finish(&Finish { uid: uid(n), children, rest, ..full_finish() }).unwrap();
        writer.commit().unwrap();
    }
    let (children, rest) = (vec![child("ld", Some(1.5), true)], Some(rest(1, None)));
    let totals = Totals::default();
    writer.amend(&Amendment { run: uid(11), totals, children, rest, background: true }).unwrap();
    writer.commit().unwrap();
}

/// What version 5 added, on top of all that version 4 holds. Frozen: the fixture `store-v5` holds exactly this.
pub(super) fn fill_v5(dir: &Path) {
    fill_v4(dir);
    let (mut writer, _reader) = open(dir);
    for (n, ending) in [
        (12, Ending::Left { exit_code: Some(7), signal: None }),
        (13, Ending::Left { exit_code: None, signal: None }),
        (14, Ending::Exited { exit_code: None, signal: None }),
        (15, Ending::Lost),
    ] {
        writer.begin(&bare(n, Source::Hook, Some("exec bash"))).unwrap();
        let finish = full_finish();
        let implausible = ImplausibleTotals { duration: n == 13, cpu_seconds: n == 14 };
        let totals = Totals { background_cpu_ns: Some(n), implausible, ..finish.totals.unwrap() };
        writer.finish(&Finish { uid: uid(n), ending, totals: Some(totals), ..finish }).unwrap();
        writer.commit().unwrap();
    }
    for (n, phase, prompt_at) in [
        (16, Phase::Stopped, Some(UnixMillis(1_714_980_017_000))),
        (17, Phase::Background, Some(UnixMillis(1_714_980_018_000))),
        (18, Phase::Running, None),
    ] {
        writer.begin(&bare(n, Source::Hook, Some("make &"))).unwrap();
        let at = UnixMillis(1_714_980_019_000);
        writer.phase(uid(n), Phased { phase: Phase::Stopped, at, prompt_at: None }).unwrap();
        writer.phase(uid(n), Phased { phase, at, prompt_at }).unwrap();
        writer.commit().unwrap();
    }
    let totals = Totals { background_cpu_ns: Some(77), ..Totals::default() };
    writer
        .amend(&Amendment { run: uid(12), totals, children: Vec::new(), rest: None, background: true })
        .unwrap();
    writer.commit().unwrap();
}

/// Eight counts that are all different.
fn activity(from: u64) -> Activity {
    let nth = |n: u64| Some(from * 1_000_000 + n);
    Activity {
        wait_ns: nth(1),
        read_bytes: nth(2),
        written_bytes: nth(3),
        minor_faults: nth(4),
        major_faults: nth(5),
        voluntary_switches: nth(6),
        involuntary_switches: nth(7),
        max_threads: Some(8),
    }
}

fn surroundings() -> Surroundings {
    Surroundings {
        over_us: Some(2_000_001),
        cpu_stall_us: Some(300_000),
        memory_stall_us: Some(0),
        io_stall_us: None,
        suspended_ms: None,
        host_cpu_permille: Some(512),
    }
}

fn shown(reader: &Reader) -> String {
    let rows = reader.rows(&Within::All, None, 99).unwrap();
    let runs: Vec<_> = (1..=20).map(|id| (reader.get(id).unwrap(), reader.curve(id).ok())).collect();
    let rest =
        (reader.alerts(9).unwrap(), reader.own_costs(UnixMillis(0)).unwrap(), reader.open_runs().unwrap());
    format!("{rows:#?} {runs:#?} {rest:#?} {:?}", reader.counts())
}

fn copy_of(fixture: &str) -> tempfile::TempDir {
    let from = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(fixture);
    let scratch = tempfile::tempdir().unwrap();
    for folder in ["journal", "samples"] {
        fs::create_dir(scratch.path().join(folder)).unwrap();
        for entry in fs::read_dir(from.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, scratch.path().join(folder).join(path.file_name().unwrap())).unwrap();
        }
    }
    scratch
}

#[test]
fn a_store_of_version_1_opens_and_holds_what_it_held() {
    let scratch = copy_of("store-v1");
    let (mut writer, reader) = open(scratch.path());
    assert_eq!(reader.degraded().len(), 1, "its index was left out: {:?}", reader.degraded());
    let run = reader.get(1).unwrap().unwrap();
    assert_eq!(run.command.as_deref(), Some("make -j2 'çğıöşü'"));
    assert_eq!((run.exit_code, run.signal, run.took), (Some(130), Some(2), full_finish().took));
    assert_eq!((run.tags, run.note), (vec!["iki".to_owned()], Some("yeni not".to_owned())));
    assert_eq!(run.totals.unwrap().cpu_ns, Some(1_600_000_000));
    assert_eq!(run.context, full_start().context);

    let fresh = tempfile::tempdir().unwrap();
    fill(fresh.path());
    let (_writer, as_written_now) = open(fresh.path());
    assert_eq!(shown(&reader), shown(&as_written_now));
    assert_eq!(writer.begin(&bare(5, Source::Hook, None)).unwrap().0.id, 5, "run 4 was deleted");
}

#[test]
fn a_store_of_version_2_opens_and_holds_what_it_held() {
    let scratch = copy_of("store-v2");
    let (_writer, reader) = open(scratch.path());
    let run = reader.get(5).unwrap().unwrap();
    assert_eq!(run.uid, uid(6));
    assert_eq!(run.context.unwrap().pressure_cpu_avg10, Some(3.26));
    let totals = run.totals.unwrap();
    assert_eq!((totals.activity, totals.surroundings), (activity(2), surroundings()));
    let fresh = tempfile::tempdir().unwrap();
    fill_v2(fresh.path());
    let (_writer, as_written_now) = open(fresh.path());
    assert_eq!(shown(&reader), shown(&as_written_now));
}

#[test]
fn a_store_of_version_3_opens_and_holds_what_it_held() {
    let scratch = copy_of("store-v3");
    let (_writer, reader) = open(scratch.path());
    let suspended = |id| reader.get(id).unwrap().unwrap().totals.unwrap().surroundings.suspended_ms;
    assert_eq!([6, 7, 8].map(suspended), [Some(3_600_001), Some(0), Some(7)]);
    let fresh = tempfile::tempdir().unwrap();
    fill_v3(fresh.path());
    let (_writer, as_written_now) = open(fresh.path());
    assert_eq!(shown(&reader), shown(&as_written_now));
}

#[test]
fn a_store_of_version_4_opens_and_holds_what_it_held() {
    let scratch = copy_of("store-v4");
    let (_writer, reader) = open(scratch.path());
    let who = |id| {
        let run = reader.get(id).unwrap().unwrap();
        let names: Vec<_> = run.children.into_iter().map(|child| (child.name, child.at_least)).collect();
        (names, run.rest.unwrap().shell_seconds)
    };
    assert_eq!(who(9), (vec![("cc1".to_owned(), true), ("make".to_owned(), false)], Some(0.0625)));
    assert_eq!(who(10), (vec![("ld".to_owned(), true)], None));
    let fresh = tempfile::tempdir().unwrap();
    fill_v4(fresh.path());
    let (_writer, as_written_now) = open(fresh.path());
    assert_eq!(shown(&reader), shown(&as_written_now));
}

#[test]
fn a_store_of_version_5_opens_and_holds_what_it_held() {
    let scratch = copy_of("store-v5");
    let (_writer, reader) = open(scratch.path());
    let ended = |id| {
        let run = reader.get(id).unwrap().unwrap();
        (run.state, run.exit_code, run.totals.and_then(|totals| totals.background_cpu_ns))
    };
    assert_eq!(ended(11), (RunState::Left, Some(7), Some(77)));
    assert_eq!(ended(12), (RunState::Left, None, Some(13)));
    assert_eq!(ended(13), (RunState::Finished, None, Some(14)));
    assert_eq!(ended(14), (RunState::Lost, None, Some(15)));
    let open_one =
        |id| (reader.get(id).unwrap().unwrap().state, reader.phase(id).unwrap().unwrap().prompt_at);
    assert_eq!(open_one(15), (RunState::Stopped, Some(UnixMillis(1_714_980_017_000))));
    assert_eq!(open_one(16), (RunState::Background, Some(UnixMillis(1_714_980_018_000))));
    assert_eq!(open_one(17), (RunState::Running, None));
    let fresh = tempfile::tempdir().unwrap();
    fill_v5(fresh.path());
    let (_writer, as_written_now) = open(fresh.path());
    assert_eq!(shown(&reader), shown(&as_written_now));
}

#[test]
fn a_store_of_a_version_to_come_is_refused_untouched() {
    let scratch = copy_of("store-v1");
    let segment = scratch.path().join("journal/runs-000001.log");
    let mut bytes = fs::read(&segment).unwrap();
    bytes[8] = 2;
    let crc = crc32fast::hash(&bytes[..28]);
    bytes[28..32].copy_from_slice(&crc.to_le_bytes());
    fs::write(&segment, &bytes).unwrap();
    let error = writer::open(scratch.path(), KEYS).unwrap_err();
    assert!(matches!(error, StoreError::Newer { theirs: 2, ours: 1, .. }), "{error}");
    assert!(error.to_string().contains("runs-000001.log"), "{error}");
    assert_eq!(fs::read(&segment).unwrap(), bytes);
    let mut names: Vec<_> =
        fs::read_dir(scratch.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["journal", "samples"]);
}

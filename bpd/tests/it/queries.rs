//! Every question, asked of a real store.

use std::time::Duration;

use bp_proto::report::Verdict;
use bp_proto::request::{Align, CompareQuery, Edit, ListQuery, SamplesQuery};
use bp_proto::{
    Actor, AlertReport, Context, Draft, Ending, Finish, Git, Level, Point, Quality, RunState, Sample, Start,
    Totals, Ulid, UnixMillis,
};
use bpd::queries::{Degraded, Identity, Own, Queries, key_rule};
use bpd::store::{self, OwnCost, Writer};
use bpd::words::Lang;
use serde_json::{Value, json};
use tempfile::TempDir;

/// 2024-05-06T07:20:00Z.
const BEGAN: UnixMillis = UnixMillis(1_714_980_000_000);

/// A store, its writer, and the questions asked of it.
struct Room {
    writer: Writer,
    queries: Queries,
    runs: u64,
    /// Everything below is recorded at this time; it goes on a minute per run.
    now: UnixMillis,
    _dir: TempDir,
}

/// A run to record.
#[derive(Clone)]
struct Told {
    command: Option<&'static str>,
    cwd: &'static str,
    exit_code: i32,
    ms: u64,
    cpu_ms: u64,
    mib: u64,
    tags: &'static [&'static str],
    host: &'static str,
    branch: &'static str,
    actor: Actor,
}

const MAKE: Told = Told {
    command: Some("make"),
    cwd: "/home/me/app",
    exit_code: 0,
    ms: 2000,
    cpu_ms: 1000,
    mib: 100,
    tags: &[],
    host: "here",
    branch: "main",
    actor: Actor::Human,
};

impl Room {
    fn new() -> Self {
        let dir = tempfile::tempdir_in("/tmp").unwrap();
        let (writer, reader) = store::writer::open(dir.path(), key_rule()).unwrap();
        let identity = Identity {
            http_address: "127.0.0.1:7717".to_owned(),
            token_file: dir.path().join("token"),
            socket: dir.path().join("bpd.sock"),
            data_dir: dir.path().to_owned(),
            began: BEGAN,
            degraded: Degraded::default(),
        };
        let queries = Queries::new(reader, Lang::En, identity);
        Self { writer, queries, runs: 0, now: BEGAN, _dir: dir }
    }

    fn uid(&self) -> Ulid {
        Ulid::from_parts(BEGAN.0 as u64 + self.runs, u128::from(self.runs) << 64)
    }

    fn begin(&mut self, told: &Told) -> Ulid {
        self.runs += 1;
        self.now = self.now.plus(Duration::from_secs(60));
        let uid = self.uid();
        let start = Start {
            uid,
            draft: Draft {
                command: told.command.map(str::to_owned),
                cwd: Some(told.cwd.to_owned()),
                project: Some("/home/me/app".to_owned()),
                git: Some(Git { branch: Some(told.branch.to_owned()), commit: Some("3f2a91c0".repeat(5)) }),
                host: told.host.to_owned(),
                shell: Some("zsh".to_owned()),
                actor: told.actor.clone(),
                started_at: self.now,
                tags: told.tags.iter().map(|tag| (*tag).to_owned()).collect(),
                ..Draft::default()
            },
            owner: None,
            under: None,
            parent: None,
            context: Some(Context {
                load_1m: Some(0.2),
                cpus: Some(2),
                memory_total_mb: Some(8000.0),
                ..Context::default()
            }),
        };
        let (registered, known) = self.writer.begin(&start).unwrap();
        self.writer.commit().unwrap();
        assert_eq!((registered.id, known), (self.runs, false));
        uid
    }

    fn end(&mut self, uid: Ulid, told: &Told, ending: Ending) {
        let finish = Finish {
            uid,
            finished_at: self.now.plus(Duration::from_millis(told.ms)),
            took: Some(Duration::from_millis(told.ms)),
            ending,
            totals: Some(Totals {
                cpu_ns: Some(told.cpu_ms * 1_000_000),
                user_ns: Some(told.cpu_ms * 900_000),
                system_ns: Some(told.cpu_ms * 100_000),
                rss_max_bytes: Some(told.mib << 20),
                quality: Quality::Exact,
                ..Totals::default()
            }),
            children: Vec::new(),
            background: false,
        };
        self.writer.finish(&finish).unwrap();
        self.writer.commit().unwrap();
    }

    /// A finished run with a sample a second; → its id.
    fn record(&mut self, told: &Told) -> u64 {
        let uid = self.begin(told);
        let steps = told.ms / 1000;
        for n in 1..=steps {
            let sample = Sample {
                at_ms: n * 1000,
                cpu_ns: told.cpu_ms * 1_000_000 * n / steps,
                rss_bytes: (told.mib << 20) * n / steps,
                processes: 2,
            };
            self.writer.sample(uid, sample).unwrap();
        }
        self.end(uid, told, Ending::Exited { exit_code: told.exit_code, signal: None });
        self.runs
    }

    fn list(&self, query: &ListQuery) -> Vec<u64> {
        self.queries.list(query, self.now).unwrap().runs.iter().map(|run| run.id).collect()
    }

    fn search(&self, q: &str) -> Vec<u64> {
        self.list(&ListQuery { q: Some(q.to_owned()), ..ListQuery::default() })
    }

    fn show(&self, selector: &str) -> Value {
        serde_json::to_value(self.queries.show(selector, None, self.now).unwrap()).unwrap()
    }

    /// Id, or status and code.
    fn named(&self, selector: &str) -> Result<u64, (u16, String)> {
        let run = self.queries.show(selector, None, self.now);
        run.map(|run| run.id).map_err(|no| (no.status, no.failure.error.code))
    }

    fn compare(&self, current: &str, baseline: &str) -> Result<Value, (u16, String)> {
        let query = CompareQuery {
            current: current.to_owned(),
            baseline: Some(baseline.to_owned()),
            ..CompareQuery::default()
        };
        let comparison = self.queries.compare(&query, self.now);
        comparison
            .map(|comparison| serde_json::to_value(comparison).unwrap())
            .map_err(|no| (no.status, no.failure.error.hint.unwrap_or_default()))
    }
}

fn rules(comments: &Value) -> Vec<&str> {
    comments.as_array().unwrap().iter().map(|comment| comment["rule"].as_str().unwrap()).collect()
}

#[test]
fn a_run_is_shown_as_the_contract_has_it() {
    let mut room = Room::new();
    room.record(&Told { tags: &["a"], cpu_ms: 1800, ..MAKE });
    let shown = room.show("1");
    assert_eq!(
        shown,
        json!({
            "id": 1,
            "uid": room.uid().to_string(),
            "parent": null,
            "command": "make",
            "command_truncated": null,
            "masked": [],
            "key": shown["key"],
            "key_text": "make (app)",
            "cwd": "/home/me/app",
            "project": "/home/me/app",
            "git": { "branch": "main", "commit": "3f2a91c03f2a91c03f2a91c03f2a91c03f2a91c0" },
            "host": "here",
            "shell": "zsh",
            "session": null,
            "actor": "human",
            "started_at": "2024-05-06T07:21:00.000Z",
            "finished_at": "2024-05-06T07:21:02.000Z",
            "state": "finished",
            "exit_code": 0,
            "signal": null,
            "background": false,
            "imported": false,
            "tags": ["a"],
            "note": null,
            "run_stats": {
                "cpu_avg": 90.0,
                "cpu_p95": 90.0,
                "cpu_max": 90.0,
                "rss_avg_mb": 62.5,
                "rss_p95_mb": 100.0,
                "rss_max_mb": 100.0,
                "duration_s": 2.0,
                "cpu_seconds": 1.8,
                "user_seconds": 1.62,
                "system_seconds": 0.18,
                "samples": 2,
                "quality": "exact",
                "peak_lower_bound": false,
                "incomplete": false,
                "max_processes": 2
            },
            "children": [],
            "comments": [{
                "rule": "cpu-avg-high",
                "level": "warning",
                "text": "Average CPU was 90 %, above 80 %, over 2 s (100 % is one core).",
                "params": { "cpu_avg": 90.0, "threshold": 80.0, "duration_s": 2.0 }
            }],
            "context": {
                "load_1m": 0.2,
                "host_cpu_percent": null,
                "memory_used_mb": null,
                "memory_total_mb": 8000.0,
                "cpus": 2
            }
        })
    );
    let turkish = room.queries.show("1", Some("tr-TR,tr;q=0.9"), room.now).unwrap();
    assert!(turkish.comments[0].text.starts_with("Ortalama CPU kullanımı %90"));
}

#[test]
fn lists_are_filtered_and_searched() {
    let mut room = Room::new();
    room.record(&MAKE);
    room.record(&Told { command: Some("cargo Test --all"), exit_code: 101, ms: 9000, ..MAKE });
    room.record(&Told { cwd: "/home/me/app/src", tags: &["slow"], mib: 900, ..MAKE });
    room.record(&Told { command: None, host: "there", branch: "fast", ..MAKE });
    room.record(&Told {
        cwd: "/home/me/application",
        actor: Actor::Agent("x".to_owned()),
        cpu_ms: 1900,
        ..MAKE
    });
    room.begin(&Told { command: Some("sleep 60"), ..MAKE });
    let hour = UnixMillis(BEGAN.0 + 180_000);

    for (q, wanted) in [
        ("", vec![6, 5, 4, 3, 2, 1]),
        ("MAKE", vec![5, 3, 1]),
        ("cargo test", vec![2]),
        ("\"cargo test\"", vec![2]),
        ("-make", vec![6, 4, 2]),
        ("exit:0", vec![5, 4, 3, 1]),
        ("exit:!0 state:finished", vec![2]),
        ("state:running", vec![6]),
        ("tag:slow", vec![3]),
        ("-tag:slow make", vec![5, 1]),
        ("cwd:/home/me/app", vec![6, 4, 3, 2, 1]),
        ("host:there", vec![4]),
        ("shell:zsh shell:!zsh", vec![]),
        ("actor:agent", vec![5]),
        ("actor:agent:x", vec![5]),
        ("git:fast", vec![4]),
        ("git:3f2a", vec![6, 5, 4, 3, 2, 1]),
        ("dur:>5s", vec![6, 2]),
        ("dur:<=2s", vec![5, 4, 3, 1]),
        ("cpu:>80", vec![5]),
        ("mem:>500mb", vec![3]),
        ("id:>=5", vec![6, 5]),
        ("since:150s", vec![6, 5, 4]),
        ("until:151s", vec![3, 2, 1]),
    ] {
        let query = ListQuery { q: Some(q.to_owned()), ..ListQuery::default() };
        // Half a minute after the last run began.
        let page = room.queries.list(&query, room.now.plus(Duration::from_secs(30))).unwrap();
        assert_eq!(page.runs.iter().map(|run| run.id).collect::<Vec<_>>(), wanted, "{q}");
    }
    let key = room.show("1")["key"].as_str().unwrap().to_owned();
    assert_eq!(room.search(&format!("key:{}", &key[..6])), [1]);
    let of = |query: ListQuery| room.list(&query);
    assert_eq!(of(ListQuery { key: Some(key), ..ListQuery::default() }), [1]);
    assert_eq!(of(ListQuery { cwd: Some("/home/me/app/src/".to_owned()), ..ListQuery::default() }), [3]);
    assert_eq!(of(ListQuery { state: Some(RunState::Running), ..ListQuery::default() }), [6]);
    assert_eq!(of(ListQuery { exit: Some(101), ..ListQuery::default() }), [2]);
    assert_eq!(of(ListQuery { tag: Some("slow".to_owned()), ..ListQuery::default() }), [3]);
    assert_eq!(of(ListQuery { since: Some(hour), ..ListQuery::default() }), [6, 5, 4, 3]);
    assert_eq!(of(ListQuery { until: Some(hour), ..ListQuery::default() }), [3, 2, 1]);
}

#[test]
fn pages_follow_each_other_without_gap_or_repetition() {
    let mut room = Room::new();
    for _ in 0..7 {
        room.record(&Told { ms: 500, ..MAKE });
    }
    for q in ["", "make exit:0"] {
        let mut query = ListQuery { limit: Some(3), q: Some(q.to_owned()), ..ListQuery::default() };
        let mut seen = Vec::new();
        loop {
            let page = room.queries.list(&query, room.now).unwrap();
            seen.push(page.runs.iter().map(|run| run.id).collect::<Vec<_>>());
            query.before = page.next;
            if query.before.is_none() {
                break;
            }
        }
        assert_eq!(seen, [vec![7, 6, 5], vec![4, 3, 2], vec![1]]);
    }
}

#[test]
fn a_question_that_cannot_be_understood_is_refused_and_says_why() {
    let room = Room::new();
    let refused = |query: ListQuery| room.queries.list(&query, room.now).unwrap_err();
    for (query, part) in [
        (ListQuery { limit: Some(0), ..ListQuery::default() }, "`limit` is 0"),
        (ListQuery { limit: Some(501), ..ListQuery::default() }, "`limit` is 501"),
        (ListQuery { before: Some("x".to_owned()), ..ListQuery::default() }, "not a cursor"),
        (ListQuery { q: Some("colour:red".to_owned()), ..ListQuery::default() }, "`colour`"),
        (ListQuery { cwd: Some(".".to_owned()), ..ListQuery::default() }, "absolute"),
    ] {
        let no = refused(query);
        assert_eq!((no.status, no.failure.error.code.as_str()), (422, "invalid_query"));
        assert!(no.failure.error.message.contains(part), "{}", no.failure.error.message);
    }
    assert_eq!(room.list(&ListQuery::default()), Vec::<u64>::new());
}

#[test]
fn every_selector_names_its_run() {
    let mut room = Room::new();
    let first = Told { ms: 3000, tags: &["base"], ..MAKE };
    room.record(&first);
    room.record(&Told { exit_code: 2, ms: 100, ..MAKE });
    room.record(&Told { ms: 1000, ..MAKE });
    room.record(&Told { command: Some("ls"), ms: 20, ..MAKE });
    room.begin(&Told { command: Some("sleep 60"), ..MAKE });
    let uid = room.show("3")["uid"].as_str().unwrap().to_owned();

    for (selector, id) in [
        ("2", 2),
        ("latest", 5),
        ("latest~", 4),
        ("latest~2", 3),
        ("latest-success", 4),
        ("latest-success~1", 3),
        ("latest-failed", 2),
        ("running", 5),
        ("slowest", 1),
        ("slowest~1", 3),
        ("fastest", 4),
        ("median", 3),
        ("@base", 1),
        ("latest{make exit:0}", 3),
        ("latest{make exit:0}~1", 1),
        ("3~2", 1),
        (uid.as_str(), 3),
        (uid.to_lowercase().as_str(), 3),
    ] {
        assert_eq!(room.named(selector), Ok(id), "{selector}");
    }
    for nothing in ["99", "latest~9", "@none", "latest{nothing}", "7ZZZ", "not-a-selector", "1~1", ""] {
        assert_eq!(room.named(nothing), Err((404, "run_not_found".to_owned())), "{nothing}");
    }
    assert_eq!(room.named(&uid[..4]), Err((409, "ambiguous_run".to_owned())));
    assert_eq!(room.named("latest{x:y}"), Err((422, "invalid_query".to_owned())));

    let hint = room.queries.show("99", None, room.now).unwrap_err().failure.error.hint.unwrap();
    assert_eq!(hint, "there are 5 (sleep 60), 4 (ls), 3 (make)");
}

#[test]
fn a_baseline_is_of_the_same_command_before_the_run_and_never_the_run_itself() {
    let mut room = Room::new();
    room.record(&MAKE);
    room.record(&Told { exit_code: 1, ..MAKE });
    room.record(&Told { command: Some("ls"), ..MAKE });
    room.record(&MAKE);
    room.record(&MAKE);
    let against = |baseline: &str| room.compare("4", baseline).map(|found| found["baseline"]["id"].clone());

    assert_eq!(against("latest-success"), Ok(json!(1)));
    assert_eq!(against("latest"), Ok(json!(2)));
    assert_eq!(against("latest-failed"), Ok(json!(2)));
    assert_eq!(against("slowest"), Ok(json!(1)));
    assert_eq!(against("3"), Ok(json!(3)));
    assert_eq!(against("5"), Ok(json!(5)));
    assert_eq!(against("4").unwrap_err().0, 404);
    let (status, hint) = room.compare("1", "latest-success").unwrap_err();
    assert_eq!(status, 404);
    assert!(hint.starts_with("no earlier run of this command"), "{hint}");
}

#[test]
fn a_comparison_is_the_document_of_the_contract() {
    let mut room = Room::new();
    for ms in [2000, 2040, 1960, 2020, 1980, 2010, 1990, 2030, 1970, 2000, 2000] {
        room.record(&Told { ms, ..MAKE });
    }
    let slow = room.record(&Told { ms: 4000, cpu_ms: 2900, branch: "slow", ..MAKE });
    let found = room.compare(&slow.to_string(), "latest-success").unwrap();

    assert_eq!(found["verdict"], "slower");
    assert_eq!(found["align"], "time");
    assert_eq!(found["reasons"], json!(["more-cpu-work"]));
    assert_eq!(found["differs"], json!([{ "what": "branch", "current": "slow", "baseline": "main" }]));
    let duration = &found["metrics"]["duration_s"];
    assert_eq!(
        *duration,
        json!({ "current": 4.0, "baseline": 2.0, "delta": 2.0, "change": 1.0, "verdict": "slower", "usual": duration["usual"] })
    );
    let usual = |name: &str| duration["usual"][name].as_f64().unwrap();
    assert!(1.9 < usual("low") && usual("low") < usual("median") && usual("median") < usual("high"));
    let names: Vec<_> = found["metrics"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "cpu_avg",
            "cpu_max",
            "cpu_p95",
            "cpu_seconds",
            "duration_s",
            "rss_avg_mb",
            "rss_max_mb",
            "rss_p95_mb",
            "system_seconds",
            "user_seconds"
        ]
    );
    assert_eq!(rules(&found["comments"]), ["verdict", "more-cpu-work"]);
    assert_eq!(found["comments"][0]["text"], "Slower: 4 s against 2 s (+100 %).");
    assert_eq!(found["comments"][0]["level"], "warning");
    assert_eq!(rules(&found["current"]["comments"]), ["slower"]);
    let x = found["series"]["x"].as_array().unwrap();
    for side in ["current", "baseline"] {
        for line in ["cpu_percent", "rss_mb"] {
            assert_eq!(found["series"][side][line].as_array().unwrap().len(), x.len());
        }
    }
    assert!(found["series"]["baseline"]["cpu_percent"].as_array().unwrap().last().unwrap().is_null());

    for align in [Align::Time, Align::Percent, Align::Work] {
        let query = CompareQuery {
            current: slow.to_string(),
            align: Some(align),
            lang: Some("tr".to_owned()),
            ..CompareQuery::default()
        };
        let found = room.queries.compare(&query, room.now).unwrap();
        assert_eq!((found.align, found.verdict), (align, Verdict::Slower));
        assert_eq!(found.comments[0].text, "Daha yavaş: 2 sn yerine 4 sn (+%100).");
    }
}

#[test]
fn two_runs_alone_are_compared_roughly_and_unlike_ones_not_at_all() {
    let mut room = Room::new();
    room.record(&MAKE);
    room.record(&Told { ms: 2100, ..MAKE });
    room.record(&Told { exit_code: 1, ..MAKE });
    room.record(&Told { command: Some("ls"), ..MAKE });
    let rough = room.compare("2", "latest-success").unwrap();
    assert_eq!((&rough["verdict"], &rough["reasons"]), (&json!("unclear"), &json!(["too-small", "rough"])));
    assert_eq!(rough["metrics"]["duration_s"]["usual"], Value::Null);

    let failed = room.compare("3", "1").unwrap();
    assert_eq!((&failed["verdict"], &failed["reasons"]), (&json!("not_comparable"), &json!(["exit-code"])));
    let other = room.compare("4", "1").unwrap();
    assert_eq!(other["reasons"], json!(["args"]));
    assert_eq!(other["metrics"]["duration_s"]["delta"], 0.0);
}

#[test]
fn samples_are_given_whole_thinned_or_by_window() {
    let mut room = Room::new();
    room.record(&Told { ms: 11_000, cpu_ms: 11_000, ..MAKE });
    let started = (BEGAN.0 + 60_000) as f64 / 1000.0;
    let ask = |query: SamplesQuery| room.queries.samples("1", &query, room.now);
    let seconds = |query| ask(query).unwrap().iter().map(|point| point.ts - started).collect::<Vec<_>>();

    let whole = ask(SamplesQuery::default()).unwrap();
    assert_eq!(whole.len(), 11);
    assert_eq!(
        serde_json::to_value(&whole[10]).unwrap(),
        json!({ "ts": started + 11.0, "cpu_percent": 100.0, "rss_mb": 100.0, "processes": 2 })
    );
    let thinned = SamplesQuery { downsample: Some(true), ..SamplesQuery::default() };
    assert_eq!(seconds(thinned.clone()), [1.0, 6.0, 11.0]);
    assert_eq!(seconds(SamplesQuery { step: Some(4), ..thinned.clone() }), [1.0, 5.0, 9.0]);
    assert_eq!(seconds(SamplesQuery { step: Some(4), ..SamplesQuery::default() }).len(), 11);
    assert_eq!(
        seconds(SamplesQuery {
            from: Some(started + 9.0),
            to: Some(started + 10.0),
            ..SamplesQuery::default()
        }),
        [9.0, 10.0]
    );
    let few = seconds(SamplesQuery { max_points: Some(6), ..SamplesQuery::default() });
    assert!(few.len() <= 6 && few.first() == Some(&1.0) && few.last() == Some(&11.0));
    for refused in [
        SamplesQuery { step: Some(0), ..thinned },
        SamplesQuery { max_points: Some(0), ..SamplesQuery::default() },
    ] {
        assert_eq!(ask(refused).unwrap_err().status, 422);
    }
}

#[test]
fn posted_samples_come_back_as_they_were_sent() {
    let mut room = Room::new();
    let uid = room.begin(&MAKE);
    let posted: Vec<Point> = [(1_714_980_000.0, 12.4, 230.5), (1_714_980_001.25, 87.6, 240.0)]
        .map(|(ts, cpu_percent, rss_mb)| Point { ts, cpu_percent, rss_mb, processes: None })
        .into();
    room.writer.points(uid, &posted).unwrap();
    room.writer.commit().unwrap();
    assert_eq!(room.queries.samples("1", &SamplesQuery::default(), room.now).unwrap(), posted);
    let stats = &room.show("1")["run_stats"];
    assert_eq!((&stats["cpu_avg"], &stats["cpu_max"]), (&json!(50.0), &json!(87.6)));
}

#[test]
fn an_open_run_is_known_so_far() {
    let mut room = Room::new();
    let uid = room.begin(&MAKE);
    assert_eq!(room.show("1")["run_stats"], Value::Null);
    let sample = Sample { at_ms: 4000, cpu_ns: 1_000_000_000, rss_bytes: 8 << 20, processes: 1 };
    room.writer.sample(uid, sample).unwrap();
    let later = room.now.plus(Duration::from_secs(5));
    let run = room.queries.show("1", None, later).unwrap();
    let stats = run.run_stats.unwrap();
    assert_eq!((stats.duration_s, stats.cpu_avg, stats.samples), (5.0, Some(25.0), 1));

    // What was derived before does not outlive a change.
    room.end(uid, &MAKE, Ending::Exited { exit_code: 0, signal: None });
    assert_eq!(room.show("1")["run_stats"]["duration_s"], 2.0);
    let edit = Edit { tags: Some(vec!["x".to_owned()]), note: None };
    room.writer.edit(uid, &edit).unwrap();
    room.writer.commit().unwrap();
    assert_eq!(room.show("@x")["id"], 1);
    room.writer.delete(uid).unwrap();
    room.writer.commit().unwrap();
    assert_eq!(room.named("1"), Err((404, "run_not_found".to_owned())));
}

#[test]
fn history_makes_comments_and_lost_runs_are_said_to_be_lost() {
    let mut room = Room::new();
    for n in 0..12 {
        room.record(&Told { ms: 2000 + n % 3 * 20, ..MAKE });
    }
    // Failures, other hosts and agents are no measure for what a person runs here.
    for _ in 0..12 {
        room.record(&Told { ms: 9000, exit_code: 1, ..MAKE });
        room.record(&Told { ms: 9000, host: "there", ..MAKE });
        room.record(&Told { ms: 9000, actor: Actor::Agent("x".to_owned()), ..MAKE });
    }
    let slow = room.record(&Told { ms: 3000, ..MAKE });
    let fast = room.record(&Told { ms: 1000, cpu_ms: 500, ..MAKE });
    let large = room.record(&Told { mib: 600, ..MAKE });
    let huge = room.record(&Told { mib: 5000, ..MAKE });
    let short = room.record(&Told { command: Some("true"), ms: 3, ..MAKE });
    let lost = room.begin(&MAKE);
    room.end(lost, &MAKE, Ending::Lost);
    for (id, rule) in [
        (slow, "slower"),
        (fast, "faster"),
        (large, "mem-peak-high"),
        (huge, "mem-peak-high"),
        (short, "short-run-no-curve"),
        (room.runs, "lost"),
    ] {
        assert_eq!(rules(&room.show(&id.to_string())["comments"]), [rule]);
    }
    let listed = room.queries.list(&ListQuery::default(), room.now).unwrap();
    assert_eq!(listed.runs[0].comments[0].rule, "lost");
    assert_eq!(room.show(&slow.to_string())["comments"][0]["params"]["runs"], 13);
}

#[test]
fn alerts_are_told_in_the_language_asked_for() {
    let mut room = Room::new();
    room.record(&MAKE);
    let alert = AlertReport {
        uid: Ulid::from_parts(7, 7),
        rule: "cpu-high".to_owned(),
        level: Level::Warning,
        run: Some(1),
        command: Some("make".to_owned()),
        fired_at: room.now,
        ended_at: None,
        peak: 93.0,
        threshold: 80.0,
        above_s: 12.0,
        delivery: None,
        text: String::new(),
    };
    room.writer.alert(&alert).unwrap();
    room.writer.commit().unwrap();
    let text = |lang| room.queries.alerts(50, lang).unwrap()[0].text.clone();
    assert_eq!(text(None), "make has used up to 93 % CPU for 12 s (threshold 80 %).");
    assert_eq!(text(Some("tr")), "make, 12 sn süredir yüksek CPU kullanıyor: en çok %93 (eşik %80).");
}

#[test]
fn overhead_sets_bpds_cost_beside_that_of_the_commands() {
    let mut room = Room::new();
    room.record(&MAKE);
    room.record(&Told { cpu_ms: 3000, ..MAKE });
    let began = BEGAN.minus(Duration::from_secs(3600));
    room.writer.own_cost(OwnCost { at: BEGAN, cpu_ns: 500_000_000, process_began: began }).unwrap();
    room.writer.commit().unwrap();
    let own = Own { cpu_ns: 250_000_000, rss_bytes: 6 << 20, began: BEGAN };
    let found = room.queries.overhead(own, room.now).unwrap();
    assert_eq!(
        (found.cpu_seconds, found.commands_cpu_seconds, found.runs, found.rss_mb),
        (0.75, 4.0, 2, 6.0)
    );
    assert!(found.disk_bytes > 0);
    assert_eq!(found.uptime_s.round() as u64, 120);

    let a_month_later = room.now.plus(Duration::from_secs(30 * 86_400));
    let found = room.queries.overhead(own, a_month_later).unwrap();
    assert_eq!((found.commands_cpu_seconds, found.runs), (0.0, 0));
}

#[test]
fn status_says_where_bpd_is_and_what_it_holds() {
    let mut room = Room::new();
    room.record(&MAKE);
    room.begin(&MAKE);
    let status = serde_json::to_value(room.queries.status(room.now)).unwrap();
    assert_eq!(status["pid"], std::process::id());
    assert_eq!(
        (&status["runs"], &status["running"], &status["uptime_s"]),
        (&json!(2), &json!(1), &json!(120.0))
    );
    assert_eq!(status["http"]["address"], "127.0.0.1:7717");
    assert_eq!(status["degraded"], json!([]));
}

//! Every question, asked of a real store.

mod compare;
mod lists;
mod reports;

use std::time::Duration;

use bp_proto::event::Source;
use bp_proto::report::Verdict;
use bp_proto::request::{AlertsQuery, Align, CompareQuery, Edit, ListQuery, SamplesQuery};
use bp_proto::{
    Activity, Actor, AlertReport, Context, Draft, Ending, Finish, Git, Level, Point, Quality, RunState,
    Sample, Start, Surroundings, Totals, Ulid, UnixMillis,
};
use bpd::queries::{Degraded, Identity, Own, Queries, key_rule};
use bpd::store::{self, OwnCost, Writer};
use bpd::words::Lang;
use serde_json::{Value, json};
use tempfile::TempDir;

/// 2024-05-06T07:20:00Z.
const BEGAN: UnixMillis = UnixMillis(1_714_980_000_000);

const ACTIVITY: Activity = Activity {
    wait_ns: Some(250_000_000),
    read_bytes: Some(3 << 20),
    written_bytes: Some(1 << 19),
    minor_faults: Some(1234),
    major_faults: Some(0),
    voluntary_switches: Some(56),
    involuntary_switches: Some(7),
    max_threads: Some(7),
};

const SURROUNDINGS: Surroundings = Surroundings {
    over_us: Some(2_000_000),
    cpu_stall_us: Some(500_000),
    memory_stall_us: Some(0),
    io_stall_us: None,
    suspended_ms: Some(0),
    host_cpu_permille: Some(625),
};

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
            program: std::path::PathBuf::new(),
        };
        let queries = Queries::new(reader, Lang::En, identity);
        Self { writer, queries, runs: 0, now: BEGAN, _dir: dir }
    }

    fn uid(&self) -> Ulid {
        Ulid::from_parts(BEGAN.0 as u64 + self.runs, u128::from(self.runs) << 64)
    }

    fn begin(&mut self, told: &Told) -> Ulid {
        self.begin_from(Source::Hook, told)
    }

    /// A command of before bp.
    fn import(&mut self, told: &Told) {
        self.begin_from(Source::Import, told);
    }

    fn begin_from(&mut self, source: Source, told: &Told) -> Ulid {
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
                source,
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
                activity: ACTIVITY,
                surroundings: SURROUNDINGS,
                ..Totals::default()
            }),
            children: Vec::new(),
            rest: None,
            waited: None,
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
                ..Sample::default()
            };
            self.writer.sample(uid, sample).unwrap();
        }
        self.end(uid, told, Ending::Exited { exit_code: Some(told.exit_code), signal: None });
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

//! How long answers over HTTP take, and whether a large run that is sampled meanwhile is felt.

mod client;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use serde::Deserialize;

use super::flock::Flock;
use super::table::{Table, median, quantile};
use crate::daemon::Daemon;
use client::{Events, Http};

const RUNS: usize = 1000;
const CLIENTS: usize = 8;
const PATHS: [&str; 5] =
    ["/runs", "/runs?q=target-7", "/runs/500", "/runs/500/samples", "/compare?current=900"];

/// Requests for each path, and events, with a run sampled meanwhile and without, in so many turns.
const REQUESTS: usize = 500;
const EVENTS: usize = 40;
const TURNS: usize = 8;

/// Members of that run, each of which does something as often as it is looked at.
const MEMBERS: usize = 2000;
const EVERY_MS: usize = 1000;

/// The first event after a while of silence goes out at once.
const SILENCE: Duration = Duration::from_millis(300);

/// A run is read often in its first second.
const SETTLED: Duration = Duration::from_millis(1500);
/// Only a failure waits that long.
const DEADLINE: Duration = Duration::from_secs(30);

/// How long things took in each turn, microseconds.
#[derive(Default)]
struct Times {
    paths: [Vec<Vec<f64>>; PATHS.len()],
    bytes: [usize; PATHS.len()],
    events: Vec<Vec<f64>>,
}

pub(super) fn measure(programs: &Path) -> Result<Table> {
    let daemon = Daemon::start(programs)?;
    fill(&daemon)?;
    let mut http = Http::open(&daemon)?;
    let mut events = Events::open(&daemon)?;
    let (mut alone, mut beside) = (Times::default(), Times::default());
    for turn in 0..TURNS {
        // The same processes are there in both; bpd knows of them in one. What ends leaves work behind for the next.
        for is_sampled in [turn % 2 == 0, turn % 2 == 1] {
            let flock = Flock::start(programs, MEMBERS, Some(EVERY_MS))?;
            if is_sampled {
                sample(&mut http, flock.pid())?;
            }
            std::thread::sleep(SETTLED);
            let times = if is_sampled { &mut beside } else { &mut alone };
            times.take(&mut http, &mut events)?;
        }
    }
    Ok(table(&alone, &beside))
}

fn table(alone: &Times, beside: &Times) -> Table {
    let sampled = format!("with a run of {MEMBERS} processes sampled");
    let mut table = Table::new(&[
        "request",
        "median µs",
        "p95 µs",
        "bytes",
        &format!("{sampled}: median µs"),
        "p95 µs",
        "p99 µs",
        "median over that without, in each turn",
    ]);
    let mut row = |what: &str, alone: &[Vec<f64>], beside: &[Vec<f64>], bytes: String| {
        // Turn by turn: what else the machine does comes and goes.
        let ratios: Vec<f64> = alone.iter().zip(beside).map(|(a, b)| median(b) / median(a)).collect();
        let (ratio, alone, beside) = (median(&ratios), alone.concat(), beside.concat());
        let (alone, beside) = (&alone, &beside);
        table.row([
            what.to_owned(),
            format!("{:.0}", median(alone)),
            format!("{:.0}", quantile(alone, 0.95)),
            bytes,
            format!("{:.0}", median(beside)),
            format!("{:.0}", quantile(beside, 0.95)),
            format!("{:.0}", quantile(beside, 0.99)),
            format!("{ratio:.2}"),
        ]);
        ratio
    };
    let mut ratios = Vec::new();
    for ((path, bytes), (alone, beside)) in
        PATHS.iter().zip(alone.bytes).zip(alone.paths.iter().zip(&beside.paths))
    {
        ratios.push((path, row(&format!("GET {path}"), alone, beside, bytes.to_string())));
    }
    row("an event, from its cause to the page", &alone.events, &beside.events, "–".to_owned());
    for (path, ratio) in ratios {
        table.judge(&format!("GET {path}: {sampled}, over that without"), ratio, MOST_FELT);
    }
    // What grows goes out with what else there is, four times a second.
    let event_ms = median(&beside.events.concat()) / 1e3;
    table.judge(&format!("an event, {sampled}: ms"), event_ms, 250.0);
    table.judge("GET /runs: p95 µs", quantile(&alone.paths[0].concat(), 0.95), 5000.0);
    table.judge(&format!("GET /runs {sampled}: p95 µs"), quantile(&beside.paths[0].concat(), 0.95), 5000.0);
    table
}

/// What is read once a second must not be felt by who asks a hundred times as often.
const MOST_FELT: f64 = 1.25;

/// Runs with samples, of forty different commands.
fn fill(daemon: &Daemon) -> Result<()> {
    std::thread::scope(|scope| {
        // Each waits for the disk, and they wait together.
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                scope.spawn(move || -> Result<()> {
                    let mut http = Http::open(daemon)?;
                    (client..RUNS).step_by(CLIENTS).try_for_each(|number| record(&mut http, number))
                })
            })
            .collect();
        clients.into_iter().try_for_each(|client| client.join().map_err(|_| anyhow!("a client broke"))?)
    })
}

fn record(http: &mut Http, number: usize) -> Result<()> {
    let id = begin(http, &format!(r#"{{"command": "make target-{}"}}"#, number % 40))?;
    let samples = (0..20).map(|at| {
        format!(r#"{{"ts": {}.0, "cpu_percent": {}.5, "rss_mb": 120.25}}"#, 1_714_980_000 + at, at * 5)
    });
    let samples = samples.collect::<Vec<_>>().join(",");
    http.ask("POST", &format!("/runs/{id}/samples"), &format!("[{samples}]"))?;
    http.ask("PATCH", &format!("/runs/{id}/finish"), r#"{"exit_code": 0}"#)?;
    Ok(())
}

/// → the number of a new run.
fn begin(http: &mut Http, run: &str) -> Result<u64> {
    #[derive(Deserialize)]
    struct Registered {
        id: u64,
    }
    let answer = http.ask("POST", "/runs", run)?;
    let Registered { id } = serde_json::from_slice(&answer).context("an answer without an id")?;
    Ok(id)
}

/// Has the process and all below it sampled; returns when they are.
fn sample(http: &mut Http, pid: u32) -> Result<()> {
    let id = begin(http, &format!(r#"{{"command": "flock", "pid": {pid}}}"#))?;
    let until = Instant::now() + DEADLINE;
    loop {
        let samples: serde_json::Value =
            serde_json::from_slice(&http.ask("GET", &format!("/runs/{id}/samples"), "")?)?;
        if most_processes(&samples) > MEMBERS as u64 {
            return Ok(());
        }
        if Instant::now() > until {
            bail!("bpd does not sample the {MEMBERS} processes of a run: {samples}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Of any point, wherever it stands in the answer.
fn most_processes(samples: &serde_json::Value) -> u64 {
    use serde_json::Value;
    match samples {
        Value::Array(values) => values.iter().map(most_processes).max().unwrap_or(0),
        Value::Object(fields) => {
            let own = fields.get("processes").and_then(Value::as_u64).unwrap_or(0);
            fields.values().map(most_processes).max().unwrap_or(0).max(own)
        }
        _ => 0,
    }
}

impl Times {
    fn take(&mut self, http: &mut Http, events: &mut Events) -> Result<()> {
        for (path, (turns, bytes)) in PATHS.iter().zip(self.paths.iter_mut().zip(&mut self.bytes)) {
            let mut times = Vec::new();
            for _ in 0..REQUESTS / TURNS {
                let began = Instant::now();
                *bytes = http.ask("GET", path, "")?.len();
                times.push(began.elapsed().as_secs_f64() * 1e6);
            }
            turns.push(times);
        }
        let mut times = Vec::new();
        for number in 0..EVENTS / TURNS {
            std::thread::sleep(SILENCE);
            let began = Instant::now();
            http.ask("PATCH", &format!("/runs/{}", 1 + number), r#"{"note": "seen"}"#)?;
            let wanted = format!("{{\"run\":{}}}", 1 + number);
            events.wait_for(|line| line.strip_prefix("data:").is_some_and(|data| data.trim() == wanted))?;
            times.push(began.elapsed().as_secs_f64() * 1e6);
        }
        self.events.push(times);
        Ok(())
    }
}

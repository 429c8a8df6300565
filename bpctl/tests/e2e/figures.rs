//! One fact has one value: in the list, in a run's document, over HTTP, in its curve, in its children and in the text for
//! people. A varied store is walked, run by run.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::time::Duration;

use bp_proto::client::Client;
use bp_proto::{Run, RunState};
use serde_json::{Value, json};

use crate::served::{Served, bpctl, settled, until};
use crate::shells::{Home, Kind, Shell, Transport};

const CLOCK_WAS_NOT_SET: &str = "the clock was not set";

/// Figures are stored in steps of 10 µs and 4 KiB.
const STEP: f64 = 0.01;

struct Api {
    address: String,
    token: String,
}

impl Api {
    fn of(home: &Home) -> Self {
        let status = document(home, &["status", "--json"]);
        let token = std::fs::read_to_string(status["http"]["token_file"].as_str().unwrap()).unwrap();
        Self {
            address: status["http"]["address"].as_str().unwrap().to_owned(),
            token: token.trim().to_owned(),
        }
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.address,
            self.token,
            body.len()
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 2"), "{method} {path}: {answer}");
        // A short answer is one chunk, or none.
        let from = body.find(['{', '[']).unwrap_or(body.len());
        let to = body.rfind(['}', ']']).map_or(body.len(), |at| at + 1);
        serde_json::from_str(&body[from..to]).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }

    fn post_run(&self, command: &str, points: &Value) {
        let run = self.ask("POST", "/runs", &json!({ "command": command }))["id"].clone();
        self.ask("POST", &format!("/runs/{run}/samples"), points);
        self.ask("PATCH", &format!("/runs/{run}/finish"), &json!({ "exit_code": 0 }));
    }
}

fn document(home: &Home, words: &[&str]) -> Value {
    let output = bpctl(home, words);
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Typed lines of every kind, and posted runs whose times and figures are odd.
fn varied_store() -> (Shell, Served, usize) {
    let home = Home::new();
    home.rc(Kind::Bash, "", true, "");
    let command = home.command(Kind::Bash, Transport::Mailbox);
    let mut shell = Shell::from(home, command);
    let bpd = Served::start(&shell.home);
    let lines = [
        "true",
        "sh -c 'i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done'",
        "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done",
        "dd if=/dev/zero of=/dev/null bs=96M count=4 2>/dev/null",
        "for n in 1 2 3 4 5 6 7 8; do /bin/true; done",
        "sleep 0.3; (exit 3)",
        "sh -c 'head -c 40000000 /dev/zero | tail -c 30000000 | sha256sum'",
        "sleep 0.2",
    ];
    for line in lines {
        shell.line(line);
    }
    settled(&shell.home, lines.len());
    let api = Api::of(&shell.home);
    let now = bp_proto::UnixMillis::now().as_seconds();
    let point = |ts: f64, cpu: f64, rss: f64| json!({ "ts": ts, "cpu_percent": cpu, "rss_mb": rss });
    api.post_run("posted", &json!([point(now, 40.0, 10.0), point(now + 0.1, 60.0, 30.0)]));
    api.post_run("clock was set", &json!([point(now - 86_400.0, 50.0, 10.0), point(now, 50.0, 10.0)]));
    api.post_run("too much", &json!([point(now, 9e6, 10.0), point(now + 1.0, 9e6, 10.0)]));
    api.post_run("without samples", &json!([]));
    implausible(&shell.home);
    let count = lines.len() + 5;
    settled(&shell.home, count);
    (shell, bpd, count)
}

/// A line of a shell whose clock was not set: its duration cannot be true, its CPU time can.
fn implausible(home: &Home) {
    let shell = "bash 5.2.15 - - - -";
    let stamp = (bp_proto::UnixMillis::now().0 * 1000).to_string();
    let (before, after) = ("0m0.000s 0m0.000s\n0m0.000s 0m0.000s", "0m0.000s 0m0.000s\n0m0.020s 0m0.010s");
    let records = [
        vec!["", "1S", shell, &stamp, "x", "/", before, CLOCK_WAS_NOT_SET, ""],
        vec!["", "1E", shell, &stamp, "0", "+1767225600000", after, ""],
    ];
    let bytes: Vec<u8> = records.iter().flat_map(|fields| fields.join("\0").into_bytes()).collect();
    let mut client = Client::connect(&home.bp().join("run/bpd.sock"), Duration::from_secs(10)).unwrap();
    client.mail(std::process::id(), &bytes).unwrap();
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64()
}

fn check_curve(run: &Value, samples: &[Value]) {
    let stats = &run["run_stats"];
    let highest = |of: &dyn Fn(&Value) -> Option<f64>| samples.iter().filter_map(of).reduce(f64::max);
    let memory = highest(&|point| number(&point["rss_max_mb"]).or_else(|| number(&point["rss_mb"])));
    if let Some(memory) = memory.filter(|memory| *memory > 0.0) {
        let told = number(&stats["rss_max_mb"]).unwrap_or(-1.0);
        assert!((told - memory).abs() < STEP, "peak {told} MiB, curve {memory} MiB: {run}");
    }
    let cpu = highest(&|point| number(&point["cpu_percent"]));
    if let (Some(told), Some(cpu)) = (number(&stats["cpu_max"]), cpu) {
        assert!(cpu <= told + STEP, "highest {told} %, curve {cpu} %: {run}");
    }
    assert_eq!(stats["samples"].as_u64().unwrap_or(0), samples.len() as u64, "{run}");
}

fn check_figures(run: &Value) {
    let stats = &run["run_stats"];
    let figure = |name: &str| number(&stats[name]);
    for (lower, upper) in [
        ("cpu_avg", "cpu_max"),
        ("cpu_p95", "cpu_max"),
        ("rss_avg_mb", "rss_max_mb"),
        ("rss_p95_mb", "rss_max_mb"),
    ] {
        if let (Some(lower), Some(upper)) = (figure(lower), figure(upper)) {
            assert!(lower <= upper + STEP, "{lower} > {upper}: {run}");
        }
    }
    let is_measured = !run["shell"].is_null();
    if let (Some(cpu), Some(took), Some(average)) =
        (figure("cpu_seconds"), figure("duration_s"), figure("cpu_avg"))
        && is_measured
    {
        assert!((average - cpu / took * 100.0).abs() < 1.0, "{average} % is not {cpu} s of {took} s: {run}");
    }
    // Unknown is unknown everywhere: no quantile of rates without their average.
    let has_duration = figure("duration_s").is_some();
    if is_measured && has_duration && figure("cpu_avg").is_none() {
        assert!(figure("cpu_p95").is_none() && figure("cpu_max").is_none(), "{run}");
    }
    if figure("max_threads") == Some(1.0) {
        for name in ["cpu_avg", "cpu_p95", "cpu_max"] {
            assert!(figure(name).is_none_or(|percent| percent <= 100.0), "{name} of one thread: {run}");
        }
    }
    if let Some(memory) = figure("rss_max_mb").filter(|_| is_measured) {
        assert!(memory >= 0.05, "read too early: {run}");
    }
    if let (Some(cpu), rest) = (figure("cpu_seconds"), &run["rest"])
        && let Some(unattributed) =
            number(&rest["untold_seconds"]).or_else(|| number(&rest["unattributed_seconds"]))
    {
        let children = run["children"].as_array().unwrap();
        let named: f64 = children.iter().filter_map(|child| number(&child["cpu_seconds"])).sum();
        let others =
            number(&rest["cpu_seconds"]).unwrap_or(0.0) + number(&rest["shell_seconds"]).unwrap_or(0.0);
        let sum = named + others + unattributed;
        assert!(sum >= cpu - STEP, "rows of {sum} s for a total of {cpu} s: {run}");
    }
}

#[test]
fn every_figure_has_one_value_wherever_it_is_shown() {
    let (shell, _bpd, count) = varied_store();
    let home = &shell.home;
    let api = Api::of(home);
    let listed = document(home, &["list", "--json", "-n", "500"]);
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), count);
    for run in listed {
        let id = run["id"].to_string();
        let shown = document(home, &["show", &id, "--json"]);
        for field in ["run_stats", "children", "rest", "state", "exit_code", "started_at", "implausible"] {
            assert_eq!(run[field], shown[field], "{field} of run {id} in list and show");
        }
        assert_eq!(
            shown["run_stats"],
            api.ask("GET", &format!("/runs/{id}"), &Value::Null)["run_stats"],
            "{id}"
        );
        let samples = api.ask("GET", &format!("/runs/{id}/samples"), &Value::Null);
        check_curve(&shown, samples.as_array().unwrap());
        let thin = api.ask("GET", &format!("/runs/{id}/samples?max_points=4"), &Value::Null);
        let peaks = |samples: &Value| {
            let highest = |point: &Value| number(&point["rss_max_mb"]).or_else(|| number(&point["rss_mb"]));
            samples.as_array().unwrap().iter().filter_map(highest).reduce(f64::max)
        };
        assert_eq!(peaks(&samples), peaks(&thin), "the peak of run {id} in a thinned curve");
        check_figures(&shown);

        let text = String::from_utf8(bpctl(home, &["show", &id]).stdout).unwrap();
        if let Some(peak) =
            number(&shown["run_stats"]["rss_max_mb"]).filter(|peak| (9.95..1023.5).contains(peak))
        {
            assert!(text.contains(&format!("{peak:.0} MiB")), "{peak}: {text}");
        }
        assert!(!text.contains(" 0.0 MiB"), "{text}");
    }
    let refused = listed.iter().filter(|run| run["implausible"] != json!([])).count();
    assert_eq!(refused, 3, "{listed:#?}");
    assert!(document(home, &["status", "--json"])["implausible"].as_u64() >= Some(1));
}

#[test]
fn one_busy_thread_shows_no_more_than_a_core_and_memory_is_that_of_the_program() {
    let (shell, _bpd, _) = varied_store();
    let runs: Vec<Run> = settled(&shell.home, 1);
    let of = |part: &str| {
        let found = runs.iter().find(|run| run.command.as_deref().is_some_and(|line| line.contains(part)));
        found.filter(|run| run.state == RunState::Finished).and_then(|run| run.run_stats.clone()).unwrap()
    };
    for part in ["sh -c 'i=0", "i=0; while [ $i -lt 200000"] {
        let stats = of(part);
        for percent in [stats.cpu_avg, stats.cpu_p95, stats.cpu_max].into_iter().flatten() {
            assert!(percent <= 100.5, "{part}: {stats:?}");
        }
    }
    let copied = of("dd if=/dev/zero");
    assert!(copied.rss_max_mb.is_none_or(|mib| mib >= 1.0), "{copied:?}");
}

/// A bpd that raises alerts soon and shows them to nobody.
fn alerting(home: &Home) -> Served {
    let config = "[alerts.desktop]\nenabled = false\n\n[alerts.cpu_high]\nthreshold = 5\nwindow_s = 0.5\n";
    std::fs::create_dir_all(home.bp()).unwrap();
    std::fs::write(home.bp().join("config.toml"), config).unwrap();
    Served::start(home)
}

/// make only waits: the compiler that it runs through `cc` is named.
#[test]
fn an_alert_names_the_compiler_that_make_runs() {
    let home = Home::new();
    let _bpd = alerting(&home);
    let mut source = String::new();
    for n in 0..3000 {
        writeln!(
            source,
            "int f{n}(int a, int b) {{ int s = {n}; for (int i = 0; i < a; i++) for (int j = 0; j < b; j++) \
             s += (i * s + j) ^ (s >> 3); return s; }}"
        )
        .unwrap();
    }
    std::fs::write(home.work().join("big.c"), source).unwrap();
    std::fs::write(home.work().join("Makefile"), "big.o: big.c\n\tgcc -O2 -c big.c -o big.o\n").unwrap();
    let mut run = home.environment(std::process::Command::new(env!("CARGO_BIN_EXE_bpctl")));
    let run = run.args(["run", "-q", "--", "make"]).current_dir(home.work()).process_group(0);
    let mut run = run.spawn().unwrap();
    let alert =
        until("an alert", || document(&home, &["alerts", "--json"]).as_array().unwrap().first().cloned());
    // The compiler would go on for long.
    let group = rustix::process::Pid::from_raw(run.id() as i32).unwrap();
    rustix::process::kill_process_group(group, rustix::process::Signal::TERM).unwrap();
    run.wait().unwrap();
    let directory = home.work().file_name().unwrap().to_string_lossy().into_owned();
    assert_eq!(
        (&alert["command"], &alert["line"], &alert["project"]),
        (&json!("cc1"), &json!("make"), &json!(directory)),
        "{alert}"
    );
}

#[test]
fn an_alert_names_the_program_that_used_the_cpu_and_the_line_and_the_project() {
    let home = Home::new();
    let _bpd = alerting(&home);
    let line = "touch made && timeout 6 sha256sum /dev/zero";
    let mut run = home.environment(std::process::Command::new(env!("CARGO_BIN_EXE_bpctl")));
    let mut run = run.args(["run", "-q", "-c", line]).current_dir(home.work()).spawn().unwrap();
    let alert =
        until("an alert", || document(&home, &["alerts", "--json"]).as_array().unwrap().first().cloned());
    let text = String::from_utf8(bpctl(&home, &["alerts"]).stdout).unwrap();
    run.wait().unwrap();
    assert_eq!(alert["command"], "sha256sum", "{alert}");
    assert!(alert["line"].as_str().is_some_and(|shown| shown.contains("touch made")), "{alert}");
    let directory = home.work().file_name().unwrap().to_string_lossy().into_owned();
    assert_eq!(alert["project"], directory.as_str(), "{alert}");
    assert!(text.contains("sha256sum in ") && text.contains("touch made"), "{text}");
}

/// One value that cannot be true is unknown, and the others stay.
#[test]
fn an_implausible_duration_alone_is_unknown() {
    let home = Home::new();
    let _bpd = Served::start(&home);
    implausible(&home);
    settled(&home, 1);
    let shown = document(&home, &["show", "--json"]);
    assert_eq!(shown["implausible"], json!(["duration"]), "{shown}");
    let stats = &shown["run_stats"];
    assert_eq!((&stats["duration_s"], &stats["cpu_avg"]), (&Value::Null, &Value::Null), "{shown}");
    assert_eq!((&stats["cpu_seconds"], &stats["user_seconds"]), (&json!(0.03), &json!(0.02)), "{shown}");
    for (words, unknown) in [(vec!["show"], "took         –"), (vec!["list"], "–")] {
        let text = String::from_utf8(bpctl(&home, &words).stdout).unwrap();
        assert!(text.contains(unknown) && text.contains(CLOCK_WAS_NOT_SET), "{text}");
    }
    for search in ["dur:<1s", "dur:>1s"] {
        assert_eq!(document(&home, &["list", search, "--json"]), json!([]), "{search}");
    }
    let text = String::from_utf8(bpctl(&home, &["status"]).stdout).unwrap();
    assert!(text.contains("1 implausible figure was stored as unknown"), "{text}");
}

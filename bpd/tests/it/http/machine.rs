//! The machine over HTTP, and what of it stays with a run.

use std::process::{Child, Command};
use std::time::Duration;

use serde_json::Value;

use super::server::{DEADLINE, Server};

/// A process that does nothing, for a client's run; ends with the test.
struct Sleeper(Child);

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn stats(server: &Server, query: &str) -> Value {
    server.ask("GET", &format!("/api/system/stats{query}")).send().await.expect(200).json()
}

/// Asks until `wanted` is there.
async fn until(what: &str, server: &Server, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let found = tokio::time::timeout(DEADLINE, async {
        loop {
            let answer = server.ask("GET", path).send().await.expect(200).json();
            if wanted(&answer) {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    found.await.unwrap_or_else(|_| panic!("in vain: {what}"))
}

#[tokio::test]
async fn the_machine_is_read_for_whoever_asks() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    let path = "/api/system/stats";
    let stats = until("CPU use", &server, path, |stats| stats["now"]["host_cpu_percent"].is_number()).await;
    let now = &stats["now"];
    let of = |name: &str| now[name].as_f64().unwrap_or_else(|| panic!("{name}: {now}"));
    assert!((0.0..=100.0).contains(&of("host_cpu_percent")), "{now}");
    assert!(of("memory_used_mb") < of("memory_total_mb") && of("load_15m") >= 0.0, "{now}");
    assert!(of("disk_free_mb") > 0.0 && of("disk_used_mb") > 0.0, "{now}");
    let has_pressure = std::fs::read_to_string("/proc/pressure/cpu").is_ok();
    assert_eq!(now["pressure_cpu_avg10"].is_number(), has_pressure, "{now}");
    assert!(stats["cpus"].as_u64().unwrap() >= 1 && stats["interval_s"] == 5.0, "{stats}");
    let series = stats["series"].as_array().unwrap();
    assert_eq!(series.last(), Some(now));
    server.stop().await;
}

#[tokio::test]
async fn only_so_many_readings_are_given_and_nonsense_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    assert_eq!(stats(&server, "?limit=0").await["series"], Value::from(Vec::<Value>::new()));
    assert_eq!(stats(&server, "?limit=1").await["series"].as_array().unwrap().len(), 1);
    for query in ["limit=721", "limit=-1", "limit=x", "minutes=5"] {
        let answer = server.ask("GET", &format!("/api/system/stats?{query}")).send().await;
        answer.refused(422, "invalid_query");
    }
    server.bare("GET", "/api/system/stats").send().await.expect(401);
    server.ask("POST", "/api/system/stats").send().await.expect(405);
    server.stop().await;
}

#[tokio::test]
async fn what_the_machine_did_stays_with_the_run() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    let sleeper = Sleeper(Command::new("sleep").arg("600").spawn().unwrap());
    let body = format!(r#"{{"command":"sleep","pid":{}}}"#, sleeper.0.id());
    server.ask("POST", "/runs").json(&body).send().await.expect(201);
    // Two readings of the machine lie within the run.
    let has_host = |samples: &Value| {
        samples.as_array().unwrap().iter().any(|sample| sample["host_cpu_percent"].is_number())
    };
    until("the machine's CPU use in the curve", &server, "/runs/1/samples", has_host).await;
    let finish = server.ask("PATCH", "/runs/1/finish").json(r#"{"exit_code":0}"#);
    let run = finish.send().await.expect(200).json();
    let stats = &run["run_stats"];
    let host = stats["host_cpu_avg"].as_f64().unwrap_or_else(|| panic!("{stats}"));
    assert!((0.0..=100.0).contains(&host), "{stats}");
    let has_pressure = std::fs::read_to_string("/proc/pressure/cpu").is_ok();
    for name in ["pressure_cpu", "pressure_memory", "pressure_io"] {
        let percent = &stats[name];
        assert_eq!(percent.is_number(), has_pressure, "{name}: {stats}");
        assert!(percent.as_f64().is_none_or(|percent| (0.0..=100.0).contains(&percent)), "{stats}");
    }
    assert_eq!(run["context"]["pressure_io_avg10"].is_number(), has_pressure, "{run}");
    server.stop().await;
}

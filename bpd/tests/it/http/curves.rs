//! Samples over HTTP, and what is made of them.

use serde_json::{Value, json};

use super::server::Server;

async fn started(server: &Server) {
    server.ask("POST", "/runs").json(r#"{"command":"maestro test"}"#).send().await.expect(201);
}

fn points(from: u32, to: u32) -> String {
    let points: Vec<Value> = (from..to)
        .map(|nth| {
            let ts = 1_714_980_000.0 + f64::from(nth);
            json!({"ts": ts, "cpu_percent": f64::from(nth) * 10.0, "rss_mb": 100.0 + f64::from(nth)})
        })
        .collect();
    serde_json::to_string(&points).unwrap()
}

async fn curve(server: &Server, query: &str) -> Vec<Value> {
    let answer = server.ask("GET", &format!("/runs/1/samples{query}")).send().await.expect(200);
    answer.json().as_array().unwrap().clone()
}

#[tokio::test]
async fn posted_samples_come_back_untouched_and_thinned_as_asked() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    started(&server).await;
    let post = |body: String| server.ask("POST", "/runs/1/samples").json(&body).send();
    assert_eq!(post(points(0, 7)).await.expect(201).json(), json!({"accepted": 7}));
    // Overlapping batches are what a client sends that is not sure.
    assert_eq!(post(points(4, 12)).await.expect(201).json(), json!({"accepted": 8}));
    assert_eq!(post("[]".to_owned()).await.expect(201).json(), json!({"accepted": 0}));

    let all = curve(&server, "").await;
    assert_eq!(Value::from(all.clone()), serde_json::from_str::<Value>(&points(0, 12)).unwrap());
    let every_fifth: Vec<_> = [0, 5, 10].map(|nth| all[nth].clone()).to_vec();
    assert_eq!(curve(&server, "?downsample=true&step=5").await, every_fifth);
    assert_eq!(curve(&server, "?downsample=true").await, every_fifth);
    let window = curve(&server, "?from=1714980003&to=1714980004").await;
    assert_eq!(window, all[3..=4]);
    let few = curve(&server, "?max_points=5").await;
    assert!(few.len() <= 5 && few.iter().any(|point| point["cpu_percent"] == 110.0), "{few:?}");
    server.stop().await;
}

#[tokio::test]
async fn late_samples_are_taken_and_the_figures_recomputed() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    started(&server).await;
    let finish = server.ask("PATCH", "/runs/1/finish").json(r#"{"exit_code":0}"#);
    let finished = finish.send().await.expect(200).json();
    assert!(finished["run_stats"]["cpu_max"].is_null(), "{finished}");
    server.ask("POST", "/runs/1/samples").json(&points(0, 5)).send().await.expect(201);
    let run = server.ask("GET", "/runs/1").send().await.expect(200).json();
    assert_eq!(run["run_stats"]["cpu_max"], 40.0, "{run}");
    assert_eq!(run["run_stats"]["rss_max_mb"], 104.0, "{run}");
    server.stop().await;
}

#[tokio::test]
async fn one_absurd_sample_refuses_the_whole_batch() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    started(&server).await;
    let fine = r#"{"ts":1,"cpu_percent":1,"rss_mb":1}"#;
    for (bad, status) in [
        (r#"{"ts":NaN,"cpu_percent":1,"rss_mb":1}"#, 400),
        (r#"{"ts":1,"cpu_percent":Infinity,"rss_mb":1}"#, 400),
        (r#"{"ts":1,"cpu_percent":1e999,"rss_mb":1}"#, 422),
        (r#"{"ts":-1,"cpu_percent":1,"rss_mb":1}"#, 422),
        (r#"{"ts":1,"cpu_percent":-5,"rss_mb":1}"#, 422),
        (r#"{"ts":1,"cpu_percent":1,"rss_mb":-5}"#, 422),
        (r#"{"ts":1e18,"cpu_percent":1,"rss_mb":1}"#, 422),
        (r#"{"ts":1,"cpu_percent":1e300,"rss_mb":1}"#, 422),
        (r#"{"ts":null,"cpu_percent":1,"rss_mb":1}"#, 422),
        (r#"{"ts":"1","cpu_percent":1,"rss_mb":1}"#, 422),
        (r#"{"cpu_percent":1,"rss_mb":1}"#, 422),
        ("7", 422),
        ("null", 422),
        ("[]", 422),
    ] {
        let body = format!("[{fine},{bad}]");
        server.ask("POST", "/runs/1/samples").json(&body).send().await.expect(status);
    }
    server.ask("POST", "/runs/1/samples").json(fine).send().await.expect(422);
    let many = format!("[{}]", vec![fine; 10_001].join(","));
    server.ask("POST", "/runs/1/samples").json(&many).send().await.refused(422, "too_many_samples");
    let large = format!("[{}]", vec![fine; 40_000].join(","));
    server.ask("POST", "/runs/1/samples").json(&large).send().await.refused(413, "body_too_large");
    assert_eq!(curve(&server, "").await, Vec::<Value>::new());
    server.stop().await;
}

#[tokio::test]
async fn two_runs_are_compared() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    for run in 1..=2 {
        started(&server).await;
        let target = format!("/runs/{run}/samples");
        server.ask("POST", &target).json(&points(0, 10)).send().await.expect(201);
        let finish = server.ask("PATCH", &format!("/runs/{run}/finish")).json(r#"{"exit_code":0}"#);
        finish.send().await.expect(200);
    }
    for align in ["time", "percent", "work"] {
        let target = format!("/compare?current=2&baseline=latest-success&align={align}");
        let report = server.ask("GET", &target).send().await.expect(200).json();
        assert_eq!((&report["current"]["id"], &report["baseline"]["id"]), (&json!(2), &json!(1)), "{report}");
        assert_eq!(report["align"], align);
        assert!(report["metrics"]["duration_s"]["delta"].is_number(), "{report}");
        let length = report["series"]["x"].as_array().unwrap().len();
        assert_eq!(report["series"]["current"]["cpu_percent"].as_array().unwrap().len(), length);
    }
    server.stop().await;
}

#[tokio::test]
async fn the_system_says_how_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    started(&server).await;
    let status = server.ask("GET", "/api/system/health/detailed").send().await.expect(200).json();
    assert_eq!((&status["runs"], &status["running"]), (&json!(1), &json!(1)));
    assert_eq!(status["http"]["address"], server.address.to_string());
    let cost = server.ask("GET", "/api/system/overhead").send().await.expect(200).json();
    assert!(cost["cpu_seconds"].is_number() && cost["rss_mb"].as_f64().unwrap() > 0.0, "{cost}");
    let alerts = server.ask("GET", "/alerts").send().await.expect(200);
    assert_eq!(alerts.body, "[]");
    let metrics = server.ask("GET", "/metrics").send().await.expect(200);
    assert_eq!(metrics.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert!(metrics.body.contains("\nbp_runs 1\n"), "{}", metrics.body);
    let own = server.ask("GET", "/api/system/performance").send().await.expect(200).json();
    let routes = own["routes"].as_array().unwrap();
    let starts = routes.iter().find(|route| route["route"] == "POST /runs").unwrap();
    assert_eq!((&starts["answers"], &starts["errors"]), (&json!(1), &json!(0)));
    server.stop().await;
}

async fn finished_with(server: &Server, points: &Value) -> Value {
    let id = server.ask("POST", "/runs").json(r#"{"command":"job"}"#).send().await.expect(201).json()["id"]
        .clone();
    server.ask("POST", &format!("/runs/{id}/samples")).json(&points.to_string()).send().await.expect(201);
    let finish = server.ask("PATCH", &format!("/runs/{id}/finish")).json(r#"{"exit_code":0}"#);
    finish.send().await.expect(200).json()
}

#[tokio::test]
async fn samples_outside_a_run_keep_their_times_and_give_no_cpu_seconds() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    let now = bp_proto::UnixMillis::now().as_seconds();
    let point = |ts: f64, cpu: f64| json!({"ts": ts, "cpu_percent": cpu, "rss_mb": 10.0});

    // The client's clock was set right between two samples.
    let run = finished_with(&server, &json!([point(now - 86_400.0, 50.0), point(now, 50.0)])).await;
    assert!(run["run_stats"]["cpu_seconds"].is_null(), "{run}");
    assert_eq!(run["implausible"], json!(["samples"]), "{run}");
    let kept = curve(&server, "").await;
    assert_eq!(kept[0]["ts"], now - 86_400.0);

    // Within the run, but more than all CPUs can give.
    let run = finished_with(&server, &json!([point(now - 1.0, 900_000.0), point(now, 900_000.0)])).await;
    assert_eq!(
        (&run["run_stats"]["cpu_seconds"], &run["implausible"]),
        (&Value::Null, &json!(["cpu_seconds"]))
    );

    // Times that count from the run's start are within it.
    let run = finished_with(&server, &json!([point(0.0, 40.0), point(0.05, 40.0)])).await;
    assert_eq!(run["implausible"], json!([]), "{run}");
    assert!((run["run_stats"]["cpu_seconds"].as_f64().unwrap() - 0.02).abs() < 1e-6, "{run}");

    let status = server.ask("GET", "/api/system/health/detailed").send().await.expect(200).json();
    assert_eq!(status["implausible"], 1, "one sample: {status}");
    server.stop().await;
}

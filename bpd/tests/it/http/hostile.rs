//! Whatever is sent: a 4xx with the error object or a real answer, never a 5xx, never half an effect.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::client::exchange;
use super::server::Server;

/// JSON of any shape, often nearly right.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(json!("human")),
        Just(json!("/tmp")),
    ];
    let key = prop_oneof![
        Just("command".to_owned()),
        Just("ts".to_owned()),
        Just("cpu_percent".to_owned()),
        Just("rss_mb".to_owned()),
        Just("exit_code".to_owned()),
        Just("tags".to_owned()),
        Just("note".to_owned()),
        Just("cwd".to_owned()),
        Just("pid".to_owned()),
        Just("actor".to_owned()),
        ".{0,6}",
    ];
    leaf.prop_recursive(3, 24, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::hash_map(key.clone(), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn any_body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => any_json().prop_map(|value| value.to_string().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..200),
        1 => "[\\[\\]{}\":,0-9a-z\\\\-]{0,60}".prop_map(String::into_bytes),
    ]
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn cases(count: u32) -> TestRunner {
    TestRunner::new(Config { cases: count, failure_persistence: None, ..Config::default() })
}

#[test]
fn no_body_brings_down_a_route_or_takes_half_an_effect() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = runtime();
    let server = runtime.block_on(Server::start(dir.path()));
    runtime.block_on(server.ask("POST", "/runs").json(r#"{"command":"make"}"#).send()).expect(201);
    let routes = [
        ("POST", "/runs"),
        ("POST", "/runs/1/samples"),
        ("PATCH", "/runs/1/finish"),
        ("PATCH", "/runs/1"),
        ("POST", "/session"),
        ("POST", "/session/ticket"),
    ];
    let state = || async {
        let runs = server.ask("GET", "/runs?limit=500").send().await.expect(200).body;
        let curve = server.ask("GET", "/runs/1/samples").send().await.expect(200).body;
        (strip_moving(&runs), curve)
    };
    let outcome =
        cases(150).run(&(any_body(), prop::sample::select(routes.to_vec())), |(body, (method, target))| {
            runtime.block_on(async {
                let before = state().await;
                let request = server.ask(method, target).header("Content-Type", "application/json");
                let answer = request.body(&body).send().await;
                prop_assert!(answer.status < 500, "{method} {target}: {answer:?}");
                if answer.status >= 400 {
                    answer.error();
                    prop_assert_eq!(before, state().await);
                }
                Ok(())
            })
        });
    outcome.unwrap();
    runtime.block_on(server.stop());
}

/// What changes of itself while a run is open.
fn strip_moving(runs: &str) -> Value {
    let mut runs: Value = serde_json::from_str(runs).unwrap();
    for run in runs.as_array_mut().unwrap() {
        run["run_stats"] = Value::Null;
        run["comments"] = Value::Null;
    }
    runs
}

#[test]
fn no_target_brings_down_the_door() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = runtime();
    let server = runtime.block_on(Server::start(dir.path()));
    runtime.block_on(server.ask("POST", "/runs").json(r#"{"command":"make"}"#).send()).expect(201);
    let piece = prop_oneof![
        Just("runs".to_owned()),
        Just("compare".to_owned()),
        Just("alerts".to_owned()),
        Just("samples".to_owned()),
        Just("1".to_owned()),
        Just("latest".to_owned()),
        Just("%7Bexit:0%7D".to_owned()),
        Just("~1".to_owned()),
        "[!-~]{0,12}",
    ];
    let query = prop_oneof![
        Just(String::new()),
        Just("?current=1".to_owned()),
        "\\?(limit|q|before|since|key|cwd|state|exit|tag|step|max_points|from|align)=[!-~]{0,16}",
    ];
    let target = (prop::collection::vec(piece, 0..4), query);
    let outcome = cases(200).run(&target, |(pieces, query)| {
        let target = format!("/{}{query}", pieces.join("/"));
        runtime.block_on(async {
            if target.starts_with("/events") {
                return Ok(());
            }
            let bytes = server.ask("GET", &target).header("Connection", "close").bytes();
            if let Some(answer) = exchange(server.address, &bytes).await {
                prop_assert!(answer.status < 500, "{target}: {answer:?}");
            }
            Ok(())
        })
    });
    outcome.unwrap();
    runtime.block_on(server.ask("GET", "/runs").send()).expect(200);
    runtime.block_on(server.stop());
}

#[test]
fn no_bytes_bring_down_the_door() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = runtime();
    let server = runtime.block_on(Server::start(dir.path()));
    let host = format!("127.0.0.1:{}", server.port());
    let line = prop_oneof![
        Just("GET / HTTP/1.1\r\n".to_owned()),
        Just("POST /runs HTTP/1.1\r\n".to_owned()),
        Just(format!("Host: {host}\r\n")),
        Just(format!("Authorization: Bearer {}\r\n", server.token)),
        Just("Content-Length: 3\r\n".to_owned()),
        Just("Content-Length: 99999999999999999999\r\n".to_owned()),
        Just("Transfer-Encoding: chunked\r\n".to_owned()),
        Just("Transfer-Encoding: gzip, chunked\r\n".to_owned()),
        Just("Expect: 100-continue\r\n".to_owned()),
        Just("Upgrade: h2c\r\n".to_owned()),
        Just("Connection: close\r\n".to_owned()),
        Just("\r\n".to_owned()),
        Just("5\r\nhello\r\n0\r\n\r\n".to_owned()),
        Just("ffffffffffffffff\r\n".to_owned()),
        ".{0,30}",
    ];
    let outcome = cases(200).run(&prop::collection::vec(line, 1..10), |lines| {
        let bytes = lines.concat();
        runtime.block_on(async {
            // The writing end is closed at once: nothing of this waits for a deadline.
            let answer = half_closed(server.address, bytes.as_bytes()).await;
            if let Some(status) = answer.and_then(|text| text.get(9..12)?.parse::<u16>().ok()) {
                prop_assert!(status < 500, "{bytes:?}");
            }
            Ok(())
        })
    });
    outcome.unwrap();
    runtime.block_on(server.ask("GET", "/runs").send()).expect(200);
    runtime.block_on(server.stop());
}

async fn half_closed(address: std::net::SocketAddr, bytes: &[u8]) -> Option<String> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(super::server::DEADLINE, stream.read_to_end(&mut answer)).await;
    let _ = read.expect("the connection ends");
    String::from_utf8(answer).ok()
}

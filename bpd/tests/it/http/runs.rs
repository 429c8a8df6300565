//! Runs over HTTP.

use super::server::Server;
use bp_proto::MAX_COMMAND_BYTES;
use bp_proto::label::{MAX_NOTE_BYTES, MAX_TAGS};

async fn start(server: &Server, body: &str) -> u64 {
    let started = server.ask("POST", "/runs").json(body).send().await.expect(201);
    started.json()["id"].as_u64().unwrap()
}

#[tokio::test]
async fn a_run_is_opened_finished_and_shown() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    let body = r#"{"command":"cargo build","cwd":"/tmp","tags":["a","b"],"actor":"agent:x","unknown":1}"#;
    let started = server.ask("POST", "/runs").json(body).send().await.expect(201).json();
    assert_eq!(started["id"], 1);
    let at = started["started_at"].as_str().unwrap();
    assert!(at.len() == 24 && at.ends_with('Z'), "{at}");

    let running = server.ask("GET", "/runs/1").send().await.expect(200).json();
    assert_eq!(running["state"], "running");
    for (field, value) in
        [("command", "cargo build"), ("cwd", "/tmp"), ("actor", "agent:x"), ("started_at", at)]
    {
        assert_eq!(running[field], value, "{running}");
    }
    assert_eq!(running["tags"], serde_json::json!(["a", "b"]));

    let finish = || server.ask("PATCH", "/runs/1/finish");
    let finished = finish().json(r#"{"exit_code":3}"#).send().await.expect(200).json();
    assert_eq!((finished["state"].as_str(), finished["exit_code"].as_i64()), (Some("finished"), Some(3)));
    assert!(finished["run_stats"]["duration_s"].as_f64().is_some(), "{finished}");
    finish().json(r#"{"exit_code":0}"#).send().await.refused(409, "run_already_finished");
    let after = server.ask("GET", "/runs/latest").send().await.expect(200).json();
    assert_eq!(after["exit_code"], 3);
    server.stop().await;
}

#[tokio::test]
async fn the_same_uid_is_the_same_run() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    let body = r#"{"command":"make","uid":"01JD0000000000000000000000"}"#;
    let first = server.ask("POST", "/runs").json(body).send().await.expect(201);
    let again = server.ask("POST", "/runs").json(body).send().await.expect(200);
    assert_eq!(first.json(), again.json());
    server.stop().await;
}

#[tokio::test]
async fn secrets_are_masked_and_long_commands_cut() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    start(
        &server,
        r#"{"command":"curl -H 'Authorization: Bearer hunter2hunter2hunter2' https://x.example"}"#,
    )
    .await;
    let run = server.ask("GET", "/runs/1").send().await.expect(200);
    assert!(!run.body.contains("hunter2"), "{run:?}");
    assert!(!run.json()["masked"].as_array().unwrap().is_empty(), "{run:?}");

    let long = "x".repeat(MAX_COMMAND_BYTES + 10);
    start(&server, &format!(r#"{{"command":"{long}"}}"#)).await;
    let run = server.ask("GET", "/runs/2").send().await.expect(200).json();
    assert_eq!(run["command"].as_str().unwrap().len(), MAX_COMMAND_BYTES);
    assert_eq!(run["command_truncated"], MAX_COMMAND_BYTES + 10);
    server.stop().await;
}

#[tokio::test]
async fn what_cannot_be_a_run_is_refused_whole() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    let post = || server.ask("POST", "/runs");
    for (body, status, code) in [
        ("", 400, "malformed_json"),
        ("{", 400, "malformed_json"),
        ("\u{0}", 400, "malformed_json"),
        ("[]", 422, "invalid_body"),
        ("{}", 422, "invalid_body"),
        (r#"{"command":null}"#, 422, "invalid_body"),
        (r#"{"command":7}"#, 422, "invalid_body"),
        (r#"{"command":"a","command":"b"}"#, 422, "invalid_body"),
        (r#"{"command":""}"#, 422, "empty_command"),
        (r#"{"command":" \t\n"}"#, 422, "empty_command"),
        (r#"{"command":"a\u0000b"}"#, 422, "invalid_command"),
        (r#"{"command":"a","cwd":"relative"}"#, 422, "invalid_cwd"),
        (r#"{"command":"a","cwd":"/a\u0000"}"#, 422, "invalid_cwd"),
        (r#"{"command":"a","pid":-1}"#, 422, "invalid_body"),
        (r#"{"command":"a","pid":4294967295}"#, 422, "no_such_process"),
        (r#"{"command":"a","pid":0}"#, 422, "no_such_process"),
        (r#"{"command":"a","uid":"nonsense"}"#, 422, "invalid_body"),
        (r#"{"command":"a","tags":["b c"]}"#, 422, "invalid_tag"),
        (r#"{"command":"a","tags":"b"}"#, 422, "invalid_body"),
        (r#"{"command":"a","actor":"robot"}"#, 422, "invalid_body"),
    ] {
        let answer = post().json(body).send().await;
        assert_eq!((answer.status, answer.error().as_str()), (status, code), "{body}");
    }
    let not_utf8 = post().header("Content-Type", "application/json").body(b"{\"command\":\"\xff\"}");
    not_utf8.send().await.refused(400, "malformed_json");
    post().header("Content-Type", "text/plain").body(b"{}").send().await.refused(415, "not_json");
    let large = format!(r#"{{"command":"{}"}}"#, "x".repeat(1 << 20));
    post().json(&large).send().await.refused(413, "body_too_large");
    assert_eq!(server.ask("GET", "/runs").send().await.expect(200).body, "[]");
    server.stop().await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn another_users_process_stands_for_no_run() {
    use std::os::unix::process::CommandExt;

    if !rustix::process::geteuid().is_root() {
        let answer = Server::start(tempfile::tempdir().unwrap().path()).await;
        let init = answer.ask("POST", "/runs").json(r#"{"command":"init","pid":1}"#).send().await;
        init.refused(403, "not_your_process");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    let mut sleeper = std::process::Command::new("sleep");
    let mut sleeper = sleeper.arg("1000").uid(65534).gid(65534).current_dir("/").spawn().unwrap();
    let body = format!(r#"{{"command":"sleep","pid":{}}}"#, sleeper.id());
    let answer = server.ask("POST", "/runs").json(&body).send().await;
    sleeper.kill().unwrap();
    sleeper.wait().unwrap();
    answer.refused(403, "not_your_process");
    server.stop().await;
}

#[tokio::test]
async fn a_run_that_is_not_there_is_not_found_by_any_route() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    let point = r#"[{"ts":1,"cpu_percent":1,"rss_mb":1}]"#;
    for run in ["7", "0", "18446744073709551615", "99999999999999999999999", "latest", "@none", "01JD"] {
        for (method, rest, body) in [
            ("GET", "", ""),
            ("GET", "/samples", ""),
            ("POST", "/samples", point),
            ("PATCH", "/finish", r#"{"exit_code":0}"#),
            ("PATCH", "", r#"{"note":"x"}"#),
            ("DELETE", "", ""),
        ] {
            let answer = server.ask(method, &format!("/runs/{run}{rest}")).json(body).send().await;
            assert_eq!(answer.status, 404, "{method} {run}{rest}: {answer:?}");
        }
    }
    server.ask("GET", "/compare?current=7").send().await.expect(404);
    for nonsense in ["%ff", "x", "%20", "latest{", "latest~x", "..%2f..", "%00", "-1", "1.5"] {
        let answer = server.ask("GET", &format!("/runs/{nonsense}")).send().await;
        assert!(matches!(answer.status, 400 | 404 | 422), "{nonsense}: {answer:?}");
        answer.error();
    }
    let long = format!("/runs/{}", "1".repeat(2000));
    server.ask("GET", &long).send().await.refused(422, "invalid_selector");
    server.stop().await;
}

#[tokio::test]
async fn the_list_is_paged_by_its_link() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    for nth in 1..=5 {
        start(&server, &format!(r#"{{"command":"make {nth}","tags":["t"]}}"#)).await;
    }
    let mut seen = Vec::new();
    let mut target = Some("/runs?limit=2&tag=t".to_owned());
    while let Some(page) = target {
        let answer = server.ask("GET", &page).send().await.expect(200);
        let ids: Vec<_> =
            answer.json().as_array().unwrap().iter().map(|run| run["id"].as_u64().unwrap()).collect();
        assert!(ids.len() <= 2, "{ids:?}");
        seen.extend(ids);
        target = answer.header("link").map(|link| {
            let (address, relation) = link.split_once("; ").unwrap();
            assert_eq!(relation, "rel=\"next\"");
            address.trim_matches(['<', '>']).to_owned()
        });
        assert!(target.as_ref().is_none_or(|target| target.contains("tag=t")), "{target:?}");
    }
    assert_eq!(seen, [5, 4, 3, 2, 1]);
    server.stop().await;
}

#[tokio::test]
async fn questions_that_make_no_sense_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    start(&server, r#"{"command":"make"}"#).await;
    for target in [
        "/runs?limit=0",
        "/runs?limit=501",
        "/runs?limit=-1",
        "/runs?limit=x",
        "/runs?limit=1&limit=2",
        "/runs?state=sleeping",
        "/runs?exit=x",
        "/runs?since=yesterday-ish",
        "/runs?before=nonsense",
        "/runs?unknown=1",
        "/runs/1?unknown=1",
        "/runs/1/samples?downsample=true&step=0",
        "/runs/1/samples?step=-1",
        "/runs/1/samples?downsample=maybe",
        "/runs/1/samples?max_points=0",
        "/runs/1/samples?from=NaN",
        "/runs/1/samples?to=inf",
        "/compare",
        "/compare?current=1&align=sideways",
        "/alerts?limit=0",
        "/alerts?limit=x",
        "/alerts?limit=501",
        "/alerts?actor=robot",
    ] {
        let answer = server.ask("GET", target).send().await;
        assert_eq!(answer.status, 422, "{target}: {answer:?}");
    }
    let since = server.ask("GET", "/runs?since=frog").send().await.body;
    assert!(since.contains("since: ") && since.contains("q=since:yesterday"), "{since}");
    assert!(!since.contains("deserialize"), "{since}");
    let step = server.ask("GET", "/runs/1/samples?downsample=true&step=0").header("Accept-Language", "tr");
    let step = step.send().await.body;
    assert!(step.contains("`step` 0"), "{step}");
    server.stop().await;
}

#[tokio::test]
async fn tags_and_note_are_changed_and_a_run_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    start(&server, r#"{"command":"make","tags":["old"]}"#).await;
    let edit = |body: &str| server.ask("PATCH", "/runs/1").json(body);
    let edited = edit(r#"{"tags":["new"],"note":"slow disk"}"#).send().await.expect(200).json();
    assert_eq!(
        (&edited["tags"], &edited["note"]),
        (&serde_json::json!(["new"]), &serde_json::json!("slow disk"))
    );
    let kept = edit(r#"{"note":""}"#).send().await.expect(200).json();
    assert_eq!((&kept["tags"], &kept["note"]), (&serde_json::json!(["new"]), &serde_json::json!(null)));
    for (body, status) in [
        (r#"{"tags":["a b"]}"#, 422),
        (r#"{"tags":[""]}"#, 422),
        (r#"{"command":"rm"}"#, 422),
        (r#"{"note":7}"#, 422),
        ("x", 400),
    ] {
        edit(body).send().await.expect(status);
    }
    let many = serde_json::json!({ "tags": vec!["x"; MAX_TAGS + 1] }).to_string();
    edit(&many).send().await.refused(422, "too_many_tags");
    let long = serde_json::json!({ "note": "n".repeat(MAX_NOTE_BYTES + 1) }).to_string();
    edit(&long).send().await.refused(422, "invalid_note");
    let by_tag = server.ask("GET", "/runs/@new").send().await.expect(200).json();
    assert_eq!(by_tag["id"], 1);

    let gone = server.ask("DELETE", "/runs/1").send().await.expect(204);
    assert_eq!(gone.body, "");
    server.ask("GET", "/runs/1").send().await.refused(404, "run_not_found");
    server.ask("DELETE", "/runs/1").send().await.refused(404, "run_not_found");
    assert_eq!(start(&server, r#"{"command":"make"}"#).await, 2, "ids of deleted runs stay burnt");
    server.stop().await;
}

#[tokio::test]
async fn what_arrives_while_bpd_stops_is_taken_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    let mut kept = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let bytes = server.ask("POST", "/runs").json(r#"{"command":"make"}"#).bytes();
    server.cancel();
    let sent = tokio::io::AsyncWriteExt::write_all(&mut kept, &bytes).await;
    // Whole or not at all: an answer says which.
    let answer = super::client::read_answer(&mut kept).await.filter(|_| sent.is_ok());
    let taken = answer.is_some_and(|answer| {
        assert!(matches!(answer.status, 201 | 503), "{answer:?}");
        answer.status == 201
    });
    server.stop().await;
    let again = Server::start(dir.path()).await;
    let runs = again.ask("GET", "/runs").send().await.expect(200).json();
    assert_eq!(runs.as_array().unwrap().len(), usize::from(taken));
    again.stop().await;
}

#[tokio::test]
async fn a_list_is_of_one_actor_when_asked() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    for actor in ["human", "ci", "agent:x"] {
        start(&server, &format!(r#"{{"command":"make","actor":"{actor}"}}"#)).await;
    }
    for (actor, id) in [("human", 1), ("ci", 2), ("agent", 3), ("agent:x", 3)] {
        let runs = server.ask("GET", &format!("/runs?actor={actor}")).send().await.expect(200).json();
        let ids: Vec<u64> = runs.as_array().unwrap().iter().map(|run| run["id"].as_u64().unwrap()).collect();
        assert_eq!(ids, [id], "{actor}");
    }
    server.ask("GET", "/runs?actor=robot").send().await.refused(422, "invalid_query");
    server.stop().await;
}

//! The live stream.

use bp_proto::UnixMillis;
use bp_proto::pause::{self, Pause, Pauses};
use bpd::event::Recorded;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::client::{Answer, Request};
use super::server::{DEADLINE, Server};

/// An open `GET /events`. Each read is bounded by the tests' deadline.
pub(super) struct Stream {
    stream: TcpStream,
    /// Undecoded text of the body: events, and the chunk sizes between them.
    text: String,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) data: Value,
}

impl Stream {
    pub(super) async fn open(request: Request) -> Self {
        let address = request.address();
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(&request.header("Connection", "close").bytes()).await.unwrap();
        let mut this = Self { stream, text: String::new() };
        while !this.text.contains("\r\n\r\n") {
            assert!(this.more().await, "hung up: {}", this.text);
        }
        let (head, rest) = this.text.split_once("\r\n\r\n").unwrap();
        let answer = Answer::parse(format!("{head}\r\n\r\n").as_bytes()).expect(200);
        assert_eq!(answer.header("content-type"), Some("text/event-stream"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        this.text = rest.to_owned();
        this
    }

    pub(super) async fn next(&mut self) -> Event {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let message = self.text[..end].to_owned();
                self.text.drain(..end + 2);
                return Event::parse(&message);
            }
            assert!(self.more().await, "the stream ended: {:?}", self.text);
        }
    }

    /// Reads on until the server ends the stream.
    pub(super) async fn end(&mut self) -> bool {
        while self.more().await {}
        true
    }

    async fn more(&mut self) -> bool {
        let mut piece = [0; 4096];
        let read = tokio::time::timeout(DEADLINE, self.stream.read(&mut piece)).await;
        let read = read.expect("something within the deadline").unwrap_or(0);
        self.text.push_str(std::str::from_utf8(&piece[..read]).unwrap());
        read > 0
    }
}

impl Event {
    fn parse(message: &str) -> Self {
        // Chunk sizes stand on lines of their own, which no field begins like.
        let field = |name: &str| {
            let line = message.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_else(|| panic!("no {name} in {message:?}")).to_owned()
        };
        let data = serde_json::from_str(&field("data: ")).unwrap();
        Self { id: field("id: "), name: field("event: "), data }
    }
}

async fn post_run(server: &Server) -> u64 {
    let started = server.ask("POST", "/runs").json(r#"{"command":"make"}"#).send().await.expect(201);
    started.json()["id"].as_u64().unwrap()
}

#[tokio::test]
async fn what_happens_to_a_run_arrives_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    let mut stream = Stream::open(server.ask("GET", "/events")).await;
    assert_eq!(stream.next().await.name, "hello");

    let run = post_run(&server).await;
    let target = format!("/runs/{run}");
    let points = r#"[{"ts":1.0,"cpu_percent":10,"rss_mb":1},{"ts":2.0,"cpu_percent":20,"rss_mb":2}]"#;
    server.ask("POST", &format!("{target}/samples")).json(points).send().await.expect(201);
    server.ask("PATCH", &format!("{target}/finish")).json(r#"{"exit_code":0}"#).send().await.expect(200);
    server.ask("PATCH", &target).json(r#"{"tags":["a"]}"#).send().await.expect(200);
    server.ask("DELETE", &target).send().await.expect(204);

    let mut ids = Vec::new();
    for wanted in ["started", "sampled", "finished", "edited", "deleted"] {
        let event = stream.next().await;
        assert_eq!((event.name.as_str(), event.data["run"].as_u64()), (wanted, Some(run)));
        ids.push(event.id);
    }
    ids.dedup();
    assert_eq!(ids.len(), 5);
    server.stop().await;
}

#[tokio::test]
async fn a_stream_that_comes_back_misses_nothing_and_gets_nothing_twice() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    let mut first = Stream::open(server.ask("GET", "/events")).await;
    let hello = first.next().await;
    post_run(&server).await;
    let seen = first.next().await;
    drop(first);
    post_run(&server).await;

    for (id, missed) in [(&hello.id, &[1, 2][..]), (&seen.id, &[2][..])] {
        let mut by_header = Stream::open(server.ask("GET", "/events").header("Last-Event-ID", id)).await;
        let mut by_query = Stream::open(server.ask("GET", &format!("/events?last_event_id={id}"))).await;
        for run in missed {
            for stream in [&mut by_header, &mut by_query] {
                let event = stream.next().await;
                assert_eq!((event.name.as_str(), event.data["run"].as_u64()), ("started", Some(*run)));
            }
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn an_id_of_another_bpd_gets_a_reset() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    for id in ["1-1", "x", "18c-", "%00"] {
        let mut stream = Stream::open(server.ask("GET", "/events").header("Last-Event-ID", id)).await;
        assert_eq!(stream.next().await.name, "reset", "{id}");
    }
    server.stop().await;
}

#[tokio::test]
async fn who_watches_hears_that_events_went_by_unseen() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    let mut stream = Stream::open(server.ask("GET", "/events")).await;
    assert_eq!(stream.next().await.name, "hello");
    let recorded = server.recorded.upgrade().unwrap();
    // More than the channel holds, in one go: nobody can have followed.
    for run in 0..5000 {
        let _ = recorded.send(Recorded::Edited { run });
    }
    drop(recorded);
    let first = stream.next().await;
    assert_eq!(first.name, "reset", "{first:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_pause_is_told_when_it_begins_and_when_it_ends() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    let mut stream = Stream::open(server.ask("GET", "/events")).await;
    let hello = stream.next().await;
    let file = dir.path().join(pause::FILE);
    let mut pauses = Pauses::default();
    pauses.begin(Pause { shell: None, from: UnixMillis::now(), until: None });
    pauses.write(&file).unwrap();
    server.paused.send_replace(());
    let told = stream.next().await;
    assert_eq!(
        (told.name.as_str(), &told.data["paused"]),
        ("paused", &json!([{"shell": null, "until": null}]))
    );
    pauses.end(|_| true, UnixMillis::now());
    pauses.write(&file).unwrap();
    server.paused.send_replace(());
    let over = stream.next().await;
    assert_eq!((over.name.as_str(), &over.data["paused"]), ("paused", &json!([])));
    // A page that was away is told, too.
    let mut again = Stream::open(server.ask("GET", "/events").header("Last-Event-ID", &hello.id)).await;
    assert_eq!([again.next().await, again.next().await], [told, over]);
    server.stop().await;
}

#[tokio::test]
async fn the_growing_curve_of_a_run_that_bpd_samples_is_seen() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    let mut stream = Stream::open(server.ask("GET", "/events")).await;
    // Nobody ends it when these tests are killed.
    let burn = format!("while kill -0 {}; do :; done", std::process::id());
    let mut busy = std::process::Command::new("sh").args(["-c", &burn]).spawn().unwrap();
    let body = format!(r#"{{"command":"busy","pid":{}}}"#, busy.id());
    let answer = server.ask("POST", "/runs").json(&body).send().await;
    let grown = loop {
        let event = stream.next().await;
        let points = event.data["points"].as_array().map_or(0, Vec::len);
        if event.name == "sampled" && points > 0 && event.data["cpu_seconds"].as_f64() > Some(0.0) {
            break event;
        }
    };
    busy.kill().unwrap();
    busy.wait().unwrap();
    let run = answer.expect(201).json();
    assert_eq!(grown.data["run"], run["id"]);
    let point = grown.data["points"].as_array().unwrap().last().unwrap();
    assert!(point["cpu_percent"].as_f64().unwrap() > 0.0, "{point}");
    assert!(point["rss_mb"].as_f64().unwrap() > 0.0, "{point}");
    server.stop().await;
}

#[tokio::test]
async fn streams_end_when_bpd_stops() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    let mut stream = Stream::open(server.ask("GET", "/events")).await;
    server.cancel();
    assert!(stream.end().await);
    server.stop().await;
}

#[tokio::test]
async fn streams_leave_room_for_requests() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    let mut streams = Vec::new();
    // Half of the 32 streams are for one client.
    for _ in 0..16 {
        streams.push(Stream::open(server.ask("GET", "/events")).await);
    }
    server.ask("GET", "/events").send().await.refused(503, "too_many_streams");
    server.ask("GET", "/runs").send().await.expect(200);
    drop(streams);
    server.stop().await;
}

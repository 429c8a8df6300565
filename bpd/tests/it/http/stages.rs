//! What the door says when the stages behind it refuse, are gone, or never answer.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bp_proto::{Ulid, UnixMillis};
use bpd::access::Access;
use bpd::event::{Event, Refusal};
use bpd::http::{self, Door, Limits};
use bpd::queries::{self, Degraded, Identity, Queries};
use bpd::store;
use bpd::words::Lang;
use tokio::net::TcpListener;
use tokio::sync::{broadcast, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::client::{Answer, Request};
use super::server::DEADLINE;

/// A door to an empty store, and where its events come out.
struct Alone {
    start: Request,
    events: mpsc::Receiver<Event>,
    stop: CancellationToken,
    serving: tokio::task::JoinHandle<anyhow::Result<()>>,
}

async fn alone(dir: &Path, limits: Limits) -> Alone {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (_writer, reader) = store::writer::open(dir, queries::key_rule()).unwrap();
    let access = Access::load(dir).unwrap();
    let token = std::fs::read_to_string(dir.join("token")).unwrap();
    let identity = Identity {
        http_address: address.to_string(),
        token_file: dir.join("token"),
        socket: dir.join("bpd.sock"),
        data_dir: dir.to_owned(),
        began: UnixMillis::now(),
        degraded: Degraded::default(),
        program: std::path::PathBuf::new(),
    };
    let (sender, events) = mpsc::channel(1);
    let (recorded, _) = broadcast::channel(1);
    let stop = CancellationToken::new();
    let door = Door {
        listeners: vec![listener],
        queries: Queries::new(reader, Lang::En, identity),
        events: sender,
        recorded: recorded.downgrade(),
        pauses: watch::channel(()).1,
        access,
        ignored: watch::channel(Arc::default()).1,
        began: UnixMillis::now(),
        limits,
    };
    let serving = tokio::spawn(http::run(door, stop.clone()));
    let start = Request::new(address, "POST", "/runs").json(r#"{"command":"make"}"#);
    let start = start.header("Authorization", &format!("Bearer {}", token.trim()));
    Alone { start, events, stop, serving }
}

impl Alone {
    async fn refused_with(&mut self, refusal: Refusal) -> Answer {
        let (answer, ()) = tokio::join!(self.start.clone().send(), async {
            let event = self.events.recv().await.unwrap();
            event.reply.unwrap().send(Err(refusal)).unwrap();
        });
        answer
    }

    async fn stop(self) {
        self.stop.cancel();
        self.serving.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn each_refusal_has_its_status() {
    let dir = tempfile::tempdir().unwrap();
    let mut door = alone(dir.path(), Limits { request: DEADLINE, ..Limits::default() }).await;
    for (refusal, status, code) in [
        (Refusal::NoSuchRun(Ulid::generate()), 404, "run_not_found"),
        (Refusal::AlreadyFinished { id: 1 }, 409, "run_already_finished"),
        (Refusal::Invalid("no".to_owned()), 422, "invalid_event"),
        (Refusal::DiskFull, 507, "disk_full"),
        (Refusal::Stopping, 503, "stopping"),
    ] {
        door.refused_with(refusal).await.refused(status, code);
    }
    // The log learns why, the caller does not.
    let broken = door.refused_with(Refusal::Store("/secret/path".to_owned())).await.expect(500);
    assert!(!broken.body.contains("secret") && broken.error() == "internal", "{broken:?}");
    door.stop().await;
}

#[tokio::test]
async fn a_stage_that_never_answers_holds_no_one_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { request: Duration::from_millis(300), ..Limits::default() };
    let mut door = alone(dir.path(), limits).await;
    door.start.clone().send().await.refused(503, "timed_out");
    // It was sent on; whether it takes effect is not the door's any more.
    assert!(door.events.recv().await.is_some());
    door.stop().await;
}

#[tokio::test]
async fn without_the_stages_behind_it_nothing_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let mut door = alone(dir.path(), Limits { request: DEADLINE, ..Limits::default() }).await;
    door.events.close();
    door.start.clone().send().await.refused(503, "stopping");
    door.stop().await;
}

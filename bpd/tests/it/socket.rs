//! The local socket: who may talk, what is understood, and that nothing that is said ends the daemon.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;

use bp_proto::client::{Client, ClientError};
use bp_proto::frame::{self, FrameDecoder, Kind, PROTOCOL};
use bp_proto::label::{MAX_NOTE_BYTES, MAX_TAGS};
use bp_proto::report::Registered;
use bp_proto::request::{AlertsQuery, Edit, ListQuery, SamplesQuery};
use bp_proto::{Request, Run, RunState};

use crate::harness::{
    Bpd, DEADLINE, Program, client, finish_of, home, list, places_in, record, start_of, status,
};

/// Sends bytes on a fresh connection. → the frames that came back until the end.
pub(crate) fn say(bpd: &Bpd, bytes: &[u8]) -> Vec<(Kind, String)> {
    let mut stream = UnixStream::connect(bpd.places.socket().unwrap()).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    // bpd may hang up in the middle of what it refuses.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let (mut decoder, mut answer) = (FrameDecoder::new(frame::MAX_ANSWER_FRAME_BYTES), Vec::new());
    let _ = stream.read_to_end(&mut answer);
    decoder.push(&answer);
    let mut frames = Vec::new();
    while let Some(frame) = decoder.take().unwrap() {
        frames.push((frame.kind, String::from_utf8(frame.payload).unwrap()));
    }
    frames
}

fn refused_with(frames: &[(Kind, String)], code: &str) {
    let [(Kind::Failed, json)] = frames else { panic!("{frames:?} for {code}") };
    let failure: bp_proto::Failure = serde_json::from_str(json).unwrap();
    assert_eq!(failure.error.code, code, "{json}");
}

#[test]
fn what_is_no_request_is_refused_and_bpd_lives_on() {
    let bpd = Bpd::boot();
    assert_eq!(say(&bpd, b"GET / HTTP/1.1\r\n\r\n"), []);
    assert_eq!(say(&bpd, b""), []);
    assert_eq!(say(&bpd, b"b"), []);
    refused_with(&say(&bpd, &[b'b', b'p', PROTOCOL + 1, 1, 0, 0, 0, 0]), "protocol");
    refused_with(&say(&bpd, &[b'b', b'p', PROTOCOL, 99, 0, 0, 0, 0]), "protocol");
    refused_with(&say(&bpd, &[b'b', b'p', PROTOCOL, 1, 0xff, 0xff, 0xff, 0xff]), "too_large");
    refused_with(&say(&bpd, &frame::encode(Kind::Ask, b"{\"ask\":\"everything\"}")), "malformed_request");
    refused_with(&say(&bpd, &frame::encode(Kind::Ask, b"\xff\xfe")), "malformed_request");
    refused_with(&say(&bpd, &frame::encode(Kind::Ask, &vec![b'['; 100_000])), "malformed_request");
    refused_with(&say(&bpd, &frame::encode(Kind::Mail, b"\x01\x02\x03")), "malformed_request");
    refused_with(&say(&bpd, &frame::encode(Kind::Done, b"{}")), "malformed_request");
    let garbage: Vec<u8> = (0..200_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let _ = say(&bpd, &frame::encode(Kind::Mail, &garbage));
    assert_eq!(status(&bpd.places).runs, 0);
    bpd.stop();
}

#[test]
fn after_a_refusal_the_same_connection_goes_on() {
    let bpd = Bpd::boot();
    let mut client = bpd.client();
    let missing = client.ask_raw(&Request::Show { run: "12".to_owned(), lang: None });
    let Err(ClientError::Refused(failure)) = missing else { panic!("{missing:?}") };
    assert_eq!(failure.error.code, "run_not_found");
    assert_eq!(record(&mut client, "true").id, 1);
    bpd.stop();
}

#[test]
fn every_request_is_answered() {
    let bpd = Bpd::boot();
    let mut client = bpd.client();
    record(&mut client, "make all");
    record(&mut client, "make all");
    let runs: Vec<Run> = client.ask(&Request::List(ListQuery::default())).unwrap();
    assert_eq!(runs.iter().map(|run| run.id).collect::<Vec<_>>(), [2, 1]);
    assert!(runs.iter().all(|run| run.state == RunState::Finished));
    let show = Request::Show { run: "latest".to_owned(), lang: Some("tr".to_owned()) };
    assert_eq!(client.ask::<Run>(&show).unwrap().id, 2);
    let samples = Request::Samples { run: "1".to_owned(), query: SamplesQuery::default() };
    client.ask::<Vec<bp_proto::Point>>(&samples).unwrap();
    let compare = bp_proto::request::CompareQuery { current: "2".to_owned(), ..Default::default() };
    let comparison: bp_proto::Comparison = client.ask(&Request::Compare(compare)).unwrap();
    assert_eq!((comparison.current.id, comparison.baseline.id), (2, 1));
    let alerts: Vec<bp_proto::AlertReport> = client.ask(&Request::Alerts(AlertsQuery::default())).unwrap();
    assert!(alerts.is_empty());
    let edit = Edit { tags: Some(vec!["keep".to_owned()]), note: None };
    let edited: Run = client.ask(&Request::Edit { run: "1".to_owned(), edit }).unwrap();
    assert_eq!(edited.tags, ["keep"]);
    client.ask_raw(&Request::Delete { run: "2".to_owned() }).unwrap();
    assert_eq!(list(&bpd.places).iter().map(|run| run.id).collect::<Vec<_>>(), [1]);
    let overhead: bp_proto::Overhead = client.ask(&Request::Overhead).unwrap();
    assert!(overhead.rss_mb > 0.0 && overhead.uptime_s >= 0.0);
    let status: bp_proto::Status = client.ask(&Request::Status).unwrap();
    assert_eq!((status.runs, status.pid), (1, std::process::id()));
    let code: bp_proto::report::OpenCode = client.ask(&Request::OpenCode).unwrap();
    assert_eq!(code.origin, format!("http://{}", status.http.address));
    bpd.stop();
}

#[test]
fn tags_and_notes_have_the_limits_of_every_door() {
    let bpd = Bpd::boot();
    let mut client = bpd.client();
    record(&mut client, "make");
    let edit = |tags: Option<Vec<String>>, note: Option<String>| Edit { tags, note };
    for (edit, code) in [
        (edit(Some(vec!["x".to_owned(); MAX_TAGS + 1]), None), "too_many_tags"),
        (edit(Some(vec!["a b".to_owned()]), None), "invalid_tag"),
        (edit(None, Some("n".repeat(MAX_NOTE_BYTES + 1))), "invalid_note"),
    ] {
        let refused = client.ask_raw(&Request::Edit { run: "1".to_owned(), edit });
        let Err(ClientError::Refused(failure)) = refused else { panic!("{refused:?}") };
        assert_eq!(failure.error.code, code);
    }
    let mut start = start_of("make");
    start.draft.tags = vec!["a b".to_owned()];
    let refused = client.ask_raw(&Request::Start(Box::new(start)));
    assert!(
        matches!(&refused, Err(ClientError::Refused(failure)) if failure.error.code == "invalid_tag"),
        "{refused:?}"
    );
    let runs = list(&bpd.places);
    assert_eq!((runs.len(), runs[0].tags.len(), runs[0].note.as_deref()), (1, 0, None));
    bpd.stop();
}

#[test]
fn a_secret_that_a_client_forgot_to_mask_is_not_kept() {
    let bpd = Bpd::boot();
    record(&mut bpd.client(), "curl -H 'Authorization: Bearer abcdefghijklmnop0123456789' http://x");
    let runs = list(&bpd.places);
    let command = runs[0].command.as_deref().unwrap();
    assert!(!command.contains("abcdefghijklmnop0123456789"), "{command}");
    assert!(!runs[0].masked.is_empty());
    bpd.stop();
}

#[test]
fn a_peer_of_another_user_is_refused_even_where_permissions_would_let_it_in() {
    if !rustix::process::geteuid().is_root() {
        // Another uid cannot be taken on; the rule itself has its own test beside the code.
        return;
    }
    let bpd = Bpd::boot();
    let open = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let socket = bpd.places.socket().unwrap();
    open(&socket, 0o666);
    open(&bpd.places.run, 0o711);
    open(bpd.places.run.parent().unwrap(), 0o711);
    let refusal = std::thread::spawn(move || {
        // Only this thread changes its uid, and it ends here.
        let nobody = rustix::process::Uid::from_raw(65534);
        rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
        Client::connect(&socket, DEADLINE).unwrap().ask_raw(&Request::Status)
    });
    match refusal.join().unwrap() {
        Err(ClientError::Refused(failure)) => assert_eq!(failure.error.code, "not_permitted"),
        other => panic!("{other:?}"),
    }
    assert_eq!(status(&bpd.places).runs, 0);
    bpd.stop();
}

#[test]
fn ten_thousand_events_at_once_each_get_their_own_id() {
    const CLIENTS: usize = 50;
    const EACH: usize = 100;
    let bpd = Bpd::boot();
    let mut ids: Vec<u64> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = bpd.client();
                    let one = |_| {
                        // Nobody's processes: the events themselves are what there are many of.
                        let start = bp_proto::Start { owner: None, ..start_of("true") };
                        let finish = finish_of(&start);
                        let registered: Registered = client.ask(&Request::Start(Box::new(start))).unwrap();
                        client.ask_raw(&Request::Finish(Box::new(finish))).unwrap();
                        registered.id
                    };
                    (0..EACH).map(one).collect::<Vec<_>>()
                })
            })
            .collect();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    ids.sort_unstable();
    assert!(ids.iter().copied().eq(1..=(CLIENTS * EACH) as u64));
    let status = status(&bpd.places);
    assert_eq!((status.runs, status.running), ((CLIENTS * EACH) as u64, 0));
    bpd.stop();
}

#[test]
fn idle_clients_give_way_to_a_new_one() {
    let home = home();
    let program = Program::start(home.path());
    let places = places_in(home.path());
    let socket = places.socket().unwrap();
    let waiting: Vec<UnixStream> = (0..512).map(|_| UnixStream::connect(&socket).unwrap()).collect();
    client(&places).ask_raw(&Request::Status).unwrap();
    let mut first = &waiting[0];
    first.set_read_timeout(Some(DEADLINE)).unwrap();
    assert_eq!(first.read(&mut [0]).unwrap(), 0, "the connection that was idle longest is closed");
    drop(waiting);
    drop(program);
}

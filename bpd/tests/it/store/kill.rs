//! bpd is killed at any time: whatever was acknowledged is there when the store is opened again.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use bp_proto::request::Edit;
use bp_proto::{Point, Sample, UnixMillis};
use bpd::event::{Body, Event, Measured, Receipt};
use bpd::recorder;
use bpd::store::{Curve, Within};
use tokio::sync::{broadcast, mpsc, oneshot};

use super::{child, finish, open, start, uid};

const KILLS: u64 = 12;
const CLIENTS: u64 = 4;

/// Clients that report without end, and print what was acknowledged.
pub(super) fn load(dir: &Path) {
    let (writer, reader) = open(dir);
    let first = reader.rows(&Within::All, None, 1).unwrap().first().map_or(0, |row| row.cursor.id) + 1;
    let (measured, inbox) = mpsc::channel(64);
    let (recorded, _) = broadcast::channel(64);
    let store = std::thread::spawn(move || recorder::run(writer, inbox, recorded, UnixMillis::now()));
    let out = Arc::new(std::sync::Mutex::new(std::io::stdout()));
    for client in 0..CLIENTS {
        let (measured, out) = (measured.clone(), Arc::clone(&out));
        std::thread::spawn(move || {
            for n in 0.. {
                one_run(&measured, &out, first * 1_000_000 + n * CLIENTS + client);
            }
        });
    }
    drop(measured);
    store.join().unwrap();
}

fn one_run(measured: &mpsc::Sender<Measured>, out: &std::sync::Mutex<std::io::Stdout>, n: u64) {
    let ask = |body| {
        let (reply, answer) = oneshot::channel();
        measured.blocking_send(Measured::Event(Event { body, reply: Some(reply) })).unwrap();
        answer.blocking_recv().unwrap().unwrap()
    };
    let say = |what: String| {
        let mut out = out.lock().unwrap();
        writeln!(out, "\nSTORED {what}").unwrap();
        out.flush().unwrap();
    };
    let Receipt::Started { registered, known } = ask(Body::Start(Box::new(start(n)))) else { panic!() };
    assert!(!known);
    say(format!("start {n} {}", registered.id));
    for at_ms in 1..=n % 70 {
        let sample = Sample { at_ms, ..Sample::default() };
        measured.blocking_send(Measured::Sample { run: uid(n), sample }).unwrap();
    }
    if n.is_multiple_of(3) {
        let points = vec![Point { ts: n as f64, ..Point::default() }];
        ask(Body::Points { run: uid(n), points });
        say(format!("points {n} {}", registered.id));
    }
    ask(Body::Finish(Box::new(finish(n))));
    say(format!("finish {n} {}", registered.id));
    if n.is_multiple_of(5) {
        let edit = Edit { note: Some(format!("not {n}")), tags: None };
        ask(Body::Edit { run: uid(n), edit });
        say(format!("edit {n} {}", registered.id));
    }
    if n.is_multiple_of(7) {
        say(format!("deleting {n} {}", registered.id));
        ask(Body::Delete { run: uid(n) });
        say(format!("delete {n} {}", registered.id));
    }
}

/// What was said of each run, by the number in its uid.
type Said = BTreeMap<u64, (u64, BTreeSet<String>)>;

#[test]
fn what_was_acknowledged_before_a_kill_is_there() {
    let scratch = tempfile::tempdir().unwrap();
    let mut said = Said::new();
    // Any order of kills will do, so long as it is not the same in every run.
    let mut seed = std::process::id();
    for _ in 0..KILLS {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let before = said.len();
        kill_after(seed as usize % 300, scratch.path(), &mut said);
        assert!(said.len() >= before);
        check(scratch.path(), &said);
    }
    assert!(said.len() > 20, "{} runs are too few to prove anything", said.len());
}

fn kill_after(acknowledged: usize, dir: &Path, said: &mut Said) {
    let mut child = child::command("load", dir).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let out = child.stdout.take().unwrap();
    let mut seen = 0;
    for line in BufReader::new(out).split(b'\n').map(Result::unwrap) {
        let line = String::from_utf8_lossy(&line).into_owned();
        let Some(what) = line.strip_prefix("STORED ") else { continue };
        let mut words = what.split(' ');
        let (what, n, id) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
        let run = said.entry(n.parse().unwrap()).or_default();
        run.0 = id.parse().unwrap();
        run.1.insert(what.to_owned());
        seen += 1;
        if seen == acknowledged + 1 {
            // What was printed meanwhile is still read: it was acknowledged too.
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(seen > acknowledged, "the child ended by itself after {seen} lines");
}

fn check(dir: &Path, said: &Said) {
    let (writer, reader) = open(dir);
    assert_eq!(reader.degraded(), []);
    let mut ids = BTreeSet::new();
    for (n, (id, what)) in said {
        assert!(ids.insert(*id), "id {id} was given twice");
        let run = reader.get(*id).unwrap();
        if what.contains("deleting") {
            assert!(!what.contains("delete") || run.is_none(), "run {id} was deleted");
            continue;
        }
        let run = run.unwrap_or_else(|| panic!("run {id} is lost: {what:?}"));
        assert_eq!((run.uid, run.command), (uid(*n), start(*n).draft.command));
        if what.contains("finish") {
            assert_eq!(run.exit_code, Some((n % 3) as i32));
        }
        if what.contains("edit") {
            assert_eq!(run.note, Some(format!("not {n}")));
        }
        match reader.curve(*id).unwrap() {
            Curve::Posted(points) => assert_eq!(points[0].ts.to_bits(), (*n as f64).to_bits()),
            Curve::Measured(samples) => {
                assert!(!what.contains("points"));
                assert!(!what.contains("finish") || samples.len() as u64 == n % 70);
            }
        }
    }
    drop(writer);
}

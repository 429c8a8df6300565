//! The recorder between its queue, its store and its listeners.

use bp_proto::{Sample, UnixMillis};
use bpd::event::{Body, Event, HostReading, Measured, Receipt, Recorded, Refusal, Reply};
use bpd::recorder;
use bpd::store::Curve;
use tokio::sync::{broadcast, mpsc, oneshot};

use super::{finish, open, start, uid};

fn event(body: Body, reply: Option<Reply>) -> Measured {
    Measured::Event(Event { body, reply })
}

fn begin(n: u64) -> Body {
    Body::Start(Box::new(start(n)))
}

fn end(n: u64) -> Body {
    Body::Finish(Box::new(finish(n)))
}

#[test]
fn what_was_queued_before_the_close_is_stored_answered_and_announced_in_order() {
    let scratch = tempfile::tempdir().unwrap();
    let (writer, reader) = open(scratch.path());
    let (measured, inbox) = mpsc::channel(64);
    let (recorded, mut heard) = broadcast::channel(64);
    let ask = |body| {
        let (reply, answer) = oneshot::channel();
        measured.try_send(event(body, Some(reply))).unwrap();
        answer
    };
    let host = HostReading {
        cpu_percent: Some(1.0),
        memory_used_bytes: 1,
        memory_total_bytes: 2,
        ..HostReading::default()
    };
    measured.try_send(Measured::Host(Box::new(host))).unwrap();
    let started = ask(begin(1));
    let sample = Sample { at_ms: 5, cpu_ns: 10_000, rss_bytes: 4096, processes: 1, ..Sample::default() };
    measured.try_send(Measured::Sample { run: uid(1), sample }).unwrap();
    measured.try_send(Measured::Sample { run: uid(9), sample }).unwrap();
    let again = ask(begin(1));
    let ended = ask(end(1));
    let twice = ask(end(1));
    let nobody = ask(end(7));
    // A client that does not wait for its answer.
    drop(ask(begin(2)));
    drop(measured);

    let began = UnixMillis(42);
    recorder::run(writer, inbox, recorded, began);

    let started = started.blocking_recv().unwrap().unwrap();
    let Receipt::Started { registered, known: false } = started else { panic!("{started:?}") };
    assert_eq!(registered.id, 1);
    assert_eq!(again.blocking_recv().unwrap(), Ok(Receipt::Started { registered, known: true }));
    assert_eq!(ended.blocking_recv().unwrap(), Ok(Receipt::Finished));
    assert_eq!(twice.blocking_recv().unwrap(), Err(Refusal::AlreadyFinished { id: 1 }));
    assert_eq!(nobody.blocking_recv().unwrap(), Err(Refusal::NoSuchRun(uid(7))));

    let mut names = Vec::new();
    while let Ok(what) = heard.try_recv() {
        names.push(match what {
            Recorded::Host(_) => "host".to_owned(),
            Recorded::Started { run } => format!("started {run}"),
            Recorded::Sampled { run, from, to } => format!("sampled {run} {} {}", from.at_ms, to.at_ms),
            Recorded::Finished { run, .. } => format!("finished {run}"),
            other => format!("{other:?}"),
        });
    }
    assert_eq!(names, ["host", "started 1", "sampled 1 0 5", "finished 1", "started 2"]);

    assert_eq!(reader.curve(1).unwrap(), Curve::Measured(vec![sample]));
    assert_eq!(reader.counts(), (2, 1));
    let costs = reader.own_costs(UnixMillis(0)).unwrap();
    assert!(!costs.is_empty());
    assert!(costs.iter().all(|cost| cost.process_began == began && cost.cpu_ns > 0));
}

#[test]
fn an_answer_means_that_a_reader_sees_it() {
    let scratch = tempfile::tempdir().unwrap();
    let (writer, reader) = open(scratch.path());
    let (measured, inbox) = mpsc::channel(64);
    let (recorded, _heard) = broadcast::channel(64);
    let store = std::thread::spawn(move || recorder::run(writer, inbox, recorded, UnixMillis(1)));
    let clients: Vec<_> = (0..4)
        .map(|client| {
            let (measured, reader) = (measured.clone(), reader.clone());
            std::thread::spawn(move || {
                for n in 0..25 {
                    let n = 1 + client * 25 + n;
                    let (reply, answer) = oneshot::channel();
                    measured.blocking_send(event(begin(n), Some(reply))).unwrap();
                    let receipt = answer.blocking_recv().unwrap().unwrap();
                    let Receipt::Started { registered, .. } = receipt else { panic!("{receipt:?}") };
                    assert_eq!(reader.get(registered.id).unwrap().unwrap().uid, uid(n));
                }
            })
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
    drop(measured);
    store.join().unwrap();
    assert_eq!(reader.counts(), (100, 100));
}

//! Numbers that no honest reporter sends: pids that cannot be, times before and after every calendar, totals that
//! overflow when they are added. They end neither bpd nor a list, then or after a restart.

use std::time::Duration;

use bp_proto::frame::Kind;
use bp_proto::request::SamplesQuery;
use bp_proto::{Ending, Implausible, Owner, Point, Quality, Request, Run, Totals, UnixMillis};

use crate::harness::{Bpd, client, finish_of, list, record, start_of, status};

/// As a client sees them that believes what it is told.
fn all_can_be_read(bpd: &Bpd) -> Vec<Run> {
    let mut client = bpd.client();
    let runs = list(&bpd.places);
    for run in &runs {
        let selector = run.id.to_string();
        let shown: Run = client.ask(&Request::Show { run: selector.clone(), lang: None }).unwrap();
        assert_eq!(shown.uid, run.uid);
        let query = SamplesQuery::default();
        let _: Vec<Point> = client.ask(&Request::Samples { run: selector, query }).unwrap();
    }
    runs
}

#[test]
fn pids_that_no_process_has_end_nothing() {
    let bpd = Bpd::boot();
    let mut client = bpd.client();
    for pid in [0, i32::MAX as u32, i32::MAX as u32 + 1, u32::MAX] {
        let owner = Some(Owner { pid, start_ticks: 0 });
        let mut start = start_of("make");
        (start.owner, start.under) = (owner, owner);
        client.ask_raw(&Request::Start(Box::new(start.clone()))).unwrap();
        client.ask_raw(&Request::Finish(Box::new(finish_of(&start)))).unwrap();
    }
    assert_eq!(all_can_be_read(&bpd).len(), 4);
    bpd.stop();
}

#[test]
fn times_and_totals_beyond_all_measure_end_nothing() {
    let bpd = Bpd::boot();
    let mut client = bpd.client();
    let far = [UnixMillis(-377_705_000_000_000), UnixMillis(0), UnixMillis(253_402_200_000_000)];
    for (began, ended) in far.iter().flat_map(|began| far.iter().map(move |ended| (*began, *ended))) {
        for took in [None, Some(Duration::ZERO), Some(Duration::MAX)] {
            let mut start = start_of("make");
            start.draft.started_at = began;
            let mut finish = finish_of(&start);
            (finish.finished_at, finish.took) = (ended, took);
            finish.ending = Ending::Exited { exit_code: Some(i32::MIN), signal: Some(i32::MAX) };
            finish.totals = Some(Totals {
                cpu_ns: Some(u64::MAX),
                user_ns: Some(u64::MAX),
                system_ns: Some(u64::MAX),
                rss_max_bytes: Some(u64::MAX),
                max_processes: Some(u32::MAX),
                quality: Quality::Exact,
                ..Totals::default()
            });
            client.ask_raw(&Request::Start(Box::new(start))).unwrap();
            client.ask_raw(&Request::Finish(Box::new(finish))).unwrap();
        }
    }
    let runs = all_can_be_read(&bpd);
    assert_eq!(runs.len(), 27);
    // A duration that cannot be true is unknown and flagged.
    for run in &runs {
        let took_s = run.run_stats.as_ref().unwrap().duration_s;
        assert_eq!(took_s.is_none(), run.implausible.contains(&Implausible::Duration), "{run:?}");
        assert!(took_s.is_none_or(|took_s| took_s >= 0.0), "{run:?}");
    }
    let again = Bpd::boot_in(bpd.stop());
    assert_eq!(all_can_be_read(&again).len(), 27);
    assert_eq!(status(&again.places).degraded, Vec::<String>::new());
    again.stop();
}

/// Records as a hook writes them, with a stamp and an end that no clock shows.
fn mail(stamp: u64, end: u64) -> Vec<u8> {
    let shell = "bash 5.2.15 - - - -";
    let mut bytes = u32::MAX.to_le_bytes().to_vec();
    let (stamp, end) = (stamp.to_string(), end.to_string());
    for record in [
        vec!["", "1S", shell, &stamp, "x", "/", "", "make", ""],
        vec!["", "1E", shell, &stamp, "0", &end, "", ""],
    ] {
        bytes.extend(record.join("\0").into_bytes());
    }
    bytes
}

#[test]
fn a_shell_whose_clock_is_beyond_the_calendar_spoils_no_list() {
    let bpd = Bpd::boot();
    for (stamp, end) in [(u64::MAX, u64::MAX), (0, u64::MAX), (u64::MAX, 0)] {
        let mut talk = crate::socket::say(&bpd, &bp_proto::frame::encode(Kind::Mail, &mail(stamp, end)));
        assert_eq!(talk.pop(), Some((Kind::Done, "{}".to_owned())));
    }
    record(&mut client(&bpd.places), "true");
    assert!(all_can_be_read(&bpd).len() > 1, "a shell that cannot tell the time is heard all the same");
    bpd.stop();
}

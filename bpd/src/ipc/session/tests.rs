use bp_proto::mailbox::NestedRecord;

use super::*;

fn shell(name: &str, start_ticks: u64) -> Shell {
    Shell {
        name: name.to_owned(),
        boot_id: Some("boot".to_owned()),
        start_ticks: Some(start_ticks),
        ..Shell::default()
    }
}

fn times(children_user_ms: u64) -> Times {
    Times { children_user_ns: children_user_ms * 1_000_000, ..Times::default() }
}

fn start(stamp: Stamp, text: Text) -> Record {
    Record::Start(StartRecord {
        shell: shell("bash", 7),
        stamp,
        text,
        cwd: b"/tmp".to_vec(),
        times: Some(times(10)),
        late: false,
    })
}

fn end(stamp: Stamp, exit_code: i32, end_us: Option<u64>) -> Record {
    Record::End(EndRecord {
        shell: shell("bash", 7),
        stamp,
        exit_code: Some(exit_code),
        end_us,
        took_ms: None,
        times: Some(times(250)),
    })
}

fn typed(text: &str) -> Text {
    Text::Typed(text.as_bytes().to_vec())
}

fn at(wall_ms: i64, boot_ms: u64) -> Arrival {
    Arrival { wall: UnixMillis(wall_ms), boot: Some(Duration::from_millis(boot_ms)), ..Arrival::default() }
}

/// Nothing is ignored.
fn none() -> Rules {
    Rules::default()
}

fn started(events: &[Body]) -> &Start {
    match events.last() {
        Some(Body::Start(start)) => start,
        other => panic!("{other:?}"),
    }
}

fn finished(events: &[Body]) -> &Finish {
    match events.last() {
        Some(Body::Finish(finish)) => finish,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_start_and_an_end_make_one_run_with_the_shells_own_account() {
    let mut session = Session::new(42);
    let stamp = Stamp::Micros(1_700_000_000_000_500);
    let begun = session.take(start(stamp, typed("make")), at(1_700_000_000_001, 5), &none());
    let begun = started(&begun);
    assert_eq!(begun.draft.command.as_deref(), Some("make"));
    assert_eq!(begun.draft.started_at, UnixMillis(1_700_000_000_000));
    assert_eq!(begun.owner, Some(Owner { pid: 42, start_ticks: 7 }));
    assert!(session.has_open_run());

    let done =
        session.take(end(stamp, 130, Some(1_700_000_002_500_500)), at(1_700_000_002_501, 2505), &none());
    let done = finished(&done);
    assert_eq!((done.uid, done.took), (begun.uid, Some(Duration::from_millis(2500))));
    assert_eq!(done.ending, Ending::Exited { exit_code: Some(130), signal: Some(2) });
    let totals = done.totals.unwrap();
    assert_eq!((totals.cpu_ns, totals.quality), (Some(240_000_000), Quality::Times));
    assert!(!session.has_open_run());
}

#[test]
fn read_twice_gives_the_same_uid_and_another_shell_gives_another() {
    let uid = |pid, ticks, stamp| {
        let mut session = Session::new(pid);
        let mut record = start(stamp, typed("x"));
        if let Record::Start(start) = &mut record {
            start.shell.start_ticks = Some(ticks);
        }
        started(&session.take(record, at(0, 0), &none())).uid
    };
    let stamp = Stamp::Micros(1_700_000_000_000_500);
    assert_eq!(uid(1, 7, stamp), uid(1, 7, stamp));
    assert_eq!(uid(1, 7, stamp).timestamp_ms(), 1_700_000_000_000);
    for other in
        [uid(2, 7, stamp), uid(1, 8, stamp), uid(1, 7, Stamp::Micros(1)), uid(1, 7, Stamp::Serial(1))]
    {
        assert_ne!(other, uid(1, 7, stamp));
    }
}

/// Duration in milliseconds of a run whose records arrive at these moments.
#[test]
fn of_a_line_read_in_a_pause_nothing_goes_on_and_a_repeat_of_it_has_its_text() {
    let mut session = Session::new(1);
    let paused = Arrival { paused: true, ..at(10, 10) };
    assert!(session.take(start(Stamp::Serial(1), typed("make secret")), paused, &none()).is_empty());
    assert!(!session.has_open_run() && session.can_be_wiped());
    // The end comes when recording goes on again.
    assert!(session.take(end(Stamp::Serial(1), 0, None), at(20, 20), &none()).is_empty());
    let events = session.take(start(Stamp::Serial(2), Text::Repeat), at(30, 30), &none());
    assert_eq!(started(&events).draft.command.as_deref(), Some("make secret"));
}

#[test]
fn a_shell_without_a_clock_tells_by_the_uptime_when_its_line_was_read_and_how_long_it_took() {
    let stamp = Stamp::Uptime { hundredths: 1_250, nth: Some(0) };
    let booted_at = UnixMillis(1_000_000);
    let arrived = at(1_012_509, 12_509);
    for (boot_id, started_at) in [("boot", 1_012_500), ("another", 1_012_509)] {
        let mut session = Session::new(1);
        let record = start(stamp, typed("make"));
        let told = arrived.told_by(&record, boot_id, booted_at);
        let events = session.take(record, told, &none());
        let begun = started(&events);
        assert_eq!(begun.draft.started_at, UnixMillis(started_at));
        let Record::End(mut record) = end(stamp, 0, None) else { panic!("no end") };
        record.took_ms = Some(700);
        let done = session.take(Record::End(record), at(1_013_215, 13_215), &none());
        let [Body::Finish(finish)] = &done[..] else { panic!("{done:?}") };
        assert_eq!(finish.uid, begun.uid);
        assert_eq!(finish.took, Some(Duration::from_millis(700)));
        assert_eq!(finish.finished_at, UnixMillis(started_at + 700));
    }
}

#[test]
fn lines_of_one_hundredth_are_counted_also_by_a_bpd_that_is_started_between_them() {
    let counted = |nth| Stamp::Uptime { hundredths: 1_250, nth: Some(nth) };
    let stamp = Stamp::Uptime { hundredths: 1_250, nth: None };
    let mut session = Session::new(1);
    for nth in 0..6 {
        let events = session.take(start(stamp, typed("make")), at(12_509, 12_509), &none());
        assert_eq!(started(&events).uid, session.uid(counted(nth)));
        if nth > 1 {
            // What is left of an open run and of a closed one is all that the next bpd knows.
            let remains = session.remains().swap_remove(0);
            session = Session::new(1);
            for record in bp_proto::mailbox::take(&remains).records {
                session.take(record, at(12_509, 12_509), &none());
            }
        }
        let done = session.take(end(stamp, 0, None), at(12_509, 12_509), &none());
        assert_eq!(finished(&done).uid, session.uid(counted(nth)));
        assert!(!session.has_open_run());
        if nth > 3 {
            let remains = session.remains().swap_remove(0);
            session = Session::new(1);
            for record in bp_proto::mailbox::take(&remains).records {
                session.take(record, at(12_509, 12_509), &none());
            }
        }
    }
    let later = Stamp::Uptime { hundredths: 1_251, nth: None };
    let events = session.take(start(later, typed("make")), at(12_519, 12_519), &none());
    assert_eq!(started(&events).uid, session.uid(Stamp::Uptime { hundredths: 1_251, nth: Some(0) }));
}

fn check_took(stamp: Stamp, end_us: Option<u64>, from: Arrival, to: Arrival, ms: u64) {
    let mut session = Session::new(1);
    session.take(start(stamp, typed("x")), from, &none());
    let done = session.take(end(stamp, 0, end_us), to, &none());
    assert_eq!(finished(&done).took, Some(Duration::from_millis(ms)), "{stamp:?} {end_us:?} {from:?} {to:?}");
    assert!(finished(&done).finished_at >= UnixMillis(0));
}

#[test]
fn a_stepped_or_missing_clock_is_replaced_by_the_time_of_arrival() {
    let second = Stamp::Micros(1_000_000);
    check_took(second, Some(3_000_000), at(1_000, 10), at(3_000, 2_010), 2_000);
    // Read late, but the clocks agree: the shell's own figure is the better one.
    check_took(second, Some(3_000_000), at(9_000, 9_000), at(9_000, 9_000), 2_000);
    // Set back by an hour while it ran, set forward, no clock at all.
    check_took(Stamp::Micros(9_000_000), Some(5_000_000), at(9_000, 10), at(5_000, 2_010), 2_000);
    check_took(second, Some(90_000_000), at(1_000, 10), at(90_000, 2_010), 2_000);
    check_took(Stamp::Serial(4), None, at(1_000, 10), at(3_000, 2_010), 2_000);
    let left = |wall| Arrival { wall: UnixMillis(wall), boot: None, ..Arrival::default() };
    check_took(second, Some(3_000_000), left(9_000), left(9_000), 2_000);
}

#[test]
fn how_long_a_run_took_that_was_left_behind_without_a_clock_is_unknown() {
    let left = Arrival { wall: UnixMillis(9_000), boot: None, ..Arrival::default() };
    // No clock at all, none at the end, and one that was set back meanwhile.
    for (stamp, end_us) in [
        (Stamp::Serial(4), None),
        (Stamp::Micros(9_000_000), None),
        (Stamp::Micros(9_000_000), Some(5_000_000)),
    ] {
        let mut session = Session::new(1);
        session.take(start(stamp, typed("x")), left, &none());
        let done = session.take(end(stamp, 0, end_us), left, &none());
        assert_eq!(finished(&done).took, None, "{stamp:?}");
        assert!(finished(&done).finished_at >= UnixMillis(9_000));
    }
}

#[test]
fn how_long_a_run_took_that_was_told_at_its_end_without_a_clock_is_unknown() {
    let mut session = Session::new(1);
    let mut record = start(Stamp::Serial(4), typed("x"));
    if let Record::Start(start) = &mut record {
        start.late = true;
    }
    session.take(record, at(9_000, 9_000), &none());
    let done = session.take(end(Stamp::Serial(4), 0, None), at(9_002, 9_002), &none());
    assert_eq!((finished(&done).took, finished(&done).finished_at), (None, UnixMillis(9_000)));
}

#[test]
fn texts_repeat_hide_and_are_cut() {
    let mut session = Session::new(1);
    let mut text = |number, text| {
        let events = session.take(start(Stamp::Serial(number), text), at(0, 0), &none());
        let draft = started(&events).draft.clone();
        (draft.command, draft.command_truncated)
    };
    assert_eq!(text(1, Text::Repeat).0, None);
    assert_eq!(text(2, typed("make")).0.as_deref(), Some("make"));
    assert_eq!(text(3, Text::Repeat).0.as_deref(), Some("make"));
    assert_eq!(text(4, Text::Hidden).0, None);
    assert_eq!(
        text(5, Text::Repeat).0.as_deref(),
        Some("make"),
        "the last that was sent, not the hidden one"
    );
    assert_eq!(text(6, Text::Typed(b"a\xffb".to_vec())).0.as_deref(), Some("a\u{fffd}b"));
    let (cut, length) = text(7, typed(&"ş".repeat(40_000)));
    assert_eq!((cut.unwrap().len(), length), (bp_proto::MAX_COMMAND_BYTES, Some(80_000)));
}

#[test]
fn what_is_ignored_has_no_text_here_nor_in_what_remains_and_neither_has_its_repeat() {
    let mut rules = Rules::default();
    rules.add_command("^pass ").unwrap();
    let place = Arrival { unplaced: true, ..at(0, 0) };
    let mut session = Session::new(1);
    let mut number = 0;
    let mut told = |text: Text, arrival| {
        number += 1;
        let events = session.take(start(Stamp::Serial(number), text), arrival, &rules);
        for remains in session.remains() {
            let remains = String::from_utf8_lossy(&remains).into_owned();
            assert!(
                !remains.contains("bank") && (!arrival.unplaced || !remains.contains("/tmp")),
                "{remains}"
            );
        }
        assert!(session.can_be_wiped(), "what was typed stands in the file while the line runs");
        let draft = started(&events).draft.clone();
        (draft.command, draft.cwd, draft.masked)
    };
    let ignored = vec!["ignored".to_owned()];
    let tmp = Some("/tmp".to_owned());
    assert_eq!(told(typed("pass show bank"), at(0, 0)), (None, tmp.clone(), ignored.clone()));
    assert_eq!(told(Text::Repeat, at(0, 0)), (None, tmp.clone(), vec![]));
    assert_eq!(told(typed("vi bank.txt"), place), (None, None, ignored.clone()));
    assert_eq!(told(Text::Hidden, place), (None, None, ignored.clone()));
    assert_eq!(told(Text::Repeat, at(0, 0)).0, None);
    // A look at bp is not recorded at all, and has to be known as one.
    assert_eq!(told(typed("bpctl show 'bank'"), place).0.as_deref(), Some("bpctl"));
    assert_eq!(told(typed("bpctl run -- pass bank"), at(0, 0)).0.as_deref(), Some("bpctl run"));
    assert_eq!(told(Text::Kept(b"pass show bank".to_vec()), at(0, 0)).0, None);
}

#[test]
fn a_line_that_was_kept_before_there_was_a_rule_is_not_repeated_under_it() {
    let mut rules = Rules::default();
    rules.add_command("make").unwrap();
    let mut session = Session::new(1);
    session.take(start(Stamp::Serial(1), typed("make")), at(0, 0), &none());
    let events = session.take(start(Stamp::Serial(2), Text::Repeat), at(0, 0), &rules);
    assert_eq!(started(&events).draft.command, None);
    let mut next = Session::new(1);
    for record in bp_proto::mailbox::take(&session.remains()[1]).records {
        next.take(record, at(0, 0), &rules);
    }
    let events = next.take(start(Stamp::Serial(3), Text::Repeat), at(0, 0), &rules);
    assert_eq!(started(&events).draft.command, None);
}

#[test]
fn a_record_that_comes_twice_says_nothing_the_second_time() {
    let mut session = Session::new(1);
    assert_eq!(session.take(start(Stamp::Serial(1), typed("x")), at(0, 0), &none()).len(), 1);
    assert_eq!(session.take(end(Stamp::Serial(1), 0, None), at(5, 5), &none()).len(), 1);
    assert_eq!(session.take(start(Stamp::Serial(1), typed("x")), at(9, 9), &none()).len(), 0);
    assert_eq!(session.take(end(Stamp::Serial(1), 0, None), at(9, 9), &none()).len(), 0);
    assert!(!session.has_open_run());
}

/// Milliseconds of CPU of a run that is told when it has ended, its times with it.
fn late(session: &mut Session, stamp: u64, at_ms: u64) -> Option<u64> {
    let mut record = start(Stamp::Serial(stamp), typed("(x)"));
    if let Record::Start(start) = &mut record {
        (start.late, start.times) = (true, Some(times(at_ms)));
    }
    session.take(record, at(0, 0), &none());
    let mut record = end(Stamp::Serial(stamp), 0, None);
    if let Record::End(end) = &mut record {
        end.times = Some(times(at_ms));
    }
    let totals = finished(&session.take(record, at(5, 5), &none())).totals;
    totals.and_then(|totals| totals.cpu_ns).map(|ns| ns / 1_000_000)
}

#[test]
fn a_start_that_is_told_late_counts_from_the_end_before_or_not_at_all() {
    let mut session = Session::new(1);
    assert_eq!(late(&mut session, 1, 50), None, "nothing is known from before it");
    assert_eq!(late(&mut session, 2, 80), Some(30));
    session.take(start(Stamp::Serial(3), typed("x")), at(0, 0), &none());
    assert_eq!(late(&mut session, 4, 900), None, "an end went untold: part of it is the other line's");
    assert_eq!(late(&mut session, 5, 1_000), Some(100));
}

/// A session that has read what another leaves.
fn resumed(session: &Session, nth: usize) -> (Session, Vec<Body>) {
    let mut next = Session::new(1);
    let left = bp_proto::mailbox::take(&session.remains()[nth]);
    assert_eq!(left.damaged, 0);
    let events = left.records.into_iter().flat_map(|record| next.take(record, at(0, 0), &none())).collect();
    (next, events)
}

#[test]
fn what_remains_of_a_shell_is_enough_to_go_on_and_holds_no_secret() {
    let mut session = Session::new(1);
    let secret = "curl -u me:hunter2secret https://example.org";
    let first = session.take(start(Stamp::Serial(1), typed(secret)), at(0, 0), &none());
    let first = started(&first);
    assert!(session.can_be_wiped(), "it runs, but its secret is in the file");
    for remains in session.remains() {
        assert!(!String::from_utf8_lossy(&remains).contains("hunter2secret"));
    }
    let (mut next, events) = resumed(&session, 0);
    assert_eq!((started(&events).uid, &started(&events).draft.command), (first.uid, &first.draft.command));
    let done = next.take(end(Stamp::Serial(1), 0, None), at(5, 5), &none());
    assert_eq!(finished(&done).totals.unwrap().cpu_ns, Some(240_000_000));

    session.was_wiped();
    assert!(!session.can_be_wiped());
    session.take(end(Stamp::Serial(1), 0, None), at(5, 5), &none());
    assert!(session.can_be_wiped());
    let (mut next, events) = resumed(&session, 0);
    assert!(events.is_empty() && !next.has_open_run());
    assert_eq!(late(&mut next, 2, 300), Some(50), "the end before is still known");
    let again = next.take(start(Stamp::Serial(3), Text::Repeat), at(0, 0), &none());
    assert_eq!(started(&again).draft.command.as_deref(), Some("(x)"));
    let (mut next, _) = resumed(&session, 0);
    let again = next.take(start(Stamp::Serial(2), Text::Repeat), at(0, 0), &none());
    assert_eq!(started(&again).draft.command, first.draft.command);
}

#[test]
fn a_pid_that_is_another_shells_now_loses_the_run_of_the_first() {
    let mut session = Session::new(1);
    let first = started(&session.take(start(Stamp::Serial(1), typed("x")), at(0, 0), &none())).uid;
    let mut other = start(Stamp::Serial(1), Text::Repeat);
    if let Record::Start(start) = &mut other {
        start.shell.start_ticks = Some(99);
    }
    let events = session.take(other, at(7, 7), &none());
    let [Body::Finish(lost), Body::Start(start)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((lost.uid, lost.ending, lost.finished_at), (first, Ending::Lost, UnixMillis(7)));
    assert_eq!(start.draft.command, None, "the other shell's text is none of its business");
}

#[test]
fn lines_of_a_nested_prompt_do_not_end_the_line_that_opened_it() {
    let stamp = |n: u64| Stamp::Micros(1_700_000_000_000_000 + n);
    let nested = || Record::Nested(NestedRecord { shell: shell("bash", 7), stamp: stamp(0) });
    let mut session = Session::new(1);
    let events = session.take(start(stamp(0), typed("$Host.EnterNestedPrompt()")), at(0, 0), &none());
    let outer = started(&events).uid;
    for n in [1, 2] {
        assert!(session.take(nested(), at(1, 1), &none()).is_empty());
        let events = session.take(start(stamp(n), typed("inner")), at(1, 1), &none());
        assert_eq!((events.len(), started(&events).parent), (1, Some(outer)));
        session.take(end(stamp(n), 0, None), at(2, 2), &none());
    }
    assert!(session.has_open_run());
    let events = session.take(end(stamp(0), 0, None), at(9, 9), &none());
    let done = finished(&events);
    assert_eq!((done.uid, done.totals.unwrap().cpu_ns), (outer, Some(240_000_000)));
    assert!(!session.has_open_run());
    // A line at the shell's own prompt is in none.
    let events = session.take(start(stamp(3), typed("ls")), at(10, 10), &none());
    assert_eq!(started(&events).parent, None);
}

#[test]
fn a_shell_that_goes_leaves_no_line_of_a_nested_prompt_open() {
    let stamp = |n: u64| Stamp::Micros(1_700_000_000_000_000 + n);
    let mut session = Session::new(1);
    session.take(start(stamp(0), typed("outer")), at(0, 0), &none());
    session.take(
        Record::Nested(NestedRecord { shell: shell("bash", 7), stamp: stamp(0) }),
        at(1, 1),
        &none(),
    );
    session.take(start(stamp(1), typed("inner")), at(1, 1), &none());
    assert_eq!(session.lose(UnixMillis(5)).len(), 2);
    assert!(!session.has_open_run());
}

/// A session of bash that has spoken once, and the stamp of the line that it begins next.
fn introduced() -> (Session, Stamp) {
    let mut session = Session::new(42);
    let hello = KeptRecord { shell: shell("bash", 7), times: Some(times(10)), stamp: None, text: None };
    assert!(session.take(Record::Kept(hello), at(0, 0), &none()).is_empty());
    (session, Stamp::Micros(1_700_000_000_400_700))
}

fn late_start(stamp: Stamp, text: &str) -> Record {
    let Record::Start(start) = start(stamp, typed(text)) else { unreachable!() };
    Record::Start(StartRecord { late: true, times: Some(times(250)), ..start })
}

#[test]
fn a_line_that_bpd_sees_begin_is_the_one_that_the_shell_reports_when_it_is_over() {
    let (mut session, stamp) = introduced();
    let begun = session.begin(b"/work", at(1_700_000_000_401, 5), Duration::ZERO).unwrap();
    let Body::Start(begun) = begun else { panic!("{begun:?}") };
    assert!(begun.draft.text_pending && begun.draft.command.is_none());
    assert_eq!(begun.draft.cwd.as_deref(), Some("/work"));
    assert!(session.begin(b"/work", at(1_700_000_000_402, 6), Duration::ZERO).is_none(), "it is known");

    let told = session.take(late_start(stamp, "(make)"), at(1_700_000_003_000, 2604), &none());
    let [Body::Text { run, text: LateText::Kept(kept) }] = &told[..] else { panic!("{told:?}") };
    assert_eq!((*run, kept.text.as_str()), (begun.uid, "(make)"));
    let done = session.take(end(stamp, 2, Some(1_700_000_002_900_700)), at(1_700_000_003_000, 2604), &none());
    let done = finished(&done);
    assert_eq!((done.uid, done.took), (begun.uid, Some(Duration::from_millis(2500))));
    assert_eq!(done.totals.unwrap().cpu_ns, Some(240_000_000), "from the end before on");
    assert!(!session.has_open_run());

    // A bpd that was started meanwhile gives the run the same name.
    let (mut next, _) = introduced();
    let again = next.take(late_start(stamp, "(make)"), at(1_700_000_003_000, 2604), &none());
    assert_eq!((started(&again).uid, started(&again).draft.command.as_deref()), (begun.uid, Some("(make)")));
}

#[test]
fn a_line_that_the_shell_never_reports_is_lost_and_no_other_line_is_taken_for_it() {
    let (mut session, _) = introduced();
    let Some(Body::Start(begun)) = session.begin(b"/", at(1_700_000_000_401, 5), Duration::ZERO) else {
        panic!()
    };
    let later = Stamp::Micros(1_700_000_009_000_000);
    let events = session.take(start(later, typed("ls")), at(1_700_000_009_000, 9_000), &none());
    let [Body::Finish(lost), Body::Start(next)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((lost.uid, lost.ending), (begun.uid, Ending::Lost));
    assert_ne!(next.uid, begun.uid);
}

#[test]
fn a_line_that_the_shell_reports_after_bpd_saw_it_begin_is_one_run() {
    let (mut session, stamp) = introduced();
    let Some(Body::Start(begun)) = session.begin(b"/", at(1_700_000_000_430, 34), Duration::ZERO) else {
        panic!()
    };
    // Not late: the line runs. Its report was written 40 ms after Enter, on a busy machine.
    let events = session.take(start(stamp, typed("make")), at(1_700_000_000_441, 45), &none());
    let [Body::Delete { run }, Body::Start(told)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((*run, told.uid), (begun.uid, session.uid(stamp)));
}

#[test]
fn a_line_of_which_bpd_hears_late_begins_with_its_first_process_but_not_before_the_end_of_the_line_before() {
    for (lead_ms, expected) in [(4, 1_700_000_000_427), (200, 1_700_000_000_401)] {
        let (mut session, before) = introduced();
        session.take(start(before, typed("sleep 9 &")), at(1_700_000_000_400, 3), &none());
        session.take(end(before, 0, Some(1_700_000_000_401_000)), at(1_700_000_000_402, 5), &none());
        let heard = at(1_700_000_000_431, 34);
        let Some(Body::Start(begun)) = session.begin(b"/", heard, Duration::from_millis(lead_ms)) else {
            panic!()
        };
        assert_eq!(begun.draft.started_at, UnixMillis(expected), "{lead_ms}");
        // PS0 has read the clock later than the tick of the first process began.
        let told = session.take(late_start(Stamp::Micros(1_700_000_000_428_500), "(make)"), heard, &none());
        let [Body::Text { run, .. }] = &told[..] else { panic!("{told:?}") };
        assert_eq!(*run, begun.uid);
    }
}

#[test]
fn nothing_begins_in_a_pause_or_in_a_shell_that_is_unknown() {
    let (mut session, _) = introduced();
    assert!(session.begin(b"/", Arrival { paused: true, ..at(1, 1) }, Duration::ZERO).is_none());
    assert!(Session::new(42).begin(b"/", at(1, 1), Duration::ZERO).is_none());
    let unplaced = session.begin(b"/secret", Arrival { unplaced: true, ..at(1, 1) }, Duration::ZERO).unwrap();
    let Body::Start(start) = unplaced else { panic!("{unplaced:?}") };
    assert!(start.draft.is_ignored() && start.draft.cwd.is_none() && !start.draft.text_pending);
}

#[test]
fn each_of_several_pasted_lines_has_a_run_of_its_own() {
    let (mut session, first) = introduced();
    let Stamp::Micros(first_us) = first else { unreachable!() };
    let stamps = [first, Stamp::Micros(first_us + 10), Stamp::Micros(first_us + 20)];
    let mut uids = Vec::new();
    for (nth, stamp) in stamps.into_iter().enumerate() {
        let record = if nth == 0 { start(stamp, typed("a")) } else { late_start(stamp, "b") };
        uids.push(started(&session.take(record, at(1_700_000_000_401, 5), &none())).uid);
        let mut record = end(stamp, 0, Some(first_us + 10 * nth as u64 + 10));
        if let Record::End(end) = &mut record {
            end.times = None;
        }
        let done = session.take(record, at(1_700_000_000_401, 5), &none());
        assert_eq!(finished(&done).took, Some(Duration::from_micros(10)));
        assert_eq!(finished(&done).totals, None, "nobody knows its CPU time");
    }
    uids.sort();
    uids.dedup();
    assert_eq!(uids.len(), 3);
}

#[test]
fn an_end_of_which_nobody_knows_the_time_gives_no_duration() {
    let (mut session, stamp) = introduced();
    session.take(start(stamp, typed("unset PROMPT_COMMAND")), at(1_700_000_000_401, 5), &none());
    let mut record = end(stamp, 0, None);
    if let Record::End(end) = &mut record {
        end.times = None;
    }
    let done = session.take(record, at(1_700_000_090_000, 90_000), &none());
    assert_eq!(finished(&done).took, None);
    assert_eq!(
        finished(&done).finished_at,
        UnixMillis(1_700_000_000_400),
        "and not when the next line was typed"
    );
}

use super::*;

const SHELL: &str = "bash 5.2.15 8d2c-boot 4711 human -";

fn started(stamp: &str, how: &str, text: &str) -> Vec<u8> {
    let times = "0m0,004s 0m0.010s\n1m0.000s 0m2.5s\n";
    format!("\x001S\0{SHELL}\x00{stamp}\0{how}\0/tmp\0{times}\0{text}\0").into_bytes()
}

fn ended(stamp: &str) -> Vec<u8> {
    format!("\x001E\0{SHELL}\x00{stamp}\x00130\x001700000000000001\0\0").into_bytes()
}

fn text_of(record: &Record) -> Vec<u8> {
    match record {
        Record::Start(StartRecord { text: Text::Typed(text), .. }) => text.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_start_gives_its_fields() {
    let bytes = started("1700000000000000", "t", "  12  make -j2\n");
    let taken = take(&bytes);
    assert_eq!((taken.used, taken.unknown, taken.damaged), (bytes.len(), 0, 0));
    let [Record::Start(start)] = &taken.records[..] else { panic!("{taken:?}") };
    assert_eq!(start.text, Text::Typed(b"make -j2".to_vec()));
    assert_eq!(start.stamp, Stamp::Micros(1_700_000_000_000_000));
    assert_eq!(start.shell.start_ticks, Some(4711));
    assert_eq!(start.shell.parent, None);
    assert_eq!(
        start.times,
        Some(Times {
            shell_user_ns: 4_000_000,
            shell_system_ns: 10_000_000,
            children_user_ns: 60_000_000_000,
            children_system_ns: 2_500_000_000,
        })
    );
}

#[test]
fn a_stamp_is_a_time_an_uptime_or_a_serial() {
    let check = |text: &str, stamp| {
        let bytes = started(text, "x", "make");
        let taken = take(&bytes);
        let [Record::Start(start)] = &taken.records[..] else { panic!("{text}: {taken:?}") };
        assert_eq!(start.stamp, stamp, "{text}");
        assert_eq!(take(&start.to_bytes()).records, taken.records, "{text}");
    };
    check("1700000000000000", Stamp::Micros(1_700_000_000_000_000));
    check("~17", Stamp::Serial(17));
    check("u81.27", Stamp::Uptime { hundredths: 8127, nth: Some(0) });
    check("u0.05++", Stamp::Uptime { hundredths: 5, nth: Some(2) });
    check("U81.27", Stamp::Uptime { hundredths: 8127, nth: None });
    for wrong in
        ["", "~", "u", "U", "U1.27+", "U1.2", "u1", "u1.2", "u.27", "u1.2+7", "u1.27-", "u81,27", "x1"]
    {
        assert_eq!(take(&started(wrong, "x", "make")).records, [], "{wrong}");
    }
}

#[test]
fn an_end_is_told_by_the_clock_or_by_how_long_it_took() {
    for (field, end_us, took_ms) in [("", None, None), ("17", Some(17), None), ("+17", None, Some(17))] {
        let bytes = format!("\x001E\0{SHELL}\0u1.00\x000\0{field}\0\0").into_bytes();
        let taken = take(&bytes);
        let [Record::End(end)] = &taken.records[..] else { panic!("{field}: {taken:?}") };
        assert_eq!((end.end_us, end.took_ms), (end_us, took_ms), "{field}");
    }
}

#[test]
fn an_exit_status_may_be_unknown() {
    for (field, expected) in
        [("0", Some(Some(0))), ("148", Some(Some(148))), ("-", Some(None)), ("-0", Some(None)), ("", None)]
    {
        let bytes = format!("\x001E\0{SHELL}\0u1.00\0{field}\0\0\0").into_bytes();
        let exit = match &take(&bytes).records[..] {
            [Record::End(end)] => Some(end.exit_code),
            _ => None,
        };
        assert_eq!(exit, expected, "{field:?}");
    }
}

#[test]
fn the_number_of_history_is_stripped_and_nothing_else() {
    for (printed, text) in [
        ("    1  ls\n", "ls"),
        ("12345* ls\n", "ls"),
        ("  9  echo 1  2\n", "echo 1  2"),
        ("  9  12 34\n", "12 34"),
        ("  9   leading\n", " leading"),
        ("  9  a\nb\n", "a\nb"),
        ("\t ls  -l\n", "ls  -l"),
    ] {
        assert_eq!(text_of(&take(&started("1", "t", printed)).records[0]), text.as_bytes(), "{printed:?}");
    }
}

#[test]
fn a_record_cut_anywhere_waits_for_its_rest() {
    let whole = [started("1", "x", "a\nb"), ended("1"), started("2", "x", "c")].concat();
    for cut in 0..whole.len() {
        let first = take(&whole[..cut]);
        assert_eq!(first.damaged, 0, "cut at {cut}");
        let second = take(&whole[first.used..]);
        assert_eq!(first.records.len() + second.records.len(), 3, "cut at {cut}");
        assert_eq!(second.damaged, 0);
    }
}

#[test]
fn after_a_short_write_the_next_record_is_found() {
    let first = started("1", "x", "lost");
    for cut in 1..first.len() - 1 {
        let bytes = [&first[..cut], &started("2", "x", "kept"), &ended("2")].concat();
        let taken = take(&bytes);
        let kept = taken
            .records
            .iter()
            .any(|record| matches!(record, Record::Start(start) if start.stamp == Stamp::Micros(2)));
        assert!(kept, "cut at {cut}: {taken:?}");
        assert_eq!(taken.used, bytes.len(), "cut at {cut}");
    }
}

#[test]
fn nuls_in_front_of_a_record_are_nothing() {
    for count in [1, 2, 5, 300_000] {
        let bytes = [vec![0; count], started("2", "x", "kept"), vec![0; count], ended("2")].concat();
        let taken = take(&bytes);
        assert_eq!((taken.records.len(), taken.damaged, taken.used), (2, 0, bytes.len()), "{count}");
        let taken = take(&vec![0; count]);
        assert_eq!((taken.records.len(), taken.damaged, taken.used), (0, 0, count - 1), "{count}");
    }
}

#[test]
fn what_bpd_writes_over_records_is_read_back() {
    for (how, late) in [("x", false), ("X", true), ("R", true), ("H", true), ("M", true), ("T", true)] {
        let bytes = started("1700000000000000", how, "make -j2");
        let [Record::Start(start)] = &take(&bytes).records[..] else { panic!("{how}") };
        assert_eq!(start.late, late, "{how}");
        let again = start.to_bytes();
        assert!(again.len() <= bytes.len(), "{how}");
        assert_eq!(take(&again).records, [Record::Start(start.clone())], "{how}");
        let text = Text::Kept(b"make".to_vec());
        let kept = StartRecord { text, late: false, ..start.clone() };
        assert_eq!(take(&kept.to_bytes()).records, [Record::Start(kept)]);
        let last = Some(Stamp::Uptime { hundredths: 8127, nth: Some(1) });
        for (times, stamp, text) in [
            (start.times, None, Some(b"make".to_vec())),
            (None, None, None),
            (None, last, Some(b"make".to_vec())),
            (None, last, None),
        ] {
            let kept = KeptRecord { shell: start.shell.clone(), times, stamp, text };
            assert_eq!(take(&kept.to_bytes()).records, [Record::Kept(kept)]);
        }
    }
}

#[test]
fn a_text_that_follows_names_its_start() {
    let pending = started("1700000000000000", "h", "+");
    let texts = [
        ("x", " make", Text::Typed(b" make".to_vec())),
        ("h", "", Text::Hidden),
        ("h", "+", Text::Hidden),
        ("r", "", Text::Repeat),
    ];
    for (how, text, expected) in texts {
        let late = format!("\x001T\0{SHELL}\x001700000000000000\0{how}\0{text}\0").into_bytes();
        let bytes = [&pending[..], &late, &ended("1700000000000000")].concat();
        let taken = take(&bytes);
        assert_eq!((taken.used, taken.unknown, taken.damaged), (bytes.len(), 0, 0), "{how}");
        let [Record::Start(start), Record::Text(late), Record::End(_)] = &taken.records[..] else {
            panic!("{taken:?}")
        };
        assert_eq!(start.text, Text::Pending);
        assert_eq!(take(&start.to_bytes()).records, [Record::Start(start.clone())]);
        assert_eq!((late.stamp, &late.shell), (start.stamp, &start.shell));
        assert_eq!(late.text, expected, "{how}");
    }
}

#[test]
fn another_version_is_counted_and_skipped() {
    let bytes = [b"\x002S\0what\0ever\0".to_vec(), started("2", "x", "kept")].concat();
    let taken = take(&bytes);
    assert_eq!((taken.records.len(), taken.unknown, taken.damaged), (1, 1, 0));
}

proptest::proptest! {
    #[test]
    fn no_bytes_are_a_reason_to_panic_or_to_stand_still(
        bytes in proptest::collection::vec(proptest::prop_oneof![
            proptest::strategy::Just(0_u8), proptest::strategy::Just(b'1'), proptest::strategy::Just(b'S'),
            proptest::prelude::any::<u8>(),
        ], 0..200)
    ) {
        let taken = take(&bytes);
        proptest::prop_assert!(taken.used <= bytes.len());
    }
}

#[test]
fn a_nested_prompt_names_its_line() {
    let bytes = format!("\x001N\0{SHELL}\x001700000000000000\0").into_bytes();
    let taken = take(&[&bytes[..], &started("1700000000000001", "x", "inner")].concat());
    let Record::Nested(nested) = &taken.records[0] else { panic!("{taken:?}") };
    assert_eq!((nested.stamp, nested.shell.name.as_str()), (Stamp::Micros(1_700_000_000_000_000), "bash"));
    assert_eq!((taken.records.len(), taken.damaged, taken.unknown), (2, 0, 0));
}

//! Runs, shown and listed, and the words that name them.

use super::*;

/// Of two seconds of `make`.
fn figures() -> Value {
    json!({
        "cpu_avg": 90.0,
        "cpu_p95": 90.0,
        "cpu_max": 90.0,
        "rss_avg_mb": 62.5,
        "rss_p95_mb": 100.0,
        "rss_max_mb": 100.0,
        "duration_s": 2.0,
        "cpu_seconds": 1.8,
        "user_seconds": 1.62,
        "system_seconds": 0.18,
        "background_cpu_seconds": null,
        "samples": 2,
        "quality": "exact",
        "peak_lower_bound": false,
        "incomplete": false,
        "max_processes": 2,
        "max_threads": 7,
        "wait_seconds": 0.25,
        "read_mb": 3.0,
        "written_mb": 0.5,
        "minor_faults": 1234,
        "major_faults": 0,
        "voluntary_switches": 56,
        "involuntary_switches": 7,
        "suspended_s": 0.0,
        "host_cpu_avg": 62.5,
        "pressure_cpu": 25.0,
        "pressure_memory": 0.0,
        "pressure_io": null,
    })
}

#[test]
fn a_run_is_shown_as_the_contract_has_it() {
    let mut room = Room::new();
    room.record(&Told { tags: &["a"], cpu_ms: 1800, ..MAKE });
    let shown = room.show("1");
    let run_stats = figures();
    let context = json!({
        "load_1m": 0.2,
        "host_cpu_percent": null,
        "memory_used_mb": null,
        "memory_total_mb": 8000.0,
        "cpus": 2,
        "pressure_cpu_avg10": null,
        "pressure_memory_avg10": null,
        "pressure_io_avg10": null,
    });
    assert_eq!(
        shown,
        json!({
            "id": 1,
            "uid": room.uid().to_string(),
            "parent": null,
            "command": "make",
            "command_truncated": null,
            "text_pending": false,
            "masked": [],
            "key": shown["key"],
            "key_text": "make (app)",
            "cwd": "/home/me/app",
            "project": "/home/me/app",
            "git": { "branch": "main", "commit": "3f2a91c03f2a91c03f2a91c03f2a91c03f2a91c0" },
            "host": "here",
            "shell": "zsh",
            "session": null,
            "actor": "human",
            "started_at": "2024-05-06T07:21:00.000Z",
            "finished_at": "2024-05-06T07:21:02.000Z",
            "state": "finished",
            "exit_code": 0,
            "signal": null,
            "background": false,
            "imported": false,
            "implausible": [],
            "tags": ["a"],
            "note": null,
            "run_stats": run_stats,
            "children": [],
            "rest": null,
            "comments": [{
                "rule": "cpu-avg-high",
                "level": "warning",
                "text": "Average CPU was 90 %, above 80 %, over 2 s (100 % is one core).",
                "params": { "cpu_avg": 90.0, "threshold": 80.0, "duration_s": 2.0 }
            }],
            "context": context,
        })
    );
    let turkish = room.queries.show("1", Some("tr-TR,tr;q=0.9"), room.now).unwrap();
    assert!(turkish.comments[0].text.starts_with("Ortalama CPU kullanımı %90"));
}

#[test]
fn lists_are_filtered_and_searched() {
    let mut room = Room::new();
    room.record(&MAKE);
    room.record(&Told { command: Some("cargo Test --all"), exit_code: 101, ms: 9000, ..MAKE });
    room.record(&Told { cwd: "/home/me/app/src", tags: &["slow"], mib: 900, ..MAKE });
    room.record(&Told { command: None, host: "there", branch: "fast", ..MAKE });
    room.record(&Told {
        cwd: "/home/me/application",
        actor: Actor::Agent("x".to_owned()),
        cpu_ms: 1900,
        ..MAKE
    });
    room.begin(&Told { command: Some("sleep 60"), ..MAKE });
    let hour = UnixMillis(BEGAN.0 + 180_000);

    for (q, wanted) in [
        ("", vec![6, 5, 4, 3, 2, 1]),
        ("MAKE", vec![5, 3, 1]),
        ("cargo test", vec![2]),
        ("\"cargo test\"", vec![2]),
        ("-make", vec![6, 4, 2]),
        ("exit:0", vec![5, 4, 3, 1]),
        ("exit:!0 state:finished", vec![2]),
        ("state:running", vec![6]),
        ("tag:slow", vec![3]),
        ("-tag:slow make", vec![5, 1]),
        ("cwd:/home/me/app", vec![6, 4, 3, 2, 1]),
        ("host:there", vec![4]),
        ("shell:zsh shell:!zsh", vec![]),
        ("actor:agent", vec![5]),
        ("actor:agent:x", vec![5]),
        ("git:fast", vec![4]),
        ("git:3f2a", vec![6, 5, 4, 3, 2, 1]),
        ("dur:>5s", vec![6, 2]),
        ("dur:<=2s", vec![5, 4, 3, 1]),
        ("cpu:>80", vec![5]),
        ("mem:>500mb", vec![3]),
        ("id:>=5", vec![6, 5]),
        ("since:150s", vec![6, 5, 4]),
        ("until:151s", vec![3, 2, 1]),
        ("since:150s until:89s", vec![5, 4]),
        ("on:150s..89s", vec![5, 4]),
        ("exit:!=0 state:finished", vec![2]),
        ("cmd:Make", vec![5, 3, 1]),
        ("-cmd:make cmd:\"cargo test\"", vec![2]),
        ("project:app", vec![6, 5, 4, 3, 2, 1]),
        ("project:/home/me/APP/", vec![6, 5, 4, 3, 2, 1]),
        ("project:ap", vec![]),
        ("branch:fast", vec![4]),
        ("branch:!main", vec![4]),
        ("commit:3f2", vec![6, 5, 4, 3, 2, 1]),
        ("tag:SLOW", vec![3]),
        ("imported:yes", vec![]),
        ("imported:no exit:101", vec![2]),
    ] {
        let query = ListQuery { q: Some(q.to_owned()), ..ListQuery::default() };
        // Half a minute after the last run began.
        let page = room.queries.list(&query, room.now.plus(Duration::from_secs(30))).unwrap();
        assert_eq!(page.runs.iter().map(|run| run.id).collect::<Vec<_>>(), wanted, "{q}");
    }
    let key = room.show("1")["key"].as_str().unwrap().to_owned();
    assert_eq!(room.search(&format!("key:{}", &key[..6])), [1]);
    let of = |query: ListQuery| room.list(&query);
    assert_eq!(of(ListQuery { key: Some(key), ..ListQuery::default() }), [1]);
    assert_eq!(of(ListQuery { cwd: Some("/home/me/app/src/".to_owned()), ..ListQuery::default() }), [3]);
    assert_eq!(of(ListQuery { state: Some(RunState::Running), ..ListQuery::default() }), [6]);
    assert_eq!(of(ListQuery { exit: Some(101), ..ListQuery::default() }), [2]);
    assert_eq!(of(ListQuery { tag: Some("slow".to_owned()), ..ListQuery::default() }), [3]);
    assert_eq!(of(ListQuery { since: Some(hour), ..ListQuery::default() }), [6, 5, 4, 3]);
    assert_eq!(of(ListQuery { until: Some(hour), ..ListQuery::default() }), [3, 2, 1]);
}

#[test]
fn turkish_letters_match_in_every_case() {
    let mut room = Room::new();
    for command in ["echo İstanbul", "echo ISPARTA ısparta", "echo ÇÖZÜLEMEDİ", "echo başka"] {
        room.record(&Told { command: Some(command), ..MAKE });
    }
    for (q, wanted) in [
        ("istanbul", vec![1]),
        ("ISTANBUL", vec![1]),
        ("İSTANBUL", vec![1]),
        ("ıstanbul", vec![1]),
        ("isparta", vec![2]),
        ("çözülemedi", vec![3]),
        ("cmd:Çözülemedı", vec![3]),
        ("-BAŞKA", vec![3, 2, 1]),
    ] {
        assert_eq!(room.search(q), wanted, "{q}");
    }
}

/// As many runs as a page used to look at, without what is looked for.
fn among_many(room: &mut Room, count: u64) {
    use bp_proto::{Draft, Start};
    for _ in 0..count {
        room.runs += 1;
        room.now = room.now.plus(Duration::from_secs(1));
        let draft = Draft { command: Some("ls".to_owned()), started_at: room.now, ..Draft::default() };
        let uid = room.uid();
        room.writer
            .begin(&Start { uid, draft, owner: None, under: None, parent: None, context: None })
            .unwrap();
        if room.runs.is_multiple_of(200) {
            room.writer.commit().unwrap();
        }
    }
    room.writer.commit().unwrap();
}

#[test]
fn what_stands_behind_many_newer_runs_is_found() {
    let mut room = Room::new();
    room.record(&Told { tags: &["old"], ..MAKE });
    room.record(&Told { tags: &["old"], ..MAKE });
    among_many(&mut room, 20_100);
    let list = |query: &ListQuery| room.queries.list(query, room.now).unwrap();
    let page = list(&ListQuery { q: Some("tag:old".to_owned()), ..ListQuery::default() });
    assert_eq!((page.runs.iter().map(|run| run.id).collect::<Vec<_>>(), page.next), (vec![2, 1], None));
    // A page is full, or it is the last.
    let page = list(&ListQuery { q: Some("tag:old".to_owned()), limit: Some(1), ..ListQuery::default() });
    assert_eq!((page.runs[0].id, page.next.is_some()), (2, true));
    let page = list(&ListQuery {
        before: page.next,
        q: Some("tag:old".to_owned()),
        limit: Some(1),
        ..ListQuery::default()
    });
    assert_eq!((page.runs[0].id, page.next), (1, None));
    for q in ["on:2024-05-05..2024-05-07 make", "since:2024-05-06 until:2024-05-06T07:22:00Z"] {
        assert_eq!(room.search(q), [2, 1], "{q}");
    }
    for (selector, id) in
        [("@old", 2), ("latest{tag:old}~1", 1), ("latest-success", 2), ("slowest{make}~1", 1)]
    {
        assert_eq!(room.named(selector), Ok(id), "{selector}");
    }
    assert_eq!(room.search("tag:none"), Vec::<u64>::new());
    assert_eq!(room.named("latest{tag:none}"), Err((404, "run_not_found".to_owned())));
}

#[test]
fn pages_follow_each_other_without_gap_or_repetition() {
    let mut room = Room::new();
    for _ in 0..7 {
        room.record(&Told { ms: 500, ..MAKE });
    }
    for q in ["", "make exit:0"] {
        let mut query = ListQuery { limit: Some(3), q: Some(q.to_owned()), ..ListQuery::default() };
        let mut seen = Vec::new();
        loop {
            let page = room.queries.list(&query, room.now).unwrap();
            seen.push(page.runs.iter().map(|run| run.id).collect::<Vec<_>>());
            query.before = page.next;
            if query.before.is_none() {
                break;
            }
        }
        assert_eq!(seen, [vec![7, 6, 5], vec![4, 3, 2], vec![1]]);
    }
}

#[test]
fn a_question_that_cannot_be_understood_is_refused_and_says_why() {
    let room = Room::new();
    let refused = |query: ListQuery| room.queries.list(&query, room.now).unwrap_err();
    for (query, part) in [
        (ListQuery { limit: Some(0), ..ListQuery::default() }, "`limit` is 0"),
        (ListQuery { limit: Some(501), ..ListQuery::default() }, "`limit` is 501"),
        (ListQuery { before: Some("x".to_owned()), ..ListQuery::default() }, "not a cursor"),
        (ListQuery { q: Some("colour:red".to_owned()), ..ListQuery::default() }, "`colour`"),
        (ListQuery { cwd: Some(".".to_owned()), ..ListQuery::default() }, "absolute"),
    ] {
        let no = refused(query);
        assert_eq!((no.status, no.failure.error.code.as_str()), (422, "invalid_query"));
        assert!(no.failure.error.message.contains(part), "{}", no.failure.error.message);
    }
    assert_eq!(room.list(&ListQuery::default()), Vec::<u64>::new());
}

#[test]
fn every_selector_names_its_run() {
    let mut room = Room::new();
    let first = Told { ms: 3000, tags: &["base"], ..MAKE };
    room.record(&first);
    room.record(&Told { exit_code: 2, ms: 100, ..MAKE });
    room.record(&Told { ms: 1000, ..MAKE });
    room.record(&Told { command: Some("ls"), ms: 20, ..MAKE });
    room.begin(&Told { command: Some("sleep 60"), ..MAKE });
    let uid = room.show("3")["uid"].as_str().unwrap().to_owned();

    for (selector, id) in [
        ("2", 2),
        ("latest", 5),
        ("latest~", 4),
        ("latest~2", 3),
        ("latest-success", 4),
        ("latest-success~1", 3),
        ("latest-failed", 2),
        ("running", 5),
        ("slowest", 1),
        ("slowest~1", 3),
        ("fastest", 4),
        ("median", 3),
        ("@base", 1),
        ("latest{make exit:0}", 3),
        ("latest{make exit:0}~1", 1),
        ("slowest{make}", 1),
        ("fastest{make}", 3),
        ("fastest{make}~1", 1),
        ("median{make}", 1),
        ("median{ls}", 4),
        ("latest-success{make}", 3),
        ("latest-failed{make}", 2),
        ("running{sleep}", 5),
        ("3~2", 1),
        (uid.as_str(), 3),
        (uid.to_lowercase().as_str(), 3),
    ] {
        assert_eq!(room.named(selector), Ok(id), "{selector}");
    }
    for nothing in ["99", "latest~9", "@none", "latest{nothing}", "7ZZZ", "not-a-selector", "1~1", ""] {
        assert_eq!(room.named(nothing), Err((404, "run_not_found".to_owned())), "{nothing}");
    }
    assert_eq!(room.named(&uid[..4]), Err((409, "ambiguous_run".to_owned())));
    assert_eq!(room.named("latest{x:y}"), Err((422, "invalid_query".to_owned())));

    let hint = room.queries.show("99", None, room.now).unwrap_err().failure.error.hint.unwrap();
    assert_eq!(hint, "the newest runs: 5 (sleep 60), 4 (ls), 3 (make)");
}

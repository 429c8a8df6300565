//! A run against another.

use super::*;

#[test]
fn a_baseline_is_of_the_same_command_before_the_run_and_never_the_run_itself() {
    let mut room = Room::new();
    room.record(&MAKE);
    room.record(&Told { exit_code: 1, ..MAKE });
    room.record(&Told { command: Some("ls"), ..MAKE });
    room.record(&MAKE);
    room.record(&MAKE);
    let against = |baseline: &str| room.compare("4", baseline).map(|found| found["baseline"]["id"].clone());

    assert_eq!(against("latest-success"), Ok(json!(1)));
    assert_eq!(against("latest"), Ok(json!(2)));
    assert_eq!(against("latest-failed"), Ok(json!(2)));
    assert_eq!(against("slowest"), Ok(json!(1)));
    assert_eq!(against("3"), Ok(json!(3)));
    // The one that started later is judged, whatever the order.
    assert_eq!(against("5"), Ok(json!(4)));
    let swapped = room.compare("4", "5").unwrap();
    assert_eq!((&swapped["current"]["id"], &swapped["swapped"]), (&json!(5), &json!(true)));
    assert_eq!(room.compare("5", "4").unwrap()["swapped"], false);
    assert_eq!(room.compare("1", "latest").unwrap()["baseline"]["id"], 1, "OLD NEW");
    assert_eq!(against("4").unwrap_err().0, 404);
    let (status, hint) = room.compare("1", "latest-success").unwrap_err();
    assert_eq!(status, 404);
    assert!(hint.starts_with("no other run of “") && hint.contains("run it once more"), "{hint}");
}

#[test]
fn a_comparison_is_the_document_of_the_contract() {
    let mut room = Room::new();
    for ms in [2000, 2040, 1960, 2020, 1980, 2010, 1990, 2030, 1970, 2000, 2000] {
        room.record(&Told { ms, ..MAKE });
    }
    let slow = room.record(&Told { ms: 4000, cpu_ms: 2900, branch: "slow", ..MAKE });
    let found = room.compare(&slow.to_string(), "latest-success").unwrap();

    assert_eq!(found["verdict"], "slower");
    assert_eq!(found["align"], "time");
    assert_eq!(found["reasons"], json!(["more-cpu-work"]));
    assert_eq!(found["differs"], json!([{ "what": "branch", "current": "slow", "baseline": "main" }]));
    let duration = &found["metrics"]["duration_s"];
    assert_eq!(
        *duration,
        json!({ "current": 4.0, "baseline": 2.0, "delta": 2.0, "change": 1.0, "verdict": "slower", "usual": duration["usual"] })
    );
    let usual = |name: &str| duration["usual"][name].as_f64().unwrap();
    assert!(1.9 < usual("low") && usual("low") < usual("median") && usual("median") < usual("high"));
    let names: Vec<_> = found["metrics"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "cpu_avg",
            "cpu_max",
            "cpu_p95",
            "cpu_seconds",
            "duration_s",
            "host_cpu_avg",
            "involuntary_switches",
            "major_faults",
            "max_threads",
            "minor_faults",
            "pressure_cpu",
            "pressure_memory",
            "read_mb",
            "rss_avg_mb",
            "rss_max_mb",
            "rss_p95_mb",
            "system_seconds",
            "user_seconds",
            "voluntary_switches",
            "wait_seconds",
            "written_mb"
        ]
    );
    assert_eq!(rules(&found["comments"]), ["verdict", "more-cpu-work"]);
    assert_eq!(found["comments"][0]["text"], "Slower: 4 s against 2 s (+100 %).");
    assert_eq!(found["comments"][0]["level"], "warning");
    assert_eq!(rules(&found["current"]["comments"]), ["slower"]);
    let x = found["series"]["x"].as_array().unwrap();
    for side in ["current", "baseline"] {
        for line in ["cpu_percent", "rss_mb"] {
            assert_eq!(found["series"][side][line].as_array().unwrap().len(), x.len());
        }
    }
    assert!(found["series"]["baseline"]["cpu_percent"].as_array().unwrap().last().unwrap().is_null());

    for align in [Align::Time, Align::Percent, Align::Work] {
        let query = CompareQuery {
            current: slow.to_string(),
            align: Some(align),
            lang: Some("tr".to_owned()),
            ..CompareQuery::default()
        };
        let found = room.queries.compare(&query, room.now).unwrap();
        assert_eq!((found.align, found.verdict), (align, Verdict::Slower));
        assert_eq!(found.comments[0].text, "Daha yavaş: 2 sn yerine 4 sn (+%100).");
    }
}

#[test]
fn two_runs_alone_are_compared_roughly_and_unlike_ones_not_at_all() {
    let mut room = Room::new();
    room.record(&MAKE);
    room.record(&Told { ms: 2100, ..MAKE });
    room.record(&Told { exit_code: 1, ..MAKE });
    room.record(&Told { command: Some("ls"), ..MAKE });
    let rough = room.compare("2", "latest-success").unwrap();
    assert_eq!((&rough["verdict"], &rough["reasons"]), (&json!("unclear"), &json!(["too-small", "rough"])));
    assert_eq!(rough["metrics"]["duration_s"]["usual"], Value::Null);

    let failed = room.compare("3", "1").unwrap();
    assert_eq!((&failed["verdict"], &failed["reasons"]), (&json!("not_comparable"), &json!(["exit-code"])));
    let other = room.compare("4", "1").unwrap();
    assert_eq!(other["reasons"], json!(["args"]));
    assert_eq!(other["metrics"]["duration_s"]["delta"], 0.0);
}

#[test]
fn people_agents_and_ci_are_each_measured_among_themselves() {
    let mut room = Room::new();
    let by = |actor: Actor, ms: u64| Told { actor, ms, cpu_ms: ms / 2, ..MAKE };
    let agent = |name: &str| Actor::Agent(name.to_owned());
    for n in 0..10 {
        room.record(&by(Actor::Human, 2000 + n % 3));
        room.record(&by(agent("x"), 8000 + n % 3));
        room.record(&by(Actor::Ci, 20_000 + n % 3));
    }
    // What is usual for the one is slow for the other.
    let human = room.record(&by(Actor::Human, 8000));
    let y = room.record(&by(agent("y"), 8000));
    let ci = room.record(&by(Actor::Ci, 20_000));
    for (run, baseline, is_slower) in [(human, 28, true), (y, 29, false), (ci, 30, false)] {
        for selector in ["latest-success", "latest"] {
            let compared = room.compare(&run.to_string(), selector).unwrap();
            assert_eq!(compared["baseline"]["id"], baseline, "{run} against {selector}");
            assert_eq!(compared["verdict"] == "slower", is_slower, "{run}: {}", compared["verdict"]);
        }
        let comments = room.show(&run.to_string());
        let slow = rules(&comments["comments"]).contains(&"slower");
        assert_eq!(slow, is_slower, "{run}: {:?}", rules(&comments["comments"]));
    }
    assert_eq!(room.compare(&ci.to_string(), "fastest").unwrap()["metrics"]["duration_s"]["baseline"], 20.0);
    // Whoever names another one means it.
    for selector in ["latest{actor:human}", "31", "@none", "latest{actor:agent}~1"] {
        let compared = room.compare(&ci.to_string(), selector);
        assert_eq!(compared.is_ok(), selector != "@none", "{selector}");
    }
    let first = room.record(&Told { actor: Actor::Ci, command: Some("make first"), ..MAKE });
    let alone = room.record(&Told { command: Some("make first"), ..MAKE });
    assert!(room.compare(&alone.to_string(), "latest-success").unwrap_err().1.contains(&first.to_string()));
}

#[test]
fn lists_and_searches_are_of_one_actor_when_asked() {
    let mut room = Room::new();
    for actor in [Actor::Human, Actor::Ci, Actor::Agent("x".to_owned()), Actor::Agent("y".to_owned())] {
        room.record(&Told { actor, ..MAKE });
    }
    for (actor, ids) in
        [("human", &[1][..]), ("ci", &[2]), ("agent", &[4, 3]), ("agent:x", &[3]), ("agent:z", &[])]
    {
        let query = ListQuery { actor: Some(actor.to_owned()), ..ListQuery::default() };
        assert_eq!(room.list(&query), ids, "{actor}");
        assert_eq!(room.search(&format!("actor:{actor}")), ids, "{actor}");
    }
    assert_eq!(room.search("-actor:agent"), [2, 1]);
    assert_eq!(room.named("latest{actor:agent}"), Ok(4));
    let wrong = ListQuery { actor: Some("robot".to_owned()), ..ListQuery::default() };
    assert_eq!(room.queries.list(&wrong, room.now).unwrap_err().status, 422);
}

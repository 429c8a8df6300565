//! Samples, comments, alerts, bpd's own cost and its status.

use super::*;

#[test]
fn samples_are_given_whole_thinned_or_by_window() {
    let mut room = Room::new();
    room.record(&Told { ms: 11_000, cpu_ms: 11_000, ..MAKE });
    let started = (BEGAN.0 + 60_000) as f64 / 1000.0;
    let ask = |query: SamplesQuery| room.queries.samples("1", &query, room.now);
    let seconds = |query| ask(query).unwrap().iter().map(|point| point.ts - started).collect::<Vec<_>>();

    let whole = ask(SamplesQuery::default()).unwrap();
    assert_eq!(whole.len(), 11);
    assert_eq!(
        serde_json::to_value(&whole[10]).unwrap(),
        json!({ "ts": started + 11.0, "cpu_percent": 100.0, "rss_mb": 100.0, "processes": 2 })
    );
    let thinned = SamplesQuery { downsample: Some(true), ..SamplesQuery::default() };
    assert_eq!(seconds(thinned.clone()), [1.0, 6.0, 11.0]);
    assert_eq!(seconds(SamplesQuery { step: Some(4), ..thinned.clone() }), [1.0, 5.0, 9.0]);
    assert_eq!(seconds(SamplesQuery { step: Some(4), ..SamplesQuery::default() }).len(), 11);
    assert_eq!(
        seconds(SamplesQuery {
            from: Some(started + 9.0),
            to: Some(started + 10.0),
            ..SamplesQuery::default()
        }),
        [9.0, 10.0]
    );
    let few = seconds(SamplesQuery { max_points: Some(6), ..SamplesQuery::default() });
    assert!(few.len() <= 6 && few.first() == Some(&1.0) && few.last() == Some(&11.0));
    for refused in [
        SamplesQuery { step: Some(0), ..thinned },
        SamplesQuery { max_points: Some(0), ..SamplesQuery::default() },
    ] {
        assert_eq!(ask(refused).unwrap_err().status, 422);
    }
}

#[test]
fn posted_samples_come_back_as_they_were_sent() {
    let mut room = Room::new();
    let uid = room.begin(&MAKE);
    let posted: Vec<Point> = [(1_714_980_000.0, 12.4, 230.5), (1_714_980_001.25, 87.6, 240.0)]
        .map(|(ts, cpu_percent, rss_mb)| Point { ts, cpu_percent, rss_mb, ..Point::default() })
        .into();
    room.writer.points(uid, &posted).unwrap();
    room.writer.commit().unwrap();
    assert_eq!(room.queries.samples("1", &SamplesQuery::default(), room.now).unwrap(), posted);
    let stats = &room.show("1")["run_stats"];
    assert_eq!((&stats["cpu_avg"], &stats["cpu_max"]), (&json!(50.0), &json!(87.6)));
}

#[test]
fn an_open_run_is_known_so_far() {
    let mut room = Room::new();
    let uid = room.begin(&MAKE);
    assert_eq!(room.show("1")["run_stats"], Value::Null);
    let sample =
        Sample { at_ms: 4000, cpu_ns: 1_000_000_000, rss_bytes: 8 << 20, processes: 1, ..Sample::default() };
    room.writer.sample(uid, sample).unwrap();
    let later = room.now.plus(Duration::from_secs(5));
    let run = room.queries.show("1", None, later).unwrap();
    let stats = run.run_stats.unwrap();
    assert_eq!((stats.duration_s, stats.cpu_avg, stats.samples), (Some(5.0), Some(25.0), 1));

    // What was derived before does not outlive a change.
    room.end(uid, &MAKE, Ending::Exited { exit_code: Some(0), signal: None });
    assert_eq!(room.show("1")["run_stats"]["duration_s"], 2.0);
    let edit = Edit { tags: Some(vec!["x".to_owned()]), note: None };
    room.writer.edit(uid, &edit).unwrap();
    room.writer.commit().unwrap();
    assert_eq!(room.show("@x")["id"], 1);
    room.writer.delete(uid).unwrap();
    room.writer.commit().unwrap();
    assert_eq!(room.named("1"), Err((404, "run_not_found".to_owned())));
}

#[test]
fn history_makes_comments_and_lost_runs_are_said_to_be_lost() {
    let mut room = Room::new();
    for n in 0..12 {
        room.record(&Told { ms: 2000 + n % 3 * 20, ..MAKE });
    }
    // Failures, other hosts and agents are no measure for what a person runs here.
    for _ in 0..12 {
        room.record(&Told { ms: 9000, exit_code: 1, ..MAKE });
        room.record(&Told { ms: 9000, host: "there", ..MAKE });
        room.record(&Told { ms: 9000, actor: Actor::Agent("x".to_owned()), ..MAKE });
    }
    let slow = room.record(&Told { ms: 3000, ..MAKE });
    let fast = room.record(&Told { ms: 1000, cpu_ms: 500, ..MAKE });
    let large = room.record(&Told { mib: 600, ..MAKE });
    let huge = room.record(&Told { mib: 5000, ..MAKE });
    let short = room.record(&Told { command: Some("true"), ms: 3, ..MAKE });
    let lost = room.begin(&MAKE);
    room.end(lost, &MAKE, Ending::Lost);
    for (id, rule) in [
        (slow, "slower"),
        (fast, "faster"),
        (large, "mem-peak-high"),
        (huge, "mem-peak-high"),
        (short, "short-run-no-curve"),
        (room.runs, "lost"),
    ] {
        assert_eq!(rules(&room.show(&id.to_string())["comments"]), [rule]);
    }
    let listed = room.queries.list(&ListQuery::default(), room.now).unwrap();
    assert_eq!(listed.runs[0].comments[0].rule, "lost");
    assert_eq!(room.show(&slow.to_string())["comments"][0]["params"]["runs"], 13);
}

#[test]
fn alerts_are_told_in_the_language_asked_for() {
    let mut room = Room::new();
    room.record(&MAKE);
    let alert = AlertReport {
        uid: Ulid::from_parts(7, 7),
        rule: "cpu-high".to_owned(),
        level: Level::Warning,
        run: Some(1),
        actor: None,
        command: Some("make".to_owned()),
        line: None,
        project: None,
        fired_at: room.now,
        ended_at: None,
        peak: 93.0,
        threshold: 80.0,
        above_s: 12.0,
        delivery: None,
        text: String::new(),
    };
    room.writer.alert(&alert).unwrap();
    room.writer.commit().unwrap();
    let text = |lang: Option<&str>| {
        let query = AlertsQuery { lang: lang.map(str::to_owned), ..AlertsQuery::default() };
        room.queries.alerts(&query).unwrap()[0].text.clone()
    };
    assert_eq!(text(None), "make in app has used up to 93 % CPU for 12 s (threshold 80 %).");
    assert_eq!(text(Some("tr")), "make (app), 12 sn süredir yüksek CPU kullanıyor: en çok %93 (eşik %80).");
}

#[test]
fn alerts_are_of_one_actor_when_asked_however_many_of_others_lie_before() {
    let mut room = Room::new();
    let agent = |name: &str| Actor::Agent(name.to_owned());
    for actor in [Actor::Human, Actor::Ci, agent("x"), agent("y"), Actor::Human] {
        room.record(&Told { actor, ..MAKE });
    }
    let alert = |n: u64, run: Option<u64>| AlertReport {
        uid: Ulid::from_parts(n, 7),
        rule: "cpu-high".to_owned(),
        level: Level::Warning,
        run,
        actor: None,
        command: Some("make".to_owned()),
        line: None,
        project: None,
        fired_at: UnixMillis(BEGAN.0 + n as i64),
        ended_at: None,
        peak: 93.0,
        threshold: 80.0,
        above_s: 12.0,
        delivery: None,
        text: String::new(),
    };
    for run in 2..=4 {
        room.writer.alert(&alert(run, Some(run))).unwrap();
    }
    // More than are read at a time.
    for n in 0..600 {
        room.writer.alert(&alert(10 + n, Some(1))).unwrap();
    }
    room.writer.alert(&alert(1000, Some(5))).unwrap();
    room.writer.alert(&alert(1001, None)).unwrap();
    room.writer.commit().unwrap();
    room.writer.delete(room.queries.reader().get(5).unwrap().unwrap().uid).unwrap();
    room.writer.commit().unwrap();

    let told = |actor: &str, limit: u32| {
        let actor = (!actor.is_empty()).then(|| actor.to_owned());
        let query = AlertsQuery { limit: Some(limit), actor, lang: None };
        let alerts = room.queries.alerts(&query).unwrap();
        alerts.iter().map(|alert| (alert.run, alert.actor.clone())).collect::<Vec<_>>()
    };
    assert_eq!(told("ci", 50), [(Some(2), Some(Actor::Ci))]);
    assert_eq!(told("agent", 50), [(Some(4), Some(agent("y"))), (Some(3), Some(agent("x")))]);
    assert_eq!(told("agent", 1), [(Some(4), Some(agent("y")))]);
    assert_eq!(told("agent:x", 50), [(Some(3), Some(agent("x")))]);
    assert_eq!(told("agent:z", 50), []);
    assert_eq!(told("human", 500), vec![(Some(1), Some(Actor::Human)); 500]);
    // Without a filter also what is about no run, or about one that is gone.
    assert_eq!(told("", 3), [(None, None), (None, None), (Some(1), Some(Actor::Human))]);

    for query in [
        AlertsQuery { actor: Some("robot".to_owned()), ..AlertsQuery::default() },
        AlertsQuery { limit: Some(0), ..AlertsQuery::default() },
        AlertsQuery { limit: Some(501), ..AlertsQuery::default() },
    ] {
        let refused = room.queries.alerts(&query).unwrap_err();
        assert_eq!(
            (refused.status, refused.failure.error.code.as_str()),
            (422, "invalid_query"),
            "{query:?}"
        );
    }
}

#[test]
fn a_refusal_is_told_in_the_language_asked_for_and_its_code_is_not() {
    let mut room = Room::new();
    room.record(&MAKE);
    let told = |no: bpd::queries::NoAnswer| {
        let error = no.failure.error;
        assert!(error.code.is_ascii(), "{error:?}");
        (error.message, error.hint.unwrap())
    };
    let show =
        |selector: &str, lang: &str| told(room.queries.show(selector, Some(lang), room.now).unwrap_err());
    let pair = |message: &str, hint: &str| (message.to_owned(), hint.to_owned());
    assert_eq!(show("99", "en"), pair("there is no run 99", "the newest runs: 1 (make)"));
    assert_eq!(show("99", "tr"), pair("böyle bir çalıştırma yok: 99", "en yeni çalıştırmalar: 1 (make)"));
    assert!(show("a b", "en").1.contains("'slowest{SEARCH}'"), "{:?}", show("a b", "en"));
    assert!(show("a b", "tr").1.contains("'slowest{ARAMA}'"), "{:?}", show("a b", "tr"));
    let list = |q: &str, lang: &str| {
        let query = ListQuery { q: Some(q.to_owned()), lang: Some(lang.to_owned()), ..ListQuery::default() };
        told(room.queries.list(&query, room.now).unwrap_err())
    };
    assert_eq!(
        list("dur:>x", "tr"),
        pair("Aramanın 5. karakterinde, `dur:>x` içinde: dur alanına bir süre gerekir", "Örneğin 'dur:>5s'")
    );
    assert_eq!(
        list("state:x", "en").0,
        "In `state:x`, at character 7 of the search: state wants running, stopped, background, finished, left or lost"
    );
    let compare = |lang: &str| {
        let query = CompareQuery { current: "1".into(), lang: Some(lang.into()), ..CompareQuery::default() };
        told(room.queries.compare(&query, room.now).unwrap_err())
    };
    assert_eq!(compare("en").0, "there is no latest-success of this command before run 1");
    assert_eq!(compare("tr").0, "bu komutun 1 numaralı çalıştırmasından önce latest-success yok");
    let alerts = AlertsQuery { limit: Some(0), lang: Some("tr".into()), ..AlertsQuery::default() };
    let told = told(room.queries.alerts(&alerts).unwrap_err());
    assert_eq!(told.0, "`limit` 0; 1 ile 500 arasında olabilir");
}

#[test]
fn overhead_sets_bpds_cost_beside_that_of_the_commands() {
    let mut room = Room::new();
    room.record(&MAKE);
    room.record(&Told { cpu_ms: 3000, ..MAKE });
    let began = BEGAN.minus(Duration::from_secs(3600));
    room.writer.own_cost(OwnCost { at: BEGAN, cpu_ns: 500_000_000, process_began: began }).unwrap();
    room.writer.commit().unwrap();
    room.import(&MAKE);
    let own = Own { cpu_ns: 250_000_000, rss_bytes: 6 << 20, began: BEGAN };
    let found = room.queries.overhead(own, room.now).unwrap();
    assert_eq!(
        (found.cpu_seconds, found.commands_cpu_seconds, found.runs, found.rss_mb),
        (0.75, 4.0, 2, 6.0)
    );
    assert!(found.disk_bytes > 0);
    assert_eq!(found.uptime_s.round() as u64, 180);

    let a_month_later = room.now.plus(Duration::from_secs(30 * 86_400));
    let found = room.queries.overhead(own, a_month_later).unwrap();
    assert_eq!((found.commands_cpu_seconds, found.runs), (0.0, 0));
}

#[test]
fn status_says_where_bpd_is_and_what_it_holds() {
    let mut room = Room::new();
    room.record(&MAKE);
    room.begin(&MAKE);
    let status = serde_json::to_value(room.queries.status(room.now)).unwrap();
    assert_eq!(status["pid"], std::process::id());
    assert_eq!(
        (&status["runs"], &status["running"], &status["uptime_s"]),
        (&json!(2), &json!(1), &json!(120.0))
    );
    assert_eq!(status["http"]["address"], "127.0.0.1:7717");
    assert_eq!(status["degraded"], json!([]));
}

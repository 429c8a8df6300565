//! The reading and changing verbs in a pipe, against the real bpd.

use std::fs;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use bp_proto::Run;

use crate::served::Served;
use crate::shells::Home;

fn bpctl(home: &Home, words: &[&str]) -> Output {
    let mut command = home.environment(Command::new(env!("CARGO_BIN_EXE_bpctl")));
    command
        .args(words)
        .current_dir(home.work())
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn what_bpd_refuses_is_said_in_the_readers_language() {
    let home = Home::new();
    let _bpd = Served::start(&home);
    for (words, en, tr) in [
        (&["show", "77"][..], "there is no run 77", "böyle bir çalıştırma yok: 77"),
        (&["tag", "77", "x"], "there is no run 77", "böyle bir çalıştırma yok: 77"),
        (&["rm", "--yes", "77"], "nothing is recorded yet", "henüz hiçbir şey kaydedilmedi"),
        (
            &["list", "colour:red"],
            "Unknown field `colour` at character 1 of the search",
            "bilinmeyen alan: `colour`",
        ),
        (&["watch", "--once", "--actor", "robot"], "it is human, ci", "human, ci, agent ya da agent:AD"),
        (&["alerts", "--actor", "robot"], "`actor` is no actor", "`actor` bilinmiyor: \"robot\""),
    ] {
        for (lang, said) in [("en", en), ("tr", tr)] {
            let output = bpctl(&home, &[&["--lang", lang], words].concat());
            let stderr = String::from_utf8(output.stderr).unwrap();
            assert!(stderr.contains(said), "{words:?} {lang}: {stderr}");
        }
    }
}

#[test]
fn every_verb_says_by_its_exit_code_what_went_wrong() {
    let home = Home::new();
    for verb in [&["list"][..], &["show"], &["compare", "1"], &["status", "--json"], &["tag", "1", "x"]] {
        assert_eq!(bpctl(&home, verb).status.code(), Some(5), "{verb:?} without bpd");
    }
    assert_eq!(bpctl(&home, &["doctor"]).status.code(), Some(1));

    let _bpd = Served::start(&home);
    assert_eq!(text(&bpctl(&home, &["list", "--json"])), "[]\n");
    assert!(text(&bpctl(&home, &["list"])).starts_with("No runs yet."));
    assert_eq!(text(&bpctl(&home, &["list", "--plain"])).lines().count(), 1, "the header");
    assert_eq!(text(&bpctl(&home, &["watch", "--json"])), "[]\n");
    assert_eq!(text(&bpctl(&home, &["watch"])), "Nothing is running.\n");
    for (words, code) in [
        (&["show", "77"][..], 4),
        (&["show", "-"], 4),
        (&["show", "."], 4),
        (&["show", "no such thing"], 4),
        (&["list", "colour:red"], 2),
        (&["list", "-n", "0"], 2),
        (&["nonsense"], 2),
        (&["config", "check", "nowhere.toml"], 2),
        (&["run", "--tag", "a,b", "--", "true"], 2),
    ] {
        let output = bpctl(&home, words);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{words:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{words:?}");
    }
}

#[test]
fn a_run_that_is_really_slower_breaks_a_gate_whatever_a_short_wait_may_explain() {
    let home = Home::new();
    let _bpd = Served::start(&home);
    let script = home.path().join("job");
    let job = |seconds: &str| {
        fs::write(&script, format!("sleep {seconds}\n")).unwrap();
        text(&bpctl(&home, &["run", "--", "sh", script.to_str().unwrap()]));
    };
    for _ in 0..5 {
        job("0.1");
    }
    let gate = |run: &str| bpctl(&home, &["compare", run, "--fail-on", "slower"]);
    let same = gate("5");
    assert_eq!(same.status.code(), Some(0), "{same:?}");
    // 500 ms more; what it waited for a CPU meanwhile is no cause of them.
    job("0.6");
    for (lang, verdict) in [("en", "SLOWER"), ("tr", "DAHA YAVAŞ")] {
        let slower = bpctl(&home, &["--lang", lang, "compare", "6", "--fail-on", "slower"]);
        let said = String::from_utf8_lossy(&slower.stdout);
        assert_eq!(slower.status.code(), Some(3), "{said}");
        assert!(said.starts_with(verdict), "{said}");
    }
    let json: serde_json::Value =
        serde_json::from_slice(&bpctl(&home, &["compare", "6", "--json"]).stdout).unwrap();
    assert_eq!(json["verdict"], "slower", "{json}");
}

#[test]
fn a_run_is_listed_shown_compared_changed_and_removed() {
    let home = Home::new();
    let _bpd = Served::start(&home);
    for _ in 0..2 {
        assert!(bpctl(&home, &["run", "--", "printf", "\u{1b}[31m"]).status.success());
    }
    let list = text(&bpctl(&home, &["list", "--plain"]));
    assert!(list.starts_with("id\tstate\texit_code\tstarted_at\t"), "{list}");
    let first: Vec<&str> = list.lines().nth(1).unwrap().split('\t').collect();
    assert_eq!((first[0], first[1], first[2], first[8]), ("2", "finished", "0", "printf '\\e[31m'"));

    let shown: Run = serde_json::from_str(&text(&bpctl(&home, &["show", "2", "--json"]))).unwrap();
    assert_eq!((shown.id, shown.exit_code), (2, Some(0)));
    assert!(text(&bpctl(&home, &["show", "-"])).starts_with("Run 2 · "), "`-` is the run shown last");
    assert!(
        text(&bpctl(&home, &["compare", "2", "latest-success", "--plain"])).starts_with("metric\tcurrent\t")
    );

    assert_eq!(text(&bpctl(&home, &["tag", "1", "slow", "x", "-x"])), "run 1: slow\n");
    assert!(text(&bpctl(&home, &["show", "@slow", "--plain"])).contains("\nid\t1\n"));
    assert_eq!(bpctl(&home, &["tag", "1", "a,b"]).status.code(), Some(2));
    assert_eq!(text(&bpctl(&home, &["--lang", "tr", "note", "1", "sebep"])), "çalıştırma 1: sebep\n");
    assert_eq!(text(&bpctl(&home, &["rm", "--yes", "1"])), "run 1 is gone\n");
    assert_eq!(bpctl(&home, &["show", "1"]).status.code(), Some(4));
}

#[test]
fn what_goes_wrong_is_said_in_the_language() {
    let home = Home::new();
    for (words, said) in [
        (&["--lang", "tr", "list"][..], "yanıt vermiyor; başlatmak için: `bpctl daemon start`"),
        (&["--lang", "en", "list"], "bpd does not answer at"),
        (&["--lang", "tr", "daemon", "logs"], "henüz günlük yok"),
    ] {
        let output = bpctl(&home, words);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && error.contains(said), "{words:?}: {error}");
    }
}

#[test]
fn what_a_run_did_and_what_the_machine_did_meanwhile_is_shown() {
    let home = Home::new();
    let _bpd = Served::start(&home);
    let line = "dd if=/dev/zero of=file bs=64k count=32 conv=fsync 2>/dev/null; until [ -e go ]; do sleep 0.05; done";
    let run = std::thread::scope(|scope| {
        let wrapper = scope.spawn(|| bpctl(&home, &["run", "--quiet", "-c", line]));
        // Long enough for two readings of the machine.
        newest(&home, |run| run.run_stats.as_ref().is_some_and(|stats| stats.samples >= 12));
        std::fs::write(home.work().join("go"), "").unwrap();
        text(&wrapper.join().unwrap());
        newest(&home, |run| run.finished_at.is_some())
    });
    let stats = run.run_stats.unwrap();
    assert!(stats.minor_faults.unwrap() > 50 && stats.voluntary_switches.unwrap() > 1, "{stats:?}");
    assert!(stats.written_mb.is_none_or(|written| written < 64.0), "{stats:?}");
    assert!((0.0..=100.0).contains(&stats.host_cpu_avg.unwrap()), "{stats:?}");
    let has_pressure = std::fs::read_to_string("/proc/pressure/cpu").is_ok();
    for share in [stats.pressure_cpu, stats.pressure_memory, stats.pressure_io] {
        assert_eq!(share.is_some(), has_pressure, "{stats:?}");
    }
    let context = run.context.unwrap();
    assert_eq!(context.pressure_cpu_avg10.is_some(), has_pressure, "{context:?}");
    // What is unknown has its name and nothing behind it.
    let shown = text(&bpctl(&home, &["show", "latest", "--plain"]));
    let faults = format!("run_stats.minor_faults\t{}\n", stats.minor_faults.unwrap());
    assert!(shown.contains(&faults) && shown.contains("run_stats.host_cpu_avg\t"), "{shown}");
}

/// The newest run, once it is as wanted.
fn newest(home: &Home, wanted: impl Fn(&Run) -> bool) -> Run {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let output = bpctl(home, &["show", "--json", "latest"]);
        if output.status.success() {
            let run: Run = serde_json::from_slice(&output.stdout).unwrap();
            if wanted(&run) {
                return run;
            }
        }
        assert!(Instant::now() < deadline, "the run never came so far");
        std::thread::sleep(Duration::from_millis(20));
    }
}

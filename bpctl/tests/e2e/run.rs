//! `bpctl run`: a command behaves as without it, and is delivered exactly once.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Output, Stdio};

use bp_proto::spool::{Spool, Spooled};
use bp_proto::{Ending, Quality};
use rustix::process::{Pid, Signal, kill_process};

use crate::served::{Served, settled, until};
use crate::shells::{Home, Kind, Shell};

fn bpctl(home: &Home, words: &[&str]) -> Command {
    let mut command = home.environment(Command::new(env!("CARGO_BIN_EXE_bpctl")));
    command.args(words).current_dir(home.work());
    command
}

fn run(home: &Home, words: &[&str]) -> Output {
    bpctl(home, words).stdin(Stdio::null()).output().unwrap()
}

fn spool(home: &Home) -> Spool {
    Spool::at(home.bp().join("data/spool"))
}

fn spooled(home: &Home) -> Vec<Spooled> {
    spool(home).waiting().unwrap().runs
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id() as i32).unwrap()
}

/// Starts a shell script under `bpctl run` and waits until it says that it has begun.
fn begun(home: &Home, script: &str) -> Child {
    let script = format!("echo begun; {script}");
    let mut child = bpctl(home, &["run", "--quiet", "-c", &script]).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = [0; 6];
    child.stdout.as_mut().unwrap().read_exact(&mut said).unwrap();
    child
}

#[test]
fn the_exit_code_is_the_commands_own() {
    let home = Home::new();
    let plain = home.work().join("plain");
    std::fs::write(&plain, "").unwrap();
    let script = home.work().join("script");
    std::fs::write(&script, "exit $1").unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    for (words, code) in [
        (&["true"][..], 0),
        (&["sh", "-c", "exit 7"], 7),
        (&["-c", "exit 9"], 9),
        (&["sh", "-c", "kill -TERM $$"], 143),
        (&["sh", "-c", "kill -KILL $$"], 137),
        (&["./script", "5"], 5),
        (&["no-such-program"], 127),
        (&["./plain"], 126),
    ] {
        let output = run(&home, &[&["run"], words].concat());
        assert_eq!(output.status.code(), Some(code), "{words:?}");
        assert_eq!(output.stdout, b"", "{words:?}");
        assert_eq!(output.stderr.is_empty(), code != 126 && code != 127, "{words:?}");
    }
    assert_eq!(run(&home, &["run"]).status.code(), Some(2));
}

#[test]
fn a_language_before_run_is_the_language_of_what_it_says_and_no_business_of_the_command() {
    let home = Home::new();
    for (words, said) in [
        (&["--lang", "tr", "run", "no-such-program"][..], "no-such-program: komut bulunamadı"),
        (&["--lang=en", "run", "no-such-program"], "no-such-program: command not found"),
    ] {
        let output = run(&home, words);
        assert_eq!(output.status.code(), Some(127), "{words:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(said), "{output:?}");
    }
    // `kill -PIPE` ends a shell that was not made to ignore it.
    let script = "echo \"[$BP_LANG]\"; kill -PIPE $$; echo survived";
    let output =
        bpctl(&home, &["--lang", "tr", "run", "-q", "-c", script]).env_remove("BP_LANG").output().unwrap();
    assert_eq!((output.status.code(), &*output.stdout), (Some(141), &b"[]\n"[..]));
    let output = run(&home, &["--color", "never", "run", "true"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert_eq!(spooled(&home).len(), 3);
}

#[test]
fn input_and_output_pass_untouched() {
    let home = Home::new();
    let mut child = bpctl(&home, &["run", "cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let sent: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn({
        let sent = sent.clone();
        move || stdin.write_all(&sent).unwrap()
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert_eq!((output.stdout, output.stderr), (sent, Vec::new()));
}

#[test]
fn a_signal_to_us_reaches_the_command() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::INT, 130), (Signal::USR1, 138)] {
        let home = Home::new();
        let mut child = begun(&home, "exec sleep 1000");
        kill_process(pid(&child), signal).unwrap();
        let status = child.wait().unwrap();
        assert_eq!((status.code(), status.signal()), (Some(code), None));
    }
    let home = Home::new();
    let mut child = begun(&home, "trap 'kill $!; exit 5' TERM; sleep 100 >/dev/null 2>&1 & wait; exit 6");
    // The trap may not be set yet: the default action ends the shell then, and the signal counts all the same.
    kill_process(pid(&child), Signal::TERM).unwrap();
    assert!(matches!(child.wait().unwrap().code(), Some(5 | 143)));
}

#[test]
fn ctrl_c_ends_the_command_and_a_loop_around_it() {
    let mut shell = Shell::start(Kind::Bash);
    shell
        .terminal
        .send("for i in 1 2 3; do bpctl run -q -- sh -c 'echo begun-$0; exec sleep 1000' $i; done\r");
    shell.terminal.shows("begun-1");
    shell.terminal.send("\x03");
    let prompt = shell.terminal.prompt();
    assert_eq!(prompt.status, 130, "{}", prompt.screen);
    assert!(!prompt.screen.contains("begun-2\r\n"), "{}", prompt.screen);
}

#[test]
fn ctrl_z_stops_it_and_fg_goes_on() {
    for kind in Kind::ALL {
        let mut shell = Shell::start(kind);
        shell.terminal.send("bpctl run -q -- sh -c 'echo begun; read line; echo got-$line; exit 3'\r");
        shell.terminal.shows("begun\r\n");
        shell.terminal.send("\x1a");
        assert!(shell.terminal.prompt().status > 128);
        shell.terminal.send("fg\r");
        shell.terminal.shows("bpctl run");
        shell.terminal.send("text\r");
        let prompt = shell.terminal.prompt();
        assert_eq!(prompt.status, 3, "{}", prompt.screen);
        assert!(prompt.screen.contains("got-text"), "{}", prompt.screen);
    }
}

#[test]
fn without_bpd_the_run_waits_on_disk_with_its_exact_totals() {
    let home = Home::new();
    let burn = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; exit 3";
    assert_eq!(run(&home, &["run", "--tag", "t", "--note", "n", "-c", burn]).status.code(), Some(3));
    let runs = spooled(&home);
    let [Spooled { start, finish }] = &runs[..] else { panic!("{runs:?}") };
    assert_eq!(start.draft.command.as_deref(), Some(burn));
    assert_eq!(
        (start.draft.tags.as_slice(), start.draft.note.as_deref()),
        (&["t".to_owned()][..], Some("n"))
    );
    assert_eq!(finish.ending, Ending::Exited { exit_code: Some(3), signal: None });
    let totals = finish.totals.unwrap();
    assert_eq!(totals.quality, Quality::Exact);
    assert!(totals.cpu_ns.unwrap() > 0, "{totals:?}");
}

#[test]
fn the_memory_of_bpctl_itself_is_not_the_commands() {
    let home = Home::new();
    run(&home, &["run", "true"]);
    run(&home, &["run", "-c", "head -c 50000000 /dev/zero | tail -c 50000000 >/dev/null"]);
    let mut peaks: Vec<_> =
        spooled(&home).iter().map(|run| run.finish.totals.unwrap().rss_max_bytes).collect();
    peaks.sort_unstable();
    // `true` needs less than 2 MiB, and bpctl more than that as it is built for tests.
    assert!(peaks[0].is_none_or(|bytes| bytes < 4 << 20), "{peaks:?}");
    assert!(peaks[1].is_some_and(|bytes| bytes > 50_000_000), "{peaks:?}");
}

#[test]
fn an_orphan_counts_as_long_as_the_command_runs_and_is_not_waited_for() {
    let home = Home::new();
    let stays = "(sleep 1000 >/dev/null 2>&1 & echo $! >pid) ; exit 0";
    assert_eq!(run(&home, &["run", "-c", stays]).status.code(), Some(0));
    let left: i32 = std::fs::read_to_string(home.work().join("pid")).unwrap().trim().parse().unwrap();
    kill_process(Pid::from_raw(left).unwrap(), Signal::KILL).unwrap();
    let runs = spooled(&home);
    // Without bpd the counter is opened behind the start: what went on before it may be missing.
    assert!(runs[0].finish.background && runs[0].finish.totals.unwrap().incomplete, "{runs:?}");
}

/// Burns a little, says so, and stays, as a daemon that nobody waits for.
const DAEMON: &str = "(setsid sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; times >burned; echo $$ >pid; \
                      exec sleep 1000' >/dev/null 2>&1 &); while ! [ -s pid ]; do sleep 0.01; done";

#[test]
fn what_a_daemon_has_burned_is_counted_or_said_to_be_missing() {
    let home = Home::new();
    let _bpd = Served::start(&home);
    assert_eq!(run(&home, &["run", "-c", DAEMON]).status.code(), Some(0));
    let left: i32 = std::fs::read_to_string(home.work().join("pid")).unwrap().trim().parse().unwrap();
    kill_process(Pid::from_raw(left).unwrap(), Signal::KILL).unwrap();
    let burned = std::fs::read_to_string(home.work().join("burned")).unwrap();
    let burned = seconds(burned.split_whitespace().next().unwrap());
    let recorded = settled(&home, 1);
    let stats = recorded[0].run_stats.as_ref().unwrap();
    assert!(burned > 0.01, "{burned}");
    let counted = stats.cpu_seconds.unwrap() >= burned * 0.98 - 0.012;
    assert!(
        if workload::counter_is_allowed() { counted } else { counted || stats.incomplete },
        "{burned} {stats:?}"
    );
}

/// `0m1.234567s`, as `times` of a shell says it.
fn seconds(said: &str) -> f64 {
    let (minutes, seconds) = said.trim_end_matches('s').split_once('m').unwrap();
    minutes.parse::<f64>().unwrap() * 60.0 + seconds.parse::<f64>().unwrap()
}

#[test]
fn what_the_command_did_besides_burning_is_reported() {
    let home = Home::new();
    run(
        &home,
        &["run", "-c", "dd if=/dev/zero of=file bs=4096 count=256 conv=fsync 2>/dev/null; sleep 0.01"],
    );
    let activity = spooled(&home)[0].finish.totals.unwrap().activity;
    assert!(activity.minor_faults.unwrap() > 50 && activity.voluntary_switches.unwrap() > 1, "{activity:?}");
    assert!(activity.major_faults.is_some() && activity.involuntary_switches.is_some(), "{activity:?}");
    assert!(activity.read_bytes.is_some() && activity.written_bytes.is_some(), "{activity:?}");
}

#[test]
fn a_secret_does_not_reach_the_disk() {
    let home = Home::new();
    run(&home, &["run", "-c", "true --password hunter2"]);
    let runs = spooled(&home);
    assert_eq!(runs[0].start.draft.command.as_deref(), Some("true --password ***"));
    assert_eq!(runs[0].start.draft.masked, ["flag"]);
}

#[test]
fn a_bpd_that_hangs_delays_nothing_and_gets_the_run_later() {
    let home = Home::new();
    let runtime = home.bp().join("run");
    std::fs::create_dir_all(&runtime).unwrap();
    // Listens and never accepts: connections succeed until the queue is full, and then never.
    let hung = UnixListener::bind(runtime.join("bpd.sock")).unwrap();
    for at in 0..200 {
        let code = at % 3;
        assert_eq!(run(&home, &["run", "-c", &format!("exit {code}")]).status.code(), Some(code), "run {at}");
    }
    assert_eq!(spooled(&home).len(), 200);
    drop(hung);
}

#[test]
fn what_waited_is_delivered_once_when_bpd_is_back() {
    let home = Home::new();
    run(&home, &["run", "-c", "echo first; exit 4"]);
    assert_eq!(spooled(&home).len(), 1);

    let bpd = Served::start(&home);
    until("the spool is empty", || spooled(&home).is_empty().then_some(()));
    run(&home, &["run", "-c", "echo second"]);
    until("the spool is empty again", || spooled(&home).is_empty().then_some(()));
    drop(bpd);

    let _bpd = Served::start(&home);
    let listed = run(&home, &["list", "--json"]);
    let runs: Vec<bp_proto::Run> = serde_json::from_slice(&listed.stdout).unwrap();
    let seen: Vec<_> = runs.iter().map(|run| (run.command.as_deref().unwrap(), run.exit_code)).collect();
    assert_eq!(seen, [("echo second", Some(0)), ("echo first; exit 4", Some(4))]);
}

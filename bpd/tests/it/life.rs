//! bpd's life: one per user, a clean end, a hard end, a config that changes, a directory that vanishes.

use std::io::Read as _;
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bp_proto::client::{Client, ClientError};
use bp_proto::{Owner, Point, Request, RunState};
use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{
    Bpd, DEADLINE, Program, client, eventually, finish_of, home, list, places_in, record, start_of, status,
};

fn signal(program: &Program, signal: Signal) {
    kill_process(Pid::from_child(&program.child), signal).unwrap();
}

#[test]
fn a_second_bpd_is_refused_and_told_how_to_end_the_first() {
    let home = home();
    let first = Program::start(home.path());
    let second = Program::command(home.path()).spawn().unwrap().wait_with_output().unwrap();
    assert_eq!(second.status.code(), Some(75));
    let said = String::from_utf8(second.stderr).unwrap();
    let lock = places_in(home.path()).store_lock();
    assert!(said.contains(&format!("{} is held by another bpd", lock.display())), "{said}");
    assert!(said.contains(&format!("(pid {})", first.child.id())), "{said}");
    assert!(said.contains("`bpctl daemon stop`"), "{said}");
    assert_eq!(status(&places_in(home.path())).pid, first.child.id());
}

#[test]
fn a_home_whose_name_is_no_text_is_served_and_can_be_asked_about() {
    use std::os::unix::ffi::OsStrExt as _;
    let scratch = home();
    let odd = scratch.path().join(std::ffi::OsStr::from_bytes(b"\xff"));
    let _program = Program::start(&odd);
    let status = status(&places_in(&odd));
    assert!(status.data_dir.ends_with("\u{fffd}/data"), "{status:?}");
}

#[test]
fn no_thread_of_it_displaces_a_shell_when_it_wakes() {
    const POLICY: usize = 41;
    const BATCH: u64 = 3;
    let home = home();
    let program = Program::start(home.path());
    record(&mut client(&places_in(home.path())), "true");
    let threads = std::fs::read_dir(format!("/proc/{}/task", program.child.id())).unwrap();
    let policies: Vec<_> = threads
        .map(|thread| std::fs::read(thread.unwrap().path().join("stat")).unwrap())
        .map(|stat| bp_proto::process::stat_field(&stat, POLICY))
        .collect();
    assert!(policies.iter().all(|policy| *policy == Some(BATCH)), "{policies:?}");
}

#[test]
fn a_request_to_stop_is_answered_and_ends_bpd_cleanly() {
    let mut bpd = Bpd::boot();
    assert_eq!(bpd.client().ask_raw(&Request::Stop).unwrap(), b"{}");
    bpd.ended().unwrap();
    assert!(!bpd.places.socket().unwrap().exists());
}

#[test]
fn sigterm_ends_bpd_cleanly_and_what_was_recorded_is_there_again() {
    let home = home();
    let places = places_in(home.path());
    let mut program = Program::start(home.path());
    record(&mut client(&places), "true");
    signal(&program, Signal::TERM);
    assert!(program.child.wait().unwrap().success());
    assert!(!places.socket().unwrap().exists());
    let _again = Program::start(home.path());
    assert_eq!(list(&places).len(), 1);
}

#[test]
fn sigkill_loses_nothing_that_was_acknowledged() {
    let home = home();
    let places = places_in(home.path());
    let mut program = Program::start(home.path());
    let acknowledged = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut client = client(&places);
                while client.ask_raw(&Request::Start(Box::new(start_of("true")))).is_ok() {
                    acknowledged.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        eventually("some runs", || (acknowledged.load(Ordering::SeqCst) > 50).then_some(()));
        signal(&program, Signal::KILL);
    });
    program.child.wait().unwrap();
    assert!(places.socket().unwrap().exists(), "a killed bpd leaves its socket behind");
    let _again = Program::start(home.path());
    let kept = status(&places).runs as usize;
    let acknowledged = acknowledged.load(Ordering::SeqCst);
    assert!(kept >= acknowledged, "{acknowledged} were acknowledged, {kept} are there");
}

#[test]
fn what_was_accepted_before_stop_is_stored() {
    let bpd = Bpd::boot();
    let acknowledged = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut client = bpd.client();
                loop {
                    let start = start_of("true");
                    let finish = finish_of(&start);
                    let recorded = client
                        .ask_raw(&Request::Start(Box::new(start)))
                        .and_then(|_| client.ask_raw(&Request::Finish(Box::new(finish))));
                    match recorded {
                        Ok(_) => acknowledged.fetch_add(1, Ordering::SeqCst),
                        Err(_) => return,
                    };
                }
            });
        }
        eventually("some runs", || (acknowledged.load(Ordering::SeqCst) > 100).then_some(()));
        bpd.stop.cancel();
    });
    let again = Bpd::boot_in(bpd.stop());
    let finished = list(&again.places).iter().filter(|run| run.state == RunState::Finished).count();
    let acknowledged = acknowledged.load(Ordering::SeqCst);
    assert!(finished >= acknowledged.min(500), "{acknowledged} were acknowledged, {finished} are there");
    again.stop();
}

#[test]
fn a_wrong_config_is_named_with_file_line_and_key_and_starts_nothing() {
    let home = home();
    let file = home.path().join("config.toml");
    std::fs::write(&file, "lang = \"en\"\n[alerts.cpu_high]\nthreshhold = 90\n").unwrap();
    let output = Program::command(home.path()).spawn().unwrap().wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains(&format!("{}:3: ", file.display())), "{said}");
    assert!(said.contains("`alerts.cpu_high.threshhold`"), "{said}");
}

#[test]
fn a_pipe_in_place_of_the_config_or_of_the_token_holds_up_nothing() {
    let home = home();
    let places = places_in(home.path());
    let pipe = |path: &std::path::Path| {
        rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    };
    pipe(&places.config);
    let output = Program::command(home.path()).spawn().unwrap().wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("config.toml: it is a pipe"), "{said}");
    std::fs::remove_file(&places.config).unwrap();
    std::fs::create_dir_all(&places.data).unwrap();
    pipe(&places.token());
    let _program = Program::start(home.path());
    assert!(std::fs::symlink_metadata(places.token()).unwrap().is_file());
}

#[test]
fn a_running_bpd_keeps_its_config_when_the_new_one_is_wrong() {
    let bpd = Bpd::boot();
    let mut client = bpd.client();
    std::fs::write(&bpd.places.config, "[alerts.cpu_high]\nthreshold = \"hot\"\n").unwrap();
    let refusal = client.ask_raw(&Request::ReloadConfig);
    let Err(ClientError::Refused(failure)) = refusal else { panic!("{refusal:?}") };
    assert_eq!(failure.error.code, "config_refused");
    assert!(failure.error.message.contains("config.toml:2: `alerts.cpu_high.threshold`"), "{failure:?}");
    let degraded = status(&bpd.places).degraded;
    assert!(degraded.iter().any(|sentence| sentence.contains("config.toml:2")), "{degraded:?}");
    std::fs::write(&bpd.places.config, "[alerts.cpu_high]\nthreshold = 90\n").unwrap();
    client.ask_raw(&Request::ReloadConfig).unwrap();
    assert_eq!(status(&bpd.places).degraded, Vec::<String>::new());
    bpd.stop();
}

#[test]
fn a_runtime_directory_that_vanishes_is_made_and_served_again() {
    let bpd = Bpd::boot();
    record(&mut bpd.client(), "true");
    std::fs::remove_dir_all(&bpd.places.run).unwrap();
    let socket = bpd.places.socket().unwrap();
    eventually("the socket is back", || Client::connect(&socket, DEADLINE).ok());
    assert_eq!(record(&mut bpd.client(), "true").id, 2);
    assert!(bpd.places.mail().is_dir());
    bpd.stop();
}

#[test]
fn a_socket_that_a_service_manager_made_is_served_and_left_in_place() {
    let home = home();
    let places = places_in(home.path());
    bp_proto::place::own_dir(&places.run).unwrap();
    let listener = UnixListener::bind(places.socket().unwrap()).unwrap();
    let program = Program::command(home.path());
    let mut shell = Command::new("sh");
    // As standard input: not every shell moves descriptors of two digits.
    shell.arg("-c").arg("LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" --detached 3<&0 0</dev/null");
    shell.stdin(std::os::fd::OwnedFd::from(listener));
    shell.arg(program.get_program());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut program = Program::ready(shell.spawn().unwrap());
    drop(shell);
    assert_eq!(status(&places).pid, program.child.id());
    signal(&program, Signal::TERM);
    assert!(program.child.wait().unwrap().success());
    assert!(places.socket().unwrap().exists());
}

/// Context switches of all threads so far, by thread.
fn switches(pid: u32) -> Vec<(String, u64)> {
    let mut switches = Vec::new();
    for task in std::fs::read_dir(format!("/proc/{pid}/task")).unwrap() {
        let path = task.unwrap().path().join("status");
        let mut status = String::new();
        // A thread may end meanwhile.
        let Ok(_) = std::fs::File::open(path).and_then(|mut file| file.read_to_string(&mut status)) else {
            continue;
        };
        let name = status.lines().next().unwrap().to_owned();
        let counts = status.lines().filter(|line| line.contains("ctxt_switches"));
        let count = counts.map(|line| line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()).sum();
        switches.push((name, count));
    }
    switches
}

#[test]
fn an_idle_bpd_does_not_wake() {
    const QUIET: Duration = Duration::from_secs(4);
    let home = home();
    let program = Program::start(home.path());
    let mut bpd = client(&places_in(home.path()));
    // A run with a process of its own, so that there was something to sample.
    let mut cat = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
    let mut start = start_of("cat");
    start.owner = Some(Owner { pid: cat.id(), start_ticks: 0 });
    bpd.ask_raw(&Request::Start(Box::new(start.clone()))).unwrap();
    eventually("a sample", || {
        let query = bp_proto::request::SamplesQuery::default();
        let points: Vec<Point> = bpd.ask(&Request::Samples { run: "1".to_owned(), query }).unwrap();
        (!points.is_empty()).then_some(())
    });
    drop(cat.stdin.take());
    cat.wait().unwrap();
    bpd.ask_raw(&Request::Finish(Box::new(finish_of(&start)))).unwrap();
    drop(bpd);
    // What was busy comes to rest first; from then on nothing may move for a while.
    let mut before = switches(program.child.id());
    let mut since = Instant::now();
    eventually("four seconds without a wake-up", || {
        let now = switches(program.child.id());
        if now != before {
            (before, since) = (now, Instant::now());
        }
        (since.elapsed() > QUIET).then_some(())
    });
}

#[test]
fn a_port_that_is_taken_gives_way_and_status_says_so() {
    let home = home();
    let occupant = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = occupant.local_addr().unwrap();
    let _program =
        Program::ready(Program::command(home.path()).env("BP_HTTP", taken.to_string()).spawn().unwrap());
    let status = status(&places_in(home.path()));
    assert_ne!(status.http.address, taken.to_string());
    let said = format!("port {} is taken", taken.port());
    assert!(status.degraded.iter().any(|sentence| sentence.contains(&said)), "{:?}", status.degraded);
}

#[test]
fn an_address_that_others_could_reach_starts_nothing() {
    let home = home();
    let output = Program::command(home.path())
        .env("BP_HTTP", "0.0.0.0:0")
        .spawn()
        .unwrap()
        .wait_with_output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("BP_HTTP=0.0.0.0:0 is") && said.contains("loopback"), "{said}");
}

#[test]
fn a_hangup_makes_bpd_read_its_config_again() {
    let home = home();
    let places = places_in(home.path());
    let program = Program::start(home.path());
    std::fs::write(&places.config, "nonsense = 1\n").unwrap();
    signal(&program, Signal::HUP);
    eventually("the refusal in status", || {
        status(&places).degraded.iter().any(|sentence| sentence.contains("`nonsense`")).then_some(())
    });
    std::fs::write(&places.config, "lang = \"tr\"\n").unwrap();
    signal(&program, Signal::HUP);
    eventually("all is well again", || status(&places).degraded.is_empty().then_some(()));
}

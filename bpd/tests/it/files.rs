//! The whole bpd with as few files as it can be given, or none left.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use bp_proto::client::Client;
use bp_proto::event::Source;
use bp_proto::place::Places;
use bp_proto::report::Registered;
use bp_proto::request::SamplesQuery;
use bp_proto::{Draft, Owner, Point, Quality, Request, Run, RunState, Start, process};
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process_group, setrlimit};

use crate::harness::{DEADLINE, Program, client, eventually, finish_of, home, places_in, start_of, status};

/// A tenth of what bpd reserves for its doors alone.
const FEW: u64 = 64;

const MEMBERS: u32 = 300;

const NS_PER_TICK: u64 = 10_000_000;

/// A log that says more of one shortage is a flood.
const MAX_LINES: usize = 20;

/// bpd with `soft` and `hard` files at most.
fn limited(home: &Path, soft: u64, hard: Option<u64>) -> Program {
    std::fs::write(home.join("config.toml"), "[sampling]\ninterval_s = 0.1\n").unwrap();
    let mut command = Program::command(home);
    let set = move || {
        let maximum = hard.or(getrlimit(Resource::Nofile).maximum);
        Ok(setrlimit(Resource::Nofile, Rlimit { current: Some(soft), maximum })?)
    };
    #[allow(unsafe_code, reason = "a limit is set between fork and exec")]
    // SAFETY: two system calls that allocate nothing.
    unsafe {
        command.pre_exec(set);
    }
    Program::ready(command.spawn().unwrap())
}

/// A shell with many children, all of a process group that ends with the test.
struct Crowd(Child);

impl Crowd {
    /// `last` comes after the many that only sleep.
    fn new(last: &str) -> Self {
        let line =
            format!("echo begun; i=1; while [ $i -lt {MEMBERS} ]; do sleep 300 & i=$((i+1)); done; {last}");
        let line = format!("{line}; read x");
        // A session of its own: what another test leaves behind in this one's is taken for this run's.
        let mut shell = Command::new("setsid");
        shell.args(["sh", "-c", &line]).env("WINDOWID", &line).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut shell = Self(shell.spawn().unwrap());
        shell.says("begun");
        shell
    }

    fn says(&mut self, word: &str) {
        let mut said = vec![0; word.len() + 1];
        self.0.stdout.as_mut().unwrap().read_exact(&mut said).unwrap();
        assert_eq!(said.strip_suffix(b"\n"), Some(word.as_bytes()));
    }

    /// A run of all that the shell has started, as its hook reports it.
    fn run(&self) -> Start {
        let pid = self.0.id();
        let owner = Owner { pid, start_ticks: process::start_ticks(pid).unwrap() };
        let start = start_of("many");
        Start { owner: Some(owner), draft: Draft { source: Source::Api, ..start.draft }, ..start }
    }

    /// CPU time of the shell, of its children and of what it has waited for, nanoseconds.
    fn burnt(&self) -> u64 {
        let pid = self.0.id();
        let own = |pid: u32| {
            let schedstat = std::fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap_or_default();
            schedstat.split(' ').next().and_then(|ns| ns.parse::<u64>().ok()).unwrap_or(0)
        };
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
        let living: u64 = children.split_whitespace().map(|child| own(child.parse().unwrap())).sum();
        let stat = std::fs::read(format!("/proc/{pid}/stat")).unwrap();
        let waited: u64 = [16, 17].map(|field| process::stat_field(&stat, field).unwrap()).iter().sum();
        own(pid) + living + waited * NS_PER_TICK
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        let _ = kill_process_group(Pid::from_child(&self.0), Signal::KILL);
        let _ = self.0.wait();
    }
}

fn begin(client: &mut Client, start: &Start) -> u64 {
    client.ask::<Registered>(&Request::Start(Box::new(start.clone()))).unwrap().id
}

/// Waits until all of a crowd stand in the curve at once.
fn whole(client: &mut Client, run: u64) {
    eventually("all of them in the curve", || {
        curve(client, run).iter().any(|point| point.processes >= Some(MEMBERS)).then_some(())
    });
}

fn show(client: &mut Client, run: u64) -> Run {
    client.ask(&Request::Show { run: run.to_string(), lang: None }).unwrap()
}

fn curve(client: &mut Client, run: u64) -> Vec<Point> {
    client.ask(&Request::Samples { run: run.to_string(), query: SamplesQuery::default() }).unwrap()
}

/// The head of an answer; `None` when there is none.
fn http(places: &Places, address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(DEADLINE)).ok()?;
    let token = std::fs::read_to_string(places.token()).unwrap();
    let (token, path) = (token.trim(), path);
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    (!answer.is_empty()).then_some(answer)
}

/// What a run of this crowd may have cost, from what it had burned when its start was sent, when that was answered, and
/// at the end.
fn check_cost(run: &Run, sent: u64, answered: u64, end: u64) {
    let cpu_ns = (run.run_stats.as_ref().unwrap().cpu_seconds.unwrap() * 1e9) as u64;
    let (least, most) = (end - answered, end - sent);
    assert!(least > 10 * NS_PER_TICK, "the work was too small to prove anything: {least}");
    let is_right = cpu_ns + 4 * NS_PER_TICK >= least && cpu_ns <= most + 4 * NS_PER_TICK;
    assert!(is_right, "{cpu_ns} of {least} to {most}");
}

fn log_lines(places: &Places) -> Vec<String> {
    std::fs::read_to_string(places.log()).unwrap_or_default().lines().map(str::to_owned).collect()
}

#[test]
fn with_few_files_a_large_run_is_recorded_whole_and_nothing_floods_the_log() {
    let home = home();
    let places = places_in(home.path());
    let mut program = limited(home.path(), FEW, Some(FEW));
    let mut client = client(&places);
    // The work is waited for, and so short that it may be over before it is seen.
    let mut crowd = Crowd::new("sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done'; echo over");
    let (start, sent) = (crowd.run(), crowd.burnt());
    let run = begin(&mut client, &start);
    let answered = crowd.burnt();
    crowd.says("over");
    whole(&mut client, run);
    let end = crowd.burnt();
    client.ask_raw(&Request::Finish(Box::new(finish_of(&start)))).unwrap();

    let run = show(&mut client, run);
    let stats = run.run_stats.as_ref().unwrap();
    assert_eq!((run.state, stats.quality), (RunState::Finished, Quality::Ticks));
    assert!(stats.max_processes.unwrap() >= MEMBERS && stats.rss_max_mb.unwrap() > 50.0, "{stats:?}");
    check_cost(&run, sent, answered, end);
    let address = status(&places).http.address.parse().unwrap();
    assert!(http(&places, address, "/runs").unwrap().starts_with("HTTP/1.1 200"));
    assert!(program.child.try_wait().unwrap().is_none());
    let log = log_lines(&places);
    assert!(log.len() < MAX_LINES, "{log:#?}");
    assert!(log.iter().any(|line| line.contains("files are running out")), "{log:#?}");
}

#[test]
fn without_any_file_left_no_run_is_lost_and_the_doors_open_again() {
    let home = home();
    let places = places_in(home.path());
    let mut program = limited(home.path(), FEW, Some(FEW));
    let mut client = client(&places);
    let address = status(&places).http.address.parse().unwrap();
    // Nobody ends it when these tests are killed.
    let crowd = Crowd::new("ulimit -t 300; while :; do :; done");
    let (start, sent) = (crowd.run(), crowd.burnt());
    let run = begin(&mut client, &start);
    let answered = crowd.burnt();
    let points = |client: &mut Client| curve(client, run).len();
    let before = eventually("a curve", || Some(points(&mut client)).filter(|points| *points > 2));

    // More connections than bpd may have files: those that wait longest give way, this client's among them.
    let socket = places.socket().unwrap();
    let mut greedy = Vec::new();
    for _ in 0..2 * FEW {
        greedy.push(UnixStream::connect(&socket).unwrap());
    }
    let mut client = eventually("the socket, in the crowd", || Client::connect(&socket, DEADLINE).ok());
    let open_files = std::fs::read_dir(format!("/proc/{}/fd", program.child.id())).unwrap().count() as u64;
    assert!(open_files < FEW, "{open_files}");
    let burnt = crowd.burnt();
    eventually("the curve goes on without files", || {
        (points(&mut client) > before + 5 && crowd.burnt() > burnt + 500_000_000).then_some(())
    });
    assert_eq!(show(&mut client, run).state, RunState::Running);

    drop(greedy);
    let answer = eventually("the HTTP door", || http(&places, address, "/runs"));
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    eventually("the socket", || Client::connect(&socket, DEADLINE).ok()?.ask_raw(&Request::Status).ok());
    whole(&mut client, run);
    // It burns on: what it has burned once bpd has looked for the last time is the most.
    let least = crowd.burnt();
    client.ask_raw(&Request::Finish(Box::new(finish_of(&start)))).unwrap();
    let most = crowd.burnt();
    let run = show(&mut client, run);
    assert_eq!(run.state, RunState::Finished);
    check_cost(&run, sent, answered + (most - least), most);
    assert!(program.child.try_wait().unwrap().is_none());
    let log = log_lines(&places);
    assert!(log.len() < MAX_LINES, "{log:#?}");
}

#[test]
fn the_soft_limit_is_raised_to_the_hard_one() {
    let home = home();
    let program = limited(home.path(), FEW, None);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", program.child.id())).unwrap();
    let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let words: Vec<&str> = files.split_whitespace().collect();
    let [soft, hard] = [words[3], words[4]];
    let soft: u64 = soft.parse().unwrap();
    assert!(soft > FEW && (soft == 65_536 || soft.to_string() == hard), "{files}");
}

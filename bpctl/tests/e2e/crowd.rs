//! Many idle connections and many shells: honest clients are answered all the same, however few files bpd may open.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bp_proto::{UnixMillis, process};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::odd::Home;

/// What an answer may take. The target is 2 s on a quiet machine; the tests run beside others.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connections of one kind that are opened and left alone: more than bpd serves at once.
const CROWD: usize = 700;
const SHELLS: usize = 300;

/// A bpd that may open `files` files, with one run.
fn served(files: u64) -> Home {
    let home = Home::new();
    let mut start = Command::new("sh");
    start.args(["-c", &format!("ulimit -n {files} && exec \"$BPCTL\" daemon start")]);
    let start = start.env("BPCTL", env!("CARGO_BIN_EXE_bpctl"));
    for (name, value) in home.command(&[]).get_envs() {
        match value {
            Some(value) => start.env(name, value),
            None => start.env_remove(name),
        };
    }
    let started = start.stdin(Stdio::null()).output().unwrap();
    assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
    home.says(&["run", "--", "true"]);
    home
}

/// This process may hold the crowd.
fn raise_own_limit() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
}

struct Http {
    address: String,
    token: String,
}

impl Http {
    fn of(home: &Home) -> Self {
        let http = home.status().http;
        let token = std::fs::read_to_string(http.token_file).unwrap().trim().to_owned();
        Self { address: http.address, token }
    }

    fn head(&self, request: &str) -> String {
        format!("{request} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n", self.address, self.token)
    }

    /// A connection that has sent `bytes` and says no more.
    fn left_with(&self, bytes: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        // It may have been closed in favour of another one meanwhile.
        let _ = stream.write_all(bytes.as_bytes());
        stream
    }

    fn runs(&self) -> String {
        let mut stream = self.left_with(&(self.head("GET /runs") + "Connection: close\r\n\r\n"));
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

fn answers_all(home: &Home, http: &Http, case: &str) {
    let timed = |what: &str, ask: &dyn Fn()| {
        let began = Instant::now();
        ask();
        assert!(began.elapsed() < PATIENCE, "{case}: {what} took {:?}", began.elapsed());
    };
    for _ in 0..3 {
        timed("status", &|| drop(home.says(&["status"])));
        timed("list", &|| drop(home.says(&["list"])));
        timed("GET /runs", &|| {
            let answer = http.runs();
            assert!(answer.starts_with("HTTP/1.1 200"), "{case}: {answer}");
        });
    }
}

#[test]
fn idle_connections_lock_nobody_out() {
    raise_own_limit();
    for files in [256, 1024] {
        let home = served(files);
        let http = Http::of(&home);
        let sockets = (0..CROWD).map(|nth| {
            let mut stream = UnixStream::connect(home.bp().join("run/bpd.sock")).unwrap();
            // Half of them begin to say something.
            let _ = stream.write_all(&b"b"[..nth % 2]);
            stream
        });
        let sockets: Vec<_> = sockets.collect();
        answers_all(&home, &http, &format!("{files} files, local socket"));
        drop(sockets);
        let cases = [
            ("idle", String::new()),
            ("half a head", "GET /runs HTTP/1.1\r\nHost: ".to_owned()),
            (
                "half a body",
                http.head("POST /runs") + "Content-Type: application/json\r\nContent-Length: 50\r\n\r\n{",
            ),
            ("live streams", http.head("GET /events") + "\r\n"),
            ("kept alive", http.head("GET /runs") + "\r\n"),
        ];
        for (name, bytes) in &cases {
            let crowd: Vec<_> = (0..CROWD).map(|_| http.left_with(bytes)).collect();
            answers_all(&home, &http, &format!("{files} files, {name}"));
            drop(crowd);
        }
        let crowd: Vec<_> = (0..CROWD).map(|nth| http.left_with(&cases[nth % cases.len()].1)).collect();
        answers_all(&home, &http, &format!("{files} files, all of them"));
        drop(crowd);
    }
}

/// A shell that has told of a line and waits for its end.
struct Shell(Child);

impl Shell {
    fn start(home: &Home, nth: usize, boot_id: &str) -> Self {
        let child = Command::new("sh").args(["-c", "read line"]).stdin(Stdio::piped()).spawn().unwrap();
        let ticks = process::start_ticks(child.id()).unwrap();
        let stamp = UnixMillis::now().0 * 1000;
        let record = format!("\x001S\0sh 1 {boot_id} {ticks} - -\0{stamp}\0x\0/tmp\0\0make job {nth}\0");
        // Written elsewhere first: bpd must not see half of it.
        let (beside, file) = (home.bp().join("record"), home.bp().join(format!("run/mail/{}", child.id())));
        std::fs::write(&beside, record).unwrap();
        std::fs::rename(beside, file).unwrap();
        Self(child)
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

#[test]
fn many_shells_leave_files_for_status_and_http() {
    raise_own_limit();
    for files in [256, 1024] {
        let home = served(files);
        let http = Http::of(&home);
        let boot_id = process::boot_id().unwrap();
        let shells: Vec<_> = (0..SHELLS).map(|nth| Shell::start(&home, nth, &boot_id)).collect();
        let deadline = Instant::now() + Duration::from_secs(60);
        let running = || home.says(&["list", "state:running", "--plain", "-n", "500"]).lines().count() - 1;
        while running() < SHELLS {
            assert!(Instant::now() < deadline, "{files} files: {} of {SHELLS} shells are known", running());
            std::thread::sleep(Duration::from_millis(50));
        }
        answers_all(&home, &http, &format!("{files} files, shells"));
        let crowd: Vec<_> = (0..CROWD).map(|_| http.left_with("")).collect();
        let sockets: Vec<_> =
            (0..CROWD).map(|_| UnixStream::connect(home.bp().join("run/bpd.sock")).unwrap()).collect();
        answers_all(&home, &http, &format!("{files} files, shells and connections"));
        // A run is recorded with what it cost, as far as there are files for it.
        let ran = home.command(&["run", "--", "sh", "-c", "exit 3"]).output().unwrap();
        assert_eq!(ran.status.code(), Some(3));
        let run: bp_proto::Run = serde_json::from_str(&home.says(&["show", "latest", "--json"])).unwrap();
        assert_eq!(run.exit_code, Some(3));
        drop((crowd, sockets, shells));
    }
}

//! Starting, stopping, killing and upgrading the real bpd: the held lock decides what runs.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::scratch::Scratch;

/// A `BP_HOME` and the programs that are used there.
struct Home {
    scratch: Scratch,
    bpctl: PathBuf,
}

impl Home {
    fn new() -> Self {
        Self { scratch: Scratch::new(), bpctl: env!("CARGO_BIN_EXE_bpctl").into() }
    }

    fn data(&self) -> PathBuf {
        self.scratch.path().join("bp/data")
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.bpctl);
        command.args(words).env("BP_HOME", self.scratch.path().join("bp")).env("HOME", self.scratch.path());
        command.env("BP_HTTP", "127.0.0.1:0").env("BP_LANG", "en").env("COLUMNS", "400").stdin(Stdio::null());
        command.env_remove("BP_RUN").env_remove("BP_CONFIG");
        command
    }

    fn says(&self, words: &[&str]) -> String {
        text(words, self.command(words).output().unwrap())
    }

    fn pid(&self) -> u32 {
        let status: bp_proto::Status =
            serde_json::from_str(&self.says(&["daemon", "status", "--json"])).unwrap();
        status.pid
    }
}

fn text(words: &[&str], output: Output) -> String {
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn is_free(lock: &Path) -> bool {
    File::open(lock).unwrap().try_lock().is_ok()
}

#[test]
fn a_bpd_that_was_killed_is_replaced_at_once() {
    let home = Home::new();
    home.says(&["daemon", "start"]);
    for _ in 0..10 {
        let pid = home.pid();
        kill_process(Pid::from_raw(pid as i32).unwrap(), Signal::KILL).unwrap();
        home.says(&["daemon", "start"]);
        assert_ne!(home.pid(), pid);
    }
    let pid = home.pid();
    kill_process(Pid::from_raw(pid as i32).unwrap(), Signal::KILL).unwrap();
    home.says(&["daemon", "restart"]);
    assert_ne!(home.pid(), pid);
}

#[test]
fn starts_at_the_same_moment_all_succeed_with_one_bpd() {
    for _ in 0..5 {
        let home = Home::new();
        let words = ["daemon", "start"];
        let starts: Vec<_> = (0..3)
            .map(|_| home.command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
            .collect();
        let said: Vec<_> =
            starts.into_iter().map(|start| text(&words, start.wait_with_output().unwrap())).collect();
        let pid = format!("(pid {})", home.pid());
        assert!(said.iter().all(|said| said.contains(&pid)), "{pid}: {said:?}");
    }
}

#[test]
fn when_stop_returns_every_lock_is_free() {
    let home = Home::new();
    for _ in 0..5 {
        home.says(&["daemon", "start"]);
        let words = ["daemon", "stop"];
        let another = home.command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        home.says(&words);
        assert!(is_free(&home.data().join("bpd.lock")));
        assert!(is_free(&home.data().join("store.lock")));
        text(&words, another.wait_with_output().unwrap());
    }
}

#[test]
fn another_build_of_bpd_is_noticed_while_the_old_one_runs() {
    let mut home = Home::new();
    let built = Path::new(env!("CARGO_BIN_EXE_bpctl")).parent().unwrap().to_owned();
    let bin = home.scratch.path().join("bin");
    fs::create_dir(&bin).unwrap();
    for program in ["bpd", "bpctl"] {
        fs::copy(built.join(program), bin.join(program)).unwrap();
    }
    home.bpctl = bin.join("bpctl");
    home.says(&["daemon", "start"]);
    let replace = |extra: &[u8]| {
        let new = bin.join("bpd.new");
        fs::copy(built.join("bpd"), &new).unwrap();
        std::io::Write::write_all(&mut File::options().append(true).open(&new).unwrap(), extra).unwrap();
        fs::rename(new, bin.join("bpd")).unwrap();
    };
    // The same build, installed once more.
    replace(b"");
    assert!(home.says(&["status"]).contains("all is well") || !home.says(&["status"]).contains("build"));

    replace(b"\n");
    for verb in [&["status"][..], &["daemon", "status"], &["daemon", "start"]] {
        let said = home.says(verb);
        assert!(said.contains("another build") && said.contains("bpctl daemon restart"), "{verb:?}: {said}");
    }
    let said = text(&["status"], home.command(&["status"]).env("BP_LANG", "tr").output().unwrap());
    assert!(said.contains("bpctl daemon restart"), "{said}");
    let doctor = home.command(&["doctor"]).output().unwrap();
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(said.contains("another build") && said.contains("bpctl daemon restart"), "{said}");

    // A bpctl of elsewhere compares with the bpd that lies beside it.
    home.says(&["daemon", "restart"]);
    assert!(!home.says(&["status"]).contains("build"));
    home.bpctl = built.join("bpctl");
    let said = home.says(&["status"]);
    assert!(said.contains("another build") && said.contains("bpctl daemon restart"), "{said}");
}

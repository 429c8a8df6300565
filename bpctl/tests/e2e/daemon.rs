//! `bpctl daemon`, `init`, `event` and `config` with the real bpd.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// For whatever must happen sooner or later.
const DEADLINE: Duration = Duration::from_secs(60);

/// A `BP_HOME` whose bpd, if there is one, goes with it.
struct Home {
    scratch: TempDir,
}

impl Home {
    fn new() -> Self {
        let programs = Path::new(env!("CARGO_BIN_EXE_bpctl")).parent().unwrap();
        assert!(programs.join("bpd").is_file(), "no bpd in {}; `cargo build` makes it", programs.display());
        // Short: the path of a socket has 107 bytes.
        Self { scratch: tempfile::Builder::new().prefix("bp").tempdir_in("/tmp").unwrap() }
    }

    fn bp(&self) -> PathBuf {
        self.scratch.path().join("bp")
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bpctl"));
        command.args(words).env("BP_HOME", self.bp()).env("HOME", self.scratch.path());
        command.env("XDG_CONFIG_HOME", self.scratch.path().join("config"));
        command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent");
        for variable in ["BP_CONFIG", "BP_HTTP", "BP_LANG", "BP_OFF", "BP_RUN"] {
            command.env_remove(variable);
        }
        command.stdin(Stdio::null());
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// What a verb that must succeed prints.
    fn says(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn status(&self) -> Option<bp_proto::Status> {
        let output = self.run(&["daemon", "status", "--json"]);
        output.status.success().then(|| serde_json::from_slice(&output.stdout).unwrap())
    }

    fn eventually_served(&self) -> bp_proto::Status {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.status() {
                return status;
            }
            assert!(Instant::now() < deadline, "no bpd appeared");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = self.run(&["daemon", "stop"]);
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn bpd_is_started_once_and_stopped_by_bpctl() {
    let home = Home::new();
    let away = home.run(&["daemon", "status"]);
    assert_eq!(away.status.code(), Some(5));
    assert!(stderr(&away).contains("bpctl daemon start"), "{}", stderr(&away));

    let started = home.says(&["daemon", "start"]);
    let status = home.status().unwrap();
    assert!(started.contains(&format!("(pid {})", status.pid)), "{started}");
    assert!(started.contains(&format!("http://{}", status.http.address)), "{started}");
    assert_eq!(home.says(&["daemon", "start"]), started);

    let restarted = home.says(&["daemon", "restart"]);
    assert_ne!(home.status().unwrap().pid, status.pid, "{restarted}");
    assert_eq!(home.says(&["daemon", "stop"]), "bpd has stopped\n");
    assert_eq!(home.says(&["daemon", "stop"]), "bpd is not running\n");
    assert!(home.says(&["daemon", "logs"]).contains("serves at http://127.0.0.1:"));
    assert_eq!(home.says(&["daemon", "logs", "-n", "1"]).lines().count(), 1);
}

#[test]
fn a_bpd_that_could_not_start_again_is_not_stopped() {
    let home = Home::new();
    home.says(&["daemon", "start"]);
    let before = home.status().unwrap().pid;
    fs::write(home.bp().join("config.toml"), "lnag = 1\n").unwrap();
    let output = home.run(&["daemon", "restart"]);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("there is no key `lnag`") && said.contains("mend the config first"), "{said}");
    assert_eq!(home.status().unwrap().pid, before);
}

#[test]
fn a_bpd_that_cannot_start_says_why() {
    let home = Home::new();
    fs::create_dir_all(home.bp()).unwrap();
    fs::write(home.bp().join("config.toml"), "lang = \"tr\"\nlnag = 1\n").unwrap();
    let output = home.run(&["daemon", "start"]);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("config.toml:2: there is no key `lnag`"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn bpd_leaves_the_shell_that_started_it() {
    let home = Home::new();
    let mut shell = Command::new("sh");
    // A file that the shell holds open, a narrow limit, a loose umask, a directory that shall be removable.
    shell.args(["-c", "umask 000; ulimit -f 1000; exec 7>../held; exec \"$0\" daemon start"]);
    shell
        .arg(env!("CARGO_BIN_EXE_bpctl"))
        .env("BP_HOME", home.bp())
        .env("BP_RUN", "01J0000000000000000000000A");
    let work = home.scratch.path().join("work");
    fs::create_dir(&work).unwrap();
    assert!(shell.current_dir(&work).output().unwrap().status.success());
    let pid = home.status().unwrap().pid;

    let raw = rustix::process::Pid::from_raw(pid as i32).unwrap();
    assert_eq!(rustix::process::getsid(Some(raw)).unwrap(), raw);
    assert_eq!(fs::read_link(format!("/proc/{pid}/cwd")).unwrap(), Path::new("/"));
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap();
    assert!(!String::from_utf8_lossy(&environment).contains("BP_RUN="));
    for fd in fs::read_dir(format!("/proc/{pid}/fd")).unwrap() {
        let target = fs::read_link(fd.unwrap().path()).unwrap_or_default();
        assert!(!target.ends_with("held"), "bpd holds {}", target.display());
    }
    for entry in fs::read_dir(home.bp().join("data")).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", entry.path().display());
    }
}

#[test]
fn init_prints_the_hook_and_starts_bpd_without_waiting() {
    let home = Home::new();
    let printed = home.says(&["init", "bash", "--no-start"]);
    let hook = crate::shells::Kind::Bash.hook_text();
    assert!(printed.starts_with("__bizim_release=") && printed.contains("\n__bizim_bpctl='/"), "{printed}");
    assert!(printed.ends_with(&hook));
    assert!(!home.bp().exists(), "--no-start has started something");

    let off = home.command(&["init", "bash"]).env("BP_OFF", "1").output().unwrap();
    assert!(off.status.success() && !home.bp().exists());

    let output = home.run(&["init", "zsh"]);
    assert!(output.status.success() && output.stderr.is_empty(), "{}", stderr(&output));
    let first = home.eventually_served().pid;
    assert!(home.run(&["init", "zsh"]).status.success());
    assert_eq!(home.status().unwrap().pid, first);
}

#[test]
fn a_record_reaches_bpd_by_the_socket_or_waits_in_the_mailbox() {
    let home = Home::new();
    let event = |pid: u32, records: &[u8]| {
        let mut command = home.command(&["event", "--pid", &pid.to_string()]);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(records).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success() && output.stdout.is_empty() && output.stderr.is_empty());
    };
    // A shell that lives: this test's own process.
    let pid = std::process::id();
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let line = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let ticks = line.rsplit_once(") ").unwrap().1.split(' ').nth(19).unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros() as u64;
    let records = |stamp: u64, text: &str| {
        let shell = format!("bash 5.2.15 {} {ticks} - -", boot.trim());
        let times = "0m0.000s 0m0.000s\n0m0.000s 0m0.000s\n";
        let began = format!("\x001S\0{shell}\0{stamp}\0x\0/tmp\0{times}\0{text}\0");
        let end = format!("\x001E\0{shell}\0{stamp}\x000\0{}\0{times}\0", stamp + 1000);
        [began, end].concat().into_bytes()
    };

    let waiting = records(now, "echo waits");
    event(pid, &waiting);
    assert_eq!(fs::read(home.bp().join("run/mail").join(pid.to_string())).unwrap(), waiting);
    home.says(&["daemon", "start"]);
    assert_eq!(home.status().unwrap().runs, 1);
    event(pid, &records(now + 5000, "echo at once"));
    assert_eq!(home.status().unwrap().runs, 2);
    // The same again is the same run.
    event(pid, &records(now + 5000, "echo at once"));
    assert_eq!(home.status().unwrap().runs, 2);
}

#[test]
fn the_service_files_come_and_go_and_no_other() {
    let home = Home::new();
    let units = home.scratch.path().join("config/systemd/user");
    fs::create_dir_all(&units).unwrap();
    fs::write(units.join("mine.service"), "mine").unwrap();
    let installed = home.says(&["daemon", "install"]);
    assert!(installed.contains("bpd.service") && installed.contains("systemctl --user"), "{installed}");
    let service = fs::read_to_string(units.join("bpd.service")).unwrap();
    assert!(service.contains(&format!("BP_HOME={}", home.bp().display())), "{service}");
    let socket = fs::read_to_string(units.join("bpd.socket")).unwrap();
    assert!(socket.contains(&format!("ListenStream={}/run/bpd.sock", home.bp().display())), "{socket}");
    home.says(&["daemon", "install"]);
    home.says(&["daemon", "uninstall"]);
    let left: Vec<_> = fs::read_dir(&units).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["mine.service"]);

    // Where nothing else is, nothing of it stays.
    fs::remove_dir_all(units.parent().unwrap()).unwrap();
    home.says(&["daemon", "install"]);
    home.says(&["daemon", "uninstall"]);
    assert!(!units.parent().unwrap().exists(), "an empty directory stays");
    assert!(
        home.says(&["daemon", "uninstall"]).contains("nothing"),
        "it does not say that nothing was there"
    );
    assert!(!home.says(&["uninstall", "--yes"]).contains("nothing"), "a person did not ask for the service");

    fs::create_dir_all(&units).unwrap();
    fs::write(units.join("bpd.service"), "somebody else's").unwrap();
    assert_eq!(home.run(&["daemon", "install"]).status.code(), Some(1));
    home.says(&["daemon", "uninstall"]);
    assert_eq!(fs::read_to_string(units.join("bpd.service")).unwrap(), "somebody else's");
    assert!(!units.join("bpd.socket").exists());
}

#[test]
fn the_config_is_shown_checked_and_read_again() {
    let home = Home::new();
    let file = home.bp().join("config.toml");
    assert_eq!(home.says(&["config", "path"]), format!("{}\n", file.display()));
    let shown = home.says(&["config"]);
    fs::create_dir_all(home.bp()).unwrap();
    fs::write(&file, &shown).unwrap();
    assert_eq!(home.says(&["config", "show"]), shown);
    assert_eq!(home.says(&["config", "check"]), format!("{} is right\n", file.display()));

    home.says(&["daemon", "start"]);
    fs::write(&file, "[http]\nlisten = \"0.0.0.0:1\"\n").unwrap();
    for verb in ["check", "reload"] {
        let output = home.run(&["config", verb]);
        assert_eq!(output.status.code(), Some(1), "{verb}");
        assert!(stderr(&output).contains("config.toml:2: `http.listen`"), "{verb}: {}", stderr(&output));
    }
    fs::write(&file, "lang = \"tr\"\n").unwrap();
    home.says(&["config", "reload"]);
}

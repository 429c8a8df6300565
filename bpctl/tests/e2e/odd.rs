//! Odd files and read-only disks: bpd starts, serves what is there, says what is wrong, and records again afterwards.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::scratch::Scratch;

pub(crate) struct Home {
    pub(crate) scratch: Scratch,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { scratch: Scratch::new() }
    }

    pub(crate) fn bp(&self) -> PathBuf {
        self.scratch.path().join("bp")
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bpctl"));
        command.args(words).env("BP_HOME", self.bp()).env("HOME", self.scratch.path());
        command.env("BP_HTTP", "127.0.0.1:0").env("BP_LANG", "en").stdin(Stdio::null());
        command.env_remove("BP_RUN").env_remove("BP_CONFIG");
        command
    }

    pub(crate) fn says(&self, words: &[&str]) -> String {
        let output = self.command(words).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{words:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn status(&self) -> bp_proto::Status {
        serde_json::from_str(&self.says(&["status", "--json"])).unwrap()
    }

    /// Records one run. → its id.
    fn record(&self) -> u64 {
        self.says(&["run", "--", "true"]);
        self.newest()
    }

    fn newest(&self) -> u64 {
        let run: bp_proto::Run = serde_json::from_str(&self.says(&["show", "latest", "--json"])).unwrap();
        run.id
    }
}

/// What may lie in the place of a file.
const ODDITIES: [&str; 5] = ["directory", "fifo", "dangling", "mode 0", "sparse"];

fn put(odd: &str, path: &Path) {
    if odd == "mode 0" {
        fs::set_permissions(path, Permissions::from_mode(0o000)).unwrap();
        return;
    }
    if odd == "sparse" {
        fs::File::options().write(true).open(path).unwrap().set_len(2 << 30).unwrap();
        return;
    }
    fs::remove_file(path).unwrap();
    match odd {
        "directory" => fs::create_dir(path).unwrap(),
        "fifo" => assert!(Command::new("mkfifo").arg(path).status().unwrap().success()),
        _ => symlink("/nonexistent/x", path).unwrap(),
    }
}

#[test]
fn an_odd_journal_or_index_is_moved_aside_and_ids_go_on() {
    for file in ["journal/runs-000001.log", "index/db", "index/conf"] {
        for odd in ODDITIES {
            if file == "index/conf" && odd == "sparse" {
                continue;
            }
            let home = Home::new();
            home.says(&["daemon", "start"]);
            let highest = (0..3).map(|_| home.record()).max().unwrap();
            home.says(&["daemon", "stop"]);
            put(odd, &home.bp().join("data").join(file));
            home.says(&["daemon", "start"]);
            let status = home.status();
            if odd != "mode 0" && odd != "sparse" {
                let expected = if file.starts_with("journal") { "file-moved" } else { "index-rebuilt" };
                assert!(
                    status.degraded_codes.iter().any(|code| code == expected),
                    "{file} {odd}: {:?}",
                    status.degraded
                );
            }
            if !file.starts_with("journal") || odd == "mode 0" || odd == "sparse" {
                assert_eq!(status.runs, 3, "{file} {odd}: {:?}", status.degraded);
            }
            assert!(home.record() > highest, "{file} {odd}: an id was given twice");
        }
    }
}

#[test]
fn ids_go_on_when_journal_and_index_are_lost() {
    let home = Home::new();
    home.says(&["daemon", "start"]);
    let highest = home.record();
    home.says(&["daemon", "stop"]);
    fs::remove_dir_all(home.bp().join("data/index")).unwrap();
    put("directory", &home.bp().join("data/journal/runs-000001.log"));
    home.says(&["daemon", "start"]);
    assert!(home.record() > highest);
}

#[test]
fn whatever_is_odd_elsewhere_does_not_keep_bpd_from_starting() {
    let home = Home::new();
    home.says(&["daemon", "start"]);
    home.says(&["pause", "--all", "1s"]);
    home.says(&["daemon", "stop"]);
    for file in [
        "data/bpd.lock",
        "data/store.lock",
        "data/token",
        "data/pauses.json",
        "data/log/bpd.log",
        "run/bpd.lock",
    ] {
        for odd in ["directory", "fifo", "dangling", "mode 0"] {
            let path = home.bp().join(file);
            put(odd, &path);
            home.says(&["daemon", "start"]);
            home.says(&["status"]);
            home.says(&["daemon", "stop"]);
            if !path.is_file() {
                let _ = fs::remove_file(&path);
                let _ = fs::remove_dir(&path);
                fs::write(&path, "").unwrap();
            }
        }
    }
    // Files in the place of directories.
    for dir in ["data/log", "data/spool", "data/journal", "data/samples", "data/index", "run/mail"] {
        let path = home.bp().join(dir);
        let _ = fs::remove_dir_all(&path);
        fs::write(&path, "").unwrap();
        home.says(&["daemon", "start"]);
        home.record();
        home.says(&["daemon", "stop"]);
    }
}

#[test]
fn whatever_lies_in_the_place_of_the_socket_or_in_spool_and_mailbox_is_survived() {
    let home = Home::new();
    home.says(&["daemon", "start"]);
    home.says(&["daemon", "stop"]);
    let spooled = "data/spool/01M8QY5KHXVBZBMENZMFCCRAHY";
    for file in ["run/bpd.sock", spooled, &format!("{spooled}.start"), "run/mail/123", "run/mail/123.old"] {
        for odd in ["file", "directory", "fifo", "dangling"] {
            let path = home.bp().join(file);
            fs::write(&path, "nonsense").unwrap();
            if odd != "file" {
                put(odd, &path);
            }
            home.says(&["daemon", "start"]);
            home.record();
            let status = home.status();
            if file == "run/bpd.sock" {
                assert!(
                    status.degraded_codes.contains(&"file-moved".to_owned()),
                    "{odd}: {:?}",
                    status.degraded
                );
            }
            home.says(&["daemon", "stop"]);
            let _ = fs::remove_file(&path);
            let _ = fs::remove_dir(&path);
        }
    }
}

/// The configuration is the user's own: bpd says what is wrong with it, and no verb waits for a pipe.
#[test]
fn an_odd_config_is_refused_with_its_name_and_holds_nothing_up() {
    let home = Home::new();
    fs::create_dir(home.bp()).unwrap();
    for odd in ["directory", "fifo"] {
        let config = home.bp().join("config.toml");
        fs::write(&config, "").unwrap();
        put(odd, &config);
        for words in [&["daemon", "start"][..], &["config"], &["run", "--", "true"]] {
            let mut command = home.command(words);
            // A verb looks into the config for its language, unless that is given.
            let mut child = command.env_remove("BP_LANG").stderr(Stdio::piped()).spawn().unwrap();
            let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
            while child.try_wait().unwrap().is_none() {
                if std::time::Instant::now() > deadline {
                    child.kill().unwrap();
                    panic!("{odd}: {words:?} hangs");
                }
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
            let output = child.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            if words == ["daemon", "start"] {
                assert!(!output.status.success() && said.contains("config.toml"), "{odd}: {said}");
            }
        }
        let _ = fs::remove_file(&config);
        let _ = fs::remove_dir(&config);
    }
}

/// As on ext4 after an error: a disk that turns read-only while bpd runs, and is repaired while it runs.
const READ_ONLY: &str = r#"
set -e
mkdir -p "$BP_HOME/data" "$BP_HOME/run"
chmod 700 "$BP_HOME" "$BP_HOME/data" "$BP_HOME/run"
truncate -s 40M "$HOME/disk.img"
PATH=$PATH:/sbin:/usr/sbin
{ mkfs.ext4 -q -F "$HOME/disk.img" && mount -o loop "$HOME/disk.img" "$BP_HOME/data"; } 2>/dev/null || { echo skipped; exit 0; }
chmod 700 "$BP_HOME/data"
"$BPCTL" daemon start
"$BPCTL" run -- true
"$BPCTL" tag latest first
mount -o remount,abort "$BP_HOME/data" 2>/dev/null || true
"$BPCTL" tag latest second 2>&1 && echo 'a write succeeded'
echo "status: $("$BPCTL" status --json)"
"$BPCTL" daemon stop
"$BPCTL" daemon start
echo "again: $("$BPCTL" status --json)"
"$BPCTL" show latest --json >/dev/null && echo readable
"$BPCTL" daemon stop
echo done
"#;

#[test]
fn a_disk_that_turns_read_only_is_reported_read_and_recovered_from() {
    let home = Home::new();
    let mut command = Command::new("unshare");
    command.args(["-m", "--propagation", "private", "sh", "-c", READ_ONLY]);
    command.env("BP_HOME", home.bp()).env("HOME", home.scratch.path()).env("BP_HTTP", "127.0.0.1:0");
    command.env("BPCTL", env!("CARGO_BIN_EXE_bpctl")).env("BP_LANG", "en").stdin(Stdio::null());
    let output = command.env_remove("BP_RUN").env_remove("BP_CONFIG").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    if said.trim() == "skipped" || errors.contains("unshare") {
        eprintln!("skipped: this user may not mount");
        return;
    }
    let line = |name: &str| said.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
    assert!(!said.contains("a write succeeded"), "{said}{errors}");
    assert!(said.contains("nothing can be written"), "{said}{errors}");
    for name in ["status:", "again:"] {
        assert!(line(name).contains("store-unwritable"), "{said}{errors}");
    }
    assert!(said.contains("readable") && line("again:").contains("\"runs\":1"), "{said}{errors}");
    assert!(said.ends_with("done\n"), "{said}{errors}");
}

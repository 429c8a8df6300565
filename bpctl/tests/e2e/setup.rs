//! `bpctl setup` and `bpctl uninstall`, as somebody meets them who has just built the programs.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};

use crate::served::{Served, settled};
use crate::shells::{Home, Kind, Shell, Transport};

const SHELLS: [Kind; 3] = [Kind::Bash, Kind::Zsh, Kind::Fish];

fn bpctl(home: &Home, words: &[&str]) -> Output {
    let mut command = home.environment(Command::new(env!("CARGO_BIN_EXE_bpctl")));
    command.args(words).env("BP_LANG", "en").env_remove("ZDOTDIR").output().unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_shell_that_was_set_up_is_recorded_and_uninstall_leaves_its_file_as_it_was() {
    for kind in SHELLS {
        let home = Home::new();
        home.rc(kind, "", false, "");
        let rc = home.rc_file(kind);
        let before = fs::read(&rc).unwrap();
        fs::set_permissions(&rc, fs::Permissions::from_mode(0o640)).unwrap();
        for already in [false, true] {
            let done = bpctl(&home, &["setup", kind.name(), "--yes"]);
            assert!(done.status.success(), "{}", text(&done));
            assert_eq!(text(&done).contains("already"), already, "{}", text(&done));
        }
        let after = fs::read_to_string(&rc).unwrap();
        assert_eq!(after.matches("bpctl setup").count(), 1, "{after}");
        assert_eq!(fs::metadata(&rc).unwrap().permissions().mode() & 0o777, 0o640);

        let bpd = Served::start(&home);
        let command = home.command(kind, Transport::Mailbox);
        let mut shell = Shell::from(home, command);
        shell.line("echo set up");
        assert_eq!(settled(&shell.home, 1)[0].command.as_deref(), Some("echo set up"), "{kind:?}");

        let gone = bpctl(&shell.home, &["uninstall", "--yes", "--data"]);
        assert!(gone.status.success(), "{}", text(&gone));
        assert_eq!(fs::read(&rc).unwrap(), before, "{kind:?}");
        assert!(!shell.home.bp().join("data").exists() && !shell.home.bp().join("run").exists());
        drop(bpd);
        let screen = shell.line("echo on").screen;
        assert!(!screen.contains("bizim"), "{screen:?}");
        assert!(!shell.home.mail().exists(), "the shell that was open puts nothing back");
    }
}

#[test]
fn nobody_is_set_up_without_having_said_so() {
    let home = Home::new();
    let done = bpctl(&home, &["setup", "bash"]);
    assert_eq!(done.status.code(), Some(2), "{}", text(&done));
    assert!(text(&done).contains("--yes"), "{}", text(&done));
    assert!(!home.rc_file(Kind::Bash).exists());
    // A link to a file that is kept elsewhere stays a link.
    let kept = home.work().join("bashrc");
    fs::write(&kept, "alias x=y").unwrap();
    std::os::unix::fs::symlink(&kept, home.rc_file(Kind::Bash)).unwrap();
    assert!(bpctl(&home, &["setup", "bash", "--yes"]).status.success());
    assert!(fs::symlink_metadata(home.rc_file(Kind::Bash)).unwrap().is_symlink());
    assert!(fs::read_to_string(&kept).unwrap().starts_with("alias x=y\n"));
    // What was recorded stays unless it is said.
    fs::create_dir_all(home.bp().join("data")).unwrap();
    let gone = bpctl(&home, &["uninstall", "--yes"]);
    assert!(gone.status.success() && home.bp().join("data").exists(), "{}", text(&gone));
    assert_eq!(fs::read_to_string(&kept).unwrap(), "alias x=y\n");
}

#[test]
fn a_shell_that_nobody_knows_is_asked_for() {
    let home = Home::new();
    let mut command = home.environment(Command::new(env!("CARGO_BIN_EXE_bpctl")));
    let done =
        command.args(["setup", "--yes"]).env("SHELL", "/bin/tcsh").env("BP_LANG", "en").output().unwrap();
    assert_eq!(done.status.code(), Some(2), "{}", text(&done));
    assert!(text(&done).contains("tcsh"), "{}", text(&done));
}

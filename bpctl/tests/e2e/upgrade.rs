//! A bpd and a hook of another version beside this bpctl, as after an upgrade: both really run.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::served::{Served, settled};
use crate::shells::{Home, Kind, Shell, Transport};

const OWN: &str = env!("CARGO_PKG_VERSION");

/// As long as ours, so that it can be written in its place.
fn other() -> String {
    let last = OWN.as_bytes()[OWN.len() - 1];
    format!("{}{}", &OWN[..OWN.len() - 1], if last == b'0' { '1' } else { '0' })
}

/// bpd and bpctl as they are built here, but of that version.
fn programs_of_another_version(home: &Home) -> PathBuf {
    let dir = home.work().join("other");
    fs::create_dir(&dir).unwrap();
    let change = format!("s/{}/{}/g", OWN.replace('.', "\\."), other());
    for program in ["bpd", "bpctl"] {
        let (from, to) = (home.programs().join(program), dir.join(program));
        let changed = Command::new("sed").arg(&change).arg(from).env("LC_ALL", "C").output().unwrap();
        assert!(changed.status.success(), "{changed:?}");
        fs::write(&to, changed.stdout).unwrap();
        fs::set_permissions(&to, fs::Permissions::from_mode(0o755)).unwrap();
    }
    dir
}

/// Puts the programs of `from` on the search path of that home's shells.
fn install(home: &Home, from: &Path) -> PathBuf {
    let bin = home.path().join("bin");
    fs::create_dir_all(&bin).unwrap();
    for program in ["bpd", "bpctl"] {
        let (new, at) = (bin.join(format!("{program}.new")), bin.join(program));
        symlink(from.join(program), &new).unwrap();
        fs::rename(new, at).unwrap();
    }
    bin
}

/// Whichever bpd serves there is stopped at the end, however the test ends.
struct Last {
    bpctl: PathBuf,
    bp: PathBuf,
}

impl Drop for Last {
    fn drop(&mut self) {
        let _ = Command::new(&self.bpctl).args(["daemon", "stop"]).env("BP_HOME", &self.bp).output();
    }
}

#[test]
fn after_an_upgrade_bpd_is_restarted_and_a_shell_with_the_old_hook_is_told() {
    for kind in [Kind::Bash, Kind::Zsh, Kind::Fish] {
        let home = Home::new();
        let line = match kind {
            Kind::Fish => "bpctl init fish | source".to_owned(),
            _ => format!("eval \"$(bpctl init {})\"", kind.name()),
        };
        home.rc(kind, "", false, &line);
        let old = programs_of_another_version(&home);
        let bin = install(&home, &old);
        let shell = |home: Home| {
            let mut command = home.command(kind, Transport::Mailbox);
            let path = std::env::var("PATH").unwrap();
            command.env("PATH", format!("{}:{path}", bin.display())).env("BP_LANG", "en");
            Shell::from(home, command)
        };
        let _last = Last { bpctl: home.programs().join("bpctl"), bp: home.bp() };
        let _bpd = Served::from(&home, home.environment(Command::new(old.join("bpd"))));
        let mut shell_of_before = shell(home);
        let version = |shell: &mut Shell| shell.line("bpctl status").screen;
        assert!(version(&mut shell_of_before).contains(&other()), "{}", version(&mut shell_of_before));

        install(&shell_of_before.home, &shell_of_before.home.programs());
        let said = shell_of_before.line("bpctl doctor");
        let skew = format!("bpd is version {}, bpctl is {OWN}", other());
        assert!(said.status == 1 && said.screen.contains(&skew), "{kind:?}: {}", said.screen);
        assert!(said.screen.contains("bpctl daemon restart"), "{kind:?}: {}", said.screen);
        let said = shell_of_before.line("bpctl doctor --fix");
        assert!(said.status == 0 && said.screen.contains("bpd was restarted"), "{kind:?}: {}", said.screen);
        assert!(version(&mut shell_of_before).contains(OWN));

        let ask = if kind == Kind::Fish {
            "eval (bpctl doctor --shell)"
        } else {
            "eval \"$(bpctl doctor --shell)\""
        };
        let said = shell_of_before.line(ask);
        let skew = format!("this shell's hook is of version {}, bpctl is {OWN}", other());
        assert!(said.status == 1 && said.screen.contains(&skew), "{kind:?}: {}", said.screen);
        assert!(said.screen.contains(&format!("exec {}", kind.name())), "{kind:?}: {}", said.screen);
        // The old hook and the new bpd understand each other.
        shell_of_before.line("echo one");
        settled(&shell_of_before.home, 1);
        let mut new = shell(shell_of_before.home);
        let said = new.line(ask);
        assert!(
            said.status == 0 && said.screen.contains("loaded and in its place"),
            "{kind:?}: {}",
            said.screen
        );
    }
}

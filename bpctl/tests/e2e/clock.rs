//! A wall clock that is set while a line runs: of the shell, of bpd and of everything else at once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bp_proto::RunState;

use crate::served::{Served, settled};
use crate::shells::{Home, Kind, Shell, Transport};

/// Seconds by which it is set.
const HOUR: i64 = 3600;

/// The package keeps it away from the linker's own search path.
fn library() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").unwrap().flatten().map(|entry| entry.path());
    let mut libraries = folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1"));
    libraries.find(|library| library.is_file()).expect("no libfaketime; Debian's package is faketime")
}

/// What libfaketime shares between a process and its children: a process that is killed leaves it behind.
#[derive(Default)]
struct SharedClocks(Vec<u32>);

impl Drop for SharedClocks {
    fn drop(&mut self) {
        for pid in &self.0 {
            for name in [format!("faketime_shm_{pid}"), format!("sem.faketime_sem_{pid}")] {
                let _ = fs::remove_file(Path::new("/dev/shm").join(name));
            }
        }
    }
}

/// `command` under a wall clock that is ahead by what stands in `file`, in seconds.
fn with_clock(mut command: Command, file: &Path) -> Command {
    command.env("LD_PRELOAD", library()).env("FAKETIME_TIMESTAMP_FILE", file);
    // Nobody sets the monotonic one, and what is set is seen at once.
    command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("FAKETIME_NO_CACHE", "1");
    command
}

#[test]
fn a_clock_that_is_set_while_a_line_runs_changes_no_duration() {
    for kind in Kind::ALL {
        // Goes last.
        let mut clocks = SharedClocks::default();
        let home = Home::new();
        home.rc(kind, "", true, "");
        let file = home.work().join("clock");
        fs::write(&file, "+0").unwrap();
        let bpd = home.environment(Command::new(home.programs().join("bpd")));
        let bpd = Served::from(&home, with_clock(bpd, &file));
        clocks.0.push(bpd.pid());
        let command = with_clock(home.command(kind, Transport::Mailbox), &file);
        let mut shell = Shell::from(home, command);
        clocks.0.push(shell.terminal.pid());
        shell.line("sleep 0.2");
        shell.line(format!("sleep 0.3; echo +{HOUR} >|clock; sleep 0.3"));
        shell.line("sleep 0.2");
        shell.line("sleep 0.3; echo +0 >|clock; sleep 0.3");
        shell.line("sleep 0.2");
        let mut runs = settled(&shell.home, 5);
        // They are listed by what the clock said.
        runs.sort_by_key(|run| run.id);
        let context = format!("{kind:?}: {runs:?}");
        for (run, least_s) in runs.iter().zip([0.2, 0.6, 0.2, 0.6, 0.2]) {
            let stats = run.run_stats.as_ref().unwrap();
            assert_eq!((run.state, run.exit_code), (RunState::Finished, Some(0)), "{context}");
            assert!(stats.duration_s.is_some_and(|took_s| took_s >= least_s && took_s < 120.0), "{context}");
            assert_eq!(stats.suspended_s, Some(0.0), "{context}");
            // By the clock at its start.
            let lasted_ms = run.finished_at.unwrap().0 - run.started_at.unwrap().0;
            assert!((0..120_000).contains(&lasted_ms), "{context}");
        }
        // It was set indeed; bash asks the kernel past the library, and is a shell whose clock bpd's does not follow.
        let began = |nth: usize| runs[nth].started_at.unwrap().0;
        let was_set = began(2) - began(1) > (HOUR - 120) * 1000 && began(4) < began(3);
        assert!(was_set || kind == Kind::Bash, "{context}");
    }
}

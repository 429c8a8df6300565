//! The states of runs: jobs, suspended lines, lines that end their shell, and what `latest` means to the line that asks.

use bp_proto::{Run, RunState, UnixMillis};
use rustix::process::{Pid, Signal, kill_process};

use crate::served::{Served, bpctl, runs, settled, until};
use crate::shells::{Home, Kind, Shell, Transport};

const EVERY: [Kind; 3] = [Kind::Bash, Kind::Zsh, Kind::Fish];
const CTRL_C: &[u8] = b"\x03";
const CTRL_Z: &[u8] = b"\x1a";

/// Says that it has the terminal, then waits for a line and ends with status 4.
const READS: &str = "sh -c 'echo go; read x; exit 4'";

fn served(kind: Kind) -> (Shell, Served) {
    let shell = Shell::start(kind);
    let bpd = Served::start(&shell.home);
    (shell, bpd)
}

/// Waits until the run of this text is in a state, and gives it.
fn in_state(home: &Home, text: &str, state: RunState) -> Run {
    until(&format!("{text} is {}", state.word()), || {
        runs(home).into_iter().find(|run| run.command.as_deref() == Some(text) && run.state == state)
    })
}

fn duration(run: &Run) -> f64 {
    run.run_stats.as_ref().and_then(|stats| stats.duration_s).unwrap_or(0.0)
}

/// Sends a line that ends its shell, and waits for the end of the terminal.
fn leave(shell: &mut Shell, line: &str) {
    shell.terminal.send([line, "\r"].concat());
    shell.terminal.gone();
}

/// The signal that closing a terminal sends to its shell, or another one. The terminal stays open.
fn end_by(shell: &mut Shell, signal: Signal) {
    kill_process(Pid::from_raw(shell.terminal.pid() as i32).unwrap(), signal).unwrap();
    shell.terminal.gone();
}

#[test]
fn a_line_that_ends_its_shell_has_left_with_its_status_and_is_no_failure() {
    for kind in EVERY {
        for (before, line, code) in
            [(None, "exit 7", Some(7)), (Some("true"), "exit 7", Some(7)), (Some("true"), "exit", Some(0))]
        {
            let (mut shell, _bpd) = served(kind);
            if let Some(before) = before {
                shell.line(before);
            }
            leave(&mut shell, line);
            let left = in_state(&shell.home, line, RunState::Left);
            assert_eq!((left.exit_code, left.signal), (code, None), "{kind:?} {line}");
            for search in ["exit:!0", "state:lost"] {
                let listed = bpctl(&shell.home, &["list", "--json", search]);
                assert_eq!(String::from_utf8_lossy(&listed.stdout).trim(), "[]", "{kind:?} {line} {search}");
            }
            assert!(!bpctl(&shell.home, &["show", "latest-failed"]).status.success(), "{kind:?} {line}");
        }
    }
}

#[test]
fn a_closed_terminal_is_left_and_a_killed_shell_is_lost() {
    for kind in EVERY {
        for (is_killed, state) in [(false, RunState::Left), (true, RunState::Lost)] {
            let (mut shell, _bpd) = served(kind);
            shell.line("true");
            shell.terminal.send([READS, "\r"].concat());
            shell.terminal.shows("go\r\n");
            in_state(&shell.home, READS, RunState::Running);
            end_by(&mut shell, if is_killed { Signal::KILL } else { Signal::HUP });
            in_state(&shell.home, READS, state);
        }
    }
}

#[test]
fn an_interactive_shell_that_takes_the_place_of_another_ends_the_line_before_anything_is_typed() {
    for before in EVERY {
        for after in EVERY {
            let (mut shell, _bpd) = served(before);
            shell.home.rc(after, "", true, "");
            shell.line("true");
            let exec = format!("exec {} -i", after.name());
            shell.terminal.send([&*exec, "\r"].concat());
            shell.terminal.forget_prompts();
            let left = in_state(&shell.home, &exec, RunState::Left);
            assert_eq!(left.exit_code, None, "{before:?} to {after:?}");
        }
    }
}

#[test]
fn a_program_that_takes_the_place_of_the_shell_runs_until_it_ends() {
    for kind in EVERY {
        let (mut shell, _bpd) = served(kind);
        shell.line("true");
        let line = "exec sh -c 'echo go; read x; exit 5'";
        shell.terminal.send([line, "\r"].concat());
        shell.terminal.shows("go\r\n");
        std::thread::sleep(std::time::Duration::from_millis(400));
        assert_eq!(in_state(&shell.home, line, RunState::Running).exit_code, None, "{kind:?}");
        shell.terminal.send("\r");
        assert_eq!(in_state(&shell.home, line, RunState::Left).exit_code, Some(5), "{kind:?}");
    }
}

#[test]
fn a_line_that_switches_the_hook_off_is_not_lost() {
    for (kind, line) in
        [(Kind::Bash, "export BP_OFF=1"), (Kind::Zsh, "export BP_OFF=1"), (Kind::Fish, "set -gx BP_OFF 1")]
    {
        let (mut shell, _bpd) = served(kind);
        shell.line(line);
        in_state(&shell.home, line, RunState::Finished);
    }
}

#[test]
fn a_line_that_removes_the_whole_hook_ends_when_its_shell_reads_the_next_command() {
    for (kind, define, undo) in [
        (Kind::Bash, "zap() { unset PROMPT_COMMAND PS0; trap - DEBUG; }; ask() { IFS= read -r x; }", "zap"),
        (
            Kind::Zsh,
            "zap() { precmd_functions=() preexec_functions=() zshaddhistory_functions=(); }; ask() { IFS= read -r x; }",
            "zap; true",
        ),
    ] {
        let (mut shell, _bpd) = served(kind);
        shell.line(define);
        // What waits for input in another way is not over.
        shell.terminal.send("ask\r");
        in_state(&shell.home, "ask", RunState::Running);
        std::thread::sleep(std::time::Duration::from_secs(7));
        in_state(&shell.home, "ask", RunState::Running);
        shell.line("x");
        assert_eq!(in_state(&shell.home, "ask", RunState::Finished).exit_code, Some(0), "{kind:?}");
        let before = UnixMillis::now();
        shell.line(undo);
        let ended = in_state(&shell.home, undo, RunState::Finished);
        assert_eq!((ended.exit_code, ended.signal), (None, None), "{kind:?}");
        assert!(ended.finished_at.unwrap() >= before, "{kind:?}: {ended:#?}");
    }
}

#[test]
fn a_job_runs_in_the_background_until_it_ends_with_its_own_duration_and_status() {
    for kind in EVERY {
        for line in [
            "sh -c 'sleep 1; exit 3' &",
            "sh -c 'sleep 2; exit 3' & true",
            "sleep 0.5 & sh -c 'sleep 2; exit 3' &",
            "sleep 2 | sh -c 'cat; exit 3' &",
            "nohup sh -c 'sleep 2; exit 3' >/dev/null 2>&1 &",
        ] {
            let (mut shell, _bpd) = served(kind);
            shell.line(line);
            in_state(&shell.home, line, RunState::Background);
            let ended = in_state(&shell.home, line, RunState::Finished);
            assert_eq!(ended.exit_code, Some(3), "{kind:?} {line}");
            let took = duration(&ended);
            assert!((1.0..8.0).contains(&took), "{kind:?} {line}: {took}");
            assert!(!ended.background, "{kind:?} {line}");
        }
    }
}

#[test]
fn a_job_that_is_over_at_the_prompt_is_a_line_as_any_other() {
    for kind in EVERY {
        let (mut shell, _bpd) = served(kind);
        let line = "false & wait; false";
        shell.line(line);
        assert_eq!(in_state(&shell.home, line, RunState::Finished).exit_code, Some(1), "{kind:?}");
    }
}

#[test]
fn a_coprocess_is_a_job() {
    for kind in Kind::ALL {
        let (mut shell, _bpd) = served(kind);
        let line = "coproc sh -c 'sleep 2; exit 3'";
        shell.line(line);
        in_state(&shell.home, line, RunState::Background);
        assert_eq!(in_state(&shell.home, line, RunState::Finished).exit_code, Some(3), "{kind:?}");
    }
}

#[test]
fn a_shell_that_ends_by_its_timeout_leaves_no_run_open_or_lost() {
    for kind in Kind::ALL {
        let (mut shell, _bpd) = served(kind);
        shell.line("false");
        shell.terminal.send("TMOUT=1\r");
        shell.terminal.gone();
        let all = settled(&shell.home, 2);
        let told: Vec<_> = all.iter().map(|run| (run.command.as_deref(), run.state)).collect();
        assert_eq!(
            told,
            [(Some("false"), RunState::Finished), (Some("TMOUT=1"), RunState::Finished)],
            "{kind:?}"
        );
    }
}

#[test]
fn a_daemon_that_a_line_left_behind_is_no_job_and_its_cpu_time_is_a_figure_of_its_own() {
    for kind in Kind::ALL {
        let (mut shell, _bpd) = served(kind);
        let busy = "sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done'";
        let line = format!("({busy} &)");
        shell.line(&line);
        let ended = in_state(&shell.home, &line, RunState::Finished);
        assert_eq!(ended.exit_code, Some(0), "{kind:?}");
        let run = until("the CPU time of the daemon", || {
            let run = runs(&shell.home).into_iter().find(|run| run.command.as_deref() == Some(&*line))?;
            let used = run.run_stats.as_ref()?.background_cpu_seconds?;
            (used > 0.05).then_some(run)
        });
        let stats = run.run_stats.unwrap();
        let most =
            stats.duration_s.unwrap() * f64::from(run.context.and_then(|context| context.cpus).unwrap_or(64));
        assert!(stats.cpu_seconds.unwrap_or(0.0) <= most + 0.001, "{kind:?}: {stats:?}");
    }
}

#[test]
fn ctrl_z_stops_a_run_and_fg_continues_it() {
    for kind in EVERY {
        let (mut shell, _bpd) = served(kind);
        shell.line("true");
        shell.terminal.send([READS, "\r"].concat());
        shell.terminal.shows("go\r\n");
        in_state(&shell.home, READS, RunState::Running);
        for _ in 0..2 {
            shell.terminal.send(CTRL_Z);
            shell.terminal.prompt();
            let stopped = in_state(&shell.home, READS, RunState::Stopped);
            assert_eq!((stopped.exit_code, stopped.signal), (None, None), "{kind:?}");
            shell.terminal.send("fg\r");
            in_state(&shell.home, READS, RunState::Running);
        }
        shell.terminal.send("line\r");
        shell.terminal.prompt();
        let ended = in_state(&shell.home, READS, RunState::Finished);
        assert_eq!(ended.exit_code, Some(4), "{kind:?}");
        shell.line("true");
        let texts: Vec<_> = settled(&shell.home, 3).into_iter().filter_map(|run| run.command).collect();
        assert_eq!(texts, ["true", READS, "true"], "{kind:?}: fg is no run of its own");
        // Without a job it is a line as any other.
        shell.line("fg");
        assert_ne!(in_state(&shell.home, "fg", RunState::Finished).exit_code, Some(0), "{kind:?}");
    }
}

#[test]
fn a_job_that_ends_as_soon_as_it_is_continued_has_its_own_status() {
    for kind in EVERY {
        let (mut shell, _bpd) = served(kind);
        // It stops itself.
        let line = "sh -c 'kill -STOP $$; exit 6'";
        for before in ["true", "false"] {
            shell.line(before);
            shell.line(line);
            in_state(&shell.home, line, RunState::Stopped);
            shell.line("fg");
            let run = until("the end of the job", || {
                runs(&shell.home).pop().filter(|run| run.state == RunState::Finished)
            });
            let told = (run.command.as_deref(), run.exit_code);
            assert_eq!(told, (Some(line), Some(6)), "{kind:?}: {run:#?}");
        }
        shell.line("true");
        assert_eq!(settled(&shell.home, 5).len(), 5, "{kind:?}: fg is no run of its own");
    }
}

#[test]
fn a_stopped_run_goes_on_in_the_background_and_ends_by_a_signal() {
    for kind in EVERY {
        let (mut shell, _bpd) = served(kind);
        // `sleep` has begun when `go` is shown: a stop that met dash in the middle of its `vfork` would hang it.
        let line = "sh -c 'sleep 60 & echo go; wait; true'";
        shell.line("true");
        shell.terminal.send([line, "\r"].concat());
        shell.terminal.shows("go\r\n");
        shell.terminal.send(CTRL_Z);
        shell.terminal.prompt();
        in_state(&shell.home, line, RunState::Stopped);
        shell.line("bg");
        in_state(&shell.home, line, RunState::Background);
        shell.line("kill %1");
        let ended = in_state(&shell.home, line, RunState::Finished);
        assert_eq!((ended.exit_code, ended.signal), (Some(143), Some(15)), "{kind:?}");
    }
}

#[test]
fn a_stopped_run_that_its_shell_takes_along_has_left() {
    for kind in Kind::ALL {
        let (mut shell, _bpd) = served(kind);
        shell.line("true");
        shell.terminal.send([READS, "\r"].concat());
        shell.terminal.shows("go\r\n");
        shell.terminal.send(CTRL_Z);
        shell.terminal.prompt();
        in_state(&shell.home, READS, RunState::Stopped);
        end_by(&mut shell, Signal::HUP);
        in_state(&shell.home, READS, RunState::Left);
    }
}

#[test]
fn a_disowned_job_outlives_its_shell_in_the_background() {
    for kind in EVERY {
        let (mut shell, _bpd) = served(kind);
        let line = "nohup sleep 4 >/dev/null 2>&1 &";
        shell.line(line);
        shell.line("disown");
        in_state(&shell.home, line, RunState::Background);
        leave(&mut shell, "exit");
        in_state(&shell.home, "exit", RunState::Left);
        in_state(&shell.home, line, RunState::Background);
        assert_eq!(in_state(&shell.home, line, RunState::Finished).exit_code, Some(0), "{kind:?}");
    }
}

#[test]
fn a_job_is_known_to_the_bpd_that_comes_after() {
    for kind in EVERY {
        let (mut shell, bpd) = served(kind);
        let line = "sh -c 'sleep 6; exit 3' &";
        shell.line(line);
        in_state(&shell.home, line, RunState::Background);
        bpd.kill();
        let _bpd = Served::start(&shell.home);
        in_state(&shell.home, line, RunState::Background);
        assert_eq!(in_state(&shell.home, line, RunState::Finished).exit_code, Some(3), "{kind:?}");
    }
}

#[test]
fn latest_is_never_the_line_that_asks() {
    for kind in EVERY {
        let (mut shell, _bpd) = served(kind);
        shell.line("true one");
        shell.line("false");
        let shown = shell.line("true; bpctl show latest --json | head -c 8");
        assert!(shown.screen.contains("{\"id\":2,"), "{kind:?}: {}", shown.screen);
        let shown = shell.line("true; bpctl show latest-failed --json | head -c 8");
        assert!(shown.screen.contains("{\"id\":2,"), "{kind:?}: {}", shown.screen);
        let shown = shell.line("true; bpctl show running 2>&1 | head -1");
        assert!(shown.screen.contains("running"), "{kind:?}: {}", shown.screen);
        // A job of the same shell contains not what is typed beside it.
        shell.line("sleep 30 &");
        let shown = shell.line("true; bpctl show latest --json | head -c 8");
        assert!(shown.screen.contains("{\"id\":6,"), "{kind:?}: {}", shown.screen);
        // From within a shell that the line started, too.
        let shown = shell.line("true; sh -c 'sh -c \"bpctl show latest --json | head -c 8\"; true'");
        assert!(shown.screen.contains("{\"id\":7,"), "{kind:?}: {}", shown.screen);
        bpctl(&shell.home, &["list"]);
    }
}

#[test]
fn compare_swaps_two_runs_that_are_named_in_the_other_order_and_says_so() {
    let (mut shell, _bpd) = served(Kind::Bash);
    shell.line("sleep 0.1");
    shell.line("true");
    shell.line("sleep 0.1");
    settled(&shell.home, 3);
    for words in [["1", "3"], ["1", "latest"], ["3", "1"], ["latest{sleep}", "1"]] {
        let compared = bpctl(&shell.home, &["compare", "--json", words[0], words[1]]);
        let told: serde_json::Value = serde_json::from_slice(&compared.stdout)
            .unwrap_or_else(|_| panic!("{words:?}: {}", String::from_utf8_lossy(&compared.stderr)));
        assert_eq!((&told["current"]["id"], &told["baseline"]["id"]), (&3.into(), &1.into()), "{words:?}");
        assert_eq!(told["swapped"], words[0] == "1", "{words:?}");
    }
    for (lang, said) in [("en", "the two were swapped"), ("tr", "yeri değiştirildi")] {
        let compared = bpctl(&shell.home, &["--lang", lang, "compare", "1", "3"]);
        let text = String::from_utf8_lossy(&compared.stdout).into_owned();
        assert!(text.contains(said) && text.contains("sleep 0.1"), "{text}");
    }
    let refused = bpctl(&shell.home, &["compare", "2"]);
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(text.contains("“true”") && text.contains("once more"), "{text}");
}

#[test]
fn a_run_of_the_socket_transport_has_the_same_states() {
    for kind in Kind::ALL {
        let home = Home::new();
        home.rc(kind, "", true, "");
        let command = home.command(kind, Transport::Socket);
        let mut shell = Shell::from(home, command);
        let _bpd = Served::start(&shell.home);
        let line = "sh -c 'sleep 4; exit 3' &";
        shell.line(line);
        in_state(&shell.home, line, RunState::Background);
        assert_eq!(in_state(&shell.home, line, RunState::Finished).exit_code, Some(3), "{kind:?}");
        shell.terminal.send([READS, "\r"].concat());
        shell.terminal.shows("go\r\n");
        shell.terminal.send(CTRL_C);
        shell.terminal.prompt();
        let interrupted = in_state(&shell.home, READS, RunState::Finished);
        assert_eq!(interrupted.exit_code, Some(130), "{kind:?}");
        leave(&mut shell, "exit 7");
        assert_eq!(in_state(&shell.home, "exit 7", RunState::Left).exit_code, Some(7), "{kind:?}");
    }
}

#[test]
fn a_wrapper_that_is_suspended_is_one_run_with_its_line() {
    for kind in Kind::ALL {
        let (mut shell, _bpd) = served(kind);
        let line = "bpctl run -- sh -c 'echo go; read x; exit 4'";
        shell.line("true");
        shell.terminal.send([line, "\r"].concat());
        shell.terminal.shows("go\r\n");
        shell.terminal.send(CTRL_Z);
        shell.terminal.prompt();
        in_state(&shell.home, line, RunState::Stopped);
        shell.terminal.send("fg\r");
        in_state(&shell.home, line, RunState::Running);
        shell.terminal.send("x\r");
        shell.terminal.prompt();
        assert_eq!(in_state(&shell.home, line, RunState::Finished).exit_code, Some(4), "{kind:?}");
        assert_eq!(settled(&shell.home, 2).len(), 2, "{kind:?}");
    }
}

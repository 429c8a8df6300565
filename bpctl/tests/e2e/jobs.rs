//! Signals, jobs, shells within shells and shells that become other shells.

use crate::shells::{Kind, Shell};

const CTRL_C: &[u8] = b"\x03";
const CTRL_Z: &[u8] = b"\x1a";

const EVERY: [Kind; 3] = [Kind::Bash, Kind::Zsh, Kind::Fish];

/// Says that it has the terminal, then stays.
const CAT: &str = "sh -c 'echo go; exec cat'";

/// Types a line that starts or ends a shell. fish paints its prompt anew as the line grows: it is done with that when it
/// gives the terminal away.
fn enter(shell: &mut Shell, reader: Kind, line: &str) {
    shell.terminal.send([line, "\r"].concat());
    if reader == Kind::Fish {
        shell.terminal.shows("\u{1b}[?2004l");
    }
}

fn told(shell: &Shell) -> Vec<(String, Option<i32>)> {
    shell.told()
}

fn expected(runs: &[(&str, Option<i32>)]) -> Vec<(String, Option<i32>)> {
    runs.iter().map(|(text, status)| ((*text).to_owned(), *status)).collect()
}

#[test]
fn an_interrupted_line_is_nothing_and_an_interrupted_command_ends_with_its_signal() {
    for kind in Kind::ALL {
        let mut shell = Shell::start(kind);
        shell.terminal.send("echo never");
        shell.terminal.shows("echo never");
        // A signal between the echo and the next reading is noticed at the next key only, by any line editor.
        shell.terminal.waits();
        shell.terminal.send(CTRL_C);
        shell.terminal.prompt();
        shell.terminal.send([CAT, "\r"].concat());
        shell.terminal.shows("\ngo\r\n");
        shell.terminal.send(CTRL_C);
        assert_eq!(shell.terminal.prompt().status, 130, "{kind:?}");
        shell.line("true");
        assert_eq!(told(&shell), expected(&[(CAT, Some(130)), ("true", Some(0))]), "{kind:?}");
    }
}

#[test]
fn a_stopped_job_ends_its_line_and_goes_on_in_another() {
    for (kind, stopped) in [(Kind::Bash, 148), (Kind::Zsh, 148)] {
        let mut shell = Shell::start(kind);
        shell.terminal.send([CAT, "\r"].concat());
        shell.terminal.shows("\ngo\r\n");
        shell.terminal.send("here\r");
        shell.terminal.shows("here\r\nhere\r\n");
        shell.terminal.send(CTRL_Z);
        assert_eq!(shell.terminal.prompt().status, stopped, "{kind:?}");
        shell.terminal.send("fg\r");
        shell.terminal.shows("exec cat'\r\n");
        shell.terminal.send("again\r");
        shell.terminal.shows("again\r\nagain\r\n");
        shell.terminal.send("\x04");
        assert_eq!(shell.terminal.prompt().status, 0, "{kind:?}");
        assert_eq!(told(&shell), expected(&[(CAT, Some(stopped)), ("fg", Some(0))]), "{kind:?}");
    }
}

#[test]
fn a_background_job_ends_its_line_at_the_prompt_and_is_never_told_again() {
    for kind in Kind::ALL {
        let mut shell = Shell::start(kind);
        shell.line("cat <<<x >/dev/null &");
        shell.line("wait");
        shell.line("true");
        assert_eq!(
            told(&shell),
            expected(&[("cat <<<x >/dev/null &", Some(0)), ("wait", Some(0)), ("true", Some(0))]),
            "{kind:?}"
        );
    }
}

#[test]
fn a_shell_in_a_shell_tells_for_itself() {
    for outer in EVERY {
        for inner in EVERY {
            let mut shell = Shell::start(outer);
            shell.home.rc(inner, "", true, "");
            enter(&mut shell, outer, &format!("{} -i", inner.name()));
            // A number of its own: the prompt of the shell within starts at one again.
            shell.terminal.forget_prompts();
            shell.terminal.prompt();
            shell.line("false");
            enter(&mut shell, inner, "exit 5");
            shell.terminal.forget_prompts();
            assert_eq!(shell.terminal.prompt().status, 5, "{inner:?} in {outer:?}");
            let mut runs = shell.home.runs();
            runs.sort_by_key(|run| run.start.shell.start_ticks);
            let within: Vec<_> = runs.iter().map(|run| (run.text(), run.status())).collect();
            for run in [
                (format!("{} -i", inner.name()), Some(5)),
                ("false".into(), Some(1)),
                // fish ends the line that ends it.
                ("exit 5".into(), (inner == Kind::Fish).then_some(5)),
            ] {
                assert!(within.contains(&run), "{inner:?} in {outer:?}: {within:?}");
            }
            assert_eq!(within.len(), 3, "{within:?}");
        }
    }
}

#[test]
fn a_shell_that_becomes_another_goes_on_telling() {
    for before in EVERY {
        for after in EVERY {
            let mut shell = Shell::start(before);
            shell.home.rc(after, "", true, "");
            enter(&mut shell, before, &format!("exec {} -i", after.name()));
            shell.terminal.forget_prompts();
            shell.terminal.prompt();
            shell.line("false");
            let exec = format!("exec {} -i", after.name());
            assert_eq!(
                told(&shell),
                expected(&[(&exec, None), ("false", Some(1))]),
                "{before:?} to {after:?}"
            );
        }
    }
}

#[test]
fn a_terminal_that_is_closed_leaves_a_start_without_an_end() {
    for kind in EVERY {
        let mut shell = Shell::start(kind);
        shell.terminal.send([CAT, "\r"].concat());
        shell.terminal.shows("go\r\n");
        let home = shell.hang_up();
        let runs = home.runs();
        assert_eq!((runs[0].text().as_str(), runs[0].status()), (CAT, None), "{kind:?}");
    }
}

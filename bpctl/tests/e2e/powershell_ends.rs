//! PowerShell in a real terminal: how lines and shells end, jobs, and places that cannot be written.

use std::fs;

use bp_proto::{Run, RunState};

use crate::powershell::{PROBE, PROMPT, Pwsh, listed, owned, plain, program};
use crate::served::{Served, runs, settled, until};
use crate::shells::{Home, Transport};

/// The newest run of the line `text`, when it is over. No text: it is not in the history.
fn ended(home: &Home, text: Option<&str>) -> Run {
    until(&format!("the end of {text:?}"), || {
        let run = runs(home).into_iter().rev().find(|run| run.command.as_deref() == text)?;
        (!matches!(run.state, RunState::Running | RunState::Background | RunState::Stopped)).then_some(run)
    })
}

#[test]
fn a_shell_that_exits_has_left_with_its_status() {
    let Some(program) = program() else { return };
    let home = Home::new();
    let _bpd = Served::start(&home);
    for (transport, keys, text, status) in [
        (Transport::Socket, "exit 3\r", Some("exit 3"), 3),
        (Transport::Socket, "[Environment]::Exit(4)\r", Some("[Environment]::Exit(4)"), 4),
        (Transport::Mailbox, "exit 5\r", Some("exit 5"), 5),
        // Ctrl-D. PSReadLine makes a line `exit` of it, which is not in its history.
        (Transport::Socket, "\u{4}", None, 0),
    ] {
        // All shells of one home.
        let mut terminal = Pwsh::terminal(&home, program.clone(), transport, "");
        terminal.line("echo before");
        terminal.send(keys);
        assert_eq!(terminal.gone(), Some(status), "{text:?}");
        let run = ended(&home, text);
        assert_eq!((run.state, run.exit_code), (RunState::Left, Some(status)), "{text:?}: {run:?}");
    }
}

#[test]
fn ctrl_c_ends_a_program_with_130() {
    let Some(program) = program() else { return };
    let home = Home::new();
    let _bpd = Served::start(&home);
    let mut shell = Pwsh::start(home, program, Transport::Socket, "", "");
    shell.terminal.send("sh -c 'echo be\"\"gan; exec sleep 60'\r");
    shell.terminal.shows("began");
    shell.terminal.presses(b"\x03", "<<P:");
    let run = ended(&shell.home, Some("sh -c 'echo be\"\"gan; exec sleep 60'"));
    assert_eq!((run.state, run.exit_code), (RunState::Finished, Some(130)), "{run:?}");
    shell.line("/bin/true");
    assert_eq!(ended(&shell.home, Some("/bin/true")).exit_code, Some(0));
}

#[test]
fn a_job_is_in_the_background_while_its_server_runs() {
    let Some(program) = program() else { return };
    let home = Home::new();
    let _bpd = Served::start(&home);
    let mut shell = Pwsh::start(home, program, Transport::Socket, "", "");
    let start = "$null = Start-Job { Start-Sleep 600 }";
    shell.line(start);
    until("the job is in the background", || {
        let run = runs(&shell.home).into_iter().find(|run| run.command.as_deref() == Some(start))?;
        (run.state == RunState::Background).then_some(())
    });
    shell.line("Get-Job | Stop-Job -PassThru | Remove-Job -Force");
    let run = ended(&shell.home, Some(start));
    assert_eq!((run.state, run.exit_code, run.signal), (RunState::Finished, None, None), "{run:?}");
}

#[test]
fn lines_of_a_powershell_inside_are_within_the_line_that_started_it() {
    let Some(program) = program() else { return };
    let home = Home::new();
    let _bpd = Served::start(&home);
    let mut shell = Pwsh::start(home, program, Transport::Socket, "", "");
    let inner = format!("{}/inner.ps1", shell.home.path().display());
    // Its prompts go on counting.
    fs::write(
        &inner,
        format!("{PROMPT}$global:n = 100\nbpctl init powershell --no-start | Invoke-Expression\n"),
    )
    .unwrap();
    let outer = format!("& \"$PSHOME/pwsh\" -NoLogo -NoProfile -NoExit -File {inner}");
    shell.line(&outer);
    shell.line("sh -c 'exit 3'");
    shell.terminal.send("exit 6\r");
    // The outer shell goes on counting where it was.
    shell.terminal.shows("<<P:2:1>>");
    let outer = ended(&shell.home, Some(&outer));
    assert_eq!((outer.state, outer.exit_code), (RunState::Finished, Some(6)), "{outer:?}");
    let line = ended(&shell.home, Some("sh -c 'exit 3'"));
    assert_eq!((line.parent, line.exit_code), (Some(outer.id), Some(3)), "{line:?}");
    let left = ended(&shell.home, Some("exit 6"));
    assert_eq!(
        (left.parent, left.state, left.exit_code),
        (Some(outer.id), RunState::Left, Some(6)),
        "{left:?}"
    );
}

#[test]
fn a_data_directory_that_cannot_be_written_does_not_keep_the_hook_from_working() {
    let Some(program) = program() else { return };
    let home = Home::new();
    fs::create_dir_all(home.bp()).unwrap();
    fs::write(home.bp().join("data"), "no directory").unwrap();
    let again = "bpctl init powershell --no-start | Invoke-Expression";
    let mut shell = Pwsh::start(home, program, Transport::Mailbox, "", again);
    for (line, _) in PROBE {
        shell.line(line);
    }
    let screen = plain(&shell.line("\"errors=$(($Error | Out-String).Contains('bizim'))\"").screen);
    assert!(screen.contains("errors=False"), "{screen}");
    assert_eq!(shell.told()[..PROBE.len()], owned(&PROBE));
}

#[test]
fn a_runtime_directory_that_cannot_be_made_leaves_the_shell_as_it_is() {
    let Some(program) = program() else { return };
    let home = Home::new();
    fs::write(home.bp(), "no directory").unwrap();
    let mut shell = Pwsh::start(home, program, Transport::Socket, "", "");
    for (line, status) in PROBE {
        let prompt = shell.line(line);
        assert_eq!(prompt.status, i32::from(status != 0), "{line}: {}", prompt.screen);
    }
    let screen = plain(&shell.line("\"errors=$($Error.Count)\"").screen);
    // The program's failure is none, the cmdlet's is.
    assert!(screen.contains("errors=1"), "{screen}");
}

#[test]
fn several_lines_of_one_paste_are_lines_of_their_own() {
    let Some(program) = program() else { return };
    let home = Home::new();
    let _bpd = Served::start(&home);
    let mut shell = Pwsh::start(home, program, Transport::Socket, "", "");
    shell.terminal.send("echo one\rsh -c 'exit 3'\recho three\r");
    for _ in 0..3 {
        shell.terminal.prompt();
    }
    let runs = settled(&shell.home, 3);
    assert_eq!(listed(&runs), owned(&[("echo one", 0), ("sh -c 'exit 3'", 3), ("echo three", 0)]));
}

//! PowerShell in a real terminal: what is recorded, over the socket and over the mailbox, whatever the user's profile does.

use std::ffi::OsString;
use std::fs;
use std::process::Command;

use bp_proto::{Run, RunState};

use crate::pty::{Prompt, Terminal};
use crate::served::{Served, bpctl, runs, settled, until};
use crate::shells::{Home, Transport};

/// Where it is, when it is not on the search path.
const PROGRAM: &str = "BP_PWSH";

/// The numbered prompt. It shows that the user's prompt finds `$?` as it is without the hook.
pub(crate) const PROMPT: &str = "\
$global:n = 0
function global:prompt { $fine = $?; $global:n++; \"<<P:${global:n}:$(if ($fine) { 0 } else { 1 })>>\" }
";

const LOAD: &str = "bpctl init powershell --no-start | Invoke-Expression";

/// Statuses that need a program, a cmdlet and neither.
pub(crate) const PROBE: [(&str, i32); 4] =
    [("echo one", 0), ("sh -c 'exit 3'", 3), ("Get-Item /nope", 1), ("/bin/true", 0)];

#[allow(clippy::print_stderr, reason = "a test that is skipped says so")]
pub(crate) fn program() -> Option<OsString> {
    let path = std::env::var_os("PATH").unwrap();
    let found =
        std::env::split_paths(&path).map(|folder| folder.join("pwsh")).find(|program| program.is_file());
    let program = std::env::var_os(PROGRAM).or(found.map(OsString::from));
    if program.is_none() {
        let is_ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
        assert!(!is_ci, "there is no pwsh on the search path, and {PROGRAM} names none");
        eprintln!("skipped: there is no pwsh on the search path, and {PROGRAM} names none");
    }
    program
}

pub(crate) struct Pwsh {
    pub(crate) terminal: Terminal,
    pub(crate) home: Home,
}

impl Pwsh {
    pub(crate) fn command(home: &Home, program: OsString, transport: Transport) -> Command {
        let mut command = home.environment(crate::pty::clean(program));
        let path = std::env::var("PATH").unwrap();
        command.env("PATH", format!("{}:{path}", home.programs().display())).env("TERM", "xterm-256color");
        command.env("POWERSHELL_TELEMETRY_OPTOUT", "1").env("POWERSHELL_UPDATECHECK", "Off");
        if transport == Transport::Mailbox {
            command.env("BP_TRANSPORT", "mailbox");
        }
        // PowerShell leaves pipes there when it is killed.
        command.env("TMPDIR", home.path()).current_dir(home.work());
        command
    }

    /// `before` and `after` stand around the hook in the profile.
    pub(crate) fn start(
        home: Home,
        program: OsString,
        transport: Transport,
        before: &str,
        after: &str,
    ) -> Self {
        Self::with_profile(home, program, transport, &format!("{before}\n{LOAD}\n{after}"))
    }

    pub(crate) fn with_profile(home: Home, program: OsString, transport: Transport, text: &str) -> Self {
        let terminal = Self::started(&home, program, transport, text);
        Self { terminal, home }
    }

    /// Another shell with the hook in the same home, with `after` behind the hook.
    pub(crate) fn terminal(home: &Home, program: OsString, transport: Transport, after: &str) -> Terminal {
        Self::started(home, program, transport, &format!("{LOAD}\n{after}"))
    }

    fn started(home: &Home, program: OsString, transport: Transport, text: &str) -> Terminal {
        let profile = home.path().join("profile.ps1");
        fs::write(&profile, format!("{PROMPT}{text}\n")).unwrap();
        let mut command = Self::command(home, program, transport);
        command.args(["-NoLogo", "-NoProfile", "-NoExit", "-File"]).arg(&profile);
        let mut terminal = Terminal::start_answering(command);
        terminal.prompt();
        terminal
    }

    pub(crate) fn line(&mut self, line: &str) -> Prompt {
        self.terminal.line(line)
    }

    /// Texts and statuses in the mailbox.
    pub(crate) fn told(&self) -> Vec<(String, Option<i32>)> {
        self.home.runs().iter().map(|run| (run.text(), run.status())).collect()
    }

    fn mailbox_bytes(&self) -> u64 {
        fs::read_dir(self.home.mail()).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum()
    }
}

pub(crate) fn owned(lines: &[(&str, i32)]) -> Vec<(String, Option<i32>)> {
    lines.iter().map(|(text, status)| ((*text).to_owned(), Some(*status))).collect()
}

pub(crate) fn listed(runs: &[Run]) -> Vec<(String, Option<i32>)> {
    let text = |run: &Run| run.command.clone().unwrap_or_else(|| "<hidden>".to_owned());
    runs.iter().map(|run| (text(run), run.exit_code)).collect()
}

/// What is shown without the terminal's own sequences.
pub(crate) fn plain(screen: &str) -> String {
    let mut plain = String::new();
    let mut letters = screen.chars();
    while let Some(letter) = letters.next() {
        if letter == '\u{1b}' {
            letters.by_ref().skip(1).find(|letter| ('@'..='~').contains(letter));
        } else {
            plain.push(letter);
        }
    }
    plain
}

/// With the status that the last failure gives.
const LINES: &[(&str, i32)] = &[
    ("echo 'güneş 🌞' | Write-Output", 0),
    ("sh -c 'exit 3'", 3),
    ("Get-Item /nope", 1),
    ("sh -c 'exit 3'; Get-Item /nope", 1),
    ("Get-Item /nope; sh -c 'exit 3'", 3),
    ("sh -c 'exit 3'; throw 'x'", 1),
    ("sh -c 'exit 3' | Out-Null", 3),
    ("sh -c 'exit 3'; Get-Item /nope -ErrorAction Ignore", 1),
    ("Get-Item /nope -ErrorAction Ignore; sh -c 'exit 3'", 3),
    ("sh -c 'exit 3' && Get-Item /nope", 3),
    ("sh -c 'exit 3' || Get-Item /nope", 1),
    ("Get-Item /nope -ErrorAction Ignore", 1),
    ("}", 1),
    ("nosuchcommand", 1),
    ("1/0", 1),
    ("$PSNativeCommandUseErrorActionPreference = $true", 0),
    ("sh -c 'exit 4'", 4),
    ("$ErrorActionPreference = 'Stop'", 0),
    ("sh -c 'exit 5'", 5),
    ("Get-Item /nope", 1),
    ("$ErrorActionPreference = 'Continue'", 0),
    ("/bin/true", 0),
];

#[test]
fn each_line_has_its_text_its_status_and_plausible_cpu_seconds_over_the_socket() {
    let Some(program) = program() else { return };
    let home = Home::new();
    let _bpd = Served::start(&home);
    let mut shell = Pwsh::start(
        home,
        program.clone(),
        Transport::Socket,
        "",
        "$global:before = Get-ChildItem function:, variable:",
    );
    for (line, status) in LINES {
        assert_eq!(shell.line(line).status, i32::from(*status != 0), "`$?` behind {line}");
    }
    // Enter on what is not finished yet continues the line.
    shell.terminal.send("if ($true) {\r");
    shell.terminal.send("'inside'\r");
    shell.line("}");
    let count = LINES.len() + 1;
    let recorded = settled(&shell.home, count);
    let mut expected = owned(LINES);
    expected.push(("if ($true) {\n'inside'\n}".to_owned(), Some(0)));
    assert_eq!(listed(&recorded), expected);
    for run in &recorded {
        let stats = run.run_stats.as_ref().unwrap();
        let cpu = stats.cpu_seconds.unwrap_or_else(|| panic!("no CPU seconds: {run:?}"));
        let cpus = std::thread::available_parallelism().unwrap().get() as f64;
        // The shell reads its own CPU time within the duration. The time of children is known in ticks of 10 ms, user and system.
        let most = stats.duration_s.unwrap() * cpus + 0.02;
        assert!(cpu <= most, "{cpu} s CPU of at most {most}: {run:?}");
        assert_eq!(run.cwd.as_deref(), shell.home.work().to_str());
    }
    assert_eq!(shell.mailbox_bytes(), 0, "bpd has confirmed everything");
    // As without the hook: it leaves no errors, and the programs' own code.
    let asked = "\"errors=$($Error.Count) code=$LASTEXITCODE.\"";
    let mut bare = Pwsh::with_profile(Home::new(), program, Transport::Socket, "");
    for (line, status) in LINES {
        assert_eq!(bare.line(line).status, i32::from(*status != 0), "`$?` behind {line} without the hook");
    }
    let screens = [shell.line(asked).screen, bare.line(asked).screen].map(|screen| plain(&screen));
    let [with, without] = screens.map(|screen| screen.rsplit("errors=").next().unwrap().to_owned());
    assert_eq!(with, without);
    assert!(with.contains("code=0."), "{with}");
    let left = shell.line("\"left=$((Get-ChildItem function:, variable: | ? Name -Match 'bizim|ReadLine$|Record|Reader' | % Name) -join ',')\"");
    assert!(plain(&left.screen).contains("left=PSConsoleHostReadLine"), "{}", plain(&left.screen));
    shell.terminal.send("exit 3\r");
    assert_eq!(shell.terminal.gone(), Some(3));
    let last = until("the end of the shell", || {
        let last = runs(&shell.home).pop().unwrap();
        (last.command.as_deref() == Some("exit 3")).then_some(last)
    });
    assert_ne!(last.state, RunState::Finished);
}

#[test]
fn lines_go_to_the_mailbox_when_asked_and_when_no_bpd_answers() {
    let Some(program) = program() else { return };
    for transport in [Transport::Mailbox, Transport::Socket] {
        let mut shell = Pwsh::start(Home::new(), program.clone(), transport, "", "");
        for line in
            ["echo one | Write-Output", "# nothing", "", " 'secret'", "Get-Item nowhere", "sh -c 'exit 3'"]
        {
            shell.line(line);
        }
        shell.terminal.send("'be' + 'gan'; Start-Sleep 60\r");
        shell.terminal.shows("began");
        shell.terminal.presses(b"\x03", "<<P:");
        let expected = [
            ("echo one | Write-Output", 0),
            ("<hidden>", 0),
            ("Get-Item nowhere", 1),
            ("sh -c 'exit 3'", 3),
            ("'be' + 'gan'; Start-Sleep 60", 130),
        ];
        assert_eq!(shell.told(), owned(&expected), "{transport:?}");
        let runs = shell.home.runs();
        assert!(
            runs.iter().all(|run| run.start.times.is_some() && run.end.as_ref().unwrap().times.is_some())
        );
        assert!(
            runs.iter()
                .all(|run| run.start.shell.name == "powershell" && run.start.shell.start_ticks.is_some())
        );
    }
}

/// Each is a profile that stands before the hook, or behind it.
fn recorded_with(profiles: &[(&str, &str)]) {
    let Some(program) = program() else { return };
    for (before, after) in profiles {
        let mut shell = Pwsh::start(Home::new(), program.clone(), Transport::Mailbox, before, after);
        let mut screens = String::new();
        for (line, _) in PROBE {
            screens += &plain(&shell.line(line).screen);
        }
        assert_eq!(shell.told(), owned(&PROBE), "{before} … {after}\n{screens}");
        for extra in ["DEBUG:", "VERBOSE:", "readerDepth", "Exception"] {
            assert!(!screens.contains(extra), "{before} … {after}: {screens}");
        }
    }
}

#[test]
fn a_profile_may_replace_the_reader() {
    recorded_with(&[
        ("", "Import-Module PSReadLine -Force"),
        ("", "Remove-Module PSReadLine"),
        ("Remove-Module PSReadLine", ""),
        ("Remove-Module PSReadLine; function PSConsoleHostReadLine { [Console]::In.ReadLine() }", ""),
        // As an editor's integration wraps it.
        (
            "",
            "$global:theirs = $function:PSConsoleHostReadLine; function PSConsoleHostReadLine { & $global:theirs }",
        ),
    ]);
}

#[test]
fn a_profile_may_replace_the_prompt() {
    recorded_with(&[
        ("", PROMPT),
        ("", "$global:theirs = $function:prompt; function prompt { & $global:theirs }"),
        // Another load is none.
        ("", "bpctl init powershell --no-start | Invoke-Expression"),
        ("", "bpctl init powershell --no-start | Out-String | Invoke-Expression"),
    ]);
}

#[test]
fn strict_mode_and_names_of_the_users_do_not_reach_the_hook() {
    recorded_with(&[
        (
            "",
            "Set-StrictMode -Version Latest; $ErrorActionPreference = 'Stop'; Remove-Variable LASTEXITCODE -Scope Global",
        ),
        ("Set-StrictMode -Version Latest; $ErrorActionPreference = 'Stop'", ""),
        (
            "function Get-History { throw 'mine' }; function Write-Error { throw 'mine' }; \
             Set-Alias Export-ModuleMember Get-Item; Set-Alias Set-StrictMode Get-Item; $PSDefaultParameterValues = @{ '*:Verbose' = $true }",
            "",
        ),
        // Decimal commas, as in Turkish.
        (
            "",
            "$own = [cultureinfo]::InvariantCulture.Clone(); $own.NumberFormat.NumberDecimalSeparator = ','; [cultureinfo]::CurrentCulture = $own",
        ),
    ]);
}

#[test]
fn a_trace_does_not_show_the_hook() {
    let Some(program) = program() else { return };
    let mut shell = Pwsh::start(Home::new(), program, Transport::Mailbox, "", "");
    shell.line("Set-PSDebug -Trace 1");
    let screen = plain(&shell.line("echo traced").screen);
    assert!(screen.contains("echo traced") && !screen.contains("__bizim"), "{screen}");
    assert!(!screen.contains("readers[") && !screen.contains("prompts["), "{screen}");
    shell.line("Set-PSDebug -Off");
    assert_eq!(shell.told().len(), 3);
}

/// Each is set in a running shell, one after the other, and set back.
const PREFERENCES: &[(&str, &str)] = &[
    ("$ErrorActionPreference = 'Stop'", "$ErrorActionPreference = 'Continue'"),
    ("$ErrorActionPreference = 'SilentlyContinue'", "$ErrorActionPreference = 'Continue'"),
    ("$ErrorActionPreference = 'Inquire'", "$ErrorActionPreference = 'Continue'"),
    ("$WarningPreference = 'Stop'", "$WarningPreference = 'Continue'"),
    ("$VerbosePreference = 'Continue'", "$VerbosePreference = 'SilentlyContinue'"),
    ("$DebugPreference = 'Continue'", "$DebugPreference = 'SilentlyContinue'"),
    ("$InformationPreference = 'Continue'", "$InformationPreference = 'SilentlyContinue'"),
    ("$ProgressPreference = 'SilentlyContinue'", "$ProgressPreference = 'Continue'"),
    ("$ConfirmPreference = 'Low'", "$ConfirmPreference = 'High'"),
    ("$WhatIfPreference = $true", "$WhatIfPreference = $false"),
    ("$ErrorView = 'DetailedView'", "$ErrorView = 'ConciseView'"),
    ("$FormatEnumerationLimit = 0", "$FormatEnumerationLimit = 4"),
    ("$MaximumHistoryCount = 1", "$MaximumHistoryCount = 4096"),
    ("$OFS = ','", "Remove-Variable OFS"),
    ("$OutputEncoding = [Text.Encoding]::Unicode", "$OutputEncoding = [Text.UTF8Encoding]::new()"),
    ("$PSDefaultParameterValues['*:ErrorAction'] = 'Stop'", "$PSDefaultParameterValues.Clear()"),
    ("$PSModuleAutoLoadingPreference = 'None'", "Remove-Variable PSModuleAutoLoadingPreference"),
    ("$PSNativeCommandArgumentPassing = 'Legacy'", "$PSNativeCommandArgumentPassing = 'Standard'"),
    ("$PSNativeCommandUseErrorActionPreference = $true", "$PSNativeCommandUseErrorActionPreference = $false"),
    ("$PSStyle.OutputRendering = 'PlainText'", "$PSStyle.OutputRendering = 'Host'"),
    ("$Transcript = '/nowhere'", "Remove-Variable Transcript"),
    ("Set-StrictMode -Version Latest", "Set-StrictMode -Off"),
    ("$Error.Clear()", "$global:LASTEXITCODE = 'no number'"),
];

#[test]
fn every_preference_variable_leaves_the_line_recorded_and_the_screen_as_it_is() {
    let Some(program) = program() else { return };
    let mut shell = Pwsh::start(Home::new(), program, Transport::Mailbox, "", "");
    let mut expected = Vec::new();
    for (set, back) in PREFERENCES {
        for (line, status) in [(*set, 0), ("'mark'", 0), ("sh -c 'exit 3'", 3), (*back, 0)] {
            let screen = plain(&shell.line(line).screen);
            for extra in ["VERBOSE", "DEBUG", "WARNING", "What if", "Confirm\r"] {
                let is_typed = line.contains(extra);
                assert!(is_typed || !screen.contains(extra), "{set}: {screen}");
            }
            expected.push((line.to_owned(), Some(status)));
        }
    }
    assert_eq!(shell.told(), expected);
}

#[test]
fn what_psreadline_keeps_out_of_its_history_has_no_text_and_its_handler_is_called_once() {
    let Some(program) = program() else { return };
    let handler =
        "Set-PSReadLineOption -AddToHistoryHandler { param($line) $global:calls++; $line -notlike '*hide*' }";
    let mut shell = Pwsh::start(Home::new(), program, Transport::Mailbox, "", handler);
    for line in ["echo one", "echo one", "echo hide", "echo two"] {
        shell.line(line);
    }
    let screen = plain(&shell.line("\"calls=$calls\"").screen);
    // A duplicate is left out before the handler is asked.
    assert!(screen.contains("calls=4"), "{screen}");
    // PSReadLine's own handler: secrets stay in memory.
    shell.line("Set-PSReadLineOption -AddToHistoryHandler $null");
    shell.line(
        "Set-PSReadLineOption -AddToHistoryHandler { [Microsoft.PowerShell.AddToHistoryOption]::MemoryOnly }",
    );
    shell.line("echo memory");
    shell.line("Set-PSReadLineOption -HistorySaveStyle SaveNothing -AddToHistoryHandler { $true }");
    shell.line("echo nothing");
    let told = shell.told();
    let told: Vec<&str> = told.iter().map(|(text, _)| text.as_str()).collect();
    assert_eq!(told[..5], ["echo one", "echo one", "<hidden>", "echo two", "\"calls=$calls\""]);
    assert_eq!((told[7], told[9]), ("<hidden>", "<hidden>"), "{told:?}");
}

#[test]
fn lines_of_a_nested_prompt_run_inside_the_line_that_opened_it() {
    let Some(program) = program() else { return };
    let home = Home::new();
    let _bpd = Served::start(&home);
    let mut shell = Pwsh::start(home, program, Transport::Socket, "", "");
    for line in ["$Host.EnterNestedPrompt()", "sh -c 'exit 3'", "echo inner", "exit", "echo outside"] {
        shell.line(line);
    }
    let runs = settled(&shell.home, 5);
    let expected = [
        ("$Host.EnterNestedPrompt()", 0),
        ("sh -c 'exit 3'", 3),
        ("echo inner", 0),
        ("exit", 0),
        ("echo outside", 0),
    ];
    assert_eq!(listed(&runs), owned(&expected));
    let outer = &runs[0];
    for inner in &runs[1..3] {
        assert_eq!(inner.parent, Some(outer.id), "{inner:?}");
        assert!(inner.finished_at.unwrap() <= outer.finished_at.unwrap(), "{inner:?} {outer:?}");
    }
    assert_eq!(runs[4].parent, None);
}

#[test]
fn a_bpd_that_stops_and_dies_loses_no_line_and_none_comes_twice() {
    let Some(program) = program() else { return };
    let home = Home::new();
    let bpd = Served::start(&home);
    let mut shell = Pwsh::start(home, program, Transport::Socket, "", "");
    shell.line("echo first");
    settled(&shell.home, 1);
    let hung = bpd.hang();
    for line in ["echo while it hangs", "Start-Sleep -Milliseconds 400", "sh -c 'exit 3'"] {
        shell.line(line);
    }
    hung.kill();
    shell.line("echo away");
    let _bpd = Served::start(&shell.home);
    shell.line("echo back");
    let runs = settled(&shell.home, 6);
    let expected = [
        ("echo first", 0),
        ("echo while it hangs", 0),
        ("Start-Sleep -Milliseconds 400", 0),
        ("sh -c 'exit 3'", 3),
        ("echo away", 0),
        ("echo back", 0),
    ];
    assert_eq!(listed(&runs), owned(&expected));
}

#[test]
fn jobs_breakpoints_nested_shells_and_other_hosts_are_left_alone() {
    let Some(program) = program() else { return };
    let home = Home::new();
    let _bpd = Served::start(&home);
    let mut shell = Pwsh::start(home, program, Transport::Socket, "", "");
    shell.line("$null = Start-ThreadJob { 1 } | Wait-Job");
    shell.line("/bin/true &");
    shell.line("Get-Job | Wait-Job | Remove-Job");
    // Another host in the same process loads the hook, and nothing happens.
    shell.line("$load = bpctl init powershell --no-start");
    let other =
        "[powershell]::Create().AddScript(\"$load; 'host=' + (Get-Command prompt).Source + '.'\").Invoke()";
    let screen = plain(&shell.line(other).screen);
    assert!(screen.contains("host=."), "{screen}");
    shell.line("$null = Set-PSBreakpoint -Command Get-Date");
    shell.line("$null = Get-Date");
    shell.line("echo debugging");
    shell.line("c");
    let screen = plain(&shell.line("\"errors=$($Error.Count)\"").screen);
    assert!(screen.contains("errors=0"), "{screen}");
    let runs = settled(&shell.home, 10);
    let texts: Vec<String> = listed(&runs).into_iter().map(|(text, _)| text).collect();
    let at = |text: &str| {
        texts.iter().position(|found| found == text).unwrap_or_else(|| panic!("{text}: {texts:?}"))
    };
    let (broken, inside) = (at("$null = Get-Date"), at("echo debugging"));
    assert_eq!(runs[inside].parent, Some(runs[broken].id), "{texts:?}");
    // PowerShell runs the job in a server of its own, which it kills when the job is removed: how the job ended is unknown.
    let job = until("the end of the job", || {
        let job = crate::served::runs(&shell.home)
            .into_iter()
            .find(|run| run.command.as_deref() == Some("/bin/true &"))
            .unwrap();
        (job.state == RunState::Finished).then_some(job)
    });
    assert_eq!((job.exit_code, job.signal), (None, None), "{job:?}");
    assert!(runs[broken].finished_at >= runs[inside].finished_at);
}

#[test]
fn setting_up_starts_nothing_unless_the_shell_is_interactive() {
    let Some(program) = program() else { return };
    let home = Home::new();
    let done = bpctl(&home, &["setup", "powershell", "--yes", "--no-import"]);
    assert!(done.status.success(), "{done:?}");
    let module = home.bp().join("data/hooks/bp.psm1");
    for words in [&["-NoLogo", "-Command", "'x'"][..], &["-NonInteractive", "-c", "'x'"]] {
        let mut command = Pwsh::command(&home, program.clone(), Transport::Mailbox);
        let output = command.args(words).output().unwrap();
        assert_eq!(
            (output.status.code(), &output.stdout[..], &output.stderr[..]),
            (Some(0), &b"x\n"[..], &b""[..])
        );
        assert!(!module.exists(), "{words:?} has started bpctl");
    }
    let profile = home.path().join(".config/powershell/profile.ps1");
    let text = fs::read_to_string(&profile).unwrap();
    let start = |before: &str| {
        fs::write(&profile, format!("{PROMPT}{before}\n{text}")).unwrap();
        let mut command = Pwsh::command(&home, program.clone(), Transport::Mailbox);
        command.arg("-NoLogo");
        let mut terminal = Terminal::start_answering(command);
        terminal.prompt();
        terminal
    };
    // Loading runs a program, and leaves no trace of it.
    let ask = "\"code=$(if (Test-Path variable:global:LASTEXITCODE) { $LASTEXITCODE } else { 'none' }) errors=$($Error.Count).\"";
    for (before, expected) in [("sh -c 'exit 7'", "code=7 errors=0."), ("", "code=none errors=0.")] {
        let screen = plain(&start(before).line(ask).screen);
        assert!(screen.contains(expected), "{before}: {screen}");
    }
    let mut terminal = start("");
    terminal.line("echo hooked");
    until("the line is recorded", || {
        runs(&home).iter().any(|run| run.command.as_deref() == Some("echo hooked")).then_some(())
    });
    drop(terminal);
    assert!(bpctl(&home, &["daemon", "stop"]).status.success());
}

#[test]
fn doctor_names_what_keeps_lines_from_being_recorded() {
    let Some(program) = program() else { return };
    let home = Home::new();
    let _bpd = Served::start(&home);
    let mut shell = Pwsh::start(home, program.clone(), Transport::Socket, "", "");
    // A line that only looks at bp is no run: the shell's report of it counts all the same.
    let screen = plain(&shell.line("bpctl doctor").screen);
    assert!(!screen.contains("produced no event") && !screen.contains("init powershell"), "{screen}");
    assert!(screen.contains("Nothing is wrong"), "{screen}");
    let ask = "bpctl doctor --shell | Invoke-Expression";
    let screen = plain(&shell.line(ask).screen);
    assert!(screen.contains("the hook is loaded and in its place"), "{screen}");
    // Both within one line, by functions that do not call the hook's.
    shell.line(&format!(
        "function PSConsoleHostReadLine {{ [Microsoft.PowerShell.PSConsoleReadLine]::ReadLine($Host.Runspace, $ExecutionContext) }}; {}",
        PROMPT.lines().last().unwrap()
    ));
    let screen = plain(&shell.line(ask).screen);
    assert!(screen.contains("were both replaced"), "{screen}");
    assert!(screen.contains("load the hook last in the profile"), "{screen}");
    let Pwsh { terminal, home } = shell;
    drop(terminal);
    let replaced = format!(
        "$global:own = $function:PSConsoleHostReadLine; function global:PSConsoleHostReadLine {{ & $global:own }}\n{}",
        PROMPT.lines().last().unwrap()
    );
    let mut shell = Pwsh::start(home, program, Transport::Socket, &replaced, "");
    let screen = plain(&shell.line(ask).screen);
    assert!(screen.contains("the hook is loaded and in its place"), "{screen}");
    // Without PSReadLine, and with it again.
    shell.line("Remove-Module PSReadLine");
    let screen = plain(&shell.line(ask).screen);
    assert!(screen.contains("Import-Module PSReadLine"), "{screen}");
    shell.line("Import-Module PSReadLine");
    let screen = plain(&shell.line(ask).screen);
    assert!(screen.contains("the hook is loaded and in its place"), "{screen}");
}

#[test]
fn the_history_of_psreadline_is_imported_from_its_usual_place_and_from_a_named_file() {
    let Some(program) = program() else { return };
    let home = Home::new();
    let _bpd = Served::start(&home);
    let file = home.path().join(".local/share/powershell/PSReadLine/ConsoleHost_history.txt");
    // Without the hook: bp knows these lines from the file alone.
    let mut shell = Pwsh::with_profile(home, program, Transport::Socket, "");
    shell.line("echo 'güneş 🌞'");
    shell.terminal.send("if ($true) {\r");
    shell.terminal.send("'inside'\r");
    shell.line("}");
    shell.line("echo last");
    let home = &shell.home;
    assert!(file.is_file(), "{}", file.display());
    let expected = ["echo 'güneş 🌞'", "if ($true) {\n'inside'\n}", "echo last"];
    let import = |words: &[&str]| {
        let done = bpctl(home, words);
        assert!(done.status.success(), "{done:?}");
        String::from_utf8(done.stdout).unwrap()
    };
    let said = import(&["import", "powershell"]);
    assert!(said.contains("3 imported"), "{said}");
    let mut texts: Vec<_> = settled(home, 3).into_iter().map(|run| run.command.unwrap()).collect();
    texts.sort();
    let mut sorted = expected;
    sorted.sort_unstable();
    assert_eq!(texts, sorted);
    let said = import(&["import", "powershell"]);
    assert!(said.contains("0 imported, 3 known already"), "{said}");
    let other = home.path().join("other.txt");
    fs::write(&other, "echo first`\r\n  second\r\n").unwrap();
    let said = import(&["import", "powershell", "--file", other.to_str().unwrap()]);
    assert!(said.contains("1 imported"), "{said}");
    let runs = settled(home, 4);
    assert!(runs.iter().any(|run| run.command.as_deref() == Some("echo first\n  second")), "{runs:?}");
}

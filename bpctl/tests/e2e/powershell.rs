//! What the hook of PowerShell writes, where there is a PowerShell: the one program that these tests do without.

use std::ffi::OsString;

use crate::pty::Terminal;
use crate::shells::Home;

/// Where it is, when it is not on the search path.
const PROGRAM: &str = "BP_PWSH";

/// A reader of lines that needs no terminal to answer, as `PSReadLine` does, and a numbered prompt.
const PROFILE: &str = "\
Remove-Module PSReadLine -ErrorAction Ignore
function global:PSConsoleHostReadLine { [Console]::In.ReadLine() }
. $env:HOOK
$global:n = 0
function global:prompt { $global:n++; \"<<P:$($global:n):0>>\" }
";

#[allow(clippy::print_stderr, reason = "a test that is skipped says so")]
fn program() -> Option<OsString> {
    let path = std::env::var_os("PATH").unwrap();
    let found =
        std::env::split_paths(&path).map(|folder| folder.join("pwsh")).find(|program| program.is_file());
    let program = std::env::var_os(PROGRAM).or(found.map(OsString::from));
    if program.is_none() {
        eprintln!("skipped: there is no pwsh on the search path, and {PROGRAM} names none");
    }
    program
}

#[test]
fn powershell_tells_what_was_typed() {
    let Some(program) = program() else { return };
    let home = Home::new();
    let profile = home.path().join("profile.ps1");
    std::fs::write(&profile, PROFILE).unwrap();
    let hook = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shell/bp.ps1");
    let mut command = home.environment(crate::pty::clean(program));
    command.args(["-NoLogo", "-NoProfile", "-NoExit", "-File"]).arg(&profile).env("HOOK", hook);
    command.current_dir(home.work());
    let mut terminal = Terminal::start(command);
    terminal.prompt();
    for line in ["'one' | Write-Output", "# nothing", "", " 'secret'", "Get-Item nowhere", "& sh -c 'exit 3'"]
    {
        terminal.line(line);
    }
    let told: Vec<_> = home.runs().iter().map(|run| (run.text(), run.status())).collect();
    let expected =
        [("'one' | Write-Output", 0), ("<hidden>", 0), ("Get-Item nowhere", 1), ("& sh -c 'exit 3'", 3)];
    assert_eq!(told, expected.map(|(text, status)| (text.to_owned(), Some(status))));
    assert!(home.runs().iter().all(|run| run.start.shell.name == "powershell"));
}

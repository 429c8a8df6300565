//! `bpctl doctor` in real shells that something is wrong with, and what `--fix` makes of them.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime};

use crate::served::{Served, runs, settled, until};
use crate::shells::{Home, Kind, Shell, Transport};

/// A home whose shell file was set up by `bpctl setup`, with `more` behind it.
fn set_up(kind: Kind, more: &str) -> Home {
    let home = Home::new();
    home.rc(kind, "", false, "");
    let done = bpctl(&home, kind, &["setup", kind.name(), "--yes"]);
    assert!(done.status.success(), "{done:?}");
    let rc = home.rc_file(kind);
    let text = fs::read_to_string(&rc).unwrap();
    fs::write(&rc, format!("{text}{more}")).unwrap();
    home
}

/// bpctl as a child of that shell, with nobody at the terminal.
fn bpctl(home: &Home, kind: Kind, words: &[&str]) -> Output {
    let mut command = home.environment(Command::new(env!("CARGO_BIN_EXE_bpctl")));
    command.env("BP_LANG", "en").env("SHELL", format!("/bin/{}", kind.name())).env_remove("ZDOTDIR");
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{path}", home.programs().display()));
    command.args(words).stdin(Stdio::null()).output().unwrap()
}

fn shell(home: Home, kind: Kind) -> Shell {
    let mut command = home.command(kind, Transport::Mailbox);
    command.env("BP_LANG", "en");
    Shell::from(home, command)
}

/// The screens of doctor typed in that shell, and its status.
fn doctor(shell: &mut Shell, words: &str) -> (String, i32) {
    let said = shell.line(format!("bpctl doctor {words}"));
    (said.screen, said.status)
}

/// As after a while: nobody waits for it here. bpd may still write to the files.
fn grow_old(shell: &Shell) {
    let long_ago = SystemTime::now() - Duration::from_secs(90);
    let pid = shell.terminal.pid();
    for path in [shell.home.mail().join(pid.to_string()), shell.home.bp().join(format!("run/.shell.{pid}"))] {
        if let Ok(file) = fs::File::options().append(true).open(path) {
            file.set_modified(long_ago).unwrap();
        }
    }
}

/// What the shell says of itself.
fn asked(shell: &mut Shell, kind: Kind) -> (String, i32) {
    let said = shell.line(match kind {
        Kind::Fish => "eval (bpctl doctor --shell)",
        _ => "eval \"$(bpctl doctor --shell)\"",
    });
    (said.screen, said.status)
}

#[test]
fn where_all_is_well_doctor_says_so_in_both_ways() {
    for kind in [Kind::Bash, Kind::Zsh, Kind::Fish] {
        let home = set_up(kind, "");
        let _bpd = Served::start(&home);
        let mut shell = shell(home, kind);
        let (screen, status) = doctor(&mut shell, "");
        assert!(status == 0 && screen.contains("Nothing is wrong"), "{kind:?}: {screen}");
        shell.line("echo one");
        settled(&shell.home, 1);
        let (screen, status) = doctor(&mut shell, "");
        assert!(status == 0 && screen.contains("are recorded (newest: run 1)"), "{kind:?}: {screen}");
        let (screen, status) = asked(&mut shell, kind);
        assert!(status == 0 && screen.contains("loaded and in its place"), "{kind:?}: {screen}");
        let (screen, _) = doctor(&mut shell, "--lang tr");
        assert!(screen.contains("Sorun yok"), "{kind:?}: {screen}");
    }
}

#[test]
fn a_shell_without_the_hook_gets_it_once_somebody_agrees() {
    for kind in [Kind::Bash, Kind::Zsh, Kind::Fish] {
        let home = Home::new();
        home.rc(kind, "", false, "");
        let before = fs::read(home.rc_file(kind)).unwrap();
        let bpd = Served::start(&home);
        let mut bare = shell(home, kind);
        let (screen, status) = doctor(&mut bare, "");
        assert!(
            status == 1 && screen.contains("produced no event") && screen.contains("--fix mends"),
            "{kind:?}: {screen}"
        );
        let (screen, status) = asked(&mut bare, kind);
        assert!(status == 1 && screen.contains("has not loaded the hook"), "{kind:?}: {screen}");
        // No is no.
        bare.terminal.send("bpctl doctor --fix\r");
        bare.terminal.shows("[y/N]");
        bare.terminal.send("n\r");
        assert_eq!(bare.terminal.prompt().status, 1);
        assert_eq!(fs::read(bare.home.rc_file(kind)).unwrap(), before, "{kind:?}");
        bare.terminal.send("bpctl doctor --fix\r");
        bare.terminal.shows("# added by `bpctl setup`");
        bare.terminal.shows("[y/N]");
        bare.terminal.send("y\r");
        let screen = bare.terminal.prompt().screen;
        assert!(screen.contains("was changed; open a new"), "{kind:?}: {screen}");
        let command = bare.home.command(kind, Transport::Mailbox);
        let mut hooked = Shell::from(bare.home, command);
        hooked.line("echo one");
        assert_eq!(settled(&hooked.home, 1)[0].command.as_deref(), Some("echo one"), "{kind:?}");
        drop(bpd);
    }
}

#[test]
fn nobody_to_ask_means_nothing_is_edited() {
    let home = Home::new();
    home.rc(Kind::Bash, "", false, "");
    let before = fs::read(home.rc_file(Kind::Bash)).unwrap();
    let _bpd = Served::start(&home);
    let mut shell = shell(home, Kind::Bash);
    let screen = shell.line("bpctl doctor --fix </dev/null; echo \"[$?]\"").screen;
    assert!(screen.contains("--yes") && screen.contains("[2]"), "{screen}");
    assert_eq!(fs::read(shell.home.rc_file(Kind::Bash)).unwrap(), before);
}

#[test]
fn a_hook_that_the_file_loads_twice_is_loaded_once_and_what_was_typed_by_hand_stays() {
    let by_hand = "eval \"$(bpctl init bash)\" # mine\n";
    let home = set_up(Kind::Bash, "");
    let rc = home.rc_file(Kind::Bash);
    let once = fs::read_to_string(&rc).unwrap();
    let ours = once.lines().last().unwrap().to_owned();
    let _bpd = Served::start(&home);
    for (text, after, mendable) in [
        (format!("{once}true\n{ours}\n"), format!("{once}true\n"), true),
        (format!("{by_hand}{once}"), format!("{by_hand}{}", once.replace(&format!("{ours}\n"), "")), true),
        (format!("{by_hand}{by_hand}{}", once.replace(&format!("{ours}\n"), "")), String::new(), false),
    ] {
        fs::write(&rc, &text).unwrap();
        let home = Home::new();
        home.rc(Kind::Bash, "", true, "");
        // The shell itself is well; only the other home's file is looked at.
        let mut command = home.command(Kind::Bash, Transport::Mailbox);
        command.env("BP_LANG", "en");
        let mut shell = Shell::from(home, command);
        let other = rc.parent().unwrap().display();
        let screen = shell.line(format!("HOME={other} bpctl doctor --fix --yes")).screen;
        // That has started one for the shell's own home, too.
        shell.line("bpctl daemon stop");
        if mendable {
            assert_eq!(fs::read_to_string(&rc).unwrap(), after, "{screen}");
        } else {
            assert!(screen.contains("more than once (lines 1, 2)"), "{screen}");
            assert_eq!(fs::read_to_string(&rc).unwrap(), text);
        }
    }
}

#[test]
fn a_line_that_leads_to_a_program_that_is_gone_is_written_anew() {
    for kind in [Kind::Bash, Kind::Zsh, Kind::Fish] {
        let home = set_up(kind, "");
        let rc = home.rc_file(kind);
        let text = fs::read_to_string(&rc).unwrap();
        let line = text.lines().last().unwrap().to_owned();
        fs::write(
            &rc,
            text.replace(
                &line,
                &line
                    .replace("bpctl", "'/nowhere/bpctl'")
                    .replace("`'/nowhere/bpctl' setup`", "`bpctl setup`"),
            ),
        )
        .unwrap();
        let bpd = Served::start(&home);
        let mut shell = shell(home, kind);
        let (screen, status) = doctor(&mut shell, "");
        assert!(status == 1 && screen.contains("there is no /nowhere/bpctl"), "{kind:?}: {screen}");
        doctor(&mut shell, "--fix --yes");
        assert_eq!(fs::read_to_string(&rc).unwrap(), text, "{kind:?}");
        drop(bpd);
    }
}

#[test]
fn a_saved_hook_of_another_version_is_named_and_left_alone() {
    let home = Home::new();
    home.rc(Kind::Bash, "", false, "source ~/saved.bash");
    let hook = Kind::Bash.hook_text();
    let saved = home.path().join("saved.bash");
    fs::write(&saved, format!("{hook}# an older one\n")).unwrap();
    let _bpd = Served::start(&home);
    let mut shell = shell(home, Kind::Bash);
    let (screen, status) = doctor(&mut shell, "--fix --yes");
    assert!(status == 1 && screen.contains("saved.bash, a saved hook that is not this bpctl's"), "{screen}");
    assert!(fs::read_to_string(&saved).unwrap().ends_with("# an older one\n"));
    fs::write(&saved, hook).unwrap();
    let (screen, status) = doctor(&mut shell, "");
    assert!(status == 0 && !screen.contains("saved"), "{screen}");
}

#[test]
fn the_directory_is_made_and_closed_and_what_is_not_ours_is_left_alone() {
    let home = set_up(Kind::Bash, "");
    let mut shell = shell(home, Kind::Bash);
    let run = shell.home.bp().join("run");
    // bpd, which the shell's start has started, goes first.
    shell.line("bpctl daemon stop");
    for path in [&run, &run.join("mail")] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let (screen, status) = doctor(&mut shell, "");
    assert!(status == 1 && screen.contains("others may enter it (755)"), "{screen}");
    doctor(&mut shell, "--fix");
    for path in [&run, &run.join("mail")] {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o700, "{}", path.display());
    }
    shell.line("bpctl daemon stop");
    fs::remove_dir_all(&run).unwrap();
    let (screen, status) = doctor(&mut shell, "--fix");
    // The line itself could not be told.
    assert!(status == 1 && screen.contains("made ") && screen.contains("bpd was started"), "{screen}");
    let (screen, status) = doctor(&mut shell, "");
    assert_eq!(status, 0, "{screen}");
    shell.line("bpctl daemon stop");
    // Somebody else's place behind a link.
    let elsewhere = shell.home.work().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::set_permissions(&elsewhere, fs::Permissions::from_mode(0o755)).unwrap();
    fs::remove_dir_all(&run).unwrap();
    symlink(&elsewhere, &run).unwrap();
    let (screen, status) = doctor(&mut shell, "--fix --yes");
    assert!(status != 0 && screen.contains("not a directory"), "{screen}");
    assert_eq!(fs::metadata(&elsewhere).unwrap().permissions().mode() & 0o777, 0o755);
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
    if !rustix::process::geteuid().is_root() {
        // Nobody but root can put another user's directory there.
        return;
    }
    fs::remove_file(&run).unwrap();
    fs::create_dir(&run).unwrap();
    std::os::unix::fs::chown(&run, Some(65534), None).unwrap();
    let (screen, status) = doctor(&mut shell, "--fix --yes --lang tr");
    assert!(status != 0 && screen.contains("65534 kullanıcısına ait"), "{screen}");
    assert_eq!(fs::metadata(&run).unwrap().uid(), 65534);
}

#[test]
fn bpd_is_started_and_then_takes_what_waits() {
    let home = set_up(Kind::Zsh, "");
    let mut shell = shell(home, Kind::Zsh);
    shell.line("bpctl daemon stop");
    shell.line("bpctl run --quiet -- true");
    // Files of a shell that is gone lie about.
    let mut gone = Command::new("true").spawn().unwrap();
    gone.wait().unwrap();
    let left = shell.home.bp().join(format!("run/.shell.{}", gone.id()));
    fs::write(&left, "").unwrap();
    let (screen, status) = doctor(&mut shell, "");
    for said in ["bpd does not answer", "1 run waits", "1 file of a shell that is gone"] {
        assert!(status == 1 && screen.contains(said), "{said}: {screen}");
    }
    let (screen, status) = doctor(&mut shell, "--fix");
    assert!(status == 0 && screen.contains("bpd was started"), "{screen}");
    assert!(!left.exists());
    assert_eq!(settled(&shell.home, 1)[0].command.as_deref(), Some("bpctl run --quiet -- true"));
    shell.line("bpctl daemon stop");
}

#[test]
fn a_hook_that_has_gone_silent_is_found_and_what_silenced_it_is_named() {
    for (kind, silence, why) in [
        (Kind::Bash, "PROMPT_COMMAND=(true) PS0=; trap - DEBUG", "PROMPT_COMMAND was replaced"),
        (
            Kind::Zsh,
            "preexec_functions=() precmd_functions=() zshaddhistory_functions=()",
            "preexec_functions was replaced",
        ),
        (Kind::Fish, "functions -e __bizim_preexec", "has not loaded the hook"),
    ] {
        let home = set_up(kind, "");
        let _bpd = Served::start(&home);
        let mut shell = shell(home, kind);
        shell.line("echo one");
        shell.line(silence);
        until("the line before", || {
            runs(&shell.home).iter().any(|run| run.exit_code == Some(0)).then_some(())
        });
        until("the mailbox is old", || {
            grow_old(&shell);
            let (screen, status) = doctor(&mut shell, "");
            (status == 1 && screen.contains("last prompt") && screen.contains("the newest is")).then_some(())
        });
        let (screen, status) = asked(&mut shell, kind);
        assert!(status == 1 && screen.contains(why), "{kind:?}: {screen}");
    }
}

#[test]
fn who_has_the_debug_trap_is_named_with_the_line_of_the_file() {
    let home = set_up(Kind::Bash, "");
    let rc = home.rc_file(Kind::Bash);
    let text = fs::read_to_string(&rc).unwrap();
    let prompt = "LP_ENABLE_LOAD=0 LP_PS1_POSTFIX='<<P:$((++__n)):$?>>'";
    fs::write(&rc, format!("{prompt}\n. /usr/share/liquidprompt/liquidprompt\n{text}")).unwrap();
    let _bpd = Served::start(&home);
    let mut command = home.command(Kind::Bash, Transport::Mailbox);
    // It does nothing in a terminal that can do nothing.
    command.env("BP_LANG", "en").env("TERM", "xterm-256color");
    let mut terminal = crate::pty::Terminal::start(command);
    terminal.prompt();
    let mut shell = Shell { terminal, home };
    shell.line("echo one");
    let (screen, status) = doctor(&mut shell, "");
    assert!(status == 0 && screen.contains(".bashrc:2: liquidprompt takes the DEBUG trap"), "{screen}");
    let (screen, status) = asked(&mut shell, Kind::Bash);
    assert!(
        status == 0 && screen.contains("another program has set a DEBUG trap: liquidprompt (trap --"),
        "{screen}"
    );
}

#[test]
fn what_replaces_prompt_command_behind_our_line_comes_before_it() {
    let home = set_up(Kind::Bash, "PROMPT_COMMAND='true'\n");
    let rc = home.rc_file(Kind::Bash);
    let before = fs::read_to_string(&rc).unwrap();
    let ours = before.lines().find(|line| line.contains("bpctl setup")).unwrap().to_owned();
    let _bpd = Served::start(&home);
    let mut shell = shell(home, Kind::Bash);
    shell.line("PROMPT_COMMAND=(true) PS0=; trap - DEBUG");
    until("what is found", || {
        grow_old(&shell);
        let (screen, status) = doctor(&mut shell, "");
        let found = ["last prompt", "replaces PROMPT_COMMAND behind the hook"];
        (status == 1 && found.iter().all(|found| screen.contains(found))).then_some(())
    });
    doctor(&mut shell, "--fix --yes");
    let after = fs::read_to_string(&rc).unwrap();
    assert_eq!(after, format!("{}{ours}\n", before.replace(&format!("{ours}\n"), "")));
}

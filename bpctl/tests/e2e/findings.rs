//! What doctor finds, typed in a real shell: each finding beside a shell that is well otherwise.

use std::fs;

use crate::served::{Served, settled};
use crate::shells::{Home, Kind, Shell, Transport};

/// The shell itself is asked.
const ASKED: &str = "eval \"$(bpctl doctor --shell)\"";

/// What is typed before, what is typed then, its exit code, and what is said.
type Found = (&'static str, &'static str, i32, &'static str);

const IN_BASH: [Found; 8] = [
    ("", "BP_OFF=1 bpctl doctor", 1, "BP_OFF=1: the hook does nothing"),
    ("", "sh -c 'bpctl doctor; exit $?'", 0, "not started by bash, zsh, fish or pwsh (sh)"),
    ("export PROMPT_COMMAND", ASKED, 0, "PROMPT_COMMAND is exported"),
    // Without it the prompt that the test waits for is not expanded.
    (
        "export -n PROMPT_COMMAND",
        "shopt -u promptvars; eval \"$(bpctl doctor --shell)\"; shopt -s promptvars",
        0,
        "promptvars is off",
    ),
    ("bpctl pause 2h", "bpctl doctor", 0, "Recording is paused in this shell until"),
    ("bpctl resume", "bpctl doctor", 0, "Nothing is wrong."),
    ("trap 'x=1' DEBUG", ASKED, 0, "another program has set a DEBUG trap"),
    ("trap - DEBUG", "bpctl doctor --shell=csh", 2, "name the shell"),
];

const IN_ZSH: [Found; 5] = [
    ("", "BP_OFF=1 bpctl doctor", 1, "BP_OFF=1: the hook does nothing"),
    ("", "sh -c 'bpctl doctor; exit $?'", 0, "not started by bash, zsh, fish or pwsh (sh)"),
    ("precmd_functions+=(__bizim_precmd)", ASKED, 1, "the hook is loaded twice in this shell"),
    ("precmd_functions=(${(u)precmd_functions})", ASKED, 0, "loaded and in its place"),
    ("bpctl pause --all", "bpctl doctor", 0, "bpctl resume"),
];

const IN_FISH: [Found; 3] = [
    ("", "BP_OFF=1 bpctl doctor", 1, "BP_OFF=1: the hook does nothing"),
    ("", "sh -c 'bpctl doctor; exit $status'", 0, "not started by bash, zsh, fish or pwsh (sh)"),
    ("bpctl pause 2h", "bpctl doctor", 0, "bpctl resume"),
];

fn hooked(home: Home, kind: Kind) -> Shell {
    home.rc(kind, "", true, "");
    let mut command = home.command(kind, Transport::Mailbox);
    command.env("BP_LANG", "en");
    Shell::from(home, command)
}

fn find(kind: Kind, findings: &[Found]) {
    let home = Home::new();
    let _bpd = Served::start(&home);
    let mut shell = hooked(home, kind);
    shell.line("echo one");
    settled(&shell.home, 1);
    for (before, asked, status, found) in findings {
        if !before.is_empty() {
            shell.line(before);
        }
        let said = shell.line(asked);
        assert!(said.status == *status && said.screen.contains(found), "{before:?} {asked}: {said:?}");
    }
}

#[test]
fn what_is_amiss_in_bash_is_named() {
    find(Kind::Bash, &IN_BASH);
}

#[test]
fn what_is_amiss_in_zsh_is_named() {
    find(Kind::Zsh, &IN_ZSH);
}

#[test]
fn what_is_amiss_in_fish_is_named() {
    find(Kind::Fish, &IN_FISH);
}

#[test]
fn what_bpd_says_of_itself_and_what_it_cannot_take_are_passed_on() {
    let home = Home::new();
    let _bpd = Served::start(&home);
    let mut shell = hooked(home, Kind::Bash);
    let config = shell.home.bp().join("config.toml");
    fs::write(&config, "[alerts.cpu_high]\nthreshold = \"much\"\n").unwrap();
    let said = shell.line("bpctl config reload");
    assert!(said.status == 1 && said.screen.contains("config.toml:2"), "{said:?}");
    let said = shell.line("bpctl doctor");
    assert!(said.status == 1 && said.screen.contains("bpd says: the old config stays in effect"), "{said:?}");
    fs::write(&config, "").unwrap();
    shell.line("bpctl config reload");

    let spool = shell.home.bp().join("data/spool");
    fs::create_dir_all(&spool).unwrap();
    let uid = bp_proto::Ulid::generate();
    fs::write(spool.join(uid.to_string()), "no run").unwrap();
    let said = shell.line("bpctl doctor --fix --yes");
    let stays = "cannot be read and stays where it is";
    assert!(said.status == 1 && said.screen.contains(stays), "{said:?}");
    fs::remove_file(spool.join(uid.to_string())).unwrap();
    let said = shell.line("bpctl doctor");
    assert!(said.status == 0 && said.screen.contains("Nothing is wrong."), "{said:?}");
}

#[test]
fn a_bpd_that_hangs_is_named_and_not_taken_for_one_that_is_gone() {
    let home = Home::new();
    let bpd = Served::start(&home);
    let mut shell = hooked(home, Kind::Zsh);
    let pid = bpd.pid();
    let bpd = bpd.hang();
    let asked = shell.line("bpctl status");
    let found = shell.line("bpctl doctor --fix");
    let stopped = shell.line("bpctl daemon stop");
    let _bpd = bpd.go_on();
    assert!(asked.status == 5 && asked.screen.contains("has not answered in time"), "{asked:?}");
    let kill = format!("kill -9 {pid}");
    assert!(found.status == 1 && found.screen.contains("runs, but does not answer"), "{found:?}");
    assert!(found.screen.contains(&kill), "{found:?}");
    assert!(stopped.status == 1 && stopped.screen.contains(&pid.to_string()), "{stopped:?}");
}

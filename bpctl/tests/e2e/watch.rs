//! `bpctl watch` in a terminal: what runs appears, is sorted, asked about and stopped; the terminal comes back.

use std::process::{Child, Command, Stdio};

use bp_proto::RunState;
use rustix::process::{Pid, Signal, kill_process};

use crate::pty::{Terminal, clean};
use crate::served::{Served, bpctl, runs, settled, until};
use crate::shells::{Home, Kind, Transport};

const ENTERS: &str = "\x1b[?1049h";
const LEAVES: &str = "\x1b[?1049l";
const SHOWS_CURSOR: &str = "\x1b[?25h";

fn watch(home: &Home, words: &[&str]) -> Terminal {
    let mut command = home.environment(clean(env!("CARGO_BIN_EXE_bpctl")));
    command.env("TERM", "xterm-256color").env("BP_LANG", "en").args(words).current_dir(home.work());
    Terminal::start(command)
}

fn start(home: &Home, words: &[&str]) -> Child {
    let mut command = home.environment(Command::new(env!("CARGO_BIN_EXE_bpctl")));
    command.args(["run", "--quiet"]).args(words).current_dir(home.work());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Two commands that run, the second one busy; both have been measured.
fn two(home: &Home) -> [Child; 2] {
    let idle = start(home, &["sleep", "1001"]);
    until("the first run", || (runs(home).len() == 1).then_some(()));
    let busy = start(home, &["-c", "while ! [ -e enough ]; do :; done # busy"]);
    until("what the second run burns", || {
        let busy = runs(home).into_iter().find(|run| run.id == 2)?;
        (busy.run_stats?.cpu_seconds? > 0.2).then_some(())
    });
    [idle, busy]
}

fn end(children: [Child; 2]) {
    for mut child in children {
        kill_process(Pid::from_raw(child.id() as i32).unwrap(), Signal::TERM).unwrap();
        child.wait().unwrap();
    }
}

/// Waits until `first` stands above `second`.
fn paints_above(terminal: &mut Terminal, first: &str, second: &str) {
    terminal.paints(&format!("{first:?} above {second:?}"), |picture| {
        matches!((picture.row_of(first), picture.row_of(second)), (Some(first), Some(second)) if first < second)
    });
}

#[test]
fn what_runs_appears_and_is_sorted_and_the_terminal_comes_back() {
    let home = Home::new();
    let _bpd = Served::start(&home);
    let children = two(&home);
    let mut terminal = watch(&home, &["watch"]);
    terminal.paints_text("2 running");
    terminal.paints_text("# busy");
    terminal.paints_text("sleep 1001");
    assert!(!terminal.is_cooked());
    terminal.send("t");
    paints_above(&mut terminal, "sleep 1001", "# busy");
    terminal.send("c");
    paints_above(&mut terminal, "# busy", "sleep 1001");
    // So narrow that only the ends of a command are left.
    terminal.resize(40, 12);
    terminal.paints("a narrow table", |picture| {
        picture.shows("while") && picture.shows("…") && picture.shows("? help")
    });
    paints_above(&mut terminal, "COMMAND", "sleep 1001");
    terminal.send("?");
    terminal.paints_text("KEYS");
    terminal.send("xq");
    terminal.shows(SHOWS_CURSOR);
    terminal.shows(LEAVES);
    assert_eq!((terminal.gone(), terminal.is_cooked()), (Some(0), true));
    end(children);
}

#[test]
fn a_signal_that_ends_it_leaves_the_terminal_as_it_was() {
    for signal in [Signal::TERM, Signal::HUP] {
        let home = Home::new();
        let _bpd = Served::start(&home);
        let mut terminal = watch(&home, &["watch"]);
        terminal.paints_text("Nothing is running.");
        kill_process(Pid::from_raw(terminal.pid() as i32).unwrap(), signal).unwrap();
        terminal.shows(SHOWS_CURSOR);
        terminal.shows(LEAVES);
        assert_eq!((terminal.gone(), terminal.is_cooked()), (None, true));
    }
}

/// In a process of its own, with a terminal of its own, this test is the one that panics.
const PANICS: &str = "BP_TEST_PANICS";

#[test]
fn a_panic_leaves_the_terminal_as_it_was_and_is_read_there() {
    if std::env::var_os(PANICS).is_some() {
        let painted = bpctl::verbs::watch::painted::Painted::begin().unwrap();
        // The shipped client does not unwind: nothing is dropped.
        std::mem::forget(painted);
        panic!("something impossible");
    }
    let mut again = clean(std::env::current_exe().unwrap());
    again.env("TERM", "xterm-256color").env(PANICS, "1");
    again.args([
        "--exact",
        "watch::a_panic_leaves_the_terminal_as_it_was_and_is_read_there",
        "--nocapture",
        "--test-threads=1",
    ]);
    let mut terminal = Terminal::start(again);
    terminal.shows(ENTERS);
    terminal.shows(SHOWS_CURSOR);
    terminal.shows(LEAVES);
    terminal.shows("something impossible");
    assert_eq!((terminal.gone(), terminal.is_cooked()), (Some(101), true));
}

#[test]
fn over_ctrl_z_the_shell_has_its_terminal_and_fg_gives_the_table_back() {
    for kind in [Kind::Bash, Kind::Zsh] {
        let home = Home::new();
        let _bpd = Served::start(&home);
        let children = two(&home);
        home.rc(kind, "", false, "");
        let mut command = home.command(kind, Transport::Mailbox);
        command.env("TERM", "xterm-256color").env("BP_LANG", "en");
        let mut terminal = Terminal::start(command);
        terminal.prompt();
        let before = terminal.line("stty -g").screen;
        terminal.send("bpctl watch\r");
        terminal.shows(ENTERS);
        terminal.paints_text("# busy");
        terminal.send("\x1a");
        terminal.shows(SHOWS_CURSOR);
        terminal.shows(LEAVES);
        assert_eq!(terminal.prompt().status, 148, "{kind:?}");
        assert_eq!(terminal.line("stty -g").screen, before, "{kind:?}");
        assert!(terminal.line("jobs").screen.contains("bpctl watch"), "{kind:?}");
        terminal.send("fg\r");
        terminal.shows(ENTERS);
        terminal.shows("# busy");
        // It heeds its keys.
        terminal.send("?");
        terminal.shows("KEYS");
        terminal.send("xq");
        terminal.shows(LEAVES);
        assert_eq!(terminal.prompt().status, 0, "{kind:?}");
        assert_eq!(terminal.line("stty -g").screen, before, "{kind:?}");
        end(children);
    }
}

#[test]
fn enter_opens_the_chosen_run_in_the_page() {
    let home = Home::new();
    let _bpd = Served::start(&home);
    let children = two(&home);
    // The browser: it keeps what it was given.
    let browser = home.work().join("browser");
    let script = "#!/bin/sh\ncp \"${1#file://}\" \"$0.new\" && mv \"$0.new\" \"$0.page\"\n";
    std::fs::write(&browser, script).unwrap();
    std::fs::set_permissions(&browser, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut command = home.environment(clean(env!("CARGO_BIN_EXE_bpctl")));
    command.env("TERM", "xterm-256color").env("BP_LANG", "en").env("BROWSER", &browser);
    command.args(["watch"]).current_dir(home.work());
    let mut terminal = Terminal::start(command);
    terminal.paints_text("# busy");
    terminal.paints_text("sleep 1001");
    // By their start, the oldest last: the arrow leads to the other one.
    terminal.send("t");
    paints_above(&mut terminal, "sleep 1001", "# busy");
    for (keys, run) in [("\r", 1), ("\x1b[B\r", 2)] {
        terminal.send(keys);
        let page = until("the browser", || std::fs::read_to_string(browser.with_extension("page")).ok());
        assert!(page.contains("#code=") && page.contains(&format!("&amp;to=%2Fruns%2F{run}\"")), "{page}");
        terminal.paints_text(&format!("run {run} opens in the browser"));
        std::fs::remove_file(browser.with_extension("page")).unwrap();
    }
    assert!(!terminal.is_cooked(), "the table is still there");
    terminal.send("q");
    assert_eq!((terminal.gone(), terminal.is_cooked()), (Some(0), true));
    end(children);
}

#[test]
fn it_goes_with_its_terminal() {
    let home = Home::new();
    let _bpd = Served::start(&home);
    let mut shell = home.environment(clean("sh"));
    shell.env("TERM", "xterm-256color").env("BP_LANG", "en").current_dir(home.work());
    shell.args(["-c", &format!("{} watch & echo $! >pid; wait", env!("CARGO_BIN_EXE_bpctl"))]);
    shell.args(["sh"]);
    let mut terminal = Terminal::start(shell);
    terminal.paints_text("Nothing is running.");
    let file = home.work().join("pid");
    let pid = until("its pid", || std::fs::read_to_string(&file).ok()?.trim().parse().ok());
    drop(terminal);
    // Whoever has to wait for it may never do so.
    let it = bp_proto::Owner { pid, start_ticks: 0 };
    until("its end", || (!bp_proto::process::is_alive(it)).then_some(()));
}

#[test]
fn a_run_is_stopped_after_asking_and_nothing_else_is() {
    let home = Home::new();
    let _bpd = Served::start(&home);
    let [mut idle, mut busy] = two(&home);
    let mut terminal = watch(&home, &["watch"]);
    terminal.paints_text("sleep 1001");
    terminal.send("t");
    terminal.send("k");
    terminal.paints_text("Stop run 1?");
    terminal.paints_text("sleep 1001");
    terminal.paints_text("SIGTERM");
    terminal.send("n");
    terminal.send("k");
    terminal.paints_text("Stop run 1?");
    assert!(runs(&home).iter().all(|run| run.state == RunState::Running));
    terminal.send("y");
    terminal.paints_text("SIGTERM sent to run 1 (processes: 1)");
    assert_eq!(idle.wait().unwrap().code(), Some(143));
    assert!(busy.try_wait().unwrap().is_none());
    kill_process(Pid::from_raw(busy.id() as i32).unwrap(), Signal::TERM).unwrap();
    busy.wait().unwrap();
    let recorded = settled(&home, 2);
    assert_eq!((recorded[0].signal, recorded[1].signal), (Some(15), Some(15)));
    terminal.send("q");
    assert_eq!(terminal.gone(), Some(0));
}

#[test]
fn what_does_not_heed_the_first_signal_is_killed_after_a_second_question() {
    let home = Home::new();
    let _bpd = Served::start(&home);
    let mut deaf = start(&home, &["env", "--ignore-signal=TERM", "sleep", "1001"]);
    until("the run", || (runs(&home).len() == 1).then_some(()));
    let mut terminal = watch(&home, &["watch"]);
    terminal.paints_text("sleep 1001");
    terminal.send("k");
    terminal.paints_text("Stop run 1?");
    terminal.send("y");
    terminal.paints_text("SIGTERM sent to");
    terminal.send("k");
    terminal.paints_text("SIGKILL");
    terminal.send("y");
    assert_eq!(deaf.wait().unwrap().code(), Some(137));
    terminal.send("q");
    assert_eq!(terminal.gone(), Some(0));
}

#[test]
fn another_users_process_is_left_alone() {
    if !rustix::process::geteuid().is_root() {
        // Nobody but root can start one; without root the kernel would refuse, too.
        return;
    }
    let home = Home::new();
    let _bpd = Served::start(&home);
    let mut other = start(&home, &["setpriv", "--reuid", "65534", "--clear-groups", "sleep", "1001"]);
    until("the run", || (runs(&home).len() == 1).then_some(()));
    let child = format!("/proc/{0}/task/{0}/children", other.id());
    let sleeps = || {
        let pid: i32 = std::fs::read_to_string(&child).ok()?.trim().parse().ok()?;
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
        (name.trim() == "sleep").then_some(pid)
    };
    let pid = until("the command of the other user", sleeps);
    let mut terminal = watch(&home, &["watch"]);
    terminal.paints_text("sleep 1001");
    terminal.send("ky");
    terminal.paints_text("belongs to another user and was left alone");
    terminal.send("q");
    assert_eq!(terminal.gone(), Some(0));
    assert!(other.try_wait().unwrap().is_none());
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    other.wait().unwrap();
}

#[test]
fn a_command_that_would_paint_the_screen_is_shown_and_not_obeyed() {
    let home = Home::new();
    let _bpd = Served::start(&home);
    let mut child = start(&home, &["-c", "sleep 1001; : \x1b]0;owned\x07"]);
    until("the run", || (runs(&home).len() == 1).then_some(()));
    let mut terminal = watch(&home, &["watch"]);
    terminal.paints_text("\\e]0;owned\\x07");
    terminal.send("q");
    assert_eq!(terminal.gone(), Some(0));
    assert!(!terminal.all().contains("\x1b]0;owned"));
    let once = String::from_utf8(bpctl(&home, &["watch", "--once"]).stdout).unwrap();
    assert!(once.contains("\\e]0;owned\\x07\n") && !once.contains('\x1b'), "{once}");
    let plain = String::from_utf8(bpctl(&home, &["watch", "--plain"]).stdout).unwrap();
    assert!(plain.starts_with("id\tstate\t") && plain.contains("\n1\trunning\t"), "{plain}");
    assert!(plain.contains("\t: \\e]0;owned") || plain.contains("\\e]0;owned\\x07\t"), "{plain}");
    kill_process(Pid::from_raw(child.id() as i32).unwrap(), Signal::TERM).unwrap();
    child.wait().unwrap();
}

#[test]
fn without_colour_there_is_none() {
    let home = Home::new();
    let _bpd = Served::start(&home);
    let children = two(&home);
    let mut terminal = watch(&home, &["--color", "never", "watch"]);
    terminal.paints_text("# busy");
    terminal.send("q");
    assert_eq!(terminal.gone(), Some(0));
    let shown = terminal.all();
    // Of the escapes that choose a colour only the one for the terminal's own.
    for color in ["\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[38;", "\x1b[48;"] {
        assert!(!shown.replace("\x1b[38;5;0m", "").contains(color), "{color:?}");
    }
    end(children);
}

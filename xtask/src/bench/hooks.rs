//! What the hooks cost between Enter and the next prompt, and how many processes they fork.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};

use super::table::{Table, median, quantile};
use crate::daemon::Daemon;
use crate::pty::{self, Terminal};

const ROUNDS: usize = 300;
/// The first rounds fill caches and histories.
const WARM_UP: usize = 20;
const FORK_ROUNDS: usize = 50;

#[derive(Clone, Copy, PartialEq)]
enum Variant {
    Bare,
    Mailbox,
    /// The mailbox, with no bpd that reads it.
    Away,
    Socket,
}

impl Variant {
    const ALL: [Self; 4] = [Self::Bare, Self::Mailbox, Self::Away, Self::Socket];

    fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare shell",
            Self::Mailbox => "bp, mailbox",
            Self::Away => "bp, mailbox, bpd away",
            Self::Socket => "bp, `BP_TRANSPORT=socket` (`bpctl event` twice)",
        }
    }
}

pub(super) fn measure(programs: &Path) -> Result<Table> {
    let mut table = Table::new(&[
        "shell",
        "variant",
        "median µs",
        "over bare µs",
        "p90 of the difference µs",
        "p99 µs",
        "forks a command",
    ]);
    for shell in ["bash", "zsh", "fish"] {
        let bench = Bench::new(programs, shell)?;
        let times = bench.times();
        let bare = &times[0];
        for (variant, times) in Variant::ALL.iter().zip(&times) {
            let forks = bench.forks(*variant)?;
            if matches!(variant, Variant::Mailbox | Variant::Away) {
                let what = format!("{shell}, {}", variant.name());
                let limit = match shell {
                    "bash" => 300.0,
                    "zsh" => 200.0,
                    _ => 100.0,
                };
                table.judge(&format!("{what}: µs over bare"), median(times) - median(bare), limit);
                table.judge(&format!("{what}: forks"), forks, 0.0);
            }
            let over: Vec<f64> = times.iter().zip(bare).map(|(with, without)| with - without).collect();
            table.row([
                shell.to_owned(),
                variant.name().to_owned(),
                format!("{:.0}", median(times)),
                format!("{:+.0}", median(times) - median(bare)),
                format!("{:+.0}", quantile(&over, 0.9)),
                format!("{:.0}", quantile(times, 0.99)),
                format!("{forks:.2}"),
            ]);
        }
    }
    Ok(table)
}

struct Bench<'a> {
    shell: &'a str,
    daemon: Daemon,
    programs: &'a Path,
    home: tempfile::TempDir,
    away: tempfile::TempDir,
}

impl<'a> Bench<'a> {
    fn new(programs: &'a Path, shell: &'a str) -> Result<Self> {
        let scratch = || tempfile::Builder::new().prefix("bp").tempdir_in("/tmp");
        let bench =
            Self { shell, daemon: Daemon::start(programs)?, programs, home: scratch()?, away: scratch()? };
        for variant in Variant::ALL {
            let home = bench.home_of(variant);
            let file = if shell == "fish" { ".config/fish/config.fish" } else { &format!(".{shell}rc") };
            // Without the second fish reads every manual page in the background at its first start.
            std::fs::create_dir_all(home.join(".config/fish"))?;
            std::fs::create_dir_all(home.join(".local/share/fish/generated_completions"))?;
            std::fs::write(home.join(file), bench.rc(variant)?)?;
        }
        Ok(bench)
    }

    fn home_of(&self, variant: Variant) -> std::path::PathBuf {
        self.home.path().join(format!("{}", variant as u8))
    }

    fn rc(&self, variant: Variant) -> Result<String> {
        let prompt = match self.shell {
            "bash" => "PS1='<<P:$((++__n)):$?>>'; set +H; bind 'set enable-bracketed-paste off'\n",
            "fish" => {
                // It may paint a prompt more than once: the number is that of the event.
                "set -g fish_greeting; set -g __n 0; set -g fish_autosuggestion_enabled 0\n\
                 function __next --on-event fish_prompt; set -g __n (math $__n + 1); end\n\
                 function fish_prompt; echo -n \"<<P:$__n:$status>>\"; end\n\
                 function fish_title; end\n"
            }
            _ => {
                "typeset -gi __n=0; setopt prompt_subst; unsetopt prompt_sp prompt_cr zle; PROMPT='<<P:$((++__n)):%?>>'\n"
            }
        };
        let hook = if variant == Variant::Bare {
            String::new()
        } else {
            let printed = self.daemon.bpctl().args(["init", self.shell, "--no-start"]).output()?;
            String::from_utf8(printed.stdout).context("the hook is not UTF-8")?
        };
        let history = if self.shell == "fish" { "" } else { "HISTFILE=~/history\nHISTSIZE=1000\n" };
        Ok(format!("{history}{hook}\n{prompt}"))
    }

    fn command(&self, variant: Variant) -> Command {
        let mut command = pty::clean(self.shell);
        let bp_home = if variant == Variant::Away { self.away.path() } else { self.daemon.home() };
        let path = std::env::join_paths(
            std::iter::once(self.programs.to_owned())
                .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
        );
        command
            .env("HOME", self.home_of(variant))
            .env("BP_HOME", bp_home)
            .env("PATH", path.unwrap_or_default());
        if variant == Variant::Socket {
            command.env("BP_TRANSPORT", "socket");
        }
        match self.shell {
            "bash" | "fish" => command.arg("-i"),
            _ => command.args(["-d", "-i"]),
        };
        command
    }

    /// Microseconds by variant; the variants take turns, so that a busy second hits them all.
    fn times(&self) -> Vec<Vec<f64>> {
        let mut terminals: Vec<Terminal> = Variant::ALL
            .iter()
            .map(|variant| {
                let mut terminal = Terminal::start(self.command(*variant));
                terminal.prompt();
                terminal
            })
            .collect();
        let mut times = vec![Vec::new(); terminals.len()];
        for round in 0..WARM_UP + ROUNDS {
            for (terminal, times) in terminals.iter_mut().zip(&mut times) {
                let began = Instant::now();
                terminal.line(":");
                if round >= WARM_UP {
                    times.push(began.elapsed().as_secs_f64() * 1e6);
                }
            }
        }
        times
    }

    /// Forks by the shell for each command, counted from outside.
    fn forks(&self, variant: Variant) -> Result<f64> {
        let count = |rounds: usize| -> Result<usize> {
            let trace = self.home.path().join("trace");
            let shell = self.command(variant);
            let mut command = Command::new("strace");
            command.args(["-f", "-qq", "-e", "trace=clone,clone3,fork,vfork", "-o"]).arg(&trace);
            command.arg(shell.get_program()).args(shell.get_args()).env_clear();
            for (name, value) in shell.get_envs() {
                command.env(name, value.unwrap_or_default());
            }
            let mut terminal = Terminal::start(command);
            terminal.prompt();
            for _ in 0..rounds {
                terminal.line(":");
            }
            terminal.send("exit\r");
            terminal.gone();
            let text = std::fs::read_to_string(&trace).context("strace is needed to count forks")?;
            // fish has threads.
            let calls =
                text.lines().filter(|line| !line.contains("CLONE_THREAD") && !line.contains("resumed>"));
            Ok(calls.filter(|line| line.contains("clone") || line.contains("fork(")).count())
        };
        // What the start and the end of the shell fork is the same in both.
        let (few, many) = (count(1)?, count(1 + FORK_ROUNDS)?);
        Ok(many.saturating_sub(few) as f64 / FORK_ROUNDS as f64)
    }
}

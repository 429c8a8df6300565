//! What the hooks cost between Enter and the next prompt, how many processes they fork, and what CPU time they burn,
//! beside the bare shell and other people's programs.

mod powershell;
mod variant;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use self::variant::Variant;
use super::table::{Table, median, quantile};
use crate::clock;
use crate::daemon::Daemon;
use crate::pty::{self, Terminal};

/// What is typed: a builtin, and a program.
const LINES: [&str; 2] = [":", "/bin/true"];
const BLOCKS: usize = 30;
/// Lines that a variant is given before it is another's turn. One line each in turn would measure how long the caches
/// take to come back after the programs of the others.
const BLOCK: usize = 10;
/// How long what a variant has left behind may go on before it is the next one's turn.
const REST: Duration = Duration::from_millis(150);
/// The first blocks fill caches and histories.
const WARM_UP: usize = 2;
const FORK_ROUNDS: usize = 50;
const POWERSHELL: &str = "powershell";

/// Where a login's runtime directory is: in memory. Microseconds of a disk are not the hook's.
const MEMORY: &str = "/dev/shm";

pub(super) fn measure(programs: &Path) -> Result<Table> {
    let mut table = Table::new(&[
        "shell",
        "line",
        "variant",
        "median µs",
        "over bare µs",
        "p90 of the difference µs",
        "p99 µs",
        "forks a command",
        "CPU over bare µs",
    ]);
    // `BP_BENCH_SHELLS=powershell` measures that one alone.
    let wanted = std::env::var("BP_BENCH_SHELLS").unwrap_or_else(|_| "bash zsh fish powershell".to_owned());
    for shell in ["bash", "zsh", "fish", POWERSHELL] {
        if !wanted.split_whitespace().any(|name| name == shell) {
            continue;
        }
        if shell == POWERSHELL && powershell::program().is_none() {
            let mut cells =
                vec![shell.to_owned(), String::new(), "absent: no `BP_PWSH`, no `pwsh`".to_owned()];
            cells.resize(9, "–".to_owned());
            table.row(cells);
            continue;
        }
        let bench = Bench::new(programs, shell)?;
        for line in LINES {
            let figures = bench.measure(line)?;
            judge(&mut table, shell, line, &figures);
            for figures in &figures {
                table.row(figures.cells(shell, line));
            }
        }
        for (variant, why) in &bench.absent {
            let mut cells =
                vec![shell.to_owned(), String::new(), variant.name(shell).to_owned(), why.clone()];
            cells.resize(9, "–".to_owned());
            table.row(cells);
        }
    }
    Ok(table)
}

/// What a variant took for a line.
struct Figures {
    variant: Variant,
    /// Enter → prompt, microseconds.
    times: Vec<f64>,
    /// The same less that of the bare shell in the same turn.
    over: Vec<f64>,
    forks: f64,
    /// Of the shell and what it waited for, for a line, less the bare shell's, microseconds.
    cpu_over: f64,
    /// Medians over the bare shell.
    over_bare: f64,
}

impl Figures {
    fn cells(&self, shell: &str, line: &str) -> [String; 9] {
        [
            shell.to_owned(),
            format!("`{}`", typed(shell, line)),
            self.variant.name(shell).to_owned(),
            format!("{:.0}", median(&self.times)),
            format!("{:+.0}", self.over_bare),
            format!("{:+.0}", quantile(&self.over, 0.9)),
            format!("{:.0}", quantile(&self.times, 0.99)),
            format!("{:.2}", self.forks),
            format!("{:+.0}", self.cpu_over),
        ]
    }
}

/// Holds the hook against its targets, and against those that stand beside it.
fn judge(table: &mut Table, shell: &str, line: &str, all: &[Figures]) {
    let of = |variant| all.iter().find(|figures| figures.variant == variant);
    let Some(bare) = of(Variant::Bare) else { return };
    let also = (shell == POWERSHELL).then_some(Variant::Socket);
    for ours in [Variant::Mailbox, Variant::Away].into_iter().chain(also).filter_map(of) {
        let what = format!("{shell}, `{}`, {}", typed(shell, line), ours.variant.name(shell));
        table.judge(&format!("{what}: forks over bare"), ours.forks - bare.forks, 0.0);
        if line != LINES[0] {
            continue;
        }
        let limit = match shell {
            "bash" => 300.0,
            "zsh" => 200.0,
            POWERSHELL => 600.0,
            _ => 100.0,
        };
        table.judge(&format!("{what}: µs over bare"), ours.over_bare, limit);
        if shell == POWERSHELL {
            continue;
        }
        table.judge(&format!("{what}: p90 of the difference, µs"), quantile(&ours.over, 0.9), 500.0);
        for (theirs, share) in [(Variant::BashPreexec, 4.0), (Variant::Socket, 6.0), (Variant::Atuin, 60.0)] {
            let Some(theirs) = of(theirs) else { continue };
            table.judge(
                &format!("{what}: % of what {} costs", theirs.variant.name(shell)),
                100.0 * ours.over_bare / theirs.over_bare,
                100.0 / share,
            );
        }
    }
}

/// PowerShell has no `:`.
fn typed<'a>(shell: &str, line: &'a str) -> &'a str {
    if shell == POWERSHELL && line == LINES[0] { "$null" } else { line }
}

/// A terminal with this shell in it, at its first prompt.
fn terminal(shell: &str, command: Command) -> Terminal {
    let mut terminal =
        if shell == POWERSHELL { Terminal::start_answering(command) } else { Terminal::start(command) };
    terminal.prompt();
    terminal
}

struct Bench<'a> {
    shell: &'a str,
    daemon: Daemon,
    programs: &'a Path,
    home: tempfile::TempDir,
    away: tempfile::TempDir,
    variants: Vec<Variant>,
    /// With the reason.
    absent: Vec<(Variant, String)>,
}

impl<'a> Bench<'a> {
    fn new(programs: &'a Path, shell: &'a str) -> Result<Self> {
        let memory = if Path::new(MEMORY).is_dir() { MEMORY } else { "/tmp" };
        let scratch = || tempfile::Builder::new().prefix("bp").tempdir_in(memory);
        let mut bench = Self {
            shell,
            daemon: Daemon::start_in(programs, Path::new(memory))?,
            programs,
            home: scratch()?,
            away: scratch()?,
            variants: Vec::new(),
            absent: Vec::new(),
        };
        for variant in Variant::of(shell) {
            match variant.load(shell, &bench.daemon)? {
                Ok(load) => {
                    bench.write_rc(variant, &load)?;
                    bench.variants.push(variant);
                }
                Err(why) => bench.absent.push((variant, why)),
            }
        }
        Ok(bench)
    }

    fn write_rc(&self, variant: Variant, load: &str) -> Result<()> {
        let home = self.home_of(variant);
        if self.shell == POWERSHELL {
            std::fs::create_dir_all(&home)?;
            std::fs::write(
                home.join(powershell::PROFILE),
                format!("{}{load}\n", variant.prompt(self.shell)),
            )?;
            return Ok(());
        }
        let file =
            if self.shell == "fish" { ".config/fish/config.fish" } else { &format!(".{}rc", self.shell) };
        // Without the second fish reads every manual page in the background at its first start.
        std::fs::create_dir_all(home.join(".config/fish"))?;
        std::fs::create_dir_all(home.join(".local/share/fish/generated_completions"))?;
        let history = if self.shell == "fish" { "" } else { "HISTFILE=~/history\nHISTSIZE=1000\n" };
        let text = format!("{history}{load}\n{}", variant.prompt(self.shell));
        std::fs::write(home.join(file), text)?;
        Ok(())
    }

    fn home_of(&self, variant: Variant) -> PathBuf {
        self.home.path().join(format!("{}", variant as u8))
    }

    fn command(&self, variant: Variant) -> Command {
        let program = if self.shell == POWERSHELL { powershell::program() } else { None };
        let mut command = pty::clean(program.unwrap_or_else(|| self.shell.into()));
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
            POWERSHELL => {
                if variant == Variant::Mailbox {
                    command.env("BP_TRANSPORT", "mailbox");
                }
                // PowerShell leaves pipes there when it is killed.
                command.env("TMPDIR", self.home_of(variant));
                command.env("TERM", "xterm-256color").args(["-NoLogo", "-NoProfile", "-NoExit", "-File"]);
                command.arg(self.home_of(variant).join(powershell::PROFILE))
            }
            "bash" | "fish" => command.arg("-i"),
            _ => command.args(["-d", "-i"]),
        };
        command
    }

    /// Every variant with this line, in turns.
    fn measure(&self, line: &str) -> Result<Vec<Figures>> {
        let line = typed(self.shell, line);
        let start = |variant: &Variant| Taken::start(*variant, terminal(self.shell, self.command(*variant)));
        let mut taken: Vec<Taken> = self.variants.iter().map(start).collect();
        for turn in 0..WARM_UP + BLOCKS {
            for at in shuffled(taken.len(), turn) {
                await_rest()?;
                taken[at].turn(line, turn >= WARM_UP)?;
            }
        }
        let (bare_times, bare_cpu) = (taken[0].times.clone(), taken[0].cpu_of_a_line()?);
        taken
            .into_iter()
            .map(|taken| {
                Ok(Figures {
                    variant: taken.variant,
                    over: taken.times.iter().zip(&bare_times).map(|(with, bare)| with - bare).collect(),
                    forks: self.forks(taken.variant, line)?,
                    cpu_over: taken.cpu_of_a_line()? - bare_cpu,
                    over_bare: median(&taken.times) - median(&bare_times),
                    times: taken.times,
                })
            })
            .collect()
    }

    /// Forks by the shell for each command, counted from outside.
    fn forks(&self, variant: Variant, line: &str) -> Result<f64> {
        let count = |rounds: usize| -> Result<usize> {
            let trace = self.home.path().join("trace");
            let shell = self.command(variant);
            let mut command = Command::new("strace");
            command.args(["-f", "-qq", "-e", "trace=clone,clone3,fork,vfork", "-o"]).arg(&trace);
            command.arg(shell.get_program()).args(shell.get_args()).env_clear();
            for (name, value) in shell.get_envs() {
                command.env(name, value.unwrap_or_default());
            }
            let mut terminal = terminal(self.shell, command);
            for _ in 0..rounds {
                terminal.line(line);
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

/// `0..count` in another order at each turn, in each run the same: what comes behind a variant that keeps the machine busy
/// finds it awake, and is a sixth faster for that.
fn shuffled(count: usize, turn: usize) -> Vec<usize> {
    let mut order: Vec<_> = (0..count).collect();
    order.sort_by_cached_key(|at| {
        let mut hasher = DefaultHasher::new();
        (turn, at).hash(&mut hasher);
        hasher.finish()
    });
    order
}

/// Waits until this is the only thread that runs on the machine, for a while: what a variant's programs and bpd do behind
/// the prompt of the last of its lines is not the next one's. Another's load is not waited for beyond [`REST`].
fn await_rest() -> Result<()> {
    const LOOKS: usize = 5;
    let began = Instant::now();
    let mut alone = 0;
    while alone < LOOKS && began.elapsed() < REST {
        std::thread::sleep(Duration::from_millis(2));
        let stat = std::fs::read_to_string("/proc/stat")?;
        let running = stat.lines().find_map(|line| line.strip_prefix("procs_running "));
        alone = if running.is_some_and(|count| count.trim() == "1") { alone + 1 } else { 0 };
    }
    Ok(())
}

/// A shell of one variant, and what it took so far.
struct Taken {
    variant: Variant,
    terminal: Terminal,
    times: Vec<f64>,
    cpu_before: f64,
}

impl Taken {
    fn start(variant: Variant, terminal: Terminal) -> Self {
        Self { variant, terminal, times: Vec::new(), cpu_before: 0.0 }
    }

    fn turn(&mut self, line: &str, counts: bool) -> Result<()> {
        if counts && self.times.is_empty() {
            self.cpu_before = self.cpu()?;
        }
        for _ in 0..BLOCK {
            let began = Instant::now();
            self.terminal.line(line);
            if counts {
                self.times.push(began.elapsed().as_secs_f64() * 1e6);
            }
        }
        Ok(())
    }

    fn cpu_of_a_line(&self) -> Result<f64> {
        Ok((self.cpu()? - self.cpu_before) / self.times.len() as f64)
    }

    /// Microseconds of the shell itself, and of the processes that it has waited for, these by the clock tick.
    fn cpu(&self) -> Result<f64> {
        let pid = self.terminal.pid();
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields).split(' ');
        // Fields 16 and 17 of the file, `cutime` and `cstime`; what follows the name begins with field 3.
        let ticks: f64 = fields.skip(13).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
        let children = ticks * 1e6 / rustix::param::clock_ticks_per_second() as f64;
        Ok(clock::of(pid)?.as_secs_f64() * 1e6 + children)
    }
}

//! Shells with the hook loaded, each with a home and a `BP_HOME` of its own.

#![allow(unsafe_code, reason = "a child gives up its counters between fork and exec")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use bp_proto::actor;
use bp_proto::mailbox::{self, EndRecord, Record, StartRecord, Text};

use crate::picture::Picture;
use crate::pty::{self, Prompt, Terminal};
use crate::scratch::Scratch;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Bash,
    Zsh,
    Fish,
}

impl Kind {
    /// Those that speak Bourne's language.
    pub(crate) const ALL: [Self; 2] = [Self::Bash, Self::Zsh];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
        }
    }

    pub(crate) fn hook(self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../shell").join(format!("bp.{}", self.name()))
    }

    /// The whole hook in one text, as `bpctl init` prints it.
    pub(crate) fn hook_text(self) -> String {
        if self != Self::Bash {
            return fs::read_to_string(self.hook()).unwrap();
        }
        let folder = self.hook().with_file_name("bash");
        let mut parts: Vec<_> = fs::read_dir(folder).unwrap().map(|part| part.unwrap().path()).collect();
        parts.sort();
        parts.iter().map(|part| fs::read_to_string(part).unwrap()).collect()
    }

    /// The numbered prompt, and nothing on the screen that a shell paints by itself.
    pub(crate) fn prompt(self) -> &'static str {
        match self {
            Self::Bash => {
                "__n=${__n-0}; PS1='<<P:$((++__n)):$?>>'; PS2='>'; set +H; bind 'set enable-bracketed-paste off'\n"
            }
            Self::Zsh => {
                // A job that ends while the prompt stands would have it painted again, with a number of its own.
                "typeset -gi __n=${__n-0}; setopt prompt_subst interactive_comments no_beep no_notify\n\
                 unsetopt prompt_sp prompt_cr; unset zle_bracketed_paste; PROMPT='<<P:$((++__n)):%?>>'; PROMPT2='>'\n"
            }
            Self::Fish => {
                // It may paint a prompt more than once: the number is that of the event.
                "set -g fish_greeting; set -g __n 0; set -g fish_autosuggestion_enabled 0\n\
                 function __next --on-event fish_prompt; set -g __n (math $__n + 1); end\n\
                 function fish_prompt; echo -n \"<<P:$__n:$status>>\"; end\n\
                 function fish_title; end\n"
            }
        }
    }
}

/// How the hook hands its records over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Mailbox,
    /// Without a bpd `bpctl event` leaves the records in the mailbox.
    Socket,
}

/// `nobody`: may do to the processes of its own what any user may, and nothing else.
const NOBODY: u32 = 65534;

/// A scratch home with the files that the shells read.
pub(crate) struct Home {
    scratch: Scratch,
    /// Whose it is, when it is not this process's user's.
    user: Option<u32>,
    /// Nothing that is started here may open counters.
    is_refused: bool,
}

impl Home {
    pub(crate) fn new() -> Self {
        let scratch = Scratch::new();
        fs::create_dir(scratch.path().join("home")).unwrap();
        fs::create_dir(scratch.path().join("work")).unwrap();
        Self { scratch, user: None, is_refused: false }
    }

    /// The home of a user without privileges, with programs and hooks that this user can reach. Where the tests have
    /// none themselves it is theirs.
    pub(crate) fn unprivileged() -> Self {
        let home = Self { user: rustix::process::geteuid().is_root().then_some(NOBODY), ..Self::new() };
        let programs = home.scratch.path().join("bin");
        fs::create_dir(&programs).unwrap();
        for program in ["bpd", "bpctl", "workload"] {
            let from = Self::built().join(program);
            assert!(from.is_file(), "no {}; `cargo build --workspace` makes it", from.display());
            // Not by this process: as long as it has a program open for writing, what another thread forks has it too, and
            // nobody may run it.
            assert!(Command::new("cp").arg(from).arg(&programs).status().unwrap().success());
        }
        for kind in [Kind::Bash, Kind::Zsh, Kind::Fish] {
            fs::write(home.scratch.path().join(kind.hook().file_name().unwrap()), kind.hook_text()).unwrap();
        }
        for dir in [home.scratch.path(), &home.path(), &home.work()] {
            std::os::unix::fs::chown(dir, home.user, home.user).unwrap();
        }
        home
    }

    /// As in a container whose profile forbids counters, to root too.
    pub(crate) fn without_counters(self) -> Self {
        Self { is_refused: true, ..self }
    }

    /// Whether this process's user may not ask its bpd.
    pub(crate) fn is_anothers(&self) -> bool {
        self.user.is_some()
    }

    /// Where cargo builds to.
    fn built() -> &'static Path {
        Path::new(env!("CARGO_BIN_EXE_bpctl")).parent().unwrap()
    }

    /// Where the programs are.
    pub(crate) fn programs(&self) -> PathBuf {
        let own = self.scratch.path().join("bin");
        if own.is_dir() { own } else { Self::built().to_owned() }
    }

    fn hook(&self, kind: Kind) -> PathBuf {
        let own = self.scratch.path().join(kind.hook().file_name().unwrap());
        if own.is_file() { own } else { kind.hook() }
    }

    /// What keeps the directory as long as the caller has it.
    pub(crate) fn kept(&self) -> Scratch {
        self.scratch.clone()
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.scratch.path().join("home")
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.scratch.path().join("work")
    }

    /// `BP_HOME`.
    pub(crate) fn bp(&self) -> PathBuf {
        self.scratch.path().join("bp")
    }

    pub(crate) fn mail(&self) -> PathBuf {
        self.bp().join("run/mail")
    }

    /// Writes what the shells read at their start: `before`, the hook, `after`, the prompt.
    pub(crate) fn rc(&self, kind: Kind, before: &str, hooked: bool, after: &str) {
        self.rc_with_prompt(kind, before, hooked, after, kind.prompt());
    }

    /// The same with another numbered prompt.
    pub(crate) fn rc_with_prompt(&self, kind: Kind, before: &str, hooked: bool, after: &str, prompt: &str) {
        let hook = if hooked { format!("source '{}'\n", self.hook(kind).display()) } else { String::new() };
        let history = if kind == Kind::Fish { "" } else { "HISTFILE=~/history\nHISTSIZE=1000\n" };
        let text = format!("{history}{before}\n{hook}{after}\n{prompt}");
        let file = self.rc_file(kind);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        if kind == Kind::Fish {
            // Else it reads every manual page in the background at its first start.
            fs::create_dir_all(self.path().join(".local/share/fish/generated_completions")).unwrap();
        }
        fs::write(file, text).unwrap();
    }

    pub(crate) fn rc_file(&self, kind: Kind) -> PathBuf {
        self.path().join(match kind {
            Kind::Bash => ".bashrc",
            Kind::Zsh => ".zshrc",
            Kind::Fish => ".config/fish/config.fish",
        })
    }

    /// `command` with this home, and nothing of the user's own bp. It ends with the test, however that ends.
    pub(crate) fn environment(&self, mut command: Command) -> Command {
        command.env("HOME", self.path()).env("XDG_CONFIG_HOME", self.path().join(".config"));
        // Else fish makes a folder in /tmp that stays.
        command.env("XDG_RUNTIME_DIR", self.path());
        command.env("BP_HOME", self.bp()).env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent");
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        if self.is_refused {
            // SAFETY: two system calls without memory of their own, allowed between fork and exec.
            unsafe { command.pre_exec(workload::refuse_counters) };
        }
        workload::mortal(&mut command);
        // Whoever runs the tests.
        let marks = actor::AGENTS.iter().map(|(mark, _)| *mark).chain(actor::CI).chain([actor::AGENT]);
        for mark in marks {
            command.env_remove(mark);
        }
        for variable in ["BP_CONFIG", "BP_HTTP", "BP_LANG", "BP_OFF", "BP_RUN", "BP_ACTOR", "BP_TRANSPORT"] {
            command.env_remove(variable);
        }
        command
    }

    /// The command that starts an interactive shell here. `bpctl` is on its search path.
    pub(crate) fn command(&self, kind: Kind, transport: Transport) -> Command {
        let mut command = self.environment(pty::clean(kind.name()));
        let path = std::env::var("PATH").unwrap();
        command.env("PATH", format!("{}:{path}", self.programs().display()));
        if transport == Transport::Socket {
            command.env("BP_TRANSPORT", "socket");
        }
        command.current_dir(self.work());
        match kind {
            Kind::Bash | Kind::Fish => command.arg("-i"),
            Kind::Zsh => command.args(["-d", "-i"]),
        };
        command
    }

    /// Every record in the mailbox, shell after shell; fails on a byte that is not a record's.
    pub(crate) fn records(&self) -> Vec<Record> {
        let mut files: Vec<_> = fs::read_dir(self.mail())
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.file_name().unwrap().to_str().unwrap().parse::<u32>().is_ok())
            .collect();
        files.sort();
        let mut records = Vec::new();
        for file in files {
            assert_eq!(
                fs::metadata(&file).unwrap().permissions().mode() & 0o777,
                0o600,
                "{}",
                file.display()
            );
            let bytes = fs::read(&file).unwrap();
            let taken = mailbox::take(&bytes);
            assert_eq!(
                (taken.used, taken.damaged, taken.unknown),
                (bytes.len(), 0, 0),
                "{}",
                String::from_utf8_lossy(&bytes).replace('\0', "\\0")
            );
            records.extend(taken.records);
        }
        records
    }

    /// The texts of starts among bytes that may have been cut short.
    pub(crate) fn records_with_damage(&self) -> Vec<(String, Option<i32>)> {
        let mut records = Vec::new();
        for entry in fs::read_dir(self.mail()).unwrap() {
            records.extend(mailbox::take(&fs::read(entry.unwrap().path()).unwrap()).records);
        }
        records.retain(|record| matches!(record, Record::Start(_)));
        pair(records).iter().map(|run| (run.text(), run.status())).collect()
    }

    pub(crate) fn runs(&self) -> Vec<Recorded> {
        pair(self.records())
    }
}

/// A start and, when there was one, its end.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) start: StartRecord,
    pub(crate) end: Option<EndRecord>,
}

impl Recorded {
    /// The text, or in brackets why there is none.
    pub(crate) fn text(&self) -> String {
        match &self.start.text {
            Text::Typed(text) => String::from_utf8_lossy(text).into_owned(),
            Text::Repeat => "<repeat>".into(),
            Text::Hidden => "<hidden>".into(),
            Text::Partial => "<partial>".into(),
            Text::Pending => "<pending>".into(),
            Text::Kept(text) => format!("<kept> {}", String::from_utf8_lossy(text)),
        }
    }

    pub(crate) fn status(&self) -> Option<i32> {
        self.end.as_ref().and_then(|end| end.exit_code)
    }
}

fn pair(records: Vec<Record>) -> Vec<Recorded> {
    let mut runs: Vec<Recorded> = Vec::new();
    for record in records {
        match record {
            Record::Start(start) => runs.push(Recorded { start, end: None }),
            Record::End(end) => {
                // fish tells two lines of one hundredth of a second apart by nothing but their order.
                let run = runs
                    .iter_mut()
                    .rfind(|run| run.start.shell == end.shell && run.start.stamp == end.stamp)
                    .unwrap_or_else(|| panic!("an end without a start: {end:?}"));
                assert!(run.end.is_none(), "two ends: {end:?}");
                run.end = Some(end);
            }
            Record::Nested(_) => {}
            Record::Text(late) => {
                let run = runs
                    .iter_mut()
                    .rfind(|run| run.start.shell == late.shell && run.start.stamp == late.stamp)
                    .unwrap_or_else(|| panic!("a text without a start: {late:?}"));
                assert_eq!(run.start.text, Text::Pending, "nobody waited for {late:?}");
                run.start.text = late.text;
            }
            // bash's greeting before its first line; without a text, which only bpd writes.
            Record::Kept(kept) => assert_eq!(kept.text, None),
        }
    }
    runs
}

/// A shell with the hook, at its first prompt.
pub(crate) struct Shell {
    pub(crate) terminal: Terminal,
    pub(crate) home: Home,
}

impl Shell {
    pub(crate) fn start(kind: Kind) -> Self {
        Self::with(kind, "", "")
    }

    /// `before` and `after` stand around the loading of the hook.
    pub(crate) fn with(kind: Kind, before: &str, after: &str) -> Self {
        let home = Home::new();
        home.rc(kind, before, true, after);
        let command = home.command(kind, Transport::Mailbox);
        Self::from(home, command)
    }

    /// Starts `command` in `home` and waits for the first prompt, before which nothing may be shown.
    pub(crate) fn from(home: Home, command: Command) -> Self {
        let mut terminal = Terminal::start(command);
        let first = terminal.prompt();
        // Some set up their terminal.
        let (columns, rows) = terminal.size();
        let painted = Picture::of(first.screen.as_bytes(), columns, rows).text();
        assert_eq!(painted, "", "printed at the start: {:?}", first.screen);
        Self { terminal, home }
    }

    pub(crate) fn line(&mut self, line: impl AsRef<[u8]>) -> Prompt {
        self.terminal.line(line)
    }

    /// Takes the terminal away, as closing its window does.
    pub(crate) fn hang_up(self) -> Home {
        drop(self.terminal);
        self.home
    }

    /// Texts and statuses of what was recorded so far.
    pub(crate) fn told(&self) -> Vec<(String, Option<i32>)> {
        self.home.runs().iter().map(|run| (run.text(), run.status())).collect()
    }
}

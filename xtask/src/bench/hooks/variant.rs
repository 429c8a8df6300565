//! What is measured: the bare shell, the hook, and other people's programs that run at each prompt.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::daemon::Daemon;

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Variant {
    Bare,
    Mailbox,
    /// The mailbox, with no bpd that reads it.
    Away,
    Socket,
    BashPreexec,
    Starship,
    Atuin,
    /// Another bare shell: how far two of the same differ in this run is what no difference here says anything below.
    Again,
}

impl Variant {
    const ALL: [Self; 8] = [
        Self::Bare,
        Self::Mailbox,
        Self::Away,
        Self::Again,
        Self::Socket,
        Self::BashPreexec,
        Self::Starship,
        Self::Atuin,
    ];

    /// Those that there are for a shell.
    pub(super) fn of(shell: &str) -> impl Iterator<Item = Self> {
        let (is_bash, is_powershell) = (shell == "bash", shell == super::POWERSHELL);
        Self::ALL.into_iter().filter(move |variant| match variant {
            Self::BashPreexec => is_bash,
            Self::Starship | Self::Atuin => !is_powershell,
            _ => true,
        })
    }

    pub(super) fn name(self, shell: &str) -> &'static str {
        match self {
            Self::Away | Self::Socket if shell == super::POWERSHELL => {
                if self == Self::Away {
                    "bp, bpd away"
                } else {
                    "bp, local socket (the default)"
                }
            }
            Self::Bare => "bare shell",
            Self::Mailbox => "bp, mailbox",
            Self::Away => "bp, mailbox, bpd away",
            Self::Socket => "bp, `BP_TRANSPORT=socket` (`bpctl event` twice)",
            Self::BashPreexec => "bash-preexec alone",
            Self::Starship => "starship",
            Self::Atuin => "atuin",
            Self::Again => "bare shell, another (the noise of this run)",
        }
    }

    /// What it needs that is not the project's, and where: environment variables that give paths, or the search path.
    fn needs(self, shell: &str) -> &'static [Foreign] {
        match self {
            Self::BashPreexec => &[BASH_PREEXEC],
            Self::Starship => &[STARSHIP],
            // In bash atuin is one of bash-preexec's functions.
            Self::Atuin if shell == "bash" => &[ATUIN, BASH_PREEXEC],
            Self::Atuin => &[ATUIN],
            _ => &[],
        }
    }

    /// What the shell's file says for it. In brackets, where it cannot be measured here: why.
    pub(super) fn load(self, shell: &str, daemon: &Daemon) -> Result<Result<String, String>> {
        let mut found = Vec::new();
        for foreign in self.needs(shell) {
            match foreign.found() {
                Some(path) => found.push(path),
                None => return Ok(Err(foreign.absent())),
            }
        }
        let theirs = |at: usize| found[at].display().to_string();
        Ok(Ok(match self {
            Self::Bare | Self::Again => String::new(),
            // It is given its directories: each variant has its own.
            Self::Mailbox | Self::Away | Self::Socket if shell == super::POWERSHELL => {
                "bpctl init powershell --no-start | Invoke-Expression\n".to_owned()
            }
            Self::Mailbox | Self::Away | Self::Socket => {
                let printed = daemon.bpctl().args(["init", shell, "--no-start"]).output()?;
                String::from_utf8(printed.stdout).context("the hook is not UTF-8")?
            }
            // It does nothing until somebody listens.
            Self::BashPreexec => format!(
                "source '{}'\n__theirs() {{ :; }}; preexec_functions+=(__theirs); precmd_functions+=(__theirs)\n",
                theirs(0)
            ),
            Self::Starship => evaluated(shell, &format!("'{}' init {shell}", theirs(0))),
            Self::Atuin => {
                let mut text = String::new();
                if shell == "bash" {
                    writeln!(text, "source '{}'", theirs(1))?;
                }
                // The hook that it prints calls it by its name.
                let folder = found[0].parent().unwrap_or(Path::new("/"));
                let path = match shell {
                    "fish" => format!("set -gx PATH '{}' $PATH\n", folder.display()),
                    _ => format!("PATH='{}':$PATH\n", folder.display()),
                };
                text + &path + &evaluated(shell, &format!("'{}' init {shell}", theirs(0)))
            }
        }))
    }

    /// The numbered prompt, behind what the variant draws.
    pub(super) fn prompt(self, shell: &str) -> &'static str {
        match (shell, self) {
            ("bash", Self::Starship) => {
                "set +H; bind 'set enable-bracketed-paste off'\n\
                 __number() { PS1+='<<P:$((++__n)):0>>'; }; PROMPT_COMMAND=(\"${PROMPT_COMMAND[@]}\" __number)\n"
            }
            (super::POWERSHELL, _) => "function prompt { $global:n++; \"<<P:${global:n}:0>>\" }\n",
            ("bash", _) => "PS1='<<P:$((++__n)):$?>>'; set +H; bind 'set enable-bracketed-paste off'\n",
            ("fish", Self::Starship) => concat!(
                "functions -c fish_prompt __theirs; functions -e fish_right_prompt\n",
                "function __numbered; __theirs; echo -n \"<<P:$__n:0>>\"; end\n",
                "set -g fish_greeting; set -g __n 0; set -g fish_autosuggestion_enabled 0\n",
                "function __next --on-event fish_prompt; set -g __n (math $__n + 1); end\n",
                "function fish_prompt; __numbered; end; function fish_title; end\n"
            ),
            ("fish", _) => {
                // It may paint a prompt more than once: the number is that of the event.
                "set -g fish_greeting; set -g __n 0; set -g fish_autosuggestion_enabled 0\n\
                 function __next --on-event fish_prompt; set -g __n (math $__n + 1); end\n\
                 function fish_prompt; echo -n \"<<P:$__n:$status>>\"; end\n\
                 function fish_title; end\n"
            }
            (_, Self::Starship) => {
                "typeset -gi __n=0; setopt prompt_subst; unsetopt prompt_sp prompt_cr zle; PROMPT+='<<P:$((++__n)):0>>'\n"
            }
            _ => {
                "typeset -gi __n=0; setopt prompt_subst; unsetopt prompt_sp prompt_cr zle; PROMPT='<<P:$((++__n)):%?>>'\n"
            }
        }
    }
}

fn evaluated(shell: &str, command: &str) -> String {
    if shell == "fish" { format!("{command} | source\n") } else { format!("eval \"$({command})\"\n") }
}

/// Somebody else's program or script: never committed, never fetched.
struct Foreign {
    /// An environment variable with its path.
    variable: &'static str,
    /// Its name on the search path.
    name: &'static str,
}

const BASH_PREEXEC: Foreign = Foreign { variable: "BP_BASH_PREEXEC", name: "bash-preexec.sh" };
const STARSHIP: Foreign = Foreign { variable: "BP_STARSHIP", name: "starship" };
const ATUIN: Foreign = Foreign { variable: "BP_ATUIN", name: "atuin" };

impl Foreign {
    fn found(&self) -> Option<PathBuf> {
        if let Some(path) = std::env::var_os(self.variable) {
            return Some(PathBuf::from(path)).filter(|path| path.is_file());
        }
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).map(|folder| folder.join(self.name)).find(|path| path.is_file())
    }

    fn absent(&self) -> String {
        format!("absent: `{}` names no file and `{}` is not on the search path", self.variable, self.name)
    }
}

//! `eval "$(bpctl init bash)"`: prints the shell's hook, and starts bpd once per shell start if none serves.

use std::ffi::OsStr;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;

use bp_proto::place::Places;
use clap::ValueEnum;

use super::{Exit, daemon};
use crate::bpd;

mod module;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell whose start-up file evaluates the output
    shell: Shell,
    /// Leaves bpd alone if it is not running
    #[arg(long)]
    no_start: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
    Powershell,
}

impl Shell {
    pub const ALL: [Self; 4] = [Self::Bash, Self::Zsh, Self::Fish, Self::Powershell];

    pub fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
            Self::Powershell => "powershell",
        }
    }

    /// What the shell's program is called.
    pub fn program(self) -> &'static str {
        if self == Self::Powershell { "pwsh" } else { self.name() }
    }

    /// One word of this shell, whatever bytes it holds.
    pub fn quoted(self, word: &OsStr) -> Vec<u8> {
        let mut quoted = vec![b'\''];
        for (at, byte) in word.as_bytes().iter().enumerate() {
            match (self, byte) {
                (Self::Fish, b'\'' | b'\\') => quoted.extend_from_slice(&[b'\\', *byte]),
                (Self::Bash | Self::Zsh, b'\'') => quoted.extend_from_slice(b"'\\''"),
                (Self::Powershell, b'\'') => quoted.extend_from_slice(b"''"),
                (Self::Powershell, 0x98..=0x9b) if word.as_bytes()[..at].ends_with(&[0xe2, 0x80]) => {
                    // To PowerShell these typographic quotes are quotes, too.
                    quoted.extend_from_slice(&[*byte, 0xe2, 0x80, *byte]);
                }
                (_, byte) => quoted.push(*byte),
            }
        }
        quoted.push(b'\'');
        quoted
    }

    /// A line that sets a global variable of this shell.
    fn assigned(self, name: &str, value: &OsStr) -> Vec<u8> {
        let (before, behind) = match self {
            Self::Bash | Self::Zsh => ("", "="),
            Self::Fish => ("set -g ", " "),
            Self::Powershell => ("$global:", " = "),
        };
        [before.as_bytes(), name.as_bytes(), behind.as_bytes(), &self.quoted(value), b"\n"].concat()
    }

    pub fn hook(self) -> &'static str {
        match self {
            Self::Bash => concat!(
                include_str!("../../../shell/bash/1-places.bash"),
                include_str!("../../../shell/bash/2-history.bash"),
                include_str!("../../../shell/bash/3-line.bash"),
                include_str!("../../../shell/bash/4-prompt.bash"),
                include_str!("../../../shell/bash/5-load.bash"),
            ),
            Self::Zsh => include_str!("../../../shell/bp.zsh"),
            Self::Fish => include_str!("../../../shell/bp.fish"),
            Self::Powershell => include_str!("../../../shell/bp.psm1"),
        }
    }
}

/// A zsh script as one command that runs it under zsh's own options and without aliases, whatever options are set where
/// the command is read. The text stands in `$'…'` on one line: `csh_junkie_quotes` and `rc_quotes` change what a newline
/// and a quote mean between plain quotes. `__bizim_adopt` is defined outside of it: it keeps the user's options.
fn emulated(script: &[u8]) -> Vec<u8> {
    let mut command = b"functions[__bizim_adopt]=$'if \\\\builtin test -n \"${__bizim_adoption-}\"; then \
        \\\\builtin eval \"$__bizim_adoption\"; fi 2>/dev/null'\n\
        \\builtin emulate zsh -o no_aliases -o no_xtrace -o no_force_float -c $'__bizim_emulated=1\\n"
        .to_vec();
    for byte in script {
        match byte {
            b'\n' => command.extend_from_slice(b"\\n"),
            b'\'' | b'\\' => command.extend_from_slice(&[b'\\', *byte]),
            byte => command.push(*byte),
        }
    }
    command.extend_from_slice(b"\\nunset __bizim_emulated'\n");
    command
}

pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let output = match args.shell {
        Shell::Powershell => module::loading_line(&Places::find()?),
        shell => evaluated(shell),
    };
    std::io::stdout().write_all(&output)?;
    if !args.no_start && std::env::var_os("BP_OFF").is_none_or(|off| off != "1") {
        // A shell that starts must not hear of it; `bpctl doctor` tells.
        let _ = start_unless_served();
    }
    Ok(Exit::Fine)
}

/// The whole hook, for shells that evaluate what they read.
fn evaluated(shell: Shell) -> Vec<u8> {
    let mut output = shell.assigned("__bizim_release", OsStr::new(env!("CARGO_PKG_VERSION")));
    if let Ok(bpctl) = std::env::current_exe() {
        // The hook needs no PATH to find the client that it belongs to.
        output.extend(shell.assigned("__bizim_bpctl", bpctl.as_os_str()));
    }
    output.extend_from_slice(shell.hook().as_bytes());
    if shell == Shell::Zsh { emulated(&output) } else { output }
}

fn start_unless_served() -> anyhow::Result<()> {
    let places = Places::find()?;
    // The socket of a bpd that was just killed still accepts connections. A new bpd waits until it is gone.
    if bpd::is_served(&places.socket()?) && !daemon::is_ending(&places) {
        return Ok(());
    }
    bpd::launch(&bpd::program()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_for_the_shell() {
        let odd = OsStr::from_bytes(b"/a b/it's/back\\slash/\xff$(x)");
        for (program, shell) in [("sh", Shell::Bash), ("zsh", Shell::Zsh), ("fish", Shell::Fish)] {
            let output = std::process::Command::new(program)
                .arg("-c")
                .arg(OsStr::from_bytes(&[b"printf %s ".as_slice(), &shell.quoted(odd)].concat()))
                .output()
                .unwrap();
            assert_eq!(output.stdout, odd.as_bytes(), "{program}");
        }
        assert_eq!(Shell::Powershell.quoted(OsStr::new("it's")), b"'it''s'");
        assert_eq!(
            Shell::Powershell.quoted(OsStr::new("a\u{2019}b\u{201b}")),
            "'a\u{2019}\u{2019}b\u{201b}\u{201b}'".as_bytes()
        );
    }
}

#[cfg(test)]
mod powershell;

//! `eval "$(bpctl init bash)"`: prints the shell's hook, and starts bpd once per shell start if nobody serves.

use std::ffi::OsStr;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;

use bp_proto::place::Places;
use clap::ValueEnum;

use super::Exit;
use crate::bpd;

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
}

impl Shell {
    pub const ALL: [Self; 3] = [Self::Bash, Self::Zsh, Self::Fish];

    pub fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
        }
    }

    fn hook(self) -> &'static str {
        match self {
            Self::Bash => include_str!("../../../shell/bp.bash"),
            Self::Zsh => include_str!("../../../shell/bp.zsh"),
            Self::Fish => include_str!("../../../shell/bp.fish"),
        }
    }
}

pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let mut output = Vec::new();
    if let Ok(bpctl) = std::env::current_exe() {
        // The hook needs no PATH to find the client that it belongs to.
        let (assign, quoted) = match args.shell {
            Shell::Bash | Shell::Zsh => ("__bizim_bpctl=", quoted(bpctl.as_os_str(), false)),
            Shell::Fish => ("set -g __bizim_bpctl ", quoted(bpctl.as_os_str(), true)),
        };
        output.extend_from_slice(assign.as_bytes());
        output.extend_from_slice(&quoted);
        output.push(b'\n');
    }
    output.extend_from_slice(args.shell.hook().as_bytes());
    std::io::stdout().write_all(&output)?;
    if !args.no_start && std::env::var_os("BP_OFF").is_none_or(|off| off != "1") {
        // A shell that starts must not hear of it; `bpctl doctor` tells.
        let _ = start_unless_served();
    }
    Ok(Exit::Fine)
}

fn start_unless_served() -> anyhow::Result<()> {
    if bpd::is_served(&Places::find()?.socket()?) {
        return Ok(());
    }
    bpd::launch(&bpd::program()?)
}

/// One word for any Bourne shell, or for fish, whatever bytes it holds.
pub fn quoted(word: &OsStr, for_fish: bool) -> Vec<u8> {
    let mut quoted = vec![b'\''];
    for byte in word.as_bytes() {
        match byte {
            b'\'' | b'\\' if for_fish => quoted.extend_from_slice(&[b'\\', *byte]),
            b'\'' => quoted.extend_from_slice(b"'\\''"),
            byte => quoted.push(*byte),
        }
    }
    quoted.push(b'\'');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_for_the_shell() {
        let odd = OsStr::from_bytes(b"/a b/it's/back\\slash/\xff$(x)");
        for (shell, for_fish) in [("sh", false), ("fish", true)] {
            let output = std::process::Command::new(shell)
                .arg("-c")
                .arg(OsStr::from_bytes(&[b"printf %s ".as_slice(), &quoted(odd, for_fish)].concat()))
                .output()
                .unwrap();
            assert_eq!(output.stdout, odd.as_bytes(), "{shell}");
        }
    }
}

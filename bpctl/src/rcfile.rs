//! The file that a shell reads at its start, and our line in it. The text's part is pure.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::emptied;
use crate::text::said::{OrSay as _, Said};
use crate::text::words::Word;
use crate::verbs::init::Shell;

/// Ends our line: by it the line is found again.
const MARK: &str = "# added by `bpctl setup`";

/// Behind the mark in a file that was not there before.
const MADE: &str = " in a new file";

/// PowerShell reads its profile for each `pwsh -c`, too, and has no switch that tells whether it is interactive. It loads
/// `PSReadLine` where it is; without `PSReadLine` the arguments tell.
const POWERSHELL_GUARD: &str = "if ($Host.Name -eq 'ConsoleHost' -and ((Get-Module PSReadLine) -or ![Console]::IsInputRedirected -and \
     !([Environment]::GetCommandLineArgs() -notmatch 'pwsh(\\.dll)?$|^-+(nol|noe|l|i)')) -and (Get-Command ";

/// Loading the hook runs a program: `$LASTEXITCODE` is as it was, and unset if it was unset.
const POWERSHELL_SAVE: &str = "& { $all = $ExecutionContext.SessionState.PSVariable; $last = $all.Get('global:LASTEXITCODE'); \
     $code = $all.GetValue('global:LASTEXITCODE')";
const POWERSHELL_RESTORE: &str =
    "if ($last) { $all.Set('global:LASTEXITCODE', $code) } else { $all.Remove('global:LASTEXITCODE') } }";

#[derive(Clone, Debug)]
pub struct RcFile {
    pub shell: Shell,
    pub path: PathBuf,
}

impl RcFile {
    /// Where `shell` looks, with this home directory and these variables of the environment.
    pub fn of(shell: Shell, home: &Path, variable: impl Fn(&str) -> Option<PathBuf>) -> Self {
        let dir = |name| variable(name).filter(|path| path.is_absolute());
        let path = match shell {
            // A login shell is what a terminal opens there.
            Shell::Bash if cfg!(target_os = "macos") => home.join(".bash_profile"),
            Shell::Bash => home.join(".bashrc"),
            Shell::Zsh => dir("ZDOTDIR").unwrap_or_else(|| home.to_owned()).join(".zshrc"),
            Shell::Fish => {
                dir("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config")).join("fish/config.fish")
            }
            Shell::Powershell => {
                dir("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config")).join("powershell/profile.ps1")
            }
        };
        Self { shell, path }
    }

    /// What the shell is to evaluate; silent where bpctl is gone. `bpctl` = one word of that shell.
    pub fn line(&self, bpctl: &str) -> String {
        let name = self.shell.name();
        match self.shell {
            Shell::Bash | Shell::Zsh => {
                format!("command -v {bpctl} >/dev/null && eval \"$({bpctl} init {name})\" {MARK}")
            }
            Shell::Fish => {
                format!(
                    "command -q {bpctl}; and status is-interactive; and {bpctl} init {name} | source {MARK}"
                )
            }
            Shell::Powershell => format!(
                "{POWERSHELL_GUARD}{bpctl} -ErrorAction Ignore)) {{ {POWERSHELL_SAVE}; & {bpctl} init {name} | \
                 Invoke-Expression; {POWERSHELL_RESTORE} }} {MARK}"
            ),
        }
    }

    /// The program that a line of [`Self::line`]'s form starts, without its quotes; `None`: another form.
    pub fn program(&self, line: &str) -> Option<String> {
        let from = match self.shell {
            Shell::Bash | Shell::Zsh => "command -v ",
            Shell::Fish => "command -q ",
            Shell::Powershell => POWERSHELL_GUARD,
        };
        let rest = line.strip_prefix(from)?;
        let word = [" >/dev/null && eval", "; and status", " -ErrorAction"]
            .iter()
            .find_map(|behind| rest.split_once(behind))?
            .0;
        // The form as a whole, or somebody has changed it.
        (self.line(word) == line.strip_suffix(MADE).unwrap_or(line))
            .then(|| word.trim_matches('\'').to_owned())
    }

    /// Empty where there is none.
    pub fn read(&self) -> Result<Vec<u8>, Said> {
        match fs::read(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            read => read.or_say(Word::CannotRead, &[&self.path.display().to_string()]),
        }
    }

    /// In one step: the file is the old one or the new one, also after a power cut. A link stays a link, and who may read
    /// it stays.
    pub fn write(&self, text: &[u8]) -> Result<(), Said> {
        let shown = self.path.display().to_string();
        self.replace(text).or_say(Word::CannotWrite, &[&shown])
    }

    pub fn exists(&self) -> bool {
        fs::symlink_metadata(&self.path).is_ok()
    }

    /// Removes the file, and the directories above it, up to the home, that nothing else is in.
    pub fn remove(&self, home: &Path) -> Result<(), Said> {
        fs::remove_file(&self.path).or_say(Word::CannotRemove, &[&self.path.display().to_string()])?;
        emptied::above(&self.path, home);
        Ok(())
    }

    fn replace(&self, text: &[u8]) -> io::Result<()> {
        let target = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let dir = target.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(dir)?;
        let mode = fs::metadata(&target).map_or(0o644, |meta| meta.permissions().mode() & 0o7777);
        let new = dir.join(format!(".bpctl-setup.{}", std::process::id()));
        let written = || -> io::Result<()> {
            let mut file = fs::OpenOptions::new().write(true).create_new(true).open(&new)?;
            file.set_permissions(fs::Permissions::from_mode(mode))?;
            file.write_all(text)?;
            file.sync_all()?;
            fs::rename(&new, &target)
        };
        written().inspect_err(|_| drop(fs::remove_file(&new)))
    }
}

/// Whether a line that is no comment loads the hook, ours or one typed by hand.
pub fn loads_hook(text: &[u8]) -> bool {
    text.split(|byte| *byte == b'\n').any(|line| {
        let line = line.trim_ascii_start();
        !line.starts_with(b"#") && contains(line, b"bpctl") && contains(line, b" init ")
    })
}

/// Whether `bpctl setup` wrote the line.
pub fn is_ours(line: &str) -> bool {
    line.strip_suffix(MADE).unwrap_or(line).ends_with(MARK)
}

/// Our line for a file that is not there.
pub fn made(line: &str) -> String {
    format!("{line}{MADE}")
}

/// Whether the file was made for that line of ours.
pub fn has_made(line: &str) -> bool {
    is_ours(line) && line.ends_with(MADE)
}

/// `text` with our line at its end.
pub fn with_line(text: &[u8], line: &str) -> Vec<u8> {
    let mut text = text.to_vec();
    if text.last().is_some_and(|last| *last != b'\n') {
        text.push(b'\n');
    }
    text.extend_from_slice(line.as_bytes());
    text.push(b'\n');
    text
}

/// `text` without our lines, and those; `None` when there are none.
pub fn without_lines(text: &[u8]) -> Option<(Vec<u8>, Vec<String>)> {
    let mut rest = Vec::new();
    let mut ours = Vec::new();
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if contains(line, MARK.as_bytes()) {
            ours.push(String::from_utf8_lossy(line).trim_end().to_owned());
        } else {
            rest.extend_from_slice(line);
        }
    }
    (!ours.is_empty()).then_some((rest, ours))
}

/// The lines that only the one has, and those that only the other has. What was moved is in both lists.
pub fn difference(before: &[u8], after: &[u8]) -> (Vec<String>, Vec<String>) {
    let lines =
        |text: &[u8]| -> Vec<String> { String::from_utf8_lossy(text).lines().map(str::to_owned).collect() };
    let (before, after) = (lines(before), lines(after));
    let same = before.iter().zip(&after).take_while(|(one, other)| one == other).count();
    let rest = (&before[same..], &after[same..]);
    let tail = rest.0.iter().rev().zip(rest.1.iter().rev()).take_while(|(one, other)| one == other).count();
    // Our edits take lines out and put one at the end: what lies between was not touched.
    let gone = &rest.0[..rest.0.len() - tail];
    let come = &rest.1[..rest.1.len() - tail];
    let only = |these: &[String], those: &[String]| -> Vec<String> {
        let mut left = those.to_vec();
        let mut only = Vec::new();
        for line in these {
            match left.iter().position(|other| other == line) {
                Some(at) => drop(left.remove(at)),
                None => only.push(line.clone()),
            }
        }
        only
    };
    let moved = gone.first().filter(|first| come.last() == Some(first) && gone.len() > 1);
    let (mut without, mut with) = (only(gone, come), only(come, gone));
    if let Some(line) = moved {
        without.push(line.clone());
        with.push(line.clone());
    }
    (without, with)
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_line_comes_and_goes_and_leaves_the_rest_as_it_was() {
        for shell in Shell::ALL {
            let line = RcFile::of(shell, Path::new("/h"), |_| None).line("bpctl");
            for text in [&b""[..], b"a\nb\n", b"caf\xe9\n", b"a\n\n"] {
                let with = with_line(text, &line);
                assert!(is_ours(&line));
                assert!(loads_hook(&with) && !loads_hook(text));
                let (rest, ours) = without_lines(&with).unwrap();
                assert_eq!((rest, ours), (text.to_vec(), vec![line.clone()]));
            }
            // A last line without its end gets one, or ours would be its end.
            assert_eq!(without_lines(&with_line(b"a", &line)).unwrap().0, b"a\n");
        }
        assert_eq!(without_lines(b"eval \"$(bpctl init bash)\"\n"), None);
    }

    #[test]
    fn a_difference_names_what_goes_what_comes_and_what_moves() {
        let check = |before: &str, after: &str, gone: &[&str], come: &[&str]| {
            let (without, with) = difference(before.as_bytes(), after.as_bytes());
            assert_eq!(
                (without, with),
                (
                    gone.iter().map(|line| (*line).to_owned()).collect(),
                    come.iter().map(|line| (*line).to_owned()).collect()
                )
            );
        };
        check("a\nb\n", "a\nb\nc\n", &[], &["c"]);
        check("a\nb\nc\n", "a\nc\n", &["b"], &[]);
        check("a\nx\nb\nx\n", "a\nx\nb\n", &["x"], &[]);
        check("x\na\nb\n", "a\nb\nx\n", &["x"], &["x"]);
        check("a\nold\nb\n", "a\nb\nnew\n", &["old"], &["new"]);
        check("a\n", "a\n", &[], &[]);
    }

    #[test]
    fn the_program_of_our_line_is_known_and_of_a_changed_one_is_not() {
        for shell in Shell::ALL {
            let file = RcFile::of(shell, Path::new("/h"), |_| None);
            assert_eq!(file.program(&file.line("bpctl")).as_deref(), Some("bpctl"), "{shell:?}");
            assert_eq!(file.program(&file.line("'/a b/bpctl'")).as_deref(), Some("/a b/bpctl"), "{shell:?}");
            assert_eq!(file.program(&format!("{} ", file.line("bpctl"))), None, "{shell:?}");
        }
    }

    #[test]
    fn a_line_typed_by_hand_counts_and_a_comment_does_not() {
        assert!(loads_hook(b"x\n  eval \"$(/opt/bpctl init bash)\"\n"));
        assert!(!loads_hook(b"# eval \"$(bpctl init bash)\"\n"));
        assert!(!loads_hook(b"bpctl list\n"));
    }

    #[test]
    fn each_shell_has_its_file() {
        let path = |shell, variable: Option<(&str, &str)>| {
            let get =
                |name: &str| variable.filter(|(known, _)| *known == name).map(|(_, value)| value.into());
            RcFile::of(shell, Path::new("/h"), get).path
        };
        assert_eq!(path(Shell::Zsh, None), Path::new("/h/.zshrc"));
        assert_eq!(path(Shell::Zsh, Some(("ZDOTDIR", "/z"))), Path::new("/z/.zshrc"));
        assert_eq!(path(Shell::Zsh, Some(("ZDOTDIR", "z"))), Path::new("/h/.zshrc"));
        assert_eq!(path(Shell::Fish, None), Path::new("/h/.config/fish/config.fish"));
        assert_eq!(path(Shell::Fish, Some(("XDG_CONFIG_HOME", "/c"))), Path::new("/c/fish/config.fish"));
    }
}

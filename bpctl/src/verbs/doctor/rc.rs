//! What the file that the shell reads says: whether it loads the hook, how often, how old, and what else in it takes what
//! the hook needs. Reading is at the rim; what the text means is pure.

use std::path::{Path, PathBuf};

use super::finding::{Finding, Mend};
use crate::rcfile::{self, RcFile};
use crate::screen::Screen;
use crate::text::words::Word;
use crate::verbs::init::Shell;

/// A saved hook is a tenth of this.
const MAX_SAVED_BYTES: u64 = 256 << 10;

/// A line of the file, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub number: usize,
    pub text: String,
}

/// What was found in the text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Reading {
    /// Lines that load the hook, ours or typed by hand.
    pub loading: Vec<Line>,
    /// Those of them that `bpctl setup` wrote.
    pub ours: Vec<Line>,
    /// Files that are sourced.
    pub sourced: Vec<(Line, String)>,
    /// Who has the DEBUG trap, by name or as it stands there.
    pub debug: Vec<(Line, String)>,
    /// Assignments to `PROMPT_COMMAND` that keep nothing of it, behind the first line that loads the hook.
    pub replacing: Vec<Line>,
}

/// Programs that take the DEBUG trap in bash, by what loads them.
const DEBUG_OWNERS: [(&str, &str); 5] = [
    ("bash-preexec", "bash-preexec"),
    ("liquidprompt", "liquidprompt"),
    ("starship init", "starship"),
    ("atuin init", "atuin"),
    ("oh-my-posh init", "oh-my-posh"),
];

pub(super) fn read(shell: Shell, text: &[u8]) -> Reading {
    let mut reading = Reading::default();
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let text = String::from_utf8_lossy(line).trim().to_owned();
        let line = Line { number: index + 1, text };
        if line.text.starts_with('#') {
            continue;
        }
        if rcfile::loads_hook(line.text.as_bytes()) {
            if rcfile::is_ours(&line.text) {
                reading.ours.push(line.clone());
            }
            reading.loading.push(line);
            continue;
        }
        if let Some(file) = sourced(&line.text) {
            reading.sourced.push((line.clone(), file));
        }
        if shell != Shell::Bash {
            continue;
        }
        if let Some(owner) = debug_owner(&line.text) {
            reading.debug.push((line.clone(), owner));
        }
        if !reading.loading.is_empty() && replaces_prompt_command(&line.text) {
            reading.replacing.push(line);
        }
    }
    reading
}

fn debug_owner(line: &str) -> Option<String> {
    if let Some((_, name)) = DEBUG_OWNERS.iter().find(|(sign, _)| line.contains(sign)) {
        return Some((*name).to_owned());
    }
    let mut words = line.split([' ', '\t', ';']).filter(|word| !word.is_empty());
    let is_trap = line.contains("trap ") && !line.contains("trap - DEBUG") && !line.contains("trap -p");
    (is_trap && words.any(|word| word == "DEBUG")).then(|| line.to_owned())
}

fn replaces_prompt_command(line: &str) -> bool {
    let line = line.strip_prefix("export ").unwrap_or(line);
    line.strip_prefix("PROMPT_COMMAND=").is_some_and(|value| !value.contains("PROMPT_COMMAND"))
}

/// The file that a simple line reads: one word behind `source` or `.`.
fn sourced(line: &str) -> Option<String> {
    let file = line.strip_prefix("source ").or_else(|| line.strip_prefix(". "))?.trim();
    let file = file.trim_matches(['"', '\'']);
    (!file.is_empty() && !file.contains([' ', ';', '`', '(', '&', '|'])).then(|| file.to_owned())
}

/// Where the shell keeps what it reads, and what is wrong with it.
pub(super) struct Rc {
    pub file: RcFile,
    pub text: Vec<u8>,
    pub reading: Reading,
}

impl Rc {
    pub(super) fn of(file: RcFile) -> anyhow::Result<Self> {
        let text = file.read()?;
        let reading = read(file.shell, &text);
        Ok(Self { file, text, reading })
    }

    /// What is wrong whether or not this shell has loaded the hook. `line` = what `bpctl setup` would write.
    pub(super) fn look(&self, home: &Path, line: &str, screen: &Screen) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self.twice(screen).into_iter().collect();
        findings.extend(self.outdated(line, screen));
        findings.extend(self.saved(home, line, screen));
        findings
    }

    /// Only what `bpctl setup` wrote is taken away.
    fn twice(&self, screen: &Screen) -> Option<Finding> {
        let Reading { loading, ours, .. } = &self.reading;
        if loading.len() < 2 {
            return None;
        }
        let numbers: Vec<_> = loading.iter().map(|line| line.number.to_string()).collect();
        let text = screen.say(Word::DoctorTwice, &[&self.shown(), &numbers.join(", ")]);
        let wrong = Finding::wrong("loaded_twice", text, screen.word(Word::DoctorTwiceFix).to_owned());
        // One must stay: the first of ours where there is no other.
        let stays = usize::from(loading.len() == ours.len());
        let surplus: Vec<usize> = ours.iter().skip(stays).map(|line| line.number).collect();
        Some(if surplus.is_empty() { wrong } else { wrong.mended_by(self.edit(&surplus, None)) })
    }

    /// A line of ours that does not lead to this bpctl.
    fn outdated(&self, line: &str, screen: &Screen) -> Option<Finding> {
        let [ours] = &self.reading.ours[..] else { return None };
        let program = self.file.program(&ours.text)?;
        if ours.text == line || crate::bpd::is_program(&program) {
            return None;
        }
        let text = screen.say(Word::DoctorProgramGone, &[&self.at(ours), &program]);
        let remedy = screen.say(Word::DoctorLoad, &[self.file.shell.name()]);
        Some(Finding::wrong("hook_file", text, remedy).mended_by(self.edit(&[ours.number], Some(line))))
    }

    /// A hook that was saved once, and grows old. Whose file it is nobody knows: it stays.
    fn saved(&self, home: &Path, line: &str, screen: &Screen) -> Option<Finding> {
        let current = self.file.shell.hook().as_bytes();
        let (at, path) = self.reading.sourced.iter().find_map(|(at, file)| {
            let path = expand(file, home)?;
            let saved = read_bounded(&path)?;
            let loads = saved.windows(12).any(|part| part == b"__bizim_load");
            (loads && !saved.ends_with(current)).then_some((at, path))
        })?;
        let text = screen.say(Word::DoctorStaleFile, &[&self.at(at), &path.display().to_string()]);
        Some(Finding::wrong("hook_file", text, screen.say(Word::DoctorStaleFileFix, &[line])))
    }

    /// Whether anything in the file loads the hook.
    pub(super) fn loads(&self, home: &Path) -> bool {
        let saved = |file: &str| {
            let saved = expand(file, home).and_then(|path| read_bounded(&path));
            saved.is_some_and(|saved| saved.windows(12).any(|part| part == b"__bizim_load"))
        };
        !self.reading.loading.is_empty() || self.reading.sourced.iter().any(|(_, file)| saved(file))
    }

    /// The mend of a file that does not load the hook.
    pub(super) fn with_line(&self, line: &str) -> Mend {
        let (before, after) = (self.text.clone(), rcfile::with_line(&self.text, line));
        Mend::Edit { file: self.file.clone(), before, after }
    }

    /// The mend of a file that takes away again what the hook needs: our line goes behind that.
    pub(super) fn with_line_last(&self, line: &str) -> Option<Mend> {
        let [ours] = &self.reading.ours[..] else { return None };
        (self.reading.loading.len() == 1 && !self.reading.replacing.is_empty())
            .then(|| self.edit(&[ours.number], Some(line)))
    }

    pub(super) fn shown(&self) -> String {
        self.file.path.display().to_string()
    }

    /// `FILE:LINE`.
    pub(super) fn at(&self, line: &Line) -> String {
        format!("{}:{}", self.shown(), line.number)
    }

    /// The file without those lines, and with `line` at its end.
    fn edit(&self, without: &[usize], line: Option<&str>) -> Mend {
        let lines = self.text.split_inclusive(|byte| *byte == b'\n').enumerate();
        let kept = lines.filter(|(index, _)| !without.contains(&(index + 1)));
        let mut after: Vec<u8> = kept.flat_map(|(_, line)| line.iter().copied()).collect();
        if let Some(line) = line {
            after = rcfile::with_line(&after, line);
        }
        Mend::Edit { file: self.file.clone(), before: self.text.clone(), after }
    }
}

/// The few forms that such lines have; anything else is not understood.
fn expand(file: &str, home: &Path) -> Option<PathBuf> {
    for prefix in ["~/", "$HOME/", "${HOME}/"] {
        if let Some(rest) = file.strip_prefix(prefix) {
            return Some(home.join(rest));
        }
    }
    (file.starts_with('/') && !file.contains('$')).then(|| PathBuf::from(file))
}

fn read_bounded(path: &Path) -> Option<Vec<u8>> {
    let meta = std::fs::metadata(path).ok()?;
    (meta.is_file() && meta.len() <= MAX_SAVED_BYTES).then(|| std::fs::read(path).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(lines: &[Line]) -> Vec<usize> {
        lines.iter().map(|line| line.number).collect()
    }

    #[test]
    fn who_else_is_in_the_file_is_named_by_its_line() {
        let text = b"# trap x DEBUG\n\
            PROMPT_COMMAND=early\n\
            eval \"$(bpctl init bash)\"\n\
            trap 'timer_start' DEBUG\n\
            [[ -f x ]] && . /usr/share/liquidprompt/liquidprompt\n\
            trap - DEBUG\n\
            PROMPT_COMMAND=\"x; $PROMPT_COMMAND\"\n\
            export PROMPT_COMMAND='late'\n\
            source ~/.saved\n";
        let reading = read(Shell::Bash, text);
        assert_eq!((numbers(&reading.loading), reading.ours.len()), (vec![3], 0));
        let owners: Vec<_> =
            reading.debug.iter().map(|(line, owner)| (line.number, owner.as_str())).collect();
        assert_eq!(owners, [(4, "trap 'timer_start' DEBUG"), (5, "liquidprompt")]);
        assert_eq!(numbers(&reading.replacing), [8]);
        assert_eq!(reading.sourced[0].1, "~/.saved");
        let zsh = read(Shell::Zsh, text);
        assert_eq!((zsh.debug, zsh.replacing), (vec![], vec![]), "no other shell has them");
    }

    #[test]
    fn of_a_path_only_the_usual_forms_are_understood() {
        let home = Path::new("/h");
        for (word, path) in [
            ("~/x", Some("/h/x")),
            ("$HOME/x", Some("/h/x")),
            ("${HOME}/x", Some("/h/x")),
            ("/etc/x", Some("/etc/x")),
            ("$DIR/x", None),
            ("/a/$b", None),
            ("x", None),
        ] {
            assert_eq!(expand(word, home).as_deref(), path.map(Path::new), "{word}");
        }
    }
}

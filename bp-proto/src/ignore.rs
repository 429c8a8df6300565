//! What a person does not want to have kept: lines that match a pattern, and everything in a directory. Such a run is
//! measured without its text, and without its directory when that is why. Decided at every door before a line is kept
//! anywhere; bpd and `bpctl run` decide alike, because both decide here.

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use regex::RegexBuilder;

use crate::event::Draft;
use crate::{MAX_COMMAND_BYTES, mask};

/// Patterns, and directories; each is looked at for every line.
pub const MAX_RULES: usize = 64;

pub const MAX_PATTERN_BYTES: usize = 1024;

/// One compiled pattern. Matching is linear in the line, whatever the pattern.
const MAX_COMPILED_BYTES: usize = 1 << 20;

const MAX_NESTED: u32 = 32;

/// What stands behind this in a line could be kept only if half of what is before it were secrets.
const MAX_LOOKED_AT_BYTES: usize = 2 * MAX_COMMAND_BYTES;

/// A healthy disk answers in well under a millisecond; a dead network mount never does.
const PATIENCE: Duration = Duration::from_millis(250);

/// What stands in `masked` of a run whose text a rule took.
pub const IGNORED: &str = "ignored";

/// The rules of `[privacy]` in the config.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    commands: Vec<regex::Regex>,
    dirs: Vec<Dir>,
    /// The rules could not be read: nothing is kept.
    everything: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Dir {
    written: String,
    path: PathBuf,
}

/// Why a line is not kept, as it is written in the config.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule<'a> {
    Command(&'a str),
    Dir(&'a str),
    /// The rules themselves could not be read.
    Unreadable,
}

/// What cannot be a rule; to be read behind the key's name.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    #[error("has at most {MAX_RULES} patterns")]
    TooManyPatterns,
    #[error("has patterns of 1 to {MAX_PATTERN_BYTES} bytes")]
    PatternSize,
    #[error("has a pattern that cannot be read: {0}")]
    Pattern(regex::Error),
    #[error("has at most {MAX_RULES} directories")]
    TooManyDirs,
    #[error("has absolute paths, or such as begin with ~/")]
    Relative,
    #[error("needs a home directory for ~; set HOME")]
    NoHome,
}

impl Rules {
    /// For when the rules cannot be read: better too little than too much.
    pub fn unreadable() -> Self {
        Self { everything: true, ..Self::default() }
    }

    /// # Errors
    /// One too many, too long, or not to be read as a pattern.
    pub fn add_command(&mut self, pattern: &str) -> Result<(), RuleError> {
        if self.commands.len() >= MAX_RULES {
            return Err(RuleError::TooManyPatterns);
        }
        if pattern.is_empty() || pattern.len() > MAX_PATTERN_BYTES {
            return Err(RuleError::PatternSize);
        }
        let compiled =
            RegexBuilder::new(pattern).size_limit(MAX_COMPILED_BYTES).nest_limit(MAX_NESTED).build();
        self.commands.push(compiled.map_err(RuleError::Pattern)?);
        Ok(())
    }

    /// `/an/absolute/path` or `~/one/below/home`, with all that is below it.
    ///
    /// # Errors
    /// One too many, or no path from the root or the home directory.
    pub fn add_dir(&mut self, written: &str, home: Option<&Path>) -> Result<(), RuleError> {
        if self.dirs.len() >= MAX_RULES {
            return Err(RuleError::TooManyDirs);
        }
        let below_home = match written.strip_prefix('~') {
            Some("") => Some(""),
            Some(rest) => Some(rest.strip_prefix('/').ok_or(RuleError::Relative)?),
            None => None,
        };
        let path = match below_home {
            Some(rest) => home.ok_or(RuleError::NoHome)?.join(rest),
            None => PathBuf::from(written),
        };
        if !path.is_absolute() || written.contains('\0') {
            return Err(RuleError::Relative);
        }
        // By its parts, so that `//` and a slash at the end are nothing.
        let path = path.components().collect();
        self.dirs.push(Dir { written: written.to_owned(), path });
        Ok(())
    }

    pub fn commands(&self) -> impl Iterator<Item = &str> {
        self.commands.iter().map(regex::Regex::as_str)
    }

    pub fn dirs(&self) -> impl Iterator<Item = &str> {
        self.dirs.iter().map(|dir| dir.written.as_str())
    }

    /// The first pattern that is found in `line`, or in what a `bpctl run` in front of it runs.
    pub fn of_line(&self, line: &str) -> Option<Rule<'_>> {
        if self.everything {
            return Some(Rule::Unreadable);
        }
        let line = &line[..line.floor_char_boundary(MAX_LOOKED_AT_BYTES)];
        let inner = if self.commands.is_empty() { None } else { behind_run(line) };
        let found = |pattern: &&regex::Regex| {
            pattern.is_match(line) || inner.is_some_and(|inner| pattern.is_match(inner))
        };
        self.commands.iter().find(found).map(|pattern| Rule::Command(pattern.as_str()))
    }

    /// The first directory that `cwd` is in, under whatever name. Asks the file system when there are rules about
    /// directories; one that does not answer in a quarter of a second counts as found.
    pub fn of_dir(&self, cwd: &Path) -> Option<Rule<'_>> {
        let by_name = self.dirs.iter().find(|dir| cwd.starts_with(&dir.path));
        let found = by_name.or_else(|| {
            let first = self.dirs.first()?;
            let paths = self.dirs.iter().map(|dir| dir.path.clone()).collect();
            match really_in(cwd.to_owned(), paths) {
                Looked::In(at) => self.dirs.get(at),
                Looked::Elsewhere => None,
                Looked::Unknown => Some(first),
            }
        });
        found.map(|dir| Rule::Dir(&dir.written))
    }

    /// What may be kept of `line`: with its secrets masked, or nothing. `draft.cwd` goes with it where it is the reason.
    pub fn keep(&self, draft: &mut Draft, line: Option<&str>) {
        let dir = draft.cwd.as_deref().and_then(|cwd| self.of_dir(Path::new(cwd)));
        if dir.is_some() {
            (draft.cwd, draft.project, draft.git) = (None, None, None);
        }
        let rule = dir.or_else(|| self.of_line(line?));
        draft.command = None;
        match (rule, line) {
            (Some(_), _) => draft.ignored(),
            (None, Some(line)) => draft.keep(mask::keep(line)),
            (None, None) => {}
        }
    }
}

impl PartialEq for Rules {
    fn eq(&self, other: &Self) -> bool {
        self.commands().eq(other.commands()) && self.dirs == other.dirs && self.everything == other.everything
    }
}

enum Looked {
    In(usize),
    Elsewhere,
    Unknown,
}

/// Which of `dirs` the directory is in, when links are followed on both sides. On a thread of its own, which is left
/// behind if the file system hangs.
fn really_in(cwd: PathBuf, dirs: Vec<PathBuf>) -> Looked {
    let (answer, answered) = mpsc::channel();
    let look = move || {
        let real = |path: &Path| std::fs::canonicalize(path).ok();
        let cwd = real(&cwd);
        let at = cwd.and_then(|cwd| {
            dirs.iter()
                .position(|dir| cwd.starts_with(dir) || real(dir).is_some_and(|dir| cwd.starts_with(dir)))
        });
        // Nobody may be waiting any more.
        let _ = answer.send(at.map_or(Looked::Elsewhere, Looked::In));
    };
    let started = std::thread::Builder::new().stack_size(64 * 1024).spawn(look);
    started.ok().and_then(|_| answered.recv_timeout(PATIENCE).ok()).unwrap_or(Looked::Unknown)
}

/// What `bpctl [--lang LANG] run [OPTION]… [--] COMMAND` runs.
fn behind_run(line: &str) -> Option<&str> {
    let mut rest = line.trim_start();
    loop {
        let (word, behind) = next_word(rest)?;
        rest = behind;
        if word == "bpctl" || word.ends_with("/bpctl") {
            break;
        }
        // Assignments and `sudo`, `time`, `exec` may stand before it; nothing that ends a command.
        if word.contains([';', '|', '&', '\'', '"']) {
            return None;
        }
    }
    let (mut word, mut behind) = next_word(rest)?;
    while word.starts_with("--") {
        if matches!(word, "--lang" | "--color") {
            behind = next_word(behind)?.1;
        }
        (word, behind) = next_word(behind)?;
    }
    rest = behind;
    if word != "run" {
        return None;
    }
    while let Some((word, behind)) = next_word(rest).filter(|(word, _)| word.starts_with('-')) {
        rest = behind;
        match word {
            "--" => break,
            "-t" | "--tag" | "-n" | "--note" => rest = next_word(rest)?.1,
            "-c" => return Some(rest.trim_start_matches(['\'', '"'])),
            _ => {}
        }
    }
    Some(rest)
}

/// The first word, and what begins with the second. A quoted blank belongs to its word.
fn next_word(text: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    let end = text.find(|letter: char| {
        match quote {
            Some(open) if letter == open => quote = None,
            Some(_) => {}
            None if letter == '\'' || letter == '"' => quote = Some(letter),
            None => return letter.is_whitespace(),
        }
        false
    });
    let (word, rest) = text.split_at(end.unwrap_or(text.len()));
    (!word.is_empty()).then(|| (word, rest.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(commands: &[&str], dirs: &[&str]) -> Rules {
        let mut rules = Rules::default();
        for pattern in commands {
            rules.add_command(pattern).unwrap();
        }
        for dir in dirs {
            rules.add_dir(dir, Some(Path::new("/home/u"))).unwrap();
        }
        rules
    }

    #[test]
    fn a_line_is_known_by_its_pattern_and_so_is_what_bpctl_run_runs() {
        let rules = rules(&["^pass ", r"\bgopass\b", "(?i)şifre"], &[]);
        for (line, pattern) in [
            ("pass show bank", Some("^pass ")),
            ("bypass show", None),
            ("pass", None),
            ("cd x && gopass ls", Some(r"\bgopass\b")),
            ("echo ŞİFRE; echo Şifre", Some("(?i)şifre")),
            ("bpctl run -- pass show bank", Some("^pass ")),
            ("sudo /usr/bin/bpctl run -q --tag 'a b' pass show", Some("^pass ")),
            ("bpctl run -t x -n 'a note' -- pass show", Some("^pass ")),
            ("bpctl run -c 'pass show bank | head -1'", Some("^pass ")),
            ("bpctl --lang tr run -- pass show", Some("^pass ")),
            ("bpctl --lang=tr run -q pass show", Some("^pass ")),
            ("bpctl --lang", None),
            ("bpctl run make pass all", None),
            ("bpctl show 'pass x'", None),
            ("bpctl", None),
            ("", None),
        ] {
            assert_eq!(rules.of_line(line), pattern.map(Rule::Command), "{line}");
        }
        assert_eq!(Rules::default().of_line("pass show bank"), None);
        assert_eq!(Rules::unreadable().of_line("ls"), Some(Rule::Unreadable));
    }

    #[test]
    fn a_directory_is_known_with_all_below_it_and_by_any_name() {
        let scratch = tempfile::tempdir().unwrap();
        let real = scratch.path().join("real");
        std::fs::create_dir_all(real.join("deep")).unwrap();
        std::os::unix::fs::symlink(&real, scratch.path().join("link")).unwrap();
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let (real, link) = (text(&real), text(&scratch.path().join("link")));
        let by = |dir: &str, cwd: &str| rules(&[], &[dir]).of_dir(Path::new(cwd)).is_some();
        assert!(by("~/secret", "/home/u/secret") && by("~/secret/", "/home/u/secret/a/b"));
        assert!(!by("~/secret", "/home/u/secrets") && !by("~/secret", "/home/u"));
        assert!(by("~", "/home/u/x") && by("/srv//x", "/srv/x"));
        for (rule, cwd) in [(&real, &link), (&link, &real), (&link, &format!("{real}/deep")), (&link, &link)]
        {
            assert!(by(rule, cwd), "{cwd} is not in {rule}");
        }
        assert!(!by(&real, &text(scratch.path())));
    }

    #[test]
    fn what_cannot_be_a_rule_says_why() {
        let mut rules = Rules::default();
        let long = "x".repeat(MAX_PATTERN_BYTES + 1);
        let deep = "(".repeat(40) + &")".repeat(40);
        for pattern in ["", "(", "[", r"(?<=x)y", r"(a)\1", &long, &deep, r"\w{1000}{1000}"] {
            assert!(rules.add_command(pattern).is_err(), "{pattern:.40}");
        }
        for dir in ["", "secret", "~other/x", "./x", "$HOME/x", "/a\0b"] {
            assert!(rules.add_dir(dir, Some(Path::new("/home/u"))).is_err(), "{dir}");
        }
        assert!(rules.add_dir("~/x", None).unwrap_err().to_string().contains("HOME"));
        for _ in 0..MAX_RULES {
            rules.add_command("x").unwrap();
            rules.add_dir("/x", None).unwrap();
        }
        assert!(rules.add_command("x").is_err() && rules.add_dir("/x", None).is_err());
    }

    #[test]
    fn what_is_ignored_leaves_no_text_and_what_lies_in_a_directory_no_directory() {
        let rules = rules(&["^pass "], &["/srv/secret"]);
        let kept = |line: Option<&str>, cwd: &str| {
            let project = Some("/srv".to_owned());
            let mut draft = Draft { cwd: Some(cwd.to_owned()), project, ..Draft::default() };
            rules.keep(&mut draft, line);
            (draft.command, draft.cwd.is_some() && draft.project.is_some(), draft.masked)
        };
        let ignored = vec![IGNORED.to_owned()];
        assert_eq!(kept(Some("pass show x"), "/"), (None, true, ignored.clone()));
        assert_eq!(kept(Some("ls"), "/srv/secret/a"), (None, false, ignored.clone()));
        assert_eq!(kept(None, "/srv/secret"), (None, false, ignored));
        assert_eq!(kept(None, "/"), (None, true, vec![]));
        assert_eq!(kept(Some("make"), "/"), (Some("make".to_owned()), true, vec![]));
    }
}

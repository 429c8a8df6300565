//! The rules of `[privacy]` in the config, read without bpd: `bpctl run` writes to disk before bpd hears of a run.

use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use bp_proto::ignore::Rules;
use bp_proto::place;
use serde::Deserialize;
use toml::Spanned;

use crate::text::said::{OrSay as _, Said};
use crate::text::words::Word;

/// As bpd has it: a longer file is refused.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// What else the file says is for bpd to judge.
#[derive(Default, Deserialize)]
struct Written {
    #[serde(default)]
    privacy: Privacy,
}

#[derive(Default, Deserialize)]
struct Privacy {
    #[serde(default)]
    ignore_commands: Vec<Spanned<String>>,
    #[serde(default)]
    ignore_dirs: Vec<Spanned<String>>,
}

/// None where there is no file.
///
/// # Errors
/// Names file, line and key.
pub fn rules(config: &Path) -> Result<Rules, Said> {
    let file = config.display().to_string();
    let mut text = String::new();
    // A pipe would hold up the command until somebody writes to it.
    let read = match OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(config) {
        Ok(opened) => opened.take(MAX_FILE_BYTES).read_to_string(&mut text).map(drop),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    };
    read.or_say(Word::CannotRead, &[&file])?;
    // Nearly every config: nothing has to be understood of it.
    if !text.contains("ignore_") {
        return Ok(Rules::default());
    }
    let wrong = |at: usize, key: &str, why: &str| {
        let line = text.get(..at).map_or(1, |before| before.matches('\n').count() + 1);
        Said::new(Word::ConfigWrong, &[&format!("{file}:{line}"), key, why])
    };
    let written: Written = toml::from_str(&text)
        .map_err(|error| wrong(error.span().map_or(0, |span| span.start), "privacy", error.message()))?;
    let mut rules = Rules::default();
    for pattern in &written.privacy.ignore_commands {
        let added = rules.add_command(pattern.get_ref());
        added.map_err(|why| wrong(pattern.span().start, "privacy.ignore_commands", &why.to_string()))?;
    }
    let home = place::home().ok();
    for dir in &written.privacy.ignore_dirs {
        let added = rules.add_dir(dir.get_ref(), home.as_deref());
        added.map_err(|why| wrong(dir.span().start, "privacy.ignore_dirs", &why.to_string()))?;
    }
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use bp_proto::ignore::Rule;

    use super::*;

    fn read(text: &str) -> Result<Rules, String> {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("c.toml");
        std::fs::write(&file, text).unwrap();
        rules(&file).map_err(|said| said.to_string())
    }

    #[test]
    fn the_rules_are_read_beside_whatever_else_the_file_says() {
        let found =
            read("lang = \"tr\"\n[http]\nlisten = 7\n[privacy]\nignore_commands = ['^pass ']\n").unwrap();
        assert_eq!(found.of_line("pass x"), Some(Rule::Command("^pass ")));
        assert_eq!(read("lang = \"tr\"\n").unwrap(), Rules::default());
        assert_eq!(rules(Path::new("/nonexistent/c.toml")).unwrap(), Rules::default());
    }

    #[test]
    fn what_is_wrong_is_named_with_file_line_and_key() {
        for (text, line, key) in [
            ("[privacy]\nignore_commands = [\n'x',\n'(',\n]\n", ":4", "privacy.ignore_commands"),
            ("[privacy]\nignore_dirs = ['secret']\n", ":2", "privacy.ignore_dirs"),
            ("[privacy]\nignore_dirs = 7\n", ":2", "privacy"),
            ("\n[privacy\nignore_dirs = []\n", ":2", "privacy"),
        ] {
            let why = read(text).unwrap_err();
            assert!(why.contains(&format!("c.toml{line}")) && why.contains(key), "{text:?}: {why}");
        }
        assert!(rules(Path::new("/")).is_err());
    }
}

//! What is wrong with a config: found all at once, in no language yet, and told in either.

use std::path::PathBuf;

use crate::trouble::Trouble;
use crate::words::{self, Lang};

/// Of a file of 64 KiB thousands of lines may be wrong; nobody mends more than these at a time.
pub const MAX_TOLD: usize = 32;
/// Where all must stand in one line.
const IN_ONE_LINE: usize = 3;

/// Why a config is refused. Nothing of a refused config takes effect.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read {}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    /// At least one, in the order of the file.
    #[error("{}", self.in_one_line(Lang::En))]
    Wrong(Vec<Wrong>),
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    pub(super) place: Place,
    pub(super) why: Trouble,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// `key`: whose value it is; what is said of it reads on from there.
    File {
        path: PathBuf,
        line: usize,
        key: Option<String>,
    },
    Variable {
        name: &'static str,
        value: String,
    },
}

impl ConfigError {
    /// A sentence for each thing that is wrong, `most` at most; then how many more there are.
    pub fn told(&self, lang: Lang, most: usize) -> Vec<String> {
        let say = |trouble: &Trouble| words::trouble(lang, trouble.id, &trouble.params);
        let wrong = match self {
            Self::Io { path, source } => {
                let unreadable =
                    Trouble::plain("config-unreadable").with("path", path.display()).with("why", source);
                return vec![say(&unreadable)];
            }
            Self::Wrong(wrong) => wrong,
        };
        let mut told: Vec<String> = wrong.iter().take(most).map(|wrong| wrong.told(lang)).collect();
        if wrong.len() > most {
            told.push(say(&Trouble::plain("config-more").with("count", wrong.len() - most)));
        }
        told
    }

    pub fn in_one_line(&self, lang: Lang) -> String {
        self.told(lang, IN_ONE_LINE).join("; ")
    }
}

impl Wrong {
    fn told(&self, lang: Lang) -> String {
        let why = words::trouble(lang, self.why.id, &self.why.params);
        match &self.place {
            Place::File { path, line, key: Some(key) } => format!("{}:{line}: `{key}` {why}", path.display()),
            Place::File { path, line, key: None } => format!("{}:{line}: {why}", path.display()),
            Place::Variable { name, value } => format!("{name}={value} {why}"),
        }
    }

    pub(super) fn line(&self) -> usize {
        match self.place {
            Place::File { line, .. } => line,
            Place::Variable { .. } => 0,
        }
    }
}

//! What was found, and what would mend it.

use std::path::PathBuf;

use serde::Serialize;

use crate::rcfile::RcFile;

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    pub check: &'static str,
    /// `None`: worth knowing, not wrong.
    pub ok: Option<bool>,
    pub text: String,
    pub remedy: Option<String>,
    /// What `--fix` does about it.
    #[serde(skip)]
    pub mend: Option<Mend>,
}

#[derive(Debug)]
pub(super) enum Mend {
    /// Makes the directory, for the user alone.
    Make(PathBuf),
    /// Takes the directory's group and other bits.
    Close(PathBuf),
    Remove(Vec<PathBuf>),
    Start,
    Restart,
    /// A user's file: only after the difference was shown and agreed to.
    Edit {
        file: RcFile,
        before: Vec<u8>,
        after: Vec<u8>,
    },
}

impl Finding {
    pub(super) fn fine(check: &'static str, text: String) -> Self {
        Self { check, ok: Some(true), text, remedy: None, mend: None }
    }

    pub(super) fn note(check: &'static str, text: String, remedy: Option<String>) -> Self {
        Self { check, ok: None, text, remedy, mend: None }
    }

    pub(super) fn wrong(check: &'static str, text: String, remedy: String) -> Self {
        Self { check, ok: Some(false), text, remedy: Some(remedy), mend: None }
    }

    pub(super) fn mended_by(mut self, mend: Mend) -> Self {
        self.mend = Some(mend);
        self
    }
}

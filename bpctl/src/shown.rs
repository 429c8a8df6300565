//! The run that was shown last in each terminal session: `-` is it there. One file a session, in the runtime directory,
//! which a logout clears.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use bp_proto::{place, private_file, process};

pub(crate) struct Shown {
    dir: PathBuf,
    session: u32,
}

impl Shown {
    /// Of this process's session. `run` = `Places::run`.
    pub(crate) fn here(run: &Path) -> Self {
        Self { dir: run.join("shown"), session: process::session() }
    }

    pub(crate) fn last(&self) -> Option<u64> {
        private_file::read_text(&self.file(), 64).ok()?.trim().parse().ok()
    }

    /// What cannot be remembered is asked for by its id.
    pub(crate) fn set(&self, run: u64) {
        let file = self.file();
        if place::own_dir(&self.dir).is_err() {
            return;
        }
        if !file.exists() {
            self.forget_the_gone();
        }
        let _ = write_own(&file, &run.to_string());
    }

    /// Sessions whose first process has ended. What lives on in one of them asks by id.
    fn forget_the_gone(&self) {
        for entry in fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            let session = entry.file_name().to_str().and_then(|name| name.parse().ok());
            // 0: it is outside of our namespace.
            if session.is_some_and(|pid| pid != 0 && process::start_ticks(pid).is_none()) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn file(&self) -> PathBuf {
        self.dir.join(self.session.to_string())
    }
}

/// For the user alone, whatever the umask.
fn write_own(path: &Path, text: &str) -> io::Result<()> {
    let mut file = private_file::Open::to_write().or_create().emptied().open(path)?;
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_remembers_its_last_run_until_it_is_gone() {
        let run = tempfile::tempdir().unwrap();
        let shown = |session| Shown { dir: run.path().join("shown"), session };
        let own = std::process::id();
        let mut other = std::process::Command::new("true").spawn().unwrap();
        other.wait().unwrap();
        shown(0).set(4);
        shown(other.id()).set(3);
        assert_eq!(shown(other.id()).last(), Some(3));
        shown(own).set(7);
        shown(own).set(8);
        assert_eq!((shown(own).last(), shown(0).last()), (Some(8), Some(4)));
        assert_eq!(shown(other.id()).last(), None, "its file stays for ever");
        fs::write(shown(own).file(), "x").unwrap();
        assert_eq!(shown(own).last(), None);
    }
}

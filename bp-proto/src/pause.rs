//! Times in which nothing that is typed is recorded: one small file, which `bpctl pause` and `bpctl resume` write and bpd
//! reads, so that it holds while bpd is away and for what waits in the mailbox.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::event::Owner;
use crate::private_file::{self, Open};
use crate::time::UnixMillis;

/// Its name, in the data directory.
pub const FILE: &str = "pauses.json";

/// Far more than the pauses take that are remembered.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Pauses that are remembered; beyond it the oldest that are over are forgotten.
const MAX_PAUSES: usize = 256;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// The shell that is not recorded; `None` = none is.
    pub shell: Option<Owner>,
    pub from: UnixMillis,
    /// `None` = until somebody resumes.
    pub until: Option<UnixMillis>,
}

impl Pause {
    pub fn is_on(&self, at: UnixMillis) -> bool {
        self.from <= at && self.until.is_none_or(|until| at < until)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pauses(Vec<Pause>);

impl Pauses {
    /// None where there is no file.
    ///
    /// # Errors
    /// The file cannot be read, or is not one of ours (`InvalidData`).
    pub fn read(path: &Path) -> io::Result<Self> {
        match private_file::read(path, MAX_FILE_BYTES) {
            Ok(text) => Ok(serde_json::from_slice(&text)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// In one step, for the user alone.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let new = path.with_extension(format!("new-{}", std::process::id()));
        let written = || -> io::Result<()> {
            private_file::clear_file(path)?;
            private_file::clear_file(&new)?;
            let mut file = Open::to_write().or_create().emptied().open(&new)?;
            file.write_all(&serde_json::to_vec(self)?)?;
            file.sync_all()?;
            fs::rename(&new, path)
        };
        written().inspect_err(|_| drop(fs::remove_file(&new)))
    }

    /// From `from` on; a pause of the same shell that is on ends where this one begins.
    pub fn begin(&mut self, pause: Pause) {
        self.end(|other| other.shell == pause.shell, pause.from);
        self.0.push(pause);
        while self.0.len() > MAX_PAUSES {
            let now = self.0.last().map_or(UnixMillis(0), |pause| pause.from);
            let over = self.0.iter().position(|pause| !pause.is_on(now)).unwrap_or(0);
            self.0.remove(over);
        }
    }

    /// Ends those that are on and chosen. → how many.
    pub fn end(&mut self, is_chosen: impl Fn(&Pause) -> bool, at: UnixMillis) -> usize {
        let on = self.0.iter_mut().filter(|pause| pause.is_on(at) && is_chosen(pause));
        on.map(|pause| pause.until = Some(at)).count()
    }

    pub fn on(&self, at: UnixMillis) -> impl Iterator<Item = &Pause> {
        self.0.iter().filter(move |pause| pause.is_on(at))
    }

    /// Whether what this shell read at `at` is not to be recorded.
    pub fn cover(&self, shell: Owner, at: UnixMillis) -> bool {
        self.on(at).any(|pause| {
            pause.shell.is_none_or(|paused| {
                let same_start =
                    [0, paused.start_ticks].contains(&shell.start_ticks) || paused.start_ticks == 0;
                paused.pid == shell.pid && same_start
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHELL: Owner = Owner { pid: 7, start_ticks: 70 };

    fn pause(shell: Option<Owner>, from: i64, until: Option<i64>) -> Pause {
        Pause { shell, from: UnixMillis(from), until: until.map(UnixMillis) }
    }

    #[test]
    fn a_pause_covers_its_shell_in_its_time_and_no_other() {
        let mut pauses = Pauses::default();
        pauses.begin(pause(Some(SHELL), 10, Some(20)));
        for (shell, at, covered) in [
            (SHELL, 9, false),
            (SHELL, 10, true),
            (SHELL, 19, true),
            (SHELL, 20, false),
            (Owner { start_ticks: 71, ..SHELL }, 15, false),
            (Owner { start_ticks: 0, ..SHELL }, 15, true),
            (Owner { pid: 8, ..SHELL }, 15, false),
        ] {
            assert_eq!(pauses.cover(shell, UnixMillis(at)), covered, "{shell:?} at {at}");
        }
        pauses.begin(pause(None, 30, None));
        assert!(pauses.cover(Owner { pid: 8, ..SHELL }, UnixMillis(1_000)));
        assert_eq!(pauses.end(|pause| pause.shell.is_none(), UnixMillis(40)), 1);
        assert!(pauses.cover(SHELL, UnixMillis(39)) && !pauses.cover(SHELL, UnixMillis(40)));
    }

    #[test]
    fn a_longer_pause_takes_the_place_of_a_shorter_one() {
        let mut pauses = Pauses::default();
        pauses.begin(pause(None, 10, Some(20)));
        pauses.begin(pause(None, 15, Some(90)));
        assert_eq!(pauses.on(UnixMillis(50)).count(), 1);
        assert_eq!(pauses.on(UnixMillis(16)).count(), 1);
        assert!(pauses.cover(SHELL, UnixMillis(12)));
    }

    #[test]
    fn those_that_are_on_are_never_forgotten() {
        let mut pauses = Pauses::default();
        pauses.begin(pause(Some(SHELL), 0, None));
        for at in 0..1_000 {
            pauses.begin(pause(None, at * 10, Some(at * 10 + 5)));
        }
        assert!(pauses.0.len() <= MAX_PAUSES);
        assert!(pauses.cover(SHELL, UnixMillis(1)));
    }

    #[test]
    fn what_is_written_is_read_and_what_is_not_ours_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pauses.json");
        assert_eq!(Pauses::read(&path).unwrap(), Pauses::default());
        let mut pauses = Pauses::default();
        pauses.begin(pause(Some(SHELL), 10, None));
        pauses.write(&path).unwrap();
        assert_eq!(Pauses::read(&path).unwrap(), pauses);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        fs::write(&path, "[{").unwrap();
        assert!(Pauses::read(&path).is_err());
    }
}

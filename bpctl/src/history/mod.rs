//! What shells remember of what was typed, as they keep it on disk. Pure: bytes in, lines out.

mod bash;
mod fish;
mod zsh;

use std::time::Duration;

use bp_proto::UnixMillis;
use sha2::{Digest as _, Sha256};
use ulid::Ulid;

use crate::verbs::init::Shell;

/// One command line of a history, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub text: String,
    /// `None`: the history keeps no times.
    pub at: Option<UnixMillis>,
    /// zsh alone keeps it, in seconds; 0 there is less than one.
    pub took: Option<Duration>,
}

impl Entry {
    fn plain(text: &[u8]) -> Self {
        Self { text: String::from_utf8_lossy(text).into_owned(), at: None, took: None }
    }
}

/// Every entry of a shell's history file.
pub fn entries(shell: Shell, file: &[u8]) -> Vec<Entry> {
    match shell {
        Shell::Bash => bash::entries(file),
        Shell::Zsh => zsh::entries(file),
        Shell::Fish => fish::entries(file),
        // Nobody has tried it.
        Shell::Powershell => Vec::new(),
    }
}

/// A name that is the same each time the history is read, also when it has grown: of a dated line by when it was typed
/// and what it says, of an undated one by its text. `nth` = how many like it stand before it in the file.
pub fn uid(shell: Shell, entry: &Entry, nth: usize) -> Ulid {
    let at = entry.at.map_or(0, |at| u64::try_from(at.0).unwrap_or(0));
    let mut hash = Sha256::new();
    for part in
        [shell.name().as_bytes(), &at.to_be_bytes(), &(nth as u64).to_be_bytes(), entry.text.as_bytes()]
    {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut random = [0; 16];
    random.copy_from_slice(&hash.finalize()[..16]);
    Ulid::from_parts(at, u128::from_be_bytes(random))
}

/// Seconds since 1970, as far as a time can be believed.
fn seconds(digits: &[u8]) -> Option<UnixMillis> {
    let seconds: i64 = str::from_utf8(digits).ok()?.trim().parse().ok()?;
    // Before the first shell, or so far ahead that the milliseconds no longer fit in a ULID.
    (seconds > 0 && seconds < 1 << 38).then(|| UnixMillis(seconds * 1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_keeps_its_name_and_no_two_share_one() {
        let entry =
            |text: &str, at: Option<i64>| Entry { text: text.to_owned(), at: at.map(UnixMillis), took: None };
        let name = |entry: &Entry, nth| uid(Shell::Bash, entry, nth);
        let dated = entry("make", Some(1_700_000_000_000));
        assert_eq!(name(&dated, 0), name(&dated.clone(), 0));
        assert_eq!(name(&dated, 0).timestamp_ms(), 1_700_000_000_000);
        let all = [
            name(&dated, 0),
            name(&dated, 1),
            name(&entry("make", None), 0),
            name(&entry("make x", Some(1_700_000_000_000)), 0),
            uid(Shell::Zsh, &dated, 0),
        ];
        let distinct: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn a_time_that_cannot_be_is_none() {
        assert_eq!(seconds(b"1700000000"), Some(UnixMillis(1_700_000_000_000)));
        for wrong in [&b"0"[..], b"-5", b"99999999999999", b"x", b""] {
            assert_eq!(seconds(wrong), None);
        }
    }
}

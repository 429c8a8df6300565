//! Directories that bp made for its files.

use std::fs;
use std::path::Path;

/// Removes the directories above a file that is gone that nothing else is in, up to one that stays.
pub(crate) fn above(file: &Path, stays: &Path) {
    for dir in file.ancestors().skip(1).take_while(|dir| dir.starts_with(stays) && *dir != stays) {
        // Where something is left, it ends.
        if fs::remove_dir(dir).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_empty_goes_and_what_is_not_stays() {
        let scratch = tempfile::tempdir().unwrap();
        let home = scratch.path().join("home");
        fs::create_dir_all(home.join("a/b/c")).unwrap();
        fs::create_dir_all(home.join("a/others")).unwrap();
        above(&home.join("a/b/c/file"), &home);
        assert!(!home.join("a/b").exists() && home.join("a/others").exists());
        fs::remove_dir(home.join("a/others")).unwrap();
        above(&home.join("a/file"), &home);
        assert_eq!(fs::read_dir(&home).unwrap().count(), 0, "the home itself is nobody's to remove");
        above(&scratch.path().join("elsewhere/file"), &home);
        assert!(home.exists());
    }
}

//! Files that the kernel makes up as they are read, and of which it says no length.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// What the kernel hands on at once, at most.
const PAGE: usize = 4096;

/// With so much room left there was nothing more to say.
const WHOLE_BELOW: usize = PAGE - 64;

/// The whole file, by three system calls where it is no longer than a page: whoever reads to the end of a file makes
/// nine. Errors: as of any file.
pub(super) fn read(path: impl AsRef<Path>) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut page = [0; PAGE];
    let mut text = Vec::new();
    loop {
        let length = file.read(&mut page)?;
        text.extend_from_slice(&page[..length]);
        if length < WHOLE_BELOW {
            return Ok(String::from_utf8_lossy(&text).into_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_many_pages_is_read_whole() {
        for path in ["/proc/self/maps", "/proc/self/cgroup", "/proc/filesystems"] {
            let Ok(theirs) = std::fs::read_to_string(path) else { continue };
            let lines = |text: &str| text.lines().count();
            assert_eq!(lines(&read(path).unwrap()), lines(&theirs), "{path}");
        }
        let long = tempfile::NamedTempFile::new().unwrap();
        for length in [0, 1, PAGE - 65, PAGE - 64, PAGE, 3 * PAGE, 3 * PAGE + 1] {
            std::fs::write(long.path(), "x".repeat(length)).unwrap();
            assert_eq!(read(long.path()).unwrap().len(), length);
        }
        assert!(read("/proc/self/nothing").is_err());
    }
}

//! Files that the kernel makes up as they are read, and of which it says no length.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// What the kernel hands on at once, at most.
const PAGE: usize = 4096;

/// With so much room left there was nothing more to say: the kernel hands on whole records, as many as there is room for.
const WHOLE_BELOW: usize = PAGE / 2;

/// The whole file, of records no longer than half a page, by three system calls where it is not longer itself: whoever
/// reads to the end of a file makes nine. Errors: as of any file.
pub(super) fn read(path: impl AsRef<Path>) -> io::Result<String> {
    read_again(&File::open(path)?)
}

/// As [`read`], of a file that stays open: the kernel makes it up anew.
pub(super) fn read_again(file: &File) -> io::Result<String> {
    let mut page = [0; PAGE];
    let mut text = Vec::new();
    loop {
        let length = file.read_at(&mut page, text.len() as u64)?;
        text.extend_from_slice(&page[..length]);
        if length < WHOLE_BELOW {
            return Ok(String::from_utf8_lossy(&text).into_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::process::Stdio;

    use super::*;

    #[test]
    fn a_file_of_many_pages_is_read_whole() {
        let mut command = std::process::Command::new("sh");
        command.args(["-c", "echo; read -r line"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // Its libraries are loaded by then.
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        // Lines of a hundred bytes, and records of a thousand.
        for name in ["maps", "smaps", "cgroup"] {
            let path = format!("/proc/{}/{name}", child.id());
            let Ok(theirs) = std::fs::read_to_string(&path) else { continue };
            let lines = |text: &str| text.lines().count();
            assert_eq!(lines(&read(&path).unwrap()), lines(&theirs), "{path}");
        }
        drop(child.stdin.take());
        child.wait().unwrap();
        let long = tempfile::NamedTempFile::new().unwrap();
        for length in [0, 1, WHOLE_BELOW - 1, WHOLE_BELOW, PAGE, 3 * PAGE, 3 * PAGE + 1] {
            std::fs::write(long.path(), "x".repeat(length)).unwrap();
            assert_eq!(read(long.path()).unwrap().len(), length);
        }
        assert!(read("/proc/self/nothing").is_err());
    }
}

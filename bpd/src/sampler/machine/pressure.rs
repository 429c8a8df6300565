//! Pressure stall figures: for how long some task of the machine had to wait for a CPU, for memory, for a disk.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use crate::event::{Pressure, Stall};

/// A file holds two lines of at most 80 bytes.
const MAX_BYTES: usize = 256;

/// Kept open: each reading is one `pread` a file.
#[derive(Debug)]
pub(super) struct PressureFiles {
    cpu: Option<File>,
    memory: Option<File>,
    io: Option<File>,
}

impl PressureFiles {
    /// What is not there (no Linux, a kernel without PSI, or with `psi=0`) stays unknown.
    pub(super) fn open() -> Self {
        Self::within(Path::new("/proc/pressure"))
    }

    fn within(folder: &Path) -> Self {
        let file = |name: &str| {
            let file = File::open(folder.join(name)).ok()?;
            stall(&file).ok()?.map(|_| file)
        };
        Self { cpu: file("cpu"), memory: file("memory"), io: file("io") }
    }

    pub(super) fn read(&self) -> Pressure {
        let read = |file: &Option<File>| stall(file.as_ref()?).ok()?;
        Pressure { cpu: read(&self.cpu), memory: read(&self.memory), io: read(&self.io) }
    }
}

fn stall(file: &File) -> io::Result<Option<Stall>> {
    let mut bytes = [0; MAX_BYTES];
    let length = file.read_at(&mut bytes, 0)?;
    Ok(parsed(&String::from_utf8_lossy(&bytes[..length])))
}

/// `some avg10=3.26 avg60=22.26 avg300=16.66 total=6749551152`
fn parsed(text: &str) -> Option<Stall> {
    let line = text.lines().find_map(|line| line.strip_prefix("some "))?;
    let of = |name: &str| line.split(' ').find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
    Some(Stall { avg10_percent: of("avg10")?.parse().ok()?, total_us: of("total")?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_some_tasks_counts() {
        let text = "some avg10=3.26 avg60=22.26 avg300=16.66 total=6749551152\n\
                    full avg10=9.00 avg60=0.00 avg300=0.00 total=7\n";
        let stall = Stall { avg10_percent: 3.26, total_us: 6_749_551_152 };
        assert_eq!(parsed(text), Some(stall));
        for strange in
            ["", "full avg10=1 total=2", "some avg10=1", "some avg10=x total=2", "some total=-1 avg10=1"]
        {
            assert_eq!(parsed(strange), None, "{strange:?}");
        }
    }

    #[test]
    fn what_is_not_there_is_unknown_and_not_zero() {
        let folder = tempfile::tempdir().unwrap();
        let files = PressureFiles::within(folder.path());
        assert_eq!(files.read(), Pressure::default());
        std::fs::write(folder.path().join("cpu"), "some avg10=1.50 avg60=0 avg300=0 total=9\n").unwrap();
        // With `psi=0` the files are there and cannot be read; a folder reads no better.
        std::fs::create_dir(folder.path().join("memory")).unwrap();
        std::fs::write(folder.path().join("io"), "").unwrap();
        let cpu = Some(Stall { avg10_percent: 1.5, total_us: 9 });
        let files = PressureFiles::within(folder.path());
        assert_eq!(files.read(), Pressure { cpu, memory: None, io: None });
    }

    #[test]
    fn what_this_kernel_tells_only_grows() {
        let files = PressureFiles::open();
        let (before, after) = (files.read(), files.read());
        assert_eq!(before.cpu.is_some(), std::fs::read_to_string("/proc/pressure/cpu").is_ok());
        if let (Some(before), Some(after)) = (before.cpu, after.cpu) {
            assert!(before.total_us <= after.total_us && (0.0..=100.0).contains(&after.avg10_percent));
        }
    }
}

//! The disk that bpd's data is on: its room, and what is read from and written to it.
//!
//! Not by sysinfo: its list of disks asks every mounted file system, and one dead network mount would hold the sampler
//! for ever. This asks the one that bpd could not do without.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::time::Duration;

use crate::event::{DiskRates, DiskReading};

/// Of the counts in `/proc/diskstats`, whatever the disk's own is.
const SECTOR_BYTES: u64 = 512;

#[derive(Debug)]
pub(super) struct Disk {
    path: PathBuf,
    /// When the counters were read last.
    before: Option<(Duration, Counters)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counters {
    read_sectors: u64,
    written_sectors: u64,
}

impl Disk {
    pub(super) fn of(path: PathBuf) -> Self {
        Self { path, before: None }
    }

    /// `None` when the file system does not answer. Rates are since the reading before.
    pub(super) fn read(&mut self, at: Duration) -> Option<DiskReading> {
        let room = rustix::fs::statvfs(&self.path).ok()?;
        let used = room.f_blocks.saturating_sub(room.f_bfree).saturating_mul(room.f_frsize);
        let now = self.counters();
        let rates =
            self.before.zip(now).and_then(|((then, before), now)| rates(before, now, at.checked_sub(then)?));
        self.before = now.map(|now| (at, now));
        Some(DiskReading { used_bytes: used, free_bytes: room.f_bavail.saturating_mul(room.f_frsize), rates })
    }

    /// `None` off Linux, and where the file system is on no one disk.
    fn counters(&self) -> Option<Counters> {
        let device = fs::metadata(&self.path).ok()?.dev();
        counters(
            &fs::read_to_string("/proc/diskstats").ok()?,
            rustix::fs::major(device),
            rustix::fs::minor(device),
        )
    }
}

/// `252 0 vda READS MERGED SECTORS MS WRITES MERGED SECTORS …`
fn counters(table: &str, major: u32, minor: u32) -> Option<Counters> {
    table.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let number = |nth: usize| fields.get(nth)?.parse::<u64>().ok();
        (number(0)? == u64::from(major) && number(1)? == u64::from(minor)).then_some(())?;
        Some(Counters { read_sectors: number(5)?, written_sectors: number(9)? })
    })
}

fn rates(before: Counters, now: Counters, interval: Duration) -> Option<DiskRates> {
    let seconds = interval.as_secs_f64();
    if seconds <= 0.0 {
        return None;
    }
    // A counter that fell is another disk's: the device was plugged out and in.
    let per_second =
        |now: u64, before: u64| Some(now.checked_sub(before)? as f64 * SECTOR_BYTES as f64 / seconds);
    Some(DiskRates {
        read_bytes_per_s: per_second(now.read_sectors, before.read_sectors)?,
        written_bytes_per_s: per_second(now.written_sectors, before.written_sectors)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_device_counts() {
        let table = "   7       0 loop0 1 0 2 0 0 0 0 0 0 0 0\n\
                     \x20252       0 vda 4049 1061 337722 1283 91 5 7768 94 0 900 1378 0 0\n\
                     \x20252       1 vda1 1 2 3 4 5 6 7 8 9\n";
        let found = |major, minor| counters(table, major, minor).map(|c| (c.read_sectors, c.written_sectors));
        assert_eq!((found(252, 0), found(252, 1), found(8, 0)), (Some((337_722, 7768)), Some((3, 7)), None));
    }

    #[test]
    fn a_rate_is_bytes_per_second_and_never_negative() {
        let at = |read_sectors, written_sectors| Counters { read_sectors, written_sectors };
        let found = rates(at(0, 100), at(4, 100), Duration::from_secs(2));
        assert_eq!(found, Some(DiskRates { read_bytes_per_s: 1024.0, written_bytes_per_s: 0.0 }));
        assert_eq!(rates(at(5, 0), at(4, 0), Duration::from_secs(2)), None);
        assert_eq!(rates(at(0, 0), at(4, 0), Duration::ZERO), None);
    }

    #[test]
    fn this_disk_has_room() {
        let scratch = tempfile::tempdir().unwrap();
        let mut disk = Disk::of(scratch.path().to_owned());
        let first = disk.read(Duration::from_secs(1)).unwrap();
        assert!(first.free_bytes > 0 && first.rates.is_none());
        assert_eq!(Disk::of(scratch.path().join("absent")).read(Duration::ZERO), None);
    }
}

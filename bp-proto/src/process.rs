//! What names a process for ever: its pid and when it started; and the boot that those are counted from.

use std::fs::File;
use std::io::{self, Read as _};
use std::ops::Deref;

use rustix::io::Errno;

use crate::event::Owner;

/// Clock ticks of `/proc/PID/stat` in a second: fixed in Linux' interface, whatever the kernel's own tick is.
pub const TICKS_PER_SECOND: u64 = 100;

/// Holds a whole `stat` file, which the kernel gives in one read: 52 numbers and a name of 64 bytes at most.
const STAT_BYTES: usize = 52 * 21 + 66;

/// The text of `/proc/PID/stat`.
#[derive(Debug)]
pub struct Stat {
    text: [u8; STAT_BYTES],
    length: usize,
}

impl Deref for Stat {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.text[..self.length]
    }
}

/// `/proc/PID/stat` as of now, by three system calls: whoever reads it to its end, without knowing how long it is, makes
/// nine. Errors: there is no such process (a zombie is one), no such file system, or no file left to look.
pub fn stat(pid: u32) -> io::Result<Stat> {
    let mut text = [0; STAT_BYTES];
    let length = File::open(format!("/proc/{pid}/stat"))?.read(&mut text)?;
    Ok(Stat { text, length })
}

/// Field 22 of `/proc/PID/stat`; `None` when there is no such process (a zombie counts as there), or no such file
/// system.
pub fn start_ticks(pid: u32) -> Option<u64> {
    stat_field(&stat(pid).ok()?, 22)
}

/// Whether exactly this process is still there and not a zombie. With unknown `start_ticks` any process of that pid
/// counts.
pub fn is_alive(owner: Owner) -> bool {
    let stat = match stat(owner.pid) {
        Ok(stat) => stat,
        // Nobody is dead because we have no file left to look at him.
        Err(error) => return matches!(Errno::from_io_error(&error), Some(Errno::MFILE | Errno::NFILE)),
    };
    let same = owner.start_ticks == 0 || stat_field(&stat, 22) == Some(owner.start_ticks);
    same && !matches!(state(&stat), Some(b'Z' | b'X' | b'x'))
}

/// Whether the process is gone, or is being taken apart by the kernel: then it releases its locks soon.
pub fn is_ending(pid: u32) -> bool {
    /// `PF_EXITING` in field 9, the kernel's flags of a process.
    const EXITING: u64 = 4;
    match stat(pid) {
        Ok(stat) => {
            matches!(state(&stat), Some(b'Z' | b'X' | b'x'))
                || stat_field(&stat, 9).is_some_and(|flags| flags & EXITING != 0)
        }
        Err(error) => error.kind() == io::ErrorKind::NotFound && cfg!(target_os = "linux"),
    }
}

/// This process itself.
pub fn own() -> Owner {
    let pid = std::process::id();
    Owner { pid, start_ticks: start_ticks(pid).unwrap_or(0) }
}

/// The process that started this one.
pub fn parent() -> Option<Owner> {
    let pid = rustix::process::getppid()?.as_raw_nonzero().get() as u32;
    Some(Owner { pid, start_ticks: start_ticks(pid).unwrap_or(0) })
}

/// The pid of the leader of this process's terminal session; 0 = it is outside of our pid namespace, or unknown.
pub fn session() -> u32 {
    // A safe getsid() takes the namespace's 0 for impossible.
    if cfg!(target_os = "linux") {
        let stat = std::fs::read("/proc/self/stat").unwrap_or_default();
        return stat_field(&stat, 6).and_then(|leader| u32::try_from(leader).ok()).unwrap_or(0);
    }
    rustix::process::getsid(None).map_or(0, |leader| leader.as_raw_nonzero().get() as u32)
}

/// The id that the kernel made at this boot.
pub fn boot_id() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned())
}

/// One decimal field of a `stat` file, counted from 1 as in proc(5). The name may hold spaces and parentheses, so
/// counting begins behind its last one; fields before the fourth are not decimal.
pub fn stat_field(stat: &[u8], field: usize) -> Option<u64> {
    let name_end = stat.iter().rposition(|byte| *byte == b')')?;
    let word = stat.get(name_end + 2..)?.split(|byte| *byte == b' ').nth(field.checked_sub(3)?)?;
    str::from_utf8(word).ok()?.trim_end().parse().ok()
}

/// The state letter of a `stat` file.
pub fn state(stat: &[u8]) -> Option<u8> {
    let name_end = stat.iter().rposition(|byte| *byte == b')')?;
    stat.get(name_end + 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_does_not_shift_the_fields() {
        let stat = b"42 (a b) c) 1 2) S 7 42 42 0 -1 4194560 100 0 0 0 3 4 5 6 20 0 1 0 98765 1000 20\n";
        assert_eq!(stat_field(stat, 4), Some(7));
        assert_eq!(stat_field(stat, 14), Some(3));
        assert_eq!(stat_field(stat, 17), Some(6));
        assert_eq!(stat_field(stat, 22), Some(98765));
        assert_eq!(state(stat), Some(b'S'));
    }

    #[test]
    fn a_torn_file_has_no_fields() {
        for stat in [&b""[..], b"42", b"42 (x", b"42 (x)", b"42 (x) ", b"42 (x) S"] {
            assert_eq!(stat_field(stat, 22), None);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_session_is_the_one_that_proc_shows() {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let shown = status.lines().find_map(|line| line.strip_prefix("NSsid:")).unwrap();
        let innermost = shown.split_whitespace().last().unwrap();
        assert_eq!(session().to_string(), innermost);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_alive_and_one_that_began_at_another_time_is_not() {
        let own = own();
        assert_ne!(own.start_ticks, 0);
        assert!(is_alive(own));
        assert!(!is_alive(Owner { start_ticks: own.start_ticks + 1, ..own }));
        assert!(is_alive(parent().unwrap()));
    }
}

//! What clocks and counters of a shell showed when it wrote: what it wrote is read a moment later, and where the line's
//! cost begins or ends is known all the same.

use std::collections::HashMap;

use bp_proto::Owner;

use super::open::Now;
use super::scopes::Burned;
use super::stage::Stage;

/// Shells that have written and are not read yet. What is heard of more is as it is when it is read.
const MAX_HEARD: usize = 256;

/// One moment of one shell. `None` is unknown.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Heard {
    pub at: Option<Now>,
    /// The shell's own CPU time, nanoseconds.
    pub own_ns: Option<u64>,
    /// Its inherited counter, nanoseconds.
    pub counted_ns: Option<u64>,
    /// Its control group, where counters are forbidden.
    pub scope: Option<Burned>,
}

/// The last moment of each shell that nobody has asked for.
#[derive(Debug, Default)]
pub(super) struct Hearing {
    shells: HashMap<u32, Heard>,
}

impl Hearing {
    fn put(&mut self, shell: u32, heard: Heard) {
        if self.shells.len() >= MAX_HEARD {
            self.shells.clear();
        }
        self.shells.insert(shell, heard);
    }

    /// Of the first record that is read; what comes behind it was written later.
    pub(super) fn take(&mut self, shell: Owner) -> Heard {
        self.shells.remove(&shell.pid).unwrap_or_default()
    }
}

impl Stage {
    /// The process `shell` has written, and may be in the middle of its work: three clocks are read, and no more.
    pub(super) fn hear(&mut self, shell: u32) {
        let may_count = self.counters.are_allowed();
        let heard = Heard {
            at: Some(self.now()),
            own_ns: self.probe.own_ns(shell),
            counted_ns: self.counters.read_of(shell),
            scope: if may_count { None } else { self.scopes.read_of(shell) },
        };
        self.hearing.put(shell, heard);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_of_one_record_and_the_last_one_counts() {
        let shell = Owner { pid: 7, start_ticks: 1 };
        let heard = |own_ns| Heard { own_ns: Some(own_ns), ..Heard::default() };
        let mut hearing = Hearing::default();
        hearing.put(7, heard(1));
        hearing.put(7, heard(2));
        assert_eq!(hearing.take(shell).own_ns, Some(2));
        assert_eq!(hearing.take(shell).own_ns, None);
    }

    #[test]
    fn no_more_shells_are_remembered_than_are_counted() {
        let mut hearing = Hearing::default();
        for shell in 0..=MAX_HEARD as u32 {
            hearing.put(shell, Heard::default());
        }
        assert_eq!(hearing.shells.len(), 1);
    }
}

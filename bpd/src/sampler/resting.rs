//! Shells between two lines, whose files stay open: the next line is most likely typed in one of them, and to open what is
//! read of a shell costs as much as to read it.

use std::collections::VecDeque;

/// Somebody types in one shell, and now and then in another.
const MAX_RESTING: usize = 4;

/// Pids, the one that rests longest first; none of them is in a run.
#[derive(Debug, Default)]
pub(super) struct Resting {
    shells: VecDeque<u32>,
}

impl Resting {
    pub(super) fn len(&self) -> usize {
        self.shells.len()
    }

    pub(super) fn contains(&self, pid: u32) -> bool {
        self.shells.contains(&pid)
    }

    /// Its line is over.
    pub(super) fn rest(&mut self, pid: u32) {
        self.wake(pid);
        if self.shells.len() == MAX_RESTING {
            self.shells.pop_front();
        }
        self.shells.push_back(pid);
    }

    /// It is in a run again.
    pub(super) fn wake(&mut self, pid: u32) {
        self.shells.retain(|shell| *shell != pid);
    }

    pub(super) fn clear(&mut self) {
        self.shells.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shells_that_were_typed_in_last_rest() {
        let mut resting = Resting::default();
        for pid in [1, 2, 3, 4, 2, 5] {
            resting.rest(pid);
        }
        resting.wake(4);
        assert_eq!(resting.shells, [3, 2, 5]);
    }
}

//! The last readings of the machine, in memory: what its page shows. What belongs to a run is kept with its samples.

use std::collections::VecDeque;

use crate::event::HostReading;

/// An hour at one in five seconds, 150 KB; the oldest make room.
pub(super) const MAX_READINGS: usize = 720;

#[derive(Debug, Default)]
pub(super) struct Hosts(VecDeque<HostReading>);

impl Hosts {
    pub(super) fn push(&mut self, reading: HostReading) {
        if self.0.len() >= MAX_READINGS {
            self.0.pop_front();
        }
        self.0.push_back(reading);
    }

    /// The newest, oldest first.
    pub(super) fn newest(&self, limit: usize) -> Vec<HostReading> {
        self.0.iter().skip(self.0.len().saturating_sub(limit)).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_newest_readings_stay() {
        let mut hosts = Hosts::default();
        for second in 0..1000 {
            hosts.push(HostReading { at: Duration::from_secs(second), ..HostReading::default() });
        }
        let at = |limit| hosts.newest(limit).iter().map(|reading| reading.at.as_secs()).collect::<Vec<_>>();
        assert_eq!(at(2), [998, 999]);
        assert_eq!((at(9_999).len(), at(9_999)[0], at(0).len()), (MAX_READINGS, 280, 0));
    }
}

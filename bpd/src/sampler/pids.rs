//! Tables by pid, and by run. Looking a process up must cost less than asking the kernel for it, and pids are no secret: who may
//! start thousands of processes needs no collisions to burn CPU time.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use bp_proto::Ulid;

pub(super) type PidMap<V> = HashMap<u32, V, BuildHasherDefault<PidHasher>>;
pub(super) type PidSet = HashSet<u32, BuildHasherDefault<PidHasher>>;

/// Of each due run a table is asked several times. Names of runs are random to their last bits, and the user's own.
pub(super) type RunMap<V> = HashMap<Ulid, V, BuildHasherDefault<PidHasher>>;

/// 2^64 ÷ the golden ratio: neighbours are spread (Knuth, TAOCP 6.4, multiplicative hashing).
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PidHasher(u64);

impl Hasher for PidHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    fn write_u128(&mut self, run: u128) {
        self.0 = ((run >> 64) as u64 ^ run as u64).wrapping_mul(SPREAD);
    }

    fn write_u32(&mut self, pid: u32) {
        self.0 = (self.0.rotate_left(32) ^ u64::from(pid)).wrapping_mul(SPREAD);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_pids_fall_into_different_places() {
        let hash = |pid| {
            let mut hasher = PidHasher::default();
            hasher.write_u32(pid);
            hasher.finish()
        };
        // The table takes its place from the low bits and its tag from the seven highest.
        let low: HashSet<u64> = (1..=1024).map(|pid| hash(pid) % 4096).collect();
        let high: HashSet<u64> = (1..=1024).map(|pid| hash(pid) >> 57).collect();
        assert!(low.len() > 700 && high.len() > 100, "{} {}", low.len(), high.len());
    }
}

//! Divides the file descriptors that bpd may have open: connections, the sampler, and a reserve for the rest.
//!
//! The kernel always gives the lowest free number. So the sampler keeps no descriptor with a number at or above its
//! share: whatever it holds, all numbers above remain for connections, the store and files that are read in passing.

use std::os::fd::{AsFd, AsRawFd as _};
use std::sync::OnceLock;

use rustix::process::{Resource, getrlimit};

/// For the store, the log, listeners, watches, and files that are opened for a moment. bpd has about 25 when idle.
const RESERVE: usize = 64;

/// HTTP connections beyond the limit that are told why they are refused.
pub const MAX_HTTP_REFUSALS: usize = 16;

/// The most connections, where descriptors are many.
const MAX_HTTP: usize = 64;
const MAX_SOCKET: usize = 512;
/// The fewest, where they are few.
const MIN_CONNECTIONS: usize = 8;

/// How many descriptors each part of bpd may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Connections of HTTP.
    pub http: usize,
    /// Connections of the local socket.
    pub socket: usize,
    /// The sampler keeps descriptors below this number only.
    pub sampler: usize,
}

impl Budget {
    /// `limit`: descriptors that this process may have open (`RLIMIT_NOFILE`).
    pub fn of(limit: usize) -> Self {
        let free = limit.saturating_sub(RESERVE);
        let http = (free / 6).clamp(MIN_CONNECTIONS, MAX_HTTP);
        let socket = (free / 4).clamp(MIN_CONNECTIONS, MAX_SOCKET);
        let sampler = free.saturating_sub(http + MAX_HTTP_REFUSALS + socket);
        Self { http, socket, sampler }
    }

    /// Of this process. The limit is read once.
    pub fn get() -> Self {
        static BUDGET: OnceLock<Budget> = OnceLock::new();
        *BUDGET.get_or_init(|| {
            let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
            Self::of(usize::try_from(limit).unwrap_or(usize::MAX))
        })
    }

    /// Whether the sampler may keep this descriptor, or must close it because the others are near their end.
    pub fn lets_sampler_keep(self, descriptor: &impl AsFd) -> bool {
        usize::try_from(descriptor.as_fd().as_raw_fd()).is_ok_and(|number| number < self.sampler)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_never_exceeds_the_limit() {
        for limit in [0, 20, 64, 128, 256, 512, 1024, 4096, 65_536, usize::MAX] {
            let budget = Budget::of(limit);
            let fixed = RESERVE + MAX_HTTP_REFUSALS + 2 * MIN_CONNECTIONS;
            let all = RESERVE + MAX_HTTP_REFUSALS + budget.http + budget.socket + budget.sampler;
            assert!(all <= limit.max(fixed), "{limit}: {budget:?}");
            assert!(budget.http >= MIN_CONNECTIONS && budget.socket >= MIN_CONNECTIONS, "{limit}");
        }
    }

    #[test]
    fn the_sampler_keeps_nothing_at_or_above_its_share() {
        let file = std::fs::File::open("/dev/null").unwrap();
        let number = file.as_raw_fd() as usize;
        let sampler = |sampler| Budget { sampler, ..Budget::of(1024) };
        assert!(sampler(number + 1).lets_sampler_keep(&file) && !sampler(number).lets_sampler_keep(&file));
        assert!(!sampler(0).lets_sampler_keep(&file));
    }
}

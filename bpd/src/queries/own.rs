//! What bpd itself costs.

use bp_proto::UnixMillis;
use rustix::time::{ClockId, clock_gettime};

/// What bpd reads of itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Own {
    pub cpu_ns: u64,
    /// 0 where the system does not tell.
    pub rss_bytes: u64,
    pub began: UnixMillis,
}

impl Own {
    /// `began` = when this process did.
    pub fn read(began: UnixMillis) -> Self {
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        let cpu_ns = cpu.tv_sec as u64 * 1_000_000_000 + cpu.tv_nsec as u64;
        Self { cpu_ns, rss_bytes: rss_bytes().unwrap_or(0), began }
    }
}

/// The second figure of `/proc/self/statm`, in pages.
fn rss_bytes() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_works_costs_cpu_and_memory() {
        let before = Own::read(UnixMillis(0));
        // Ends because the clock of a process that works goes on.
        while Own::read(UnixMillis(0)).cpu_ns <= before.cpu_ns {}
        #[cfg(target_os = "linux")]
        assert!(before.rss_bytes > 100_000, "{}", before.rss_bytes);
    }
}

//! How the files that bpd may have open are divided.

use rustix::process::{Resource, getrlimit};

/// Files that are left to the rest of bpd: 512 connections of the socket, 64 of HTTP, the store and what is read in
/// passing.
const RESERVE: usize = 768;

/// The part of what is left that counters of single processes may take: one in so many.
const COUNTERS: usize = 4;

/// Files of processes that may be kept open. Where there are few, some of them all the same.
pub(super) fn for_files() -> usize {
    let limit = limit();
    let left = left(limit);
    (left - left / COUNTERS).max(limit / 4)
}

/// Counters of single processes that may be open at once; none where files are few.
pub(super) fn for_counters() -> usize {
    left(limit()) / COUNTERS
}

fn left(limit: usize) -> usize {
    limit.saturating_sub(RESERVE)
}

/// As this process has it.
fn limit() -> usize {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(limit).unwrap_or(usize::MAX)
}

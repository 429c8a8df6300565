//! How the file descriptors of the sampler are divided.

use std::io;
use std::os::fd::AsFd;

use bp_proto::counter::Counter;

use crate::descriptors::Budget;

/// The part of the sampler's share that counters of single processes may take: one in so many.
const COUNTERS: usize = 4;

/// Files of processes that may be kept open.
pub(super) fn for_files() -> usize {
    let share = Budget::get().sampler;
    share - share / COUNTERS
}

/// Counters of single processes that may be open at once; none where descriptors are few.
pub(super) fn for_counters() -> usize {
    Budget::get().sampler / COUNTERS
}

/// Whether a descriptor that was just opened may be kept. If not, it must be closed: the rest is for connections and the
/// store, and what it would have shown is read in another way or not at all.
pub(super) fn may_keep(descriptor: &impl AsFd) -> bool {
    Budget::get().lets_sampler_keep(descriptor)
}

/// A counter that was just opened, if it may be kept.
pub(super) fn counter(opened: io::Result<Counter>) -> Option<Counter> {
    opened.ok().filter(may_keep)
}

//! What the machine says of processes. The rest of the sampler knows [`Probe`] and [`Reading`] only, so that a better
//! probe changes nothing else.

use std::sync::Arc;

use super::activity::Counts;

#[cfg(target_os = "linux")]
mod either;
#[cfg(target_os = "linux")]
mod linux;
mod portable;

#[cfg(target_os = "linux")]
pub(super) use either::Probe;
#[cfg(not(target_os = "linux"))]
pub(super) use portable::Probe;

/// What came of reading some processes and what is new below them.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// A process stands before its children. Of those that were asked for only what may have changed since the reading
    /// before.
    pub(super) readings: Vec<Reading>,
    /// Pids whose process is gone, even if another one has the pid by now.
    pub(super) missed: Vec<u32>,
}

/// One process at one moment. Counters run from the process's own start.
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own; they come in any combination")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) pid: u32,
    /// With `pid` it names the process for ever: [`bp_proto::Owner::start_ticks`].
    pub(super) start_ticks: u64,
    pub(super) parent: u32,
    pub(super) name: Arc<str>,
    /// CPU time of its own threads, nanoseconds.
    pub(super) own_ns: u64,
    /// CPU time of the children it has waited for, theirs included, nanoseconds; 0 where the system does not say.
    pub(super) waited_ns: u64,
    pub(super) rss_bytes: u64,
    /// How much more it had at some moment since the reading before, as far as it is known.
    pub(super) spike_bytes: u64,
    pub(super) threads: u32,
    /// As far as they were read this time.
    pub(super) counts: Counts,
    /// Ended, but not yet waited for, or about to: its memory is gone already.
    pub(super) zombie: bool,
    /// A fork that has not become another program (yet): its memory is mostly a copy of its parent's.
    pub(super) is_fork: bool,
    /// What it reads and writes is not ours to know.
    pub(super) is_closed: bool,
    /// Some child of it is hidden from us: another user's, where `/proc` shows nobody but oneself.
    pub(super) hides: bool,
    /// Its children vanish when they end, and what they have burned with them, as far as that is known: that it ignores
    /// SIGCHLD is shown, `SA_NOCLDWAIT` is not.
    pub(super) ignores_children: bool,
}

/// Processes that are read at most at once; what a run has beyond it is not counted. A machine has 4 million pids, a
/// person's run has tens; this bounds a fork bomb.
const MAX_READINGS: usize = 20_000;

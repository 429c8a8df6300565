//! On Linux there are both probes: its own, and the portable one for the tests that hold both to the same behaviour.

use bp_proto::Owner;

use super::{Reading, Seen, linux, portable};

#[derive(Debug)]
pub(in crate::sampler) enum Probe {
    Own(Box<linux::Probe>),
    Portable(Box<portable::Probe>),
}

impl Probe {
    pub(in crate::sampler) fn new() -> Self {
        Self::Own(Box::new(linux::Probe::new()))
    }

    pub(in crate::sampler) fn portable() -> Self {
        Self::Portable(Box::new(portable::Probe::new()))
    }

    #[cfg(test)]
    pub(in crate::sampler) fn without_lists() -> Self {
        Self::Own(Box::new(linux::Probe::without_lists()))
    }

    pub(in crate::sampler) fn with_descendants(
        &mut self,
        pids: impl IntoIterator<Item = u32>,
        is_fresh: impl Fn(u32) -> bool,
        is_wanted: impl Fn(u32) -> bool,
        looks_below: impl Fn(&Reading) -> bool,
    ) -> Seen {
        match self {
            Self::Own(own) => own.with_descendants(pids, is_fresh, is_wanted, looks_below),
            Self::Portable(portable) => portable.with_descendants(pids, is_fresh, is_wanted, looks_below),
        }
    }

    pub(in crate::sampler) fn look_around(&mut self) {
        match self {
            Self::Own(own) => own.look_around(),
            Self::Portable(portable) => portable.look_around(),
        }
    }

    pub(in crate::sampler) fn is_there(&mut self, pid: u32, start_ticks: u64) -> bool {
        match self {
            Self::Own(own) => own.is_there(pid, start_ticks),
            Self::Portable(portable) => portable.is_there(pid, start_ticks),
        }
    }

    pub(in crate::sampler) fn lives(&mut self, owner: Owner) -> bool {
        match self {
            Self::Own(own) => own.lives(owner),
            Self::Portable(portable) => portable.lives(owner),
        }
    }

    pub(in crate::sampler) fn parent(&mut self, pid: u32) -> Option<u32> {
        match self {
            Self::Own(own) => own.parent(pid),
            Self::Portable(portable) => portable.parent(pid),
        }
    }

    pub(in crate::sampler) fn own_ns(&self, pid: u32) -> Option<u64> {
        match self {
            Self::Own(own) => own.own_ns(pid),
            Self::Portable(portable) => portable.own_ns(pid),
        }
    }

    pub(in crate::sampler) fn grain_ticks(&self) -> u64 {
        match self {
            Self::Own(own) => own.grain_ticks(),
            Self::Portable(portable) => portable.grain_ticks(),
        }
    }

    pub(in crate::sampler) fn kept(&self) -> usize {
        match self {
            Self::Own(own) => own.kept(),
            Self::Portable(portable) => portable.kept(),
        }
    }

    pub(in crate::sampler) fn rest(&mut self, pid: u32) -> bool {
        match self {
            Self::Own(own) => own.rest(pid),
            Self::Portable(portable) => portable.rest(pid),
        }
    }

    pub(in crate::sampler) fn lacks_files(&self) -> bool {
        match self {
            Self::Own(own) => own.lacks_files(),
            Self::Portable(portable) => portable.lacks_files(),
        }
    }

    pub(in crate::sampler) fn keep(&mut self, is_wanted: impl Fn(u32) -> bool) {
        match self {
            Self::Own(own) => own.keep(is_wanted),
            Self::Portable(portable) => portable.keep(is_wanted),
        }
    }
}

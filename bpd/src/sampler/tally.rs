//! What one run has cost, summed up, and who did it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bp_proto::event::Waited;
use bp_proto::{Activity, Child, Rest};

use super::activity::Grown;

/// The children that are kept with a run.
const KEPT_CHILDREN: usize = 5;

/// Names that are told apart in one run; processes of further names are summed under [`OTHERS`].
const MAX_NAMES: usize = 512;
const OTHERS: &str = "…";

/// Of processes that went before these nobody tells any more.
const MAX_GONE: usize = 64;

const NS_PER_SECOND: f64 = 1e9;
const BYTES_PER_MB: f64 = 1_048_576.0;

#[derive(Debug, Default)]
pub(super) struct Tally {
    pub cpu_ns: u64,
    /// Time of processes of earlier runs that the owner waited for during this one: in the shell's own accounting
    /// it looks like this run's.
    pub foreign_ns: u64,
    rss_bytes: u64,
    rss_max_bytes: u64,
    processes: u32,
    max_processes: u32,
    max_threads: u32,
    /// Processes whose time was found in nobody's waited-for time.
    pub escapes: u32,
    /// What such a process read and wrote was not ours to know either.
    pub lost_closed: bool,
    /// Some process of it was hidden from us for a while.
    pub was_hidden: bool,
    /// Some process of it let its children vanish.
    pub unreaped: bool,
    pub grown: Grown,
    /// The owner's own, where it is a shell.
    pub shell_ns: u64,
    names: HashMap<String, Named>,
    /// Processes that went lately: by whom they were waited for may tell more of them.
    gone: VecDeque<Gone>,
}

#[derive(Debug)]
struct Gone {
    pid: u32,
    name: Arc<str>,
    cpu_ns: u64,
    rss_max_bytes: u64,
    is_whole: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Named {
    processes: u32,
    cpu_ns: u64,
    rss_max_bytes: u64,
    /// Processes that burned some more than is known.
    open_ends: u32,
}

/// One reading of all that is alive of a run.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Alive {
    pub processes: u32,
    pub threads: u32,
    pub rss_bytes: u64,
    /// How much more one of them had since the reading before.
    pub spike_bytes: u64,
}

/// What a run has cost so far.
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own; they come in any combination")]
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Usage {
    pub cpu_ns: u64,
    pub foreign_ns: u64,
    /// At the last reading.
    pub rss_bytes: u64,
    pub rss_max_bytes: u64,
    /// Alive at the last reading.
    pub processes: u32,
    pub max_processes: u32,
    pub activity: Activity,
    /// Processes that went whose time was found with nobody: it is known as far as they were seen.
    pub escapes: u32,
    /// Some process of it is hidden from us, or was for a while.
    pub hides: bool,
    pub was_hidden: bool,
    /// What some of its processes started vanished with what it burned.
    pub unreaped: bool,
    /// The five that burned most, most first.
    pub children: Vec<Child>,
    /// As far as it was seen.
    pub rest: Option<Rest>,
    /// Nobody but the shell itself was at work.
    pub alone: bool,
}

impl Tally {
    pub(super) fn see(&mut self, now: Alive) {
        self.rss_bytes = now.rss_bytes;
        self.processes = now.processes;
        self.rss_max_bytes = self.rss_max_bytes.max(now.rss_bytes + now.spike_bytes);
        self.max_processes = self.max_processes.max(now.processes);
        self.max_threads = self.max_threads.max(now.threads);
    }

    /// A process is gone, or another run's from now on. `is_whole`: that is all that it burned.
    pub(super) fn fold(&mut self, name: &str, cpu_ns: u64, rss_max_bytes: u64, is_whole: bool) {
        let named = self.named(name);
        named.processes += 1;
        named.cpu_ns += cpu_ns;
        named.rss_max_bytes = named.rss_max_bytes.max(rss_max_bytes);
        named.open_ends += u32::from(!is_whole);
    }

    /// The same of a process of which more may be told.
    pub(super) fn let_go(
        &mut self,
        pid: u32,
        name: &Arc<str>,
        cpu_ns: u64,
        rss_max_bytes: u64,
        is_whole: bool,
    ) {
        self.fold(name, cpu_ns, rss_max_bytes, is_whole);
        self.gone.truncate(MAX_GONE - 1);
        self.gone.push_front(Gone { pid, name: Arc::clone(name), cpu_ns, rss_max_bytes, is_whole });
    }

    /// All that a process burned which is gone, by who waited for it. Under its last name: it may have been looked at
    /// before it became another program. → whether it was met.
    pub(super) fn settle(&mut self, waited: &Waited) -> bool {
        let Some(at) = self.gone.iter().position(|gone| gone.pid == waited.pid) else { return false };
        if let Some(gone) = self.gone.remove(at) {
            let named = self.named(&gone.name);
            named.processes = named.processes.saturating_sub(1);
            named.cpu_ns = named.cpu_ns.saturating_sub(gone.cpu_ns);
            named.open_ends = named.open_ends.saturating_sub(u32::from(!gone.is_whole));
            if named.processes == 0 {
                self.names.remove(&*gone.name);
            }
            self.fold(&waited.name, waited.cpu_ns.max(gone.cpu_ns), gone.rss_max_bytes, true);
        }
        true
    }

    fn named(&mut self, name: &str) -> &mut Named {
        let full = self.names.len() >= MAX_NAMES && !self.names.contains_key(name);
        self.names.entry(if full { OTHERS } else { name }.to_owned()).or_default()
    }

    /// A process is gone, and nobody has waited for it.
    pub(super) fn lose(&mut self, is_closed: bool) {
        self.escapes += 1;
        self.lost_closed |= is_closed;
    }

    /// The five that burned most, most first, and the others. `alive`: name, CPU time and peak of the processes that were
    /// not folded yet.
    pub(super) fn children<'a>(
        &self,
        alive: impl Iterator<Item = (&'a str, u64, u64)>,
    ) -> (Vec<Child>, Rest) {
        let mut names: HashMap<&str, Named> =
            self.names.iter().map(|(name, named)| (name.as_str(), *named)).collect();
        for (name, cpu_ns, rss_max_bytes) in alive {
            let sum = names.entry(name).or_default();
            sum.processes += 1;
            sum.cpu_ns += cpu_ns;
            sum.rss_max_bytes = sum.rss_max_bytes.max(rss_max_bytes);
        }
        let mut most: Vec<(&str, Named)> = names.into_iter().collect();
        most.sort_unstable_by(|(a_name, a), (b_name, b)| {
            (b.cpu_ns, b.rss_max_bytes, a_name).cmp(&(a.cpu_ns, a.rss_max_bytes, b_name))
        });
        let seconds = |ns: u64| ns as f64 / NS_PER_SECOND;
        let others = most.split_off(most.len().min(KEPT_CHILDREN));
        let rest = Rest {
            names: others.len() as u32,
            processes: others.iter().map(|(_, named)| named.processes).sum(),
            cpu_seconds: seconds(others.iter().map(|(_, named)| named.cpu_ns).sum()),
            ..Rest::default()
        };
        let children = most.into_iter().map(|(name, named)| Child {
            name: name.to_owned(),
            processes: named.processes,
            cpu_seconds: seconds(named.cpu_ns),
            rss_max_mb: (named.rss_max_bytes > 0).then_some(named.rss_max_bytes as f64 / BYTES_PER_MB),
            at_least: named.open_ends > 0,
        });
        (children.collect(), rest)
    }

    /// Without the children.
    pub(super) fn usage(&self) -> Usage {
        Usage {
            cpu_ns: self.cpu_ns,
            foreign_ns: self.foreign_ns,
            rss_bytes: self.rss_bytes,
            rss_max_bytes: self.rss_max_bytes,
            processes: self.processes,
            max_processes: self.max_processes,
            activity: self.grown.activity(self.max_threads),
            escapes: self.escapes,
            unreaped: self.unreaped,
            hides: false,
            was_hidden: self.was_hidden,
            children: Vec::new(),
            rest: None,
            alone: false,
        }
    }
}

/// All that is known of a run that nobody looked at.
pub(super) fn child_of(waited: &Waited) -> Child {
    Child {
        name: waited.name.clone(),
        processes: 1,
        cpu_seconds: waited.cpu_ns as f64 / NS_PER_SECOND,
        rss_max_mb: waited.rss_max_bytes.map(|bytes| bytes as f64 / BYTES_PER_MB),
        at_least: false,
    }
}

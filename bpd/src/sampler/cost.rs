//! What one sample of a run costs bpd itself. For `cargo xtask bench`.

use std::time::Duration;

use bp_proto::{Owner, Ulid};

use super::counters::Counters;
use super::ends::Ends;
use super::probe::Probe;
use super::tree::{Claim, Fate, Tree};

/// What readings of a tree have cost.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct Cost {
    /// Processes of the tree at the last reading.
    pub processes: u32,
    /// CPU time of this thread in the kernel and in bpd, of each reading.
    pub each: Vec<Duration>,
}

/// Reads `owner` and all that descends from it `rounds` times, `pause` apart, as a run of it is sampled.
#[doc(hidden)]
pub fn cost(owner: u32, rounds: usize, pause: Duration) -> Cost {
    let (mut probe, mut tree, run) = (Probe::new(), Tree::default(), Ulid::from(1_u128));
    let seen = probe.with_descendants([owner], |_| true, |_| true, |_| true);
    let owner = Owner { pid: owner, start_ticks: 0 };
    tree.open(run, owner, Claim::Whole, &seen.readings, |_, _| Fate::There);
    let counters = Counters::new();
    let mut ends = Ends::new(counters.are_allowed());
    ends.meet(&tree, &probe, &seen.readings);
    let mut each = Vec::with_capacity(rounds);
    let mut processes = 0;
    for _ in 0..rounds {
        std::thread::sleep(pause);
        let before = own_cpu();
        let seen = probe.with_descendants(
            tree.scope(&[run]),
            |pid| tree.is_subreaper(pid),
            |pid| tree.is_new(pid),
            |reading| tree.wants_below(reading),
        );
        tree.update(&seen.missed, &seen.readings, |pid, start| ends.fate(&mut probe, pid, start));
        ends.meet(&tree, &probe, &seen.readings);
        processes = tree.figures(run).map_or(0, |usage| usage.processes);
        each.push(own_cpu().saturating_sub(before));
    }
    Cost { processes, each }
}

#[cfg(target_os = "linux")]
fn own_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Elsewhere the time that passes stands for it.
#[cfg(not(target_os = "linux"))]
fn own_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_read_as_often_as_asked_and_costs_something() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let cost = cost(child.id(), 3, Duration::from_millis(1));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!((cost.processes, cost.each.len()), (1, 3));
        assert!(cost.each.iter().all(|each| *each > Duration::ZERO), "{cost:?}");
    }
}

//! A figure of bp's against the truth.

use std::fmt::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use bp_proto::{Quality, Run, RunState};
use workload::bound::memory_mb;
use workload::{Bound, Truth, Way};

use crate::served::runs;
use crate::shells::Home;

/// How long bp may take to learn of what a daemon has burned: only a failure waits that long.
const DEADLINE: Duration = Duration::from_secs(30);

const BYTES_PER_MB: f64 = 1_048_576.0;

/// A run that was made, and what it cost.
pub(super) struct Expected {
    pub(super) name: String,
    /// In the recorded command, and in no other.
    pub(super) mark: String,
    pub(super) truth: Truth,
    /// What the shell burned itself, as part of the run.
    pub(super) shell_ns: u64,
    pub(super) cpu: Bound,
    pub(super) peak_is_known: bool,
    pub(super) wrapped: bool,
}

impl Expected {
    fn cpu_seconds(&self) -> f64 {
        (self.truth.cpu_ns + self.shell_ns) as f64 / 1e9
    }

    /// What is wrong with the run that bp has recorded; nothing = all is well.
    fn faults(&self, run: &Run, has_counter: bool) -> String {
        let mut faults = String::new();
        let Some(stats) = run.run_stats.as_ref().filter(|_| run.state == RunState::Finished) else {
            return "it has no figures".to_owned();
        };
        let way = match stats.quality {
            _ if self.wrapped => Way::Wrapper,
            Quality::Exact | Quality::Counter => Way::Counted,
            Quality::Times => Way::Times,
            Quality::Ticks | Quality::Sampled => Way::Ticks,
        };
        let truth = self.cpu_seconds();
        let off = stats.cpu_seconds.map(|seconds| seconds - truth);
        // Within the strictest bound it is right, whatever is said of it.
        let allowed = self.cpu.seconds(way, truth, has_counter);
        let strict = truth * self.cpu.counted.max(self.cpu.wrapper) + workload::bound::ALLOWANCE_S;
        let is_right = off.is_some_and(|off| off.abs() <= allowed.unwrap_or(strict));
        if !is_right && (allowed.is_some() || !stats.incomplete) {
            let off = off.map_or("unknown".to_owned(), |off| format!("off by {:+.2} ms", off * 1e3));
            let allowed = allowed.map_or("and nothing flagged".to_owned(), |allowed| {
                format!("±{:.2} ms allowed", allowed * 1e3)
            });
            let _ = write!(faults, "CPU {off}, {allowed}; ");
        }
        if let Some(fault) = self.peak_fault(stats.rss_max_mb, stats.peak_lower_bound) {
            faults += &fault;
        }
        faults
    }

    /// A peak that is known must be right; of a changing tree it is at least that of its largest process, or flagged.
    fn peak_fault(&self, said: Option<f64>, is_lower_bound: bool) -> Option<String> {
        let exact = self.truth.together_bytes.unwrap_or(self.truth.largest_bytes) as f64 / BYTES_PER_MB;
        let off = said.map(|said| said - exact);
        let is_right = match off {
            _ if self.truth.largest_bytes == 0 => true,
            Some(off) if self.peak_is_known => off.abs() <= memory_mb(exact) || off < 0.0 && is_lower_bound,
            Some(off) => off >= -memory_mb(exact) || is_lower_bound,
            None => !self.peak_is_known,
        };
        (!is_right).then(|| format!("peak {said:.1?} MB of {exact:.1}"))
    }
}

/// Waits until bp is right about every one of these runs; fails with all that it is wrong about.
pub(super) fn hold(home: &Home, expected: &[Expected]) {
    let has_counter = counts(home);
    let until = Instant::now() + DEADLINE;
    loop {
        let recorded = runs(home);
        let mut wrong = String::new();
        for expected in expected {
            let found: Vec<&Run> = recorded
                .iter()
                .filter(|run| run.command.as_deref().is_some_and(|command| command.contains(&expected.mark)))
                .collect();
            let [run] = found[..] else {
                let _ = writeln!(wrong, "{}: recorded {} times", expected.name, found.len());
                continue;
            };
            let faults = expected.faults(run, has_counter);
            if !faults.is_empty() {
                let _ = writeln!(
                    wrong,
                    "{}: {faults} (truth {:.2} ms, of it the shell {:.2}; {:?})",
                    expected.name,
                    expected.cpu_seconds() * 1e3,
                    expected.shell_ns as f64 / 1e6,
                    run.run_stats.as_ref().map(|stats| (stats.cpu_seconds, stats.quality, stats.incomplete)),
                );
            }
        }
        if wrong.is_empty() {
            return;
        }
        assert!(Instant::now() < until, "counter allowed: {has_counter}\n{wrong}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Whether the kernel lets the user of this home count what a tree of processes burns.
fn counts(home: &Home) -> bool {
    let mut asked = home.environment(Command::new(home.programs().join("workload")));
    asked.arg("counter").status().unwrap().success()
}

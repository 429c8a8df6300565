//! A figure of bp's against the truth.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use bp_proto::process::TICKS_PER_SECOND;
use bp_proto::{Quality, Run, RunState};
use workload::bound::memory_mb;
use workload::{Bound, Truth, Way};

use crate::served::runs;
use crate::shells::Home;

/// How long bp may take to learn of what a daemon has burned: only a failure waits that long.
const DEADLINE: Duration = Duration::from_secs(20);

/// bpd reads a shell's counter when it hears of a line: on a busy machine it misses as much of the line's beginning as a
/// clock tick would. The bench, on a quiet one, does not allow it.
const LATE_S: f64 = 0.010;

const ATTEMPTS: usize = 3;

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
    /// Its shell gives no account of itself: what it burned before bpd looked at it first may be unknown, if that is said.
    pub(super) is_silent: bool,
    /// What the host of this virtual machine took away meanwhile. A counter's clock runs on then, accounts do not.
    pub(super) stolen_s: f64,
}

impl Expected {
    fn cpu_seconds(&self) -> f64 {
        (self.truth.cpu_ns + self.shell_ns) as f64 / 1e9
    }

    /// What is wrong with what bp has recorded of it; `None` = all is well.
    fn judge(&self, recorded: &[Run], has_counter: bool) -> Option<String> {
        let is_its = |run: &&Run| run.command.as_deref().is_some_and(|command| command.contains(&self.mark));
        let found: Vec<&Run> = recorded.iter().filter(is_its).collect();
        let [run] = found[..] else { return Some(format!("recorded {} times", found.len())) };
        let faults = self.faults(run, has_counter);
        (!faults.is_empty()).then(|| {
            let (truth, shell) = (self.cpu_seconds() * 1e3, self.shell_ns as f64 / 1e6);
            let said = run.run_stats.as_ref().map(|stats| {
                (stats.cpu_seconds, stats.background_cpu_seconds, stats.quality, stats.incomplete)
            });
            format!("{faults} (truth {truth:.2} ms, of it the shell {shell:.2}; said {said:?})")
        })
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
        // What a daemon uses after its line has ended is a figure of its own.
        let after_the_end = stats.background_cpu_seconds.unwrap_or(0.0);
        let off = stats.cpu_seconds.map(|seconds| seconds + after_the_end - truth);
        // Within the strictest bound it is right, whatever is said of it.
        let allowed = self.cpu.seconds(way, truth, has_counter);
        let strict = truth * self.cpu.counted.max(self.cpu.wrapper) + workload::bound::ALLOWANCE_S;
        let stolen = if stats.quality == Quality::Counter { self.stolen_s } else { 0.0 };
        let late = if way == Way::Counted && stats.quality == Quality::Counter { LATE_S } else { 0.0 };
        let most = allowed.unwrap_or(strict);
        let is_right = off.is_some_and(|off| (-most - late..=most + stolen).contains(&off));
        let must_be_right = allowed.is_some() && !self.is_silent;
        let is_told = stats.incomplete || (self.is_silent && stats.cpu_seconds.is_none());
        if !is_right && (must_be_right || !is_told) {
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
            Some(off) if self.peak_is_known => off.abs() <= memory_mb(exact),
            Some(off) => off >= -memory_mb(exact) || is_lower_bound,
            None => !self.peak_is_known,
        };
        (!is_right).then(|| format!("peak {said:.1?} MB of {exact:.1}"))
    }
}

/// Makes `count` runs and holds them to their bounds. An interrupt, or a hypervisor that takes the CPU away, is charged
/// to whoever runs then: what was off is made again, and what is off each time is wrong.
///
/// `in_scope`: each shell has a control group for itself, which knows what a counter would.
pub(super) fn hold(
    home: &Home,
    in_scope: bool,
    count: usize,
    mut record: impl FnMut(usize, String) -> Expected,
) {
    let has_counter = in_scope || counts(home);
    let mut timed = |case, mark| {
        let before = stolen_ticks();
        let made = record(case, mark);
        let ticks = stolen_ticks() - before;
        // Told in whole ticks of all CPUs together.
        let stolen_s = if ticks == 0 { 0.0 } else { (ticks + 1) as f64 / TICKS_PER_SECOND as f64 };
        Expected { stolen_s, ..made }
    };
    let mut pending: Vec<usize> = (0..count).collect();
    let mut said = String::new();
    for attempt in 0..ATTEMPTS {
        let made: Vec<Expected> =
            pending.iter().map(|case| timed(*case, format!("truth-{attempt}-{case:02}"))).collect();
        let wrong = settled(home, &made, has_counter);
        for (at, fault) in &wrong {
            let _ = writeln!(said, "attempt {attempt}: {}: {fault}", made[*at].name);
        }
        pending = wrong.iter().map(|(at, _)| pending[*at]).collect();
        if pending.is_empty() {
            // What was right at last is worth a look all the same.
            std::io::stderr().write_all(said.as_bytes()).ok();
            return;
        }
    }
    panic!("counter allowed: {has_counter}; wrong each time: {pending:?}\n{said}");
}

/// Waits until bp is right about all of these runs, or as long as it may take. → which it is wrong about, and how.
fn settled(home: &Home, made: &[Expected], has_counter: bool) -> Vec<(usize, String)> {
    let until = Instant::now() + DEADLINE;
    loop {
        let recorded = runs(home);
        let faults = made.iter().map(|expected| expected.judge(&recorded, has_counter));
        let wrong: Vec<_> = faults.enumerate().filter_map(|(at, fault)| Some((at, fault?))).collect();
        if wrong.is_empty() || Instant::now() > until {
            return wrong;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn stolen_ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/stat").unwrap();
    stat.split_whitespace().nth(8).unwrap().parse().unwrap()
}

/// Whether the kernel lets the user of this home count what a tree of processes burns.
pub(super) fn counts(home: &Home) -> bool {
    let mut asked = home.environment(Command::new(home.programs().join("workload")));
    asked.arg("counter").status().unwrap().success()
}

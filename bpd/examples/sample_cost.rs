//! What one sample costs, for `cargo xtask bench sampler`: `sample_cost tree PID ROUNDS PAUSE_MS` as bpd reads the tree
//! below PID, `sample_cost machine ROUNDS PAUSE_MS` as sysinfo reads all processes. Prints the CPU time of each sample in
//! nanoseconds, a JSON array.
#![allow(clippy::print_stdout, reason = "that is what it is for")]

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::time::{ClockId, clock_gettime};
use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System};

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| -> Result<u64> {
        words.get(at).and_then(|word| word.parse().ok()).with_context(|| format!("word {at} is no number"))
    };
    let nanoseconds: Vec<u128> = match words.first().map(String::as_str) {
        Some("tree") => {
            let cost = bpd::sampler::cost(number(1)? as u32, number(2)? as usize, pause(number(3)?));
            cost.each.iter().map(Duration::as_nanos).collect()
        }
        Some("machine") => machine(number(1)?, pause(number(2)?))?,
        _ => bail!("usage: sample_cost tree PID ROUNDS PAUSE_MS | sample_cost machine ROUNDS PAUSE_MS"),
    };
    println!("{}", serde_json::to_string(&nanoseconds)?);
    Ok(())
}

fn pause(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn machine(rounds: u64, pause: Duration) -> Result<Vec<u128>> {
    let mut system = System::new()?;
    let wanted = ProcessRefreshKind::nothing().without_tasks().with_cpu().with_memory();
    let mut costs = Vec::new();
    // The first reading fills its tables.
    for round in 0..=rounds {
        std::thread::sleep(pause);
        let before = own_cpu();
        system.refresh_processes_specifics(ProcessesToUpdate::All, true, wanted);
        if round > 0 {
            costs.push(own_cpu().saturating_sub(before).as_nanos());
        }
    }
    Ok(costs)
}

/// Of all threads: sysinfo may use several.
fn own_cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

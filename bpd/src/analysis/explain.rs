//! Where a difference in elapsed time comes from: more work, less in parallel, more waiting, or a busy machine.
//! Δwall ≈ ΔCPU work ÷ parallelism + Δwaiting.

use bp_proto::report::Verdict;
use bp_proto::{Context, Run, RunStats};
use serde_json::json;

use super::compare::Reason;
use super::contention::{self, Contended};

/// A change of CPU work or parallelism below this explains nothing.
const LEAST_CHANGE: f64 = 0.10;
/// What explains less than a quarter of the difference is not its explanation.
const LEAST_SHARE: f64 = 0.25;
/// Above this average a run is parallel, and the time it waited cannot be told from its totals.
const PARALLEL_ABOVE_PERCENT: f64 = 120.0;
/// Runnable tasks per CPU from which on they wait for each other.
const BUSY_LOAD_PER_CPU: f64 = 1.0;
/// And this much busier than the other time.
const BUSIER_BY: f64 = 0.5;

/// What explains that `current` took longer or shorter than `baseline`.
pub fn difference(current: &RunStats, baseline: &RunStats) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let (Some(took_s), Some(base_took_s)) = (current.duration_s, baseline.duration_s) else { return reasons };
    let elapsed = took_s - base_took_s;
    let (Some(cpu), Some(base_cpu)) = (current.cpu_seconds, baseline.cpu_seconds) else { return reasons };
    let (Some(average), Some(base_average)) = (current.cpu_avg, baseline.cpu_avg) else { return reasons };

    let work = cpu - base_cpu;
    let cores = (average.max(base_average) / 100.0).max(1.0);
    if base_cpu > 0.0
        && (work / base_cpu).abs() >= LEAST_CHANGE
        && work.abs() / cores >= LEAST_SHARE * elapsed.abs()
        // More work does not explain that it was faster.
        && work * elapsed > 0.0
    {
        let code = if work > 0.0 { "more-cpu-work" } else { "less-cpu-work" };
        let params = json!({ "current": cpu, "baseline": base_cpu, "change": work / base_cpu });
        reasons.push(Reason::new(code, params));
    }
    if average.max(base_average) > PARALLEL_ABOVE_PERCENT {
        let change = average / base_average - 1.0;
        if change.abs() >= LEAST_CHANGE && change * elapsed < 0.0 {
            let code = if change < 0.0 { "less-parallel" } else { "more-parallel" };
            reasons.push(Reason::new(code, json!({ "current": average, "baseline": base_average })));
        }
    } else {
        let waited = |duration_s: f64, cpu: f64| (duration_s - cpu).max(0.0);
        let (now, before) = (waited(took_s, cpu), waited(base_took_s, base_cpu));
        let more = now - before;
        if more.abs() >= LEAST_SHARE * elapsed.abs() && more * elapsed > 0.0 {
            let code = if more > 0.0 { "more-waiting" } else { "less-waiting" };
            reasons.push(Reason::new(code, json!({ "current": now, "baseline": before })));
        }
    }
    reasons
}

/// A machine that was busy during one of two runs and not during the other.
#[derive(Clone, Debug)]
pub struct Busier {
    /// The verdict on elapsed time that this takes away.
    pub explains: Verdict,
    pub reason: Reason,
}

/// By what one of the two had to wait for; by load averages where that is not known.
pub fn busier_host(current: &Run, baseline: &Run) -> Option<Busier> {
    if let (Some(now), Some(before)) = (&current.run_stats, &baseline.run_stats)
        && now.pressure_cpu.and(before.pressure_cpu).is_some()
    {
        let busier = |explains, found: Contended, [current, baseline]: [f64; 2]| {
            let params = json!({ "what": found.what, "current": current, "baseline": baseline });
            Busier { explains, reason: Reason::new("contended", params) }
        };
        return match contention::than_other(current, now, before) {
            Some(found) => Some(busier(Verdict::Slower, found, [found.percent, found.otherwise])),
            None => contention::than_other(baseline, before, now)
                .map(|found| busier(Verdict::Faster, found, [found.otherwise, found.percent])),
        };
    }
    if waited_little(current, baseline) {
        return None;
    }
    let of = |run: &Run| run.context.as_ref().and_then(load_per_cpu);
    let (now, before) = (of(current)?, of(baseline)?);
    let busier = |a: f64, b: f64| a >= BUSY_LOAD_PER_CPU && a >= b + BUSIER_BY;
    let explains = match (busier(now, before), busier(before, now)) {
        (true, _) => Verdict::Slower,
        (_, true) => Verdict::Faster,
        _ => return None,
    };
    let load = |run: &Run| run.context.as_ref().and_then(|context| context.load_1m);
    let params = json!({ "current": load(current), "baseline": load(baseline) });
    Some(Busier { explains, reason: Reason::new("host-busy", params) })
}

/// Whether it is known that waiting for a CPU was no meaningful part of the difference in elapsed time.
fn waited_little(current: &Run, baseline: &Run) -> bool {
    let known = |run: &Run| {
        let stats = run.run_stats.as_ref()?;
        Some((stats.duration_s?, stats.wait_seconds.filter(|_| stats.max_processes == Some(1))?))
    };
    let (Some((now_s, waited_s)), Some((before_s, waited_before_s))) = (known(current), known(baseline))
    else {
        return false;
    };
    (waited_s - waited_before_s).abs() < LEAST_SHARE * (now_s - before_s).abs()
}

fn load_per_cpu(context: &Context) -> Option<f64> {
    Some(context.load_1m? / f64::from(context.cpus.filter(|cpus| *cpus > 0)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(duration_s: f64, cpu: f64) -> RunStats {
        RunStats {
            duration_s: Some(duration_s),
            cpu_seconds: Some(cpu),
            cpu_avg: Some(cpu / duration_s * 100.0),
            ..RunStats::default()
        }
    }

    #[track_caller]
    fn check(current: (f64, f64), baseline: (f64, f64), wanted: &[&str]) {
        let reasons = difference(&stats(current.0, current.1), &stats(baseline.0, baseline.1));
        assert_eq!(reasons.iter().map(|reason| reason.code).collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn a_difference_is_explained_by_what_made_it() {
        check((2.0, 2.0), (1.0, 1.0), &["more-cpu-work"]);
        check((1.0, 1.0), (2.0, 2.0), &["less-cpu-work"]);
        check((2.0, 0.5), (1.0, 0.5), &["more-waiting"]);
        check((1.0, 0.5), (2.0, 0.5), &["less-waiting"]);
        check((3.0, 1.5), (1.0, 0.5), &["more-cpu-work", "more-waiting"]);
        check((4.0, 4.0), (1.0, 4.0), &["less-parallel"]);
        check((1.0, 4.0), (4.0, 4.0), &["more-parallel"]);
        check((2.0, 8.0), (1.0, 4.0), &["more-cpu-work"]);
    }
}

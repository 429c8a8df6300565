//! Whether a run had to share the machine: pressure of others explains slowness, pressure of its own making does not.

use bp_proto::{Run, RunStats};

use super::metric::Read;
use super::quantile;

/// Less contention than this is everyday life.
const CPU_PRESSURE_PERCENT: f64 = 25.0;
/// A machine that is short of memory crawls long before a quarter of the time is lost.
const MEMORY_PRESSURE_PERCENT: f64 = 10.0;
const IO_PRESSURE_PERCENT: f64 = 25.0;
/// Of the time that the run's threads were runnable.
const WAITING_PERCENT: f64 = 25.0;

/// It must be this much more than usual, or than the other time.
const MORE_BY_POINTS: f64 = 10.0;

/// Waiting explains a difference in elapsed time only if it is at least this part of it.
const LEAST_PART: f64 = 0.5;

/// Of so few processes the kernel knows all their waiting; of processes that are gone it forgets it.
const FEW_PROCESSES: u32 = 2;

/// When others leave the CPUs that idle, whoever waits for one waits for the run itself.
const OTHERS_PERCENT: f64 = 10.0;

/// One thing that a run may have to wait for because others want it.
#[derive(Clone, Copy, Debug)]
pub struct Scarce {
    /// As the sentences know it: `cpu`, `memory`, `io`, `wait`.
    pub what: &'static str,
    /// In percent.
    of: Read,
    high_percent: f64,
    /// A run of many processes makes this pressure by itself.
    may_be_own: bool,
}

const SCARCE: [Scarce; 4] = [
    scarce("cpu", CPU_PRESSURE_PERCENT, true, |stats| stats.pressure_cpu),
    scarce("memory", MEMORY_PRESSURE_PERCENT, false, |stats| stats.pressure_memory),
    scarce("io", IO_PRESSURE_PERCENT, false, |stats| stats.pressure_io),
    scarce("wait", WAITING_PERCENT, true, waiting_percent),
];

const fn scarce(what: &'static str, high_percent: f64, may_be_own: bool, of: Read) -> Scarce {
    Scarce { what, of, high_percent, may_be_own }
}

/// Waiting for a CPU, of all the time in which the run wanted one.
fn waiting_percent(stats: &RunStats) -> Option<f64> {
    let (wait, cpu) = (stats.wait_seconds?, stats.cpu_seconds?);
    (wait + cpu > 0.0).then(|| wait / (wait + cpu) * 100.0)
}

/// Something was scarce for this run, and not for others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contended {
    pub what: &'static str,
    pub percent: f64,
    pub otherwise: f64,
}

/// What was scarcest for `run`, compared with the median of `past`; `None` also where too little is known.
pub fn than_usual(run: &Run, stats: &RunStats, past: &[RunStats], least_runs: usize) -> Option<Contended> {
    let usual = |of: &dyn Fn(&RunStats) -> Option<f64>| {
        let mut values: Vec<f64> = past.iter().filter_map(of).collect();
        values.sort_by(f64::total_cmp);
        (values.len() >= least_runs).then(|| quantile::of_sorted(&values, 0.5)).flatten()
    };
    let excess_s = stats.duration_s? - usual(&|stats| stats.duration_s)?;
    scarcest(run, stats, |scarce| {
        explains(scarce, stats, excess_s, usual(&|past| waited_s(scarce.what, past)))
            .then(|| usual(&|past| (scarce.of)(past)))
            .flatten()
    })
}

/// What was scarcest for `run` and was not for the other one.
pub fn than_other(run: &Run, stats: &RunStats, other: &RunStats) -> Option<Contended> {
    let excess_s = stats.duration_s? - other.duration_s?;
    scarcest(run, stats, |scarce| {
        explains(scarce, stats, excess_s, waited_s(scarce.what, other)).then(|| (scarce.of)(other)).flatten()
    })
}

/// Whether the run waited for so much longer than otherwise that this is a meaningful part of `excess_s`.
fn explains(scarce: &Scarce, stats: &RunStats, excess_s: f64, otherwise_s: Option<f64>) -> bool {
    let more_s = waited_s(scarce.what, stats).zip(otherwise_s).map(|(now_s, before_s)| now_s - before_s);
    excess_s > 0.0 && more_s.is_some_and(|more_s| more_s >= LEAST_PART * excess_s)
}

/// For how many seconds the run waited at most, as far as that is known.
fn waited_s(what: &str, stats: &RunStats) -> Option<f64> {
    let of_time = |percent: Option<f64>| Some(percent? / 100.0 * stats.duration_s?);
    match what {
        // Its own waiting is the better figure: the machine's pressure may be of others alone.
        "cpu" | "wait" => {
            let own = stats.wait_seconds.filter(|_| {
                what == "wait" || stats.max_processes.is_some_and(|processes| processes <= FEW_PROCESSES)
            });
            own.or_else(|| of_time(stats.pressure_cpu))
        }
        "memory" => of_time(stats.pressure_memory),
        _ => of_time(stats.pressure_io),
    }
}

fn scarcest(run: &Run, stats: &RunStats, otherwise: impl Fn(&Scarce) -> Option<f64>) -> Option<Contended> {
    let is_own = others_percent(run, stats).is_some_and(|others| others < OTHERS_PERCENT);
    let found = SCARCE.iter().filter(|scarce| !(scarce.may_be_own && is_own)).filter_map(|scarce| {
        let (percent, otherwise) = ((scarce.of)(stats)?, otherwise(scarce)?);
        let is_more = percent >= scarce.high_percent && percent >= otherwise + MORE_BY_POINTS;
        is_more.then_some(Contended { what: scarce.what, percent, otherwise })
    });
    found.max_by(|a, b| (a.percent - a.otherwise).total_cmp(&(b.percent - b.otherwise)))
}

/// What the rest of the machine used, 100 = all CPUs. The run's own share is of the CPUs that it may use, which are all
/// of them unless it was confined.
fn others_percent(run: &Run, stats: &RunStats) -> Option<f64> {
    let cpus = run.context.as_ref()?.cpus.filter(|cpus| *cpus > 0)?;
    Some(stats.host_cpu_avg? - stats.cpu_avg? / f64::from(cpus))
}

#[cfg(test)]
mod tests {
    use bp_proto::Context;

    use super::super::simulate::run_of;
    use super::*;

    fn with_cpu(pressure_cpu: f64) -> RunStats {
        RunStats { pressure_cpu: Some(pressure_cpu), duration_s: Some(2.0), ..RunStats::default() }
    }

    fn found(stats: &RunStats, other: &RunStats) -> Option<(&'static str, f64)> {
        let other = RunStats { duration_s: Some(1.0), ..other.clone() };
        than_other(&run_of(stats.clone()), stats, &other).map(|found| (found.what, found.percent))
    }

    #[test]
    fn contention_is_high_and_more_than_otherwise() {
        assert_eq!(found(&with_cpu(60.0), &with_cpu(5.0)), Some(("cpu", 60.0)));
        assert_eq!(found(&with_cpu(24.0), &with_cpu(5.0)), None);
        assert_eq!(found(&with_cpu(60.0), &with_cpu(55.0)), None);
        assert_eq!(found(&with_cpu(60.0), &RunStats::default()), None, "nobody knows how it was otherwise");
    }

    #[test]
    fn the_scarcest_is_named() {
        let stats = RunStats {
            pressure_memory: Some(15.0),
            pressure_io: Some(90.0),
            wait_seconds: Some(3.0),
            cpu_seconds: Some(1.0),
            ..with_cpu(40.0)
        };
        let calm = RunStats {
            pressure_memory: Some(0.0),
            pressure_io: Some(60.0),
            wait_seconds: Some(0.0),
            cpu_seconds: Some(1.0),
            ..with_cpu(0.0)
        };
        assert_eq!(found(&stats, &calm), Some(("wait", 75.0)));
        let stats = RunStats { wait_seconds: None, pressure_cpu: None, ..stats };
        assert_eq!(found(&stats, &calm), Some(("io", 90.0)));
    }

    #[test]
    fn pressure_of_its_own_making_is_no_contention() {
        let check = |host_cpu_avg, cpu_avg, contended| {
            let stats =
                RunStats { host_cpu_avg: Some(host_cpu_avg), cpu_avg: Some(cpu_avg), ..with_cpu(80.0) };
            let mut run = run_of(stats.clone());
            run.context = Some(Context { cpus: Some(2), ..Context::default() });
            let other = RunStats { duration_s: Some(1.0), ..with_cpu(0.0) };
            assert_eq!(than_other(&run, &stats, &other).is_some(), contended, "{host_cpu_avg} {cpu_avg}");
        };
        check(99.0, 195.0, false);
        check(99.0, 100.0, true);
    }

    #[test]
    fn what_is_usual_takes_enough_runs() {
        let stats = with_cpu(60.0);
        let run = run_of(stats.clone());
        let past = RunStats { duration_s: Some(1.0), ..with_cpu(4.0) };
        let usual = |runs: usize| than_usual(&run, &stats, &vec![past.clone(); runs], 5);
        assert_eq!(usual(4), None);
        assert_eq!(usual(5), Some(Contended { what: "cpu", percent: 60.0, otherwise: 4.0 }));
    }

    #[test]
    fn a_few_milliseconds_of_waiting_explain_no_half_a_second() {
        let ran = |duration_s, wait_seconds| RunStats {
            duration_s: Some(duration_s),
            wait_seconds: Some(wait_seconds),
            cpu_seconds: Some(0.001),
            pressure_cpu: Some(if wait_seconds > 0.0 { 90.0 } else { 1.0 }),
            max_processes: Some(1),
            ..RunStats::default()
        };
        let check = |now: RunStats, before: RunStats, is_explained| {
            let found = than_other(&run_of(now.clone()), &now, &before);
            assert_eq!(found.is_some(), is_explained, "{now:?} {before:?}");
        };
        check(ran(1.002, 0.003), ran(0.501, 0.0), false);
        check(ran(1.002, 0.4), ran(0.501, 0.0), true);
        // It was not longer at all.
        check(ran(0.5, 0.4), ran(0.501, 0.0), false);
    }
}

//! Comments: one rule is an id, a condition, its evidence and a level; its sentence is in `words`.

use bp_proto::{Level, Run, RunState, RunStats};
use serde_json::{Map, Value, json};

use super::contention;
use super::metric::{DURATION, Metric, RSS_MAX};
use super::noise::{self, MIN_POOL, Pool};

/// More would not be read.
pub const MOST_SHOWN: usize = 3;

/// The origin's rule: an average above 80 % of a core is worth a word, once a run is long enough to mean it.
const CPU_AVG_HIGH_PERCENT: f64 = 80.0;
const CPU_AVG_HIGH_FROM_S: f64 = 1.0;
/// A peak of half of the machine's memory leaves no room for a second one.
const MACHINE_SHARE_HIGH: f64 = 0.5;
/// Runs shorter than this may end before there is anything to draw.
const SHORT_RUN_S: f64 = 1.0;
/// From this many points on there is a curve.
const CURVE_FROM: u64 = 2;

/// In a history too short for a spread only what lies this far outside is unusual.
const FAR_OUTSIDE: f64 = 1.25;
/// The least change that is worth a word.
const UNUSUAL_CHANGE: f64 = 0.10;

/// A rule that holds, with its evidence.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    pub rule: &'static str,
    pub level: Level,
    pub params: Map<String, Value>,
}

impl Finding {
    fn new(rule: &'static str, level: Level, params: Value) -> Self {
        let Value::Object(params) = params else { return Self { rule, level, params: Map::new() } };
        Self { rule, level, params }
    }
}

/// What the rules see: a run with its figures, and those of the runs before it that it may be measured by (same key,
/// host and kind of actor, successful), newest first.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    pub run: &'a Run,
    pub stats: &'a RunStats,
    pub past: &'a [RunStats],
}

type Rule = fn(Subject<'_>) -> Option<Finding>;

/// Most telling first.
const RULES: [Rule; 7] = [lost, slower, contended, mem_peak_high, cpu_avg_high, faster, short_run_no_curve];

/// At most three, most telling first.
pub fn findings(subject: Subject<'_>) -> Vec<Finding> {
    RULES.iter().filter_map(|rule| rule(subject)).take(MOST_SHOWN).collect()
}

fn lost(Subject { run, stats, .. }: Subject<'_>) -> Option<Finding> {
    let params = json!({ "duration_s": stats.duration_s, "samples": stats.samples });
    (run.state == RunState::Lost && !leaves_the_shell(run))
        .then(|| Finding::new("lost", Level::Warning, params))
}

/// `exit` and its like end the shell that would report their end: nothing went wrong.
fn leaves_the_shell(run: &Run) -> bool {
    let command = run.command.as_deref().unwrap_or_default();
    let first = command.split(|c: char| c.is_whitespace() || ";&|".contains(c)).find(|word| !word.is_empty());
    first.is_some_and(|word| ["exit", "logout", "bye", "exec"].contains(&word))
}

fn slower(subject: Subject<'_>) -> Option<Finding> {
    timed(subject, "slower", Level::Info, Direction::Above)
}

/// What explains slowness: said only of a run that was slow.
fn contended(subject: Subject<'_>) -> Option<Finding> {
    slower(subject)?;
    let found = contention::than_usual(subject.run, subject.stats, subject.past, MIN_POOL)?;
    let params = json!({ "what": found.what, "percent": found.percent, "usual": found.otherwise });
    Some(Finding::new("contended", Level::Info, params))
}

fn faster(subject: Subject<'_>) -> Option<Finding> {
    timed(subject, "faster", Level::Good, Direction::Below)
}

fn timed(subject: Subject<'_>, rule: &'static str, level: Level, direction: Direction) -> Option<Finding> {
    // What failed early is not fast, and what failed late is not slow.
    if !subject.run.is_success() {
        return None;
    }
    let unusual = unusual(&DURATION, subject.stats, subject.past, direction)?;
    let params = json!({
        "duration_s": subject.stats.duration_s,
        "median_s": unusual.median,
        "change": unusual.change,
        "rank": unusual.rank,
        "runs": subject.past.len() + 1,
    });
    Some(Finding::new(rule, level, params))
}

fn mem_peak_high(Subject { run, stats, past }: Subject<'_>) -> Option<Finding> {
    let peak = stats.rss_max_mb?;
    let total = run.context.as_ref().and_then(|context| context.memory_total_mb).filter(|total| *total > 0.0);
    if let Some(total) = total.filter(|total| peak >= MACHINE_SHARE_HIGH * total) {
        let params = json!({ "against": "machine", "rss_max_mb": peak, "limit_mb": total, "share": peak / total * 100.0 });
        return Some(Finding::new("mem-peak-high", Level::Warning, params));
    }
    let unusual = unusual(&RSS_MAX, stats, past, Direction::Above).filter(|_| run.is_success())?;
    let params = json!({ "against": "usual", "rss_max_mb": peak, "limit_mb": unusual.median, "change": unusual.change });
    Some(Finding::new("mem-peak-high", Level::Info, params))
}

fn cpu_avg_high(Subject { stats, .. }: Subject<'_>) -> Option<Finding> {
    let average = stats.cpu_avg.filter(|average| *average > CPU_AVG_HIGH_PERCENT)?;
    let params =
        json!({ "cpu_avg": average, "threshold": CPU_AVG_HIGH_PERCENT, "duration_s": stats.duration_s });
    (stats.duration_s? >= CPU_AVG_HIGH_FROM_S).then(|| Finding::new("cpu-avg-high", Level::Warning, params))
}

fn short_run_no_curve(Subject { run, stats, .. }: Subject<'_>) -> Option<Finding> {
    // What lives on in the background is not over.
    let holds = run.state == RunState::Finished
        && !run.background
        && stats.duration_s? < SHORT_RUN_S
        && stats.samples < CURVE_FROM;
    let params = json!({ "duration_s": stats.duration_s, "samples": stats.samples });
    holds.then(|| Finding::new("short-run-no-curve", Level::Info, params))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Above,
    Below,
}

struct Unusual {
    median: f64,
    /// Ratio to the median − 1.
    change: f64,
    /// 1 = the most extreme in this direction, the run itself counted.
    rank: usize,
}

/// Whether a figure lies outside its history. Simulated false alarms ≤ 0.6 % of unchanged runs (a test repeats it).
fn unusual(metric: &Metric, stats: &RunStats, past: &[RunStats], direction: Direction) -> Option<Unusual> {
    let value = (metric.of)(stats)?;
    let pool = Pool::new(past.iter().filter_map(metric.of), metric.unit);
    if pool.runs() < MIN_POOL {
        return None;
    }
    // Seen from below, everything is mirrored: one condition serves both directions.
    let sign = if direction == Direction::Above { 1.0 } else { -1.0 };
    let log = noise::log(value, metric.unit);
    let middle = pool.quantile(0.5)?;
    let median = middle.exp();
    let end =
        |extreme: f64| pool.quantile(if direction == Direction::Above { extreme } else { 1.0 - extreme });
    let beyond = |limit: f64| sign * (log - limit) > 0.0;
    let far = match pool.critical_alone() {
        None => beyond(end(1.0)? + sign * FAR_OUTSIDE.ln()),
        Some(critical) => {
            sign * pool.deviation(log)? >= critical
                && sign * (log - middle) >= UNUSUAL_CHANGE.ln_1p()
                && beyond(end(0.9)?)
        }
    };
    if !far || (value - median).abs() < metric.unit.least_difference() {
        return None;
    }
    let more_extreme = past.iter().filter_map(metric.of).filter(|other| sign * (other - value) > 0.0).count();
    Some(Unusual { median, change: value / median - 1.0, rank: more_extreme + 1 })
}

#[cfg(test)]
mod tests {
    use bp_proto::Context;

    use super::super::simulate::run_of;
    use super::*;

    fn stats(duration_s: f64, cpu_avg: f64, rss_max_mb: f64) -> RunStats {
        RunStats {
            duration_s: Some(duration_s),
            cpu_avg: Some(cpu_avg),
            rss_max_mb: Some(rss_max_mb),
            samples: 9,
            ..RunStats::default()
        }
    }

    fn past(count: usize) -> Vec<RunStats> {
        (0..count).map(|n| stats(2.0 + 0.02 * (n % 5) as f64, 10.0, 100.0 + (n % 5) as f64)).collect()
    }

    fn rules(run: &Run, past: &[RunStats]) -> Vec<&'static str> {
        let stats = run.run_stats.as_ref().unwrap();
        findings(Subject { run, stats, past }).into_iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn each_rule_holds_just_where_it_says() {
        let check = |found: RunStats, history: usize, wanted: &[&str]| {
            assert_eq!(rules(&run_of(found.clone()), &past(history)), wanted, "{found:?}");
        };
        check(stats(2.0, 80.0, 100.0), 20, &[]);
        check(stats(2.0, 80.1, 100.0), 20, &["cpu-avg-high"]);
        check(stats(0.9, 300.0, 100.0), 0, &[]);
        check(stats(3.0, 10.0, 100.0), 20, &["slower"]);
        check(stats(3.0, 10.0, 100.0), 4, &[]);
        check(stats(2.5, 10.0, 100.0), 9, &[]);
        check(stats(2.7, 10.0, 100.0), 9, &["slower"]);
        check(stats(1.2, 10.0, 100.0), 20, &["faster"]);
        check(stats(2.0, 10.0, 160.0), 20, &["mem-peak-high"]);
        check(stats(2.0, 10.0, 107.0), 20, &[]);
        check(RunStats { samples: 1, ..stats(0.2, 10.0, 1.0) }, 0, &["short-run-no-curve"]);
        check(RunStats { samples: 0, ..stats(30.0, 10.0, 1.0) }, 0, &[]);
        check(stats(9.0, 99.0, 900.0), 20, &["slower", "mem-peak-high", "cpu-avg-high"]);
    }

    #[test]
    fn contention_is_told_where_it_explains_that_a_run_was_slow() {
        let pressed =
            |duration_s, percent| RunStats { pressure_cpu: Some(percent), ..stats(duration_s, 10.0, 100.0) };
        let history: Vec<_> =
            past(20).into_iter().map(|stats| RunStats { pressure_cpu: Some(3.0), ..stats }).collect();
        let check = |found: RunStats, history: &[RunStats], wanted: &[&str]| {
            assert_eq!(rules(&run_of(found.clone()), history), wanted, "{found:?}");
        };
        check(pressed(3.0, 60.0), &history, &["slower", "contended"]);
        check(pressed(3.0, 5.0), &history, &["slower"]);
        check(pressed(2.0, 60.0), &history, &[]);
        check(pressed(3.0, 60.0), &past(20), &["slower"]);
    }

    #[test]
    fn failed_and_lost_runs_are_neither_fast_nor_slow() {
        let mut run = run_of(stats(0.1, 10.0, 900.0));
        run.exit_code = Some(1);
        assert_eq!(rules(&run, &past(20)), Vec::<&str>::new());
        run.state = RunState::Lost;
        assert_eq!(rules(&run, &past(20)), ["lost"]);
    }

    #[test]
    fn leaving_the_shell_is_no_loss() {
        let mut run = run_of(stats(0.1, 10.0, 100.0));
        (run.state, run.exit_code) = (RunState::Lost, None);
        for (command, lost) in [
            ("exit", false),
            (" exit 3", false),
            ("exit;", false),
            ("logout", false),
            ("exec zsh -l", false),
            ("./exit", true),
            ("exiting", true),
            ("make && exit", true),
        ] {
            run.command = Some(command.to_owned());
            assert_eq!(rules(&run, &[]).contains(&"lost"), lost, "{command}");
        }
    }

    #[test]
    fn half_of_the_machines_memory_is_high_without_any_history() {
        let mut run = run_of(stats(2.0, 10.0, 512.0));
        run.context = Some(Context { memory_total_mb: Some(1024.0), ..Context::default() });
        let stats = run.run_stats.clone().unwrap();
        let found = findings(Subject { run: &run, stats: &stats, past: &[] });
        assert_eq!((found[0].rule, found[0].level), ("mem-peak-high", Level::Warning));
        assert_eq!(found[0].params["share"], 50.0);
    }

    #[test]
    fn evidence_names_rank_and_median() {
        let run = run_of(stats(3.0, 10.0, 100.0));
        let stats = run.run_stats.clone().unwrap();
        let found = findings(Subject { run: &run, stats: &stats, past: &past(47) });
        assert_eq!((&found[0].params["rank"], &found[0].params["runs"]), (&json!(1), &json!(48)));
        assert!((found[0].params["median_s"].as_f64().unwrap() - 2.04).abs() < 1e-9);
    }
}

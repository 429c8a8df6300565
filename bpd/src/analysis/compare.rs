//! A run against another: a verdict only when it is true.

use std::collections::BTreeMap;

use bp_proto::report::{MetricDelta, Usual, Verdict};
use bp_proto::{Run, RunState, RunStats};
use serde_json::{Map, Value, json};

use super::metric::{self, CPU_SECONDS, DURATION, Metric, RSS_MAX, Unit};
use super::noise::{self, Pool};
use super::{explain, key, quantile};

/// Closer than this is the same to a person.
const SIMILAR_BELOW: f64 = 0.05;
/// Less than this is not worth a word, however sure it is.
const LEAST_CHANGE: f64 = 0.10;
/// A baseline this many standard deviations from the median is ordinary even outside the pool's range: of five
/// runs, every third new one lies outside.
const ORDINARY_WITHIN: f64 = 3.0;

/// Why elapsed time has no verdict: the reason with its evidence comes from `explain`.
const BUSY: &str = "host-busy";
/// The run is unusual, and yet there is no sure verdict.
const OUTSIDE_USUAL: &str = "outside-usual";

/// A code with its evidence.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    pub code: &'static str,
    pub params: Map<String, Value>,
}

impl Reason {
    pub(super) fn new(code: &'static str, params: Value) -> Self {
        let Value::Object(params) = params else { return Self { code, params: Map::new() } };
        Self { code, params }
    }
}

/// What `compare` has to say.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    pub metrics: BTreeMap<String, MetricDelta>,
    pub verdict: Verdict,
    /// CPU seconds decided, because elapsed time could not.
    pub by_cpu: bool,
    pub reasons: Vec<Reason>,
}

/// `current` against `baseline`, given the figures of comparable runs (`pool`: same key, host and kind of actor,
/// successful, neither of the two). Both runs carry their `run_stats`.
pub fn judge(current: &Run, baseline: &Run, pool: &[RunStats]) -> Judgement {
    let unknown = RunStats::default();
    let figures = [current, baseline].map(|run| run.run_stats.as_ref().unwrap_or(&unknown));
    let obstacles = obstacles(current, baseline);
    let mut ruled: BTreeMap<&str, Ruling> =
        shown_of(figures).map(|metric| (metric.name, rule(metric, figures, pool))).collect();
    if !obstacles.is_empty() {
        for ruling in ruled.values_mut() {
            ruling.delta.verdict = Verdict::NotComparable;
        }
        let metrics = shown(ruled);
        return Judgement { metrics, verdict: Verdict::NotComparable, by_cpu: false, reasons: obstacles };
    }

    let busier = explain::busier_host(current, baseline);
    if let (Some(slower_is_explained), Some(duration)) = (busier.as_ref(), ruled.get_mut(DURATION.name))
        && duration.delta.verdict == slower_is_explained.explains
    {
        duration.delta.verdict = Verdict::Unclear;
        duration.why = Some(BUSY);
    }
    let (verdict, by_cpu) = overall(&ruled);
    let mut reasons = Vec::new();
    if by_cpu {
        reasons.push(Reason::new("by-cpu", json!({})));
    } else if let Some(busy) = busier.filter(|_| ruled[DURATION.name].why == Some(BUSY)) {
        reasons.push(busy.reason);
    } else if verdict == Verdict::Unclear {
        reasons.extend(ruled[DURATION.name].why.map(|code| match code {
            OUTSIDE_USUAL => outside_usual(&ruled[DURATION.name].delta, pool),
            code => Reason::new(code, json!({})),
        }));
    }
    if matches!(verdict, Verdict::Faster | Verdict::Slower) {
        reasons.extend(explain::difference(figures[0], figures[1]));
    }
    if figures.iter().any(|stats| stats.duration_s.is_none()) {
        reasons.push(Reason::new("no-duration", json!({})));
    }
    reasons.extend(memory(&ruled[RSS_MAX.name].delta));
    if pool.len() < noise::MIN_POOL {
        reasons.push(Reason::new("rough", json!({ "runs": pool.len() })));
    }
    Judgement { metrics: shown(ruled), verdict, by_cpu, reasons }
}

/// That the run is among the slowest or fastest, beyond the usual range.
fn outside_usual(delta: &MetricDelta, pool: &[RunStats]) -> Reason {
    let (Some(current), Some(usual)) = (delta.current, delta.usual) else {
        return Reason::new(OUTSIDE_USUAL, json!({}));
    };
    let is_slow = current > usual.high;
    let is_beyond = |other: f64| if is_slow { other > current } else { other < current };
    let values = || pool.iter().take(noise::MAX_POOL).filter_map(DURATION.of);
    let params = json!({
        "direction": if is_slow { "slow" } else { "fast" },
        "rank": values().filter(|other| is_beyond(*other)).count() + 1,
        "runs": values().count() + 1,
        "low_s": usual.low,
        "high_s": usual.high,
    });
    Reason::new(OUTSIDE_USUAL, params)
}

fn shown_of(figures: [&RunStats; 2]) -> impl Iterator<Item = &'static Metric> {
    let known = move |metric: &&Metric| figures.iter().all(|stats| (metric.of)(stats).is_some());
    metric::ALL.iter().chain(metric::MORE.iter().filter(known))
}

/// One figure's delta, and why its verdict is no more than unclear.
struct Ruling {
    delta: MetricDelta,
    why: Option<&'static str>,
}

fn shown(ruled: BTreeMap<&str, Ruling>) -> BTreeMap<String, MetricDelta> {
    ruled.into_iter().map(|(name, ruling)| (name.to_owned(), ruling.delta)).collect()
}

fn rule(metric: &Metric, [current, baseline]: [&RunStats; 2], pool: &[RunStats]) -> Ruling {
    let (current, baseline) = ((metric.of)(current), (metric.of)(baseline));
    let history: Vec<f64> = pool.iter().take(noise::MAX_POOL).filter_map(metric.of).collect();
    let pool = Pool::new(history.iter().copied(), metric.unit);
    let mut delta = MetricDelta {
        current,
        baseline,
        delta: None,
        change: None,
        verdict: Verdict::NotComparable,
        usual: usual(history, metric.unit),
    };
    let (Some(current), Some(baseline)) = (current, baseline) else { return Ruling { delta, why: None } };
    delta.delta = Some(current - baseline);
    // A ratio to what is rounded to nothing says nothing.
    delta.change = (baseline >= metric.unit.resolution()).then(|| current / baseline - 1.0);
    let (verdict, why) = weigh(metric, current, baseline, &pool);
    let beyond = delta.usual.as_ref().and_then(|usual| outside(current, usual));
    // Whatever the noise: what is said must not contradict the range that stands next to it.
    let why = match why {
        Some("within-noise" | "within-range") if beyond.is_some() => Some(OUTSIDE_USUAL),
        why => why,
    };
    delta.verdict = verdict;
    Ruling { delta, why }
}

/// From the tenth to the ninetieth percentile; `None` for a short history, and for a figure that is always zero.
fn usual(mut values: Vec<f64>, unit: Unit) -> Option<Usual> {
    if values.len() < noise::MIN_POOL {
        return None;
    }
    values.sort_by(f64::total_cmp);
    let at = |q| {
        let value = quantile::of_sorted(&values, q)?;
        Some(if unit == Unit::Count { value.round() } else { value })
    };
    let usual = Usual { low: at(0.1)?, median: at(0.5)?, high: at(0.9)? };
    (usual.high > 0.0).then_some(usual)
}

/// Where a value lies beyond the usual range, as that is shown.
fn outside(value: f64, usual: &Usual) -> Option<Verdict> {
    match value {
        value if value > usual.high => Some(Verdict::Slower),
        value if value < usual.low => Some(Verdict::Faster),
        _ => None,
    }
}

fn weigh(metric: &Metric, current: f64, baseline: f64, pool: &Pool) -> (Verdict, Option<&'static str>) {
    let (a, b) = (noise::log(current, metric.unit), noise::log(baseline, metric.unit));
    let change = (a - b).exp() - 1.0;
    let unclear = |why| (Verdict::Unclear, Some(why));
    if change.abs() < SIMILAR_BELOW {
        // Below the resolution of the measurement two figures may differ by any factor.
        let is_similar = (current - baseline).abs() <= SIMILAR_BELOW * current.abs().max(baseline.abs());
        return if is_similar { (Verdict::Similar, None) } else { unclear("too-small") };
    }
    if change.abs() < LEAST_CHANGE || (current - baseline).abs() < metric.unit.least_difference() {
        return unclear("too-small");
    }
    if pool.is_rough() && !metric.steady {
        return unclear("rough");
    }
    if pool.z(a, b).abs() < pool.critical() {
        return unclear("within-noise");
    }
    if !pool.is_rough() {
        if pool.spans(a) {
            return unclear("within-range");
        }
        if !pool.spans(b) && pool.deviation(b).is_some_and(|deviation| deviation.abs() > ORDINARY_WITHIN) {
            return unclear("baseline-unusual");
        }
    }
    (if a > b { Verdict::Slower } else { Verdict::Faster }, None)
}

/// Elapsed time decides; where it is unclear and CPU seconds, the quieter witness, are not, they do, unless elapsed
/// time points the other way.
fn overall(ruled: &BTreeMap<&str, Ruling>) -> (Verdict, bool) {
    let (duration, cpu) = (&ruled[DURATION.name].delta, &ruled[CPU_SECONDS.name].delta);
    let sure = matches!(cpu.verdict, Verdict::Faster | Verdict::Slower);
    let agree = duration.delta.zip(cpu.delta).is_some_and(|(elapsed, cpu)| elapsed * cpu > 0.0);
    if duration.verdict == Verdict::Unclear && sure && agree {
        (cpu.verdict, true)
    } else {
        (duration.verdict, false)
    }
}

fn memory(delta: &MetricDelta) -> Option<Reason> {
    let code = match delta.verdict {
        Verdict::Slower => "more-memory",
        Verdict::Faster => "less-memory",
        _ => return None,
    };
    let params = json!({ "current": delta.current, "baseline": delta.baseline, "change": delta.change });
    Some(Reason::new(code, params))
}

/// What forbids a verdict.
fn obstacles(current: &Run, baseline: &Run) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let mut add = |code, params| reasons.push(Reason::new(code, params));
    if [current, baseline].iter().any(|run| run.state != RunState::Finished) {
        add("unfinished", json!({}));
    } else if current.exit_code != baseline.exit_code {
        let shown = |run: &Run| run.exit_code.map_or_else(|| "?".to_owned(), |code| code.to_string());
        add("exit-code", json!({ "current": shown(current), "baseline": shown(baseline) }));
    }
    if current.command.is_none() || baseline.command.is_none() {
        add("hidden", json!({}));
    } else if key::words(current.command.as_deref()) != key::words(baseline.command.as_deref()) {
        add("args", json!({}));
    } else if current.key != baseline.key {
        add("place", json!({}));
    }
    if current.host != baseline.host {
        add("host", json!({}));
    }
    reasons
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::simulate::run_of;
    use super::*;

    fn pool(durations: &[f64]) -> Vec<RunStats> {
        durations
            .iter()
            .map(|&duration_s| RunStats { duration_s: Some(duration_s), ..RunStats::default() })
            .collect()
    }

    fn lasting(duration_s: f64) -> Run {
        run_of(RunStats { duration_s: Some(duration_s), ..RunStats::default() })
    }

    #[track_caller]
    fn check(current: f64, baseline: f64, history: &[f64], verdict: Verdict, reasons: &[&str]) {
        let judged = judge(&lasting(current), &lasting(baseline), &pool(history));
        let codes: Vec<_> = judged.reasons.iter().map(|reason| reason.code).collect();
        assert_eq!((judged.verdict, codes.as_slice()), (verdict, reasons));
    }

    const STEADY: [f64; 10] = [1.0, 1.02, 0.98, 1.01, 0.99, 1.03, 0.97, 1.0, 1.01, 0.99];
    const NOISY: [f64; 10] = [1.0, 1.6, 0.6, 1.4, 0.7, 1.8, 0.55, 1.2, 0.8, 1.1];

    #[test]
    fn verdicts() {
        check(1.5, 1.0, &STEADY, Verdict::Slower, &[]);
        check(0.6, 1.0, &STEADY, Verdict::Faster, &[]);
        check(1.02, 1.0, &STEADY, Verdict::Similar, &[]);
        check(1.08, 1.0, &STEADY, Verdict::Unclear, &["too-small"]);
        check(1.5, 1.0, &NOISY, Verdict::Unclear, &["within-noise"]);
        check(2.7, 1.0, &NOISY, Verdict::Unclear, &["outside-usual"]);
        check(0.4, 1.0, &NOISY, Verdict::Unclear, &["outside-usual"]);
        check(1.5, 0.5, &STEADY, Verdict::Unclear, &["baseline-unusual"]);
        check(1.0, 0.5, &STEADY, Verdict::Unclear, &["within-range"]);
        check(0.09, 0.05, &[], Verdict::Unclear, &["too-small", "rough"]);
        check(2.0, 1.0, &[], Verdict::Slower, &["rough"]);
        check(1.3, 1.0, &[1.0, 1.0], Verdict::Unclear, &["within-noise", "rough"]);
    }

    #[test]
    fn runs_that_differ_in_kind_are_not_compared() {
        let base = lasting(1.0);
        let differing = |change: fn(&mut Run)| {
            let mut other = lasting(1.0);
            change(&mut other);
            let judged = judge(&other, &base, &pool(&STEADY));
            assert_eq!(judged.verdict, Verdict::NotComparable);
            assert!(judged.metrics.values().all(|delta| delta.verdict == Verdict::NotComparable));
            assert_eq!(judged.metrics["duration_s"].delta, Some(0.0));
            judged.reasons.iter().map(|reason| reason.code).collect::<Vec<_>>()
        };
        assert_eq!(differing(|run| run.exit_code = Some(1)), ["exit-code"]);
        assert_eq!(differing(|run| run.command = Some("make other".to_owned())), ["args"]);
        assert_eq!(differing(|run| run.command = None), ["hidden"]);
        assert_eq!(differing(|run| run.key = "elsewhere".to_owned()), ["place"]);
        assert_eq!(differing(|run| run.host = "other".to_owned()), ["host"]);
        assert_eq!(differing(|run| run.state = RunState::Lost), ["unfinished"]);
    }

    #[test]
    fn a_new_environment_is_no_obstacle() {
        let mut other = lasting(1.0);
        other.command = Some("DEBUG=1 make".to_owned());
        assert_eq!(judge(&other, &lasting(1.0), &pool(&STEADY)).verdict, Verdict::Similar);
    }

    #[test]
    fn cpu_seconds_decide_when_elapsed_time_cannot() {
        let run = |duration_s, cpu| {
            run_of(RunStats { duration_s: Some(duration_s), cpu_seconds: Some(cpu), ..RunStats::default() })
        };
        let history: Vec<_> = NOISY
            .iter()
            .zip(STEADY)
            .map(|(&duration_s, cpu)| RunStats {
                duration_s: Some(duration_s),
                cpu_seconds: Some(cpu),
                ..RunStats::default()
            })
            .collect();
        let judged = judge(&run(1.5, 1.6), &run(1.0, 1.0), &history);
        assert_eq!((judged.verdict, judged.by_cpu), (Verdict::Slower, true));
        assert_eq!(judged.reasons[0].code, "by-cpu");
        // More CPU in less time is no slower run.
        let judged = judge(&run(0.8, 1.6), &run(1.0, 1.0), &history);
        assert_eq!((judged.verdict, judged.by_cpu), (Verdict::Unclear, false));
    }

    #[test]
    fn a_busy_machine_takes_the_blame_for_elapsed_time() {
        let loaded = |duration_s, load| {
            let mut run = lasting(duration_s);
            run.context = Some(bp_proto::Context {
                load_1m: Some(load),
                cpus: Some(2),
                ..bp_proto::Context::default()
            });
            run
        };
        let judged = judge(&loaded(2.0, 6.0), &loaded(1.0, 0.2), &pool(&STEADY));
        assert_eq!((judged.verdict, judged.reasons[0].code), (Verdict::Unclear, "host-busy"));
        let judged = judge(&loaded(2.0, 0.2), &loaded(1.0, 6.0), &pool(&STEADY));
        assert_eq!(judged.verdict, Verdict::Slower, "a busy baseline does not excuse a slower run");
    }

    #[test]
    fn contention_takes_the_blame_for_elapsed_time_and_load_does_not_count_where_pressure_is_known() {
        let pressed = |duration_s, pressure_cpu, load| {
            let stats = RunStats {
                duration_s: Some(duration_s),
                pressure_cpu: Some(pressure_cpu),
                ..RunStats::default()
            };
            let mut run = run_of(stats);
            let context = bp_proto::Context::default();
            run.context = Some(bp_proto::Context { load_1m: Some(load), cpus: Some(2), ..context });
            run
        };
        let judged = judge(&pressed(2.0, 70.0, 0.1), &pressed(1.0, 1.0, 0.1), &pool(&STEADY));
        assert_eq!((judged.verdict, judged.reasons[0].code), (Verdict::Unclear, "contended"));
        assert_eq!(judged.reasons[0].params["what"], "cpu");
        let judged = judge(&pressed(0.5, 1.0, 0.1), &pressed(1.0, 70.0, 0.1), &pool(&STEADY));
        assert_eq!((judged.verdict, judged.reasons[0].code), (Verdict::Unclear, "contended"));
        let judged = judge(&pressed(2.0, 1.0, 9.0), &pressed(1.0, 1.0, 0.1), &pool(&STEADY));
        assert_eq!(judged.verdict, Verdict::Slower, "nobody had to wait, whatever the load was");
    }

    #[test]
    fn figures_that_only_one_run_knows_are_left_out() {
        let with = |read_mb| run_of(RunStats { duration_s: Some(1.0), read_mb, ..RunStats::default() });
        let has = |a, b| judge(&with(a), &with(b), &[]).metrics.contains_key("read_mb");
        assert!(has(Some(1.0), Some(2.0)) && !has(Some(1.0), None) && !has(None, None));
        let pressed = |pressure_io| run_of(RunStats { pressure_io, ..RunStats::default() });
        let io = |a, b| judge(&pressed(Some(a)), &pressed(Some(b)), &[]).metrics["pressure_io"].change;
        assert_eq!((io(20.0, 10.0), io(20.0, 0.05)), (Some(1.0), None));
    }

    #[test]
    fn without_a_pool_only_steady_figures_get_a_verdict() {
        let run = |cpu: f64| {
            run_of(RunStats {
                duration_s: Some(cpu / 50.0),
                cpu_max: Some(cpu),
                cpu_avg: Some(cpu),
                ..RunStats::default()
            })
        };
        let judged = judge(&run(200.0), &run(50.0), &[]);
        let verdicts = ["duration_s", "cpu_avg", "cpu_max"].map(|name| judged.metrics[name].verdict);
        assert_eq!(verdicts, [Verdict::Slower, Verdict::Slower, Verdict::Unclear]);
    }

    #[test]
    fn what_is_unknown_is_not_compared() {
        let judged = judge(&lasting(2.0), &lasting(1.0), &[]);
        let memory = &judged.metrics["rss_max_mb"];
        assert_eq!((memory.delta, memory.change, memory.verdict), (None, None, Verdict::NotComparable));
        let duration = &judged.metrics["duration_s"];
        assert_eq!((duration.delta, duration.change), (Some(1.0), Some(1.0)));
    }

    #[test]
    fn a_run_outside_the_usual_range_is_not_called_noise() {
        // A command that drifts: its noise is large, and the newest run is the slowest of all.
        let drifting: Vec<f64> = (0..15).map(|n| 1.1 + 0.07 * f64::from(n)).collect();
        let judged = judge(&lasting(2.7), &lasting(1.1), &pool(&drifting));
        let usual = judged.metrics["duration_s"].usual.unwrap();
        let reason = &judged.reasons[0];
        assert!(usual.high < 2.7);
        assert!(judged.verdict == Verdict::Slower || reason.code == "outside-usual", "{judged:?}");
        if reason.code == "outside-usual" {
            assert_eq!((&reason.params["rank"], &reason.params["runs"]), (&json!(1), &json!(16)));
        }
    }

    #[test]
    fn a_figure_that_is_always_zero_has_no_usual_range_and_counts_are_whole() {
        let history: Vec<_> = (0..10)
            .map(|n| RunStats {
                duration_s: Some(1.0),
                read_mb: Some(0.0),
                major_faults: Some(0),
                pressure_memory: Some(0.0),
                minor_faults: Some(2012 + n),
                ..RunStats::default()
            })
            .collect();
        let judged = judge(&run_of(history[0].clone()), &run_of(history[1].clone()), &history);
        for always_zero in ["read_mb", "major_faults", "pressure_memory"] {
            assert_eq!(judged.metrics[always_zero].usual, None, "{always_zero}");
        }
        let faults = judged.metrics["minor_faults"].usual.unwrap();
        assert!(
            [faults.low, faults.median, faults.high].iter().all(|count| count.fract() == 0.0),
            "{faults:?}"
        );
    }

    proptest! {
        /// No verdict and no reason contradicts the usual range that is shown next to it, in either direction.
        #[test]
        fn no_verdict_contradicts_the_usual_range(
            history in prop::collection::vec(0.01..20.0f64, 0..60), current in 0.01..40.0f64, baseline in 0.01..40.0f64,
            cpu_share in 0.0..2.0f64,
        ) {
            let stats = |duration_s: f64| RunStats {
                duration_s: Some(duration_s),
                cpu_seconds: Some(duration_s * cpu_share),
                rss_max_mb: Some(duration_s * 100.0),
                ..RunStats::default()
            };
            let past: Vec<_> = history.iter().map(|duration_s| stats(*duration_s)).collect();
            let judged = judge(&run_of(stats(current)), &run_of(stats(baseline)), &past);
            for (name, delta) in &judged.metrics {
                let (Some(usual), Some(value)) = (delta.usual, delta.current) else { continue };
                prop_assert!(usual.low <= usual.median && usual.median <= usual.high);
                match delta.verdict {
                    Verdict::Slower => prop_assert!(value > usual.high, "{} {:?}", name, delta),
                    Verdict::Faster => prop_assert!(value < usual.low, "{} {:?}", name, delta),
                    _ => {}
                }
            }
            let duration = &judged.metrics["duration_s"];
            let is_outside = duration.usual.is_some_and(|usual| outside(current, &usual).is_some());
            for reason in &judged.reasons {
                let is_calm = ["within-noise", "within-range"].contains(&reason.code);
                prop_assert!(!(is_calm && is_outside), "{:?} {:?}", reason, duration);
                prop_assert!(reason.code != "outside-usual" || is_outside);
            }
        }

        /// Whatever is known of the two: the verdict has the direction of the figures that it rests on, nothing is said of
        /// what one run lacks, and reasons do not contradict the verdict.
        #[test]
        fn verdicts_and_reasons_follow_the_figures(
            history in prop::collection::vec(figures(), 0..30), current in figures(), baseline in figures(),
        ) {
            let judged = judge(&run_of(current.clone()), &run_of(baseline.clone()), &history);
            for (name, delta) in &judged.metrics {
                let (Some(now), Some(before)) = (delta.current, delta.baseline) else {
                    prop_assert_eq!((delta.verdict, delta.delta, delta.change), (Verdict::NotComparable, None, None));
                    continue;
                };
                match delta.verdict {
                    Verdict::Slower => prop_assert!(now > before, "{} {:?}", name, delta),
                    Verdict::Faster => prop_assert!(now < before, "{} {:?}", name, delta),
                    Verdict::Similar => prop_assert!((now - before).abs() <= 0.051 * now.max(before), "{} {:?}", name, delta),
                    _ => {}
                }
                if let Some(change) = delta.change {
                    prop_assert!(change.is_finite() && change * (now - before) >= 0.0, "{} {:?}", name, delta);
                }
            }
            let decided = &judged.metrics[if judged.by_cpu { "cpu_seconds" } else { "duration_s" }];
            prop_assert_eq!(judged.verdict, decided.verdict);
            let codes: Vec<_> = judged.reasons.iter().map(|reason| reason.code).collect();
            let lacks_duration = current.duration_s.is_none() || baseline.duration_s.is_none();
            prop_assert_eq!(codes.contains(&"no-duration"), lacks_duration);
            prop_assert!(!lacks_duration || judged.verdict == Verdict::NotComparable);
            for (verdict, opposite) in [
                (Verdict::Slower, ["less-cpu-work", "more-parallel", "less-waiting"]),
                (Verdict::Faster, ["more-cpu-work", "less-parallel", "more-waiting"]),
            ] {
                let contradicts = judged.verdict == verdict && opposite.iter().any(|code| codes.contains(code));
                prop_assert!(!contradicts || judged.by_cpu, "{:?} {:?}", judged.verdict, codes);
            }
        }
    }

    /// Figures that may be missing, zero, tiny, usual or huge.
    fn figures() -> impl Strategy<Value = RunStats> {
        let figure = || {
            prop_oneof![
                Just(None),
                Just(Some(0.0)),
                (1e-6..2e-3f64).prop_map(Some),
                (0.5..3.0f64).prop_map(Some),
                (1e3..1e7f64).prop_map(Some)
            ]
        };
        (figure(), figure(), figure(), figure(), figure()).prop_map(
            |(duration_s, cpu_seconds, rss_max_mb, cpu_avg, read_mb)| RunStats {
                duration_s,
                cpu_seconds,
                rss_max_mb,
                cpu_avg,
                read_mb,
                ..RunStats::default()
            },
        )
    }

    #[test]
    fn usual_is_the_middle_of_the_pool() {
        let judged = judge(&lasting(1.0), &lasting(1.0), &pool(&STEADY));
        let usual = judged.metrics["duration_s"].usual.unwrap();
        assert!(
            usual.low > 0.96 && usual.low < usual.median && usual.median < usual.high && usual.high < 1.04
        );
        assert_eq!(
            judge(&lasting(1.0), &lasting(1.0), &pool(&STEADY[..4])).metrics["duration_s"].usual,
            None
        );
    }
}

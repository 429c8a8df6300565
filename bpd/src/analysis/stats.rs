//! What a run has cost: its curve and totals as [`RunStats`], by the definitions of the contract.

use std::time::Duration;

use bp_proto::{Activity, Implausible, Point, Quality, RunStats, Sample, Surroundings, Totals};

use super::curve::{self, BYTES_PER_MIB, Curve, LEAST_RSS_MIB, NS_PER_SECOND, Piece};
use super::quantile;
use crate::plausible::{self, Window};

const P95: f64 = 0.95;
/// An average over less than this many steps of the accounting would be made of its rounding.
const LEAST_STEPS: f64 = 10.0;
/// Two figures of one source differ by less: of each other, plus what rounding to microseconds leaves.
const SPLIT_SHARE: f64 = 0.005;
const SPLIT_S: f64 = 0.000_01;
/// More CPU time than this share of the total was burned where the curve did not look.
const UNSEEN_SHARE: f64 = 0.1;
/// An average difference below this is none, whatever its share of the total; percent of one core.
const UNSEEN_PERCENT: f64 = 1.0;
const TICK_S: f64 = 0.01;
/// Samples stand on whole ones.
const MILLI_S: f64 = 0.001;

/// When a run was, as far as its figures depend on it.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// Monotonic; of an open run: until now. `None`: not known.
    pub duration: Option<Duration>,
    pub open: bool,
    /// What the duration is rounded to; fish tells whole milliseconds.
    pub duration_step: Duration,
    /// Its processes lived on after the prompt, so totals and curve cover more than the duration.
    pub background: bool,
    /// CPUs that it could use, if known: nothing burns more.
    pub cpus: Option<u32>,
    /// When posted samples are of the run; `None`: its times are not known.
    pub window: Option<Window>,
}

impl Span {
    fn most_percent(&self) -> f64 {
        self.cpus.filter(|cpus| *cpus > 0).map_or(f64::INFINITY, |cpus| f64::from(cpus) * 100.0)
    }

    fn duration_s(&self) -> Option<f64> {
        self.duration.map(|duration| duration.as_secs_f64())
    }
}

/// `None` while nothing is known: an open run without a sample.
pub fn of(curve: Curve<'_>, totals: Option<&Totals>, span: Span) -> Option<RunStats> {
    if span.open && curve.is_empty() && totals.is_none() {
        return None;
    }
    let totals = totals.copied().unwrap_or(Totals { peak_lower_bound: true, ..Totals::default() });
    let mut stats = RunStats {
        duration_s: span.duration_s(),
        user_seconds: totals.user_ns.map(seconds),
        system_seconds: totals.system_ns.map(seconds),
        background_cpu_seconds: totals.background_cpu_ns.map(seconds),
        samples: curve.len() as u64,
        quality: totals.quality,
        peak_lower_bound: totals.peak_lower_bound,
        incomplete: totals.incomplete,
        max_processes: totals.max_processes,
        ..RunStats::default()
    };
    did(&mut stats, &totals.activity);
    went_on(&mut stats, &totals.surroundings);
    let pieces = drawn(curve, Some(&totals), span);
    match curve {
        Curve::Measured(samples) => measured(&mut stats, samples, &pieces, &totals, span),
        Curve::Posted(points) => posted(&mut stats, points, &pieces, &totals, span),
    }
    let seen = pieces.iter().filter_map(|piece| piece.rss_mb);
    stats.rss_max_mb = highest(seen.chain(high_water_mb(&totals)));
    drop_foreign_split(&mut stats);
    Some(stats)
}

/// The peak of memory that was known besides the curve; one that was read too early is none. MiB.
pub fn high_water_mb(totals: &Totals) -> Option<f64> {
    let mark = totals.rss_max_bytes.map(|bytes| bytes as f64 / BYTES_PER_MIB);
    mark.filter(|mib| *mib >= LEAST_RSS_MIB)
}

/// The curve as it is drawn and as all figures are taken from it: one piece per sample.
pub fn drawn(curve: Curve<'_>, totals: Option<&Totals>, span: Span) -> Vec<Piece> {
    let pieces = curve.pieces();
    let Curve::Measured(samples) = curve else { return pieces };
    let unknown = Totals::default();
    let most_percent = most_percent(samples, totals.unwrap_or(&unknown), span);
    let pieces = match span.duration_s() {
        Some(duration_s) if !span.open && !span.background => ended(pieces, duration_s),
        _ => pieces,
    };
    curve::smoothed(pieces, most_percent)
}

/// Most CPU that the run can have used at any time. The number of its threads is known as far as they were seen: it
/// counts only where the whole run used no more.
fn most_percent(samples: &[Sample], totals: &Totals, span: Span) -> f64 {
    let of_cpus = span.most_percent();
    // A shell that ran nothing is one thread.
    let is_alone = samples.iter().all(|sample| sample.processes == 0);
    let seen = totals.activity.max_threads.or(is_alone.then_some(1));
    let (Some(threads), Some(last)) = (seen.filter(|threads| *threads > 0 && !span.open), samples.last())
    else {
        return of_cpus;
    };
    let of_threads = f64::from(threads) * 100.0;
    let burned_s = seconds(totals.cpu_ns.unwrap_or(0).max(last.cpu_ns));
    let seen_s = last.at_ms as f64 * MILLI_S;
    let over_s = if span.background { seen_s } else { span.duration_s().unwrap_or(seen_s) };
    if burned_s * 100.0 <= of_threads * over_s { of_cpus.min(of_threads) } else { of_cpus }
}

/// The figures of a run that could not be true and are therefore unknown.
pub fn implausible(curve: Curve<'_>, totals: Option<&Totals>, span: Span) -> Vec<Implausible> {
    let refused = totals.map(|totals| totals.implausible).unwrap_or_default();
    let Curve::Posted(points) = curve else {
        return listed([refused.duration, refused.cpu_seconds, false]);
    };
    let outside = span.window.is_some_and(|window| !points.iter().all(|point| window.contains(point.ts)));
    let within = posted_cpu(points, span);
    let is_cpu_refused = within.is_some_and(|cpu_s| !is_posted_cpu(cpu_s, span));
    listed([refused.duration, refused.cpu_seconds || is_cpu_refused, outside])
}

fn listed(refused: [bool; 3]) -> Vec<Implausible> {
    let all = [Implausible::Duration, Implausible::CpuSeconds, Implausible::Samples];
    all.into_iter().zip(refused).filter_map(|(figure, is_refused)| is_refused.then_some(figure)).collect()
}

/// What the run did besides burning CPU time.
fn did(stats: &mut RunStats, activity: &Activity) {
    let mib = |bytes: u64| bytes as f64 / BYTES_PER_MIB;
    stats.max_threads = activity.max_threads;
    stats.wait_seconds = activity.wait_ns.map(seconds);
    stats.read_mb = activity.read_bytes.map(mib);
    stats.written_mb = activity.written_bytes.map(mib);
    stats.minor_faults = activity.minor_faults;
    stats.major_faults = activity.major_faults;
    stats.voluntary_switches = activity.voluntary_switches;
    stats.involuntary_switches = activity.involuntary_switches;
}

/// What went on around it.
fn went_on(stats: &mut RunStats, around: &Surroundings) {
    let share = |stall_us: Option<u64>| {
        let over_us = around.over_us.filter(|over_us| *over_us > 0)?;
        // The kernel's clock and ours are read one after the other.
        Some((stall_us? as f64 / over_us as f64 * 100.0).min(100.0))
    };
    stats.pressure_cpu = share(around.cpu_stall_us);
    stats.pressure_memory = share(around.memory_stall_us);
    stats.pressure_io = share(around.io_stall_us);
    stats.suspended_s = around.suspended_ms.map(|ms| ms as f64 / 1e3);
    stats.host_cpu_avg = around.host_cpu_permille.map(|permille| f64::from(permille) / 10.0);
}

/// A split into user and system of another source than the total would contradict it.
fn drop_foreign_split(stats: &mut RunStats) {
    let Some(cpu) = stats.cpu_seconds else { return };
    let slack = SPLIT_S + SPLIT_SHARE * cpu;
    let agrees = match (stats.user_seconds, stats.system_seconds) {
        (Some(user), Some(system)) => (user + system - cpu).abs() <= slack,
        (user, system) => user.or(system).is_none_or(|part| part <= cpu + slack),
    };
    if !agrees {
        (stats.user_seconds, stats.system_seconds) = (None, None);
    }
}

fn measured(stats: &mut RunStats, samples: &[Sample], pieces: &[Piece], totals: &Totals, span: Span) {
    let last = samples.last();
    let sampled_s = pieces.last().map_or(0.0, |piece| piece.to_s);
    let sampled_cpu = last.map(|sample| sample.cpu_ns);
    // An open run's totals are not there yet, and a background run's curve goes on after them. An account of all is
    // better than a curve that was drawn from clock ticks.
    let is_better = totals.quality <= Quality::Times && !totals.incomplete && !span.open && !span.background;
    let better = totals.cpu_ns.filter(|_| is_better);
    let cpu_ns = better.or_else(|| totals.cpu_ns.into_iter().chain(sampled_cpu).max());
    // A curve that was drawn beside a refused account is no proof of the whole.
    stats.cpu_seconds = cpu_ns.filter(|_| !totals.implausible.cpu_seconds).map(seconds);
    stats.max_processes = samples.iter().map(|sample| sample.processes).chain(totals.max_processes).max();

    // The time in which the CPU seconds were spent. Of an open run that is known up to its last sample; background
    // processes go on after the prompt, and their seconds over its few milliseconds would be no average of anything.
    let is_sampled = span.open || span.background;
    let known_s = if is_sampled { Some(sampled_s) } else { stats.duration_s };
    let spent_in_s = known_s.unwrap_or(sampled_s);
    let unseen_s = stats.cpu_seconds.unwrap_or(0.0) - sampled_cpu.map_or(0.0, seconds);
    let was_seen =
        !span.background || unseen_s <= (UNSEEN_SHARE * stats.cpu_seconds.unwrap_or(0.0)).max(TICK_S);
    let average =
        stats.cpu_seconds.filter(|_| was_seen).and_then(|cpu| average(cpu, spent_in_s, totals, span));
    // Where the average would be made of rounding, rates of shorter times are too.
    let is_known = average.is_some();
    // The curve's rates are known without the run's duration; its average is not.
    stats.cpu_avg = average.filter(|_| known_s.is_some());
    let cpu: Vec<(f64, f64)> = pieces
        .iter()
        .filter(|piece| is_known && piece.seconds() > 0.0)
        .map(|piece| (piece.cpu_percent, piece.seconds()))
        .collect();
    let is_explained = explains(&cpu, stats.cpu_seconds, spent_in_s);
    stats.cpu_p95 = quantile::weighted(cpu.iter().copied(), P95).filter(|_| is_explained);
    // The whole run is an interval too: where its account knows of more than the curve has seen, some part of it burned
    // that much at least.
    let average = stats.cpu_avg.filter(|_| !cpu.is_empty());
    stats.cpu_max = highest(cpu.iter().map(|(percent, _)| *percent).chain(average));

    // Memory is read at instants: each reading stands for half of the time to its neighbours, the first for all
    // before it, the last for all that follows it within the run.
    let lead_s = pieces.first().map_or(0.0, |piece| piece.seconds() / 2.0);
    let tail_s = (spent_in_s - sampled_s).max(0.0);
    let readings = known(pieces, &weights(pieces, lead_s, tail_s));
    stats.rss_avg_mb = mean(&readings);
    stats.rss_p95_mb = quantile::weighted(readings, P95);
}

/// Whether a curve of (percent, seconds) agrees with the account of the whole run. A quantile of a curve that misses a
/// part of the CPU time, or that has too much of it, contradicts the average, which comes from the account.
fn explains(cpu: &[(f64, f64)], account_s: Option<f64>, spent_in_s: f64) -> bool {
    let Some(account_s) = account_s else { return true };
    let curve_s: f64 = cpu.iter().map(|(percent, seconds)| percent / 100.0 * seconds).sum();
    let slack_s = (UNSEEN_SHARE * account_s).max(UNSEEN_PERCENT / 100.0 * spent_in_s);
    (account_s - curve_s).abs() <= slack_s
}

/// The pieces of a run that took so long. Its last sample stands on the whole millisecond behind its end: what it says was
/// burned before the end.
fn ended(mut pieces: Vec<Piece>, duration_s: f64) -> Vec<Piece> {
    let Some(last) = pieces.last_mut() else { return pieces };
    if duration_s > last.from_s && last.to_s > duration_s && last.to_s - duration_s <= MILLI_S {
        last.cpu_percent *= last.seconds() / (duration_s - last.from_s);
        last.to_s = duration_s;
    }
    pieces
}

/// `None` where the steps of the accounting and of the clock are not small against the time, or the CPUs could not have burned as much.
fn average(cpu_s: f64, spent_in_s: f64, totals: &Totals, span: Span) -> Option<f64> {
    let step_s = match totals.quality {
        Quality::Exact | Quality::Counter => 0.0,
        Quality::Times => 0.001,
        Quality::Ticks | Quality::Sampled => TICK_S,
    };
    let step_s = span.duration_step.as_secs_f64().max(step_s);
    if spent_in_s <= 0.0 || spent_in_s < LEAST_STEPS * step_s {
        return None;
    }
    let (percent, most) = (cpu_s / spent_in_s * 100.0, span.most_percent());
    // Within one step in `LEAST_STEPS` it is rounding.
    (percent <= most * (1.0 + 1.0 / LEAST_STEPS)).then(|| percent.min(most))
}

/// Posted points are readings at instants, CPU included: their averages are time integrals (trapezoids) over the
/// time that they cover.
fn posted(stats: &mut RunStats, points: &[Point], pieces: &[Piece], totals: &Totals, span: Span) {
    let weights = weights(pieces, 0.0, 0.0);
    let memory = known(pieces, &weights);
    let cpu: Vec<(f64, f64)> =
        pieces.iter().zip(&weights).map(|(piece, weight)| (piece.cpu_percent, *weight)).collect();
    stats.cpu_avg = mean(&cpu);
    stats.rss_avg_mb = mean(&memory);
    let integral = posted_cpu(points, span).filter(|cpu_s| is_posted_cpu(*cpu_s, span));
    stats.cpu_seconds = totals.cpu_ns.map(seconds).or(integral);
    stats.cpu_max = highest(cpu.iter().map(|(percent, _)| *percent));
    stats.cpu_p95 = quantile::weighted(cpu, P95);
    stats.rss_p95_mb = quantile::weighted(memory, P95);
}

/// CPU seconds between posted samples that lie within the run; `None` where no two neighbours do.
fn posted_cpu(points: &[Point], span: Span) -> Option<f64> {
    let is_within = |point: &Point| span.window.is_none_or(|window| window.contains(point.ts));
    let between = points.windows(2).filter(|pair| pair.iter().all(is_within));
    let parts = between.map(|pair| {
        let seconds = (pair[1].ts - pair[0].ts).max(0.0);
        (seconds, f64::midpoint(pair[0].cpu_percent, pair[1].cpu_percent) / 100.0 * seconds)
    });
    let (covered_s, cpu_s) = parts.fold((0.0, 0.0), |sum, part| (sum.0 + part.0, sum.1 + part.1));
    (covered_s > 0.0).then_some(cpu_s)
}

fn is_posted_cpu(cpu_s: f64, span: Span) -> bool {
    let (Some(_), Some(duration_s)) = (span.window, span.duration_s()) else { return true };
    plausible::is_posted_cpu(cpu_s, duration_s, span.cpus)
}

/// (memory, weight) where memory is known: what nobody could read is averaged with nothing.
fn known(pieces: &[Piece], weights: &[f64]) -> Vec<(f64, f64)> {
    let weighed = pieces.iter().zip(weights);
    weighed.filter_map(|(piece, weight)| Some((piece.rss_mb?, *weight))).collect()
}

/// The seconds that each reading stands for; a lone reading has all the weight there is.
fn weights(pieces: &[Piece], lead_s: f64, tail_s: f64) -> Vec<f64> {
    let last = pieces.len().saturating_sub(1);
    let weigh = |(at, piece): (usize, &Piece)| {
        let before = piece.seconds() / 2.0;
        let after = pieces.get(at + 1).map_or(0.0, |next| next.seconds() / 2.0);
        let lead = if at == 0 { lead_s } else { 0.0 };
        let tail = if at == last { tail_s } else { 0.0 };
        before + after + lead + tail
    };
    let weights: Vec<f64> = pieces.iter().enumerate().map(weigh).collect();
    if weights.iter().all(|weight| *weight <= 0.0) { vec![1.0; weights.len()] } else { weights }
}

fn mean(weighted: &[(f64, f64)]) -> Option<f64> {
    let weight: f64 = weighted.iter().map(|(_, weight)| weight).sum();
    (weight > 0.0).then(|| weighted.iter().map(|(value, weight)| value * weight).sum::<f64>() / weight)
}

fn highest(values: impl Iterator<Item = f64>) -> Option<f64> {
    values.filter(|value| value.is_finite()).max_by(f64::total_cmp)
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / NS_PER_SECOND
}

#[cfg(test)]
mod tests;

//! Samples as points of a curve, and fewer points where fewer are asked for.

use bp_proto::{Point, Sample, UnixMillis};

use super::curve::{Curve, Piece};

/// Each bucket keeps its lowest and highest point of both lines.
const KEPT_PER_BUCKET: usize = 4;

/// The full curve. Posted points come back unchanged; measured ones get a wall-clock `ts` from the run's start, and
/// their rates and memory from `pieces`, the curve as it is drawn.
pub fn of(curve: Curve<'_>, pieces: &[Piece], started_at: UnixMillis) -> Vec<Point> {
    match curve {
        Curve::Posted(points) => points.to_vec(),
        Curve::Measured(samples) => samples
            .iter()
            .zip(pieces)
            .zip(hosts(samples))
            .map(|((sample, piece), host_cpu_percent)| Point {
                ts: (started_at.0.saturating_add(sample.at_ms as i64)) as f64 / 1000.0,
                cpu_percent: piece.cpu_percent,
                rss_mb: piece.rss_mb.unwrap_or(0.0),
                processes: Some(sample.processes),
                host_cpu_percent,
                rss_max_mb: None,
            })
            .collect(),
    }
}

/// Puts the peak of memory on the curve where a higher one is known than any reading: with the highest reading, since when
/// it was reached is not known.
pub fn marked(mut points: Vec<Point>, rss_max_mb: Option<f64>) -> Vec<Point> {
    let Some(rss_max_mb) = rss_max_mb else { return points };
    // The first of equals, as `at_most` keeps it.
    let mut highest: Option<usize> = None;
    for (at, point) in points.iter().enumerate() {
        if highest.is_none_or(|highest| point.rss_mb > points[highest].rss_mb) {
            highest = Some(at);
        }
    }
    if let Some(point) = highest.and_then(|at| points.get_mut(at)).filter(|point| rss_max_mb > point.rss_mb) {
        point.rss_max_mb = Some(rss_max_mb);
    }
    points
}

/// The machine's CPU use at each sample. It is read more rarely than the run, and a reading describes the time since
/// the one before: the samples in between have that figure. Those after the last reading have none yet.
fn hosts(samples: &[Sample]) -> Vec<Option<f64>> {
    let mut next = None;
    let mut hosts: Vec<Option<f64>> = samples
        .iter()
        .rev()
        .map(|sample| {
            next = sample.host_cpu_permille.map(|permille| f64::from(permille) / 10.0).or(next);
            next
        })
        .collect();
    hosts.reverse();
    hosts
}

/// Points 0, `step`, 2 · `step` … unchanged; a step of 0 counts as 1.
pub fn every(points: Vec<Point>, step: usize) -> Vec<Point> {
    points.into_iter().step_by(step.max(1)).collect()
}

/// Those from `from` to `to`, both inclusive.
pub fn between(points: Vec<Point>, from: Option<f64>, to: Option<f64>) -> Vec<Point> {
    let within =
        |point: &Point| from.is_none_or(|from| from <= point.ts) && to.is_none_or(|to| point.ts <= to);
    points.into_iter().filter(within).collect()
}

/// At most `limit` of `points`, unchanged: ends and peaks stay, so that no spike is lost on a small screen.
pub fn at_most(points: Vec<Point>, limit: usize) -> Vec<Point> {
    if points.len() <= limit {
        return points;
    }
    let last = points.len() - 1;
    let all = 0..points.len();
    // What matters most comes first: with a limit of one it is the CPU peak.
    let mut kept: Vec<usize> = extremes(&points, all).into_iter().rev().chain([0, last]).collect();
    let buckets = limit.saturating_sub(kept.len()) / KEPT_PER_BUCKET;
    for bucket in 0..buckets {
        let from = bucket * points.len() / buckets;
        let to = (bucket + 1) * points.len() / buckets;
        kept.extend(extremes(&points, from..to));
    }
    let mut seen = std::collections::HashSet::new();
    kept.retain(|at| seen.insert(*at));
    kept.truncate(limit);
    kept.sort_unstable();
    let mut points = points.into_iter().map(Some).collect::<Vec<_>>();
    kept.into_iter().filter_map(|at| points[at].take()).collect()
}

/// Where the lines are lowest and highest, the CPU peak last.
fn extremes(points: &[Point], range: std::ops::Range<usize>) -> [usize; KEPT_PER_BUCKET] {
    let mut found = [range.start; KEPT_PER_BUCKET];
    for at in range {
        let point = &points[at];
        if point.rss_mb < points[found[0]].rss_mb {
            found[0] = at;
        }
        if point.cpu_percent < points[found[1]].cpu_percent {
            found[1] = at;
        }
        if point.rss_mb > points[found[2]].rss_mb {
            found[2] = at;
        }
        if point.cpu_percent > points[found[3]].cpu_percent {
            found[3] = at;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::curve::samples::{measured_of, posted_of};
    use super::*;

    #[test]
    fn measured_samples_become_points_on_the_wall_clock() {
        let samples = measured_of(&[(500, 250, 8), (1500, 2250, 16)]);
        let curve = Curve::Measured(&samples);
        let points = of(curve, &curve.pieces(), UnixMillis(1_714_980_000_000));
        let shown: Vec<_> = points.iter().map(|p| (p.ts, p.cpu_percent, p.rss_mb, p.processes)).collect();
        assert_eq!(shown, [(1_714_980_000.5, 50.0, 8.0, Some(1)), (1_714_980_001.5, 200.0, 16.0, Some(1))]);
    }

    #[test]
    fn a_reading_of_the_machine_describes_the_time_before_it() {
        let mut samples =
            measured_of(&[(1000, 1, 1), (2000, 2, 1), (3000, 3, 1), (4000, 4, 1), (5000, 5, 1)]);
        samples[1].host_cpu_permille = Some(500);
        samples[3].host_cpu_permille = Some(0);
        let curve = Curve::Measured(&samples);
        let points = of(curve, &curve.pieces(), UnixMillis(0));
        let shown: Vec<_> = points.iter().map(|point| point.host_cpu_percent).collect();
        assert_eq!(shown, [Some(50.0), Some(50.0), Some(0.0), Some(0.0), None]);
    }

    #[test]
    fn posted_points_come_back_unchanged() {
        let points = posted_of(&[(5.25, 1.1, 2.2), (3.0, 0.3, 0.4)]);
        assert_eq!(of(Curve::Posted(&points), &[], UnixMillis(99)), points);
    }

    #[test]
    fn a_peak_between_two_readings_is_marked_at_the_highest_one() {
        let points = posted_of(&[(1.0, 1.0, 10.0), (2.0, 1.0, 251.0), (3.0, 1.0, 251.0)]);
        let marks = |rss_max_mb| {
            let marked = marked(points.clone(), rss_max_mb);
            marked.iter().map(|point| point.rss_max_mb).collect::<Vec<_>>()
        };
        assert_eq!(marks(Some(363.0)), [None, Some(363.0), None]);
        assert_eq!((marks(Some(251.0)), marks(None)), (vec![None; 3], vec![None; 3]));
        let thin = at_most(marked(points.clone(), Some(363.0)), 2);
        assert!(thin.iter().any(|point| point.rss_max_mb == Some(363.0)), "{thin:?}");
    }

    #[test]
    fn a_downsampled_curve_has_every_step_th_point() {
        let points = posted_of(&(0..11).map(|n| (f64::from(n), 1.0, 1.0)).collect::<Vec<_>>());
        let at = |step| every(points.clone(), step).iter().map(|p| p.ts).collect::<Vec<_>>();
        assert_eq!(at(5), [0.0, 5.0, 10.0]);
        assert_eq!(at(1).len(), 11);
        assert_eq!(at(100), [0.0]);
    }

    #[test]
    fn a_window_has_both_its_ends() {
        let points = posted_of(&(0..5).map(|n| (f64::from(n), 1.0, 1.0)).collect::<Vec<_>>());
        let within = |from, to| between(points.clone(), from, to).len();
        assert_eq!((within(None, None), within(Some(1.0), Some(3.0)), within(Some(9.0), None)), (5, 3, 0));
    }

    proptest! {
        #[test]
        fn fewer_points_are_some_of_the_points_in_order_with_the_peaks_among_them(
            values in prop::collection::vec((0.0..800.0f64, 0.0..1e4f64), 1..400), limit in 1usize..200
        ) {
            let all: Vec<_> = values.iter().enumerate().map(|(n, &(cpu, rss))| (n as f64, cpu, rss)).collect();
            let points = posted_of(&all);
            let fewer = at_most(points.clone(), limit);
            prop_assert!(fewer.len() <= limit && !fewer.is_empty());
            prop_assert!(fewer.is_sorted_by(|a, b| a.ts < b.ts));
            prop_assert!(fewer.iter().all(|p| points[p.ts as usize] == *p));
            let peak = |points: &[Point]| points.iter().map(|p| p.cpu_percent).fold(0.0, f64::max);
            prop_assert!((peak(&points) - peak(&fewer)).abs() < 1e-9);
            if limit >= 2 {
                let peak = |points: &[Point]| points.iter().map(|p| p.rss_mb).fold(0.0, f64::max);
                prop_assert!((peak(&points) - peak(&fewer)).abs() < 1e-9);
            }
            if limit >= 6 && points.len() > 1 {
                prop_assert_eq!(&fewer[0], &points[0]);
                prop_assert_eq!(fewer.last(), points.last());
            }
        }
    }
}

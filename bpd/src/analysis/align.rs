//! Two curves on one grid.

use bp_proto::report::{Lines, Series};
use bp_proto::request::Align;

use super::curve::{Curve, Piece};

/// A screen is not wider, and an answer must not be larger.
pub const MAX_GRID: usize = 1000;
/// Each bucket gives two points of the grid: its lowest and its highest value, in the order in which they came.
const POINTS_PER_BUCKET: usize = 2;

/// A run's curve and how long it lasted, seconds.
#[derive(Clone, Copy, Debug)]
pub struct Track<'a> {
    pub curve: Curve<'a>,
    /// The curve as it is drawn.
    pub pieces: &'a [Piece],
    pub duration_s: f64,
    /// The highest memory, where a higher one is known than any reading.
    pub rss_max_mb: Option<f64>,
}

/// A piece on the common axis.
#[derive(Clone, Copy, Debug)]
struct Laid {
    from: f64,
    to: f64,
    cpu_percent: f64,
    rss_mb: Option<f64>,
}

/// Both curves along `align`, minima and maxima kept. Empty when neither has an extent on that axis.
pub fn align(current: Track<'_>, baseline: Track<'_>, align: Align) -> Series {
    let sides = [lay(current, align), lay(baseline, align)];
    let end = sides.iter().flatten().map(|laid| laid.to).fold(0.0, f64::max);
    if end <= 0.0 {
        return Series::default();
    }
    let end = if align == Align::Percent { 100.0 } else { end };
    // Twice as many buckets as pieces: what lies between two dense readings stays apart from its neighbours.
    let pieces = sides.iter().map(Vec::len).max().unwrap_or(0);
    let buckets = (2 * pieces).clamp(1, MAX_GRID / POINTS_PER_BUCKET);
    let width = end / buckets as f64;
    let x = (0..buckets * POINTS_PER_BUCKET)
        .map(|at| (at as f64 + 0.5) * width / POINTS_PER_BUCKET as f64)
        .collect();
    let [current, baseline] = sides.map(|laid| lines(&laid, buckets, width));
    Series { x, current, baseline }
}

fn lay(track: Track<'_>, align: Align) -> Vec<Laid> {
    let pieces = track.pieces;
    let peak_at = peak(track);
    let lasted_s = pieces.last().map_or(0.0, |piece| piece.to_s);
    // Posted curves have a time of their own, with no relation to the run's.
    let whole_s = match track.curve {
        Curve::Measured(_) => track.duration_s.max(lasted_s),
        Curve::Posted(_) => lasted_s,
    };
    let mut work_s = 0.0;
    let lay = |(at, piece): (usize, &Piece)| {
        let (from, to) = match align {
            Align::Time => (piece.from_s, piece.to_s),
            Align::Percent if whole_s > 0.0 => {
                (piece.from_s / whole_s * 100.0, (piece.to_s / whole_s * 100.0).min(100.0))
            }
            Align::Percent => (0.0, 0.0),
            Align::Work => {
                let from = work_s;
                work_s += piece.cpu_percent / 100.0 * piece.seconds();
                (from, work_s)
            }
        };
        let rss_mb = if peak_at == Some(at) { track.rss_max_mb } else { piece.rss_mb };
        Laid { from, to, cpu_percent: piece.cpu_percent, rss_mb }
    };
    pieces.iter().enumerate().map(lay).collect()
}

/// The piece with the highest reading, if a higher peak is known: the peak is drawn there.
fn peak(track: Track<'_>) -> Option<usize> {
    let readings = track.pieces.iter().enumerate().filter_map(|(at, piece)| Some((at, piece.rss_mb?)));
    let highest = readings.reduce(|highest, next| if next.1 > highest.1 { next } else { highest });
    highest.filter(|(_, rss_mb)| track.rss_max_mb.is_some_and(|most| most > *rss_mb)).map(|(at, _)| at)
}

fn lines(laid: &[Laid], buckets: usize, width: f64) -> Lines {
    let mut cpu = vec![Bucket::default(); buckets];
    let mut rss = vec![Bucket::default(); buckets];
    for (at, piece) in laid.iter().enumerate() {
        let first = ((piece.from / width) as usize).min(buckets - 1);
        // A piece that ends where a bucket begins does not reach into it.
        let last = (((piece.to / width).ceil() as usize).saturating_sub(1)).clamp(first, buckets - 1);
        for bucket in first..=last {
            cpu[bucket].take(at, piece.cpu_percent);
            if let Some(rss_mb) = piece.rss_mb {
                rss[bucket].take(at, rss_mb);
            }
        }
    }
    Lines { cpu_percent: unfold(&cpu), rss_mb: unfold(&rss) }
}

/// The lowest and highest value that fell here, each with its place in the curve.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    lowest: Option<(usize, f64)>,
    highest: Option<(usize, f64)>,
}

impl Bucket {
    fn take(&mut self, at: usize, value: f64) {
        if self.lowest.is_none_or(|(_, lowest)| value < lowest) {
            self.lowest = Some((at, value));
        }
        if self.highest.is_none_or(|(_, highest)| value > highest) {
            self.highest = Some((at, value));
        }
    }
}

fn unfold(buckets: &[Bucket]) -> Vec<Option<f64>> {
    let pair = |bucket: &Bucket| {
        let (Some(lowest), Some(highest)) = (bucket.lowest, bucket.highest) else {
            return [None; POINTS_PER_BUCKET];
        };
        let (first, second) = if lowest.0 <= highest.0 { (lowest, highest) } else { (highest, lowest) };
        [Some(first.1), Some(second.1)]
    };
    buckets.iter().flat_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use bp_proto::Sample;
    use proptest::prelude::*;

    use super::super::curve::samples::{measured_of, posted_of};
    use super::*;

    fn track(samples: &[Sample]) -> Track<'_> {
        let duration_s = samples.last().map_or(0.0, |last| last.at_ms as f64 / 1000.0);
        let curve = Curve::Measured(samples);
        Track { curve, pieces: curve.pieces().leak(), duration_s, rss_max_mb: None }
    }

    fn steady(seconds: u64, cpu_percent: u64) -> Vec<Sample> {
        measured_of(&(1..=seconds).map(|n| (n * 1000, n * cpu_percent * 10, n)).collect::<Vec<_>>())
    }

    fn reach(line: &[Option<f64>]) -> usize {
        line.iter().rposition(Option::is_some).map_or(0, |last| last + 1)
    }

    #[test]
    fn by_time_the_shorter_run_ends_earlier() {
        let (short, long) = (steady(5, 100), steady(10, 100));
        let series = align(track(&short), track(&long), Align::Time);
        assert_eq!(series.x.len(), 40);
        assert_eq!((reach(&series.current.cpu_percent), reach(&series.baseline.cpu_percent)), (20, 40));
        assert!(series.x.is_sorted() && series.x[39] < 10.0);
    }

    #[test]
    fn by_percent_both_span_the_whole_width() {
        let (short, long) = (steady(5, 100), steady(10, 50));
        let series = align(track(&short), track(&long), Align::Percent);
        assert_eq!((reach(&series.current.rss_mb), reach(&series.baseline.rss_mb)), (40, 40));
        assert!(series.x[39] < 100.0 && series.x[39] > 95.0);
    }

    #[test]
    fn by_work_equal_cpu_seconds_lie_above_each_other() {
        // The same five CPU seconds, at one core and at half a core.
        let (fast, slow) = (steady(5, 100), steady(10, 50));
        let series = align(track(&fast), track(&slow), Align::Work);
        assert_eq!((reach(&series.current.cpu_percent), reach(&series.baseline.cpu_percent)), (40, 40));
        assert!(series.x[39] < 5.0);
        assert!(series.baseline.cpu_percent.iter().flatten().all(|value| (*value - 50.0).abs() < 1e-9));
    }

    #[test]
    fn a_spike_survives_ten_thousand_samples() {
        let mut cpu = 0;
        let readings: Vec<_> = (1..=10_000)
            .map(|n| {
                cpu += if n == 7777 { 4000 } else { 10 };
                (n * 1000, cpu, if n == 1234 { 900 } else { 100 })
            })
            .collect();
        let samples = measured_of(&readings);
        let series = align(track(&samples), track(&samples), Align::Time);
        assert_eq!(series.x.len(), MAX_GRID);
        let highest = |line: &[Option<f64>]| line.iter().flatten().copied().fold(0.0, f64::max);
        assert_eq!((highest(&series.current.cpu_percent), highest(&series.current.rss_mb)), (400.0, 900.0));
    }

    #[test]
    fn curves_without_extent_give_an_empty_grid() {
        let lone = posted_of(&[(5.0, 10.0, 1.0)]);
        let curve = Curve::Posted(&lone);
        let lone = Track { curve, pieces: &curve.pieces(), duration_s: 1.0, rss_max_mb: None };
        for by in [Align::Time, Align::Percent, Align::Work] {
            assert_eq!(align(track(&[]), lone, by), Series::default());
        }
    }

    proptest! {
        #[test]
        fn every_axis_has_lines_of_one_length_and_keeps_the_extremes(
            a in prop::collection::vec((1u64..3000, 0u64..9000, 0u64..4000), 1..700),
            b in prop::collection::vec((1u64..3000, 0u64..9000, 0u64..4000), 0..50),
        ) {
            let samples = |steps: &[(u64, u64, u64)]| {
                let mut at = (0, 0);
                let readings: Vec<_> =
                    steps.iter().map(|&(ms, cpu, mib)| { at = (at.0 + ms, at.1 + cpu); (at.0, at.1, mib) }).collect();
                measured_of(&readings)
            };
            let (a, b) = (samples(&a), samples(&b));
            for by in [Align::Time, Align::Percent, Align::Work] {
                let series = align(track(&a), track(&b), by);
                prop_assert!(series.x.len() <= MAX_GRID);
                if series.x.is_empty() { continue; }
                for line in [&series.current.cpu_percent, &series.current.rss_mb, &series.baseline.cpu_percent, &series.baseline.rss_mb] {
                    prop_assert_eq!(line.len(), series.x.len());
                }
                let peak = Curve::Measured(&a).pieces().iter().map(|p| p.rss_mb.unwrap_or(0.0)).fold(0.0, f64::max);
                let shown = series.current.rss_mb.iter().flatten().copied().fold(0.0, f64::max);
                prop_assert!((peak - shown).abs() < 1e-9);
            }
        }
    }
}

//! A curve as it was kept, and the pieces it is made of.

use bp_proto::{Point, Sample};

/// 2^20: `_mb` means MiB.
pub const BYTES_PER_MIB: f64 = 1_048_576.0;
pub const NS_PER_SECOND: f64 = 1e9;

/// A run's samples, in time order.
#[derive(Clone, Copy, Debug)]
pub enum Curve<'a> {
    /// Raw counters, read by bpd.
    Measured(&'a [Sample]),
    /// As a client posted them.
    Posted(&'a [Point]),
}

/// One stretch of a curve, in seconds since the run's start (posted: since the first point).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Piece {
    pub from_s: f64,
    pub to_s: f64,
    /// Over the stretch; 100 = one core.
    pub cpu_percent: f64,
    /// At its end; `None` when nobody could tell.
    pub rss_mb: Option<f64>,
}

impl Piece {
    pub fn seconds(&self) -> f64 {
        self.to_s - self.from_s
    }
}

impl Curve<'_> {
    pub fn len(&self) -> usize {
        match self {
            Self::Measured(samples) => samples.len(),
            Self::Posted(points) => points.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// ```text
    /// measured  0 ──p0── s0 ──p1── s1        one piece per sample: it describes the time before it
    /// posted             p0 ──p1── p1        the first point's piece has no length
    /// ```
    pub fn pieces(&self) -> Vec<Piece> {
        match self {
            Self::Measured(samples) => measured(samples),
            Self::Posted(points) => posted(points),
        }
    }
}

fn measured(samples: &[Sample]) -> Vec<Piece> {
    let mut before = Sample::default();
    samples
        .iter()
        .map(|sample| {
            let from_s = before.at_ms as f64 / 1000.0;
            let to_s = sample.at_ms.max(before.at_ms) as f64 / 1000.0;
            let cpu_s = sample.cpu_ns.saturating_sub(before.cpu_ns) as f64 / NS_PER_SECOND;
            before = *sample;
            let cpu_percent = if to_s > from_s { cpu_s / (to_s - from_s) * 100.0 } else { 0.0 };
            // What runs has memory: 0 = a builtin or a loop of the shell itself, or a process that is ending.
            let rss_mb = (sample.rss_bytes > 0).then_some(sample.rss_bytes as f64 / BYTES_PER_MIB);
            Piece { from_s, to_s, cpu_percent, rss_mb }
        })
        .collect()
}

fn posted(points: &[Point]) -> Vec<Piece> {
    let Some(first) = points.first() else { return Vec::new() };
    let mut from_s = 0.0;
    points
        .iter()
        .map(|point| {
            let to_s = (point.ts - first.ts).max(from_s);
            let piece = Piece { from_s, to_s, cpu_percent: point.cpu_percent, rss_mb: Some(point.rss_mb) };
            from_s = to_s;
            piece
        })
        .collect()
}

#[cfg(test)]
pub(super) mod samples {
    use super::*;

    /// (ms, CPU ms so far, MiB).
    pub(in crate::analysis) fn measured_of(readings: &[(u64, u64, u64)]) -> Vec<Sample> {
        readings
            .iter()
            .map(|&(at_ms, cpu_ms, mib)| Sample {
                at_ms,
                cpu_ns: cpu_ms * 1_000_000,
                rss_bytes: mib << 20,
                processes: 1,
                ..Sample::default()
            })
            .collect()
    }

    /// (ts, CPU percent, MiB).
    pub(in crate::analysis) fn posted_of(points: &[(f64, f64, f64)]) -> Vec<Point> {
        points
            .iter()
            .map(|&(ts, cpu_percent, rss_mb)| Point { ts, cpu_percent, rss_mb, ..Point::default() })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::samples::{measured_of, posted_of};
    use super::*;

    #[test]
    fn a_measured_piece_describes_the_time_before_its_sample() {
        let samples = measured_of(&[(100, 50, 10), (1100, 2050, 20), (1100, 2050, 30)]);
        let pieces = Curve::Measured(&samples).pieces();
        let shown: Vec<_> = pieces.iter().map(|p| (p.from_s, p.to_s, p.cpu_percent, p.rss_mb)).collect();
        assert_eq!(
            shown,
            [(0.0, 0.1, 50.0, Some(10.0)), (0.1, 1.1, 200.0, Some(20.0)), (1.1, 1.1, 0.0, Some(30.0))]
        );
    }

    #[test]
    fn a_posted_curve_begins_at_its_first_point() {
        let points = posted_of(&[(1000.0, 10.0, 1.0), (1002.0, 30.0, 2.0)]);
        let pieces = Curve::Posted(&points).pieces();
        let shown: Vec<_> = pieces.iter().map(|p| (p.from_s, p.to_s, p.cpu_percent, p.rss_mb)).collect();
        assert_eq!(shown, [(0.0, 0.0, 10.0, Some(1.0)), (0.0, 2.0, 30.0, Some(2.0))]);
    }
}

//! A curve as it was kept, and the pieces it is made of.

use bp_proto::{Point, Sample};

/// 2^20: `_mb` means MiB.
pub const BYTES_PER_MIB: f64 = 1_048_576.0;
pub const NS_PER_SECOND: f64 = 1e9;

/// CPU rates are averaged over this time at least: clocks of processes are read some milliseconds early or late.
const LEAST_RATE_S: f64 = 0.05;
/// Nothing that runs has less memory; it was read while it began or ended. MiB.
pub const LEAST_RSS_MIB: f64 = 0.05;

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

/// Neighbouring pieces that share one CPU rate.
#[derive(Clone, Copy, Debug, Default)]
struct Group {
    pieces: usize,
    seconds: f64,
    /// CPU percent × seconds.
    burned: f64,
}

impl Group {
    fn percent(self) -> f64 {
        if self.seconds > 0.0 { self.burned / self.seconds } else { 0.0 }
    }

    fn join(&mut self, other: Self) {
        self.pieces += other.pieces;
        self.seconds += other.seconds;
        self.burned += other.burned;
    }
}

/// The same pieces with CPU rates that are averaged over [`LEAST_RATE_S`] at least. More than `most_percent` was used
/// before the piece that it is booked in (a child's time arrives when it is waited for): it is averaged with the pieces
/// before.
pub fn smoothed(mut pieces: Vec<Piece>, most_percent: f64) -> Vec<Piece> {
    let mut groups: Vec<Group> = Vec::with_capacity(pieces.len());
    let mut next = Group::default();
    for piece in &pieces {
        let seconds = piece.seconds();
        next.join(Group { pieces: 1, seconds, burned: piece.cpu_percent * seconds });
        // Samples stand on whole milliseconds: 50 of them may be a rounding less.
        if next.seconds < LEAST_RATE_S - 1e-9 {
            continue;
        }
        let mut group = std::mem::take(&mut next);
        while group.percent() > most_percent
            && let Some(before) = groups.pop()
        {
            group.join(before);
        }
        groups.push(group);
    }
    if next.pieces > 0 {
        let mut group = groups.pop().unwrap_or_default();
        group.join(next);
        while group.percent() > most_percent
            && let Some(before) = groups.pop()
        {
            group.join(before);
        }
        groups.push(group);
    }
    // Only the first can still be too much. Nothing is before it, so it is averaged with what follows.
    let mut groups = groups.into_iter();
    let mut first = groups.next().unwrap_or_default();
    while first.percent() > most_percent
        && let Some(after) = groups.next()
    {
        first.join(after);
    }
    let mut at = 0;
    for group in std::iter::once(first).chain(groups) {
        for piece in &mut pieces[at..at + group.pieces] {
            piece.cpu_percent = group.percent().min(most_percent);
        }
        at += group.pieces;
    }
    pieces
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
            let rss_mb = Some(sample.rss_bytes as f64 / BYTES_PER_MIB).filter(|mib| *mib >= LEAST_RSS_MIB);
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
    use proptest::prelude::*;

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

    #[test]
    fn a_rate_is_averaged_over_fifty_milliseconds() {
        let percents = |readings: &[(u64, u64, u64)], most| {
            let pieces = smoothed(Curve::Measured(&measured_of(readings)).pieces(), most);
            pieces.iter().map(|piece| piece.cpu_percent).collect::<Vec<_>>()
        };
        // A clock tick of 10 ms in a reading of 5 ms.
        assert_eq!(percents(&[(5, 10, 1), (20, 10, 1), (50, 30, 1)], 400.0), [60.0; 3]);
        // The last pieces go with those before them.
        assert_eq!(percents(&[(100, 50, 1), (110, 60, 1), (120, 60, 1)], 400.0), [50.0; 3]);
        // One thread, read 14 ms late: what was missing before came after.
        let late = percents(&[(100, 86, 1), (200, 200, 1), (300, 300, 1)], 100.0);
        assert_eq!(late, [100.0; 3]);
    }

    proptest! {
        #[test]
        fn smoothing_keeps_all_that_was_burned_and_no_rate_exceeds_the_most(
            steps in prop::collection::vec((1u64..2000, 0.0..=1.0f64), 1..80), cpus in 1u64..9
        ) {
            let mut at = (0, 0);
            let readings: Vec<_> = steps.iter().map(|&(ms, share)| {
                at = (at.0 + ms, at.1 + (ms as f64 * share * cpus as f64) as u64);
                (at.0, at.1, 1)
            }).collect();
            let raw = Curve::Measured(&measured_of(&readings)).pieces();
            let most = cpus as f64 * 100.0;
            let smooth = smoothed(raw.clone(), most);
            let burned = |pieces: &[Piece]| pieces.iter().map(|p| p.cpu_percent * p.seconds()).sum::<f64>();
            prop_assert!((burned(&raw) - burned(&smooth)).abs() <= 1e-6 * burned(&raw).max(1.0));
            prop_assert!(smooth.iter().all(|piece| piece.cpu_percent <= most + 1e-9));
            prop_assert!(raw.iter().zip(&smooth).all(|(a, b)| (a.from_s, a.to_s, a.rss_mb) == (b.from_s, b.to_s, b.rss_mb)));
        }
    }
}

//! Samples of open runs that are not on disk yet: readable at once, written as a chunk every 10 s or 64 samples.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bp_proto::Sample;

/// A chunk is written when it has so many samples …
pub(super) const CHUNK_SAMPLES: usize = 64;
/// … or is so old: what a crash may cost of a curve.
pub(super) const CHUNK_AGE: Duration = Duration::from_secs(10);

/// While the disk is full a run's samples stay in memory; beyond this every second one goes. Counters are cumulative,
/// so the curve gets coarser and its integral stays.
const MAX_PENDING: usize = 4096;

/// Ended runs whose last samples wait for room on the disk; beyond this the oldest run loses them.
const MAX_ENDED: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Buffer {
    pub(super) last: Sample,
    pub(super) pending: Vec<Sample>,
    /// How many of `pending` are staged for writing.
    staged: usize,
    oldest: Option<Instant>,
    has_ended: bool,
}

#[derive(Debug, Default)]
pub(super) struct Buffers {
    by_run: HashMap<u64, Buffer>,
}

impl Buffers {
    pub(super) fn get(&self, run: u64) -> Option<&Buffer> {
        self.by_run.get(&run)
    }

    pub(super) fn begin(&mut self, run: u64, last: Sample, has_ended: bool) {
        self.by_run.entry(run).or_insert(Buffer { last, has_ended, ..Buffer::default() });
    }

    pub(super) fn forget(&mut self, run: u64) {
        self.by_run.remove(&run);
    }

    /// → the sample before, and whether a chunk is full; `None` when the sample is not later than that one.
    pub(super) fn push(&mut self, run: u64, sample: Sample, now: Instant) -> Option<(Sample, bool)> {
        let buffer = self.by_run.entry(run).or_default();
        let before = buffer.last;
        if before != Sample::default() && sample.at_ms <= before.at_ms {
            return None;
        }
        let sample = Sample { cpu_ns: sample.cpu_ns.max(before.cpu_ns), ..sample };
        if buffer.pending.len() >= MAX_PENDING && buffer.staged == 0 {
            let mut nth = 0;
            buffer.pending.retain(|_| {
                nth += 1;
                nth % 2 == 0
            });
        }
        buffer.last = sample;
        buffer.pending.push(sample);
        buffer.oldest.get_or_insert(now);
        Some((before, buffer.pending.len() - buffer.staged >= CHUNK_SAMPLES))
    }

    /// Takes what is pending of a run to write it; it stays readable until `written`.
    pub(super) fn stage(&mut self, run: u64) -> Vec<Sample> {
        let Some(buffer) = self.by_run.get_mut(&run) else { return Vec::new() };
        let samples = buffer.pending[buffer.staged..].to_vec();
        buffer.staged = buffer.pending.len();
        samples
    }

    /// What was staged is on disk.
    pub(super) fn written(&mut self) {
        for buffer in self.by_run.values_mut().filter(|buffer| buffer.staged > 0) {
            buffer.pending.drain(..buffer.staged);
            buffer.staged = 0;
            buffer.oldest = (!buffer.pending.is_empty()).then(Instant::now);
        }
        self.by_run.retain(|_, buffer| !buffer.has_ended || !buffer.pending.is_empty());
    }

    pub(super) fn not_written(&mut self) {
        for buffer in self.by_run.values_mut() {
            buffer.staged = 0;
        }
    }

    pub(super) fn end(&mut self, run: u64) {
        if let Some(buffer) = self.by_run.get_mut(&run) {
            buffer.has_ended = true;
        }
        let waiting: Vec<u64> =
            self.by_run.iter().filter(|(_, buffer)| buffer.has_ended).map(|(&run, _)| run).collect();
        if waiting.len() > MAX_ENDED
            && let Some(oldest) = waiting.iter().min()
        {
            self.by_run.remove(oldest);
        }
    }

    /// Runs whose pending samples are at least so old.
    pub(super) fn due(&self, now: Instant, age: Duration) -> Vec<u64> {
        let is_due = |oldest: Instant| now.saturating_duration_since(oldest) >= age;
        self.by_run
            .iter()
            .filter(|(_, buffer)| buffer.oldest.is_some_and(is_due) && !buffer.pending.is_empty())
            .map(|(&run, _)| run)
            .collect()
    }

    /// Until the oldest pending sample is due.
    pub(super) fn next_due(&self, now: Instant) -> Option<Duration> {
        let oldest = self.by_run.values().filter_map(|buffer| buffer.oldest).min()?;
        Some((oldest + CHUNK_AGE).saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Sample {
        Sample { at_ms: ms, cpu_ns: ms * 1000, rss_bytes: 4096, processes: 1, ..Sample::default() }
    }

    #[test]
    fn a_sample_from_the_past_is_not_taken() {
        let mut buffers = Buffers::default();
        let now = Instant::now();
        assert_eq!(buffers.push(1, at(5), now), Some((Sample::default(), false)));
        assert_eq!(buffers.push(1, at(5), now), None);
        assert_eq!(buffers.push(1, at(6), now), Some((at(5), false)));
    }

    #[test]
    fn samples_that_came_while_a_chunk_was_written_stay() {
        let mut buffers = Buffers::default();
        let now = Instant::now();
        buffers.push(1, at(1), now);
        assert_eq!(buffers.stage(1), [at(1)]);
        buffers.push(1, at(2), now);
        buffers.written();
        assert_eq!(buffers.get(1).unwrap().pending, [at(2)]);
        assert_eq!(buffers.stage(1), [at(2)]);
        buffers.not_written();
        assert_eq!(buffers.stage(1), [at(2)]);
    }

    #[test]
    fn a_run_that_cannot_be_written_gets_coarser_not_bigger() {
        let mut buffers = Buffers::default();
        for ms in 1..100_000 {
            buffers.push(1, at(ms), Instant::now());
        }
        let pending = &buffers.get(1).unwrap().pending;
        assert!(pending.len() <= MAX_PENDING, "{}", pending.len());
        assert_eq!(pending.last(), Some(&at(99_999)));
    }
}

//! How samples rest on disk: column by column, quantised, as differences in as few bytes as they need. Pure.
//!
//! ```text
//! chunk   = id, nth, n, column at (1 ms, second differences), column cpu (10 µs), column rss (4 KiB), column processes,
//!           hosts; version 1 has none
//! hosts   = how many, then for each: samples since the one before, zigzag difference to it (permille)
//! column  = per difference: its zigzag varint; a run of zeros = 0 and how many more follow
//! points  = id, nth, n, then per point ts, cpu_percent, rss_mb as f64 bits and processes + 1 (0 = none)
//! ```
//! Posted points are a client's own numbers: they come back bit for bit.

use bp_proto::{Point, Sample};

/// One step of the stored CPU counter, ns.
const CPU_STEP_NS: u64 = 10_000;
/// One step of stored memory, bytes: a page.
const RSS_STEP_BYTES: u64 = 4096;

/// A chunk that says it holds more is damaged.
const MAX_ROWS: u64 = 1 << 20;

/// The sample as it will read back. Applied on arrival, so that a curve does not change when its chunk is written.
pub(super) fn quantised(sample: Sample) -> Sample {
    Sample {
        cpu_ns: sample.cpu_ns / CPU_STEP_NS * CPU_STEP_NS,
        rss_bytes: sample.rss_bytes / RSS_STEP_BYTES * RSS_STEP_BYTES,
        ..sample
    }
}

pub(super) fn pack_samples(id: u64, nth: u32, samples: &[Sample]) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 + samples.len() * 6);
    put(&mut out, id);
    put(&mut out, u64::from(nth));
    put(&mut out, samples.len() as u64);
    let times: Vec<u64> = samples.iter().map(|sample| sample.at_ms).collect();
    put_column(&mut out, differences(&differences(&times)).into_iter());
    let column =
        |of: fn(&Sample) -> u64| differences(&samples.iter().map(of).collect::<Vec<_>>()).into_iter();
    put_column(&mut out, column(|sample| sample.cpu_ns / CPU_STEP_NS));
    put_column(&mut out, column(|sample| sample.rss_bytes / RSS_STEP_BYTES));
    put_column(&mut out, column(|sample| u64::from(sample.processes)));
    put_hosts(&mut out, samples);
    out
}

/// → run id, nth, samples; `None` when the bytes are not a chunk. `with_host`: version 2.
pub(super) fn unpack_samples(mut bytes: &[u8], with_host: bool) -> Option<(u64, u32, Vec<Sample>)> {
    let bytes = &mut bytes;
    let (id, nth, n) = head(bytes)?;
    let times = sums(&sums(&take_column(bytes, n)?));
    let cpu = sums(&take_column(bytes, n)?);
    let rss = sums(&take_column(bytes, n)?);
    let processes = sums(&take_column(bytes, n)?);
    let hosts = if with_host { take_hosts(bytes, n)? } else { vec![None; n] };
    let samples = times.into_iter().zip(cpu).zip(rss.into_iter().zip(processes).zip(hosts));
    let samples = samples.map(|((at_ms, cpu), ((rss, processes), host_cpu_permille))| {
        Some(Sample {
            at_ms,
            cpu_ns: cpu.checked_mul(CPU_STEP_NS)?,
            rss_bytes: rss.checked_mul(RSS_STEP_BYTES)?,
            processes: processes.try_into().ok()?,
            host_cpu_permille,
        })
    });
    let samples = samples.collect::<Option<Vec<_>>>()?;
    bytes.is_empty().then_some((id, nth, samples))
}

pub(super) fn pack_points(id: u64, nth: u32, points: &[Point]) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 + points.len() * 25);
    put(&mut out, id);
    put(&mut out, u64::from(nth));
    put(&mut out, points.len() as u64);
    for point in points {
        for value in [point.ts, point.cpu_percent, point.rss_mb] {
            out.extend_from_slice(&value.to_bits().to_le_bytes());
        }
        put(&mut out, point.processes.map_or(0, |processes| u64::from(processes) + 1));
    }
    out
}

/// → run id, nth, points; `None` when the bytes are not a batch of points.
pub(super) fn unpack_points(mut bytes: &[u8]) -> Option<(u64, u32, Vec<Point>)> {
    let bytes = &mut bytes;
    let (id, nth, n) = head(bytes)?;
    let mut points = Vec::with_capacity(n.min(bytes.len() / 24));
    for _ in 0..n {
        let (ts, cpu_percent, rss_mb) = (take_f64(bytes)?, take_f64(bytes)?, take_f64(bytes)?);
        let processes = take(bytes)?.checked_sub(1).map(u32::try_from).transpose().ok()?;
        points.push(Point { ts, cpu_percent, rss_mb, processes, ..Point::default() });
    }
    bytes.is_empty().then_some((id, nth, points))
}

/// Which run a chunk or a batch of points belongs to, and how many rows it has, without decoding it.
fn head(bytes: &mut &[u8]) -> Option<(u64, u32, usize)> {
    let (id, nth, n) = (take(bytes)?, take(bytes)?, take(bytes)?);
    (n <= MAX_ROWS).then_some((id, nth.try_into().ok()?, n as usize))
}

fn differences(values: &[u64]) -> Vec<u64> {
    let mut before = 0;
    values.iter().map(|&value| value.wrapping_sub(std::mem::replace(&mut before, value))).collect()
}

fn sums(differences: &[u64]) -> Vec<u64> {
    let mut sum = 0u64;
    differences
        .iter()
        .map(|&difference| {
            sum = sum.wrapping_add(difference);
            sum
        })
        .collect()
}

fn put_column(out: &mut Vec<u8>, differences: impl Iterator<Item = u64>) {
    let mut differences = differences.peekable();
    while let Some(difference) = differences.next() {
        put(out, zigzag(difference));
        if difference == 0 {
            let mut more = 0;
            while differences.next_if_eq(&0).is_some() {
                more += 1;
            }
            put(out, more);
        }
    }
}

fn take_column(bytes: &mut &[u8], n: usize) -> Option<Vec<u64>> {
    let mut column = Vec::with_capacity(n.min(4096));
    while column.len() < n {
        let difference = unzigzag(take(bytes)?);
        column.push(difference);
        if difference == 0 {
            let more = usize::try_from(take(bytes)?).ok()?;
            if more > n - column.len() {
                return None;
            }
            column.resize(column.len() + more, 0);
        }
    }
    Some(column)
}

/// The machine is read more rarely than the run.
fn put_hosts(out: &mut Vec<u8>, samples: &[Sample]) {
    let read = samples.iter().enumerate().filter_map(|(at, sample)| Some((at, sample.host_cpu_permille?)));
    put(out, read.clone().count() as u64);
    let (mut next, mut before) = (0, 0);
    for (at, permille) in read {
        let permille = u64::from(permille);
        put(out, (at - next) as u64);
        put(out, zigzag(permille.wrapping_sub(before)));
        (next, before) = (at + 1, permille);
    }
}

fn take_hosts(bytes: &mut &[u8], n: usize) -> Option<Vec<Option<u16>>> {
    let mut hosts = vec![None; n];
    let (mut next, mut before) = (0_usize, 0_u64);
    for _ in 0..take(bytes)? {
        let at = next.checked_add(usize::try_from(take(bytes)?).ok()?)?;
        before = before.wrapping_add(unzigzag(take(bytes)?));
        *hosts.get_mut(at)? = Some(u16::try_from(before).ok()?);
        next = at + 1;
    }
    Some(hosts)
}

/// Small differences of either sign become small numbers.
fn zigzag(difference: u64) -> u64 {
    let signed = difference as i64;
    ((signed << 1) ^ (signed >> 63)) as u64
}

fn unzigzag(coded: u64) -> u64 {
    (coded >> 1) ^ (coded & 1).wrapping_neg()
}

fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let part = u64::from(byte & 0x7f);
        if shift == 63 && part > 1 {
            return None;
        }
        value |= part << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn take_f64(bytes: &mut &[u8]) -> Option<f64> {
    let (value, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(f64::from_bits(u64::from_le_bytes(*value)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_sample() -> impl Strategy<Value = Sample> {
        (any::<u64>(), any::<u64>(), any::<u64>(), any::<u32>(), any::<Option<u16>>()).prop_map(
            |(at_ms, cpu_ns, rss_bytes, processes, host_cpu_permille)| Sample {
                at_ms,
                cpu_ns,
                rss_bytes,
                processes,
                host_cpu_permille,
            },
        )
    }

    #[test]
    fn a_second_of_a_busy_run_takes_at_most_six_bytes() {
        let samples: Vec<Sample> = (1..=64)
            .map(|second| Sample {
                at_ms: second * 1000 + second % 3,
                cpu_ns: second * 987_654_321 + second * second * 10_007,
                rss_bytes: 200 * 1024 * 1024 + (second % 7) * 8192,
                processes: 3,
                host_cpu_permille: second.is_multiple_of(5).then_some(400 + second as u16),
            })
            .collect();
        let packed = pack_samples(1, 0, &samples);
        assert!(packed.len() <= 6 * samples.len(), "{} bytes", packed.len());
    }

    #[test]
    fn an_absurd_count_is_refused_before_it_is_allocated() {
        let mut bytes = Vec::new();
        put(&mut bytes, 1);
        put(&mut bytes, 0);
        put(&mut bytes, u64::MAX);
        assert_eq!(unpack_samples(&bytes, true), None);
        assert_eq!(unpack_points(&bytes), None);
    }

    proptest! {
        #[test]
        fn any_samples_read_back_as_quantised(samples in prop::collection::vec(any_sample(), 0..100), id: u64, nth: u32) {
            let expected: Vec<Sample> = samples.iter().copied().map(quantised).collect();
            prop_assert_eq!(unpack_samples(&pack_samples(id, nth, &samples), true), Some((id, nth, expected)));
        }

        #[test]
        fn posted_points_read_back_bit_for_bit(
            points in prop::collection::vec((any::<u64>(), any::<u64>(), any::<u64>(), any::<Option<u32>>()), 0..50),
        ) {
            let points: Vec<Point> = points.into_iter().map(|(ts, cpu, rss, processes)| Point {
                ts: f64::from_bits(ts), cpu_percent: f64::from_bits(cpu), rss_mb: f64::from_bits(rss), processes, host_cpu_percent: None,
                rss_max_mb: None,
            }).collect();
            let packed = pack_points(9, 1, &points);
            let (id, nth, read) = unpack_points(&packed).unwrap();
            prop_assert_eq!((id, nth), (9, 1));
            prop_assert_eq!(pack_points(9, 1, &read), packed);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = (unpack_samples(&bytes, true), unpack_samples(&bytes, false));
            let _ = unpack_points(&bytes);
        }
    }
}

//! How a record lies in a segment, and how the next whole one is found after damage. Pure.
//!
//! ```text
//! segment = header, record, record, …
//! header  = magic [8] | version u32 | segment number u32 | made at, Unix ms i64 | 0 u32 | crc32 of the 28 before
//! record  = len u32 | crc32 u32 of what follows | kind u8 | version u8 | payload       (len = 2 + payload bytes)
//! ```
//! All numbers are little-endian.

use super::Position;

/// Written into every segment. A store with a segment of a higher version is refused untouched.
pub(super) const STORE_VERSION: u32 = 1;

pub(super) const HEADER_BYTES: usize = 32;
pub(super) const FRAME_BYTES: usize = 8;

const MAGIC: &[u8; 8] = b"bpstore\n";

/// Longest payload of a record. The longest honest one is a start with a 64 KiB command; after damage a larger length
/// is known for nonsense without its checksum being computed.
pub(super) const MAX_PAYLOAD_BYTES: usize = 512 * 1024;

/// A record that was erased: same length, payload zero.
pub(super) const ERASED: u8 = 0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Framed<'a> {
    pub(super) kind: u8,
    pub(super) version: u8,
    pub(super) payload: &'a [u8],
    pub(super) crc: u32,
}

impl Framed<'_> {
    /// With its frame.
    pub(super) fn bytes_on_disk(&self) -> usize {
        FRAME_BYTES + 2 + self.payload.len()
    }
}

pub(super) fn header(segment: u32, made_at_ms: i64) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(MAGIC);
    header[8..12].copy_from_slice(&STORE_VERSION.to_le_bytes());
    header[12..16].copy_from_slice(&segment.to_le_bytes());
    header[16..24].copy_from_slice(&made_at_ms.to_le_bytes());
    let crc = crc32fast::hash(&header[..28]);
    header[28..].copy_from_slice(&crc.to_le_bytes());
    header
}

/// The store version in a segment's header; `None` when the header is damaged or not ours.
pub(super) fn version_of(header: &[u8]) -> Option<u32> {
    let header: &[u8; HEADER_BYTES] = header.get(..HEADER_BYTES)?.try_into().ok()?;
    let crc = u32_at(header, 28)?;
    (header.starts_with(MAGIC) && crc == crc32fast::hash(&header[..28])).then(|| u32_at(header, 8)).flatten()
}

/// → the checksum.
pub(super) fn append(out: &mut Vec<u8>, kind: u8, version: u8, payload: &[u8]) -> u32 {
    let start = out.len();
    out.extend_from_slice(&(2 + payload.len() as u32).to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.push(kind);
    out.push(version);
    out.extend_from_slice(payload);
    let crc = crc32fast::hash(&out[start + FRAME_BYTES..]);
    out[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
    crc
}

/// The record at the beginning of `bytes`; `None` when there is no whole one.
pub(super) fn read(bytes: &[u8]) -> Option<Framed<'_>> {
    let len = u32_at(bytes, 0)? as usize;
    if !(2..=2 + MAX_PAYLOAD_BYTES).contains(&len) {
        return None;
    }
    let crc = u32_at(bytes, 4)?;
    let body = bytes.get(FRAME_BYTES..FRAME_BYTES + len)?;
    (crc32fast::hash(body) == crc).then(|| Framed {
        kind: body[0],
        version: body[1],
        payload: &body[2..],
        crc,
    })
}

/// Whole length of the record whose frame begins `bytes`, as far as it can be believed.
pub(super) fn length(frame: &[u8]) -> Option<usize> {
    let len = u32_at(frame, 0)? as usize;
    (2..=2 + MAX_PAYLOAD_BYTES).contains(&len).then_some(FRAME_BYTES + len)
}

/// What a walk through a segment met.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Walked {
    /// Behind the last whole record: what follows is torn or damaged.
    pub(super) end: usize,
    /// Stretches between whole records that could not be read.
    pub(super) damaged: usize,
    pub(super) damaged_bytes: usize,
}

/// Calls `each` with every whole record from `from` on, and goes on after damage at the next record whose checksum
/// holds. `bytes` is a whole segment.
pub(super) fn walk<'a, E>(
    segment: u32,
    bytes: &'a [u8],
    from: usize,
    mut each: impl FnMut(Position, Framed<'a>) -> Result<(), E>,
) -> Result<Walked, E> {
    let mut walked = Walked { end: from.max(HEADER_BYTES), ..Walked::default() };
    let mut at = walked.end;
    while at < bytes.len() {
        if let Some(record) = read(&bytes[at..]) {
            if at > walked.end {
                walked.damaged += 1;
                walked.damaged_bytes += at - walked.end;
            }
            each(Position { segment, offset: at as u32 }, record)?;
            at += record.bytes_on_disk();
            walked.end = at;
        } else {
            // No record begins with four zeros: the hole of a sparse file is passed quickly.
            let zeros = bytes[at..].iter().position(|byte| *byte != 0).unwrap_or(bytes.len() - at);
            at += zeros.saturating_sub(3).max(1);
        }
    }
    Ok(walked)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    fn segment(payloads: &[Vec<u8>]) -> (Vec<u8>, Vec<usize>) {
        let mut bytes = header(1, 0).to_vec();
        let mut starts = Vec::new();
        for payload in payloads {
            starts.push(bytes.len());
            append(&mut bytes, 7, 1, payload);
        }
        (bytes, starts)
    }

    fn payloads_of(bytes: &[u8]) -> (Vec<Vec<u8>>, Walked) {
        let mut found = Vec::new();
        let walked = walk(1, bytes, 0, |_, record| {
            found.push(record.payload.to_vec());
            Ok::<_, Infallible>(())
        });
        let Ok(walked) = walked;
        (found, walked)
    }

    #[test]
    fn a_damaged_header_has_no_version() {
        let good = header(3, 1_714_980_000_000);
        assert_eq!(version_of(&good), Some(STORE_VERSION));
        for at in 0..HEADER_BYTES {
            let mut bad = good;
            bad[at] ^= 1;
            assert_eq!(version_of(&bad), None, "byte {at}");
        }
        assert_eq!(version_of(&good[..31]), None);
    }

    #[test]
    fn zeros_hold_no_record() {
        let (found, walked) = payloads_of(&[0; 4096]);
        assert!(found.is_empty());
        assert_eq!(walked.end, HEADER_BYTES);
    }

    proptest! {
        #[test]
        fn what_was_framed_is_walked(payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20)) {
            let (bytes, _) = segment(&payloads);
            let (found, walked) = payloads_of(&bytes);
            prop_assert_eq!(found, payloads);
            prop_assert_eq!(walked, Walked { end: bytes.len(), damaged: 0, damaged_bytes: 0 });
        }

        #[test]
        fn a_cut_tail_loses_the_cut_record_alone(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 1..10),
            cut in 1usize..9,
        ) {
            let (bytes, starts) = segment(&payloads);
            let (found, walked) = payloads_of(&bytes[..bytes.len() - cut]);
            prop_assert_eq!(&found[..], &payloads[..payloads.len() - 1]);
            prop_assert_eq!(walked.end, *starts.last().unwrap());
        }

        #[test]
        fn a_flipped_bit_in_the_middle_costs_one_record(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 3..10),
            which in 1usize..1000,
            byte in any::<prop::sample::Index>(),
            bit in 0u8..8,
        ) {
            let (mut bytes, starts) = segment(&payloads);
            // Neither the first nor the last, so that the walk must go on after it.
            let hit = 1 + which % (payloads.len() - 2);
            let span = starts[hit + 1] - starts[hit];
            bytes[starts[hit] + byte.index(span)] ^= 1 << bit;
            let (found, walked) = payloads_of(&bytes);
            let mut expected = payloads.clone();
            expected.remove(hit);
            prop_assert_eq!(found, expected);
            prop_assert_eq!(walked, Walked { end: bytes.len(), damaged: 1, damaged_bytes: span });
        }
    }
}

//! An append-only series of segment files: appended as a group with one `fdatasync` a file, read by position, erased in
//! place. Two of them are the journal: `runs` and `samples`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bp_proto::UnixMillis;
use bp_proto::private_file::{self, Moved, Open};

use super::frame::{self, ERASED, FRAME_BYTES, HEADER_BYTES};
use super::{Position, StoreError};

/// A segment that has grown past this is left, and the next begun.
const SEGMENT_BYTES: u64 = 16 * 1024 * 1024;

/// So much of a segment is read: the last group of records may go past [`SEGMENT_BYTES`], but nothing goes past this. A
/// sparse file would otherwise fill the memory.
const MAX_SEGMENT_BYTES: u64 = 8 * SEGMENT_BYTES;

/// Segment numbers above this were not given by bpd.
const MAX_SEGMENT: u32 = u32::MAX / 2;

/// Open files that a reader keeps of one series.
const MAX_KEPT_FILES: usize = 8;

/// How a series names its segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Series {
    /// `runs-000001.log`; the number only grows.
    Runs,
    /// `samples-202611-01.seg`: by the month in which it was begun, so that a month can be dropped whole.
    Samples,
}

/// `NN` of a month's segments; the number of a sample segment is `YYYYMM × this + NN`.
const SEGMENTS_A_MONTH: u32 = 10_000;

impl Series {
    pub(super) const BOTH: [Self; 2] = [Self::Runs, Self::Samples];

    pub(super) fn dir(self, data: &Path) -> PathBuf {
        data.join(match self {
            Self::Runs => "journal",
            Self::Samples => "samples",
        })
    }

    fn file_name(self, segment: u32) -> String {
        match self {
            Self::Runs => format!("runs-{segment:06}.log"),
            Self::Samples => {
                format!("samples-{:06}-{:02}.seg", segment / SEGMENTS_A_MONTH, segment % SEGMENTS_A_MONTH)
            }
        }
    }

    fn number(self, file_name: &str) -> Option<u32> {
        match self {
            Self::Runs => file_name.strip_prefix("runs-")?.strip_suffix(".log")?.parse().ok(),
            Self::Samples => {
                let (month, nth) =
                    file_name.strip_prefix("samples-")?.strip_suffix(".seg")?.split_once('-')?;
                month.parse::<u32>().ok()?.checked_mul(SEGMENTS_A_MONTH)?.checked_add(nth.parse().ok()?)
            }
        }
    }

    /// The segment after `last`. A clock that went back never makes an earlier one.
    fn next(self, last: u32, now: UnixMillis) -> u32 {
        match self {
            Self::Runs => last + 1,
            Self::Samples => (month(now) * SEGMENTS_A_MONTH).max(last) + 1,
        }
    }
}

/// `YYYYMM`, UTC.
fn month(at: UnixMillis) -> u32 {
    let digits: String = at.to_string().chars().take(7).filter(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}

/// Directories 0700, files 0600, whatever the umask.
pub(super) fn make_dir(path: &Path) -> Result<(), StoreError> {
    let failed = |source| StoreError::Io { doing: "make the directory", path: path.to_owned(), source };
    if !path.is_dir() {
        match std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
            _ => {}
        }
    }
    if std::fs::metadata(path).map_err(failed)?.permissions().mode() & 0o777 != 0o700 {
        match std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)) {
            // It is served as it is.
            Err(error) if !private_file::is_unwritable(&error) => return Err(failed(error)),
            _ => {}
        }
    }
    Ok(())
}

/// Reads records by position; shared by the writer and every reader.
#[derive(Debug)]
pub(super) struct Segments {
    series: Series,
    dir: PathBuf,
    kept: Mutex<BTreeMap<u32, Arc<File>>>,
    /// Segments that cannot be read and could not be moved out of the way.
    unusable: Mutex<BTreeSet<u32>>,
}

/// A record out of its segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Record {
        kind: u8,
        version: u8,
        payload: Vec<u8>,
        crc: u32,
    },
    /// Erased since its position was looked up.
    Erased,
    Damaged,
}

impl Segments {
    pub(super) fn new(series: Series, data: &Path) -> Self {
        Self { series, dir: series.dir(data), kept: Mutex::default(), unusable: Mutex::default() }
    }

    pub(super) fn path(&self, segment: u32) -> PathBuf {
        self.dir.join(self.series.file_name(segment))
    }

    /// Numbers of the segments that exist, in order.
    pub(super) fn numbers(&self) -> Result<Vec<u32>, StoreError> {
        let failed = |source| StoreError::Io { doing: "list", path: self.dir.clone(), source };
        let mut numbers = Vec::new();
        for entry in std::fs::read_dir(&self.dir).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            numbers.extend(name.to_str().and_then(|name| self.series.number(name)));
        }
        let unusable = self.unusable.lock().unwrap_or_else(PoisonError::into_inner);
        numbers.retain(|number| *number <= MAX_SEGMENT && !unusable.contains(number));
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Moves what is no readable file out of the way. → what was moved or is left out.
    pub(super) fn clear(&self) -> Result<Vec<Moved>, StoreError> {
        let mut all = Vec::new();
        for number in self.numbers()? {
            let path = self.path(number);
            let moved = match private_file::clear_file(&path) {
                Ok(moved) => moved,
                // It stays where it is, unread.
                Err(error) => Some(Moved { from: path.clone(), to: path.clone(), why: error.to_string() }),
            };
            if moved.as_ref().is_some_and(|moved| moved.to == path) {
                self.unusable.lock().unwrap_or_else(PoisonError::into_inner).insert(number);
            }
            all.extend(moved);
        }
        Ok(all)
    }

    /// Segments that were copied here may have other rights than those we make.
    pub(super) fn keep_private(&self) -> Result<(), StoreError> {
        for number in self.numbers()? {
            let path = self.path(number);
            let failed = |source| StoreError::Io { doing: "make private", path: path.clone(), source };
            if std::fs::metadata(&path).map_err(failed)?.permissions().mode() & 0o777 != 0o600
                && let Err(error) = std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))
                && !private_file::is_unwritable(&error)
            {
                return Err(failed(error));
            }
        }
        Ok(())
    }

    /// A whole segment, as far as bpd can have written it.
    pub(super) fn bytes(&self, segment: u32) -> Result<Vec<u8>, StoreError> {
        let path = self.path(segment);
        private_file::read_head(&path, MAX_SEGMENT_BYTES).map_err(|source| StoreError::Io {
            doing: "read",
            path,
            source,
        })
    }

    pub(super) fn read(&self, at: Position) -> Result<Found, StoreError> {
        let file = self.file(at.segment)?;
        let mut bytes = vec![0; 512];
        let had = read_up_to(&file, &mut bytes, u64::from(at.offset)).map_err(|e| self.failed(at, e))?;
        bytes.truncate(had);
        let Some(length) = frame::length(&bytes) else { return Ok(Found::Damaged) };
        if length > bytes.len() {
            bytes.resize(length, 0);
            let more = &mut bytes[had..];
            let rest =
                read_up_to(&file, more, u64::from(at.offset) + had as u64).map_err(|e| self.failed(at, e))?;
            bytes.truncate(had + rest);
        }
        Ok(match frame::read(&bytes) {
            Some(record) if record.kind == ERASED => Found::Erased,
            Some(record) => Found::Record {
                kind: record.kind,
                version: record.version,
                payload: record.payload.to_vec(),
                crc: record.crc,
            },
            None => Found::Damaged,
        })
    }

    /// Overwrites records with zeros of the same length under a valid checksum. Damaged ones are left: nothing says
    /// where they end.
    pub(super) fn erase(&self, records: &[Position]) -> Result<(), StoreError> {
        let mut by_segment = BTreeMap::<u32, Vec<Position>>::new();
        for at in records {
            by_segment.entry(at.segment).or_default().push(*at);
        }
        for (segment, records) in by_segment {
            let path = self.path(segment);
            let failed = |source| StoreError::Io { doing: "erase a record in", path: path.clone(), source };
            let file = Open::to_write().and_read().open(&path).map_err(failed)?;
            for at in records {
                let Found::Record { payload, .. } = self.read(at)? else { continue };
                let mut erased = Vec::with_capacity(FRAME_BYTES + 2 + payload.len());
                frame::append(&mut erased, ERASED, 0, &vec![0; payload.len()]);
                file.write_all_at(&erased, u64::from(at.offset)).map_err(failed)?;
            }
            file.sync_data().map_err(failed)?;
        }
        Ok(())
    }

    fn file(&self, segment: u32) -> Result<Arc<File>, StoreError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = kept.get(&segment) {
            return Ok(Arc::clone(file));
        }
        let path = self.path(segment);
        let file =
            Open::to_read().open(&path).map_err(|source| StoreError::Io { doing: "open", path, source })?;
        if kept.len() >= MAX_KEPT_FILES {
            kept.pop_first();
        }
        let file = Arc::new(file);
        kept.insert(segment, Arc::clone(&file));
        Ok(file)
    }

    /// After a segment was cut or removed.
    fn forget_files(&self) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn failed(&self, at: Position, source: io::Error) -> StoreError {
        StoreError::Io { doing: "read", path: self.path(at.segment), source }
    }
}

fn read_up_to(file: &File, into: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut had = 0;
    while had < into.len() {
        match file.read_at(&mut into[had..], offset + had as u64) {
            Ok(0) => break,
            Ok(n) => had += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(had)
}

/// Appends to the last segment of a series. Records are staged, get their position at once, and are on disk after
/// `write`.
#[derive(Debug)]
pub(super) struct Appender {
    series: Series,
    segments: Arc<Segments>,
    /// Last segment that exists, 0 = none; where its last good record ends.
    segment: u32,
    end: u64,
    staged: Vec<Staged>,
    /// A failed write left something behind the last good record, or a segment that must go.
    unclean: Option<u32>,
}

/// Where a staged record will lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    pub(super) at: Position,
    pub(super) end: Position,
    pub(super) crc: u32,
}

#[derive(Debug)]
struct Staged {
    segment: u32,
    is_new: bool,
    at: u64,
    bytes: Vec<u8>,
}

impl Appender {
    /// Goes on behind `end` of the last segment.
    pub(super) fn new(series: Series, segments: Arc<Segments>, segment: u32, end: u64) -> Self {
        // Whatever lies behind is cut before the first write.
        let unclean = (segment > 0).then_some(segment);
        Self { series, segments, segment, end, staged: Vec::new(), unclean }
    }

    fn end(&self) -> Position {
        let (segment, end) = self.staged_end();
        Position { segment, offset: end as u32 }
    }

    pub(super) fn stage(&mut self, kind: u8, version: u8, payload: &[u8], now: UnixMillis) -> Placed {
        let (segment, end) = self.staged_end();
        if segment == 0 || end >= SEGMENT_BYTES {
            let segment = self.series.next(segment, now);
            let bytes = frame::header(segment, now.0).to_vec();
            self.staged.push(Staged { segment, is_new: true, at: 0, bytes });
        } else if self.staged.is_empty() {
            self.staged.push(Staged { segment, is_new: false, at: end, bytes: Vec::new() });
        }
        let at = self.end();
        let crc =
            self.staged.last_mut().map_or(0, |part| frame::append(&mut part.bytes, kind, version, payload));
        Placed { at, end: self.end(), crc }
    }

    /// A record that was staged and is not on disk yet.
    pub(super) fn staged_record(&self, at: Position) -> Option<frame::Framed<'_>> {
        let part = self.staged.iter().find(|part| part.segment == at.segment)?;
        let offset = u64::from(at.offset).checked_sub(part.at)?;
        frame::read(part.bytes.get(offset as usize..)?)
    }

    fn staged_end(&self) -> (u32, u64) {
        self.staged.last().map_or((self.segment, self.end), |staged| {
            (staged.segment, staged.at + staged.bytes.len() as u64)
        })
    }

    pub(super) fn has_staged(&self) -> bool {
        !self.staged.is_empty()
    }

    pub(super) fn drop_staged(&mut self) {
        self.staged.clear();
    }

    /// Puts what was staged on disk. After an error nothing of it is there, and the same may be tried again.
    pub(super) fn write(&mut self) -> Result<(), StoreError> {
        self.clean()?;
        let staged = std::mem::take(&mut self.staged);
        for part in &staged {
            if let Err(error) = self.write_part(part) {
                self.unclean = Some(staged[0].segment);
                // What cannot be cleaned now is cleaned before the next write.
                let _ = self.clean();
                return Err(error);
            }
        }
        if let Some(last) = staged.last() {
            self.segment = last.segment;
            self.end = last.at + last.bytes.len() as u64;
        }
        Ok(())
    }

    /// Takes back what the last successful `write` appended after `mark`.
    pub(super) fn take_back(&mut self, mark: (u32, u64)) {
        self.unclean = Some(mark.0);
        (self.segment, self.end) = mark;
        let _ = self.clean();
    }

    /// For `take_back`.
    pub(super) fn mark(&self) -> (u32, u64) {
        (self.segment, self.end)
    }

    fn write_part(&self, part: &Staged) -> Result<(), StoreError> {
        let path = self.segments.path(part.segment);
        let failed = |source| StoreError::Io { doing: "append to", path: path.clone(), source };
        let open = Open::to_write();
        let file = if part.is_new { open.or_create().open(&path) } else { open.open(&path) };
        let file = file.map_err(failed)?;
        if part.is_new {
            file.set_permissions(std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
        }
        file.write_all_at(&part.bytes, part.at).map_err(failed)?;
        file.sync_data().map_err(failed)?;
        if part.is_new {
            File::open(&self.segments.dir).and_then(|dir| dir.sync_all()).map_err(failed)?;
        }
        Ok(())
    }

    /// Cuts the series back to its last good record, if something lies behind it.
    pub(super) fn clean(&mut self) -> Result<(), StoreError> {
        let Some(from) = self.unclean else { return Ok(()) };
        for segment in self.segments.numbers()? {
            let path = self.segments.path(segment);
            let failed = |source| StoreError::Io { doing: "cut back", path: path.clone(), source };
            if segment > self.segment && segment >= from {
                std::fs::remove_file(&path).map_err(failed)?;
            } else if segment == self.segment {
                let file = Open::to_write().open(&path).map_err(failed)?;
                file.set_len(self.end).map_err(failed)?;
            }
        }
        self.segments.forget_files();
        self.unclean = None;
        Ok(())
    }
}

/// The bytes of a directory's own files.
pub(super) fn bytes_in(dir: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    entries
        .flatten()
        .filter_map(|entry| {
            let meta = entry.metadata().ok()?;
            Some(if meta.is_dir() { bytes_in(&entry.path()) } else { meta.len() })
        })
        .sum()
}

/// Cuts a torn tail off a segment; one without a whole header goes altogether.
pub(super) fn cut(segments: &Segments, segment: u32, end: u64) -> Result<(), StoreError> {
    let path = segments.path(segment);
    let failed = |source| StoreError::Io { doing: "cut the torn tail of", path: path.clone(), source };
    if end < HEADER_BYTES as u64 {
        return std::fs::remove_file(&path).map_err(failed);
    }
    let file = Open::to_write().open(&path).map_err(failed)?;
    file.set_len(end).map_err(failed)?;
    file.sync_data().map_err(failed)
}

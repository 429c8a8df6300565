//! One process that is read again and again.
//!
//! Its CPU clock is asked first. It stands still when no thread of the process has run: then nothing else can have
//! changed by its own doing, and nothing else is read. What others do to it, taking its memory or its parent, is seen by
//! a full reading now and then.
//!
//! What runs and does nothing else is calm: two full readings in a row have differed in nothing but CPU time. Its clock,
//! its memory and the list of its children are read each time, the rest every third time, as long as these two show
//! no change.

use std::sync::Arc;

use bp_proto::process::TICKS_PER_SECOND;

use super::clock::CpuClock;
use super::files::{self, Allowance, Files, Missing};
use super::stat::{Numbers, Stat, hexadecimal, labelled};
use crate::sampler::activity::{Count, Counts};
use crate::sampler::probe::Reading;

const NS_PER_TICK: u64 = 1_000_000_000 / TICKS_PER_SECOND;

/// A process that stands still is read in full every so many readings all the same.
const VERIFY_EVERY: u8 = 10;

/// What is dearer and less urgent is read when so many readings have passed.
const WAIT_EVERY: u32 = 2;
const IO_EVERY: u32 = 4;

/// Readings in a row of a calm process that leave out what is dearest. What they may miss of one that ends before the
/// next full reading is memory that came and went between two of them; what its children did its parent is told.
const LIGHT_IN_A_ROW: u8 = 2;

const BYTES_PER_KB: u64 = 1024;

#[derive(Debug)]
pub(super) struct Kept {
    pub pulse: Pulse,
    pub reading: Reading,
    /// At the reading before this one.
    was_zombie: bool,
    /// `None`: they are opened anew each time.
    files: Option<Files>,
    /// The high-water mark of its memory, and how many faults it had when that was read.
    peak_bytes: u64,
    faults: Option<u64>,
    /// Its memory as `stat` had it when it was read exactly.
    memory: Option<Memory>,
    /// Pages of address space and of resident memory, when they were read last.
    pages: (u64, u64),
    /// At the last full reading.
    standing: Standing,
    /// It stood so at the full reading before that, too.
    calm: bool,
    /// It had children when it was looked below last.
    has_children: bool,
    /// Readings since the last full one that were light.
    light: u8,
    /// Readings since its wait and its bytes were read.
    since_wait: u32,
    since_io: u32,
    /// Full readings so far.
    readings: u32,
}

/// All that is touched of a process that stands still, side by side: most do, and memory that was not used for a while is
/// what a look costs.
#[derive(Debug)]
pub(super) struct Pulse {
    clock: CpuClock,
    clock_ns: Option<u64>,
    /// Readings since the last full one.
    still: u8,
    /// When it was looked at last, counted in looks at any process.
    pub looked: u64,
}

/// What changes of a process that does more than run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Standing {
    parent: u32,
    threads: u32,
    waited_ticks: u64,
    waited_faults: u64,
    memory: Memory,
}

impl Standing {
    fn of(stat: &Stat<'_>) -> Self {
        Self {
            parent: stat.parent,
            threads: stat.threads,
            waited_ticks: stat.waited_ticks,
            waited_faults: stat.waited_minor_faults + stat.waited_major_faults,
            memory: Memory {
                faults: stat.minor_faults + stat.major_faults,
                space: stat.space,
                resident: stat.resident,
            },
        }
    }
}

/// What `stat` tells of the memory of a process. While none of it changes, the exact figure has not grown: growing takes
/// a fault. What it may have shrunk by is in books that the kernel has not added up, and is seen at the next reading that
/// verifies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Memory {
    faults: u64,
    space: u64,
    resident: u64,
}

/// What a look at a process came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// It has not run since the reading before.
    Still,
    Moved,
    /// Another process has its pid, or none.
    Gone,
    /// It cannot be said now.
    Unknown,
}

/// What readings share.
#[derive(Debug)]
pub(super) struct Bench {
    pub page_bytes: u64,
    pub allowance: Allowance,
    pub text: Box<[u8; files::TEXT_BYTES]>,
}

impl Kept {
    /// A process that is read for the first time.
    pub(super) fn meet(pid: u32, bench: &mut Bench) -> Result<Self, Missing> {
        let files = Files::open(pid, &mut bench.allowance)?;
        let clock = CpuClock::of(pid);
        let clock_ns = clock.read();
        let reading = Reading { pid, ..Reading::default() };
        let mut met = Self {
            pulse: Pulse { clock, clock_ns, still: 0, looked: 0 },
            reading,
            was_zombie: false,
            files,
            peak_bytes: 0,
            faults: None,
            memory: None,
            pages: (0, 0),
            standing: Standing::default(),
            calm: false,
            has_children: true,
            light: 0,
            since_wait: 0,
            since_io: 0,
            readings: 0,
        };
        match met.read(true, bench) {
            Ok(()) => Ok(met),
            Err(missing) => {
                met.close(&mut bench.allowance);
                Err(missing)
            }
        }
    }

    pub(super) fn close(self, allowance: &mut Allowance) {
        if let Some(files) = self.files {
            files.close(allowance);
        }
    }

    pub(super) fn shed(&mut self, allowance: &mut Allowance) {
        if let Some(files) = &mut self.files {
            files.shed(allowance);
        }
    }

    /// It is not looked at for a while: what was read of it until now decides nothing at the next look.
    pub(super) fn rest(&mut self) {
        self.pulse.looked = 0;
        self.calm = false;
        self.faults = None;
        self.memory = None;
    }

    /// Whether it was seen alive, and has ended by now.
    pub(super) fn has_ended(&self) -> bool {
        self.reading.zombie && !self.was_zombie
    }

    /// The next look reads in full, whether it moves or not.
    pub(super) fn suspect(&mut self) {
        self.pulse.still = VERIFY_EVERY;
        self.calm = false;
    }

    /// Whether no thread of it has run since it was read last.
    pub(super) fn is_still(&self) -> bool {
        // Of a process that never ran another one of that pid, just begun, would show the same.
        matches!((self.pulse.clock_ns, self.pulse.clock.read()), (Some(before), Some(now)) if before == now && now > 0)
    }

    /// Whether it is still this process that has the pid.
    pub(super) fn is_there(&self, bench: &mut Bench) -> bool {
        if self.is_still() {
            return true;
        }
        match self.stat(&mut bench.text[..]) {
            Ok(line) => Stat::parse(line).is_some_and(|stat| stat.start_ticks == self.reading.start_ticks),
            Err(missing) => missing == Missing::Unknown,
        }
    }

    /// Reads it again. `fresh`: in full, even if it stands still.
    pub(super) fn look(&mut self, fresh: bool, bench: &mut Bench) -> Look {
        let clock_ns = self.pulse.clock.read();
        if clock_ns.is_none() && self.pulse.clock_ns.is_some() {
            return Look::Gone;
        }
        self.pulse.still = self.pulse.still.saturating_add(1);
        let is_still = clock_ns == self.pulse.clock_ns && clock_ns.is_some_and(|ns| ns > 0);
        if is_still && !fresh && self.pulse.still < VERIFY_EVERY {
            return Look::Still;
        }
        let before = std::mem::replace(&mut self.pulse.clock_ns, clock_ns);
        self.since_wait = self.since_wait.saturating_add(1);
        self.since_io = self.since_io.saturating_add(1);
        if !is_still && !fresh && self.is_calm_still(bench) {
            return Look::Moved;
        }
        match self.read(fresh, bench) {
            Ok(()) => Look::Moved,
            Err(Missing::Gone) => Look::Gone,
            Err(Missing::Unknown) => {
                self.pulse.clock_ns = before;
                Look::Unknown
            }
        }
    }

    /// Whether the last reading was light.
    #[cfg(test)]
    pub(super) fn is_light(&self) -> bool {
        self.light > 0
    }

    /// A light reading: whether it is calm, as far as its memory shows. Anything else is for a full one.
    fn is_calm_still(&mut self, bench: &mut Bench) -> bool {
        if !self.calm || self.has_children || self.light >= LIGHT_IN_A_ROW {
            return false;
        }
        let Some(Ok(statm)) = self.files.as_ref().map(|files| files.statm(&mut bench.text[..])) else {
            return false;
        };
        if pages_of(statm) != Some(self.pages) {
            return false;
        }
        self.light += 1;
        self.pulse.still = 0;
        self.was_zombie = false;
        let reading = &mut self.reading;
        reading.own_ns = self.pulse.clock_ns.unwrap_or(reading.own_ns);
        reading.spike_bytes = 0;
        let Counts { minor, major, .. } = reading.counts;
        reading.counts = Counts { minor, major, ..Counts::default() };
        true
    }

    fn stat<'a>(&self, text: &'a mut [u8]) -> Result<&'a [u8], Missing> {
        match &self.files {
            Some(files) => files.stat(text),
            None => files::by_path(self.reading.pid, "stat", text),
        }
    }

    fn read(&mut self, fresh: bool, bench: &mut Bench) -> Result<(), Missing> {
        let began = (self.reading.start_ticks > 0).then_some(self.reading.start_ticks);
        let stat = Stat::parse(self.stat(&mut bench.text[..])?).ok_or(Missing::Gone)?;
        if began.is_some_and(|began| began != stat.start_ticks) {
            return Err(Missing::Gone);
        }
        self.pulse.still = 0;
        self.light = 0;
        self.was_zombie = self.reading.zombie;
        let standing = Standing::of(&stat);
        let Memory { faults, .. } = standing.memory;
        self.calm = std::mem::replace(&mut self.standing, standing) == standing
            && self.reading.name.as_bytes() == stat.name;
        let reading = &mut self.reading;
        if reading.name.as_bytes() != stat.name {
            reading.name = Arc::from(String::from_utf8_lossy(stat.name));
        }
        reading.start_ticks = stat.start_ticks;
        reading.parent = stat.parent;
        reading.is_fork = stat.is_fork;
        reading.own_ns = self.pulse.clock_ns.unwrap_or(stat.own_ticks * NS_PER_TICK);
        reading.waited_ns = stat.waited_ticks * NS_PER_TICK;
        reading.threads = stat.threads;
        reading.counts = Counts {
            minor: Count { own: stat.minor_faults, waited: stat.waited_minor_faults },
            major: Count { own: stat.major_faults, waited: stat.waited_major_faults },
            ..Counts::default()
        };
        reading.zombie = stat.is_zombie();
        reading.hides = false;
        let rss_bytes = std::mem::take(&mut reading.rss_bytes);
        reading.spike_bytes = 0;
        if reading.zombie {
            self.read_status(bench);
            return Ok(());
        }
        if stat.space == 0 {
            // What still has an address space has a size, even when all of it is swapped out.
            self.reading.zombie = true;
            return Ok(());
        }
        let memory = Some(standing.memory);
        if fresh || self.memory != memory || self.readings.is_multiple_of(u32::from(VERIFY_EVERY)) {
            if !self.read_memory(rss_bytes, bench) {
                return Ok(());
            }
            self.memory = memory;
        } else {
            self.reading.rss_bytes = rss_bytes;
        }
        if self.faults.replace(faults) != Some(faults) {
            self.read_status(bench);
        }
        if fresh || self.since_wait >= WAIT_EVERY {
            self.since_wait = 0;
            self.reading.counts.wait_ns = self.read_wait(bench);
        }
        if fresh || self.since_io >= IO_EVERY {
            self.since_io = 0;
            self.read_io(bench);
        }
        self.readings = self.readings.wrapping_add(1);
        Ok(())
    }

    /// Its resident memory; `before` where no file was left to look. → whether it was told and is still there.
    fn read_memory(&mut self, before: u64, bench: &mut Bench) -> bool {
        let statm = match &self.files {
            Some(files) => files.statm(&mut bench.text[..]),
            None => files::by_path(self.reading.pid, "statm", &mut bench.text[..]),
        };
        if statm == Err(Missing::Unknown) {
            // No file was left for it: as it was, as far as anybody knows.
            self.reading.rss_bytes = before;
            return false;
        }
        let pages = pages_of(statm.unwrap_or_default());
        self.pages = pages.unwrap_or_default();
        self.reading.rss_bytes = self.pages.1 * bench.page_bytes;
        self.reading.zombie = pages.is_some_and(|(space, _)| space == 0);
        !self.reading.zombie
    }

    /// Of its first thread alone: what the whole process waited is at least this.
    fn read_wait(&mut self, bench: &mut Bench) -> Option<u64> {
        let line = match &mut self.files {
            Some(files) => files.schedstat(&mut bench.text[..], &mut bench.allowance),
            None => files::by_path(self.reading.pid, "schedstat", &mut bench.text[..]),
        };
        let mut numbers = Numbers { rest: line.ok()? };
        let (ran, waited) = (numbers.next()?, numbers.next()?);
        // Kernels that do not keep it say that nothing ever ran.
        (ran > 0).then_some(waited)
    }

    fn read_io(&mut self, bench: &mut Bench) {
        if self.reading.is_closed {
            return;
        }
        let text = match &mut self.files {
            Some(files) => files.io(&mut bench.text[..], &mut bench.allowance),
            None => files::by_path(self.reading.pid, "io", &mut bench.text[..]),
        };
        let Ok(text) = text else {
            self.reading.is_closed = text == Err(Missing::Gone);
            return;
        };
        let count = |label| labelled(text, label).map(|own| Count { own, waited: 0 });
        self.reading.counts.read = count(b"read_bytes:");
        self.reading.counts.written = count(b"write_bytes:");
    }

    /// Memory can have been higher since the last reading only if pages were faulted in; and what has changed how it is
    /// told of its children has, mostly. What has ended is asked once more.
    fn read_status(&mut self, bench: &mut Bench) {
        let status = match &mut self.files {
            Some(files) => files.status(&mut bench.text[..], &mut bench.allowance),
            None => files::by_path(self.reading.pid, "status", &mut bench.text[..]),
        };
        let Ok(status) = status else { return };
        if let Some(ignored) = hexadecimal(status, b"SigIgn:") {
            self.reading.ignores_children = ignored & 1 << (libc::SIGCHLD - 1) != 0;
        }
        let Some(kb) = labelled(status, b"VmHWM:") else { return };
        let peak_bytes = kb * BYTES_PER_KB;
        // A mark that has not moved was made in an interval before; a lower one is that of another program.
        if peak_bytes != self.peak_bytes {
            self.peak_bytes = peak_bytes;
            self.reading.spike_bytes = peak_bytes.saturating_sub(self.reading.rss_bytes);
        }
    }

    /// Its children, put into `found`, which is empty.
    pub(super) fn children(&mut self, found: &mut Vec<u32>, bench: &mut Bench) {
        let Reading { pid, threads, .. } = self.reading;
        match &mut self.files {
            Some(files) => {
                files.children(pid, threads, found, &mut bench.text[..], &mut bench.allowance);
            }
            None => files::children_by_path(pid, threads, found, &mut bench.text[..]),
        }
        self.has_children = !found.is_empty();
    }
}

/// Pages of address space and of resident memory in a `statm`.
fn pages_of(statm: &[u8]) -> Option<(u64, u64)> {
    let mut numbers = Numbers { rest: statm };
    Some((numbers.next()?, numbers.next()?))
}

//! The files of one process that are kept open, and how many of them all processes together may keep.
//!
//! A kept file is read again by one `pread`, and names its process for ever: when that is gone it says so, whoever has
//! the pid by then.

use std::fs::File;
use std::io::{self, Read as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, OwnedFd};

use rustix::fs::{CWD, Mode, OFlags, RawDir, openat};
use rustix::io::{Errno, pread};

use super::stat::Numbers;
use crate::sampler::room;

/// Processes whose files are kept; of the rest they are opened anew each time.
const MAX_KEPT: usize = 2000;

/// Threads of one process whose lists of children are kept open.
const MAX_THREADS: usize = 64;

/// More than any of the files that are one answer: `status` is the longest, with 1.5 KB.
pub(super) const TEXT_BYTES: usize = 4096;

/// A list of children that fills less of the buffer is whole: the kernel hands on what fits.
const WHOLE_BELOW: usize = TEXT_BYTES - 64;

/// Why a process was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// There is none, or none that we may see.
    Gone,
    /// It cannot be said now: bpd has no descriptors left, or none for the sampler.
    Unknown,
}

impl From<Errno> for Missing {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::MFILE | Errno::NFILE | Errno::NOMEM => Self::Unknown,
            _ => Self::Gone,
        }
    }
}

impl From<io::Error> for Missing {
    fn from(error: io::Error) -> Self {
        Errno::from_io_error(&error).map_or(Self::Gone, Self::from)
    }
}

/// How many files may still be kept.
#[derive(Debug)]
pub(super) struct Allowance {
    pub files: usize,
    processes: usize,
    /// They have run out once since nothing was kept: only what is needed at every reading is kept from now on.
    pub thrifty: bool,
}

impl Allowance {
    /// As the limit of this process has it.
    pub(super) fn new() -> Self {
        Self::of(room::for_files())
    }

    pub(super) fn of(files: usize) -> Self {
        Self { files, processes: MAX_KEPT, thrifty: false }
    }

    fn take(&mut self, files: usize) -> bool {
        let enough = self.files >= files;
        if enough {
            self.files -= files;
        }
        enough
    }

    /// Somebody else has used them up.
    pub(super) fn exhaust(&mut self) {
        self.files = 0;
        self.thrifty = true;
    }
}

#[derive(Debug)]
pub(super) struct Files {
    dir: OwnedFd,
    stat: OwnedFd,
    statm: OwnedFd,
    status: Option<OwnedFd>,
    schedstat: Option<OwnedFd>,
    io: Option<OwnedFd>,
    threads: Vec<Thread>,
}

/// A thread and the list of the children that it forked.
#[derive(Debug)]
struct Thread {
    tid: u32,
    children: OwnedFd,
}

/// What is kept of every process that is kept at all.
const NEEDED: usize = 3;

impl Files {
    /// `Ok(None)`: there is a process, and no allowance to keep its files.
    pub(super) fn open(pid: u32, allowance: &mut Allowance) -> Result<Option<Self>, Missing> {
        if allowance.processes == 0 || !allowance.take(NEEDED) {
            allowance.thrifty |= allowance.processes > 0;
            return Ok(None);
        }
        let opened = Self::try_open(pid);
        match opened {
            Ok(files) => {
                allowance.processes -= 1;
                Ok(Some(files))
            }
            Err(Missing::Unknown) => {
                allowance.exhaust();
                Ok(None)
            }
            Err(Missing::Gone) => {
                allowance.files += NEEDED;
                Err(Missing::Gone)
            }
        }
    }

    fn try_open(pid: u32) -> Result<Self, Missing> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = openat(CWD, format!("/proc/{pid}"), flags, Mode::empty())?;
        let stat = below(&dir, "stat")?;
        let statm = below(&dir, "statm")?;
        if ![&dir, &stat, &statm].into_iter().all(room::may_keep) {
            return Err(Missing::Unknown);
        }
        Ok(Self { dir, stat, statm, status: None, schedstat: None, io: None, threads: Vec::new() })
    }

    pub(super) fn close(self, allowance: &mut Allowance) {
        let more = [&self.status, &self.schedstat, &self.io].into_iter().flatten().count();
        allowance.files += NEEDED + more + self.threads.len();
        allowance.processes += 1;
    }

    /// Gives up what can be opened again.
    pub(super) fn shed(&mut self, allowance: &mut Allowance) {
        let given_up = [self.status.take(), self.schedstat.take(), self.io.take()];
        allowance.files += given_up.iter().flatten().count() + self.threads.len();
        self.threads = Vec::new();
    }

    pub(super) fn stat<'a>(&self, text: &'a mut [u8]) -> Result<&'a [u8], Missing> {
        let length = pread(&self.stat, &mut *text, 0)?;
        Ok(&text[..length])
    }

    pub(super) fn statm<'a>(&self, text: &'a mut [u8]) -> Result<&'a [u8], Missing> {
        let length = pread(&self.statm, &mut *text, 0)?;
        Ok(&text[..length])
    }

    pub(super) fn status<'a>(
        &mut self,
        text: &'a mut [u8],
        allowance: &mut Allowance,
    ) -> Result<&'a [u8], Missing> {
        kept_or_not(&self.dir, &mut self.status, "status", text, allowance)
    }

    pub(super) fn schedstat<'a>(
        &mut self,
        text: &'a mut [u8],
        allowance: &mut Allowance,
    ) -> Result<&'a [u8], Missing> {
        kept_or_not(&self.dir, &mut self.schedstat, "schedstat", text, allowance)
    }

    pub(super) fn io<'a>(
        &mut self,
        text: &'a mut [u8],
        allowance: &mut Allowance,
    ) -> Result<&'a [u8], Missing> {
        kept_or_not(&self.dir, &mut self.io, "io", text, allowance)
    }

    /// Appends the children, which are listed by the thread that forked them. `threads` = how many there are.
    pub(super) fn children(
        &mut self,
        pid: u32,
        threads: u32,
        found: &mut Vec<u32>,
        text: &mut [u8],
        allowance: &mut Allowance,
    ) {
        if let (1, [thread]) = (threads, &self.threads[..])
            && thread.tid == pid
        {
            let _ = list(&thread.children, found, text);
            return;
        }
        // The list of a thread that has ended is empty, and says no more than that: which ones there are must be asked.
        let tids = if threads == 1 { vec![pid] } else { self.tids() };
        let before = self.threads.len();
        self.threads.retain(|thread| tids.contains(&thread.tid));
        allowance.files += before - self.threads.len();
        for tid in tids {
            if let Some(thread) = self.threads.iter().find(|thread| thread.tid == tid) {
                let _ = list(&thread.children, found, text);
                continue;
            }
            let Ok(children) = below(&self.dir, &format!("task/{tid}/children")) else { continue };
            let _ = list(&children, found, text);
            let has_room = !allowance.thrifty && self.threads.len() < MAX_THREADS;
            if has_room && room::may_keep(&children) && allowance.take(1) {
                self.threads.push(Thread { tid, children });
            }
        }
    }

    fn tids(&self) -> Vec<u32> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let Ok(task) = openat(&self.dir, "task", flags, Mode::empty()) else { return Vec::new() };
        let mut space = [const { MaybeUninit::uninit() }; 1024];
        let mut entries = RawDir::new(&task, &mut space);
        let mut tids = Vec::new();
        while let Some(Ok(entry)) = entries.next() {
            tids.extend(entry.file_name().to_str().ok().and_then(|name| name.parse::<u32>().ok()));
        }
        tids
    }
}

/// Reads a file that is kept from now on, as long as there are files enough.
fn kept_or_not<'a>(
    dir: &OwnedFd,
    kept: &mut Option<OwnedFd>,
    name: &str,
    text: &'a mut [u8],
    allowance: &mut Allowance,
) -> Result<&'a [u8], Missing> {
    let opened;
    let file = if let Some(file) = &*kept {
        file
    } else {
        opened = below(dir, name)?;
        if allowance.thrifty || !room::may_keep(&opened) || !allowance.take(1) {
            &opened
        } else {
            kept.insert(opened)
        }
    };
    let length = pread(file, &mut *text, 0)?;
    Ok(&text[..length])
}

fn below(dir: &OwnedFd, name: &str) -> Result<OwnedFd, Errno> {
    openat(dir, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
}

/// Appends the pids of a list.
fn list(file: &OwnedFd, found: &mut Vec<u32>, text: &mut [u8]) -> Result<(), Errno> {
    let mut from = 0;
    loop {
        let length = pread(file.as_fd(), &mut *text, from)?;
        // A pid that was cut in two is read again from its beginning.
        let whole = match text[..length].iter().rposition(|byte| *byte == b' ') {
            Some(last) if length >= WHOLE_BELOW => last + 1,
            _ => length,
        };
        found.extend(Numbers { rest: &text[..whole] }.map(|pid| pid as u32));
        if length < WHOLE_BELOW {
            return Ok(());
        }
        from += whole as u64;
    }
}

/// A file of a process of which none is kept.
pub(super) fn by_path<'a>(pid: u32, name: &str, text: &'a mut [u8]) -> Result<&'a [u8], Missing> {
    let length = File::open(format!("/proc/{pid}/{name}"))?.read(text)?;
    Ok(&text[..length])
}

/// As [`Files::children`], of a process of which no file is kept.
pub(super) fn children_by_path(pid: u32, threads: u32, found: &mut Vec<u32>, text: &mut [u8]) {
    let mut of_thread = |tid: &str| {
        if let Ok(children) = File::open(format!("/proc/{pid}/task/{tid}/children")) {
            // Of a thread that ended meanwhile there is nothing to be read.
            let _ = list(&OwnedFd::from(children), found, text);
        }
    };
    if threads == 1 {
        return of_thread(&pid.to_string());
    }
    let Ok(tids) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return };
    for tid in tids.flatten() {
        of_thread(&tid.file_name().to_string_lossy());
    }
}

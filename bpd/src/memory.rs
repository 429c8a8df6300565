//! Returns memory to the operating system after a burst of work: a backlog, a long list, an import.
//!
//! The allocator keeps what was freed, in case it is needed again. bpd mostly waits, so tens of megabytes would stay
//! resident for nothing. When it has grown, a thread waits until the burst is over, trims the heap and ends. An idle bpd
//! has no such thread.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// Growth of the resident memory that is worth a trim.
const WORTH_BYTES: usize = 2 << 20;

/// Heaps of the allocator. bpd works on one thread mostly.
const MAX_HEAPS: i32 = 2;

/// Without work for so long, the burst is over.
const QUIET: Duration = Duration::from_secs(2);
/// Where work never ends, a page that asks each second, memory is returned all the same after so many times [`QUIET`].
const MAX_WAITS: usize = 3;
/// What was still in use at the first trim, an answer on its way to a slow client, is returned by a second one.
const AGAIN: Duration = Duration::from_secs(4);

/// The allocator is one for the whole process, and so is this.
static TRIMMER: Trimmer = Trimmer {
    settled_bytes: AtomicUsize::new(0),
    works: AtomicU64::new(0),
    is_waiting: AtomicBool::new(false),
};

struct Trimmer {
    /// Resident memory after the last trim.
    settled_bytes: AtomicUsize,
    /// Pieces of work so far.
    works: AtomicU64,
    /// Whether a thread waits for the end of a burst.
    is_waiting: AtomicBool,
}

/// Makes all threads allocate from few heaps. What one thread frees, others can use, and less stays in between. Call before
/// there is a second thread.
pub fn use_few_heaps() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[allow(unsafe_code, reason = "no safe wrapper")]
    // SAFETY: it takes no pointer, and this process has one thread yet.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, MAX_HEAPS);
    }
}

/// A piece of work is done that may have used much memory. Costs one reading of `/proc/self/statm`.
pub fn work_done() {
    TRIMMER.works.fetch_add(1, Relaxed);
    let Some(resident) = resident_bytes() else { return };
    if resident < TRIMMER.settled_bytes.load(Relaxed) + WORTH_BYTES || TRIMMER.is_waiting.swap(true, Relaxed)
    {
        return;
    }
    let thread = std::thread::Builder::new().name("trim".to_owned()).stack_size(64 << 10);
    if thread.spawn(|| TRIMMER.trim_after_burst()).is_err() {
        TRIMMER.is_waiting.store(false, Relaxed);
    }
}

impl Trimmer {
    fn trim_after_burst(&self) {
        self.wait_for_quiet();
        self.trim();
        std::thread::sleep(AGAIN);
        self.wait_for_quiet();
        // From here on, further work starts a thread of its own.
        self.is_waiting.store(false, Relaxed);
        self.trim();
    }

    fn wait_for_quiet(&self) {
        for _ in 0..MAX_WAITS {
            let before = self.works.load(Relaxed);
            std::thread::sleep(QUIET);
            if self.works.load(Relaxed) == before {
                return;
            }
        }
    }

    fn trim(&self) {
        trim_heap();
        if let Some(resident) = resident_bytes() {
            tracing::debug!(resident_mb = resident >> 20, "unused memory was returned");
            self.settled_bytes.store(resident, Relaxed);
        }
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "no safe wrapper")]
fn trim_heap() {
    // SAFETY: it takes no pointer, and may be called at any time from any thread.
    unsafe { libc::malloc_trim(0) };
}

/// Other allocators return memory by themselves, or cannot be asked.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn trim_heap() {}

/// `None` where the system does not tell.
fn resident_bytes() -> Option<usize> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: usize = statm.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size())
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn memory_of_a_burst_is_returned() {
        let before = resident_bytes().unwrap();
        // Small pieces, with some in between that stay: the end of the heap does not move.
        let mut pieces: Vec<_> = (0..400_000).map(|_| vec![1_u8; 200]).collect();
        let grown = resident_bytes().unwrap() - before;
        assert!(grown > 60 << 20, "{grown}");
        let mut nth = 0;
        pieces.retain(|_| {
            nth += 1;
            nth % 1000 == 0
        });
        work_done();
        let deadline = Instant::now() + Duration::from_secs(60);
        while resident_bytes().unwrap() > before + (20 << 20) {
            assert!(Instant::now() < deadline, "{} MiB stay", (resident_bytes().unwrap() - before) >> 20);
            std::thread::sleep(Duration::from_millis(50));
        }
        drop(pieces);
    }
}

//! A directory of one test's own. It goes when nobody needs it any more, and with it a bpd that still runs there: one that
//! outlived its directory would make it again.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// How long a bpd may take that stops.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone)]
pub(crate) struct Scratch {
    dir: Arc<Dir>,
}

struct Dir(TempDir);

impl Scratch {
    pub(crate) fn new() -> Self {
        // Short: the path of a socket has 107 bytes.
        let dir = tempfile::Builder::new().prefix("bp").tempdir_in("/tmp").unwrap();
        Self { dir: Arc::new(Dir(dir)) }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.0.path()
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let lock = self.0.path().join("bp/data/bpd.lock");
        let began = Instant::now();
        while is_held(&lock) {
            let signal = if began.elapsed() < PATIENCE { Signal::TERM } else { Signal::KILL };
            for signal in [signal, Signal::CONT] {
                let _ = holder(&lock).map(|pid| kill_process(pid, signal));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn is_held(lock: &Path) -> bool {
    File::open(lock).is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockShared).is_err())
}

fn holder(lock: &Path) -> Option<Pid> {
    Pid::from_raw(fs::read_to_string(lock).ok()?.trim().parse().ok()?)
}

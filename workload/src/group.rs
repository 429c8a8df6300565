//! A control group (cgroup v2) for one program and what it starts, as a terminal's tab has one: the kernel's account of
//! it is the truth whoever waits for whom.

#![allow(unsafe_code, reason = "a child enters the group between fork and exec")]

use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Processes that were killed leave within this.
const PATIENCE: Duration = Duration::from_secs(10);

/// Removed, with what is left in it, when it is dropped.
#[derive(Debug)]
pub struct Group {
    path: PathBuf,
    /// Made for it alone, where the machine has groups and shows them read-only.
    mount: Option<PathBuf>,
}

impl Group {
    /// An error: this user may make none, nor mount them.
    pub fn new() -> io::Result<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("workload-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let mounts = fs::read_to_string("/proc/self/mountinfo")?;
        for path in mounted(&mounts).map(|mount| mount.join(&name)) {
            if fs::create_dir(&path).is_ok() {
                return Ok(Self { path, mount: None });
            }
        }
        let mount = std::env::temp_dir().join(&name);
        fs::create_dir(&mount)?;
        let mounted = Command::new("mount").args(["-t", "cgroup2", "none"]).arg(&mount).status();
        if mounted.is_ok_and(|status| status.success()) {
            let path = mount.join(&name);
            let made = Self { path, mount: Some(mount) };
            return fs::create_dir(&made.path).map(|()| made);
        }
        fs::remove_dir(&mount)?;
        Err(io::Error::other(
            "no control group of version 2 can be made here; root may, with cgroup2 mounted writable",
        ))
    }

    /// `command` will be in it, and what it starts; also if it gives up its privileges.
    pub fn put(&self, command: &mut Command) -> io::Result<()> {
        let processes = File::options().write(true).open(self.path.join("cgroup.procs"))?;
        // SAFETY: one system call, allowed between fork and exec; the descriptor is the closure's own.
        unsafe {
            command.pre_exec(move || rustix::io::write(&processes, b"0").map(drop).map_err(Into::into));
        }
        Ok(())
    }

    /// CPU time of all that was in it.
    pub fn seconds(&self) -> io::Result<f64> {
        let stat = fs::read_to_string(self.path.join("cpu.stat"))?;
        let usage = stat.lines().find_map(|line| line.strip_prefix("usage_usec "));
        let usage = usage.and_then(|usage| usage.parse::<f64>().ok());
        usage.map(|us| us / 1e6).ok_or_else(|| io::Error::other("cpu.stat has no usage_usec"))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn is_empty(&self) -> io::Result<bool> {
        Ok(fs::read_to_string(self.path.join("cgroup.procs"))?.is_empty())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let until = Instant::now() + PATIENCE;
        while fs::remove_dir(&self.path).is_err() && self.path.exists() && Instant::now() < until {
            // Since Linux 5.14; older ones wait for the processes to end by themselves.
            fs::write(self.path.join("cgroup.kill"), "1").ok();
            std::thread::sleep(Duration::from_millis(5));
        }
        if let Some(mount) = &self.mount {
            Command::new("umount").arg(mount).status().ok();
            fs::remove_dir(mount).ok();
        }
    }
}

/// Where a `mountinfo` has control groups of version 2.
fn mounted(mounts: &str) -> impl Iterator<Item = PathBuf> {
    mounts.lines().filter_map(|line| {
        let (place, what) = line.split_once(" - ")?;
        what.starts_with("cgroup2 ").then(|| PathBuf::from(place.split(' ').nth(4).unwrap_or_default()))
    })
}

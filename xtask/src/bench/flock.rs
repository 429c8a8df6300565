//! Processes that are there to be looked at.

use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};

/// A process and its children; all end when this is dropped.
pub(super) struct Flock(Child);

impl Flock {
    /// A process with `children`, each of which (or the one, when there is none) does something `every` so many
    /// milliseconds, or nothing at all. All are there when this returns.
    pub(super) fn start(programs: &Path, children: usize, every: Option<usize>) -> Result<Self> {
        let mut command = Command::new(programs.join("workload"));
        command.args(["flock", &children.to_string()]);
        if let Some(every) = every {
            command.args(["--every", &every.to_string()]);
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut out = child.stdout.take().context("it has no output")?;
        let flock = Self(child);
        out.read_exact(&mut [0]).context("the processes were not started")?;
        Ok(flock)
    }

    pub(super) fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Flock {
    fn drop(&mut self) {
        // The children ask the kernel to die with it.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

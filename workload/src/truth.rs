//! What a workload has cost by its own account, kept in a file: one line of JSON for each process that accounts for
//! itself. The truth is their sum.
//!
//! A process accounts for itself and for the children it has waited for; one that nobody waits for (a daemon, a child
//! of a parent that ignores SIGCHLD) writes a line of its own as the last thing it does. Nothing of it depends on
//! privileges or on the kernel's configuration.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

/// One process's account of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub pid: u32,
    /// CPU time of the process and of the children it has waited for, nanoseconds.
    pub cpu_ns: u64,
    /// Peak resident set of the largest single process among them.
    pub largest_bytes: u64,
    /// The most that the resident sets of all processes came to together, where that is known.
    pub together_bytes: Option<u64>,
}

impl Report {
    /// Adds it to `path` in one write: several processes may write at once.
    pub fn append(&self, path: &Path) -> io::Result<()> {
        let line = serde_json::to_string(self)? + "\n";
        fs::OpenOptions::new().append(true).create(true).open(path)?.write_all(line.as_bytes())
    }
}

/// What all of a workload has cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    pub cpu_ns: u64,
    pub largest_bytes: u64,
    pub together_bytes: Option<u64>,
}

impl Truth {
    /// The sum of `reports` reports in `path`; `None` while fewer are there.
    pub fn read(path: &Path, reports: usize) -> io::Result<Option<Self>> {
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            text => text?,
        };
        let lines: Vec<Report> =
            text.lines().map(serde_json::from_str).collect::<Result<_, serde_json::Error>>()?;
        if lines.len() > reports {
            let what = format!("{} reports in {}, {reports} expected", lines.len(), path.display());
            return Err(io::Error::other(what));
        }
        Ok((lines.len() == reports).then(|| Self::sum(&lines)))
    }

    fn sum(reports: &[Report]) -> Self {
        Self {
            cpu_ns: reports.iter().map(|report| report.cpu_ns).sum(),
            largest_bytes: reports.iter().map(|report| report.largest_bytes).max().unwrap_or(0),
            together_bytes: reports.iter().filter_map(|report| report.together_bytes).max(),
        }
    }

    /// CPU time in seconds.
    pub fn cpu_seconds(&self) -> f64 {
        self.cpu_ns as f64 / 1e9
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(pid: u32, cpu_ns: u64, largest_bytes: u64) -> Report {
        Report { pid, cpu_ns, largest_bytes, together_bytes: None }
    }

    #[test]
    fn the_truth_is_whole_when_every_process_has_reported() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("truth");
        assert_eq!(Truth::read(&file, 1).unwrap(), None);
        report(1, 5, 7).append(&file).unwrap();
        assert_eq!(Truth::read(&file, 2).unwrap(), None);
        Report { together_bytes: Some(9), ..report(2, 6, 3) }.append(&file).unwrap();
        let whole = Truth { cpu_ns: 11, largest_bytes: 7, together_bytes: Some(9) };
        assert_eq!(Truth::read(&file, 2).unwrap(), Some(whole));
        assert!(Truth::read(&file, 1).is_err(), "more reports than processes");
    }
}

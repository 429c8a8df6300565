//! Processes by `/proc` and by their CPU clocks. Reads only what it is asked for and what descends from it: its cost
//! does not grow with the machine's other processes, as long as the kernel lists children (`CONFIG_PROC_CHILDREN`).

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs;
use std::io::Read as _;

use bp_proto::process::{self, TICKS_PER_SECOND};

use super::{MAX_READINGS, Reading};

const NS_PER_TICK: u64 = 1_000_000_000 / TICKS_PER_SECOND;

/// Longest `stat` and `statm` line: 52 numbers and a name.
const LINE_BYTES: usize = 1024;

#[derive(Debug)]
pub(crate) struct Probe {
    page_bytes: u64,
    lists_children: bool,
}

impl Probe {
    pub(crate) fn new() -> Self {
        let own = std::process::id();
        Self {
            page_bytes: rustix::param::page_size() as u64,
            lists_children: fs::metadata(format!("/proc/{own}/task/{own}/children")).is_ok(),
        }
    }

    /// The processes `pids`, as far as they exist, and those below them that are wanted, where it is wanted to look
    /// below a process; each once. A process stands before its children: who reads the waited-for time of a parent
    /// before its children's own time counts nothing twice.
    pub(crate) fn with_descendants(
        &mut self,
        pids: impl IntoIterator<Item = u32>,
        is_wanted: impl Fn(u32) -> bool,
        looks_below: impl Fn(&Reading) -> bool,
    ) -> Vec<Reading> {
        let mut scanned = None;
        let mut queue: VecDeque<u32> = pids.into_iter().collect();
        let mut seen: HashSet<u32> = queue.iter().copied().collect();
        let mut readings = Vec::new();
        while let Some(pid) = queue.pop_front() {
            let Some(reading) = self.process(pid) else { continue };
            let is_end = !looks_below(&reading);
            readings.push(reading);
            if readings.len() == MAX_READINGS {
                tracing::warn!("more than {MAX_READINGS} processes in the open runs; the rest is not read");
                break;
            }
            if is_end {
                continue;
            }
            let children = if self.lists_children {
                children_of(pid)
            } else {
                scanned.get_or_insert_with(children_by_parent).get(&pid).cloned().unwrap_or_default()
            };
            queue.extend(children.into_iter().filter(|child| is_wanted(*child) && seen.insert(*child)));
        }
        readings
    }

    /// Whether this process lives or waits for its parent.
    #[allow(clippy::unused_self, reason = "the portable probe needs itself for it")]
    pub(crate) fn is_there(&self, pid: u32, start_ticks: u64) -> bool {
        process::start_ticks(pid) == Some(start_ticks)
    }

    /// One process; `None` when it is gone.
    pub(crate) fn process(&self, pid: u32) -> Option<Reading> {
        let mut line = [0; LINE_BYTES];
        let stat = read_line(&format!("/proc/{pid}/stat"), &mut line)?;
        let zombie = matches!(process::state(stat)?, b'Z' | b'X' | b'x');
        let ticks = |field| process::stat_field(stat, field).unwrap_or(0);
        let own_in_ticks = (ticks(14) + ticks(15)) * NS_PER_TICK;
        let mut reading = Reading {
            pid,
            start_ticks: process::stat_field(stat, 22)?,
            parent: process::stat_field(stat, 4)? as u32,
            name: name(stat)?,
            own_ns: clock::of(pid).unwrap_or(own_in_ticks).max(own_in_ticks),
            waited_ns: (ticks(16) + ticks(17)) * NS_PER_TICK,
            rss_bytes: 0,
            zombie,
        };
        if !zombie {
            let mut line = [0; LINE_BYTES];
            let statm = read_line(&format!("/proc/{pid}/statm"), &mut line).unwrap_or_default();
            let mut pages =
                statm.split(|byte| *byte == b' ').map(|word| str::from_utf8(word).ok()?.parse().ok());
            let (size, resident): (Option<u64>, Option<u64>) =
                (pages.next().flatten(), pages.next().flatten());
            reading.rss_bytes = resident.unwrap_or(0) * self.page_bytes;
            // What still has an address space has a size, even when all of it is swapped out.
            reading.zombie = size == Some(0);
        }
        Some(reading)
    }
}

/// What fits of a file that is one short line.
fn read_line<'a>(path: &str, line: &'a mut [u8; LINE_BYTES]) -> Option<&'a [u8]> {
    let length = fs::File::open(path).ok()?.read(line).ok()?;
    (length > 0).then_some(&line[..length])
}

fn name(stat: &[u8]) -> Option<String> {
    let from = stat.iter().position(|byte| *byte == b'(')? + 1;
    let to = stat.iter().rposition(|byte| *byte == b')')?;
    Some(String::from_utf8_lossy(stat.get(from..to)?).into_owned())
}

/// Children are listed by the thread that forked them.
fn children_of(pid: u32) -> Vec<u32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let mut children = Vec::new();
    for thread in threads.flatten() {
        let list = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        children.extend(list.split_ascii_whitespace().filter_map(|child| child.parse::<u32>().ok()));
    }
    children
}

/// For kernels that do not list children: every process asked who its parent is.
fn children_by_parent() -> HashMap<u32, Vec<u32>> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    let Ok(entries) = fs::read_dir("/proc") else { return children };
    for entry in entries.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let mut line = [0; LINE_BYTES];
        let parent =
            read_line(&format!("/proc/{pid}/stat"), &mut line).and_then(|stat| process::stat_field(stat, 4));
        if let Some(parent) = parent {
            children.entry(parent as u32).or_default().push(pid);
        }
    }
    children
}

mod clock {
    #![allow(unsafe_code, reason = "no safe wrapper reads another process's CPU clock")]

    /// CPU time of all threads of `pid`, nanoseconds; `None` when it is gone.
    pub(super) fn of(pid: u32) -> Option<u64> {
        let mut clock = 0;
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: both calls only write through the pointers, which are valid for the calls.
        let read = unsafe {
            libc::clock_getcpuclockid(pid.try_into().ok()?, &raw mut clock) == 0
                && libc::clock_gettime(clock, &raw mut time) == 0
        };
        read.then_some(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_found_below_its_parent_with_both_ways_of_finding_children() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        for lists_children in [true, false] {
            let mut probe = Probe { lists_children, ..Probe::new() };
            let readings = probe.with_descendants([std::process::id()], |_| true, |_| true);
            assert_eq!(readings[0].pid, std::process::id());
            let found = readings.iter().find(|reading| reading.pid == child.id());
            assert_eq!(found.unwrap().parent, std::process::id(), "lists_children: {lists_children}");
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(Probe::new().process(child.id()), None);
    }

    #[test]
    fn both_probes_see_the_same_process() {
        let mut child = std::process::Command::new("sh")
            .args(["-c", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; echo done; read x"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut done = [0; 4];
        child.stdout.as_mut().unwrap().read_exact(&mut done).unwrap();
        let here = Probe::new().process(child.id()).unwrap();
        let portable =
            super::super::portable::Probe::new().with_descendants([child.id()], |_| true, |_| true);
        drop(child.stdin.take());
        child.wait().unwrap();

        let [there] = &portable[..] else { panic!("{portable:?}") };
        assert_eq!((here.pid, here.parent, &here.name), (there.pid, there.parent, &there.name));
        assert!(here.own_ns > 0 && here.own_ns.abs_diff(there.own_ns) <= 20_000_000, "{here:?} {there:?}");
        assert!(
            here.rss_bytes > 0 && here.rss_bytes.abs_diff(there.rss_bytes) < 1 << 20,
            "{here:?} {there:?}"
        );
    }
}

//! Lines that have begun in a shell which has not reported them: bash's PS0 opens a file in the shell's `/proc` directory.
//!
//! bash cannot report `( … )` before it runs, nor any line while another program replaces the DEBUG trap at each prompt. But
//! from bash 5.2 on its PS0 opens a file without a fork, and inotify reports that. The open alone proves little: any program
//! may open that file. So a line has begun when the shell has started a process since, or is busy itself.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::time::{Duration, Instant};

use bp_proto::process::{self, TICKS_PER_SECOND, stat_field};

use super::session::Arrival;

/// When to look at a shell again that has opened its file and shows nothing yet. After the last the open meant nothing.
const LOOKS: [Duration; 9] = [
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(20),
    Duration::from_millis(40),
    Duration::from_millis(80),
    Duration::from_millis(160),
    Duration::from_millis(320),
    Duration::from_millis(640),
    Duration::from_millis(1280),
];

/// A shell that reads the terminal again after its prompt sleeps by then.
const LEAST_BUSY: Duration = Duration::from_millis(20);

/// How long bpd may take to hear of an open. The line's first process may be that much older than the event.
const HEARING_DELAY: Duration = Duration::from_millis(200);

/// The name of the hook's client, as `/proc/PID/stat` has it.
const CLIENT: &[u8] = b"(bpctl)";

/// Opens that were heard and not explained yet. With more, they are not a person's.
const MAX_WAITING: usize = 256;

/// A line that has begun.
#[derive(Debug)]
pub(super) struct LineStart {
    pub(super) pid: u32,
    /// The shell's working directory, bytes.
    pub(super) cwd: Vec<u8>,
    /// When bpd heard of it.
    pub(super) arrival: Arrival,
    /// How long before that the line had begun at the latest.
    pub(super) lead: Duration,
}

#[derive(Debug)]
struct Waiting {
    arrival: Arrival,
    looks: usize,
    due: Instant,
}

#[derive(Debug, Default)]
pub(super) struct LineStarts {
    waiting: BTreeMap<u32, Waiting>,
}

impl LineStarts {
    /// The file of the shell `pid` was opened. → whether that may mean a line.
    pub(super) fn opened(&mut self, pid: u32, arrival: Arrival) -> bool {
        if self.waiting.len() >= MAX_WAITING {
            return false;
        }
        self.waiting.insert(pid, Waiting { arrival, looks: 0, due: Instant::now() });
        true
    }

    /// The shell has reported the start itself.
    pub(super) fn reported(&mut self, pid: u32) {
        self.waiting.remove(&pid);
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.waiting.values().map(|waiting| waiting.due).min()
    }

    /// Looks at the shells that are due. → the lines that have begun there.
    pub(super) fn look(&mut self, now: Instant) -> Vec<LineStart> {
        let due: Vec<u32> =
            self.waiting.iter().filter(|(_, waiting)| waiting.due <= now).map(|(pid, _)| *pid).collect();
        let mut begun = Vec::new();
        for pid in due {
            let Some(mut waiting) = self.waiting.remove(&pid) else { continue };
            if let Some(lead) = lead_of_work(pid, waiting.arrival) {
                let Ok(cwd) = fs::read_link(format!("/proc/{pid}/cwd")) else { continue };
                let cwd = cwd.into_os_string().into_vec();
                begun.push(LineStart { pid, cwd, arrival: waiting.arrival, lead });
            } else if let Some(pause) = LOOKS.get(waiting.looks) {
                waiting.looks += 1;
                waiting.due = now + *pause;
                self.waiting.insert(pid, waiting);
            }
        }
        begun
    }
}

/// How long before `heard` the shell `pid` began to work at the latest; `None` if it does nothing. It works if it has a
/// process that it started since its file was opened, or is busy long after. That process may be older than `heard`:
/// on a busy machine bpd hears of the open late.
fn lead_of_work(pid: u32, heard: Arrival) -> Option<Duration> {
    let heard_at = heard.boot?;
    let stat = process::stat(pid).ok()?;
    let first_tick = ticks_of(heard_at.saturating_sub(HEARING_DELAY));
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let started = children.split_whitespace().filter_map(|child| start_of_living(child.parse().ok()?));
    if let Some(tick) = started.filter(|tick| *tick >= first_tick).min() {
        let started_at = Duration::from_millis(tick * 1000 / TICKS_PER_SECOND);
        return Some(heard_at.saturating_sub(started_at));
    }
    let open_for = super::session::since_boot().saturating_sub(heard_at);
    (process::state(&stat) == Some(b'R') && open_for >= LEAST_BUSY).then_some(Duration::ZERO)
}

fn ticks_of(since_boot: Duration) -> u64 {
    since_boot.as_millis() as u64 * TICKS_PER_SECOND / 1000
}

/// The start of a process in clock ticks since the boot; `None` if it has ended, or is the hook's own client.
fn start_of_living(pid: u32) -> Option<u64> {
    let stat = process::stat(pid).ok()?;
    let is_alive = !matches!(process::state(&stat), Some(b'Z' | b'X' | b'x'));
    // With `BP_TRANSPORT=socket` the hook reports by a client.
    let is_client = stat.windows(CLIENT.len()).any(|name| name == CLIENT);
    if is_alive && !is_client { stat_field(&stat, 22) } else { None }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_line_has_begun_when_the_shell_has_started_a_process_since() {
        let mut shell = Command::new("bash").args(["-c", "sleep 1000 & wait"]).spawn().unwrap();
        let pid = shell.id();
        let children = format!("/proc/{pid}/task/{pid}/children");
        while fs::read_to_string(&children).is_ok_and(|children| children.is_empty()) {
            std::thread::yield_now();
        }
        let (now, second) = (Arrival::now(), Duration::from_secs(1));
        let at = |boot: Duration| Arrival { boot: Some(boot), ..now };
        let boot = now.boot.unwrap();
        let child = fs::read_to_string(&children).unwrap().trim().parse().unwrap();
        let child_tick = start_of_living(child).unwrap();
        assert_eq!(lead_of_work(pid, at(boot + second)), None, "the child is older than the open");
        let heard_late = boot + Duration::from_millis(50);
        let lead = lead_of_work(pid, at(heard_late)).expect("bpd has heard of the open late");
        assert!(ticks_of(heard_late.saturating_sub(lead)) <= child_tick, "the line began before its child");
        let early = lead_of_work(pid, at(boot.saturating_sub(second)));
        assert_eq!(early, Some(Duration::ZERO), "the open was before the child");
        let mut starts = LineStarts::default();
        assert!(starts.opened(pid, at(boot.saturating_sub(second))));
        let begun = starts.look(Instant::now() + second);
        let sleep = fs::read_to_string(&children).unwrap();
        Command::new("kill").arg(sleep.trim()).status().unwrap();
        shell.kill().unwrap();
        shell.wait().unwrap();
        let [start] = &begun[..] else { panic!("{begun:?}") };
        assert_eq!((start.pid, &start.cwd[..1]), (pid, &b"/"[..]));
        assert_eq!(starts.deadline(), None);
        assert!(starts.opened(pid, now));
        starts.reported(pid);
        assert_eq!(starts.deadline(), None);
    }

    #[test]
    fn an_open_that_nothing_follows_is_given_up() {
        let mut starts = LineStarts::default();
        // No process has this pid.
        assert!(starts.opened(4_100_000, Arrival::now()));
        let mut now = Instant::now();
        for _ in 0..=LOOKS.len() {
            assert!(starts.deadline().is_some());
            now += Duration::from_secs(2);
            assert!(starts.look(now).is_empty());
        }
        assert_eq!(starts.deadline(), None);
    }
}

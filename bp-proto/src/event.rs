//! Events: what a hook or a client reports. Everything that changes the store is one of them.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};
use ulid::Ulid;

use crate::activity::Activity;
use crate::actor::Actor;
use crate::ignore::IGNORED;
use crate::mask::Kept;
use crate::run::{Child, Context, Git, Quality, Rest};
use crate::surroundings::Surroundings;
use crate::time::UnixMillis;

/// A run begins. Made by a hook's mailbox record, by `bpctl run`, or by `POST /runs`; the text is masked already.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Start {
    pub uid: Ulid,
    pub draft: Draft,
    /// What is to be sampled and watched; `None` for posted runs, whose client sends the samples.
    pub owner: Option<Owner>,
    /// The process that started the owner (`bpctl run`: its parent), by which bpd finds the run it is nested in.
    #[serde(default)]
    pub under: Option<Owner>,
    /// The run this one is nested in. A client may claim `$BP_RUN`; bpd believes what it sees in the process tree
    /// first, and the claim only while that run is open.
    pub parent: Option<Ulid>,
    pub context: Option<Context>,
}

/// What is said of a run when it begins.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// `None` when hidden.
    pub command: Option<String>,
    pub command_truncated: Option<u64>,
    #[serde(default)]
    pub masked: Vec<String>,
    pub cwd: Option<String>,
    pub project: Option<String>,
    pub git: Option<Git>,
    pub host: String,
    pub shell: Option<String>,
    pub session: Option<String>,
    #[serde(default)]
    pub actor: Actor,
    /// [`UnixMillis::UNDATED`] for an imported line whose date is not known.
    pub started_at: UnixMillis,
    pub source: Source,
    #[serde(default)]
    pub tags: Vec<String>,
    pub note: Option<String>,
    /// Whether the shell will still say what was typed; `command` is `None` until then.
    #[serde(default)]
    pub text_pending: bool,
    /// It is told when its line has ended: what is read of its shell from now on is not its. Of no use later, and kept
    /// nowhere.
    #[serde(default, skip)]
    pub is_over: bool,
}

impl Draft {
    /// What was masked or cut before it came here stays known as such.
    pub fn keep(&mut self, kept: Kept) {
        self.command = Some(kept.text);
        self.command_truncated = self.command_truncated.or(kept.truncated);
        for rule in kept.rules {
            if !self.masked.contains(&rule) {
                self.masked.push(rule);
            }
        }
    }

    /// A rule of the user's says that nothing of the text is kept.
    pub fn ignored(&mut self) {
        (self.command, self.command_truncated) = (None, None);
        self.masked = vec![IGNORED.to_owned()];
    }

    /// What stands for an ignored text (`bpctl run`) has told what the line is to bp, and is not kept.
    pub fn drop_stand_in(&mut self) {
        if self.is_ignored() {
            self.command = None;
        }
    }

    /// Whether [`Self::ignored`] was said.
    pub fn is_ignored(&self) -> bool {
        self.masked.iter().any(|rule| rule == IGNORED)
    }
}

/// Which door a run came in by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A shell's hook: the owner is the shell, the run's processes are those it starts from now on.
    #[default]
    Hook,
    /// `bpctl run`: the owner is the wrapper, the run's processes are its descendants.
    Wrapper,
    /// `POST /runs`: with a pid, that process and its descendants.
    Api,
    Import,
}

/// The process that stands for a run: the shell, `bpctl run`, or the process named by `POST /runs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Owner {
    pub pid: u32,
    /// Clock ticks since boot (field 22 of `/proc/PID/stat`): with `pid` it names a process for ever.
    /// 0 = unknown; bpd looks it up.
    pub start_ticks: u64,
}

/// A run ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finish {
    pub uid: Ulid,
    pub finished_at: UnixMillis,
    /// Monotonic; `None` = `finished_at` − `started_at`.
    #[serde(default, deserialize_with = "crate::time::bounded")]
    pub took: Option<Duration>,
    pub ending: Ending,
    /// As far as the reporter knows them; the sampler completes them.
    pub totals: Option<Totals>,
    /// Filled by the sampler.
    #[serde(default)]
    pub children: Vec<Child>,
    /// Filled by the sampler, but for what is derived.
    #[serde(default)]
    pub rest: Option<Rest>,
    /// Told by `bpctl run`, and not recorded as such.
    #[serde(default)]
    pub waited: Option<Waited>,
    #[serde(default)]
    pub background: bool,
}

/// A process that has ended, by who waited for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waited {
    pub pid: u32,
    pub name: String,
    /// Of its own threads alone.
    #[serde(deserialize_with = "whole")]
    pub cpu_ns: u64,
    /// `None` where that of a child of its own may be larger.
    #[serde(deserialize_with = "bounded")]
    pub rss_max_bytes: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// The line has ended. The status is unknown where nobody could observe it.
    Exited {
        #[serde(default)]
        exit_code: Option<i32>,
        /// Set when a signal ended the command; `exit_code` is then 128 + signal.
        signal: Option<i32>,
    },
    /// The line ended its shell (`exit 7`, `logout`, `exec`, a closed terminal). The status is that of the shell, or of
    /// the program that took its place.
    Left { exit_code: Option<i32>, signal: Option<i32> },
    /// The shell or the machine went away before the end was reported.
    Lost,
}

impl Ending {
    /// The end that a wait status describes.
    pub fn exited(status: WaitStatus) -> Self {
        Self::Exited { exit_code: status.exit_code(), signal: status.signal() }
    }
}

/// How a process ended, as `wait` reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitStatus {
    Exited(i32),
    Signalled(i32),
    /// The kernel does not say (Linux before 6.15), or the process had ended before bpd could watch it.
    Unknown,
}

impl WaitStatus {
    /// Decodes the status word of `wait`.
    pub fn of_word(word: i32) -> Self {
        match word & 0x7f {
            0 => Self::Exited((word >> 8) & 0xff),
            signal => Self::Signalled(signal),
        }
    }

    /// As shells show it: 128 + signal for a process that a signal ended.
    pub fn exit_code(self) -> Option<i32> {
        match self {
            Self::Exited(code) => Some(code),
            Self::Signalled(signal) => Some(128 + signal),
            Self::Unknown => None,
        }
    }

    pub fn signal(self) -> Option<i32> {
        match self {
            Self::Signalled(signal) => Some(signal),
            Self::Exited(_) | Self::Unknown => None,
        }
    }
}

/// The state of a run that has not ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    #[default]
    Running,
    /// Suspended by Ctrl-Z or a stop signal.
    Stopped,
    /// The shell is back at its prompt, and jobs of the line still run.
    Background,
}

/// Raw totals of a run. Absent numbers are unknown, not zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    #[serde(default, deserialize_with = "bounded")]
    pub cpu_ns: Option<u64>,
    #[serde(default, deserialize_with = "bounded")]
    pub user_ns: Option<u64>,
    #[serde(default, deserialize_with = "bounded")]
    pub system_ns: Option<u64>,
    /// CPU time that processes of the run used after its end. It is not part of `cpu_ns`, which covers the duration.
    #[serde(default, deserialize_with = "bounded")]
    pub background_cpu_ns: Option<u64>,
    #[serde(default, deserialize_with = "bounded")]
    pub rss_max_bytes: Option<u64>,
    pub max_processes: Option<u32>,
    #[serde(default)]
    pub activity: Activity,
    /// Filled by the sampler.
    #[serde(default)]
    pub surroundings: Surroundings,
    pub quality: Quality,
    /// The peak may have been missed between two samples.
    pub peak_lower_bound: bool,
    /// Children are known to have escaped the accounting.
    pub incomplete: bool,
    /// What bpd refused to believe. Set by bpd alone: what a client says of it is not read.
    #[serde(skip)]
    pub implausible: ImplausibleTotals,
}

/// The figures of a run that could not be true and were stored as unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImplausibleTotals {
    pub duration: bool,
    pub cpu_seconds: bool,
}

/// Totals are added up: what others report stays far from where sums overflow. In nanoseconds 146 years.
const MAX_TOTAL: u64 = u64::MAX / 4;

pub(crate) fn bounded<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let reported = Option::<u64>::deserialize(deserializer)?;
    Ok(reported.map(|total| total.min(MAX_TOTAL)))
}

fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    u64::deserialize(deserializer).map(|reported| reported.min(MAX_TOTAL))
}

impl Totals {
    /// These totals with what `later` knows better: CPU time of the better quality, or the larger of two equally good
    /// ones (it only grows); of peaks and counts the largest.
    pub fn completed_by(self, later: Self) -> Self {
        let takes_cpu = match (self.cpu_ns, later.cpu_ns) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(now), Some(then)) => {
                later.quality < self.quality || (later.quality == self.quality && then > now)
            }
        };
        let cpu = if takes_cpu { later } else { self };
        let peak = self.rss_max_bytes.max(later.rss_max_bytes);
        let peak_lower_bound = [self, later]
            .iter()
            .filter(|totals| totals.rss_max_bytes == peak)
            .all(|totals| totals.peak_lower_bound);
        Self {
            cpu_ns: cpu.cpu_ns,
            user_ns: cpu.user_ns,
            system_ns: cpu.system_ns,
            background_cpu_ns: self.background_cpu_ns.max(later.background_cpu_ns),
            rss_max_bytes: peak,
            max_processes: self.max_processes.max(later.max_processes),
            activity: match (self.quality == Quality::Exact, later.quality == Quality::Exact) {
                (true, false) => self.activity.completed_by(later.activity),
                (false, true) => later.activity.completed_by(self.activity),
                _ => self.activity.or_larger(later.activity),
            },
            surroundings: self.surroundings.or(later.surroundings),
            quality: cpu.quality,
            peak_lower_bound,
            incomplete: self.incomplete || later.incomplete,
            implausible: ImplausibleTotals {
                duration: self.implausible.duration || later.implausible.duration,
                // A source that is believed may have come later.
                cpu_seconds: cpu.cpu_ns.is_none()
                    && (self.implausible.cpu_seconds || later.implausible.cpu_seconds),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(cpu_ns: u64, quality: Quality) -> Totals {
        Totals { cpu_ns: Some(cpu_ns), quality, ..Totals::default() }
    }

    fn check(earlier: Totals, later: Totals, cpu_ns: u64, quality: Quality) {
        let both = earlier.completed_by(later);
        assert_eq!((both.cpu_ns, both.quality), (Some(cpu_ns), quality), "{earlier:?} {later:?}");
    }

    #[test]
    fn the_better_quality_wins_and_of_equal_ones_the_larger() {
        check(totals(5, Quality::Times), totals(4, Quality::Exact), 4, Quality::Exact);
        check(totals(4, Quality::Exact), totals(5, Quality::Times), 4, Quality::Exact);
        check(totals(4, Quality::Ticks), totals(5, Quality::Ticks), 5, Quality::Ticks);
        check(totals(5, Quality::Ticks), totals(4, Quality::Ticks), 5, Quality::Ticks);
        check(Totals::default(), totals(4, Quality::Sampled), 4, Quality::Sampled);
        check(totals(4, Quality::Sampled), Totals::default(), 4, Quality::Sampled);
    }

    #[test]
    fn what_an_exact_account_says_of_activity_wins_and_of_equal_ones_the_larger() {
        let check = |earlier: (Quality, Option<u64>), later: (Quality, Option<u64>), faults| {
            let totals = |(quality, minor_faults)| Totals {
                quality,
                activity: Activity { minor_faults, ..Activity::default() },
                ..Totals::default()
            };
            let both = totals(earlier).completed_by(totals(later));
            assert_eq!(both.activity.minor_faults, faults, "{earlier:?} {later:?}");
        };
        check((Quality::Exact, Some(5)), (Quality::Ticks, Some(9)), Some(5));
        check((Quality::Ticks, Some(9)), (Quality::Exact, Some(5)), Some(5));
        check((Quality::Exact, None), (Quality::Ticks, Some(9)), Some(9));
        check((Quality::Ticks, Some(9)), (Quality::Exact, None), Some(9));
        check((Quality::Exact, Some(5)), (Quality::Exact, Some(9)), Some(9));
        check((Quality::Ticks, Some(9)), (Quality::Ticks, Some(5)), Some(9));
        check((Quality::Ticks, None), (Quality::Ticks, None), None);
    }

    #[test]
    fn totals_that_were_written_before_there_was_activity_are_read() {
        let mut written = serde_json::to_value(totals(5, Quality::Times)).unwrap();
        for field in ["activity", "surroundings"] {
            written.as_object_mut().unwrap().remove(field).unwrap();
        }
        assert_eq!(serde_json::from_value::<Totals>(written).unwrap(), totals(5, Quality::Times));
        let absurd = format!("{{\"read_bytes\": {}}}", u64::MAX);
        let absurd = serde_json::from_str::<Activity>(&absurd).unwrap();
        assert_eq!(absurd.read_bytes, Some(MAX_TOTAL));
    }

    #[test]
    fn what_was_masked_and_cut_before_stays_known_as_such() {
        let mut draft =
            Draft { command_truncated: Some(70_000), masked: vec!["token".into()], ..Draft::default() };
        let rules = vec!["token".to_owned(), "header".to_owned()];
        draft.keep(Kept { text: "make".to_owned(), truncated: None, rules: rules.clone() });
        assert_eq!((draft.command.as_deref(), draft.command_truncated), (Some("make"), Some(70_000)));
        assert_eq!(draft.masked, rules);
    }

    #[test]
    fn a_peak_is_a_lower_bound_only_when_nobody_knows_it_better() {
        let sampled = Totals { rss_max_bytes: Some(9), peak_lower_bound: true, ..Totals::default() };
        let exact = Totals { rss_max_bytes: Some(9), ..Totals::default() };
        assert!(!sampled.completed_by(exact).peak_lower_bound);
        assert!(sampled.completed_by(Totals { rss_max_bytes: Some(8), ..exact }).peak_lower_bound);
        assert_eq!(sampled.completed_by(Totals::default()).rss_max_bytes, Some(9));
    }

    #[test]
    fn cpu_time_that_was_refused_may_be_known_from_another_source_later() {
        let implausible = ImplausibleTotals { duration: true, cpu_seconds: true };
        let refused = Totals { implausible, ..Totals::default() };
        let known = refused.completed_by(totals(4, Quality::Exact));
        assert_eq!((known.cpu_ns, known.implausible.cpu_seconds), (Some(4), false));
        assert!(known.implausible.duration);
        assert_eq!(refused.completed_by(Totals::default()).implausible, implausible);
    }
}

//! The end of a run on disk and what became known later, in all versions: the second knows what the run did besides
//! burning CPU time, and what the machine did meanwhile; the third for how long it was suspended; the fourth which of its
//! children burned more than was seen, and what else the run's time is made of; the fifth whether the line ended its shell,
//! what its processes used after its end, and which figures were refused because they cannot be true.

use std::time::Duration;

use bp_proto::{
    Activity, Child, Ending, Finish, ImplausibleTotals, Quality, Rest, Surroundings, Totals, Ulid, UnixMillis,
};
use serde::{Deserialize, Serialize};

use super::{Amended, Record};
use crate::store::Position;

pub(super) type FinishV2 = FinishOf<TotalsV2, Vec<ChildV1>, ExitedV1>;
pub(super) type AmendV2 = AmendOf<TotalsV2, Vec<ChildV1>>;
pub(super) type FinishV3 = FinishOf<TotalsV3, Vec<ChildV1>, ExitedV1>;
pub(super) type AmendV3 = AmendOf<TotalsV3, Vec<ChildV1>>;
pub(super) type FinishV4 = FinishOf<TotalsV3, WhoV4, ExitedV1>;
pub(super) type AmendV4 = AmendOf<TotalsV3, WhoV4>;
pub(super) type FinishV5 = FinishOf<TotalsV5, WhoV4, EndingV5>;
pub(super) type AmendV5 = AmendOf<TotalsV5, WhoV4>;

/// Exit code and signal; `None` = lost.
type ExitedV1 = Option<(i32, Option<i32>)>;

pub(super) fn first_finish(payload: &[u8]) -> postcard::Result<Record> {
    postcard::from_bytes::<FinishOf<TotalsV1, Vec<ChildV1>, ExitedV1>>(payload).map(FinishOf::record)
}

pub(super) fn first_amend(payload: &[u8]) -> postcard::Result<Record> {
    postcard::from_bytes::<AmendOf<TotalsV1, Vec<ChildV1>>>(payload).map(AmendOf::record)
}

#[derive(Serialize, Deserialize)]
pub(super) struct FinishOf<T, C, E> {
    id: u64,
    uid: [u8; 16],
    finished_at_ms: i64,
    took_ns: Option<u64>,
    ending: E,
    totals: Option<T>,
    children: C,
    background: bool,
    previous: Option<Position>,
}

#[derive(Serialize, Deserialize)]
struct TotalsV1 {
    cpu_ns: Option<u64>,
    user_ns: Option<u64>,
    system_ns: Option<u64>,
    rss_max_bytes: Option<u64>,
    max_processes: Option<u32>,
    /// 0 exact, 1 counter, 2 times, 3 ticks, 4 sampled.
    quality: u8,
    peak_lower_bound: bool,
    incomplete: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ChildV1 {
    name: String,
    processes: u32,
    cpu_seconds: f64,
    rss_max_mb: f64,
}

impl From<ChildV1> for Child {
    fn from(child: ChildV1) -> Self {
        Self {
            name: child.name,
            processes: child.processes,
            cpu_seconds: child.cpu_seconds,
            rss_max_mb: Some(child.rss_max_mb),
            // It is not known.
            at_least: false,
        }
    }
}

/// What a run's CPU time is made of.
pub(super) struct Who {
    children: Vec<Child>,
    rest: Option<Rest>,
}

impl From<Vec<ChildV1>> for Who {
    fn from(children: Vec<ChildV1>) -> Self {
        Self { children: children.into_iter().map(Child::from).collect(), rest: None }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct WhoV4 {
    children: Vec<ChildV4>,
    rest: Option<RestV4>,
}

#[derive(Serialize, Deserialize)]
struct ChildV4 {
    name: String,
    processes: u32,
    cpu_seconds: f64,
    rss_max_mb: Option<f64>,
    at_least: bool,
}

#[derive(Serialize, Deserialize)]
struct RestV4 {
    names: u32,
    processes: u32,
    cpu_seconds: f64,
    shell_seconds: Option<f64>,
}

impl WhoV4 {
    fn of(children: &[Child], rest: Option<&Rest>) -> Self {
        let child = |child: &Child| ChildV4 {
            name: child.name.clone(),
            processes: child.processes,
            cpu_seconds: child.cpu_seconds,
            rss_max_mb: child.rss_max_mb,
            at_least: child.at_least,
        };
        let rest = rest.map(|rest| RestV4 {
            names: rest.names,
            processes: rest.processes,
            cpu_seconds: rest.cpu_seconds,
            shell_seconds: rest.shell_seconds,
        });
        Self { children: children.iter().map(child).collect(), rest }
    }
}

impl From<WhoV4> for Who {
    fn from(who: WhoV4) -> Self {
        let child = |child: ChildV4| Child {
            name: child.name,
            processes: child.processes,
            cpu_seconds: child.cpu_seconds,
            rss_max_mb: child.rss_max_mb,
            at_least: child.at_least,
        };
        let rest = who.rest.map(|rest| Rest {
            names: rest.names,
            processes: rest.processes,
            cpu_seconds: rest.cpu_seconds,
            shell_seconds: rest.shell_seconds,
            untold_seconds: None,
        });
        Self { children: who.children.into_iter().map(child).collect(), rest }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct AmendOf<T, C> {
    id: u64,
    totals: T,
    children: C,
    background: bool,
    previous: Option<Position>,
}

impl AmendV5 {
    pub(super) fn of(id: u64, amended: &Amended, previous: Option<Position>) -> Self {
        Self {
            id,
            totals: TotalsV5::of(&amended.totals),
            children: WhoV4::of(&amended.children, amended.rest.as_ref()),
            background: amended.background,
            previous,
        }
    }
}

impl<T: Into<Totals>, C: Into<Who>> AmendOf<T, C> {
    pub(super) fn record(self) -> Record {
        let Who { children, rest } = self.children.into();
        let amended = Amended { totals: self.totals.into(), children, rest, background: self.background };
        Record::Amend { id: self.id, amended: Box::new(amended), previous: self.previous }
    }
}

impl FinishV5 {
    pub(super) fn of(id: u64, finish: &Finish, previous: Option<Position>) -> Self {
        Self {
            id,
            uid: finish.uid.to_bytes(),
            finished_at_ms: finish.finished_at.0,
            took_ns: finish.took.map(|took| took.as_nanos() as u64),
            ending: EndingV5::of(finish.ending),
            totals: finish.totals.as_ref().map(TotalsV5::of),
            children: WhoV4::of(&finish.children, finish.rest.as_ref()),
            background: finish.background,
            previous,
        }
    }
}

impl<T: Into<Totals>, C: Into<Who>, E: IntoEnding> FinishOf<T, C, E> {
    pub(super) fn record(self) -> Record {
        let Who { children, rest } = self.children.into();
        let finish = Finish {
            uid: Ulid::from_bytes(self.uid),
            finished_at: UnixMillis(self.finished_at_ms),
            took: self.took_ns.map(Duration::from_nanos),
            ending: self.ending.ending(),
            totals: self.totals.map(Into::into),
            children,
            rest,
            waited: None,
            background: self.background,
        };
        Record::Finish { id: self.id, finish: Box::new(finish), previous: self.previous }
    }
}

/// How a version of the record says how the run ended.
pub(super) trait IntoEnding {
    fn ending(self) -> Ending;
}

impl IntoEnding for ExitedV1 {
    fn ending(self) -> Ending {
        self.map_or(Ending::Lost, |(exit_code, signal)| Ending::Exited { exit_code: Some(exit_code), signal })
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct EndingV5 {
    /// 0 exited, 1 left, 2 lost.
    how: u8,
    exit_code: Option<i32>,
    signal: Option<i32>,
}

impl EndingV5 {
    fn of(ending: Ending) -> Self {
        match ending {
            Ending::Exited { exit_code, signal } => Self { how: 0, exit_code, signal },
            Ending::Left { exit_code, signal } => Self { how: 1, exit_code, signal },
            Ending::Lost => Self { how: 2, exit_code: None, signal: None },
        }
    }
}

impl IntoEnding for EndingV5 {
    fn ending(self) -> Ending {
        let Self { how, exit_code, signal } = self;
        match how {
            0 => Ending::Exited { exit_code, signal },
            1 => Ending::Left { exit_code, signal },
            _ => Ending::Lost,
        }
    }
}

impl TotalsV1 {
    fn of(totals: &Totals) -> Self {
        Self {
            cpu_ns: totals.cpu_ns,
            user_ns: totals.user_ns,
            system_ns: totals.system_ns,
            rss_max_bytes: totals.rss_max_bytes,
            max_processes: totals.max_processes,
            quality: match totals.quality {
                Quality::Exact => 0,
                Quality::Counter => 1,
                Quality::Times => 2,
                Quality::Ticks => 3,
                Quality::Sampled => 4,
            },
            peak_lower_bound: totals.peak_lower_bound,
            incomplete: totals.incomplete,
        }
    }
}

impl From<TotalsV1> for Totals {
    fn from(totals: TotalsV1) -> Self {
        Self {
            cpu_ns: totals.cpu_ns,
            user_ns: totals.user_ns,
            system_ns: totals.system_ns,
            rss_max_bytes: totals.rss_max_bytes,
            max_processes: totals.max_processes,
            quality: match totals.quality {
                0 => Quality::Exact,
                1 => Quality::Counter,
                2 => Quality::Times,
                3 => Quality::Ticks,
                _ => Quality::Sampled,
            },
            peak_lower_bound: totals.peak_lower_bound,
            incomplete: totals.incomplete,
            ..Self::default()
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct TotalsV2 {
    first: TotalsV1,
    activity: ActivityV2,
    /// `None` = nothing is known.
    surroundings: Option<SurroundingsV2>,
}

#[derive(Serialize, Deserialize)]
struct ActivityV2 {
    wait_ns: Option<u64>,
    read_bytes: Option<u64>,
    written_bytes: Option<u64>,
    minor_faults: Option<u64>,
    major_faults: Option<u64>,
    voluntary_switches: Option<u64>,
    involuntary_switches: Option<u64>,
    max_threads: Option<u32>,
}

#[derive(Serialize, Deserialize)]
struct SurroundingsV2 {
    over_us: Option<u64>,
    cpu_stall_us: Option<u64>,
    memory_stall_us: Option<u64>,
    io_stall_us: Option<u64>,
    host_cpu_permille: Option<u16>,
}

impl TotalsV2 {
    fn of(totals: &Totals) -> Self {
        let (activity, around) = (totals.activity, totals.surroundings);
        let surroundings = SurroundingsV2 {
            over_us: around.over_us,
            cpu_stall_us: around.cpu_stall_us,
            memory_stall_us: around.memory_stall_us,
            io_stall_us: around.io_stall_us,
            host_cpu_permille: around.host_cpu_permille,
        };
        Self {
            first: TotalsV1::of(totals),
            activity: ActivityV2 {
                wait_ns: activity.wait_ns,
                read_bytes: activity.read_bytes,
                written_bytes: activity.written_bytes,
                minor_faults: activity.minor_faults,
                major_faults: activity.major_faults,
                voluntary_switches: activity.voluntary_switches,
                involuntary_switches: activity.involuntary_switches,
                max_threads: activity.max_threads,
            },
            surroundings: (Surroundings { suspended_ms: None, ..around } != Surroundings::default())
                .then_some(surroundings),
        }
    }
}

impl From<TotalsV2> for Totals {
    fn from(totals: TotalsV2) -> Self {
        let activity = totals.activity;
        let around = totals.surroundings.map(|around| Surroundings {
            over_us: around.over_us,
            cpu_stall_us: around.cpu_stall_us,
            memory_stall_us: around.memory_stall_us,
            io_stall_us: around.io_stall_us,
            suspended_ms: None,
            host_cpu_permille: around.host_cpu_permille,
        });
        Self {
            activity: Activity {
                wait_ns: activity.wait_ns,
                read_bytes: activity.read_bytes,
                written_bytes: activity.written_bytes,
                minor_faults: activity.minor_faults,
                major_faults: activity.major_faults,
                voluntary_switches: activity.voluntary_switches,
                involuntary_switches: activity.involuntary_switches,
                max_threads: activity.max_threads,
            },
            surroundings: around.unwrap_or_default(),
            ..totals.first.into()
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct TotalsV3 {
    second: TotalsV2,
    suspended_ms: Option<u64>,
}

impl TotalsV3 {
    fn of(totals: &Totals) -> Self {
        Self { second: TotalsV2::of(totals), suspended_ms: totals.surroundings.suspended_ms }
    }
}

impl From<TotalsV3> for Totals {
    fn from(totals: TotalsV3) -> Self {
        let mut whole: Self = totals.second.into();
        whole.surroundings.suspended_ms = totals.suspended_ms;
        whole
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct TotalsV5 {
    third: TotalsV3,
    background_cpu_ns: Option<u64>,
    /// Bits: 1 duration, 2 CPU seconds.
    implausible: u8,
}

const IMPLAUSIBLE_DURATION: u8 = 1;
const IMPLAUSIBLE_CPU_SECONDS: u8 = 2;

impl TotalsV5 {
    fn of(totals: &Totals) -> Self {
        let bit = |is_set: bool, bit: u8| if is_set { bit } else { 0 };
        let ImplausibleTotals { duration, cpu_seconds } = totals.implausible;
        Self {
            third: TotalsV3::of(totals),
            background_cpu_ns: totals.background_cpu_ns,
            implausible: bit(duration, IMPLAUSIBLE_DURATION) | bit(cpu_seconds, IMPLAUSIBLE_CPU_SECONDS),
        }
    }
}

impl From<TotalsV5> for Totals {
    fn from(totals: TotalsV5) -> Self {
        let implausible = ImplausibleTotals {
            duration: totals.implausible & IMPLAUSIBLE_DURATION != 0,
            cpu_seconds: totals.implausible & IMPLAUSIBLE_CPU_SECONDS != 0,
        };
        Self { background_cpu_ns: totals.background_cpu_ns, implausible, ..totals.third.into() }
    }
}

//! The rules, pure: which alerts the samples of the runs and of the machine call for. No clock, no store, no channel.

use std::collections::HashMap;
use std::time::Duration;

use bp_proto::{AlertReport, Level, Sample, Ulid, UnixMillis};

use super::machine::{Change, Limits, Machine};
use crate::config::{Alerts, CpuRule, Scale};

pub const CPU_HIGH: &str = "cpu-high";
pub const HOST_CPU: &str = "host-cpu";

/// A run that holds nearly the whole machine for two minutes is more than a warning (ALERTS).
const CRITICAL_HOST_PERCENT: f64 = 95.0;
const CRITICAL_WINDOW: Duration = Duration::from_mins(2);

/// How often the machine is read while a run is open (MEASURING: the host series).
const HOST_INTERVAL: Duration = Duration::from_secs(5);

/// A run is named in the machine's alert when it burned at least this share of what the machine did.
const LEAST_SHARE: f64 = 0.25;

/// Command keys whose last firing is remembered for the cooldown; the oldest goes first.
const MAX_COOLDOWNS: usize = 1024;

/// What the rules know of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    pub run: u64,
    /// What is silent together after a firing: the runs of a command by one kind of actor.
    pub key: String,
    /// The command's name, for people.
    pub command: Option<String>,
    /// CPUs that the run may use.
    pub cpus: u32,
}

/// When something happened: the wall clock for the record, a monotonic one for cooldowns.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub wall: UnixMillis,
    pub mono: Duration,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// Fired; `silent` = within the cooldown of its command key: recorded, not shown.
    Fired { alert: AlertReport, silent: bool },
    /// Peak, time above or level have grown.
    Grew { alert: AlertReport },
    /// The run ended or the signal cleared.
    Ended { alert: AlertReport },
}

/// Every run and rule that is being watched.
#[derive(Debug)]
pub struct Book {
    config: Alerts,
    interval: Duration,
    runs: HashMap<u64, Watched>,
    host: Machine,
    host_alert: Option<AlertReport>,
    /// CPU ns that each run burned since the last reading of the machine.
    burned: HashMap<u64, u64>,
    cooldowns: HashMap<String, Duration>,
    /// Firings so far: makes their ULIDs differ within a millisecond.
    firings: u64,
}

#[derive(Debug)]
struct Watched {
    subject: Subject,
    warning: Machine,
    critical: Machine,
    alert: Option<AlertReport>,
}

impl Book {
    pub fn new(config: Alerts, interval: Duration) -> Self {
        let host = Machine::new(limits(&config.host_cpu, HOST_INTERVAL));
        Self {
            config,
            interval,
            runs: HashMap::new(),
            host,
            host_alert: None,
            burned: HashMap::new(),
            cooldowns: HashMap::new(),
            firings: 0,
        }
    }

    /// Another config: for what is watched from now on; what fires already keeps the limits it fired by.
    pub fn configure(&mut self, config: Alerts) {
        if self.host_alert.is_none() {
            self.host = Machine::new(limits(&config.host_cpu, HOST_INTERVAL));
        }
        self.config = config;
    }

    pub fn knows(&self, run: u64) -> bool {
        self.runs.contains_key(&run)
    }

    pub fn watch(&mut self, subject: Subject) {
        let rule = &self.config.cpu_high;
        let warning = Machine::new(limits(rule, self.interval));
        let critical = Machine::new(Limits {
            threshold: CRITICAL_HOST_PERCENT,
            window: CRITICAL_WINDOW,
            ..limits(rule, self.interval)
        });
        self.runs.insert(subject.run, Watched { subject, warning, critical, alert: None });
    }

    /// One interval of a run's curve.
    pub fn sampled(&mut self, run: u64, from: &Sample, to: &Sample, moment: Moment) -> Option<Said> {
        let interval = Duration::from_millis(to.at_ms.saturating_sub(from.at_ms));
        let burned = to.cpu_ns.saturating_sub(from.cpu_ns);
        *self.burned.entry(run).or_default() += burned;
        let rule = &self.config.cpu_high;
        let watched = self.runs.get_mut(&run)?;
        if !rule.enabled || interval.is_zero() {
            return None;
        }
        let percent = burned as f64 / interval.as_nanos() as f64 * 100.0;
        let host_percent = percent / f64::from(watched.subject.cpus.max(1));
        let value = if rule.scale == Scale::Host { host_percent } else { percent };

        let change = watched.warning.feed(interval, value);
        let is_critical = watched.critical.feed(interval, host_percent) == Some(Change::Fired);
        match change? {
            Change::Fired => {
                let silent =
                    is_cooling(&mut self.cooldowns, &watched.subject.key, rule.cooldown, moment.mono);
                self.firings += 1;
                let uid = uid(moment.wall, self.firings);
                let alert =
                    fired(CPU_HIGH, &watched.subject, &watched.warning, rule.threshold, moment.wall, uid);
                watched.alert = Some(alert.clone());
                Some(Said::Fired { alert, silent })
            }
            Change::Lasts => {
                let alert = watched.alert.as_mut()?;
                grow(alert, &watched.warning);
                if is_critical {
                    alert.level = Level::Critical;
                }
                Some(Said::Grew { alert: alert.clone() })
            }
            Change::Cleared => end(watched, moment.wall),
        }
    }

    /// The run has ended: whatever it was alerted for has, too.
    pub fn finished(&mut self, run: u64, at: UnixMillis) -> Option<Said> {
        self.burned.remove(&run);
        let mut watched = self.runs.remove(&run)?;
        end(&mut watched, at)
    }

    /// A reading of the machine; `interval` since the one before. Silent while the top run's own alert speaks.
    pub fn host(&mut self, interval: Duration, percent: f64, moment: Moment) -> Option<Said> {
        let rule = self.config.host_cpu.clone();
        if !rule.enabled {
            return None;
        }
        let top = self.top(interval, percent);
        let speaks = top.is_some_and(|top| top.alert.is_some());
        let subject = top.map(|top| top.subject.clone()).unwrap_or_default();
        match self.host.feed(interval, percent)? {
            Change::Fired => {
                if speaks {
                    return None;
                }
                let silent = is_cooling(&mut self.cooldowns, HOST_CPU, rule.cooldown, moment.mono);
                self.firings += 1;
                let uid = uid(moment.wall, self.firings);
                let alert = fired(HOST_CPU, &subject, &self.host, rule.threshold, moment.wall, uid);
                self.host_alert = Some(alert.clone());
                Some(Said::Fired { alert, silent })
            }
            Change::Lasts => {
                let alert = self.host_alert.as_mut()?;
                grow(alert, &self.host);
                Some(Said::Grew { alert: alert.clone() })
            }
            Change::Cleared => self.end_host(moment.wall),
        }
    }

    /// The run that burned most since the last reading, if it had its share in what the machine did: nobody is accused
    /// of what others burned.
    fn top(&mut self, interval: Duration, percent: f64) -> Option<&Watched> {
        let burned = std::mem::take(&mut self.burned);
        let (run, ns) = burned.into_iter().max_by_key(|(_, ns)| *ns)?;
        let top = self.runs.get(&run)?;
        let machine_ns = percent / 100.0 * f64::from(top.subject.cpus.max(1)) * interval.as_nanos() as f64;
        (ns as f64 >= LEAST_SHARE * machine_ns).then_some(top)
    }

    /// No run is open any more, so the machine is not read any more: nothing more can be said of it.
    pub fn end_host(&mut self, at: UnixMillis) -> Option<Said> {
        let mut alert = self.host_alert.take()?;
        grow(&mut alert, &self.host);
        self.host.reset();
        alert.ended_at = Some(at);
        Some(Said::Ended { alert })
    }

    pub fn is_idle(&self) -> bool {
        self.runs.is_empty()
    }
}

fn limits(rule: &CpuRule, interval: Duration) -> Limits {
    Limits {
        threshold: rule.threshold,
        window: rule.window,
        // A lower threshold alone must not make an alert that clears while it is still above.
        clear_below: rule.clear_below.min(rule.threshold),
        clear_for: rule.clear_for,
        interval,
    }
}

fn uid(at: UnixMillis, firing: u64) -> Ulid {
    Ulid::from_parts(at.0.max(0) as u64, u128::from(firing))
}

fn fired(
    rule: &str,
    subject: &Subject,
    machine: &Machine,
    threshold: f64,
    at: UnixMillis,
    uid: Ulid,
) -> AlertReport {
    AlertReport {
        uid,
        rule: rule.to_owned(),
        level: Level::Warning,
        run: (subject.run != 0).then_some(subject.run),
        actor: None,
        command: subject.command.clone(),
        line: None,
        project: None,
        fired_at: at,
        ended_at: None,
        peak: machine.peak(),
        threshold,
        above_s: machine.above().as_secs_f64(),
        delivery: None,
        text: String::new(),
    }
}

fn grow(alert: &mut AlertReport, machine: &Machine) {
    alert.peak = machine.peak();
    alert.above_s = machine.above().as_secs_f64();
}

fn end(watched: &mut Watched, at: UnixMillis) -> Option<Said> {
    let mut alert = watched.alert.take()?;
    grow(&mut alert, &watched.warning);
    watched.warning.reset();
    watched.critical.reset();
    alert.ended_at = Some(at);
    Some(Said::Ended { alert })
}

/// Whether `key` fired less than `cooldown` ago; if not, it has now.
fn is_cooling(
    cooldowns: &mut HashMap<String, Duration>,
    key: &str,
    cooldown: Duration,
    now: Duration,
) -> bool {
    if cooldowns.get(key).is_some_and(|last| now.saturating_sub(*last) < cooldown) {
        return true;
    }
    if cooldowns.len() >= MAX_COOLDOWNS {
        let oldest = cooldowns.iter().min_by_key(|(_, at)| **at).map(|(key, _)| key.clone());
        oldest.and_then(|oldest| cooldowns.remove(&oldest));
    }
    cooldowns.insert(key.to_owned(), now);
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn book() -> Book {
        Book::new(Config::default().alerts, Duration::from_secs(1))
    }

    fn subject(run: u64, key: &str) -> Subject {
        Subject { run, key: key.to_owned(), command: Some("make".to_owned()), cpus: 2 }
    }

    fn moment(second: u64) -> Moment {
        Moment { wall: UnixMillis(second as i64 * 1000), mono: Duration::from_secs(second) }
    }

    /// One second at `percent` of a core, ending at `second`.
    fn second(book: &mut Book, run: u64, second: u64, percent: u64) -> Option<Said> {
        let from = Sample { at_ms: (second - 1) * 1000, ..Sample::default() };
        let to = Sample { at_ms: second * 1000, cpu_ns: percent * 10_000_000, ..Sample::default() };
        book.sampled(run, &from, &to, moment(second))
    }

    fn fired(said: Option<&Said>) -> Option<(&AlertReport, bool)> {
        match said {
            Some(Said::Fired { alert, silent }) => Some((alert, *silent)),
            _ => None,
        }
    }

    #[test]
    fn a_run_above_the_threshold_fires_once_and_ends_with_its_run() {
        let mut book = book();
        book.watch(subject(7, "k"));
        let said: Vec<Said> = (1..=30).filter_map(|at| second(&mut book, 7, at, 190)).collect();
        let (alert, silent) = fired(said.first()).unwrap();
        assert_eq!(
            (alert.run, alert.rule.as_str(), alert.level, silent),
            (Some(7), CPU_HIGH, Level::Warning, false)
        );
        assert!((alert.peak - 190.0).abs() < 1e-6 && (alert.above_s - 5.0).abs() < 1e-6);
        assert!(said[1..].iter().all(|said| matches!(said, Said::Grew { .. })));

        let Some(Said::Ended { alert: ended }) = book.finished(7, UnixMillis(31_000)) else { panic!() };
        assert_eq!((ended.uid, ended.ended_at), (alert.uid, Some(UnixMillis(31_000))));
        assert!((ended.above_s - 30.0).abs() < 1e-6);
        assert!(book.is_idle());
    }

    #[test]
    fn the_same_command_within_the_cooldown_is_recorded_and_not_shown() {
        let mut book = book();
        for (run, begin, silent) in [(1, 0, false), (2, 100, true), (3, 700, false)] {
            book.watch(subject(run, "k"));
            let said = (1..=5).filter_map(|at| second(&mut book, run, begin + at, 100)).last();
            assert_eq!(fired(said.as_ref()).unwrap().1, silent, "run {run}");
            book.finished(run, UnixMillis(0));
        }
        book.watch(subject(4, "another"));
        let said = (701..=705).filter_map(|at| second(&mut book, 4, at, 100)).last();
        assert!(!fired(said.as_ref()).unwrap().1);
    }

    #[test]
    fn two_minutes_of_the_whole_machine_are_critical() {
        let mut book = book();
        book.watch(subject(7, "k"));
        let said: Vec<Said> = (1..=125).filter_map(|at| second(&mut book, 7, at, 200)).collect();
        let level_at = |second: usize| match &said[second - 5] {
            Said::Fired { alert, .. } | Said::Grew { alert } | Said::Ended { alert } => alert.level,
        };
        assert_eq!(
            (level_at(119), level_at(120), level_at(121)),
            (Level::Warning, Level::Critical, Level::Critical)
        );
    }

    #[test]
    fn the_hosts_alert_names_the_run_that_burned_most_and_is_silent_when_that_run_speaks() {
        let busy = |book: &mut Book, percent: u64| -> Option<Said> {
            let mut last = None;
            for reading in 1..=3_u64 {
                for at in (reading - 1) * 5 + 1..=reading * 5 {
                    second(book, 1, at, 5);
                    second(book, 2, at, percent);
                }
                last = book.host(Duration::from_secs(5), 95.0, moment(reading * 5));
            }
            last
        };
        let mut quiet_runs = book();
        quiet_runs.watch(subject(1, "a"));
        quiet_runs.watch(subject(2, "b"));
        let said = busy(&mut quiet_runs, 60);
        let (alert, _) = fired(said.as_ref()).unwrap();
        assert_eq!((alert.rule.as_str(), alert.run), (HOST_CPU, Some(2)));
        assert!(matches!(quiet_runs.end_host(UnixMillis(9)), Some(Said::Ended { .. })));

        let mut innocent = book();
        innocent.watch(subject(1, "a"));
        innocent.watch(subject(2, "b"));
        let said = busy(&mut innocent, 10);
        let (alert, _) = fired(said.as_ref()).unwrap();
        assert_eq!((alert.run, alert.command.as_deref()), (None, None));

        let mut speaking = book();
        speaking.watch(subject(1, "a"));
        speaking.watch(subject(2, "b"));
        assert_eq!(busy(&mut speaking, 150), None);
    }
}

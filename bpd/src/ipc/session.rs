//! One shell's records become events. Pure: what a record means depends on the records before it and on when it
//! arrived, and on nothing else, so that reading a file twice gives the same runs.

mod remains;
mod unreported;

use std::collections::VecDeque;
use std::time::Duration;

use bp_proto::event::Source;
use bp_proto::ignore::Rules;
use bp_proto::mailbox::{EndRecord, KeptRecord, Record, Shell, Stamp, StartRecord, Text, TextRecord, Times};
use bp_proto::{Draft, Ending, Finish, Owner, Quality, Rest, Start, Totals, Ulid, UnixMillis, mask};
use rustix::time::{ClockId, clock_gettime};
use sha2::{Digest as _, Sha256};

use crate::event::{Body, LateText};
use crate::typed::{self, Typed};
use unreported::Begun;

/// Records that may come twice (once over the socket, once in the file) come close together.
const REMEMBERED: usize = 64;

/// The wall clock moved by more against the monotonic one: it was set, not slewed.
const STEP: Duration = Duration::from_millis(500);

/// How long a line took whose shell says that it took no millisecond.
const PART_OF_MILLISECOND: Duration = Duration::from_micros(500);

/// When bpd read a record.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Arrival {
    pub(super) wall: UnixMillis,
    /// Since boot, suspended time counted; `None` for what was left behind while bpd was away.
    pub(super) boot: Option<Duration>,
    /// Nothing is to be recorded of a line that was read then.
    pub(super) paused: bool,
    /// Neither text nor directory is to be kept of a line that was typed there.
    pub(super) unplaced: bool,
}

impl Arrival {
    pub(super) fn now() -> Self {
        Self { wall: UnixMillis::now(), boot: Some(since_boot()), ..Self::default() }
    }

    /// The same of a record that says itself how long after the boot `boot_id` its line was read; the boot was at
    /// `booted_at` by the wall clock as it is set now.
    pub(super) fn told_by(self, record: &Record, boot_id: &str, booted_at: UnixMillis) -> Self {
        match record {
            Record::Start(StartRecord { stamp: Stamp::Uptime { hundredths, .. }, shell, .. })
                if shell.boot_id.as_deref() == Some(boot_id) =>
            {
                let read_at = booted_at.plus(Duration::from_millis(hundredths.saturating_mul(10)));
                Self { wall: read_at.min(self.wall), ..self }
            }
            _ => self,
        }
    }
}

/// What may be told of a line's text.
enum Told {
    Kept(mask::Kept),
    /// A rule of the user's took it; what stands in its place only says what the line is to bp.
    Ignored(Option<&'static str>),
    /// The shell told none.
    Nothing,
    /// The shell will tell it.
    Pending,
}

/// Which record of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tag {
    Start,
    Text,
    End,
}

/// Stands for any look at bp, none of which is recorded.
const LOOK: &str = "bpctl";

/// Stands for any `bpctl run`, which is one run with the line. The sampler drops it when it knows.
const WRAPPED: &str = "bpctl run";
const APART: &str = "bpctl run &";

/// What is known of one shell.
#[derive(Debug)]
pub(super) struct Session {
    pid: u32,
    shell: Shell,
    /// The text of the run before, for `r` records.
    text: Option<mask::Kept>,
    /// Of the end before, unless something began since: what a start that is told late counts from.
    times: Option<Times>,
    open: Option<Opened>,
    /// Lines that opened a nested prompt, the outermost first: the lines typed there do not end them.
    outer: Vec<Opened>,
    /// The next start is of a line in the nested prompt of the last of [`Self::outer`].
    is_nested: bool,
    /// A line that the shell has not reported yet.
    begun: Option<Begun>,
    /// Of the line before: the runs of lines that are reported late are named by it.
    previous: Option<Stamp>,
    /// Starts that the shell has reported.
    starts: u64,
    /// When the last line was read, or ended.
    latest: UnixMillis,
    /// The same by the uptime, if its shell told that: the hundredth of a second, and the how manieth line of it.
    last: Option<(u64, u32)>,
    /// The line that was read while recording was paused.
    unrecorded: Option<Stamp>,
    /// The line whose text is still to come.
    pending: Option<Stamp>,
    seen: VecDeque<(Tag, Stamp)>,
    /// A text came that masking changed, and was not wiped since.
    is_bare: bool,
    /// A run was removed that may have had [`Self::text`]: it must not stay in the file.
    is_text_removed: bool,
}

#[derive(Debug)]
struct Opened {
    uid: Ulid,
    started_at: UnixMillis,
    arrival: Arrival,
    /// What it takes to read the start again.
    record: StartRecord,
    /// Told together with its end.
    late: bool,
}

impl Session {
    pub(super) fn new(pid: u32) -> Self {
        Self {
            pid,
            shell: Shell::default(),
            text: None,
            times: None,
            open: None,
            outer: Vec::new(),
            is_nested: false,
            begun: None,
            previous: None,
            starts: 0,
            latest: UnixMillis(0),
            last: None,
            unrecorded: None,
            pending: None,
            seen: VecDeque::new(),
            is_bare: false,
            is_text_removed: false,
        }
    }

    /// The events of one record, in order: mostly one.
    pub(super) fn take(&mut self, mut record: Record, arrival: Arrival, rules: &Rules) -> Vec<Body> {
        let shell = match &record {
            Record::Start(start) => &start.shell,
            Record::End(end) => &end.shell,
            Record::Text(late) => &late.shell,
            Record::Kept(kept) => &kept.shell,
            Record::Nested(nested) => &nested.shell,
        };
        let mut events = Vec::new();
        if !self.is_shell(shell) {
            // The pid is another shell's now.
            events.extend(self.lose(arrival.wall));
            *self = Self { is_bare: self.is_bare, ..Self::new(self.pid) };
        }
        self.shell.clone_from(shell);
        let seen = match &mut record {
            Record::Start(start) => {
                self.starts += 1;
                start.stamp = self.begun(start.stamp);
                Some((Tag::Start, start.stamp))
            }
            Record::End(end) => {
                end.stamp = self.counted(end.stamp, 0);
                Some((Tag::End, end.stamp))
            }
            Record::Text(late) => {
                late.stamp = self.counted(late.stamp, 0);
                Some((Tag::Text, late.stamp))
            }
            Record::Kept(_) | Record::Nested(_) => None,
        };
        if let Some(seen) = seen {
            if self.seen.contains(&seen) {
                return events;
            }
            self.seen.push_back(seen);
            if self.seen.len() > REMEMBERED {
                self.seen.pop_front();
            }
        }
        match record {
            Record::Start(start) if self.has_seen_begin(&start) => {
                events.push(self.adopt(start, arrival, rules));
            }
            Record::Start(start) if arrival.paused => {
                self.unrecorded = Some(start.stamp);
                // The shell's next line may be a repeat of this one.
                let open = self.open.take().map(|open| (open.uid, open.started_at));
                let begun = self.begun.take().map(|begun| (begun.uid, begun.started_at));
                let lines = open.into_iter().chain(begun);
                events.extend(lines.map(|(uid, started_at)| lost(uid, arrival.wall.max(started_at))));
                self.start(start, arrival, rules);
                self.open = None;
            }
            Record::End(end) if self.unrecorded == Some(end.stamp) => self.times = end.times,
            Record::Start(start) => {
                if let Some(unanswered) = self.pending.take().filter(|stamp| *stamp != start.stamp) {
                    events.push(Body::Text { run: self.uid(unanswered), text: LateText::None });
                }
                events.extend(self.withdraw(&start));
                events.push(self.start(start, arrival, rules));
            }
            Record::Text(late) if self.unrecorded == Some(late.stamp) => self.is_bare = true,
            Record::Text(late) => events.push(self.late_text(&late, rules)),
            Record::End(end) => events.push(self.end(&end, arrival)),
            Record::Kept(kept) => self.resume(&kept, rules),
            Record::Nested(nested) => self.enter(nested.stamp),
        }
        events
    }

    fn resume(&mut self, kept: &KeptRecord, rules: &Rules) {
        let text = kept.text.as_ref().map(|text| String::from_utf8_lossy(text));
        self.text = text.filter(|text| rules.of_line(text).is_none()).map(|text| mask::keep(&text));
        self.times = kept.times;
        self.last = kept.stamp.and_then(by_uptime);
        self.previous = kept.stamp.filter(|stamp| matches!(stamp, Stamp::Micros(_)));
    }

    /// The stamp of a line that begins, told apart from the lines before.
    fn begun(&mut self, stamp: Stamp) -> Stamp {
        let stamp = self.counted(stamp, 1);
        self.last = by_uptime(stamp);
        stamp
    }

    /// A stamp without a count is that of the last line of its hundredth, or as many lines `later` as it says.
    fn counted(&self, stamp: Stamp, later: u32) -> Stamp {
        let Stamp::Uptime { hundredths, nth: None } = stamp else { return stamp };
        let nth = self.last.filter(|(last, _)| *last == hundredths).map_or(0, |(_, nth)| nth + later);
        Stamp::Uptime { hundredths, nth: Some(nth) }
    }

    /// The shell is gone: its open runs are lost.
    pub(super) fn lose(&mut self, seen_at: UnixMillis) -> Vec<Body> {
        let open = self.open.take().into_iter().chain(self.outer.drain(..).rev());
        let open = open.map(|open| (open.uid, open.started_at));
        let begun = self.begun.take().map(|begun| (begun.uid, begun.started_at));
        open.chain(begun).map(|(uid, started_at)| lost(uid, seen_at.max(started_at))).collect()
    }

    /// The line `stamp` goes on while lines are typed in its nested prompt.
    fn enter(&mut self, stamp: Stamp) {
        self.outer.extend(self.open.take_if(|open| open.record.stamp == stamp));
        self.is_nested = self.outer.last().is_some_and(|outer| outer.record.stamp == stamp);
    }

    /// The open line `stamp`, which ends. Those in its nested prompt have ended before.
    fn leave(&mut self, stamp: Stamp) -> Option<Opened> {
        let is_line = |open: &Opened| open.record.stamp == stamp;
        if let Some(at) = self.outer.iter().position(is_line) {
            return self.outer.drain(at..).next();
        }
        self.open.take_if(|open| is_line(open))
    }

    pub(super) fn has_open_run(&self) -> bool {
        self.open.is_some() || self.begun.is_some() || !self.outer.is_empty()
    }

    /// When the open line began.
    pub(super) fn line_started_at(&self) -> Option<UnixMillis> {
        self.open.as_ref().map(|open| open.started_at)
    }

    /// How many starts the shell has reported.
    pub(super) fn starts(&self) -> u64 {
        self.starts
    }

    /// Whether this shell may still be running, `boot_id` being this boot's.
    pub(super) fn is_alive(&self, boot_id: &str) -> bool {
        let of_this_boot = self.shell.boot_id.as_deref().is_none_or(|theirs| theirs == boot_id);
        let owner = Owner { pid: self.pid, start_ticks: self.shell.start_ticks.unwrap_or(0) };
        of_this_boot && bp_proto::process::is_alive(owner)
    }

    /// Whether its pid is another process's, in this boot.
    pub(super) fn names_another(&self, boot_id: &str) -> bool {
        self.shell.boot_id.as_deref() == Some(boot_id)
            && bp_proto::process::start_ticks(self.pid)
                .is_some_and(|ticks| Some(ticks) != self.shell.start_ticks)
    }

    fn is_shell(&self, shell: &Shell) -> bool {
        self.shell.boot_id == shell.boot_id && self.shell.start_ticks == shell.start_ticks
    }

    fn start(&mut self, record: StartRecord, arrival: Arrival, rules: &Rules) -> Body {
        let started_at = match record.stamp {
            Stamp::Micros(micros) => UnixMillis((micros / 1000) as i64),
            // Of two lines of one hundredth the second is not the earlier one, however the clocks are rounded.
            Stamp::Uptime { .. } => arrival.wall.max(self.latest),
            Stamp::Serial(_) => arrival.wall,
        };
        self.latest = started_at;
        let is_exact = matches!(record.stamp, Stamp::Micros(_));
        let uid = if record.late && is_exact { self.late_uid(started_at) } else { self.uid(record.stamp) };
        self.previous = Some(record.stamp).filter(|_| is_exact);
        let said = self.said(&record.text, arrival.unplaced, rules);
        // The end before is where a line that is told late began, as far as its shell's account goes.
        let before = self.times.take();
        let late = record.late;
        let times = if late { before } else { record.times };
        let record = StartRecord {
            // In memory there is the masked text alone.
            text: match said {
                Told::Kept(_) => Text::Repeat,
                Told::Pending => Text::Pending,
                Told::Ignored(_) | Told::Nothing => Text::Hidden,
            },
            cwd: if arrival.unplaced { Vec::new() } else { record.cwd },
            times,
            late: false,
            ..record
        };
        let cwd = String::from_utf8_lossy(&record.cwd).into_owned();
        let mut draft = Draft {
            cwd: Some(cwd).filter(|cwd| !cwd.is_empty()),
            shell: Some(record.shell.name.clone()),
            session: Some(self.name()),
            actor: self.actor(),
            started_at,
            source: Source::Hook,
            is_over: late,
            ..Draft::default()
        };
        match said {
            Told::Kept(kept) => draft.keep(kept),
            Told::Ignored(stands_for) => {
                draft.ignored();
                draft.command = stands_for.map(str::to_owned);
            }
            Told::Nothing if arrival.unplaced => draft.ignored(),
            Told::Nothing => {}
            Told::Pending => {
                draft.text_pending = true;
                self.pending = Some(record.stamp);
            }
        }
        if !std::mem::take(&mut self.is_nested) {
            // A line at the shell's own prompt: the ends of those before have not come.
            self.outer.clear();
        }
        let parent = self.outer.last().map(|outer| outer.uid).or_else(|| self.parent());
        self.open = Some(Opened { uid, started_at, arrival, record, late });
        Body::Start(Box::new(Start {
            uid,
            draft,
            owner: Some(Owner { pid: self.pid, start_ticks: self.shell.start_ticks.unwrap_or(0) }),
            under: None,
            parent,
            context: None,
        }))
    }

    /// What a start tells of its line; what is kept of it is remembered for a repeat.
    fn said(&mut self, text: &Text, unplaced: bool, rules: &Rules) -> Told {
        match text {
            Text::Typed(bytes) | Text::Kept(bytes) => {
                let line = String::from_utf8_lossy(bytes);
                if unplaced || rules.of_line(&line).is_some() {
                    self.is_bare = true;
                    self.text = None;
                    return Told::Ignored(match typed::classify(&line) {
                        Typed::Look => Some(LOOK),
                        Typed::Wrapped => Some(WRAPPED),
                        Typed::Apart => Some(APART),
                        Typed::Work => None,
                    });
                }
                let kept = mask::keep(&line);
                self.is_bare |= kept.text.as_bytes() != bytes;
                self.text = Some(kept.clone());
                self.is_text_removed = false;
                Told::Kept(kept)
            }
            Text::Repeat => match &self.text {
                Some(kept) if unplaced || rules.of_line(&kept.text).is_some() => Told::Ignored(None),
                Some(kept) => Told::Kept(kept.clone()),
                None => Told::Nothing,
            },
            Text::Pending if unplaced => Told::Ignored(None),
            Text::Pending => Told::Pending,
            Text::Hidden | Text::Partial => Told::Nothing,
        }
    }

    /// What follows the start of a line, which may be one of before this bpd.
    fn late_text(&mut self, late: &TextRecord, rules: &Rules) -> Body {
        let run = self.uid(late.stamp);
        let is_awaited = self.pending.take_if(|stamp| *stamp == late.stamp).is_some();
        let text = self.text_for(run, &late.text, false, rules);
        // The text must leave the file, whatever the line's directory says of it.
        self.is_bare = true;
        if !is_awaited {
            self.text = None;
        }
        text
    }

    /// What a shell says of the text of a run that is recorded already.
    fn text_for(&mut self, run: Ulid, text: &Text, unplaced: bool, rules: &Rules) -> Body {
        let said = self.said(text, unplaced, rules);
        if let Text::Typed(bytes) = text
            && typed::classify(&String::from_utf8_lossy(bytes)) != Typed::Work
        {
            // Looks at bp are not recorded, and `bpctl run` has a run of its own.
            return Body::Delete { run };
        }
        let text = match said {
            Told::Kept(kept) => LateText::Kept(kept),
            Told::Ignored(_) => LateText::Ignored,
            Told::Nothing | Told::Pending => LateText::None,
        };
        Body::Text { run, text }
    }

    fn end(&mut self, record: &EndRecord, arrival: Arrival) -> Body {
        let open = self.leave(record.stamp);
        self.times = record.times;
        let end = record.end_us.map(|micros| UnixMillis((micros / 1000) as i64));
        let (finished_at, took) = match &open {
            Some(open) => took(open, record, arrival),
            None => (end.unwrap_or(arrival.wall), None),
        };
        self.latest = finished_at;
        let times = open.as_ref().and_then(|open| open.record.times).zip(record.times);
        Body::Finish(Box::new(Finish {
            uid: open.as_ref().map_or_else(|| self.uid(record.stamp), |open| open.uid),
            finished_at,
            took,
            ending: Ending::Exited { exit_code: record.exit_code, signal: record.exit_code.and_then(signal) },
            totals: times.map(|(before, after)| spent(before, after, &record.shell.name)),
            children: Vec::new(),
            rest: times.and_then(|(before, after)| by_itself(before, after, &record.shell.name)),
            waited: None,
            background: false,
        }))
    }

    /// Names the run for ever: a record that is read again gives the same.
    fn uid(&self, stamp: Stamp) -> Ulid {
        let (kind, number) = match stamp {
            Stamp::Micros(micros) => (String::new(), micros),
            Stamp::Uptime { hundredths, nth } => (format!("u{}+", nth.unwrap_or_default()), hundredths),
            Stamp::Serial(serial) => ("~".to_owned(), serial),
        };
        let millis = match stamp {
            Stamp::Micros(micros) => micros / 1000,
            Stamp::Uptime { hundredths, .. } => self.since_epoch(hundredths),
            // Says nothing about the time that is always the same.
            Stamp::Serial(_) => 0,
        };
        self.named(&format!("{kind}{number}"), millis)
    }

    /// An uptime as milliseconds since 1970; 0 for the uptime of an earlier boot.
    fn since_epoch(&self, hundredths: u64) -> u64 {
        let booted_at = super::boot::booted_at(self.shell.boot_id.as_deref());
        booted_at
            .map_or(0, |at| u64::try_from(at.0).unwrap_or(0).saturating_add(hundredths.saturating_mul(10)))
    }

    fn named(&self, what: &str, millis: u64) -> Ulid {
        let boot = self.shell.boot_id.as_deref().unwrap_or("-");
        let ticks = self.shell.start_ticks.unwrap_or(0);
        let hash = Sha256::digest(format!("{boot} {} {ticks} {what}", self.pid));
        let mut random = [0; 16];
        random.copy_from_slice(&hash[..16]);
        Ulid::from_parts(millis, u128::from_be_bytes(random) & ((1 << 80) - 1))
    }

    /// One interactive shell, never again the same.
    fn name(&self) -> String {
        let boot: String = self.shell.boot_id.as_deref().unwrap_or("-").chars().take(8).collect();
        format!("{boot}-{}-{}", self.pid, self.shell.start_ticks.unwrap_or(0))
    }
}

/// The end of a run that nobody reports.
fn lost(uid: Ulid, finished_at: UnixMillis) -> Body {
    Body::Finish(Box::new(Finish {
        uid,
        finished_at,
        took: None,
        ending: Ending::Lost,
        totals: None,
        children: Vec::new(),
        rest: None,
        waited: None,
        background: false,
    }))
}

fn by_uptime(stamp: Stamp) -> Option<(u64, u32)> {
    match stamp {
        Stamp::Uptime { hundredths, nth } => Some((hundredths, nth?)),
        Stamp::Micros(_) | Stamp::Serial(_) => None,
    }
}

/// The end, and the duration: the shell's own, unless its clock cannot be trusted.
fn took(open: &Opened, record: &EndRecord, arrival: Arrival) -> (UnixMillis, Option<Duration>) {
    let on_arrival = open.arrival.boot.zip(arrival.boot).map(|(from, to)| to.saturating_sub(from));
    let stepped = open.arrival.boot.zip(arrival.boot).is_some_and(|(from, to)| {
        let by_boot = to.saturating_sub(from).as_millis() as i64;
        let by_wall = arrival.wall.0 - open.arrival.wall.0;
        by_boot.abs_diff(by_wall) > STEP.as_millis() as u64
    });
    match (open.record.stamp, record.end_us) {
        (Stamp::Micros(from), Some(to)) if !stepped && from <= to => {
            let took = Duration::from_micros(to - from);
            (UnixMillis((to / 1000) as i64).max(open.started_at), Some(took))
        }
        _ if !stepped && record.took_ms.is_some() => {
            // The shell cuts its milliseconds off: a line of 0 ms took some part of one.
            let took = Duration::from_millis(record.took_ms.unwrap_or_default()).max(PART_OF_MILLISECOND);
            (open.started_at.plus(took), Some(took))
        }
        // A prompt was drawn without the hook (PROMPT_COMMAND was replaced): the end has no time.
        (Stamp::Micros(_), None) if record.took_ms.is_none() && record.times.is_none() => {
            (open.started_at, None)
        }
        _ => match on_arrival {
            // Told together with its end, the start has arrived when it was over.
            Some(_) if open.late => (open.started_at, None),
            Some(took) => (open.started_at.plus(took), Some(took)),
            // Left behind by a shell without a clock, or with one that was set meanwhile: nobody knows.
            None => (open.started_at, None),
        },
    }
}

/// What the shell accounted for between two records.
fn spent(before: Times, after: Times, shell: &str) -> Totals {
    let user_ns = after.shell_user_ns.saturating_sub(before.shell_user_ns)
        + after.children_user_ns.saturating_sub(before.children_user_ns);
    let system_ns = after.shell_system_ns.saturating_sub(before.shell_system_ns)
        + after.children_system_ns.saturating_sub(before.children_system_ns);
    Totals {
        cpu_ns: Some(user_ns + system_ns),
        user_ns: Some(user_ns),
        system_ns: Some(system_ns),
        // zsh counts in clock ticks.
        quality: if shell == "zsh" { Quality::Ticks } else { Quality::Times },
        ..Totals::default()
    }
}

/// What of it the shell burned itself; not by clock ticks, of which bpd reads the shell's clock more finely.
fn by_itself(before: Times, after: Times, shell: &str) -> Option<Rest> {
    let own_ns = after.shell_user_ns.saturating_sub(before.shell_user_ns)
        + after.shell_system_ns.saturating_sub(before.shell_system_ns);
    let shell_seconds = Some(Duration::from_nanos(own_ns).as_secs_f64());
    (shell != "zsh").then(|| Rest { shell_seconds, ..Rest::default() })
}

/// Suspended time counted.
pub(super) fn since_boot() -> Duration {
    #[cfg(target_os = "linux")]
    let time = clock_gettime(ClockId::Boottime);
    #[cfg(not(target_os = "linux"))]
    let time = clock_gettime(ClockId::Monotonic);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Shells say 128 + signal.
fn signal(exit_code: i32) -> Option<i32> {
    (129..=192).contains(&exit_code).then_some(exit_code - 128)
}

#[cfg(test)]
mod tests;

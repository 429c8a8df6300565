//! One shell's records become events. Pure: what a record means depends on the records before it and on when it
//! arrived, and on nothing else, so that reading a file twice gives the same runs.

use std::collections::VecDeque;
use std::time::Duration;

use bp_proto::event::Source;
use bp_proto::mailbox::{EndRecord, KeptRecord, Record, Shell, Stamp, StartRecord, Text, Times};
use bp_proto::{Draft, Ending, Finish, Owner, Quality, Start, Totals, Ulid, UnixMillis, mask};
use sha2::{Digest as _, Sha256};

use crate::event::Body;

/// Records that may come twice (once over the socket, once in the file) come close together.
const REMEMBERED: usize = 64;

/// The wall clock moved by more against the monotonic one: it was set, not slewed.
const STEP: Duration = Duration::from_millis(500);

/// When bpd read a record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    pub(super) wall: UnixMillis,
    /// Since boot, suspended time counted; `None` for what was left behind while bpd was away.
    pub(super) boot: Option<Duration>,
    /// Nothing is to be recorded of a line that was read then.
    pub(super) paused: bool,
}

impl Arrival {
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
    /// The line that was read while recording was paused.
    unrecorded: Option<Stamp>,
    seen: VecDeque<(bool, Stamp)>,
    /// A text came that masking changed, and was not wiped since.
    is_bare: bool,
}

#[derive(Debug)]
struct Opened {
    uid: Ulid,
    started_at: UnixMillis,
    arrival: Arrival,
    /// What it takes to read the start again.
    record: StartRecord,
}

impl Session {
    pub(super) fn new(pid: u32) -> Self {
        Self {
            pid,
            shell: Shell::default(),
            text: None,
            times: None,
            open: None,
            unrecorded: None,
            seen: VecDeque::new(),
            is_bare: false,
        }
    }

    /// The events of one record, in order: mostly one.
    pub(super) fn take(&mut self, record: Record, arrival: Arrival) -> Vec<Body> {
        let (seen, shell) = match &record {
            Record::Start(start) => (Some((true, start.stamp)), &start.shell),
            Record::End(end) => (Some((false, end.stamp)), &end.shell),
            Record::Kept(kept) => (None, &kept.shell),
        };
        let mut events = Vec::new();
        if !self.is_shell(shell) {
            // The pid is another shell's now.
            events.extend(self.lose(arrival.wall));
            *self = Self { is_bare: self.is_bare, ..Self::new(self.pid) };
        }
        self.shell.clone_from(shell);
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
            Record::Start(start) if arrival.paused => {
                self.unrecorded = Some(start.stamp);
                // The shell's next line may be a repeat of this one.
                events.extend(self.lose(arrival.wall));
                self.start(start, arrival);
                self.open = None;
            }
            Record::End(end) if self.unrecorded == Some(end.stamp) => self.times = end.times,
            Record::Start(start) => events.push(self.start(start, arrival)),
            Record::End(end) => events.push(self.end(&end, arrival)),
            Record::Kept(kept) => self.resume(&kept),
        }
        events
    }

    /// What it takes to go on from here, for the place of the records so far, the best first; the shorter ones are for
    /// where it does not fit.
    pub(super) fn remains(&self) -> Vec<Vec<u8>> {
        let text = self.text.as_ref().map(|text| text.text.clone().into_bytes());
        let kept = KeptRecord { shell: self.shell.clone(), times: self.times, text: text.clone() }.to_bytes();
        let Some(open) = &self.open else { return vec![kept, Vec::new()] };
        let begun = |text| StartRecord { text, ..open.record.clone() }.to_bytes();
        let hidden = begun(Text::Hidden);
        let mut remains = Vec::new();
        if let (Text::Repeat, Some(text)) = (&open.record.text, text) {
            remains.push(begun(Text::Kept(text)));
        }
        remains.extend([[&kept[..], &hidden].concat(), hidden]);
        remains
    }

    /// Whether there is anything to gain from putting [`Self::remains`] in the place of the records.
    pub(super) fn can_be_wiped(&self) -> bool {
        self.open.is_none() || self.is_bare
    }

    pub(super) fn was_wiped(&mut self) {
        self.is_bare = false;
    }

    fn resume(&mut self, kept: &KeptRecord) {
        self.text = kept.text.as_ref().map(|text| mask::keep(&String::from_utf8_lossy(text)));
        self.times = kept.times;
    }

    /// The shell is gone: its open run, if there is one, is lost.
    pub(super) fn lose(&mut self, seen_at: UnixMillis) -> Option<Body> {
        let open = self.open.take()?;
        Some(Body::Finish(Box::new(Finish {
            uid: open.uid,
            finished_at: seen_at.max(open.started_at),
            took: None,
            ending: Ending::Lost,
            totals: None,
            children: Vec::new(),
            background: false,
        })))
    }

    pub(super) fn has_open_run(&self) -> bool {
        self.open.is_some()
    }

    /// Whether this shell may still be running, `boot_id` being this boot's.
    pub(super) fn is_alive(&self, boot_id: &str) -> bool {
        let of_this_boot = self.shell.boot_id.as_deref().is_none_or(|theirs| theirs == boot_id);
        let owner = Owner { pid: self.pid, start_ticks: self.shell.start_ticks.unwrap_or(0) };
        of_this_boot && bp_proto::process::is_alive(owner)
    }

    fn is_shell(&self, shell: &Shell) -> bool {
        self.shell.boot_id == shell.boot_id && self.shell.start_ticks == shell.start_ticks
    }

    fn start(&mut self, record: StartRecord, arrival: Arrival) -> Body {
        let uid = self.uid(record.stamp);
        let started_at = match record.stamp {
            Stamp::Micros(micros) => UnixMillis((micros / 1000) as i64),
            Stamp::Uptime { .. } | Stamp::Serial(_) => arrival.wall,
        };
        let kept = match &record.text {
            Text::Typed(bytes) | Text::Kept(bytes) => {
                let kept = mask::keep(&String::from_utf8_lossy(bytes));
                self.is_bare |= kept.text.as_bytes() != bytes;
                self.text = Some(kept);
                self.text.clone()
            }
            Text::Repeat => self.text.clone(),
            Text::Hidden | Text::Partial => None,
        };
        // The end before is where a line that is told late began, as far as its shell's account goes.
        let before = self.times.take();
        let times = if record.late { before } else { record.times };
        let record = StartRecord {
            // In memory there is the masked text alone.
            text: if kept.is_some() { Text::Repeat } else { Text::Hidden },
            times,
            late: false,
            ..record
        };
        let cwd = String::from_utf8_lossy(&record.cwd).into_owned();
        let mut draft = Draft {
            cwd: Some(cwd).filter(|cwd| !cwd.is_empty()),
            shell: Some(record.shell.name.clone()),
            session: Some(self.name()),
            actor: record.shell.actor.as_ref().and_then(|actor| actor.parse().ok()).unwrap_or_default(),
            started_at,
            source: Source::Hook,
            ..Draft::default()
        };
        if let Some(kept) = kept {
            draft.keep(kept);
        }
        let parent = record.shell.parent.as_ref().and_then(|parent| Ulid::from_string(parent).ok());
        self.open = Some(Opened { uid, started_at, arrival, record });
        Body::Start(Box::new(Start {
            uid,
            draft,
            owner: Some(Owner { pid: self.pid, start_ticks: self.shell.start_ticks.unwrap_or(0) }),
            under: None,
            parent,
            context: None,
        }))
    }

    fn end(&mut self, record: &EndRecord, arrival: Arrival) -> Body {
        let open = self.open.take_if(|open| open.record.stamp == record.stamp);
        self.times = record.times;
        let end = record.end_us.map(|micros| UnixMillis((micros / 1000) as i64));
        let (finished_at, took) = match &open {
            Some(open) => took(open, record, arrival),
            None => (end.unwrap_or(arrival.wall), None),
        };
        let times = open.as_ref().and_then(|open| open.record.times).zip(record.times);
        Body::Finish(Box::new(Finish {
            uid: self.uid(record.stamp),
            finished_at,
            took,
            ending: Ending::Exited { exit_code: record.exit_code, signal: signal(record.exit_code) },
            totals: times.map(|(before, after)| spent(before, after, &record.shell.name)),
            children: Vec::new(),
            background: false,
        }))
    }

    /// Names the run for ever: a record that is read again gives the same.
    fn uid(&self, stamp: Stamp) -> Ulid {
        let (kind, number) = match stamp {
            Stamp::Micros(micros) => (String::new(), micros),
            Stamp::Uptime { hundredths, nth } => (format!("u{nth}+"), hundredths),
            Stamp::Serial(serial) => ("~".to_owned(), serial),
        };
        let boot = self.shell.boot_id.as_deref().unwrap_or("-");
        let ticks = self.shell.start_ticks.unwrap_or(0);
        let hash = Sha256::digest(format!("{boot} {} {ticks} {kind}{number}", self.pid));
        let mut random = [0; 16];
        random.copy_from_slice(&hash[..16]);
        // The others say nothing about the time that is always the same.
        let millis = if kind.is_empty() { number / 1000 } else { 0 };
        Ulid::from_parts(millis, u128::from_be_bytes(random) & ((1 << 80) - 1))
    }

    /// One interactive shell, never again the same.
    fn name(&self) -> String {
        let boot: String = self.shell.boot_id.as_deref().unwrap_or("-").chars().take(8).collect();
        format!("{boot}-{}-{}", self.pid, self.shell.start_ticks.unwrap_or(0))
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
            let took = Duration::from_millis(record.took_ms.unwrap_or_default());
            (open.started_at.plus(took), Some(took))
        }
        _ => match on_arrival {
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

/// Shells say 128 + signal.
fn signal(exit_code: i32) -> Option<i32> {
    (129..=192).contains(&exit_code).then_some(exit_code - 128)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(name: &str, start_ticks: u64) -> Shell {
        Shell {
            name: name.to_owned(),
            boot_id: Some("boot".to_owned()),
            start_ticks: Some(start_ticks),
            ..Shell::default()
        }
    }

    fn times(children_user_ms: u64) -> Times {
        Times { children_user_ns: children_user_ms * 1_000_000, ..Times::default() }
    }

    fn start(stamp: Stamp, text: Text) -> Record {
        Record::Start(StartRecord {
            shell: shell("bash", 7),
            stamp,
            text,
            cwd: b"/tmp".to_vec(),
            times: Some(times(10)),
            late: false,
        })
    }

    fn end(stamp: Stamp, exit_code: i32, end_us: Option<u64>) -> Record {
        Record::End(EndRecord {
            shell: shell("bash", 7),
            stamp,
            exit_code,
            end_us,
            took_ms: None,
            times: Some(times(250)),
        })
    }

    fn typed(text: &str) -> Text {
        Text::Typed(text.as_bytes().to_vec())
    }

    fn at(wall_ms: i64, boot_ms: u64) -> Arrival {
        Arrival { wall: UnixMillis(wall_ms), boot: Some(Duration::from_millis(boot_ms)), paused: false }
    }

    fn started(events: &[Body]) -> &Start {
        match events.last() {
            Some(Body::Start(start)) => start,
            other => panic!("{other:?}"),
        }
    }

    fn finished(events: &[Body]) -> &Finish {
        match events.last() {
            Some(Body::Finish(finish)) => finish,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_start_and_an_end_make_one_run_with_the_shells_own_account() {
        let mut session = Session::new(42);
        let stamp = Stamp::Micros(1_700_000_000_000_500);
        let begun = session.take(start(stamp, typed("make")), at(1_700_000_000_001, 5));
        let begun = started(&begun);
        assert_eq!(begun.draft.command.as_deref(), Some("make"));
        assert_eq!(begun.draft.started_at, UnixMillis(1_700_000_000_000));
        assert_eq!(begun.owner, Some(Owner { pid: 42, start_ticks: 7 }));
        assert!(session.has_open_run());

        let done = session.take(end(stamp, 130, Some(1_700_000_002_500_500)), at(1_700_000_002_501, 2505));
        let done = finished(&done);
        assert_eq!((done.uid, done.took), (begun.uid, Some(Duration::from_millis(2500))));
        assert_eq!(done.ending, Ending::Exited { exit_code: 130, signal: Some(2) });
        let totals = done.totals.unwrap();
        assert_eq!((totals.cpu_ns, totals.quality), (Some(240_000_000), Quality::Times));
        assert!(!session.has_open_run());
    }

    #[test]
    fn read_twice_gives_the_same_uid_and_another_shell_gives_another() {
        let uid = |pid, ticks, stamp| {
            let mut session = Session::new(pid);
            let mut record = start(stamp, typed("x"));
            if let Record::Start(start) = &mut record {
                start.shell.start_ticks = Some(ticks);
            }
            started(&session.take(record, at(0, 0))).uid
        };
        let stamp = Stamp::Micros(1_700_000_000_000_500);
        assert_eq!(uid(1, 7, stamp), uid(1, 7, stamp));
        assert_eq!(uid(1, 7, stamp).timestamp_ms(), 1_700_000_000_000);
        for other in
            [uid(2, 7, stamp), uid(1, 8, stamp), uid(1, 7, Stamp::Micros(1)), uid(1, 7, Stamp::Serial(1))]
        {
            assert_ne!(other, uid(1, 7, stamp));
        }
    }

    /// Duration in milliseconds of a run whose records arrive at these moments.
    #[test]
    fn of_a_line_read_in_a_pause_nothing_goes_on_and_a_repeat_of_it_has_its_text() {
        let mut session = Session::new(1);
        let paused = Arrival { paused: true, ..at(10, 10) };
        assert!(session.take(start(Stamp::Serial(1), typed("make secret")), paused).is_empty());
        assert!(!session.has_open_run() && session.can_be_wiped());
        // The end comes when recording goes on again.
        assert!(session.take(end(Stamp::Serial(1), 0, None), at(20, 20)).is_empty());
        let events = session.take(start(Stamp::Serial(2), Text::Repeat), at(30, 30));
        assert_eq!(started(&events).draft.command.as_deref(), Some("make secret"));
    }

    #[test]
    fn a_shell_without_a_clock_tells_by_the_uptime_when_its_line_was_read_and_how_long_it_took() {
        let stamp = Stamp::Uptime { hundredths: 1_250, nth: 0 };
        let booted_at = UnixMillis(1_000_000);
        let arrived = at(1_012_509, 12_509);
        for (boot_id, started_at) in [("boot", 1_012_500), ("another", 1_012_509)] {
            let mut session = Session::new(1);
            let record = start(stamp, typed("make"));
            let told = arrived.told_by(&record, boot_id, booted_at);
            let events = session.take(record, told);
            let begun = started(&events);
            assert_eq!(begun.draft.started_at, UnixMillis(started_at));
            let Record::End(mut record) = end(stamp, 0, None) else { panic!("no end") };
            record.took_ms = Some(700);
            let done = session.take(Record::End(record), at(1_013_215, 13_215));
            let [Body::Finish(finish)] = &done[..] else { panic!("{done:?}") };
            assert_eq!(finish.uid, begun.uid);
            assert_eq!(finish.took, Some(Duration::from_millis(700)));
            assert_eq!(finish.finished_at, UnixMillis(started_at + 700));
        }
        // Two lines of the same hundredth are two runs.
        let second = Stamp::Uptime { hundredths: 1_250, nth: 1 };
        let session = Session::new(1);
        assert_ne!(session.uid(stamp), session.uid(second));
    }

    fn check_took(stamp: Stamp, end_us: Option<u64>, from: Arrival, to: Arrival, ms: u64) {
        let mut session = Session::new(1);
        session.take(start(stamp, typed("x")), from);
        let done = session.take(end(stamp, 0, end_us), to);
        assert_eq!(
            finished(&done).took,
            Some(Duration::from_millis(ms)),
            "{stamp:?} {end_us:?} {from:?} {to:?}"
        );
        assert!(finished(&done).finished_at >= UnixMillis(0));
    }

    #[test]
    fn a_stepped_or_missing_clock_is_replaced_by_the_time_of_arrival() {
        let second = Stamp::Micros(1_000_000);
        check_took(second, Some(3_000_000), at(1_000, 10), at(3_000, 2_010), 2_000);
        // Read late, but the clocks agree: the shell's own figure is the better one.
        check_took(second, Some(3_000_000), at(9_000, 9_000), at(9_000, 9_000), 2_000);
        // Set back by an hour while it ran, set forward, no clock at all.
        check_took(Stamp::Micros(9_000_000), Some(5_000_000), at(9_000, 10), at(5_000, 2_010), 2_000);
        check_took(second, Some(90_000_000), at(1_000, 10), at(90_000, 2_010), 2_000);
        check_took(Stamp::Serial(4), None, at(1_000, 10), at(3_000, 2_010), 2_000);
        let left = |wall| Arrival { wall: UnixMillis(wall), boot: None, paused: false };
        check_took(second, Some(3_000_000), left(9_000), left(9_000), 2_000);
    }

    #[test]
    fn how_long_a_run_took_that_was_left_behind_without_a_clock_is_unknown() {
        let left = Arrival { wall: UnixMillis(9_000), boot: None, paused: false };
        // No clock at all, none at the end, and one that was set back meanwhile.
        for (stamp, end_us) in [
            (Stamp::Serial(4), None),
            (Stamp::Micros(9_000_000), None),
            (Stamp::Micros(9_000_000), Some(5_000_000)),
        ] {
            let mut session = Session::new(1);
            session.take(start(stamp, typed("x")), left);
            let done = session.take(end(stamp, 0, end_us), left);
            assert_eq!(finished(&done).took, None, "{stamp:?}");
            assert!(finished(&done).finished_at >= UnixMillis(9_000));
        }
    }

    #[test]
    fn texts_repeat_hide_and_are_cut() {
        let mut session = Session::new(1);
        let mut text = |number, text| {
            let events = session.take(start(Stamp::Serial(number), text), at(0, 0));
            let draft = started(&events).draft.clone();
            (draft.command, draft.command_truncated)
        };
        assert_eq!(text(1, Text::Repeat).0, None);
        assert_eq!(text(2, typed("make")).0.as_deref(), Some("make"));
        assert_eq!(text(3, Text::Repeat).0.as_deref(), Some("make"));
        assert_eq!(text(4, Text::Hidden).0, None);
        assert_eq!(
            text(5, Text::Repeat).0.as_deref(),
            Some("make"),
            "the last that was sent, not the hidden one"
        );
        assert_eq!(text(6, Text::Typed(b"a\xffb".to_vec())).0.as_deref(), Some("a\u{fffd}b"));
        let (cut, length) = text(7, typed(&"ş".repeat(40_000)));
        assert_eq!((cut.unwrap().len(), length), (bp_proto::MAX_COMMAND_BYTES, Some(80_000)));
    }

    #[test]
    fn a_record_that_comes_twice_says_nothing_the_second_time() {
        let mut session = Session::new(1);
        assert_eq!(session.take(start(Stamp::Serial(1), typed("x")), at(0, 0)).len(), 1);
        assert_eq!(session.take(end(Stamp::Serial(1), 0, None), at(5, 5)).len(), 1);
        assert_eq!(session.take(start(Stamp::Serial(1), typed("x")), at(9, 9)).len(), 0);
        assert_eq!(session.take(end(Stamp::Serial(1), 0, None), at(9, 9)).len(), 0);
        assert!(!session.has_open_run());
    }

    /// Milliseconds of CPU of a run that is told when it has ended, its times with it.
    fn late(session: &mut Session, stamp: u64, at_ms: u64) -> Option<u64> {
        let mut record = start(Stamp::Serial(stamp), typed("(x)"));
        if let Record::Start(start) = &mut record {
            (start.late, start.times) = (true, Some(times(at_ms)));
        }
        session.take(record, at(0, 0));
        let mut record = end(Stamp::Serial(stamp), 0, None);
        if let Record::End(end) = &mut record {
            end.times = Some(times(at_ms));
        }
        let totals = finished(&session.take(record, at(5, 5))).totals;
        totals.and_then(|totals| totals.cpu_ns).map(|ns| ns / 1_000_000)
    }

    #[test]
    fn a_start_that_is_told_late_counts_from_the_end_before_or_not_at_all() {
        let mut session = Session::new(1);
        assert_eq!(late(&mut session, 1, 50), None, "nothing is known from before it");
        assert_eq!(late(&mut session, 2, 80), Some(30));
        session.take(start(Stamp::Serial(3), typed("x")), at(0, 0));
        assert_eq!(late(&mut session, 4, 900), None, "an end went untold: part of it is the other line's");
        assert_eq!(late(&mut session, 5, 1_000), Some(100));
    }

    /// A session that has read what another leaves.
    fn resumed(session: &Session, nth: usize) -> (Session, Vec<Body>) {
        let mut next = Session::new(1);
        let left = bp_proto::mailbox::take(&session.remains()[nth]);
        assert_eq!(left.damaged, 0);
        let events = left.records.into_iter().flat_map(|record| next.take(record, at(0, 0))).collect();
        (next, events)
    }

    #[test]
    fn what_remains_of_a_shell_is_enough_to_go_on_and_holds_no_secret() {
        let mut session = Session::new(1);
        let secret = "curl -u me:hunter2secret https://example.org";
        let first = session.take(start(Stamp::Serial(1), typed(secret)), at(0, 0));
        let first = started(&first);
        assert!(session.can_be_wiped(), "it runs, but its secret is in the file");
        for remains in session.remains() {
            assert!(!String::from_utf8_lossy(&remains).contains("hunter2secret"));
        }
        let (mut next, events) = resumed(&session, 0);
        assert_eq!(
            (started(&events).uid, &started(&events).draft.command),
            (first.uid, &first.draft.command)
        );
        let done = next.take(end(Stamp::Serial(1), 0, None), at(5, 5));
        assert_eq!(finished(&done).totals.unwrap().cpu_ns, Some(240_000_000));

        session.was_wiped();
        assert!(!session.can_be_wiped());
        session.take(end(Stamp::Serial(1), 0, None), at(5, 5));
        assert!(session.can_be_wiped());
        let (mut next, events) = resumed(&session, 0);
        assert!(events.is_empty() && !next.has_open_run());
        assert_eq!(late(&mut next, 2, 300), Some(50), "the end before is still known");
        let again = next.take(start(Stamp::Serial(3), Text::Repeat), at(0, 0));
        assert_eq!(started(&again).draft.command.as_deref(), Some("(x)"));
        let (mut next, _) = resumed(&session, 0);
        let again = next.take(start(Stamp::Serial(2), Text::Repeat), at(0, 0));
        assert_eq!(started(&again).draft.command, first.draft.command);
    }

    #[test]
    fn a_pid_that_is_another_shells_now_loses_the_run_of_the_first() {
        let mut session = Session::new(1);
        let first = started(&session.take(start(Stamp::Serial(1), typed("x")), at(0, 0))).uid;
        let mut other = start(Stamp::Serial(1), Text::Repeat);
        if let Record::Start(start) = &mut other {
            start.shell.start_ticks = Some(99);
        }
        let events = session.take(other, at(7, 7));
        let [Body::Finish(lost), Body::Start(start)] = &events[..] else { panic!("{events:?}") };
        assert_eq!((lost.uid, lost.ending, lost.finished_at), (first, Ending::Lost, UnixMillis(7)));
        assert_eq!(start.draft.command, None, "the other shell's text is none of its business");
    }
}

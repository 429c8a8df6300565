//! Lines that bpd sees begin before their shell reports them (see `linestarts`): their runs start without a text.

use std::time::Duration;

use bp_proto::event::Source;
use bp_proto::ignore::Rules;
use bp_proto::mailbox::{Stamp, StartRecord, Text};
use bp_proto::{Actor, Draft, Owner, Start, Ulid, UnixMillis};

use super::{Arrival, Opened, Session, lost};
use crate::event::{Body, LateText};

/// A line of which bpd has seen that it began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun {
    pub(super) uid: Ulid,
    pub(super) started_at: UnixMillis,
    pub(super) arrival: Arrival,
}

impl Begun {
    /// Whether this is the start of that line: PS0 reads the clock before it opens the file.
    fn is_begin_of(&self, start: &StartRecord) -> bool {
        let Stamp::Micros(micros) = start.stamp else { return false };
        (micros / 1000) as i64 <= self.arrival.wall.max(self.started_at).0
    }
}

/// Rounds the time in the name of a run whose start is reported late, milliseconds: bpd and the shell do not read the same.
const LATE_UID_STEP: i64 = 1024;

impl Session {
    /// bpd has heard at `arrival` of a line that began `lead` before, and of which the shell says nothing yet. → its start,
    /// without a text, unless the line is known or not to be recorded. `cwd` = where the shell is.
    pub(in super::super) fn begin(&mut self, cwd: &[u8], arrival: Arrival, lead: Duration) -> Option<Body> {
        // Only bash tells so, and who it is it has said when the hook was loaded.
        if self.has_open_run() || arrival.paused || self.shell.name != "bash" {
            return None;
        }
        // What is older than the end of the line before is a job of that line.
        let started_at = arrival.wall.minus(lead).max(self.latest);
        let uid = self.late_uid(started_at);
        let cwd = String::from_utf8_lossy(cwd).into_owned();
        let mut draft = Draft {
            cwd: Some(cwd),
            shell: Some(self.shell.name.clone()),
            session: Some(self.name()),
            actor: self.actor(),
            started_at,
            source: Source::Hook,
            text_pending: !arrival.unplaced,
            ..Draft::default()
        };
        if arrival.unplaced {
            draft.ignored();
            draft.cwd = None;
        }
        self.begun = Some(Begun { uid, started_at, arrival });
        Some(Body::Start(Box::new(Start {
            uid,
            draft,
            owner: Some(self.owner()),
            under: None,
            parent: self.parent(),
            context: None,
        })))
    }

    /// The shell as a process.
    pub(in super::super) fn owner(&self) -> Owner {
        Owner { pid: self.pid, start_ticks: self.shell.start_ticks.unwrap_or(0) }
    }

    /// Whether this is the late report of the line that bpd saw begin.
    pub(super) fn has_seen_begin(&self, start: &StartRecord) -> bool {
        start.late && self.begun.is_some_and(|begun| begun.is_begin_of(start))
    }

    /// A line that bpd saw begin gives way to one that the shell reports in time. → what becomes of its run.
    ///
    /// On a busy machine the report may come after bpd has opened a run for this very line. That run is removed: the
    /// report names the run as every later bpd will name it.
    pub(super) fn withdraw(&mut self, start: &StartRecord) -> Option<Body> {
        let begun = self.begun.take()?;
        // Of another line the shell never spoke.
        Some(if begun.is_begin_of(start) {
            Body::Delete { run: begun.uid }
        } else {
            lost(begun.uid, begun.started_at)
        })
    }

    /// The shell reports the line that bpd saw begin. → what it says of the text.
    pub(super) fn adopt(&mut self, record: StartRecord, arrival: Arrival, rules: &Rules) -> Body {
        let Some(Begun { uid, started_at, arrival: seen }) = self.begun.take() else {
            return self.start(record, arrival, rules);
        };
        self.latest = started_at;
        self.previous = Some(record.stamp);
        let times = self.times.take();
        let told = self.text_for(uid, &record.text, arrival.unplaced, rules);
        let is_kept = matches!(&told, Body::Text { text: LateText::Kept(_), .. });
        // In memory there is the masked text alone.
        let text = if is_kept { Text::Repeat } else { Text::Hidden };
        let record = StartRecord { text, times, late: false, ..record };
        self.open = Some(Opened { uid, started_at, arrival: seen, record, late: false });
        told
    }

    /// Names the run of a line that its shell reports late, as bpd can name it when it sees the line begin: by the line
    /// before.
    pub(super) fn late_uid(&self, started_at: UnixMillis) -> Ulid {
        let millis = started_at.0.max(0) / LATE_UID_STEP * LATE_UID_STEP;
        let previous = match self.previous {
            Some(Stamp::Micros(micros)) => micros.to_string(),
            _ => "-".to_owned(),
        };
        self.named(&format!("behind {previous}"), millis as u64)
    }

    pub(super) fn actor(&self) -> Actor {
        self.shell.actor.as_ref().and_then(|actor| actor.parse().ok()).unwrap_or_default()
    }

    pub(super) fn parent(&self) -> Option<Ulid> {
        self.shell.parent.as_ref().and_then(|parent| Ulid::from_string(parent).ok())
    }
}

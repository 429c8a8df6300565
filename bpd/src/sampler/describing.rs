//! What is told of a run with its start: the machine as it was, how many CPUs, the project, its commit.
//!
//! Of a line it is looked up a moment later. bpd hears of a line in the middle of the shell's work, mostly on the CPU that
//! the shell is on, and a scheduler that has just given it that CPU lets it finish: half a millisecond, which the line
//! would take longer. What must be of this moment, clocks and counters, has been read by then.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use bp_proto::Start;
use bp_proto::event::Source;

use super::machine::Look;
use super::open::{Now, Open};
use super::stage::Stage;
use crate::event::{Body, Event, Measured, Reply};

/// Over which a builtin's line is at its next prompt, a program has been started, and a prompt is drawn.
pub(super) const PAUSE: Duration = Duration::from_millis(2);

/// Nor later than this: a start is told while somebody types on and on.
const PATIENCE: Duration = Duration::from_millis(50);

/// Starts that wait. With more the machine is not one on which somebody types.
const MAX_WAITING: usize = 64;

/// A start that is not told in full.
struct Waiting {
    start: Start,
    reply: Option<Reply>,
    now: Now,
    /// Behind so many of `out`.
    behind: usize,
}

/// Starts of lines that are to be described; while there are any, nothing goes out of `out`: what happens to a run comes
/// behind its start.
#[derive(Default)]
pub(super) struct Undescribed {
    waiting: VecDeque<Waiting>,
    /// When something was last told of a line, on the sampler's clock.
    heard: Duration,
}

impl Undescribed {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// When they are to be described, on the sampler's clock: when nothing more comes.
    pub(super) fn due(&self) -> Option<Duration> {
        self.waiting.front().map(|first| (self.heard + PAUSE).min(first.now.mono + PATIENCE))
    }

    /// Something was told of a line.
    pub(super) fn hear(&mut self, now: Now) {
        self.heard = now.mono;
    }

    /// Lines come faster than anybody types: pasted, or typed by a program.
    pub(super) fn are_many(&self) -> bool {
        self.waiting.len() > 1
    }
}

impl Stage {
    /// Tells a start: at once, unless the line has just begun and nobody waits.
    pub(super) async fn tell(&mut self, start: Start, reply: Option<Reply>, now: Now) {
        let is_typed = start.draft.source == Source::Hook && start.owner.is_some();
        if self.caught_up && is_typed && Open::is_fresh(&start, now) {
            let behind = self.out.len();
            self.undescribed.hear(now);
            self.undescribed.waiting.push_back(Waiting { start, reply, now, behind });
            if self.undescribed.waiting.len() > MAX_WAITING {
                self.describe_all().await;
            }
            return;
        }
        let told = self.described(start, now).await;
        self.pass(Body::Start(Box::new(told)), reply);
    }

    /// Describes what has waited for long enough.
    pub(super) async fn describe_due(&mut self) {
        if self.undescribed.due().is_some_and(|due| due <= self.now().mono) {
            self.describe_all().await;
        }
    }

    pub(super) async fn describe_all(&mut self) {
        let mut told = 0;
        while let Some(Waiting { start, reply, now, behind }) = self.undescribed.waiting.pop_front() {
            let start = self.described(start, now).await;
            let event = Event { body: Body::Start(Box::new(start)), reply };
            self.out.insert(behind + told, Measured::Event(event));
            told += 1;
        }
    }

    /// Fills in what the reporter did not say.
    async fn described(&mut self, mut start: Start, now: Now) -> Start {
        // Only now: what is read of the run itself should be of its beginning.
        let look = Open::is_fresh(&start, now).then(|| self.machine.look());
        self.describe(&mut start, look.as_ref()).await;
        let uid = start.uid;
        let ended = self.ended.iter_mut().map(|ended| &mut ended.run).find(|run| run.uid() == uid);
        if let Some(run) = self.open.get_mut(&uid).or(ended) {
            run.described(&start, look);
        }
        if start.owner.is_some() {
            self.accompany(now);
        }
        start
    }

    /// `look` = at the machine as it was then, unless that is too long ago.
    async fn describe(&mut self, start: &mut Start, look: Option<&Look>) {
        if start.draft.host.is_empty() {
            start.draft.host.clone_from(&self.host);
        }
        if let Some(look) = look.filter(|_| start.context.is_none()) {
            start.context = Some(self.machine.context(look, start.owner.map(|owner| owner.pid)));
        }
        if start.draft.project.is_none()
            && let Some(cwd) = start.draft.cwd.as_ref().map(PathBuf::from).filter(|cwd| cwd.is_absolute())
        {
            let project = self.lookups.project(cwd).await;
            start.draft.project = project.root.map(|root| root.to_string_lossy().into_owned());
            if start.draft.git.is_none() && look.is_some() {
                start.draft.git = project.git;
            }
        }
    }
}

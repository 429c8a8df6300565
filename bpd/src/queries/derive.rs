//! What is derived from a recorded run: its figures, the history it is measured by, and the comments on it. Kept per
//! (run, revision), because every list asks for the same again.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use std::time::Duration;

use bp_proto::{Comment, Implausible, Run, RunState, RunStats, UnixMillis};
use moka::sync::Cache;

use super::NoAnswer;
use super::scan::Scope;
use crate::analysis::comments::{Finding, Subject, findings};
use crate::analysis::curve;
use crate::analysis::noise::MAX_POOL;
use crate::analysis::stats::{self, Span};
use crate::analysis::untold;
use crate::plausible::Window;
use crate::store::{Curve, Reader, Row, Within};
use crate::words::{self, Lang};

/// Some 700 bytes each: 1 MB when full. The oldest make room.
const MOST_FIGURES: u64 = 1024;
const MOST_FINDINGS: u64 = 512;

/// A history is looked for among this many runs before: a command that nearly always fails has none.
pub(super) const HISTORY_ROWS: usize = 400;

/// fish tells how long a line took in whole milliseconds.
const FISH_CLOCK_STEP: Duration = Duration::from_millis(1);

/// A run's figures, and those that are unknown because they could not be true.
type Known = (Option<RunStats>, Vec<Implausible>);

/// (run, revision). A run that was read may have changed since: what is derived from it is kept under the revision that
/// was read, never under the one that it has by now.
type Version = (u64, u64);

#[derive(Clone, Debug)]
pub(super) struct Derive {
    reader: Reader,
    figures: Cache<Version, Arc<Figures>>,
    findings: Cache<Version, Arc<Vec<Finding>>>,
}

/// What a history needs to know of a run.
#[derive(Debug)]
pub(super) struct Figures {
    pub stats: Option<RunStats>,
    /// What is unknown because it could not be true.
    implausible: Vec<Implausible>,
    /// Host and kind of actor: only runs of one kind are measured by each other.
    kind: u64,
    signalled: bool,
    /// Nested in another run, whose sums hold it already.
    pub nested: bool,
    /// Of before bp, out of a shell's history: nothing of it was measured.
    pub imported: bool,
}

impl Derive {
    pub(super) fn new(reader: Reader) -> Self {
        Self { reader, figures: Cache::new(MOST_FIGURES), findings: Cache::new(MOST_FINDINGS) }
    }

    /// The run's figures, as of `now` while it is open.
    pub(super) fn stats(&self, run: &Run, now: UnixMillis) -> Result<Option<RunStats>, NoAnswer> {
        Ok(self.known(run, now)?.0)
    }

    /// The run's figures, and those that are unknown because they could not be true.
    fn known(&self, run: &Run, now: UnixMillis) -> Result<Known, NoAnswer> {
        if run.is_open() {
            return self.read_stats(run, now);
        }
        let figures = self.figures(run.id, Some(run))?;
        Ok(figures
            .map_or_else(Known::default, |figures| (figures.stats.clone(), figures.implausible.clone())))
    }

    /// Figures of a run that has ended; `None` when it is gone. `run` saves reading it.
    pub(super) fn figures(&self, id: u64, run: Option<&Run>) -> Result<Option<Arc<Figures>>, NoAnswer> {
        let version = (id, run.map_or_else(|| self.reader.revision(id), |run| run.revision));
        if let Some(figures) = self.figures.get(&version) {
            return Ok(Some(figures));
        }
        let read;
        let run = match run {
            Some(run) => run,
            None => match self.reader.get(id)? {
                Some(found) => {
                    read = found;
                    &read
                }
                None => return Ok(None),
            },
        };
        // `now` matters to open runs alone.
        let (stats, implausible) =
            self.read_stats(run, run.finished_at.or(run.started_at).unwrap_or_default())?;
        let figures = Arc::new(Figures {
            stats,
            implausible,
            kind: kind(run),
            signalled: run.signal.is_some(),
            nested: run.parent.is_some(),
            imported: run.imported,
        });
        if !run.is_open() {
            self.figures.insert((id, run.revision), Arc::clone(&figures));
        }
        Ok(Some(figures))
    }

    fn read_stats(&self, run: &Run, now: UnixMillis) -> Result<Known, NoAnswer> {
        let kept = self.reader.curve(run.id)?;
        let curve = curve_of(&kept);
        if run.imported && run.took.is_none() {
            // Of a history that keeps no durations nothing is known.
            return Ok(Known::default());
        }
        let span = span_of(run, now);
        let implausible = stats::implausible(curve, run.totals.as_ref(), span);
        // A shell without a clock reports no more than that a line ended.
        let is_nothing_known = is_timeless(run) && run.totals.is_none() && curve.is_empty();
        let stats = if is_nothing_known { None } else { stats::of(curve, run.totals.as_ref(), span) };
        Ok((stats, implausible))
    }

    /// The figures of the newest runs before `run` that it may be measured by: same key, host and kind of actor,
    /// successful, not killed; newest first, at most fifty. `except` is left out.
    pub(super) fn history(&self, run: &Run, except: Option<u64>) -> Result<Vec<RunStats>, NoAnswer> {
        let scope = Scope { within: Within::Key(run.key.clone()), before: Some(super::scan::place(run)) };
        let own_kind = kind(run);
        let mut past = Vec::new();
        scope.walk(&self.reader, HISTORY_ROWS, |row| {
            if is_good(row) && row.actor == run.actor.kind() && Some(row.cursor.id) != except {
                let figures = self.figures(row.cursor.id, None)?;
                let like = figures.filter(|figures| figures.kind == own_kind && !figures.signalled);
                past.extend(like.and_then(|figures| figures.stats.clone()));
            }
            Ok(past.len() < MAX_POOL)
        })?;
        Ok(past)
    }

    /// The run with its figures and comments.
    pub(super) fn complete(&self, mut run: Run, lang: Lang, now: UnixMillis) -> Result<Run, NoAnswer> {
        (run.run_stats, run.implausible) = self.known(&run, now)?;
        for child in &mut run.children {
            // Read while it began: that is no memory of the program.
            child.rss_max_mb = child.rss_max_mb.filter(|mib| *mib >= curve::LEAST_RSS_MIB);
        }
        if let (Some(rest), Some(stats)) = (&mut run.rest, &run.run_stats) {
            untold::derive(&mut run.children, rest, stats);
        }
        run.comments = self.findings(&run)?.iter().map(|finding| said(finding, lang)).collect();
        Ok(run)
    }

    fn findings(&self, run: &Run) -> Result<Arc<Vec<Finding>>, NoAnswer> {
        let Some(stats) = &run.run_stats else { return Ok(Arc::default()) };
        let version = (run.id, run.revision);
        if !run.is_open()
            && let Some(known) = self.findings.get(&version)
        {
            return Ok(known);
        }
        let past = if run.is_success() { self.history(run, None)? } else { Vec::new() };
        let found = Arc::new(findings(Subject { run, stats, past: &past }));
        if !run.is_open() {
            self.findings.insert(version, Arc::clone(&found));
        }
        Ok(found)
    }
}

/// How long it took, or has taken so far.
pub(super) fn lasted(run: &Run, now: UnixMillis) -> Duration {
    let began = run.started_at.unwrap_or(now);
    run.took.unwrap_or_else(|| run.finished_at.unwrap_or(now).since(began))
}

/// A successful run that others may be measured by.
pub(super) fn is_good(row: &Row) -> bool {
    row.state == RunState::Finished && row.exit_code == Some(0) && !row.no_baseline
}

/// Whether its shell has no clock, or has reported a duration that cannot be true: such a duration is stored as zero.
pub(super) fn is_timeless(run: &Run) -> bool {
    let is_refused = run.totals.is_some_and(|totals| totals.implausible.duration);
    is_refused || (run.shell.is_some() && run.took == Some(Duration::ZERO))
}

/// When a run was, as far as its figures depend on it.
fn span_of(run: &Run, now: UnixMillis) -> Span {
    let duration = lasted(run, now);
    let cpus = run.context.as_ref().and_then(|context| context.cpus);
    let window = run.started_at.map(|started_at| {
        // The wall clock may have been set meanwhile.
        let ended_at = run.finished_at.unwrap_or(now).max(started_at.plus(duration));
        Window::new(started_at.as_seconds(), ended_at.as_seconds())
    });
    Span {
        duration: (!is_timeless(run)).then_some(duration),
        duration_step: if run.shell.as_deref() == Some("fish") { FISH_CLOCK_STEP } else { Duration::ZERO },
        open: run.is_open(),
        background: had_background_in_totals(run),
        cpus,
        window,
    }
}

/// A run's curve as it is drawn, from which its figures are taken too.
pub(super) fn drawn(run: &Run, kept: &Curve, now: UnixMillis) -> Vec<curve::Piece> {
    stats::drawn(curve_of(kept), run.totals.as_ref(), span_of(run, now))
}

/// Before version 5 of the records totals and curve went on after the line's end, while processes of it lived.
fn had_background_in_totals(run: &Run) -> bool {
    run.background && run.totals.is_none_or(|totals| totals.background_cpu_ns.is_none())
}

/// A stored curve as `analysis` takes it.
pub(super) fn curve_of(kept: &Curve) -> curve::Curve<'_> {
    match kept {
        Curve::Measured(samples) => curve::Curve::Measured(samples),
        Curve::Posted(points) => curve::Curve::Posted(points),
    }
}

fn said(finding: &Finding, lang: Lang) -> Comment {
    Comment {
        rule: finding.rule.to_owned(),
        level: finding.level,
        text: words::comment(lang, finding.rule, &finding.params),
        params: finding.params.clone(),
    }
}

/// Runs of one kind are on one host, by people, by agents of any name, or by CI.
fn kind(run: &Run) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one((&run.host, run.actor.kind()))
}

#[cfg(test)]
mod tests {
    use bp_proto::{Draft, Ending, Finish, Quality, Start, Totals, Ulid};

    use super::*;
    use crate::event::Amendment;
    use crate::queries::keys::key_rule;
    use crate::store::writer;

    #[test]
    fn what_was_read_before_a_change_is_not_kept_for_what_it_is_after_it() {
        let dir = tempfile::tempdir().unwrap();
        let (mut writer, reader) = writer::open(dir.path(), key_rule()).unwrap();
        let derive = Derive::new(reader.clone());
        let (uid, now) = (Ulid::from(1_u128), UnixMillis(1_000));
        let draft = Draft { command: Some("make".to_owned()), started_at: now, ..Draft::default() };
        let start = Start { uid, draft, owner: None, under: None, parent: None, context: None };
        writer.begin(&start).unwrap();
        let totals = |quality| Totals { cpu_ns: Some(1_000_000), quality, ..Totals::default() };
        writer
            .finish(&Finish {
                uid,
                finished_at: now.plus(Duration::from_secs(1)),
                took: None,
                ending: Ending::Exited { exit_code: Some(0), signal: None },
                totals: Some(totals(Quality::Times)),
                children: Vec::new(),
                rest: None,
                waited: None,
                background: false,
            })
            .unwrap();
        writer.commit().unwrap();
        let before = reader.get(1).unwrap().unwrap();
        let exact = totals(Quality::Exact);
        let amendment =
            Amendment { run: uid, totals: exact, children: Vec::new(), rest: None, background: false };
        writer.amend(&amendment).unwrap();
        writer.commit().unwrap();

        let quality = |run: &Run| derive.stats(run, now).unwrap().map(|stats| stats.quality);
        assert_eq!(quality(&before), Some(Quality::Times));
        assert_eq!(quality(&reader.get(1).unwrap().unwrap()), Some(Quality::Exact));
        let kept = derive.figures(1, None).unwrap().unwrap();
        assert_eq!(kept.stats.as_ref().map(|stats| stats.quality), Some(Quality::Exact));
    }
}

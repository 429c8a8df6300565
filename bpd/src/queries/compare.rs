//! A run against another.

use bp_proto::report::{Comparison, Verdict};
use bp_proto::request::CompareQuery;
use bp_proto::{Comment, Level, Run, UnixMillis};
use serde_json::{Map, Value, json};

use super::derive::{curve_of, drawn};
use super::scan::place;
use super::select::{Field, select};
use super::{NoAnswer, Queries};
use crate::analysis::align::{Track, align};
use crate::analysis::compare::{Judgement, judge};
use crate::analysis::curve::Piece;
use crate::analysis::differs::differs;
use crate::store::Curve;
use crate::words::{self, Lang};

const USUAL_BASELINE: &str = "latest-success";

pub(super) fn compare(
    queries: &Queries,
    query: &CompareQuery,
    now: UnixMillis,
) -> Result<Comparison, NoAnswer> {
    let lang = queries.lang(query.lang.as_deref());
    let Pair { current, baseline, is_swapped } = pair(queries, query, now)?;

    let pool = queries.derive.history(&current, Some(baseline.id))?;
    let current = queries.derive.complete(current, lang, now)?;
    let baseline = queries.derive.complete(baseline, lang, now)?;
    let judgement = judge(&current, &baseline, &pool);

    let curves = (queries.reader.curve(current.id)?, queries.reader.curve(baseline.id)?);
    let pieces = (drawn(&current, &curves.0, now), drawn(&baseline, &curves.1, now));
    let by = query.align.unwrap_or_default();
    let series = align(track(&current, &curves.0, &pieces.0), track(&baseline, &curves.1, &pieces.1), by);
    Ok(Comparison {
        swapped: is_swapped,
        differs: differs(&current, &baseline),
        comments: comments(&judgement, lang),
        align: by,
        verdict: judgement.verdict,
        reasons: judgement.reasons.iter().map(|reason| reason.code.to_owned()).collect(),
        metrics: judgement.metrics,
        series,
        current,
        baseline,
    })
}

fn track<'a>(run: &Run, kept: &'a Curve, pieces: &'a [Piece]) -> Track<'a> {
    let stats = run.run_stats.as_ref();
    Track {
        curve: curve_of(kept),
        pieces,
        duration_s: stats.and_then(|stats| stats.duration_s).unwrap_or(0.0),
        rss_max_mb: stats.and_then(|stats| stats.rss_max_mb),
    }
}

struct Pair {
    current: Run,
    baseline: Run,
    is_swapped: bool,
}

/// The two runs that are asked for; the one that started first is the baseline, whatever the order in which they are named.
fn pair(queries: &Queries, query: &CompareQuery, now: UnixMillis) -> Result<Pair, NoAnswer> {
    let named = select(queries, &query.current, Field::All, now)?;
    let against = query.baseline.as_deref().unwrap_or(USUAL_BASELINE);
    let other = match select(queries, against, Field::BaselineOf(&named), now) {
        Err(refused) if against != USUAL_BASELINE => {
            // Perhaps it means a later run: OLD NEW, as `diff` has it.
            match select(queries, against, Field::After(&named), now) {
                Ok(later) if place(&later) > place(&named) => Ok(later),
                _ => Err(refused),
            }
        }
        found => found,
    }?;
    let is_swapped = place(&named) < place(&other);
    let (current, baseline) = if is_swapped { (other, named) } else { (named, other) };
    Ok(Pair { current, baseline, is_swapped })
}

/// The verdict as a sentence, then its reasons.
fn comments(judgement: &Judgement, lang: Lang) -> Vec<Comment> {
    let params = verdict_params(judgement);
    let verdict = Comment {
        rule: "verdict".to_owned(),
        level: match judgement.verdict {
            Verdict::Slower => Level::Warning,
            Verdict::Faster => Level::Good,
            _ => Level::Info,
        },
        text: if judgement.reasons.iter().any(|reason| reason.code == "outside-usual") {
            words::outside_usual(lang, &params)
        } else {
            words::verdict(lang, judgement.verdict, judgement.by_cpu, &params)
        },
        params,
    };
    let reasons = judgement.reasons.iter().map(|reason| Comment {
        rule: reason.code.to_owned(),
        level: Level::Info,
        text: words::reason(lang, reason.code, &reason.params),
        params: reason.params.clone(),
    });
    std::iter::once(verdict).chain(reasons).collect()
}

/// The figures that decided.
fn verdict_params(judgement: &Judgement) -> Map<String, Value> {
    let name = if judgement.by_cpu { "cpu_seconds" } else { "duration_s" };
    let Some(delta) = judgement.metrics.get(name) else { return Map::new() };
    let params = json!({
        "current_s": delta.current,
        "baseline_s": delta.baseline,
        // Against a baseline of no time there is no ratio.
        "has_change": if delta.change.is_some() { "yes" } else { "no" },
        "change": delta.change.unwrap_or(0.0),
    });
    match params {
        Value::Object(params) => params,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use bp_proto::{Context, RunState, RunStats};

    use super::*;
    use crate::analysis::comments::{Subject, findings};
    use crate::analysis::simulate::run_of;

    /// (seconds, CPU seconds, MiB).
    fn stats((duration_s, cpu, mib): (f64, f64, f64)) -> RunStats {
        RunStats {
            duration_s: Some(duration_s),
            cpu_seconds: Some(cpu),
            cpu_avg: Some(cpu / duration_s * 100.0),
            rss_max_mb: Some(mib),
            ..RunStats::default()
        }
    }

    /// Ten runs that vary by `noise` around one second and half a CPU second.
    fn pool(noise: f64) -> Vec<RunStats> {
        (0..10).map(|n| stats((1.0 + noise * f64::from(n % 5 - 2), 0.5, 100.0))).collect()
    }

    const USUAL: (f64, f64, f64) = (1.0, 0.5, 100.0);

    /// Every sentence of a comparison, by its code.
    fn said_of(current: &Run, baseline: &Run, pool: &[RunStats]) -> Vec<(String, String)> {
        let judgement = judge(current, baseline, pool);
        Lang::ALL
            .into_iter()
            .flat_map(|lang| comments(&judgement, lang))
            .map(|comment| (comment.rule, comment.text))
            .collect()
    }

    fn changed(change: fn(&mut Run)) -> Run {
        let mut run = run_of(stats(USUAL));
        change(&mut run);
        run
    }

    fn loaded(figures: (f64, f64, f64), load_1m: f64) -> Run {
        let context = Context { load_1m: Some(load_1m), cpus: Some(1), ..Context::default() };
        Run { context: Some(context), ..run_of(stats(figures)) }
    }

    /// With much of one kind of pressure and little of the others.
    fn pressed(figures: (f64, f64, f64), what: &str) -> Run {
        let percent = |kind| Some(if kind == what { 66.0 } else { 1.0 });
        let (pressure_cpu, pressure_memory) = (percent("cpu"), percent("memory"));
        let wait_seconds = Some(if what == "wait" { 1.0 } else { 0.0 });
        let rest = stats(figures);
        run_of(RunStats { pressure_cpu, pressure_memory, pressure_io: percent("io"), wait_seconds, ..rest })
    }

    #[test]
    fn every_reason_has_its_sentence_with_all_its_figures() {
        let base = run_of(stats(USUAL));
        let run = |figures| run_of(stats(figures));
        let (quiet, noisy) = (pool(0.01), pool(0.3));
        let wild: Vec<_> = (0..10).map(|n| stats((0.1 * 2_f64.powi(n % 6), 0.5, 100.0))).collect();
        let said = [
            said_of(&run((2.0, 0.5, 300.0)), &base, &quiet),
            said_of(&run((0.5, 0.3, 20.0)), &base, &quiet),
            said_of(&run((0.5, 0.5, 100.0)), &run((1.0, 0.5, 100.0)), &[]),
            said_of(&run((0.5, 0.0, 100.0)), &run((1.0, 0.0, 100.0)), &[]),
            said_of(&run((2.0, 2.0, 100.0)), &base, &[]),
            said_of(&run((4.0, 4.0, 100.0)), &run((1.0, 4.0, 100.0)), &[]),
            said_of(&run((1.0, 4.0, 100.0)), &run((4.0, 4.0, 100.0)), &[]),
            said_of(&run((1.08, 0.5, 100.0)), &base, &quiet),
            said_of(&run((1.4, 0.5, 100.0)), &base, &noisy),
            said_of(&run((1.4, 0.9, 100.0)), &base, &noisy),
            said_of(&run((9.0, 0.5, 100.0)), &run((0.9, 0.5, 100.0)), &wild),
            said_of(&run((0.01, 0.5, 100.0)), &run((9.0, 0.5, 100.0)), &wild),
            said_of(&base, &run((0.5, 0.5, 100.0)), &quiet),
            said_of(&run((2.0, 0.5, 100.0)), &run((0.5, 0.5, 100.0)), &quiet),
            said_of(&loaded((2.0, 0.5, 100.0), 4.0), &loaded(USUAL, 0.1), &quiet),
            said_of(&pressed((2.0, 0.5, 100.0), "cpu"), &pressed(USUAL, ""), &quiet),
            said_of(&pressed((2.0, 0.5, 100.0), "memory"), &pressed(USUAL, ""), &quiet),
            said_of(&pressed((2.0, 0.5, 100.0), "io"), &pressed(USUAL, ""), &quiet),
            said_of(&pressed((2.0, 0.5, 100.0), "wait"), &pressed(USUAL, ""), &quiet),
            said_of(&changed(|run| run.state = RunState::Lost), &base, &quiet),
            said_of(&changed(|run| run.exit_code = Some(1)), &base, &quiet),
            said_of(&changed(|run| run.command = Some("ls".to_owned())), &base, &quiet),
            said_of(&changed(|run| run.command = None), &base, &quiet),
            said_of(&changed(|run| run.key = "elsewhere".to_owned()), &base, &quiet),
            said_of(&changed(|run| run.host = "there".to_owned()), &base, &quiet),
        ]
        .concat();
        for (code, text) in &said {
            assert!(!text.contains(['{', '}', '$']) && text.contains(' '), "{code}: {text}");
        }
        let codes: BTreeSet<&str> = said.iter().map(|(code, _)| code.as_str()).collect();
        let wanted = BTreeSet::from([
            "args",
            "baseline-unusual",
            "by-cpu",
            "contended",
            "exit-code",
            "hidden",
            "host",
            "host-busy",
            "less-cpu-work",
            "less-memory",
            "less-parallel",
            "less-waiting",
            "more-cpu-work",
            "more-memory",
            "more-parallel",
            "more-waiting",
            "outside-usual",
            "place",
            "rough",
            "too-small",
            "unfinished",
            "verdict",
            "within-noise",
            "within-range",
        ]);
        assert_eq!(codes, wanted);
    }

    #[test]
    fn every_comment_has_its_sentence_with_all_its_figures() {
        let short = changed(|run| run.run_stats = Some(stats((0.01, 0.0, 100.0))));
        let lost = changed(|run| run.state = RunState::Lost);
        let runs = [run_of(stats((9.0, 9.0, 500.0))), run_of(stats((0.4, 0.1, 100.0))), short, lost];
        let [cpu, memory, io, wait] =
            ["cpu", "memory", "io", "wait"].map(|what| pressed((9.0, 0.5, 100.0), what));
        let calm = |stats| RunStats { wait_seconds: Some(0.0), ..stats };
        let calm = |stats: RunStats| RunStats { pressure_cpu: Some(1.0), ..calm(stats) };
        let calm = |stats| RunStats { pressure_memory: Some(1.0), pressure_io: Some(1.0), ..calm(stats) };
        let past: Vec<_> = pool(0.01).into_iter().map(calm).collect();
        let mut rules = BTreeSet::new();
        for run in runs.iter().chain([&cpu, &memory, &io, &wait]) {
            let stats = run.run_stats.as_ref().unwrap();
            for found in findings(Subject { run, stats, past: &past }) {
                rules.insert(found.rule);
                for text in Lang::ALL.map(|lang| words::comment(lang, found.rule, &found.params)) {
                    assert!(!text.contains(['{', '}', '$']) && text.contains(' '), "{}: {text}", found.rule);
                }
            }
        }
        let wanted =
            ["contended", "cpu-avg-high", "faster", "lost", "mem-peak-high", "short-run-no-curve", "slower"];
        assert_eq!(rules, BTreeSet::from(wanted));
    }
}

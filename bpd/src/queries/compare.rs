//! A run against another.

use bp_proto::report::{Comparison, Verdict};
use bp_proto::request::CompareQuery;
use bp_proto::{Comment, Level, UnixMillis};
use serde_json::{Map, Value, json};

use super::derive::curve_of;
use super::select::{Field, select};
use super::{NoAnswer, Queries};
use crate::analysis::align::{Track, align};
use crate::analysis::compare::{Judgement, judge};
use crate::analysis::differs::differs;
use crate::words::{self, Lang};

const USUAL_BASELINE: &str = "latest-success";

pub(super) fn compare(
    queries: &Queries,
    query: &CompareQuery,
    now: UnixMillis,
) -> Result<Comparison, NoAnswer> {
    let lang = queries.lang(query.lang.as_deref());
    let current = select(queries, &query.current, Field::All, now)?;
    let named = query.baseline.as_deref().unwrap_or(USUAL_BASELINE);
    let baseline = select(queries, named, Field::BaselineOf(&current), now)?;

    let pool = queries.derive.history(&current, Some(baseline.id))?;
    let current = queries.derive.complete(current, lang, now)?;
    let baseline = queries.derive.complete(baseline, lang, now)?;
    let judgement = judge(&current, &baseline, &pool);

    let curves = (queries.reader.curve(current.id)?, queries.reader.curve(baseline.id)?);
    let lasted = |run: &bp_proto::Run| run.run_stats.as_ref().map_or(0.0, |stats| stats.duration_s);
    let by = query.align.unwrap_or_default();
    let series = align(
        Track { curve: curve_of(&curves.0), duration_s: lasted(&current) },
        Track { curve: curve_of(&curves.1), duration_s: lasted(&baseline) },
        by,
    );
    Ok(Comparison {
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
        text: words::verdict(lang, judgement.verdict, judgement.by_cpu, &params),
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
        // Against a baseline of no time at all there is no ratio; "0 %" would be the one wrong number.
        "change": delta.change.unwrap_or(f64::from(u8::from(delta.delta.is_some_and(|delta| delta > 0.0)))),
    });
    match params {
        Value::Object(params) => params,
        _ => Map::new(),
    }
}

//! What deserved a word, newest first; of one actor when asked.

use bp_proto::request::AlertsQuery;
use bp_proto::{Actor, AlertReport};

use super::list::too_many;
use super::no_answer::Sentence;
use super::search::Who;
use super::{NoAnswer, Queries};
use crate::words;

const USUAL_LIMIT: u32 = 50;
const MOST_LISTED: u32 = 500;
/// Alerts that are taken from the store at a time.
const AT_ONCE: usize = 256;

pub(super) fn alerts(queries: &Queries, query: &AlertsQuery) -> Result<Vec<AlertReport>, NoAnswer> {
    let limit = limit(query.limit)?;
    let who = query.actor.as_deref().map(Who::asked).transpose()?;
    let lang = queries.lang(query.lang.as_deref());
    let reader = &queries.reader;

    let mut told: Vec<AlertReport> = Vec::new();
    let at_once = if who.is_some() { AT_ONCE } else { limit };
    let mut found = reader.alerts(at_once)?;
    while let Some(last) = found.last().cloned() {
        queries.check_asked()?;
        for mut alert in found {
            queries.name_alert(&mut alert)?;
            if who.as_ref().is_none_or(|who| alert.actor.as_ref().is_some_and(|actor| who.is(actor))) {
                alert.text = words::alert(lang, &alert);
                told.push(alert);
            }
            if told.len() == limit {
                return Ok(told);
            }
        }
        std::thread::yield_now();
        found = reader.alerts_before(&last, at_once)?;
    }
    Ok(told)
}

fn limit(asked: Option<u32>) -> Result<usize, NoAnswer> {
    match asked.unwrap_or(USUAL_LIMIT) {
        limit @ 1..=MOST_LISTED => Ok(limit as usize),
        limit => Err(NoAnswer::invalid(too_many(limit, MOST_LISTED), Sentence::plain("newest"))),
    }
}

impl Queries {
    /// Adds what an alert shows of its run: who typed it, its line and its project.
    pub fn name_alert(&self, alert: &mut AlertReport) -> Result<(), NoAnswer> {
        let Some(id) = alert.run else { return Ok(()) };
        let Some(run) = self.reader.get(id)? else { return Ok(()) };
        let place = run.project.or(run.cwd);
        let name = |path: &str| path.rsplit('/').find(|part| !part.is_empty()).map(str::to_owned);
        alert.project = place.as_deref().and_then(name);
        alert.line = run.command;
        alert.actor = Some(run.actor);
        Ok(())
    }

    /// Who typed that run; `None` = there is no such run.
    pub fn actor(&self, run: Option<u64>) -> Result<Option<Actor>, NoAnswer> {
        let Some(run) = run else { return Ok(None) };
        Ok(self.reader.get(run)?.map(|run| run.actor))
    }
}

//! `bpctl alerts`: what deserved a word, newest first.

use std::fmt::Write as _;

use bp_proto::request::AlertsQuery;
use bp_proto::{Actor, AlertReport, Request};

use super::Exit;
use crate::ask::Bpd;
use crate::screen::{Screen, Tone};
use crate::text::clock;
use crate::text::escape::visible;
use crate::text::table::{Align, fold, table, without};
use crate::text::words::Word;

/// How far in an alert's sentence stands.
const SENTENCE: usize = 10;
const ACTOR_AT: usize = 3;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// How many
    #[arg(short = 'n', long = "limit", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: u32,
    /// About whose runs: human, ci, agent, or agent:NAME
    #[arg(long)]
    actor: Option<String>,
    /// The documents of bpd as they come
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, screen: &Screen) -> anyhow::Result<Exit> {
    let request = Request::Alerts(AlertsQuery {
        limit: Some(args.limit),
        actor: args.actor.clone(),
        lang: Some(screen.lang.code().to_owned()),
    });
    let raw = Bpd::connect()?.ask_raw(&request)?;
    if args.json {
        Screen::print_json(&raw)?;
        return Ok(Exit::Fine);
    }
    let alerts: Vec<AlertReport> = serde_json::from_slice(&raw)?;
    screen.print(&if screen.person {
        people(&alerts, screen)
    } else {
        alerts.iter().map(plain).collect()
    })?;
    Ok(Exit::Fine)
}

fn people(alerts: &[AlertReport], screen: &Screen) -> String {
    if alerts.is_empty() {
        return format!("{}\n", screen.word(Word::NoAlerts));
    }
    let head = [Word::Fired, Word::Rule, Word::RunColumn, Word::ActorColumn, Word::Delivery];
    let mut rows = vec![head.map(|word| screen.word(word).to_owned()).to_vec()];
    rows.extend(alerts.iter().map(|alert| {
        vec![
            clock::short(alert.fired_at, screen.now, &screen.zone),
            alert.rule.clone(),
            alert.run.map_or_else(String::new, |run| run.to_string()),
            visible(&actor(alert)).into_owned(),
            visible(alert.delivery.as_deref().unwrap_or_default()).into_owned(),
        ]
    }));
    let mut align = vec![Align::Right, Align::Left, Align::Right, Align::Left, Align::Left];
    // Who is alone with the machine knows whose it was.
    if alerts.iter().all(|alert| matches!(alert.actor, None | Some(Actor::Human))) {
        without(&mut rows, &mut align, ACTOR_AT);
    }
    let lines = table(&rows, &align, screen.width);
    let mut page = screen.paint(Tone::Faint, &lines[0]) + "\n";
    for (line, alert) in lines[1..].iter().zip(alerts) {
        let _ = writeln!(page, "{}", screen.paint(Tone::Faint, line));
        // A sentence is read whole or not at all.
        for part in fold(&visible(&alert.text), screen.width.saturating_sub(SENTENCE)) {
            let _ = writeln!(page, "{}{part}", " ".repeat(SENTENCE));
        }
    }
    page
}

fn actor(alert: &AlertReport) -> String {
    alert.actor.as_ref().map_or_else(String::new, Actor::to_string)
}

/// fired, ended, rule, run, peak, threshold, seconds above, delivery, sentence, actor.
fn plain(alert: &AlertReport) -> String {
    let fields = [
        alert.fired_at.to_string(),
        alert.ended_at.map_or_else(String::new, |at| at.to_string()),
        alert.rule.clone(),
        alert.run.map_or_else(String::new, |run| run.to_string()),
        format!("{:.1}", alert.peak),
        format!("{:.1}", alert.threshold),
        format!("{:.1}", alert.above_s),
        visible(alert.delivery.as_deref().unwrap_or_default()).into_owned(),
        visible(&alert.text).into_owned(),
        visible(&actor(alert)).into_owned(),
    ];
    fields.join("\t") + "\n"
}

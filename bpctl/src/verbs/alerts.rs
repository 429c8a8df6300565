//! `bpctl alerts`: what deserved a word, newest first.

use std::fmt::Write as _;

use bp_proto::request::AlertsQuery;
use bp_proto::{Actor, AlertReport, Request};

use super::Exit;
use crate::ask::Bpd;
use crate::cli::Output;
use crate::screen::{Screen, Tone};
use crate::text::escape::visible;
use crate::text::table::{Align, fold, middle, table, without};
use crate::text::words::Word;
use crate::text::{clock, figures};

/// The names of the columns with `--plain`.
const PLAIN_HEAD: &str = "fired_at\tended_at\trule\trun\tpeak\tthreshold\tabove_s\tdelivery\ttext\tactor\tprogram\tproject\tline\n";
/// The rule that is about the machine and no run.
const HOST_RULE: &str = "host-cpu";
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
    #[command(flatten)]
    output: Output,
}

pub fn run(args: &Args, screen: &Screen) -> anyhow::Result<Exit> {
    let request = Request::Alerts(AlertsQuery {
        limit: Some(args.limit),
        actor: args.actor.clone(),
        lang: Some(screen.lang.code().to_owned()),
    });
    let raw = Bpd::connect()?.ask_raw(&request)?;
    if args.output.json {
        Screen::print_json(&raw)?;
        return Ok(Exit::Fine);
    }
    let alerts: Vec<AlertReport> = serde_json::from_slice(&raw)?;
    screen.print(&if args.output.plain {
        alerts.iter().fold(PLAIN_HEAD.to_owned(), |page, alert| page + &plain(alert))
    } else {
        people(&alerts, screen)
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
            rule(alert, screen),
            match alert.run {
                Some(run) => run.to_string(),
                None if alert.rule == HOST_RULE => screen.word(Word::AlertOfMachine).to_owned(),
                None => figures::UNKNOWN.to_owned(),
            },
            visible(&actor(alert)).into_owned(),
            notice(alert, screen),
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
        if let Some(line) = &alert.line {
            let room = screen.width.saturating_sub(SENTENCE);
            let _ = writeln!(page, "{}{}", " ".repeat(SENTENCE), middle(&visible(line), room));
        }
    }
    page
}

/// What an alert is about; a rule of a newer bpd under its own name.
fn rule(alert: &AlertReport, screen: &Screen) -> String {
    match alert.rule.as_str() {
        "cpu-high" => screen.word(Word::AlertCpuHigh).to_owned(),
        HOST_RULE => screen.word(Word::AlertHostCpu).to_owned(),
        other => visible(other).into_owned(),
    }
}

/// Whether a notice was shown, or why not.
fn notice(alert: &AlertReport, screen: &Screen) -> String {
    let word = match alert.delivery.as_deref() {
        None => Word::NoticeNotYet,
        Some("desktop") => Word::NoticeDesktop,
        Some("off") => Word::NoticeOff,
        Some("cooldown") => Word::NoticeCooldown,
        Some("no-server") => Word::NoticeNoServer,
        Some("no-answer") => Word::NoticeNoAnswer,
        Some(other) => return visible(other).into_owned(),
    };
    screen.word(word).to_owned()
}

fn actor(alert: &AlertReport) -> String {
    alert.actor.as_ref().map_or_else(String::new, Actor::to_string)
}

/// One line below [`PLAIN_HEAD`], with bpd's own codes.
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
        visible(alert.command.as_deref().unwrap_or_default()).into_owned(),
        visible(alert.project.as_deref().unwrap_or_default()).into_owned(),
        visible(alert.line.as_deref().unwrap_or_default()).into_owned(),
    ];
    fields.join("\t") + "\n"
}

//! `bpctl list`: the newest runs, one a line.

use bp_proto::request::ListQuery;
use bp_proto::{Run, RunState, RunStats};

use super::{Exit, pause};
use crate::ask::{self, Bpd};
use crate::screen::{Screen, Tone};
use crate::text::escape::visible;
use crate::text::sparkline::{highest, sparkline};
use crate::text::table::{Align, room_of_last, table, without};
use crate::text::words::Word;
use crate::text::{clock, figures};

/// Columns of a curve in a list.
const CURVE: usize = 8;
/// A curve that stays below is drawn against this.
const QUIET_PERCENT: f64 = 10.0;
/// A terminal that leaves the command less than this gives up columns for it, in this order: curve, memory, start.
const LEAST_COMMAND: usize = 20;
const EXPENDABLE: [usize; 3] = [CURVE_AT, 5, 2];
const CURVE_AT: usize = 6;
/// Without room for this beside a curve there is none.
const WIDE: usize = 90;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to look for: words of the command, and terms such as exit:0, cwd:., tag:x, 'dur:>10s', since:2h
    search: Vec<String>,
    /// Whose runs: human, ci, agent, or agent:NAME
    #[arg(long)]
    actor: Option<String>,
    /// How many
    #[arg(short = 'n', long = "limit", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Only runs that began before this one: the id of the last run of the page before
    #[arg(long, value_name = "RUN")]
    before: Option<String>,
    /// The documents of bpd as they come
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, screen: &Screen) -> anyhow::Result<Exit> {
    let mut bpd = Bpd::connect()?;
    let query = query(args, screen);
    if args.json {
        Screen::print_json(&bpd.runs_raw(&query, args.limit as usize)?)?;
        return Ok(Exit::Fine);
    }
    let runs = bpd.runs(&query, args.limit as usize)?;
    let page = if runs.is_empty() && screen.person && (args.actor.is_some() || !args.search.is_empty()) {
        notes(screen) + screen.word(Word::NoneMatch) + "\n"
    } else if screen.person {
        let curves = screen.width >= WIDE;
        notes(screen)
            + &people(&runs, screen, |run| if curves { curve(&mut bpd, run) } else { String::new() })
    } else {
        runs.iter().map(plain).collect()
    };
    screen.print(&page)?;
    Ok(Exit::Fine)
}

/// What the table does not show: that recording is paused.
pub(super) fn notes(screen: &Screen) -> String {
    let mark = screen.paint(Tone::Bad, "!");
    pause::beside(screen)
        .into_iter()
        .fold(String::new(), |notes, sentence| notes + &mark + " " + &sentence + "\n")
}

fn query(args: &Args, screen: &Screen) -> ListQuery {
    let search = args.search.join(" ");
    let here = std::env::current_dir().unwrap_or_default();
    let search = ask::with_directory(&search, &here.to_string_lossy());
    ListQuery {
        before: args.before.clone(),
        q: (!search.is_empty()).then_some(search),
        actor: args.actor.clone(),
        lang: Some(screen.lang.code().to_owned()),
        ..ListQuery::default()
    }
}

fn curve(bpd: &mut Bpd, run: &Run) -> String {
    // A run without a curve is shown without one.
    let points = bpd.curve(run.id, CURVE as u32 * 2).unwrap_or_default();
    let values: Vec<_> = points.iter().map(|point| Some(point.cpu_percent)).collect();
    // Against itself, but not as if a hundredth of a core were a peak.
    sparkline(&values, CURVE, highest(&values).map(|most| most.max(QUIET_PERCENT)))
}

/// The table.
fn people(runs: &[Run], screen: &Screen, mut curve: impl FnMut(&Run) -> String) -> String {
    if runs.is_empty() {
        return format!("{}\n", screen.word(Word::NoRuns));
    }
    let head =
        [Word::Id, Word::State, Word::Started, Word::Took, Word::Cpu, Word::Rss, Word::Curve, Word::Command];
    let mut rows = vec![head.map(|word| screen.word(word).to_owned()).to_vec()];
    rows.extend(runs.iter().map(|run| row(run, screen, curve(run))));
    let mut align = vec![
        Align::Right,
        Align::Left,
        Align::Right,
        Align::Right,
        Align::Right,
        Align::Right,
        Align::Left,
        Align::Left,
    ];
    if rows[1..].iter().all(|row| row[CURVE_AT].is_empty()) {
        without(&mut rows, &mut align, CURVE_AT);
    }
    for column in EXPENDABLE {
        // What was taken out already, the curve, stands behind the others.
        let is_there = column < align.len() - 1;
        if is_there && room_of_last(&rows, screen.width) < LEAST_COMMAND {
            without(&mut rows, &mut align, column);
        }
    }
    let mut page = String::new();
    for (at, line) in table(&rows, &align, screen.width).iter().enumerate() {
        let line = match at {
            0 => screen.paint(Tone::Faint, line),
            _ if is_bad(&runs[at - 1]) => screen.paint(Tone::Bad, line),
            _ if runs[at - 1].is_open() => screen.paint(Tone::Good, line),
            _ => line.clone(),
        };
        page.push_str(&line);
        page.push('\n');
    }
    page
}

fn is_bad(run: &Run) -> bool {
    run.state == RunState::Lost || run.is_failure()
}

fn row(run: &Run, screen: &Screen, curve: String) -> Vec<String> {
    let stats = run.run_stats.as_ref();
    let known = |figure: Option<String>| figure.unwrap_or_else(|| figures::UNKNOWN.to_owned());
    let elapsed = match run.state {
        RunState::Running | RunState::Stopped | RunState::Background => {
            run.started_at.map(|began| screen.now.since(began).as_secs_f64())
        }
        _ => stats.map(|stats| stats.duration_s),
    };
    vec![
        run.id.to_string(),
        state(run, screen),
        known(run.started_at.map(|at| clock::short(at, screen.now, &screen.zone))),
        known(elapsed.map(|seconds| figures::duration(seconds, screen.lang))),
        known(stats.and_then(|stats| stats.cpu_avg).map(|cpu| figures::percent(cpu, screen.lang))),
        known(stats.and_then(|stats| peak(stats, screen))),
        curve,
        command(run, screen),
    ]
}

/// Marked where it may have been higher, as `show` marks it.
fn peak(stats: &RunStats, screen: &Screen) -> Option<String> {
    let peak = figures::memory(stats.rss_max_mb?, screen.lang);
    Some(if stats.peak_lower_bound { screen.say(Word::AtLeast, &[&peak]) } else { peak })
}

/// `✓`, `✗ 2`, or what goes on.
fn state(run: &Run, screen: &Screen) -> String {
    match (run.state, run.exit_code) {
        // The word takes from the command, which needs the room.
        (RunState::Running, _) if screen.width < WIDE => "●".to_owned(),
        (RunState::Stopped, _) if screen.width < WIDE => "‖".to_owned(),
        (RunState::Background, _) if screen.width < WIDE => "&".to_owned(),
        (RunState::Left, _) if screen.width < WIDE => "⏏".to_owned(),
        (RunState::Lost, _) if screen.width < WIDE => "?".to_owned(),
        (RunState::Running, _) => format!("● {}", screen.word(Word::Running)),
        (RunState::Stopped, _) => format!("‖ {}", screen.word(Word::Stopped)),
        (RunState::Background, _) => format!("& {}", screen.word(Word::InBackground)),
        (RunState::Left, Some(code)) => format!("⏏ {} {code}", screen.word(Word::LeftShort)),
        (RunState::Left, None) => format!("⏏ {}", screen.word(Word::LeftShort)),
        (RunState::Lost, _) => format!("? {}", screen.word(Word::Lost)),
        (RunState::Finished, Some(0)) => "✓".to_owned(),
        (RunState::Finished, Some(code)) => format!("✗ {code}"),
        (RunState::Finished, None) => screen.word(Word::Finished).to_owned(),
    }
}

pub(super) fn command(run: &Run, screen: &Screen) -> String {
    run.command
        .as_deref()
        .map_or_else(|| screen.word(Word::Hidden).to_owned(), |text| visible(text).into_owned())
}

/// id, state, exit code, start, seconds, CPU %, RSS MiB, directory, command; tabs between, nothing localised.
pub(super) fn plain(run: &Run) -> String {
    let stats = run.run_stats.as_ref();
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.3}"));
    let fields = [
        run.id.to_string(),
        run.state.word().to_owned(),
        run.exit_code.map_or_else(String::new, |code| code.to_string()),
        run.started_at.map_or_else(String::new, |at| at.to_string()),
        number(stats.map(|stats| stats.duration_s)),
        number(stats.and_then(|stats| stats.cpu_avg)),
        number(stats.and_then(|stats| stats.rss_max_mb)),
        visible(run.cwd.as_deref().unwrap_or_default()).into_owned(),
        visible(run.command.as_deref().unwrap_or_default()).into_owned(),
    ];
    fields.join("\t") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::words::Lang;

    #[test]
    fn a_peak_that_may_have_been_higher_is_marked_as_in_show() {
        let screen = Screen::plain(Lang::Tr);
        let with =
            |rss_max_mb, peak_lower_bound| RunStats { rss_max_mb, peak_lower_bound, ..RunStats::default() };
        assert_eq!(peak(&with(Some(42.0), true), &screen).as_deref(), Some("≥ 42 MiB"));
        assert_eq!(peak(&with(Some(42.0), false), &screen).as_deref(), Some("42 MiB"));
        assert_eq!(peak(&with(None, true), &screen), None);
    }
}

//! `bpctl list`: the newest runs, one a line.

use bp_proto::request::ListQuery;
use bp_proto::{Run, RunState, RunStats};

use super::{Exit, pause};
use crate::ask::{self, Bpd};
use crate::cli::Output;
use crate::screen::{Screen, Tone};
use crate::text::escape::visible;
use crate::text::sparkline::{highest, sparkline};
use crate::text::table::{Align, middle, room_of_last, table};
use crate::text::words::Word;
use crate::text::{clock, figures};

/// The names of the columns with `--plain`; new ones go behind the others.
pub(super) const PLAIN_HEAD: &str = "id\tstate\texit_code\tstarted_at\tduration_s\tcpu_avg\trss_max_mb\tcwd\tcommand\tproject\tbranch\tcommit\n";
/// Columns of a curve in a list.
const CURVE: usize = 8;
/// A curve that stays below is drawn against this.
const QUIET_PERCENT: f64 = 10.0;
/// A terminal that leaves the command less than this gives up columns for it.
const LEAST_COMMAND: usize = 20;
/// Whole dates, project, branch and commit are shown only where they leave the command this much.
const AMPLE_COMMAND: usize = 40;
/// A narrower screen has no curves, and no words for states.
const WIDE: usize = 90;
/// A longer name of a project or a branch is cut in its middle.
const MAX_NAME: usize = 20;
/// Digits of a commit.
const COMMIT_DIGITS: usize = 8;

/// A column of the table, which has one of `Started` and `Date`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Id,
    State,
    /// The time, or the day.
    Started,
    /// Both.
    Date,
    Took,
    Cpu,
    Rss,
    Curve,
    Project,
    Branch,
    Commit,
    Command,
}
use Column::{Branch, Command, Commit, Cpu, Curve, Date, Id, Project, Rss, Started, State, Took};

/// The command is last: it takes the room that is left.
const COLUMNS: [Column; 12] =
    [Id, State, Started, Date, Took, Cpu, Rss, Curve, Project, Branch, Commit, Command];

/// Columns that a screen leaves out, and the width that the command must have then; the first that fits is used.
const LAYOUTS: [(&[Column], usize); 8] = [
    (&[Started], AMPLE_COMMAND),
    (&[Started, Project], AMPLE_COMMAND),
    (&[Started, Project, Commit], AMPLE_COMMAND),
    (&[Started, Project, Commit, Branch], AMPLE_COMMAND),
    (&[Date, Project, Commit, Branch], LEAST_COMMAND),
    (&[Date, Project, Commit, Branch, Curve], LEAST_COMMAND),
    (&[Date, Project, Commit, Branch, Curve, Rss], LEAST_COMMAND),
    (&[Date, Project, Commit, Branch, Curve, Rss, Started], 0),
];

impl Column {
    fn heading(self) -> Word {
        match self {
            Id => Word::Id,
            State => Word::State,
            Started | Date => Word::Started,
            Took => Word::Took,
            Cpu => Word::Cpu,
            Rss => Word::Rss,
            Curve => Word::Curve,
            Project => Word::Project,
            Branch => Word::Branch,
            Commit => Word::Commit,
            Command => Word::Command,
        }
    }

    fn align(self) -> Align {
        match self {
            Id | Started | Date | Took | Cpu | Rss => Align::Right,
            State | Curve | Project | Branch | Commit | Command => Align::Left,
        }
    }
}

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
    #[command(flatten)]
    output: Output,
}

pub fn run(args: &Args, screen: &Screen) -> anyhow::Result<Exit> {
    let mut bpd = Bpd::connect()?;
    let query = query(args, screen);
    if args.output.json {
        Screen::print_json(&bpd.runs_raw(&query, args.limit as usize)?)?;
        return Ok(Exit::Fine);
    }
    let runs = bpd.runs(&query, args.limit as usize)?;
    let is_filtered = args.actor.is_some() || args.before.is_some() || !args.search.is_empty();
    let page = if args.output.plain {
        runs.iter().fold(PLAIN_HEAD.to_owned(), |page, run| page + &plain(run))
    } else if runs.is_empty() && is_filtered {
        notes(screen) + screen.word(Word::NoneMatch) + "\n"
    } else {
        let curves = screen.width >= WIDE;
        let table = people(&runs, screen, |run| if curves { curve(&mut bpd, run) } else { String::new() });
        notes(screen) + &table + &older(&runs, args, screen)
    };
    screen.print(&page)?;
    Ok(Exit::Fine)
}

/// What the table does not show: that recording is paused.
pub(super) fn notes(screen: &Screen) -> String {
    let mark = screen.paint(Tone::Bad, "!");
    pause::beside(screen).iter().map(|sentence| screen.paragraph(&format!("{mark} "), 2, sentence)).collect()
}

/// On a terminal: how to see the runs before those of a full page.
fn older(runs: &[Run], args: &Args, screen: &Screen) -> String {
    match runs.last() {
        Some(last) if screen.is_terminal && runs.len() == args.limit as usize => {
            let text = screen.say(Word::OlderRuns, &[&last.id.to_string()]);
            screen.paint(Tone::Faint, &screen.paragraph("", 0, &text))
        }
        _ => String::new(),
    }
}

fn query(args: &Args, screen: &Screen) -> ListQuery {
    let search = args.search.join(" ");
    let here = std::env::current_dir().unwrap_or_default();
    let search = ask::with_directory(&search, &here.to_string_lossy());
    ListQuery {
        before: args.before.clone(),
        q: (!search.is_empty()).then_some(search),
        actor: args.actor.clone(),
        zone: ask::zone(),
        lang: Some(screen.lang.code().to_owned()),
        ..ListQuery::default()
    }
}

fn curve(bpd: &mut Bpd, run: &Run) -> String {
    // Where no rate is known the column beside it says so; a curve would contradict it.
    if !run.is_open() && run.run_stats.as_ref().is_none_or(|stats| stats.cpu_max.is_none()) {
        return String::new();
    }
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
    let mut rows = vec![COLUMNS.map(|column| screen.word(column.heading()).to_owned()).to_vec()];
    rows.extend(runs.iter().map(|run| row(run, screen, curve(run))));
    let is_empty = |at: usize| rows[1..].iter().all(|row| row[at].is_empty());
    let empty: Vec<Column> = (0..COLUMNS.len()).filter(|at| is_empty(*at)).map(|at| COLUMNS[at]).collect();
    let (rows, align) = laid_out(&rows, &empty, screen.width);
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

/// The columns that the screen has room for, and how each is aligned.
fn laid_out(rows: &[Vec<String>], empty: &[Column], width: usize) -> (Vec<Vec<String>>, Vec<Align>) {
    let mut chosen = (Vec::new(), Vec::new());
    for (left_out, least_command) in LAYOUTS {
        let is_kept = |at: &usize| !left_out.contains(&COLUMNS[*at]) && !empty.contains(&COLUMNS[*at]);
        let kept: Vec<usize> = (0..COLUMNS.len()).filter(is_kept).collect();
        let of = |row: &Vec<String>| kept.iter().map(|at| row[*at].clone()).collect::<Vec<_>>();
        chosen = (rows.iter().map(of).collect(), kept.iter().map(|at| COLUMNS[*at].align()).collect());
        if room_of_last(&chosen.0, width) >= least_command {
            break;
        }
    }
    chosen
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
        _ => stats.and_then(|stats| stats.duration_s),
    };
    let git = run.git.as_ref();
    vec![
        run.id.to_string(),
        state(run, screen),
        known(run.started_at.map(|at| clock::short(at, screen.now, &screen.zone))),
        known(run.started_at.map(|at| clock::long(at, &screen.zone))),
        known(elapsed.map(|seconds| figures::duration(seconds, screen.lang))),
        known(stats.and_then(|stats| stats.cpu_avg).map(|cpu| figures::percent(cpu, screen.lang))),
        known(stats.and_then(|stats| peak(stats, screen))),
        curve,
        middle(&project(run), MAX_NAME),
        middle(&visible(git.and_then(|git| git.branch.as_deref()).unwrap_or_default()), MAX_NAME),
        git.and_then(|git| git.commit.as_deref()).map(short_commit).unwrap_or_default(),
        command(run, screen),
    ]
}

/// The name of the project's directory.
fn project(run: &Run) -> String {
    let project = run.project.as_deref().unwrap_or_default();
    visible(project.rsplit('/').next().unwrap_or(project)).into_owned()
}

/// The first digits of a commit, as every view for people has them.
pub(super) fn short_commit(commit: &str) -> String {
    visible(&commit.chars().take(COMMIT_DIGITS).collect::<String>()).into_owned()
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
    match run.command.as_deref() {
        Some(text) => visible(text).into_owned(),
        None if run.text_pending => screen.word(Word::TextPending).to_owned(),
        None => screen.word(Word::Hidden).to_owned(),
    }
}

/// One line below [`PLAIN_HEAD`]; nothing is localised.
pub(super) fn plain(run: &Run) -> String {
    let stats = run.run_stats.as_ref();
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.3}"));
    let fields = [
        run.id.to_string(),
        run.state.word().to_owned(),
        run.exit_code.map_or_else(String::new, |code| code.to_string()),
        run.started_at.map_or_else(String::new, |at| at.to_string()),
        number(stats.and_then(|stats| stats.duration_s)),
        number(stats.and_then(|stats| stats.cpu_avg)),
        number(stats.and_then(|stats| stats.rss_max_mb)),
        visible(run.cwd.as_deref().unwrap_or_default()).into_owned(),
        visible(run.command.as_deref().unwrap_or_default()).into_owned(),
        visible(run.project.as_deref().unwrap_or_default()).into_owned(),
        visible(run.git.as_ref().and_then(|git| git.branch.as_deref()).unwrap_or_default()).into_owned(),
        visible(run.git.as_ref().and_then(|git| git.commit.as_deref()).unwrap_or_default()).into_owned(),
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

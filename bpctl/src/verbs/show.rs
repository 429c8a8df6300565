//! `bpctl show [RUN]`: one run, whole.

use std::fmt::Write as _;

use bp_proto::{Level, Point, Quality, Request, Run, RunState, RunStats};

use super::{Exit, list};
use crate::ask::Bpd;
use crate::screen::{Screen, Tone};
use crate::text::escape::visible;
use crate::text::sparkline::sparkline;
use crate::text::table::fold;
use crate::text::words::Word;
use crate::text::{clock, figures};

/// Points asked for; more than a terminal has columns shows no more.
const POINTS: u32 = 200;
/// Width of the names in front.
const NAMES: usize = 12;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which one: an id, latest, latest-success, latest-failed, running, slowest, @TAG, latest{SEARCH}, `-`, `.`, …
    #[arg(default_value = "latest")]
    run: String,
    /// The document of bpd as it comes
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, screen: &Screen) -> anyhow::Result<Exit> {
    let mut bpd = Bpd::connect()?;
    let selector = bpd.resolve(&args.run, screen)?;
    let raw = bpd.ask_raw(&Request::Show { run: selector, lang: Some(screen.lang.code().to_owned()) })?;
    let run: Run = serde_json::from_slice(&raw)?;
    bpd.shown(run.id);
    if args.json {
        Screen::print_json(&raw)?;
    } else if screen.person {
        let points = bpd.curve(run.id, POINTS)?;
        screen.print(&people(&run, &points, screen))?;
    } else {
        screen.print(&plain(&raw)?)?;
    }
    Ok(Exit::Fine)
}

/// `name<TAB>value`, as the document has them; what is nested is `run_stats.cpu_avg`.
fn plain(document: &[u8]) -> anyhow::Result<String> {
    let mut page = String::new();
    flatten("", &serde_json::from_slice(document)?, &mut page);
    Ok(page)
}

fn flatten(name: &str, value: &serde_json::Value, page: &mut String) {
    use serde_json::Value;
    let below = |part: &str| if name.is_empty() { part.to_owned() } else { format!("{name}.{part}") };
    let text = match value {
        Value::Object(fields) => {
            return fields.iter().for_each(|(key, value)| flatten(&below(key), value, page));
        }
        Value::Array(items) => {
            return items
                .iter()
                .enumerate()
                .for_each(|(at, value)| flatten(&below(&at.to_string()), value, page));
        }
        Value::Null => String::new(),
        Value::String(text) => visible(text).into_owned(),
        other => other.to_string(),
    };
    page.extend([name, "\t", &text, "\n"]);
}

fn people(run: &Run, points: &[Point], screen: &Screen) -> String {
    let mut page = Page { screen, text: String::new() };
    let id = run.id.to_string();
    let title = format!("{} · {}", screen.say(Word::Run, &[&id]), list::command(run, screen));
    page.text.push_str(&screen.paint(Tone::Strong, &title));
    page.text.push('\n');
    page.line(Word::State, &ending(run, screen));
    let started = clock::long(run.started_at, &screen.zone);
    page.line(Word::At, &started);
    page.line(Word::In, &place(run));
    if let Some(stats) = &run.run_stats {
        page.figures(stats, points);
    }
    page.optional(Word::Session, run.shell.as_deref());
    page.optional(Word::Note, run.note.as_deref());
    page.optional(Word::Tags, Some(run.tags.join(", ")).filter(|tags| !tags.is_empty()).as_deref());
    page.optional(Word::Masked, Some(run.masked.join(", ")).filter(|rules| !rules.is_empty()).as_deref());
    if let Some(parent) = run.parent {
        let line = screen.say(Word::Parent, &[&parent.to_string()]);
        page.text.push_str(&format_line("", &line));
    }
    if run.background {
        page.text.push_str(&format_line("", screen.word(Word::Background)));
    }
    page.children(run);
    page.comments(run);
    page.text
}

fn ending(run: &Run, screen: &Screen) -> String {
    let mut parts = vec![match run.state {
        RunState::Running => screen.word(Word::Running).to_owned(),
        RunState::Finished => screen.word(Word::Finished).to_owned(),
        RunState::Lost => screen.word(Word::Lost).to_owned(),
    }];
    parts.extend(run.exit_code.map(|code| screen.say(Word::Exit, &[&code.to_string()])));
    parts.extend(run.signal.map(|signal| screen.say(Word::Signal, &[&signal.to_string()])));
    let tone = match (run.state, run.exit_code) {
        (RunState::Finished, Some(0)) | (RunState::Running, _) => Tone::Good,
        _ => Tone::Bad,
    };
    screen.paint(tone, &parts.join(" · "))
}

/// Directory and, in a repository, branch and commit.
fn place(run: &Run) -> String {
    let mut place = visible(run.cwd.as_deref().unwrap_or(figures::UNKNOWN)).into_owned();
    if let Some(git) = &run.git {
        let commit = git.commit.as_deref().map(|commit| commit.chars().take(8).collect::<String>());
        let parts: Vec<String> = [git.branch.clone(), commit]
            .into_iter()
            .flatten()
            .map(|part| visible(&part).into_owned())
            .collect();
        let _ = write!(place, " ({})", parts.join(" "));
    }
    place
}

fn quality(quality: Quality) -> Word {
    match quality {
        Quality::Exact => Word::QualityExact,
        Quality::Counter => Word::QualityCounter,
        Quality::Times => Word::QualityTimes,
        Quality::Ticks => Word::QualityTicks,
        Quality::Sampled => Word::QualitySampled,
    }
}

/// A quantity: average, p95 and maximum, how they are shown, and its curve.
type Row<'a> = (Word, [Option<f64>; 3], &'a dyn Fn(f64) -> String, Vec<Option<f64>>);

struct Page<'a> {
    screen: &'a Screen,
    text: String,
}

impl Page<'_> {
    fn line(&mut self, name: Word, value: &str) {
        let line = format_line(self.screen.word(name), value);
        self.text.push_str(&line);
    }

    fn optional(&mut self, name: Word, value: Option<&str>) {
        if let Some(value) = value {
            self.line(name, &visible(value));
        }
    }

    fn figures(&mut self, stats: &RunStats, points: &[Point]) {
        let (screen, lang) = (self.screen, self.screen.lang);
        let width = screen.width.saturating_sub(NAMES + 3).min(72);
        let known = |value: Option<f64>, shown: &dyn Fn(f64) -> String| {
            value.map_or(figures::UNKNOWN.to_owned(), shown)
        };
        let percent = |value: f64| figures::percent(value, lang);
        let memory = |value: f64| figures::memory(value, lang);
        let seconds = |value: f64| figures::duration(value, lang);
        self.line(Word::Duration, &seconds(stats.duration_s));
        if let Some(cpu) = stats.cpu_seconds {
            let (user, system) = (known(stats.user_seconds, &seconds), known(stats.system_seconds, &seconds));
            self.line(Word::CpuTime, &screen.say(Word::CpuSplit, &[&seconds(cpu), &user, &system]));
        }
        let rows: [Row<'_>; 2] = [
            (
                Word::Cpu,
                [stats.cpu_avg, stats.cpu_p95, stats.cpu_max],
                &percent,
                points.iter().map(|point| Some(point.cpu_percent)).collect(),
            ),
            (
                Word::Rss,
                [stats.rss_avg_mb, stats.rss_p95_mb, stats.rss_max_mb],
                &memory,
                points.iter().map(memory_of).collect(),
            ),
        ];
        for (name, values, shown, curve) in rows {
            let values = values.map(|value| known(value, shown));
            let [average, p95, max] = [&values[0], &values[1], &values[2]];
            self.line(name, &screen.say(Word::CpuFigures, &[average, p95, max]));
            let spark = sparkline(&curve, width, None);
            if !spark.is_empty() {
                self.text.push_str(&format_line("", &spark));
            }
        }
        self.line(Word::Quality, screen.word(quality(stats.quality)));
    }

    fn children(&mut self, run: &Run) {
        let lang = self.screen.lang;
        for (at, child) in run.children.iter().enumerate() {
            let line = format!(
                "{} ×{} · {} · {}",
                visible(&child.name),
                child.processes,
                figures::duration(child.cpu_seconds, lang),
                figures::memory(child.rss_max_mb, lang)
            );
            let name = if at == 0 { self.screen.word(Word::Children) } else { "" };
            self.text.push_str(&format_line(name, &line));
        }
    }

    fn comments(&mut self, run: &Run) {
        for (at, said) in run.comments.iter().enumerate() {
            let name = if at == 0 { self.screen.word(Word::Comments) } else { "" };
            let head = format_line(name, "");
            self.text.push_str(head.trim_end_matches('\n'));
            let said = comment(said, NAMES + 3, self.screen);
            self.text.push_str(said.trim_start_matches(' '));
        }
    }
}

/// `None` where nothing but the shell itself was running: its memory is not the run's.
fn memory_of(point: &Point) -> Option<f64> {
    (point.rss_mb > 0.0 || point.processes != Some(0)).then_some(point.rss_mb)
}

/// Its lines, `indent` columns in.
pub(super) fn comment(comment: &bp_proto::Comment, indent: usize, screen: &Screen) -> String {
    let (mark, tone) = match comment.level {
        Level::Info => ("·", Tone::Faint),
        Level::Good => ("+", Tone::Good),
        Level::Warning | Level::Critical => ("!", Tone::Bad),
    };
    let blanks = " ".repeat(indent);
    let mut said = String::new();
    for (at, line) in
        fold(&visible(&comment.text), screen.width.saturating_sub(indent + 2)).iter().enumerate()
    {
        let mark = if at == 0 { screen.paint(tone, mark) } else { " ".to_owned() };
        let _ = writeln!(said, "{blanks}{mark} {line}");
    }
    said
}

fn format_line(name: &str, value: &str) -> String {
    let blanks = NAMES.saturating_sub(unicode_width::UnicodeWidthStr::width(name));
    format!("  {}{} {value}\n", name.to_lowercase().replace("i̇", "i"), " ".repeat(blanks))
}

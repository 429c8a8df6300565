//! `bpctl show [RUN]`: one run, whole.

use std::fmt::Write as _;

use bp_proto::{Implausible, Level, Point, Quality, Request, Run, RunState, RunStats};

use super::{Exit, activity, list};
use crate::ask::Bpd;
use crate::cli::Output;
use crate::screen::{Screen, Tone};
use crate::text::escape::visible;
use crate::text::rules;
use crate::text::sparkline::sparkline;
use crate::text::table::fold;
use crate::text::words::{Word, fill};
use crate::text::{clock, figures};

/// Points asked for; more than a terminal has columns shows no more.
const POINTS: u32 = 200;
/// Between the figures of one line.
pub(super) const BETWEEN: &str = " · ";
/// Less is shown as nothing.
const LEAST_S: f64 = 0.0005;
/// Four decimals, as those of `compare --plain`.
const PLAIN: f64 = 10_000.0;
/// The header of one fact a line.
pub(super) const PLAIN_HEAD: &str = "field\tvalue\n";
/// Width of the names in front.
const NAMES: usize = 12;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which one: an id, latest, latest-success, latest-failed, running, slowest, @TAG, latest{SEARCH}, `-`, `.`, …
    #[arg(default_value = "latest")]
    run: String,
    #[command(flatten)]
    output: Output,
}

pub fn run(args: &Args, screen: &Screen) -> anyhow::Result<Exit> {
    let mut bpd = Bpd::connect()?;
    let selector = bpd.resolve(&args.run, screen)?;
    let raw = bpd.ask_raw(&Request::Show { run: selector, lang: Some(screen.lang.code().to_owned()) })?;
    let run: Run = serde_json::from_slice(&raw)?;
    bpd.shown(run.id);
    if args.output.json {
        Screen::print_json(&raw)?;
    } else if args.output.plain {
        screen.print(&plain(&raw)?)?;
    } else {
        let points = bpd.curve(run.id, POINTS)?;
        screen.print(
            &(chosen(&args.run, [Word::ChosenAll, Word::ChosenMatching], screen)
                + &people(&run, &points, screen)),
        )?;
    }
    Ok(Exit::Fine)
}

/// Among which runs a selector such as `slowest{make}` has chosen; nothing for the others. `sets` = how the set is named
/// without and with a search.
pub(super) fn chosen(selector: &str, [all, matching]: [Word; 2], screen: &Screen) -> String {
    let word = selector.split(['{', '~']).next().unwrap_or_default();
    if !["slowest", "fastest", "median"].contains(&word) {
        return String::new();
    }
    let search =
        selector.split_once('{').and_then(|(_, rest)| rest.rsplit_once('}')).map(|(search, _)| search.trim());
    let set = match search.filter(|search| !search.is_empty()) {
        Some(search) => screen.say(matching, &[selector, &visible(search)]),
        None => screen.say(all, &[selector]),
    };
    let lines = fold(&set, screen.width);
    lines.iter().fold(String::new(), |page, line| page + &screen.paint(Tone::Faint, line) + "\n")
}

/// `name<TAB>value` under a header, as the document has them but for digits that nothing was measured to; what is nested is
/// `run_stats.cpu_avg`.
fn plain(document: &[u8]) -> anyhow::Result<String> {
    let mut page = PLAIN_HEAD.to_owned();
    flatten("", &serde_json::from_slice(document)?, &mut page);
    Ok(page)
}

/// Prints a document of bpctl's own with `--json` or `--plain`.
pub(super) fn document(
    document: &serde_json::Value,
    output: Output,
    screen: &Screen,
) -> anyhow::Result<Exit> {
    let raw = serde_json::to_vec(document)?;
    if output.json {
        Screen::print_json(&raw)?;
    } else {
        screen.print(&plain(&raw)?)?;
    }
    Ok(Exit::Fine)
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
        Value::Number(number) if number.is_f64() => {
            let value = number.as_f64().unwrap_or(f64::NAN);
            format!("{:?}", (value * PLAIN).round() / PLAIN)
        }
        other => other.to_string(),
    };
    page.extend([name, "\t", &text, "\n"]);
}

fn people(run: &Run, points: &[Point], screen: &Screen) -> String {
    let mut page = Page { screen, text: String::new() };
    let id = run.id.to_string();
    let title = format!("{} · {}", screen.say(Word::Run, &[&id]), list::command(run, screen));
    for line in fold(&title, screen.width) {
        let _ = writeln!(page.text, "{}", screen.paint(Tone::Strong, &line));
    }
    // Painted, and shorter than any screen.
    page.text.push_str(&format_line(screen.word(Word::State), &ending(run, screen)));
    page.line(Word::At, &started(run, screen));
    page.line(Word::In, &place(run));
    if let Some(stats) = &run.run_stats {
        page.figures(stats, points);
    }
    let refused = run.implausible.iter().map(|figure| screen.word(implausible(*figure)).to_owned());
    page.lines(refused.map(|reason| (Word::Unknown, reason)).collect());
    page.surroundings(run);
    page.optional(Word::Session, run.shell.as_deref());
    page.optional(Word::Note, run.note.as_deref());
    page.optional(Word::Tags, Some(run.tags.join(", ")).filter(|tags| !tags.is_empty()).as_deref());
    page.optional(Word::Masked, Some(masked(run, screen)).filter(|rules| !rules.is_empty()).as_deref());
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

/// The rules that masked something, in the reader's language.
fn masked(run: &Run, screen: &Screen) -> String {
    run.masked.iter().map(|rule| rules::name(rule, screen.lang)).collect::<Vec<_>>().join(", ")
}

/// When it began. An imported line says so, and why it may have no date.
fn started(run: &Run, screen: &Screen) -> String {
    match run.started_at {
        None => screen.word(Word::ImportedUndated).to_owned(),
        Some(at) if run.imported => screen.say(Word::ImportedAt, &[&clock::long(at, &screen.zone)]),
        Some(at) => clock::long(at, &screen.zone),
    }
}

fn ending(run: &Run, screen: &Screen) -> String {
    let mut parts = vec![match run.state {
        RunState::Running => screen.word(Word::Running).to_owned(),
        RunState::Finished => screen.word(Word::Finished).to_owned(),
        RunState::Stopped => screen.word(Word::Stopped).to_owned(),
        RunState::Background => screen.word(Word::InBackground).to_owned(),
        RunState::Left => screen.word(Word::Left).to_owned(),
        RunState::Lost => screen.word(Word::Lost).to_owned(),
    }];
    parts.extend(run.exit_code.map(|code| screen.say(Word::Exit, &[&code.to_string()])));
    parts.extend(run.signal.map(|signal| screen.say(Word::Signal, &[&signal.to_string()])));
    let tone = match (run.state, run.exit_code) {
        (RunState::Finished, Some(0)) => Tone::Good,
        (state, _) if state.is_open() => Tone::Good,
        // Imported: how it ended nobody knows.
        (RunState::Finished, None) | (RunState::Left, _) => Tone::Faint,
        _ => Tone::Bad,
    };
    screen.paint(tone, &parts.join(" · "))
}

/// Directory and, in a repository, branch and commit.
fn place(run: &Run) -> String {
    let mut place = visible(run.cwd.as_deref().unwrap_or(figures::UNKNOWN)).into_owned();
    if let Some(git) = &run.git {
        let branch = git.branch.as_deref().map(|branch| visible(branch).into_owned());
        let commit = git.commit.as_deref().map(list::short_commit);
        let parts: Vec<String> = [branch, commit].into_iter().flatten().collect();
        let _ = write!(place, " ({})", parts.join(" "));
    }
    place
}

/// Why a figure is unknown.
fn implausible(figure: Implausible) -> Word {
    match figure {
        Implausible::Duration => Word::ImplausibleDuration,
        Implausible::CpuSeconds => Word::ImplausibleCpu,
        Implausible::Samples => Word::ImplausibleSamples,
    }
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
        let name = self.screen.word(name);
        self.folded(name, value);
    }

    /// Each line folded to the screen's width; `value` is not painted.
    fn folded(&mut self, name: &str, value: &str) {
        let room = self.screen.width.saturating_sub(NAMES + 3);
        for (at, part) in fold(value, room).iter().enumerate() {
            self.text.push_str(&format_line(if at == 0 { name } else { "" }, part));
        }
    }

    fn optional(&mut self, name: Word, value: Option<&str>) {
        if let Some(value) = value {
            self.line(name, &visible(value));
        }
    }

    fn figures(&mut self, stats: &RunStats, points: &[Point]) {
        let (screen, lang) = (self.screen, self.screen.lang);
        let width = screen.width.saturating_sub(NAMES + 3).min(72);
        let percent = |value: f64| figures::percent(value, lang);
        let memory = |value: f64| figures::memory(value, lang);
        let seconds = |value: f64| figures::duration(value, lang);
        let duration = stats.duration_s.map_or_else(|| figures::UNKNOWN.to_owned(), seconds);
        self.line(Word::Duration, &duration);
        if let Some(cpu) = stats.cpu_seconds {
            let line = match (stats.user_seconds, stats.system_seconds) {
                (Some(user), Some(system)) => {
                    screen.say(Word::CpuSplit, &[&seconds(cpu), &seconds(user), &seconds(system)])
                }
                _ => seconds(cpu),
            };
            self.line(Word::CpuTime, &line);
        }
        if let Some(cpu) = stats.background_cpu_seconds {
            self.line(Word::BackgroundCpu, &screen.say(Word::BackgroundCpuUsed, &[&seconds(cpu)]));
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
        for (name, [average, p95, peak], shown, curve) in rows {
            let at_least = |peak: f64| match shown(peak) {
                peak if stats.peak_lower_bound => screen.say(Word::AtLeast, &[&peak]),
                peak => peak,
            };
            let parts: Vec<String> = screen
                .word(Word::CpuFigures)
                .split(BETWEEN)
                .zip([average.map(shown), p95.map(shown), peak.map(at_least)])
                .filter_map(|(part, value)| Some(fill(part, &[&value?])))
                .collect();
            if parts.is_empty() {
                continue;
            }
            self.line(name, &parts.join(BETWEEN));
            let spark = sparkline(&curve, width, None);
            if !spark.is_empty() {
                self.text.push_str(&format_line("", &spark));
            }
        }
        self.lines(activity::did(stats, screen));
    }

    /// The machine's figures, then how far all of them can be trusted.
    fn surroundings(&mut self, run: &Run) {
        let screen = self.screen;
        self.lines(activity::machine(run, screen));
        let Some(stats) = &run.run_stats else { return };
        let mut trust = screen.word(quality(stats.quality)).to_owned();
        for (holds, word) in
            [(stats.incomplete, Word::Incomplete), (stats.peak_lower_bound, Word::PeakLowerBound)]
        {
            if holds {
                trust.extend(["; ", screen.word(word)]);
            }
        }
        self.lines(vec![(Word::Quality, trust)]);
    }

    fn lines(&mut self, lines: Vec<(Word, String)>) {
        for (name, line) in lines {
            self.line(name, &line);
        }
    }

    fn children(&mut self, run: &Run) {
        let lang = self.screen.lang;
        let seconds = |cpu_s: f64| figures::duration(cpu_s, lang);
        let mut rows: Vec<String> = Vec::new();
        for child in &run.children {
            let cpu = seconds(child.cpu_seconds);
            let cpu = if child.at_least { self.screen.say(Word::AtLeast, &[&cpu]) } else { cpu };
            let more = if child.at_least { "+" } else { "" };
            let mut row = format!("{} ×{}{more}{BETWEEN}{cpu}", visible(&child.name), child.processes);
            if let Some(rss_mb) = child.rss_max_mb {
                row += BETWEEN;
                row += &figures::memory(rss_mb, lang);
            }
            rows.push(row);
        }
        if let Some(rest) = &run.rest {
            let others = self.screen.say(Word::ChildrenOther, &[&rest.names.to_string()]);
            for (name, cpu_s) in [
                (format!("{others} ×{}", rest.processes), Some(rest.cpu_seconds)),
                (self.screen.word(Word::ChildrenShell).to_owned(), rest.shell_seconds),
                (self.screen.word(Word::ChildrenUntold).to_owned(), rest.untold_seconds),
            ] {
                let known = cpu_s.filter(|cpu_s| *cpu_s >= LEAST_S);
                rows.extend(known.map(|cpu_s| format!("{name}{BETWEEN}{}", seconds(cpu_s))));
            }
        }
        for (at, row) in rows.iter().enumerate() {
            let name = if at == 0 { self.screen.word(Word::Children) } else { "" };
            self.folded(name, row);
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
    let highest = point.rss_max_mb.map_or(point.rss_mb, |most| most.max(point.rss_mb));
    (highest > 0.0 || point.processes != Some(0)).then_some(highest)
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

#[cfg(test)]
mod tests {
    use bp_proto::UnixMillis;
    use jiff::tz::TimeZone;
    use unicode_width::UnicodeWidthStr as _;

    use super::*;
    use crate::text::words::Lang;

    fn screen(lang: Lang, width: usize) -> Screen {
        let (zone, now) = (TimeZone::UTC, UnixMillis(1_714_980_000_000));
        Screen { lang, is_terminal: true, width, zone, now, height: usize::MAX, color: false }
    }

    /// As the API gives it.
    fn run(stats: &serde_json::Value, context: &serde_json::Value) -> Run {
        let document = serde_json::json!({
            "id": 7, "uid": "01HX6CC481000G000000000000", "parent": null, "command": "make", "command_truncated": null,
            "masked": [], "key": "k", "key_text": "make", "cwd": "/src", "project": null, "git": null, "host": "kara",
            "shell": "zsh", "session": null, "actor": "human", "started_at": "2024-05-06T07:20:00.000Z",
            "finished_at": "2024-05-06T07:20:02.000Z", "state": "finished", "exit_code": 0, "signal": null,
            "background": false, "imported": false, "tags": [], "note": null, "run_stats": stats, "children": [],
            "comments": [], "context": context,
        });
        serde_json::from_value(document).unwrap()
    }

    fn whole() -> Run {
        let stats = serde_json::json!({
            "cpu_avg": 90.0, "cpu_p95": 180.0, "cpu_max": 195.0, "rss_avg_mb": 62.5, "rss_p95_mb": 100.0,
            "rss_max_mb": 1100.0, "duration_s": 2.0, "cpu_seconds": 1.8, "user_seconds": 1.62, "system_seconds": 0.18,
            "samples": 9, "quality": "times", "peak_lower_bound": true, "incomplete": true, "max_processes": 9,
            "max_threads": 1, "wait_seconds": 0.25, "read_mb": 3.0, "written_mb": 0.5, "minor_faults": 1_234_567,
            "major_faults": 0, "voluntary_switches": 56_000, "involuntary_switches": 7, "host_cpu_avg": 62.5,
            "pressure_cpu": 25.0, "pressure_memory": 0.0, "pressure_io": 3.1,
        });
        run(&stats, &serde_json::json!({ "load_1m": 0.2, "host_cpu_percent": 12.4 }))
    }

    #[test]
    fn every_known_figure_has_its_place_in_its_group() {
        let page = people(&whole(), &[], &screen(Lang::En, 80));
        let wanted = "  took         2.00 s
  cpu time     1.80 s (user 1.62 s, system 180 ms)
  cpu          avg 90 % · p95 180 % · max ≥ 195 %
  rss          avg 62 MiB · p95 100 MiB · max ≥ 1.07 GiB
  waiting      250 ms ready to run, waiting for a CPU
  at once      9 processes · 1 thread
  disk         3.0 MiB read · 512 KiB written
  page faults  1,234,567 minor · 0 major
  switches     56,000 voluntary · 7 involuntary
  machine      CPU 62 % meanwhile · CPU 12 % before · load 0.20 before
  pressure     CPU 25 % · memory 0 % · disk 3 % of the time
  quality      the shell's own accounting, to 1 ms; incomplete: some children
               escaped the accounting; peaks are lower bounds
";
        assert!(page.contains(wanted), "{page}");
    }

    #[test]
    fn every_line_fits_eighty_columns_in_both_languages() {
        for lang in [Lang::En, Lang::Tr] {
            let page = people(&whole(), &[], &screen(lang, 80));
            assert!(page.lines().all(|line| line.width() <= 80), "{page}");
        }
        assert!(people(&whole(), &[], &screen(Lang::Tr, 80)).contains("1.234.567 küçük · 0 büyük"));
    }

    #[test]
    fn for_how_long_the_machine_was_suspended_is_shown_if_it_was() {
        for (suspended_s, shown) in [(3723.0, true), (0.0, false)] {
            let stats =
                serde_json::json!({ "duration_s": 2.0, "suspended_s": suspended_s, "quality": "exact" });
            let run = run(&stats, &serde_json::Value::Null);
            let told = [(Lang::En, "suspended for 1h 02m"), (Lang::Tr, "uykuda")];
            let page = |lang| people(&run, &[], &screen(lang, 80));
            assert!(
                told.iter().all(|(lang, word)| page(*lang).contains(word) == shown),
                "{}",
                page(Lang::En)
            );
        }
    }

    #[test]
    fn with_plain_a_figure_has_four_decimals_and_whole_numbers_stay_whole() {
        let document = br#"{"id":7,"note":null,"run_stats":{"cpu_avg":99.94672236537626,"wait_seconds":0.0,
            "rss_max_mb":41.90625,"minor_faults":16771,"quality":"exact"},"tags":["0.123456"]}"#;
        let wanted = "field\tvalue\nid\t7\nnote\t\nrun_stats.cpu_avg\t99.9467\nrun_stats.minor_faults\t16771\n\
            run_stats.quality\texact\nrun_stats.rss_max_mb\t41.9063\nrun_stats.wait_seconds\t0.0\ntags.0\t0.123456\n";
        assert_eq!(plain(document).unwrap(), wanted);
    }

    #[test]
    fn what_is_not_known_is_not_shown() {
        let bare =
            run(&serde_json::json!({ "duration_s": 0.02, "quality": "sampled" }), &serde_json::Value::Null);
        let page = people(&bare, &[], &screen(Lang::En, 80));
        for name in
            ["cpu", "rss", "waiting", "at once", "disk", "faults", "switches", "machine", "pressure", "–"]
        {
            assert!(!page.contains(name), "{name}: {page}");
        }
        assert!(page.contains("  took         20 ms\n  quality      sampled\n"), "{page}");
    }
}

//! `bpctl compare A [B]`: a run against another of the same command; the verdict first.

use bp_proto::report::{MetricDelta, Verdict};
use bp_proto::request::{Align as Axis, CompareQuery};
use bp_proto::{Comparison, Request};
use clap::ValueEnum;
use std::fmt::Write as _;
use unicode_width::UnicodeWidthStr as _;

use super::{Exit, list, show};
use crate::ask::Bpd;
use crate::screen::{Screen, Tone};
use crate::text::escape::visible;
use crate::text::figures;
use crate::text::sparkline::{highest, sparkline};
use crate::text::table::{Align, middle, table};
use crate::text::words::{Lang, Word};

/// The order of the table and the names in it; what bpd adds later follows behind, under its own.
const ORDER: [(&str, Word); 22] = [
    ("duration_s", Word::MetricTook),
    ("cpu_seconds", Word::MetricCpu),
    ("user_seconds", Word::MetricUser),
    ("system_seconds", Word::MetricSystem),
    ("cpu_avg", Word::MetricCpuAverage),
    ("cpu_p95", Word::MetricCpuP95),
    ("cpu_max", Word::MetricCpuMax),
    ("rss_avg_mb", Word::MetricRssAverage),
    ("rss_p95_mb", Word::MetricRssP95),
    ("rss_max_mb", Word::MetricRssMax),
    ("wait_seconds", Word::MetricWait),
    ("read_mb", Word::MetricRead),
    ("written_mb", Word::MetricWritten),
    ("minor_faults", Word::MetricMinorFaults),
    ("major_faults", Word::MetricMajorFaults),
    ("voluntary_switches", Word::MetricVoluntary),
    ("involuntary_switches", Word::MetricInvoluntary),
    ("max_threads", Word::MetricThreads),
    ("host_cpu_avg", Word::MetricHostCpu),
    ("pressure_cpu", Word::MetricPressureCpu),
    ("pressure_memory", Word::MetricPressureMemory),
    ("pressure_io", Word::MetricPressureIo),
];

/// What two runs may differ in, as bpd names it.
const DIFFERENCES: [(&str, Word); 15] = [
    ("args", Word::DiffersArgs),
    ("cwd", Word::DiffersCwd),
    ("branch", Word::DiffersBranch),
    ("commit", Word::DiffersCommit),
    ("host", Word::DiffersHost),
    ("shell", Word::DiffersShell),
    ("actor", Word::DiffersActor),
    ("exit_code", Word::DiffersExit),
    ("signal", Word::DiffersSignal),
    ("cpus", Word::DiffersCpus),
    ("load", Word::DiffersLoad),
    ("host_cpu", Word::DiffersHostCpu),
    ("pressure_cpu", Word::DiffersPressureCpu),
    ("pressure_memory", Word::DiffersPressureMemory),
    ("pressure_io", Word::DiffersPressureIo),
];

/// How a figure is written, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Elapsed or CPU time of the run: less is faster.
    Time,
    Waiting,
    Percent,
    Memory,
    Bytes,
    Count,
}

impl Kind {
    fn of(name: &str) -> Self {
        match name {
            "wait_seconds" => Self::Waiting,
            "read_mb" | "written_mb" => Self::Bytes,
            "max_threads" | "max_processes" => Self::Count,
            "cpu_seconds" => Self::Time,
            _ if name.ends_with("_mb") => Self::Memory,
            _ if name.ends_with("_faults") || name.ends_with("_switches") => Self::Count,
            _ if name.starts_with("cpu_") || name.starts_with("pressure_") => Self::Percent,
            "host_cpu_avg" => Self::Percent,
            _ => Self::Time,
        }
    }

    fn shown(self, value: f64, lang: Lang) -> String {
        match self {
            Self::Time | Self::Waiting => figures::duration(value, lang),
            Self::Percent => figures::percent(value, lang),
            Self::Memory => figures::memory(value, lang),
            Self::Bytes => figures::bytes(value, lang),
            Self::Count => figures::count(value.round() as u64, lang),
        }
    }
}

fn named(names: &[(&str, Word)], code: &str, screen: &Screen) -> String {
    let known = names.iter().find(|(name, _)| *name == code);
    known.map_or_else(|| visible(code).into_owned(), |(_, word)| screen.word(*word).to_owned())
}

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run to judge
    current: String,
    /// What it is judged by: resolved among earlier runs of the same command
    #[arg(default_value = "latest-success")]
    baseline: String,
    /// The common axis of the two curves
    #[arg(long, value_enum, default_value_t = AxisArg::Time)]
    align: AxisArg,
    /// Exits 3 when the verdict is this
    #[arg(long, value_enum, value_name = "VERDICT")]
    fail_on: Vec<FailOn>,
    /// The document of bpd as it comes
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum AxisArg {
    Time,
    Percent,
    Work,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FailOn {
    Slower,
    /// Slower, or not comparable at all
    Unclear,
}

pub fn run(args: &Args, screen: &Screen) -> anyhow::Result<Exit> {
    let mut bpd = Bpd::connect()?;
    let query = CompareQuery {
        current: bpd.resolve(&args.current, screen)?,
        baseline: Some(bpd.resolve(&args.baseline, screen)?),
        align: Some(match args.align {
            AxisArg::Time => Axis::Time,
            AxisArg::Percent => Axis::Percent,
            AxisArg::Work => Axis::Work,
        }),
        lang: Some(screen.lang.code().to_owned()),
    };
    let raw = bpd.ask_raw(&Request::Compare(query))?;
    let comparison: Comparison = serde_json::from_slice(&raw)?;
    bpd.shown(comparison.current.id);
    if args.json {
        Screen::print_json(&raw)?;
    } else if screen.person {
        screen.print(&people(&comparison, screen))?;
    } else {
        screen.print(&plain(&comparison))?;
    }
    Ok(if is_broken(&args.fail_on, comparison.verdict) { Exit::Regression } else { Exit::Fine })
}

fn is_broken(fail_on: &[FailOn], verdict: Verdict) -> bool {
    fail_on.iter().any(|fail| match fail {
        FailOn::Slower => verdict == Verdict::Slower,
        FailOn::Unclear => matches!(verdict, Verdict::Slower | Verdict::Unclear | Verdict::NotComparable),
    })
}

fn code(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Faster => "faster",
        Verdict::Slower => "slower",
        Verdict::Similar => "similar",
        Verdict::Unclear => "unclear",
        Verdict::NotComparable => "not_comparable",
    }
}

/// Of what is no time of the run's own `faster` reads "less".
fn word(verdict: Verdict, kind: Kind) -> Word {
    match (verdict, kind == Kind::Time) {
        (Verdict::Faster, true) => Word::Faster,
        (Verdict::Slower, true) => Word::Slower,
        (Verdict::Faster, false) => Word::Less,
        (Verdict::Slower, false) => Word::More,
        (Verdict::Similar, _) => Word::Similar,
        (Verdict::Unclear, _) => Word::Unclear,
        (Verdict::NotComparable, _) => Word::NotComparable,
    }
}

fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Faster => Tone::Good,
        Verdict::Slower => Tone::Bad,
        Verdict::Similar | Verdict::Unclear | Verdict::NotComparable => Tone::Faint,
    }
}

fn people(comparison: &Comparison, screen: &Screen) -> String {
    let verdict = screen.word(word(comparison.verdict, Kind::Time));
    let verdict = screen.lang.capitals(verdict);
    let room = screen.width.saturating_sub(verdict.width() + 3);
    let mut page = screen.paint(tone(comparison.verdict), &verdict);
    let _ = writeln!(page, " · {}", middle(&list::command(&comparison.current, screen), room));
    for comment in &comparison.comments {
        page.push_str(&show::comment(comment, 2, screen));
    }
    page.push('\n');
    page.push_str(&deltas(comparison, screen));
    page.push_str(&curves(comparison, screen));
    if !comparison.differs.is_empty() {
        let _ = writeln!(page, "\n{}", screen.paint(Tone::Strong, screen.word(Word::Differs)));
        for difference in &comparison.differs {
            let side = |value: &Option<String>| {
                value
                    .as_deref()
                    .map_or_else(|| figures::UNKNOWN.to_owned(), |text| visible(text).into_owned())
            };
            let (baseline, current) = (side(&difference.baseline), side(&difference.current));
            let _ =
                writeln!(page, "  {}: {baseline} → {current}", named(&DIFFERENCES, &difference.what, screen));
        }
    }
    page
}

fn deltas(comparison: &Comparison, screen: &Screen) -> String {
    let (current, baseline) = (comparison.current.id.to_string(), comparison.baseline.id.to_string());
    let mut rows = vec![vec![
        screen.word(Word::Metric).to_owned(),
        screen.say(Word::Current, &[&current]),
        screen.say(Word::Current, &[&baseline]),
        screen.word(Word::Delta).to_owned(),
        screen.word(Word::Change).to_owned(),
        String::new(),
    ]];
    let known = ORDER.iter().filter_map(|(name, _)| comparison.metrics.get_key_value(*name));
    let others = comparison.metrics.iter().filter(|(name, _)| !ORDER.iter().any(|(known, _)| known == name));
    let metrics: Vec<_> = known.chain(others).filter(|(_, metric)| metric.current.is_some()).collect();
    rows.extend(metrics.iter().map(|(name, metric)| delta_row(name, metric, screen)));
    let align = [Align::Left, Align::Right, Align::Right, Align::Right, Align::Right, Align::Left];
    let mut page = String::new();
    for (at, line) in table(&rows, &align, screen.width).iter().enumerate() {
        let line = match at.checked_sub(1).map(|at| metrics[at].1.verdict) {
            None => screen.paint(Tone::Faint, line),
            Some(verdict @ (Verdict::Faster | Verdict::Slower)) => screen.paint(tone(verdict), line),
            Some(_) => line.clone(),
        };
        page.push_str(&line);
        page.push('\n');
    }
    page
}

fn delta_row(name: &str, metric: &MetricDelta, screen: &Screen) -> Vec<String> {
    let lang = screen.lang;
    let kind = Kind::of(name);
    let shown = |value: f64| kind.shown(value, lang);
    let known = |value: Option<String>| value.unwrap_or_else(|| figures::UNKNOWN.to_owned());
    vec![
        named(&ORDER, name, screen),
        known(metric.current.map(shown)),
        known(metric.baseline.map(shown)),
        known(metric.delta.map(|delta| figures::signed(delta, shown))),
        known(metric.change.map(|change| figures::change(change, lang))),
        match metric.verdict {
            // Said once, on top.
            Verdict::NotComparable => String::new(),
            verdict => screen.word(word(verdict, kind)).to_owned(),
        },
    ]
}

/// Both curves under each other, on one grid and one scale.
fn curves(comparison: &Comparison, screen: &Screen) -> String {
    let series = &comparison.series;
    let mut page = String::new();
    for (name, current, baseline) in [
        (Word::Cpu, &series.current.cpu_percent, &series.baseline.cpu_percent),
        (Word::Rss, &series.current.rss_mb, &series.baseline.rss_mb),
    ] {
        let top = [highest(current), highest(baseline)].into_iter().flatten().reduce(f64::max);
        let Some(top) = top else { continue };
        let ids = [comparison.current.id.to_string(), comparison.baseline.id.to_string()];
        let names = ids.each_ref().map(|id| screen.say(Word::Current, &[id]));
        let wide = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        let room = screen.width.saturating_sub(wide + 8).min(72);
        page.push('\n');
        for (values, label) in [(current, &names[0]), (baseline, &names[1])] {
            let _ = writeln!(
                page,
                "{}  {label:<wide$}  {}",
                screen.word(name),
                sparkline(values, room, Some(top))
            );
        }
    }
    page
}

/// `verdict`, then one figure a line: name, current, baseline, delta, change, verdict; tabs between.
fn plain(comparison: &Comparison) -> String {
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.4}"));
    let mut page = format!(
        "verdict\t{}\t{}\t{}\n",
        code(comparison.verdict),
        comparison.current.id,
        comparison.baseline.id
    );
    for (name, metric) in &comparison.metrics {
        let fields = [
            name.clone(),
            number(metric.current),
            number(metric.baseline),
            number(metric.delta),
            number(metric.change),
            code(metric.verdict).to_owned(),
        ];
        page.push_str(&fields.join("\t"));
        page.push('\n');
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_figure_is_written_in_its_unit() {
        for (name, value, shown) in [
            ("duration_s", 2.0, "2.00 s"),
            ("cpu_seconds", 0.5, "500 ms"),
            ("user_seconds", 0.5, "500 ms"),
            ("wait_seconds", 0.5, "500 ms"),
            ("cpu_avg", 90.0, "90 %"),
            ("rss_max_mb", 300.0, "300 MiB"),
            ("written_mb", 0.5, "512 KiB"),
            ("minor_faults", 12_345.0, "12,345"),
            ("involuntary_switches", 7.0, "7"),
            ("max_threads", 9.0, "9"),
            ("host_cpu_avg", 62.5, "62 %"),
            ("pressure_io", 3.0, "3 %"),
        ] {
            assert_eq!(Kind::of(name).shown(value, Lang::En), shown, "{name}");
        }
        assert_eq!(word(Verdict::Slower, Kind::of("pressure_cpu")), Word::More);
        assert_eq!(word(Verdict::Slower, Kind::of("cpu_seconds")), Word::Slower);
    }

    #[test]
    fn a_regression_is_what_the_caller_named() {
        for (fail_on, verdict, broken) in [
            (vec![], Verdict::Slower, false),
            (vec![FailOn::Slower], Verdict::Slower, true),
            (vec![FailOn::Slower], Verdict::Unclear, false),
            (vec![FailOn::Unclear], Verdict::NotComparable, true),
            (vec![FailOn::Unclear], Verdict::Faster, false),
        ] {
            assert_eq!(is_broken(&fail_on, verdict), broken, "{fail_on:?} {verdict:?}");
        }
    }
}

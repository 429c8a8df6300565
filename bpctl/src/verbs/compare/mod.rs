//! `bpctl compare A [B]`: a run against another of the same command; the verdict first.

mod deltas;

use bp_proto::report::Verdict;
use bp_proto::request::{Align as Axis, CompareQuery};
use bp_proto::{Comparison, Request};
use clap::ValueEnum;
use std::fmt::Write as _;
use unicode_width::UnicodeWidthStr as _;

use super::{Exit, list, show};
use crate::ask::Bpd;
use crate::cli::Output;
use crate::screen::{Screen, Tone};
use crate::text::escape::visible;
use crate::text::figures;
use crate::text::sparkline::{highest, sparkline};
use crate::text::table::middle;
use crate::text::words::Word;

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

fn named(names: &[(&str, Word)], code: &str, screen: &Screen) -> String {
    let known = names.iter().find(|(name, _)| *name == code);
    known.map_or_else(|| visible(code).into_owned(), |(_, word)| screen.word(*word).to_owned())
}

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run to judge; of two runs the one that started later, in whatever order they are named
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
    #[command(flatten)]
    output: Output,
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
    if args.output.json {
        Screen::print_json(&raw)?;
    } else if args.output.plain {
        screen.print(&plain(&comparison))?;
    } else {
        let current = show::chosen(&args.current, [Word::ChosenAll, Word::ChosenMatching], screen);
        let sets = [Word::ChosenOfCommand, Word::ChosenOfCommandMatching];
        let baseline = show::chosen(&args.baseline, sets, screen);
        screen.print(&(current + &baseline + &people(&comparison, screen)))?;
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

fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Faster => Tone::Good,
        Verdict::Slower => Tone::Bad,
        Verdict::Similar | Verdict::Unclear | Verdict::NotComparable => Tone::Faint,
    }
}

/// As the sentence below it begins.
fn headline(verdict: Verdict, reasons: &[String], screen: &Screen) -> String {
    let word = match verdict {
        Verdict::Unclear if reasons.iter().any(|code| code == "outside-usual") => Word::OutsideUsual,
        Verdict::Unclear => Word::NoClearDifference,
        verdict => deltas::word(verdict, true),
    };
    screen.lang.capitals(screen.word(word))
}

fn people(comparison: &Comparison, screen: &Screen) -> String {
    let verdict = headline(comparison.verdict, &comparison.reasons, screen);
    let room = screen.width.saturating_sub(verdict.width() + 3);
    let mut page = screen.paint(tone(comparison.verdict), &verdict);
    let _ = writeln!(page, " · {}", middle(&list::command(&comparison.current, screen), room));
    let (current, baseline) = (comparison.current.id.to_string(), comparison.baseline.id.to_string());
    let pair = screen.say(Word::ComparedPair, &[&current, &baseline]);
    page.push_str(&screen.paragraph("  ", 2, &pair));
    if comparison.swapped {
        page.push_str(&screen.paragraph("  ", 2, &screen.say(Word::Swapped, &[&baseline, &current])));
    }
    for comment in &comparison.comments {
        page.push_str(&show::comment(comment, 2, screen));
    }
    page.push('\n');
    let runs = [comparison.current.id, comparison.baseline.id];
    page.push_str(&deltas::table_of(&comparison.metrics, runs, screen));
    page.push_str(&curves(comparison, screen));
    if !comparison.differs.is_empty() {
        let _ = writeln!(page, "\n{}", screen.paint(Tone::Strong, screen.word(Word::Differs)));
        for difference in &comparison.differs {
            let side = |value: &Option<String>| match value.as_deref() {
                None => figures::UNKNOWN.to_owned(),
                Some(commit) if difference.what == "commit" => list::short_commit(commit),
                Some(text) => visible(text).into_owned(),
            };
            let (baseline, current) = (side(&difference.baseline), side(&difference.current));
            let what = named(&DIFFERENCES, &difference.what, screen);
            page.push_str(&screen.paragraph("  ", 4, &format!("{what}: {baseline} → {current}")));
        }
    }
    page
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

/// The runs and the verdict, then one figure a line.
fn plain(comparison: &Comparison) -> String {
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.4}"));
    let mut page = format!(
        "metric\tcurrent\tbaseline\tdelta\tchange\tverdict\nrun\t{}\t{}\t\t\t{}\n",
        comparison.current.id,
        comparison.baseline.id,
        code(comparison.verdict)
    );
    if comparison.swapped {
        page.push_str("swapped\ttrue\n");
    }
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
    use crate::text::words::Lang;

    #[test]
    fn an_unclear_verdict_is_a_difference_that_is_not_clear_rather_than_a_doubt() {
        let said = |lang| headline(Verdict::Unclear, &[], &Screen::plain(lang));
        assert_eq!(
            (said(Lang::En).as_str(), said(Lang::Tr).as_str()),
            ("NO CLEAR DIFFERENCE", "BELİRGİN BİR FARK YOK")
        );
        assert_eq!(headline(Verdict::Slower, &[], &Screen::plain(Lang::En)), "SLOWER");
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

//! The figures of two runs beside each other, in as many columns as the terminal has room for.

use std::collections::BTreeMap;

use bp_proto::report::{MetricDelta, Verdict};
use unicode_width::UnicodeWidthStr as _;

use crate::screen::{Screen, Tone};
use crate::text::figures;
use crate::text::table::{Align, fold, middle, table, width_of, without};
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

/// Of what is no time of the run's own `faster` reads "less".
pub(super) fn word(verdict: Verdict, is_time: bool) -> Word {
    match (verdict, is_time) {
        (Verdict::Faster, true) => Word::Faster,
        (Verdict::Slower, true) => Word::Slower,
        (Verdict::Faster, false) => Word::Less,
        (Verdict::Slower, false) => Word::More,
        (Verdict::Similar, _) => Word::Similar,
        (Verdict::Unclear, _) => Word::Unclear,
        (Verdict::NotComparable, _) => Word::NotComparable,
    }
}

/// What a narrower terminal gives up for the rest, in this order.
#[derive(Clone, Copy)]
enum Step {
    Difference,
    /// The runs' numbers stand alone in the heading.
    LongHeadings,
    Change,
    /// Marks instead of words, said below.
    Verdicts,
    Names,
}

const STEPS: [Step; 5] = [Step::Difference, Step::LongHeadings, Step::Change, Step::Verdicts, Step::Names];
/// Where the difference stands, and the change once that is gone.
const DIFFERENCE_AT: usize = 3;
/// A name that is cut further names nothing.
const LEAST_NAME: usize = 8;

/// The figures of both, one a line, in what the terminal has room for.
pub(super) fn table_of(metrics: &BTreeMap<String, MetricDelta>, runs: [u64; 2], screen: &Screen) -> String {
    let known = ORDER.iter().filter_map(|(name, _)| metrics.get_key_value(*name));
    let others = metrics.iter().filter(|(name, _)| !ORDER.iter().any(|(known, _)| known == name));
    let metrics: Vec<_> =
        known.chain(others).filter(|(_, metric)| metric.current.or(metric.baseline).is_some()).collect();
    let mut rows = vec![head(runs, Word::Current, screen)];
    rows.extend(metrics.iter().map(|(name, metric)| row(name, metric, screen)));
    let mut align = vec![Align::Left, Align::Right, Align::Right, Align::Right, Align::Right, Align::Left];
    let mut legend = Vec::new();
    for step in STEPS {
        let wide = width_of(&rows);
        if wide <= screen.width {
            break;
        }
        match step {
            Step::Difference | Step::Change => without(&mut rows, &mut align, DIFFERENCE_AT),
            Step::LongHeadings => {
                let heading = head(runs, Word::CurrentShort, screen);
                rows[0][1..DIFFERENCE_AT].clone_from_slice(&heading[1..DIFFERENCE_AT]);
            }
            Step::Verdicts => legend = marked(&mut rows, &metrics, screen),
            Step::Names => {
                let names = rows.iter().map(|row| row[0].width()).max().unwrap_or(0);
                let room = names.saturating_sub(wide - screen.width).max(LEAST_NAME);
                for row in &mut rows {
                    row[0] = middle(&row[0], room);
                }
            }
        }
    }
    let mut page = String::new();
    for (at, line) in table(&rows, &align, screen.width).iter().enumerate() {
        let line = match at.checked_sub(1).map(|at| metrics[at].1.verdict) {
            None => screen.paint(Tone::Faint, line),
            Some(verdict @ (Verdict::Faster | Verdict::Slower)) => screen.paint(super::tone(verdict), line),
            Some(_) => line.clone(),
        };
        page.push_str(&line);
        page.push('\n');
    }
    for line in legend {
        page.push_str(&screen.paint(Tone::Faint, &line));
        page.push('\n');
    }
    page
}

fn head(runs: [u64; 2], run: Word, screen: &Screen) -> Vec<String> {
    let [current, baseline] = runs.map(|id| screen.say(run, &[&id.to_string()]));
    vec![
        screen.word(Word::Metric).to_owned(),
        current,
        baseline,
        screen.word(Word::Delta).to_owned(),
        screen.word(Word::Change).to_owned(),
        String::new(),
    ]
}

/// As the page marks them.
fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Faster => "▾",
        Verdict::Slower => "▴",
        Verdict::Similar => "≈",
        Verdict::Unclear => "∼",
        Verdict::NotComparable => "",
    }
}

/// Puts marks in place of the verdicts' words. → what those say that occur
fn marked(rows: &mut [Vec<String>], metrics: &[(&String, &MetricDelta)], screen: &Screen) -> Vec<String> {
    for (row, (_, metric)) in rows[1..].iter_mut().zip(metrics) {
        if let Some(cell) = row.last_mut() {
            mark(metric.verdict).clone_into(cell);
        }
    }
    let occurs = |verdict: &Verdict| metrics.iter().any(|(_, metric)| metric.verdict == *verdict);
    let said =
        [Verdict::Faster, Verdict::Slower, Verdict::Similar, Verdict::Unclear].into_iter().filter(occurs);
    // Of a figure less is less, be it a time or not.
    let said: Vec<String> =
        said.map(|verdict| format!("{} {}", mark(verdict), screen.word(word(verdict, false)))).collect();
    let tied: Vec<String> = said.iter().map(|part| part.replace(' ', "\u{a0}")).collect();
    let lines = fold(&tied.join(" · ").replace(" · ", "\u{a0}· "), screen.width);
    lines.iter().map(|line| line.trim_end_matches(['·', '\u{a0}']).replace('\u{a0}', " ")).collect()
}

fn row(name: &str, metric: &MetricDelta, screen: &Screen) -> Vec<String> {
    let lang = screen.lang;
    let kind = Kind::of(name);
    let shown = |value: f64| kind.shown(value, lang);
    let known = |value: Option<String>| value.unwrap_or_else(|| figures::UNKNOWN.to_owned());
    vec![
        super::named(&ORDER, name, screen),
        known(metric.current.map(shown)),
        known(metric.baseline.map(shown)),
        known(metric.delta.map(|delta| figures::signed(delta, shown))),
        known(metric.change.map(|change| figures::change(change, lang))),
        match metric.verdict {
            // Said once, on top.
            Verdict::NotComparable => String::new(),
            verdict => screen.word(word(verdict, kind == Kind::Time)).to_owned(),
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn screen(lang: Lang, width: usize) -> Screen {
        Screen { width, ..Screen::plain(lang) }
    }

    /// Wide figures of every name, with every verdict.
    fn metrics() -> BTreeMap<String, MetricDelta> {
        let verdicts = [Verdict::Similar, Verdict::Unclear, Verdict::Slower, Verdict::Faster];
        let metric = |(at, (name, _)): (usize, &(&str, Word))| {
            let (baseline, verdict) = (Some(3400.0), verdicts[at % verdicts.len()]);
            let figures = (Some(34_000.0), Some(30_600.0), Some(9.0));
            let (current, delta, change) = figures;
            ((*name).to_owned(), MetricDelta { current, baseline, delta, change, verdict, usual: None })
        };
        ORDER.iter().enumerate().map(metric).collect()
    }

    #[test]
    fn the_table_fits_the_terminal_in_both_languages() {
        for (lang, width) in [Lang::En, Lang::Tr].into_iter().flat_map(|lang| [(lang, 60), (lang, 40)]) {
            let page = table_of(&metrics(), [1234, 1233], &screen(lang, width));
            assert!(page.lines().all(|line| line.width() <= width), "{page}");
            assert!(page.lines().count() > ORDER.len(), "{page}");
        }
    }

    #[test]
    fn columns_go_before_a_line_breaks_and_the_verdict_never_does() {
        let page = |lang, width| table_of(&metrics(), [7, 6], &screen(lang, width));
        let check = |lang, width, head: &str, took: &str| {
            let page = page(lang, width);
            let lines: Vec<String> =
                page.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
            assert_eq!((lines[0].as_str(), lines[1].as_str()), (head, took), "{page}");
        };
        let all = "took 9h 26m 56m 40s +8h 30m +900 % similar";
        check(Lang::En, 80, "FIGURE RUN 7 RUN 6 DIFFERENCE CHANGE", all);
        check(Lang::En, 64, "FIGURE RUN 7 RUN 6 CHANGE", "took 9h 26m 56m 40s +900 % similar");
        check(Lang::Tr, 66, "DEĞER #7 #6 DEĞİŞİM", "süre 9 sa 26 dk 56 dk 40 sn +%900 benzer");
        check(Lang::En, 46, "FIGURE #7 #6", "took 9h 26m 56m 40s ≈");
        assert!(page(Lang::En, 46).ends_with("▾ less · ▴ more · ≈ similar · ∼ unclear\n"));
        assert!(page(Lang::Tr, 40).ends_with("▾ daha az · ▴ daha çok · ≈ benzer\n∼ belirsiz\n"));
        assert!(page(Lang::En, 38).contains("involun…itches"), "{}", page(Lang::En, 38));
    }

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
        assert_eq!(word(Verdict::Slower, Kind::of("pressure_cpu") == Kind::Time), Word::More);
        assert_eq!(word(Verdict::Slower, Kind::of("cpu_seconds") == Kind::Time), Word::Slower);
    }
}

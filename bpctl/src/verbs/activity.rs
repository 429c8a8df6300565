//! The quieter figures of a run, a line for each group of them; what is not known is not there.

use bp_proto::{Run, RunStats};

use super::show::BETWEEN;
use crate::screen::Screen;
use crate::text::figures;
use crate::text::words::Word;

/// Names and lines: what the run did besides burning CPU time.
pub(super) fn did(stats: &RunStats, screen: &Screen) -> Vec<(Word, String)> {
    let lang = screen.lang;
    let said = |word, value: Option<String>| value.map(|value| screen.say(word, &[&value]));
    let count = |value: Option<u64>| value.map(|value| figures::count(value, lang));
    let bytes = |value: Option<f64>| value.map(|value| figures::bytes(value, lang));
    let crowd = |value: Option<u32>, one, many| {
        let value = value.filter(|value| *value > 0)?;
        Some(match value {
            1 => screen.word(one).to_owned(),
            many_of => screen.say(many, &[&figures::count(u64::from(many_of), lang)]),
        })
    };
    let waited = stats.wait_seconds.map(|seconds| figures::duration(seconds, lang));
    let groups = [
        (Word::Waited, vec![said(Word::WaitedFor, waited)]),
        (
            Word::Crowd,
            vec![
                crowd(stats.max_processes, Word::OneProcess, Word::ProcessesAtOnce),
                crowd(stats.max_threads, Word::OneThread, Word::ThreadsAtOnce),
            ],
        ),
        (
            Word::DiskBytes,
            vec![
                said(Word::BytesRead, bytes(stats.read_mb)),
                said(Word::BytesWritten, bytes(stats.written_mb)),
            ],
        ),
        (
            Word::Faults,
            vec![
                said(Word::MinorFaults, count(stats.minor_faults)),
                said(Word::MajorFaults, count(stats.major_faults)),
            ],
        ),
        (
            Word::Switches,
            vec![
                said(Word::VoluntarySwitches, count(stats.voluntary_switches)),
                said(Word::InvoluntarySwitches, count(stats.involuntary_switches)),
            ],
        ),
    ];
    groups.into_iter().filter_map(|(name, parts)| Some((name, line(parts)?))).collect()
}

/// Names and lines: what the machine did meanwhile, and before.
pub(super) fn machine(run: &Run, screen: &Screen) -> Vec<(Word, String)> {
    let lang = screen.lang;
    let context = run.context.clone().unwrap_or_default();
    let percent =
        |word, value: Option<f64>| value.map(|value| screen.say(word, &[&figures::percent(value, lang)]));
    let stats = run.run_stats.clone().unwrap_or_default();
    let load = context.load_1m.map(|load| screen.say(Word::LoadBefore, &[&figures::load(load, lang)]));
    let suspended = stats.suspended_s.filter(|suspended_s| *suspended_s > 0.0);
    let busy = vec![
        suspended.map(|suspended_s| screen.say(Word::Suspended, &[&figures::duration(suspended_s, lang)])),
        percent(Word::HostDuring, stats.host_cpu_avg),
        percent(Word::HostBefore, context.host_cpu_percent),
        load,
    ];
    let pressure = vec![
        percent(Word::PressureCpu, stats.pressure_cpu),
        percent(Word::PressureMemory, stats.pressure_memory),
        percent(Word::PressureDisk, stats.pressure_io),
    ];
    let pressure = line(pressure).map(|line| screen.say(Word::PressureOf, &[&line]));
    [(Word::Machine, line(busy)), (Word::Pressure, pressure)]
        .into_iter()
        .filter_map(|(name, line)| Some((name, line?)))
        .collect()
}

fn line(parts: Vec<Option<String>>) -> Option<String> {
    let known: Vec<String> = parts.into_iter().flatten().collect();
    (!known.is_empty()).then(|| known.join(BETWEEN))
}

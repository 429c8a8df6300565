//! What is not the same in two runs.

use bp_proto::report::Difference;

use super::metric::Read;
use bp_proto::Run;

/// Load averages wander; only a difference of this much, and of this ratio, is one.
const LEAST_LOAD_DIFFERENCE: f64 = 0.5;
const LEAST_LOAD_RATIO: f64 = 1.25;
/// Percent points by which the machine was busier.
const LEAST_POINTS: f64 = 10.0;

/// Every input that differs, the command line first.
pub fn differs(current: &Run, baseline: &Run) -> Vec<Difference> {
    let text = |of: fn(&Run) -> Option<String>| (of(current), of(baseline));
    let number = |code: Option<i32>| code.map(|code| code.to_string());
    let git = |run: &Run, of: fn(&bp_proto::Git) -> Option<String>| run.git.as_ref().and_then(of);
    let inputs = [
        ("args", text(|run| run.command.clone())),
        ("cwd", text(|run| run.cwd.clone())),
        ("branch", (git(current, |git| git.branch.clone()), git(baseline, |git| git.branch.clone()))),
        ("commit", (git(current, |git| git.commit.clone()), git(baseline, |git| git.commit.clone()))),
        ("host", text(|run| Some(run.host.clone()))),
        ("shell", text(|run| run.shell.clone())),
        ("actor", text(|run| Some(run.actor.to_string()))),
        ("exit_code", (number(current.exit_code), number(baseline.exit_code))),
        ("signal", (number(current.signal), number(baseline.signal))),
        ("cpus", text(|run| run.context.as_ref()?.cpus.map(|cpus| cpus.to_string()))),
    ];
    let unequal = inputs.into_iter().filter(|(_, (current, baseline))| current != baseline);
    let named =
        unequal.map(|(what, (current, baseline))| Difference { what: what.to_owned(), current, baseline });
    named.chain(load(current, baseline)).chain(machine(current, baseline)).collect()
}

fn load(current: &Run, baseline: &Run) -> Option<Difference> {
    let of = |run: &Run| run.context.as_ref().and_then(|context| context.load_1m);
    let (now, before) = (of(current)?, of(baseline)?);
    let differ = (now - before).abs() >= LEAST_LOAD_DIFFERENCE
        && now.max(before) >= LEAST_LOAD_RATIO * now.min(before);
    let shown = |load: f64| Some(format!("{load:.2}"));
    differ.then(|| Difference { what: "load".to_owned(), current: shown(now), baseline: shown(before) })
}

/// How busy and pressed the machine was meanwhile, in percent.
fn machine(current: &Run, baseline: &Run) -> impl Iterator<Item = Difference> {
    let figures: [(&str, Read); 4] = [
        ("host_cpu", |stats| stats.host_cpu_avg),
        ("pressure_cpu", |stats| stats.pressure_cpu),
        ("pressure_memory", |stats| stats.pressure_memory),
        ("pressure_io", |stats| stats.pressure_io),
    ];
    figures.into_iter().filter_map(move |(what, of)| {
        let (now, before) = (of(current.run_stats.as_ref()?)?, of(baseline.run_stats.as_ref()?)?);
        let shown = |percent: f64| Some(format!("{percent:.0}"));
        ((now - before).abs() >= LEAST_POINTS).then(|| Difference {
            what: what.to_owned(),
            current: shown(now),
            baseline: shown(before),
        })
    })
}

#[cfg(test)]
mod tests {
    use bp_proto::{Actor, Context, Git, RunStats};

    use super::super::simulate::run_of;
    use super::*;

    #[test]
    fn a_machine_that_was_busier_is_listed() {
        let run = |host, cpu, io| {
            run_of(RunStats { host_cpu_avg: host, pressure_cpu: cpu, pressure_io: io, ..RunStats::default() })
        };
        let found = differs(&run(Some(91.6), Some(40.0), Some(9.0)), &run(Some(20.4), Some(31.0), None));
        let shown: Vec<_> =
            found.iter().map(|d| (d.what.as_str(), d.current.as_deref(), d.baseline.as_deref())).collect();
        assert_eq!(shown, [("host_cpu", Some("92"), Some("20"))]);
    }

    #[test]
    fn only_what_differs_is_listed() {
        let base = run_of(RunStats::default());
        assert_eq!(differs(&base, &base), []);

        let mut other = base.clone();
        other.command = Some("V=1 make".to_owned());
        other.git = Some(Git { branch: Some("fast".to_owned()), commit: None });
        other.actor = Actor::Agent("x".to_owned());
        other.context = Some(Context { load_1m: Some(3.0), ..Context::default() });
        let mut quiet = base.clone();
        quiet.context = Some(Context { load_1m: Some(0.1), ..Context::default() });
        let found = differs(&other, &quiet);
        let shown: Vec<_> =
            found.iter().map(|d| (d.what.as_str(), d.current.as_deref(), d.baseline.as_deref())).collect();
        assert_eq!(
            shown,
            [
                ("args", Some("V=1 make"), Some("make")),
                ("branch", Some("fast"), None),
                ("actor", Some("agent:x"), Some("human")),
                ("load", Some("3.00"), Some("0.10")),
            ]
        );
    }
}

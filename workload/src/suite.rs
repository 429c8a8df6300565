//! The workloads that bp is held against, each a line that a shell can run.

use crate::bound::Bound;

/// One workload.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub name: &'static str,
    /// The line, `workload` being on the search path and [`TRUTH`] standing for the option that names the file.
    pub line: &'static str,
    /// How many processes account for themselves.
    pub reports: usize,
    /// The same as one program that waits for the others and accounts for them, where the line takes a shell.
    pub program: Option<&'static str>,
    pub cpu: Bound,
    /// Its peak is known exactly: of one process, or of several together.
    pub peak_is_known: bool,
}

/// Replaced by the option that names the file of the truth.
pub const TRUTH: &str = "{truth}";

impl Case {
    /// The line that reports to `file`, a path without blanks and quotes; and how many reports there will be.
    pub fn line_to(&self, file: &str) -> (String, usize) {
        (to(self.line, file), self.reports)
    }

    /// The same as one program: words with single blanks between them.
    pub fn program_to(&self, file: &str) -> (String, usize) {
        self.program.map_or_else(|| self.line_to(file), |program| (to(program, file), 1))
    }
}

fn to(line: &str, file: &str) -> String {
    line.replace(TRUTH, &format!("--truth {file}"))
}

const BURN: Bound = Bound::waited(0.001, 0.002, 0.01);
const SHORT: Bound = Bound::waited(0.01, 0.02, 0.02);
const TREE: Bound = Bound::waited(0.001, 0.01, 0.01);

const fn case(name: &'static str, line: &'static str, cpu: Bound) -> Case {
    Case { name, line, reports: 1, program: None, cpu, peak_is_known: false }
}

/// Half a second of CPU time and less each.
pub const CASES: &[Case] = &[
    case("burn, 1 thread", "workload burn 600 {truth}", BURN),
    case("burn, 2 threads", "workload burn 300 --threads 2 {truth}", BURN),
    case("storm of short commands", "workload storm 400 {truth}", TREE),
    case("make -j2", "workload make 3 {truth}", Bound::waited(0.001, 0.005, 0.005)),
    case("a 20 ms command", "workload burn 20 {truth}", SHORT),
    case("a 200 ms command", "workload burn 200 {truth}", SHORT),
    Case {
        reports: 3,
        program: Some("workload pipeline 40 {truth}"),
        ..case(
            "pipeline",
            "workload source 40 {truth} | workload filter {truth} | workload sink {truth}",
            TREE,
        )
    },
    Case {
        peak_is_known: true,
        ..case("300 MB for 150 ms", "workload spike 300 --before 450 --after 600 {truth}", SHORT)
    },
    Case {
        peak_is_known: true,
        ..case("copy-on-write workers", "workload workers 3 40 --cpu-ms 60 {truth}", TREE)
    },
    Case { reports: 2, ..case("daemon", "workload daemon 300 {truth}", Bound::escaping(0.005, 0.02)) },
    Case {
        reports: 5,
        ..case(
            "children with SIGCHLD ignored",
            "workload auto-reaped 4 100 {truth}",
            Bound::escaping(0.02, 0.02),
        )
    },
    Case {
        reports: 21,
        ..case(
            "short children with SIGCHLD ignored",
            "workload auto-reaped 20 5 {truth}",
            Bound::escaping(0.02, 0.02),
        )
    },
    case("sleep", "workload sleep 300 {truth}", BURN),
];

/// The same on the scale at which tools are compared.
pub const BENCH: &[Case] = &[
    case("burn, 1 thread", "workload burn 3000 {truth}", BURN),
    case("burn, 2 threads", "workload burn 1500 --threads 2 {truth}", BURN),
    case("storm of 2000 `/bin/true`", "workload storm 2000 {truth}", TREE),
    case("`make -j2`, 12 sources", "workload make 12 {truth}", Bound::waited(0.001, 0.005, 0.005)),
    case("a 20 ms command", "workload burn 20 {truth}", SHORT),
    case("a 200 ms command", "workload burn 200 {truth}", SHORT),
    Case {
        reports: 3,
        program: Some("workload pipeline 200 {truth}"),
        ..case(
            "pipeline",
            "workload source 200 {truth} | workload filter {truth} | workload sink {truth}",
            TREE,
        )
    },
    Case { reports: 2, ..case("daemon", "workload daemon 1000 {truth}", Bound::escaping(0.005, 0.02)) },
    Case {
        reports: 5,
        ..case(
            "children with SIGCHLD ignored",
            "workload auto-reaped 4 300 {truth}",
            Bound::escaping(0.02, 0.02),
        )
    },
    Case {
        peak_is_known: true,
        ..case("300 MB for 150 ms", "workload spike 300 --before 450 --after 600 {truth}", SHORT)
    },
    Case {
        peak_is_known: true,
        ..case("3 copy-on-write workers of 100 MB", "workload workers 3 100 {truth}", TREE)
    },
];

/// Those whose every process is waited for, which accounting alone knows.
pub fn waited() -> impl Iterator<Item = &'static Case> {
    CASES.iter().filter(|case| case.cpu.uncounted.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_process_of_a_line_is_told_where_to_report() {
        for case in CASES.iter().chain(BENCH) {
            for (line, _) in [case.line_to("t"), case.program_to("t")] {
                assert!(!line.contains('{') && line.contains("--truth t"), "{line}");
            }
            assert!(!case.program_to("t").0.contains('|'), "{} is not one program", case.name);
        }
        assert_eq!(CASES[0].line_to("/tmp/t").0, "workload burn 600 --truth /tmp/t");
    }
}

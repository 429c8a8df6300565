//! `web/src/wire.ts`: the dashboard's types, written from the types here and never by hand.

use std::path::Path;

use ts_rs::{Config, TS};

use crate::live::{CurveGrew, OpenSession, PausesChanged, RunChanged, SessionOpened, Ticket};
use crate::program::ProgramFile;
use crate::report::{
    AlertReport, Comparison, Difference, Failure, FailureBody, HostPoint, HostStats, HttpStatus, Lines,
    MetricDelta, Overhead, Paused, Performance, RouteTiming, Series, Status, Usual, Verdict,
};
use crate::request::{AlertsQuery, Align, CompareQuery, Edit, ListQuery, SamplesQuery};
use crate::run::{Child, Comment, Context, Git, Implausible, Level, Quality, Rest, Run, RunState, RunStats};
use crate::sample::Point;

const HEAD: &str = "// Written from bp-proto by its test `the_dashboards_types_are_those_of_the_wire`; do not edit.\n\
                    // Rewrite it with `BP_WRITE_WIRE=1 cargo test -p bp-proto wire`.\n";

fn declared<T: TS + 'static>(config: &Config) -> String {
    let docs = T::docs().unwrap_or_default();
    let declaration = T::decl(config);
    // Field docs make ts-rs leave blanks at line ends; the page's formatter would fight them.
    let lines: Vec<&str> = declaration.lines().map(str::trim_end).collect();
    format!("\n{docs}export {}\n", lines.join("\n"))
}

macro_rules! declare {
    ($config:expr, $($name:ty),+ $(,)?) => { [$(declared::<$name>($config)),+].concat() };
}

fn wire() -> String {
    let config = Config::new();
    let types = declare!(
        &config,
        Run,
        RunState,
        RunStats,
        Implausible,
        Quality,
        Git,
        Child,
        Rest,
        Comment,
        Level,
        Context,
        Point,
        ListQuery,
        SamplesQuery,
        CompareQuery,
        AlertsQuery,
        Align,
        Edit,
        Comparison,
        MetricDelta,
        Usual,
        Verdict,
        Series,
        Lines,
        Difference,
        AlertReport,
        Status,
        Paused,
        HttpStatus,
        ProgramFile,
        Overhead,
        Performance,
        RouteTiming,
        HostStats,
        HostPoint,
        Failure,
        FailureBody,
        OpenSession,
        SessionOpened,
        Ticket,
        RunChanged,
        CurveGrew,
        PausesChanged,
    );
    format!("{HEAD}{types}")
}

#[test]
fn the_dashboards_types_are_those_of_the_wire() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web/src/wire.ts");
    let wanted = wire();
    if std::env::var_os("BP_WRITE_WIRE").is_some_and(|value| value == "1") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == wanted,
        "{} is stale; rewrite it with `BP_WRITE_WIRE=1 cargo test -p bp-proto wire`",
        path.display()
    );
}

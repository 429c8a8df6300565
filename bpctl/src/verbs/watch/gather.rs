//! What bpd knows of the commands that run.

use std::time::Duration;

use bp_proto::report::HostStats;
use bp_proto::request::SamplesQuery;
use bp_proto::{Point, Request, Run, UnixMillis};

use super::board::{Board, Row};
use crate::ask::Bpd;
use crate::screen::Screen;
use crate::text::said;
use crate::verbs::pause;

/// What the curve of a row covers.
const SPAN: Duration = Duration::from_mins(1);
/// Of a curve that stands still: read every minute, so that its last minute may be empty.
const LAST_POINTS: u32 = 8;

/// Everything anew. A bpd that has gone is looked for again; until then what was known stays.
pub(super) fn refresh(board: &mut Board, bpd: &mut Option<Bpd>, screen: &Screen) {
    board.paused = pause::beside(screen).into_iter().next();
    let asked = match bpd {
        Some(bpd) => ask(board, bpd, screen),
        None => Bpd::connect().and_then(|mut again| {
            ask(board, &mut again, screen)?;
            *bpd = Some(again);
            Ok(())
        }),
    };
    if let Err(error) = asked {
        board.notice = Some(said::sentence(&error, screen.lang));
        *bpd = None;
    }
}

fn ask(board: &mut Board, bpd: &mut Bpd, screen: &Screen) -> anyhow::Result<()> {
    let rows = rows(board, bpd, screen)?;
    board.show(rows);
    let host: HostStats = bpd.ask(&Request::Host)?;
    board.host = host.now;
    Ok(())
}

pub(super) fn rows(board: &Board, bpd: &mut Bpd, screen: &Screen) -> anyhow::Result<Vec<Row>> {
    let runs: Vec<Run> = bpd.ask(&super::running(board.actor.clone(), screen))?;
    let from = UnixMillis::now().minus(SPAN).as_seconds();
    Ok(runs.into_iter().map(|run| row(bpd, run, from)).collect())
}

fn row(bpd: &mut Bpd, run: Run, from: f64) -> Row {
    let query = SamplesQuery { from: Some(from), ..SamplesQuery::default() };
    // A run that has just been removed has no curve, and no row the next time.
    let mut points: Vec<Point> =
        bpd.ask(&Request::Samples { run: run.id.to_string(), query }).unwrap_or_default();
    if points.is_empty() {
        points = bpd.curve(run.id, LAST_POINTS).unwrap_or_default();
    }
    let newest = points.last();
    Row {
        cpu_percent: newest.map(|point| point.cpu_percent),
        rss_mb: newest.map(|point| point.rss_mb),
        processes: newest.and_then(|point| point.processes),
        curve: points.iter().map(|point| Some(point.cpu_percent)).collect(),
        run,
    }
}

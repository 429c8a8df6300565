//! What bp itself has cost in the last seven days, beside what the recorded commands have.

use std::collections::BTreeMap;
use std::time::Duration;

use bp_proto::UnixMillis;
use bp_proto::report::Overhead;

use super::scan::Scope;
use super::{NoAnswer, Own, Queries};
use crate::store::OwnCost;

const WEEK: Duration = Duration::from_secs(7 * 86_400);
/// Runs that are summed up at most; more than one in half a minute, day and night.
const MOST_SUMMED: usize = 20_000;

pub(super) fn overhead(queries: &Queries, own: Own, now: UnixMillis) -> Result<Overhead, NoAnswer> {
    let since = now.minus(WEEK);
    let costs = queries.reader.own_costs(since)?;
    let mut runs = 0;
    let mut commands_cpu_seconds = 0.0;
    Scope::all().walk(&queries.reader, MOST_SUMMED, |row| {
        if row.cursor.started_at < since {
            return Ok(false);
        }
        let figures = queries.derive.figures(row.cursor.id, None)?;
        let Some(figures) = figures.filter(|figures| !figures.imported) else { return Ok(true) };
        runs += 1;
        // A nested run's seconds are in its parent's already.
        let stats = figures.stats.as_ref().filter(|_| !figures.nested);
        commands_cpu_seconds += stats.and_then(|stats| stats.cpu_seconds).unwrap_or(0.0);
        Ok(true)
    })?;
    Ok(Overhead {
        since,
        cpu_seconds: spent_ns(&costs, own, since) as f64 / 1e9,
        commands_cpu_seconds,
        runs,
        rss_mb: own.rss_bytes as f64 / f64::from(1 << 20),
        disk_bytes: queries.reader.disk_bytes(),
        uptime_s: now.since(own.began).as_secs_f64(),
    })
}

/// CPU time of every bpd process since then: what each had spent last, less what it had spent first if it began
/// before. `own` is how far the one that is asked has come.
fn spent_ns(costs: &[OwnCost], own: Own, since: UnixMillis) -> u64 {
    // Per process: least and most.
    let mut processes: BTreeMap<UnixMillis, (u64, u64)> = BTreeMap::new();
    let current = (own.began, own.cpu_ns);
    for (began, cpu_ns) in costs.iter().map(|cost| (cost.process_began, cost.cpu_ns)).chain([current]) {
        let (least, most) = processes.entry(began).or_insert((cpu_ns, cpu_ns));
        *least = cpu_ns.min(*least);
        *most = cpu_ns.max(*most);
    }
    let spent =
        |(began, (least, most)): (UnixMillis, (u64, u64))| if began < since { most - least } else { most };
    processes.into_iter().map(spent).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_process_counts_once_and_only_from_the_start_of_the_week() {
        let cost = |process_began, at, cpu_ns| OwnCost {
            at: UnixMillis(at),
            cpu_ns,
            process_began: UnixMillis(process_began),
        };
        let own = Own { cpu_ns: 7, rss_bytes: 0, began: UnixMillis(300) };
        let costs =
            [cost(50, 110, 100), cost(50, 150, 130), cost(200, 210, 5), cost(200, 220, 9), cost(300, 310, 4)];
        assert_eq!(spent_ns(&costs, own, UnixMillis(100)), 30 + 9 + 7);
        assert_eq!(spent_ns(&[], own, UnixMillis(100)), 7);
    }
}

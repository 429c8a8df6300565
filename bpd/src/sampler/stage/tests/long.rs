//! A line that has been going for two hours.

use super::*;
use crate::sampler::totals::TREE_QUALITY;

const LONG: Duration = Duration::from_secs(2 * 3600);

#[tokio::test]
async fn a_run_of_two_hours_goes_on_where_it_is_and_ends_with_all_of_its_duration() {
    let shell = Shell::new();
    let mut stage = Stage::new(Duration::from_millis(100), None);
    let mut begun = start(1, shell.owner());
    begun.draft.started_at = UnixMillis::now().minus(LONG);
    begun.draft.source = Source::Api;
    let at = begun.draft.started_at;
    let last = bp_proto::Sample { at_ms: 7_190_000, cpu_ns: 5_000_000_000, ..Default::default() };
    stage.resume(vec![Resumed { start: begun, last: Some(last), phased: None }]);
    take(&mut stage, Body::CaughtUp).await;
    let sample = |measured: &Measured| match measured {
        Measured::Sample { sample, .. } => Some(*sample),
        _ => None,
    };
    let mut ticks = 0;
    while stage.out.iter().filter_map(sample).count() < 5 {
        tokio::time::sleep_until(stage.deadline().unwrap()).await;
        stage.tick();
        ticks += 1;
    }
    let curve: Vec<_> = stage.out.iter().filter_map(sample).collect();
    // From now on at the interval, and beside the machine's readings: what its first second was like, nobody will know.
    assert!(ticks <= 10, "{ticks} for {curve:?}");
    assert!(curve.iter().all(|sample| sample.at_ms > 7_200_000 && sample.at_ms < 7_300_000), "{curve:?}");
    assert!(curve.iter().all(|sample| sample.cpu_ns >= last.cpu_ns), "{curve:?}");

    let took = LONG + Duration::from_secs(100);
    take(&mut stage, Body::Finish(Box::new(Finish { took: Some(took), ..finish(1) }))).await;
    let ended = stage.out.drain(..).find_map(|measured| match measured {
        Measured::Event(Event { body: Body::Finish(finish), .. }) => Some(*finish),
        _ => None,
    });
    let ended = ended.unwrap();
    let totals = ended.totals.unwrap();
    assert_eq!((ended.took, totals.quality), (Some(took), TREE_QUALITY));
    assert!(totals.cpu_ns.unwrap() >= last.cpu_ns && ended.finished_at > at.plus(LONG), "{ended:?}");
}

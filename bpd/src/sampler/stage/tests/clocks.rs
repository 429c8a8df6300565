//! What is done to the clocks while a run is open.

use std::time::Duration;

use bp_proto::{Quality, Totals};

use super::*;

const HOUR: Duration = Duration::from_secs(3600);

fn hook(uid: u128, owner: Owner) -> Start {
    let start = start(uid, owner);
    Start {
        draft: Draft { source: Source::Hook, command: Some("sleep 60".to_owned()), ..start.draft },
        ..start
    }
}

fn samples(stage: &Stage) -> Vec<u64> {
    let at = |measured: &Measured| match measured {
        Measured::Sample { sample, .. } => Some(sample.at_ms),
        _ => None,
    };
    stage.out.iter().filter_map(at).collect()
}

fn finished(stage: &mut Stage) -> Finish {
    let finish = stage.out.drain(..).find_map(|measured| match measured {
        Measured::Event(Event { body: Body::Finish(finish), .. }) => Some(*finish),
        _ => None,
    });
    finish.expect("no run has ended")
}

/// A line that took half a second, of which the machine was `suspended` for an hour or not, by its shell's clock.
async fn ended_after(suspended: bool) -> (Finish, Vec<u64>) {
    let shell = Shell::new();
    let mut stage = Stage::new(Duration::from_millis(100), None);
    take(&mut stage, Body::CaughtUp).await;
    let mut begun = hook(1, shell.owner());
    // It is half a second old when bpd looks at it for the last time.
    begun.draft.started_at = UnixMillis::now().minus(Duration::from_millis(500));
    take(&mut stage, Body::Start(Box::new(begun))).await;
    if suspended {
        stage.boot = || machine::since_boot() + HOUR;
    }
    for _ in 0..3 {
        tokio::time::sleep_until(stage.deadline().unwrap()).await;
        stage.tick();
    }
    let curve = samples(&stage);
    let took = Duration::from_secs(1) + if suspended { HOUR } else { Duration::ZERO };
    let finish = Finish { took: Some(took), ..finish(1) };
    take(&mut stage, Body::Finish(Box::new(finish))).await;
    let finish = finished(&mut stage);
    (finish, curve)
}

#[tokio::test]
async fn a_run_says_for_how_long_it_was_suspended_and_its_duration_is_without_that() {
    for (suspended, expected_ms) in [(false, 0), (true, 3_600_000)] {
        let (finish, curve) = ended_after(suspended).await;
        let took = finish.took.unwrap();
        let told_ms = finish.totals.unwrap().surroundings.suspended_ms.unwrap();
        // The two clocks are read one after the other.
        assert!(told_ms.abs_diff(expected_ms) < 500, "{told_ms}");
        assert!(took.abs_diff(Duration::from_secs(1)) < Duration::from_millis(500), "{took:?}");
        assert!(curve.iter().all(|at_ms| *at_ms < 60_000), "{curve:?}");
    }
}

#[tokio::test]
async fn a_suspend_after_the_end_is_not_the_runs() {
    let shell = Shell::new();
    let mut stage = Stage::new(Duration::from_millis(100), None);
    take(&mut stage, Body::CaughtUp).await;
    take(&mut stage, Body::Start(Box::new(hook(1, shell.owner())))).await;
    stage.boot = || machine::since_boot() + HOUR;
    let took = Duration::from_millis(30);
    take(&mut stage, Body::Finish(Box::new(Finish { took: Some(took), ..finish(1) }))).await;
    let finish = finished(&mut stage);
    assert_eq!(finish.took, Some(took));
    assert_eq!(finish.totals.unwrap().surroundings.suspended_ms, Some(0));
}

#[tokio::test]
async fn the_wrappers_clock_has_left_out_the_suspend_already() {
    let shell = Shell::new();
    let mut stage = Stage::new(Duration::from_millis(100), None);
    take(&mut stage, Body::CaughtUp).await;
    let begun = start(1, shell.owner());
    let begun = Start { draft: Draft { source: Source::Wrapper, ..begun.draft }, ..begun };
    take(&mut stage, Body::Start(Box::new(begun))).await;
    stage.boot = || machine::since_boot() + HOUR;
    let took = 2 * HOUR;
    let totals = Some(Totals { cpu_ns: Some(7), ..Totals::default() });
    take(&mut stage, Body::Finish(Box::new(Finish { took: Some(took), totals, ..finish(1) }))).await;
    let finish = finished(&mut stage);
    assert_eq!(finish.took, Some(took));
    assert!(finish.totals.unwrap().surroundings.suspended_ms.unwrap().abs_diff(3_600_000) < 500);
}

#[tokio::test]
async fn children_of_a_shell_that_begin_after_a_suspend_are_the_runs_and_those_of_the_next_line_are_not() {
    let shell = Shell::new();
    let mut stage = Stage::new(Duration::from_millis(100), None);
    take(&mut stage, Body::CaughtUp).await;
    take(&mut stage, Body::Start(Box::new(hook(1, shell.owner())))).await;
    let open = &stage.open[&Ulid::from(1)];
    let Claim::Hook { from, until: None } = open.claim() else { panic!("{:?}", open.claim()) };
    let ticks = |time: Duration| (time.as_millis() / 10) as u64;
    assert!(from.abs_diff(ticks(machine::since_boot())) < 500, "{from}");
    // The hour is in the kernel's clock ticks, and in the shell's account of the line.
    let (last, _) = open.last_ticks(HOUR + Duration::from_secs(3));
    assert_eq!(last - from, ticks(HOUR) + 300);
}

#[tokio::test]
async fn a_wall_clock_that_is_set_changes_neither_the_duration_of_a_lost_run_nor_its_curve() {
    for stepped_ms in [3_600_000, -3_600_000] {
        let shell = Shell::new();
        let mut stage = Stage::new(Duration::from_millis(100), None);
        take(&mut stage, Body::CaughtUp).await;
        take(&mut stage, Body::Start(Box::new(hook(1, shell.owner())))).await;
        let open = stage.open.get_mut(&Ulid::from(1)).unwrap();
        // As if the clock had been so much behind, or ahead, when the line was read.
        let began = UnixMillis(open.start.draft.started_at.0 - stepped_ms);
        open.start.draft.started_at = began;
        for _ in 0..3 {
            tokio::time::sleep_until(stage.deadline().unwrap()).await;
            stage.tick();
        }
        assert!(samples(&stage).iter().all(|at_ms| *at_ms < 60_000));
        drop(shell);
        while stage.deadline().is_some() {
            tokio::time::sleep_until(stage.deadline().unwrap()).await;
            stage.tick();
            stage.machine_due = None;
        }
        let finish = finished(&mut stage);
        assert_eq!(finish.ending, Ending::Lost);
        let lasted = finish.finished_at.0 - began.0;
        assert!((0..60_000).contains(&lasted), "{lasted} ms");
    }
}

/// What is recorded of a line that its shell reports like this.
async fn reported(begun: UnixMillis, took: Option<Duration>, totals: Option<Totals>) -> Finish {
    let shell = Shell::new();
    let mut stage = Stage::new(Duration::from_secs(1), None);
    take(&mut stage, Body::CaughtUp).await;
    let mut start = hook(1, shell.owner());
    start.draft.started_at = begun;
    take(&mut stage, Body::Start(Box::new(start))).await;
    let finish = Finish { took, totals, ..finish(1) };
    take(&mut stage, Body::Finish(Box::new(finish))).await;
    finished(&mut stage)
}

#[tokio::test]
async fn a_duration_longer_than_the_shell_has_lived_is_unknown() {
    let now = UnixMillis::now();
    let unset = reported(UnixMillis(0), Some(56 * 365 * 24 * HOUR), None).await;
    let hours = reported(now.minus(3 * HOUR), Some(3 * HOUR), None).await;
    let short = reported(now, Some(Duration::from_millis(3)), None).await;
    for (finish, is_implausible) in [(unset, true), (hours, true), (short, false)] {
        let flagged = finish.totals.is_some_and(|totals| totals.implausible.duration);
        assert_eq!(flagged, is_implausible, "{finish:?}");
        assert_eq!(finish.took == Some(Duration::ZERO), is_implausible);
    }
}

#[tokio::test]
async fn cpu_time_that_no_machine_can_give_is_unknown() {
    let ms = |cpu_ms: u64| {
        let quality = Quality::Times;
        Some(Totals { cpu_ns: Some(cpu_ms * 1_000_000), user_ns: Some(1), quality, ..Totals::default() })
    };
    for (took_ms, cpu_ms, is_implausible) in [(90, 8_041_680_000, true), (90, 80, false), (1, 10, false)] {
        let took = Some(Duration::from_millis(took_ms));
        let totals = reported(UnixMillis::now(), took, ms(cpu_ms)).await.totals.unwrap();
        assert_eq!(totals.implausible.cpu_seconds, is_implausible, "{took_ms} {cpu_ms} {totals:?}");
        assert_eq!((totals.cpu_ns.is_none(), totals.user_ns.is_none()), (is_implausible, is_implausible));
    }
}

//! Shells whose files stay open between two lines.

use super::*;

fn typed(uid: u128, owner: Owner) -> Body {
    let mut start = start(uid, owner);
    start.draft.source = Source::Hook;
    start.draft.command = Some("make".to_owned());
    Body::Start(Box::new(start))
}

async fn line(stage: &mut Stage, uid: u128, owner: Owner) {
    take(stage, typed(uid, owner)).await;
    take(stage, Body::Finish(Box::new(finish(uid)))).await;
    stage.let_go();
}

async fn caught_up() -> Stage {
    let mut stage = Stage::new(Duration::from_secs(1), None);
    take(&mut stage, Body::CaughtUp).await;
    stage
}

#[tokio::test]
async fn files_of_the_shells_that_were_typed_in_last_stay_open_and_of_no_other_process() {
    let shells: [Shell; 6] = std::array::from_fn(|_| Shell::new());
    let mut stage = caught_up().await;
    for (uid, shell) in (1..).zip(&shells) {
        line(&mut stage, uid, shell.owner()).await;
    }
    assert_eq!(stage.probe.kept(), 4);
    // A run that no shell has typed leaves nothing.
    take(&mut stage, Body::Start(Box::new(start(7, shells[0].owner())))).await;
    assert_eq!(stage.probe.kept(), 5);
    take(&mut stage, Body::Finish(Box::new(finish(7)))).await;
    stage.let_go();
    assert_eq!(stage.probe.kept(), 4);
    // One that is in a run does not rest.
    take(&mut stage, typed(8, shells[5].owner())).await;
    assert_eq!((stage.probe.kept(), stage.resting.len()), (4, 3));
}

#[tokio::test]
async fn a_shell_that_ended_while_it_rested_is_gone() {
    let mut shell = Shell::new();
    let owner = shell.owner();
    let mut stage = caught_up().await;
    line(&mut stage, 1, owner).await;
    assert_eq!(stage.probe.kept(), 1);
    shell.0.kill().unwrap();
    shell.0.wait().unwrap();
    // Its last words are read behind its end.
    take(&mut stage, typed(2, owner)).await;
    let open = &stage.open[&Ulid::from(2_u128)];
    assert!(open.gone_since.is_some() && !open.observed);
}

//! What is told of a line with its start, and when.

use std::path::Path;

use super::*;

async fn caught_up() -> Stage {
    let mut stage = Stage::new(Duration::from_secs(1), None);
    take(&mut stage, Body::CaughtUp).await;
    stage.out.clear();
    stage
}

fn repository() -> tempfile::TempDir {
    let project = tempfile::tempdir().unwrap();
    std::fs::create_dir(project.path().join(".git")).unwrap();
    std::fs::write(project.path().join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
    project
}

fn typed(uid: u128, owner: Owner, cwd: &Path) -> Body {
    let mut start = start(uid, owner);
    start.draft.source = Source::Hook;
    start.draft.command = Some(":".to_owned());
    start.draft.cwd = Some(cwd.to_string_lossy().into_owned());
    Body::Start(Box::new(start))
}

async fn hear(stage: &mut Stage, body: Body) {
    stage.take(Event { body, reply: None }).await;
}

/// Starts and ends, in the order in which they go out.
fn told(stage: &mut Stage) -> Vec<(&'static str, u128)> {
    let events = stage.out.drain(..).filter_map(|measured| match measured {
        Measured::Event(Event { body: Body::Start(start), .. }) => {
            assert!(
                start.context.is_some_and(|context| context.load_1m.is_some()),
                "of the machine nothing is told"
            );
            assert!(start.draft.project.is_some(), "of its project nothing is told");
            Some(("start", start.uid.into()))
        }
        Measured::Event(Event { body: Body::Finish(finish), .. }) => Some(("end", finish.uid.into())),
        _ => None,
    });
    events.collect()
}

#[tokio::test]
async fn a_typed_line_is_described_when_its_shell_is_past_it_and_before_its_end_goes_out() {
    let (shell, other) = (Shell::new(), Shell::new());
    let project = repository();
    let mut stage = caught_up().await;
    hear(&mut stage, typed(1, shell.owner(), project.path())).await;
    hear(&mut stage, typed(2, other.owner(), project.path())).await;
    let soon = stage.deadline().expect("nothing would tell it") - Instant::now();
    assert!(soon <= Duration::from_millis(2), "{soon:?}");
    hear(&mut stage, Body::Finish(Box::new(Finish { took: Some(Duration::from_millis(1)), ..finish(1) })))
        .await;
    while !stage.undescribed.is_empty() || !stage.leaving.is_empty() {
        tokio::time::sleep_until(stage.deadline().unwrap()).await;
        stage.tick();
        stage.describe_due().await;
    }
    assert_eq!(told(&mut stage), [("start", 1), ("start", 2), ("end", 1)]);
    assert!(stage.open.values().all(|open| open.start.context.is_some()), "what is open does not know it");
}

/// Burns on behind its line's end, as a prompt does.
struct Burner(Shell);

impl Burner {
    fn new() -> Self {
        let burner = std::process::Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap();
        Self(Shell(burner))
    }

    /// CPU time so far, ns.
    fn burned(&self, stage: &Stage) -> u64 {
        stage.probe.own_ns(self.0.owner().pid).unwrap()
    }
}

#[tokio::test]
async fn what_a_prompt_burns_is_not_its_lines_though_the_end_is_told_behind_it() {
    let burner = Burner::new();
    let project = repository();
    let mut stage = caught_up().await;
    // Below a tick its clock may stand still.
    while burner.burned(&stage) < 20_000_000 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let before = burner.burned(&stage);
    hear(&mut stage, typed(1, burner.0.owner(), project.path())).await;
    let began = Instant::now();
    while burner.burned(&stage) < before + 20_000_000 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    hear(&mut stage, Body::Finish(Box::new(Finish { took: Some(began.elapsed()), ..finish(1) }))).await;
    let line_ns = burner.burned(&stage) - before;
    // The counter runs on while the host has taken a virtual CPU away, a process's clock does not: each by itself.
    let counted = stage.open.values().find_map(|open| open.counted.as_ref()?.total_ns);
    assert!(counted.is_some() || !stage.counters.are_allowed(), "its counter was not read at its end");
    assert!(told(&mut stage).iter().all(|(what, _)| *what == "start"), "its end went out at once");
    while burner.burned(&stage) < before + line_ns + 50_000_000 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stage.tick();
    let totals = stage.out.iter().find_map(|measured| match measured {
        Measured::Event(Event { body: Body::Finish(finish), .. }) => finish.totals,
        _ => None,
    });
    let cpu_ns = totals.expect("its end was not told").cpu_ns.unwrap();
    match counted {
        Some(counted_ns) => assert_eq!(cpu_ns, counted_ns, "of {line_ns} ns"),
        None => assert!((1..=line_ns).contains(&cpu_ns), "{cpu_ns} of {line_ns} ns"),
    }
}

#[tokio::test]
async fn a_line_that_somebody_waits_for_is_told_at_once() {
    let shell = Shell::new();
    let project = repository();
    let ask =
        [Body::Awaited, Body::Members { run: Ulid::from(1) }, Body::Reporter { pid: shell.owner().pid }];
    for asked in ask {
        let mut stage = caught_up().await;
        hear(&mut stage, typed(1, shell.owner(), project.path())).await;
        hear(&mut stage, asked).await;
        assert!(stage.undescribed.is_empty());
        assert_eq!(told(&mut stage), [("start", 1)]);
    }
}

#[tokio::test]
async fn what_was_typed_on_and_on_does_not_wait_for_a_pause() {
    let project = repository();
    let shell = Shell::new();
    let mut stage = caught_up().await;
    for uid in 1..=65 {
        hear(&mut stage, typed(uid, shell.owner(), project.path())).await;
        hear(&mut stage, Body::Finish(Box::new(finish(uid)))).await;
    }
    stage.let_leave(true);
    assert!(stage.undescribed.is_empty());
    let expected: Vec<(&str, u128)> = (1..=65).flat_map(|uid| [("start", uid), ("end", uid)]).collect();
    // The last end came behind the description of all.
    assert_eq!(told(&mut stage), expected);
}

#[tokio::test]
async fn a_line_is_of_what_was_heard_however_late_it_is_read() {
    let burner = Burner::new();
    let project = repository();
    let mut stage = caught_up().await;
    let shell = burner.0.owner();
    let burn = |stage: &Stage, ms: u64| {
        let until = burner.burned(stage) + ms * 1_000_000;
        while burner.burned(stage) < until {
            std::thread::sleep(Duration::from_millis(2));
        }
    };
    // The shell's first line opens its counter.
    burn(&stage, 20);
    hear(&mut stage, typed(1, shell, project.path())).await;
    hear(&mut stage, Body::Finish(Box::new(finish(1)))).await;
    stage.let_leave(true);
    burn(&stage, 20);
    let began = Instant::now();
    let start = typed(2, shell, project.path());
    hear(&mut stage, Body::Heard { shell: shell.pid }).await;
    let before = burner.burned(&stage);
    burn(&stage, 30);
    hear(&mut stage, start).await;
    burn(&stage, 30);
    hear(&mut stage, Body::Heard { shell: shell.pid }).await;
    let line_ns = burner.burned(&stage) - before;
    let took = Some(began.elapsed());
    burn(&stage, 30);
    hear(&mut stage, Body::Finish(Box::new(Finish { took, ..finish(2) }))).await;
    assert!(stage.hearing.take(shell).own_ns.is_none(), "another line's would be of that moment");
    let mut told = None;
    while told.is_none() {
        tokio::time::sleep_until(stage.deadline().expect("its end was not told")).await;
        stage.tick();
        stage.describe_due().await;
        told = stage.out.drain(..).find_map(|measured| match measured {
            Measured::Event(Event { body: Body::Finish(finish), .. }) if finish.uid == Ulid::from(2_u128) => {
                finish.totals
            }
            _ => None,
        });
    }
    let cpu_ns = told.and_then(|totals| totals.cpu_ns).unwrap();
    // 60 ms of the line, none of the 30 ms between its end and its reading; a clock tick of what the host took.
    assert!(cpu_ns.abs_diff(line_ns) <= 5_000_000, "{cpu_ns} of {line_ns} ns");
}

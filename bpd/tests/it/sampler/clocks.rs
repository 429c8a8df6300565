//! Clocks that are far apart from the beginning, as after a year of suspends, or in a container with clocks of its own.

use super::apart::{self, World};
use super::*;

const AHEAD: World =
    World { proc: "rw", uid: 0, clocks: &["--time", "--boottime", "31536000", "--monotonic", "3600"] };

#[test]
fn a_boot_clock_that_is_far_ahead_of_the_monotonic_one_changes_nothing() {
    let test = "sampler::clocks::a_boot_clock_that_is_far_ahead_of_the_monotonic_one_changes_nothing";
    if apart::enter(test, &AHEAD).is_none() {
        return;
    }
    let [boot, monotonic] = [rustix::time::ClockId::Boottime, rustix::time::ClockId::Monotonic]
        .map(|clock| rustix::time::clock_gettime(clock).tv_sec);
    assert!(boot - monotonic > 31_000_000, "{boot} {monotonic}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut lab = Lab::new().await;
        let mut shell = Shell::new();
        // What a line before has left is not this line's: told by the kernel's clock ticks.
        shell.types("sleep 300 &");
        while children_of(shell.child.id()).is_empty() {
            std::thread::yield_now();
        }
        let start = lab.hook_start(&shell, "burn");
        // The sleep may have begun in the tick in which the line was read.
        let later = UnixMillis(start.draft.started_at.0 + 100);
        while UnixMillis::now() < later {
            std::thread::yield_now();
        }
        let start = Start { draft: Draft { started_at: later, ..start.draft }, ..start };
        let uid = start.uid;
        lab.start(start).await;
        shell.types(&format!("sh -c '{BURN}'"));
        let sample = lab.sample(uid, |sample| sample.cpu_ns > 300 * MS).await;
        assert_eq!(sample.processes, 1, "{sample:?}");
        assert!(sample.at_ms < 60_000, "{sample:?}");
        let totals = lab.finish(ended(uid, None)).await.totals.unwrap();
        assert_eq!(totals.surroundings.suspended_ms, Some(0), "{totals:?}");
        assert_eq!(totals.max_processes, Some(1), "{totals:?}");
    });
}

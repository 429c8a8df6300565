//! Shells with a control group each, where no counter may be opened.

use workload::Group;

use super::escaped::burn_and_tell;
use super::*;

/// The sampler runs in a thread of its own, which may not open counters.
fn without_counters(test: impl AsyncFnOnce() + Send + 'static) {
    let refused = std::thread::spawn(|| {
        workload::refuse_counters().unwrap();
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test());
    });
    if let Err(failed) = refused.join() {
        std::panic::resume_unwind(failed);
    }
}

fn put(pid: u32, group: &Group) {
    std::fs::write(group.path().join("cgroup.procs"), pid.to_string()).unwrap();
}

/// What [`burn_and_tell`] told, nanoseconds.
fn told_ns(file: &std::path::Path) -> Option<u64> {
    let ticks = std::fs::read_to_string(file).ok()?;
    Some(ticks.split_whitespace().map(|ticks| ticks.parse::<u64>().unwrap() * 10 * MS).sum())
}

/// A line that burns in children whose parent does not want to know of them. → its totals, when its shell has accounted
/// for nothing of it, what it has cost, and the most that its curve had before its end.
async fn auto_reaped(lab: &mut Lab, shell: &mut Shell) -> (Totals, u64, u64) {
    let home = tempfile::tempdir().unwrap();
    let (told, script) = (home.path().join("told"), home.path().join("burn.sh"));
    std::fs::write(&script, burn_and_tell(&told)).unwrap();
    let start = lab.hook_start(shell, "escapes");
    let uid = start.uid;
    lab.start(start).await;
    shell.types(&format!("env --ignore-signal=CHLD sh -c 'sh {} & sleep 60'", script.display()));
    while !told.exists() {
        lab.next(|_| Some(())).await;
    }
    // A reading after the end of what burned.
    let before = lab.sample(uid, |_| true).await;
    let curve = lab.sample(uid, |sample| sample.at_ms > before.at_ms).await;
    let reported = totals(Duration::from_millis(1), Quality::Times);
    let settled = lab.finish(ended(uid, Some(reported))).await.totals.unwrap();
    (settled, told_ns(&told).unwrap(), curve.cpu_ns)
}

#[test]
fn a_shell_that_is_alone_in_its_group_has_exact_totals_and_curves_without_a_counter() {
    without_counters(async || {
        let group = Group::new().unwrap();
        let mut lab = Lab::new().await;
        let mut shell = Shell::new();
        put(shell.child.id(), &group);
        let (totals, truth, curve_ns) = auto_reaped(&mut lab, &mut shell).await;
        let cpu_ns = totals.cpu_ns.unwrap();
        assert!(truth > 100 * MS, "the work was too small to prove anything: {truth}");
        assert!(cpu_ns + 20 * MS >= truth && cpu_ns <= truth + 60 * MS, "{cpu_ns} of {truth}");
        assert_eq!((totals.quality, totals.incomplete), (Quality::Exact, false));
        // The kernel may not have split the group's time yet.
        let split = totals.user_ns.zip(totals.system_ns);
        assert!(split.is_none_or(|(user_ns, system_ns)| user_ns + system_ns == cpu_ns), "{totals:?}");
        assert!(curve_ns + 20 * MS >= truth && curve_ns <= cpu_ns, "{curve_ns} of {truth}");
    });
}

#[test]
fn a_shell_that_shares_its_group_is_not_measured_by_it() {
    without_counters(async || {
        let group = Group::new().unwrap();
        let mut lab = Lab::new().await;
        let (mut shell, stranger) = (Shell::new(), Shell::new());
        put(shell.child.id(), &group);
        put(stranger.child.id(), &group);
        let (totals, truth, _) = auto_reaped(&mut lab, &mut shell).await;
        assert_ne!(totals.quality, Quality::Exact, "{totals:?}");
        assert!(totals.incomplete || totals.cpu_ns.unwrap() + 40 * MS >= truth, "{totals:?} of {truth}");
    });
}

#[test]
fn a_group_below_the_shells_is_the_shells() {
    without_counters(async || {
        let group = Group::new().unwrap();
        let below = group.path().join("below");
        std::fs::create_dir(&below).unwrap();
        let mut lab = Lab::new().await;
        let mut shell = Shell::new();
        put(shell.child.id(), &group);
        // What lives there was started by the shell before.
        shell.types(&format!("sh -c 'echo $$ >{}/cgroup.procs; sleep 60' &", below.display()));
        while std::fs::read_to_string(below.join("cgroup.procs")).unwrap().is_empty() {
            std::thread::yield_now();
        }
        let (totals, _, _) = auto_reaped(&mut lab, &mut shell).await;
        assert_eq!((totals.quality, totals.incomplete), (Quality::Exact, false));
        drop((lab, shell));
        while std::fs::remove_dir(&below).is_err() {
            std::thread::yield_now();
        }
    });
}

#[test]
fn what_left_the_group_counts_as_far_as_it_was_seen() {
    without_counters(async || {
        let (group, other) = (Group::new().unwrap(), Group::new().unwrap());
        let mut lab = Lab::new().await;
        let mut shell = Shell::new();
        put(shell.child.id(), &group);
        let start = lab.hook_start(&shell, "systemd-run burn");
        let uid = start.uid;
        lab.start(start).await;
        shell.types(&format!("sh -c 'echo $$ >{}/cgroup.procs; {BURN}'", other.path().display()));
        let seen = lab.sample(uid, |sample| sample.cpu_ns > 200 * MS).await;
        let reported = totals(Duration::from_millis(1), Quality::Times);
        let settled = lab.finish(ended(uid, Some(reported))).await.totals.unwrap();
        assert!(settled.cpu_ns.unwrap() >= seen.cpu_ns, "{settled:?}");
        assert_ne!(settled.quality, Quality::Exact, "{settled:?}");
    });
}

#[test]
fn a_daemon_that_burns_on_in_its_shells_group_is_its_runs_to_the_end() {
    without_counters(async || {
        let group = Group::new().unwrap();
        let home = tempfile::tempdir().unwrap();
        let (told, script) = (home.path().join("told"), home.path().join("burn.sh"));
        std::fs::write(&script, burn_and_tell(&told)).unwrap();
        let mut lab = Lab::new().await;
        let mut shell = Shell::new();
        put(shell.child.id(), &group);
        let start = lab.hook_start(&shell, "serve");
        let uid = start.uid;
        lab.start(start).await;
        // Nothing of what it has inherited tells whose it is.
        shell.types(&format!("(setsid env -i /bin/sh {} & exit)", script.display()));
        let is_away = || {
            let inside = std::fs::read_to_string(group.path().join("cgroup.procs")).unwrap();
            inside.lines().count() > 1 && children_of(shell.child.id()).is_empty()
        };
        while !is_away() {
            std::thread::yield_now();
        }
        let reported = totals(Duration::from_millis(1), Quality::Times);
        let finish = lab.finish(ended(uid, Some(reported))).await;
        assert!(finish.background, "{finish:?}");
        while !told.exists()
            || std::fs::read_to_string(group.path().join("cgroup.procs")).unwrap().lines().count() > 1
        {
            std::thread::yield_now();
        }
        // It has ended unseen when the next line begins.
        let next = lab.hook_start(&shell, "true");
        drop(lab.send(Body::Start(Box::new(next))).await);
        let totals = loop {
            let amended = lab.amended(uid).await.totals;
            if all_ns(&amended) + 40 * MS >= told_ns(&told).unwrap() {
                break amended;
            }
        };
        let truth = told_ns(&told).unwrap();
        assert!(all_ns(&totals) <= truth + 60 * MS && !totals.incomplete, "{totals:?} of {truth}");
    });
}

/// CPU time of the line and of what it left behind.
fn all_ns(totals: &bp_proto::Totals) -> u64 {
    totals.cpu_ns.unwrap() + totals.background_cpu_ns.unwrap()
}

use bp_proto::Child;
use bp_proto::event::Waited;

use super::*;

const MS: u64 = 1_000_000;
const SHELL: u32 = 10;

fn uid(n: u128) -> Ulid {
    Ulid::from(n)
}

/// A process: pid, parent, start in ticks, own and waited-for milliseconds.
fn process(pid: u32, parent: u32, start_ticks: u64, own_ms: u64, waited_ms: u64) -> Reading {
    Reading {
        pid,
        start_ticks,
        parent,
        name: format!("p{pid}").into(),
        own_ns: own_ms * MS,
        waited_ns: waited_ms * MS,
        rss_bytes: 1 << 20,
        zombie: false,
        ..Reading::default()
    }
}

fn shell(own_ms: u64, waited_ms: u64) -> Reading {
    process(SHELL, 1, 1, own_ms, waited_ms)
}

fn owner(pid: u32) -> Owner {
    Owner { pid, start_ticks: 0 }
}

/// Reads all runs, of processes of which there are no others than these.
fn update(tree: &mut Tree, readings: &[Reading]) {
    let due: Vec<Ulid> = tree.runs.keys().copied().collect();
    let asked = tree.scope(&due);
    tree.update(&asked, readings, exists_in(readings));
}

/// Reads these runs alone, though the machine has all these processes.
fn update_of(tree: &mut Tree, due: &[Ulid], machine: &[Reading]) {
    let asked = tree.scope(due);
    let mut read: Vec<Reading> = Vec::new();
    for process in machine {
        let below = read.iter().any(|above| above.pid == process.parent && tree.wants_below(above));
        if asked.contains(&process.pid) || (below && tree.is_new(process.pid)) {
            read.push(process.clone());
        }
    }
    tree.update(&asked, &read, exists_in(machine));
}

fn exists_in(readings: &[Reading]) -> impl Fn(u32, u64) -> Fate {
    |pid, start| {
        let is_there = readings.iter().any(|reading| (reading.pid, reading.start_ticks) == (pid, start));
        if is_there { Fate::There } else { Fate::Gone { own_ns: None } }
    }
}

fn open(tree: &mut Tree, run: Ulid, owner: Owner, claim: Claim, readings: &[Reading]) {
    tree.open(run, owner, claim, readings, exists_in(readings));
}

fn hook(from: u64) -> Claim {
    Claim::Hook { from, until: None }
}

fn check(tree: &Tree, run: Ulid, cpu_ms: u64, processes: u32) {
    let usage = tree.usage(run).unwrap();
    assert_eq!((usage.cpu_ns / MS, usage.processes), (cpu_ms, processes), "{usage:?}");
}

#[test]
fn a_run_is_the_shells_new_children_and_the_shells_own_time() {
    let mut tree = Tree::default();
    let old = process(11, SHELL, 50, 70, 0);
    open(&mut tree, uid(1), owner(SHELL), hook(100), &[shell(500, 90), old.clone()]);
    check(&tree, uid(1), 0, 0);
    // The older child goes on without counting; the new one counts from its start.
    update(&mut tree, &[shell(505, 90), process(11, SHELL, 50, 700, 0), process(12, SHELL, 100, 30, 0)]);
    check(&tree, uid(1), 35, 1);
    assert_eq!(tree.usage(uid(1)).unwrap().children[0].name, "p12");
}

#[test]
fn what_a_child_burned_counts_once_whether_it_is_waited_for_or_not() {
    let mut tree = Tree::default();
    open(&mut tree, uid(1), owner(SHELL), hook(100), &[shell(0, 0)]);
    update(&mut tree, &[shell(0, 0), process(12, SHELL, 100, 30, 0), process(13, 12, 101, 40, 0)]);
    check(&tree, uid(1), 70, 2);
    // 13 burned 5 ms more than was seen, then 12 waited for it.
    update(&mut tree, &[shell(0, 0), process(12, SHELL, 100, 30, 45)]);
    check(&tree, uid(1), 75, 1);
    // 12 is gone, and its end is seen before the shell waited for it.
    update(&mut tree, &[shell(0, 0)]);
    check(&tree, uid(1), 75, 0);
    update(&mut tree, &[shell(0, 75)]);
    check(&tree, uid(1), 75, 0);
    // Children that nobody saw.
    update(&mut tree, &[shell(0, 175)]);
    check(&tree, uid(1), 175, 0);
}

#[test]
fn whole_branches_that_end_between_two_readings_count_once() {
    let mut tree = Tree::default();
    open(&mut tree, uid(1), owner(SHELL), hook(100), &[shell(0, 0)]);
    let branch = [process(12, SHELL, 100, 30, 20), process(13, 12, 101, 40, 0), process(14, 13, 102, 10, 0)];
    update(&mut tree, &[&[shell(0, 0)][..], &branch].concat());
    check(&tree, uid(1), 100, 3);
    update(&mut tree, &[shell(0, 110)]);
    check(&tree, uid(1), 110, 0);
}

#[test]
fn a_process_that_is_reparented_stays() {
    let mut tree = Tree::default();
    open(&mut tree, uid(1), owner(SHELL), hook(100), &[shell(0, 0)]);
    update(&mut tree, &[shell(0, 0), process(12, SHELL, 100, 10, 0), process(13, 12, 101, 10, 0)]);
    update(&mut tree, &[shell(0, 10), process(13, 1, 101, 50, 0), process(14, 13, 120, 5, 0)]);
    check(&tree, uid(1), 65, 2);
    assert_eq!(tree.run_of(14), Some(uid(1)));
}

#[test]
fn a_reused_pid_is_another_process() {
    let mut tree = Tree::default();
    open(&mut tree, uid(1), owner(SHELL), hook(100), &[shell(0, 0)]);
    update(&mut tree, &[shell(0, 0), process(12, SHELL, 100, 30, 0)]);
    update(&mut tree, &[shell(0, 30), process(12, SHELL, 150, 20, 0)]);
    check(&tree, uid(1), 50, 1);
    assert_eq!(tree.usage(uid(1)).unwrap().children[0].processes, 2);
}

#[test]
fn background_jobs_stay_with_the_run_that_started_them() {
    let mut tree = Tree::default();
    open(&mut tree, uid(1), owner(SHELL), hook(100), &[shell(0, 0)]);
    update(&mut tree, &[shell(0, 0), process(12, SHELL, 100, 30, 0)]);
    tree.close(uid(1));
    open(&mut tree, uid(2), owner(SHELL), hook(200), &[shell(0, 0), process(12, SHELL, 100, 60, 0)]);
    update(
        &mut tree,
        &[
            shell(0, 0),
            process(12, SHELL, 100, 80, 0),
            process(13, 12, 210, 5, 0),
            process(14, SHELL, 210, 7, 0),
        ],
    );
    check(&tree, uid(1), 85, 2);
    check(&tree, uid(2), 7, 1);
    // The shell waits for the old job during the new run: not the new run's work, and known as that.
    update(&mut tree, &[shell(0, 87), process(13, 1, 210, 5, 0)]);
    check(&tree, uid(1), 85, 1);
    check(&tree, uid(2), 7, 0);
    assert_eq!(tree.usage(uid(2)).unwrap().foreign_ns, 80 * MS);
}

#[test]
fn a_child_that_began_after_the_end_is_not_the_ended_runs() {
    let mut tree = Tree::default();
    open(&mut tree, uid(1), owner(SHELL), hook(100), &[shell(0, 0)]);
    tree.until(uid(1), 150);
    update(&mut tree, &[shell(0, 0), process(12, SHELL, 150, 30, 0), process(13, SHELL, 151, 30, 0)]);
    check(&tree, uid(1), 30, 1);
}

#[test]
fn a_process_belongs_to_the_innermost_run() {
    let mut tree = Tree::default();
    let inner_shell = process(20, SHELL, 100, 3, 0);
    open(&mut tree, uid(1), owner(SHELL), hook(100), &[shell(0, 0), inner_shell.clone()]);
    check(&tree, uid(1), 3, 1);
    let before = [shell(0, 0), inner_shell, process(21, 20, 300, 10, 0)];
    // Seen by the outer run first.
    update(&mut tree, &before);
    open(&mut tree, uid(2), owner(20), hook(300), &before);
    update(&mut tree, &[shell(0, 0), process(20, SHELL, 100, 8, 0), process(21, 20, 300, 50, 0)]);
    check(&tree, uid(2), 45, 1);
    check(&tree, uid(1), 13, 1);
    assert_eq!(
        (tree.run_of(21), tree.run_of(20), tree.run_of(SHELL)),
        (Some(uid(2)), Some(uid(2)), Some(uid(1)))
    );
    tree.forget(uid(2));
    assert_eq!(tree.run_of(20), Some(uid(1)));
}

#[test]
fn a_wrapper_counts_what_it_waited_for_and_not_itself() {
    let mut tree = Tree::default();
    let wrapper = process(30, SHELL, 100, 2, 40);
    open(&mut tree, uid(1), owner(SHELL), hook(100), &[shell(0, 0)]);
    open(&mut tree, uid(2), owner(30), Claim::Wrapper, &[shell(0, 0), wrapper, process(31, 30, 101, 9, 0)]);
    check(&tree, uid(2), 49, 1);
    check(&tree, uid(1), 2, 1);
}

#[test]
fn a_posted_process_counts_from_the_moment_it_was_named() {
    let mut tree = Tree::default();
    let before = [process(40, 1, 5, 900, 100), process(41, 40, 6, 300, 0)];
    open(&mut tree, uid(1), owner(40), Claim::Whole, &before);
    check(&tree, uid(1), 0, 2);
    update(&mut tree, &[process(40, 1, 5, 910, 100), process(41, 40, 6, 320, 0), process(42, 40, 9, 5, 0)]);
    check(&tree, uid(1), 35, 3);
}

#[test]
fn after_the_last_run_nothing_is_read() {
    let mut tree = Tree::default();
    let readings = [shell(0, 0), process(11, SHELL, 50, 0, 0), process(12, SHELL, 100, 0, 0)];
    open(&mut tree, uid(1), owner(SHELL), hook(100), &readings);
    assert_eq!(tree.scope(&[uid(1)]), [SHELL, 12], "the older child is nobody's");
    tree.close(uid(1));
    assert_eq!(tree.scope(&[uid(1)]), [12], "what lives on is still read, the shell is not");
    assert!(!tree.processes.contains(SHELL) && !tree.processes.contains(11));
    tree.forget(uid(1));
    assert_eq!(tree.scope(&[uid(1)]), [0_u32; 0]);
    assert!(!tree.processes.contains(12));
}

/// CPU milliseconds of each name of a run, and whether it may be more.
fn names(tree: &Tree, run: Ulid) -> Vec<(String, u64, bool)> {
    let children = tree.usage(run).unwrap().children;
    let of = |child: Child| (child.name, (child.cpu_seconds * 1000.0).round() as u64, child.at_least);
    children.into_iter().map(of).collect()
}

fn named(name: &str, ms: u64, at_least: bool) -> (String, u64, bool) {
    (name.to_owned(), ms, at_least)
}

/// Of a shell's child that was last seen with 456 ms, and then waited for: its shell has 798 ms more.
fn read_until_it_is_gone(tree: &mut Tree, own_ns: Option<u64>) {
    open(tree, uid(1), owner(SHELL), hook(100), &[shell(0, 0)]);
    for own_ms in [200, 456] {
        update(tree, &[shell(0, 0), process(12, SHELL, 100, own_ms, 0)]);
    }
    tree.update(&[12], &[shell(0, 798)], |_, _| Fate::Gone { own_ns });
    check(tree, uid(1), 798, 0);
}

#[test]
fn what_a_child_burned_after_its_last_reading_is_the_runs_and_its_own_where_that_was_counted() {
    let mut tree = Tree::default();
    read_until_it_is_gone(&mut tree, None);
    assert_eq!(names(&tree, uid(1)), [named("p12", 456, true)]);

    let mut tree = Tree::default();
    read_until_it_is_gone(&mut tree, Some(790 * MS));
    assert_eq!(names(&tree, uid(1)), [named("p12", 790, false)]);

    // Read when it had ended: that is all.
    update(&mut tree, &[shell(0, 798), Reading { zombie: true, ..process(13, SHELL, 200, 300, 0) }]);
    update(&mut tree, &[shell(0, 1098)]);
    check(&tree, uid(1), 1098, 0);
    assert_eq!(names(&tree, uid(1))[1], named("p13", 300, false));
}

#[test]
fn who_waited_for_a_child_tells_what_it_burned_at_last() {
    let waited = |pid, ms: u64| Waited { pid, name: format!("w{pid}"), cpu_ns: ms * MS, rss_max_bytes: None };
    let mut tree = Tree::default();
    read_until_it_is_gone(&mut tree, None);
    tree.was_waited_for(uid(1), &waited(12, 780));
    // By the name that it had at last.
    assert_eq!(names(&tree, uid(1)), [named("w12", 780, false)]);
    // One that was never met.
    tree.was_waited_for(uid(1), &waited(13, 18));
    assert_eq!(names(&tree, uid(1))[1], named("w13", 18, false));
    check(&tree, uid(1), 798, 0);
}

#[test]
fn a_copy_of_the_shell_that_was_seen_once_may_have_become_another_program() {
    let mut tree = Tree::default();
    let copy = Reading { name: shell(0, 0).name, ..process(12, SHELL, 100, 2, 0) };
    open(&mut tree, uid(1), owner(SHELL), hook(100), &[shell(0, 0)]);
    update(&mut tree, &[shell(0, 0), copy.clone()]);
    tree.update(&[12], &[shell(0, 90)], |_, _| Fate::Gone { own_ns: Some(90 * MS) });
    assert_eq!(names(&tree, uid(1)), [named("p10", 2, true)]);
    // A subshell that burns is one at the second look as well.
    let copy = |own_ms| Reading { name: shell(0, 0).name, ..process(13, SHELL, 100, own_ms, 0) };
    update(&mut tree, &[shell(0, 90), copy(2)]);
    update(&mut tree, &[shell(0, 90), copy(30)]);
    tree.update(&[13], &[shell(0, 140)], |_, _| Fate::Gone { own_ns: Some(50 * MS) });
    assert_eq!(names(&tree, uid(1)), [named("p10", 52, true)]);
}

#[test]
fn children_that_end_between_two_looks_are_not_taken_for_one_another() {
    let mut tree = Tree::default();
    open(&mut tree, uid(1), owner(SHELL), hook(100), &[shell(0, 0)]);
    let both = [process(12, SHELL, 100, 3, 0), process(13, SHELL, 100, 50, 0)];
    update(&mut tree, &[&[shell(0, 0)][..], &both].concat());
    update(&mut tree, &[shell(0, 900)]);
    check(&tree, uid(1), 900, 0);
    assert_eq!(names(&tree, uid(1)), [named("p13", 50, true), named("p12", 3, true)]);
}

#[test]
fn programs_beyond_five_names_and_the_shell_itself_are_summed_up() {
    let mut tree = Tree::default();
    open(&mut tree, uid(1), owner(SHELL), hook(100), &[shell(500, 0)]);
    let mut readings = vec![shell(507, 0)];
    readings.extend((20..28).map(|pid| process(pid, SHELL, 100, u64::from(pid), 0)));
    update(&mut tree, &readings);
    let usage = tree.usage(uid(1)).unwrap();
    let rest = usage.rest.unwrap();
    assert_eq!((usage.children.len(), rest.names, rest.processes), (5, 3, 3));
    assert!((rest.cpu_seconds - 0.063).abs() < 1e-9, "{rest:?}");
    assert_eq!((rest.shell_seconds, rest.untold_seconds), (Some(0.007), None));
}

#[test]
fn an_old_job_that_the_shell_waits_for_keeps_what_it_burned_last() {
    let mut tree = Tree::default();
    open(&mut tree, uid(1), owner(SHELL), hook(100), &[shell(0, 0)]);
    update(&mut tree, &[shell(0, 0), process(12, SHELL, 100, 30, 0)]);
    tree.close(uid(1));
    open(&mut tree, uid(2), owner(SHELL), hook(200), &[shell(0, 0), process(12, SHELL, 100, 60, 0)]);
    update_of(&mut tree, &[uid(2)], &[shell(0, 500)]);
    check(&tree, uid(1), 500, 0);
    check(&tree, uid(2), 0, 0);
    assert_eq!(tree.usage(uid(2)).unwrap().foreign_ns, 500 * MS);
}

/// A shell with a run in which two more shells live, as tmux has them, each with a run of its own.
fn panes() -> (Tree, Vec<Reading>) {
    let mut tree = Tree::default();
    let mut machine = vec![shell(0, 0)];
    open(&mut tree, uid(1), owner(SHELL), hook(100), &machine);
    machine.extend([process(20, SHELL, 100, 3, 0), process(30, SHELL, 100, 4, 0)]);
    update(&mut tree, &machine);
    open(&mut tree, uid(2), owner(20), hook(300), &machine);
    open(&mut tree, uid(3), owner(30), hook(300), &machine);
    machine.extend([process(21, 20, 300, 10, 0), process(31, 30, 300, 10, 0)]);
    update(&mut tree, &machine);
    (tree, machine)
}

#[test]
fn only_the_processes_of_the_runs_that_are_due_are_read() {
    let (tree, _) = panes();
    assert_eq!(tree.scope(&[uid(2)]), [20, 21]);
    assert_eq!(tree.scope(&[uid(1)]), [SHELL], "the inner shells are read with their runs");
    assert_eq!(tree.scope(&[uid(3), uid(1)]), [SHELL, 30, 31]);
}

#[test]
fn of_many_runs_of_one_owner_the_innermost_alone_reads_it() {
    let mut tree = Tree::default();
    let due: Vec<Ulid> = (1..=300).map(uid).collect();
    for run in &due {
        open(&mut tree, *run, owner(SHELL), Claim::Wrapper, &[shell(0, 0)]);
    }
    update(&mut tree, &[shell(0, 0), process(12, SHELL, 100, 5, 0)]);
    assert_eq!(tree.scope(&due[..299]), [0_u32; 0]);
    assert_eq!(tree.scope(&due), [SHELL, 12]);
}

#[test]
fn runs_that_are_read_at_different_times_count_everything_once() {
    let (mut tree, mut machine) = panes();
    // 21 burns on and ends, its shell has waited for it and ends too; only the outer run is due.
    machine.retain(|process| ![20, 21].contains(&process.pid));
    machine[0] = shell(0, 63);
    update_of(&mut tree, &[uid(1)], &machine);
    let all: u64 = [1, 2, 3].map(|run| tree.usage(uid(run)).unwrap().cpu_ns / MS).iter().sum();
    // 63 ms of the branch that is gone, 4 and 10 of the other.
    assert_eq!(all, 63 + 14);
    check(&tree, uid(3), 10, 1);
    check(&tree, uid(2), 20, 0);
}

#[test]
fn a_process_that_began_after_its_runs_end_is_the_next_runs() {
    let mut tree = Tree::default();
    open(&mut tree, uid(1), owner(SHELL), hook(100), &[shell(0, 0)]);
    let machine = [shell(0, 0), process(12, SHELL, 100, 9, 0), process(13, SHELL, 300, 30, 0)];
    update(&mut tree, &machine);
    tree.until(uid(1), 200);
    check(&tree, uid(1), 9, 1);
    tree.close(uid(1));
    open(&mut tree, uid(2), owner(SHELL), hook(300), &machine);
    check(&tree, uid(2), 30, 1);
}

#[test]
fn the_wrapper_of_a_shells_run_is_none_of_its_processes() {
    let mut tree = Tree::default();
    open(&mut tree, uid(1), owner(SHELL), hook(100), &[shell(0, 0)]);
    tree.adopt(uid(1), 30);
    let make = process(31, 30, 101, 40, 0);
    update(&mut tree, &[shell(0, 0), process(30, SHELL, 100, 5, 0), make]);
    check(&tree, uid(1), 40, 1);
    update(&mut tree, &[shell(0, 0), process(30, SHELL, 100, 7, 60)]);
    check(&tree, uid(1), 60, 0);
    assert_eq!(names(&tree, uid(1)), [named("p31", 40, true)]);
    // Its own 7 ms are not the command's.
    update(&mut tree, &[shell(0, 70)]);
    check(&tree, uid(1), 60, 0);
    assert_eq!(names(&tree, uid(1)), [named("p31", 40, true)]);
}

#[test]
fn what_only_reports_is_in_no_run() {
    let mut tree = Tree::default();
    tree.reporter(12, 100);
    open(&mut tree, uid(1), owner(SHELL), hook(100), &[shell(0, 0), process(12, SHELL, 100, 30, 0)]);
    check(&tree, uid(1), 0, 0);
    // The end's reporter is met before it has said what it is.
    let burning = process(13, SHELL, 101, 40, 0);
    update(&mut tree, &[shell(0, 30), burning.clone(), process(14, SHELL, 105, 3, 0)]);
    check(&tree, uid(1), 43, 2);
    tree.reporter(14, 105);
    update(&mut tree, &[shell(0, 30), burning, process(14, SHELL, 105, 7, 0)]);
    check(&tree, uid(1), 40, 1);
    tree.until(uid(1), 104);
    assert!(!tree.has_stray(SHELL, 105));
    // Another process of that pid is no reporter.
    update(&mut tree, &[shell(0, 30), process(14, SHELL, 105, 7, 0), process(12, SHELL, 105, 1, 0)]);
    assert!(tree.has_stray(SHELL, 105));
}

#[test]
fn a_child_that_nobody_waits_for_makes_its_run_incomplete() {
    let mut tree = Tree::default();
    open(&mut tree, uid(1), owner(SHELL), hook(100), &[shell(0, 0)]);
    let parent = process(12, SHELL, 100, 1, 0);
    update(&mut tree, &[shell(0, 0), parent.clone(), process(13, 12, 101, 200, 0)]);
    for _ in 0..2 {
        assert!(tree.usage(uid(1)).unwrap().escapes == 0, "it may be found yet");
        update(&mut tree, &[shell(0, 0), parent.clone()]);
    }
    assert!(tree.usage(uid(1)).unwrap().escapes > 0);
}

#[test]
fn a_daemon_that_ends_makes_its_run_incomplete_and_what_is_waited_for_does_not() {
    let mut tree = Tree::default();
    open(&mut tree, uid(1), owner(SHELL), hook(100), &[shell(0, 0)]);
    let daemon = process(13, 1, 101, 200, 0);
    update(&mut tree, &[shell(0, 0), process(12, SHELL, 100, 50, 0), process(13, 12, 101, 100, 0)]);
    update(&mut tree, &[shell(0, 0), daemon]);
    update(&mut tree, &[shell(0, 55)]);
    assert!(tree.usage(uid(1)).unwrap().escapes > 0);

    open(&mut tree, uid(2), owner(SHELL), hook(200), &[shell(0, 55)]);
    update(&mut tree, &[shell(0, 55), process(14, SHELL, 200, 90, 0)]);
    for waited_ms in [55, 145, 145] {
        update(&mut tree, &[shell(0, waited_ms)]);
    }
    assert!(tree.usage(uid(2)).unwrap().escapes == 0);
}

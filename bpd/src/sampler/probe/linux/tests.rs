use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use super::*;

/// A process that has come to rest, and ends with the test.
struct Resting {
    child: Child,
}

impl Resting {
    /// `line` must end by saying `done` and waiting for its input.
    fn new(line: &str) -> Self {
        let mut child = Command::new("sh")
            .args(["-c", &format!("{line}\necho done\nread x")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut done = [0; 5];
        child.stdout.as_mut().unwrap().read_exact(&mut done).unwrap();
        let resting = Self { child };
        while process::state(&fs::read(format!("/proc/{}/stat", resting.pid())).unwrap()) != Some(b'S') {
            std::thread::yield_now();
        }
        resting
    }

    fn pid(&self) -> u32 {
        self.child.id()
    }

    fn end(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Resting {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One reading of these and of what is below them, of what moved and of what is new.
fn read(probe: &mut Probe, pids: &[u32]) -> Seen {
    let known: Vec<u32> = probe.kept.keys().copied().collect();
    probe.with_descendants(pids.iter().copied(), |_| false, |pid| !known.contains(&pid), |_| true)
}

fn pids(seen: &Seen) -> Vec<u32> {
    seen.readings.iter().map(|reading| reading.pid).collect()
}

#[test]
fn a_process_that_stands_still_is_read_in_full_now_and_then_only() {
    let mut resting = Resting::new("true");
    let (pid, mut probe) = (resting.pid(), Probe::new());
    assert_eq!(pids(&read(&mut probe, &[pid])), [pid]);
    let full = (0..20).filter(|_| !read(&mut probe, &[pid]).readings.is_empty()).count();
    assert_eq!(full, 2);
    resting.end();
    let seen = read(&mut probe, &[pid]);
    assert_eq!((seen.readings.len(), seen.missed), (0, vec![pid]));
    assert!(probe.kept.is_empty());
}

#[test]
fn a_process_whose_parent_is_gone_is_read_in_full_though_it_stands_still() {
    let mut parent = Resting::new("exec 3>&1; sleep 60 3>&- &");
    let mut probe = Probe::new();
    let seen = read(&mut probe, &[parent.pid()]);
    let [above, below] = &pids(&seen)[..] else { panic!("{seen:?}") };
    let settled = |probe: &mut Probe| read(probe, &[*above, *below]).readings.is_empty();
    while !settled(&mut probe) {
        std::thread::yield_now();
    }
    parent.end();
    let mut orphan = None;
    // The parent's end is seen by one reading, the orphan by the next.
    for _ in 0..2 {
        orphan = read(&mut probe, &[*above, *below]).readings.pop().or(orphan);
    }
    let orphan = orphan.expect("it was not read");
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(*below as i32).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
    assert_eq!(orphan.pid, *below);
    assert_ne!(orphan.parent, *above);
}

#[test]
fn children_of_every_thread_are_found_and_those_of_threads_to_come() {
    let mut probe = Probe::new();
    let mut children = Vec::new();
    let mut threads = Vec::new();
    for _ in 0..2 {
        let (hold, released) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            tell.send(Command::new("sleep").arg("60").spawn().unwrap()).unwrap();
            let _ = released.recv();
        });
        let child = told.recv().unwrap();
        let found = pids(&read(&mut probe, &[std::process::id()]));
        assert!(found.contains(&child.id()), "{found:?} without {}", child.id());
        children.push(child);
        threads.push((hold, thread));
    }
    for mut child in children {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    for (hold, thread) in threads {
        drop(hold);
        thread.join().unwrap();
    }
}

#[test]
fn with_few_files_or_none_the_same_is_read() {
    let resting = Resting::new("sleep 60 & sleep 60 &");
    let mut all = pids(&read(&mut Probe::new(), &[resting.pid()]));
    all.sort_unstable();
    assert_eq!(all.len(), 3);
    for files in 0..12 {
        let mut probe = Probe::new();
        probe.bench.allowance = Allowance::of(files);
        let mut found = pids(&read(&mut probe, &[resting.pid()]));
        found.sort_unstable();
        assert_eq!(found, all, "{files} files");
        assert!(probe.kept.values().all(|kept| kept.reading.rss_bytes > 0));
        for pid in found {
            probe.drop_kept(pid);
        }
        assert_eq!(probe.bench.allowance.files, files, "what was kept is given back");
    }
    let mut sleeps = all;
    sleeps.retain(|pid| *pid != resting.pid());
    for pid in sleeps {
        let pid = rustix::process::Pid::from_raw(pid as i32).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    }
}

#[test]
fn memory_that_was_given_back_is_a_spike_once() {
    let resting = Resting::new("x=$(head -c 60000000 /dev/zero | tr '\\0' a); x=");
    let mut probe = Probe::new();
    let seen = read(&mut probe, &[resting.pid()]);
    let [first] = &seen.readings[..] else { panic!("{seen:?}") };
    assert!(first.rss_bytes + first.spike_bytes > 50 << 20, "{first:?}");
    let again = probe.with_descendants([resting.pid()], |_| true, |_| false, |_| false);
    assert_eq!(again.readings[0].spike_bytes, 0);
}

#[test]
fn a_process_is_found_below_its_parent_with_both_ways_of_finding_children() {
    let mut child = Command::new("sleep").arg("60").spawn().unwrap();
    for lists_children in [true, false] {
        let mut probe = Probe { lists_children, ..Probe::new() };
        let readings = probe.with_descendants([std::process::id()], |_| true, |_| true, |_| true).readings;
        assert_eq!(readings[0].pid, std::process::id());
        let found = readings.iter().find(|reading| reading.pid == child.id());
        assert_eq!(found.unwrap().parent, std::process::id(), "lists_children: {lists_children}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let seen = Probe::new().with_descendants([child.id()], |_| true, |_| true, |_| true);
    assert_eq!((seen.readings, seen.missed), (Vec::new(), vec![child.id()]));
}

#[test]
fn both_probes_see_the_same_process() {
    let mut child = Command::new("sh")
        .args(["-c", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; echo done; read x"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut done = [0; 4];
    child.stdout.as_mut().unwrap().read_exact(&mut done).unwrap();
    let here = Probe::new().with_descendants([child.id()], |_| true, |_| true, |_| true);
    let [here] = &here.readings[..] else { panic!("{here:?}") };
    let portable =
        super::super::portable::Probe::new().with_descendants([child.id()], |_| true, |_| true, |_| true);
    drop(child.stdin.take());
    child.wait().unwrap();

    let [there] = &portable.readings[..] else { panic!("{portable:?}") };
    assert_eq!((here.pid, here.parent, &here.name), (there.pid, there.parent, &there.name));
    assert!(here.own_ns > 0 && here.own_ns.abs_diff(there.own_ns) <= 20_000_000, "{here:?} {there:?}");
    assert!(here.rss_bytes > 0 && here.rss_bytes.abs_diff(there.rss_bytes) < 1 << 20, "{here:?} {there:?}");
}

#[test]
fn a_process_that_lets_its_children_vanish_is_known_by_it_also_when_it_has_ended() {
    let mut probe = Probe::new();
    // Not a shell: those want to know of their children, whatever they were given.
    let ignores = r#"$SIG{CHLD} = "IGNORE"; $| = 1; print "done\n"; <STDIN>"#;
    let mut ignoring = Resting::new(&format!("exec perl -e '{ignores}'"));
    let waiting = Resting::new("true");
    let ignores = |probe: &mut Probe, pid| {
        let seen = probe.with_descendants([pid], |_| true, |_| false, |_| false);
        seen.readings[0].ignores_children
    };
    assert!(ignores(&mut probe, ignoring.pid()) && !ignores(&mut probe, waiting.pid()));
    ignoring.child.kill().unwrap();
    while process::state(&fs::read(format!("/proc/{}/stat", ignoring.pid())).unwrap()) != Some(b'Z') {
        std::thread::yield_now();
    }
    assert!(ignores(&mut Probe::new(), ignoring.pid()), "it waits for its parent");
    ignoring.child.wait().unwrap();
}

/// A shell that does what it is told, line by line, and forks only for that.
struct Told {
    shell: Child,
}

impl Told {
    fn new() -> Self {
        let double = "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do y=$y$y; done";
        let lines = format!(
            "while read x; do case $x in grow) y=12345678; {double};; fork) sleep 60 & ;; esac; echo $x; done"
        );
        let mut shell = Command::new("sh");
        shell.args(["-c", &lines]).stdin(Stdio::piped()).stdout(Stdio::piped());
        Self { shell: shell.spawn().unwrap() }
    }

    /// Returns when it is done.
    fn does(&mut self, what: &str) {
        writeln!(self.shell.stdin.as_mut().unwrap(), "{what}").unwrap();
        let mut answer = vec![0; what.len() + 1];
        self.shell.stdout.as_mut().unwrap().read_exact(&mut answer).unwrap();
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

/// Reads until the next reading may be a light one.
fn calm(told: &mut Told, probe: &mut Probe) {
    let pid = told.shell.id();
    for _ in 0..100 {
        told.does("nothing");
        read(probe, &[pid]);
        if probe.kept[&pid].is_light() {
            return;
        }
    }
    panic!("no reading was a light one: {:?}", probe.kept[&pid]);
}

#[test]
fn of_a_process_that_only_runs_two_readings_of_three_are_light_and_its_time_is_exact_in_each() {
    let (mut told, mut probe) = (Told::new(), Probe::new());
    let pid = told.shell.id();
    calm(&mut told, &mut probe);
    let (mut light, mut before_ns) = (0, 0);
    for _ in 0..30 {
        told.does("nothing");
        let readings = read(&mut probe, &[pid]).readings;
        assert!(readings[0].own_ns > before_ns && readings[0].rss_bytes > 0, "{readings:?}");
        before_ns = readings[0].own_ns;
        light += u32::from(probe.kept[&pid].is_light());
    }
    assert!((10..=20).contains(&light), "{light}");
}

#[test]
fn what_a_calm_process_does_is_seen_by_the_next_reading() {
    let (mut told, mut probe) = (Told::new(), Probe::new());
    let pid = told.shell.id();
    calm(&mut told, &mut probe);
    let before = probe.kept[&pid].reading.rss_bytes;
    told.does("grow");
    let after = read(&mut probe, &[pid]).readings[0].rss_bytes;
    assert!(after > before + (4 << 20), "{before} {after}");

    calm(&mut told, &mut probe);
    told.does("fork");
    let readings = read(&mut probe, &[pid]).readings;
    assert_eq!(readings.len(), 2, "{readings:?}");
    assert_eq!(readings[1].parent, pid);
    told.does("nothing");
    read(&mut probe, &[pid]);
    assert!(!probe.kept[&pid].is_light(), "who has children is read in full");
    let child = rustix::process::Pid::from_raw(readings[1].pid as i32).unwrap();
    rustix::process::kill_process(child, rustix::process::Signal::KILL).unwrap();
}

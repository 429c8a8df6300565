//! bpd returns the memory that it used for a backlog or for a long list.

use std::fs;
use std::time::{Duration, Instant};

use bp_proto::{UnixMillis, process};

use crate::odd::Home;

/// Lines that were typed while bpd was away: two records each.
const LINES: usize = 10_000;

/// What may stay, beside what the same bpd needs after a restart with the same store.
const MAX_GROWTH_MB: f64 = 10.0;

/// It takes some seconds; the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

fn resident_mb(home: &Home) -> f64 {
    let status = fs::read_to_string(format!("/proc/{}/status", home.status().pid)).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}

/// A shell that has gone left these lines.
fn leave_backlog(home: &Home) {
    let mail = home.bp().join("run/mail");
    let shell = format!("bash 5.2 {} 5 - -", process::boot_id().unwrap());
    let began = UnixMillis::now().0 * 1000 - LINES as i64 * 2_000_000;
    let records = (0..LINES as i64).map(|nth| {
        let start = began + nth * 2_000_000;
        let end = start + 1_000_000;
        let text = format!("make target{} --flag={nth}", nth % 500);
        format!(
            "\x001S\0{shell}\0{start}\0x\0/tmp/dir{}\0\0{text}\0\x001E\0{shell}\0{start}\x000\0{end}\0\0",
            nth % 50
        )
    });
    fs::write(mail.join("4100000"), records.collect::<String>()).unwrap();
}

/// Waits until the memory has come down to `limit_mb`.
fn settles(home: &Home, limit_mb: f64, case: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let resident = resident_mb(home);
        if resident <= limit_mb {
            return;
        }
        assert!(Instant::now() < deadline, "{case}: {resident:.1} MB stay resident, {limit_mb:.1} may");
        // `status` is work too, and may not be asked all the time.
        std::thread::sleep(Duration::from_secs(1));
    }
}

#[test]
fn memory_of_a_backlog_and_of_a_long_list_is_returned() {
    let home = Home::new();
    home.says(&["daemon", "start"]);
    home.says(&["daemon", "stop"]);
    leave_backlog(&home);
    home.says(&["daemon", "start"]);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let status = home.status();
        if status.runs == LINES as u64 && status.running == 0 {
            break;
        }
        assert!(Instant::now() < deadline, "{} of {LINES} runs are recorded", status.runs);
        std::thread::sleep(Duration::from_millis(200));
    }
    let mut after_backlog = f64::INFINITY;
    for _ in 0..15 {
        std::thread::sleep(Duration::from_secs(1));
        after_backlog = after_backlog.min(resident_mb(&home));
    }
    // A bpd that has done nothing yet says what this store needs.
    home.says(&["daemon", "restart"]);
    std::thread::sleep(Duration::from_secs(3));
    let idle = resident_mb(&home);
    assert!(after_backlog <= idle + MAX_GROWTH_MB, "{after_backlog:.1} MB after a backlog, {idle:.1} idle");

    let list = home.says(&["list", "--json", "-n", &LINES.to_string()]);
    assert!(list.len() > LINES * 500, "{}", list.len());
    drop(list);
    settles(&home, idle + MAX_GROWTH_MB, "a list of all runs");
}

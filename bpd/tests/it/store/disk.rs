//! Disks that are full, forbidden or open to everyone.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use bp_proto::Sample;
use bpd::event::Refusal;
use bpd::store::{Curve, writer};

use super::{KEYS, child, finish, open, start, uid};

fn succeeds(mut command: std::process::Command) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let erred = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{}\n{said}\n{erred}", output.status);
}

#[test]
fn a_full_disk_refuses_and_goes_on_when_there_is_room() {
    let scratch = tempfile::tempdir().unwrap();
    let child = child::command("fill", scratch.path());
    let mut alone = std::process::Command::new("unshare");
    // A disk of our own, seen by nobody else and gone with the child; root needs no new user for it.
    alone.arg(if rustix::process::geteuid().is_root() { "-m" } else { "-rm" });
    alone.args(["sh", "-c", "mount -t tmpfs -o size=24m tmpfs \"$0\" && exec \"$@\""]);
    alone.arg(scratch.path()).arg(child.get_program()).args(child.get_args());
    alone.envs(child.get_envs().filter_map(|(name, value)| Some((name, value?))));
    succeeds(alone);
}

pub(super) fn fill(disk: &Path) {
    let dir = disk.join("data");
    let (mut writer, reader) = open(&dir);
    writer.begin(&start(1)).unwrap();
    writer.commit().unwrap();

    // Below the reserve: curves wait, starts and ends do not.
    let ballast = disk.join("ballast");
    let free = || {
        let stats = rustix::fs::statvfs(disk).unwrap();
        stats.f_bavail * stats.f_frsize
    };
    let mut filler = fs::File::create(&ballast).unwrap();
    let mut fill = |until: u64| {
        use std::io::Write;
        while free() > until && filler.write_all(&[1; 4096]).is_ok() {}
    };
    fill(4 * 1024 * 1024);
    for at_ms in 1..=200 {
        writer.sample(uid(1), Sample { at_ms, ..Sample::default() }).unwrap();
    }
    writer.begin(&start(2)).unwrap();
    writer.commit().unwrap();
    assert!(reader.get(2).unwrap().is_some());
    assert!(reader.degraded()[0].id == "disk-nearly-full", "{:?}", reader.degraded());

    // Nothing left: refused whole, said plainly, and what was stored stays readable.
    fill(0);
    let mut refused = 0;
    for n in 3..2000 {
        let (registered, _) = writer.begin(&start(n)).unwrap();
        assert!(registered.id > 2);
        match writer.commit() {
            Ok(()) => {}
            Err(refusal) => {
                assert_eq!(refusal, Refusal::DiskFull);
                assert_eq!(reader.get(registered.id).unwrap(), None);
                refused = n;
                break;
            }
        }
    }
    assert!(refused > 0, "the disk never was full");
    let says = |what| reader.degraded().iter().any(|said| said.id == what);
    assert!(says("disk-full"), "{:?}", reader.degraded());
    let named = ("dir", dir.display().to_string());
    assert!(reader.degraded().iter().any(|said| said.params.contains(&named)), "{:?}", reader.degraded());
    let kept = reader.counts().0;
    assert_eq!(kept, refused - 1);

    // Room again: it goes on by itself, with the ids it would have given.
    fs::remove_file(&ballast).unwrap();
    drop(filler);
    assert_eq!(writer.begin(&start(refused)).unwrap().0.id, kept + 1);
    writer.finish(&finish(1)).unwrap();
    writer.commit().unwrap();
    assert!(!says("disk-full"), "{:?}", reader.degraded());
    drop((writer, reader));
    let (_writer, reader) = open(&dir);
    assert_eq!(reader.counts().0, kept + 1);
    let Curve::Measured(samples) = reader.curve(1).unwrap() else { panic!("measured") };
    assert_eq!(samples.len(), 200, "the samples waited in memory");
}

#[test]
fn a_forbidden_directory_is_an_error_that_names_it() {
    let scratch = tempfile::tempdir().unwrap();
    fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = child::command("forbidden", scratch.path());
    if rustix::process::geteuid().is_root() {
        use std::os::unix::process::CommandExt;
        // The test binary lies where nobody else may read it.
        let program = scratch.path().join("it");
        fs::copy(command.get_program(), &program).unwrap();
        let mut other = std::process::Command::new(&program);
        other.args(command.get_args()).envs(command.get_envs().filter_map(|(k, v)| Some((k, v?))));
        other.uid(65_534).gid(65_534);
        command = other;
    } else {
        fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o555)).unwrap();
    }
    succeeds(command);
    fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(!scratch.path().join("data").exists());
}

pub(super) fn open_as_nobody(dir: &Path) {
    assert!(!rustix::process::geteuid().is_root());
    let error = writer::open(&dir.join("data"), KEYS).unwrap_err().to_string();
    assert!(error.contains("make the directory") && error.contains("data"), "{error}");
}

#[test]
fn files_are_the_users_alone_whatever_the_umask() {
    let scratch = tempfile::tempdir().unwrap();
    succeeds(child::command("umask", scratch.path()));
}

pub(super) fn open_without_a_umask(dir: &Path) {
    rustix::process::umask(rustix::fs::Mode::empty());
    let data = dir.join("data");
    for n in 1..3 {
        let (mut writer, _reader) = open(&data);
        writer.begin(&start(n)).unwrap();
        writer.sample(uid(n), Sample { at_ms: 1, ..Sample::default() }).unwrap();
        writer.commit().unwrap();
    }
    let mut seen = 0;
    let mut rest: Vec<PathBuf> = vec![data];
    while let Some(path) = rest.pop() {
        let meta = fs::metadata(&path).unwrap();
        let expected = if meta.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(meta.mode() & 0o777, expected, "{}", path.display());
        seen += 1;
        if meta.is_dir() {
            rest.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    assert!(seen >= 8, "{seen} files");
}

#[test]
fn a_store_that_is_in_use_is_left_alone() {
    let scratch = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(scratch.path());
    writer.begin(&start(1)).unwrap();
    writer.commit().unwrap();
    let error = writer::open(scratch.path(), KEYS).unwrap_err().to_string();
    assert!(error.contains("in use"), "{error}");
    writer.begin(&start(2)).unwrap();
    writer.commit().unwrap();
    assert_eq!(reader.counts().0, 2);
}

//! Control groups (cgroup v2) that hold one shell with what it has started, and nothing else: terminals give each tab
//! one, and so do systemd's scopes. The kernel's account of such a group has everything that the shell's lines burn,
//! whoever waits for it, also where inherited counters are forbidden. It is kept for every group, with or without the
//! cpu controller.
//!
//! A process that moves into another group is not in it from then on. `memory.peak` is of no use: it is the peak of the
//! group's life, of all lines together.

use std::collections::HashMap;
use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use bp_proto::{Owner, process};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::pread;

use super::procfile;
use super::room;

/// Groups that are kept at once; lines of further shells are accounted for without.
const MAX_SCOPES: usize = 256;

/// Processes and groups below one another that are looked at: a shell's own group has a handful.
const MAX_PROCESSES: usize = 4096;
const MAX_GROUPS: usize = 64;

/// `cpu.stat` has some 300 bytes; what is wanted stands first.
const STAT_BYTES: usize = 512;

/// CPU time of a group since it was made, nanoseconds.
#[allow(clippy::struct_field_names, reason = "the unit stands last")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Burned {
    pub total_ns: u64,
    pub user_ns: u64,
    pub system_ns: u64,
}

#[derive(Debug)]
pub(super) struct Scopes {
    mount: Option<Mount>,
    kept: HashMap<Owner, Scope>,
}

/// Where the groups are.
#[derive(Debug, PartialEq, Eq)]
struct Mount {
    /// The group that is seen at `point`: in a container not the machine's first one.
    root: String,
    point: PathBuf,
}

/// The group of one shell.
#[derive(Debug)]
struct Scope {
    /// As `/proc/PID/cgroup` has it.
    name: String,
    path: PathBuf,
    stat: OwnedFd,
}

impl Scopes {
    pub(super) fn new() -> Self {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        Self { mount: mount(&mounts), kept: HashMap::new() }
    }

    /// The processes in the group of this shell or wrapper; `None` = it has none, or there are too many.
    pub(super) fn processes(&mut self, shell: Owner) -> Option<Vec<u32>> {
        let name = group_of(shell.pid)?;
        if self.kept.get(&shell).is_none_or(|scope| scope.name != name) {
            self.kept.remove(&shell);
            if self.kept.len() >= MAX_SCOPES {
                self.kept.retain(|shell, _| process::is_alive(*shell));
            }
            if self.kept.len() >= MAX_SCOPES {
                return None;
            }
            let path = self.mount.as_ref()?.path_of(&name)?;
            let flags = OFlags::RDONLY | OFlags::CLOEXEC;
            let stat =
                openat(CWD, path.join("cpu.stat"), flags, Mode::empty()).ok().filter(room::may_keep)?;
            self.kept.insert(shell, Scope { name, path, stat });
        }
        let mut found = Vec::new();
        let mut groups = 0;
        collect(&self.kept.get(&shell)?.path, &mut found, &mut groups).then_some(found)
    }

    /// What the group has burned that [`Self::processes`] was asked of.
    pub(super) fn read(&self, shell: Owner) -> Option<Burned> {
        self.kept.get(&shell)?.read()
    }

    /// The same of the shell `pid`.
    pub(super) fn read_of(&self, pid: u32) -> Option<Burned> {
        let of_pid = self.kept.iter().filter(|(shell, _)| shell.pid == pid);
        of_pid.max_by_key(|(shell, _)| shell.start_ticks)?.1.read()
    }

    /// Nothing more is wanted of it.
    pub(super) fn leave(&mut self, shell: Owner) {
        self.kept.remove(&shell);
    }
}

impl Scope {
    fn read(&self) -> Option<Burned> {
        let mut text = [0; STAT_BYTES];
        let length = pread(&self.stat, &mut text, 0).ok()?;
        burned(str::from_utf8(&text[..length]).ok()?)
    }
}

impl Mount {
    fn path_of(&self, group: &str) -> Option<PathBuf> {
        let below = if self.root == "/" { group } else { group.strip_prefix(&self.root)? };
        let below = below.strip_prefix('/')?;
        // The first group holds the whole machine; what is not below ours cannot be seen from here.
        (!below.is_empty() && !below.split('/').any(|part| part == "..")).then(|| self.point.join(below))
    }
}

/// The mount of version 2 in a `mountinfo`, which hybrid machines have beside those of version 1.
fn mount(mounts: &str) -> Option<Mount> {
    mounts.lines().find_map(|line| {
        let (place, what) = line.split_once(" - ")?;
        let mut place = place.split(' ').skip(3);
        let (root, point) = (unescaped(place.next()?), unescaped(place.next()?));
        what.starts_with("cgroup2 ").then(|| Mount { root, point: PathBuf::from(point) })
    })
}

/// Blanks and the like stand there as three octal digits.
fn unescaped(word: &str) -> String {
    word.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
}

/// The group of version 2 that a process is in.
fn group_of(pid: u32) -> Option<String> {
    let groups = procfile::read(format!("/proc/{pid}/cgroup")).ok()?;
    groups.lines().find_map(|line| line.strip_prefix("0::")).map(str::to_owned)
}

/// Adds the processes of a group and of those below it. → whether that is all of them.
fn collect(group: &Path, found: &mut Vec<u32>, groups: &mut usize) -> bool {
    *groups += 1;
    // Of threads that were spread over groups it cannot be read.
    let Ok(listed) = fs::read_to_string(group.join("cgroup.procs")) else { return false };
    // What is outside of our namespace is listed as 0.
    found.extend(listed.lines().map(|pid| pid.parse().unwrap_or(0)));
    if *groups > MAX_GROUPS || found.len() > MAX_PROCESSES {
        return false;
    }
    // Cheaper than its directory, which has a file for every controller.
    let stat = fs::read_to_string(group.join("cgroup.stat")).unwrap_or_default();
    if stat.lines().any(|line| line == "nr_descendants 0") {
        return true;
    }
    let Ok(entries) = fs::read_dir(group) else { return false };
    let mut below = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    // One that is gone meanwhile has taken nobody with it.
    below.all(|entry| collect(&entry.path(), found, groups) || !entry.path().exists())
}

fn burned(stat: &str) -> Option<Burned> {
    let us = |name: &str| {
        let value = stat.lines().find_map(|line| line.strip_prefix(name))?;
        value.trim().parse::<u64>().ok()
    };
    let ns = |name| us(name).map(|us| us * 1000);
    Some(Burned {
        total_ns: ns("usage_usec")?,
        user_ns: ns("user_usec").unwrap_or(0),
        system_ns: ns("system_usec").unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_found_where_they_are_mounted() {
        let hybrid = "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw\n\
                      32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n\
                      41 31 0:38 / /sys/fs/cgroup/uni\\040fied rw,relatime shared:9 - cgroup2 cgroup2 rw\n";
        let mounted = mount(hybrid).unwrap();
        assert_eq!(mounted, Mount { root: "/".into(), point: "/sys/fs/cgroup/uni fied".into() });
        assert_eq!(mount("1 2 0:3 / /a rw - ext4 /dev/x rw\n"), None);
        let check = |root: &str, group: &str, expected: Option<&str>| {
            let mount = Mount { root: root.into(), point: "/c".into() };
            assert_eq!(mount.path_of(group), expected.map(PathBuf::from), "{root} {group}");
        };
        check("/", "/a.slice/tab-1.scope", Some("/c/a.slice/tab-1.scope"));
        check("/docker/7", "/docker/7/tab", Some("/c/tab"));
        check("/", "/", None);
        check("/docker/7", "/docker/7", None);
        check("/docker/7", "/docker/8/tab", None);
        check("/", "/../tab", None);
    }

    #[test]
    fn an_account_is_in_microseconds() {
        let stat = "usage_usec 212791\nuser_usec 212000\nsystem_usec 791\nnice_usec 0\n";
        let expected = Burned { total_ns: 212_791_000, user_ns: 212_000_000, system_ns: 791_000 };
        assert_eq!(burned(stat), Some(expected));
        assert_eq!(burned(""), None);
    }
}

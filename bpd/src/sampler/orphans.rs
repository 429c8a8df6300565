//! Processes that left a run before anybody looked: their parent is gone, and who adopted them stands above the run.
//!
//! Such a process is known by when it began, and by what it inherited: the name of its run, its terminal session, or the
//! environment of its shell.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};

use bp_proto::event::Source;
use bp_proto::process::stat_field;
use bp_proto::{Owner, RUN_ENV, Start, Ulid, process};

use super::pids::{PidMap, PidSet};
use super::procfile;
use super::room;

/// Processes above one another that may have adopted something.
const MAX_ABOVE: usize = 64;

/// Of so many of them the list of children stays open. Shells mostly have the same ones above them.
const MAX_LISTS: usize = 32;

/// What a shell gives to its programs otherwise than it got it.
const CHANGING: [&str; 5] = ["PWD=", "OLDPWD=", "_=", "SHLVL=", "PATH="];

#[derive(Debug, Default)]
pub(super) struct Orphans {
    /// Who is above a shell. Kept for as long as it lives: who dies above it leaves what it had started to others above it.
    above: HashMap<Owner, Vec<u32>>,
    /// Processes above runs.
    elders: PidMap<Elder>,
    /// Those that are young, as they were a moment ago, for the run that was asked about: it is asked twice as it ends.
    seen: Option<(Ulid, Vec<Child>)>,
}

/// A process above runs.
#[derive(Debug, Default)]
struct Elder {
    /// Its list of children, if it stays open.
    list: Option<File>,
    /// Children that were looked at, and are too old to be anybody's.
    known: PidSet,
}

impl Elder {
    /// The children that it has now.
    fn children(&mut self, pid: u32, stays_open: bool) -> PidSet {
        if self.list.is_none() && stays_open {
            self.list = File::open(list_of(pid)).ok().filter(room::may_keep);
        }
        let list = self.list.as_ref().map_or_else(|| procfile::read(list_of(pid)), procfile::read_again);
        list.unwrap_or_default().split_ascii_whitespace().filter_map(|child| child.parse().ok()).collect()
    }
}

fn list_of(pid: u32) -> String {
    format!("/proc/{pid}/task/{pid}/children")
}

#[derive(Debug)]
struct Child {
    pid: u32,
    /// Clock ticks since boot.
    began: u64,
    stat: Vec<u8>,
}

impl Orphans {
    /// Those of the run `start` that began in these clock ticks. `others`: shells that run something too. `oldest`: what
    /// began before it is of no run that is open, or will be.
    pub(super) fn find(
        &mut self,
        start: &Start,
        owner: Owner,
        others: &[u32],
        (from, until): (u64, u64),
        oldest: u64,
    ) -> Vec<u32> {
        let young = match self.seen.take() {
            Some((uid, young)) if uid == start.uid => young,
            _ => self.look(start, owner, oldest),
        };
        let mut found = Vec::new();
        let mut marks = None;
        for child in young.iter().filter(|child| child.began >= from) {
            let marks = marks.get_or_insert_with(|| Marks::of(start, owner, others));
            found.extend(marks.is_on(child.pid, &child.stat, child.began <= until).then_some(child.pid));
        }
        self.seen = Some((start.uid, young));
        found
    }

    /// What was seen is not what there is any more.
    pub(super) fn forget(&mut self) {
        self.seen = None;
    }

    /// Children of the processes above a run that are not too old to be one's.
    fn look(&mut self, start: &Start, owner: Owner, oldest: u64) -> Vec<Child> {
        let mut young = Vec::new();
        for pid in self.above(start, start.under.unwrap_or(owner)).into_iter().filter(|pid| *pid != owner.pid)
        {
            let lists = self.elders.values().filter(|elder| elder.list.is_some()).count();
            let elder = self.elders.entry(pid).or_default();
            let now = elder.children(pid, lists < MAX_LISTS);
            let known = &mut elder.known;
            known.retain(|child| now.contains(child));
            for pid in now {
                if pid == owner.pid || known.contains(&pid) {
                    continue;
                }
                let Ok(line) = process::stat(pid) else { continue };
                let began = stat_field(&line, 22).unwrap_or(0);
                if began < oldest {
                    known.insert(pid);
                } else {
                    young.push(Child { pid, began, stat: line.to_vec() });
                }
            }
        }
        young
    }

    /// A process and those above it.
    fn above(&mut self, start: &Start, of: Owner) -> Vec<u32> {
        if let Some(above) = self.above.get(&of) {
            return above.clone();
        }
        let found = above(of.pid);
        if start.draft.source == Source::Hook && of.start_ticks > 0 {
            self.above.retain(|shell, _| process::is_alive(*shell));
            self.above.insert(of, found.clone());
        }
        self.elders
            .retain(|pid, _| found.contains(pid) || self.above.values().any(|above| above.contains(pid)));
        found
    }
}

/// A process and those above it.
fn above(pid: u32) -> Vec<u32> {
    let mut above = vec![pid];
    while let Some(parent) = above.last().and_then(|pid| parent(*pid)).filter(|_| above.len() < MAX_ABOVE) {
        above.push(parent);
    }
    if !above.contains(&1) {
        above.push(1);
    }
    above
}

fn parent(pid: u32) -> Option<u32> {
    let stat = process::stat(pid).ok()?;
    stat_field(&stat, 4).map(|parent| parent as u32).filter(|parent| *parent > 0)
}

/// What a process of the run has inherited.
enum Marks {
    Run(Vec<u8>),
    /// By the environment only if that is no other shell's too.
    Shell {
        session: u64,
        environment: Vec<u8>,
        others: Vec<Vec<u8>>,
    },
}

impl Marks {
    fn of(start: &Start, owner: Owner, others: &[u32]) -> Self {
        let environment = |pid: u32| fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        if start.draft.source == Source::Wrapper {
            return Self::Run(format!("{RUN_ENV}={}", start.uid).into_bytes());
        }
        let line = process::stat(owner.pid).ok();
        Self::Shell {
            session: line.and_then(|line| stat_field(&line, 6)).unwrap_or(0),
            environment: environment(owner.pid),
            others: others.iter().map(|pid| environment(*pid)).collect(),
        }
    }

    /// `in_time`: it began before the run's end.
    fn is_on(&self, pid: u32, stat: &[u8], in_time: bool) -> bool {
        let environment = || fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        match self {
            // The name is enough: nobody else gives it.
            Self::Run(name) => entries(&environment()).any(|entry| entry == name),
            Self::Shell { session, environment: shells, others } => {
                let has_terminal = stat_field(stat, 7).is_some_and(|terminal| terminal > 0);
                let is_of_session = *session > 0 && stat_field(stat, 6) == Some(*session);
                // What leads a terminal of its own is another shell's window.
                let is_marked = || {
                    let its = if has_terminal { Vec::new() } else { environment() };
                    inherits(shells, &its) && !others.iter().any(|other| inherits(other, &its))
                };
                in_time && (is_of_session || is_marked())
            }
        }
    }
}

fn entries(environment: &[u8]) -> impl Iterator<Item = &[u8]> {
    environment.split(|byte| *byte == 0).filter(|entry| !entry.is_empty())
}

/// Whether everything that the shell was given is there, but for what shells change.
fn inherits(shells: &[u8], environment: &[u8]) -> bool {
    let there: HashSet<&[u8]> = entries(environment).collect();
    let mut given = entries(shells)
        .filter(|entry| !CHANGING.iter().any(|name| entry.starts_with(name.as_bytes())))
        .peekable();
    given.peek().is_some() && given.all(|entry| there.contains(entry))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_has_its_shells_environment_and_more() {
        let shell = b"HOME=/root\0WINDOWID=7\0PWD=/a\0SHLVL=1\0";
        assert!(inherits(shell, b"PWD=/b\0HOME=/root\0EDITOR=vi\0WINDOWID=7\0SHLVL=2\0"));
        assert!(!inherits(shell, b"HOME=/root\0WINDOWID=8\0"), "another window's");
        assert!(!inherits(shell, b""), "it hides what it has");
        assert!(!inherits(b"", b"HOME=/root\0"), "nothing can be told");
    }
}

//! What bp says of a run against what the run has really cost: every bound of the table, by `bpctl run` and by the
//! hooks of real shells, as root and as nobody. Accounting against accounting: a busy machine changes neither.

mod children;
mod hooked;
mod lines;
mod verdict;
mod wrapped;

use workload::Group;

/// Where the shells run whose lines are held to the bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Anywhere,
    /// In a control group each.
    Scope,
}

impl Place {
    /// The group for one shell, or one `bpctl run`.
    fn group(self) -> Option<Group> {
        (self == Self::Scope).then(|| Group::new().unwrap())
    }
}

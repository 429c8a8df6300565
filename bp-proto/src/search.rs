//! The search language, as far as both sides must agree on it: bpd reads it, `bpctl list --help` explains it.

/// The fields that a `field:value` term may name; bpd refuses every other.
pub const FIELDS: [&str; 15] = [
    "exit", "state", "tag", "key", "id", "cwd", "host", "shell", "actor", "git", "dur", "cpu", "mem",
    "since", "until",
];

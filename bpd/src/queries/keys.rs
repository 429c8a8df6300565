//! The rule by which runs are grouped, from `analysis`, in the form that `store` takes.

use bp_proto::Start;

use crate::analysis::key;
use crate::store::{Key, KeyRule};

/// What the supervisor opens the store with.
pub fn key_rule() -> KeyRule {
    KeyRule { version: key::VERSION, of }
}

fn of(start: &Start) -> Key {
    let draft = &start.draft;
    let key = key::of(draft.command.as_deref(), draft.cwd.as_deref(), draft.project.as_deref());
    Key { hash: key.hash, text: key.text }
}

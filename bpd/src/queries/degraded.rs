//! What does not work as it should right now: plain sentences that `status` and the health page show.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Cheap to clone; whoever finds that something is wrong says so here, and takes it back when it is mended.
#[derive(Clone, Debug, Default)]
pub struct Degraded {
    /// By who speaks, so that a second sentence of the same speaker replaces the first.
    said: Arc<Mutex<BTreeMap<&'static str, String>>>,
}

impl Degraded {
    pub fn say(&self, who: &'static str, sentence: String) {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).insert(who, sentence);
    }

    pub fn mended(&self, who: &'static str) {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).remove(who);
    }

    pub fn sentences(&self) -> Vec<String> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

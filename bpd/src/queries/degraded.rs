//! What does not work as it should right now, for `status` and the health page.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bp_proto::private_file::Moved;

use crate::trouble::Trouble;

/// Cheap to clone; whoever finds that something is wrong says so here, and takes it back when it is mended.
#[derive(Clone, Debug, Default)]
pub struct Degraded {
    /// By who speaks, so that the second trouble of the same speaker replaces the first.
    said: Arc<Mutex<BTreeMap<&'static str, Trouble>>>,
}

impl Degraded {
    pub fn say(&self, who: &'static str, what: Trouble) {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).insert(who, what);
    }

    /// Something was in the way of a file or directory.
    pub fn moved(&self, who: &'static str, moved: Option<Moved>) {
        let Some(Moved { from, to, why }) = moved else { return };
        let to = to.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let trouble =
            Trouble::plain("file-moved").with("path", from.display()).with("to", to).with("why", why);
        tracing::warn!("{trouble}");
        self.say(who, trouble);
    }

    pub fn mended(&self, who: &'static str) {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).remove(who);
    }

    pub fn troubles(&self) -> Vec<Trouble> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

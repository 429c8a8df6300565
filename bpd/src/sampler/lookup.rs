//! Looks into file systems that may hang (a dead network mount) without hanging bpd.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::git::{self, Project};

/// A healthy disk answers in well under a millisecond.
const PATIENCE: Duration = Duration::from_millis(250);

/// Lookups that hang at once; with more, projects are not looked up until one comes back.
const MAX_HANGING: usize = 4;

#[derive(Debug)]
pub(super) struct Lookups {
    free: Arc<Semaphore>,
}

impl Lookups {
    pub(super) fn new() -> Self {
        Self { free: Arc::new(Semaphore::new(MAX_HANGING)) }
    }

    /// The project that `cwd` is in; nothing when the file system does not answer in time.
    pub(super) async fn project(&self, cwd: PathBuf) -> Project {
        let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() else { return Project::default() };
        let lookup = tokio::task::spawn_blocking(move || {
            let project = git::find(&cwd);
            drop(permit);
            project
        });
        if let Ok(project) = tokio::time::timeout(PATIENCE, lookup).await {
            project.unwrap_or_default()
        } else {
            tracing::warn!("a working directory does not answer; its project is left out");
            Project::default()
        }
    }
}

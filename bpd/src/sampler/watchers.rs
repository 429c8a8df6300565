//! Who looks at the machine while no run is open.

use std::sync::Weak;
use std::time::Duration;

use crate::event::Watcher;

/// Who has asked is taken for a watcher for so long.
const ASKED_FOR: Duration = Duration::from_secs(30);

/// More pages than bpd serves streams; of more the oldest is forgotten, and still sees what the others cause.
const MAX_WATCHERS: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Watchers {
    held: Vec<Weak<()>>,
    /// On the sampler's clock.
    pub(super) asked_until: Option<Duration>,
}

impl Watchers {
    pub(super) fn add(&mut self, watcher: Watcher, now: Duration) {
        match watcher {
            Watcher::Asked => self.asked_until = Some(now + ASKED_FOR),
            Watcher::While(held) => {
                self.held.retain(|held| held.strong_count() > 0);
                if self.held.len() >= MAX_WATCHERS {
                    self.held.remove(0);
                }
                self.held.push(held);
            }
        }
    }

    pub(super) fn anybody(&self, now: Duration) -> bool {
        self.asked_until.is_some_and(|until| now < until)
            || self.held.iter().any(|held| held.strong_count() > 0)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_watcher_counts_as_long_as_it_lives_and_a_question_for_a_while() {
        let mut watchers = Watchers::default();
        assert!(!watchers.anybody(Duration::ZERO));
        let page = Arc::new(());
        watchers.add(Watcher::While(Arc::downgrade(&page)), Duration::ZERO);
        assert!(watchers.anybody(Duration::from_secs(9_999)));
        drop(page);
        assert!(!watchers.anybody(Duration::ZERO));
        watchers.add(Watcher::Asked, Duration::from_secs(1));
        assert!(watchers.anybody(Duration::from_secs(30)) && !watchers.anybody(Duration::from_secs(31)));
    }

    #[test]
    fn watchers_that_are_gone_make_room() {
        let mut watchers = Watchers::default();
        let pages: Vec<_> = (0..200).map(|_| Arc::new(())).collect();
        for page in &pages {
            watchers.add(Watcher::While(Arc::downgrade(page)), Duration::ZERO);
        }
        assert_eq!(watchers.held.len(), MAX_WATCHERS);
        drop(pages);
        watchers.add(Watcher::While(Weak::new()), Duration::ZERO);
        assert_eq!(watchers.held.len(), 1);
    }
}

//! Limits the live streams: all together, and those of one caller, so that one program cannot keep the page without its
//! stream.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::auth::Caller;

#[derive(Debug)]
pub(super) struct Streams {
    limit: usize,
    /// The caller of each open stream.
    open: Mutex<Vec<Caller>>,
}

/// An open stream. It makes room when it is dropped.
#[derive(Debug)]
pub(super) struct OpenStream {
    streams: Arc<Streams>,
    caller: Caller,
}

impl Streams {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, open: Mutex::default() }
    }

    /// # Errors
    /// There are too many already: what to tell the client.
    pub(super) fn open(self: &Arc<Self>, caller: Caller) -> Result<OpenStream, String> {
        let mut open = self.list();
        let limit_of_caller = self.limit.div_ceil(2);
        if open.iter().filter(|other| **other == caller).count() >= limit_of_caller {
            return Err(format!("this client has {limit_of_caller} live streams already"));
        }
        if open.len() >= self.limit {
            return Err(format!("there are {} live streams already", self.limit));
        }
        open.push(caller);
        Ok(OpenStream { streams: Arc::clone(self), caller })
    }

    fn list(&self) -> MutexGuard<'_, Vec<Caller>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let mut open = self.streams.list();
        if let Some(own) = open.iter().position(|caller| *caller == self.caller) {
            open.swap_remove(own);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_caller_has_half_of_the_streams_at_most() {
        let streams = Arc::new(Streams::new(4));
        let open = || streams.open(Caller::Token);
        let mut held = vec![open().unwrap(), open().unwrap()];
        assert_eq!(open().unwrap_err(), "this client has 2 live streams already");
        held.pop();
        assert!(open().is_ok());
    }
}

//! Records that come over the socket instead of in a file.

use tokio::sync::oneshot;

use super::{BREATH, Mail, Origin, Outcome, Reading, Shared, is_final};
use crate::event::{Body, Event, Refusal};
use crate::ipc::session::Arrival;

/// Records of one message.
#[derive(Debug)]
pub(super) struct Post {
    /// The shell that they are about.
    pid: u32,
    records: Vec<u8>,
    /// The process that a shell started to send them. `None`: the shell has sent them itself, or it is not known who.
    helper: Option<u32>,
    at: Arrival,
    /// Gets what becomes of each event.
    events: oneshot::Sender<Vec<oneshot::Receiver<Outcome>>>,
}

impl Mail {
    /// Records that the process `reporter`, if it is known, sent over the socket in the name of the shell `pid`. Ends
    /// when they are durable.
    ///
    /// What a shell sends itself (PowerShell) is read [`BREATH`] later, unless somebody asks for it: like one that writes to
    /// its file, it waits for nothing and would share the processor with bpd.
    ///
    /// # Errors
    /// An event was refused and may be sent again.
    pub async fn accept(&self, pid: u32, records: Vec<u8>, reporter: Option<u32>) -> Result<(), Refusal> {
        let is_shell = reporter == Some(pid);
        let (events, sent) = oneshot::channel();
        {
            let mut reading = self.shared.reading.lock().await;
            let is_first = reading.posts.iter().all(|post| post.pid != pid);
            let helper = reporter.filter(|_| !is_shell);
            reading.posts.push_back(Post { pid, records, helper, at: Arrival::now(), events });
            if is_shell && is_first {
                let heard = Event { body: Body::Heard { shell: pid }, reply: None };
                self.shared.events.send(heard).await.map_err(|_| Refusal::Stopping)?;
            }
        }
        if is_shell {
            tokio::time::sleep(BREATH).await;
        }
        {
            let mut reading = self.shared.reading.lock().await;
            self.shared.drain(&mut reading).await;
            if !is_shell {
                self.shared.is_awaited().await;
            }
        }
        for outcome in sent.await.map_err(|_| Refusal::Stopping)? {
            match outcome.await.map_err(|_| Refusal::Stopping)? {
                Err(refusal) if !is_final(&refusal) => return Err(refusal),
                _ => {}
            }
        }
        Ok(())
    }
}

impl Shared {
    /// Reads what has come over the socket.
    pub(super) async fn take_posts(&self, reading: &mut Reading) {
        while let Some(Post { pid, records, helper, at, events }) = reading.posts.pop_front() {
            if let Some(pid) = helper {
                // A closed channel means that bpd is stopping.
                let _ = self.events.send(Event { body: Body::Reporter { pid }, reply: None }).await;
            }
            let is_newcomer = !reading.dir.knows(pid);
            let letters = reading.dir.accept(pid, &records, at);
            if is_newcomer {
                self.watch.follow(pid);
                self.bury(reading).await;
            }
            let mut outcomes = Vec::new();
            for letter in letters {
                let (asker, outcome) = oneshot::channel();
                self.send_for(reading, Origin::Socket, letter.body, Some(asker)).await;
                outcomes.push(outcome);
            }
            // The connection may be closed already.
            let _ = events.send(outcomes);
        }
    }
}

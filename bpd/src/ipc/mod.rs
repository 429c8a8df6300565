//! The local socket and the mailbox: events in, answers out.

pub mod mailbox;

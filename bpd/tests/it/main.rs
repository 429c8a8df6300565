//! The daemon in-process: one binary, a module a subject.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod absurd;
mod architecture;
mod files;
mod harness;
mod hostile;
mod http;
mod ignored;
mod life;
mod mailbox;
mod queries;
mod sampler;
mod socket;
mod store;

//! The daemon in-process: one binary, a module a subject.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod architecture;
mod harness;
mod http;
mod life;
mod queries;
mod mailbox;
mod sampler;
mod socket;
mod store;

//! bpd, the daemon of bp: events come in, are joined with samples, are recorded once, and everything that is shown or
//! announced is computed from what the store holds. `supervisor` is the diagram in code.

pub mod access;
pub mod alerts;
pub mod analysis;
pub mod config;
pub mod descriptors;
pub mod event;
pub mod http;
pub mod ipc;
pub mod listen;
pub mod lock;
pub mod logs;
pub mod memory;
pub mod plausible;
pub mod process;
pub mod queries;
pub mod recorder;
pub mod sampler;
pub mod seats;
pub mod signals;
pub mod store;
pub mod supervisor;
pub mod trouble;
mod typed;
pub mod words;

pub use supervisor::{Parts, run};

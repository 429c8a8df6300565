//! bpctl, the client of bp: its parts, so that `main` is a story and tests reach the pure ones.

pub mod bpd;
pub mod run;
pub mod verbs;

//! bpctl, the client of bp: its parts, so that `main` is a story and tests reach the pure ones.

pub mod ask;
pub mod bpd;
pub mod cli;
mod emptied;
pub mod history;
pub mod ignored;
pub mod rcfile;
pub mod run;
pub mod screen;
mod shown;
pub mod text;
pub mod verbs;

//! The whole of bp as a person meets it: real shells in real terminals, the real programs behind them.

#![allow(clippy::unwrap_used, reason = "a failure in a test is a panic")]

mod accuracy;
mod actor;
mod api;
mod bash;
mod clock;
mod crowd;
mod daemon;
mod doctor;
mod figures;
mod findings;
mod fish;
mod hook;
mod import;
mod jobs;
mod kept;
mod lifecycle;
mod memory;
mod notice;
mod odd;
mod oldbash;
mod options;
mod others;
mod outage;
mod picture;
mod powershell;
mod preexec;
mod privacy;
mod pty;
mod quiet;
mod recorded;
mod removing;
mod restart;
mod rows;
mod run;
mod scratch;
mod served;
mod setup;
mod shells;
mod states;
mod terminal;
mod upgrade;
mod verbs;
mod views;
mod watch;

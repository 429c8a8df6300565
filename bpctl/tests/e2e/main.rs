//! The whole of bp as a person meets it: real shells in real terminals, the real programs behind them.

mod daemon;
mod hook;
mod jobs;
mod pty;
mod quiet;
mod recorded;
mod served;
mod shells;

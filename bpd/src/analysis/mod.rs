//! What it means: pure functions, no I/O, clock, async or log.

pub mod key;

//! What it means: pure functions, no I/O, clock, async or log.

pub mod align;
pub mod comments;
pub mod compare;
pub mod contention;
pub mod curve;
pub mod differs;
pub mod explain;
pub mod key;
pub mod metric;
pub mod noise;
pub mod points;
pub mod quantile;
#[cfg(test)]
pub(crate) mod simulate;
pub mod stats;
pub mod untold;

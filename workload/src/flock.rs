//! Many processes that do nothing, or a little again and again: for those who want to know what looking at them costs.

use std::io::Write as _;
use std::time::Duration;

use anyhow::Result;

use crate::family;

/// Some microseconds of work.
const STEPS: u64 = 5_000;

/// Forks `children`; each works a little `every` so often, or sleeps. Without children the process itself does. Prints
/// one byte when all are there, and stays until it is killed.
pub(crate) fn stay(children: usize, every: Option<Duration>) -> Result<()> {
    for _ in 0..children {
        family::fork(|| work(every))?;
    }
    std::io::stdout().write_all(b"\n")?;
    std::io::stdout().flush()?;
    work(every.filter(|_| children == 0))
}

fn work(every: Option<Duration>) -> Result<()> {
    loop {
        std::thread::sleep(every.unwrap_or(Duration::MAX));
        let sum = (0..STEPS).fold(0_u64, |sum, step| std::hint::black_box(sum.wrapping_add(step)));
        std::hint::black_box(sum);
    }
}

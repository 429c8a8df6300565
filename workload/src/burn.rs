//! Burning CPU: for a given CPU time, so that a busy machine makes it last longer and cost the same.

use std::hint::black_box;

use crate::account;

/// Between two looks at the clock: some microseconds.
const STEPS: u64 = 10_000;

/// Burns `cpu_ms` of CPU time in the calling thread, counted from now.
pub(crate) fn burn(cpu_ms: u64) {
    let until = account::thread_ns() + cpu_ms * 1_000_000;
    let mut sum = 0_u64;
    while account::thread_ns() < until {
        for step in 0..STEPS {
            sum = black_box(sum.wrapping_mul(31).wrapping_add(step));
        }
    }
}

/// The same in each of so many threads at once.
pub(crate) fn in_threads(threads: usize, cpu_ms: u64) {
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| burn(cpu_ms));
        }
        burn(cpu_ms);
    });
}

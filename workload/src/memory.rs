//! Memory that is touched: a spike that nobody sees who looks once a second, and workers that share what their parent
//! had touched before they were forked.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::{account, burn, family};

const MIB: usize = 1 << 20;

/// A page is touched, whatever its size.
const STRIDE: usize = 4096;

/// So many MiB, every page of them written.
fn touched(mb: usize) -> Vec<u8> {
    let mut memory = vec![0_u8; mb * MIB];
    touch(&mut memory);
    memory
}

fn touch(memory: &mut [u8]) {
    for byte in memory.iter_mut().step_by(STRIDE) {
        *byte = std::hint::black_box(byte.wrapping_add(1));
    }
}

/// Waits, holds `mb` MiB for `hold`, gives them back, and waits again.
pub(crate) fn spike(mb: usize, before: Duration, hold: Duration, after: Duration) {
    std::thread::sleep(before);
    let memory = touched(mb);
    std::thread::sleep(hold);
    drop(std::hint::black_box(memory));
    std::thread::sleep(after);
}

/// `workers` copies of a process that has touched `mb` MiB; each writes a quarter of them, burns, and lives on until all
/// have lived together for `hold`. → the sum of all resident sets at that time.
pub(crate) fn workers(workers: usize, mb: usize, cpu_ms: u64, hold: Duration) -> Result<u64> {
    let mut memory = touched(mb);
    let (mut ready, tells) = std::io::pipe()?;
    let (waits, mut go) = std::io::pipe()?;
    let mut children = Vec::new();
    for _ in 0..workers {
        children.push(family::fork(|| {
            let quarter = memory.len() / 4;
            touch(&mut memory[..quarter]);
            burn::burn(cpu_ms);
            (&tells).write_all(&[1])?;
            (&waits).read_exact(&mut [0])?;
            Ok(())
        })?);
    }
    drop(tells);
    ready.read_exact(&mut vec![0; workers]).context("a worker has failed")?;
    let mut processes: Vec<u32> = children.iter().map(|child| child.as_raw_pid() as u32).collect();
    processes.push(std::process::id());
    let together = processes.iter().filter_map(|pid| account::resident_bytes(*pid)).sum();
    std::thread::sleep(hold);
    go.write_all(&vec![1; workers])?;
    for child in children {
        family::wait(child)?;
    }
    Ok(together)
}

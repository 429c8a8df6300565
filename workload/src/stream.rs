//! The three programs of a pipeline.

use std::hint::black_box;
use std::io::{self, Read as _, Write as _};

use anyhow::Result;

use crate::account;

const BLOCK: usize = 1 << 16;

/// Writes zeros for `cpu_ms` of its own CPU time.
pub(crate) fn source(cpu_ms: u64) -> Result<()> {
    let until = account::thread_ns() + cpu_ms * 1_000_000;
    let block = vec![0; BLOCK];
    let mut out = io::stdout().lock();
    while account::thread_ns() < until {
        out.write_all(&block)?;
    }
    Ok(())
}

/// Reads all there is and passes it on, changed.
pub(crate) fn filter() -> Result<()> {
    let mut out = io::stdout().lock();
    each_block(|block| {
        for byte in block.iter_mut() {
            *byte ^= 0x5a;
        }
        Ok(out.write_all(block)?)
    })
}

/// Reads all there is and adds it up.
pub(crate) fn sink() -> Result<()> {
    each_block(|block| {
        black_box(block.iter().map(|byte| u64::from(*byte)).sum::<u64>());
        Ok(())
    })
}

fn each_block(mut work: impl FnMut(&mut [u8]) -> Result<()>) -> Result<()> {
    let mut input = io::stdin().lock();
    let mut block = vec![0; BLOCK];
    loop {
        match input.read(&mut block)? {
            0 => return Ok(()),
            length => work(&mut block[..length])?,
        }
    }
}

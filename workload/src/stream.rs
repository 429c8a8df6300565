//! The three programs of a pipeline.

use std::hint::black_box;
use std::io::{self, Read as _, Write as _};
use std::process::{Command, Stdio};

use anyhow::{Result, ensure};

use crate::account;

const BLOCK: usize = 1 << 16;

/// All three, as a shell would start them.
pub(crate) fn pipeline(cpu_ms: u64) -> Result<()> {
    let own = std::env::current_exe()?;
    let mut source =
        Command::new(&own).args(["source", &cpu_ms.to_string()]).stdout(Stdio::piped()).spawn()?;
    let from: Stdio = source.stdout.take().map_or_else(Stdio::null, Into::into);
    let mut filter = Command::new(&own).arg("filter").stdin(from).stdout(Stdio::piped()).spawn()?;
    let from: Stdio = filter.stdout.take().map_or_else(Stdio::null, Into::into);
    let mut sink = Command::new(&own).arg("sink").stdin(from).spawn()?;
    for child in [&mut source, &mut filter, &mut sink] {
        let status = child.wait()?;
        ensure!(status.success(), "a part of the pipeline ended with {status}");
    }
    Ok(())
}

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

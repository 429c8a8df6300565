//! Many short commands one after the other, as a shell script is: a tool that samples sees hardly one of them.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

pub(crate) fn run(count: u32, program: &str) -> Result<()> {
    for _ in 0..count {
        let status = Command::new(program)
            .stdin(Stdio::null())
            .status()
            .with_context(|| format!("cannot start {program}"))?;
        ensure!(status.success(), "{program} ended with {status}");
    }
    Ok(())
}

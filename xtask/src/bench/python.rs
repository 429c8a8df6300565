//! The tools from PyPI that bp is compared with, in an environment of their own below `target/`.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::build;

pub(super) struct Python {
    environment: PathBuf,
}

impl Python {
    /// Made once, and again when the pinned versions have changed.
    pub(super) fn ready() -> Result<Self> {
        let environment = build::target().join("bench-venv");
        let wanted = build::root().join("xtask/python/requirements.txt");
        let text =
            std::fs::read_to_string(&wanted).with_context(|| format!("cannot read {}", wanted.display()))?;
        let stamp = environment.join("requirements.txt");
        let python = Self { environment };
        if std::fs::read_to_string(&stamp).is_ok_and(|made| made == text) {
            return Ok(python);
        }
        let remedy = "needs Python 3 with venv (Debian: apt-get install python3-venv) and PyPI";
        let mut make = Command::new("python3");
        make.args(["-m", "venv", "--clear"]).arg(&python.environment);
        let mut install = python.program("pip");
        install.args(["install", "--quiet", "--requirement"]).arg(&wanted);
        for command in [&mut make, &mut install] {
            let status = command.status().context(remedy)?;
            ensure!(status.success(), "{command:?} ended with {status}: it {remedy}");
        }
        std::fs::write(stamp, text)?;
        Ok(python)
    }

    /// A program of the environment.
    pub(super) fn program(&self, name: &str) -> Command {
        Command::new(self.environment.join("bin").join(name))
    }

    /// One of our own scripts.
    pub(super) fn script(&self, name: &str) -> Command {
        let mut command = self.program("python");
        command.arg(build::root().join("xtask/python").join(name));
        command
    }
}

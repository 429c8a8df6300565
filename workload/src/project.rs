//! A small C project, written and built by `make -j2`: real compilers in real parallel, their children and all.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

/// Functions of one source file: enough for a compiler to work for some tens of milliseconds.
const FUNCTIONS: usize = 60;

/// Builds a project of so many source files in a scratch directory, which is removed after.
pub(crate) fn make(sources: usize) -> Result<()> {
    let dir = tempfile::tempdir().context("there is no room for a scratch directory")?;
    write(dir.path(), sources)?;
    let status = Command::new("make")
        .args(["--silent", "-j2"])
        .current_dir(dir.path())
        // Not the job server of a make that this runs under.
        .env_remove("MAKEFLAGS")
        .env_remove("MFLAGS")
        .stdin(Stdio::null())
        .status()
        .context("cannot start make; on Debian: apt-get install make gcc libc6-dev")?;
    ensure!(status.success(), "make ended with {status}");
    let built = Command::new(dir.path().join("program")).status().context("make has built no program")?;
    ensure!(built.success(), "what make has built ended with {built}");
    Ok(())
}

fn write(dir: &Path, sources: usize) -> Result<()> {
    let mut main = String::from("#include <stdio.h>\n#include <string.h>\n");
    let mut sum = String::from("0");
    for file in 0..sources {
        fs::write(dir.join(format!("part{file}.c")), part(file))?;
        writeln!(main, "unsigned long part{file}(const char *);")?;
        write!(sum, " + part{file}(argv[0])")?;
    }
    writeln!(main, "int main(int argc, char **argv) {{ (void)argc; return {sum} == strlen(\"x\"); }}")?;
    fs::write(dir.join("main.c"), main)?;
    let objects: Vec<_> = (0..sources).map(|file| format!("part{file}.o")).collect();
    let rules = format!(
        "CC = cc\nCFLAGS = -O2\nprogram: main.o {}\n\t$(CC) -o $@ $^\n%.o: %.c\n\t$(CC) $(CFLAGS) -c -o $@ $<\n",
        objects.join(" ")
    );
    fs::write(dir.join("Makefile"), rules)?;
    Ok(())
}

fn part(file: usize) -> String {
    let mut text = String::from("#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n");
    let mut sum = String::from("1");
    for at in 0..FUNCTIONS {
        let name = format!("step{file}_{at}");
        let _ = write!(
            text,
            "static unsigned long {name}(const char *text) {{ unsigned long sum = {at}; size_t length = strlen(text);\n\
             for (size_t i = 0; i < length; i++) {{ sum = sum * {} + text[i]; if (sum % {} == 3) sum ^= i << {}; }}\n\
             return sum; }}\n",
            31 + at,
            7 + at,
            at % 13,
        );
        let _ = write!(sum, " + {name}(text)");
    }
    let _ = writeln!(text, "unsigned long part{file}(const char *text) {{ return {sum}; }}");
    text
}

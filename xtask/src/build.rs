//! Building the programs.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// The workspace's root.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Builds the release programs and gives the folder they are in.
pub(crate) fn release() -> Result<PathBuf> {
    // Always the whole workspace: features of shared crates would else be resolved anew, and all of them built again.
    cargo(&["build", "--release", "--workspace"])?;
    Ok(target().join("release"))
}

/// A release program that is nobody's but the benchmark's.
pub(crate) fn example(name: &str) -> Result<PathBuf> {
    cargo(&["build", "--release", "--workspace", "--example", name])?;
    Ok(target().join("release/examples").join(name))
}

/// The release programs as they are shipped, in a folder of their own: bpctl is linked whole, at fixed addresses and in
/// an order of its own, since most of what `bpctl run` costs is being loaded. Where that cannot be, it is the usual one.
pub(crate) fn shipped() -> Result<PathBuf> {
    let built = release()?;
    let folder = target().join("shipped");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let client = client(&built).unwrap_or_else(|why| {
        eprintln!(
            "bpctl cannot be linked statically here ({why:#}): it is dynamic, and `bpctl run` costs more"
        );
        built.join("bpctl")
    });
    for (from, name) in [(built.join("bpd"), "bpd"), (client, "bpctl"), (built.join("workload"), "workload")]
    {
        replace(&from, &folder.join(name))?;
    }
    Ok(folder)
}

/// bpctl alone, static. `bpd` = the folder of one.
fn client(bpd: &Path) -> Result<PathBuf> {
    ensure!(cfg!(all(target_os = "linux", target_env = "gnu")), "only for Linux with glibc");
    // Named, or the flags would reach the macros, which are libraries that the compiler loads.
    let triple = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let given = std::env::var("RUSTFLAGS").unwrap_or_default();
    let mut flags = format!("{given} -C target-feature=+crt-static -C relocation-model=static");
    let order = target().join("client.order");
    if cfg!(target_arch = "x86_64") {
        // The linker of this target can do it. Names that are not there any more are passed over.
        let file =
            order.to_str().filter(|file| !file.contains([' ', ','])).context("the path cannot be a flag")?;
        let _ = write!(flags, " -C link-arg=-Wl,--symbol-ordering-file={file},--no-warn-symbol-ordering");
        fs::File::options().create(true).append(true).open(&order)?;
    }
    let build = || {
        run(cargo_command(&["build", "--package", "bpctl", "--profile", "client", "--target", &triple])
            .env("RUSTFLAGS", flags.trim()))
    };
    build()?;
    let program = target().join(&triple).join("client/bpctl");
    lay_out(&program, &order, bpd, || {
        cargo(&["clean", "--package", "bpctl", "--profile", "client", "--target", &triple])?;
        build()
    })?;
    Ok(program)
}

/// Has `program` built again in the order that it shows when it runs, unless it was.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn lay_out(program: &Path, order: &Path, bpd: &Path, again: impl FnOnce() -> Result<()>) -> Result<()> {
    let stamp = || -> Result<String> {
        let metadata = fs::metadata(program)?;
        let since = metadata.modified()?.duration_since(std::time::UNIX_EPOCH)?;
        Ok(format!("{} {}", metadata.len(), since.as_nanos()))
    };
    let laid_out = order.with_extension("done");
    if fs::read_to_string(&laid_out).is_ok_and(|done| stamp().is_ok_and(|now| now == done)) {
        return Ok(());
    }
    match crate::layout::write(program, bpd, order) {
        Ok(()) => again()?,
        // It works all the same.
        Err(why) => eprintln!("bpctl stays larger in memory than it could be: {why:#}"),
    }
    fs::write(laid_out, stamp()?).context("cannot note that bpctl is laid out")
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn lay_out(_: &Path, _: &Path, _: &Path, _: impl FnOnce() -> Result<()>) -> Result<()> {
    Ok(())
}

/// By a rename: a program that runs cannot be written to, and keeps its old file until it ends.
pub(crate) fn replace(from: &Path, to: &Path) -> Result<()> {
    let beside = to.with_extension("new");
    fs::copy(from, &beside)
        .with_context(|| format!("cannot copy {} to {}", from.display(), beside.display()))?;
    fs::rename(&beside, to).with_context(|| format!("cannot put {} in its place", to.display()))
}

/// Programs to look at, sooner there than those of [`release`].
pub(crate) fn quick() -> Result<PathBuf> {
    cargo(&["build", "--profile", "quick", "--workspace"])?;
    Ok(target().join("quick"))
}

/// Runs cargo in the workspace's root, its output shown.
pub(crate) fn cargo(arguments: &[&str]) -> Result<()> {
    run(&mut cargo_command(arguments))
}

fn cargo_command(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

fn run(cargo: &mut Command) -> Result<()> {
    let status = cargo.status().context("cannot start cargo")?;
    let words: Vec<_> = cargo.get_args().map(|word| word.to_string_lossy()).collect();
    ensure!(status.success(), "cargo {} failed ({status})", words.join(" "));
    Ok(())
}

/// Where cargo builds to.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

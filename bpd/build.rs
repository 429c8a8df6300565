//! Names the folder that `bpd` embeds as its dashboard: `web/dist`, or, before the page is built, one that says how to
//! build it. So a plain `cargo build` works on a clean clone.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

const PLACEHOLDER: &str = "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>bp</title></head>\n\
    <body>\n<h1>bp</h1>\n<p>This bpd was built without its dashboard. Build it with <code>cargo xtask web</code>, then \
    build bpd again.</p>\n</body>\n</html>\n";

fn main() -> io::Result<()> {
    let dist = Path::new(&variable("CARGO_MANIFEST_DIR")?).join("../web/dist");
    println!("cargo:rerun-if-changed=build.rs");
    // Cargo reruns this at every build as long as what it watches is not there. A tree that cannot be written to costs
    // that, and nothing else.
    let _ = fs::create_dir(&dist);
    println!("cargo:rerun-if-changed={}", dist.display());
    let page = if dist.join("index.html").is_file() { dist.canonicalize()? } else { placeholder()? };
    println!("cargo:rustc-env=BP_PAGE={}", page.display());
    Ok(())
}

fn placeholder() -> io::Result<PathBuf> {
    let folder = PathBuf::from(variable("OUT_DIR")?).join("page");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("index.html"), PLACEHOLDER)?;
    Ok(folder)
}

fn variable(name: &str) -> io::Result<String> {
    env::var(name).map_err(|error| io::Error::other(format!("{name}: {error}")))
}

//! Parts of tests that need a process of their own: this test binary starts itself again with one test and a role.

use std::path::{Path, PathBuf};
use std::process::Command;

const ROLE: &str = "BP_TEST_ROLE";
const STORE: &str = "BP_TEST_STORE";

/// The command that runs `role` on the store at `dir` in a new process.
pub(super) fn command(role: &str, dir: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "store::child::plays_its_role", "--nocapture", "--test-threads=1"]);
    command.env(ROLE, role).env(STORE, dir);
    command
}

/// Does nothing but when `command` asks for it.
#[test]
fn plays_its_role() {
    let Some(role) = std::env::var_os(ROLE) else { return };
    let dir = PathBuf::from(std::env::var_os(STORE).unwrap());
    match role.to_str().unwrap() {
        "load" => super::kill::load(&dir),
        "fixture-v1" => super::released::fill(&dir),
        "fixture-v2" => super::released::fill_v2(&dir),
        "fixture-v3" => super::released::fill_v3(&dir),
        "fixture-v4" => super::released::fill_v4(&dir),
        "fixture-v5" => super::released::fill_v5(&dir),
        "fill" => super::disk::fill(&dir),
        "forbidden" => super::disk::open_as_nobody(&dir),
        "umask" => super::disk::open_without_a_umask(&dir),
        role => panic!("there is no role {role}"),
    }
}

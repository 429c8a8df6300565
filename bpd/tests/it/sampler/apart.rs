//! Tests that need a world of their own: other processes, another uid, another `/proc`. The test binary runs the test
//! again in there; everything in it dies with it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Set in the world apart: a directory that holds what the test has put there.
const APART: &str = "BP_TEST_APART";

/// Who has no rights.
pub(super) const NOBODY: u32 = 65534;

/// A shell script that becomes its arguments, in namespaces of processes and mounts of its own.
const MOUNT: &str = "mount -t proc -o \"$1\" proc /proc && shift && exec \"$@\"";

pub(super) struct World {
    /// Options of its `/proc`.
    pub proc: &'static str,
    pub uid: u32,
    /// What `unshare` is told of its clocks.
    pub clocks: &'static [&'static str],
}

/// The directory of this world, in it; `None` once the test has passed there, or where only root can make one.
pub(super) fn enter(test: &str, world: &World) -> Option<PathBuf> {
    if let Some(dir) = std::env::var_os(APART) {
        return Some(PathBuf::from(dir));
    }
    if !rustix::process::geteuid().is_root() {
        // CI is root.
        return None;
    }
    let dir = tempfile::Builder::new().prefix("bp").tempdir_in("/tmp").unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    // The build's directory may be closed to others.
    let program = dir.path().join("it");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let sudo = dir.path().join("sudo");
    std::fs::copy(found("setpriv"), &sudo).unwrap();
    std::fs::set_permissions(&sudo, std::fs::Permissions::from_mode(0o4755)).unwrap();

    let uid = world.uid.to_string();
    let mut command = Command::new("unshare");
    command.args(world.clocks).args([
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "sh",
        "-c",
        MOUNT,
        "sh",
        world.proc,
    ]);
    command.args(["setpriv", "--reuid", &uid, "--regid", &uid, "--clear-groups"]);
    command.arg(&program).args(["--exact", test, "--nocapture", "--test-threads=1"]);
    let output = command.env(APART, dir.path()).current_dir("/").output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    None
}

fn found(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|path| path.is_file()).unwrap()
}

/// The words that start something as another user, as `sudo` would.
pub(super) fn sudo(dir: &Path, uid: u32) -> String {
    format!("{}/sudo --reuid {uid} --regid {uid} --clear-groups", dir.display())
}

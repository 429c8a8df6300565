//! When the machine booted, in one value for the whole boot. fish tells when a line began by the uptime; the ids of its runs
//! begin with a time of day, and the same record must always give the same id.
//!
//! The wall clock may be set while the machine runs. So the first value is kept in the runtime directory, which belongs to
//! one boot, and a bpd that starts later takes it from there.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::OnceLock;

use bp_proto::UnixMillis;
use bp_proto::private_file::Open;
use bp_proto::process;

use super::session::since_boot;

const FILE: &str = "boot";
const MAX_FILE_BYTES: u64 = 128;

struct Boot {
    id: String,
    at: UnixMillis,
}

static BOOT: OnceLock<Boot> = OnceLock::new();

/// Fixes the time of the boot for this process. `run`: the runtime directory.
pub(super) fn remember(run: &Path) {
    BOOT.get_or_init(|| {
        let id = process::boot_id().unwrap_or_default();
        let path = run.join(FILE);
        let at = read(&path, &id).unwrap_or_else(|| {
            let at = UnixMillis::now().minus(since_boot());
            // Where it cannot be kept, this process still has one value.
            let _ = Open::to_write().or_create().open(&path).and_then(|mut file| {
                file.set_len(0)?;
                file.write_all(format!("{id} {}\n", at.0).as_bytes())
            });
            at
        });
        Boot { id, at }
    });
}

/// When the boot of this id was; `None` for another one.
pub(super) fn booted_at(boot_id: Option<&str>) -> Option<UnixMillis> {
    BOOT.get().filter(|boot| Some(boot.id.as_str()) == boot_id && !boot.id.is_empty()).map(|boot| boot.at)
}

fn read(path: &Path, id: &str) -> Option<UnixMillis> {
    let meta =
        fs::symlink_metadata(path).ok().filter(|meta| meta.is_file() && meta.len() <= MAX_FILE_BYTES)?;
    let text = if meta.len() > 0 { fs::read_to_string(path).ok()? } else { return None };
    let (kept, at) = text.trim_end().split_once(' ')?;
    (kept == id).then(|| at.parse().ok().map(UnixMillis)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_only_taken_for_its_own_boot() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        assert_eq!(read(&path, "a"), None);
        for (text, found) in [("a 1700\n", Some(1700)), ("b 1700\n", None), ("a x\n", None), ("", None)] {
            fs::write(&path, text).unwrap();
            assert_eq!(read(&path, "a").map(|at| at.0), found, "{text:?}");
        }
    }
}

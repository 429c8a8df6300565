//! PowerShell's hook is a module in a file: a text that is evaluated would fill the user's global scope, and evaluating it
//! costs more than importing. What bpctl knows is passed as arguments, so that the hook need not start programs for it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use bp_proto::place::{Places, own_dir};
use bp_proto::{Actor, RUN_ENV, process};

use super::Shell;

/// `PowerShell` names a module after its file.
const FILE: &str = "hooks/bp.psm1";

/// What the module loads when the first line is read.
const CORE_FILE: &str = "hooks/core.ps1";
pub(super) const CORE: &str = include_str!("../../../../shell/core.ps1");

/// In the module: where the part for lines is.
const CORE_PLACE: &str = r#"$core = "$PSScriptRoot/core.ps1""#;

/// Stands for a newline in a text that is printed on one line: `PowerShell` evaluates what a program prints line by line.
const NEWLINE: char = '\u{1}';

/// The line that loads the hook. `bpctl init` writes the module's file if it is missing or another version's, so that it
/// is always this program's. Where it cannot be written, the line holds the whole hook.
pub(super) fn loading_line(places: &Places) -> Vec<u8> {
    let file = places.data.join(FILE);
    let stored = store(&places.data.join(CORE_FILE), CORE.as_bytes())
        .and_then(|()| store(&file, Shell::Powershell.hook().as_bytes()));
    // The hook writes nowhere if the runtime directory is not this user's alone.
    let is_own = own_dir(&places.run).is_ok() && own_dir(&places.mail()).is_ok();
    let mail = if is_own { places.mail() } else { PathBuf::new() };
    // A path that does not fit a socket's address: the mailbox is always there.
    let socket = places.socket().ok().filter(|_| is_own).unwrap_or_default();
    let boot = process::boot_id().unwrap_or_else(|| "-".to_owned());
    let arguments = [mail.into(), socket.into(), OsString::from(boot), OsString::from(origin())];
    let arguments = arguments.map(|argument| Shell::Powershell.quoted(&argument)).join(&b","[..]);
    let import = b"-Global -DisableNameChecking -Verbose:$false -ErrorAction Ignore";
    let line = match stored {
        Ok(()) => [
            &b"Microsoft.PowerShell.Core\\Import-Module -Name "[..],
            &Shell::Powershell.quoted(file.as_os_str()),
            b" -ArgumentList ",
            &arguments,
            b" ",
            import,
        ]
        .concat(),
        // A second load must change nothing, as it does with a file.
        Err(_) => [
            &b"if (-not (Microsoft.PowerShell.Core\\Get-Module -Name bp)) { \
               Microsoft.PowerShell.Core\\New-Module -Name bp -ScriptBlock ([scriptblock]::Create("[..],
            &Shell::Powershell.quoted(OsStr::new(&whole().replace('\n', &NEWLINE.to_string()))),
            b".Replace([char] 1, [char] 10))) -ArgumentList ",
            &arguments,
            b" | Microsoft.PowerShell.Core\\Import-Module ",
            import,
            b" }",
        ]
        .concat(),
    };
    [line, b"\n".to_vec()].concat()
}

/// Both parts of the hook in one text.
fn whole() -> String {
    Shell::Powershell.hook().replace(CORE_PLACE, &format!("$core = {{\n{CORE}\n}}"))
}

/// Who types and the run around the shell, as the last two words of a record's `shell` field.
fn origin() -> String {
    let parent = std::env::var_os(RUN_ENV).filter(|run| !run.is_empty());
    let parent = parent.map_or_else(|| "-".to_owned(), |run| word(&run));
    format!("{} {parent}", Actor::of_environment(|name| std::env::var_os(name)))
}

fn word(text: &OsStr) -> String {
    let letters = text.to_string_lossy();
    letters.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect()
}

/// In one step, for the user alone: a shell that starts reads the old module or the new one.
fn store(file: &Path, text: &[u8]) -> io::Result<()> {
    if fs::read(file).is_ok_and(|stored| stored == text) {
        return Ok(());
    }
    let dir = file.parent().unwrap_or(Path::new("/"));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let new: PathBuf = dir.join(format!(".new.{}", std::process::id()));
    let written = || {
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true).mode(0o600).open(&new)?.write_all(text)?;
        fs::rename(&new, file)
    };
    written().inspect_err(|_| drop(fs::remove_file(&new)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_of_another_version_is_replaced() {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("data/hooks/bp.psm1");
        for text in ["old", "new", "new"] {
            store(&file, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&file).unwrap(), text);
        }
        assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn the_hook_in_one_text_has_both_parts() {
        let whole = whole();
        assert!(whole.contains(CORE) && !whole.contains("PSScriptRoot") && !whole.contains(NEWLINE));
    }

    #[test]
    fn a_run_is_one_word() {
        assert_eq!(word(OsStr::new("01 a'")), "01_a_");
    }
}

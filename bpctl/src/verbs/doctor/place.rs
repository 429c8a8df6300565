//! The runtime directory and the mailbox: ours alone, and nothing of shells that are gone.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use bp_proto::place::Places;
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use super::finding::{Finding, Mend};
use crate::screen::Screen;
use crate::text::words::Word;

pub(super) fn look(places: &Places, screen: &Screen) -> Vec<Finding> {
    let run = directory("runtime_dir", &places.run, screen);
    if run.ok != Some(true) && !matches!(run.mend, Some(Mend::Close(_))) {
        // Whatever is in it is nobody's business.
        return vec![run];
    }
    let mut findings = vec![run];
    findings.extend(Some(directory("mailbox", &places.mail(), screen)).filter(|mail| mail.ok != Some(true)));
    findings.extend(leftovers(&places.run, screen));
    findings
}

fn directory(check: &'static str, dir: &Path, screen: &Screen) -> Finding {
    let shown = dir.display().to_string();
    let ours = rustix::process::geteuid().as_raw();
    let wrong = |why: &str, remedy: String| {
        Finding::wrong(check, screen.say(Word::DoctorRunDirBad, &[&shown, why]), remedy)
    };
    let remove = || screen.say(Word::DoctorRunDirFix, &[&shown]);
    match std::fs::symlink_metadata(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            wrong(screen.word(Word::DoctorMissing), screen.word(Word::DoctorStart).to_owned())
                .mended_by(Mend::Make(dir.to_owned()))
        }
        Err(error) => wrong(&error.to_string(), remove()),
        Ok(meta) if !meta.is_dir() => wrong(screen.word(Word::NotADirectory), remove()),
        Ok(meta) if meta.uid() != ours => {
            wrong(&screen.say(Word::DoctorNobodys, &[&meta.uid().to_string()]), remove())
        }
        Ok(meta) if meta.mode() & 0o077 != 0 => {
            let mode = format!("{:03o}", meta.mode() & 0o777);
            wrong(&screen.say(Word::DoctorOpen, &[&mode]), remove()).mended_by(Mend::Close(dir.to_owned()))
        }
        Ok(_) => Finding::fine(check, screen.say(Word::DoctorRunDir, &[&shown])),
    }
}

/// `.shell.PID` of processes that are gone.
fn leftovers(run: &Path, screen: &Screen) -> Option<Finding> {
    let entries = std::fs::read_dir(run).ok()?.filter_map(Result::ok);
    let stale: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(|path| owner(path).is_some_and(is_gone)).collect();
    if stale.is_empty() {
        return None;
    }
    let text = screen.say(Word::DoctorLeftovers, &[&stale.len().to_string(), &run.display().to_string()]);
    let remedy = screen.say(Word::DoctorLeftoversFix, &[&run.join(".shell.*").display().to_string()]);
    Some(Finding::wrong("leftovers", text, remedy).mended_by(Mend::Remove(stale)))
}

fn owner(path: &Path) -> Option<u32> {
    path.file_name()?.to_str()?.strip_prefix(".shell.")?.parse().ok()
}

fn is_gone(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_none_or(|pid| test_kill_process(pid) == Err(Errno::SRCH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leftover_is_named_by_the_shell_that_is_gone() {
        assert_eq!(owner(Path::new("/run/.shell.17")), Some(17));
        for name in ["/run/.shell.x", "/run/.shell.", "/run/mail", "/run/.shell.1.2"] {
            assert_eq!(owner(Path::new(name)), None, "{name}");
        }
        assert!(!is_gone(std::process::id()));
        assert!(is_gone(u32::MAX - 1));
    }
}

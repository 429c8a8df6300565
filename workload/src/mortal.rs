//! Programs that end with who has started them: a killed suite leaves nothing behind.

#![allow(unsafe_code, reason = "what ends a process is set between fork and exec")]

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use rustix::process::{Signal, set_parent_process_death_signal};

/// The thread that spawns `command` takes it along when it ends, also where nobody could clean up. It is asked to end,
/// so that `bpctl run` tells its command and bpd stores what it has.
pub fn mortal(command: &mut Command) -> &mut Command {
    // SAFETY: one system call without memory of its own, allowed between fork and exec.
    unsafe { command.pre_exec(|| Ok(set_parent_process_death_signal(Some(Signal::TERM))?)) }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader};
    use std::process::Stdio;

    use super::*;

    #[test]
    fn what_a_thread_has_spawned_ends_with_it() {
        let begun = std::thread::spawn(|| {
            let mut shell = Command::new("sh");
            shell.args(["-c", "trap 'echo asked; exit' TERM; echo begun; while :; do sleep 0.01; done"]);
            let mut child = mortal(&mut shell).stdout(Stdio::piped()).spawn().unwrap();
            let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
            assert_eq!(said.next().unwrap().unwrap(), "begun");
            (child, said)
        });
        let (mut child, mut said) = begun.join().unwrap();
        assert_eq!(said.next().unwrap().unwrap(), "asked");
        assert!(child.wait().unwrap().success());
    }
}

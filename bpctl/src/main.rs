//! bpctl, the client of bp.
//!
//! Entered as a C program is: before its own `main` the standard library reads the memory map, makes a stack for
//! signals, opens what is closed of the standard descriptors and ignores SIGPIPE. `bpctl run` stands in the way of
//! every command that it records and has no use for the first two; of the others the command must see nothing.

#![no_main]
#![allow(unsafe_code, reason = "the symbol by which the C library enters, and one disposition")]

use std::ffi::{OsString, c_char, c_int};

use bpctl::cli;
use bpctl::{run, verbs};

// SAFETY: no other function has this name: the C library calls it once, with the arguments that the standard library
// has noted before.
#[unsafe(no_mangle)]
extern "C" fn main(_count: c_int, _arguments: *const *const c_char) -> c_int {
    let mut words = std::env::args_os().skip(1);
    // Read before clap, which costs more than all that these do: they stand in the way of a prompt.
    let exit_code = match words.next() {
        Some(verb) if verb == "run" => run::main(words, None),
        first => others(&first.into_iter().chain(words).collect::<Vec<_>>()),
    };
    // What the standard library holds back is written, which a return to the C library would lose.
    std::process::exit(exit_code.into());
}

fn others(words: &[OsString]) -> u8 {
    if let Some((lang, behind)) = cli::run_in(words) {
        // From where `run` itself would read them, so that there is one reader in the program.
        let before = 1 + words.len() - behind.len();
        return run::main(std::env::args_os().skip(before), Some(lang));
    }
    // SAFETY: sets one disposition; what is written to a reader that has gone is an error then.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
    match words.split_first() {
        Some((verb, behind)) if verb == "event" => verbs::event::main(behind),
        _ => {
            let program = std::env::args_os().next().unwrap_or_else(|| "bpctl".into());
            let words: Vec<OsString> = std::iter::once(program).chain(cli::rewritten(words)).collect();
            match cli::parse(&words) {
                Ok(cli) => verbs::main(cli),
                Err(said) => cli::refuse(&said, &words),
            }
        }
    }
}

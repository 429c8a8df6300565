//! bpd, the daemon of bp. Started by `bpctl daemon start`, by a shell's first prompt, or by a service manager.

use std::io::{self, Write as _};
use std::process::ExitCode;

use bp_proto::place::Places;
use bp_proto::program::EXIT_LOCK_HELD;
use bpd::config::MAX_TOLD;
use bpd::lock::LockError;
use bpd::words::Lang;
use bpd::{logs, memory, process, signals, supervisor};

const USAGE: &str = "\
bpd records what is run in the shells of one user; bpctl talks to it.

bpd                 serves in the foreground
bpd --detached      serves apart from the terminal; says `ready` on standard output once it can be reached
bpd --show-config [tr|en]
                    prints the config in effect, or all that is wrong with it, in that language
bpd --version
";

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    let outcome = match words.first().map(|word| word.to_string_lossy()).as_deref() {
        None => serve(false).map(|()| ExitCode::SUCCESS),
        Some("--detached") => serve(true).map(|()| ExitCode::SUCCESS),
        Some("--show-config") => show_config(words.get(1).and_then(|lang| lang.to_str())),
        Some("--version") => say(concat!("bpd ", env!("CARGO_PKG_VERSION"), "\n")),
        Some("--help" | "-h") => say(USAGE),
        Some(_) => {
            let _ = io::stderr().write_all(USAGE.as_bytes());
            return ExitCode::from(2);
        }
    };
    outcome.unwrap_or_else(|error| {
        let _ = writeln!(io::stderr(), "bpd: {error:#}");
        match error.downcast_ref::<LockError>() {
            Some(LockError::Held { .. }) => ExitCode::from(EXIT_LOCK_HELD),
            _ => ExitCode::FAILURE,
        }
    })
}

fn serve(detached: bool) -> anyhow::Result<()> {
    let places = Places::find()?;
    process::settle(detached);
    memory::use_few_heaps();
    let lock = supervisor::claim(&places)?;
    // `bpctl daemon stop` waits for this lock: it is released when nothing else of this process is left.
    std::mem::forget(lock.clone());
    let config = supervisor::read_config(&places)?;
    let logs = logs::start(&places.log(), &config.log)?;
    let runtime = supervisor::runtime()?;
    let outcome = runtime.block_on(async {
        let (stop, hangups) = signals::listen()?;
        let reread = supervisor::Reread { config: supervisor::read_config, hangups };
        let mut parts = supervisor::Parts::open(lock, places, config, process::inherited_socket(), reread)?;
        parts.logs = Some(logs);
        if detached {
            process::ready()?;
        }
        supervisor::run(parts, stop).await
    });
    runtime.shutdown_timeout(supervisor::LAST_WORDS);
    if let Err(error) = &outcome {
        tracing::error!("{error:#}");
    }
    outcome
}

/// `lang`: of what is wrong; bpctl names its own.
fn show_config(lang: Option<&str>) -> anyhow::Result<ExitCode> {
    let refused = match supervisor::read_config(&Places::find()?) {
        Ok(config) => return say(&config.to_string()),
        Err(refused) => refused,
    };
    let lang = lang.and_then(Lang::preferred).unwrap_or_default();
    for sentence in refused.told(lang, MAX_TOLD) {
        let _ = writeln!(io::stderr(), "bpd: {sentence}");
    }
    Ok(ExitCode::FAILURE)
}

fn say(text: &str) -> anyhow::Result<ExitCode> {
    io::stdout().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

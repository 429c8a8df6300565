//! bpd, the daemon of bp. Started by `bpctl daemon start`, by a shell's first prompt, or by a service manager.

use std::io::{self, Write as _};
use std::process::ExitCode;

use bp_proto::place::Places;
use bpd::{logs, process, signals, supervisor};

const USAGE: &str = "\
bpd records what is run in the shells of one user; bpctl talks to it.

bpd                 serves in the foreground
bpd --detached      serves apart from the terminal; says `ready` on standard output once it can be reached
bpd --show-config   prints the config in effect, or what is wrong with it
bpd --version
";

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    let outcome = match words.first().map(|word| word.to_string_lossy()).as_deref() {
        None => serve(false),
        Some("--detached") => serve(true),
        Some("--show-config") => show_config(),
        Some("--version") => say(concat!("bpd ", env!("CARGO_PKG_VERSION"), "\n")),
        Some("--help" | "-h") => say(USAGE),
        Some(_) => {
            let _ = io::stderr().write_all(USAGE.as_bytes());
            return ExitCode::from(2);
        }
    };
    outcome.map_or_else(
        |error| {
            let _ = writeln!(io::stderr(), "bpd: {error:#}");
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    )
}

fn serve(detached: bool) -> anyhow::Result<()> {
    let places = Places::find()?;
    process::settle(detached);
    let lock = supervisor::claim(&places)?;
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

fn show_config() -> anyhow::Result<()> {
    say(&supervisor::read_config(&Places::find()?)?.to_string())
}

fn say(text: &str) -> anyhow::Result<()> {
    Ok(io::stdout().write_all(text.as_bytes())?)
}

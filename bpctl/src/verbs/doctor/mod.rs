//! `bpctl doctor`: what is in the way of a recorded command, each with its remedy; `--fix` mends what it understands.

mod daemon;
mod facts;
mod finding;
mod mend;
mod place;
mod rc;
mod shell;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

use bp_proto::place::Places;
use bp_proto::spool::Spool;
use bp_proto::{Request, Status, process};

use self::facts::Facts;
use self::finding::Finding;
use super::init::Shell;
use super::{Exit, Usage, pause};
use crate::ask::Bpd;
use crate::screen::{Screen, Tone};
use crate::text::escape::visible;
use crate::text::said::OrSay as _;
use crate::text::words::Word;

#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct Args {
    /// `[{"check", "ok", "text", "remedy"}]`
    #[arg(long, conflicts_with = "fix")]
    json: bool,
    /// Tab-separated values under a header: for scripts
    #[arg(long, conflicts_with_all = ["fix", "json"])]
    plain: bool,
    /// Mends what it can; shows the difference and asks before it edits a file of yours
    #[arg(long)]
    fix: bool,
    /// With --fix: does not ask
    #[arg(long, short, requires = "fix")]
    yes: bool,
    /// Prints a command that asks the shell about itself: `eval "$(bpctl doctor --shell)"`
    #[arg(long, num_args = 0..=1, require_equals = true, value_name = "SHELL", default_missing_value = "")]
    shell: Option<String>,
    /// An answer of the shell, NAME=VALUE
    #[arg(long, hide = true)]
    fact: Vec<String>,
}

/// A file can be wrong in three ways; each is mended by itself.
const MAX_EDITS: usize = 3;

pub fn run(args: &Args, screen: &Screen) -> anyhow::Result<Exit> {
    if let Some(shell) = &args.shell {
        return print_script(args, shell, screen);
    }
    let places = Places::find()?;
    let given = Facts::of(&args.fact);
    let mut findings = gather(&places, given.as_ref(), screen)?;
    if args.fix {
        let mut edited = mend::all(findings.split_off(0), &places, args.yes, screen)?;
        // What is left, and what the mending has brought.
        findings = gather(&places, given.as_ref(), screen)?;
        for _ in 1..MAX_EDITS {
            if !std::mem::take(&mut edited) {
                break;
            }
            edited = mend::edits(findings.split_off(0), &places, args.yes, screen)?;
            findings = gather(&places, given.as_ref(), screen)?;
        }
    }
    report(args, &findings, screen)
}

fn gather(places: &Places, given: Option<&Facts>, screen: &Screen) -> anyhow::Result<Vec<Finding>> {
    let mut findings = place::look(places, screen);
    let (mut bpd, status) = match Bpd::connect_for_status() {
        Ok(mut bpd) => {
            let status = bpd.ask::<Status>(&Request::Status);
            (Some(bpd), status)
        }
        Err(away) => (None, Err(away)),
    };
    findings.extend(daemon::look(status.as_ref(), places, screen));
    let pauses = pause::read(places).unwrap_or_default();
    for paused in pause::sentences(&pauses, screen.now, screen) {
        findings.push(Finding::note("paused", paused, Some("bpctl resume".to_owned())));
    }
    findings.extend(shell::look(bpd.as_mut().filter(|_| status.is_ok()), places, given, screen)?);
    findings.extend(daemon::spool(&Spool::at(places.spool()), status.is_ok(), screen));
    findings.push(notices(screen));
    Ok(findings)
}

fn report(args: &Args, findings: &[Finding], screen: &Screen) -> anyhow::Result<Exit> {
    let wrong = findings.iter().any(|finding| finding.ok == Some(false));
    if args.json {
        Screen::print_json(&serde_json::to_vec(findings)?)?;
    } else if args.plain {
        screen.print(&plain(findings))?;
    } else {
        let mendable = !args.fix && findings.iter().any(|finding| finding.mend.is_some());
        screen.print(&page(findings, wrong, mendable, screen))?;
    }
    Ok(if wrong { Exit::Failed } else { Exit::Fine })
}

fn page(findings: &[Finding], wrong: bool, mendable: bool, screen: &Screen) -> String {
    let mut page = String::new();
    for finding in findings {
        let mark = match finding.ok {
            Some(true) => screen.paint(Tone::Good, "✓"),
            Some(false) => screen.paint(Tone::Bad, "✗"),
            None => screen.paint(Tone::Faint, "·"),
        };
        page.push_str(&screen.paragraph(&format!("{mark} "), 2, &visible(&finding.text)));
        if let Some(remedy) = &finding.remedy {
            let remedy = screen.say(Word::DoctorRemedy, &[&visible(remedy)]);
            page.push_str(&screen.paragraph("    ", 4, &remedy));
        }
    }
    if !wrong {
        let _ = writeln!(page, "{}", screen.word(Word::DoctorWell));
    } else if mendable {
        page.push_str(&screen.paragraph("", 0, screen.word(Word::DoctorMendable)));
    }
    page
}

fn plain(findings: &[Finding]) -> String {
    let mut page = "check\tok\ttext\tremedy\n".to_owned();
    for finding in findings {
        let ok = finding.ok.map_or("", |ok| if ok { "true" } else { "false" });
        let remedy = finding.remedy.as_deref().unwrap_or_default();
        let _ = writeln!(page, "{}\t{ok}\t{}\t{}", finding.check, visible(&finding.text), visible(remedy));
    }
    page
}

/// For the shell that is named, or the one that asks.
fn print_script(args: &Args, named: &str, screen: &Screen) -> anyhow::Result<Exit> {
    let name = match named {
        "" => process::parent().map(shell::name).unwrap_or_default(),
        named => named.to_owned(),
    };
    let known = Shell::ALL.into_iter().find(|shell| [shell.name(), shell.program()].contains(&name.as_str()));
    let shell = known.ok_or_else(|| Usage(screen.say(Word::DoctorWhichShell, &[&name])))?;
    let own = std::env::current_exe().or_say(Word::CannotTellProgram, &[])?;
    let flags = [("--fix", args.fix), ("--yes", args.yes), ("--json", args.json)];
    let flags: Vec<_> = flags.iter().filter(|(_, given)| *given).map(|(flag, _)| *flag).collect();
    std::io::stdout().write_all(&facts::script(shell, &own, &flags))?;
    Ok(Exit::Fine)
}

/// Whether somebody listens where desktop notices are sent.
fn notices(screen: &Screen) -> Finding {
    let named = std::env::var("DBUS_SESSION_BUS_ADDRESS").ok();
    let path = named.as_deref().and_then(|address| address.strip_prefix("unix:path="));
    let path = path.map_or_else(
        || PathBuf::from(format!("/run/user/{}/bus", rustix::process::geteuid().as_raw())),
        |path| PathBuf::from(path.split([',', ';']).next().unwrap_or(path)),
    );
    if crate::bpd::is_served(&path) {
        return Finding::fine("notices", screen.say(Word::DoctorNotices, &[&path.display().to_string()]));
    }
    // A server or a container has none: that is no fault.
    let remedy = screen.word(Word::DoctorNoticesFix).to_owned();
    Finding::note("notices", screen.word(Word::DoctorNoNotices).to_owned(), Some(remedy))
}

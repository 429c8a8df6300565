//! `bpctl doctor`: what is in the way of a recorded command, each with its remedy.

use std::fmt::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use bp_proto::place::Places;
use bp_proto::request::ListQuery;
use bp_proto::spool::Spool;
use bp_proto::{Request, Run, Status};
use serde::Serialize;

use super::Exit;
use crate::ask::Bpd;
use crate::screen::{Screen, Tone};
use crate::text::escape::visible;
use crate::text::said::sentence;
use crate::text::words::Word;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// `[{"check", "ok", "text", "remedy"}]`
    #[arg(long)]
    json: bool,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    /// `None`: worth knowing, not wrong.
    ok: Option<bool>,
    text: String,
    remedy: Option<String>,
}

impl Finding {
    fn fine(check: &'static str, text: String) -> Self {
        Self { check, ok: Some(true), text, remedy: None }
    }

    fn note(check: &'static str, text: String, remedy: Option<String>) -> Self {
        Self { check, ok: None, text, remedy }
    }

    fn wrong(check: &'static str, text: String, remedy: String) -> Self {
        Self { check, ok: Some(false), text, remedy: Some(remedy) }
    }
}

pub fn run(args: &Args, screen: &Screen) -> anyhow::Result<Exit> {
    let places = Places::find()?;
    let mut findings = vec![runtime_dir(&places.run, screen)];
    let mut bpd = Bpd::connect();
    let status = bpd
        .as_mut()
        .map_err(|error| sentence(error, screen.lang))
        .and_then(|bpd| bpd.ask::<Status>(&Request::Status).map_err(|error| sentence(&error, screen.lang)));
    findings.extend(daemon(&status, screen));
    findings.extend(hook(bpd.as_mut().ok().filter(|_| status.is_ok()), &places, screen));
    findings.extend(spool(&Spool::at(places.spool()), screen));
    findings.push(notices(screen));
    let wrong = findings.iter().any(|finding| finding.ok == Some(false));
    if args.json {
        Screen::print_json(&serde_json::to_vec(&findings)?)?;
    } else {
        screen.print(&page(&findings, wrong, screen))?;
    }
    Ok(if wrong { Exit::Failed } else { Exit::Fine })
}

fn page(findings: &[Finding], wrong: bool, screen: &Screen) -> String {
    let mut page = String::new();
    for finding in findings {
        let mark = match finding.ok {
            Some(true) => screen.paint(Tone::Good, "✓"),
            Some(false) => screen.paint(Tone::Bad, "✗"),
            None => screen.paint(Tone::Faint, "·"),
        };
        let _ = writeln!(page, "{mark} {}", visible(&finding.text));
        if let Some(remedy) = &finding.remedy {
            let _ = writeln!(page, "    {}", screen.say(Word::DoctorRemedy, &[&visible(remedy)]));
        }
    }
    if !wrong {
        let _ = writeln!(page, "{}", screen.word(Word::DoctorWell));
    }
    page
}

fn runtime_dir(dir: &Path, screen: &Screen) -> Finding {
    let shown = dir.display().to_string();
    let ours = rustix::process::geteuid().as_raw();
    let why = match std::fs::symlink_metadata(dir) {
        Err(error) => error.to_string(),
        Ok(meta) if !meta.is_dir() => screen.word(Word::NotADirectory).to_owned(),
        Ok(meta) if meta.uid() != ours => screen.say(Word::DoctorNobodys, &[&meta.uid().to_string()]),
        Ok(meta) if meta.mode() & 0o077 != 0 => {
            screen.say(Word::DoctorOpen, &[&format!("{:03o}", meta.mode() & 0o777)])
        }
        Ok(_) => return Finding::fine("runtime_dir", screen.say(Word::DoctorRunDir, &[&shown])),
    };
    let text = screen.say(Word::DoctorRunDirBad, &[&shown, &why]);
    let remedy = if dir.exists() {
        screen.say(Word::DoctorRunDirFix, &[&shown])
    } else {
        screen.word(Word::DoctorStart).to_owned()
    };
    Finding::wrong("runtime_dir", text, remedy)
}

fn daemon(status: &Result<Status, String>, screen: &Screen) -> Vec<Finding> {
    let status = match status {
        Ok(status) => status,
        Err(why) => {
            return vec![Finding::wrong("bpd", why.clone(), screen.word(Word::DoctorStart).to_owned())];
        }
    };
    let text = screen.say(Word::DoctorBpdRuns, &[&status.version, &status.pid.to_string()]);
    let mut findings = vec![Finding::fine("bpd", text)];
    let own = env!("CARGO_PKG_VERSION");
    if status.version != own {
        let text = screen.say(Word::DoctorSkew, &[&status.version, own]);
        findings.push(Finding::wrong("version", text, screen.word(Word::DoctorRestart).to_owned()));
    }
    for sentence in &status.degraded {
        let text = screen.say(Word::DoctorDegraded, &[sentence]);
        findings.push(Finding::wrong("degraded", text, screen.word(Word::DoctorLogs).to_owned()));
    }
    findings
}

/// The shell that we were typed in, by its process.
struct Parent {
    pid: u32,
    name: String,
}

fn parent() -> Option<Parent> {
    let pid = rustix::process::getppid()?.as_raw_nonzero().get() as u32;
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    Some(Parent { pid, name: name.trim().trim_start_matches('-').to_owned() })
}

/// Whether the prompt before this one was reported. Hooks leak no variable, so bpd or the mailbox must know.
fn hook(bpd: Option<&mut Bpd>, places: &Places, screen: &Screen) -> Vec<Finding> {
    let mut findings = Vec::new();
    if std::env::var_os("BP_OFF").is_some_and(|off| off == "1") {
        let remedy = screen.word(Word::DoctorUnset).to_owned();
        findings.push(Finding::wrong("hook", screen.word(Word::DoctorOff).to_owned(), remedy));
        // Whether it is loaded besides is no matter, and loading it no remedy.
        return findings;
    }
    if std::env::var_os("PROMPT_COMMAND").is_some() {
        let remedy = screen.word(Word::DoctorPromptFix).to_owned();
        findings.push(Finding::note(
            "prompt_command",
            screen.word(Word::DoctorPrompt).to_owned(),
            Some(remedy),
        ));
    }
    if std::env::var_os("bash_preexec_imported").or(std::env::var_os("__bp_imported")).is_some() {
        findings.push(Finding::note("preexec", screen.word(Word::DoctorPreexec).to_owned(), None));
    }
    let Some(shell) = parent() else { return findings };
    if !matches!(shell.name.as_str(), "bash" | "zsh" | "fish") {
        findings.push(Finding::note("hook", screen.say(Word::DoctorNotShell, &[&shell.name]), None));
        return findings;
    }
    let reported = bpd.and_then(|bpd| newest_of(bpd, shell.pid));
    findings.push(match reported {
        Some(run) => Finding::fine("hook", screen.say(Word::DoctorHook, &[&run.to_string()])),
        // bpd is away: what the hook wrote waits in the shell's own file.
        None if mail_of(places, shell.pid).is_file() => {
            Finding::fine("hook", screen.word(Word::DoctorMail).to_owned())
        }
        None => {
            let text = screen.say(Word::DoctorNoHook, &[&shell.name, &shell.pid.to_string()]);
            Finding::wrong("hook", text, screen.say(Word::DoctorLoad, &[&shell.name]))
        }
    });
    findings
}

fn mail_of(places: &Places, shell: u32) -> PathBuf {
    places.mail().join(shell.to_string())
}

/// The newest run that this shell reported.
fn newest_of(bpd: &mut Bpd, shell: u32) -> Option<u64> {
    let query = ListQuery { limit: Some(500), ..ListQuery::default() };
    let runs: Vec<Run> = bpd.ask(&Request::List(query)).ok()?;
    let pid = shell.to_string();
    // A session is named BOOT-PID-TICKS.
    let is_its = |session: &str| session.split('-').any(|part| part == pid);
    runs.iter().find(|run| run.session.as_deref().is_some_and(is_its)).map(|run| run.id)
}

fn spool(spool: &Spool, screen: &Screen) -> Vec<Finding> {
    let waiting = match spool.waiting() {
        Ok(waiting) => waiting,
        Err(error) => {
            let remedy = screen.word(Word::DoctorRemove).to_owned();
            return vec![Finding::wrong("spool", sentence(&error.into(), screen.lang), remedy)];
        }
    };
    let mut findings = vec![match waiting.runs.len() {
        0 => Finding::fine("spool", screen.word(Word::DoctorSpool).to_owned()),
        runs => {
            let text = screen.say(Word::DoctorSpoolWaits, &[&runs.to_string()]);
            Finding::wrong("spool", text, screen.word(Word::DoctorRestart).to_owned())
        }
    }];
    for path in waiting.unreadable {
        let text = screen.say(Word::DoctorSpoolBad, &[&path.display().to_string()]);
        findings.push(Finding::wrong("spool", text, screen.word(Word::DoctorRemove).to_owned()));
    }
    findings
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

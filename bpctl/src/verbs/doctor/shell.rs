//! The shell that doctor was typed in: whether its last prompt produced an event, and what its file says.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use bp_proto::place::{Places, home};
use bp_proto::process::{self, TICKS_PER_SECOND};
use bp_proto::report::ShellState;
use bp_proto::request::ListQuery;
use bp_proto::{Owner, Request, Run, UnixMillis};

use super::facts::{self, Facts};
use super::finding::Finding;
use super::rc::Rc;
use crate::ask::Bpd;
use crate::screen::Screen;
use crate::text::figures;
use crate::text::words::Word;
use crate::verbs::init::Shell;
use crate::verbs::setup;

/// Between the hook's record and this process's birth lies one fork; a busy machine may take its time for it.
const LATENESS: Duration = Duration::from_secs(1);

/// What the shell's event file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Newest {
    /// Of the line that started us.
    This,
    /// So long ago.
    Before(Duration),
    None,
}

pub(super) fn look(
    bpd: Option<&mut Bpd>,
    places: &Places,
    given: Option<&Facts>,
    screen: &Screen,
) -> anyhow::Result<Vec<Finding>> {
    if std::env::var_os("BP_OFF").is_some_and(|off| off == "1") {
        let remedy = screen.word(Word::DoctorUnset).to_owned();
        // Whether it is loaded besides is no matter, and loading it no remedy.
        return Ok(vec![Finding::wrong("hook", screen.word(Word::DoctorOff).to_owned(), remedy)]);
    }
    let Some(parent) = process::parent() else { return Ok(Vec::new()) };
    let name = name(parent);
    let Some(shell) = Shell::ALL.into_iter().find(|shell| shell.program() == name) else {
        return Ok(vec![Finding::note("hook", screen.say(Word::DoctorNotShell, &[&name]), None)]);
    };
    let rc = Rc::of(setup::rc_file(shell)?)?;
    let line = rc.file.line(&setup::word_for_bpctl(shell)?);
    let home = home()?;
    let mut findings = rc.look(&home, &line, screen);
    let mut bpd = bpd;
    // What goes over the socket leaves no file, and a line that only looks at bp is no run.
    let is_in_line = bpd.as_deref_mut().is_some_and(|bpd| {
        let state = bpd.ask::<ShellState>(&Request::ShellState { pid: parent.pid });
        state.ok().and_then(|state| state.line_started_at).is_some_and(is_of_this_line)
    });
    let recorded = bpd.and_then(|bpd| newest_of(bpd, parent.pid));
    let newest = match newest(places, parent) {
        Newest::This => Newest::This,
        _ if is_in_line => Newest::This,
        Newest::None if recorded.is_some_and(|run| is_of_this_line(run.at)) => Newest::This,
        newest => newest,
    };
    let at = Here { shell, parent, rc, line, newest, recorded, is_in_file: false };
    let at = Here { is_in_file: at.rc.loads(&home), ..at };
    match given {
        Some(facts) => {
            findings.extend(facts.judge(shell, env!("CARGO_PKG_VERSION"), screen));
            if !facts.is_loaded() {
                findings.extend(at.not_in_file(screen));
            }
        }
        None => findings.extend(at.judge(screen)),
    }
    if std::env::var_os("PROMPT_COMMAND").is_some() && given.is_none() {
        let remedy = screen.word(Word::DoctorPromptFix).to_owned();
        let text = screen.word(Word::DoctorPrompt).to_owned();
        findings.push(Finding::note("prompt_command", text, Some(remedy)));
    }
    Ok(findings)
}

/// The newest run that this shell has reported.
#[derive(Clone, Copy, Debug)]
struct Recorded {
    id: u64,
    at: UnixMillis,
}

/// Whether what began then is the line that started us.
fn is_of_this_line(at: UnixMillis) -> bool {
    let at = SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(at.0).unwrap_or(0));
    age(Some(at), born(), SystemTime::now()) == Newest::This
}

/// All that is known from outside of the shell.
struct Here {
    shell: Shell,
    parent: Owner,
    rc: Rc,
    /// What `bpctl setup` would write.
    line: String,
    newest: Newest,
    recorded: Option<Recorded>,
    is_in_file: bool,
}

impl Here {
    fn judge(&self, screen: &Screen) -> Vec<Finding> {
        let mut findings = Vec::new();
        let owners = &self.rc.reading.debug;
        match (self.newest, self.recorded) {
            // Without a reader of its own, the hook records this line when it has ended. Only the shell can tell.
            (Newest::Before(_), _) | (Newest::None, Some(_)) if self.shell == Shell::Powershell => {
                let text = screen.word(Word::DoctorAskShell).to_owned();
                findings.push(Finding::note("hook", text, Some(facts::line(self.shell).to_owned())));
            }
            (Newest::This, Some(run)) => {
                findings.push(Finding::fine("hook", screen.say(Word::DoctorHook, &[&run.id.to_string()])));
            }
            (Newest::This, None) => {
                findings.push(Finding::fine("hook", screen.word(Word::DoctorMail).to_owned()));
            }
            // Another program that sets a DEBUG trap at each prompt: then a line is reported when it has ended, and this one has not.
            (Newest::Before(_), _) | (Newest::None, Some(_)) if !owners.is_empty() => {
                findings.push(Finding::fine("hook", screen.word(Word::DoctorMail).to_owned()));
            }
            (Newest::Before(ago), _) => findings.push(self.silent(ago, screen)),
            // bpd has taken the file, with all that was in it.
            (Newest::None, Some(run)) => findings.push(self.silent(screen.now.since(run.at), screen)),
            (Newest::None, None) => {
                let text = screen.say(Word::DoctorNoHook, &[self.shell.name(), &self.pid()]);
                if self.is_in_file {
                    let text = format!("{text}; {}", screen.say(Word::DoctorInFile, &[&self.rc.shown()]));
                    findings.push(self.with_reorder(self.wrong(text, screen)));
                } else {
                    findings.push(
                        Finding::wrong("hook", text, screen.say(Word::DoctorLoad, &[self.shell.name()]))
                            .mended_by(self.rc.with_line(&self.line)),
                    );
                }
            }
        }
        for (line, owner) in owners {
            let text = screen.say(Word::DoctorDebugIn, &[&self.rc.at(line), owner]);
            findings.push(Finding::note("debug", text, Some(facts::line(self.shell).to_owned())));
        }
        for line in &self.rc.reading.replacing {
            let text = screen.say(Word::DoctorReplacing, &[&self.rc.at(line)]);
            let remedy = screen.word(Word::DoctorPromptTakenFix).to_owned();
            findings.push(Finding::note("prompt_command", text, Some(remedy)));
        }
        findings
    }

    fn silent(&self, ago: Duration, screen: &Screen) -> Finding {
        let ago = figures::duration(ago.as_secs_f64(), screen.lang);
        let text = screen.say(Word::DoctorSilent, &[self.shell.name(), &self.pid(), &ago]);
        self.with_reorder(self.wrong(text, screen))
    }

    /// The shell has said that it has no hook: whether its file is why.
    fn not_in_file(&self, screen: &Screen) -> Option<Finding> {
        if self.is_in_file {
            return None;
        }
        let text = screen.say(Word::DoctorFileLacks, &[&self.rc.shown()]);
        let remedy = screen.say(Word::DoctorLoad, &[self.shell.name()]);
        Some(Finding::wrong("hook_file", text, remedy).mended_by(self.rc.with_line(&self.line)))
    }

    fn wrong(&self, text: String, screen: &Screen) -> Finding {
        let remedy = screen.say(Word::DoctorReloadOrAsk, &[self.shell.program(), facts::line(self.shell)]);
        Finding::wrong("hook", text, remedy)
    }

    /// Behind what takes `PROMPT_COMMAND`, our line has it.
    fn with_reorder(&self, finding: Finding) -> Finding {
        match self.rc.with_line_last(&self.line) {
            Some(mend) => finding.mended_by(mend),
            None => finding,
        }
    }

    fn pid(&self) -> String {
        self.parent.pid.to_string()
    }
}

pub(super) fn name(shell: Owner) -> String {
    let name = std::fs::read_to_string(format!("/proc/{}/comm", shell.pid)).unwrap_or_default();
    name.trim().trim_start_matches('-').to_owned()
}

/// By the files that this shell's hook writes to: bpd wipes what it has taken, but soon.
fn newest(places: &Places, shell: Owner) -> Newest {
    let files: [PathBuf; 2] =
        [places.mail().join(shell.pid.to_string()), places.run.join(format!(".shell.{}", shell.pid))];
    let written = |path: &PathBuf| {
        let meta = std::fs::metadata(path).ok()?;
        meta.modified().ok().filter(|_| meta.len() > 0 || path.starts_with(&places.run))
    };
    let newest = files.iter().filter_map(written).max();
    age(newest, born(), SystemTime::now())
}

fn age(newest: Option<SystemTime>, born: SystemTime, now: SystemTime) -> Newest {
    match newest {
        None => Newest::None,
        Some(at) if at + LATENESS >= born => Newest::This,
        Some(at) => Newest::Before(now.duration_since(at).unwrap_or_default()),
    }
}

/// When this process was forked, to a hundredth of a second; now where that cannot be told.
fn born() -> SystemTime {
    let now = SystemTime::now();
    let ticks = process::own().start_ticks;
    let uptime = std::fs::read_to_string("/proc/uptime").unwrap_or_default();
    let Some(uptime) = uptime.split(' ').next().and_then(|seconds| seconds.parse::<f64>().ok()) else {
        return now;
    };
    let age = uptime - ticks as f64 / TICKS_PER_SECOND as f64;
    Duration::try_from_secs_f64(age).ok().filter(|_| ticks > 0).map_or(now, |age| now - age)
}

/// The newest run that this shell reported.
fn newest_of(bpd: &mut Bpd, shell: u32) -> Option<Recorded> {
    let query = ListQuery { limit: Some(500), ..ListQuery::default() };
    let runs: Vec<Run> = bpd.ask(&Request::List(query)).ok()?;
    let pid = shell.to_string();
    // A session is named BOOT-PID-TICKS.
    let is_its = |session: &str| session.split('-').any(|part| part == pid);
    let run = runs.iter().find(|run| run.session.as_deref().is_some_and(is_its))?;
    Some(Recorded { id: run.id, at: run.finished_at.or(run.started_at)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_of_this_line_or_of_one_before() {
        let born = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        let now = born + Duration::from_secs(5);
        let check = |at: Option<f64>, expected| {
            let at = at.map(|at| SystemTime::UNIX_EPOCH + Duration::from_secs_f64(at));
            assert_eq!(age(at, born, now), expected);
        };
        check(None, Newest::None);
        check(Some(1000.5), Newest::This);
        check(Some(999.5), Newest::This);
        check(Some(995.0), Newest::Before(Duration::from_secs(10)));
        check(Some(2000.0), Newest::This);
    }

    #[test]
    fn this_process_was_born_a_little_while_ago() {
        let born = born();
        let age = SystemTime::now().duration_since(born).unwrap();
        assert!(age < Duration::from_secs(3600), "{age:?}");
    }
}

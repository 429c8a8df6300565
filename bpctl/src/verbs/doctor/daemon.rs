//! bpd: whether it answers, is of our version, says itself that it is ill; and what waits for it.

use bp_proto::Status;
use bp_proto::client::ClientError;
use bp_proto::place::Places;
use bp_proto::spool::{MAX_SPOOLED_RUNS, Spool};

use super::finding::{Finding, Mend};
use crate::screen::Screen;
use crate::text::said::sentence;
use crate::text::words::Word;
use crate::verbs::daemon;

pub(super) fn look(
    status: Result<&Status, &anyhow::Error>,
    places: &Places,
    screen: &Screen,
) -> Vec<Finding> {
    let status = match status {
        Ok(status) => status,
        Err(why) => return vec![silence(why, places, screen)],
    };
    let text = screen.say(Word::DoctorBpdRuns, &[&status.version, &status.pid.to_string()]);
    let mut findings = vec![Finding::fine("bpd", text)];
    let skew = skew(&status.version, env!("CARGO_PKG_VERSION"), screen);
    // Another version is another build anyway.
    if skew.is_none() {
        findings.extend(daemon::outdated(status, screen).map(|text| old_build(text, screen)));
    }
    findings.extend(skew);
    findings.extend(degraded(status, screen));
    findings
}

/// A bpd of before gives no codes.
fn degraded(status: &Status, screen: &Screen) -> Vec<Finding> {
    let codes = status.degraded_codes.iter().map(String::as_str).chain(std::iter::repeat(""));
    let found = status.degraded.iter().zip(codes).map(|(sentence, code)| {
        if code == "program-replaced" {
            return old_build(sentence.clone(), screen);
        }
        let remedy = match code {
            "disk-full" | "disk-nearly-full" => {
                screen.say(Word::DoctorRoom, &[&status.data_dir.display().to_string()])
            }
            _ => screen.word(Word::DoctorLogs).to_owned(),
        };
        Finding::wrong("degraded", screen.say(Word::DoctorDegraded, &[sentence]), remedy)
    });
    found.collect()
}

/// One that is not there is started. One that does not answer may only be busy: whether it is to be killed, a person
/// decides.
fn silence(why: &anyhow::Error, places: &Places, screen: &Screen) -> Finding {
    if matches!(why.downcast_ref(), Some(ClientError::Silent { .. })) {
        let pid = daemon::pid(places).map(|pid| pid.to_string());
        let who = pid.as_ref().map_or_else(String::new, |pid| format!(" (pid {pid})"));
        let remedy = pid.map_or_else(
            || screen.word(Word::DoctorLogs).to_owned(),
            |pid| screen.say(Word::DoctorKill, &[&pid]),
        );
        return Finding::wrong("bpd", screen.say(Word::DoctorHangs, &[&who]), remedy);
    }
    let remedy = screen.word(Word::DoctorStart).to_owned();
    Finding::wrong("bpd", sentence(why, screen.lang), remedy).mended_by(Mend::Start)
}

fn skew(bpd: &str, own: &str, screen: &Screen) -> Option<Finding> {
    let text = screen.say(Word::DoctorSkew, &[bpd, own]);
    let remedy = screen.word(Word::DoctorRestart).to_owned();
    (bpd != own).then(|| Finding::wrong("version", text, remedy).mended_by(Mend::Restart))
}

fn old_build(text: String, screen: &Screen) -> Finding {
    Finding::wrong("build", text, screen.word(Word::DoctorRestart).to_owned()).mended_by(Mend::Restart)
}

/// `answers` = bpd runs, and should have taken what waits.
pub(super) fn spool(spool: &Spool, answers: bool, screen: &Screen) -> Vec<Finding> {
    let waiting = match spool.waiting() {
        Ok(waiting) => waiting,
        Err(error) => {
            let remedy = screen.word(Word::DoctorRemove).to_owned();
            return vec![Finding::wrong("spool", sentence(&error.into(), screen.lang), remedy)];
        }
    };
    let mut findings = vec![queue(waiting.runs.len(), answers, screen)];
    for path in waiting.unreadable {
        let text = screen.say(Word::DoctorSpoolBad, &[&path.display().to_string()]);
        findings.push(Finding::wrong("spool", text, screen.word(Word::DoctorRemove).to_owned()));
    }
    findings
}

fn queue(runs: usize, answers: bool, screen: &Screen) -> Finding {
    if runs == 0 {
        return Finding::fine("spool", screen.word(Word::DoctorSpool).to_owned());
    }
    let count = runs.to_string();
    let text = if runs >= MAX_SPOOLED_RUNS {
        screen.say(Word::DoctorSpoolFull, &[&count])
    } else {
        screen.say(Word::DoctorSpoolWaits, &[&count])
    };
    // A bpd that comes takes them.
    let (remedy, mend) =
        if answers { (Word::DoctorRestart, Mend::Restart) } else { (Word::DoctorStart, Mend::Start) };
    Finding::wrong("spool", text, screen.word(remedy).to_owned()).mended_by(mend)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::words::Lang;

    #[test]
    fn a_full_disk_is_mended_by_room_where_it_is_full_and_the_rest_by_the_log() {
        let status = |codes: &[&str]| -> Status {
            serde_json::from_value(serde_json::json!({
                "version": "1", "pid": 1, "http": { "address": "", "token_file": "" }, "socket": "",
                "data_dir": "/d/bp", "runs": 0, "running": 0, "uptime_s": 1.0,
                "degraded": ["the index is gone", "full"], "degraded_codes": codes,
            }))
            .unwrap()
        };
        let remedies = |codes: &[&str], lang| -> Vec<String> {
            degraded(&status(codes), &Screen::plain(lang))
                .into_iter()
                .filter_map(|found| found.remedy)
                .collect()
        };
        let codes = ["index-lost", "disk-full"];
        assert_eq!(remedies(&codes, Lang::En), ["bpctl daemon logs", "make room on the disk of /d/bp"]);
        assert_eq!(remedies(&codes, Lang::Tr), ["bpctl daemon logs", "/d/bp dizininin diskinde yer açın"]);
        assert_eq!(remedies(&[], Lang::En), ["bpctl daemon logs", "bpctl daemon logs"]);
    }

    #[test]
    fn another_version_of_bpd_is_restarted() {
        for (lang, said) in [(Lang::En, "bpd is version 0.9"), (Lang::Tr, "bpd 0.9 sürümü")] {
            let screen = Screen::plain(lang);
            assert!(skew("1.0", "1.0", &screen).is_none());
            let finding = skew("0.9", "1.0", &screen).unwrap();
            assert!(finding.text.contains(said), "{finding:?}");
            assert!(matches!(finding.mend, Some(Mend::Restart)));
        }
    }

    #[test]
    fn a_queue_that_waits_or_is_full_is_taken_by_a_bpd_that_comes() {
        let screen = Screen::plain(Lang::En);
        assert_eq!(queue(0, true, &screen).ok, Some(true));
        let waits = queue(3, true, &screen);
        assert!(waits.text.contains("3 runs wait") && matches!(waits.mend, Some(Mend::Restart)), "{waits:?}");
        let full = queue(MAX_SPOOLED_RUNS, false, &screen);
        assert!(full.text.contains("full") && matches!(full.mend, Some(Mend::Start)), "{full:?}");
    }
}

//! bpd as the verbs ask it, and how they name a run.

use std::time::{Duration, Instant};

use bp_proto::client::{Client, ClientError};
use bp_proto::place::Places;
use bp_proto::request::{ListQuery, SamplesQuery};
use bp_proto::spool::Spool;
use bp_proto::{Point, Request, Run};
use jiff::tz::TimeZone;
use serde::de::DeserializeOwned;

use crate::screen::Screen;
use crate::shown::Shown;
use crate::text::said::OrSay as _;
use crate::text::words::Word;

/// How long one answer may take that looks for runs. Most take milliseconds; a search that matches nothing looks at every
/// run there is.
const SEARCH_TIMEOUT: Duration = Duration::from_secs(120);

/// How long one answer may take that needs no search. A bpd that takes longer hangs.
const STATUS_TIMEOUT: Duration = Duration::from_secs(10);

/// A healthy bpd takes a delivery in a few milliseconds; what lies longer, `doctor` tells of.
const DELIVERY: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(2);

/// Runs that bpd gives in one answer at most.
const PAGE: usize = 500;

/// A selector that only bpctl can resolve found nothing.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NoSuchRun(pub String);

pub struct Bpd {
    client: Client,
    places: Places,
}

impl Bpd {
    pub fn connect() -> anyhow::Result<Self> {
        Self::with_timeout(SEARCH_TIMEOUT)
    }

    /// For requests about bpd itself: a bpd that hangs is soon noticed.
    pub fn connect_for_status() -> anyhow::Result<Self> {
        Self::with_timeout(STATUS_TIMEOUT)
    }

    /// `timeout` = how long one answer may take.
    pub fn with_timeout(timeout: Duration) -> anyhow::Result<Self> {
        let places = Places::find()?;
        let client = Client::connect(&places.socket()?, timeout)?;
        await_deliveries(&Spool::at(places.spool()));
        Ok(Self { client, places })
    }

    pub fn ask_raw(&mut self, request: &Request) -> anyhow::Result<Vec<u8>> {
        Ok(self.client.ask_raw(request)?)
    }

    pub fn ask<T: DeserializeOwned>(&mut self, request: &Request) -> anyhow::Result<T> {
        Ok(self.client.ask(request)?)
    }

    /// At most `points` points of a run's curve.
    pub fn curve(&mut self, run: u64, points: u32) -> anyhow::Result<Vec<Point>> {
        let query = SamplesQuery { max_points: Some(points), ..SamplesQuery::default() };
        self.ask(&Request::Samples { run: run.to_string(), query })
    }

    /// The newest `count` runs that `query` asks for, page by page; `query.limit` is not looked at.
    pub fn runs(&mut self, query: &ListQuery, count: usize) -> anyhow::Result<Vec<Run>> {
        Ok(serde_json::from_slice(&self.runs_raw(query, count)?)?)
    }

    /// The same as one JSON array, each run as bpd wrote it.
    pub fn runs_raw(&mut self, query: &ListQuery, count: usize) -> anyhow::Result<Vec<u8>> {
        let mut query = query.clone();
        let mut array = vec![b'['];
        let mut found = 0;
        while found < count {
            let limit = (count - found).min(PAGE);
            query.limit = Some(limit as u32);
            let raw = self.ask_raw(&Request::List(query.clone()))?;
            let page: Vec<Listed> = serde_json::from_slice(&raw)?;
            let Some(last) = page.last() else { break };
            if found > 0 {
                array.push(b',');
            }
            array.extend_from_slice(within_brackets(&raw));
            found += page.len();
            query.before = Some(last.id.to_string());
            if page.len() < limit {
                break;
            }
        }
        array.push(b']');
        Ok(array)
    }

    /// `selector` as bpd understands it: `-` is the run that was shown last in this session, `.` the newest one here.
    pub fn resolve(&mut self, selector: &str, screen: &Screen) -> anyhow::Result<String> {
        if selector == "-" {
            let id = Shown::here(&self.places.run).last();
            let id = id.ok_or_else(|| NoSuchRun(screen.word(Word::NotShownYet).to_owned()))?;
            return Ok(id.to_string());
        }
        if selector == "." {
            let here = here()?;
            // bpd leaves out the line that asks.
            let newest = Request::Show { run: with_directory("latest{cwd:.}", &here), lang: None };
            return match self.ask::<Run>(&newest) {
                Ok(newest) => Ok(newest.id.to_string()),
                Err(error) if refusal(&error).is_some_and(|body| body.code == "run_not_found") => {
                    Err(NoSuchRun(screen.say(Word::NoneHere, &[&here])).into())
                }
                Err(error) => Err(error),
            };
        }
        let selector = with_zone(selector, zone().as_deref());
        if selector.contains("cwd:.") {
            return Ok(with_directory(&selector, &here()?));
        }
        Ok(selector)
    }

    /// Remembers what `-` means from now on.
    pub fn shown(&self, run: u64) {
        Shown::here(&self.places.run).set(run);
    }
}

/// What a page is continued from.
#[derive(serde::Deserialize)]
struct Listed {
    id: u64,
}

fn within_brackets(array: &[u8]) -> &[u8] {
    let array = array.trim_ascii();
    array.strip_prefix(b"[").and_then(|array| array.strip_suffix(b"]")).unwrap_or_default()
}

/// `bpctl run` leaves before its run is durable; what is asked for next includes it. A spool file goes when it is.
fn await_deliveries(spool: &Spool) {
    let deadline = Instant::now() + DELIVERY;
    while spool.is_empty().is_ok_and(|empty| !empty) && Instant::now() < deadline {
        std::thread::sleep(PAUSE);
    }
}

/// The current directory, as searches write it.
pub fn here() -> anyhow::Result<String> {
    let here = std::env::current_dir().or_say(Word::CannotTellHere, &[])?;
    Ok(here.to_string_lossy().into_owned())
}

/// `cwd:.` with the directory in its place, in quotes where it needs them.
pub fn with_directory(search: &str, here: &str) -> String {
    let here = if here.contains([' ', '}', '"']) {
        format!("\"{}\"", here.replace('"', ""))
    } else {
        here.to_owned()
    };
    let mut text = String::new();
    let mut rest = search;
    while let Some((before, after)) = rest.split_once("cwd:.") {
        text.push_str(before);
        let whole = after.is_empty() || after.starts_with([' ', '}', '~']);
        text.push_str("cwd:");
        text.push_str(if whole { &here } else { "." });
        rest = after;
    }
    text + rest
}

/// The person's zone where `TZ` names one; else bpd, on the same machine, has the same.
pub fn zone() -> Option<String> {
    let name = std::env::var("TZ").ok()?;
    let bare = name.trim_start_matches(':');
    let is_known = TimeZone::get(bare).is_ok() || TimeZone::posix(bare).is_ok();
    is_known.then_some(name)
}

/// `latest{since:14:00}` with the zone in which its times are meant. Other selectors stay as they are.
fn with_zone(selector: &str, zone: Option<&str>) -> String {
    let has_times = ["since:", "until:", "on:"].iter().any(|field| selector.contains(field));
    let zone = zone.filter(|zone| has_times && !zone.contains([' ', '"', '{', '}']));
    match (zone, selector.rsplit_once('}')) {
        // An unclosed quote would take the zone for a part of its word; bpd reads the times in its own zone then.
        (Some(zone), Some((search, rest))) if search.matches('"').count().is_multiple_of(2) => {
            format!("{search} zone:{zone}}}{rest}")
        }
        _ => selector.to_owned(),
    }
}

/// What bpd refused, if that is what went wrong.
pub fn refusal(error: &anyhow::Error) -> Option<&bp_proto::report::FailureBody> {
    match error.downcast_ref::<ClientError>() {
        Some(ClientError::Refused(failure)) => Some(&failure.error),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_in_a_search_is_the_current_directory() {
        for (search, told) in [
            ("latest{cwd:.}", "latest{cwd:/a/b}"),
            ("latest{exit:0 cwd:. make}~2", "latest{exit:0 cwd:/a/b make}~2"),
            ("cwd:./x", "cwd:./x"),
            ("cwd:.", "cwd:/a/b"),
        ] {
            assert_eq!(with_directory(search, "/a/b"), told);
        }
        assert_eq!(with_directory("cwd:.", "/a b"), "cwd:\"/a b\"");
    }
}

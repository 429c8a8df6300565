//! Times as people write them in a search: `2h`, `yesterday`, `14:00`, `2026-11`, `dün 14:00`, and ranges of them, in
//! the zone of the person who asks.

use std::time::Duration;

use bp_proto::UnixMillis;
use bp_proto::search::fold;
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use super::NoAnswer;
use super::no_answer::Sentence;
use super::value::duration_s;

/// What relative times are measured from.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    pub now: UnixMillis,
    pub zone: TimeZone,
}

/// A stretch of time, both ends included. An end that is not given is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub first: Option<UnixMillis>,
    pub last: Option<UnixMillis>,
}

impl Span {
    pub(super) fn holds(&self, at: UnixMillis) -> bool {
        self.first.is_none_or(|first| first <= at) && self.last.is_none_or(|last| at <= last)
    }
}

/// What one expression stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Moment {
    from: UnixMillis,
    /// Exclusive.
    to: UnixMillis,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// An instant, an age, or a day with a time.
    Point,
    /// A time without a day.
    TimeOfDay,
    /// A day, a week, a month or a year: as the end of a range it belongs to the range.
    Period,
}

impl Clock {
    /// In the zone of this machine.
    pub(super) fn here(now: UnixMillis) -> Self {
        Self { now, zone: TimeZone::system() }
    }

    /// As [`Clock::in_zone`]; 422 for a zone that does not exist.
    pub(super) fn asked(now: UnixMillis, name: &str) -> Result<Self, NoAnswer> {
        Self::in_zone(now, name).ok_or_else(|| {
            let shown: String = name.chars().take(80).collect();
            NoAnswer::invalid(Sentence::new("zone", [("zone", &shown)]), Sentence::plain("zone"))
        })
    }

    /// In a zone as the variable `TZ` names it; `None`: there is no such zone.
    pub(super) fn in_zone(now: UnixMillis, name: &str) -> Option<Self> {
        let name = name.trim_start_matches(':');
        let zone = TimeZone::get(name).or_else(|_| TimeZone::posix(name)).ok()?;
        Some(Self { now, zone })
    }

    /// `since:`: from the beginning of what is named. A time without a day is the last one that has passed.
    pub(super) fn since(&self, text: &str) -> Option<Span> {
        self.range(text).or_else(|| {
            let first = self.past(self.moment(text, None)?).from;
            Some(Span { first: Some(first), last: None })
        })
    }

    /// `until:`: before the beginning of what is named.
    pub(super) fn until(&self, text: &str) -> Option<Span> {
        self.range(text).or_else(|| {
            let moment = self.moment(text, None)?;
            let last = if moment.kind == Kind::Period { before(moment.from) } else { moment.from };
            Some(Span { first: None, last: Some(last) })
        })
    }

    /// `on:`: within what is named.
    pub(super) fn on(&self, text: &str) -> Option<Span> {
        self.range(text).or_else(|| {
            let moment = self.past(self.moment(text, None)?);
            Some(Span { first: Some(moment.from), last: Some(before(moment.to)) })
        })
    }

    /// `A..B`, `A..` or `..B`.
    fn range(&self, text: &str) -> Option<Span> {
        let (from, to) = text.split_once("..")?;
        let (from, to) = (from.trim(), to.trim());
        if from.is_empty() {
            let last = Self::end(self.moment(to, None)?);
            return Some(Span { first: None, last: Some(last) });
        }
        let mut from = self.past(self.moment(from, None)?);
        if to.is_empty() {
            return Some(Span { first: Some(from.from), last: None });
        }
        // `yesterdayT23:00..01:00` ends on the next day.
        let mut to = self.moment(to, Some(self.day_of(from.from)?))?;
        if to.kind == Kind::TimeOfDay && to.from <= from.from {
            to = self.shifted(to, 1)?;
        }
        if to.from < from.from {
            std::mem::swap(&mut from, &mut to);
        }
        Some(Span { first: Some(from.from), last: Some(Self::end(to)) })
    }

    /// The last instant of a range that ends with this: a period belongs to the range, a point does not.
    fn end(moment: Moment) -> UnixMillis {
        before(if moment.kind == Kind::Period { moment.to } else { moment.from })
    }

    /// A time of day that is still to come today means the one of yesterday.
    fn past(&self, moment: Moment) -> Moment {
        if moment.kind == Kind::TimeOfDay && moment.from > self.now {
            return self.shifted(moment, -1).unwrap_or(moment);
        }
        moment
    }

    fn shifted(&self, moment: Moment, days: i64) -> Option<Moment> {
        let shift = |at: UnixMillis| {
            let at = Timestamp::from_millisecond(at.0).ok()?.to_zoned(self.zone.clone());
            Some(UnixMillis(at.checked_add(days.days()).ok()?.timestamp().as_millisecond()))
        };
        Some(Moment { from: shift(moment.from)?, to: shift(moment.to)?, kind: moment.kind })
    }

    fn moment(&self, text: &str, day: Option<Date>) -> Option<Moment> {
        if let Ok(at) = text.parse::<UnixMillis>() {
            return Some(point(at, Duration::from_millis(1)));
        }
        let text = fold(text.trim());
        if matches!(&*text, "now" | "şimdi" | "simdi") {
            return Some(point(self.now, Duration::from_millis(1)));
        }
        if let Some(period) = self.period(&text) {
            return Some(period);
        }
        if let Some((time, unit)) = time(&text, false) {
            let at = self.instant(day.or_else(|| self.today())?.to_datetime(time))?;
            return Some(Moment { kind: Kind::TimeOfDay, ..point(at, unit) });
        }
        // `2026-11-29T14:00`, `yesterday 14:00`: folded, the T is small.
        for separator in [' ', 't'] {
            if let Some((day, of_day)) = text.rsplit_once(separator)
                && let Some(day) = self.day(day.trim())
                && let Some((time, unit)) = time(of_day.trim(), true)
            {
                return Some(point(self.instant(day.to_datetime(time))?, unit));
            }
        }
        let text = text.strip_suffix("ago").or_else(|| text.strip_suffix("önce")).unwrap_or(&text).trim();
        let age_ms = duration_s(text)? * 1000.0;
        Some(point(UnixMillis(self.now.0.saturating_sub(age_ms as i64)), Duration::from_millis(1)))
    }

    fn period(&self, text: &str) -> Option<Moment> {
        let (first, next) = if let Some(day) = self.day(text) {
            (day, day.tomorrow().ok()?)
        } else {
            self.longer_period(text)?
        };
        Some(Moment { from: self.midnight(first)?, to: self.midnight(next)?, kind: Kind::Period })
    }

    /// Weeks, months and years: the first day, and the day after the last.
    fn longer_period(&self, text: &str) -> Option<(Date, Date)> {
        let today = self.today()?;
        let monday = today.checked_sub(i64::from(today.weekday().to_monday_zero_offset()).days()).ok()?;
        let month = today.first_of_month();
        let words = text.replace('-', " ");
        Some(match &*words {
            "this week" | "bu hafta" => (monday, monday.checked_add(1.week()).ok()?),
            "last week" | "geçen hafta" | "gecen hafta" => (monday.checked_sub(1.week()).ok()?, monday),
            "this month" | "bu ay" => (month, month.checked_add(1.month()).ok()?),
            "last month" | "geçen ay" | "gecen ay" => (month.checked_sub(1.month()).ok()?, month),
            _ => {
                let is_number = |part: &str, digits| {
                    part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit())
                };
                match text.split_once('-') {
                    Some((year, of_year)) if is_number(year, 4) && is_number(of_year, 2) => {
                        let first = Date::new(year.parse().ok()?, of_year.parse().ok()?, 1).ok()?;
                        (first, first.checked_add(1.month()).ok()?)
                    }
                    // A bare number is an age in seconds; one that looks like a year is one.
                    None if is_number(text, 4) && (text.starts_with("19") || text.starts_with("20")) => {
                        let first = Date::new(text.parse().ok()?, 1, 1).ok()?;
                        (first, first.checked_add(1.year()).ok()?)
                    }
                    _ => return None,
                }
            }
        })
    }

    fn day(&self, text: &str) -> Option<Date> {
        let back = match text {
            "today" | "bugün" | "bugun" => 0,
            "yesterday" | "dün" | "dun" => 1,
            _ => match weekday(text) {
                // The last one, which may be today.
                Some(weekday) => i64::from(
                    self.today()?.weekday().to_monday_zero_offset() - weekday.to_monday_zero_offset(),
                )
                .rem_euclid(7),
                None => return date(text),
            },
        };
        self.today()?.checked_sub(back.days()).ok()
    }

    fn today(&self) -> Option<Date> {
        self.day_of(self.now)
    }

    fn day_of(&self, at: UnixMillis) -> Option<Date> {
        Some(Timestamp::from_millisecond(at.0).ok()?.to_zoned(self.zone.clone()).date())
    }

    fn midnight(&self, day: Date) -> Option<UnixMillis> {
        Some(UnixMillis(day.to_zoned(self.zone.clone()).ok()?.timestamp().as_millisecond()))
    }

    fn instant(&self, at: DateTime) -> Option<UnixMillis> {
        Some(UnixMillis(at.to_zoned(self.zone.clone()).ok()?.timestamp().as_millisecond()))
    }
}

fn point(from: UnixMillis, length: Duration) -> Moment {
    Moment { from, to: from.plus(length), kind: Kind::Point }
}

fn before(at: UnixMillis) -> UnixMillis {
    UnixMillis(at.0.saturating_sub(1))
}

/// `2026-11-29`, `29.11.2026`.
fn date(text: &str) -> Option<Date> {
    if text.len() == "2026-11-29".len()
        && let Ok(date) = text.parse::<Date>()
    {
        return Some(date);
    }
    let mut parts = text.split('.');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    if year.len() != 4 || parts.next().is_some() {
        return None;
    }
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

/// `14:00`, `14:00:30`, and, where a day stands in front, `14`; with how long that is: a minute, a second, an hour.
fn time(text: &str, allows_hour: bool) -> Option<(Time, Duration)> {
    let mut parts = text.split(':');
    let number = |part: &str| -> Option<i8> {
        let is_short = (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        if is_short { part.parse().ok() } else { None }
    };
    let hour = number(parts.next()?)?;
    let (minute, second) = (parts.next().map(number), parts.next().map(number));
    if parts.next().is_some() || minute == Some(None) || second == Some(None) {
        return None;
    }
    let length = match (minute, second) {
        (None, _) if !allows_hour => return None,
        (None, _) => Duration::from_hours(1),
        (_, None) => Duration::from_mins(1),
        _ => Duration::from_secs(1),
    };
    let time = Time::new(hour, minute.flatten().unwrap_or(0), second.flatten().unwrap_or(0), 0).ok()?;
    Some((time, length))
}

fn weekday(text: &str) -> Option<Weekday> {
    Some(match text {
        "monday" | "pazartesi" => Weekday::Monday,
        "tuesday" | "sali" => Weekday::Tuesday,
        "wednesday" | "çarşamba" | "carsamba" => Weekday::Wednesday,
        "thursday" | "perşembe" | "persembe" => Weekday::Thursday,
        "friday" | "cuma" => Weekday::Friday,
        "saturday" | "cumartesi" => Weekday::Saturday,
        "sunday" | "pazar" => Weekday::Sunday,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sunday, 2026-11-29, 16:30 in Istanbul (UTC+3).
    fn clock() -> Clock {
        Clock { now: at("2026-11-29T13:30:00Z"), zone: TimeZone::fixed(jiff::tz::offset(3)) }
    }

    fn at(text: &str) -> UnixMillis {
        text.parse().unwrap()
    }

    fn shown(span: Option<Span>) -> String {
        let clock = clock();
        let text = |at: Option<UnixMillis>| {
            at.map_or_else(String::new, |at| {
                let at = Timestamp::from_millisecond(at.0).unwrap().to_zoned(clock.zone.clone());
                at.strftime("%m-%d %H:%M:%S%.3f").to_string().replace(".000", "")
            })
        };
        span.map_or_else(
            || "nothing".to_owned(),
            |span| format!("{} to {}", text(span.first), text(span.last)),
        )
    }

    #[test]
    fn days_and_times_are_those_of_the_persons_zone() {
        for (text, expected) in [
            ("today", "11-29 00:00:00 to 11-29 23:59:59.999"),
            ("BUGÜN", "11-29 00:00:00 to 11-29 23:59:59.999"),
            ("bugun", "11-29 00:00:00 to 11-29 23:59:59.999"),
            ("yesterday", "11-28 00:00:00 to 11-28 23:59:59.999"),
            ("dün", "11-28 00:00:00 to 11-28 23:59:59.999"),
            ("dun", "11-28 00:00:00 to 11-28 23:59:59.999"),
            ("14:00", "11-29 14:00:00 to 11-29 14:00:59.999"),
            ("9:05", "11-29 09:05:00 to 11-29 09:05:59.999"),
            ("14:00:30", "11-29 14:00:30 to 11-29 14:00:30.999"),
            // Not yet: that of yesterday.
            ("17:00", "11-28 17:00:00 to 11-28 17:00:59.999"),
            ("2026-11-28T14:00", "11-28 14:00:00 to 11-28 14:00:59.999"),
            ("2026-11-28 14", "11-28 14:00:00 to 11-28 14:59:59.999"),
            ("yesterdayT14:00", "11-28 14:00:00 to 11-28 14:00:59.999"),
            ("yesterday 14:00", "11-28 14:00:00 to 11-28 14:00:59.999"),
            ("Dün 14:00", "11-28 14:00:00 to 11-28 14:00:59.999"),
            ("2026-11-28T11:00:00Z", "11-28 14:00:00 to 11-28 14:00:00"),
            ("2026-11-28T14:00:00+03:00", "11-28 14:00:00 to 11-28 14:00:00"),
            ("2026-11-28", "11-28 00:00:00 to 11-28 23:59:59.999"),
            ("28.11.2026", "11-28 00:00:00 to 11-28 23:59:59.999"),
            ("2026-11", "11-01 00:00:00 to 11-30 23:59:59.999"),
            ("2026", "01-01 00:00:00 to 12-31 23:59:59.999"),
            ("sunday", "11-29 00:00:00 to 11-29 23:59:59.999"),
            ("pazartesi", "11-23 00:00:00 to 11-23 23:59:59.999"),
            ("Salı", "11-24 00:00:00 to 11-24 23:59:59.999"),
            ("this-week", "11-23 00:00:00 to 11-29 23:59:59.999"),
            ("geçen-hafta", "11-16 00:00:00 to 11-22 23:59:59.999"),
            ("last month", "10-01 00:00:00 to 10-31 23:59:59.999"),
            ("14:00..15:00", "11-29 14:00:00 to 11-29 14:59:59.999"),
            ("17:00..18:00", "11-28 17:00:00 to 11-28 17:59:59.999"),
            ("23:00..01:00", "11-28 23:00:00 to 11-29 00:59:59.999"),
            ("dün 14:00..15:00", "11-28 14:00:00 to 11-28 14:59:59.999"),
            ("2026-11-01..2026-11-05", "11-01 00:00:00 to 11-05 23:59:59.999"),
            ("2026-11-05..2026-11-01", "11-01 00:00:00 to 11-05 23:59:59.999"),
            ("yesterday..today", "11-28 00:00:00 to 11-29 23:59:59.999"),
            ("2h..1h", "11-29 14:30:00 to 11-29 15:29:59.999"),
            ("14:00..", "11-29 14:00:00 to "),
            ("..14:00", " to 11-29 13:59:59.999"),
        ] {
            assert_eq!(shown(clock().on(text)), expected, "{text}");
        }
        for wrong in [
            "",
            "..",
            "soon",
            "25:00",
            "14:60",
            "2026-13",
            "2026-02-30",
            "31.02.2026",
            "T14:00",
            "1:2:3:4",
            "14:0x",
        ] {
            assert_eq!(clock().on(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn since_is_from_the_beginning_and_until_is_before_it() {
        for (text, since, until) in [
            ("2h", "11-29 14:30:00 to ", " to 11-29 14:30:00"),
            ("2 hours ago", "11-29 14:30:00 to ", " to 11-29 14:30:00"),
            ("2 saat önce", "11-29 14:30:00 to ", " to 11-29 14:30:00"),
            ("yesterday", "11-28 00:00:00 to ", " to 11-27 23:59:59.999"),
            ("14:00", "11-29 14:00:00 to ", " to 11-29 14:00:00"),
            ("17:00", "11-28 17:00:00 to ", " to 11-29 17:00:00"),
            ("14:00..15:00", "11-29 14:00:00 to 11-29 14:59:59.999", "11-29 14:00:00 to 11-29 14:59:59.999"),
        ] {
            assert_eq!(
                (shown(clock().since(text)), shown(clock().until(text))),
                (since.to_owned(), until.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn zones_are_named_as_in_tz() {
        let now = at("2026-11-29T22:30:00Z");
        let day = |zone: &str| Clock::in_zone(now, zone).unwrap().on("today").unwrap().first.unwrap();
        assert_eq!(day("UTC"), at("2026-11-29T00:00:00Z"));
        assert_eq!(day("<+03>-3"), at("2026-11-29T21:00:00Z"));
        assert!(Clock::in_zone(now, "Nowhere/At_All").is_none());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_time_or_none(text in "[-0-9:.tT zZ+a-zığüşöçİ]{0,30}") {
            let clock = clock();
            for span in [clock.since(&text), clock.until(&text), clock.on(&text)].into_iter().flatten() {
                proptest::prop_assert!(span.first.is_some() || span.last.is_some());
            }
        }

        #[test]
        fn a_range_of_days_holds_each_of_its_days(first in 0_i64..3000, length in 0_i64..400, within in 0_i64..400) {
            let day = |n: i64| Date::constant(2020, 1, 1).checked_add(n.days()).unwrap();
            let (a, b) = (day(first), day(first + length));
            let span = clock().on(&format!("{a}..{b}")).unwrap();
            let middle = clock().on(&day(first + within).to_string()).unwrap();
            proptest::prop_assert_eq!(span.holds(middle.first.unwrap()), within <= length);
            proptest::prop_assert_eq!(span.holds(middle.last.unwrap()), within <= length);
        }
    }
}

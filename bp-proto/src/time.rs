//! One instant type for everything that is stored or shown: whole milliseconds since 1970, UTC.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Milliseconds since the Unix epoch. Its text form is RFC 3339 in UTC with exactly three digits of
/// milliseconds and `Z`, in JSON and in [`fmt::Display`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMillis(pub i64);

impl UnixMillis {
    /// Stands for "no date is known" where a place in the order of runs is needed: before every real instant, so that
    /// runs without a date come last in "newest first". Never shown: [`UnixMillis::dated`] turns it into `None`.
    pub const UNDATED: Self = Self(i64::MIN);

    /// The instant, or `None` for [`UnixMillis::UNDATED`].
    pub fn dated(self) -> Option<Self> {
        (self != Self::UNDATED).then_some(self)
    }

    /// The wall clock, for the rims. Pure modules take `now` as an argument instead.
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(since.as_millis() as i64)
    }

    /// Unix seconds with fraction, as in `ts` of a sample.
    pub fn as_seconds(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// `self − earlier`, zero when the clock went back.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0).max(0) as u64)
    }

    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(whole_millis(duration)))
    }

    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(whole_millis(duration)))
    }
}

fn whole_millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl fmt::Display for UnixMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((year, month, day)) = date(self.0.div_euclid(MILLIS_A_DAY)) else {
            // A shell's clock may say anything, and one run that cannot be written must not spoil a whole list.
            let nearest = if self.0 < 0 { Timestamp::MIN } else { Timestamp::MAX };
            let instant = Timestamp::from_millisecond(self.0).unwrap_or(nearest);
            return write!(f, "{instant:.3}");
        };
        let of_day = self.0.rem_euclid(MILLIS_A_DAY);
        let (seconds, millis) = (of_day / 1000, of_day % 1000);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
    }
}

const MILLIS_A_DAY: i64 = 86_400_000;

/// Year, month and day of a day counted from 1970-01-01; `None` before that, and where a [`Timestamp`] ends. By hand,
/// since every `bpctl run` writes several. Algorithm: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms",
/// `civil_from_days`: years begin in March, so that the leap day is the last.
fn date(day: i64) -> Option<(i64, i64, i64)> {
    const FROM_0000_03_01: i64 = 719_468;
    const LAST: i64 = 2_932_894;
    if !(0..=LAST).contains(&day) {
        return None;
    }
    let day = day + FROM_0000_03_01;
    let (era, day_of_era) = (day / 146_097, day % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, next_year) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    Some((year_of_era + era * 400 + next_year, month, day_of_month))
}

impl std::str::FromStr for UnixMillis {
    type Err = jiff::Error;

    /// Reads any RFC 3339 instant; what is finer than a millisecond is dropped.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.parse::<Timestamp>()?.as_millisecond()))
    }
}

impl Serialize for UnixMillis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// No run takes longer. Sums of durations that others report stay far from what a [`Duration`] holds.
pub const MAX_DURATION: Duration = Duration::from_secs(100 * 366 * 24 * 60 * 60);

/// A duration as somebody reported it, cut to [`MAX_DURATION`].
pub(crate) fn bounded<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let reported = Option::<Duration>::deserialize(deserializer)?;
    Ok(reported.map(|duration| duration.min(MAX_DURATION)))
}

impl<'de> Deserialize<'de> for UnixMillis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_written_with_three_digits_and_z_and_reads_back() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_714_980_000_040, "2024-05-06T07:20:00.040Z"),
            (1_714_980_000_999, "2024-05-06T07:20:00.999Z"),
        ] {
            assert_eq!(UnixMillis(millis).to_string(), text);
            assert_eq!(text.parse::<UnixMillis>().unwrap(), UnixMillis(millis));
        }
    }

    #[test]
    fn an_instant_that_no_calendar_holds_is_written_all_the_same() {
        for absurd in
            [i64::MIN, i64::MAX, UnixMillis(0).plus(Duration::MAX).0, UnixMillis(0).minus(Duration::MAX).0]
        {
            let text = serde_json::to_string(&UnixMillis(absurd)).unwrap();
            serde_json::from_str::<UnixMillis>(&text).unwrap();
        }
        assert!(UnixMillis(0).plus(Duration::MAX) > UnixMillis(0));
    }

    #[test]
    fn every_day_of_the_calendar_is_written_as_it_is_read() {
        // A hundred days and a little: every month, every kind of year and every hour is met.
        for millis in (-MILLIS_A_DAY..253_402_207_200_000).step_by(8_640_000_007) {
            let instant = Timestamp::from_millisecond(millis).unwrap();
            assert_eq!(UnixMillis(millis).to_string(), format!("{instant:.3}"));
        }
    }

    #[test]
    fn a_clock_that_went_back_gives_no_negative_duration() {
        assert_eq!(UnixMillis(5).since(UnixMillis(9)), Duration::ZERO);
    }
}

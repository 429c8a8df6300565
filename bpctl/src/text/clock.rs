//! Instants as a person's clock shows them.

use bp_proto::UnixMillis;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// `14:03:11` today, `11-20 14:03` this year, else `2025-11-20`.
pub fn short(at: UnixMillis, now: UnixMillis, zone: &TimeZone) -> String {
    let (Some(at), Some(now)) = (local(at, zone), local(now, zone)) else { return String::new() };
    let format = match (at.date() == now.date(), at.year() == now.year()) {
        (true, _) => "%H:%M:%S",
        (_, true) => "%m-%d %H:%M",
        _ => "%Y-%m-%d",
    };
    at.strftime(format).to_string()
}

/// `2026-11-20 14:03:11`.
pub fn long(at: UnixMillis, zone: &TimeZone) -> String {
    local(at, zone).map_or_else(String::new, |at| at.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

fn local(at: UnixMillis, zone: &TimeZone) -> Option<jiff::Zoned> {
    Some(Timestamp::from_millisecond(at.0).ok()?.to_zoned(zone.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearer_the_finer() {
        let zone = TimeZone::fixed(jiff::tz::offset(3));
        let instant = |text: &str| text.parse::<UnixMillis>().unwrap();
        let now = instant("2026-11-20T21:30:00Z");
        for (at, shown) in [
            ("2026-11-20T21:03:11Z", "00:03:11"),
            ("2026-11-20T20:03:11Z", "11-20 23:03"),
            ("2025-11-20T11:03:11Z", "2025-11-20"),
        ] {
            assert_eq!(short(instant(at), now, &zone), shown);
        }
        assert_eq!(long(now, &zone), "2026-11-21 00:30:00");
    }
}

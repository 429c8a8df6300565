//! Numbers for people: short, with a unit, in the language's own decimal mark.

use super::words::Lang;

/// Shown where a figure is not known.
pub const UNKNOWN: &str = "–";

/// `48 ms`, `3.21 s`, `1m 04s`, `2h 03m`; in Turkish the units of bpd's sentences: `3,21 sn`, `1 dk 04 sn`.
pub fn duration(seconds: f64, lang: Lang) -> String {
    if seconds < 0.0 || !seconds.is_finite() {
        return UNKNOWN.to_owned();
    }
    if seconds < 0.9995 {
        return format!("{:.0} ms", seconds * 1000.0);
    }
    if seconds < 99.95 {
        let digits = if seconds < 9.995 { 2 } else { 1 };
        return in_seconds(&mark(format!("{seconds:.digits$}"), lang), lang);
    }
    let whole = seconds.round() as u64;
    let (minutes, hours) = (whole / 60, whole / 3600);
    match lang {
        Lang::En if whole < 3600 => format!("{minutes}m {:02}s", whole % 60),
        Lang::En => format!("{hours}h {:02}m", minutes % 60),
        Lang::Tr if whole < 3600 => format!("{minutes} dk {:02} sn", whole % 60),
        Lang::Tr => format!("{hours} sa {:02} dk", minutes % 60),
    }
}

/// A number of seconds as it is written: `12 s`, `12 sn`.
pub fn in_seconds(number: &str, lang: Lang) -> String {
    let unit = match lang {
        Lang::En => "s",
        Lang::Tr => "sn",
    };
    format!("{number} {unit}")
}

/// `12 %`, `198 %`; Turkish puts the sign in front.
pub fn percent(value: f64, lang: Lang) -> String {
    let number = mark(format!("{value:.0}"), lang);
    match lang {
        Lang::En => format!("{number} %"),
        Lang::Tr => format!("%{number}"),
    }
}

/// With two digits: `0.12 %`.
pub fn fine_percent(value: f64, lang: Lang) -> String {
    let number = mark(format!("{value:.2}"), lang);
    match lang {
        Lang::En => format!("{number} %"),
        Lang::Tr => format!("%{number}"),
    }
}

/// MiB in, `34 MiB`, `1.20 GiB` out.
pub fn memory(mebibytes: f64, lang: Lang) -> String {
    if mebibytes >= 1023.5 {
        format!("{} GiB", mark(format!("{:.2}", mebibytes / 1024.0), lang))
    } else if mebibytes >= 9.95 {
        format!("{mebibytes:.0} MiB")
    } else {
        format!("{} MiB", mark(format!("{mebibytes:.1}"), lang))
    }
}

/// `1,234,567`; Turkish groups with dots.
pub fn count(value: u64, lang: Lang) -> String {
    let digits = value.to_string();
    let mark = if lang == Lang::Tr { '.' } else { ',' };
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(mark);
        }
        text.push(digit);
    }
    text
}

/// `0.20`.
pub fn load(value: f64, lang: Lang) -> String {
    mark(format!("{value:.2}"), lang)
}

/// MiB in; less than one is told in KiB: `512 KiB`.
pub fn bytes(mebibytes: f64, lang: Lang) -> String {
    if mebibytes == 0.0 {
        "0 B".to_owned()
    } else if mebibytes < 0.95 {
        format!("{:.0} KiB", mebibytes * 1024.0)
    } else {
        memory(mebibytes, lang)
    }
}

/// A ratio − 1 as `+25 %`, `−8 %`.
pub fn change(ratio: f64, lang: Lang) -> String {
    signed(ratio * 100.0, |value| percent(value, lang))
}

/// A difference with its sign.
pub fn signed(value: f64, shown: impl Fn(f64) -> String) -> String {
    let size = shown(value.abs());
    // What rounds to nothing has no direction.
    let sign = if size == shown(0.0) {
        ""
    } else if value < 0.0 {
        "−"
    } else {
        "+"
    };
    format!("{sign}{size}")
}

pub fn mark(number: String, lang: Lang) -> String {
    match lang {
        Lang::En => number,
        Lang::Tr => number.replace('.', ","),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short_and_have_their_unit() {
        for (seconds, shown) in [
            (0.0, "0 ms"),
            (0.048, "48 ms"),
            (0.9999, "1.00 s"),
            (3.214, "3.21 s"),
            (42.04, "42.0 s"),
            (99.96, "1m 40s"),
            (125.0, "2m 05s"),
            (7384.0, "2h 03m"),
            (-1.0, "–"),
        ] {
            assert_eq!(duration(seconds, Lang::En), shown);
        }
        let turkish = [0.048, 3.214, 42.04, 125.0, 7384.0].map(|seconds| duration(seconds, Lang::Tr));
        assert_eq!(turkish, ["48 ms", "3,21 sn", "42,0 sn", "2 dk 05 sn", "2 sa 03 dk"]);
        assert_eq!((percent(198.4, Lang::En), percent(198.4, Lang::Tr)), ("198 %".into(), "%198".into()));
        assert_eq!(
            (fine_percent(0.123, Lang::En), fine_percent(0.123, Lang::Tr)),
            ("0.12 %".into(), "%0,12".into())
        );
        assert_eq!((memory(3.21, Lang::En), memory(1229.0, Lang::Tr)), ("3.2 MiB".into(), "1,20 GiB".into()));
        assert_eq!((change(0.25, Lang::En), change(-0.08, Lang::En)), ("+25 %".into(), "−8 %".into()));
        assert_eq!(change(-0.001, Lang::Tr), "%0");
        assert_eq!(
            [0, 999, 1000, 1_234_567].map(|value| count(value, Lang::En)),
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!((count(12_345, Lang::Tr), load(0.2, Lang::Tr)), ("12.345".into(), "0,20".into()));
        assert_eq!(
            [0.0, 0.5, 0.94, 0.96, 3.0].map(|mib| bytes(mib, Lang::En)),
            ["0 B", "512 KiB", "963 KiB", "1.0 MiB", "3.0 MiB"]
        );
        assert_eq!(signed(-2.0, |value| duration(value, Lang::En)), "−2.00 s");
    }
}

//! Numbers as people of a language write them: decimal comma and the percent sign in front in Turkish.

use super::Lang;

const SECOND_MS: f64 = 1000.0;
/// Up to here seconds read better than minutes: "93 s".
const WHOLE_SECONDS_TO: f64 = 120.0;

/// With at most `digits` decimals, none of them trailing zeros.
pub(super) fn decimal(lang: Lang, value: f64, digits: usize) -> String {
    let mut text = format!("{value:.digits$}");
    if text.contains('.') {
        text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
    }
    if text == "-0" {
        text.remove(0);
    }
    match lang {
        Lang::En => text,
        Lang::Tr => text.replace('.', ","),
    }
}

/// Three significant digits at most below 100, whole numbers above.
fn short(lang: Lang, value: f64) -> String {
    decimal(lang, value, usize::from(value.abs() < 9.95))
}

/// `93 %`, `%93`.
pub(super) fn percent(lang: Lang, value: f64) -> String {
    match lang {
        Lang::En => format!("{} %", short(lang, value)),
        Lang::Tr => format!("%{}", short(lang, value)),
    }
}

/// A ratio − 1, with its sign: `+38 %`, `+%38`.
pub(super) fn change(lang: Lang, ratio_less_one: f64) -> String {
    let percent_points = ratio_less_one * 100.0;
    let magnitude = percent(lang, percent_points.abs());
    match percent_points {
        // What is rounded to nothing has no sign.
        small if small.abs() < 0.05 => magnitude,
        less if less < 0.0 => format!("−{magnitude}"),
        _ => format!("+{magnitude}"),
    }
}

/// `480 ms`, `3.2 s`, `93 s`, `2 min 5 s`, `1 h 4 min`, `2 d 3 h`.
pub(super) fn duration(lang: Lang, seconds: f64) -> String {
    let [s, min, h, d] = match lang {
        Lang::En => ["s", "min", "h", "d"],
        Lang::Tr => ["sn", "dk", "sa", "g"],
    };
    let seconds = seconds.max(0.0);
    if seconds * SECOND_MS < 9.95 && seconds > 0.0 {
        return format!("{} ms", decimal(lang, seconds * SECOND_MS, 1));
    }
    if (seconds * SECOND_MS).round() < SECOND_MS {
        return format!("{} ms", decimal(lang, seconds * SECOND_MS, 0));
    }
    if seconds.round() < WHOLE_SECONDS_TO {
        return format!("{} {s}", short(lang, seconds));
    }
    let whole = seconds.round() as u64;
    let (large, small) = match whole {
        ..3600 => ((whole / 60, min), (whole % 60, s)),
        3600..86_400 => ((whole / 3600, h), (whole % 3600 / 60, min)),
        _ => ((whole / 86_400, d), (whole % 86_400 / 3600, h)),
    };
    if small.0 == 0 {
        format!("{} {}", large.0, large.1)
    } else {
        format!("{} {} {} {}", large.0, large.1, small.0, small.1)
    }
}

/// Of MiB: `3.2 MiB`, `512 MiB`, `1.5 GiB`.
pub(super) fn size(lang: Lang, mebibytes: f64) -> String {
    if mebibytes.round() < 1024.0 {
        format!("{} MiB", short(lang, mebibytes))
    } else {
        format!("{} GiB", decimal(lang, mebibytes / 1024.0, 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_people_write_them() {
        for (value, en, tr) in [
            (duration as fn(Lang, f64) -> String, 0.0, "0 ms", "0 ms"),
            (duration, 0.0031, "3.1 ms", "3,1 ms"),
            (duration, 0.48, "480 ms", "480 ms"),
            (duration, 0.9996, "1 s", "1 sn"),
            (duration, 3.24, "3.2 s", "3,2 sn"),
            (duration, 9.96, "10 s", "10 sn"),
            (duration, 93.2, "93 s", "93 sn"),
            (duration, 120.0, "2 min", "2 dk"),
            (duration, 125.0, "2 min 5 s", "2 dk 5 sn"),
            (duration, 3840.0, "1 h 4 min", "1 sa 4 dk"),
            (duration, 183_600.0, "2 d 3 h", "2 g 3 sa"),
            (percent, 93.4, "93 %", "%93"),
            (percent, 4.25, "4.2 %", "%4,2"),
            (percent, 393.0, "393 %", "%393"),
            (change, 0.38, "+38 %", "+%38"),
            (change, -0.125, "−12 %", "−%12"),
            (change, 0.0004, "0 %", "%0"),
            (change, -1e-9, "0 %", "%0"),
            (size, 3.25, "3.2 MiB", "3,2 MiB"),
            (size, 512.4, "512 MiB", "512 MiB"),
            (size, 1536.0, "1.5 GiB", "1,5 GiB"),
        ]
        .map(|(format, number, en, tr)| (format(Lang::En, number) + "|" + &format(Lang::Tr, number), en, tr))
        {
            assert_eq!(value, format!("{en}|{tr}"));
        }
    }
}

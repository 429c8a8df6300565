//! Values of search terms: `>5s`, `80%`, `500mb`.

/// `=5`, `>5`, `>=5`, `<5`, `<=5`; a bare value is `=`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bound {
    relation: Relation,
    value: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    Less,
    AtMost,
    Equal,
    AtLeast,
    More,
}

impl Bound {
    pub(super) fn parse(text: &str, value: impl Fn(&str) -> Option<f64>) -> Option<Self> {
        let relations = [
            (">=", Relation::AtLeast),
            ("<=", Relation::AtMost),
            (">", Relation::More),
            ("<", Relation::Less),
            ("=", Relation::Equal),
        ];
        let (relation, rest) = relations
            .into_iter()
            .find_map(|(sign, relation)| text.strip_prefix(sign).map(|rest| (relation, rest)))
            .unwrap_or((Relation::Equal, text));
        let value = value(rest.trim()).filter(|value| value.is_finite())?;
        Some(Self { relation, value })
    }

    pub(super) fn holds(self, found: f64) -> bool {
        match self.relation {
            Relation::Less => found < self.value,
            Relation::AtMost => found <= self.value,
            // Ids are whole; of measured figures nobody asks for equality to the last bit.
            Relation::Equal => (found - self.value).abs() < 1e-9,
            Relation::AtLeast => found >= self.value,
            Relation::More => found > self.value,
        }
    }
}

fn split_unit(text: &str) -> Option<(f64, String)> {
    let at = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let value: f64 = text[..at].parse().ok()?;
    Some((value, text[at..].trim().to_ascii_lowercase()))
}

/// Seconds; `ms`, `s`, `m`, `h`, `d`, `w` and their words, in English and in Turkish; a bare number is seconds.
pub(super) fn duration_s(text: &str) -> Option<f64> {
    let (value, unit) = split_unit(text)?;
    let seconds = match unit.as_str() {
        "ms" => 0.001,
        "" | "s" | "sec" | "second" | "seconds" | "sn" | "saniye" => 1.0,
        "m" | "min" | "minute" | "minutes" | "dk" | "dakika" => 60.0,
        "h" | "hour" | "hours" | "sa" | "saat" => 3600.0,
        "d" | "day" | "days" | "g" | "gün" | "gun" => 86_400.0,
        "w" | "week" | "weeks" | "hf" | "hafta" => 7.0 * 86_400.0,
        _ => return None,
    };
    Some(value * seconds)
}

/// `80`, `80%`.
pub(super) fn percent(text: &str) -> Option<f64> {
    let (value, unit) = split_unit(text)?;
    matches!(unit.as_str(), "" | "%").then_some(value)
}

/// MiB; `kb`, `mb`, `gb` are read as powers of two, like every size of bp; a bare number is MiB.
pub(super) fn mebibytes(text: &str) -> Option<f64> {
    let (value, unit) = split_unit(text)?;
    let mebibytes = match unit.as_str() {
        "k" | "kb" | "kib" => 1.0 / 1024.0,
        "" | "m" | "mb" | "mib" => 1.0,
        "g" | "gb" | "gib" => 1024.0,
        _ => return None,
    };
    Some(value * mebibytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units() {
        for (found, wanted) in [
            (duration_s("5"), Some(5.0)),
            (duration_s("250ms"), Some(0.25)),
            (duration_s("1.5h"), Some(5400.0)),
            (duration_s("2 d"), Some(172_800.0)),
            (duration_s("3 gün"), Some(259_200.0)),
            (duration_s("15dk"), Some(900.0)),
            (duration_s("soon"), None),
            (duration_s("5y"), None),
            (percent("80%"), Some(80.0)),
            (percent("80mb"), None),
            (mebibytes("512"), Some(512.0)),
            (mebibytes("2GB"), Some(2048.0)),
            (mebibytes("512kb"), Some(0.5)),
        ] {
            assert_eq!(found, wanted);
        }
    }

    #[test]
    fn bounds() {
        let holds = |text, value| Bound::parse(text, duration_s).unwrap().holds(value);
        assert!(holds(">5s", 5.1) && !holds(">5s", 5.0));
        assert!(holds(">=5s", 5.0) && !holds(">=5s", 4.9));
        assert!(holds("<1m", 59.0) && !holds("<=1m", 61.0));
        assert!(holds("5", 5.0) && !holds("=5", 6.0));
        assert!(Bound::parse(">", duration_s).is_none());
    }
}

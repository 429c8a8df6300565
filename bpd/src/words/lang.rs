//! Which language a sentence is in.

/// A language bp speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Lang {
    #[default]
    En,
    Tr,
}

impl Lang {
    pub const ALL: [Self; 2] = [Self::En, Self::Tr];

    /// `en`, `tr`.
    pub fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Tr => "tr",
        }
    }

    /// The first that names a language bp speaks: the caller's `lang`, its `Accept-Language`, the config's `lang`, the
    /// locale (`tr_TR.UTF-8`). Else English.
    pub fn pick(
        lang: Option<&str>,
        accept_language: Option<&str>,
        config: Option<&str>,
        locale: Option<&str>,
    ) -> Self {
        let named = [lang, accept_language, config, locale];
        named.into_iter().flatten().find_map(Self::preferred).unwrap_or_default()
    }

    /// The most wanted language of an `Accept-Language` list (RFC 9110, 12.5.4); a single tag is a list of one. `None`
    /// when it names none that bp speaks.
    pub fn preferred(list: &str) -> Option<Self> {
        // The first among equals wins; a list longer than this is not a person's.
        let ranges = list.split(',').take(32).filter_map(|range| {
            let (tag, quality) = range.split_once(';').unwrap_or((range, ""));
            let quality =
                quality.trim().strip_prefix("q=").map_or(Some(1.0), |q| q.trim().parse::<f64>().ok())?;
            Some((Self::of_tag(tag.trim())?, quality)).filter(|(_, quality)| *quality > 0.0)
        });
        ranges.reduce(|best, range| if range.1 > best.1 { range } else { best }).map(|(lang, _)| lang)
    }

    /// `tr`, `tr-TR`, `tr_TR.UTF-8`, any case.
    fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_', '.', '@']).next()?;
        Self::ALL.into_iter().find(|lang| primary.eq_ignore_ascii_case(lang.code()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_names_a_known_language_decides() {
        for (named, wanted) in [
            ([None, None, None, None], Lang::En),
            ([Some("tr"), Some("en"), Some("en"), Some("en")], Lang::Tr),
            ([Some("de"), Some("fr, tr;q=0.5"), Some("en"), None], Lang::Tr),
            ([None, Some("de"), Some("tr"), Some("en_US.UTF-8")], Lang::Tr),
            ([None, None, None, Some("tr_TR.UTF-8")], Lang::Tr),
            ([None, None, None, Some("C.UTF-8")], Lang::En),
        ] {
            let [lang, accept, config, locale] = named;
            assert_eq!(Lang::pick(lang, accept, config, locale), wanted, "{named:?}");
        }
    }

    #[test]
    fn an_accept_language_list_is_weighed() {
        for (list, wanted) in [
            ("tr-TR,tr;q=0.9,en;q=0.8", Some(Lang::Tr)),
            ("en;q=0.5, tr;q=0.7", Some(Lang::Tr)),
            ("en, tr", Some(Lang::En)),
            ("tr;q=0, en;q=0.1", Some(Lang::En)),
            ("TR", Some(Lang::Tr)),
            ("tr;q=x", None),
            ("trk", None),
            ("*", None),
            ("", None),
        ] {
            assert_eq!(Lang::preferred(list), wanted, "{list}");
        }
    }
}

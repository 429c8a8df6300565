//! The names of the masking rules for people. bpd and `--json` write the codes, which are English words.

use std::borrow::Cow;

use super::escape::visible;
use super::words::Lang;

/// Code and Turkish name.
const TURKISH: [(&str, &str); 18] = [
    ("assignment", "atama"),
    ("authorization", "yetki başlığı"),
    ("code", "kod"),
    ("flag", "seçenek"),
    ("header", "başlık"),
    ("ignored", "yok sayılan"),
    ("json", "JSON"),
    ("look", "görünüş"),
    ("phrase", "deyim"),
    ("piped", "boruya yazılan"),
    ("printed", "ekrana yazılan"),
    ("program", "program kuralı"),
    ("secret-store", "sır deposu"),
    ("sql", "SQL"),
    ("token", "token"),
    ("typed", "başka terminale yazılan"),
    ("url", "URL"),
    ("url-query", "URL sorgusu"),
];

/// The rule's name in `lang`; a rule of a newer bpd comes under its code.
pub fn name(code: &str, lang: Lang) -> Cow<'_, str> {
    let turkish = TURKISH.iter().find(|(known, _)| lang == Lang::Tr && *known == code);
    turkish.map_or_else(|| visible(code), |(_, name)| Cow::Borrowed(*name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_has_a_turkish_name_and_an_unknown_one_keeps_its_code() {
        assert_eq!(
            (name("assignment", Lang::Tr), name("assignment", Lang::En)),
            ("atama".into(), "assignment".into())
        );
        assert_eq!(name("brand-new", Lang::Tr), "brand-new");
        for line in [
            "API_TOKEN=hunter2secret ./deploy",
            "mysql -phunter2secret shop",
            "curl -H 'Authorization: Bearer hunter2secret' x",
            "curl https://ali:hunter2secret@x",
            "deploy --password hunter2secret",
        ] {
            let rules = bp_proto::mask::mask(line).rules;
            assert!(
                !rules.is_empty() && rules.iter().all(|rule| name(rule, Lang::Tr) != rule.as_str()),
                "{rules:?}"
            );
        }
    }
}

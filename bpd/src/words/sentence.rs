//! Sentences, each from an id and its numbers.

use std::sync::LazyLock;

use bp_proto::AlertReport;
use bp_proto::report::Verdict;
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use serde_json::{Map, Value, json};

use super::{Lang, number};

const EN: &str = include_str!("en.ftl");
const TR: &str = include_str!("tr.ftl");

/// A number as a language writes it.
type Format = fn(Lang, f64) -> String;
type Bundle = FluentBundle<FluentResource>;

// Parsed once, never changed: as constant as the text they are made of.
static EN_BUNDLE: LazyLock<Bundle> = LazyLock::new(|| bundle(Lang::En, EN));
static TR_BUNDLE: LazyLock<Bundle> = LazyLock::new(|| bundle(Lang::Tr, TR));

/// What the comment `rule` says with its evidence.
pub fn comment(lang: Lang, rule: &str, params: &Map<String, Value>) -> String {
    say(lang, &format!("comment-{rule}"), params)
}

/// What a reason code of a comparison says.
pub fn reason(lang: Lang, code: &str, params: &Map<String, Value>) -> String {
    say(lang, &format!("reason-{code}"), params)
}

/// Why a question has no answer.
pub fn refused(lang: Lang, id: &str, params: &Map<String, Value>) -> String {
    say(lang, &format!("refused-{id}"), params)
}

/// What to ask instead.
pub fn hint(lang: Lang, id: &str, params: &Map<String, Value>) -> String {
    say(lang, &format!("hint-{id}"), params)
}

/// That there is no sure verdict on a run which lies outside the usual range.
pub fn outside_usual(lang: Lang, params: &Map<String, Value>) -> String {
    say(lang, "verdict-outside-usual", params)
}

/// A comparison's verdict; `by_cpu`: CPU seconds decided, and `params` are theirs.
pub fn verdict(lang: Lang, verdict: Verdict, by_cpu: bool, params: &Map<String, Value>) -> String {
    let id = match (verdict, by_cpu) {
        (Verdict::Faster, true) => "verdict-faster-by-cpu",
        (Verdict::Slower, true) => "verdict-slower-by-cpu",
        (Verdict::Faster, false) => "verdict-faster",
        (Verdict::Slower, false) => "verdict-slower",
        (Verdict::Similar, _) => "verdict-similar",
        (Verdict::Unclear, _) => "verdict-unclear",
        (Verdict::NotComparable, _) => "verdict-not-comparable",
    };
    say(lang, id, params)
}

/// What an alert says now: while it fires, or after it has ended.
pub fn alert(lang: Lang, alert: &AlertReport) -> String {
    let stage = if alert.ended_at.is_some() { "ended" } else { "firing" };
    say(lang, &format!("alert-{}-{stage}", alert.rule), &alert_params(lang, alert))
}

/// The heading of an alert's notice.
pub fn alert_title(lang: Lang, alert: &AlertReport) -> String {
    say(lang, &format!("alert-title-{}", alert.rule), &alert_params(lang, alert))
}

/// What does not work as it should.
pub fn trouble(lang: Lang, id: &str, params: &[(&str, String)]) -> String {
    let params = params.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect();
    say(lang, &format!("trouble-{id}"), &params)
}

/// A sentence or label without numbers, as the button `alert-open`.
pub fn label(lang: Lang, id: &str) -> String {
    say(lang, id, &Map::new())
}

fn alert_params(lang: Lang, alert: &AlertReport) -> Map<String, Value> {
    let command = alert.command.clone().unwrap_or_else(|| label(lang, "alert-no-command"));
    let params = json!({
        "command": command,
        "named": if alert.command.is_some() { "yes" } else { "no" },
        "placed": if alert.project.is_some() { "yes" } else { "no" },
        "project": alert.project.clone().unwrap_or_default(),
        "peak": alert.peak,
        "threshold": alert.threshold,
        "above_s": alert.above_s,
    });
    match params {
        Value::Object(params) => params,
        _ => Map::new(),
    }
}

/// The sentence `id`; an id that is not there is its own sentence, so that a code is never lost.
fn say(lang: Lang, id: &str, params: &Map<String, Value>) -> String {
    let bundle: &Bundle = match lang {
        Lang::En => &EN_BUNDLE,
        Lang::Tr => &TR_BUNDLE,
    };
    let Some(pattern) = bundle.get_message(id).and_then(|message| message.value()) else {
        return id.to_owned();
    };
    let mut args = FluentArgs::with_capacity(params.len());
    for (name, value) in params {
        match value {
            Value::Number(number) => args.set(name.as_str(), number.as_f64().unwrap_or(0.0)),
            Value::String(text) => args.set(name.as_str(), text.as_str()),
            other => args.set(name.as_str(), other.to_string()),
        }
    }
    // What is missing shows as `{$name}` in the sentence; a test formats every sentence with its rule's evidence.
    bundle.format_pattern(pattern, Some(&args), &mut Vec::new()).into_owned()
}

/// Panics on a file that does not parse; a test parses both.
fn bundle(lang: Lang, text: &str) -> Bundle {
    let resource = match FluentResource::try_new(text.to_owned()) {
        Ok(resource) => resource,
        Err((resource, errors)) => {
            debug_assert!(errors.is_empty(), "{}.ftl: {errors:?}", lang.code());
            resource
        }
    };
    let mut bundle = Bundle::new_concurrent(lang.code().parse().into_iter().collect());
    // The marks that isolate text of another direction would show up as boxes in terminals and notices.
    bundle.set_use_isolating(false);
    bundle.set_formatter(Some(match lang {
        Lang::En => |value, _| plain(Lang::En, value),
        Lang::Tr => |value, _| plain(Lang::Tr, value),
    }));
    let functions: [(&str, Format); 5] = [
        ("PERCENT", number::percent),
        ("DURATION", number::duration),
        ("SIZE", number::size),
        ("CHANGE", number::change),
        ("NUMBER", |lang, value| number::decimal(lang, value, 1)),
    ];
    for (name, format) in functions {
        let added = bundle.add_function(name, move |args, _| match args {
            [FluentValue::Number(number)] => format(lang, number.value).into(),
            _ => FluentValue::Error,
        });
        debug_assert!(added.is_ok(), "{name} is defined twice");
    }
    let added = bundle.add_resource(resource);
    debug_assert!(added.is_ok(), "{}.ftl says something twice", lang.code());
    bundle
}

/// A bare number: counts and codes.
fn plain(lang: Lang, value: &FluentValue<'_>) -> Option<String> {
    match value {
        FluentValue::Number(number) => Some(number::decimal(lang, number.value, 1)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use bp_proto::{Level, Ulid, UnixMillis};

    use super::*;

    /// Keys with the variables and functions that each names.
    fn entries(text: &str) -> BTreeMap<String, BTreeSet<String>> {
        let mut entries: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut key = String::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            if let Some((name, _)) = line.split_once(" = ").filter(|_| !line.starts_with(' ')) {
                assert!(entries.insert(name.to_owned(), BTreeSet::new()).is_none(), "{name} stands twice");
                name.clone_into(&mut key);
            }
            for (at, _) in line.match_indices('$') {
                let name: String =
                    line[at..].chars().take_while(|c| matches!(c, '$' | '_' | 'a'..='z')).collect();
                let function = line[..at].strip_suffix('(').map(|head| {
                    head.rsplit(|c: char| !c.is_ascii_uppercase()).next().unwrap_or_default().to_owned()
                });
                entries.get_mut(&key).unwrap().insert(format!("{}({name})", function.unwrap_or_default()));
            }
        }
        entries
    }

    #[test]
    fn both_languages_have_the_same_sentences_with_the_same_numbers() {
        let (en, tr) = (entries(EN), entries(TR));
        assert!(en.len() > 30);
        assert_eq!(en, tr);
    }

    #[test]
    fn both_files_parse_and_every_sentence_is_there() {
        for (lang, text) in [(Lang::En, EN), (Lang::Tr, TR)] {
            assert!(FluentResource::try_new(text.to_owned()).is_ok());
            for key in entries(text).keys() {
                assert_ne!(&say(lang, key, &Map::new()), key, "{key}");
            }
        }
    }

    #[test]
    fn a_trouble_is_said_in_each_language_with_what_stands_in_it() {
        let params = [("port", "7717".to_owned()), ("address", "127.0.0.1:7718".to_owned())];
        assert_eq!(
            trouble(Lang::En, "port-taken", &params),
            "port 7717 is taken; the page and the API are at http://127.0.0.1:7718 instead"
        );
        assert_eq!(
            trouble(Lang::Tr, "port-taken", &params),
            "7717 portu dolu; pano ve API bunun yerine http://127.0.0.1:7718 adresinde"
        );
    }

    #[test]
    fn numbers_and_words_follow_the_language_and_no_isolation_marks_are_printed() {
        let params = json!({ "cpu_avg": 93.4, "threshold": 80, "duration_s": 12.0 });
        let params = params.as_object().unwrap();
        let en = comment(Lang::En, "cpu-avg-high", params);
        let tr = comment(Lang::Tr, "cpu-avg-high", params);
        assert_eq!(en, "Average CPU was 93 %, above 80 %, over 12 s (100 % is one core).");
        assert_eq!(
            tr,
            "Ortalama CPU kullanımı %93 ile %80 sınırının üzerinde; süre 12 sn (%100 bir çekirdektir)."
        );
        for text in [en, tr] {
            assert!(!text.contains(['\u{2066}', '\u{2067}', '\u{2068}', '\u{2069}']), "{text:?}");
        }
    }

    /// It stands below "no clear difference", and must not say that the matter is clear.
    #[test]
    fn a_difference_too_small_is_a_reason_for_no_verdict() {
        let too_small = |lang| reason(lang, "too-small", &Map::new());
        assert_eq!(too_small(Lang::En), "The difference is too small for a verdict.");
        assert_eq!(too_small(Lang::Tr), "Fark, hüküm vermek için çok küçük.");
        let params = json!({ "current_s": 1.08, "baseline_s": 1.0, "change": 0.08 });
        let unclear = |lang| verdict(lang, Verdict::Unclear, false, params.as_object().unwrap());
        assert!(unclear(Lang::En).starts_with("No clear difference: "));
        assert!(unclear(Lang::Tr).starts_with("Belirgin bir fark yok: "));
    }

    #[test]
    fn ranks_and_counts_choose_their_form() {
        let with = |rank: u32| {
            let params =
                json!({ "duration_s": 3.2, "median_s": 2.0, "change": 0.6, "rank": rank, "runs": 48 });
            Lang::ALL.map(|lang| comment(lang, "slower", params.as_object().unwrap()))
        };
        assert_eq!(
            with(1),
            [
                "Slower than usual: 3.2 s against a median of 2 s (+60 %), the slowest of 48.",
                "Her zamankinden yavaş: 3,2 sn, ortanca 2 sn (+%60); 48 çalıştırmanın en yavaşı.",
            ]
        );
        assert_eq!(
            with(2),
            [
                "Slower than usual: 3.2 s against a median of 2 s (+60 %), rank 2 of 48 from the slowest.",
                "Her zamankinden yavaş: 3,2 sn, ortanca 2 sn (+%60); 48 çalıştırma içinde yavaşlıkta 2. sırada.",
            ]
        );
    }

    #[test]
    fn an_alert_speaks_while_it_fires_and_after() {
        let mut report = AlertReport {
            uid: Ulid::nil(),
            rule: "cpu-high".to_owned(),
            level: Level::Warning,
            run: Some(1),
            actor: None,
            command: Some("make".to_owned()),
            line: Some("make -j2".to_owned()),
            project: None,
            fired_at: UnixMillis(0),
            ended_at: None,
            peak: 93.0,
            threshold: 80.0,
            above_s: 12.0,
            delivery: None,
            text: String::new(),
        };
        assert_eq!(alert(Lang::En, &report), "make has used up to 93 % CPU for 12 s (threshold 80 %).");
        assert_eq!(
            alert(Lang::Tr, &report),
            "make, 12 sn süredir yüksek CPU kullanıyor: en çok %93 (eşik %80)."
        );
        report.project = Some("app".to_owned());
        assert_eq!(
            alert(Lang::En, &report),
            "make in app has used up to 93 % CPU for 12 s (threshold 80 %)."
        );
        assert_eq!(
            alert(Lang::Tr, &report),
            "make (app), 12 sn süredir yüksek CPU kullanıyor: en çok %93 (eşik %80)."
        );
        report.project = None;
        report.ended_at = Some(UnixMillis(1));
        report.above_s = 93.0;
        assert_eq!(alert(Lang::En, &report), "make used up to 93 % CPU; ended after 93 s above 80 %.");
        report.rule = "host-cpu".to_owned();
        report.command = None;
        assert_eq!(alert(Lang::En, &report), "The machine used up to 93 % CPU; ended after 93 s above 80 %.");
        assert_eq!(alert_title(Lang::Tr, &report), "Makine meşgul");
    }

    #[test]
    fn an_unknown_code_is_its_own_sentence() {
        assert_eq!(reason(Lang::Tr, "brand-new", &Map::new()), "reason-brand-new");
    }
}

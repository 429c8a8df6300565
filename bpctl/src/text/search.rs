//! The search language of bpd as `bpctl list --help` explains it.

use std::fmt::Write as _;

use super::words::Lang;

/// Columns of the terms.
const TERMS: usize = 26;

/// A term or two as a shell takes them, and what they ask for, in English and in Turkish.
const ROWS: [(&str, &str, &str); 23] = [
    ("make test", "words of the command, in any order", "komuttan sözcükler, hangi sırada olursa olsun"),
    ("'\"make test\"'", "the same, side by side", "aynısı, yan yana"),
    ("-- -clean", "not that word; options end before it", "o sözcük olmasın; seçenekler ondan önce biter"),
    (
        "exit:0  'exit:!0'",
        "the exit code; ! is \"not\", in every field",
        "çıkış kodu; ! \"değil\" demektir, her alanda",
    ),
    (
        "state:running",
        "running, stopped, background, finished, left or lost",
        "running, stopped, background, finished, left, lost",
    ),
    (
        "'dur:>10s'",
        "how long it took: ms s m h d w; > >= < <= =",
        "ne kadar sürdüğü: ms s m h d w; > >= < <= =",
    ),
    ("'cpu:>80'", "average CPU in percent; 100 is one core", "ortalama CPU, yüzde; 100 bir çekirdektir"),
    ("'mem:>500mb'", "peak memory: kb mb gb", "belleğin doruğu: kb mb gb"),
    ("since:2h", "started no longer ago", "en çok bu kadar önce başladı"),
    ("until:2026-05-06", "started before that day or time", "o günden ya da saatten önce başladı"),
    ("on:yesterday", "started then: a day, a month, a time", "o zaman başladı: gün, ay, saat"),
    ("on:14:00..15:00", "a range; today 14:00 2026-05-06T14:00", "aralık; bugün dün 14:00 2026-05-06T14:00"),
    ("cwd:.", "that directory or one below it", "o dizin ya da altındakiler"),
    ("project:app", "a git root, by its name or its path", "bir git kökü, adıyla ya da yoluyla"),
    ("branch:main  commit:3f2a", "a branch; the beginning of a commit", "bir dal; bir commit'in başı"),
    ("git:main", "a branch, or the beginning of a commit", "bir dal ya da bir commit'in başı"),
    ("cmd:make  session:KEY", "a word of the command; a session", "komuttan bir sözcük; bir oturum"),
    ("imported:no", "yes: from a shell's history", "yes: bir kabuğun geçmişinden"),
    ("tag:release", "a tag", "bir etiket"),
    ("actor:agent", "human, ci, agent or agent:NAME", "human, ci, agent ya da agent:AD"),
    ("shell:zsh  host:kara", "the shell; the machine's name", "kabuk; makinenin adı"),
    ("'id:>100'", "the run's number", "çalıştırmanın numarası"),
    (
        "key:3f2a",
        "the beginning of a command's key, as --json has it",
        "komutun anahtarının başı, --json'da olduğu gibi",
    ),
];

/// The table, below the options.
pub fn help(lang: Lang) -> String {
    let [head, all, braces] = match lang {
        Lang::En => [
            "What SEARCH may have:",
            "All of it must hold.",
            "In braces it names a run: bpctl show 'latest{exit:!0 cwd:.}'",
        ],
        Lang::Tr => [
            "ARAMA şunları içerebilir:",
            "Hepsi birden doğru olmalıdır.",
            "Küme ayracı içinde bir çalıştırmayı gösterir: bpctl show 'latest{exit:!0 cwd:.}'",
        ],
    };
    let mut text = format!("{head}\n");
    for (term, en, tr) in ROWS {
        let meaning = if lang == Lang::En { en } else { tr };
        let _ = writeln!(text, "  {term:<TERMS$}{meaning}");
    }
    text + all + "\n" + braces
}

#[cfg(test)]
mod tests {
    use bp_proto::search::FIELDS;
    use unicode_width::UnicodeWidthStr as _;

    use super::*;

    #[test]
    fn every_field_that_bpd_knows_is_explained_and_no_other() {
        for lang in [Lang::En, Lang::Tr] {
            let text = help(lang);
            for field in FIELDS {
                let is_named = text
                    .lines()
                    .any(|line| line.split([' ', '\'']).any(|word| word.starts_with(&format!("{field}:"))));
                assert!(is_named, "{field} in {text}");
            }
            assert!(text.lines().all(|line| line.width() <= 80), "{text}");
        }
        for term in ROWS.iter().flat_map(|(term, ..)| term.split_whitespace()) {
            let field = term.trim_matches('\'').split_once(':').map(|(field, _)| field);
            assert!(field.is_none_or(|field| FIELDS.contains(&field)), "{term}");
        }
    }
}

//! What bpctl says of its verbs and of words that it cannot read, in Turkish. The English is in the verbs themselves, where
//! clap reads it; the Turkish is found by it.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write as _};

use clap::builder::Str;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, Error};

use super::search;
use super::words::Lang;

/// What `read` makes of `words`, which cannot be parsed or ask for help: printed, in Turkish. → exit code
pub fn refuse(command: Command, words: impl IntoIterator<Item = OsString>) -> u8 {
    let Err(said) = turkish(command).try_get_matches_from(words) else { return 0 };
    let is_colored =
        |terminal: bool| terminal && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
    let (mut stdout, mut stderr) = (io::stdout(), io::stderr());
    // Nobody is left to tell when the reader has gone.
    if said.use_stderr() {
        let _ = stderr.write_all(text(&said, is_colored(stderr.is_terminal())).as_bytes());
        2
    } else {
        let _ = stdout.write_all(text(&said, is_colored(stdout.is_terminal())).as_bytes());
        0
    }
}

/// The same verbs, described in Turkish.
fn turkish(command: Command) -> Command {
    let about = command.get_about().map(|about| translated(&about.to_string()));
    let command = match about {
        Some(about) => command.about(about),
        None => command,
    };
    let after = command.get_after_help().map(|help| translated(&help.to_string()));
    let command = match after {
        Some(after) => command.after_help(after),
        None => command,
    };
    let command = match command.get_after_long_help() {
        Some(help) if help.to_string() == search::help(Lang::En) => {
            command.after_long_help(search::help(Lang::Tr))
        }
        _ => command,
    };
    command
        .mut_args(|arg| {
            let names = arg.get_value_names().unwrap_or_default();
            let names: Vec<Str> = names.iter().map(value_name).collect();
            let takes_value = arg.get_action().takes_values() && !names.is_empty();
            let arg = if takes_value { arg.value_names(names) } else { arg };
            match arg.get_help().map(|help| translated(&help.to_string())) {
                Some(help) => arg.help(help),
                None => arg,
            }
        })
        .mut_subcommands(turkish)
}

fn translated(english: &str) -> String {
    let found = VERBS.iter().find(|(of, _)| *of == english);
    found.map_or(english, |(_, turkish)| turkish).to_owned()
}

/// The name of a value, as `<WHEN>`.
fn value_name(english: &Str) -> Str {
    let found = VALUES.iter().find(|(of, _)| *of == english.as_str());
    found.map_or_else(|| english.clone(), |(_, turkish)| Str::from(*turkish))
}

/// A usage line that clap has written, in `lang`.
pub fn in_language(usage: String, lang: Lang) -> String {
    match lang {
        Lang::En => usage,
        Lang::Tr => VALUES.iter().fold(framed(usage), |text, (english, turkish)| {
            text.replace(&format!("<{english}>"), &format!("<{turkish}>"))
                .replace(&format!("[{english}]"), &format!("[{turkish}]"))
        }),
    }
}

fn text(said: &Error, is_colored: bool) -> String {
    let whole = if is_colored { said.render().ansi().to_string() } else { said.render().to_string() };
    match said.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => framed(whole),
        _ => match why(said) {
            Some(why) => {
                let usage = said.get(ContextKind::Usage).map(|usage| format!("{usage}\n\n"));
                let usage = usage.unwrap_or_default();
                framed(format!("hata: {why}\n\n{usage}Daha fazlası için: '--help'\n"))
            }
            None => framed(whole),
        },
    }
}

/// With clap's own words in Turkish.
fn framed(text: String) -> String {
    FRAME.iter().fold(text, |text, (english, turkish)| text.replace(english, turkish))
}

/// `None`: of a kind that these verbs do not have.
fn why(said: &Error) -> Option<String> {
    let of = |kind| match said.get(kind) {
        Some(ContextValue::String(one)) => one.clone(),
        Some(ContextValue::Strings(several)) => several.join(", "),
        _ => String::new(),
    };
    let argument = of(ContextKind::InvalidArg);
    let value = of(ContextKind::InvalidValue);
    let near = |kind| match of(kind) {
        near if near.is_empty() => String::new(),
        near => format!("; bunu mu demek istediniz: {near}"),
    };
    Some(match said.kind() {
        ErrorKind::UnknownArgument => {
            format!("'{argument}' diye bir seçenek yok{}", near(ContextKind::SuggestedArg))
        }
        ErrorKind::InvalidSubcommand => format!(
            "'{}' diye bir komut yok{}",
            of(ContextKind::InvalidSubcommand),
            near(ContextKind::SuggestedSubcommand)
        ),
        ErrorKind::MissingRequiredArgument => format!("eksik: {argument}"),
        ErrorKind::MissingSubcommand => format!("eksik: bir komut ({})", of(ContextKind::ValidSubcommand)),
        ErrorKind::InvalidValue if value.is_empty() => format!("'{argument}' bir değer ister"),
        ErrorKind::InvalidValue => {
            format!("'{argument}' için '{value}' olmaz; olabilecekler: {}", of(ContextKind::ValidValue))
        }
        ErrorKind::ValueValidation => {
            let source = std::error::Error::source(said);
            let reason = match source {
                Some(source) if source.is::<std::num::ParseIntError>() => ": bir sayı gerekli".to_owned(),
                Some(source) => format!(": {source}"),
                None => String::new(),
            };
            format!("'{argument}' için '{value}' olmaz{reason}")
        }
        ErrorKind::ArgumentConflict => match of(ContextKind::PriorArg) {
            prior if prior == argument || prior.is_empty() => format!("'{argument}' bir kez verilebilir"),
            prior => format!("'{argument}' ile '{prior}' birlikte olmaz"),
        },
        _ => return None,
    })
}

/// Longer ones first, where one is in another.
const FRAME: [(&str, &str); 17] = [
    ("Usage:", "Kullanım:"),
    ("Commands:", "Komutlar:"),
    ("Options:", "Seçenekler:"),
    ("Arguments:", "Verilenler:"),
    ("[OPTIONS]", "[SEÇENEK]…"),
    ("<COMMAND>", "<KOMUT>"),
    ("Possible values:", "Olabilecekler:"),
    ("[default: ", "[verilmezse: "),
    ("[possible values: ", "[olabilecekler: "),
    ("[alias: ", "[öbür adı: "),
    ("[aliases: ", "[öbür adları: "),
    ("Print help (see more with '--help')", "Yardımı yazar (daha fazlası: '--help')"),
    ("Print help (see a summary with '-h')", "Yardımı yazar (özeti: '-h')"),
    ("Print help", "Yardımı yazar"),
    ("Print version", "Sürümü yazar"),
    ("Slower, or not comparable at all", "Daha yavaş, ya da hiç karşılaştırılamıyor"),
    ("error: ", "hata: "),
];

/// Names of values, as the help shows them behind an option.
const VALUES: &[(&str, &str)] = &[
    ("WHEN", "NE_ZAMAN"),
    ("LANG", "DİL"),
    ("TAG", "ETİKET"),
    ("NOTE", "NOT"),
    ("STRING", "DİZGE"),
    ("COMMAND", "KOMUT"),
    ("SEARCH", "ARAMA"),
    ("ACTOR", "KİM"),
    ("LIMIT", "SAYI"),
    ("RUN", "ÇALIŞTIRMA"),
    ("RUNS", "ÇALIŞTIRMALAR"),
    ("CURRENT", "YENİ"),
    ("BASELINE", "ESKİ"),
    ("ALIGN", "EKSEN"),
    ("VERDICT", "HÜKÜM"),
    ("TAGS", "ETİKETLER"),
    ("TEXT", "METİN"),
    ("SHELL", "KABUK"),
    ("LINES", "SATIR_SAYISI"),
    ("TIME", "SÜRE"),
    ("DIR", "DİZİN"),
    ("LINE", "SATIR"),
    ("FILE", "DOSYA"),
    ("PID", "PID"),
    ("FACT", "BİLGİ"),
];

const VERBS: &[(&str, &str)] = &[
    ("Runs, lists, shows and compares commands", "Komutları çalıştırır, listeler, gösterir ve karşılaştırır"),
    ("When to colour", "Ne zaman renkli yazılacağı"),
    ("The language of what is said", "Hangi dilde yazılacağı"),
    ("Runs a command and records it", "Bir komutu çalıştırır ve kaydeder"),
    ("Gives the run a tag; may be repeated", "Kayda etiket verir; yinelenebilir"),
    ("Gives the run a note", "Kayda not düşer"),
    ("Prints nothing of its own", "Kendinden bir şey yazmaz"),
    ("Runs STRING through /bin/sh", "DİZGE'yi /bin/sh ile çalıştırır"),
    (
        "The command and its arguments, behind the options or behind `--`",
        "Komut ve argümanları; seçeneklerden ya da `--`den sonra",
    ),
    (
        "Exit code, signals and terminal are as without bpctl. 125: bp could not start the command; 126: not executable; \
    127: not found.",
        "Çıkış kodu, sinyaller ve terminal bpctl olmadan nasılsa öyledir. 125: bp komutu başlatamadı; \
    126: çalıştırılabilir değil; 127: bulunamadı.",
    ),
    ("Prints this help, or that of a command", "Bu yardımı ya da bir komutunkini yazar"),
    ("Of which command", "Hangi komutun"),
    ("Lists the newest runs", "En yeni çalıştırmaları listeler"),
    (
        "What to look for: words of the command, and terms such as exit:0, cwd:., tag:x, 'dur:>10s', since:2h",
        "Ne aranacağı: komuttan sözcükler ve exit:0, cwd:., tag:x, 'dur:>10s', since:2h gibi terimler",
    ),
    ("Whose runs: human, ci, agent, or agent:NAME", "Kimin çalıştırmaları: human, ci, agent ya da agent:AD"),
    ("How many", "Kaç tane"),
    (
        "Only runs that began before this one: the id of the last run of the page before",
        "Yalnızca bundan önce başlayanlar: önceki sayfanın son çalıştırmasının numarası",
    ),
    ("JSON, as the API has it", "API'deki gibi JSON"),
    (
        "Tab-separated values under a header, with UTC times: for scripts",
        "Başlık altında sekmeyle ayrılmış değerler, UTC zamanlarla: betikler için",
    ),
    ("Shows one run", "Bir çalıştırmayı gösterir"),
    (
        "Which one: an id, latest, latest-success, latest-failed, running, slowest, @TAG, latest{SEARCH}, `-`, `.`, …",
        "Hangisi: bir numara, latest, latest-success, latest-failed, running, slowest, @ETİKET, latest{ARAMA}, `-`, `.`, …",
    ),
    (
        "Compares a run with an earlier one of the same command",
        "Bir çalıştırmayı aynı komutun daha önceki bir çalıştırmasıyla karşılaştırır",
    ),
    (
        "The run to judge; of two runs the one that started later, in whatever order they are named",
        "Değerlendirilecek çalıştırma; iki çalıştırmadan, hangi sırayla yazılırsa yazılsın, sonra başlayanı",
    ),
    (
        "What it is judged by: resolved among earlier runs of the same command",
        "Neyle karşılaştırılacağı: aynı komutun daha önceki çalıştırmaları arasında aranır",
    ),
    ("The common axis of the two curves", "İki eğrinin ortak ekseni"),
    ("Exits 3 when the verdict is this", "Hüküm buysa 3 koduyla çıkar"),
    (
        "Watches the commands that run, the busiest first, repainted every second",
        "Çalışan komutları izler, CPU'yu en çok kullanan önde; saniyede bir yeniden çizer",
    ),
    ("One look, as a table", "Bir bakış, tablo olarak"),
    ("Opens the dashboard in the browser", "Panoyu tarayıcıda açar"),
    ("The run to show; without one, the list", "Gösterilecek çalıştırma; verilmezse liste"),
    (
        "Prints the page's address and, beside it, a one-time code to log in with; starts no browser",
        "Sayfanın adresini ve yanında oturum açmak için tek kullanımlık bir kod yazar; tarayıcı başlatmaz",
    ),
    ("Lists what deserved a word", "Dikkate değer bulunanları listeler"),
    (
        "About whose runs: human, ci, agent, or agent:NAME",
        "Kimin çalıştırmaları üzerine: human, ci, agent ya da agent:AD",
    ),
    ("Gives a run tags, or takes them away", "Bir çalıştırmaya etiket verir ya da geri alır"),
    ("Which run", "Hangi çalıştırma"),
    (
        "Tags to add; with one dash in front, to take away",
        "Eklenecek etiketler; başında tek eksi olan geri alınır",
    ),
    ("The run as bpd has it afterwards", "Çalıştırma, bpd'de bundan sonra olduğu gibi"),
    ("Gives a run a note", "Bir çalıştırmaya not düşer"),
    ("The note; an empty one removes it", "Not; boşsa notu siler"),
    ("Removes runs for good", "Çalıştırmaları geri dönüşsüz siler"),
    (
        "Runs such as 5, 1..5, latest or @TAG; or a search that names a field, such as cmd:make or since:1d",
        "5, 1..5, latest, @ETİKET gibi çalıştırmalar; ya da alan adı olan bir arama: cmd:make, since:1d gibi",
    ),
    (
        "Says what bpd is and whether all is well",
        "bpd'nin ne olduğunu ve her şeyin yolunda olup olmadığını söyler",
    ),
    (
        "Finds what is in the way of a recorded command",
        "Komutların kaydedilmesine neyin engel olduğunu bulur",
    ),
    (r#"`[{"check", "ok", "text", "remedy"}]`"#, r#"`[{"check", "ok", "text", "remedy"}]`"#),
    (
        "Mends what it can; shows the difference and asks before it edits a file of yours",
        "Düzeltebildiğini düzeltir; bir dosyanızı değiştirmeden önce farkı gösterir ve sorar",
    ),
    ("With --fix: does not ask", "--fix ile: sormaz"),
    (
        r#"Prints a command that asks the shell about itself: `eval "$(bpctl doctor --shell)"`"#,
        r#"Kabuğa kendisini soran bir komut yazar: `eval "$(bpctl doctor --shell)"`"#,
    ),
    ("An answer of the shell, NAME=VALUE", "Kabuğun bir yanıtı, AD=DEĞER"),
    ("Says what bp itself has cost this week", "bp'nin kendisinin bu hafta neye mal olduğunu söyler"),
    ("Starts, stops and looks after the daemon", "Daemon'ı başlatır, durdurur, ona bakar"),
    (
        "Starts bpd apart from this terminal, and waits until it answers",
        "bpd'yi bu terminalden ayrı başlatır ve yanıt verene dek bekler",
    ),
    (
        "Stops bpd, and waits until everything it accepted is stored",
        "bpd'yi durdurur ve kabul ettiği her şey diske yazılana dek bekler",
    ),
    ("Stops bpd if it runs, and starts it", "bpd çalışıyorsa durdurur ve yeniden başlatır"),
    ("Says whether bpd runs, and where", "bpd'nin çalışıp çalışmadığını ve nerede olduğunu söyler"),
    (
        "Tab-separated values under a header: for scripts",
        "Başlık altında sekmeyle ayrılmış değerler: betikler için",
    ),
    ("Prints the newest lines of bpd's log", "bpd'nin günlüğünden en yeni satırları yazar"),
    ("How many lines", "Kaç satır"),
    (
        "Writes what makes the system start bpd at login",
        "Oturum açılınca sistemin bpd'yi başlatmasını sağlayan dosyayı yazar",
    ),
    ("Removes what `install` wrote", "`install`ın yazdığını siler"),
    (
        "Records nothing that is typed, for a while or until `bpctl resume`",
        "Yazılanları bir süre, ya da `bpctl resume` denene dek kaydetmez",
    ),
    (
        "How long, as 30m, 2h, 90s; until `bpctl resume` when it is not said",
        "Ne kadar: 30m, 2h, 90s gibi; verilmezse `bpctl resume` denene dek",
    ),
    ("Every shell, not only this one", "Yalnızca bu kabuk değil, hepsi"),
    ("Records again what is typed", "Yazılanları yeniden kaydeder"),
    (
        "Says what is kept and what is ignored, and what would be kept of a command line",
        "Neyin saklandığını, neyin saklanmadığını ve bir komut satırından ne kalacağını söyler",
    ),
    ("Shows what would be kept of a command line", "Bir komut satırından ne kalacağını gösterir"),
    ("As if it were typed there, not here", "Burada değil de orada yazılmış gibi"),
    (
        "The line, quoted; read from standard input when there is none, so that it comes into no history",
        "Satır, tırnak içinde; verilmezse standart girdiden okunur, böylece hiçbir geçmişe girmez",
    ),
    (
        "Adds the hook to the file that your shell reads, after asking",
        "Kancayı kabuğunuzun okuduğu dosyaya, sorduktan sonra ekler",
    ),
    (
        "The shell to set up; the login shell when none is named",
        "Kurulacak kabuk; verilmezse oturum açma kabuğu",
    ),
    ("Does not ask", "Sormaz"),
    (
        "Leaves the shell's history where it is, and does not ask about it",
        "Kabuğun geçmişine dokunmaz, onu sormaz",
    ),
    (
        "Reads what a shell remembers of the time before bp",
        "Bir kabuğun bp'den önceki zamandan anımsadıklarını okur",
    ),
    (
        "The shell whose history is read; the login shell when none is named",
        "Geçmişi okunacak kabuk; verilmezse oturum açma kabuğu",
    ),
    ("The history, where it is not in its usual place", "Geçmiş dosyası, her zamanki yerinde değilse"),
    (
        "Takes away what bp has put anywhere, after asking",
        "bp'nin koyduğu her şeyi, sorduktan sonra kaldırır",
    ),
    ("Removes what was recorded and the config, too", "Kaydedilenleri ve ayarları da siler"),
    (
        r#"Prints what a shell evaluates to be recorded: eval "$(bpctl init bash)""#,
        r#"Bir kabuğun kaydedilmek için çalıştıracağını yazar: eval "$(bpctl init bash)""#,
    ),
    ("The shell whose start-up file evaluates the output", "Çıktıyı başlangıç dosyasında çalıştıran kabuk"),
    ("Leaves bpd alone if it is not running", "bpd çalışmıyorsa ona dokunmaz"),
    ("Shows and checks the config", "Ayarları gösterir ve denetler"),
    (
        "Prints every key with what it means and the value in effect: a config file to begin with (the default)",
        "Her anahtarı anlamıyla ve geçerli değeriyle yazar: başlamak için bir ayar dosyası (verilmezse bu)",
    ),
    ("Prints where the config file is", "Ayar dosyasının yerini yazar"),
    (
        "Says what is wrong with the config file, or with FILE",
        "Ayar dosyasında ya da FILE dosyasında neyin yanlış olduğunu söyler",
    ),
    ("Makes the running bpd read the file again", "Çalışan bpd'ye dosyayı yeniden okutur"),
    (
        "Prints what a shell reads to complete these verbs",
        "Bu komutları tamamlamak için kabuğun okuyacağını yazar",
    ),
    (
        "Takes mailbox records on standard input, for shells that cannot write the mailbox themselves",
        "Posta kutusu kayıtlarını standart girdiden alır: kutuya kendisi yazamayan kabuklar için",
    ),
    ("The shell in whose name the records are sent", "Kayıtların adına gönderildiği kabuk"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::{self, Cli};

    /// Everything that clap reads of the verbs.
    fn sentences(command: &Command, into: &mut BTreeSet<String>) {
        let about = command.get_about().map(ToString::to_string);
        let about = about.into_iter().chain(command.get_after_help().map(ToString::to_string));
        let helps = command.get_arguments().filter_map(|arg| arg.get_help().map(ToString::to_string));
        into.extend(about.chain(helps));
        for command in command.get_subcommands() {
            sentences(command, into);
        }
    }

    #[test]
    fn every_sentence_has_its_turkish_and_no_other_has() {
        let mut said = BTreeSet::new();
        sentences(&Cli::command(), &mut said);
        let known: BTreeSet<String> = VERBS.iter().map(|(english, _)| (*english).to_owned()).collect();
        assert_eq!(said, known);
    }

    fn value_names(command: &Command, into: &mut BTreeSet<String>) {
        for arg in command.get_arguments().filter(|arg| arg.get_action().takes_values()) {
            into.extend(arg.get_value_names().unwrap_or_default().iter().map(ToString::to_string));
        }
        command.get_subcommands().for_each(|command| value_names(command, into));
    }

    #[test]
    fn every_name_of_a_value_has_its_turkish_and_no_other_has() {
        let mut named = BTreeSet::new();
        value_names(&Cli::command(), &mut named);
        let known: BTreeSet<String> = VALUES.iter().map(|(english, _)| (*english).to_owned()).collect();
        assert_eq!(named, known);
    }

    fn refused(line: &str) -> String {
        let words = std::iter::once("bpctl").chain(line.split_whitespace());
        text(&turkish(cli::command()).try_get_matches_from(words).unwrap_err(), false)
    }

    #[test]
    fn nothing_is_left_in_english() {
        let lines = ["", "--help", "list --help", "compare --help", "daemon --help", "setup --help", "-h"];
        for line in lines {
            let text = refused(line);
            for english in FRAME.map(|(english, _)| english) {
                assert!(!text.contains(english), "{line}: {english} in {text}");
            }
            assert!(text.contains("Kullanım:") && text.contains("Yardımı yazar"), "{text}");
        }
    }

    #[test]
    fn the_search_is_explained_in_the_long_help_of_list_alone() {
        for (line, lang, is_there) in [
            ("list --help", Lang::Tr, true),
            ("ls --help", Lang::Tr, true),
            ("list --help", Lang::En, false),
            ("list -h", Lang::Tr, false),
            ("show --help", Lang::Tr, false),
        ] {
            let text = refused(line);
            assert_eq!(text.contains(&search::help(lang)), is_there, "{line}: {text}");
        }
        let english =
            Cli::command().try_get_matches_from(["bpctl", "list", "--help"]).unwrap_err().to_string();
        assert!(english.contains(&search::help(Lang::En)), "{english}");
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let check = |line: &str, why: &str| {
            let text = refused(line);
            assert!(text.starts_with(&format!("hata: {why}\n\n")), "{text}");
            assert!(text.ends_with("\n\nDaha fazlası için: '--help'\n"), "{text}");
        };
        check("list --nope", "'--nope' diye bir seçenek yok");
        check("list --jsn", "'--jsn' diye bir seçenek yok; bunu mu demek istediniz: --json");
        check("lst", "'lst' diye bir komut yok; bunu mu demek istediniz: ls, list");
        check(
            "compare --align sideways",
            "'--align <EKSEN>' için 'sideways' olmaz; olabilecekler: time, percent, work",
        );
        check("list --limit", "'--limit <SAYI>' bir değer ister");
        check("note", "eksik: <ÇALIŞTIRMA>, <METİN>");
        check("list --json --json", "'--json' bir kez verilebilir");
        check("list --limit x", "'--limit <SAYI>' için 'x' olmaz: bir sayı gerekli");
        assert!(refused("lst").contains("\n\nKullanım: bpctl [SEÇENEK]… <KOMUT>\n\n"));
    }
}

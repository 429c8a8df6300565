//! What was written, in the file and in the environment, becomes what it means.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use bp_proto::ignore::{MAX_PATTERN_BYTES, MAX_RULES, RuleError};

use super::section::{Section, Source};
use super::wrong::{Place, Wrong};
use super::{Config, ConfigError, CpuRule, Scale};
use crate::trouble::Trouble;

/// A longer file is no config of ours.
const MAX_FILE_BYTES: u64 = 64 * 1024;

impl Config {
    /// Defaults, then the file (none is fine), then the environment. `private`: `BP_HOME` is set, so unless somebody
    /// names a port, any free one will do.
    ///
    /// # Errors
    /// All that is wrong, with file, line and key, or the variable.
    pub fn load(
        file: &Path,
        private: bool,
        environment: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        if private {
            config.http.listen.set_port(0);
        }
        let mut wrong = Vec::new();
        if let Some(text) = contents(file)? {
            let home = environment("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
            wrong = config.read(Source { path: file, text: &text }, home.as_deref());
        }
        wrong.append(&mut config.overrule(environment));
        if wrong.is_empty() { Ok(config) } else { Err(ConfigError::Wrong(wrong)) }
    }

    fn read(&mut self, source: Source<'_>, home: Option<&Path>) -> Vec<Wrong> {
        let mut file = match Section::parse(source) {
            Ok(file) => file,
            Err(wrong) => return wrong,
        };
        file.text("lang", &mut self.lang, |text| language(text).map(Some));
        file.text("log", &mut self.log, filter);
        file.table("http", |http| http.text("listen", &mut self.http.listen, address));
        file.table("sampling", |sampling| {
            sampling.seconds("interval_s", 0.1..=60.0, &mut self.sampling.interval);
        });
        file.table("alerts", |alerts| {
            alerts.table("desktop", |desktop| {
                desktop.flag("enabled", &mut self.alerts.desktop.enabled);
                desktop.flag("whole_command", &mut self.alerts.desktop.whole_command);
            });
            alerts.table("cpu_high", |rule| cpu_rule(rule, &mut self.alerts.cpu_high));
            alerts.table("host_cpu", |rule| cpu_rule(rule, &mut self.alerts.host_cpu));
        });
        file.table("privacy", |privacy| {
            let ignore = &mut self.privacy.ignore;
            privacy
                .texts("ignore_commands", |pattern| ignore.add_command(pattern).map_err(|why| of_rule(&why)));
            privacy.texts("ignore_dirs", |dir| ignore.add_dir(dir, home).map_err(|why| of_rule(&why)));
        });
        file.all_wrong()
    }

    fn overrule(&mut self, environment: impl Fn(&str) -> Option<OsString>) -> Vec<Wrong> {
        let given = |variable| environment(variable).filter(|value| !value.is_empty());
        let mut wrong = Vec::new();
        if let Some(value) = given("BP_HTTP")
            && let Some(listen) = from_variable("BP_HTTP", &value, address, &mut wrong)
        {
            self.http.listen = listen;
        }
        if let Some(value) = given("BP_LANG")
            && let Some(lang) = from_variable("BP_LANG", &value, language, &mut wrong)
        {
            self.lang = Some(lang);
        }
        wrong
    }
}

fn contents(file: &Path) -> Result<Option<String>, ConfigError> {
    let refuse = |source| ConfigError::Io { path: file.to_owned(), source };
    // A pipe would hold up the start, and every later reading, until somebody writes to it.
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(file);
    let opened = match opened {
        Ok(opened) if opened.metadata().is_ok_and(|meta| meta.file_type().is_fifo()) => {
            return Err(refuse(io::Error::new(io::ErrorKind::InvalidInput, "it is a pipe, not a file")));
        }
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(refuse(error)),
    };
    let mut text = String::new();
    opened.take(MAX_FILE_BYTES + 1).read_to_string(&mut text).map_err(refuse)?;
    if text.len() as u64 > MAX_FILE_BYTES {
        let why = format!("the file is longer than {MAX_FILE_BYTES} bytes");
        return Err(refuse(io::Error::new(io::ErrorKind::FileTooLarge, why)));
    }
    Ok(Some(text))
}

fn cpu_rule(section: &mut Section<'_>, rule: &mut CpuRule) {
    // A machine with 1024 busy CPUs reads 102400 on the scale of one core.
    const PERCENT: std::ops::RangeInclusive<f64> = 1.0..=102_400.0;
    const DAY_S: f64 = 86_400.0;
    section.flag("enabled", &mut rule.enabled);
    section.number("threshold", PERCENT, &mut rule.threshold);
    section.text("scale", &mut rule.scale, |text| match text {
        "core" => Ok(Scale::Core),
        "host" => Ok(Scale::Host),
        _ => Err(Trouble::plain("config-scale")),
    });
    section.seconds("window_s", 0.0..=DAY_S, &mut rule.window);
    section.number("clear_below", 0.0..=*PERCENT.end(), &mut rule.clear_below);
    section.seconds("clear_for_s", 0.0..=DAY_S, &mut rule.clear_for);
    section.seconds("cooldown_s", 0.0..=7.0 * DAY_S, &mut rule.cooldown);
}

fn from_variable<T>(
    name: &'static str,
    value: &OsString,
    read: impl FnOnce(&str) -> Result<T, Trouble>,
    wrong: &mut Vec<Wrong>,
) -> Option<T> {
    let value = value.to_string_lossy().into_owned();
    match read(&value) {
        Ok(read) => Some(read),
        Err(why) => {
            wrong.push(Wrong { place: Place::Variable { name, value }, why });
            None
        }
    }
}

fn of_rule(wrong: &RuleError) -> Trouble {
    match wrong {
        RuleError::TooManyPatterns => Trouble::plain("config-patterns").with("most", MAX_RULES),
        RuleError::PatternSize => Trouble::plain("config-pattern-size").with("most", MAX_PATTERN_BYTES),
        RuleError::Pattern(why) => Trouble::plain("config-pattern").with("why", why),
        RuleError::TooManyDirs => Trouble::plain("config-dirs").with("most", MAX_RULES),
        RuleError::Relative => Trouble::plain("config-dir"),
        RuleError::NoHome => Trouble::plain("config-dir-home"),
    }
}

fn language(text: &str) -> Result<String, Trouble> {
    match text {
        "tr" | "en" => Ok(text.to_owned()),
        _ => Err(Trouble::plain("config-lang")),
    }
}

/// `info`, or `bpd::ipc=debug,info`: a level for all, and levels for parts.
fn filter(text: &str) -> Result<String, Trouble> {
    const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];
    for directive in text.split(',') {
        let (part, level) = directive.rsplit_once('=').unwrap_or(("bpd", directive));
        let is_path =
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_:".contains(&b));
        if !is_path || !LEVELS.contains(&level) {
            return Err(Trouble::plain("config-log").with("levels", LEVELS.join(", ")));
        }
    }
    Ok(text.to_owned())
}

/// `7717`, `127.0.0.1:7717`, `localhost:0`, `[::1]:7717`: loopback and nothing else.
fn address(text: &str) -> Result<SocketAddr, Trouble> {
    let no_address = |_| Trouble::plain("config-address");
    let address = if let Ok(port) = text.parse::<u16>() {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
    } else if let Some(port) = text.strip_prefix("localhost:") {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port.parse().map_err(no_address)?)
    } else {
        text.parse().map_err(|_| Trouble::plain("config-address"))?
    };
    let allowed = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(std::net::Ipv6Addr::LOCALHOST)];
    if !allowed.contains(&address.ip()) {
        return Err(Trouble::plain("config-address-elsewhere"));
    }
    Ok(address)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::words::Lang;

    fn read(text: &str) -> Result<Config, String> {
        let mut config = Config::default();
        let wrong = config.read(Source { path: Path::new("/c.toml"), text }, Some(Path::new("/home/u")));
        if wrong.is_empty() { Ok(config) } else { Err(ConfigError::Wrong(wrong).to_string()) }
    }

    fn told(text: &str, lang: Lang, most: usize) -> Vec<String> {
        let source = Source { path: Path::new("/c.toml"), text };
        ConfigError::Wrong(Config::default().read(source, None)).told(lang, most)
    }

    fn refused(text: &str, says: &[&str]) {
        let error = read(text).unwrap_err();
        for part in says {
            assert!(error.contains(part), "{text:?} → {error:?} lacks {part:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_file_line_and_key() {
        refused(
            "lang = \"tr\"\n\n[http]\nlisten = \"0.0.0.0:80\"\n",
            &["/c.toml:4:", "`http.listen`", "loopback"],
        );
        refused(
            "[alerts.cpu_high]\nthreshold = \"hot\"\n",
            &["/c.toml:2:", "`alerts.cpu_high.threshold`", "number"],
        );
        refused("[alerts.cpu_high]\nthreshold = nan\n", &["/c.toml:2:", "`alerts.cpu_high.threshold`"]);
        refused("[alerts]\n[alerts.cpu_hihg]\n", &["/c.toml:2:", "`alerts.cpu_hihg`", "`cpu_high`"]);
        refused("\n\nport = 1\n", &["/c.toml:3:", "`port`", "`http`"]);
        refused("lang = 5\n", &["/c.toml:1:", "`lang`", "quotes"]);
        refused("lang = \"fr\"\n", &["/c.toml:1:", "`lang`", "\"tr\" or \"en\""]);
        refused("log = \"bpd=loud\"\n", &["/c.toml:1:", "`log`"]);
        refused("sampling = 3\n", &["/c.toml:1:", "`sampling`", "[sampling]"]);
        refused("[sampling]\ninterval_s = 0.01\n", &["/c.toml:2:", "`sampling.interval_s`", "0.1"]);
        refused("lang = \"tr\"\nlang = \"en\"\n", &["/c.toml:2:"]);
        refused("[http\n", &["/c.toml:1:"]);
        refused(
            "[privacy]\nignore_commands = [\n  \"^pass \",\n  \"(\",\n]\n",
            &["/c.toml:4:", "`privacy.ignore_commands`", "pattern", "unclosed group"],
        );
        refused("[privacy]\nignore_dirs = [\"secret\"]\n", &["/c.toml:2:", "`privacy.ignore_dirs`", "~/"]);
        refused("[privacy]\nignore_dirs = \"~/x\"\n", &["/c.toml:2:", "`privacy.ignore_dirs`", "brackets"]);
        refused("[privacy]\nignore_commands = [7]\n", &["/c.toml:2:", "`privacy.ignore_commands`"]);
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once_in_the_order_of_the_file_and_in_the_language() {
        let text = "lnag = 1\n[http]\nlisten = \"0.0.0.0:80\"\n[alerts.cpu_high]\nenabled = 1\nthreshold = \"hot\"\n\
            [privacy]\nignore_dirs = [\n\"a\",\n\"~x\",\n]\n[typo]\n";
        let places = [
            "/c.toml:1:",
            "/c.toml:3:",
            "/c.toml:5:",
            "/c.toml:6:",
            "/c.toml:9:",
            "/c.toml:10:",
            "/c.toml:12:",
        ];
        for lang in Lang::ALL {
            let told = told(text, lang, 100);
            assert_eq!(told.len(), places.len(), "{told:?}");
            assert!(told.iter().zip(places).all(|(line, place)| line.starts_with(place)), "{told:?}");
        }
        let turkish = told(text, Lang::Tr, 3);
        assert_eq!(
            turkish[0],
            "/c.toml:1: `lnag` diye bir anahtar yok; olanlar: `lang`, `log`, `http`, `sampling`, `alerts`, `privacy`"
        );
        assert_eq!(turkish[2], "/c.toml:5: `alerts.cpu_high.enabled` true ya da false olmalı");
        assert_eq!(turkish[3..], ["ve 4 yanlış daha"]);
        assert!(read(text).unwrap_err().ends_with("; and 4 more"), "in one line the first ones");
    }

    #[test]
    fn what_is_no_toml_is_told_alone() {
        let told = told("lang = \nlog = \n[http]\nlisten = 5\n", Lang::En, 100);
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].starts_with("/c.toml:1: ") && told[1].starts_with("/c.toml:2: "), "{told:?}");
    }

    #[test]
    fn what_is_not_written_keeps_its_default() {
        let config = read("[alerts.cpu_high]\nthreshold = 90\nscale = \"host\"\nwindow_s = 2.5\n").unwrap();
        let mut expected = Config::default();
        expected.alerts.cpu_high.threshold = 90.0;
        expected.alerts.cpu_high.scale = Scale::Host;
        expected.alerts.cpu_high.window = Duration::from_millis(2500);
        assert_eq!(config, expected);
        assert_eq!(read("").unwrap(), Config::default());
    }

    #[test]
    fn the_environment_overrules_the_file_and_names_itself_when_wrong() {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("config.toml");
        std::fs::write(&file, "lang = \"tr\"\n[http]\nlisten = \"127.0.0.1:1234\"\n").unwrap();
        let load = |variable: &'static str, value: &'static str| {
            Config::load(&file, true, move |asked| (asked == variable).then(|| OsString::from(value)))
        };
        assert_eq!(load("BP_HTTP", "[::1]:99").unwrap().http.listen.to_string(), "[::1]:99");
        assert_eq!(load("BP_HTTP", "").unwrap().http.listen.port(), 1234);
        assert_eq!(load("BP_LANG", "en").unwrap().lang.as_deref(), Some("en"));
        let error = load("BP_HTTP", "10.0.0.1:80").unwrap_err().to_string();
        assert!(error.starts_with("BP_HTTP=10.0.0.1:80 is"), "{error}");
        std::fs::write(&file, "lang = 5\n").unwrap();
        let error = load("BP_HTTP", "nowhere").unwrap_err().to_string();
        assert!(
            error.contains("config.toml:1: `lang` ") && error.contains("; BP_HTTP=nowhere is"),
            "{error}"
        );
    }

    #[test]
    fn a_private_home_takes_any_free_port_unless_one_is_named() {
        let nowhere = Path::new("/nonexistent/config.toml");
        let port = |private, given: Option<&'static str>| {
            let http = move |asked: &str| given.filter(|_| asked == "BP_HTTP").map(OsString::from);
            Config::load(nowhere, private, http).unwrap().http.listen.port()
        };
        assert_eq!(port(true, None), 0);
        assert_eq!(port(false, None), 7717);
        assert_eq!(port(true, Some("8000")), 8000);
    }
}

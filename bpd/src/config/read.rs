//! What was written, in the file and in the environment, becomes what it means.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::section::{Section, Source};
use super::{Config, ConfigError, CpuRule, Scale};

/// A longer file is no config of ours.
const MAX_FILE_BYTES: u64 = 64 * 1024;

impl Config {
    /// Defaults, then the file (none is fine), then the environment. `private`: `BP_HOME` is set, so unless somebody
    /// names a port, any free one will do.
    ///
    /// # Errors
    /// Names file, line and key, or the variable.
    pub fn load(
        file: &Path,
        private: bool,
        environment: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        if private {
            config.http.listen.set_port(0);
        }
        if let Some(text) = contents(file)? {
            let home = environment("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
            config.read(Source { path: file, text: &text }, home.as_deref())?;
        }
        config.overrule(environment)?;
        Ok(config)
    }

    fn read(&mut self, source: Source<'_>, home: Option<&Path>) -> Result<(), ConfigError> {
        let mut file = Section::parse(source)?;
        file.text("lang", &mut self.lang, |text| language(text).map(Some))?;
        file.text("log", &mut self.log, filter)?;
        file.table("http", |http| http.text("listen", &mut self.http.listen, parse_address))?;
        file.table("sampling", |sampling| {
            sampling.seconds("interval_s", 0.1..=60.0, &mut self.sampling.interval)
        })?;
        file.table("alerts", |alerts| {
            alerts.table("desktop", |desktop| {
                desktop.flag("enabled", &mut self.alerts.desktop.enabled)?;
                desktop.flag("whole_command", &mut self.alerts.desktop.whole_command)
            })?;
            alerts.table("cpu_high", |rule| cpu_rule(rule, &mut self.alerts.cpu_high))?;
            alerts.table("host_cpu", |rule| cpu_rule(rule, &mut self.alerts.host_cpu))
        })?;
        file.table("privacy", |privacy| {
            let ignore = &mut self.privacy.ignore;
            privacy.texts("ignore_commands", |pattern| ignore.add_command(pattern))?;
            privacy.texts("ignore_dirs", |dir| ignore.add_dir(dir, home))
        })?;
        file.finish()
    }

    fn overrule(&mut self, environment: impl Fn(&str) -> Option<OsString>) -> Result<(), ConfigError> {
        let given = |variable| environment(variable).filter(|value| !value.is_empty());
        if let Some(value) = given("BP_HTTP") {
            self.http.listen = from_variable("BP_HTTP", &value, parse_address)?;
        }
        if let Some(value) = given("BP_LANG") {
            self.lang = Some(from_variable("BP_LANG", &value, language)?);
        }
        Ok(())
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

fn cpu_rule(section: &mut Section<'_>, rule: &mut CpuRule) -> Result<(), ConfigError> {
    // A machine with 1024 busy CPUs reads 102400 on the scale of one core.
    const PERCENT: std::ops::RangeInclusive<f64> = 1.0..=102_400.0;
    const DAY_S: f64 = 86_400.0;
    section.flag("enabled", &mut rule.enabled)?;
    section.number("threshold", PERCENT, &mut rule.threshold)?;
    section.text("scale", &mut rule.scale, |text| match text {
        "core" => Ok(Scale::Core),
        "host" => Ok(Scale::Host),
        _ => Err("is \"core\" (100 = one core) or \"host\" (100 = all)".to_owned()),
    })?;
    section.seconds("window_s", 0.0..=DAY_S, &mut rule.window)?;
    section.number("clear_below", 0.0..=*PERCENT.end(), &mut rule.clear_below)?;
    section.seconds("clear_for_s", 0.0..=DAY_S, &mut rule.clear_for)?;
    section.seconds("cooldown_s", 0.0..=7.0 * DAY_S, &mut rule.cooldown)
}

fn from_variable<T>(
    variable: &'static str,
    value: &OsString,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, ConfigError> {
    read(&value.to_string_lossy()).map_err(|why| ConfigError::Environment {
        variable,
        value: value.to_string_lossy().into_owned(),
        why,
    })
}

fn language(text: &str) -> Result<String, String> {
    match text {
        "tr" | "en" => Ok(text.to_owned()),
        _ => Err("is \"tr\" or \"en\"".to_owned()),
    }
}

/// `info`, or `bpd::ipc=debug,info`: a level for all, and levels for parts.
fn filter(text: &str) -> Result<String, String> {
    const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];
    for directive in text.split(',') {
        let (part, level) = directive.rsplit_once('=').unwrap_or(("bpd", directive));
        let is_path =
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_:".contains(&b));
        if !is_path || !LEVELS.contains(&level) {
            let levels = LEVELS.join(", ");
            return Err(format!("is one of {levels}, or PART=LEVEL pairs such as \"bpd::ipc=debug,info\""));
        }
    }
    Ok(text.to_owned())
}

/// `7717`, `127.0.0.1:7717`, `localhost:0`, `[::1]:7717`: loopback and nothing else.
///
/// # Errors
/// A sentence to be read behind the key's name.
pub fn parse_address(text: &str) -> Result<SocketAddr, String> {
    const WANTED: &str = "is a port or a loopback address with a port, as in \"127.0.0.1:7717\"";
    let address = if let Ok(port) = text.parse::<u16>() {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
    } else if let Some(port) = text.strip_prefix("localhost:") {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port.parse().map_err(|_| WANTED.to_owned())?)
    } else {
        text.parse().map_err(|_| WANTED.to_owned())?
    };
    let allowed = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(std::net::Ipv6Addr::LOCALHOST)];
    if !allowed.contains(&address.ip()) {
        return Err(format!("{WANTED}; bp never listens where another machine could reach it"));
    }
    Ok(address)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn read(text: &str) -> Result<Config, String> {
        let mut config = Config::default();
        config
            .read(Source { path: Path::new("/c.toml"), text }, Some(Path::new("/home/u")))
            .map(|()| config)
            .map_err(|error| error.to_string())
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

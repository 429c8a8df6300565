//! The config as a file: every key with what it means and the value in effect. Reading it gives the same config.

use std::fmt::{self, Display};

use super::{Config, CpuRule, Scale};

impl Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# \"tr\" or \"en\"; left out: as the locale says.")?;
        match &self.lang {
            Some(lang) => writeln!(f, "lang = \"{lang}\"")?,
            None => writeln!(f, "# lang = \"tr\"")?,
        }
        writeln!(
            f,
            "# error, warn, info, debug, trace, off, or levels of parts such as \"bpd::ipc=debug,info\". Command lines appear at\n\
             # trace only.\nlog = {:?}\n",
            self.log
        )?;
        writeln!(
            f,
            "[http]\n# Loopback only. Port 0 picks a free one; if the port is taken, the next free one is used.\n\
             listen = \"{}\"\n",
            self.http.listen
        )?;
        writeln!(
            f,
            "[sampling]\n# Seconds between two readings of a running command, 0.1 to 60.\ninterval_s = {:?}\n",
            self.sampling.interval.as_secs_f64()
        )?;
        writeln!(
            f,
            "[alerts.desktop]\nenabled = {}\n# The whole (masked) command line in notices, not its first word alone.\n\
             whole_command = {}\n",
            self.alerts.desktop.enabled, self.alerts.desktop.whole_command
        )?;
        writeln!(
            f,
            "[privacy]\n# Commands that are measured without their text: patterns (regular expressions), found anywhere in the line\n\
             # unless they begin with ^; as in ['^pass ', '(?i)vault']. `bpctl privacy test LINE` tries them.\n\
             ignore_commands = {}\n\
             # Directories, with all below them, where commands are measured without text and place; as in ['~/secret'].\n\
             ignore_dirs = {}\n",
            list(self.privacy.ignore.commands()),
            list(self.privacy.ignore.dirs())
        )?;
        writeln!(f, "# A command that keeps the CPU busy.\n[alerts.cpu_high]")?;
        rule(f, &self.alerts.cpu_high)?;
        writeln!(f, "\n# The machine as a whole.\n[alerts.host_cpu]")?;
        rule(f, &self.alerts.host_cpu)
    }
}

/// As TOML writes it: what JSON writes, but for one letter.
fn list<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    texts.collect::<serde_json::Value>().to_string().replace('\u{7f}', "\\u007F")
}

fn rule(f: &mut fmt::Formatter<'_>, rule: &CpuRule) -> fmt::Result {
    let scale = match rule.scale {
        Scale::Core => "core",
        Scale::Host => "host",
    };
    writeln!(
        f,
        "enabled = {}\n# Percent.\nthreshold = {:?}\n# \"core\": 100 = one core; \"host\": 100 = all that the command may use.\n\
         scale = \"{scale}\"\n# Seconds above the threshold before it fires.\nwindow_s = {:?}\n\
         # It is over after clear_for_s seconds below clear_below percent.\nclear_below = {:?}\nclear_for_s = {:?}\n\
         # Seconds of silence for the same command after a firing.\ncooldown_s = {:?}",
        rule.enabled,
        rule.threshold,
        rule.window.as_secs_f64(),
        rule.clear_below,
        rule.clear_for.as_secs_f64(),
        rule.cooldown.as_secs_f64(),
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn check(config: &Config) {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("config.toml");
        std::fs::write(&file, config.to_string()).unwrap();
        assert_eq!(&Config::load(&file, false, |_| None).unwrap(), config);
    }

    #[test]
    fn what_is_shown_reads_back_the_same() {
        check(&Config::default());
        let mut other = Config {
            lang: Some("tr".to_owned()),
            log: "bpd::ipc=debug,info".to_owned(),
            ..Config::default()
        };
        other.sampling.interval = Duration::from_millis(250);
        other.alerts.desktop.whole_command = true;
        other.alerts.cpu_high.enabled = false;
        other.alerts.host_cpu.scale = Scale::Core;
        other.alerts.host_cpu.clear_below = 12.5;
        for pattern in ["^pass ", r#"a\s"b'\t\\"#, "\u{7f}\u{1}şifre"] {
            other.privacy.ignore.add_command(pattern).unwrap();
        }
        other.privacy.ignore.add_dir("/srv/secret", None).unwrap();
        check(&other);
    }
}

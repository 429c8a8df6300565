//! What the system's service manager is told about bpd. Pure: paths in, files out.

use std::path::{Path, PathBuf};

/// Stands in every file that `install` writes: `uninstall` and a second `install` touch no other.
pub(super) const MARK: &str = "Written by `bpctl daemon install`; `bpctl daemon uninstall` removes it.";

/// A file of the service manager.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unit {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// What bpd needs to be started by somebody else.
#[derive(Debug)]
pub(super) struct Service<'a> {
    pub(super) bpd: &'a Path,
    pub(super) socket: &'a Path,
    /// `BP_…` variables that must be the same as here.
    pub(super) environment: &'a [(String, String)],
}

/// A user service and its socket for systemd, below the user's `config` directory.
pub(super) fn systemd(service: &Service<'_>, config: &Path) -> Vec<Unit> {
    let dir = config.join("systemd/user");
    let environment: Vec<String> = service
        .environment
        .iter()
        .map(|(name, value)| format!("Environment={}\n", quoted(&format!("{name}={value}"))))
        .collect();
    let environment = environment.concat();
    let service_text = format!(
        "# {MARK}\n[Unit]\nDescription=bp, a flight recorder for the shell\nRequires=bpd.socket\nAfter=bpd.socket\n\n\
         [Service]\nType=exec\nExecStart={}\n{environment}Restart=on-failure\nUMask=0077\nLimitCORE=0\n\n\
         [Install]\nWantedBy=default.target\nAlso=bpd.socket\n",
        quoted(&service.bpd.to_string_lossy()),
    );
    let socket_text = format!(
        "# {MARK}\n[Unit]\nDescription=bp, a flight recorder for the shell\n\n\
         [Socket]\nListenStream={}\nSocketMode=0600\nDirectoryMode=0700\nRemoveOnStop=yes\n\n\
         [Install]\nWantedBy=sockets.target\n",
        service.socket.to_string_lossy().replace('%', "%%"),
    );
    vec![
        Unit { path: dir.join("bpd.service"), text: service_text },
        Unit { path: dir.join("bpd.socket"), text: socket_text },
    ]
}

/// One word of a unit file: quotes for blanks, `%` doubled against specifiers. (`$` means something in arguments only.)
fn quoted(word: &str) -> String {
    let escaped = word.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%");
    format!("\"{escaped}\"")
}

/// A launch agent for macOS, below the user's `home`.
pub(super) fn launchd(service: &Service<'_>, home: &Path) -> Vec<Unit> {
    let environment: Vec<String> = service
        .environment
        .iter()
        .map(|(name, value)| format!("<key>{}</key><string>{}</string>", xml(name), xml(value)))
        .collect();
    let environment = environment.concat();
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <!-- {MARK} -->\n<plist version=\"1.0\">\n<dict>\n\
         <key>Label</key><string>bp.bpd</string>\n\
         <key>ProgramArguments</key><array><string>{}</string></array>\n\
         <key>EnvironmentVariables</key><dict>{environment}</dict>\n\
         <key>RunAtLoad</key><true/>\n\
         <key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>\n\
         <key>ProcessType</key><string>Background</string>\n</dict>\n</plist>\n",
        xml(&service.bpd.to_string_lossy()),
    );
    vec![Unit { path: home.join("Library/LaunchAgents/bp.bpd.plist"), text }]
}

fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(environment: &[(String, String)]) -> Service<'_> {
        Service {
            bpd: Path::new("/home/a b/100%/bpd"),
            socket: Path::new("/run/user/1000/bp/bpd.sock"),
            environment,
        }
    }

    #[test]
    fn systemd_gets_a_service_and_its_socket_with_every_odd_character_kept() {
        let environment = [("BP_HOME".to_owned(), "/tmp/x \"y\" $z".to_owned())];
        let units = systemd(&service(&environment), Path::new("/home/u/.config"));
        let [service, socket] = &units[..] else { panic!("{units:?}") };
        assert_eq!(service.path, Path::new("/home/u/.config/systemd/user/bpd.service"));
        assert!(service.text.contains("\nExecStart=\"/home/a b/100%%/bpd\"\n"), "{}", service.text);
        assert!(service.text.contains("\nEnvironment=\"BP_HOME=/tmp/x \\\"y\\\" $z\"\n"), "{}", service.text);
        assert!(socket.text.contains("\nListenStream=/run/user/1000/bp/bpd.sock\n"));
        assert!(
            socket.text.contains("\nSocketMode=0600\n") && socket.text.contains("\nDirectoryMode=0700\n")
        );
        assert!(units.iter().all(|unit| unit.text.contains(MARK)));
    }

    #[test]
    fn launchd_gets_an_agent_that_is_well_formed() {
        let environment = [("BP_LANG".to_owned(), "<tr>&".to_owned())];
        let units = launchd(&service(&environment), Path::new("/Users/u"));
        let [agent] = &units[..] else { panic!("{units:?}") };
        assert_eq!(agent.path, Path::new("/Users/u/Library/LaunchAgents/bp.bpd.plist"));
        assert!(agent.text.contains("<string>/home/a b/100%/bpd</string>"));
        assert!(agent.text.contains("<key>BP_LANG</key><string>&lt;tr&gt;&amp;</string>"));
        assert!(agent.text.contains(MARK));
        for tag in ["dict", "plist", "array"] {
            let opened = agent.text.matches(&format!("<{tag}")).count();
            assert_eq!(opened, agent.text.matches(&format!("</{tag}>")).count(), "{tag}");
        }
    }
}

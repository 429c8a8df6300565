//! The desktop notice as a person gets it: the real dunst, on a real bus and screen, shows it, changes it, and opens the
//! run when it is clicked.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bp_proto::{AlertReport, Level};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use workload::mortal;

/// Longer than anything here takes on a machine that does ten other things; only a failure waits that long.
const DEADLINE: Duration = Duration::from_secs(90);

/// Low, since a busy machine may give a burning command a tenth of a core.
const CONFIG: &str = "\
[alerts.cpu_high]
threshold = 5
clear_below = 1
window_s = 1
[alerts.host_cpu]
enabled = false
";

/// The bus, the screen and dunst live as long as standard input is open.
const DESKTOP: &str = r#"
dunst -config "$1/dunstrc" >"$1/dunst.log" 2>&1 &
dunst=$!
has_owner() {
    dbus-send --session --print-reply --dest=org.freedesktop.DBus /org/freedesktop/DBus \
        org.freedesktop.DBus.NameHasOwner string:org.freedesktop.Notifications | grep -q 'boolean true'
}
until has_owner; do sleep 0.05; done
printf '%s' "$DBUS_SESSION_BUS_ADDRESS" >"$1/bus.new" && mv "$1/bus.new" "$1/bus"
cat >/dev/null
kill "$dunst"
wait "$dunst"
"#;

/// One line for each time that dunst shows or changes a notice.
const RECORD: &str = r#"#!/bin/sh
printf '%s\t%s\t%s\t%s\n' "$DUNST_ID" "$DUNST_URGENCY" "$DUNST_SUMMARY" "$DUNST_BODY" >>"${0%/*}/shown"
"#;

struct Desktop {
    session: Child,
    dir: TempDir,
}

impl Desktop {
    fn start() -> Self {
        let dir = tempfile::Builder::new().prefix("bp").tempdir_in("/tmp").unwrap();
        let at = |name: &str| dir.path().join(name);
        script(&at("record"), RECORD);
        fs::write(at("desktop.sh"), DESKTOP).unwrap();
        let record = at("record");
        let dunstrc = format!(
            "[global]\nalways_run_script = true\nidle_threshold = 0\n[record]\nsummary = \"*\"\nscript = \"{}\"\n",
            record.display()
        );
        fs::write(at("dunstrc"), dunstrc).unwrap();
        let session = Command::new("xvfb-run")
            .args(["-a", "dbus-run-session", "--", "sh"])
            .args([at("desktop.sh"), dir.path().to_owned()])
            // For dconf and the X server's own files.
            .env("HOME", dir.path())
            .env("XDG_CACHE_HOME", dir.path())
            .env("XDG_CONFIG_HOME", dir.path())
            .env("TMPDIR", dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("xvfb-run is needed (Debian: xvfb, dbus, dunst)");
        let desktop = Self { session, dir };
        eventually("dunst on the bus", || desktop.bus());
        desktop
    }

    fn bus(&self) -> Option<String> {
        fs::read_to_string(self.dir.path().join("bus")).ok()
    }

    /// Id, urgency, summary and body of each showing so far.
    fn shown(&self) -> Vec<[String; 4]> {
        let text = fs::read_to_string(self.dir.path().join("shown")).unwrap_or_default();
        text.lines()
            .map(|line| {
                let mut fields = line.splitn(4, '\t').map(str::to_owned);
                std::array::from_fn(|_| fields.next().unwrap_or_default())
            })
            .collect()
    }

    /// Clicks the one notice that is shown.
    fn click(&self) {
        self.dunstctl(&["action", "0"]);
    }

    fn clear(&self) {
        self.dunstctl(&["close-all"]);
    }

    fn dunstctl(&self, arguments: &[&str]) {
        let status = Command::new("dunstctl")
            .args(arguments)
            .env("DBUS_SESSION_BUS_ADDRESS", self.bus().unwrap())
            .status()
            .unwrap();
        assert!(status.success());
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        drop(self.session.stdin.take());
        self.session.wait().ok();
    }
}

/// A bpd with a home of its own, and what is run under it.
struct Bp {
    home: TempDir,
    daemon: Child,
    burning: Vec<Child>,
}

impl Bp {
    /// `bus`: the session bus that bpd is told of. A click opens the "browser": it writes down what it was given.
    fn start(bus: &str) -> Self {
        let home = tempfile::Builder::new().prefix("bp").tempdir_in("/tmp").unwrap();
        fs::write(home.path().join("config.toml"), CONFIG).unwrap();
        let browser = home.path().join("browser");
        script(
            &browser,
            "#!/bin/sh\ncp \"${1#file://}\" \"${0%/*}/page.new\" && mv \"${0%/*}/page.new\" \"${0%/*}/page\"\n",
        );
        let daemon = mortal(&mut Command::new(bpd()))
            .env("BP_HOME", home.path())
            .env("DBUS_SESSION_BUS_ADDRESS", bus)
            .env("BROWSER", &browser)
            .env("LC_ALL", "C.UTF-8")
            .env_remove("DISPLAY")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let bp = Self { home, daemon, burning: Vec::new() };
        eventually("bpd's answer", || {
            bp.bpctl(&["status"]).stdout(Stdio::null()).status().ok()?.success().then_some(())
        });
        bp
    }

    fn bpctl(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bpctl"));
        command.args(arguments).env("BP_HOME", self.home.path()).stderr(Stdio::null());
        mortal(&mut command);
        command
    }

    /// Runs something that burns a core, under `bpctl run`, until it is ended.
    fn burn(&mut self, words: &str) {
        let script = format!("while :; do :; done # {words}");
        self.burning.push(self.bpctl(&["run", "--quiet", "--", "sh", "-c", &script]).spawn().unwrap());
    }

    fn end_burning(&mut self) {
        for mut child in self.burning.drain(..) {
            kill_process(Pid::from_raw(child.id() as i32).unwrap(), Signal::TERM).unwrap();
            child.wait().unwrap();
        }
    }

    fn alerts(&self) -> Vec<AlertReport> {
        let output = self.bpctl(&["alerts", "--json"]).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

impl Drop for Bp {
    fn drop(&mut self) {
        for child in &mut self.burning {
            kill_process(Pid::from_raw(child.id() as i32).unwrap(), Signal::TERM).ok();
            child.wait().ok();
        }
        kill_process(Pid::from_raw(self.daemon.id() as i32).unwrap(), Signal::TERM).ok();
        self.daemon.wait().ok();
    }
}

fn bpd() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_bpctl")).with_file_name("bpd")
}

fn script(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Looks until `look` finds something.
fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn one_notice_is_shown_changed_and_finished_and_a_click_on_another_opens_its_run() {
    let desktop = Desktop::start();
    let mut bp = Bp::start(&desktop.bus().unwrap());

    bp.burn("first");
    eventually("a notice", || (!desktop.shown().is_empty()).then_some(()));
    eventually("an update", || (desktop.shown().len() > 1).then_some(()));
    bp.end_burning();
    let last = eventually("the last words", || {
        desktop.shown().into_iter().find(|[_, _, _, body]| body.contains("ended after"))
    });
    let shown = desktop.shown();
    assert!(shown.iter().all(|[id, ..]| *id == last[0]), "one notice, not several: {shown:?}");
    for [_, urgency, summary, body] in &shown {
        assert_eq!(urgency, "NORMAL");
        assert!(summary.contains("sh") && body.contains('%'), "{summary} / {body}");
        assert!(!body.contains("first"), "a lock screen shows the command's name only: {body}");
    }

    let alert =
        eventually("the alert's end", || bp.alerts().into_iter().find(|alert| alert.ended_at.is_some()));
    assert_eq!((alert.rule.as_str(), alert.level, alert.run), ("cpu-high", Level::Warning, Some(1)));
    assert_eq!(alert.delivery.as_deref(), Some("desktop"));
    assert!(alert.peak > 5.0 && alert.above_s >= 1.0, "{alert:?}");

    desktop.clear();
    bp.burn("second");
    eventually("the second notice", || desktop.shown().iter().any(|[id, ..]| *id != last[0]).then_some(()));
    desktop.click();
    let page = eventually("the browser", || fs::read_to_string(bp.home.path().join("page")).ok());
    assert!(page.contains("#code=") && page.contains("runs%2F2"), "{page}");
    bp.end_burning();
}

#[test]
fn without_a_bus_the_alert_is_kept_and_says_why_nothing_was_shown() {
    let nowhere = tempfile::tempdir().unwrap();
    let mut bp = Bp::start(&format!("unix:path={}/none", nowhere.path().display()));
    bp.burn("x");
    let alert = eventually("the alert", || bp.alerts().into_iter().find(|alert| alert.delivery.is_some()));
    assert_eq!(alert.delivery.as_deref(), Some("no-server"));
    bp.end_burning();
    eventually("its end", || bp.alerts().into_iter().find(|alert| alert.ended_at.is_some()));
}

#[test]
fn a_bus_that_never_answers_costs_the_notice_and_nothing_else() {
    let dir = tempfile::Builder::new().prefix("bp").tempdir_in("/tmp").unwrap();
    let path = dir.path().join("bus");
    let _hung = UnixListener::bind(&path).unwrap();
    let mut bp = Bp::start(&format!("unix:path={}", path.display()));
    bp.burn("x");
    let alert = eventually("the alert", || bp.alerts().into_iter().find(|alert| alert.delivery.is_some()));
    assert_eq!(alert.delivery.as_deref(), Some("no-answer"));
    bp.end_burning();
    eventually("its end", || bp.alerts().into_iter().find(|alert| alert.ended_at.is_some()));
}

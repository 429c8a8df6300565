//! The desktop channel: one notice per alert, updated through the handle that showed it, finished when its alert has
//! ended. The one place that knows notify-rust.
//!
//! Every notice has a task and a connection of its own: a bus that hangs or a server that panics the client costs
//! that notice, nothing else.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use bp_proto::{Level, Ulid};
use notify_rust::{Hint, Notification, NotificationHandle, NotificationResponse, Timeout, Urgency};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

/// A bus or a server that takes longer than this does not answer at all.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long the last words of an ended alert stay on the screen.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// After its alert has ended, a click on the notice (in the server's list of old ones) is waited for this long.
const CLICK_PATIENCE: Duration = Duration::from_hours(1);

/// The action a click on the notice itself means, by the Desktop Notifications Specification.
const DEFAULT_ACTION: &str = "default";
const OPEN_ACTION: &str = "open";

/// What a notice says. Plain text: no markup reaches the server.
#[derive(Clone, Debug, PartialEq)]
pub struct Words {
    pub summary: String,
    pub body: String,
    /// The button that opens the run.
    pub button: String,
    pub level: Level,
    /// The alert has ended; these are the last words.
    pub is_last: bool,
}

/// How a notice fared, for the alert's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub alert: Ulid,
    pub outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Shown,
    /// There is no session bus, or nobody on it who shows notices.
    NoServer,
    /// A bus or a server that hangs.
    NoAnswer,
}

impl Outcome {
    /// As in `delivery` of an alert.
    pub fn code(self) -> &'static str {
        match self {
            Self::Shown => "desktop",
            Self::NoServer => "no-server",
            Self::NoAnswer => "no-answer",
        }
    }
}

/// A notice that is on the screen, or on its way there.
#[derive(Debug)]
pub struct Notice {
    words: watch::Sender<Words>,
}

impl Notice {
    /// Shows `words` now; the outcome goes to `deliveries`. A click opens `run` with the program `opener`.
    pub fn show(
        alert: Ulid,
        run: Option<u64>,
        words: Words,
        opener: PathBuf,
        deliveries: mpsc::Sender<Delivery>,
    ) -> Self {
        let (sender, receiver) = watch::channel(words);
        tokio::spawn(async move {
            let first = receiver.borrow().clone();
            let shown = show(&first).await;
            let outcome = shown.as_ref().map_or_else(|outcome| *outcome, |_| Outcome::Shown);
            // The stage may be gone already; then nobody records it.
            let _ = deliveries.send(Delivery { alert, outcome }).await;
            if let Ok(handle) = shown {
                follow(handle, receiver, run, opener).await;
            }
        });
        Self { words: sender }
    }

    pub fn update(&self, words: Words) {
        self.words.send_replace(words);
    }
}

async fn show(words: &Words) -> Result<NotificationHandle, Outcome> {
    let notification = notification(words);
    match timeout(PATIENCE, notification.show_async()).await {
        Ok(Ok(handle)) => Ok(handle),
        Ok(Err(error)) => {
            tracing::warn!("no desktop notice: {error}");
            Err(Outcome::NoServer)
        }
        Err(_) => {
            tracing::warn!("no desktop notice: no answer within {} s", PATIENCE.as_secs());
            Err(Outcome::NoAnswer)
        }
    }
}

fn notification(words: &Words) -> Notification {
    let mut notification = Notification::new();
    notification.appname("bp").icon("utilities-system-monitor");
    fill(&mut notification, words);
    notification.action(DEFAULT_ACTION, &words.button);
    notification.action(OPEN_ACTION, &words.button);
    notification.hint(Hint::Category("device".to_owned()));
    notification.finalize()
}

fn fill(notification: &mut Notification, words: &Words) {
    // Never `critical` urgency: it ignores do-not-disturb. A critical alert stays on the screen instead.
    let stays = if words.level == Level::Critical { Timeout::Never } else { Timeout::Default };
    let last = Timeout::Milliseconds(LAST_WORDS.as_millis() as u32);
    notification
        .summary(&plain(&words.summary))
        .body(&plain(&words.body))
        .urgency(Urgency::Normal)
        .timeout(if words.is_last { last } else { stays });
}

/// Some servers read markup in a body, some show entities as they are: so nothing that could be either is sent.
fn plain(text: &str) -> String {
    const LONGEST: usize = 200;
    text.chars()
        .filter(|c| !c.is_control())
        .map(|c| match c {
            '<' => '‹',
            '>' => '›',
            '&' => '＆',
            other => other,
        })
        .take(LONGEST)
        .collect()
}

/// Keeps the notice true until its alert has ended and nobody will click it any more.
async fn follow(
    mut handle: NotificationHandle,
    mut words: watch::Receiver<Words>,
    run: Option<u64>,
    opener: PathBuf,
) {
    let mut ended = false;
    loop {
        let response = tokio::select! {
            response = response(&handle) => response,
            changed = words.changed(), if !ended => {
                if changed.is_err() {
                    return;
                }
                let now = words.borrow_and_update().clone();
                ended = now.is_last;
                match update(handle, now).await {
                    Some(updated) => handle = updated,
                    None => return,
                }
                continue;
            }
            () = tokio::time::sleep(CLICK_PATIENCE), if ended => return,
        };
        match response {
            Some(NotificationResponse::Default | NotificationResponse::Action(_)) => {
                open(&opener, run);
                // Servers differ in whether a click closes the notice.
                let _ = timeout(PATIENCE, handle.close_async()).await;
                return;
            }
            _ => return,
        }
    }
}

/// The next thing the user does with the notice; `None` when the bus went away.
async fn response(handle: &NotificationHandle) -> Option<NotificationResponse> {
    let mut seen = None;
    handle.wait_for_action_async(|response: &NotificationResponse| seen = Some(response.clone())).await;
    seen
}

/// notify-rust updates only synchronously. On a thread of its own, not the runtime's pool: a hung bus must not hold up
/// bpd's end.
async fn update(mut handle: NotificationHandle, words: Words) -> Option<NotificationHandle> {
    let (done, wait) = tokio::sync::oneshot::channel();
    let spawned = std::thread::Builder::new().name("notice".to_owned()).spawn(move || {
        fill(&mut handle, &words);
        if handle.update().is_ok() {
            // Nobody waits any more when the patience ended first.
            let _ = done.send(handle);
        }
    });
    spawned.ok()?;
    timeout(PATIENCE, wait).await.ok()?.ok()
}

/// `bpctl open` mints its own code over the peer-checked socket and starts the browser.
fn open(opener: &PathBuf, run: Option<u64>) {
    let mut command = Command::new(opener);
    command.arg("open");
    if let Some(run) = run {
        command.arg(run.to_string());
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    match command.spawn() {
        Ok(mut child) => {
            std::thread::spawn(move || child.wait());
        }
        Err(error) => tracing::warn!("cannot start {} to open a run: {error}", opener.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_could_be_markup_reaches_a_server() {
        assert_eq!(plain("<b>a</b> & b\n\u{7}"), "‹b›a‹/b› ＆ b");
        assert_eq!(plain(&"x".repeat(1000)).len(), 200);
    }
}

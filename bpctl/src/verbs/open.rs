//! `bpctl open [RUN]`: the dashboard, with a session, in the browser.
//!
//! The one-time code reaches the browser in the fragment of a page of our own, a file that only the user can read: no
//! argument list, log or Referer has it.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bp_proto::place::{Places, own_dir};
use bp_proto::report::{CodeState, OpenCode};
use bp_proto::{Request, Run, Ulid};

use super::Exit;
use crate::ask::Bpd;
use crate::screen::Screen;
use crate::text::said::OrSay as _;
use crate::text::words::Word;

/// A browser that starts cold takes longer; the code is said then, and still works.
const PATIENCE: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run to show; without one, the list
    run: Option<String>,
    /// Prints the page's address and, beside it, a one-time code to log in with; starts no browser
    #[arg(long)]
    print: bool,
}

pub fn run(args: &Args, screen: &Screen) -> anyhow::Result<Exit> {
    let mut bpd = Bpd::connect()?;
    let view = match &args.run {
        None => "/".to_owned(),
        Some(selector) => {
            let run = bpd.resolve(selector, screen)?;
            let run: Run = bpd.ask(&Request::Show { run, lang: Some(screen.lang.code().to_owned()) })?;
            format!("/runs/{}", run.id)
        }
    };
    let minted: OpenCode = bpd.ask(&Request::OpenCode)?;
    // The page asks for the code and keeps the address's view meanwhile.
    let address = format!("{}/#{view}", minted.origin);
    if args.print {
        screen.print(&printed(&address, &minted.code, screen))?;
        return Ok(Exit::Fine);
    }
    let by_hand = screen.say(Word::OpenByHand, &[&address, &minted.code]) + "\n";
    let file = Handover::write(&Places::find()?.run, &page(&minted, &view))?;
    let started = start_browser(&file.path);
    if started {
        screen.print(&(screen.say(Word::Opening, &[&minted.origin]) + "\n"))?;
    }
    if !started || !is_redeemed(&mut bpd, &minted.code)? {
        screen.print(&by_hand)?;
    }
    Ok(if started { Exit::Fine } else { Exit::Failed })
}

/// The address may be passed on, the code may not: each in its own line.
fn printed(address: &str, code: &str, screen: &Screen) -> String {
    screen.say(Word::OpenPrinted, &[address]) + "\n" + &screen.say(Word::OpenPrintedCode, &[code]) + "\n"
}

/// Navigates at once; the address stands there for browsers without scripts.
fn page(minted: &OpenCode, view: &str) -> String {
    let to = view.replace('/', "%2F");
    // Both parts are bpd's own: letters, digits and dashes, and an address.
    let address = format!("{}/#code={}&to={to}", minted.origin, minted.code);
    let address = address.replace('&', "&amp;");
    format!(
        "<!doctype html><meta charset=\"utf-8\"><meta name=\"referrer\" content=\"no-referrer\">\
         <meta http-equiv=\"refresh\" content=\"0;url={address}\"><title>bp</title>\
         <a href=\"{address}\">bp</a>\n"
    )
}

/// The file, as long as this lives.
struct Handover {
    path: PathBuf,
}

impl Handover {
    fn write(dir: &Path, page: &str) -> anyhow::Result<Self> {
        own_dir(dir)?;
        let path = dir.join(format!("open-{}.html", Ulid::generate()));
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .or_say(Word::CannotWrite, &[&path.display().to_string()])?;
        let handover = Self { path };
        file.write_all(page.as_bytes()).or_say(Word::CannotWrite, &[&handover.path.display().to_string()])?;
        Ok(handover)
    }
}

impl Drop for Handover {
    fn drop(&mut self) {
        // The code in it is used or dies within a minute.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// `$BROWSER` (a list, as its users write it), else the desktop's own way. False when there is none.
fn start_browser(page: &Path) -> bool {
    let named = std::env::var("BROWSER").unwrap_or_default();
    let named = named.split(':').filter(|browser| !browser.is_empty());
    let usual = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    named.chain([usual]).any(|browser| {
        let mut words = browser.split_whitespace();
        let Some(program) = words.next() else { return false };
        Command::new(program)
            .args(words)
            .arg(page)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .is_ok()
    })
}

fn is_redeemed(bpd: &mut Bpd, code: &str) -> anyhow::Result<bool> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let state: CodeState = bpd.ask(&Request::CodeState { code: code.to_owned() })?;
        if !state.waiting {
            return Ok(true);
        }
        std::thread::sleep(PAUSE);
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::words::Lang;

    #[test]
    fn what_is_printed_says_which_of_it_logs_in() {
        let lines = |lang| printed("http://127.0.0.1:7717/#/", "K7QM-2XRD-9FHT", &Screen::plain(lang));
        for (lang, in_nobody, logs_in) in [
            (Lang::En, "lets nobody in", "logs you in"),
            (Lang::Tr, "kimseyi içeri almaz", "oturumu bu kod açar"),
        ] {
            let text = lines(lang);
            let [address, code] = text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
            assert!(address.contains("http://127.0.0.1:7717/#/ ") && address.contains(in_nobody), "{text}");
            assert!(
                !address.contains("K7QM") && code.contains("K7QM-2XRD-9FHT") && code.contains(logs_in),
                "{text}"
            );
        }
    }

    #[test]
    fn the_page_leads_to_the_view_with_the_code_in_the_fragment() {
        let minted = OpenCode { code: "K7QM-2XRD-9FHT".into(), origin: "http://127.0.0.1:7717".into() };
        let page = page(&minted, "/runs/12");
        assert!(
            page.contains("url=http://127.0.0.1:7717/#code=K7QM-2XRD-9FHT&amp;to=%2Fruns%2F12\""),
            "{page}"
        );
    }
}

//! `bpctl watch`: the commands that run, live, in a terminal; one of them can be stopped, or opened in the page. In a
//! pipe, or with `--once`, they are listed once.

mod board;
mod gather;
pub mod painted;
mod stop;
mod view;

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bp_proto::request::ListQuery;
use bp_proto::{Request, RunState, UnixMillis};
use crossterm::event::{self, Event, KeyEventKind};

use self::board::{Action, Board};
use self::painted::Painted;
use super::{Exit, list};
use crate::ask::Bpd;
use crate::cli::Output;
use crate::screen::Screen;
use crate::text::words::Word;

/// Between two looks at bpd.
const INTERVAL: Duration = Duration::from_secs(1);
/// Commands that are shown at most; a terminal has fewer rows.
const MAX_RUNS: u32 = 200;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Whose runs: human, ci, agent, or agent:NAME
    #[arg(long)]
    actor: Option<String>,
    /// One look, as a table
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    output: Output,
}

pub fn run(args: &Args, screen: &Screen) -> anyhow::Result<Exit> {
    let mut bpd = Bpd::connect()?;
    if args.output.json {
        Screen::print_json(&bpd.ask_raw(&running(args.actor.clone(), screen))?)?;
        return Ok(Exit::Fine);
    }
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    if args.once || args.output.plain || !screen.is_terminal || dumb {
        return once(&mut bpd, args, screen);
    }
    let mut painted = Painted::begin()?;
    let outcome = look(bpd, args.actor.clone(), screen, &mut painted);
    // The terminal first: an error is read on the usual screen.
    drop(painted);
    outcome.map(|()| Exit::Fine)
}

fn running(actor: Option<String>, screen: &Screen) -> Request {
    Request::List(ListQuery {
        limit: Some(MAX_RUNS),
        state: Some(RunState::Running),
        actor,
        lang: Some(screen.lang.code().to_owned()),
        ..ListQuery::default()
    })
}

fn once(bpd: &mut Bpd, args: &Args, screen: &Screen) -> anyhow::Result<Exit> {
    let mut board = Board::of(args.actor.clone());
    let rows = gather::rows(&board, bpd, screen)?;
    board.show(rows);
    let page = if args.output.plain {
        board.rows.iter().fold(list::PLAIN_HEAD.to_owned(), |page, row| page + &list::plain(&row.run))
    } else {
        let mut lines = view::table_lines(&board, screen, screen.width, usize::MAX);
        if board.rows.is_empty() {
            lines = vec![screen.word(Word::WatchNothing).to_owned()];
        }
        list::notes(screen) + &lines.join("\n") + "\n"
    };
    screen.print(&page)?;
    Ok(Exit::Fine)
}

fn look(bpd: Bpd, actor: Option<String>, screen: &Screen, painted: &mut Painted) -> anyhow::Result<()> {
    let mut board = Board::of(actor);
    let mut bpd = Some(bpd);
    let mut opening: Option<(u64, Child)> = None;
    loop {
        let deadline = Instant::now() + INTERVAL;
        gather::refresh(&mut board, &mut bpd, screen);
        loop {
            note_browser(&mut board, &mut opening, screen);
            painted.draw(|frame| view::draw(frame, &mut board, &now(screen, frame.area().width)))?;
            let Some(pressed) = next_event(deadline)? else { break };
            let Event::Key(key) = pressed else { continue };
            if key.kind == KeyEventKind::Release {
                continue;
            }
            match board.press(key) {
                Action::None => {}
                Action::Quit => return Ok(()),
                Action::Suspend => painted.suspend()?,
                Action::Open(run) => opening = open_page(run).ok().map(|child| (run, child)),
                Action::Stop { run, force } => {
                    if let Some(bpd) = &mut bpd {
                        stop::stop(&mut board, bpd, run, force, screen);
                    }
                }
            }
        }
    }
}

fn now(screen: &Screen, width: u16) -> Screen {
    Screen { width: usize::from(width), now: UnixMillis::now(), ..screen.clone() }
}

/// What happens next in the terminal; `None` when the deadline comes first.
fn next_event(deadline: Instant) -> anyhow::Result<Option<Event>> {
    let left = deadline.saturating_duration_since(Instant::now());
    Ok(if event::poll(left)? { Some(event::read()?) } else { None })
}

/// By a bpctl of its own: it waits for the browser, and says what it has to say to nobody.
fn open_page(run: u64) -> std::io::Result<Child> {
    Command::new(std::env::current_exe()?)
        .args(["open", &run.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

fn note_browser(board: &mut Board, opening: &mut Option<(u64, Child)>, screen: &Screen) {
    let Some((run, child)) = opening else { return };
    let Ok(Some(status)) = child.try_wait() else { return };
    let word = if status.success() { Word::WatchOpened } else { Word::WatchNotOpened };
    board.notice = Some(screen.say(word, &[&run.to_string()]));
    *opening = None;
}

//! The table as it is painted: one line of totals, the commands, one line of keys; a question or the help over it.

use bp_proto::Actor;
use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Block, Clear, Paragraph};
use unicode_width::UnicodeWidthStr as _;

use super::board::{Board, Mode, Row, Sort};
use super::stop;
use crate::screen::Screen;
use crate::text::escape::visible;
use crate::text::figures;
use crate::text::sparkline::{highest, sparkline};
use crate::text::table::{Align, fold, middle, room_of_last, table, without};
use crate::text::words::Word;
use crate::verbs::list;

/// One busy core fills a curve's height, so that an idle one looks idle.
const ONE_CORE: f64 = 100.0;
/// A terminal that leaves the command less than this gives up columns for it: who, curve, processes, time. Each as it
/// stands when those before it are gone.
const LEAST_COMMAND: usize = 18;
const EXPENDABLE: [usize; 4] = [6, 3, 4, 1];
/// Columns of a curve, by the terminal's width.
const CURVES: [(usize, usize); 2] = [(120, 30), (0, 10)];

pub(super) fn draw(frame: &mut Frame<'_>, board: &mut Board, screen: &Screen) {
    let area = frame.area();
    let mut totals = fold(&totals(board, screen), usize::from(area.width));
    for line in &mut totals {
        *line = line.trim_end_matches(['·', '\u{a0}']).replace('\u{a0}', " ");
    }
    // A terminal of a few lines shows commands first.
    let head = if area.height >= 8 { totals.len().min(2) as u16 } else { u16::from(area.height >= 4) };
    let noted = u16::from(board.paused.is_some() && area.height >= 3);
    let parts =
        [Constraint::Length(head), Constraint::Length(noted), Constraint::Min(0), Constraint::Length(1)];
    let [top, note, middle_area, bottom] = Layout::vertical(parts).areas(area);
    frame.render_widget(Paragraph::new(text(&totals)).style(strong()), top);
    paint_table(frame, middle_area, board, screen);
    let (line, style) = match &board.notice {
        Some(notice) => (middle(&visible(notice), usize::from(area.width)), colored(screen, Color::Yellow)),
        None => (keys(area.width, screen).to_owned(), faint(screen)),
    };
    frame.render_widget(Paragraph::new(line).style(style), bottom);
    if let Some(paused) = &board.paused {
        let sentence = middle(&format!("! {paused}"), usize::from(area.width));
        frame.render_widget(Paragraph::new(sentence).style(colored(screen, Color::Yellow)), note);
    }
    match &board.mode {
        Mode::Table => {}
        Mode::Help => paint_help(frame, screen),
        Mode::Ask { run, force } => paint_question(frame, board, *run, *force, screen),
    }
}

fn keys(width: u16, screen: &Screen) -> &'static str {
    let long = screen.word(Word::WatchKeys);
    if long.width() <= usize::from(width) { long } else { screen.word(Word::WatchKeysShort) }
}

fn paint_table(frame: &mut Frame<'_>, area: Rect, board: &Board, screen: &Screen) {
    if board.rows.is_empty() {
        let nothing = Paragraph::new(screen.word(Word::WatchNothing)).alignment(Alignment::Center);
        let below = Rect { y: area.y + area.height / 3, height: area.height - area.height / 3, ..area };
        frame.render_widget(nothing.style(faint(screen)), below);
        return;
    }
    let rows = usize::from(area.height).saturating_sub(1);
    let (from, to) = window(board.place(), board.rows.len(), rows);
    let lines = table_lines(board, screen, usize::from(area.width), rows);
    let mut painted = Vec::with_capacity(rows + 1);
    for (at, line) in lines.into_iter().enumerate() {
        let style = match at {
            0 => faint(screen).add_modifier(Modifier::BOLD),
            _ if from + at - 1 == board.place() => Style::new().add_modifier(Modifier::REVERSED),
            _ => tone(&board.rows[from + at - 1], board, screen),
        };
        // The bar of the chosen row goes from edge to edge.
        let blanks = usize::from(area.width).saturating_sub(line.width());
        painted.push(Line::styled(line + &" ".repeat(blanks), style));
    }
    debug_assert!(to <= board.rows.len());
    frame.render_widget(Paragraph::new(painted), area);
}

/// Which rows are seen, so that the chosen one is among them.
fn window(place: usize, all: usize, rows: usize) -> (usize, usize) {
    let from = (place + 1).saturating_sub(rows).min(all);
    (from, (from.saturating_add(rows)).min(all))
}

/// The heading, and as many of the rows as there is room for.
pub(super) fn table_lines(board: &Board, screen: &Screen, width: usize, rows: usize) -> Vec<String> {
    let curve = CURVES.iter().find(|(from, _)| width >= *from).map_or(0, |(_, columns)| *columns);
    let (from, to) = window(board.place(), board.rows.len(), rows);
    let mark = |sort: Sort| if board.sort == sort { "▾" } else { "" };
    let mut cells = vec![vec![
        screen.word(Word::Id).to_owned(),
        screen.word(Word::WatchElapsed).to_owned() + mark(Sort::Time),
        screen.word(Word::WatchNow).to_owned() + mark(Sort::Cpu),
        screen.word(Word::Curve).to_owned(),
        screen.word(Word::Rss).to_owned() + mark(Sort::Memory),
        screen.word(Word::WatchCount).to_owned(),
        screen.word(Word::WatchActor).to_owned(),
        screen.word(Word::Command).to_owned(),
    ]];
    let top = board.rows.iter().filter_map(|row| highest(&row.curve)).fold(ONE_CORE, f64::max);
    cells.extend(board.rows[from..to].iter().map(|row| row_cells(row, board, screen, curve, top)));
    let mut align = vec![
        Align::Right,
        Align::Right,
        Align::Right,
        Align::Left,
        Align::Right,
        Align::Right,
        Align::Left,
        Align::Left,
    ];
    for column in EXPENDABLE {
        if room_of_last(&cells, width) < LEAST_COMMAND {
            without(&mut cells, &mut align, column);
        }
    }
    table(&cells, &align, width)
}

fn row_cells(row: &Row, board: &Board, screen: &Screen, curve: usize, top: f64) -> Vec<String> {
    let known = |figure: Option<String>| figure.unwrap_or_else(|| figures::UNKNOWN.to_owned());
    let command = list::command(&row.run, screen);
    let stopping = board.told.contains(&row.run.id);
    let newest = row.curve.len().saturating_sub(curve);
    vec![
        row.run.id.to_string(),
        elapsed(row, screen),
        known(row.cpu_percent.map(|cpu| figures::percent(cpu, screen.lang))),
        // The newest point stands at the right, and no column moves when a curve grows.
        format!("{:>curve$}", sparkline(&row.curve[newest..], curve, Some(top))),
        known(row.rss_mb.map(|rss| figures::memory(rss, screen.lang))),
        known(row.processes.map(|processes| processes.to_string())),
        visible(&row.run.actor.to_string()).into_owned(),
        if stopping { format!("[{}] {command}", screen.word(Word::WatchStopping)) } else { command },
    ]
}

/// In whole seconds: nobody reads more of what changes every second.
fn elapsed(row: &Row, screen: &Screen) -> String {
    match row.run.started_at.map_or(0, |began| screen.now.since(began).as_secs()) {
        seconds @ 0..100 => figures::in_seconds(&seconds.to_string(), screen.lang),
        seconds => figures::duration(seconds as f64, screen.lang),
    }
}

fn totals(board: &Board, screen: &Screen) -> String {
    let lang = screen.lang;
    let sum = |figure: fn(&Row) -> Option<f64>| board.rows.iter().filter_map(figure).sum::<f64>();
    let mut parts = vec![screen.say(Word::WatchRunning, &[&board.rows.len().to_string()])];
    if !board.rows.is_empty() {
        let processes: u32 = board.rows.iter().filter_map(|row| row.processes).sum();
        parts.extend([
            format!("CPU {}", figures::percent(sum(|row| row.cpu_percent), lang)),
            format!("RSS {}", figures::memory(sum(|row| row.rss_mb), lang)),
            screen.say(Word::WatchProcesses, &[&processes.to_string()]),
        ]);
    }
    if let Some(host) = &board.host {
        if let Some(cpu) = host.host_cpu_percent {
            parts.push(screen.say(Word::WatchMachine, &[&figures::percent(cpu, lang)]));
        }
        if let (Some(used), Some(total)) = (host.memory_used_mb, host.memory_total_mb) {
            let (used, total) = (figures::memory(used, lang), figures::memory(total, lang));
            parts.push(screen.say(Word::WatchMemory, &[&used, &total]));
        }
        if let Some(load) = host.load_1m {
            let load = format!("{load:.2}");
            parts.push(screen.say(Word::WatchLoad, &[&figures::mark(load, lang)]));
        }
    }
    // No part is torn apart where the line is folded.
    parts.iter().map(|part| part.replace(' ', "\u{a0}")).collect::<Vec<_>>().join("\u{a0}· ")
}

fn paint_question(frame: &mut Frame<'_>, board: &Board, run: u64, force: bool, screen: &Screen) {
    let row = board.rows.iter().find(|row| row.run.id == run);
    let command = row.map(|row| list::command(&row.run, screen)).unwrap_or_default();
    let word = if force { Word::WatchAskForce } else { Word::WatchAsk };
    let width = usize::from(frame.area().width).saturating_sub(4).min(72);
    let mut lines = fold(&screen.say(word, &[&run.to_string()]), width);
    lines.push(String::new());
    lines.push(middle(&command, width));
    lines.push(String::new());
    lines.extend(fold(&screen.say(Word::WatchYes, &[stop::name(force)]), width));
    let color = if force { Color::Red } else { Color::Yellow };
    paint_box(frame, None, &lines, colored(screen, color), screen);
}

fn paint_help(frame: &mut Frame<'_>, screen: &Screen) {
    let words = [
        Word::WatchHelpChoose,
        Word::WatchHelpSort,
        Word::WatchHelpStop,
        Word::WatchHelpOpen,
        Word::WatchHelpQuit,
    ];
    let lines: Vec<String> = words.iter().map(|word| screen.word(*word).to_owned()).collect();
    paint_box(frame, Some(screen.word(Word::WatchHelpTitle)), &lines, faint(screen), screen);
}

/// In the middle, as large as its lines, over whatever is there.
fn paint_box(frame: &mut Frame<'_>, title: Option<&str>, lines: &[String], border: Style, screen: &Screen) {
    let area = frame.area();
    let widest = lines.iter().map(|line| line.width()).max().unwrap_or(0) as u16;
    let width = (widest + 4).min(area.width);
    let height = (lines.len() as u16 + 2).min(area.height);
    let over =
        Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    let mut block = Block::bordered().border_style(border);
    if let Some(title) = title {
        block = block.title(format!(" {} ", screen.lang.capitals(title)));
    }
    let padded: Vec<String> = lines.iter().map(|line| format!(" {line}")).collect();
    frame.render_widget(Clear, over);
    frame.render_widget(Paragraph::new(text(&padded)).block(block), over);
}

fn text(lines: &[String]) -> Text<'static> {
    Text::from(lines.iter().cloned().map(Line::from).collect::<Vec<_>>())
}

fn strong() -> Style {
    Style::new().add_modifier(Modifier::BOLD)
}

fn faint(screen: &Screen) -> Style {
    if screen.color { Style::new().add_modifier(Modifier::DIM) } else { Style::new() }
}

fn colored(screen: &Screen, color: Color) -> Style {
    if screen.color { Style::new().fg(color) } else { Style::new().add_modifier(Modifier::BOLD) }
}

/// A busy command stands out, one that is being stopped too; machines' commands step back.
fn tone(row: &Row, board: &Board, screen: &Screen) -> Style {
    if board.told.contains(&row.run.id) {
        return colored(screen, Color::Yellow);
    }
    match (row.cpu_percent, &row.run.actor) {
        (Some(cpu), _) if cpu >= 0.9 * ONE_CORE && screen.color => Style::new().fg(Color::Green),
        (_, Actor::Human) => Style::new(),
        _ => faint(screen),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chosen_row_is_always_seen() {
        assert_eq!(window(0, 10, 4), (0, 4));
        assert_eq!(window(3, 10, 4), (0, 4));
        assert_eq!(window(4, 10, 4), (1, 5));
        assert_eq!(window(9, 10, 4), (6, 10));
        assert_eq!(window(0, 2, 4), (0, 2));
        assert_eq!(window(0, 2, 0), (1, 1));
        assert_eq!(window(0, 3, usize::MAX), (0, 3));
    }
}

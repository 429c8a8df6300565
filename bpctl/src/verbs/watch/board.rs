//! What is shown and what keys do to it. Pure.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use bp_proto::Run;
use bp_proto::report::HostPoint;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// One command that runs.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) run: Run,
    /// Over the newest interval; `None` before there is one.
    pub(super) cpu_percent: Option<f64>,
    pub(super) rss_mb: Option<f64>,
    pub(super) processes: Option<u32>,
    /// CPU % of the last minute, oldest first.
    pub(super) curve: Vec<Option<f64>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sort {
    #[default]
    Cpu,
    Memory,
    Time,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    #[default]
    Table,
    Help,
    /// Whether to stop this run; `force`: it was asked to end before.
    Ask {
        run: u64,
        force: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    None,
    Quit,
    Suspend,
    Open(u64),
    Stop { run: u64, force: bool },
}

#[derive(Debug, Default)]
pub(super) struct Board {
    pub(super) rows: Vec<Row>,
    /// Whose runs are shown, when not everybody's.
    pub(super) actor: Option<String>,
    pub(super) host: Option<HostPoint>,
    /// That recording is paused here.
    pub(super) paused: Option<String>,
    pub(super) sort: Sort,
    pub(super) mode: Mode,
    /// The chosen run, and where it stood: when it is gone its neighbour is chosen.
    pub(super) chosen: Option<u64>,
    place: usize,
    /// Runs that were asked to end.
    pub(super) told: BTreeSet<u64>,
    /// One line below the table, until the next key.
    pub(super) notice: Option<String>,
}

impl Board {
    pub(super) fn of(actor: Option<String>) -> Self {
        Self { actor, ..Self::default() }
    }

    /// Takes what runs now.
    pub(super) fn show(&mut self, rows: Vec<Row>) {
        self.rows = rows;
        self.sort();
        self.told.retain(|told| self.rows.iter().any(|row| row.run.id == *told));
        if let Mode::Ask { run, .. } = self.mode
            && !self.rows.iter().any(|row| row.run.id == run)
        {
            // It has ended by itself: what is typed now is no answer.
            self.mode = Mode::Table;
        }
    }

    fn sort(&mut self) {
        let descending = |a: Option<f64>, b: Option<f64>| b.unwrap_or(-1.0).total_cmp(&a.unwrap_or(-1.0));
        let sort = self.sort;
        self.rows.sort_by(|a, b| {
            let by = match sort {
                Sort::Cpu => descending(a.cpu_percent, b.cpu_percent),
                Sort::Memory => descending(a.rss_mb, b.rss_mb),
                Sort::Time => Ordering::Equal,
            };
            by.then(a.run.started_at.cmp(&b.run.started_at)).then(a.run.id.cmp(&b.run.id))
        });
        self.keep_chosen();
    }

    fn keep_chosen(&mut self) {
        let at = self.rows.iter().position(|row| Some(row.run.id) == self.chosen);
        self.place = at.unwrap_or(self.place).min(self.rows.len().saturating_sub(1));
        // Until somebody chooses the first is chosen, whichever it is.
        if self.chosen.is_some() {
            self.chosen = self.rows.get(self.place).map(|row| row.run.id);
        }
    }

    /// Where the chosen run stands.
    pub(super) fn place(&self) -> usize {
        if self.chosen.is_some() { self.place } else { 0 }
    }

    pub(super) fn row(&self) -> Option<&Row> {
        self.rows.get(self.place())
    }

    pub(super) fn press(&mut self, key: KeyEvent) -> Action {
        self.notice = None;
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c' | 'd') if ctrl => return Action::Quit,
            KeyCode::Char('z') if ctrl => return Action::Suspend,
            KeyCode::Char(_) if ctrl => return Action::None,
            _ => {}
        }
        match std::mem::take(&mut self.mode) {
            Mode::Ask { run, force } => self.answer(key.code, run, force),
            Mode::Help if matches!(key.code, KeyCode::Char('q')) => Action::Quit,
            Mode::Help => Action::None,
            Mode::Table => self.command(key.code),
        }
    }

    fn answer(&mut self, key: KeyCode, run: u64, force: bool) -> Action {
        match key {
            KeyCode::Char('y' | 'Y' | 'e' | 'E') => {
                self.told.insert(run);
                Action::Stop { run, force }
            }
            KeyCode::Char('n' | 'N' | 'h' | 'H' | 'q') | KeyCode::Esc => Action::None,
            _ => {
                self.mode = Mode::Ask { run, force };
                Action::None
            }
        }
    }

    fn command(&mut self, key: KeyCode) -> Action {
        match key {
            KeyCode::Char('q') | KeyCode::Esc => return Action::Quit,
            KeyCode::Char('?') => self.mode = Mode::Help,
            KeyCode::Char('c') => self.sort_by(Sort::Cpu),
            KeyCode::Char('m') => self.sort_by(Sort::Memory),
            KeyCode::Char('t') => self.sort_by(Sort::Time),
            KeyCode::Down | KeyCode::Char('j') => self.choose(self.place().saturating_add(1)),
            KeyCode::Up => self.choose(self.place().saturating_sub(1)),
            KeyCode::Home => self.choose(0),
            KeyCode::End => self.choose(usize::MAX),
            KeyCode::Enter => return self.row().map_or(Action::None, |row| Action::Open(row.run.id)),
            KeyCode::Char('k') => {
                if let Some(run) = self.row().map(|row| row.run.id) {
                    // What is asked about stays chosen, however the others move meanwhile.
                    self.choose(self.place());
                    self.mode = Mode::Ask { run, force: self.told.contains(&run) };
                }
            }
            _ => {}
        }
        Action::None
    }

    fn sort_by(&mut self, sort: Sort) {
        self.sort = sort;
        self.sort();
    }

    fn choose(&mut self, place: usize) {
        self.place = place.min(self.rows.len().saturating_sub(1));
        self.chosen = self.rows.get(self.place).map(|row| row.run.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: u64, cpu_percent: f64, rss_mb: f64) -> Row {
        let run = serde_json::json!({
            "id": id, "uid": "01HX0000000000000000000000", "parent": null, "command": format!("make {id}"),
            "command_truncated": null, "masked": [], "key": "k", "key_text": "k", "cwd": null, "project": null,
            "git": null, "host": "h", "shell": null, "session": null, "actor": "human",
            "started_at": format!("2024-05-06T07:20:0{id}.000Z"), "finished_at": null, "state": "running",
            "exit_code": null, "signal": null, "background": false, "imported": false, "tags": [], "note": null,
            "run_stats": null, "children": [], "comments": [], "context": null
        });
        let run: Run = serde_json::from_value(run).unwrap();
        let curve = vec![Some(cpu_percent)];
        Row { run, cpu_percent: Some(cpu_percent), rss_mb: Some(rss_mb), processes: Some(1), curve }
    }

    fn board() -> Board {
        let mut board = Board::default();
        board.show(vec![row(1, 10.0, 300.0), row(2, 90.0, 100.0), row(3, 50.0, 200.0)]);
        board
    }

    fn press(board: &mut Board, key: KeyCode) -> Action {
        board.press(KeyEvent::new(key, KeyModifiers::NONE))
    }

    fn letter(board: &mut Board, key: char) -> Action {
        press(board, KeyCode::Char(key))
    }

    fn order(board: &Board) -> Vec<u64> {
        board.rows.iter().map(|row| row.run.id).collect()
    }

    #[test]
    fn it_is_sorted_by_cpu_memory_or_time() {
        let mut board = board();
        assert_eq!(order(&board), [2, 3, 1]);
        letter(&mut board, 'm');
        assert_eq!(order(&board), [1, 3, 2]);
        letter(&mut board, 't');
        assert_eq!(order(&board), [1, 2, 3]);
        letter(&mut board, 'c');
        assert_eq!(order(&board), [2, 3, 1]);
    }

    #[test]
    fn the_chosen_run_stays_chosen_while_the_others_move_and_its_neighbour_when_it_has_ended() {
        let mut board = board();
        press(&mut board, KeyCode::Down);
        assert_eq!(board.chosen, Some(3));
        board.show(vec![row(1, 99.0, 1.0), row(2, 98.0, 1.0), row(3, 1.0, 1.0)]);
        assert_eq!((board.chosen, board.place()), (Some(3), 2));
        board.show(vec![row(1, 99.0, 1.0), row(2, 98.0, 1.0)]);
        assert_eq!((board.chosen, board.place()), (Some(2), 1));
        board.show(Vec::new());
        assert_eq!(press(&mut board, KeyCode::Enter), Action::None);
    }

    #[test]
    fn a_run_is_stopped_only_after_a_yes_and_killed_only_after_a_second_one() {
        let mut board = board();
        letter(&mut board, 'k');
        assert_eq!(board.mode, Mode::Ask { run: 2, force: false });
        assert_eq!(letter(&mut board, 'n'), Action::None);
        letter(&mut board, 'k');
        assert_eq!(letter(&mut board, 'x'), Action::None);
        assert_eq!(board.mode, Mode::Ask { run: 2, force: false });
        assert_eq!(letter(&mut board, 'y'), Action::Stop { run: 2, force: false });
        letter(&mut board, 'k');
        assert_eq!(board.mode, Mode::Ask { run: 2, force: true });
        assert_eq!(press(&mut board, KeyCode::Esc), Action::None);
        assert_eq!(board.mode, Mode::Table);
    }

    #[test]
    fn a_yes_that_comes_after_the_run_has_ended_stops_no_other() {
        let mut board = board();
        letter(&mut board, 'k');
        board.show(vec![row(1, 10.0, 300.0), row(3, 50.0, 200.0)]);
        assert_eq!(letter(&mut board, 'y'), Action::None);
    }

    #[test]
    fn q_and_ctrl_c_leave_and_a_plain_c_does_not() {
        let mut board = board();
        assert_eq!(letter(&mut board, 'c'), Action::None);
        assert_eq!(letter(&mut board, 'q'), Action::Quit);
        letter(&mut board, 'k');
        let ctrl_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(board.press(ctrl_c), Action::Quit);
    }
}

//! What a full-screen program has painted, as a person sees it: cursor moves, clears and letters, each one column wide.

use crate::pty::Terminal;

pub(crate) struct Picture {
    rows: Vec<Vec<char>>,
    at: (usize, usize),
}

impl Picture {
    /// The picture behind everything that a terminal of that size was told. Colours and modes change no letter.
    pub(crate) fn of(told: &str, columns: usize, rows: usize) -> Self {
        let mut picture = Self { rows: vec![vec![' '; columns]; rows], at: (0, 0) };
        let mut letters = told.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '\x1b' if letters.next_if_eq(&'[').is_some() => {
                    let mut words = String::new();
                    while let Some(word) = letters.next_if(|letter| !letter.is_ascii_alphabetic()) {
                        words.push(word);
                    }
                    picture.obey(&words, letters.next().unwrap_or('m'));
                }
                '\r' => picture.at.1 = 0,
                '\n' => picture.at.0 += 1,
                letter => picture.put(letter),
            }
        }
        picture
    }

    fn obey(&mut self, words: &str, command: char) {
        match (words, command) {
            ("?1049", 'h' | 'l') | ("2", 'J') => self.rows.iter_mut().flatten().for_each(|cell| *cell = ' '),
            (place, 'H') => {
                let mut numbers = place.split(';').map(|number| number.parse().unwrap_or(1_usize));
                self.at = (numbers.next().unwrap_or(1) - 1, numbers.next().unwrap_or(1) - 1);
            }
            _ => {}
        }
    }

    fn put(&mut self, letter: char) {
        let (row, column) = self.at;
        if let Some(cell) = self.rows.get_mut(row).and_then(|row| row.get_mut(column)) {
            *cell = letter;
        }
        self.at.1 += 1;
    }

    /// The first row that holds `text`.
    pub(crate) fn row_of(&self, text: &str) -> Option<usize> {
        self.rows.iter().position(|row| row.iter().collect::<String>().contains(text))
    }

    pub(crate) fn shows(&self, text: &str) -> bool {
        self.row_of(text).is_some()
    }

    pub(crate) fn text(&self) -> String {
        let rows = self.rows.iter().map(|row| row.iter().collect::<String>().trim_end().to_owned() + "\n");
        rows.collect::<String>().trim_end().to_owned()
    }
}

impl Terminal {
    /// What a full-screen program has painted so far.
    pub(crate) fn picture(&self) -> Picture {
        let (columns, rows) = self.size();
        Picture::of(&self.all(), columns.into(), rows.into())
    }

    /// Waits for a picture.
    pub(crate) fn paints(&mut self, what: &str, looks: impl Fn(&Picture) -> bool) {
        let painted = self.reads_until(|terminal| looks(&terminal.picture()));
        assert!(painted, "waited for {what}; painted:\n{}", self.picture().text());
    }

    /// Waits for a picture that shows `text`.
    pub(crate) fn paints_text(&mut self, text: &str) {
        self.paints(text, |picture| picture.shows(text));
    }
}

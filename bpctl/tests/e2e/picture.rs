//! What a terminal shows when everything that it was told is painted, as a person sees it.

use crate::pty::Terminal;

pub(crate) struct Picture {
    rows: Vec<String>,
}

impl Picture {
    /// The picture behind everything that a terminal of that size was told. Colours and modes change no letter.
    pub(crate) fn of(told: &[u8], columns: u16, rows: u16) -> Self {
        let [columns, rows] = [columns, rows].map(|size| size.try_into().unwrap());
        let mut parser = vt100::Parser::new(rows, columns, 0);
        parser.process(told);
        let rows = parser.screen().rows(0, columns.get());
        Self { rows: rows.map(|row| row.trim_end().to_owned()).collect() }
    }

    /// The first row that holds `text`.
    pub(crate) fn row_of(&self, text: &str) -> Option<usize> {
        self.rows.iter().position(|row| row.contains(text))
    }

    pub(crate) fn shows(&self, text: &str) -> bool {
        self.row_of(text).is_some()
    }

    pub(crate) fn text(&self) -> String {
        self.rows
            .join(
                "
",
            )
            .trim_end()
            .to_owned()
    }
}

impl Terminal {
    /// What a full-screen program has painted so far.
    pub(crate) fn picture(&self) -> Picture {
        let (columns, rows) = self.size();
        Picture::of(self.told(), columns, rows)
    }

    /// What there was to see when the last prompt, or what was waited for, was shown.
    pub(crate) fn picture_so_far(&self) -> Picture {
        let (columns, rows) = self.size();
        Picture::of(self.told_so_far(), columns, rows)
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

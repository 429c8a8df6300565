//! Columns that fit the terminal: as wide as their cells, and the last one takes what is left.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    Left,
    Right,
}

/// Between two columns.
const GAP: usize = 2;
/// Narrower than this the last column is not cut further: the terminal wraps.
const MIN_LAST: usize = 12;

/// What the last column of so wide a table has.
pub fn room_of_last(rows: &[Vec<String>], width: usize) -> usize {
    let columns = rows.first().map_or(1, Vec::len);
    let widest = |column: usize| rows.iter().map(|row| row[column].width()).max().unwrap_or(0) + GAP;
    width.saturating_sub((0..columns - 1).map(widest).sum())
}

/// What a table has that is cut nowhere.
pub fn width_of(rows: &[Vec<String>]) -> usize {
    let columns = rows.first().map_or(0, Vec::len);
    let widest = |column: usize| rows.iter().map(|row| row[column].width()).max().unwrap_or(0);
    let cells: usize = (0..columns).map(widest).sum();
    cells + GAP * columns.saturating_sub(1)
}

/// Takes a column out.
pub fn without(rows: &mut [Vec<String>], align: &mut Vec<Align>, column: usize) {
    for row in rows {
        row.remove(column);
    }
    align.remove(column);
}

/// Lines without trailing blanks. The first row is the heading; the last column is cut in its middle to fit `width`.
pub fn table(rows: &[Vec<String>], align: &[Align], width: usize) -> Vec<String> {
    let columns = align.len();
    let mut widths = vec![0; columns];
    for row in rows {
        for (column, cell) in row.iter().enumerate().take(columns) {
            widths[column] = widths[column].max(cell.width());
        }
    }
    let others: usize = widths[..columns - 1].iter().map(|width| width + GAP).sum();
    widths[columns - 1] = widths[columns - 1].min(width.saturating_sub(others).max(MIN_LAST));
    rows.iter().map(|row| line(row, align, &widths)).collect()
}

fn line(row: &[String], align: &[Align], widths: &[usize]) -> String {
    let mut line = String::new();
    for (column, cell) in row.iter().enumerate().take(align.len()) {
        let cell = middle(cell, widths[column]);
        let blanks = " ".repeat(widths[column].saturating_sub(cell.width()));
        match align[column] {
            Align::Left => line.extend([cell.as_str(), &blanks]),
            Align::Right => line.extend([blanks.as_str(), &cell]),
        }
        line.push_str(&" ".repeat(GAP));
    }
    line.truncate(line.trim_end().len());
    line
}

/// `text` in at most `width` columns: what does not fit is left out in the middle, since both ends of a command say
/// more than its middle.
pub fn middle(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let kept = width.saturating_sub(1);
    let head = take(text.chars(), kept.div_ceil(2));
    let tail: String = take(text.chars().rev(), kept - kept.div_ceil(2)).chars().rev().collect();
    format!("{head}…{tail}")
}

/// `text` in lines of at most `width` columns, broken at blanks; a word that is longer stays whole.
pub fn fold(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.len() - 1;
        let line = &mut lines[last];
        if line.is_empty() {
            line.push_str(word);
        } else if line.width() + 1 + word.width() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

fn take(letters: impl Iterator<Item = char>, width: usize) -> String {
    let mut left = width;
    letters
        .take_while(|letter| {
            let wide = letter.width().unwrap_or(0);
            let fits = wide <= left;
            left = left.saturating_sub(wide);
            fits
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_loses_its_middle() {
        assert_eq!(middle("abcdefgh", 8), "abcdefgh");
        assert_eq!(middle("abcdefgh", 5), "ab…gh");
        assert_eq!(middle("你好世界", 5), "你…界");
        assert_eq!(middle("abc", 1), "…");
    }

    #[test]
    fn a_column_can_be_spared_for_the_last() {
        let mut rows = vec![vec!["ID".to_owned(), "CPU".to_owned(), "COMMAND".to_owned()]];
        let mut align = vec![Align::Right, Align::Right, Align::Left];
        assert_eq!(room_of_last(&rows, 20), 11);
        without(&mut rows, &mut align, 1);
        assert_eq!((room_of_last(&rows, 20), align.len()), (16, 2));
    }

    #[test]
    fn a_sentence_is_folded_between_its_words() {
        assert_eq!(fold("a bb ccc dddd", 6), ["a bb", "ccc", "dddd"]);
        assert_eq!(fold("fırtına dindi", 13), ["fırtına dindi"]);
        assert_eq!(fold("abcdefgh ij", 3), ["abcdefgh", "ij"]);
        assert_eq!(fold("", 3), [""]);
    }

    #[test]
    fn columns_line_up_and_fit() {
        let rows = [["ID", "COMMAND"], ["7", "make -j2 everything"], ["12", "ls"]];
        let rows: Vec<Vec<String>> =
            rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect();
        let lines = table(&rows, &[Align::Right, Align::Left], 18);
        assert_eq!(lines, ["ID  COMMAND", " 7  make -j…ything", "12  ls"]);
        assert!(lines.iter().all(|line| line.width() <= 18));
    }
}

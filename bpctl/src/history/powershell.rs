//! `PSReadLine`'s history: a line each, without dates. A backtick at the end of a line stands before each newline inside an
//! entry. The file has the same form on Linux, macOS and Windows.

use super::lines::MAX_LINE_BYTES;
use super::{Entry, Parser};

#[derive(Debug, Default)]
pub(super) struct Powershell {
    /// The lines of an entry that goes on.
    text: Vec<u8>,
}

impl Parser for Powershell {
    fn line(&mut self, line: &[u8], entries: &mut Vec<Entry>) {
        // What is longer is no entry.
        let goes_on = self.text.len() <= MAX_LINE_BYTES;
        if let Some(line) = line.strip_suffix(b"`").filter(|_| goes_on) {
            self.text.extend_from_slice(line);
            self.text.push(b'\n');
            return;
        }
        self.text.extend_from_slice(line);
        self.end(entries);
    }

    fn end(&mut self, entries: &mut Vec<Entry>) {
        if !self.text.is_empty() {
            entries.push(Entry::plain(&self.text));
            self.text.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Shell, tests::parsed};

    fn check(file: &[u8], expected: &[&str]) {
        let texts: Vec<_> = parsed(Shell::Powershell, file).into_iter().map(|entry| entry.text).collect();
        assert_eq!(texts, expected);
    }

    #[test]
    fn a_backtick_continues_an_entry() {
        check(b"ls\nif ($true) {`\n  'a'`\n}\necho b\n", &["ls", "if ($true) {\n  'a'\n}", "echo b"]);
        check(b"\xef\xbb\xbfls\r\na `\r\nb\r\n", &["ls", "a \nb"]);
        // The second backtick was typed.
        check(b"a ``\nb\n\n", &["a `\nb"]);
        check("güneş 🌞".as_bytes(), &["güneş 🌞"]);
        check(b"", &[]);
    }
}

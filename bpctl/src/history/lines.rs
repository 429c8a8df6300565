//! Lines of a history file as a stream: any length, any bytes, never more than one line in memory.

use std::io::{self, BufRead};

/// What is longer is cut: it is no command that a person typed, and the caller leaves it out.
pub(crate) const MAX_LINE_BYTES: usize = 256 << 10;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads lines without their line end (`\n` or `\r\n`), without NUL bytes (a file that a crash damaged is full of them)
/// and without the byte order mark at the beginning of the file.
#[derive(Debug)]
pub(super) struct Lines<R> {
    input: R,
    line: Vec<u8>,
    is_first: bool,
    /// Bytes read so far, line ends included.
    pub(super) read: u64,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, line: Vec::new(), is_first: true, read: 0 }
    }

    /// The next line; `None` at the end. A line of more than [`MAX_LINE_BYTES`] has one byte more than that.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn next_line(&mut self) -> io::Result<Option<&[u8]>> {
        self.line.clear();
        let mut has_begun = false;
        loop {
            let piece = match self.input.fill_buf() {
                Ok(piece) => piece,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if piece.is_empty() {
                if !has_begun {
                    return Ok(None);
                }
                break;
            }
            has_begun = true;
            let end = piece.iter().position(|byte| *byte == b'\n');
            let part = &piece[..end.unwrap_or(piece.len())];
            // The line end and the byte order mark may still go: keep a few bytes more than the limit.
            let room = (MAX_LINE_BYTES + 8).saturating_sub(self.line.len());
            self.line.extend(part.iter().filter(|byte| **byte != 0).take(room));
            let used = part.len() + usize::from(end.is_some());
            self.input.consume(used);
            self.read += used as u64;
            if end.is_some() {
                break;
            }
        }
        if self.line.ends_with(b"\r") {
            self.line.pop();
        }
        if self.is_first && self.line.starts_with(BYTE_ORDER_MARK) {
            self.line.drain(..BYTE_ORDER_MARK.len());
        }
        self.is_first = false;
        self.line.truncate(MAX_LINE_BYTES + 1);
        Ok(Some(&self.line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(file: &[u8]) -> Vec<Vec<u8>> {
        // A tiny buffer: lines come in pieces.
        let mut lines = Lines::new(io::BufReader::with_capacity(3, file));
        let mut all = Vec::new();
        while let Some(line) = lines.next_line().unwrap() {
            all.push(line.to_vec());
        }
        assert_eq!(lines.read, file.len() as u64);
        all
    }

    #[test]
    fn line_ends_of_windows_byte_order_marks_and_nuls_are_no_part_of_a_line() {
        assert_eq!(
            all(b"\xef\xbb\xbfls\r\nma\0ke\n\n\0\0cut short"),
            [&b"ls"[..], b"make", b"", b"cut short"]
        );
        assert_eq!(all(b"a\rb\n"), [&b"a\rb"[..]]);
        assert!(all(b"").is_empty());
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let long = vec![b'x'; MAX_LINE_BYTES * 2];
        let file = [&long[..], b"\nls\n"].concat();
        let mut lines = Lines::new(io::BufReader::new(&file[..]));
        assert_eq!(lines.next_line().unwrap().map(<[u8]>::len), Some(MAX_LINE_BYTES + 1));
        assert_eq!(lines.next_line().unwrap(), Some(&b"ls"[..]));
    }
}

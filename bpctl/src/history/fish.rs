//! fish: `- cmd: COMMAND`, then `  when: SECONDS`, then paths. Newlines and backslashes are escaped.

use super::{Dates, Entry, Parser};

#[derive(Debug)]
pub(super) struct Fish {
    dates: Dates,
    /// Its lines may not all have come yet.
    open: Option<Entry>,
}

impl Fish {
    pub(super) fn new(dates: Dates) -> Self {
        Self { dates, open: None }
    }
}

impl Parser for Fish {
    fn line(&mut self, line: &[u8], entries: &mut Vec<Entry>) {
        if let Some(text) = line.strip_prefix(b"- cmd: ") {
            entries.extend(self.open.replace(Entry::plain(&unescaped(text))));
        } else if let Some(when) = line.strip_prefix(b"  when: ")
            && let Some(entry) = &mut self.open
        {
            entry.at = entry.at.or_else(|| self.dates.read(when));
        }
    }

    fn end(&mut self, entries: &mut Vec<Entry>) {
        entries.extend(self.open.take());
    }
}

fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        match byte {
            b'\\' => match rest.next() {
                Some(b'n') => plain.push(b'\n'),
                Some(b'\\') | None => plain.push(b'\\'),
                Some(other) => plain.extend_from_slice(&[b'\\', *other]),
            },
            byte => plain.push(*byte),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::super::{Shell, tests::parsed};

    #[test]
    fn commands_have_their_times_and_their_newlines() {
        let file = b"- cmd: echo 'a\\\\b'\n  when: 1700000000\n  paths:\n    - - cmd: x\n- cmd: for i in 1\\nend\n- cmd: ls\n  when: 1700000009\n- cmd: old\n  when: 0\n";
        let found: Vec<_> = parsed(Shell::Fish, file)
            .into_iter()
            .map(|entry| (entry.text, entry.at.map(|at| at.0 / 1000)))
            .collect();
        assert_eq!(
            found,
            [
                ("echo 'a\\b'".to_owned(), Some(1_700_000_000)),
                ("for i in 1\nend".to_owned(), None),
                ("ls".to_owned(), Some(1_700_000_009)),
                ("old".to_owned(), None),
            ]
        );
        assert_eq!(parsed(Shell::Fish, b""), []);
    }
}

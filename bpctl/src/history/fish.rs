//! fish: `- cmd: COMMAND`, then `  when: SECONDS`, then paths. Newlines and backslashes are escaped.

use super::{Entry, seconds};

pub(super) fn entries(file: &[u8]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for line in file.split(|byte| *byte == b'\n') {
        if let Some(text) = line.strip_prefix(b"- cmd: ") {
            entries.push(Entry::plain(&unescaped(text)));
        } else if let Some(when) = line.strip_prefix(b"  when: ")
            && let Some(entry) = entries.last_mut()
        {
            entry.at = entry.at.or_else(|| seconds(when));
        }
    }
    entries
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
    use super::*;

    #[test]
    fn commands_have_their_times_and_their_newlines() {
        let file = b"- cmd: echo 'a\\\\b'\n  when: 1700000000\n  paths:\n    - - cmd: x\n- cmd: for i in 1\\nend\n- cmd: ls\n  when: 1700000009\n";
        let found: Vec<_> =
            entries(file).into_iter().map(|entry| (entry.text, entry.at.map(|at| at.0 / 1000))).collect();
        assert_eq!(
            found,
            [
                ("echo 'a\\b'".to_owned(), Some(1_700_000_000)),
                ("for i in 1\nend".to_owned(), None),
                ("ls".to_owned(), Some(1_700_000_009)),
            ]
        );
        assert_eq!(entries(b""), []);
    }
}

//! Whether a command line of a POSIX-like shell is complete, or goes on in the next line. Just enough grammar for a
//! history whose entries are not marked: quotes, here-documents, continued lines and compound commands.

use std::collections::VecDeque;

#[derive(Clone, Debug, PartialEq, Eq)]
struct HereDocument {
    delimiter: Vec<u8>,
    /// `<<-`: tabs in front of the delimiter do not count.
    strips_tabs: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Parenthesis,
    /// `((`: `<<` is a shift inside.
    Arithmetic,
    /// `if`, `do`, `case`, `{`: closed by a word.
    Until(&'static [u8]),
}

/// What is open at the end of the lines seen so far.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    quote: Option<u8>,
    open: Vec<Open>,
    documents: VecDeque<HereDocument>,
    /// The last line ended in a backslash, `|`, `||` or `&&`.
    goes_on: bool,
}

const OPENERS: [(&[u8], &[u8]); 8] = [
    (b"if", b"fi"),
    (b"for", b"done"),
    (b"while", b"done"),
    (b"until", b"done"),
    (b"select", b"done"),
    (b"case", b"esac"),
    (b"{", b"}"),
    // Reached only without its `for` or `while`.
    (b"[[", b"]]"),
];

/// Words after which a command begins.
const BEFORE_A_COMMAND: [&[u8]; 9] =
    [b"then", b"do", b"else", b"elif", b"!", b"time", b"if", b"while", b"until"];

impl State {
    /// Nothing is open: a command may end here.
    pub(super) fn is_complete(&self) -> bool {
        self.quote.is_none() && self.open.is_empty() && self.documents.is_empty() && !self.goes_on
    }

    pub(super) fn is_in_document(&self) -> bool {
        !self.documents.is_empty()
    }

    /// Takes in one more line, without its line end.
    pub(super) fn feed(&mut self, line: &[u8]) {
        if self.quote.is_none() && !self.documents.is_empty() {
            self.document_line(line);
            return;
        }
        self.goes_on = false;
        let mut new = Vec::new();
        let mut at = 0;
        let mut is_command = true;
        let mut last_operator: Option<u8> = None;
        while at < line.len() {
            let byte = line[at];
            if let Some(quote) = self.quote {
                at = self.quoted(quote, byte, at);
                continue;
            }
            match byte {
                b' ' | b'\t' => at += 1,
                b'#' => break,
                b'\\' if at + 1 == line.len() => {
                    self.goes_on = true;
                    at += 1;
                }
                b'(' => {
                    let is_double = line.get(at + 1) == Some(&b'(');
                    self.open.push(if is_double { Open::Arithmetic } else { Open::Parenthesis });
                    at += if is_double { 2 } else { 1 };
                    (is_command, last_operator) = (true, None);
                }
                b')' => {
                    at += match self.open.last() {
                        Some(Open::Arithmetic) if line.get(at + 1) == Some(&b')') => 2,
                        _ => 1,
                    };
                    // Of a pattern of `case` there is no opening parenthesis.
                    if matches!(self.open.last(), Some(Open::Parenthesis | Open::Arithmetic)) {
                        self.open.pop();
                    }
                    (is_command, last_operator) = (true, None);
                }
                b';' | b'&' | b'|' => {
                    let is_double = line.get(at + 1) == Some(&byte);
                    at += if is_double { 2 } else { 1 };
                    let joins = byte == b'|' || byte == b'&' && is_double;
                    (is_command, last_operator) = (true, joins.then_some(byte));
                }
                b'<' if line[at..].starts_with(b"<<<") => at += 3,
                b'<' if line[at..].starts_with(b"<<") && !self.open.contains(&Open::Arithmetic) => {
                    let (document, end) = here_document(line, at + 2);
                    new.extend(document);
                    at = end;
                    last_operator = None;
                }
                b'<' | b'>' => at += if line.get(at + 1) == Some(&b'&') { 2 } else { 1 },
                _ => {
                    let end = self.word(line, at);
                    let word = &line[at..end];
                    is_command = is_command && self.keyword(word);
                    last_operator = None;
                    at = end;
                }
            }
        }
        self.goes_on |= last_operator.is_some();
        self.documents.extend(new);
    }

    fn document_line(&mut self, line: &[u8]) {
        let Some(document) = self.documents.front() else { return };
        let is_tab = |byte: &&u8| document.strips_tabs && **byte == b'\t';
        let tabs = line.iter().take_while(is_tab).count();
        if line[tabs..] == document.delimiter[..] {
            self.documents.pop_front();
        }
    }

    /// Passes over one byte inside quotes. `$'` is written as the quote `e`.
    fn quoted(&mut self, quote: u8, byte: u8, at: usize) -> usize {
        let is_end = byte == quote || (quote == b'e' && byte == b'\'');
        if is_end {
            self.quote = None;
        }
        at + if byte == b'\\' && quote != b'\'' { 2 } else { 1 }
    }

    /// The end of the word that begins at `from`; an open quote stays open.
    fn word(&mut self, line: &[u8], from: usize) -> usize {
        let mut at = from;
        let mut substitutions = 0;
        let mut braces = 0;
        while at < line.len() {
            let byte = line[at];
            if let Some(quote) = self.quote {
                at = self.quoted(quote, byte, at);
                continue;
            }
            match byte {
                b'\\' if at + 1 == line.len() => return at,
                b'\\' => at += 2,
                b'\'' if at > from && line[at - 1] == b'$' => {
                    self.quote = Some(b'e');
                    at += 1;
                }
                b'\'' | b'"' | b'`' => {
                    self.quote = Some(byte);
                    at += 1;
                }
                b'{' if at > from && line[at - 1] == b'$' => {
                    braces += 1;
                    at += 1;
                }
                b'}' if braces > 0 => {
                    braces -= 1;
                    at += 1;
                }
                _ if braces > 0 => at += 1,
                // `$(`, and what is in it up to its end in this line.
                b'(' if at > from && line[at - 1] == b'$' || substitutions > 0 => {
                    substitutions += 1;
                    at += 1;
                }
                b')' if substitutions > 0 => {
                    substitutions -= 1;
                    at += 1;
                }
                b' ' | b'\t' | b';' | b'&' | b'|' | b'<' | b'>' if substitutions > 0 => at += 1,
                b' ' | b'\t' | b';' | b'&' | b'|' | b'<' | b'>' | b'(' | b')' => break,
                _ => at += 1,
            }
        }
        for _ in 0..substitutions {
            self.open.push(Open::Parenthesis);
        }
        at.min(line.len())
    }

    /// A word where a command begins: opens or closes a compound command. → whether a command begins behind it.
    fn keyword(&mut self, word: &[u8]) -> bool {
        if let Some((_, close)) = OPENERS.iter().find(|(open, _)| *open == word) {
            self.open.push(Open::Until(close));
        } else if self.open.last() == Some(&Open::Until(word_of(word))) {
            self.open.pop();
        }
        word == b"{" || BEFORE_A_COMMAND.contains(&word) || is_assignment(word)
    }
}

/// The closing word that `word` is; empty for any other.
fn word_of(word: &[u8]) -> &'static [u8] {
    OPENERS.iter().map(|(_, close)| *close).find(|close| *close == word).unwrap_or(b"")
}

fn is_assignment(word: &[u8]) -> bool {
    let name = word.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    name > 0 && word.get(name) == Some(&b'=')
}

/// The document that `<<` announces, and where its word ends. Without a word there is none.
fn here_document(line: &[u8], from: usize) -> (Option<HereDocument>, usize) {
    let strips_tabs = line.get(from) == Some(&b'-');
    let mut at = from + usize::from(strips_tabs);
    while matches!(line.get(at), Some(b' ' | b'\t')) {
        at += 1;
    }
    let mut delimiter = Vec::new();
    let mut quote = None;
    while let Some(&byte) = line.get(at) {
        match (byte, quote) {
            (byte, Some(open)) if byte == open => quote = None,
            (b'\'' | b'"', None) => quote = Some(byte),
            (b'\\', None) => {}
            (b' ' | b'\t' | b';' | b'&' | b'|' | b'<' | b'>' | b'(' | b')', None) => break,
            (byte, _) => delimiter.push(byte),
        }
        at += 1;
    }
    let document = (!delimiter.is_empty()).then_some(HereDocument { delimiter, strips_tabs });
    (document, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(text: &str) -> State {
        let mut state = State::default();
        text.lines().for_each(|line| state.feed(line.as_bytes()));
        state
    }

    #[test]
    fn complete_commands_are_complete() {
        for text in [
            "ls",
            "echo 'a b' \"c 'd\" $'it\\'s' \\'",
            "cat <<X\nit's (open\nX",
            "cat <<-'END' | wc\n\tx\n\tEND",
            "cat <<A <<B\na\nA\nb\nB",
            "cat <<<word",
            "echo $((1<<2)); echo $(ls | wc -l) ${x#(}",
            "for i in 1 2\ndo echo $i\ndone",
            "for ((i = 0; i < 3; i++)); do echo $i; done",
            "if a; then b; else c; fi",
            "case $x in a) b;; (c) d;; esac",
            "f() { echo; }",
            "echo if for do done { } case",
            "x=1 make && ls # it's a remark",
            "make \\\n  all",
            "a |\nb &&\nc",
            "while read x; do echo \"$x\"; done < file",
            "git commit -m \"a\n\nb\"",
            "sleep 5 &",
            "echo a#b 'c'",
            "ls 2>&1 >/dev/null",
        ] {
            let state = state(text);
            assert!(state.is_complete(), "{text}: {state:?}");
        }
    }

    #[test]
    fn what_is_open_goes_on() {
        for text in [
            "echo 'a",
            "echo \"a",
            "cat <<X",
            "cat <<X\n X",
            "make \\",
            "a |",
            "a &&",
            "a || # remark",
            "for i in 1 2",
            "for i in 1 2\ndo echo $i",
            "if true; then",
            "f() {",
            "(cd x",
            "echo $(ls",
            "case $x in",
        ] {
            assert!(!state(text).is_complete(), "{text}");
        }
    }

    #[test]
    fn any_bytes_are_taken() {
        // Every pair and triple of the bytes that mean something.
        let bytes = b"'\"`$(){}<>\\|&;# \t-afi";
        for a in bytes {
            for b in bytes {
                for c in bytes {
                    let mut state = State::default();
                    state.feed(&[*a, *b, *c]);
                    state.feed(&[*c, *a]);
                }
            }
        }
    }
}

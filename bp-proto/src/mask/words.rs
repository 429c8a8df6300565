//! A command line's words, as a shell would cut it: good enough to know what stands where, never executed.

use std::ops::Range;

/// One word: its place in the line, quotes included.
pub(super) type Word = Range<usize>;

/// The words between two operators; redirections are left out with their targets, but for here-strings.
pub(super) type Command = Vec<Word>;

/// A value without its quotes.
pub(super) struct Value {
    pub(super) at: Range<usize>,
    /// In single quotes: a `$` in it is a dollar.
    pub(super) literal: bool,
}

/// The pipelines of `line[part]`: commands joined by `|`.
pub(super) fn pipelines(line: &str, part: Range<usize>) -> Vec<Vec<Command>> {
    let bytes = line.as_bytes();
    let (mut pipelines, mut pipeline, mut command) = (Vec::new(), Vec::new(), Vec::new());
    let mut skip_target = false;
    let mut at = part.start;
    while at < part.end {
        match bytes[at] {
            b' ' | b'\t' | b'\r' => at += 1,
            b'|' if bytes.get(at + 1) != Some(&b'|') => {
                // `|&` is a pipe as well.
                at += 1 + usize::from(bytes.get(at + 1) == Some(&b'&'));
                pipeline.push(std::mem::take(&mut command));
            }
            b';' | b'\n' | b'&' | b'|' | b'(' | b')' => {
                at += 1;
                // What a redirection reads from is a command: `<(…)`.
                skip_target = false;
                if !command.is_empty() {
                    pipeline.push(std::mem::take(&mut command));
                }
                if !pipeline.is_empty() {
                    pipelines.push(std::mem::take(&mut pipeline));
                }
            }
            b'<' | b'>' => {
                let start = at;
                while at < part.end && matches!(bytes[at], b'<' | b'>' | b'&') {
                    at += 1;
                }
                skip_target = &line[start..at] != "<<<";
            }
            _ => {
                let word = at..end_of_word(bytes, at, part.end);
                at = word.end;
                // `2>`: the number is the redirection's.
                let is_descriptor = matches!(bytes.get(at), Some(b'<' | b'>'))
                    && bytes[word.clone()].iter().all(u8::is_ascii_digit);
                if !std::mem::take(&mut skip_target) && !is_descriptor {
                    command.push(word);
                }
            }
        }
    }
    if !command.is_empty() {
        pipeline.push(command);
    }
    if !pipeline.is_empty() {
        pipelines.push(pipeline);
    }
    pipelines
}

fn end_of_word(bytes: &[u8], start: usize, end: usize) -> usize {
    let mut at = start;
    while at < end {
        match bytes[at] {
            b'(' if at > start && bytes[at - 1] == b'$' => at = end_of_parens(bytes, at, end),
            b' ' | b'\t' | b'\r' | b'\n' | b';' | b'|' | b'&' | b'<' | b'>' | b')' | b'(' => break,
            b'\\' => at = (at + 2).min(end),
            b'\'' | b'"' | b'`' => at = end_of_quote(bytes, at, end),
            _ => at += 1,
        }
    }
    // A multi-byte character behind a backslash must not be cut.
    while at < end && bytes[at] & 0xc0 == 0x80 {
        at += 1;
    }
    at.max(start + 1)
}

/// Behind the closing quote, or the end when there is none.
fn end_of_quote(bytes: &[u8], start: usize, end: usize) -> usize {
    let quote = bytes[start];
    let mut at = start + 1;
    while at < end {
        match bytes[at] {
            b'\\' if quote != b'\'' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    end
}

fn end_of_parens(bytes: &[u8], start: usize, end: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = start;
    while at < end {
        match bytes[at] {
            b'(' => depth += 1,
            b')' if depth == 1 => return at + 1,
            b')' => depth -= 1,
            b'\'' | b'"' | b'`' => {
                at = end_of_quote(bytes, at, end);
                continue;
            }
            b'\\' => at += 1,
            _ => {}
        }
        at += 1;
    }
    end
}

/// Takes one pair of quotes off that go around the whole of `line[at]`.
pub(super) fn unquoted(line: &str, at: Range<usize>) -> Value {
    let bytes = &line.as_bytes()[at.clone()];
    if let Some(value) = here_string(bytes) {
        return Value { at: at.start + value.start..at.start + value.end, literal: bytes[1] == b'\'' };
    }
    let prefix = usize::from(bytes.len() > 2 && bytes[0] == b'$' && matches!(bytes[1], b'\'' | b'"'));
    if let (Some(quote @ (b'\'' | b'"')), Some(last)) = (bytes.get(prefix), bytes.last()) {
        let opened = at.start + prefix;
        let closes = bytes.len() >= prefix + 2
            && quote == last
            && end_of_quote(line.as_bytes(), opened, at.end) == at.end;
        if closes {
            return Value { at: opened + 1..at.end - 1, literal: *quote == b'\'' };
        }
        // Quoted in pieces, `'ab'"cd"`: literal if no piece could expand.
        return Value { literal: !bytes.contains(&b'"') && *quote == b'\'', at };
    }
    Value { at, literal: false }
}

/// PowerShell's `@'…'@`.
fn here_string(bytes: &[u8]) -> Option<Range<usize>> {
    let quote = *bytes.get(1).filter(|quote| matches!(quote, b'\'' | b'"'))?;
    let closes = bytes.len() >= 4 && bytes[0] == b'@' && bytes.ends_with(&[quote, b'@']);
    closes.then(|| 2..bytes.len() - 2)
}

/// The text of a word without quotes around it.
pub(super) fn text<'a>(line: &'a str, word: &Word) -> &'a str {
    &line[unquoted(line, word.clone()).at]
}

/// The last part of a path, without Windows' suffixes: what a program is called.
pub(super) fn base<'a>(line: &'a str, word: &Word) -> &'a str {
    let text = text(line, word);
    let name = text.rsplit(['/', '\\']).next().unwrap_or(text);
    match name.rsplit_once('.') {
        Some((stem, "exe" | "EXE" | "cmd" | "bat" | "com")) => stem,
        _ => name,
    }
}

/// Programs that run a quoted line. Elsewhere a quoted text is a text (`git commit -m "…"`).
const CARRIERS: [&str; 32] = [
    "bash",
    "sh",
    "zsh",
    "dash",
    "ksh",
    "fish",
    "ssh",
    "su",
    "eval",
    "watch",
    "xargs",
    "tmux",
    "screen",
    "parallel",
    "ansible",
    "script",
    "runuser",
    "nix-shell",
    "docker",
    "podman",
    "kubectl",
    "vagrant",
    "pwsh",
    "crontab",
    "at",
    "entr",
    "kadmin",
    "lftp",
    "alias",
    "abbr",
    "kadmin.local",
    "powershell",
];

/// Where in a command stands the word behind which quoted texts are lines.
pub(super) fn carrier(line: &str, command: &Command) -> Option<usize> {
    command.iter().position(|word| {
        let name = base(line, word);
        CARRIERS.contains(&name) || matches!(name, "-c" | "--command" | "--run" | "-lc" | "-ic" | "-Command")
    })
}

/// Lines that are quoted in `word`: command substitutions, and the whole of it where the program runs such a line
/// (`carried`).
pub(super) fn lines_in(line: &str, word: &Word, carried: bool) -> Vec<Range<usize>> {
    let bytes = line.as_bytes();
    let mut lines = Vec::new();
    let value = unquoted(line, word.clone());
    let inside = &line[value.at.clone()];
    if carried && inside.contains([' ', '\n', ';']) && value.at != *word {
        return vec![value.at];
    }
    // `alias name='…'`.
    if carried
        && let Some((_, line_at)) = line[word.clone()].split_once('=').filter(|(name, _)| is_plain_name(name))
    {
        let quoted = unquoted(line, word.end - line_at.len()..word.end).at;
        if quoted.end < word.end {
            return vec![quoted];
        }
    }
    // `--command="…"`, of programs that run it elsewhere.
    if let Some(quoted) = line[word.clone()].strip_prefix("--command=") {
        return vec![unquoted(line, word.end - quoted.len()..word.end).at];
    }
    let mut at = word.start;
    while at < word.end && !value.literal {
        match bytes[at] {
            b'\\' => at += 2,
            b'$' if bytes.get(at + 1) == Some(&b'(') => {
                let close = end_of_parens(bytes, at + 1, word.end);
                lines.push(at + 2..inner_end(bytes, at + 2, close, b')'));
                at = close;
            }
            b'`' => {
                let close = end_of_quote(bytes, at, word.end);
                lines.push(at + 1..inner_end(bytes, at + 1, close, b'`'));
                at = close;
            }
            _ => at += 1,
        }
    }
    lines
}

fn is_plain_name(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

/// Before the closing bracket; at the end when the line is cut before it.
fn inner_end(bytes: &[u8], start: usize, close: usize, bracket: u8) -> usize {
    if close > start && bytes[close - 1] == bracket { close - 1 } else { close }
}

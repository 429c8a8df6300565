//! Values that are printed into a program which encodes, decodes, encrypts or hashes them.

use std::ops::Range;

use super::words::{self, Command, Word};
use super::{Found, values};

/// What a program makes of the text that it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coder {
    /// The text can be got back: `base64`, `xxd`, `gpg -c`.
    Encoder,
    /// The text is in code already: `base64 -d`.
    Decoder,
    /// The text is hashed, or read as one string: `sha256sum`, `jq -R`.
    Digest,
}

const ENCODERS: [&str; 17] = [
    "base64",
    "base32",
    "basenc",
    "base58",
    "xxd",
    "hexdump",
    "od",
    "uuencode",
    "openssl",
    "gpg",
    "gpg2",
    "age",
    "kubeseal",
    "qrencode",
    "ansible-vault",
    "mkpasswd",
    "wg",
];
const DIGESTS: [&str; 11] = [
    "md5sum",
    "sha1sum",
    "sha224sum",
    "sha256sum",
    "sha384sum",
    "sha512sum",
    "b2sum",
    "md5",
    "shasum",
    "argon2",
    "cksum",
];

pub(super) fn coder(line: &str, command: &Command) -> Option<Coder> {
    let program = command.first().map(|word| words::base(line, word))?;
    let has = |flags: &[&str]| command.iter().any(|word| flags.contains(&words::text(line, word)));
    if DIGESTS.contains(&program) {
        // A list of sums is checked.
        return (!has(&["-c", "--check"])).then_some(Coder::Digest);
    }
    if program == "jq" {
        let reads_text = |word: &Word| {
            let text = words::text(line, word);
            text == "--raw-input" || text.starts_with('-') && !text.starts_with("--") && text.contains('R')
        };
        return command.iter().any(reads_text).then_some(Coder::Digest);
    }
    if !ENCODERS.contains(&program) {
        return None;
    }
    let is_back = has(&["-d", "-D", "--decode", "--decrypt", "-r", "--import"]);
    let is_digest = program == "openssl" && has(&["dgst", "sha256", "sha1", "md5", "sha512"]);
    Some(match (is_back, is_digest) {
        (true, _) => Coder::Decoder,
        (false, true) => Coder::Digest,
        (false, false) => Coder::Encoder,
    })
}

/// Masks `word`, which `coder` reads. `is_exact` = it is printed without a line end, as a value is and a text is not.
pub(super) fn value(line: &str, word: Word, coder: Coder, is_exact: bool, found: &mut Found) {
    let inside = words::unquoted(line, word.clone());
    let text = &line[inside.at.clone()];
    let is_code = text.contains(['{', '<', '/']) && !values::looks_chosen(text);
    let is_escaped = text.starts_with('\\') || text.contains("\\x");
    let is_phrase = text.chars().any(char::is_whitespace);
    if is_code || is_escaped || is_phrase && (coder != Coder::Encoder || text.contains('\n')) {
        return;
    }
    // What is encoded can be got back, and hardly anybody encodes what is in the clear beside it.
    let is_value = match coder {
        Coder::Encoder => is_word(text),
        Coder::Digest => is_exact && is_word(text) || values::looks_chosen(text),
        Coder::Decoder => decoded(text).is_some_and(|text| values::looks_chosen(text.trim())),
    };
    // `user:SECRET` loses its secret alone: see `credentials`.
    if is_value && !is_login(text) {
        found.add_value(line, word, "piped");
    }
}

fn is_login(text: &str) -> bool {
    text.matches(':').count() == 1 && !text.contains('/')
}

/// Four letters or more without an expansion.
fn is_word(text: &str) -> bool {
    text.chars().count() >= 4 && !text.contains('$') && text.chars().any(char::is_alphanumeric)
}

/// The text that is in base64 there; `None` for what is none.
fn decoded(text: &str) -> Option<String> {
    const LONGEST: usize = 1024;
    let code: &str = text.trim_end_matches('=');
    if !(8..=LONGEST).contains(&code.len()) {
        return None;
    }
    let mut bytes = Vec::with_capacity(code.len() * 3 / 4);
    let (mut bits, mut held) = (0u32, 0u32);
    for letter in code.bytes() {
        let six = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(six);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    String::from_utf8(bytes).ok()
}

/// Whether the words are printed without a line end: `echo -n`, `printf`.
pub(super) fn is_exact(line: &str, command: &Command) -> bool {
    command.iter().take(4).any(|word| {
        let text = words::text(line, word);
        text == "printf" || matches!(text, "-n" | "-ne" | "-en" | "-rn" | "-nr" | "-nE")
    })
}

/// `read -s x <<< SECRET`: what is not to be seen when it is typed.
pub(super) fn reads_unseen(line: &str, command: &Command) -> bool {
    command.first().is_some_and(|word| words::base(line, word) == "read")
        && command.iter().any(|word| {
            let text = words::text(line, word);
            text.starts_with('-') && !text.starts_with("--") && text.contains('s')
        })
}

/// A string that is handed over in place of an input: a range of the line.
pub(super) fn here_string(line: &str, word: Range<usize>, coder: Coder, found: &mut Found) {
    value(line, word, coder, true, found);
}

//! Tokens that differ from run to run without meaning anything: random temporary names, hashes, UUIDs, ports of
//! local servers, process ids. Each becomes a placeholder.

/// The first port that systems hand out by themselves (IANA; Linux begins at 32768).
const FIRST_EPHEMERAL_PORT: u32 = 32_768;

/// Below this a hexadecimal word may be an English one, or a number: 7 is the length of git's short hashes.
const MIN_HASH_CHARS: usize = 7;

/// A part of a longer name (`foo-3f2a…`) must be longer to count as a hash.
const MIN_HASH_PART_CHARS: usize = 12;

const TEMPORARY: [&str; 3] = ["/tmp/", "/var/tmp/", "/dev/shm/"];

/// Replaces what is volatile in `words`.
pub(super) fn replace(words: &mut [String]) {
    let mut command = String::new();
    let mut at_start = true;
    for at in 0..words.len() {
        let is_number = !words[at].is_empty() && words[at].bytes().all(|byte| byte.is_ascii_digit());
        if at_start {
            command.clone_from(&words[at]);
        } else if is_number && (command == "kill" || at > 0 && words[at - 1] == "--pid") {
            "<pid>".clone_into(&mut words[at]);
        } else if is_number && at > 0 && words[at - 1] == "--port" {
            "<port>".clone_into(&mut words[at]);
        } else if let Some(number) = words[at].strip_prefix("--port=")
            && number.parse::<u16>().is_ok()
        {
            "--port=<port>".clone_into(&mut words[at]);
        } else {
            words[at] = word(&words[at]);
        }
        at_start = matches!(words[at].as_str(), "|" | "||" | "&&" | "&" | ";" | ";;" | "(");
    }
}

/// One word, piece by piece. Quoted text is exact: it may be a script.
fn word(text: &str) -> String {
    if text.contains(['\'', '"', '`', '\\', '$']) {
        return text.to_owned();
    }
    let temporary = TEMPORARY.iter().any(|root| {
        text.find(root)
            .is_some_and(|at| at == 0 || matches!(text.as_bytes()[at - 1], b'=' | b':' | b',' | b'@'))
    });
    let mut out = String::with_capacity(text.len());
    for piece in text.split_inclusive(['/', '=', ':', ',', '@', '#']) {
        let (body, delimiter) = match piece.char_indices().next_back() {
            Some((at, c)) if "/=:,@#".contains(c) => (&piece[..at], &piece[at..]),
            _ => (piece, ""),
        };
        let after_host = out.ends_with(':') && !out.ends_with("::");
        match placeholder(body, temporary, after_host) {
            Some(placeholder) => out.push_str(placeholder),
            None => out.push_str(&parts(body)),
        }
        out.push_str(delimiter);
    }
    out
}

fn placeholder(piece: &str, temporary: bool, after_host: bool) -> Option<&'static str> {
    if is_uuid(piece) {
        Some("<uuid>")
    } else if is_hash(piece, MIN_HASH_CHARS) {
        Some("<hash>")
    } else if temporary && is_random_name(piece) {
        Some("<tmp>")
    } else if after_host
        && piece.parse().is_ok_and(|port: u32| (FIRST_EPHEMERAL_PORT..65_536).contains(&port))
    {
        Some("<port>")
    } else {
        None
    }
}

/// A name with its hashes replaced: `foo-3f2a91c4d5e6.o` → `foo-<hash>.o`.
fn parts(name: &str) -> String {
    name.split_inclusive(['-', '.', '_'])
        .map(|part| {
            let body = part.trim_end_matches(['-', '.', '_']);
            if is_hash(body, MIN_HASH_PART_CHARS) {
                part.replacen(body, "<hash>", 1)
            } else {
                part.to_owned()
            }
        })
        .collect()
}

/// Hexadecimal with both letters and digits: `decade` is a word and `1234567` a number.
fn is_hash(text: &str, min_chars: usize) -> bool {
    (min_chars..=128).contains(&text.len())
        && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        && text.bytes().any(|byte| byte.is_ascii_digit())
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// What mktemp(1) and tempfile modules make: `tmp.` and at least six characters, or `tmp` and eight with a digit or
/// an underscore among them. `bench.py` in /tmp is somebody's script.
fn is_random_name(name: &str) -> bool {
    let word = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if let Some(random) = name.strip_prefix("tmp.").or_else(|| name.strip_prefix(".tmp")) {
        return random.len() >= 6 && word(random);
    }
    name.strip_prefix("tmp").is_some_and(|random| {
        random.len() == 8 && word(random) && random.bytes().any(|byte| byte.is_ascii_digit() || byte == b'_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces() {
        for (text, wanted) in [
            ("/tmp/tmp.Ab12Cd34Ef", "/tmp/<tmp>"),
            ("--out=/tmp/.tmpA1b2C3/x", "--out=/tmp/<tmp>/x"),
            ("/home/tmp.Ab12Cd34Ef", "/home/tmp.Ab12Cd34Ef"),
            ("/tmp/template", "/tmp/template"),
            ("target/deps/foo-3f2a91c4d5e6f789.o", "target/deps/foo-<hash>.o"),
            ("repo@3f2a91c", "repo@<hash>"),
            ("http://127.0.0.1:45123/x", "http://127.0.0.1:<port>/x"),
            ("host:22", "host:22"),
            ("mod::45123", "mod::45123"),
            ("'3f2a91c'", "'3f2a91c'"),
            ("feed1234.txt", "feed1234.txt"),
            ("İstanbul/ğ=ç", "İstanbul/ğ=ç"),
        ] {
            assert_eq!(word(text), wanted, "{text}");
        }
    }
}

//! Which values are secrets by their look, and which are none whatever stands before them.

/// No key is longer, and what is longer is not looked at again for each of its parts.
const MOST_RANDOM: usize = 1024;

/// Too long and too mixed to be a word, and neither a path nor a name of several words.
pub(super) fn looks_random(value: &str) -> bool {
    let runs = value.split(['-', '_', '.', '+', '/', '=', '~']);
    let mixed = |run: &str| {
        run.bytes().any(|byte| byte.is_ascii_digit()) && run.bytes().any(|byte| byte.is_ascii_alphabetic())
    };
    (16..=MOST_RANDOM).contains(&value.len())
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.+/=~".contains(&byte))
        && !is_path(value)
        && runs.clone().any(|run| run.len() >= 10 && mixed(run))
        && runs.map(str::len).max().unwrap_or(0) * 2 >= value.len()
}

/// Of a kind that a person chooses: six letters or more, not of one kind alone. Not of a sentence's words.
pub(super) fn looks_chosen(value: &str) -> bool {
    let has = |of: fn(&char) -> bool| value.chars().any(|letter| of(&letter));
    value.chars().count() >= 6
        && has(|letter| letter.is_alphabetic())
        && has(|letter| letter.is_ascii_digit() || "!@#$%^&*+=~?".contains(*letter))
        && !has(|letter| letter.is_whitespace() || "()[]{}<>|;".contains(*letter))
}

/// As a generator makes it: letters of both cases or signs, and digits, changing from one to the other all the time. Names
/// of several words do so where a word begins, and seldom else.
pub(super) fn looks_generated(value: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\"'`()[]{}<>|\\;,".contains(&byte);
    (8..=64).contains(&value.len())
        && value.bytes().all(is_plain)
        && !is_path(value)
        && value
            .split(['-', '_', '.', '/', ':', '='])
            .any(|run| run.len() >= 8 && is_shuffled(run.as_bytes()))
}

fn is_shuffled(run: &[u8]) -> bool {
    let kind = |byte: u8| match byte {
        b'0'..=b'9' => 0,
        b'a'..=b'z' => 1,
        b'A'..=b'Z' => 2,
        _ => 3,
    };
    let has = |wanted: u8| run.iter().any(|byte| kind(*byte) == wanted);
    // A capital before small letters begins a word.
    let changes = run.windows(2).filter(|pair| {
        let (before, behind) = (kind(pair[0]), kind(pair[1]));
        before != behind && (before, behind) != (2, 1)
    });
    let changes = changes.count();
    let is_hex = run.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    has(0) && (has(1) || has(2)) && !is_hex && changes >= 3 && changes * 4 >= run.len()
}

/// Generated, or of letters, digits and signs as a person makes it up when asked for one (`Ankara2024!`, `kahve1987`).
/// Neither the name of an algorithm nor a number with its unit.
pub(super) fn looks_told(value: &str) -> bool {
    const ALGORITHMS: [&str; 14] = [
        "sha", "md5", "aes", "rsa", "base", "utf", "oauth", "argon", "pbkdf", "hs2", "rs2", "es2", "ed2",
        "x509",
    ];
    if looks_generated(value) {
        return true;
    }
    let lower = value.to_lowercase();
    let letters = value.chars().filter(|letter| letter.is_alphabetic()).count();
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let signs = value.bytes().filter(|byte| b"!@#$%^&*?+".contains(byte)).count();
    let is_humped =
        value.as_bytes().windows(2).any(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase());
    // Marks between the parts are what a person takes for signs, with capitals beside: `Lodos.1975`.
    let has_both = value.bytes().any(|byte| byte.is_ascii_lowercase())
        && value.bytes().any(|byte| byte.is_ascii_uppercase());
    let marks = if has_both { value.bytes().filter(|byte| b"._-".contains(byte)).count() } else { 0 };
    let is_one_word = letters + digits + signs + marks == value.chars().count();
    let is_hex = signs == 0 && value.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_one_word
        && !is_hex
        && value.len() >= 6
        && letters >= 2
        && (digits >= 1 && (signs >= 1 || is_humped && letters >= 7) || digits >= 2 && letters + digits >= 8)
        && !ALGORITHMS.iter().any(|algorithm| lower.starts_with(algorithm))
}

/// As the rules for passwords want it, and as nothing else is written: both cases, digits and a sign, all of it in one
/// word that is neither a pattern, an address nor a name with its version.
pub(super) fn looks_like_a_password(value: &str) -> bool {
    let has = |of: fn(u8) -> bool| value.bytes().any(of);
    let signs = |byte: u8| b"!@#$%^&*?+~".contains(&byte);
    let ends = value.as_bytes().first().zip(value.as_bytes().last());
    (8..=40).contains(&value.len())
        && has(|byte| byte.is_ascii_lowercase())
        && has(|byte| byte.is_ascii_uppercase())
        && has(|byte| byte.is_ascii_digit())
        && value.bytes().any(signs)
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || signs(byte) || b"-_.=".contains(&byte))
        && ends.is_some_and(|(first, last)| !b"^%-+.=".contains(first) && !b"$*+".contains(last))
        && value.matches(['*', '?']).count() <= 1
        && !value.contains(".*")
        && !value.trim_end_matches('=').contains('=')
        && !is_address(value)
        && !is_file(value)
        && looks_generated(value)
}

/// The words that a wallet is restored from: twelve and more, of small letters alone, none of them short.
pub(super) fn looks_like_a_wallet(value: &str) -> bool {
    const MOST: usize = 24 * 9;
    value.len() <= MOST
        && matches!(value.split(' ').count(), 12 | 15 | 18 | 21 | 24)
        && value
            .split(' ')
            .all(|word| (3..=8).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_lowercase()))
}

/// `Name.ext`.
fn is_file(value: &str) -> bool {
    value.rsplit_once('.').is_some_and(|(_, end)| {
        (2..=4).contains(&end.len())
            && end.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    })
}

/// `name@host`, `package@1.2`.
fn is_address(value: &str) -> bool {
    value.split_once('@').is_some_and(|(name, host)| {
        let plain =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte));
        plain(name) && plain(host) && (host.contains('.') || name.is_empty())
    })
}

/// A variable, a placeholder, a path, a switch's value, a mask: nothing that must go. `literal` = in single quotes.
pub(super) fn is_no_secret(value: &str, literal: bool) -> bool {
    let value = value.trim();
    is_word_of_none(value)
        || is_template(value)
        || (!literal && is_expansion(value))
        || is_placeholder(value)
        || is_path(value)
        || is_looked_up(value)
}

/// `${NPM_TOKEN}`, which in single quotes is for the program to fill in.
fn is_template(value: &str) -> bool {
    let name = value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    name.is_some_and(|name| {
        name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    })
}

fn is_word_of_none(value: &str) -> bool {
    const NONE: [&str; 24] = [
        "true",
        "false",
        "yes",
        "no",
        "on",
        "off",
        "null",
        "none",
        "nil",
        "-",
        "0",
        "1",
        "undefined",
        "prompt",
        "ask",
        "stdin",
        "public",
        // Types of a declaration.
        "string",
        "str",
        "bool",
        "boolean",
        "number",
        "bytes",
        "text",
    ];
    value.is_empty() || NONE.iter().any(|none| value.eq_ignore_ascii_case(none))
}

/// Made of `$VAR`, `${VAR}`, `$(command)`, backticks, `%VAR%` and punctuation alone.
fn is_expansion(value: &str) -> bool {
    let bytes = value.as_bytes();
    let (mut at, mut seen) = (0, false);
    while at < bytes.len() {
        let rest = &value[at..];
        let length = match bytes[at] {
            b'$' => match bytes.get(at + 1) {
                Some(b'{') => closing(rest, 1, b'{', b'}'),
                Some(b'(') => closing(rest, 1, b'(', b')'),
                Some(byte) if byte.is_ascii_alphanumeric() || *byte == b'_' => 1 + name_length(&rest[1..]),
                Some(b'*' | b'@' | b'?') => 2,
                _ => return false,
            },
            b'`' => rest[1..].find('`').map_or(rest.len(), |close| close + 2),
            b'%' => match rest[1..].find('%') {
                Some(close) if close > 0 => close + 2,
                _ => return false,
            },
            b'"' | b'/' | b':' | b'-' | b'_' | b'.' | b'@' | b',' | b';' | b'\\' | b'*' => {
                at += 1;
                continue;
            }
            _ => return false,
        };
        seen = true;
        at += length;
        if !value.is_char_boundary(at.min(value.len())) {
            return false;
        }
    }
    seen
}

/// `process.env.TOKEN`, `os.environ["TOKEN"]`, `var.token`: code or a template that takes it from elsewhere.
fn is_looked_up(value: &str) -> bool {
    const SOURCES: [&str; 16] = [
        "process.env",
        "os.environ",
        "os.getenv",
        "getenv(",
        "env.",
        "ENV[",
        "ENV.",
        "$ENV{",
        "System.getenv",
        "var.",
        "local.",
        "data.",
        "module.",
        "secrets.",
        "getpass",
        "input(",
    ];
    SOURCES.iter().any(|source| value.starts_with(source))
}

/// `NAME`, and in PowerShell `env:NAME`, `script:name`; in bytes.
fn name_length(text: &str) -> usize {
    const SCOPES: [&str; 7] = ["env", "script", "global", "local", "private", "using", "variable"];
    let length =
        |text: &str| text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
    let first = length(text);
    match text[first..].strip_prefix(':') {
        Some(behind) if SCOPES.iter().any(|scope| text[..first].eq_ignore_ascii_case(scope)) => {
            first + 1 + length(behind)
        }
        _ => first,
    }
}

/// Length to behind the bracket that closes the one at `open`; all of it if none does.
fn closing(text: &str, open: usize, opens: u8, closes: u8) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate().skip(open) {
        if byte == opens {
            depth += 1;
        } else if byte == closes {
            depth -= 1;
            if depth == 0 {
                return at + 1;
            }
        }
    }
    text.len()
}

fn is_placeholder(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let wrapped = [("<", ">"), ("{{", "}}"), ("{", "}"), ("[", "]"), ("${{", "}}")]
        .iter()
        .any(|(open, close)| lower.starts_with(open) && lower.ends_with(close) && !lower.contains('"'));
    wrapped
        || lower.bytes().all(|byte| matches!(byte, b'*' | b'.' | b'x' | b'_' | b'-' | b'?'))
        || value.chars().all(|letter| matches!(letter, '…' | '•'))
        || lower.starts_with("{{")
        || lower.starts_with("your")
        || lower.starts_with("redacted")
        || is_format(value)
        || is_delayed(value)
        || lower.starts_with('@') && is_path(&lower[1..])
        || ["env:", "file:", "fileb:", "keychain:", "op://", "vault:", "secret:", "arn:", "ssm:"]
            .iter()
            .any(|source| lower.starts_with(source))
}

/// What `printf` fills in: conversions, marks and line ends alone.
fn is_format(value: &str) -> bool {
    let mut rest = value;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '%' | '\\' => 2,
            ':' | '=' | ' ' | ',' | ';' | '"' | '\'' | '{' | '}' | '\n' => 1,
            _ => return false,
        };
        let Some(behind) = rest.get(length..) else { return false };
        if first == '%' && !matches!(rest.as_bytes()[1], b's' | b'd' | b'q' | b'b' | b'v') {
            return false;
        }
        rest = behind;
    }
    value.contains('%') || value == "{}"
}

/// `!NAME!` of a batch file.
fn is_delayed(value: &str) -> bool {
    let name = value.strip_prefix('!').and_then(|rest| rest.strip_suffix('!'));
    name.is_some_and(|name| {
        name.contains('_')
            && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    })
}

/// A file's name where a secret could stand: `--private-key ~/.ssh/id_rsa`, `CREDENTIALS=/etc/x.json`.
fn is_path(value: &str) -> bool {
    let plain = value
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'/' | b'-' | b'~' | b'$'));
    let rooted = ["/", "./", "../", "~/", "$HOME/", "$PWD/"].iter().any(|root| value.starts_with(root));
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let suffixed =
        [".pem", ".key", ".json", ".txt", ".pub", ".crt", ".p12", ".pfx", ".jks", ".yaml", ".yml", ".env"]
            .iter()
            .any(|suffix| value.len() > suffix.len() && value.ends_with(suffix));
    // A base64 secret may begin with a slash; it has more digits than a path.
    plain && (suffixed || rooted && value[1..].contains('/') && digits * 4 <= value.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_and_placeholders_are_no_secrets() {
        for value in [
            "",
            "$TOKEN",
            "${TOKEN}",
            "${TOKEN:-}",
            "$(cat ~/.token)",
            "`cat x`",
            "%TOKEN%",
            "<token>",
            "{{ token }}",
            "***",
            "xxxx",
            "...",
            "your-token",
            "env:TOKEN",
            "true",
            "/run/secrets/token",
            "$USER:$PASS",
            "@file.txt",
            "$env:TOKEN",
            "${env:TOKEN}",
            "$script:token",
            "!DB_PASSWORD!",
            "process.env.TOKEN",
            "%s:%s\\n",
        ] {
            assert!(is_no_secret(value, false), "{value}");
        }
        for value in ["hunter2", "$ecret!", "a$b", "%41b", "/9j4AAQ5k2/38f7a01", "x1x"] {
            assert!(!is_no_secret(value, false), "{value}");
        }
        assert!(!is_no_secret("$TOKEN", true), "a dollar in single quotes is a dollar");
    }

    #[test]
    fn what_a_generator_made_is_told_from_names_and_versions() {
        for value in ["4boHNcmsIo", "oWLsQ4Fd_gl8uI", "aj1ytjznJ1Ud", "S?p!T9MRSRE&pY", "AZiGt166I3Kl-9"] {
            assert!(looks_generated(value), "{value}");
        }
        for value in [
            "MyProject2024",
            "Qwen2.5-7B-Instruct",
            "0123456789abcdef",
            "feature/ABC-123-Add2FA",
            "ubuntu-24.04.iso",
            "i18n-l10n",
            "2024-06-12T08-30-11Z",
        ] {
            assert!(!looks_generated(value), "{value}");
        }
        for value in ["Ankara2024!", "kahve1987", "x9Qm2Lp7"] {
            assert!(looks_told(value), "{value}");
        }
        for value in ["sha256", "argon2id", "ABC-1234", "24h", "yeniden", "karakter", "(#123)", "deadbeef01"]
        {
            assert!(!looks_told(value), "{value}");
        }
    }
}

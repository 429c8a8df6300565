//! Which names stand before a secret, and which values are none.

/// Whether a variable, key, header or long flag of this name holds a secret: `DB_PASSWORD`, `authToken`,
/// `spring.datasource.password`, `x-api-key`. Decided by its last part, since `TOKEN_FILE` and `password-stdin` hold
/// none.
pub(super) fn is_secret(name: &str) -> bool {
    // Cheap way out for nearly every name.
    if !(3..=128).contains(&name.len()) {
        return false;
    }
    let mut parts = parts(name);
    while parts.len() > 1 && parts.last().is_some_and(|part| is_qualifier(part)) {
        parts.pop();
    }
    let Some(mut last) = parts.pop() else { return false };
    // `password1`, `pass2`.
    last.truncate(last.trim_end_matches(|letter: char| letter.is_ascii_digit()).len());
    // Which of those that there are: `auth.existingSecret`.
    if parts.last().is_some_and(|before| before == "existing") {
        return false;
    }
    let before = parts.last().map(String::as_str);
    match last.as_str() {
        "key" | "keys" => before.is_some_and(|before| KEY_KINDS.contains(&before)),
        // Alone it is the working directory.
        "pwd" | "pw" => before.is_some(),
        "auth" => name.starts_with("_auth"),
        _ => {
            SECRET_WORDS.contains(&last.as_str())
                || SECRET_ENDS.iter().any(|end| last.ends_with(end) && last.len() > end.len())
        }
    }
}

const SECRET_WORDS: [&str; 43] = [
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "pass",
    "secret",
    "token",
    "apikey",
    "credential",
    "credentials",
    "psk",
    "authtoken",
    "storepass",
    "keypass",
    "dbpass",
    "userpass",
    "sshpass",
    "rootpass",
    "adminpass",
    "mysqlpass",
    "smtppass",
    "ftppass",
    "dbpwd",
    "userpwd",
    "sastoken",
    "otp",
    "totp",
    "requirepass",
    "masterauth",
    "authpass",
    // In other languages: Turkish with its case endings, German, Spanish, Portuguese, French.
    "parola",
    "parolası",
    "parolasi",
    "şifre",
    "şifresi",
    "sifre",
    "sifresi",
    "passwort",
    "kennwort",
    "contraseña",
    "contrasena",
    "senha",
    "motdepasse",
];

const SECRET_ENDS: [&str; 14] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "secretkey",
    "accesskey",
    "privatekey",
    "authkey",
    "storepass",
    "keypass",
    "parolası",
    "şifresi",
];

/// Whether a name may stand before a secret: what stands there is one if it [looks random](looks_random).
pub(super) fn may_be_secret(name: &str) -> bool {
    const NAMES: [&str; 15] = [
        "key",
        "api",
        "login",
        "auth",
        "pat",
        "jwt",
        "bearer",
        "cookie",
        "session",
        "sessionid",
        "sid",
        "code",
        "appid",
        "sig",
        "signature",
    ];
    (3..=64).contains(&name.len()) && parts(name).last().is_some_and(|last| NAMES.contains(&last.as_str()))
}

/// Too long and too mixed to be a word, and neither a path nor a name of several words.
pub(super) fn looks_random(value: &str) -> bool {
    let runs = value.split(['-', '_', '.', '+', '/', '=', '~']);
    let mixed = |run: &str| {
        run.bytes().any(|byte| byte.is_ascii_digit()) && run.bytes().any(|byte| byte.is_ascii_alphabetic())
    };
    value.len() >= 16
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

/// What makes a key secret.
const KEY_KINDS: [&str; 28] = [
    "api",
    "access",
    "secret",
    "private",
    "encryption",
    "master",
    "signing",
    "auth",
    "account",
    "license",
    "subscription",
    "shared",
    "storage",
    "app",
    "application",
    "session",
    "jwt",
    "webhook",
    "hmac",
    "aes",
    "cipher",
    "consumer",
    "admin",
    "root",
    "service",
    "host",
    "client",
    "anon",
];

/// Words behind the deciding one that change nothing.
fn is_qualifier(part: &str) -> bool {
    const QUALIFIERS: [&str; 18] = [
        "prod",
        "production",
        "dev",
        "development",
        "test",
        "staging",
        "live",
        "base",
        "value",
        "string",
        "raw",
        "text",
        "b64",
        "base64",
        "plain",
        "plaintext",
        "old",
        "new",
    ];
    QUALIFIERS.contains(&part) || part.bytes().all(|byte| byte.is_ascii_digit())
}

/// Lower-case parts of a name: cut at `_`, `-`, `.` and in `camelCase`.
fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut before = ' ';
    let mut letters = name.chars().peekable();
    while let Some(letter) = letters.next() {
        let hump = letter.is_uppercase()
            && (before.is_lowercase()
                || before.is_ascii_digit()
                || before.is_uppercase() && letters.peek().is_some_and(|next| next.is_lowercase()));
        if hump || !letter.is_alphanumeric() {
            parts.push(String::new());
        }
        if let Some(part) = parts.last_mut().filter(|_| letter.is_alphanumeric()) {
            // Of a capital İ the dot is left over.
            part.extend(letter.to_lowercase().filter(|letter| *letter != '\u{307}'));
        }
        before = letter;
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// `set-password`, `setApiKey`, `reset-admin-password`: what follows is the new one.
pub(super) fn sets_secret(verb: &str) -> bool {
    let first = verb.split(['-', '_']).next().unwrap_or_default();
    let sets = verb.get(..3).is_some_and(|set| set.eq_ignore_ascii_case("set"));
    (sets || first == "reset" && verb.contains("admin")) && verb.len() > 6 && is_secret(verb)
}

/// Flags that name a secret and take none: `--show-token`, `--no-password`.
pub(super) fn is_switch(flag: &str) -> bool {
    const SWITCHES: [&str; 30] = [
        "no", "show", "with", "use", "print", "ask", "save", "skip", "disable", "enable", "require",
        "prompt", "has", "get", "list", "rotate", "generate", "allow", "reset", "read", "without", "set",
        "update", "remove", "delete", "export", "import", "send", "edit", "sign",
    ];
    let first = flag.split(['-', '_']).next().unwrap_or_default();
    first.len() < flag.len() && SWITCHES.contains(&first)
}

/// A variable, a placeholder, a path, a switch's value, a mask: nothing that must go. `literal` = in single quotes.
pub(super) fn is_no_secret(value: &str, literal: bool) -> bool {
    let value = value.trim();
    is_word_of_none(value) || (!literal && is_expansion(value)) || is_placeholder(value) || is_path(value)
}

fn is_word_of_none(value: &str) -> bool {
    const NONE: [&str; 16] = [
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
                Some(byte) if byte.is_ascii_alphanumeric() || *byte == b'_' => {
                    1 + rest[1..].bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count()
                }
                Some(b'*' | b'@' | b'?') => 2,
                _ => return false,
            },
            b'`' => rest[1..].find('`').map_or(rest.len(), |close| close + 2),
            b'%' => match rest[1..].find('%') {
                Some(close) if close > 0 => close + 2,
                _ => return false,
            },
            b'"' | b'/' | b':' | b'-' | b'_' | b'.' | b'@' | b',' | b';' | b'\\' => {
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
        || matches!(lower.as_str(), "%s" | "%d" | "{}")
        || lower.starts_with('@') && is_path(&lower[1..])
        || ["env:", "file:", "keychain:", "op://", "vault:", "secret:", "arn:", "ssm:"]
            .iter()
            .any(|source| lower.starts_with(source))
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
    fn names_of_secrets_are_told_from_names_about_secrets() {
        for name in [
            "PASSWORD",
            "DB_PASSWORD",
            "PGPASSWORD",
            "MYSQL_PWD",
            "authToken",
            "api_key",
            "X-API-Key",
            "APIKey",
            "keyStorePassword",
            "SECRET_KEY_BASE",
            "aws_secret_access_key",
            "DATABASE_PASSWORD_PRODUCTION",
            "SSHPASS",
            "client-secret",
            "AccountKey",
            "GITHUB_TOKEN",
            "ansible_become_pass",
            "spring.datasource.password",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "PWD",
            "OLDPWD",
            "KEY",
            "TOKEN_FILE",
            "password-stdin",
            "MAX_TOKENS",
            "TOKENIZERS_PARALLELISM",
            "PASSWORD_STORE_DIR",
            "bypass",
            "compass",
            "key",
            "keyboard",
            "SSH_AUTH_SOCK",
            "monkey",
            "author",
            "n",
            "credential.helper",
            "secret-name",
            "pass-through",
            "--passes",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }

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
        ] {
            assert!(is_no_secret(value, false), "{value}");
        }
        for value in ["hunter2", "$ecret!", "a$b", "%41b", "/9j4AAQ5k2/38f7a01", "x1x"] {
            assert!(!is_no_secret(value, false), "{value}");
        }
        assert!(!is_no_secret("$TOKEN", true), "a dollar in single quotes is a dollar");
    }
}

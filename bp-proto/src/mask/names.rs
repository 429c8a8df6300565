//! Which names stand before a secret.

/// Whether a variable, key, header or long flag of this name holds a secret: `DB_PASSWORD`, `authToken`,
/// `spring.datasource.password`, `x-api-key`. Decided by its last part, since `TOKEN_FILE` and `password-stdin` hold
/// none.
pub(super) fn is_secret(name: &str) -> bool {
    // Cheap way out for nearly every name.
    if !(3..=128).contains(&name.len()) {
        return false;
    }
    // Of Terraform, whose name ends in a host.
    if name.starts_with("TF_TOKEN_") {
        return true;
    }
    let mut parts = parts(name);
    while parts.len() > 1 && parts.last().is_some_and(|part| is_qualifier(part)) {
        parts.pop();
    }
    let Some(mut last) = parts.pop() else { return false };
    // `password1`, `pass2`.
    last.truncate(last.trim_end_matches(|letter: char| letter.is_ascii_digit()).len());
    // Which of those that there are: `auth.existingSecret`.
    // …and what everybody may know: `PublicKeyToken`.
    if parts.iter().any(|part| part == "public") || parts.last().is_some_and(|before| before == "existing") {
        return false;
    }
    let before = parts.last().map(String::as_str);
    match last.as_str() {
        // `OTP_CODE`, `--token-code`
        "code" | "codes" => before.is_some_and(|before| CODE_KINDS.contains(&before)),
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

/// Whether a name may stand before a secret: what stands there is one if it [looks random](super::values::looks_random).
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

/// What makes a code secret.
const CODE_KINDS: [&str; 10] =
    ["otp", "totp", "mfa", "tfa", "2fa", "token", "pin", "recovery", "backup", "verification"];

/// What makes a key secret.
const KEY_KINDS: [&str; 31] = [
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
    "setup",
    "recovery",
    "activation",
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
}

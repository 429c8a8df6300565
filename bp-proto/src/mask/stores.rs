//! Values that are handed to a keeper of secrets: all of them are secret, whatever their names.

use super::words::{self, Command, Word};
use super::{Found, names, values};

/// `kubectl create secret … --from-literal=NAME=SECRET`, `fly secrets set NAME=SECRET`: every value there is one.
pub(super) fn find(line: &str, command: &Command, found: &mut Found) {
    const STORES: [&str; 12] = [
        "kubectl",
        "oc",
        "fly",
        "flyctl",
        "gh",
        "wrangler",
        "supabase",
        "doppler",
        "vault",
        "k3s",
        "infisical",
        "bao",
    ];
    keepers(line, command, found);
    let Some(program) = command.iter().position(|word| STORES.contains(&words::base(line, word))) else {
        return;
    };
    let keeps = command[program + 1..]
        .iter()
        .position(|word| matches!(words::text(line, word), "secret" | "secrets" | "kv"));
    let Some(keeps) = keeps.map(|at| program + 1 + at) else { return };
    let writes = command[program + 1..]
        .iter()
        .any(|word| matches!(words::text(line, word), "set" | "create" | "put" | "patch" | "import"));
    if !writes {
        return;
    }
    for (at, word) in command.iter().enumerate().skip(keeps + 1) {
        let inner = words::unquoted(line, word.clone());
        let text = &line[inner.at.clone()];
        let literal = text.strip_prefix("--from-literal=");
        let pair = literal.unwrap_or(text);
        let skipped = text.len() - pair.len();
        if matches!(text, "--body" | "-b" | "--from-literal") {
            if let Some(value) = command.get(at + 1).filter(|_| text != "--from-literal") {
                found.add_value(line, value.clone(), "secret-store");
            }
        } else if let Some(start) = attached_body(text) {
            found.add_value(line, inner.at.start + start..inner.at.end, "secret-store");
        } else if (literal.is_some() || !text.starts_with('-'))
            && let Some(equals) = pair.find('=')
        {
            let value = inner.at.start + skipped + equals + 1..inner.at.end;
            found.add_value(line, value, "secret-store");
        }
    }
}

/// Where the value begins in `--body=SECRET`, `-bSECRET`.
fn attached_body(text: &str) -> Option<usize> {
    let value = text.strip_prefix("--body=").or_else(|| text.strip_prefix("-b"))?;
    (!value.is_empty()).then(|| text.len() - value.len())
}

/// Programs that are told values by position, or pairs of which only some are secret.
fn keepers(line: &str, command: &Command, found: &mut Found) {
    /// The program, the words that must follow it, and what is secret behind them.
    const KEEPERS: [(&str, &[&str], Keeps); 28] = [
        ("heroku", &["config:set"], Keeps::SecretPairs),
        ("railway", &["variables"], Keeps::SecretPairs),
        ("eb", &["setenv"], Keeps::SecretPairs),
        ("vault", &["write"], Keeps::SecretPairs),
        ("bao", &["write"], Keeps::SecretPairs),
        ("op", &["item", "create"], Keeps::SecretPairs),
        ("op", &["item", "edit"], Keeps::SecretPairs),
        ("firebase", &["functions:config:set"], Keeps::SecretPairs),
        ("vercel", &["env", "add"], Keeps::SecretPairs),
        ("chamber", &["write"], Keeps::Nth(2)),
        ("netlify", &["env:set"], Keeps::NthIfSecret(1)),
        ("cf", &["set-env"], Keeps::NthIfSecret(2)),
        ("dotnet", &["user-secrets", "set"], Keeps::Nth(1)),
        ("aws", &["secretsmanager"], Keeps::Behind(&["--secret-string", "--secret-binary"])),
        ("az", &["keyvault", "secret", "set"], Keeps::Behind(&["--value"])),
        ("conjur", &["variable", "set"], Keeps::Behind(&["-v", "--value"])),
        ("credstash", &["put"], Keeps::Nth(1)),
        ("keyring", &["set"], Keeps::Nth(2)),
        ("lpass", &["add"], Keeps::SecretPairs),
        ("sops", &["set"], Keeps::Nth(2)),
        ("sops", &[], Keeps::Behind(&["--set"])),
        ("consul", &["kv", "put"], Keeps::NthIfSecret(1)),
        ("etcdctl", &["put"], Keeps::NthIfSecret(1)),
        ("etcdctl", &["user", "add"], Keeps::Login(0)),
        ("doppler", &["secrets", "set"], Keeps::Nth(1)),
        ("eas", &["secret:create"], Keeps::Behind(&["--value"])),
        ("eas", &["env:create"], Keeps::Behind(&["--value"])),
        ("aws", &["ssm", "put-parameter"], Keeps::BehindIf("SecureString", &["--value"])),
    ];
    for (program, verbs, keeps) in KEEPERS {
        let Some(at) = command.iter().position(|word| words::base(line, word) == program) else { continue };
        // Flags of the program itself may stand before its verbs.
        let mut rest = &command[at + 1..];
        let mut is_known = true;
        for verb in verbs {
            let next = rest.iter().position(|word| !line[word.clone()].starts_with('-'));
            let next = next.filter(|next| words::text(line, &rest[*next]) == *verb);
            is_known &= next.is_some();
            rest = next.map_or(rest, |next| &rest[next + 1..]);
        }
        if is_known {
            keeps.find(line, rest, found);
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Keeps {
    /// `NAME=SECRET`, if the name or the look of the value says so.
    SecretPairs,
    /// The word at this place, flags not counted.
    Nth(usize),
    /// The same, if the name before it or its look says so.
    NthIfSecret(usize),
    /// `user:SECRET` at this place.
    Login(usize),
    /// The word behind one of these flags.
    Behind(&'static [&'static str]),
    /// The same, if this word is there too, alone or as the value of a flag.
    BehindIf(&'static str, &'static [&'static str]),
}

impl Keeps {
    fn find(self, line: &str, rest: &[Word], found: &mut Found) {
        let plain: Vec<&Word> = rest.iter().filter(|word| !line[(*word).clone()].starts_with('-')).collect();
        match self {
            Self::SecretPairs => {
                for word in plain {
                    let inner = words::unquoted(line, word.clone());
                    let Some((name, value)) = line[inner.at.clone()].split_once('=') else { continue };
                    let (label, kind) = name.split_once('[').unwrap_or((name, ""));
                    let is_concealed = matches!(kind, "password]" | "concealed]" | "otp]");
                    if names::is_secret(label)
                        || is_concealed
                        || label == "value"
                        || values::looks_told(value)
                    {
                        let start = inner.at.start + name.len() + 1;
                        found.add_value(line, start..inner.at.end, "secret-store");
                    }
                }
            }
            Self::Nth(nth) => {
                if let Some(word) = plain.get(nth) {
                    found.add_value(line, (*word).clone(), "secret-store");
                }
            }
            Self::NthIfSecret(nth) => {
                let Some(word) = plain.get(nth) else { return };
                let name = nth.checked_sub(1).map_or("", |before| words::text(line, plain[before]));
                // `app/db/password`
                let name = name.rsplit(['/', '.', ':']).next().unwrap_or(name);
                if names::is_secret(name) || values::looks_told(words::text(line, word)) {
                    found.add_value(line, (*word).clone(), "secret-store");
                }
            }
            Self::Login(nth) => {
                if let Some(word) = plain.get(nth) {
                    super::programs::behind(line, (*word).clone(), ':', found);
                }
            }
            Self::BehindIf(condition, flags) => {
                let is_it = |word: &Word| words::text(line, word).rsplit('=').next() == Some(condition);
                if rest.iter().any(is_it) {
                    Self::Behind(flags).find(line, rest, found);
                }
            }
            Self::Behind(flags) => {
                for (at, word) in rest.iter().enumerate() {
                    let text = words::text(line, word);
                    if flags.contains(&text)
                        && let Some(value) = rest.get(at + 1)
                    {
                        found.add_value(line, value.clone(), "secret-store");
                    } else if let Some((flag, _)) = line[word.clone()].split_once('=')
                        && flags.contains(&flag)
                    {
                        found.add_value(line, word.start + flag.len() + 1..word.end, "secret-store");
                    }
                }
            }
        }
    }
}

//! Secrets that only the program's own rules give away: `curl -u user:secret`, `mysql -psecret`, `sshpass -p secret`.

use std::ops::Range;

use super::rules::{AT, LOGIN, MYSQL, RULES, Takes};
use super::words::{self, Command, Word};
use super::{Found, names, stores, values};
use Takes::{Attached, Behind, Next, NextOnly};

/// Programs of [`by_itself`].
const BY_THEMSELVES: [&str; 17] = [
    "composer",
    "bundle",
    "curl",
    "redis-cli",
    "mysqladmin",
    "mosquitto_passwd",
    "mkpasswd",
    "ansible-vault",
    "qpdf",
    "ConvertTo-SecureString",
    "htpasswd",
    "sqlplus",
    "expdp",
    "impdp",
    "sqlldr",
    "nmcli",
    "openssl",
];

/// Programs of [`of_systems`].
const OF_SYSTEMS: [&str; 9] =
    ["net", "netsh", "oathtool", "isql", "db2", "dscl", "security", "networksetup", "reg"];

/// Looks at the whole command, the programs' names among its words in `bases`. Only the first place of a name counts:
/// what follows the second follows the first too.
pub(super) fn find(line: &str, command: &Command, bases: &[&str], found: &mut Found) {
    let first = |names: &[&str]| bases.iter().position(|base| names.contains(base));
    for (programs, flag, takes) in &RULES {
        if let Some(at) = first(programs) {
            short_flag(line, &command[at + 1..], flag, takes, found);
        }
    }
    if let Some(login) = first(&LOGIN).and_then(|at| {
        let login = command[at + 1..].iter().position(|word| words::text(line, word) == "login");
        login.map(|login| at + 1 + login)
    }) {
        short_flag(line, &command[login + 1..], "-p", &Next, found);
    }
    for (program, verbs, nth) in AT {
        if let Some(at) = first(&[program]) {
            let plain = plain(line, &command[at + 1..]);
            if has_verbs(line, &plain, verbs) {
                value_at(line, &plain, nth, found);
            }
        }
    }
    for name in BY_THEMSELVES {
        if let Some(at) = first(&[name]) {
            by_itself(line, name, &command[at + 1..], found);
        }
    }
    for name in OF_SYSTEMS {
        if let Some(at) = first(&[name]) {
            of_systems(line, name, &command[at + 1..], found);
        }
    }
    impacket(line, command, bases, found);
    login_token(line, command, found);
    with_user(line, command, found);
    stores::find(line, command, found);
}

/// The words that are neither flags nor the values of those flags that say where a secret lies.
fn plain<'a>(line: &str, rest: &'a [Word]) -> Vec<&'a Word> {
    const ELSEWHERE: [&str; 5] = ["env", "file", "-name", "-path", "-id"];
    let is_plain = |at: &usize| {
        let before = at.checked_sub(1).map_or("", |before| words::text(line, &rest[before]));
        let told = before.starts_with("--") && ELSEWHERE.iter().any(|end| before.ends_with(end));
        !line[rest[*at].clone()].starts_with('-') && !told
    };
    (0..rest.len()).filter(is_plain).map(|at| &rest[at]).collect()
}

/// Whether the words begin with these; `http-basic.*` stands for all that begin so.
fn has_verbs(line: &str, plain: &[&Word], verbs: &str) -> bool {
    verbs.split_ascii_whitespace().enumerate().all(|(nth, verb)| {
        let word = plain.get(nth).map(|word| words::text(line, word));
        word.is_some_and(|word| match verb.strip_suffix('*') {
            Some(start) => word.starts_with(start),
            None => word == verb,
        })
    })
}

fn short_flag(line: &str, rest: &[Word], flag: &str, takes: &Takes, found: &mut Found) {
    for (at, word) in rest.iter().enumerate() {
        let raw = &line[word.clone()];
        if !raw.starts_with(flag) {
            continue;
        }
        let attached = word.start + flag.len()..word.end;
        let value = if attached.is_empty() {
            match rest.get(at + 1) {
                Some(next) if !matches!(takes, Attached) && !line[next.clone()].starts_with('-') => {
                    next.clone()
                }
                _ => continue,
            }
        } else if flag.starts_with("--")
            || flag.len() > 2 && flag.starts_with('-') && flag != "-hp" && !flag.ends_with(':')
        {
            let Some('=') = raw[flag.len()..].chars().next() else { continue };
            attached.start + 1..attached.end
        } else if matches!(takes, NextOnly) || is_longer_flag(raw, flag, takes) {
            continue;
        } else {
            attached
        };
        match takes {
            Behind(separator) => behind(line, value, *separator, found),
            _ => found.add_value(line, value, "program"),
        }
    }
}

/// `-port`, `-print` are other flags of a program that takes `-p`; `-p-` of rar and 7z is a switch.
fn is_longer_flag(raw: &str, flag: &str, takes: &Takes) -> bool {
    let value = &raw[flag.len()..];
    value == "-"
        || matches!(takes, Next | Attached)
            && matches!(value, "ort" | "rint" | "ager" | "rotocol" | "assword" | "retty")
}

/// `user:SECRET`.
pub(super) fn behind(line: &str, word: Word, separator: char, found: &mut Found) {
    let value = words::unquoted(line, word);
    if let Some(cut) = line[value.at.clone()].find(separator) {
        let secret = value.at.start + cut + separator.len_utf8()..value.at.end;
        // `KEY:`, of a user who is his own secret.
        let user = value.at.start..value.at.start + cut;
        if secret.is_empty() && values::looks_random(&line[user.clone()]) {
            found.add(user, "program");
            return;
        }
        let is_none = |at: Range<usize>| values::is_no_secret(&line[at], value.literal);
        if !is_none(secret.clone()) && !is_none(value.at) {
            found.add(secret, "program");
        }
    }
}

/// Programs whose secret stands without a flag, or behind a subcommand.
fn by_itself(line: &str, name: &str, rest: &[Word], found: &mut Found) {
    let plain = plain(line, rest);
    let word = |at: usize| plain.get(at).map(|word| words::text(line, word));
    let behind_word = |is_it: fn(&str) -> bool, skip: usize, found: &mut Found| {
        if let Some(at) = plain.iter().position(|at| is_it(words::text(line, at))) {
            value_at(line, &plain[at..], skip, found);
        }
    };
    match name {
        "mysqladmin" => behind_word(|text| text == "password", 1, found),
        "composer" => behind_word(|text| text.starts_with("http-basic."), 2, found),
        "redis-cli" => redis_auth(line, &plain, found),
        "htpasswd" | "mosquitto_passwd" => {
            let batch = rest.iter().any(|word| {
                let raw = &line[word.clone()];
                raw.starts_with('-') && !raw.starts_with("--") && raw.contains('b')
            });
            if batch && plain.len() >= 2 {
                value_at(line, &plain, plain.len() - 1, found);
            }
        }
        "sqlplus" | "expdp" | "impdp" | "sqlldr" => slashed(line, &plain, found),
        "nmcli" => nmcli(line, rest, found),
        "openssl" if word(0) == Some("passwd") => positional(line, rest, &["-salt", "-in"], found),
        "openssl" => {
            for candidate in rest {
                let text = words::unquoted(line, candidate.clone());
                if line[text.at.clone()].starts_with("pass:") {
                    found.add_value(line, text.at.start + 5..text.at.end, "program");
                }
            }
        }
        "curl" => cookies(line, rest, found),
        "bundle" if word(0) == Some("config") => {
            if let Some(last) = plain.last().filter(|_| plain.len() > 2) {
                behind(line, (*last).clone(), ':', found);
            }
        }
        "mkpasswd" | "ConvertTo-SecureString" => positional(line, rest, &["-m", "-S", "-R"], found),
        "ansible-vault" if word(0) == Some("encrypt_string") => {
            positional(
                line,
                &rest[1..],
                &["--name", "-n", "--stdin-name", "--vault-id", "--vault-password-file"],
                found,
            );
        }
        "qpdf" => {
            let encrypt = rest.iter().position(|at| words::text(line, at) == "--encrypt");
            for word in encrypt.into_iter().flat_map(|at| rest.iter().skip(at + 1).take(2)) {
                found.add_value(line, word.clone(), "program");
            }
        }
        _ => {}
    }
}

/// Programs of operating systems and data bases that take their secret in a way of their own.
fn of_systems(line: &str, name: &str, rest: &[Word], found: &mut Found) {
    let plain = plain(line, rest);
    let has = |is_it: fn(&str) -> bool| rest.iter().any(|word| is_it(words::text(line, word)));
    match name {
        "net" => net(line, &plain, found),
        "oathtool" => {
            for word in plain.iter().filter(|word| words::text(line, word).len() >= 16) {
                found.add_value(line, (*word).clone(), "program");
            }
        }
        "isql" if !has(|word| word.starts_with("-U")) => {
            value_at(line, &plain, 2, found);
        }
        "db2" => {
            let using = plain.iter().position(|word| words::text(line, word).eq_ignore_ascii_case("using"));
            if let Some(at) = using {
                value_at(line, &plain, at + 1, found);
            }
        }
        "dscl" if has(|word| word == "-passwd") => {
            for word in plain.iter().skip_while(|word| !line[(**word).clone()].starts_with('/')).skip(1) {
                found.add_value(line, (*word).clone(), "program");
            }
        }
        "security" if has(|verb| verb.ends_with("-keychain") || verb.ends_with("-password")) => {
            for flag in ["-p", "-o"] {
                short_flag(line, rest, flag, &NextOnly, found);
            }
        }
        "networksetup" if has(|word| word.starts_with("-setairport")) => {
            value_at(line, &plain, 2, found);
        }
        // `key=clear` shows it.
        "netsh" => {
            for word in &plain {
                let value = line[(*word).clone()].strip_prefix("key=").filter(|value| *value != "clear");
                if let Some(value) = value {
                    found.add_value(line, word.end - value.len()..word.end, "program");
                }
            }
        }
        "reg" => registry(line, rest, found),
        _ => {}
    }
}

/// `net use [Z:] \\\\server\\share SECRET`, `net user NAME SECRET`.
fn net(line: &str, plain: &[&Word], found: &mut Found) {
    let is_flag = |word: &&&Word| line[(**word).clone()].starts_with('/');
    let secret = match plain.first().map(|verb| words::text(line, verb)) {
        Some("use") => {
            let share = plain.iter().position(|word| words::text(line, word).starts_with("\\\\"));
            share.and_then(|share| plain[share + 1..].iter().find(|word| !is_flag(word)))
        }
        Some("user") => plain.get(2),
        _ => None,
    };
    if let Some(secret) = secret.filter(|word| !is_flag(word)) {
        found.add_value(line, (*secret).clone(), "program");
    }
}

/// `/v DefaultPassword … /d SECRET`.
fn registry(line: &str, rest: &[Word], found: &mut Found) {
    let behind = |flag: &str| {
        let at = rest.iter().position(|word| words::text(line, word).eq_ignore_ascii_case(flag))?;
        rest.get(at + 1)
    };
    if let (Some(name), Some(value)) = (behind("/v"), behind("/d"))
        && names::is_secret(words::text(line, name))
    {
        found.add_value(line, value.clone(), "program");
    }
}

/// `DOMAIN/user:SECRET@host`, as the impacket programs take it.
fn impacket(line: &str, command: &Command, bases: &[&str], found: &mut Found) {
    let is_one = |base: &str| base.starts_with("impacket-") || base.strip_suffix(".py").is_some();
    let Some(program) = bases.iter().position(|base| is_one(base)) else { return };
    for word in &command[program + 1..] {
        let value = words::unquoted(line, word.clone()).at;
        let text = &line[value.clone()];
        if let (Some(slash), Some(at)) = (text.find('/'), text.rfind('@'))
            && let Some(colon) = text[slash..at.max(slash)].find(':').map(|colon| slash + colon)
            && !text.contains("://")
        {
            found.add_value(line, value.start + colon + 1..value.start + at, "program");
        }
    }
}

/// `AUTH [user] SECRET`, `ACL SETUSER user >SECRET`.
fn redis_auth(line: &str, plain: &[&Word], found: &mut Found) {
    let auth = plain.iter().position(|at| words::text(line, at).eq_ignore_ascii_case("auth"));
    if auth.is_some_and(|at| at + 1 < plain.len()) {
        value_at(line, plain, plain.len() - 1, found);
    }
    let acl = plain.iter().position(|at| words::text(line, at).eq_ignore_ascii_case("setuser"));
    for word in acl.into_iter().flat_map(|at| &plain[at + 1..]) {
        let value = words::unquoted(line, (*word).clone()).at;
        if line[value.clone()].starts_with('>') {
            found.add_value(line, value.start + 1..value.end, "program");
        }
    }
}

/// `user/SECRET@where`.
fn slashed(line: &str, plain: &[&Word], found: &mut Found) {
    for candidate in plain {
        let text = words::unquoted(line, (*candidate).clone()).at;
        // Behind the `@` it is where.
        let first = line[text.clone()].find(['/', '@']);
        if let Some(slash) = first.filter(|at| *at > 0 && line.as_bytes()[text.start + at] == b'/') {
            let end =
                line[text.clone()].rfind('@').filter(|at| *at > slash).map_or(text.end, |at| text.start + at);
            found.add_value(line, text.start + slash + 1..end, "program");
            break;
        }
    }
}

/// `password SECRET`, `wifi-sec.psk SECRET`; behind `-g` such a name is what is asked for.
fn nmcli(line: &str, rest: &[Word], found: &mut Found) {
    for (at, candidate) in rest.iter().enumerate() {
        let key = words::text(line, candidate);
        let is_asked_for = at > 0 && matches!(words::text(line, &rest[at - 1]), "-g" | "-f" | "--fields");
        if !is_asked_for
            && matches!(key.rsplit('.').next(), Some("password" | "psk"))
            && let Some(value) = rest.get(at + 1)
        {
            found.add_value(line, value.clone(), "program");
        }
    }
}

/// The first word that is neither a flag nor the value of one of these.
fn positional(line: &str, rest: &[Word], with_value: &[&str], found: &mut Found) {
    let mut from = usize::from(rest.first().is_some_and(|word| words::text(line, word) == "passwd"));
    while let Some(word) = rest.get(from) {
        let text = &line[word.clone()];
        if !text.starts_with('-') {
            return found.add_value(line, word.clone(), "program");
        }
        from += 1 + usize::from(with_value.contains(&text));
    }
}

/// `-b "name=secret; other=secret"`: what a server gave to be known by. Without `=` it is a file.
fn cookies(line: &str, rest: &[Word], found: &mut Found) {
    for pair in rest.windows(2) {
        if !matches!(words::text(line, &pair[0]), "-b" | "--cookie") {
            continue;
        }
        let value = words::unquoted(line, pair[1].clone());
        let mut from = value.at.start;
        for cookie in line[value.at].split(';') {
            if let Some(equals) = cookie.find('=') {
                found.add_value(line, from + equals + 1..from + cookie.len(), "program");
            }
            from += cookie.len() + 1;
        }
    }
}

/// `-u USER -p SECRET`, `-U USER -P SECRET`: who is told stands beside by what he is believed. A number is a port, what has
/// a slash or a colon a path or a mapping; the programs that ask for a password, or run another program as that user, mean
/// something else.
fn with_user(line: &str, command: &Command, found: &mut Found) {
    const OTHERS: [&str; 9] =
        ["sudo", "doas", "su", "runuser", "chroot", "psql", "useradd", "usermod", "docker"];
    let has = |names: &[&str]| command.iter().any(|word| names.contains(&words::base(line, word)));
    let value_of = |flags: &[&str]| {
        let at = command.iter().position(|word| flags.contains(&words::text(line, word)))?;
        command.get(at + 1).filter(|word| !line[(*word).clone()].starts_with('-'))
    };
    let user = value_of(&["-u", "-U", "--user", "--username", "-user", "-username"]);
    let Some(secret) = user.and_then(|_| value_of(&["-p", "-P"])) else { return };
    let text = words::text(line, secret);
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number && !text.contains(['/', ':', '=']) && !has(&OTHERS) && !has(MYSQL) {
        found.add_value(line, secret.clone(), "program");
    }
}

/// `cargo login TOKEN`: what follows a login and looks like nothing else.
fn login_token(line: &str, command: &Command, found: &mut Found) {
    const LOGINS: [&str; 6] = ["login", "signin", "auth", "authenticate", "authtoken", "add-authtoken"];
    let Some(at) = command.iter().skip(1).position(|word| LOGINS.contains(&words::text(line, word))) else {
        return;
    };
    for word in &command[at + 2..] {
        if values::looks_random(words::text(line, word)) && words::text(line, word).len() >= 20 {
            found.add_value(line, word.clone(), "program");
        }
    }
}

fn value_at(line: &str, plain: &[&Word], at: usize, found: &mut Found) {
    // `name=value` is no positional; base64 ends so.
    if let Some(word) =
        plain.get(at).filter(|word| !line[(**word).clone()].trim_end_matches('=').contains('='))
    {
        found.add_value(line, (*word).clone(), "program");
    }
}

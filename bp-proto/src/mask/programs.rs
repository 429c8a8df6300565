//! Secrets that only the program's own rules give away: `curl -u user:secret`, `mysql -psecret`, `sshpass -p secret`.

use super::words::{self, Command, Word};
use super::{Found, names, stores};

/// How a program takes its secret.
enum Takes {
    /// `-pSECRET`; `-p` alone asks.
    Attached,
    /// `-p SECRET` or `-pSECRET`.
    Next,
    /// `-p SECRET` only: the attached form means something else.
    NextOnly,
    /// `-u user:SECRET`, with this separator; without it the program asks.
    Behind(char),
}
use Takes::{Attached, Behind, Next, NextOnly};

/// (programs, flag, how). A program is known wherever its name stands: `sudo mysql`, `docker exec db mysql`.
const RULES: [(&[&str], &str, Takes); 59] = [
    (MYSQL, "-p", Attached),
    (&["sshpass"], "-p", Next),
    (&["curl"], "-u", Behind(':')),
    (&["curl"], "--user", Behind(':')),
    (&["curl"], "-U", Behind(':')),
    (&["curl"], "--proxy-user", Behind(':')),
    (&["curl"], "--oauth2-bearer", NextOnly),
    (&["http", "https", "httpie", "xh", "xhs"], "-a", Behind(':')),
    (&["http", "https", "httpie", "xh", "xhs"], "--auth", Behind(':')),
    (&["hey", "oha"], "-a", Behind(':')),
    (&["ab"], "-A", Behind(':')),
    (&["ab"], "-P", Behind(':')),
    (&["redis-cli", "valkey-cli", "keydb-cli"], "-a", NextOnly),
    (MONGO, "-p", Next),
    (LDAP, "-w", Next),
    (&["ldappasswd"], "-s", Next),
    (&["ldappasswd"], "-a", Next),
    (&["smbclient", "smbget", "rpcclient", "net"], "-U", Behind('%')),
    (&["sqlcmd", "bcp", "sqsh", "mssql-cli", "osql"], "-P", Next),
    (&["zip", "unzip", "funzip", "zipcloak"], "-P", Next),
    (&["7z", "7za", "7zr", "7zz"], "-p", Attached),
    (&["rar", "unrar"], "-p", Attached),
    (&["rar", "unrar"], "-hp", Attached),
    (&["rdesktop"], "-p", NextOnly),
    (&["xfreerdp", "wlfreerdp", "xfreerdp3"], "/p:", Attached),
    (&["ipmitool"], "-P", Next),
    (&["mosquitto_pub", "mosquitto_sub", "mosquitto_rr"], "-P", NextOnly),
    (&["twine"], "-p", NextOnly),
    (&["lftp"], "-u", Behind(',')),
    (&["ncftp", "ncftpget", "ncftpput"], "-p", NextOnly),
    (&["useradd", "usermod"], "-p", NextOnly),
    (SNMP, "-A", NextOnly),
    (SNMP, "-X", NextOnly),
    (&["cqlsh"], "-p", NextOnly),
    (&["rabbitmqadmin"], "-p", NextOnly),
    (&["vncviewer", "x11vnc"], "-passwd", NextOnly),
    (&["aria2c"], "--http-passwd", NextOnly),
    (&["svn"], "--password", NextOnly),
    (&["openssl"], "-k", NextOnly),
    (&["openssl"], "-K", NextOnly),
    (&["security"], "-w", NextOnly),
    (&["smbmap", "crackmapexec", "netexec", "nxc", "evil-winrm"], "-p", NextOnly),
    (&["winexe"], "-U", Behind('%')),
    (&["steghide"], "-p", NextOnly),
    (&["ccrypt"], "-K", NextOnly),
    (&["pdftotext", "pdftoppm", "pdfinfo"], "-upw", NextOnly),
    (&["pdftotext", "pdftoppm", "pdfinfo"], "-opw", NextOnly),
    (&["doctl", "influx"], "-t", NextOnly),
    (&["curl"], "-E", Behind(':')),
    (&["curl"], "--cert", Behind(':')),
    (&["etcdctl"], "--user", Behind(':')),
    (&["ssh-keygen"], "-N", NextOnly),
    (&["ssh-keygen"], "-P", NextOnly),
    (&["swaks"], "-ap", NextOnly),
    (&["sendemail"], "-xp", NextOnly),
    (&["wbinfo"], "-a", Behind('%')),
    (&["dotnet", "nuget"], "-k", NextOnly),
    (&["openssl"], "-hmac", NextOnly),
    (&["ccencrypt", "ccdecrypt", "mcrypt"], "-K", NextOnly),
];

const MYSQL: &[&str] = &[
    "mysql",
    "mysqldump",
    "mysqladmin",
    "mysqlimport",
    "mysqlshow",
    "mysqlcheck",
    "mysqlslap",
    "mysqlbinlog",
    "mariadb",
    "mariadb-dump",
    "mariadb-admin",
    "mycli",
    "mytop",
];
const SNMP: &[&str] = &[
    "snmpwalk",
    "snmpget",
    "snmpset",
    "snmpbulkwalk",
    "snmpbulkget",
    "snmpgetnext",
    "snmptable",
    "snmptrap",
];
const MONGO: &[&str] =
    &["mongo", "mongosh", "mongodump", "mongorestore", "mongoexport", "mongoimport", "mongostat", "mongotop"];
const LDAP: &[&str] = &[
    "ldapsearch",
    "ldapadd",
    "ldapmodify",
    "ldapdelete",
    "ldapwhoami",
    "ldapmodrdn",
    "ldapcompare",
    "ldappasswd",
];

/// What logs in with `login -p SECRET`.
const LOGIN: [&str; 14] = [
    "docker", "podman", "nerdctl", "buildah", "skopeo", "helm", "oras", "az", "cf", "oc", "crane", "regctl",
    "bw", "argocd",
];

/// Programs of [`by_itself`].
const BY_THEMSELVES: [&str; 22] = [
    "composer",
    "bundle",
    "curl",
    "redis-cli",
    "mysqladmin",
    "mosquitto_passwd",
    "mkpasswd",
    "ansible-vault",
    "bw",
    "mc",
    "qpdf",
    "ConvertTo-SecureString",
    "vault",
    "wpa_passphrase",
    "rabbitmqctl",
    "htpasswd",
    "sqlplus",
    "expdp",
    "impdp",
    "sqlldr",
    "nmcli",
    "openssl",
];

/// Looks at the whole command. Only the first place of a program's name counts: what follows the second follows the
/// first too.
pub(super) fn find(line: &str, command: &Command, found: &mut Found) {
    let first = |names: &[&str]| command.iter().position(|word| names.contains(&words::base(line, word)));
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
    for name in BY_THEMSELVES {
        if let Some(at) = first(&[name]) {
            by_itself(line, name, &command[at + 1..], found);
        }
    }
    login_token(line, command, found);
    with_user(line, command, found);
    stores::find(line, command, found);
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
        } else if flag.starts_with("--") || flag.len() > 2 && flag.starts_with('-') && flag != "-hp" {
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
        if !names::is_no_secret(&line[secret.clone()], value.literal) {
            found.add(secret, "program");
        }
    }
}

/// (program, its first word, which word after the program is the secret), flags not counted.
const AT: [(&str, &str, usize); 7] = [
    ("vault", "login", 1),
    ("wpa_passphrase", "", 1),
    ("rabbitmqctl", "add_user", 2),
    ("rabbitmqctl", "change_password", 2),
    ("bw", "unlock", 1),
    ("bw", "login", 2),
    ("mc", "alias", 5),
];

/// Programs whose secret stands without a flag, or behind a subcommand.
fn by_itself(line: &str, name: &str, rest: &[Word], found: &mut Found) {
    let plain: Vec<&Word> = rest.iter().filter(|word| !line[(*word).clone()].starts_with('-')).collect();
    let word = |at: usize| plain.get(at).map(|word| words::text(line, word));
    for (program, first, at) in AT {
        if program == name && (first.is_empty() || word(0) == Some(first)) {
            value_at(line, &plain, at, found);
        }
    }
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
            positional(line, &rest[1..], &["--name", "-n", "--vault-id", "--vault-password-file"], found);
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

/// `AUTH [user] SECRET`.
fn redis_auth(line: &str, plain: &[&Word], found: &mut Found) {
    let auth = plain.iter().position(|at| words::text(line, at).eq_ignore_ascii_case("auth"));
    if auth.is_some_and(|at| at + 1 < plain.len()) {
        value_at(line, plain, plain.len() - 1, found);
    }
}

/// `user/SECRET@where`.
fn slashed(line: &str, plain: &[&Word], found: &mut Found) {
    for candidate in plain {
        let text = words::unquoted(line, (*candidate).clone()).at;
        if let Some(slash) = line[text.clone()].find('/').filter(|slash| *slash > 0) {
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
        if names::looks_random(words::text(line, word)) && words::text(line, word).len() >= 20 {
            found.add_value(line, word.clone(), "program");
        }
    }
}

fn value_at(line: &str, plain: &[&Word], at: usize, found: &mut Found) {
    if let Some(word) = plain.get(at).filter(|word| !line[(**word).clone()].contains('=')) {
        found.add_value(line, (*word).clone(), "program");
    }
}

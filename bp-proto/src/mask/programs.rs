//! Secrets that only the program's own rules give away: `curl -u user:secret`, `mysql -psecret`, `sshpass -p secret`.

use super::words::{self, Command, Word};
use super::{Found, names};

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
const RULES: [(&[&str], &str, Takes); 40] = [
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
    (&["snmpwalk", "snmpget", "snmpset", "snmpbulkwalk"], "-A", NextOnly),
    (&["snmpwalk", "snmpget", "snmpset", "snmpbulkwalk"], "-X", NextOnly),
    (&["cqlsh"], "-p", NextOnly),
    (&["rabbitmqadmin"], "-p", NextOnly),
    (&["vncviewer", "x11vnc"], "-passwd", NextOnly),
    (&["aria2c"], "--http-passwd", NextOnly),
    (&["svn"], "--password", NextOnly),
    (&["openssl"], "-k", NextOnly),
    (&["openssl"], "-K", NextOnly),
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
const BY_THEMSELVES: [&str; 11] = [
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
    "sudo",
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
    stored(line, command, found);
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
fn behind(line: &str, word: Word, separator: char, found: &mut Found) {
    let value = words::unquoted(line, word);
    if let Some(cut) = line[value.at.clone()].find(separator) {
        let secret = value.at.start + cut + separator.len_utf8()..value.at.end;
        if !names::is_no_secret(&line[secret.clone()], value.literal) {
            found.add(secret, "program");
        }
    }
}

/// Programs whose secret stands without a flag, or behind a subcommand.
fn by_itself(line: &str, name: &str, rest: &[Word], found: &mut Found) {
    let plain: Vec<&Word> = rest.iter().filter(|word| !line[(*word).clone()].starts_with('-')).collect();
    let word = |at: usize| plain.get(at).map(|word| words::text(line, word));
    match name {
        "vault" if word(0) == Some("login") => value_at(line, &plain, 1, found),
        "wpa_passphrase" => value_at(line, &plain, 1, found),
        "rabbitmqctl" if matches!(word(0), Some("add_user" | "change_password")) => {
            value_at(line, &plain, 2, found);
        }
        "htpasswd" => {
            let batch = rest.iter().any(|word| {
                let raw = &line[word.clone()];
                raw.starts_with('-') && !raw.starts_with("--") && raw.contains('b')
            });
            if batch && plain.len() >= 2 {
                value_at(line, &plain, plain.len() - 1, found);
            }
        }
        "sqlplus" | "expdp" | "impdp" | "sqlldr" => {
            for candidate in &plain {
                let text = words::unquoted(line, (*candidate).clone()).at;
                if let Some(slash) = line[text.clone()].find('/').filter(|slash| *slash > 0) {
                    let end = line[text.clone()]
                        .rfind('@')
                        .filter(|at| *at > slash)
                        .map_or(text.end, |at| text.start + at);
                    found.add_value(line, text.start + slash + 1..end, "program");
                    break;
                }
            }
        }
        "nmcli" => {
            for (at, candidate) in rest.iter().enumerate() {
                let key = words::text(line, candidate);
                if matches!(key.rsplit('.').next(), Some("password" | "psk"))
                    && let Some(value) = rest.get(at + 1)
                {
                    found.add_value(line, value.clone(), "program");
                }
            }
        }
        "openssl" => {
            for candidate in rest {
                let text = words::unquoted(line, candidate.clone());
                if line[text.at.clone()].starts_with("pass:") {
                    found.add_value(line, text.at.start + 5..text.at.end, "program");
                }
            }
        }
        "sudo" if rest.iter().any(|word| words::text(line, word) == "-S") => here_string(line, rest, found),
        _ => {}
    }
}

fn value_at(line: &str, plain: &[&Word], at: usize, found: &mut Found) {
    if let Some(word) = plain.get(at).filter(|word| !line[(**word).clone()].contains('=')) {
        found.add_value(line, (*word).clone(), "program");
    }
}

/// `sudo -S … <<< secret`.
fn here_string(line: &str, rest: &[Word], found: &mut Found) {
    for word in rest {
        if line[..word.start].trim_end().ends_with("<<<") {
            found.add_value(line, word.clone(), "program");
        }
    }
}

/// `kubectl create secret … --from-literal=NAME=SECRET`, `fly secrets set NAME=SECRET`: every value there is one.
fn stored(line: &str, command: &Command, found: &mut Found) {
    const STORES: [&str; 10] =
        ["kubectl", "oc", "fly", "flyctl", "gh", "wrangler", "supabase", "doppler", "vault", "k3s"];
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
        } else if (literal.is_some() || !text.starts_with('-'))
            && let Some(equals) = pair.find('=')
        {
            let value = inner.at.start + skipped + equals + 1..inner.at.end;
            found.add_value(line, value, "secret-store");
        }
    }
}

/// `echo SECRET | sudo -S …`: what is printed into a program that reads a password.
pub(super) fn piped(line: &str, pipeline: &[Command], found: &mut Found) {
    for pair in pipeline.windows(2) {
        let [from, into] = pair else { continue };
        if !reads_password(line, into) {
            continue;
        }
        let Some(printer) = from.iter().position(|word| matches!(words::base(line, word), "echo" | "printf"))
        else {
            continue;
        };
        for word in &from[printer + 1..] {
            let raw = &line[word.clone()];
            let format = matches!(words::text(line, word), "%s" | "%s\\n" | "%s\n");
            if !raw.starts_with('-') && !format {
                found.add_value(line, word.clone(), "piped");
            }
        }
    }
}

fn reads_password(line: &str, command: &Command) -> bool {
    let has = |flag: &str| command.iter().any(|word| words::text(line, word) == flag);
    let named = |name: &str| command.iter().any(|word| words::base(line, word) == name);
    named("sudo")
        && command.iter().any(|word| {
            let text = words::text(line, word);
            text.starts_with('-') && !text.starts_with("--") && text.contains('S')
        })
        || has("--password-stdin")
        || has("--with-token")
        || has("--passphrase-fd")
        || named("chpasswd")
        || named("passwd") && has("--stdin")
        || named("cryptsetup")
        || named("wrangler") && has("secret")
        || named("gh") && has("secret")
}

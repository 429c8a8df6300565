//! Secrets by where they stand in a word, whatever the program: `NAME=value`, `--flag value`, headers, URLs, JSON.

use std::ops::Range;

use super::words::{self, Command, Word};
use super::{Found, names, piped, programs, values};

/// Words that belong together are no further apart, so that a long command is read once.
const NEAR: usize = 16;

/// What a command's words say about those behind them, found once per command.
pub(super) struct Asking {
    /// Behind it `NAME value` is an assignment: `set`, `config`.
    setter: Option<usize>,
    /// Behind it `--password` takes no word: the program asks, or wants a `=`.
    asks: Option<usize>,
    /// Behind it `--secret` names a secret that lies elsewhere.
    builder: Option<usize>,
    /// `set-password root --password …`: behind the verb stands a user's name.
    is_told: bool,
}

impl Asking {
    /// `bases` are the programs' names among the command's words.
    pub(super) fn of(bases: &[&str]) -> Self {
        const ASKS: [&str; 20] = [
            "lpass",
            "mysql",
            "mysqldump",
            "mysqladmin",
            "mysqlimport",
            "mysqlshow",
            "mysqlcheck",
            "mariadb",
            "mariadb-dump",
            "mariadb-admin",
            "psql",
            "pg_dump",
            "pg_dumpall",
            "pg_restore",
            "createdb",
            "dropdb",
            "createuser",
            "vacuumdb",
            "reindexdb",
            "pg_basebackup",
        ];
        const SETTERS: [&str; 14] = [
            "set",
            "setenv",
            "config",
            "setx",
            "config:set",
            "CONFIG",
            "set_network",
            "pdftk",
            "--set",
            "crudini",
            "esphome",
            "gsettings",
            "defaults",
            "uci",
        ];
        let is_told = bases.iter().any(|word| {
            word.starts_with("--p") && word.contains("password") || word.eq_ignore_ascii_case("-newpassword")
        });
        let first = |names: &[&str]| bases.iter().position(|base| names.contains(base));
        Self {
            setter: first(&SETTERS),
            asks: first(&ASKS),
            builder: first(&["docker", "podman", "buildah"]),
            is_told,
        }
    }
}

fn is_before(mark: Option<usize>, at: usize) -> bool {
    mark.is_some_and(|mark| mark < at)
}

/// Looks at word number `at` of `command`.
pub(super) fn find(line: &str, command: &Command, at: usize, asking: &Asking, found: &mut Found) {
    let word = &command[at];
    flag(line, command, at, asking, found);
    assigned_next(line, command, at, asking, found);
    spelled(line, command, at, asking, found);
    if let Some(printed) = piped::asked_by_command(line, command, at) {
        found.add_value(line, printed, "printed");
    }
    let raw = &line[word.clone()];
    // The value of an alias is a line, whatever its name is.
    if raw.contains('=') && !(at == 1 && words::base(line, &command[0]) == "alias") {
        pairs(line, word, found);
    }
    if raw.contains(':') {
        header(line, command, at, found);
        urls(line, word, found);
        json(line, word, found);
        pgpass(line, word, found);
    }
}

/// `--password value`, `-token value`. With `=` it is a pair.
fn flag(line: &str, command: &Command, at: usize, asking: &Asking, found: &mut Found) {
    let text = words::text(line, &command[at]);
    let Some(name) = text
        .strip_prefix("--")
        .or_else(|| text.strip_prefix('-').filter(|name| name.len() > 3 || *name == "pw"))
    else {
        return;
    };
    let Some(value) = command.get(at + 1) else { return };
    let is_flag = line[value.clone()].starts_with('-');
    if is_flag || !name.bytes().all(is_name_byte) || names::is_switch(name) {
        return;
    }
    if !names::is_secret(name) {
        let random = || values::looks_random(words::text(line, value));
        let pin = || matches!(name, "pin" | "so-pin") && words::text(line, value).len() >= 4;
        let sure = matches!(name, "pw" | "pwd")
            || text == "--plaintext"
            || pin()
            || name == "value" && names_a_secret(line, command, at);
        if sure || names::may_be_secret(name) && random() {
            found.add_value(line, value.clone(), "flag");
        } else if is_credentials(name) {
            programs::behind(line, value.clone(), ':', found);
        } else if matches!(name, "user" | "username" | "proxy-user" | "userpass") {
            user_and_secret(line, value.clone(), found);
        }
        return;
    }
    // Of openssl, which says where the password is: `-pass pass:…`, `-pass env:…`.
    if name == "pass" && words::text(line, value).starts_with("pass:") {
        return;
    }
    let counts = is_count(name, words::text(line, value));
    // `--secret=db-password` names one that lies elsewhere.
    let names_it = is_before(asking.builder, at) || is_before(asking.setter, at);
    let elsewhere = name == "secret" && (names_it || is_reference(words::text(line, value)));
    if is_before(asking.asks, at) || counts || elsewhere {
        return;
    }
    found.add_value(line, value.clone(), "flag");
}

/// Whether a flag of this name takes `user:SECRET`: `--proxy-auth`, `--src-creds`.
fn is_credentials(name: &str) -> bool {
    matches!(name.rsplit('-').next(), Some("auth" | "cred" | "creds" | "credentials" | "basic"))
}

/// `ali:SECRET` where a user alone, or with his group, could stand.
fn user_and_secret(line: &str, value: Range<usize>, found: &mut Found) {
    let text = words::text(line, &value);
    if text.split_once(':').is_some_and(|(_, secret)| values::looks_generated(secret)) {
        programs::behind(line, value, ':', found);
    }
}

/// Words in small letters, the last of which is what secrets are called.
fn is_reference(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_lowercase() || b"-_/".contains(&byte)) && names::is_secret(value)
}

/// `--max-token 512`, `--pass 2`: a number of tokens, or of the turn.
fn is_count(name: &str, value: &str) -> bool {
    let digits = value.len();
    (1..8).contains(&digits)
        && value.bytes().all(|byte| byte.is_ascii_digit())
        && (name.to_ascii_lowercase().contains("token") || name.eq_ignore_ascii_case("pass") && digits < 3)
}

/// `--name /prod/db/password --type SecureString --value …`: the secret's name is elsewhere in the command.
fn names_a_secret(line: &str, command: &Command, at: usize) -> bool {
    let near = at.saturating_sub(NEAR)..command.len().min(at + NEAR);
    command[near].iter().any(|word| {
        let text = words::text(line, word);
        !text.starts_with('-')
            && (text == "SecureString" || names::is_secret(text.rsplit(['/', ':']).next().unwrap_or(text)))
    })
}

/// `password: value` and `password = value` as words of their own (a here-document), and `authtoken value`.
fn spelled(line: &str, command: &Command, at: usize, asking: &Asking, found: &mut Found) {
    let text = words::text(line, &command[at]);
    if let Some(name) = text.strip_prefix('$') {
        return variable(line, command, at, name, found);
    }
    if text.starts_with('-') || text.contains(['=', ' ', '$']) {
        return;
    }
    // SQL in a here-document.
    let quoted = |at: usize| command.get(at).is_some_and(|word| line[word.clone()].starts_with('\''));
    let before = || &command[at.saturating_sub(NEAR)..at];
    let identified = || before().iter().any(|word| line[word.clone()].eq_ignore_ascii_case("identified"));
    let in_sql = quoted(at + 1)
        && (text.eq_ignore_ascii_case("password") || text.eq_ignore_ascii_case("by") && identified());
    if in_sql || names::sets_secret(text) && !asking.is_told {
        if let Some(value) = command.get(at + 1).filter(|value| !line[(*value).clone()].starts_with('-')) {
            found.add_value(line, value.clone(), "assignment");
        }
        return;
    }
    let (name, next) = match text.strip_suffix(':') {
        Some(name) => (name, at + 1),
        None => match command.get(at + 1).map(|word| &line[word.clone()]) {
            Some("=" | ":" | ":=") if is_first(line, command, at) => (text, at + 2),
            Some("is" | "was" | "=" | ":" | "->" | "→") if line[command[0].clone()].starts_with('#') => {
                (text, at + 2)
            }
            _ => (text, at + 1),
        },
    };
    let Some(value) = command.get(next) else { return };
    let value_text = words::text(line, value);
    let marked = next > at + 1 || name.len() < text.len();
    // A line of a netrc or of a server's settings that says nothing else.
    let is_line = || {
        command.len() == 2
            && is_first(line, command, at)
            && matches!(name, "password" | "requirepass" | "masterauth")
            && values::looks_chosen(value_text)
    };
    let like_one = if marked || is_line() {
        values::looks_chosen(value_text) || is_first(line, command, at)
    } else {
        is_told(line, command, at, value_text)
    };
    if like_one && !line[value.clone()].starts_with('-') && names::is_secret(name.trim_matches(['"', '\''])) {
        found.add_value(line, value.clone(), "assignment");
    }
}

/// `$token = "…"` of PowerShell, Perl and PHP, `$env:TOKEN = "…"`. What has no quotes is a command that gives it.
fn variable(line: &str, command: &Command, at: usize, name: &str, found: &mut Found) {
    let name = name.trim_matches(['{', '}']);
    let name = name.rsplit(':').next().unwrap_or(name);
    let is_assigned = command.get(at + 1).is_some_and(|word| &line[word.clone()] == "=");
    if let Some(value) = command.get(at + 2).filter(|_| is_assigned && is_first(line, command, at))
        && line[value.clone()].starts_with(['"', '\''])
        && (names::is_secret(name) || is_short(name))
    {
        found.add_value(line, value.clone(), "assignment");
    }
}

/// Elsewhere these are directories and modes; before a string in code they are not.
fn is_short(name: &str) -> bool {
    matches!(name, "pw" | "pwd" | "psw")
}

/// `PIN=4711`, `CARD_PIN=…`, `--puk=…`: four digits or more. Fewer are the pin of a board.
fn is_pin(name: &str, value: &str) -> bool {
    let last = name.rsplit(['_', '-', '.']).next().unwrap_or(name).to_ascii_lowercase();
    matches!(last.as_str(), "pin" | "puk" | "cvv" | "cvc" | "pincode" | "pinkodu" | "otp" | "passcode")
        && (4..=12).contains(&value.len())
        && value.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether what follows a secret's name without a mark is one: by its look, and in a comment as a person writes it. Who
/// looks at a secret or removes it gives its name.
fn is_told(line: &str, command: &Command, at: usize, value: &str) -> bool {
    const VERBS: [&str; 14] = [
        "get", "describe", "delete", "rm", "show", "inspect", "list", "ls", "edit", "read", "lookup",
        "revoke", "view", "remove",
    ];
    let before = at.checked_sub(1).map_or("", |before| words::text(line, &command[before]));
    if values::looks_random(value) {
        return true;
    }
    let is_comment = line[command[0].clone()].starts_with('#') || &line[command[0].clone()] == ":";
    !VERBS.contains(&before)
        && if is_comment { values::looks_told(value) } else { values::looks_generated(value) }
}

/// Whether the word begins its line: of a here-document, as far as one line is a command.
fn is_first(line: &str, command: &Command, at: usize) -> bool {
    at == 0 || at == 1 && &line[command[0].clone()] == "-"
}

/// `set -gx TOKEN value`, `setenv TOKEN value`, `git config github.token value`, `npm config set …:_authToken value`.
fn assigned_next(line: &str, command: &Command, at: usize, asking: &Asking, found: &mut Found) {
    let Some(value) = command.get(at + 1).filter(|_| is_before(asking.setter, at)) else { return };
    let text = words::text(line, &command[at]);
    let name = text.rsplit([':', '/']).next().unwrap_or(text);
    if !text.starts_with('-')
        && !text.ends_with(':')
        && names::is_secret(name)
        && !line[value.clone()].starts_with('-')
    {
        found.add_value(line, value.clone(), "assignment");
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.') || byte >= 0x80
}

/// What is known of a word whose pairs are looked at, found once: a word may be long.
struct Around {
    /// Its quotes taken off.
    inside: words::Value,
    is_address: bool,
    /// Where the next letter stands that ends a value without quotes.
    next_stop: usize,
}

/// Every `NAME=value` in a word: assignments, `--flag=value`, form data, connection strings, query strings.
fn pairs(line: &str, word: &Word, found: &mut Found) {
    let bytes = line.as_bytes();
    let mut from = word.start;
    let mut around = Around {
        inside: words::unquoted(line, word.clone()),
        is_address: line[word.clone()].contains("://"),
        next_stop: word.start,
    };
    while let Some(equals) = line[from..word.end].find('=').map(|at| from + at) {
        from = equals + 1;
        let start =
            (word.start..equals).rev().take_while(|at| is_name_byte(bytes[*at])).last().unwrap_or(equals);
        // Connection strings have names of two words: `Account Key=`.
        let name = line[start..equals].trim_start_matches('-');
        let java = name.strip_prefix('D').filter(|_| start < equals && bytes[start] == b'-').unwrap_or(name);
        let in_query =
            start > word.start && (bytes[start - 1] == b'?' || bytes[start - 1] == b'&' && around.is_address);
        let signature = in_query
            && (name.eq_ignore_ascii_case("sig") || name.to_ascii_lowercase().ends_with("signature"));
        // In a form or a connection string it is no directory.
        let joined = start > word.start && matches!(bytes[start - 1], b'&' | b'?' | b';');
        let short = joined && ["pw", "pwd", "psw"].iter().any(|pwd| name.eq_ignore_ascii_case(pwd));
        let is_authorization = name.eq_ignore_ascii_case("authorization");
        let flag = start >= word.start + 2 && line[word.start..start].starts_with("--");
        let flag = flag || line[start..equals].starts_with("--");
        let value_start = line[equals + 1..word.end].trim_start_matches(['"', '\'']);
        let short = short
            || flag && is_short(name) && !value_start.starts_with(['/', '.', '~', '$'])
            || is_pin(name, value_start.trim_end_matches(['"', '\'']));
        let sure = is_authorization || names::is_secret(name) || names::is_secret(java) || signature || short;
        if is_credentials(name) && line[start..equals].starts_with("--") {
            programs::behind(line, value_of_pair(line, &mut around, start, equals + 1), ':', found);
        }
        if !sure && !names::may_be_secret(name) {
            continue;
        }
        let mut value = value_of_pair(line, &mut around, start, equals + 1);
        if is_authorization {
            value = without_scheme(line, value);
        }
        let text = words::text(line, &value);
        let symbol = bytes.get(value.start).is_some_and(|byte| matches!(byte, b'=' | b'~' | b'>'));
        let elsewhere = name == "secret" && is_reference(text);
        if symbol
            || elsewhere
            || is_count(name, text)
            || is_pattern(text)
            || !sure && !values::looks_random(text)
        {
            continue;
        }
        let rule = match (line[start..equals].starts_with("--"), in_query) {
            (true, _) => "flag",
            (_, true) => "url-query",
            _ => "assignment",
        };
        from = from.max(value.end);
        add_literal_aware(line, &around, value, rule, found);
    }
}

/// `.*`, `\S+`, `/{print`: somebody searches for secrets, which is not one.
fn is_pattern(text: &str) -> bool {
    !text.bytes().any(|byte| byte.is_ascii_alphanumeric() || byte >= 0x80 || byte == b'$')
        || [".*", ".+", "\\S", "\\w", "[^", "(.", "/{"].iter().any(|start| text.starts_with(start))
}

/// A value inside a word in single quotes has no variables either.
fn add_literal_aware(
    line: &str,
    around: &Around,
    value: Range<usize>,
    rule: &'static str,
    found: &mut Found,
) {
    let inner = words::unquoted(line, value);
    // In jq's language a `$` is a variable's, too.
    let literal = (inner.literal || (around.inside.literal && !line[inner.at.clone()].contains("${")))
        && !line[around.inside.at.clone()].starts_with('.');
    if !values::is_no_secret(&line[inner.at.clone()], literal) {
        found.add(inner.at, rule);
    }
}

fn value_of_pair(line: &str, around: &mut Around, name: usize, start: usize) -> Range<usize> {
    let bytes = line.as_bytes();
    let end = around.inside.at.end;
    // The pair is the whole word: `TOKEN=…`, `-e"TOKEN=a b"`.
    if name == around.inside.at.start && !line[start..end].contains(['&', ';']) {
        return start..next_of_list(line, start, end);
    }
    if let Some(quote @ (b'"' | b'\'')) = bytes.get(start).filter(|_| start < end) {
        let close = line[start + 1..end].find(char::from(*quote)).map_or(end, |at| start + 2 + at);
        return start..close;
    }
    if around.next_stop < start || around.next_stop > end {
        let stops = [' ', '\t', '\n', '&', ';', ',', '"', '\'', '`', '|', '\\'];
        around.next_stop = line[start..end].find(stops).map_or(end, |at| start + at);
    }
    start..around.next_stop.max(start)
}

/// Where the value ends in `a=b,c=d`.
fn next_of_list(line: &str, start: usize, end: usize) -> usize {
    let text = &line[start..end];
    let next = text.match_indices(',').map(|(at, _)| at).find(|at| {
        let behind = &text.as_bytes()[at + 1..];
        let name = behind.iter().take_while(|byte| byte.is_ascii_lowercase()).count();
        name > 0 && behind.get(name) == Some(&b'=')
    });
    next.map_or(end, |at| start + at)
}

/// `Authorization: Bearer …` as a word of its own.
fn header(line: &str, command: &Command, at: usize, found: &mut Found) {
    let word = words::unquoted(line, command[at].clone());
    let text = &line[word.at.clone()];
    let (attached, text) = match text.strip_prefix("--header=").or_else(|| text.strip_prefix("-H")) {
        Some(rest) => (true, rest.trim_start_matches(['"', '\'', ' '])),
        None => match text.split_once('=') {
            // `-c http.extraHeader="Name: value"`.
            Some((key, header)) if key.to_ascii_lowercase().ends_with("header") => {
                (true, header.trim_start_matches(['"', '\'']))
            }
            _ => (false, text),
        },
    };
    let Some((name, value)) = text.split_once(':') else { return };
    let name = name.trim();
    if name.is_empty()
        || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    {
        return;
    }
    let lower = name.to_ascii_lowercase();
    let known = matches!(lower.as_str(), "authorization" | "proxy-authorization" | "cookie" | "set-cookie");
    let carried = attached
        || lower.starts_with("x-")
        || at > 0 && matches!(words::text(line, &command[at - 1]), "-H" | "--header" | "--proxy-header");
    let likely = || carried && names::may_be_secret(name) && values::looks_random(value.trim());
    if !(known || carried && names::is_secret(name) || likely()) {
        return;
    }
    let mut secret = value.trim_start_matches([' ', '\\', '\t']).trim_end_matches(['"', '\'']);
    // The scheme stays: `Bearer`, `Basic`, `Token token=`.
    if let Some((scheme, rest)) = secret.split_once([' ', '\\'])
        && scheme.bytes().all(|byte| byte.is_ascii_alphabetic())
        && lower.ends_with("authorization")
    {
        secret = rest.trim_start_matches([' ', '\\']);
    }
    if !values::is_no_secret(secret, word.literal) && !is_scheme(secret) {
        let start = secret.as_ptr() as usize - line.as_ptr() as usize;
        found.add(start..start + secret.len(), "header");
    }
}

/// Of `"Bearer x"` the `x`.
fn without_scheme(line: &str, value: Range<usize>) -> Range<usize> {
    let inside = words::unquoted(line, value.clone()).at;
    match line[inside.clone()].split_once(' ') {
        Some((scheme, secret)) if is_scheme(scheme) => inside.end - secret.len()..inside.end,
        _ => value,
    }
}

/// How something is to be shown, and nothing yet.
fn is_scheme(text: &str) -> bool {
    ["Bearer", "Basic", "Digest", "Token", "Negotiate", "OAuth", "ApiKey"]
        .iter()
        .any(|scheme| text.eq_ignore_ascii_case(scheme))
}

/// `scheme://user:secret@host`, `scheme://secret@host` where it looks like a token.
fn urls(line: &str, word: &Word, found: &mut Found) {
    let bytes = line.as_bytes();
    let mut from = word.start;
    while let Some(start) = line[from..word.end].find("://").map(|at| from + at + 3) {
        from = start;
        let stops = ['/', '?', '#', ' ', '"', '\'', '\n', '\t', '|'];
        let end = line[start..word.end].find(stops).map_or(word.end, |at| start + at);
        let Some(at_sign) = line[start..end].rfind('@').map(|at| start + at) else { continue };
        if let Some(secret) = line[start..at_sign].find(':').map(|at| start + at + 1) {
            if !values::is_no_secret(&line[secret..at_sign], false) {
                found.add(secret..at_sign, "url");
            }
            continue;
        }
        let alone = &bytes[start..at_sign];
        let digits = alone.iter().filter(|byte| byte.is_ascii_digit()).count();
        if alone.len() >= 20 && digits >= 2 && !alone.contains(&b'$') {
            found.add(start..at_sign, "url");
        }
    }
}

/// `"password": "value"` in a body, escaped or not.
fn json(line: &str, word: &Word, found: &mut Found) {
    let mut from = word.start;
    while let Some(colon) = line[from..word.end].find(':').map(|at| from + at) {
        from = colon + 1;
        let before = line[word.start..colon].trim_end();
        // In code a name needs no quotes, where the value has some.
        let is_code = || line[word.clone()].starts_with(['"', '\'']) && !before.ends_with(['.', '/']);
        let (name, is_bare) = match before.strip_suffix(['"', '\'']) {
            Some(name) => (name.strip_suffix('\\').unwrap_or(name), false),
            None if is_code() => (before, true),
            None => continue,
        };
        let name = name
            .rsplit(|letter: char| !(letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.')))
            .next()
            .unwrap_or("");
        let header = name.eq_ignore_ascii_case("authorization");
        if !header && !names::is_secret(name) && !is_short(name) {
            continue;
        }
        let rest = line[colon + 1..word.end].trim_start();
        let value = rest.strip_prefix("\\\"").or_else(|| rest.strip_prefix(['"', '\'']));
        let Some(value) = value else { continue };
        let mut start = word.end - value.len();
        let end = start + end_of_string(value, rest);
        if let Some(scheme) = line[start..end].find(' ').filter(|_| header) {
            start += scheme + 1;
        }
        // A prompt ends behind its colon: `getpass('Password: ')`.
        let is_prompt = is_bare && (end == word.end || line[start..end].contains(['(', ')', ';']));
        if !is_prompt && !values::is_no_secret(&line[start..end], false) {
            found.add(start..end, "json");
        }
        from = end.max(from);
    }
}

/// Where a JSON string ends that `opened` opens: its quotes may carry a backslash for the shell.
fn end_of_string(text: &str, opened: &str) -> usize {
    if opened.starts_with('\\') {
        return text.find("\\\"").unwrap_or(text.len());
    }
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            byte if opened.as_bytes().first() == Some(&byte) => return at,
            _ => {}
        }
    }
    text.len()
}

/// `host:5432:database:user:SECRET`.
fn pgpass(line: &str, word: &Word, found: &mut Found) {
    let text = words::unquoted(line, word.clone()).at;
    let fields: Vec<&str> = line[text.clone()].splitn(6, ':').collect();
    let [_, port, _, _, secret] = fields[..] else { return };
    let is_port =
        port == "*" || (2..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit());
    if is_port && secret.chars().any(char::is_alphabetic) && fields.iter().all(|field| !field.is_empty()) {
        found.add_value(line, text.end - secret.len()..text.end, "assignment");
    }
}

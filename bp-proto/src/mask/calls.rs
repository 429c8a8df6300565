//! Secrets in code that is given on the line or written into a file: `auth=('ali', '…')`, `s.login("ali", "…")`,
//! `'password' => '…'`.

use std::ops::Range;

use super::{Found, names, values};

/// The arguments of a call end no further behind its bracket, so that a long line is read once.
const REACH: usize = 512;

/// Which argument of a call is the secret.
enum Which {
    Nth(usize),
    /// The last one.
    Last,
    /// These, where they look as if somebody had made them up: functions of other meanings are called so as well.
    Told(&'static [usize]),
}
use Which::{Last, Nth, Told};

/// What a function is called, in small letters. A qualified name is known by its end.
const CALLS: [(&str, Which); 54] = [
    ("b64encode", Nth(0)),
    ("btoa", Nth(0)),
    ("httpbasicauth", Nth(1)),
    ("httpdigestauth", Nth(1)),
    ("basicauth", Nth(1)),
    ("basic_auth", Nth(1)),
    ("digestauth", Nth(1)),
    ("digest_auth", Nth(1)),
    ("setbasicauth", Nth(1)),
    ("basicauthentication", Nth(1)),
    ("passwordauthentication", Nth(1)),
    ("networkcredential", Nth(1)),
    ("pscredential", Nth(1)),
    ("networkcredential]::new", Nth(1)),
    ("pscredential]::new", Nth(1)),
    ("plaincredentials", Nth(1)),
    ("login", Nth(1)),
    ("authenticate", Nth(1)),
    ("login_user", Nth(1)),
    ("pdo", Nth(2)),
    ("mysqli", Nth(2)),
    ("mysqli_connect", Nth(2)),
    ("mysql_connect", Nth(2)),
    ("ftp", Nth(2)),
    ("ftp_tls", Nth(2)),
    ("ftp_login", Nth(2)),
    ("getconnection", Nth(2)),
    ("create_user", Nth(2)),
    ("create_superuser", Nth(2)),
    ("connect", Told(&[1, 2])),
    ("set_password", Last),
    ("setpassword", Last),
    ("update_password", Last),
    ("username_pw_set", Last),
    ("password_hash", Nth(0)),
    ("hashpw", Nth(0)),
    ("hash_password", Nth(0)),
    ("generate_password_hash", Nth(0)),
    ("make_password", Nth(0)),
    ("hashsync", Nth(0)),
    ("crypt", Nth(0)),
    ("fernet", Nth(0)),
    ("hmac.new", Nth(0)),
    ("createhmac", Nth(1)),
    ("bcrypt", Nth(0)),
    ("auth", Nth(1)),
    ("sha1", Told(&[0])),
    ("sha256", Told(&[0])),
    ("sha512", Told(&[0])),
    ("md5", Told(&[0])),
    ("update", Told(&[0])),
    ("hash", Told(&[0])),
    ("sign", Told(&[1])),
    ("encode", Told(&[1])),
];

/// Names before a pair in brackets: `auth=('ali', '…')`.
const PAIRS: [&str; 6] = ["auth", "http_auth", "basic_auth", "credentials", "creds", "proxy_auth"];

/// Looks through all of `line`: code stands in quotes, in here-documents, or between brackets.
pub(super) fn find(line: &str, found: &mut Found) {
    for (open, _) in line.match_indices(['(', '[']) {
        let name = called(line, open);
        let which = if line.as_bytes()[open] == b'(' {
            CALLS.iter().find(|(known, _)| is_called(name, known)).map(|(_, which)| which)
        } else {
            None
        };
        let which = match which {
            None if is_pair(line, open) => &Nth(1),
            Some(which) => which,
            None => continue,
        };
        let arguments = arguments(line, open + 1);
        let chosen: Vec<usize> = match which {
            Nth(nth) => vec![*nth],
            Last => arguments.len().checked_sub(1).into_iter().collect(),
            Told(several) => several.to_vec(),
        };
        for argument in chosen.into_iter().filter_map(|nth| arguments.get(nth)) {
            let Some(value) = literal(line, argument.clone()) else { continue };
            let text = &line[value.clone()];
            if !values::is_no_secret(text, false) && (!matches!(which, Told(_)) || values::looks_told(text)) {
                found.add(value, "code");
            }
        }
    }
    named(line, found);
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The name before the bracket at `open`, with what it is of.
fn called(line: &str, open: usize) -> &str {
    let bytes = &line.as_bytes()[..open];
    let length =
        bytes.iter().rev().take(64).take_while(|byte| is_name(**byte) || b".:]".contains(*byte)).count();
    &line[open - length..open]
}

fn is_called(name: &str, known: &str) -> bool {
    let Some(start) = name.len().checked_sub(known.len()) else { return false };
    name[start..].eq_ignore_ascii_case(known) && (start == 0 || b".:]".contains(&name.as_bytes()[start - 1]))
}

/// Whether the bracket at `open` holds a user and a secret: `auth = (`, `auth: [`.
fn is_pair(line: &str, open: usize) -> bool {
    let before = line[..open].trim_end_matches(' ');
    let Some(before) = before.strip_suffix(['=', ':']) else { return false };
    let before = before.trim_end_matches([' ', '"', '\'']);
    PAIRS.contains(&called(before, before.len()))
}

/// The arguments from `start` to the closing bracket, at most four.
fn arguments(line: &str, start: usize) -> Vec<Range<usize>> {
    const MOST: usize = 4;
    let end = line.floor_char_boundary(start + REACH);
    let (mut arguments, mut from, mut depth, mut quote) = (Vec::new(), start, 0_usize, None);
    for (at, byte) in line.bytes().enumerate().take(end).skip(start) {
        if let Some(opened) = quote {
            quote = (byte != opened).then_some(opened);
            continue;
        }
        match byte {
            b'"' | b'\'' => quote = Some(byte),
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' if depth == 0 => {
                arguments.push(from..at);
                return arguments;
            }
            b')' | b']' | b'}' => depth -= 1,
            b',' if depth == 0 => {
                arguments.push(from..at);
                from = at + 1;
            }
            _ => {}
        }
        if arguments.len() == MOST {
            break;
        }
    }
    arguments
}

/// What stands between the quotes of an argument that is nothing but a string: `'x'`, `b"x"`, `\"x\"`.
fn literal(line: &str, argument: Range<usize>) -> Option<Range<usize>> {
    let text = line[argument].trim();
    let text = match text.split_once(['=', ':']) {
        // `password='x'`, by its name.
        Some((name, value)) if name.trim_end().bytes().all(is_name) => value.trim_start(),
        _ => text,
    };
    let text = text.trim_start_matches(['b', 'r', 'u', 'B', 'R']);
    let text = text.strip_prefix('\\').unwrap_or(text);
    let quote = text.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let inside = text[1..].strip_suffix(quote)?;
    let inside = inside.strip_suffix('\\').unwrap_or(inside);
    let start = inside.as_ptr() as usize - line.as_ptr() as usize;
    (!inside.contains(quote)).then(|| start..start + inside.len())
}

/// A name in quotes, and behind a comma, an arrow or a bracket the value in quotes: `'password' => 'x'`,
/// `environ["TOKEN"] = "x"`, `setenv('TOKEN', 'x')`.
fn named(line: &str, found: &mut Found) {
    let bytes = line.as_bytes();
    for (close, quote) in line.match_indices(['"', '\'']) {
        let behind =
            line[close + 1..line.floor_char_boundary(close + 16)].trim_start_matches([']', ' ', ')']);
        let escape = usize::from(close > 0 && bytes[close - 1] == b'\\');
        let listed = behind.starts_with(',');
        let Some(value) = ["=>", "=", ","].iter().find_map(|mark| behind.strip_prefix(mark)) else {
            continue;
        };
        let value = value.trim_start_matches(' ');
        let opened = value.strip_prefix('\\').unwrap_or(value);
        if !opened.starts_with(quote) {
            continue;
        }
        let name = close - escape;
        let length =
            bytes[..name].iter().rev().take(64).take_while(|byte| is_name(**byte) || **byte == b'-').count();
        if !names::is_secret(&line[name - length..name]) {
            continue;
        }
        let start = opened.as_ptr() as usize - line.as_ptr() as usize + 1;
        let rest = &line[start..line.floor_char_boundary(start + REACH)];
        let Some(end) = rest.find(quote) else { continue };
        let text = rest[..end].trim_end_matches('\\');
        if !values::is_no_secret(text, false) && (!listed || values::looks_chosen(text)) {
            found.add(start..start + text.len(), "code");
        }
    }
}

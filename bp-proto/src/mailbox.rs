//! Mailbox records: what a shell's hook appends to its own file, and `bpctl event` sends over the socket.
//!
//! A record is a NUL, a tag (`1S`: version 1, start), a NUL, then a fixed number of NUL-terminated fields. No byte
//! but NUL has a meaning, so text needs no escaping. Between two whole records stand two NULs: the end of the last
//! field and the start of the next record. A short write is found by that and by the fields' own form, and the
//! reader goes on at the next `NUL tag NUL`. More NULs than these in front of a record mean nothing: bpd puts them over
//! what is recorded, so that nothing typed stays in the file.
//!
//! | tag | fields |
//! |---|---|
//! | `1S` | shell, stamp, how, cwd, times, text |
//! | `1E` | shell, stamp, exit, end, times |
//! | `1T` | shell, stamp, how, text |
//! | `1K` | shell, times, text |
//! | `2K` | shell, times, stamp, text |
//! | `1N` | shell, stamp |
//!
//! - `shell`: who writes, the same in each record of a shell: `name version boot-id start-ticks actor parent`,
//!   separated by spaces; what is unknown is `-`. `start-ticks` is field 22 of `/proc/PID/stat`; `parent` is `$BP_RUN`.
//! - `stamp`: microseconds since 1970 when the line was read: with the shell it names the run. A shell without such a
//!   clock writes the seconds of `/proc/uptime` behind a `u` (`u81.27`), with a `+` more for each line of the same
//!   hundredth (`u81.27+`), or behind a `U` and bpd counts them, which wants each record told once; or a number of its
//!   own that grows, behind a `~` (`~17`), and bpd takes the time of arrival.
//! - `how`: `t` the text follows, as `history 1` or `fc -ln` print it; `x` the text follows, exactly; `r` the same
//!   text as the last that this shell sent; `h` hidden, no text; `m` no text because the shell kept only part of it.
//!   `h` with `+` as its text: the shell does not know yet whether it keeps the line; a `1T` record follows. A bpd that
//!   does not know `1T` reads it as a hidden line.
//!   In upper case (`T`, `X`, `R`, `H`, `M`) the same, told only when the line had ended: `times` are not those of its
//!   start. `k` is written by bpd alone over a start that it has recorded: the text follows, masked.
//! - `times`: what the builtin `times` printed, any locale; empty where there is none.
//! - `exit`: `$?`, decimal; `-` or `-0` where the shell does not know it (fish, of a suspended line).
//! - `end`: microseconds since 1970 at the prompt; or, behind a `+`, the milliseconds that it took by the shell's own
//!   account (`+1500`); empty = bpd takes the time of arrival.
//! - `1T` gives the text of an earlier start of the same shell, named by its `stamp`; `how` is that of `1S`, `h` when the
//!   shell did not keep the line.
//! - `1K` is written by bpd alone, over records that it has recorded: the `times` of the shell's last end, and the text
//!   that `r` would repeat, masked. `2K`: with the stamp of its last line, where that is an uptime, to go on counting.
//! - `1N`: the line `stamp` has opened a prompt of its own (PowerShell's nested prompts): the lines that start from now on
//!   run inside it, and do not end it.

mod stamp;

pub use stamp::Stamp;

/// Versions and types that this program knows.
const KINDS: [(&[u8], usize); 6] = [(b"1S", 6), (b"1E", 5), (b"1T", 4), (b"1K", 3), (b"2K", 4), (b"1N", 2)];

/// The text field of a hidden start whose text will follow in a `1T` record.
const WILL_FOLLOW: &[u8] = b"+";

/// A record larger than this is refused: no honest line comes near it.
pub const MAX_RECORD_BYTES: usize = 1 << 20;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    Start(StartRecord),
    End(EndRecord),
    Text(TextRecord),
    Kept(KeptRecord),
    Nested(NestedRecord),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartRecord {
    pub shell: Shell,
    pub stamp: Stamp,
    pub text: Text,
    /// Bytes as the shell has them.
    pub cwd: Vec<u8>,
    pub times: Option<Times>,
    /// Told only when the line had ended, and `times` with it.
    pub late: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndRecord {
    pub shell: Shell,
    pub stamp: Stamp,
    /// `None` where the shell does not know it.
    pub exit_code: Option<i32>,
    /// Microseconds since 1970.
    pub end_us: Option<u64>,
    /// By the shell's own account, milliseconds.
    pub took_ms: Option<u64>,
    pub times: Option<Times>,
}

/// A line that has opened a prompt of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NestedRecord {
    pub shell: Shell,
    pub stamp: Stamp,
}

/// The text of a line that began earlier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextRecord {
    pub shell: Shell,
    /// Of the start that this text belongs to.
    pub stamp: Stamp,
    /// Never [`Text::Pending`].
    pub text: Text,
}

/// What bpd leaves of records that it has recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptRecord {
    pub shell: Shell,
    /// Of the last end.
    pub times: Option<Times>,
    /// Of the last line, if that is an uptime.
    pub stamp: Option<Stamp>,
    /// What [`Text::Repeat`] means, masked.
    pub text: Option<Vec<u8>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Shell {
    pub name: String,
    pub version: String,
    pub boot_id: Option<String>,
    pub start_ticks: Option<u64>,
    pub actor: Option<String>,
    pub parent: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// Number and blanks of `history` are stripped already.
    Typed(Vec<u8>),
    Repeat,
    Hidden,
    Partial,
    /// The shell does not know yet whether it keeps the line: a [`TextRecord`] follows.
    Pending,
    /// Masked by bpd, which has recorded this start.
    Kept(Vec<u8>),
}

/// CPU time of the shell itself and of its children that it has waited for, nanoseconds, since the shell began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    pub shell_user_ns: u64,
    pub shell_system_ns: u64,
    pub children_user_ns: u64,
    pub children_system_ns: u64,
}

/// What a piece of mailbox gave.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Taken {
    pub records: Vec<Record>,
    /// Bytes used up; the rest is the beginning of a record that has not arrived whole.
    pub used: usize,
    /// Records of a version or type that this program does not know, skipped.
    pub unknown: u64,
    /// Places where bytes had to be skipped: short writes, or not a mailbox at all.
    pub damaged: u64,
}

/// Takes every whole record from the front of `bytes`.
pub fn take(bytes: &[u8]) -> Taken {
    let mut taken = Taken::default();
    while taken.used < bytes.len() {
        // The last NUL of many may begin a record.
        taken.used += nuls(&bytes[taken.used..]).saturating_sub(1);
        let rest = &bytes[taken.used..];
        match one(rest) {
            One::Whole(record, length) => {
                taken.records.push(*record);
                taken.used += length;
            }
            One::Short if rest.len() <= MAX_RECORD_BYTES => break,
            One::Unknown(length) => {
                taken.unknown += 1;
                taken.used += length;
            }
            One::Short | One::Damaged => {
                taken.damaged += 1;
                match next_start(rest) {
                    Some(skip) => taken.used += skip,
                    None => {
                        // The last bytes may be the beginning of a record's head.
                        taken.used += rest.len().saturating_sub(HEAD_BYTES).max(1);
                    }
                }
            }
        }
    }
    taken
}

fn nuls(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| **byte == 0).count()
}

impl StartRecord {
    /// As [`take`] reads it. Never longer than a shell writes it, the text aside.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (how, text) = match &self.text {
            Text::Typed(text) => (b'x', &text[..]),
            Text::Repeat => (b'r', &[][..]),
            Text::Hidden => (b'h', &[][..]),
            Text::Partial => (b'm', &[][..]),
            Text::Pending => (b'h', WILL_FOLLOW),
            Text::Kept(text) => (b'k', &text[..]),
        };
        let how = if self.late { how.to_ascii_uppercase() } else { how };
        let stamp = self.stamp.to_field();
        let (shell, times) = (self.shell.to_field(), times_field(self.times));
        record(b"1S", &[shell.as_bytes(), stamp.as_bytes(), &[how], &self.cwd, times.as_bytes(), text])
    }
}

impl KeptRecord {
    /// As [`take`] reads it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (shell, times) = (self.shell.to_field(), times_field(self.times));
        let (shell, times) = (shell.as_bytes(), times.as_bytes());
        let text = self.text.as_deref().unwrap_or_default();
        match self.stamp {
            None => record(b"1K", &[shell, times, text]),
            Some(stamp) => record(b"2K", &[shell, times, stamp.to_field().as_bytes(), text]),
        }
    }
}

impl Shell {
    fn to_field(&self) -> String {
        let or_none = |word: &Option<String>| word.clone().unwrap_or_else(|| "-".to_owned());
        let version = if self.version.is_empty() { "-" } else { &self.version };
        let ticks = self.start_ticks.map_or_else(|| "-".to_owned(), |ticks| ticks.to_string());
        let (boot, actor, parent) = (or_none(&self.boot_id), or_none(&self.actor), or_none(&self.parent));
        format!("{} {version} {boot} {ticks} {actor} {parent}", self.name)
    }
}

fn record(tag: &[u8], fields: &[&[u8]]) -> Vec<u8> {
    let mut bytes = [b"\0", tag, b"\0"].concat();
    for field in fields {
        bytes.extend_from_slice(field);
        bytes.push(0);
    }
    bytes
}

fn times_field(times: Option<Times>) -> String {
    let Some(times) = times else { return String::new() };
    let all = [times.shell_user_ns, times.shell_system_ns, times.children_user_ns, times.children_system_ns];
    let words = all.map(|ns| {
        let fraction = format!("{:09}", ns % 1_000_000_000);
        let fraction = fraction.trim_end_matches('0');
        format!("{}.{}s", ns / 1_000_000_000, if fraction.is_empty() { "0" } else { fraction })
    });
    words.join(" ")
}

/// NUL, tag of two characters, NUL.
const HEAD_BYTES: usize = 4;

enum One {
    Whole(Box<Record>, usize),
    Short,
    Unknown(usize),
    Damaged,
}

fn one(bytes: &[u8]) -> One {
    if bytes[0] != 0 {
        return One::Damaged;
    }
    let Some(tag_end) = bytes[1..].iter().take(8).position(|byte| *byte == 0) else {
        return if bytes.len() > 8 { One::Damaged } else { One::Short };
    };
    let tag = &bytes[1..=tag_end];
    let Some((_, count)) = KINDS.iter().find(|(known, _)| *known == tag) else {
        // Another version's record: its number of fields is unknown, so it ends where the next record starts.
        if !looks_like_tag(tag) {
            return One::Damaged;
        }
        return next_start(bytes).map_or(One::Short, One::Unknown);
    };
    let mut fields = [&bytes[..0]; 6];
    let mut at = tag_end + 2;
    for field in &mut fields[..*count] {
        let Some(length) = bytes[at..].iter().position(|byte| *byte == 0) else {
            return if short_write_inside(bytes) { One::Damaged } else { One::Short };
        };
        *field = &bytes[at..at + length];
        at += length + 1;
    }
    if bytes.get(at).is_some_and(|byte| *byte != 0) || at > MAX_RECORD_BYTES {
        return One::Damaged;
    }
    let record = match tag {
        b"1S" => start(&fields).map(Record::Start),
        b"1E" => end(&fields).map(Record::End),
        b"1T" => late_text(&fields).map(Record::Text),
        b"1K" => kept(&fields, None).map(Record::Kept),
        b"1N" => shell(fields[0])
            .zip(Stamp::of_field(fields[1]))
            .map(|(shell, stamp)| Record::Nested(NestedRecord { shell, stamp })),
        _ => Stamp::of_field(fields[2])
            .and_then(|last| kept(&[fields[0], fields[1], fields[3], b"", b"", b""], Some(last)))
            .map(Record::Kept),
    };
    record.map_or(One::Damaged, |record| One::Whole(Box::new(record), at))
}

/// A record that looks unfinished but holds the start of another was cut short by a failed write.
fn short_write_inside(bytes: &[u8]) -> bool {
    next_start(bytes).is_some()
}

/// Where the next known record starts, after the first byte.
fn next_start(bytes: &[u8]) -> Option<usize> {
    (1..bytes.len().saturating_sub(HEAD_BYTES - 1)).find(|at| {
        bytes[*at] == 0 && bytes[at + 3] == 0 && KINDS.iter().any(|(tag, _)| *tag == &bytes[at + 1..at + 3])
    })
}

fn looks_like_tag(tag: &[u8]) -> bool {
    tag.len() >= 2
        && tag[..tag.len() - 1].iter().all(u8::is_ascii_digit)
        && tag.last().is_some_and(u8::is_ascii_uppercase)
}

fn start(fields: &[&[u8]; 6]) -> Option<StartRecord> {
    let &[how] = fields[2] else { return None };
    let text = text_of(how, fields[5])?;
    Some(StartRecord {
        shell: shell(fields[0])?,
        stamp: Stamp::of_field(fields[1])?,
        text,
        cwd: fields[3].to_vec(),
        times: times(fields[4]),
        late: how.is_ascii_uppercase(),
    })
}

fn text_of(how: u8, text: &[u8]) -> Option<Text> {
    Some(match (how.to_ascii_lowercase(), text) {
        (b't', text) => Text::Typed(strip_history_number(text).to_vec()),
        (b'x', text) => Text::Typed(text.to_vec()),
        (b'r', _) => Text::Repeat,
        (b'h', WILL_FOLLOW) => Text::Pending,
        (b'h', _) => Text::Hidden,
        (b'm', _) => Text::Partial,
        (b'k', text) => Text::Kept(text.to_vec()),
        _ => return None,
    })
}

fn late_text(fields: &[&[u8]; 6]) -> Option<TextRecord> {
    let &[how] = fields[2] else { return None };
    let text = match text_of(how, fields[3])? {
        Text::Pending => Text::Hidden,
        text => text,
    };
    Some(TextRecord { shell: shell(fields[0])?, stamp: Stamp::of_field(fields[1])?, text })
}

fn kept(fields: &[&[u8]; 6], stamp: Option<Stamp>) -> Option<KeptRecord> {
    Some(KeptRecord {
        shell: shell(fields[0])?,
        times: times(fields[1]),
        stamp,
        text: (!fields[2].is_empty()).then(|| fields[2].to_vec()),
    })
}

fn end(fields: &[&[u8]; 6]) -> Option<EndRecord> {
    let (end, took) = match fields[3].strip_prefix(b"+") {
        Some(took) => (&[][..], took),
        None => (fields[3], &[][..]),
    };
    Some(EndRecord {
        shell: shell(fields[0])?,
        stamp: Stamp::of_field(fields[1])?,
        exit_code: match fields[2] {
            // fish writes the second, which an older bpd reads as 0.
            b"-" | b"-0" => None,
            code => Some(str::from_utf8(code).ok()?.parse().ok()?),
        },
        end_us: if end.is_empty() { None } else { Some(number(end)?) },
        took_ms: if took.is_empty() { None } else { Some(number(took)?) },
        times: times(fields[4]),
    })
}

fn shell(field: &[u8]) -> Option<Shell> {
    let mut words = str::from_utf8(field).ok()?.split(' ').map(|word| (word != "-").then(|| word.to_owned()));
    let shell = Shell {
        name: words.next()??,
        version: words.next()?.unwrap_or_default(),
        boot_id: words.next()?,
        start_ticks: words.next()?.and_then(|ticks| ticks.parse().ok()),
        actor: words.next()?,
        parent: words.next()?,
    };
    words.next().is_none().then_some(shell)
}

fn number(field: &[u8]) -> Option<u64> {
    str::from_utf8(field).ok()?.parse().ok()
}

/// `history 1` prints blanks, the line's number, perhaps a `*`, two blanks, the text and a newline; `fc -ln`, which stands
/// in where a date cannot be switched off, a tab, a blank or `*`, the text and a newline.
fn strip_history_number(text: &[u8]) -> &[u8] {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    if let [b'\t', b' ' | b'*', text @ ..] = text {
        return text;
    }
    let blanks = text.iter().take_while(|byte| **byte == b' ').count();
    let digits = text[blanks..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 {
        return text;
    }
    let rest = &text[blanks + digits..];
    // An edited entry carries a `*` in place of the first of the two blanks.
    match rest {
        [b' ' | b'*', b' ', text @ ..] => text,
        _ => rest,
    }
}

/// Reads `0m0.004s 0m0,010s` twice: shell user and system, children user and system. zsh writes `0.01s` without
/// minutes from 5.9 on and a label-free pair of lines as bash does.
fn times(field: &[u8]) -> Option<Times> {
    let text = str::from_utf8(field).ok()?;
    let mut figures = text.split_ascii_whitespace().map(nanoseconds);
    let times = Times {
        shell_user_ns: figures.next()??,
        shell_system_ns: figures.next()??,
        children_user_ns: figures.next()??,
        children_system_ns: figures.next()??,
    };
    figures.next().is_none().then_some(times)
}

/// `1m2.345s`, a comma for the point in some locales, one to nine digits of fraction.
fn nanoseconds(word: &str) -> Option<u64> {
    let word = word.strip_suffix('s').unwrap_or(word);
    let (minutes, seconds) = match word.split_once('m') {
        Some((minutes, seconds)) => (minutes.parse::<u64>().ok()?, seconds),
        None => (0, word),
    };
    let (whole, fraction) = seconds.split_once(['.', ',']).unwrap_or((seconds, "0"));
    if fraction.is_empty() || fraction.len() > 9 {
        return None;
    }
    let scale = 10_u64.pow(9 - fraction.len() as u32);
    let fraction = fraction.parse::<u64>().ok()?.checked_mul(scale)?;
    minutes
        .checked_mul(60)?
        .checked_add(whole.parse().ok()?)?
        .checked_mul(1_000_000_000)?
        .checked_add(fraction)
}

#[cfg(test)]
mod tests;

//! Errors in the reader's language, cause after cause. What bpd refuses and what the system says come as they are.

use std::error::Error;
use std::fmt;

use bp_proto::Failure;
use bp_proto::client::ClientError;
use bp_proto::label::{LabelError, MAX_NOTE_BYTES, MAX_TAG_BYTES, MAX_TAGS};
use bp_proto::place::{MAX_SOCKET_PATH_BYTES, PlaceError};
use bp_proto::spool::{MAX_SPOOLED_RUNS, SpoolError};

use super::words::{Lang, Word, fill};

type Cause = Box<dyn Error + Send + Sync>;

/// A sentence of our own that went wrong.
#[derive(Debug)]
pub struct Said {
    word: Word,
    values: Vec<String>,
    source: Option<Cause>,
}

impl Said {
    pub fn new(word: Word, values: &[&str]) -> Self {
        Self { word, values: values.iter().map(|value| (*value).to_owned()).collect(), source: None }
    }

    pub fn label(wrong: &LabelError) -> Self {
        match wrong {
            LabelError::TooManyTags => Self::new(Word::TooManyTags, &[&MAX_TAGS.to_string()]),
            LabelError::NoTag(tag) => {
                Self::new(Word::NoTag, &[&format!("{tag:?}"), &MAX_TAG_BYTES.to_string()])
            }
            LabelError::NoNote => Self::new(Word::NoNote, &[&MAX_NOTE_BYTES.to_string()]),
        }
    }

    pub fn text(&self, lang: Lang) -> String {
        let values: Vec<&str> = self.values.iter().map(String::as_str).collect();
        fill(self.word.text(lang), &values)
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Lang::En))
    }
}

impl Error for Said {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// Says what an error, or the lack of something, means.
pub trait OrSay<T> {
    fn or_say(self, word: Word, values: &[&str]) -> Result<T, Said>;
}

impl<T, E: Into<Cause>> OrSay<T> for Result<T, E> {
    fn or_say(self, word: Word, values: &[&str]) -> Result<T, Said> {
        self.map_err(|error| Said { source: Some(error.into()), ..Said::new(word, values) })
    }
}

impl<T> OrSay<T> for Option<T> {
    fn or_say(self, word: Word, values: &[&str]) -> Result<T, Said> {
        self.ok_or_else(|| Said::new(word, values))
    }
}

/// The error and its causes in one line.
pub fn sentence(error: &anyhow::Error, lang: Lang) -> String {
    error.chain().map(|cause| one(cause, lang)).collect::<Vec<_>>().join(": ")
}

fn one(error: &(dyn Error + 'static), lang: Lang) -> String {
    let say = |word: Word, values: &[&str]| fill(word.text(lang), values);
    if let Some(said) = error.downcast_ref::<Said>() {
        return said.text(lang);
    }
    if let Some(error) = error.downcast_ref::<PlaceError>() {
        return place(error, lang);
    }
    match error.downcast_ref::<SpoolError>() {
        Some(SpoolError::Place(error)) => return place(error, lang),
        Some(SpoolError::Io { path, .. }) => return say(Word::CannotUse, &[&path.display().to_string()]),
        Some(SpoolError::Full { path }) => {
            return say(Word::SpoolFull, &[&MAX_SPOOLED_RUNS.to_string(), &path.display().to_string()]);
        }
        None => {}
    }
    match error.downcast_ref::<ClientError>() {
        Some(ClientError::Unreachable { socket, .. }) => say(Word::BpdAway, &[&socket.display().to_string()]),
        Some(ClientError::Silent { socket }) => say(Word::BpdSilent, &[&socket.display().to_string()]),
        Some(ClientError::Broken(_)) => say(Word::BpdBroke, &[]),
        Some(ClientError::Answer(_)) => say(Word::BpdUnclear, &[]),
        Some(ClientError::Refused(failure)) => refused(failure, lang),
        Some(ClientError::Frame(_)) | None => error.to_string(),
    }
}

/// What bpd says of a question it says in the language that it was asked in; of its own state only in English, with a
/// code. Codes of a newer bpd come as they are.
fn refused(failure: &Failure, lang: Lang) -> String {
    let word = match failure.error.code.as_str() {
        _ if lang == Lang::En => None,
        "run_already_finished" => Some(Word::RefusedFinished),
        "store_unwritable" => Some(Word::RefusedUnwritable),
        "disk_full" => Some(Word::RefusedDiskFull),
        "stopping" => Some(Word::RefusedStopping),
        "busy" => Some(Word::RefusedBusy),
        "timeout" => Some(Word::RefusedTimeout),
        "internal" => Some(Word::RefusedInternal),
        "malformed_request" => Some(Word::RefusedMalformed),
        "not_permitted" => Some(Word::RefusedNotYours),
        _ => None,
    };
    word.map_or_else(|| failure.error.message.clone(), |word| word.text(lang).to_owned())
}

fn place(error: &PlaceError, lang: Lang) -> String {
    let say = |word: Word, values: &[&str]| fill(word.text(lang), values);
    match error {
        PlaceError::NoHome => say(Word::NoHome, &[]),
        PlaceError::SocketPathTooLong { path, length } => say(
            Word::SocketPathTooLong,
            &[&path.display().to_string(), &length.to_string(), &MAX_SOCKET_PATH_BYTES.to_string()],
        ),
        PlaceError::RelativeHome(path) => say(Word::RelativeHome, &[path]),
        PlaceError::NotOurs { path, why } => {
            say(Word::NotOurs, &[&path.display().to_string(), &reason(why, lang)])
        }
        PlaceError::Io { path, .. } => say(Word::CannotUse, &[&path.display().to_string()]),
    }
}

/// What bp-proto found wrong with a directory.
fn reason(why: &str, lang: Lang) -> String {
    let word = match why {
        "not a directory" => Word::NotADirectory,
        "it belongs to another user" => Word::AnotherUsers,
        _ => Word::OthersMayEnter,
    };
    word.text(lang).to_owned()
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn check(error: impl Into<anyhow::Error>, en: &str, tr: &str) {
        let error = error.into();
        assert_eq!(sentence(&error, Lang::En), en);
        assert_eq!(sentence(&error, Lang::Tr), tr);
    }

    #[test]
    fn an_error_is_said_in_the_language_with_its_cause_behind() {
        let missing = || io::Error::new(io::ErrorKind::NotFound, "gone");
        check(
            ClientError::Unreachable { socket: "/s".into(), source: missing() },
            "bpd does not answer at /s; start it with `bpctl daemon start`: gone",
            "bpd /s adresinde yanıt vermiyor; başlatmak için: `bpctl daemon start`: gone",
        );
        check(
            PlaceError::NotOurs { path: "/d".into(), why: "not a directory" },
            "/d is not a directory of this user alone: not a directory; remove it or mend it",
            "/d yalnız bu kullanıcıya ait bir dizin değil: dizin değil; silin ya da düzeltin",
        );
        let said: Result<(), _> = Err(missing()).or_say(Word::CannotRead, &["/f"]);
        check(said.unwrap_err(), "cannot read /f: gone", "/f okunamıyor: gone");
    }

    #[test]
    fn what_bpd_says_of_its_own_state_is_translated_by_its_code_and_an_unknown_code_keeps_its_words() {
        let refused = |code: &str, message: &str| ClientError::Refused(Failure::new(code, message));
        check(
            refused("disk_full", "no room"),
            "no room",
            "disk dolu; yer açılana dek hiçbir şey kaydedilmez",
        );
        check(refused("brand_new", "something new"), "something new", "something new");
    }

    /// Their own words are the log's and the scripts'; what is translated here must not drift from them.
    #[test]
    fn what_bp_proto_says_in_english_is_what_we_say_in_english() {
        let io = || io::Error::new(io::ErrorKind::NotFound, "gone");
        for error in [
            PlaceError::NoHome,
            PlaceError::SocketPathTooLong { path: "/x".into(), length: 200 },
            PlaceError::RelativeHome("x".to_owned()),
            PlaceError::NotOurs { path: "/d".into(), why: "it belongs to another user" },
            PlaceError::NotOurs { path: "/d".into(), why: "others may enter it (chmod 700)" },
            PlaceError::Io { path: "/d".into(), source: io() },
        ] {
            assert_eq!(place(&error, Lang::En), error.to_string());
        }
        for error in [
            ClientError::Unreachable { socket: "/s".into(), source: io() },
            ClientError::Silent { socket: "/s".into() },
            ClientError::Broken(io()),
            ClientError::Answer(serde_json::from_str::<u8>("x").unwrap_err()),
        ] {
            assert_eq!(one(&error, Lang::En), error.to_string());
        }
    }
}

//! What a person writes on a run: tags and a note. How much of it there may be is said here alone, for every door.

use thiserror::Error;

use crate::event::Draft;
use crate::request::Edit;

pub const MAX_TAGS: usize = 32;
pub const MAX_TAG_BYTES: usize = 64;
pub const MAX_NOTE_BYTES: usize = 4096;

#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum LabelError {
    #[error("a run has at most {MAX_TAGS} tags")]
    TooManyTags,
    /// Holds the beginning of it.
    #[error("{0:?} is no tag: one word of at most {MAX_TAG_BYTES} bytes, no @ , {{ }} ~ \"")]
    NoTag(String),
    #[error("a note has at most {MAX_NOTE_BYTES} bytes, and no NUL")]
    NoNote,
}

impl LabelError {
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooManyTags => "too_many_tags",
            Self::NoTag(_) => "invalid_tag",
            Self::NoNote => "invalid_note",
        }
    }
}

impl Draft {
    pub fn check_labels(&self) -> Result<(), LabelError> {
        check_tags(&self.tags)?;
        self.note.as_deref().map_or(Ok(()), check_note)
    }
}

impl Edit {
    pub fn check_labels(&self) -> Result<(), LabelError> {
        check_tags(self.tags.as_deref().unwrap_or_default())?;
        self.note.as_deref().map_or(Ok(()), check_note)
    }
}

pub fn check_tags(tags: &[String]) -> Result<(), LabelError> {
    if tags.len() > MAX_TAGS {
        return Err(LabelError::TooManyTags);
    }
    match tags.iter().find(|tag| !is_tag(tag)) {
        None => Ok(()),
        Some(tag) => Err(LabelError::NoTag(tag.chars().take(MAX_TAG_BYTES).collect())),
    }
}

/// `@TAG` names a run, `tag:TAG` searches for it: what would end such a word cannot be in it.
fn is_tag(tag: &str) -> bool {
    let ends_word = |letter: char| {
        letter.is_whitespace() || letter.is_control() || matches!(letter, '@' | ',' | '{' | '}' | '~' | '"')
    };
    !tag.is_empty() && tag.len() <= MAX_TAG_BYTES && !tag.contains(ends_word)
}

pub fn check_note(note: &str) -> Result<(), LabelError> {
    if note.len() > MAX_NOTE_BYTES || note.contains('\0') { Err(LabelError::NoNote) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_one_word_that_a_selector_can_name() {
        for (tag, fine) in [
            ("release", true),
            ("v1.2-ğ", true),
            (&"x".repeat(MAX_TAG_BYTES), true),
            (&"x".repeat(MAX_TAG_BYTES + 1), false),
            ("", false),
            ("a b", false),
            ("@x", false),
            ("a\nb", false),
            ("a,b", false),
        ] {
            assert_eq!(check_tags(&[tag.to_owned()]).is_ok(), fine, "{tag:?}");
        }
    }

    #[test]
    fn the_limits_hold_for_what_begins_and_for_what_is_changed() {
        let tags = |count: usize| vec!["x".to_owned(); count];
        let note = |bytes: usize| Some("n".repeat(bytes));
        for (tags, note, outcome) in [
            (tags(MAX_TAGS), note(MAX_NOTE_BYTES), Ok(())),
            (tags(MAX_TAGS + 1), None, Err(LabelError::TooManyTags)),
            (tags(0), note(MAX_NOTE_BYTES + 1), Err(LabelError::NoNote)),
            (tags(0), Some("a\0b".to_owned()), Err(LabelError::NoNote)),
        ] {
            let draft = Draft { tags: tags.clone(), note: note.clone(), ..Draft::default() };
            assert_eq!(draft.check_labels(), outcome);
            assert_eq!(Edit { tags: Some(tags), note }.check_labels(), outcome);
        }
        assert_eq!(Edit::default().check_labels(), Ok(()));
    }
}

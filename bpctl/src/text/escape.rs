//! Stored text is a stranger's: what would move the cursor, colour the screen or turn the line around is made visible.

use std::borrow::Cow;
use std::fmt::Write as _;

/// C0, DEL and C1 controls, and the characters that reorder or hide text. No tab and no newline either: callers that
/// want lines split them first.
fn is_treacherous(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// One line that shows what `text` holds: `\n`, `\t`, `\e`, `\x07`, `\u{202e}`.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_treacherous) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        let written = match letter {
            '\n' => shown.write_str("\\n"),
            '\r' => shown.write_str("\\r"),
            '\t' => shown.write_str("\\t"),
            '\u{1b}' => shown.write_str("\\e"),
            _ if !is_treacherous(letter) => shown.write_char(letter),
            _ if u32::from(letter) < 0x100 => write!(shown, "\\x{:02x}", u32::from(letter)),
            _ => write!(shown, "\\u{{{:x}}}", u32::from(letter)),
        };
        // A String takes everything.
        debug_assert!(written.is_ok());
    }
    Cow::Owned(shown)
}

/// The same JSON document in letters that no terminal obeys: `\u202e`. Outside of strings there are none to replace.
pub fn visible_json(document: &str) -> Cow<'_, str> {
    let is_obeyed = |letter: char| is_treacherous(letter) && !letter.is_ascii_whitespace();
    if !document.contains(is_obeyed) {
        return Cow::Borrowed(document);
    }
    let mut shown = String::with_capacity(document.len() + 16);
    for letter in document.chars() {
        if !is_obeyed(letter) {
            shown.push(letter);
            continue;
        }
        for unit in letter.encode_utf16(&mut [0; 2]) {
            // A String takes everything.
            let written = write!(shown, "\\u{unit:04x}");
            debug_assert!(written.is_ok());
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_json_document_says_the_same_without_what_a_terminal_obeys() {
        let all: String = (0..0x3000).chain(0xe_0000..0xe_0080).filter_map(char::from_u32).collect();
        let document = serde_json::to_string_pretty(&[&all]).unwrap();
        let shown = visible_json(&document);
        assert!(!shown.contains(|letter| is_treacherous(letter) && letter != '\n'));
        assert_eq!(serde_json::from_str::<[String; 1]>(&shown).unwrap()[0], all);
        assert!(matches!(visible_json("{\"a\": 1}\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn controls_are_shown_and_all_else_stays() {
        for (text, shown) in [
            ("make -j2", "make -j2"),
            ("çğıöşü ⚙ 你好", "çğıöşü ⚙ 你好"),
            ("a\nb\tc\r", "a\\nb\\tc\\r"),
            ("\x1b[31mred\x1b[0m", "\\e[31mred\\e[0m"),
            ("\x1b]0;title\x07", "\\e]0;title\\x07"),
            ("a\0\x7f", "a\\x00\\x7f"),
            ("\u{9b}31m", "\\x9b31m"),
            ("user\u{202e}txt.exe", "user\\u{202e}txt.exe"),
            ("a\u{200b}b\u{2066}c\u{feff}", "a\\u{200b}b\\u{2066}c\\u{feff}"),
        ] {
            assert_eq!(visible(text), shown);
        }
    }

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        let all: String = (0..0x3000).filter_map(char::from_u32).collect();
        assert!(!visible(&all).contains(char::is_control));
    }
}

//! The search language, as far as both sides must agree on it: bpd reads it, `bpctl list --help` explains it.

/// The fields that a `field:value` term may name; bpd refuses every other.
pub const FIELDS: [&str; 22] = [
    "cmd", "exit", "state", "dur", "cpu", "mem", "since", "until", "on", "cwd", "project", "branch",
    "commit", "git", "tag", "actor", "shell", "host", "session", "imported", "id", "key",
];

/// A text as searches compare it: small letters, and one letter for the Turkish `i`, `ı`, `İ` and `I`, so that
/// `istanbul` finds `İSTANBUL`, whatever the keyboard.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    // The small letter of `İ` is `i` with a combining dot.
    let small = text.chars().flat_map(char::to_lowercase).filter(|c| *c != '\u{307}');
    small.map(|c| if c == 'ı' { 'i' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn turkish_letters_are_one_in_every_case() {
        for text in ["istanbul ısı", "İSTANBUL ISI", "Istanbul Isı", "i\u{307}stanbul ISI"] {
            assert_eq!(fold(text), "istanbul isi", "{text}");
        }
        assert_eq!(fold("ÇÖZÜLEMEDİ ŞĞ"), fold("çözülemedi şğ"));
        assert_ne!(fold("ş"), fold("s"));
    }
}

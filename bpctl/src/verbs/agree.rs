//! What a person says at the terminal; without one nobody can be asked.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use super::Usage;
use crate::screen::Screen;
use crate::text::words::Word;

/// Asks, and reads one line of answer. Anything but a yes is a no.
///
/// # Errors
/// Standard input is no terminal: [`Usage`], which names `--yes`.
pub(super) fn asked(screen: &Screen, question: Word) -> anyhow::Result<bool> {
    asked_text(screen, screen.word(question))
}

/// The same with a question that holds values.
///
/// # Errors
/// As [`asked`].
pub(super) fn asked_text(screen: &Screen, question: &str) -> anyhow::Result<bool> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return Err(Usage(screen.word(Word::SetupNobodyToAsk).to_owned()).into());
    }
    let mut stderr = io::stderr();
    write!(stderr, "{question} ")?;
    stderr.flush()?;
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer)?;
    let answer = answer.trim().to_lowercase();
    Ok(["y", "yes", "e", "evet"].contains(&answer.as_str()))
}

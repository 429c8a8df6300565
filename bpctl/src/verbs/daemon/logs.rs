//! `bpctl daemon logs`: the newest lines, over the files that the log was rotated into.

use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use bp_proto::place::Places;
use bp_proto::private_file::Open;

use crate::text::said::{OrSay as _, Said};
use crate::text::words::Word;
use crate::verbs::Exit;

/// Enough for thousands of lines.
const MAX_TAIL_BYTES: u64 = 1 << 20;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How many lines
    #[arg(short = 'n', default_value_t = 50)]
    lines: usize,
}

pub(super) fn run(places: &Places, args: &Args) -> anyhow::Result<Exit> {
    let path = places.log();
    let mut text = match tail(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Said::new(Word::NoLog, &[&path.display().to_string()]).into());
        }
        Err(error) => return Ok(Err(error).or_say(Word::CannotRead, &[&path.display().to_string()])?),
    };
    if newest(&text, args.lines).len() == text.len() {
        // The log may just have been rotated.
        let older = tail(&path.with_added_extension("1")).unwrap_or_default();
        text.insert_str(0, &older);
    }
    io::stdout().write_all(newest(&text, args.lines).as_bytes())?;
    Ok(Exit::Fine)
}

fn tail(path: &Path) -> io::Result<String> {
    let mut file = Open::to_read().open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(MAX_TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(MAX_TAIL_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The last `lines` lines of `text`.
fn newest(text: &str, lines: usize) -> &str {
    let body = text.strip_suffix('\n').unwrap_or(text);
    if lines == 0 {
        return "";
    }
    body.rmatch_indices('\n').nth(lines - 1).map_or(text, |(at, _)| &text[at + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_lines_are_the_last() {
        assert_eq!(newest("a\nb\nc\n", 2), "b\nc\n");
        assert_eq!(newest("a\nb\nc\n", 3), "a\nb\nc\n");
        assert_eq!(newest("a\n", 9), "a\n");
        assert_eq!(newest("", 1), "");
        assert_eq!(newest("a\n", 0), "");
    }
}
